/* A guest that calls its host: a function with data of yours, and the two ways in which it can fail. */
#include <hostel.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* What the function works with. The library passes the pointer on and never looks behind it. */
struct greeter {
  const char *greeting;
  int calls;
  bool released;
};

/* The guest gives bytes, and gets bytes or a failure. Everything handed to the library here is copied. */
static hostel_status greet(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  struct greeter *greeter = user_data;
  greeter->calls++;

  /* Fail and return OK: the guest is told, goes on, and may make the best of it. */
  if (input_len == 0) {
    hostel_caller_fail(caller, "nobody to greet", NULL, 0);
    return HOSTEL_STATUS_OK;
  }
  /* Fail and return HOST_ERROR: the guest's call ends here and now. */
  if (input_len == 5 && memcmp(input, "enemy", 5) == 0) {
    hostel_caller_fail(caller, "we do not greet enemies", (const uint8_t *)"alarm", 5);
    return HOSTEL_STATUS_HOST_ERROR;
  }
  char text[64];
  int len =
      snprintf(text, sizeof text, "%s, %.*s!", greeter->greeting, (int)(input_len < 32 ? input_len : 32), (const char *)input);
  return hostel_caller_return(caller, (const uint8_t *)text, (size_t)len);
}

/* The finalizer: called once, when no guest can call greet() any more. Here one would free(). */
static void release(void *user_data) { ((struct greeter *)user_data)->released = true; }

static bool same(const uint8_t *bytes, size_t len, const char *text) {
  return len == strlen(text) && memcmp(bytes, text, len) == 0;
}

/* Calls the guest, and compares the output, or the error's payload, with what is expected. */
static bool expect(const hostel_guest *guest, const char *input, hostel_status status, const char *text) {
  hostel_buffer output;
  hostel_error *error;
  bool as_expected;
  if (hostel_guest_call(guest, "call_host", (const uint8_t *)input, strlen(input), NULL, &output, &error) == HOSTEL_STATUS_OK) {
    printf("\"%s\": %.*s\n", input, (int)output.len, (const char *)output.data);
    as_expected = status == HOSTEL_STATUS_OK && same(output.data, output.len, text);
  } else {
    size_t len;
    const uint8_t *payload = hostel_error_payload(error, &len);
    printf("\"%s\": %s: %s\n", input, hostel_status_name(hostel_error_status(error)), hostel_error_message(error));
    as_expected = status == hostel_error_status(error) && same(payload, len, text);
  }
  hostel_buffer_free(&output);
  hostel_error_free(error);
  return as_expected;
}

int main(void) {
  struct greeter greeter = {"Good evening", 0, false};
  hostel_engine *engine = NULL;
  hostel_module *module = NULL;
  hostel_imports *imports = NULL;
  hostel_guest *guest = NULL;
  hostel_error *error = NULL;
  bool ok = false;
  if (hostel_engine_new(NULL, &engine, &error) ||
      hostel_module_load_file(engine, NULL, HOSTEL_GUESTS "/hosted.wasm", NULL, &module, &error) ||
      hostel_imports_new(&imports, &error) ||
      hostel_imports_define(imports, "host", "answer", greet, &greeter, release, &error) ||
      hostel_guest_new(module, imports, NULL, &guest, &error))
    fprintf(stderr, "%s: %s\n", hostel_status_name(hostel_error_status(error)), hostel_error_message(error));
  else
    ok = expect(guest, "Ada", HOSTEL_STATUS_OK, "Good evening, Ada!") &&
         /* This guest answers a failure of its host with one of its own. */
         expect(guest, "", HOSTEL_STATUS_GUEST_ERROR, "host: nobody to greet") &&
         expect(guest, "enemy", HOSTEL_STATUS_HOST_ERROR, "alarm");
  hostel_error_free(error);
  hostel_module_free(module);
  hostel_engine_free(engine);
  hostel_imports_free(imports);
  ok = ok && !greeter.released; /* the guest can still call */
  hostel_guest_free(guest);
  ok = ok && greeter.released && greeter.calls == 3;
  puts(ok ? "The function was called three times and released once." : "This is not what was expected.");
  return ok ? 0 : 1;
}
