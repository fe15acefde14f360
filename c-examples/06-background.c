/* A program that goes on while a guest is compiled: begin, look in now and then, and call it when it is there. */
#define _POSIX_C_SOURCE 200809L
#include <hostel.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static unsigned char *read_file(const char *path, size_t *len_out) {
  FILE *file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0)
    return NULL;
  *len_out = (size_t)ftell(file);
  rewind(file);
  unsigned char *bytes = malloc(*len_out + 1);
  if (bytes != NULL)
    *len_out = fread(bytes, 1, *len_out, file);
  fclose(file);
  return bytes;
}

/* The program's own work: here, a short rest. */
static void do_something_else(void) { nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL); }

int main(void) {
  static const uint8_t text[] = "# Welcome\n\nThe room is *ready*.\n";
  size_t len = 0;
  unsigned char *wasm = read_file(HOSTEL_GUESTS "/markdown.wasm", &len);
  hostel_engine *engine = NULL;
  hostel_load *load = NULL;
  hostel_module *module = NULL;
  hostel_guest *guest = NULL;
  hostel_buffer html = {NULL, 0};
  hostel_error *error = NULL;
  /* A function could be told when all is done; this program polls instead. */
  bool begun = wasm != NULL && !hostel_engine_new(NULL, &engine, &error) &&
               !hostel_module_load_begin(engine, NULL, wasm, len, NULL, NULL, NULL, &load, &error);
  free(wasm); /* the load has a copy */

  unsigned looks = 0;
  for (; begun && !hostel_load_is_finished(load); looks++)
    do_something_else();

  /* Finished, well or not: then there is nothing to wait for. */
  bool rendered = begun && !hostel_load_wait(load, 0, &module, &error) && !hostel_guest_new(module, NULL, NULL, &guest, &error) &&
                  !hostel_guest_call(guest, "render", text, sizeof text - 1, NULL, &html, &error);
  if (rendered)
    printf("looked in %u times, then:\n%.*s", looks, (int)html.len, (const char *)html.data);
  else
    fprintf(stderr, "%s: %s\n", hostel_status_name(hostel_error_status(error)), hostel_error_message(error));
  hostel_error_free(error);
  hostel_buffer_free(&html);
  hostel_load_free(load);
  hostel_guest_free(guest);
  hostel_module_free(module);
  hostel_engine_free(engine);
  return rendered ? 0 : 1;
}
