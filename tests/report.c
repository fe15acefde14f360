/* report.c: what calls came to. */
#include "check_cache.h"
#include "check_limits.h"
#include "check_rooms.h"

/* `ask` calls the host with its input and returns the answer; `no` says no with two bytes; `grow` by as many pages as there are
 * bytes of input; `long` hands out 100 bytes. */
#define REPORTER                                                                                                                 \
  "(module (import \"host\" \"ask\" (func $ask (param i32 i32) (result i64)))"                                                   \
  " (import \"hostel\" \"hostel_fail\" (func $fail (param i32 i32)))" ABI                                                        \
  " (func (export \"quick\") (param i32 i32) (result i64) (i64.const 0))"                                                        \
  " (func (export \"ask\") (param i32 i32) (result i64) (call $ask (local.get 0) (local.get 1)))"                                \
  " (func (export \"no\") (param i32 i32) (result i64) (call $fail (i32.const 0) (i32.const 2)) (i64.const 0))"                  \
  " (func (export \"grow\") (param i32 i32) (result i64) (drop (memory.grow (local.get 1))) (i64.const 0))"                      \
  " (func (export \"grow_and_trap\") (param i32 i32) (result i64) (drop (memory.grow (local.get 1))) unreachable)"               \
  " (func (export \"long\") (param i32 i32) (result i64) (i64.const 100))"                                                       \
  " (func (export \"add\") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))"                                  \
  " (func (export \"trap\") (param i32 i32) (result i64) unreachable)"                                                           \
  " (func $deep (export \"deep\") (param i32 i32) (result i64) (call $deep (i32.const 0) (i32.const 0)))"                        \
  " (func (export \"spin\") (param i32 i32) (result i64) (loop $l (br $l)) (i64.const 0)))"

static hostel_status answer_by_context(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)input, (void)input_len;
  const hostel_status *status = hostel_caller_context(caller);
  return status != NULL ? *status : hostel_caller_return(caller, TEXT("an answer"));
}

static hostel_guest *open_reporter(const hostel_engine *engine, hostel_host_function ask, void *user_data) {
  hostel_imports *imports = imports_of("host", "ask", ask, user_data);
  hostel_guest *guest = link_guest(settled(load_text(engine, REPORTER)), imports); /* all calls on one tier */
  hostel_imports_free(imports);
  return guest;
}

static void each_argument_is_checked(const hostel_engine *engine) {
  (void)engine;
  hostel_call_options *options = new_options();
  hostel_report report = {.struct_size = sizeof report};
  FAILS(INVALID_ARGUMENT, "options", hostel_call_options_report(NULL, &report, &error));
  FAILS(INVALID_ARGUMENT, "report_out", hostel_call_options_report(options, NULL, &error));
  FAILS(INVALID_ARGUMENT, "no call", hostel_call_options_report(options, &report, &error));
  CHECK(hostel_call_options_report(options, &report, NULL) == HOSTEL_STATUS_INVALID_ARGUMENT);
  const size_t sizes[] = {0, 1, sizeof report - 1, sizeof report + 1, SIZE_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    report.struct_size = sizes[i];
    FAILS(INVALID_ARGUMENT, "report_out", hostel_call_options_report(options, &report, &error));
    CHECK(report.struct_size == sizes[i]);
  }
  hostel_call_options_free(options);
}

