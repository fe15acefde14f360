/* rooms_stacks.c: rooms and the threads of a host: small stacks, alternate stacks, and SIGSEGV blocked. */
#include "check_signals.h"

#include <pthread.h>
#include <signal.h>

typedef struct job {
  const hostel_engine *engine;
  const hostel_guest *guest;
  size_t stack; /* of the thread; 0: as usual */
  size_t alternate;
  bool blocks, traps;
} job;

static void *work(void *argument) {
  const job *job = argument;
  char *alternate = NULL;
  if (job->alternate > 0) {
    alternate = malloc(job->alternate);
    const stack_t stack = {.ss_sp = alternate, .ss_size = job->alternate};
    REQUIRE(sigaltstack(&stack, NULL) == 0);
  }
  if (job->blocks) {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGSEGV);
    REQUIRE(pthread_sigmask(SIG_BLOCK, &mask, NULL) == 0);
  }
  call_often(job->guest, 100);
  hostel_guest *own = open_pages(job->engine);
  call_often(own, 30);
  if (job->traps) {
    trap_often(job->engine, 5);
  }
  hostel_guest_free(own);
  if (alternate != NULL) {
    const stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, NULL);
    free(alternate);
  }
  return NULL;
}

static void run_thread(job *job) {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  if (job->stack > 0) {
    REQUIRE(pthread_attr_setstacksize(&attributes, job->stack) == 0);
  }
  REQUIRE(pthread_create(&thread, &attributes, work, job) == 0);
  REQUIRE(pthread_join(thread, NULL) == 0);
  pthread_attr_destroy(&attributes);
}

static void run_threads(const char *name, job job) {
  hostel_engine *engine = engine_called(name);
  hostel_guest *guest = open_pages(engine);
  job.engine = engine;
  job.guest = guest;
  for (int i = 0; i < 5; i++) {
    call_often(guest, 20);
    run_thread(&job);
  }
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static void blocking_threads(const char *name) { run_threads(name, (job){.blocks = true}); }
static void threads_of_small_stacks(const char *name) { run_threads(name, (job){.stack = 256 << 10, .traps = true}); }

static void small_alternate_stacks(const char *name) {
  static const size_t sizes[] = {2048, 8192, 16384, 65536, 1 << 20};
  for (size_t i = SANITIZED ? 3 : 0; i < sizeof sizes / sizeof sizes[0]; i++) { /* handlers that are watched need more */
    run_threads(name, (job){.alternate = sizes[i], .traps = true});
  }
}

static void threads_that_block_the_signal_may_call(const hostel_engine *engine) { RUNS_WELL(blocking_threads, engine); }
static void a_stack_as_small_as_promised_is_enough(const hostel_engine *engine) { RUNS_WELL(threads_of_small_stacks, engine); }
static void alternate_stacks_of_any_size_will_do(const hostel_engine *engine) { RUNS_WELL(small_alternate_stacks, engine); }

static hostel_guest *stepper;

static void *only_call(void *guest) {
  call_often(guest, 20);
  REFUSES(TRAP, "", hostel_guest_call(stepper, "outside", NOTHING, NULL, &output, &error));
  REFUSES(STACK_OVERFLOW, "", hostel_guest_call(stepper, "deep", NOTHING, NULL, &output, &error));
  return NULL;
}

/* A thread that only calls, with everything loaded before. */
static void callers_of_small_stacks(const char *name) {
  hostel_engine *engine = engine_called(name);
  hostel_guest *guest = open_pages(engine);
  call_often(guest, 2);
  stepper = open_text(engine, outside);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  REQUIRE(pthread_attr_setstacksize(&attributes, 64 << 10) == 0);
  for (int i = 0; i < 10; i++) {
    pthread_t thread;
    REQUIRE(pthread_create(&thread, &attributes, only_call, guest) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
  }
  pthread_attr_destroy(&attributes);
  hostel_guest_free(guest);
  hostel_guest_free(stepper);
  hostel_engine_free(engine);
}

static void a_thread_that_only_calls_needs_64_kib(const hostel_engine *engine) { RUNS_WELL(callers_of_small_stacks, engine); }

int main(int argc, char **argv) {
  static const program programs[] = {
      PROGRAM(blocking_threads),
      PROGRAM(callers_of_small_stacks),
      PROGRAM(small_alternate_stacks),
      PROGRAM(threads_of_small_stacks),
  };
  int end;
  if (is_program(argc, argv, programs, sizeof programs / sizeof programs[0], &end)) {
    return end;
  }
  static const test tests[] = {
      TEST(threads_that_block_the_signal_may_call),
      TEST(a_stack_as_small_as_promised_is_enough),
      TEST(a_thread_that_only_calls_needs_64_kib),
      TEST(alternate_stacks_of_any_size_will_do),
  };
  return RUN_TESTS(argc, argv, tests);
}
