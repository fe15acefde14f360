/* deadline.c: calls that may take so long and no longer, and the thread that sees to it. */
#include "check_limits.h"

#include <dirent.h>
#include <pthread.h>

static uint64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static void an_endless_guest_ends_with_its_deadline_and_the_next_call_works(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, SPINNER);
  hostel_call_options *options = options_with_deadline(20);
  for (int round = 0; round < 5; round++) {
    const uint64_t begun = now_ms();
    REFUSES(DEADLINE, "time", hostel_guest_call(guest, "spin", NOTHING, options, &output, &error));
    CHECK(now_ms() - begun >= 19);
    CHECK(report_of(options).status == HOSTEL_STATUS_DEADLINE);
    ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, NULL, &output, &error));
  }
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

static void a_deadline_of_nothing_has_passed_already(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, SPINNER);
  ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, NULL, &output, &error));
  hostel_call_options *options = options_with_deadline(0);
  REFUSES(DEADLINE, "time", hostel_guest_call(guest, "spin", NOTHING, options, &output, &error));
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, HOSTEL_UNLIMITED, &error));
  ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, HOSTEL_UNLIMITED - 1, &error)); /* no clock goes so far */
  ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

static void a_deadline_needs_an_engine_that_has_them(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, false, false);
  hostel_guest *guest = open_text(engine, SPINNER);
  hostel_call_options *options = options_with_deadline(1000);
  REFUSES(LIMIT_NOT_COMPILED, "deadline", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  hostel_cancel *cancel = RUBBISH;
  SUCCEEDS(hostel_cancel_new(&cancel, &error));
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, HOSTEL_UNLIMITED, &error));
  SUCCEEDS(hostel_call_options_set_cancel(options, cancel, &error));
  REFUSES(LIMIT_NOT_COMPILED, "cancel", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  hostel_cancel_free(cancel);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

/* `ask` calls the host and then never ends, or ends at once if the host answers with nothing. */
#define SLEEPER                                                                                                                  \
  "(module (import \"host\" \"sleep\" (func $sleep (param i32 i32) (result i64)))" ABI                                           \
  " (func (export \"ask\") (param i32 i32) (result i64) (call $sleep (local.get 0) (local.get 1))))"

typedef struct nap {
  uint64_t left_before, left_after;
  bool stopped_before, stopped_after;
  long milliseconds;
  hostel_status answer;
} nap;

static hostel_status sleep_in_host(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  nap *nap = user_data;
  nap->left_before = hostel_caller_time_left_ms(caller);
  nap->stopped_before = hostel_caller_is_stopped(caller);
  sleep_ms(nap->milliseconds);
  nap->left_after = hostel_caller_time_left_ms(caller);
  nap->stopped_after = hostel_caller_is_stopped(caller);
  return nap->answer;
}

static void a_host_function_knows_what_is_left_and_cannot_outlast_it(const hostel_engine *engine) {
  nap nap = {.milliseconds = 1};
  hostel_imports *imports = imports_of("host", "sleep", sleep_in_host, &nap);
  hostel_guest *guest = link_guest(load_text(engine, SLEEPER), imports);
  ANSWERS("", hostel_guest_call(guest, "ask", NOTHING, NULL, &output, &error));
  CHECK(nap.left_before == HOSTEL_UNLIMITED && !nap.stopped_after);
  hostel_call_options *options = options_with_deadline(60000);
  ANSWERS("", hostel_guest_call(guest, "ask", NOTHING, options, &output, &error));
  CHECK(nap.left_before <= 60000 && nap.left_before > 30000 && nap.left_after <= nap.left_before && !nap.stopped_after);
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, 50, &error));
  nap.milliseconds = 150;
  REFUSES(DEADLINE, "time", hostel_guest_call(guest, "ask", NOTHING, options, &output, &error));
  CHECK(!nap.stopped_before && nap.left_after == 0 && nap.stopped_after);
  nap.answer = HOSTEL_STATUS_HOST_ERROR; /* whatever it says then */
  REFUSES(DEADLINE, "time", hostel_guest_call(guest, "ask", NOTHING, options, &output, &error));
  hostel_call_options_free(options);
  hostel_imports_free(imports);
  hostel_guest_free(guest);
}

