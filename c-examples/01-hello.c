/* The shortest whole use: load a guest, call it with bytes, print the bytes it answers. */
#include <hostel.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "cguest.wasm";
  const char *text = "hello, hostel";
  hostel_engine *engine = NULL;
  hostel_module *module = NULL;
  hostel_guest *guest = NULL;
  hostel_buffer output = {NULL, 0};
  hostel_error *error = NULL;
  if (hostel_engine_new(NULL, &engine, &error) == HOSTEL_STATUS_OK &&
      hostel_module_load_file(engine, NULL, path, NULL, &module, &error) == HOSTEL_STATUS_OK &&
      hostel_guest_new(module, NULL, NULL, &guest, &error) == HOSTEL_STATUS_OK &&
      hostel_guest_call(guest, "upper", (const uint8_t *)text, strlen(text), NULL, &output, &error) == HOSTEL_STATUS_OK)
    printf("%.*s\n", (int)output.len, (const char *)output.data);
  else
    fprintf(stderr, "%s: %s\n", hostel_status_name(hostel_error_status(error)), hostel_error_message(error));
  int failed = error != NULL;
  hostel_error_free(error);
  hostel_buffer_free(&output);
  hostel_guest_free(guest);
  hostel_module_free(module);
  hostel_engine_free(engine);
  return failed;
}
