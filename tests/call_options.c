/* call_options.c: what a host may say about a call. */
#include "check.h"

static void each_argument_is_checked(const hostel_engine *engine) {
  (void)engine;
  FAILS(INVALID_ARGUMENT, "options_out", hostel_call_options_new(NULL, &error));
  FAILS(INVALID_ARGUMENT, "options", hostel_call_options_set_context(NULL, NULL, &error));
  FAILS(INVALID_ARGUMENT, "options", hostel_call_options_set_limit(NULL, HOSTEL_LIMIT_OUTPUT_BYTES, 1, &error));
  hostel_call_options_free(NULL);
}

static void only_some_limits_can_be_set_for_a_call(const hostel_engine *engine) {
  (void)engine;
  hostel_call_options *options = new_options();
  for (hostel_limit limit = HOSTEL_LIMIT_MODULE_BYTES; limit <= HOSTEL_LIMIT_COMPILE_MS; limit++) {
    if (limit == HOSTEL_LIMIT_MEMORY_BYTES || limit == HOSTEL_LIMIT_OUTPUT_BYTES) {
      SUCCEEDS(hostel_call_options_set_limit(options, limit, 1, &error));
    } else {
      FAILS(INVALID_ARGUMENT, "limit", hostel_call_options_set_limit(options, limit, 1, &error));
    }
  }
  hostel_call_options_free(options);
}

static void a_number_that_is_no_limit_is_refused(const hostel_engine *engine) {
  (void)engine;
  const hostel_limit wrong[] = {0, 9, -1, 12345, INT32_MAX, INT32_MIN};
  hostel_call_options *options = new_options();
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    FAILS(INVALID_ARGUMENT, "limit", hostel_call_options_set_limit(options, wrong[i], 1, &error));
  }
  hostel_call_options_free(options);
}

static void values_out_of_bounds_are_refused(const hostel_engine *engine) {
  (void)engine;
  const uint64_t wrong[] = {0, (UINT64_C(4) << 30) + 1, UINT64_MAX};
  hostel_call_options *options = new_options();
  for (size_t i = 0; i < 3; i++) {
    FAILS(INVALID_ARGUMENT, "value", hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, wrong[i], &error));
    FAILS(INVALID_ARGUMENT, "value", hostel_call_options_set_limit(options, HOSTEL_LIMIT_MEMORY_BYTES, wrong[i], &error));
  }
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_MEMORY_BYTES, UINT64_C(4) << 30, &error));
  hostel_call_options_free(options);
}

static void they_serve_one_call_after_the_other(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, 3, &error));
  for (int i = 0; i < 3; i++) {
    ANSWERS("abc", hostel_guest_call(guest, "echo", TEXT("abc"), options, &output, &error));
    REFUSES(OUTPUT_TOO_LARGE, "3", hostel_guest_call(guest, "echo", TEXT("abcd"), options, &output, &error));
  }
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, 4, &error));
  ANSWERS("abcd", hostel_guest_call(guest, "echo", TEXT("abcd"), options, &output, &error));
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

/* Options that a call uses, the guest that is called, and an instance. */
typedef struct busy {
  hostel_call_options *options;
  hostel_guest *guest;
} busy;

static hostel_status use_them_meanwhile(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  busy *busy = user_data;
  hostel_instance *instance = RUBBISH;
  FAILS(BUSY, "options", hostel_call_options_set_context(busy->options, NULL, &error));
  FAILS(BUSY, "options", hostel_call_options_set_limit(busy->options, HOSTEL_LIMIT_OUTPUT_BYTES, 9, &error));
  REFUSES(BUSY, "options", hostel_guest_call(busy->guest, "call_host", NOTHING, busy->options, &output, &error));
  FAILS(BUSY, "options", hostel_instance_new(busy->guest, busy->options, &instance, &error));
  CHECK(instance == NULL);
  return hostel_caller_return(caller, TEXT("done"));
}

static void using_them_meanwhile_is_busy(const hostel_engine *engine) {
  busy busy = {new_options(), NULL};
  hostel_imports *imports = imports_of("host", "answer", use_them_meanwhile, &busy);
  busy.guest = link_guest(load_file(engine, "hosted.wasm"), imports);
  hostel_imports_free(imports);
  ANSWERS("done", hostel_guest_call(busy.guest, "call_host", NOTHING, busy.options, &output, &error));
  SUCCEEDS(hostel_call_options_set_context(busy.options, NULL, &error)); /* free again */
  hostel_call_options_free(busy.options);
  hostel_guest_free(busy.guest);
}

static void a_failed_call_lets_go_of_them(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "traps.wat");
  hostel_call_options *options = new_options();
  for (int i = 0; i < 3; i++) {
    REFUSES(TRAP, "unreachable", hostel_guest_call(guest, "unreachable", NOTHING, options, &output, &error));
  }
  SUCCEEDS(hostel_call_options_set_context(options, NULL, &error));
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(each_argument_is_checked),
      TEST(only_some_limits_can_be_set_for_a_call),
      TEST(a_number_that_is_no_limit_is_refused),
      TEST(values_out_of_bounds_are_refused),
      TEST(they_serve_one_call_after_the_other),
      TEST(using_them_meanwhile_is_busy),
      TEST(a_failed_call_lets_go_of_them),
  };
  return RUN_TESTS(argc, argv, tests);
}
