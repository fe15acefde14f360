/* error_stops.c: what the error of a call says that was stopped over its bounds: no trap, the number that was set, the kind. */
#include "check_limits.h"

/* A call that never ends, stopped in each way. The first time it is interpreted where there are tiers, later it is compiled. */
typedef struct stop {
  hostel_status status;
  const char *words; /* all of which are in the message */
} stop;

static void check_stopped_at(int line, hostel_status status, hostel_error *error, stop expected) {
  if (status != expected.status || hostel_error_status(error) != status ||
      strstr(hostel_error_message(error), expected.words) == NULL) {
    fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, line, hostel_status_name(status), hostel_error_message(error));
    failures++;
  }
  (void)check_at(__FILE__, line, hostel_error_trap(error) == HOSTEL_TRAP_NONE, "no trap");
  (void)check_at(__FILE__, line, hostel_error_kind(error) == HOSTEL_KIND_CALL_ERROR, "the kind");
  (void)check_at(__FILE__, line, hostel_error_payload(error, NULL) == NULL, "no payload");
  hostel_error_free(error);
}

/* The call, which gets `&output, &error`, is stopped, for this reason and with these words. */
#define IS_STOPPED(expected, expected_words, ...)                                                                                \
  do {                                                                                                                           \
    hostel_buffer output = RUBBISH_BUFFER;                                                                                       \
    hostel_error *error = RUBBISH;                                                                                               \
    const hostel_status got = (__VA_ARGS__);                                                                                     \
    CHECK(output.data == NULL || output.data == RUBBISH);                                                                        \
    check_stopped_at(__LINE__, got, error, (stop){HOSTEL_STATUS_##expected, (expected_words)});                                  \
  } while (0)

static void stops_each_way(const hostel_engine *engine, hostel_guest *guest) {
  (void)engine;
  hostel_cancel *cancel = new_cancel();
  SUCCEEDS(hostel_cancel_trigger(cancel, &error));
  hostel_call_options *in_time = options_with_deadline(37), *on_fuel = options_with_fuel(1234567);
  hostel_call_options *cancelled = options_with_cancel(cancel);
  hostel_function *spin = RUBBISH;
  SUCCEEDS(hostel_guest_function(guest, "spin", &spin, &error));
  IS_STOPPED(DEADLINE, "37 ms", hostel_guest_call(guest, "spin", NOTHING, in_time, &output, &error));
  IS_STOPPED(OUT_OF_FUEL, "1234567", hostel_guest_call(guest, "spin", NOTHING, on_fuel, &output, &error));
  IS_STOPPED(CANCELLED, "cancelled", hostel_guest_call(guest, "spin", NOTHING, cancelled, &output, &error));
  IS_STOPPED(DEADLINE, "37 ms", hostel_function_call(spin, NOTHING, in_time, &output, &error));
  for (int i = 0; i < 2; i++) {
    uint64_t rounds[] = {0};
    hostel_call_options *options = i == 0 ? in_time : on_fuel;
    if (i == 0) {
      IS_STOPPED(DEADLINE, "37 ms", hostel_guest_call_values(guest, "count", rounds, 1, options, &error));
    } else {
      IS_STOPPED(OUT_OF_FUEL, "1234567", hostel_guest_call_values(guest, "count", rounds, 1, options, &error));
    }
  }
  hostel_instance *instance = new_instance(guest);
  IS_STOPPED(OUT_OF_FUEL, "1234567", hostel_instance_call(instance, "spin", NOTHING, on_fuel, &output, &error));
  hostel_instance_free(instance);
  hostel_function_free(spin);
  hostel_call_options_free(in_time);
  hostel_call_options_free(on_fuel);
  hostel_call_options_free(cancelled);
  hostel_cancel_free(cancel);
}

static void a_stop_is_no_trap_and_names_what_was_set(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, true);
  hostel_module *module = load_text(engine, SPINNER);
  hostel_guest *guest = RUBBISH;
  SUCCEEDS(hostel_guest_new(module, NULL, NULL, &guest, &error));
  stops_each_way(engine, guest);
  (void)settled(module);
  stops_each_way(engine, guest);
  hostel_guest_free(guest);
  guest = link_guest(module, NULL);
  stops_each_way(engine, guest);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

/* Where the guest was is worth knowing all the same. */
static void a_stop_still_tells_where_the_guest_was(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, true);
  hostel_module *module = settled(load_text(engine, SPINNER));
  hostel_guest *guest = link_guest(module, NULL);
  hostel_call_options *options = options_with_fuel(10000);
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  CHECK(hostel_guest_call(guest, "spin", NOTHING, options, &output, &error) == HOSTEL_STATUS_OUT_OF_FUEL);
  CHECK(engine_row_has(engine, "no backtrace") || strstr(hostel_error_backtrace(error), "spin") != NULL);
  hostel_error_free(error);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

/* An instance that was stopped is in doubt, and dead; one whose call did not begin is as it was. */
static void only_a_call_that_began_leaves_its_instance_in_doubt(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, true);
  hostel_guest *guest = open_text(engine, SPINNER);
  hostel_cancel *cancel = new_cancel();
  SUCCEEDS(hostel_cancel_trigger(cancel, &error));
  hostel_call_options *never = options_with_cancel(cancel), *no_time = options_with_deadline(0);
  hostel_call_options *options[] = {never, no_time, options_with_fuel(5000), options_with_deadline(20)};
  for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
    hostel_instance *instance = new_instance(guest);
    hostel_buffer output = RUBBISH_BUFFER;
    hostel_error *error = RUBBISH;
    bool began = false;
    for (int tries = 0; tries < 50 && !began; tries++) { /* on a busy machine a deadline may be over before the call begins */
      CHECK(hostel_instance_call(instance, "spin", NOTHING, options[i], &output, &error) != HOSTEL_STATUS_OK);
      began = hostel_error_maybe_corrupt(error);
      hostel_error_free(error);
      if (began) {
        REFUSES(INSTANCE_DEAD, "half-way", hostel_instance_call(instance, "quick", NOTHING, NULL, &output, &error));
      } else {
        ANSWERS("", hostel_instance_call(instance, "quick", NOTHING, NULL, &output, &error));
      }
    }
    CHECK(began == (i >= 2));
    hostel_instance_free(instance);
    hostel_call_options_free(options[i]);
  }
  hostel_cancel_free(cancel);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

/* ---- calls inside calls ---- */

#define ASKER                                                                                                                    \
  "(module (import \"host\" \"answer\" (func $answer (param i32 i32) (result i64)))" ABI                                         \
  " (func (export \"ask\") (param i32 i32) (result i64) (call $answer (local.get 0) (local.get 1))))"

typedef struct inner {
  hostel_guest *guest;
  const char *function;
  hostel_call_options *options;
  stop expected;
} inner;

static hostel_status call_inside(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)caller;
  const inner *inner = user_data;
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  const hostel_status status =
      hostel_guest_call(inner->guest, inner->function, input, input_len, inner->options, &output, &error);
  check_stopped_at(__LINE__, status, error, inner->expected);
  return HOSTEL_STATUS_OK;
}

