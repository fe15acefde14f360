/* builtins_deep.c: what an engine does for a guest on the guest's own stack has enough of it, or the call is a stack overflow: at
 * any depth, and never the end of the process. */
#include "check.h"

#include <pthread.h>

typedef struct deep {
  const char *name;
  const char *operators; /* run at the bottom */
  hostel_status outcome; /* where there is stack enough */
} deep;

#define OK HOSTEL_STATUS_OK
#define TRAP HOSTEL_STATUS_TRAP

static const deep deeps[] = {
    {"nothing", "", OK},
    {"unreachable", "(unreachable)", TRAP},
    {"division", "(drop (i32.div_u (i32.const 1) (global.get $zero)))", TRAP},
    {"conversion", "(drop (i32.trunc_f64_s (f64.const nan)))", TRAP},
    {"load", "(drop (i32.load (i32.const 0x7fffffff)))", TRAP},
    {"store", "(i32.store (i32.const 0x100) (i32.const 1))", OK},
    {"memory.size", "(drop (memory.size))", OK},
    {"memory.grow", "(drop (memory.grow (i32.const 1)))", OK},
    {"memory.fill", "(memory.fill (i32.const 1) (i32.const 2) (i32.const 5000))", OK},
    {"memory.fill outside", "(memory.fill (i32.const 1) (i32.const 2) (i32.const 0x7fffffff))", TRAP},
    {"memory.copy", "(memory.copy (i32.const 1) (i32.const 20000) (i32.const 5000))", OK},
    {"memory.copy outside", "(memory.copy (i32.const 1) (i32.const 2) (i32.const 0x7fffffff))", TRAP},
    {"memory.init", "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 3))", OK},
    {"memory.init outside", "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 4))", TRAP},
    {"data.drop", "(data.drop $d)", OK},
    {"table.get", "(drop (table.get $t (i32.const 1)))", OK},
    {"table.get outside", "(drop (table.get $t (i32.const 100)))", TRAP},
    {"table.set", "(table.set $t (i32.const 1) (ref.func $down))", OK},
    {"table.set outside", "(table.set $t (i32.const 100) (ref.func $down))", TRAP},
    {"table.size", "(drop (table.size $t))", OK},
    {"table.grow", "(drop (table.grow $t (ref.func $down) (i32.const 2)))", OK},
    {"table.fill", "(table.fill $t (i32.const 1) (ref.null func) (i32.const 3))", OK},
    {"table.fill outside", "(table.fill $t (i32.const 1) (ref.null func) (i32.const 100))", TRAP},
    {"table.copy", "(table.copy $t $t (i32.const 1) (i32.const 2) (i32.const 3))", OK},
    {"table.copy outside", "(table.copy $t $t (i32.const 1) (i32.const 2) (i32.const 100))", TRAP},
    {"table.init", "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1))", OK},
    {"table.init outside", "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 2))", TRAP},
    {"elem.drop", "(elem.drop $e)", OK},
    {"ref.func", "(global.set $f (ref.func $down))", OK},
    {"externref", "(table.set $x (i32.const 0) (table.get $x (i32.const 1)))", OK},
    {"call of null", "(call_indirect (param i32) (i32.const 0) (i32.const 5))", TRAP},
    {"call of another type", "(call_indirect (param i64) (i64.const 0) (i32.const 0))", TRAP},
    {"a host function", "(call $fine)", OK},
    {"a host function with a guest", "(call $again)", OK},
    {"a host function that fails", "(call $fails)", HOSTEL_STATUS_HOST_ERROR},
    {"a host function by a table", "(call_indirect (i32.const 1))", OK},
    {"rounding",
     "(global.set $r (f64.add (f64.ceil (global.get $r)) (f64.add (f64.nearest (global.get $r)) (f64.trunc (global.get $r)))))",
     OK},
};

static hostel_status fine(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)user_data, (void)caller, (void)values;
  return HOSTEL_STATUS_OK;
}

static hostel_status again(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)caller, (void)values;
  hostel_guest *const *guest = user_data;
  uint64_t value = 0;
  SUCCEEDS(hostel_guest_call_values(*guest, "shallow", &value, 1, NULL, &error));
  return HOSTEL_STATUS_OK;
}

static hostel_status fails(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)user_data, (void)values;
  CHECK(hostel_caller_fail(caller, "on purpose", NULL, 0) == HOSTEL_STATUS_OK);
  return HOSTEL_STATUS_HOST_ERROR;
}

