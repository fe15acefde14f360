/* Must fail under LeakSanitizer: handles of the library are never freed. */
#include "hostel.h"

int main(void) {
  /* Several, because the last pointer may linger on the stack, where the sanitizer takes it for a use. */
  for (int i = 0; i < 10; i++) {
    hostel_engine_config *config;
    if (hostel_engine_config_new(&config, NULL) != HOSTEL_STATUS_OK) {
      return 0; /* nothing leaked: whoever expects a report is told */
    }
  }
  return 0;
}