static void inside_another_call_the_bound_that_hit_is_named(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, true);
  inner inner = {.guest = open_text(engine, SPINNER), .function = "spin", .options = new_options()};
  hostel_imports *imports = imports_of("host", "answer", call_inside, &inner);
  hostel_guest *guest = link_guest(load_text(engine, ASKER), imports);
  hostel_call_options *options = options_with_fuel(200001);
  inner.expected = (stop){HOSTEL_STATUS_OUT_OF_FUEL, "around this one, 200001"};
  IS_STOPPED(OUT_OF_FUEL, "of the call, 200001", hostel_guest_call(guest, "ask", NOTHING, options, &output, &error));
  SUCCEEDS(hostel_call_options_set_fuel(inner.options, 300002, &error)); /* more than there is */
  IS_STOPPED(OUT_OF_FUEL, "of the call, 200001", hostel_guest_call(guest, "ask", NOTHING, options, &output, &error));
  SUCCEEDS(hostel_call_options_set_fuel(inner.options, 1003, &error));
  inner.expected = (stop){HOSTEL_STATUS_OUT_OF_FUEL, "of the call, 1003"};
  ANSWERS("", hostel_guest_call(guest, "ask", NOTHING, options, &output, &error));
  SUCCEEDS(hostel_call_options_set_fuel(inner.options, HOSTEL_UNLIMITED, &error));
  SUCCEEDS(hostel_call_options_set_fuel(options, HOSTEL_UNLIMITED, &error));

  SUCCEEDS(hostel_call_options_set_deadline_ms(options, 201, &error));
  inner.expected = (stop){HOSTEL_STATUS_DEADLINE, "around this one, 201 ms"};
  IS_STOPPED(DEADLINE, "of the call, 201 ms", hostel_guest_call(guest, "ask", NOTHING, options, &output, &error));
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, 60000, &error));
  SUCCEEDS(hostel_call_options_set_deadline_ms(inner.options, 23, &error));
  inner.expected = (stop){HOSTEL_STATUS_DEADLINE, "of the call, 23 ms"};
  ANSWERS("", hostel_guest_call(guest, "ask", NOTHING, options, &output, &error));
  hostel_call_options_free(options);
  hostel_call_options_free(inner.options);
  hostel_imports_free(imports);
  hostel_guest_free(guest);
  hostel_guest_free(inner.guest);
  hostel_engine_free(engine);
}

