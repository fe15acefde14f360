/* cancel.c: calls that somebody does not want any more. */
#include "check_cancel.h"

static void each_argument_is_checked(const hostel_engine *engine) {
  (void)engine;
  hostel_cancel *cancel = new_cancel();
  FAILS(INVALID_ARGUMENT, "cancel_out", hostel_cancel_new(NULL, &error));
  FAILS(INVALID_ARGUMENT, "cancel", hostel_cancel_trigger(NULL, &error));
  FAILS(INVALID_ARGUMENT, "options", hostel_call_options_set_cancel(NULL, cancel, &error));
  CHECK(hostel_cancel_new(NULL, NULL) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_cancel_trigger(NULL, NULL) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(!hostel_cancel_is_triggered(NULL) && !hostel_cancel_is_triggered(cancel));
  CHECK(!hostel_caller_is_stopped(NULL));
  hostel_cancel_free(NULL);
  hostel_cancel_free(cancel);
}

static void a_call_ends_while_it_runs_and_the_next_one_works(const hostel_engine *engine) {
  atomic_int begun = 0;
  hostel_guest *guest = open_beginner(engine, count_begun, &begun);
  for (int round = 0; round < 5; round++) {
    hostel_cancel *cancel = new_cancel();
    call call = {.guest = guest, .function = "spin", .options = options_with_cancel(cancel)};
    begin_call(&call);
    wait_for(&begun, round + 1);
    SUCCEEDS(hostel_cancel_trigger(cancel, &error));
    CHECK(end_call(&call) == HOSTEL_STATUS_CANCELLED);
    CHECK(report_of(call.options).status == HOSTEL_STATUS_CANCELLED);
    SUCCEEDS(hostel_call_options_set_cancel(call.options, NULL, &error));
    ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, call.options, &output, &error));
    hostel_call_options_free(call.options);
    hostel_cancel_free(cancel);
  }
  hostel_guest_free(guest);
}

