/* Everything that an error tells: status, message, payload, trap and backtrace. No failure of a guest harms the host. */
#include <hostel.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void show(const hostel_error *error) {
  size_t payload_len;
  const uint8_t *payload = hostel_error_payload(error, &payload_len);
  printf("status     %s\n", hostel_status_name(hostel_error_status(error)));
  printf("message    %s\n", hostel_error_message(error));
  if (payload_len > 0) /* any bytes; of this guest we know that they are text */
    printf("payload    %.*s\n", (int)payload_len, (const char *)payload);
  if (hostel_error_trap(error) != HOSTEL_TRAP_NONE) /* a number to switch on */
    printf("trap       %d\n%s", (int)hostel_error_trap(error), hostel_error_backtrace(error));
}

/* Calls a function that fails; true when it fails with that status, trap and payload. */
static bool fails(const hostel_guest *guest, const char *function, hostel_status status, hostel_trap trap, const char *payload) {
  const char *input = "no such room";
  hostel_buffer output;
  hostel_error *error;
  printf("\n%s\n", function);
  hostel_status got = hostel_guest_call(guest, function, (const uint8_t *)input, strlen(input), NULL, &output, &error);
  show(error);
  size_t len;
  const uint8_t *bytes = hostel_error_payload(error, &len);
  bool as_expected = got == status && hostel_error_status(error) == status && hostel_error_trap(error) == trap &&
                     len == strlen(payload) && (len == 0 || memcmp(bytes, payload, len) == 0);
  hostel_buffer_free(&output); /* empty after a failure: nothing to free, and no harm done */
  hostel_error_free(error);
  return as_expected;
}

int main(void) {
  hostel_engine *engine = NULL;
  hostel_module *module = NULL;
  hostel_guest *guest = NULL;
  hostel_error *error = NULL;
  bool ok = false;
  if (hostel_engine_new(NULL, &engine, &error) ||
      hostel_module_load_file(engine, NULL, HOSTEL_GUESTS "/echo.wasm", NULL, &module, &error) ||
      hostel_guest_new(module, NULL, NULL, &guest, &error))
    show(error);
  else
    ok = fails(guest, "panic", HOSTEL_STATUS_TRAP, HOSTEL_TRAP_UNREACHABLE, "") &&
         fails(guest, "fail", HOSTEL_STATUS_GUEST_ERROR, HOSTEL_TRAP_NONE, "no such room") && /* the guest said no */
         fails(guest, "missing", HOSTEL_STATUS_NO_SUCH_FUNCTION, HOSTEL_TRAP_NONE, "");
  hostel_error_free(error);
  hostel_guest_free(guest);
  hostel_module_free(module);
  hostel_engine_free(engine);
  return ok ? 0 : 1;
}
