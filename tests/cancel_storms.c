/* cancel_storms.c: cancelling from inside host functions, in calls inside calls, in forked children, and by many threads at
 * once. */
#include "check_cancel.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a host function is to do, and what it saw. */
typedef struct inside {
  hostel_cancel *cancel;
  hostel_call_options *options; /* of the call that it serves */
  hostel_guest *guest;
  hostel_call_options *inner; /* of the call inside */
  hostel_status inner_status, answer;
  bool stopped_before, stopped_after;
} inside;

static void *trigger_soon(void *cancel) {
  sleep_ms(5);
  SUCCEEDS(hostel_cancel_trigger(cancel, &error));
  return NULL;
}

static hostel_status wait_until_stopped(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  inside *inside = user_data;
  pthread_t thread;
  inside->stopped_before = hostel_caller_is_stopped(caller);
  REQUIRE(pthread_create(&thread, NULL, trigger_soon, inside->cancel) == 0);
  while (!hostel_caller_is_stopped(caller)) {
    sleep_ms(1);
  }
  inside->stopped_after = true;
  REQUIRE(pthread_join(thread, NULL) == 0);
  return inside->answer == HOSTEL_STATUS_OK ? hostel_caller_return(caller, TEXT("never seen")) : inside->answer;
}

static void a_host_function_is_told_and_the_call_ends_when_it_returns(const hostel_engine *engine) {
  static const hostel_status answers[] = {HOSTEL_STATUS_OK, HOSTEL_STATUS_HOST_ERROR, 12345};
  inside inside = {.inner_status = -1};
  hostel_guest *guest = open_beginner(engine, wait_until_stopped, &inside);
  for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) { /* whatever it says then */
    inside = (struct inside){.cancel = new_cancel(), .answer = answers[i]};
    hostel_call_options *options = options_with_cancel(inside.cancel);
    hostel_instance *instance = new_instance(guest);
    REFUSES(CANCELLED, "cancelled", hostel_guest_call(guest, "ask", NOTHING, options, &output, &error));
    CHECK(!inside.stopped_before && inside.stopped_after);
    hostel_cancel_free(inside.cancel);
    inside.cancel = new_cancel();
    SUCCEEDS(hostel_call_options_set_cancel(options, inside.cancel, &error));
    REFUSES(CANCELLED, "cancelled", hostel_instance_call(instance, "ask", NOTHING, options, &output, &error));
    REFUSES(INSTANCE_DEAD, "half-way", hostel_instance_call(instance, "quick", NOTHING, NULL, &output, &error));
    ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, NULL, &output, &error));
    hostel_instance_free(instance);
    hostel_call_options_free(options);
    hostel_cancel_free(inside.cancel);
  }
  hostel_guest_free(guest);
}

static hostel_status trigger_and_end_with_a_result(void *user_data, hostel_caller *caller, const uint8_t *input, size_t len) {
  (void)input, (void)len;
  SUCCEEDS(hostel_cancel_trigger(user_data, &error));
  return hostel_caller_short_circuit(caller, TEXT("a result"));
}

static void a_result_that_comes_too_late_does_not_count(const hostel_engine *engine) {
  hostel_cancel *cancel = new_cancel();
  hostel_guest *guest = open_beginner(engine, trigger_and_end_with_a_result, cancel);
  hostel_call_options *options = options_with_cancel(cancel);
  REFUSES(CANCELLED, "cancelled", hostel_guest_call(guest, "ask", NOTHING, options, &output, &error));
  ANSWERS("a result", hostel_guest_call(guest, "ask", NOTHING, NULL, &output, &error));
  hostel_call_options_free(options);
  hostel_cancel_free(cancel);
  hostel_guest_free(guest);
}

static hostel_status change_them_meanwhile(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)caller, (void)input, (void)input_len;
  inside *inside = user_data;
  FAILS(BUSY, "options", hostel_call_options_set_cancel(inside->options, inside->cancel, &error));
  FAILS(BUSY, "options", hostel_call_options_set_cancel(inside->options, NULL, &error));
  FAILS(BUSY, "options", hostel_call_options_set_fuel(inside->options, 1, &error));
  FAILS(BUSY, "options", hostel_call_options_set_deadline_ms(inside->options, 1, &error));
  hostel_cancel_free(inside->cancel); /* a token is never busy */
  return HOSTEL_STATUS_OK;
}

