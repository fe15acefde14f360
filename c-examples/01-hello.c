/* The shortest whole use: load a guest, call it with bytes, print the bytes it answers. */
#include <hostel.h>
#include <stdio.h>

int main(void) {
  hostel_engine *engine;
  hostel_module *module;
  hostel_guest *guest;
  hostel_buffer output;
  hostel_error *error;
  if (hostel_engine_new(NULL, &engine, &error) ||
      hostel_module_load_file(engine, NULL, HOSTEL_GUESTS "/cguest.wasm", NULL, &module, &error) ||
      hostel_guest_new(module, NULL, NULL, &guest, &error) ||
      hostel_guest_call(guest, "upper", (const uint8_t *)"hello, hostel", 13, NULL, &output, &error))
    return fprintf(stderr, "%s\n", hostel_error_message(error)), 1;
  printf("%.*s\n", (int)output.len, (const char *)output.data);
  hostel_buffer_free(&output);
  hostel_guest_free(guest);
  hostel_module_free(module);
  hostel_engine_free(engine);
}