static void a_call_that_gets_it_afterwards_does_not_begin(const hostel_engine *engine) {
  atomic_int begun = 0;
  hostel_guest *guest = open_beginner(engine, count_begun, &begun);
  hostel_instance *instance = new_instance(guest);
  hostel_cancel *cancel = new_cancel();
  SUCCEEDS(hostel_cancel_trigger(cancel, &error));
  CHECK(hostel_cancel_is_triggered(cancel));
  hostel_call_options *options = options_with_cancel(cancel);
  REFUSES(CANCELLED, "cancelled", hostel_guest_call(guest, "spin", NOTHING, options, &output, &error));
  REFUSES(CANCELLED, "cancelled", hostel_instance_call(instance, "spin", NOTHING, options, &output, &error));
  FAILS(CANCELLED, "cancelled", hostel_guest_call_values(guest, "hostel_alloc", (uint64_t[1]){8}, 1, options, &error));
  CHECK(begun == 0);
  ANSWERS("", hostel_instance_call(instance, "quick", NOTHING, NULL, &output, &error)); /* nothing has happened to it */
  hostel_call_options_free(options);
  hostel_cancel_free(cancel);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void a_call_that_has_ended_is_not_touched_and_it_stays_triggered(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, SPINNER);
  hostel_instance *instance = new_instance(guest);
  hostel_cancel *cancel = new_cancel();
  hostel_call_options *options = options_with_cancel(cancel);
  ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  ANSWERS("", hostel_instance_call(instance, "quick", NOTHING, options, &output, &error));
  for (int times = 0; times < 3; times++) {
    SUCCEEDS(hostel_cancel_trigger(cancel, &error));
    CHECK(hostel_cancel_is_triggered(cancel) && report_of(options).status == HOSTEL_STATUS_OK);
  }
  for (int round = 0; round < 3; round++) { /* also in the very room, and the instance, in which it ran */
    ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, NULL, &output, &error));
    ANSWERS("", hostel_instance_call(instance, "quick", NOTHING, NULL, &output, &error));
  }
  REFUSES(CANCELLED, "cancelled", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  REFUSES(CANCELLED, "cancelled", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  hostel_call_options_free(options);
  hostel_cancel_free(cancel);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void eight_other_calls_of_the_guest_end_in_order(const hostel_engine *engine) {
  enum { OTHERS = 8 };
  atomic_int begun = 0;
  hostel_guest *guest = open_beginner(engine, count_begun, &begun);
  hostel_cancel *cancel = new_cancel(), *another = new_cancel();
  call cancelled = {.guest = guest, .function = "spin", .options = options_with_cancel(cancel)};
  call others[OTHERS];
  begin_call(&cancelled);
  for (int i = 0; i < OTHERS; i++) { /* some have another token, a deadline, an instance, or nothing */
    others[i] = (call){.guest = guest, .function = "work", .input = (uint64_t)i, .options = new_options()};
    SUCCEEDS(hostel_call_options_set_cancel(others[i].options, i % 4 == 1 ? another : NULL, &error));
    SUCCEEDS(hostel_call_options_set_deadline_ms(others[i].options, i % 4 == 2 ? 200000 : HOSTEL_UNLIMITED, &error));
    others[i].instance = i % 4 == 3 ? new_instance(guest) : NULL;
    begin_call(&others[i]);
  }
  wait_for(&begun, 1 + OTHERS);
  SUCCEEDS(hostel_cancel_trigger(cancel, &error));
  CHECK(end_call(&cancelled) == HOSTEL_STATUS_CANCELLED);
  for (int i = 0; i < OTHERS; i++) {
    CHECK(end_call(&others[i]) == HOSTEL_STATUS_OK && others[i].output == worked((uint64_t)i));
    hostel_call_options_free(others[i].options);
    hostel_instance_free(others[i].instance);
  }
  CHECK(!hostel_cancel_is_triggered(another));
  hostel_call_options_free(cancelled.options);
  hostel_cancel_free(another);
  hostel_cancel_free(cancel);
  hostel_guest_free(guest);
}

static void one_token_ends_all_the_calls_it_was_given_to(const hostel_engine *engine) {
  enum { CALLS = 8 };
  atomic_int begun = 0;
  hostel_guest *guest = open_beginner(engine, count_begun, &begun);
  hostel_cancel *cancel = new_cancel();
  call calls[CALLS];
  for (int i = 0; i < CALLS; i++) {
    calls[i] = (call){.guest = guest, .function = "spin", .options = options_with_cancel(cancel)};
    begin_call(&calls[i]);
  }
  wait_for(&begun, CALLS);
  SUCCEEDS(hostel_cancel_trigger(cancel, &error));
  for (int i = 0; i < CALLS; i++) {
    CHECK(end_call(&calls[i]) == HOSTEL_STATUS_CANCELLED);
    hostel_call_options_free(calls[i].options);
  }
  hostel_cancel_free(cancel);
  hostel_guest_free(guest);
}

static void it_may_be_freed_at_any_time(const hostel_engine *engine) {
  atomic_int begun = 0;
  hostel_guest *guest = open_beginner(engine, count_begun, &begun);
  hostel_cancel *cancel = new_cancel();
  hostel_call_options *options = options_with_cancel(cancel);
  hostel_cancel_free(cancel);
  ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error)); /* nobody can cancel it any more */
  cancel = new_cancel();
  SUCCEEDS(hostel_call_options_set_cancel(options, cancel, &error));
  SUCCEEDS(hostel_cancel_trigger(cancel, &error));
  hostel_cancel_free(cancel);
  REFUSES(CANCELLED, "cancelled", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  cancel = new_cancel();
  SUCCEEDS(hostel_call_options_set_cancel(options, cancel, &error));
  call call = {.guest = guest, .function = "spin", .options = options};
  begin_call(&call);
  wait_for(&begun, 1);
  SUCCEEDS(hostel_cancel_trigger(cancel, &error));
  hostel_cancel_free(cancel);
  CHECK(end_call(&call) == HOSTEL_STATUS_CANCELLED);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

static void a_cancelled_instance_is_dead(const hostel_engine *engine) {
  atomic_int begun = 0;
  hostel_guest *guest = open_beginner(engine, count_begun, &begun);
  hostel_cancel *cancel = new_cancel();
  call call = {.instance = new_instance(guest), .function = "spin", .options = options_with_cancel(cancel)};
  begin_call(&call);
  wait_for(&begun, 1);
  SUCCEEDS(hostel_cancel_trigger(cancel, &error));
  CHECK(end_call(&call) == HOSTEL_STATUS_CANCELLED);
  REFUSES(INSTANCE_DEAD, "half-way", hostel_instance_call(call.instance, "quick", NOTHING, NULL, &output, &error));
  hostel_call_options_free(call.options);
  hostel_cancel_free(cancel);
  hostel_instance_free(call.instance);
  hostel_guest_free(guest);
}

static void a_start_is_cancelled_with_the_call_that_waits_for_it(const hostel_engine *shared) {
  static const char *const starts[] = {"(func $s (call $begun) (loop $l (br $l))) (start $s)",
                                       "(func (export \"_initialize\") (call $begun) (loop $l (br $l)))"};
  hostel_engine *engine = limited_engine(shared, HOSTEL_LIMIT_START_MS, 200000);
  for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
    char text[1000];
    snprintf(text, sizeof text,
             "(module (import \"host\" \"begun\" (func $answer (param i32 i32) (result i64)))" ABI
             " (func $begun (drop (call $answer (i32.const 0) (i32.const 0))))"
             " (func (export \"quick\") (param i32 i32) (result i64) (i64.const 0)) %s)",
             starts[i]);
    atomic_int begun = 0;
    hostel_imports *imports = imports_of("host", "begun", count_begun, &begun);
    hostel_guest *guest = link_guest(load_text(engine, text), imports);
    hostel_cancel *cancel = new_cancel();
    call call = {.guest = guest, .function = "quick", .options = options_with_cancel(cancel)};
    begin_call(&call);
    wait_for(&begun, 1);
    SUCCEEDS(hostel_cancel_trigger(cancel, &error));
    CHECK(end_call(&call) == HOSTEL_STATUS_CANCELLED);
    hostel_instance *instance = RUBBISH;
    FAILS(CANCELLED, "start", hostel_instance_new(guest, call.options, &instance, &error));
    CHECK(instance == NULL);
    hostel_call_options_free(call.options);
    hostel_cancel_free(cancel);
    hostel_imports_free(imports);
    hostel_guest_free(guest);
  }
  hostel_engine_free(engine);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(each_argument_is_checked),
      TEST(a_call_ends_while_it_runs_and_the_next_one_works),
      TEST(a_call_that_gets_it_afterwards_does_not_begin),
      TEST(a_call_that_has_ended_is_not_touched_and_it_stays_triggered),
      TEST(eight_other_calls_of_the_guest_end_in_order),
      TEST(one_token_ends_all_the_calls_it_was_given_to),
      TEST(it_may_be_freed_at_any_time),
      TEST(a_cancelled_instance_is_dead),
      TEST(a_start_is_cancelled_with_the_call_that_waits_for_it),
  };
  return RUN_TESTS(argc, argv, tests);
}
