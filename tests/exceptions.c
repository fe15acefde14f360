/* exceptions.c: what a guest throws is bounded in stack, memory and time, and harms nobody else; an engine that cannot promise
 * that takes no such module. */
#define _GNU_SOURCE
#include "check_limits.h"

#include <pthread.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

/* A guest of the text; NULL where the engine lacks exceptions, and says so. */
static hostel_guest *open_or_lack(const hostel_engine *engine, const char *text) {
  if (engine_row_has(engine, "\"exception-handling\"")) {
    hostel_module *module = RUBBISH;
    FAILS(UNSUPPORTED_MODULE, "exception-handling",
          hostel_module_load_wat(engine, NULL, text, strlen(text), NULL, &module, &error));
    CHECK(module == NULL);
    return NULL;
  }
  return open_text(engine, text);
}

static uint64_t resident_bytes(void) {
  unsigned long long total = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  REQUIRE(file != NULL && fscanf(file, "%llu %llu", &total, &resident) == 2);
  fclose(file);
  return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

#define BYSTANDER                                                                                                                \
  "(module (tag $e (param i32)) (func (export \"ok\") (param i32) (result i32)"                                                  \
  " (block $h (result i32) (try_table (catch $e $h) (throw $e (local.get 0))) (i32.const 0))))"

/* Others of the process throw and catch as before. */
static void others_go_on(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, BYSTANDER);
  for (uint64_t i = 1; i < 10; i++) {
    uint64_t value = i;
    SUCCEEDS(hostel_guest_call_values(guest, "ok", &value, 1, NULL, &error));
    CHECK(value == i);
  }
  hostel_guest_free(guest);
}

static void *others_go_on_in_a_thread(void *engine) {
  others_go_on(engine);
  return NULL;
}

static void all_others_go_on(const hostel_engine *engine) {
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, others_go_on_in_a_thread, (void *)engine) == 0);
  others_go_on(engine);
  REQUIRE(pthread_join(thread, NULL) == 0);
}

/* Each frame throws and catches on its way down. */
static void a_throw_near_the_end_of_the_stack_is_an_overflow(const hostel_engine *shared) {
  static const char text[] = "(module (tag $e) (global $n (mut i32) (i32.const 0))"
                             " (func $r (export \"f\") (block $h (try_table (catch $e $h) (throw $e))) (call $r)"
                             "   (global.set $n (i32.add (global.get $n) (i32.const 1)))))";
  hostel_engine *engine = limited_engine(shared, HOSTEL_LIMIT_STACK_BYTES, 65536);
  hostel_guest *guest = open_or_lack(engine, text);
  if (guest != NULL) {
    hostel_call_options *options = options_with_deadline(60000);
    for (int times = 0; times < 3; times++) {
      FAILS(STACK_OVERFLOW, "", hostel_guest_call_values(guest, "f", NULL, 0, options, &error));
    }
    hostel_call_options_free(options);
    hostel_guest_free(guest);
    all_others_go_on(engine);
  }
  hostel_engine_free(engine);
}

/* Whether it was thrown or there was no stack left for it: the same each time, and overflows from some depth on. */
static void a_throw_at_any_depth_is_caught_or_an_overflow(const hostel_engine *shared) {
  static const char *const texts[] = {
      "(module (tag $e) (func $rec (param i32) (result i32) (if (i32.eqz (local.get 0)) (then (throw $e)))"
      "   (i32.add (call $rec (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))"
      " (func (export \"f\") (param i32) (result i32)"
      "   (block $h (try_table (catch $e $h) (drop (call $rec (local.get 0)))) (return (i32.const 0))) (i32.const 1)))",
      /* Each frame has a handler for another exception, and one with a payload on its way. */
      "(module (tag $e (param i64 f64 i32)) (tag $other) (func $rec (param i32) (result i32)"
      "   (block $h (try_table (catch $other $h)"
      "     (if (i32.eqz (local.get 0)) (then (throw $e (i64.const 5) (f64.const 6) (i32.const 1))))"
      "     (return (i32.add (call $rec (i32.sub (local.get 0) (i32.const 1))) (i32.const 1))))) (i32.const 0))"
      " (func (export \"f\") (param i32) (result i32)"
      "   (block $h (result i64 f64 i32) (try_table (catch $e $h) (drop (call $rec (local.get 0)))) (return (i32.const 0)))"
      "   (return)))",
      /* Each frame catches all, and throws on by the reference. */
      "(module (tag $e) (func $rec (param i32) (result i32)"
      "   (block $h (result exnref) (try_table (catch_all_ref $h)"
      "     (if (i32.eqz (local.get 0)) (then (throw $e)))"
      "     (return (i32.add (call $rec (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))) (unreachable))"
      "   (throw_ref))"
      " (func (export \"f\") (param i32) (result i32)"
      "   (block $h (try_table (catch $e $h) (drop (call $rec (local.get 0)))) (return (i32.const 0))) (i32.const 1)))",
  };
  hostel_engine *engine = limited_engine(shared, HOSTEL_LIMIT_STACK_BYTES, 65536);
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    hostel_guest *guest = open_or_lack(engine, texts[i]);
    if (guest == NULL) {
      continue;
    }
    bool caught = false, overflowed = false;
    for (uint64_t depth = 1; depth <= 8000; depth += depth < 200 || depth % 100 > 90 ? 1 : 7) {
      for (int times = 0; times < 2; times++) {
        uint64_t value = depth;
        hostel_error *error = RUBBISH;
        const hostel_status status = hostel_guest_call_values(guest, "f", &value, 1, NULL, &error);
        CHECK(status == HOSTEL_STATUS_STACK_OVERFLOW || (status == HOSTEL_STATUS_OK && value == 1 && !overflowed));
        caught |= status == HOSTEL_STATUS_OK;
        overflowed |= status != HOSTEL_STATUS_OK;
        hostel_error_free(error);
      }
    }
    CHECK(caught && overflowed);
    hostel_guest_free(guest);
    all_others_go_on(engine);
  }
  hostel_engine_free(engine);
}

