/* threads.c: what may be shared may be used by many threads; what may not says BUSY. */
#include "check.h"

#include <pthread.h>

enum { THREADS = 8, CALLS = 200 };

/* What the threads of a test share. */
typedef struct shared {
  const hostel_engine *engine;
  hostel_guest *guest;
  hostel_function *function;
  hostel_instance *instance;
  hostel_call_options *options;
  atomic_int next, served, busy, finalized;
} shared;

/* Runs the function in as many threads as there are, at once. */
static void in_threads(void *(*run)(void *), shared *shared) {
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_create(&threads[i], NULL, run, shared) == 0);
  }
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_join(threads[i], NULL) == 0);
  }
}

static void *call_guest_and_function(void *argument) {
  shared *shared = argument;
  const int me = shared->next++;
  for (int i = 0; i < CALLS; i++) {
    char input[64], reversed[64];
    const int len = snprintf(input, sizeof input, "thread %d, call %d", me, i);
    for (int at = 0; at < len; at++) {
      reversed[at] = input[len - 1 - at];
    }
    const uint8_t *bytes = (const uint8_t *)input;
    ANSWERS_BYTES(input, (size_t)len, hostel_guest_call(shared->guest, "echo", bytes, (size_t)len, NULL, &output, &error));
    ANSWERS_BYTES(reversed, (size_t)len, hostel_function_call(shared->function, bytes, (size_t)len, NULL, &output, &error));
    if (i % 20 == me) {
      REFUSES(TRAP, "", hostel_guest_call(shared->guest, "panic", NOTHING, NULL, &output, &error));
      REFUSES(STACK_OVERFLOW, "", hostel_guest_call(shared->guest, "recurse", NOTHING, NULL, &output, &error));
      REFUSES(GUEST_ERROR, input, hostel_guest_call(shared->guest, "fail", bytes, (size_t)len, NULL, &output, &error));
    }
  }
  return NULL;
}

static void many_threads_call_one_guest_and_one_function(const hostel_engine *engine) {
  shared shared = {.guest = open_file(engine, "echo.wasm")};
  SUCCEEDS(hostel_guest_function(shared.guest, "reverse", &shared.function, &error));
  in_threads(call_guest_and_function, &shared);
  hostel_function_free(shared.function);
  hostel_guest_free(shared.guest);
}

static void *call_instance(void *argument) {
  shared *shared = argument;
  for (int i = 0; i < CALLS; i++) {
    hostel_buffer output = RUBBISH_BUFFER;
    uint64_t size = 0;
    const hostel_status status = hostel_instance_call(shared->instance, "counter", NOTHING, NULL, &output, NULL);
    CHECK(status == HOSTEL_STATUS_OK || status == HOSTEL_STATUS_BUSY);
    if (status == HOSTEL_STATUS_OK) {
      shared->served++;
      CHECK(output.len == 8);
    } else {
      CHECK(output.data == NULL && output.len == 0);
    }
    hostel_buffer_free(&output);
    const hostel_status measured = hostel_instance_memory_size(shared->instance, &size, NULL);
    CHECK(measured == HOSTEL_STATUS_BUSY || (measured == HOSTEL_STATUS_OK && size > 0));
  }
  return NULL;
}

static void an_instance_serves_one_at_a_time_and_loses_no_call(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  shared shared = {.instance = new_instance(guest)};
  in_threads(call_instance, &shared);
  const uint64_t calls = (uint64_t)shared.served + 1;
  uint8_t expected[8];
  for (int i = 0; i < 8; i++) {
    expected[i] = (uint8_t)(calls >> 8 * i);
  }
  CHECK(shared.served > 0);
  ANSWERS_BYTES(expected, 8, hostel_instance_call(shared.instance, "counter", NOTHING, NULL, &output, &error));
  hostel_instance_free(shared.instance);
  hostel_guest_free(guest);
}

/* Runs while a call is under way: from another thread the instance and the options are BUSY. */
static void *meddle(void *argument) {
  shared *shared = argument;
  uint8_t byte = 7;
  REFUSES(BUSY, "instance", hostel_instance_call(shared->instance, "call_host", NOTHING, NULL, &output, &error));
  FAILS(BUSY, "instance", hostel_instance_memory_read(shared->instance, 0, &byte, 1, &error));
  REFUSES(BUSY, "options", hostel_guest_call(shared->guest, "call_host", NOTHING, shared->options, &output, &error));
  FAILS(BUSY, "options", hostel_call_options_set_context(shared->options, NULL, &error));
  CHECK(byte == 7);
  shared->busy++;
  return NULL;
}

static hostel_status let_others_meddle(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, meddle, user_data) == 0);
  REQUIRE(pthread_join(thread, NULL) == 0);
  return hostel_caller_return(caller, TEXT("done"));
}

static void another_thread_finds_instance_and_options_busy(const hostel_engine *engine) {
  shared shared = {.options = new_options()};
  hostel_imports *imports = imports_of("host", "answer", let_others_meddle, &shared);
  shared.guest = link_guest(load_file(engine, "hosted.wasm"), imports);
  shared.instance = new_instance(shared.guest);
  hostel_imports_free(imports);
  ANSWERS("done", hostel_instance_call(shared.instance, "call_host", NOTHING, shared.options, &output, &error));
  CHECK(shared.busy == 1);
  hostel_instance_free(shared.instance);
  hostel_call_options_free(shared.options);
  hostel_guest_free(shared.guest);
}

