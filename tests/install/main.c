/* A stranger's program: it finds the header and the library, and the library answers. */
#include <hostel.h>
#include <stdio.h>

int main(void) {
  hostel_engine *engine;
  hostel_error *error;
  if (hostel_engine_new(NULL, &engine, &error) != HOSTEL_STATUS_OK) {
    fprintf(stderr, "%s\n", hostel_error_message(error));
    hostel_error_free(error);
    return 1;
  }
  printf("hostel %s, engine %s\n", hostel_version(), hostel_engine_name(engine));
  hostel_engine_free(engine);
  return 0;
}
