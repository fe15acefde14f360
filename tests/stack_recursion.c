/* stack_recursion.c: host functions that call guests again end as STACK_OVERFLOW when the stack of their thread is used up,
 * whichever way they do it, and however small it is. */
#define _GNU_SOURCE
#include "check.h"
#include "check_sanitized.h"

#include <pthread.h>
#include <ucontext.h>

enum { KIB = 1024 * (SANITIZED ? 16 : 1) /* code that is watched needs more */, DEPTH_MAX = 256 };

#define ALLOCATOR                                                                                                                \
  "(memory (export \"memory\") 1) (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024))"                    \
  " (func (export \"hostel_free\") (param i32 i32))"

static const char of_bytes[] =
    "(module (import \"h\" \"f\" (func $f (param i32 i32) (result i64)))"
    " (import \"h\" \"raw\" (func $raw (param i64) (result i64)))" ALLOCATOR
    " (func (export \"go\") (param i32 i32) (result i64) (call $f (local.get 0) (local.get 1)))"
    " (func (export \"values\") (param i64) (result i64) (call $raw (local.get 0)))"
    " (func (export \"values_of_bytes\") (param i64) (result i64) (call $f (i32.const 0) (i32.const 1)))"
    " (func (export \"echo\") (param i32 i32) (result i64) (i64.const 0)))";

static const char with_start[] = "(module (import \"h\" \"f\" (func $f (param i32 i32) (result i64)))" ALLOCATOR
                                 " (func $s (drop (call $f (i32.const 0) (i32.const 1)))) (start $s))";

/* How a guest is entered again, and again. */
typedef struct recursion {
  const hostel_engine *engine;
  const hostel_module *module;
  const hostel_imports *imports;
  const hostel_guest *guest;
  const hostel_function *function;
  hostel_status (*enter)(struct recursion *recursion, hostel_error **error_out);
  unsigned depth, deepest;
  hostel_status innermost;
  size_t stack_bytes;
} recursion;

/* One level more; what came of the innermost is noted, and it ends there. */
static hostel_status deeper(recursion *recursion, hostel_caller *caller) {
  hostel_error *error = RUBBISH;
  if (++recursion->depth > recursion->deepest) {
    recursion->deepest = recursion->depth;
  }
  const hostel_status status = recursion->enter(recursion, &error);
  recursion->depth--;
  if (status == HOSTEL_STATUS_OK) {
    return HOSTEL_STATUS_OK;
  }
  if (recursion->innermost == HOSTEL_STATUS_OK) {
    recursion->innermost = status;
  }
  CHECK(hostel_caller_fail(caller, hostel_error_message(error), NULL, 0) == HOSTEL_STATUS_OK);
  hostel_error_free(error);
  return HOSTEL_STATUS_HOST_ERROR;
}

static hostel_status host(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  return deeper(user_data, caller);
}

static hostel_status raw_host(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)values;
  return deeper(user_data, caller);
}

static hostel_status by_name(recursion *recursion, hostel_error **error_out) {
  hostel_buffer output = RUBBISH_BUFFER;
  const hostel_status status = hostel_guest_call(recursion->guest, "go", TEXT("a"), NULL, &output, error_out);
  hostel_buffer_free(&output);
  return status;
}

static hostel_status by_function(recursion *recursion, hostel_error **error_out) {
  hostel_buffer output = RUBBISH_BUFFER;
  const hostel_status status = hostel_function_call(recursion->function, TEXT("a"), NULL, &output, error_out);
  hostel_buffer_free(&output);
  return status;
}

static hostel_status by_values(recursion *recursion, hostel_error **error_out) {
  uint64_t value = 1;
  return hostel_guest_call_values(recursion->guest, "values_of_bytes", &value, 1, NULL, error_out);
}

static hostel_status by_raw_values(recursion *recursion, hostel_error **error_out) {
  uint64_t value = 1;
  return hostel_guest_call_values(recursion->guest, "values", &value, 1, NULL, error_out);
}

