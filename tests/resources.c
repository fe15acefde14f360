/* resources.c: what the system itself refuses. */
#include "check.h"
#include "check_sanitized.h"

#include <sys/resource.h>

/* How much address space this process uses, in bytes; 0 where that is not told. */
static rlim_t address_space(void) {
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file != NULL) {
    if (fscanf(file, "%lu", &pages) != 1) {
      pages = 0;
    }
    fclose(file);
  }
  return (rlim_t)pages * 4096;
}

static void no_address_space_for_an_instance_is_out_of_resources(const hostel_engine *engine) {
  if (SANITIZED || address_space() == 0) {
    return; /* a sanitizer needs terabytes of it */
  }
  enum { PLENTY = 1000 };
  static hostel_instance *instances[PLENTY];
  hostel_guest *guest = open_text(engine, "(module (memory (export \"memory\") 3200)" /* 200 MiB */
                                          " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024))"
                                          " (func (export \"hostel_free\") (param i32 i32))"
                                          " (func (export \"f\") (param i32 i32) (result i64) (i64.const 0)))");
  struct rlimit before;
  REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
  ANSWERS("", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  const struct rlimit tight = {address_space() + (100 << 20), before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_AS, &tight) == 0);
  /* An engine may have address space for some of them already. */
  int made = 0;
  while (made < PLENTY && hostel_instance_new(guest, NULL, &instances[made], NULL) == HOSTEL_STATUS_OK) {
    made++;
  }
  CHECK(made < PLENTY);
  for (int i = 0; i < 3; i++) {
    hostel_instance *instance = RUBBISH;
    REFUSES(OUT_OF_RESOURCES, "", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
    FAILS(OUT_OF_RESOURCES, "", hostel_instance_new(guest, NULL, &instance, &error));
    CHECK(instance == NULL);
  }
  while (made > 0) {
    hostel_instance_free(instances[--made]);
  }
  REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
  ANSWERS("", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

/* Thousands of instances at once: whatever the system allows, and a status beyond. */
static void many_instances_live_or_are_refused(const hostel_engine *engine) {
  enum { MANY = 2000 };
  static hostel_instance *instances[MANY];
  hostel_guest *guest = open_file(engine, "initialize.wat");
  int made = 0;
  for (; made < MANY; made++) {
    const hostel_status status = hostel_instance_new(guest, NULL, &instances[made], NULL);
    if (status != HOSTEL_STATUS_OK) {
      CHECK(status == HOSTEL_STATUS_OUT_OF_RESOURCES && instances[made] == NULL);
      break;
    }
  }
  CHECK(made > 0);
  for (int i = 0; i < made; i++) {
    ANSWERS("\1\0\0\0", hostel_instance_call(instances[i], "f", NOTHING, NULL, &output, &error));
    hostel_instance_free(instances[i]);
  }
  ANSWERS("\1\0\0\0", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(no_address_space_for_an_instance_is_out_of_resources),
      TEST(many_instances_live_or_are_refused),
  };
  return RUN_TESTS(argc, argv, tests);
}