typedef struct inner {
  hostel_guest *guest;
  hostel_call_options *options;
  hostel_status status;
} inner;

static hostel_status spin_inside(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)caller;
  inner *inner = user_data;
  hostel_buffer output = RUBBISH_BUFFER;
  inner->status = hostel_guest_call(inner->guest, "spin", input, input_len, inner->options, &output, NULL);
  hostel_buffer_free(&output);
  return HOSTEL_STATUS_OK;
}

static void a_call_inside_a_call_ends_with_the_deadline_of_both(const hostel_engine *engine) {
  inner inner = {.guest = open_text(engine, SPINNER), .options = options_with_deadline(60000)};
  hostel_imports *imports = imports_of("host", "sleep", spin_inside, &inner);
  hostel_guest *guest = link_guest(load_text(engine, SLEEPER), imports);
  hostel_call_options *options = options_with_deadline(300);
  REFUSES(DEADLINE, "time", hostel_guest_call(guest, "ask", NOTHING, options, &output, &error));
  CHECK(inner.status == HOSTEL_STATUS_DEADLINE);
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, 60000, &error));
  SUCCEEDS(hostel_call_options_set_deadline_ms(inner.options, 20, &error));
  ANSWERS("", hostel_guest_call(guest, "ask", NOTHING, options, &output, &error));
  CHECK(inner.status == HOSTEL_STATUS_DEADLINE);
  hostel_call_options_free(options);
  hostel_call_options_free(inner.options);
  hostel_imports_free(imports);
  hostel_guest_free(guest);
  hostel_guest_free(inner.guest);
}

static void a_start_that_never_ends_is_ended(const hostel_engine *engine) {
  hostel_engine *own = limited_engine(engine, HOSTEL_LIMIT_START_MS, 30);
  static const char *const starts[] = {"(module" ABI " (func $s (loop $l (br $l))) (start $s)"
                                       " (func (export \"f\") (param i32 i32) (result i64) (i64.const 0)))",
                                       "(module" ABI " (func (export \"_initialize\") (loop $l (br $l)))"
                                       " (func (export \"f\") (param i32 i32) (result i64) (i64.const 0)))"};
  for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
    hostel_guest *guest = open_text(own, starts[i]);
    hostel_instance *instance = RUBBISH;
    REFUSES(DEADLINE, "start", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
    FAILS(DEADLINE, "start", hostel_instance_new(guest, NULL, &instance, &error));
    hostel_guest_free(guest);
    guest = open_text(engine, starts[i]);
    hostel_call_options *options = options_with_deadline(20); /* a call's own deadline counts too */
    REFUSES(DEADLINE, "start", hostel_guest_call(guest, "f", NOTHING, options, &output, &error));
    hostel_call_options_free(options);
    hostel_guest_free(guest);
  }
  hostel_engine_free(own);
}

typedef struct caller_thread {
  hostel_guest *guest;
  const char *function;
  uint64_t milliseconds;
  hostel_status status;
} caller_thread;

static void *call_with_deadline(void *data) {
  caller_thread *self = data;
  hostel_call_options *options = options_with_deadline(self->milliseconds);
  hostel_buffer output = RUBBISH_BUFFER;
  self->status = hostel_guest_call(self->guest, self->function, NOTHING, options, &output, NULL);
  hostel_buffer_free(&output);
  hostel_call_options_free(options);
  return NULL;
}

static void many_deadlines_each_end_their_own_call(const hostel_engine *engine) {
  enum { THREADS = 16 };
  hostel_guest *guest = open_text(engine, SPINNER);
  caller_thread calls[THREADS];
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    calls[i] = (caller_thread){guest, i % 2 == 0 ? "spin" : "quick", i % 2 == 0 ? (uint64_t)(5 + 7 * i) : 60000, -1};
    REQUIRE(pthread_create(&threads[i], NULL, call_with_deadline, &calls[i]) == 0);
  }
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_join(threads[i], NULL) == 0);
    CHECK(calls[i].status == (i % 2 == 0 ? HOSTEL_STATUS_DEADLINE : HOSTEL_STATUS_OK));
  }
  hostel_guest_free(guest);
}