/* Two calls further out. */
static void the_number_comes_through_several_calls(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, true);
  inner innermost = {.guest = open_text(engine, SPINNER), .function = "spin", .options = new_options()};
  hostel_imports *to_innermost = imports_of("host", "answer", call_inside, &innermost);
  inner middle = {.guest = link_guest(load_text(engine, ASKER), to_innermost), .function = "ask", .options = new_options()};
  hostel_imports *to_middle = imports_of("host", "answer", call_inside, &middle);
  hostel_guest *guest = link_guest(load_text(engine, ASKER), to_middle);
  hostel_call_options *options = options_with_fuel(400004);
  innermost.expected = middle.expected = (stop){HOSTEL_STATUS_OUT_OF_FUEL, "around this one, 400004"};
  IS_STOPPED(OUT_OF_FUEL, "of the call, 400004", hostel_guest_call(guest, "ask", NOTHING, options, &output, &error));
  hostel_call_options_free(options);
  hostel_call_options_free(innermost.options);
  hostel_call_options_free(middle.options);
  hostel_imports_free(to_innermost);
  hostel_imports_free(to_middle);
  hostel_guest_free(guest);
  hostel_guest_free(middle.guest);
  hostel_guest_free(innermost.guest);
  hostel_engine_free(engine);
}

static void a_start_names_its_own_limit_or_the_calls(const hostel_engine *engine) {
  hostel_engine *own = limited_engine(engine, HOSTEL_LIMIT_START_MS, 31);
  static const char *const starts[] = {"(module" ABI " (func $s (loop $l (br $l))) (start $s)"
                                       " (func (export \"f\") (param i32 i32) (result i64) (i64.const 0)))",
                                       "(module" ABI " (func (export \"_initialize\") (loop $l (br $l)))"
                                       " (func (export \"f\") (param i32 i32) (result i64) (i64.const 0)))"};
  hostel_call_options *less = options_with_deadline(29), *more = options_with_deadline(60000);
  for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
    hostel_guest *guest = open_text(own, starts[i]);
    hostel_instance *instance = RUBBISH;
    IS_STOPPED(DEADLINE, "a start has, 31 ms", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
    IS_STOPPED(DEADLINE, "a start has, 31 ms", hostel_guest_call(guest, "f", NOTHING, more, &output, &error));
    IS_STOPPED(DEADLINE, "of the call, 29 ms", hostel_guest_call(guest, "f", NOTHING, less, &output, &error));
    IS_STOPPED(DEADLINE, "a start has, 31 ms", hostel_instance_new(guest, NULL, &instance, &error));
    IS_STOPPED(DEADLINE, "while the guest started", hostel_instance_new(guest, less, &instance, &error));
    CHECK(instance == NULL);
    hostel_guest_free(guest);
  }
  hostel_call_options_free(less);
  hostel_call_options_free(more);
  hostel_engine_free(own);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_stop_is_no_trap_and_names_what_was_set),
      TEST(a_stop_still_tells_where_the_guest_was),
      TEST(only_a_call_that_began_leaves_its_instance_in_doubt),
      TEST(inside_another_call_the_bound_that_hit_is_named),
      TEST(the_number_comes_through_several_calls),
      TEST(a_start_names_its_own_limit_or_the_calls),
  };
  return RUN_TESTS(argc, argv, tests);
}