static void a_call_in_order_is_reported_in_every_field(const hostel_engine *engine) {
  hostel_guest *guest = open_reporter(engine, answer_by_context, NULL);
  hostel_call_options *options = new_options();
  ANSWERS("an answer", hostel_guest_call(guest, "ask", TEXT("twelve bytes"), options, &output, &error));
  hostel_report report;
  memset(&report, 0x5a, sizeof report);
  report.struct_size = sizeof report;
  SUCCEEDS(hostel_call_options_report(options, &report, &error));
  CHECK(report.struct_size == sizeof report && report.status == HOSTEL_STATUS_OK && report.room_is_new);
  CHECK(strcmp(report.origin, "compiled") == 0);
  CHECK(report.fuel_used == HOSTEL_UNLIMITED && report.memory_peak_bytes == PAGE);
  CHECK(report.input_bytes == 12 && report.output_bytes == 9);
  CHECK(report.load_ns > 0 && report.load_ns != HOSTEL_UNLIMITED);
  CHECK(report.room_ns > 0 && report.call_ns > 0);
  const hostel_report again = report_of(options); /* asking does not change it */
  CHECK(again.call_ns == report.call_ns && again.room_ns == report.room_ns && again.load_ns == report.load_ns);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

/* A call of this ends so, and is reported so, in a new instance and in one that is kept. */
static void reports(const hostel_guest *guest, const char *function, hostel_call_options *options, hostel_status expected) {
  hostel_instance *instance = new_instance(guest);
  for (int kept = 0; kept < 2; kept++) {
    hostel_buffer output = RUBBISH_BUFFER;
    const hostel_status got = kept ? hostel_instance_call(instance, function, TEXT("seven..."), options, &output, NULL)
                                   : hostel_guest_call(guest, function, TEXT("seven..."), options, &output, NULL);
    const hostel_report report = report_of(options);
    if (got != expected || report.status != expected) {
      fprintf(stderr, "%s: %s, reported as %s\n", function, hostel_status_name(got), hostel_status_name(report.status));
      failures++;
    }
    CHECK(report.input_bytes == 8 && report.output_bytes == 0 && output.len == 0);
    CHECK(report.memory_peak_bytes == PAGE && report.call_ns > 0 && strcmp(report.origin, "compiled") == 0);
    CHECK(report.fuel_used < 1000001 && (!kept || !report.room_is_new));
  }
  hostel_instance_free(instance);
}

static void a_call_that_fails_is_reported_as_what_it_came_to(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, true);
  hostel_guest *guest = open_reporter(engine, answer_by_context, NULL);
  hostel_call_options *options = options_with_fuel(1000000);
  hostel_status host_error = HOSTEL_STATUS_HOST_ERROR;
  SUCCEEDS(hostel_call_options_set_context(options, &host_error, &error));
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, 99, &error));
  reports(guest, "no", options, HOSTEL_STATUS_GUEST_ERROR);
  reports(guest, "trap", options, HOSTEL_STATUS_TRAP);
  reports(guest, "deep", options, HOSTEL_STATUS_STACK_OVERFLOW);
  reports(guest, "ask", options, HOSTEL_STATUS_HOST_ERROR);
  reports(guest, "long", options, HOSTEL_STATUS_OUTPUT_TOO_LARGE);
  reports(guest, "spin", options, HOSTEL_STATUS_OUT_OF_FUEL);
  CHECK(report_of(options).fuel_used == 1000000);
  SUCCEEDS(hostel_call_options_set_fuel(options, HOSTEL_UNLIMITED, &error));
  hostel_cancel *cancel = new_cancel();
  SUCCEEDS(hostel_cancel_trigger(cancel, &error));
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, 1, &error));
  REFUSES(DEADLINE, "time", hostel_guest_call(guest, "spin", NOTHING, options, &output, &error));
  CHECK(report_of(options).status == HOSTEL_STATUS_DEADLINE && report_of(options).fuel_used != HOSTEL_UNLIMITED);
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, HOSTEL_UNLIMITED, &error));
  SUCCEEDS(hostel_call_options_set_cancel(options, cancel, &error));
  REFUSES(CANCELLED, "cancelled", hostel_guest_call(guest, "spin", NOTHING, options, &output, &error));
  CHECK(report_of(options).status == HOSTEL_STATUS_CANCELLED && report_of(options).fuel_used == 0);
  hostel_cancel_free(cancel);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static void a_call_that_did_not_begin_is_reported_and_has_used_nothing(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, false);
  hostel_guest *guest = open_reporter(engine, answer_by_context, NULL);
  hostel_instance *instance = new_instance(guest);
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_MEMORY_BYTES, PAGE - 1, &error));
  REFUSES(MEMORY_LIMIT, "memory", hostel_guest_call(guest, "quick", TEXT("input"), options, &output, &error));
  hostel_report report = report_of(options);
  CHECK(report.status == HOSTEL_STATUS_MEMORY_LIMIT && report.fuel_used == 0 && report.input_bytes == 5 &&
        report.output_bytes == 0);
  REFUSES(TRAP, "", hostel_instance_call(instance, "trap", NOTHING, NULL, &output, &error));
  REFUSES(INSTANCE_DEAD, "", hostel_instance_call(instance, "quick", NOTHING, options, &output, &error));
  CHECK(report_of(options).status == HOSTEL_STATUS_INSTANCE_DEAD && report_of(options).fuel_used == 0);
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, 1000, &error));
  REFUSES(LIMIT_NOT_COMPILED, "", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  report = report_of(options);
  CHECK(report.status == HOSTEL_STATUS_LIMIT_NOT_COMPILED && report.fuel_used == 0 && report.memory_peak_bytes == 0);
  CHECK(report.call_ns == 0 && strcmp(report.origin, "compiled") == 0);
  hostel_call_options_free(options);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static void a_function_that_is_not_there_is_reported_too(const hostel_engine *engine) {
  hostel_guest *guest = open_reporter(engine, answer_by_context, NULL);
  hostel_instance *instance = new_instance(guest);
  hostel_call_options *options = new_options();
  uint64_t value = 0;
  for (int round = 0; round < 2; round++) { /* not what the call before came to */
    REFUSES(NO_SUCH_FUNCTION, "", hostel_guest_call(guest, "none", TEXT("input"), options, &output, &error));
    CHECK(report_of(options).status == HOSTEL_STATUS_NO_SUCH_FUNCTION && report_of(options).input_bytes == 5);
    ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
    REFUSES(BAD_ABI, "add", hostel_instance_call(instance, "add", TEXT("input"), options, &output, &error));
    CHECK(report_of(options).status == HOSTEL_STATUS_BAD_ABI && report_of(options).call_ns == 0);
    FAILS(NO_SUCH_FUNCTION, "", hostel_guest_call_values(guest, "none", &value, 1, options, &error));
    CHECK(report_of(options).status == HOSTEL_STATUS_NO_SUCH_FUNCTION);
    ANSWERS("", hostel_instance_call(instance, "quick", NOTHING, options, &output, &error));
    FAILS(NO_SUCH_FUNCTION, "", hostel_instance_call_values(instance, "none", &value, 1, options, &error));
    CHECK(report_of(options).status == HOSTEL_STATUS_NO_SUCH_FUNCTION);
  }
  hostel_call_options_free(options);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static hostel_status ask_for_a_report(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  hostel_report report = {.struct_size = sizeof report};
  FAILS(BUSY, "options", hostel_call_options_report(*(hostel_call_options **)user_data, &report, &error));
  return hostel_caller_return(caller, TEXT("busy"));
}

static void during_the_call_it_is_busy(const hostel_engine *engine) {
  hostel_call_options *options = new_options();
  hostel_guest *guest = open_reporter(engine, ask_for_a_report, &options);
  ANSWERS("busy", hostel_guest_call(guest, "ask", NOTHING, options, &output, &error));
  CHECK(report_of(options).output_bytes == 4);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

static void a_room_is_new_when_it_was_made_for_the_call(const hostel_engine *shared) {
  hostel_engine *engine = own_engine(shared);
  hostel_guest *guest = open_reporter(engine, answer_by_context, NULL);
  hostel_call_options *options = new_options();
  int new_ones = 0;
  for (int round = 0; round < 6; round++) {
    const uint64_t made = stats_of(engine).rooms_made;
    ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
    CHECK(report_of(options).room_is_new == (stats_of(engine).rooms_made > made));
    new_ones += report_of(options).room_is_new;
  }
  CHECK(new_ones > 0 && (new_ones == 6) == !resets_rooms(engine));
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static void the_most_memory_is_that_of_the_call(const hostel_engine *engine) {
  hostel_guest *guest = open_reporter(engine, answer_by_context, NULL);
  hostel_instance *instance = new_instance(guest);
  hostel_call_options *options = new_options();
  ANSWERS("", hostel_guest_call(guest, "grow", TEXT("5 pgs"), options, &output, &error));
  CHECK(report_of(options).memory_peak_bytes == 6 * PAGE);
  REFUSES(TRAP, "", hostel_guest_call(guest, "grow_and_trap", TEXT("two"), options, &output, &error));
  CHECK(report_of(options).memory_peak_bytes == 4 * PAGE);
  ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  CHECK(report_of(options).memory_peak_bytes == PAGE);
  ANSWERS("", hostel_instance_call(instance, "grow", TEXT("5 pgs"), options, &output, &error));
  ANSWERS("", hostel_instance_call(instance, "quick", NOTHING, options, &output, &error));
  CHECK(report_of(options).memory_peak_bytes == 6 * PAGE); /* it still has them */
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_MEMORY_BYTES, 3 * PAGE, &error));
  ANSWERS("", hostel_guest_call(guest, "grow", TEXT("5 pgs"), options, &output, &error)); /* what was refused does not count */
  CHECK(report_of(options).memory_peak_bytes == PAGE);
  hostel_call_options_free(options);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void calls_of_plain_values_have_no_bytes(const hostel_engine *engine) {
  hostel_guest *guest = open_reporter(engine, answer_by_context, NULL);
  hostel_instance *instance = new_instance(guest);
  hostel_call_options *options = new_options();
  uint64_t values[2] = {2, 3};
  SUCCEEDS(hostel_guest_call_values(guest, "add", values, 2, options, &error));
  CHECK(values[0] == 5 && report_of(options).status == HOSTEL_STATUS_OK && report_of(options).call_ns > 0);
  CHECK(report_of(options).input_bytes == 0 && report_of(options).output_bytes == 0);
  SUCCEEDS(hostel_instance_call_values(instance, "add", values, 2, options, &error));
  CHECK(report_of(options).input_bytes == 0 && !report_of(options).room_is_new);
  hostel_call_options_free(options);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static const char *origin_of_call(const hostel_engine *engine, const hostel_cache *cache) {
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load_wat(engine, cache, SPINNER, strlen(SPINNER), NULL, &module, &error));
  const char *origin = hostel_module_origin(module);
  hostel_guest *guest = link_guest(settled(module), NULL);
  hostel_call_options *options = new_options();
  ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  const char *reported = report_of(options).origin;
  CHECK(strcmp(reported, origin) == 0);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  return reported;
}

static void the_origin_is_where_the_code_came_from(const hostel_engine *engine) {
  const path path = new_directory();
  hostel_cache *shared = shared_cache(LARGE), *directory = directory_cache(path.text, LARGE);
  CHECK(strcmp(origin_of_call(engine, NULL), "compiled") == 0);
  CHECK(strcmp(origin_of_call(engine, shared), "compiled") == 0);
  CHECK(strcmp(origin_of_call(engine, shared), "shared") == 0);
  CHECK(strcmp(origin_of_call(engine, directory), "compiled") == 0);
  CHECK(strcmp(origin_of_call(engine, directory), "directory") == 0);
  hostel_cache_free(shared);
  hostel_cache_free(directory);
  remove_all(path.text);
}

static hostel_status sleep_in_host(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)caller, (void)input, (void)input_len;
  sleep_ms(20);
  return HOSTEL_STATUS_OK;
}

static void times_count_where_they_belong(const hostel_engine *engine) {
  enum { NAP_NS = 20000000 };
  hostel_guest *guest = open_reporter(engine, sleep_in_host, NULL);
  hostel_call_options *options = new_options();
  ANSWERS("", hostel_guest_call(guest, "ask", NOTHING, options, &output, &error));
  const hostel_report report = report_of(options);
  CHECK(report.call_ns >= NAP_NS); /* what the host does for the guest is the call's */
  ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  CHECK(report_of(options).load_ns == report.load_ns); /* the module's */
  hostel_guest_free(guest);
  hostel_imports *imports = imports_of("host", "ask", sleep_in_host, NULL);
  guest = link_guest(load_text(engine, "(module (import \"host\" \"ask\" (func $ask (param i32 i32) (result i64)))" ABI
                                       " (func $start (drop (call $ask (i32.const 0) (i32.const 0)))) (start $start)"
                                       " (func (export \"f\") (param i32 i32) (result i64) (i64.const 0)))"),
                     imports);
  ANSWERS("", hostel_guest_call(guest, "f", NOTHING, options, &output, &error));
  CHECK(report_of(options).room_ns >= NAP_NS && report_of(options).room_is_new); /* a start is the room's */
  hostel_imports_free(imports);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(each_argument_is_checked),
      TEST(a_call_in_order_is_reported_in_every_field),
      TEST(a_call_that_fails_is_reported_as_what_it_came_to),
      TEST(a_call_that_did_not_begin_is_reported_and_has_used_nothing),
      TEST(a_function_that_is_not_there_is_reported_too),
      TEST(during_the_call_it_is_busy),
      TEST(a_room_is_new_when_it_was_made_for_the_call),
      TEST(the_most_memory_is_that_of_the_call),
      TEST(calls_of_plain_values_have_no_bytes),
      TEST(the_origin_is_where_the_code_came_from),
      TEST(times_count_where_they_belong),
  };
  return RUN_TESTS(argc, argv, tests);
}
