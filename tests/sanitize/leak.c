/* Must fail under LeakSanitizer: a handle of the library is never freed. */
#include "hostel.h"

static hostel_engine_config *volatile config;

int main(void) {
  hostel_engine_config *made;
  if (hostel_engine_config_new(&made, NULL) != HOSTEL_STATUS_OK) {
    return 0; /* nothing leaked: the test that expects a report fails */
  }
  config = made;
  made = NULL;
  config = NULL;
  return 0;
}