/* `f` goes so deep, in frames of some size, and does it there; `shallow` goes a few frames deep. */
static hostel_guest *open_deep(const hostel_engine *engine, const deep *deep, bool wide, hostel_guest **guest) {
  char text[4000];
  snprintf(text, sizeof text,
           "(module (import \"host\" \"fine\" (func $fine)) (import \"host\" \"again\" (func $again))"
           " (import \"host\" \"fails\" (func $fails))"
           " (memory 1 40) (data $d \"abc\") (table $t 8 40 funcref) (table $x 2 externref) (elem $e func $down)"
           " (elem (table $t) (i32.const 0) func $down $fine) (global $zero (mut i32) (i32.const 0))"
           " (global $n (mut i32) (i32.const 0)) (global $f (mut funcref) (ref.null func)) (global $r (mut f64) (f64.const 1.5))"
           " (func $down (param i32) (local $a i64) (local $b i64) (local $c i64) (local $d i64) %s"
           "   (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1)))) (else %s))"
           "   (global.set $n (i32.add (global.get $n) (i32.const 1))) %s)"
           " (func (export \"shallow\") (param i32) (if (local.get 0) (then (call $down (i32.const 10)))))"
           " (func (export \"f\") (param i32) (call $down (local.get 0))))",
           wide ? "(local.set $a (i64.load (i32.const 8))) (local.set $b (i64.load (i32.const 16)))"
                  "(local.set $c (i64.load (i32.const 24))) (local.set $d (i64.load (i32.const 32)))"
                : "",
           deep->operators,
           wide ? "(i64.store (i32.const 8) (i64.add (local.get $a) (i64.add (local.get $b)"
                  " (i64.add (local.get $c) (local.get $d)))))"
                : "");
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "fine", NULL, 0, NULL, 0, fine, NULL, NULL, &error));
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "again", NULL, 0, NULL, 0, again, guest, NULL, &error));
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "fails", NULL, 0, NULL, 0, fails, NULL, NULL, &error));
  *guest = link_guest(settled(load_text(engine, text)), imports);
  hostel_imports_free(imports);
  return *guest;
}

/* Whether it had stack enough; then it came to what it should. */
static bool fits(const hostel_guest *guest, const deep *deep, uint64_t depth) {
  hostel_error *error = RUBBISH;
  const hostel_status status = hostel_guest_call_values(guest, "f", &depth, 1, NULL, &error);
  hostel_error_free(error);
  if (status == HOSTEL_STATUS_STACK_OVERFLOW) {
    return false;
  }
  if (status != deep->outcome) {
    fprintf(stderr, "%s at %llu: %s\n", deep->name, (unsigned long long)depth, hostel_status_name(status));
    failures++;
  }
  return true;
}

/* Other threads trap, and unwind, as before. */
static void *trap(void *engine) {
  hostel_guest *guest = open_text(engine, "(module (memory 1) (func (export \"f\") (unreachable))"
                                          " (func (export \"g\") (memory.fill (i32.const 1) (i32.const 2) (i32.const -1))))");
  FAILS(TRAP, "unreachable", hostel_guest_call_values(guest, "f", NULL, 0, NULL, &error));
  FAILS(TRAP, "memory", hostel_guest_call_values(guest, "g", NULL, 0, NULL, &error));
  hostel_guest_free(guest);
  return NULL;
}

static void others_go_on(const hostel_engine *engine) {
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, trap, (void *)engine) == 0);
  REQUIRE(pthread_join(thread, NULL) == 0);
}

/* Around the depth where there is no stack left for it, and on to where there is none for the guest itself. */
static void each_at_any_depth(const hostel_engine *shared, bool wide) {
  hostel_engine *engine = limited_engine(shared, HOSTEL_LIMIT_STACK_BYTES, 32768);
  for (size_t i = 0; i < sizeof deeps / sizeof deeps[0]; i++) {
    hostel_guest *guest = NULL;
    open_deep(engine, &deeps[i], wide, &guest);
    uint64_t enough = 0, too_deep = 100000;
    while (too_deep - enough > 1) {
      const uint64_t middle = (enough + too_deep) / 2;
      *(fits(guest, &deeps[i], middle) ? &enough : &too_deep) = middle;
    }
    CHECK(enough > 100);
    for (uint64_t depth = enough - 40; depth <= enough + 2600; depth += depth < enough + 40 ? 1 : 11) {
      if (fits(guest, &deeps[i], depth) != (depth <= enough)) {
        fprintf(stderr, "%s: %llu is deeper than %llu\n", deeps[i].name, (unsigned long long)depth, (unsigned long long)enough);
        failures++;
      }
    }
    hostel_guest_free(guest);
    others_go_on(engine);
  }
  hostel_engine_free(engine);
}

static void what_an_engine_does_has_stack_enough(const hostel_engine *engine) { each_at_any_depth(engine, false); }

static void what_an_engine_does_below_large_frames_has_stack_enough(const hostel_engine *engine) {
  each_at_any_depth(engine, true);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(what_an_engine_does_has_stack_enough),
      TEST(what_an_engine_does_below_large_frames_has_stack_enough),
  };
  return RUN_TESTS(argc, argv, tests);
}