#define THROWS_DEEP                                                                                                              \
  "(module (tag $e (param i64 i64)) (global $n (mut i32) (i32.const 0))"                                                         \
  " (func $throws (param i32) (loop $l (block $h (result i64 i64)"                                                               \
  "   (try_table (catch $e $h) (throw $e (i64.const 1) (i64.const 2))) (i64.const 0) (i64.const 0)) (drop) (drop)"               \
  "   (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))"                                                          \
  " (func $down (param i32 i32) (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1)) (local.get 1)))"       \
  "   (else (call $throws (local.get 1)))) (global.set $n (i32.add (global.get $n) (i32.const 1))))"                             \
  " (func (export \"f\") (param i32 i32) (call $down (local.get 0) (local.get 1))))"

static void what_was_thrown_takes_no_memory(const hostel_engine *shared) {
  hostel_engine *engine = limited_engine(shared, HOSTEL_LIMIT_MEMORY_BYTES, 65536);
  hostel_guest *guest = open_or_lack(engine, THROWS_DEEP);
  if (guest != NULL) {
    hostel_instance *instance = new_instance(guest);
    uint64_t before = 0;
    for (int times = 0; times < 20; times++) {
      before = times == 3 ? resident_bytes() : before;
      uint64_t values[2] = {10000, 1000};
      SUCCEEDS(hostel_instance_call_values(instance, "f", values, 2, NULL, &error));
      uint64_t again[2] = {10000, 1000};
      SUCCEEDS(hostel_guest_call_values(guest, "f", again, 2, NULL, &error));
    }
    CHECK(resident_bytes() < before + 16 * MIB);
    hostel_instance_free(instance);
    hostel_guest_free(guest);
  }
  hostel_engine_free(engine);
}

/* Each frame keeps what it has caught: 800 bytes and more. */
static void what_is_kept_counts_as_the_guests_memory(const hostel_engine *shared) {
  enum { VALUES = 100 };
  static char text[VALUES * 40 + 2000];
  size_t len = (size_t)snprintf(text, sizeof text, "(module (tag $e (param");
  for (int i = 0; i < VALUES; i++) {
    len += (size_t)snprintf(text + len, sizeof text - len, " i64");
  }
  len += (size_t)snprintf(text + len, sizeof text - len, ")) (func $throws (throw $e");
  for (int i = 0; i < VALUES; i++) {
    len += (size_t)snprintf(text + len, sizeof text - len, " (i64.const %d)", i);
  }
  snprintf(text + len, sizeof text - len,
           ")) (func $f (export \"f\") (param i32) (local $kept exnref)"
           " (local.set $kept (block $h (result exnref) (try_table (catch_all_ref $h) (call $throws)) (unreachable)))"
           " (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))))"
           " (if (ref.is_null (local.get $kept)) (then (unreachable)))))");
  hostel_engine *engine = limited_engine(shared, HOSTEL_LIMIT_MEMORY_BYTES, MIB);
  hostel_guest *guest = open_or_lack(engine, text);
  if (guest != NULL) {
    hostel_instance *instance = new_instance(guest);
    const uint64_t before = resident_bytes();
    for (int times = 0; times < 3; times++) {
      uint64_t deep = 5000, flat = 100;
      FAILS(MEMORY_LIMIT, "", hostel_guest_call_values(guest, "f", &deep, 1, NULL, &error));
      SUCCEEDS(hostel_guest_call_values(guest, "f", &flat, 1, NULL, &error));
      flat = 100;
      SUCCEEDS(hostel_instance_call_values(instance, "f", &flat, 1, NULL, &error));
    }
    CHECK(resident_bytes() < before + 16 * MIB);
    hostel_instance_free(instance);
    hostel_guest_free(guest);
  }
  hostel_engine_free(engine);
}