static hostel_status in_a_new_instance(recursion *recursion, hostel_error **error_out) {
  hostel_instance *instance = RUBBISH;
  hostel_buffer output = {NULL, 0};
  hostel_status status = hostel_instance_new(recursion->guest, NULL, &instance, error_out);
  if (status == HOSTEL_STATUS_OK) {
    status = hostel_instance_call(instance, "go", TEXT("a"), NULL, &output, error_out);
  }
  hostel_buffer_free(&output);
  hostel_instance_free(instance);
  return status;
}

static hostel_status by_the_start_of_an_instance(recursion *recursion, hostel_error **error_out) {
  hostel_instance *instance = RUBBISH;
  const hostel_status status = hostel_instance_new(recursion->guest, NULL, &instance, error_out);
  hostel_instance_free(instance);
  return status;
}

static hostel_status in_a_new_guest(recursion *recursion, hostel_error **error_out) {
  hostel_guest *guest = RUBBISH;
  hostel_buffer output = {NULL, 0};
  hostel_status status = hostel_guest_new(recursion->module, recursion->imports, NULL, &guest, error_out);
  if (status == HOSTEL_STATUS_OK) {
    status = hostel_guest_call(guest, "go", TEXT("a"), NULL, &output, error_out);
  }
  hostel_buffer_free(&output);
  hostel_guest_free(guest);
  return status;
}

static hostel_status in_a_new_module(recursion *recursion, hostel_error **error_out) {
  hostel_guest *guest = NULL;
  hostel_module *module = RUBBISH;
  hostel_buffer output = {NULL, 0};
  hostel_status status = hostel_module_load_wat(recursion->engine, NULL, of_bytes, strlen(of_bytes), NULL, &module, error_out);
  if (status == HOSTEL_STATUS_OK) {
    status = hostel_guest_new(module, recursion->imports, NULL, &guest, error_out);
  }
  if (status == HOSTEL_STATUS_OK) {
    status = hostel_guest_call(guest, "go", TEXT("a"), NULL, &output, error_out);
  }
  hostel_buffer_free(&output);
  hostel_guest_free(guest);
  hostel_module_free(module);
  return status;
}

static const struct way {
  const char *name;
  hostel_status (*enter)(recursion *recursion, hostel_error **error_out);
  const char *guest;
} ways[] = {
    {"by name", by_name, of_bytes},
    {"by function", by_function, of_bytes},
    {"by values", by_values, of_bytes},
    {"by raw values", by_raw_values, of_bytes},
    {"in a new instance", in_a_new_instance, of_bytes},
    {"by the start of an instance", by_the_start_of_an_instance, with_start},
    {"in a new guest", in_a_new_guest, of_bytes},
    {"in a new module", in_a_new_module, of_bytes},
};
enum { WAYS = sizeof ways / sizeof *ways };

static void *begin(void *argument) {
  recursion *recursion = argument;
  hostel_error *error = RUBBISH;
  for (int i = 0; i < 2; i++) { /* the second time all is as it was */
    const hostel_status status = recursion->enter(recursion, &error);
    if (recursion->innermost == HOSTEL_STATUS_OK) {
      recursion->innermost = status;
    }
    CHECK(status != HOSTEL_STATUS_OK && recursion->depth == 0);
    hostel_error_free(error);
  }
  return NULL;
}

static void on_a_thread(recursion *recursion, void *(*run)(void *)) {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  REQUIRE(pthread_attr_setstacksize(&attributes, recursion->stack_bytes) == 0);
  REQUIRE(pthread_create(&thread, &attributes, run, recursion) == 0);
  REQUIRE(pthread_join(thread, NULL) == 0);
  pthread_attr_destroy(&attributes);
}