static void options_in_use_are_busy_and_the_token_is_not(const hostel_engine *engine) {
  inside inside = {.cancel = new_cancel()};
  inside.options = options_with_cancel(inside.cancel);
  hostel_guest *guest = open_beginner(engine, change_them_meanwhile, &inside);
  ANSWERS("", hostel_guest_call(guest, "ask", NOTHING, inside.options, &output, &error));
  hostel_call_options_free(inside.options);
  hostel_guest_free(guest);
}

static hostel_status spin_inside(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)caller;
  inside *inside = user_data;
  pthread_t thread;
  hostel_buffer output = RUBBISH_BUFFER;
  REQUIRE(pthread_create(&thread, NULL, trigger_soon, inside->cancel) == 0);
  inside->inner_status = hostel_guest_call(inside->guest, "spin", input, input_len, inside->inner, &output, NULL);
  inside->stopped_after = hostel_caller_is_stopped(caller);
  REQUIRE(pthread_join(thread, NULL) == 0);
  hostel_buffer_free(&output);
  return HOSTEL_STATUS_OK;
}

static void a_call_inside_a_call_is_cancelled_with_it_and_not_the_other_way_round(const hostel_engine *engine) {
  hostel_cancel *of_another = new_cancel();
  inside inside = {.guest = open_text(engine, SPINNER), .cancel = new_cancel()};
  hostel_guest *guest = open_beginner(engine, spin_inside, &inside);
  inside.options = options_with_cancel(inside.cancel);
  REFUSES(CANCELLED, "cancelled", hostel_guest_call(guest, "ask", NOTHING, inside.options, &output, &error));
  CHECK(inside.inner_status == HOSTEL_STATUS_CANCELLED && inside.stopped_after);
  hostel_cancel_free(inside.cancel);

  inside.cancel = new_cancel(); /* both have one, and only the outer call's is triggered */
  inside.inner = options_with_cancel(of_another);
  SUCCEEDS(hostel_call_options_set_cancel(inside.options, inside.cancel, &error));
  REFUSES(CANCELLED, "cancelled", hostel_guest_call(guest, "ask", NOTHING, inside.options, &output, &error));
  CHECK(inside.inner_status == HOSTEL_STATUS_CANCELLED && inside.stopped_after);
  hostel_cancel_free(inside.cancel);

  inside.cancel = new_cancel(); /* only the inner one's */
  SUCCEEDS(hostel_call_options_set_cancel(inside.inner, inside.cancel, &error));
  SUCCEEDS(hostel_call_options_set_cancel(inside.options, of_another, &error));
  ANSWERS("", hostel_guest_call(guest, "ask", NOTHING, inside.options, &output, &error));
  CHECK(inside.inner_status == HOSTEL_STATUS_CANCELLED && !inside.stopped_after);
  hostel_cancel_free(inside.cancel);
  hostel_cancel_free(of_another);
  hostel_call_options_free(inside.inner);
  hostel_call_options_free(inside.options);
  hostel_guest_free(guest);
  hostel_guest_free(inside.guest);
}

/* ---- storms ---- */

enum { STORM = 8, STORM_CALLS = 60 };

/* Tokens that some threads give to calls, and others trigger, free, and replace. */
typedef struct storm {
  const hostel_guest *guest;
  hostel_instance *instances[STORM];
  pthread_mutex_t locks[STORM];
  hostel_cancel *cancels[STORM];
  atomic_int next, calling;
} storm;

static void *call_in_storm(void *data) {
  storm *storm = data;
  const int me = storm->next++;
  uint64_t random = (uint64_t)me + 1;
  hostel_call_options *options = new_options();
  for (int i = 0; i < STORM_CALLS; i++) {
    const size_t slot = random_below(&random, STORM);
    pthread_mutex_lock(&storm->locks[slot]);
    SUCCEEDS(hostel_call_options_set_cancel(options, storm->cancels[slot], &error));
    pthread_mutex_unlock(&storm->locks[slot]);
    const bool ends = i % 3 == 0;
    hostel_buffer output = RUBBISH_BUFFER;
    const hostel_status status = hostel_guest_call(storm->guest, ends ? "quick" : "spin", NOTHING, options, &output, NULL);
    CHECK(status == HOSTEL_STATUS_CANCELLED || (ends && status == HOSTEL_STATUS_OK));
    CHECK(output.data == NULL && output.len == 0);
    ANSWERS("", hostel_guest_call(storm->guest, "quick", NOTHING, NULL, &output, &error));
    ANSWERS("", hostel_instance_call(storm->instances[me], "quick", NOTHING, NULL, &output, &error));
  }
  hostel_call_options_free(options);
  storm->calling--;
  return NULL;
}