/* Throwing and nothing else, for ever: each at some depth, too. */
static void what_throws_for_ever_ends_in_time(const hostel_engine *shared) {
  static const char *const texts[] = {
      "(module (tag $e) (func (export \"f\") (param i32 i32) (local $x exnref)"
      "   (local.set $x (block $h (result exnref) (try_table (catch_ref $e $h) (throw $e)) (unreachable)))"
      "   (loop $l (local.set $x (block $h (result exnref) (try_table (catch_all_ref $h) (throw_ref (local.get $x)))"
      "     (unreachable))) (br $l))))",
      THROWS_DEEP,
      /* Throws from one handler into the next, and begins again at the bottom. */
      "(module (tag $e) (func $r (param i32) (block $h (try_table (catch_all $h)"
      "   (if (i32.eqz (local.get 0)) (then (throw $e))) (call $r (i32.sub (local.get 0) (i32.const 1))))) (throw $e))"
      " (func (export \"f\") (param i32 i32) (loop $l (block $h (try_table (catch_all $h) (call $r (local.get 0)))) (br $l))))",
  };
  hostel_engine *engine = metered_engine(shared, false, true);
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    hostel_guest *guest = open_or_lack(engine, texts[i]);
    if (guest == NULL) {
      continue;
    }
    hostel_call_options *options = options_with_deadline(200);
    uint64_t values[2] = {1000, UINT32_MAX};
    FAILS(DEADLINE, "", hostel_guest_call_values(guest, "f", values, 2, options, &error));
    hostel_call_options_free(options);
    hostel_guest_free(guest);
    others_go_on(engine);
  }
  hostel_engine_free(engine);
}

typedef struct inner {
  hostel_guest *guest;
  int traps;
} inner;

static hostel_status call_inside(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)caller;
  inner *inner = user_data;
  hostel_error *error = RUBBISH;
  const hostel_status status = hostel_guest_call_values(inner->guest, "lets_out", values, 1, NULL, &error);
  if (status == HOSTEL_STATUS_TRAP && hostel_error_trap(error) == HOSTEL_TRAP_UNCAUGHT_EXCEPTION) {
    inner->traps++;
  }
  hostel_error_free(error);
  return HOSTEL_STATUS_OK;
}

/* The guests of both calls are one; each frame outside has a handler, and none of them is met. */
static void what_is_thrown_inside_a_host_function_stays_there(const hostel_engine *engine) {
  static const char text[] = "(module (tag $e (param i32)) (import \"host\" \"inside\" (func $inside (param i32)))"
                             " (func (export \"lets_out\") (param i32) (throw $e (local.get 0)))"
                             " (func $down (param i32) (block $h (try_table (catch_all $h)"
                             "   (if (i32.eqz (local.get 0)) (then (call $inside (i32.const 9)) (return)))"
                             "   (call $down (i32.sub (local.get 0) (i32.const 1))) (return))) (unreachable))"
                             " (func (export \"f\") (param i32) (result i32) (call $down (local.get 0))"
                             "   (block $h (result i32) (try_table (catch $e $h) (throw $e (i32.const 7))) (i32.const 0))))";
  if (engine_row_has(engine, "\"exception-handling\"")) {
    CHECK(open_or_lack(engine, text) == NULL);
    return;
  }
  static const hostel_value_type types[] = {HOSTEL_VALUE_I32};
  inner inner = {NULL, 0};
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "inside", types, 1, NULL, 0, call_inside, &inner, NULL, &error));
  inner.guest = link_guest(load_text(engine, text), imports);
  hostel_imports_free(imports);
  for (int times = 1; times <= 3; times++) {
    uint64_t value = 100;
    SUCCEEDS(hostel_guest_call_values(inner.guest, "f", &value, 1, NULL, &error));
    CHECK(value == 7 && inner.traps == times);
  }
  hostel_guest_free(inner.guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_throw_near_the_end_of_the_stack_is_an_overflow),
      TEST(a_throw_at_any_depth_is_caught_or_an_overflow),
      TEST(what_was_thrown_takes_no_memory),
      TEST(what_is_kept_counts_as_the_guests_memory),
      TEST(what_throws_for_ever_ends_in_time),
      TEST(what_is_thrown_inside_a_host_function_stays_there),
  };
  return RUN_TESTS(argc, argv, tests);
}