/* Makes all that one of the ways needs, runs it on a thread of so many bytes, and says how it ended. */
static recursion recurse(const hostel_engine *plain, const struct way *way, size_t stack_bytes, void *(*run)(void *)) {
  hostel_engine *engine = limited_engine(plain, HOSTEL_LIMIT_DEPTH, DEPTH_MAX);
  recursion recursion = {.engine = engine, .enter = way->enter, .stack_bytes = stack_bytes};
  const hostel_value_type type = HOSTEL_VALUE_I64;
  hostel_imports *imports = imports_of("h", "f", host, &recursion);
  hostel_module *module = load_text(engine, way->guest);
  hostel_guest *guest = RUBBISH;
  hostel_function *function = NULL;
  SUCCEEDS(hostel_imports_define_raw(imports, "h", "raw", &type, 1, &type, 1, raw_host, &recursion, NULL, &error));
  SUCCEEDS(hostel_guest_new(module, imports, NULL, &guest, &error));
  if (way->guest == of_bytes) {
    SUCCEEDS(hostel_guest_function(guest, "go", &function, &error));
  }
  recursion.module = module;
  recursion.imports = imports;
  recursion.guest = guest;
  recursion.function = function;
  on_a_thread(&recursion, run);
  if (recursion.innermost != HOSTEL_STATUS_STACK_OVERFLOW) {
    fprintf(stderr, "%s on %zu KiB: %s at %u\n", way->name, stack_bytes >> 10, hostel_status_name(recursion.innermost),
            recursion.deepest);
  }
  hostel_function_free(function);
  hostel_guest_free(guest);
  hostel_module_free(module);
  hostel_imports_free(imports);
  hostel_engine_free(engine);
  return recursion;
}

static void small_stacks_are_used_up_in_order(const hostel_engine *engine) {
  static const size_t sizes[] = {64, 72, 100, 128, 256, 512};
  for (size_t way = 0; way < WAYS; way++) {
    for (size_t size = 0; size < sizeof sizes / sizeof *sizes; size++) {
      const recursion recursion = recurse(engine, &ways[way], sizes[size] * KIB, begin);
      CHECK(recursion.innermost == HOSTEL_STATUS_STACK_OVERFLOW);
      /* 256 KiB are enough for the default depth, and anything is for one. */
      CHECK(recursion.deepest >= (sizes[size] >= 256 && way < 6 ? 16 : 1) || ways[way].enter == in_a_new_module);
    }
  }
}

static void a_large_stack_is_bounded_by_the_depth_alone(const hostel_engine *engine) {
  for (size_t way = 0; way < 4; way++) {
    const recursion recursion = recurse(engine, &ways[way], (size_t)32 << 20, begin);
    CHECK(recursion.innermost == HOSTEL_STATUS_STACK_OVERFLOW && recursion.deepest == DEPTH_MAX);
  }
}

/* ---- stacks that are not the thread's ---- */

static ucontext_t outside, inside;
static recursion *of_inside;

static void run_inside(void) { (void)begin(of_inside); }

/* A coroutine of the host's, with more stack than its thread. */
static void *begin_inside(void *argument) {
  enum { BYTES = 16 << 20 };
  static char *stack;
  hostel_buffer output = RUBBISH_BUFFER;
  recursion *recursion = of_inside = argument;
  stack = malloc(BYTES);
  REQUIRE(stack != NULL && getcontext(&inside) == 0);
  SUCCEEDS(hostel_guest_call(recursion->guest, "echo", TEXT("a"), NULL, &output, &error)); /* on the thread's own */
  hostel_buffer_free(&output);
  inside.uc_stack.ss_sp = stack;
  inside.uc_stack.ss_size = BYTES;
  inside.uc_link = &outside;
  makecontext(&inside, run_inside, 0);
  REQUIRE(swapcontext(&outside, &inside) == 0);
  SUCCEEDS(hostel_guest_call(recursion->guest, "echo", TEXT("a"), NULL, &output, &error));
  hostel_buffer_free(&output);
  free(stack);
  return NULL;
}

static void a_stack_of_the_host_s_own_is_bounded_by_the_depth_alone(const hostel_engine *engine) {
  if (SANITIZED) {
    return; /* which takes other stacks for a fault of the program's */
  }
  const recursion recursion = recurse(engine, &ways[0], 64 * KIB, begin_inside);
  CHECK(recursion.innermost == HOSTEL_STATUS_STACK_OVERFLOW && recursion.deepest == DEPTH_MAX);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(small_stacks_are_used_up_in_order),
      TEST(a_large_stack_is_bounded_by_the_depth_alone),
      TEST(a_stack_of_the_host_s_own_is_bounded_by_the_depth_alone),
  };
  return RUN_TESTS(argc, argv, tests);
}