static void *cancel_in_storm(void *data) {
  storm *storm = data;
  uint64_t random = (uint64_t)storm->next++ + 1;
  while (storm->calling > 0) {
    const size_t slot = random_below(&random, STORM);
    hostel_cancel *cancel = new_cancel();
    pthread_mutex_lock(&storm->locks[slot]);
    SUCCEEDS(hostel_cancel_trigger(storm->cancels[slot], &error));
    if (random_below(&random, 2) == 0) {
      SUCCEEDS(hostel_cancel_trigger(storm->cancels[slot], &error));
    }
    hostel_cancel_free(storm->cancels[slot]);
    storm->cancels[slot] = cancel;
    pthread_mutex_unlock(&storm->locks[slot]);
    sched_yield();
  }
  return NULL;
}

static void in_a_storm_every_call_ends_and_the_next_one_works(const hostel_engine *engine) {
  pthread_t threads[2 * STORM];
  storm storm = {.guest = open_text(engine, SPINNER), .calling = STORM};
  for (int i = 0; i < STORM; i++) {
    storm.instances[i] = new_instance(storm.guest);
    storm.cancels[i] = new_cancel();
    REQUIRE(pthread_mutex_init(&storm.locks[i], NULL) == 0);
  }
  for (int i = 0; i < 2 * STORM; i++) {
    REQUIRE(pthread_create(&threads[i], NULL, i < STORM ? call_in_storm : cancel_in_storm, &storm) == 0);
    while (i < STORM && storm.next <= i) { /* callers have the first numbers */
      sched_yield();
    }
  }
  for (int i = 0; i < 2 * STORM; i++) {
    REQUIRE(pthread_join(threads[i], NULL) == 0);
  }
  for (int i = 0; i < STORM; i++) {
    ANSWERS("", hostel_guest_call(storm.guest, "quick", NOTHING, NULL, &output, &error));
    hostel_instance_free(storm.instances[i]);
    hostel_cancel_free(storm.cancels[i]);
    pthread_mutex_destroy(&storm.locks[i]);
  }
  hostel_guest_free((hostel_guest *)storm.guest);
}

/* ---- forks ---- */

/* What a forked child finds; how many checks failed. */
static int use_limits_in_child(const hostel_guest *guest, hostel_cancel *cancel) {
  failures = 0;
  alarm(60);
  hostel_call_options *options = options_with_deadline(20);
  REFUSES(DEADLINE, "time", hostel_guest_call(guest, "spin", NOTHING, options, &output, &error));
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, HOSTEL_UNLIMITED, &error));
  SUCCEEDS(hostel_call_options_set_cancel(options, cancel, &error));
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, trigger_soon, cancel) == 0);
  REFUSES(CANCELLED, "cancelled", hostel_guest_call(guest, "spin", NOTHING, options, &output, &error));
  REQUIRE(pthread_join(thread, NULL) == 0);
  ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, NULL, &output, &error));
  SUCCEEDS(hostel_timer_join(&error)); /* its own: the calls of its parent are none of its */
  hostel_call_options_free(options);
  return failures;
}

static void a_forked_child_has_deadlines_and_cancels_only_its_own_calls(const hostel_engine *engine) {
  atomic_int begun = 0;
  hostel_guest *guest = open_beginner(engine, count_begun, &begun);
  hostel_cancel *cancel = new_cancel();
  call call = {.guest = guest, .function = "spin", .options = options_with_cancel(cancel)};
  SUCCEEDS(hostel_call_options_set_deadline_ms(call.options, 200000, &error));
  begin_call(&call);
  wait_for(&begun, 1);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    _exit(use_limits_in_child(guest, cancel) == 0 ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK(!hostel_cancel_is_triggered(cancel));
  SUCCEEDS(hostel_cancel_trigger(cancel, &error));
  CHECK(end_call(&call) == HOSTEL_STATUS_CANCELLED);
  hostel_call_options_free(call.options);
  hostel_cancel_free(cancel);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_host_function_is_told_and_the_call_ends_when_it_returns),
      TEST(a_result_that_comes_too_late_does_not_count),
      TEST(options_in_use_are_busy_and_the_token_is_not),
      TEST(a_call_inside_a_call_is_cancelled_with_it_and_not_the_other_way_round),
      TEST(in_a_storm_every_call_ends_and_the_next_one_works),
      TEST(a_forked_child_has_deadlines_and_cancels_only_its_own_calls),
  };
  return RUN_TESTS(argc, argv, tests);
}
