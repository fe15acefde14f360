/* Two ways to call: a guest starts as new in every call; an instance of it remembers. */
#include <hostel.h>
#include <stdbool.h>
#include <stdio.h>

/* The guest counts how often it was asked, and answers with a 64-bit number in little-endian order. */
static uint64_t number(hostel_buffer output) {
  uint64_t value = 0;
  for (size_t i = output.len; i > 0; i--)
    value = value << 8 | output.data[i - 1];
  return value;
}

/* Asks `instance`, or the guest itself if that is NULL. 0 when the call fails: no guest counts so far. */
static uint64_t count(const hostel_guest *guest, hostel_instance *instance) {
  hostel_buffer output;
  hostel_error *error;
  hostel_status status = instance != NULL ? hostel_instance_call(instance, "counter", NULL, 0, NULL, &output, &error)
                                          : hostel_guest_call(guest, "counter", NULL, 0, NULL, &output, &error);
  if (status != HOSTEL_STATUS_OK)
    fprintf(stderr, "%s: %s\n", hostel_status_name(status), hostel_error_message(error));
  uint64_t counted = number(output); /* empty on failure */
  hostel_buffer_free(&output);
  hostel_error_free(error);
  return counted;
}

int main(void) {
  hostel_engine *engine = NULL;
  hostel_module *module = NULL;
  hostel_guest *guest = NULL;
  hostel_instance *instance = NULL;
  hostel_error *error = NULL;
  bool ok = true;
  if (hostel_engine_new(NULL, &engine, &error) ||
      hostel_module_load_file(engine, NULL, HOSTEL_GUESTS "/echo.wasm", NULL, &module, &error) ||
      hostel_guest_new(module, NULL, NULL, &guest, &error) || hostel_instance_new(guest, NULL, &instance, &error)) {
    fprintf(stderr, "%s: %s\n", hostel_status_name(hostel_error_status(error)), hostel_error_message(error));
    ok = false;
  }
  for (uint64_t call = 1; ok && call <= 3; call++) {
    uint64_t fresh = count(guest, NULL), kept = count(guest, instance);
    printf("call %d: a fresh guest counts %d, the instance %d\n", (int)call, (int)fresh, (int)kept);
    ok = fresh == 1 && kept == call;
  }
  hostel_error_free(error);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
  hostel_module_free(module);
  hostel_engine_free(engine);
  return ok ? 0 : 1;
}