static void *move_through_instance(void *argument) {
  shared *shared = argument;
  ANSWERS("ab", hostel_instance_call(shared->instance, "reverse", TEXT("ba"), NULL, &output, &error));
  REFUSES(TRAP, "", hostel_instance_call(shared->instance, "panic", NOTHING, NULL, &output, &error));
  return NULL;
}

static void an_instance_may_move_from_thread_to_thread(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  shared shared = {.instance = new_instance(guest)};
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, move_through_instance, &shared) == 0);
  REQUIRE(pthread_join(thread, NULL) == 0);
  REFUSES(INSTANCE_DEAD, "", hostel_instance_call(shared.instance, "echo", NOTHING, NULL, &output, &error));
  hostel_instance_free(shared.instance);
  hostel_guest_free(guest);
}

static hostel_status answer_context(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  ((shared *)user_data)->served++;
  return hostel_caller_return(caller, hostel_caller_context(caller), sizeof(int));
}

static void finalize(void *user_data) { ((shared *)user_data)->finalized++; }

static void *call_with_own_context(void *argument) {
  shared *shared = argument;
  int me = shared->next++;
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_context(options, &me, &error));
  for (int i = 0; i < CALLS; i++) {
    ANSWERS_BYTES(&me, sizeof me, hostel_function_call(shared->function, NOTHING, options, &output, &error));
  }
  hostel_call_options_free(options);
  return NULL;
}

static void each_call_has_its_own_context_in_shared_host_functions(const hostel_engine *engine) {
  shared shared = {0};
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define(imports, "host", "answer", answer_context, &shared, finalize, &error));
  shared.guest = link_guest(load_file(engine, "hosted.wasm"), imports);
  SUCCEEDS(hostel_guest_function(shared.guest, "call_host", &shared.function, &error));
  in_threads(call_with_own_context, &shared);
  CHECK(shared.served == THREADS * CALLS);
  hostel_imports_free(imports);
  hostel_guest_free(shared.guest);
  CHECK(shared.finalized == 0);
  hostel_function_free(shared.function);
  CHECK(shared.finalized == 1);
}

/* Each thread has a function of its own, calls it for a while, and frees it. */
static void *call_own_function(void *argument) {
  shared *shared = argument;
  hostel_function *function = RUBBISH;
  hostel_call_options *options = new_options();
  int me = shared->next++;
  SUCCEEDS(hostel_guest_function(shared->guest, "call_host", &function, &error));
  SUCCEEDS(hostel_call_options_set_context(options, &me, &error));
  shared->busy++; /* from here on the guest may go */
  for (int i = 0; i < CALLS; i++) {
    ANSWERS_BYTES(&me, sizeof me, hostel_function_call(function, NOTHING, options, &output, &error));
  }
  hostel_call_options_free(options);
  hostel_function_free(function);
  return NULL;
}

static void parents_may_go_while_threads_call_their_children(const hostel_engine *engine) {
  for (int round = 0; round < 5; round++) {
    shared shared = {0};
    pthread_t threads[THREADS];
    hostel_engine *own = limited_engine(engine, HOSTEL_LIMIT_DEPTH, 4);
    hostel_imports *imports = new_imports();
    SUCCEEDS(hostel_imports_define(imports, "host", "answer", answer_context, &shared, finalize, &error));
    shared.guest = link_guest(load_file(own, "hosted.wasm"), imports);
    for (int i = 0; i < THREADS; i++) {
      REQUIRE(pthread_create(&threads[i], NULL, call_own_function, &shared) == 0);
    }
    while (shared.busy < THREADS) {
    }
    hostel_engine_free(own);
    hostel_imports_free(imports);
    hostel_guest_free(shared.guest);
    for (int i = 0; i < THREADS; i++) {
      REQUIRE(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(shared.served == THREADS * CALLS && shared.finalized == 1);
  }
}

static void *load_and_call(void *argument) {
  shared *shared = argument;
  for (int i = 0; i < 3; i++) {
    hostel_guest *guest = open_file(shared->engine, "echo.wasm");
    ANSWERS("ab", hostel_guest_call(guest, "reverse", TEXT("ba"), NULL, &output, &error));
    hostel_guest_free(guest);
  }
  return NULL;
}

static void many_threads_load_with_one_engine(const hostel_engine *engine) {
  shared shared = {.engine = engine};
  in_threads(load_and_call, &shared);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(many_threads_call_one_guest_and_one_function),
      TEST(an_instance_serves_one_at_a_time_and_loses_no_call),
      TEST(another_thread_finds_instance_and_options_busy),
      TEST(an_instance_may_move_from_thread_to_thread),
      TEST(each_call_has_its_own_context_in_shared_host_functions),
      TEST(parents_may_go_while_threads_call_their_children),
      TEST(many_threads_load_with_one_engine),
  };
  return RUN_TESTS(argc, argv, tests);
}
