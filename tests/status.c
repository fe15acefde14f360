/* status.c: numbers, names, versions. */
#include "check.h"

static const struct {
  hostel_status status;
  const char *name;
} statuses[] = {
    {HOSTEL_STATUS_OK, "OK"},
    {HOSTEL_STATUS_INVALID_ARGUMENT, "INVALID_ARGUMENT"},
    {HOSTEL_STATUS_BUSY, "BUSY"},
    {HOSTEL_STATUS_UNSUPPORTED, "UNSUPPORTED"},
    {HOSTEL_STATUS_OUT_OF_RESOURCES, "OUT_OF_RESOURCES"},
    {HOSTEL_STATUS_INTERNAL, "INTERNAL"},
    {HOSTEL_STATUS_INVALID_MODULE, "INVALID_MODULE"},
    {HOSTEL_STATUS_UNSUPPORTED_MODULE, "UNSUPPORTED_MODULE"},
    {HOSTEL_STATUS_UNSUPPORTED_ENGINE, "UNSUPPORTED_ENGINE"},
    {HOSTEL_STATUS_ARTIFACT_MISMATCH, "ARTIFACT_MISMATCH"},
    {HOSTEL_STATUS_ARTIFACT_CORRUPT, "ARTIFACT_CORRUPT"},
    {HOSTEL_STATUS_CACHE_IO, "CACHE_IO"},
    {HOSTEL_STATUS_NOT_CACHED, "NOT_CACHED"},
    {HOSTEL_STATUS_LINK_ERROR, "LINK_ERROR"},
    {HOSTEL_STATUS_NO_SUCH_FUNCTION, "NO_SUCH_FUNCTION"},
    {HOSTEL_STATUS_BAD_ABI, "BAD_ABI"},
    {HOSTEL_STATUS_LIMIT_NOT_COMPILED, "LIMIT_NOT_COMPILED"},
    {HOSTEL_STATUS_GUEST_ERROR, "GUEST_ERROR"},
    {HOSTEL_STATUS_HOST_ERROR, "HOST_ERROR"},
    {HOSTEL_STATUS_TRAP, "TRAP"},
    {HOSTEL_STATUS_STACK_OVERFLOW, "STACK_OVERFLOW"},
    {HOSTEL_STATUS_OUT_OF_FUEL, "OUT_OF_FUEL"},
    {HOSTEL_STATUS_DEADLINE, "DEADLINE"},
    {HOSTEL_STATUS_CANCELLED, "CANCELLED"},
    {HOSTEL_STATUS_MEMORY_LIMIT, "MEMORY_LIMIT"},
    {HOSTEL_STATUS_OUTPUT_TOO_LARGE, "OUTPUT_TOO_LARGE"},
    {HOSTEL_STATUS_INSTANCE_DEAD, "INSTANCE_DEAD"},
    {HOSTEL_STATUS_EXIT, "EXIT"},
};

static void every_status_has_its_name(const hostel_engine *engine) {
  (void)engine;
  for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
    CHECK(strcmp(hostel_status_name(statuses[i].status), statuses[i].name) == 0);
  }
}

static void every_other_number_is_unknown(const hostel_engine *engine) {
  (void)engine;
  const hostel_status others[] = {-1, 6, 99, 107, 199, 203, 299, 312, 12345, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    CHECK(strcmp(hostel_status_name(others[i]), "UNKNOWN") == 0);
  }
}

static void the_library_speaks_the_interface_of_the_header(const hostel_engine *engine) {
  (void)engine;
  CHECK(hostel_abi_version() == HOSTEL_ABI_VERSION);
}

static void the_version_is_three_numbers(const hostel_engine *engine) {
  (void)engine;
  int major, minor, patch;
  CHECK(sscanf(hostel_version(), "%d.%d.%d", &major, &minor, &patch) == 3);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(every_status_has_its_name),
      TEST(every_other_number_is_unknown),
      TEST(the_library_speaks_the_interface_of_the_header),
      TEST(the_version_is_three_numbers),
  };
  return RUN_TESTS(argc, argv, tests);
}
