/* Must fail under AddressSanitizer, in the library's own code: it reads a handle that was freed. */
#include "hostel.h"

int main(void) {
  hostel_engine_config *config;
  if (hostel_engine_config_new(&config, NULL) != HOSTEL_STATUS_OK) {
    return 0;
  }
  hostel_engine_config_free(config);
  return (int)hostel_engine_config_set_limit(config, HOSTEL_LIMIT_DEPTH, 1, NULL);
}
