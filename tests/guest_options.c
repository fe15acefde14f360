/* guest_options.c: how a guest is linked, and how its calls are kept apart. */
#include "check_rooms.h"

static hostel_guest_options *new_guest_options(void) {
  hostel_guest_options *options = RUBBISH;
  SUCCEEDS(hostel_guest_options_new(&options, &error));
  return options;
}

static void each_pointer_is_checked(const hostel_engine *engine) {
  (void)engine;
  hostel_guest_options *options = new_guest_options();
  FAILS(INVALID_ARGUMENT, "options_out", hostel_guest_options_new(NULL, &error));
  FAILS(INVALID_ARGUMENT, "options", hostel_guest_options_set_abi(NULL, "hostel", &error));
  FAILS(INVALID_ARGUMENT, "name", hostel_guest_options_set_abi(options, NULL, &error));
  FAILS(INVALID_ARGUMENT, "options", hostel_guest_options_set_calls_per_room(NULL, 2, &error));
  FAILS(INVALID_ARGUMENT, "options", hostel_guest_options_set_rooms_max(NULL, 2, 0, &error));
  FAILS(INVALID_ARGUMENT, "options", hostel_guest_options_set_write_tracking(NULL, true, &error));
  CHECK(hostel_guest_options_new(NULL, NULL) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_guest_options_set_calls_per_room(NULL, 2, NULL) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_guest_options_set_rooms_max(NULL, 2, 0, NULL) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_guest_options_set_write_tracking(NULL, true, NULL) == HOSTEL_STATUS_INVALID_ARGUMENT);
  hostel_guest_options_free(options);
  hostel_guest_options_free(NULL);
}

static void numbers_of_zero_are_refused(const hostel_engine *engine) {
  (void)engine;
  hostel_guest_options *options = new_guest_options();
  FAILS(INVALID_ARGUMENT, "calls", hostel_guest_options_set_calls_per_room(options, 0, &error));
  FAILS(INVALID_ARGUMENT, "rooms", hostel_guest_options_set_rooms_max(options, 0, 1000, &error));
  hostel_guest_options_free(options);
}

static void the_largest_numbers_are_taken(const hostel_engine *engine) {
  hostel_guest_options *options = new_guest_options();
  SUCCEEDS(hostel_guest_options_set_calls_per_room(options, UINT32_MAX, &error));
  SUCCEEDS(hostel_guest_options_set_rooms_max(options, UINT32_MAX, UINT64_MAX, &error));
  SUCCEEDS(hostel_guest_options_set_write_tracking(options, false, &error));
  hostel_module *module = load_file(engine, "echo.wasm");
  hostel_guest *guest = RUBBISH;
  SUCCEEDS(hostel_guest_new(module, NULL, options, &guest, &error));
  hostel_module_free(module);
  hostel_guest_options_free(options);
  ANSWERS("hi", hostel_guest_call(guest, "echo", TEXT("hi"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void the_last_setting_counts_and_guests_keep_theirs(const hostel_engine *engine) {
  hostel_guest_options *options = new_guest_options();
  hostel_module *module = load_file(engine, "echo.wasm");
  hostel_guest *shares = RUBBISH, *keeps_apart = RUBBISH;
  SUCCEEDS(hostel_guest_options_set_calls_per_room(options, 9, &error));
  SUCCEEDS(hostel_guest_options_set_calls_per_room(options, 2, &error));
  SUCCEEDS(hostel_guest_new(module, NULL, options, &shares, &error));
  SUCCEEDS(hostel_guest_options_set_calls_per_room(options, 1, &error));
  SUCCEEDS(hostel_guest_new(module, NULL, options, &keeps_apart, &error));
  hostel_guest_options_free(options);
  hostel_module_free(module);
  for (int i = 0; i < 5; i++) {
    ANSWERS("\1\0\0\0\0\0\0\0", hostel_guest_call(shares, "counter", NOTHING, NULL, &output, &error));
    ANSWERS("\2\0\0\0\0\0\0\0", hostel_guest_call(shares, "counter", NOTHING, NULL, &output, &error));
    ANSWERS("\1\0\0\0\0\0\0\0", hostel_guest_call(keeps_apart, "counter", NOTHING, NULL, &output, &error));
  }
  hostel_guest_free(shares);
  hostel_guest_free(keeps_apart);
}

static void statistics_check_each_argument(const hostel_engine *engine) {
  hostel_engine_statistics stats = {.struct_size = sizeof stats};
  FAILS(INVALID_ARGUMENT, "engine", hostel_engine_stats(NULL, &stats, &error));
  FAILS(INVALID_ARGUMENT, "stats_out", hostel_engine_stats(engine, NULL, &error));
  stats.struct_size = 0;
  FAILS(INVALID_ARGUMENT, "struct_size", hostel_engine_stats(engine, &stats, &error));
  stats.struct_size = sizeof stats + 8;
  FAILS(INVALID_ARGUMENT, "struct_size", hostel_engine_stats(engine, &stats, &error));
  stats.struct_size = sizeof stats;
  SUCCEEDS(hostel_engine_stats(engine, &stats, &error));
  CHECK(stats.struct_size == sizeof stats);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(each_pointer_is_checked),
      TEST(numbers_of_zero_are_refused),
      TEST(the_largest_numbers_are_taken),
      TEST(the_last_setting_counts_and_guests_keep_theirs),
      TEST(statistics_check_each_argument),
  };
  return RUN_TESTS(argc, argv, tests);
}