/* Others come and go: the compiler's. */
static int timer_threads(void) {
  int threads = 0;
  DIR *tasks = opendir("/proc/self/task");
  REQUIRE(tasks != NULL);
  for (struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
    char path[300], name[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
      threads += fgets(name, sizeof name, file) != NULL && strcmp(name, "hostel-timer\n") == 0;
      fclose(file);
    }
  }
  closedir(tasks);
  return threads;
}

static void the_thread_starts_with_the_first_deadline_and_can_be_joined(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, SPINNER);
  SUCCEEDS(hostel_timer_join(&error));
  ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, NULL, &output, &error));
  CHECK(timer_threads() == 0);
  for (int round = 0; round < 3; round++) {
    hostel_call_options *options = options_with_deadline(10);
    REFUSES(DEADLINE, "time", hostel_guest_call(guest, "spin", NOTHING, options, &output, &error));
    hostel_call_options_free(options);
    CHECK(timer_threads() == 1);
    SUCCEEDS(hostel_timer_join(&error));
    while (timer_threads() > 0) { /* a thread that was joined is listed for a moment longer */
      sleep_ms(1);
    }
  }
  hostel_guest_free(guest);
}

static hostel_status join_inside(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)caller, (void)input, (void)input_len;
  *(hostel_status *)user_data = hostel_timer_join(NULL);
  return HOSTEL_STATUS_OK;
}

static void the_thread_is_not_ended_while_a_call_needs_it(const hostel_engine *engine) {
  hostel_status joined = HOSTEL_STATUS_OK;
  hostel_imports *imports = imports_of("host", "sleep", join_inside, &joined);
  hostel_guest *guest = link_guest(load_text(engine, SLEEPER), imports);
  hostel_call_options *options = options_with_deadline(60000);
  ANSWERS("", hostel_guest_call(guest, "ask", NOTHING, options, &output, &error));
  CHECK(joined == HOSTEL_STATUS_BUSY);
  hostel_call_options_free(options);
  hostel_imports_free(imports);
  hostel_guest_free(guest);
}

static hostel_status call_without_room(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)caller, (void)input, (void)input_len;
  pthread_t thread; /* a call of another thread is not nested, and waits */
  REQUIRE(pthread_create(&thread, NULL, call_with_deadline, user_data) == 0);
  REQUIRE(pthread_join(thread, NULL) == 0);
  return HOSTEL_STATUS_OK;
}

static void waiting_for_a_room_ends_with_the_deadline(const hostel_engine *engine) {
  hostel_guest_options *one_room = RUBBISH;
  SUCCEEDS(hostel_guest_options_new(&one_room, &error));
  SUCCEEDS(hostel_guest_options_set_rooms_max(one_room, 1, 60000, &error));
  caller_thread waiter = {.function = "ask", .milliseconds = 20};
  hostel_imports *imports = imports_of("host", "sleep", call_without_room, &waiter);
  hostel_module *module = load_text(engine, SLEEPER);
  SUCCEEDS(hostel_guest_new(module, imports, one_room, &waiter.guest, &error));
  ANSWERS("", hostel_guest_call(waiter.guest, "ask", NOTHING, NULL, &output, &error));
  CHECK(waiter.status == HOSTEL_STATUS_DEADLINE);
  hostel_guest_free(waiter.guest);
  hostel_module_free(module);
  hostel_imports_free(imports);
  hostel_guest_options_free(one_room);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(the_thread_starts_with_the_first_deadline_and_can_be_joined),
      TEST(the_thread_is_not_ended_while_a_call_needs_it),
      TEST(an_endless_guest_ends_with_its_deadline_and_the_next_call_works),
      TEST(a_deadline_of_nothing_has_passed_already),
      TEST(a_deadline_needs_an_engine_that_has_them),
      TEST(a_host_function_knows_what_is_left_and_cannot_outlast_it),
      TEST(a_call_inside_a_call_ends_with_the_deadline_of_both),
      TEST(a_start_that_never_ends_is_ended),
      TEST(waiting_for_a_room_ends_with_the_deadline),
      TEST(many_deadlines_each_end_their_own_call),
  };
  return RUN_TESTS(argc, argv, tests);
}
