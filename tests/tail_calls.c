/* tail_calls.c: a tail call takes no stack, whatever its types are; an engine that cannot promise that takes no such module. */
#include "check.h"

enum { TIMES = 1000000 };

/* A guest of the text; NULL where the engine lacks one of the proposals, and says which. */
static hostel_guest *open_or_lack(const hostel_engine *engine, const char *text, const char *other) {
  char lacked[64];
  const char *names[] = {"tail-call", other};
  for (size_t i = 0; i < 2; i++) {
    snprintf(lacked, sizeof lacked, "\"%s\"", names[i] == NULL ? "" : names[i]);
    if (names[i] != NULL && engine_row_has(engine, lacked)) {
      hostel_module *module = RUBBISH;
      /* Of two that it lacks it names the one that it comes to first. */
      FAILS(UNSUPPORTED_MODULE, other == NULL ? names[i] : "lacks",
            hostel_module_load_wat(engine, NULL, text, strlen(text), NULL, &module, &error));
      CHECK(module == NULL);
      return NULL;
    }
  }
  return open_text(engine, text);
}

/* Calls it so many times in a row: with what a load begins with, and again on the best tier. */
static void is_seven(const hostel_engine *engine, const char *text, const char *other, const char *const *names, size_t count) {
  hostel_guest *guest = open_or_lack(engine, text, other);
  if (guest == NULL) {
    return;
  }
  hostel_module *module = load_text(engine, text);
  hostel_guest *best = link_guest(settled(module), NULL);
  const hostel_guest *const guests[] = {guest, best};
  for (size_t i = 0; i < count; i++) {
    for (size_t at = 0; at < 2; at++) {
      uint64_t values[4] = {TIMES};
      SUCCEEDS(hostel_guest_call_values(guests[at], names[i], values, 4, NULL, &error));
      if (values[0] != 7) {
        fprintf(stderr, "%s: %llu\n", names[i], (unsigned long long)values[0]);
        failures++;
      }
    }
  }
  hostel_guest_free(guest);
  hostel_guest_free(best);
}

static void calls_of_other_types_take_no_stack(const hostel_engine *engine) {
  size_t len;
  uint8_t *text = read_guest("tail_calls.wat", &len);
  text[len] = '\0';
  static const char *const names[] = {"few_many", "regs", "many_self", "multi", "fl"};
  is_seven(engine, (const char *)text, NULL, names, sizeof names / sizeof names[0]);
  free(text);
}

static void calls_by_a_table_take_no_stack(const hostel_engine *engine) {
  static const char text[] =
      "(module (type $few (func (param i32) (result i32)))"
      " (type $many (func (param i32 i64 i64 i64 i64 i64 i64 i64 f64 f64 f64 f64 f64 f64 f64 f64 f64) (result i32)))"
      " (table funcref (elem $few $many))"
      " (func $few (type $few) (if (i32.eqz (local.get 0)) (then (return (i32.const 7))))"
      "   (return_call_indirect (type $many) (i32.sub (local.get 0) (i32.const 1))"
      "     (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7)"
      "     (f64.const 1) (f64.const 2) (f64.const 3) (f64.const 4) (f64.const 5) (f64.const 6) (f64.const 7) (f64.const 8)"
      "     (f64.const 9) (i32.const 1)))"
      " (func $many (type $many) (return_call_indirect (type $few) (local.get 0) (i32.const 0)))"
      " (func (export \"f\") (param i32) (result i32) (call $few (local.get 0))))";
  static const char *const names[] = {"f"};
  is_seven(engine, text, NULL, names, 1);
}

static void calls_by_a_reference_take_no_stack(const hostel_engine *engine) {
  static const char text[] =
      "(module (type $few (func (param i32) (result i32)))"
      " (type $many (func (param i64 i64 i64 i64 i64 i64 i64 i64 v128 i32) (result i32)))"
      " (elem declare func $few $many)"
      " (func $few (type $few) (if (i32.eqz (local.get 0)) (then (return (i32.const 7))))"
      "   (return_call_ref $many (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6)"
      "     (i64.const 7) (i64.const 8) (v128.const i64x2 1 2) (i32.sub (local.get 0) (i32.const 1)) (ref.func $many)))"
      " (func $many (type $many) (return_call_ref $few (local.get 9) (ref.func $few)))"
      " (func (export \"f\") (param i32) (result i32) (call $few (local.get 0))))";
  static const char *const names[] = {"f"};
  is_seven(engine, text, "function-references", names, 1);
}

static void calls_with_many_results_take_no_stack(const hostel_engine *engine) {
  static const char text[] =
      "(module"
      " (func $few (param i32) (result i32 i64 f32 f64 i64 i64 i64 v128)"
      "   (if (i32.eqz (local.get 0)) (then (return (i32.const 7) (i64.const 1) (f32.const 2) (f64.const 3) (i64.const 4)"
      "     (i64.const 5) (i64.const 6) (v128.const i64x2 1 2))))"
      "   (return_call $many (f64.const 1) (f64.const 2) (f64.const 3) (f64.const 4) (f64.const 5) (f64.const 6) (f64.const 7)"
      "     (f64.const 8) (f64.const 9) (f64.const 10) (i32.sub (local.get 0) (i32.const 1))))"
      " (func $many (param f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 i32) (result i32 i64 f32 f64 i64 i64 i64 v128)"
      "   (return_call $few (local.get 10)))"
      " (func (export \"f\") (param i32) (result i32) (call $few (local.get 0)) (drop) (drop) (drop) (drop) (drop) (drop) "
      "(drop)))";
  static const char *const names[] = {"f"};
  is_seven(engine, text, NULL, names, 1);
}

static void a_call_leaves_what_would_catch(const hostel_engine *engine) {
  static const char text[] =
      "(module (tag $e) (func $throws (throw $e))"
      " (func $leaves (block $h (try_table (catch $e $h) (return_call $throws))))"
      " (func $down (param i32) (result i32) (block $h (try_table (catch $e $h)"
      "   (if (i32.eqz (local.get 0)) (then (return (i32.const 7))))"
      "   (return_call $wide (i32.sub (local.get 0) (i32.const 1)) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4)"
      "     (i64.const 5) (i64.const 6)))) (i32.const 0))"
      " (func $wide (param i32 i64 i64 i64 i64 i64 i64) (result i32) (return_call $down (local.get 0)))"
      " (func (export \"f\") (param i32) (result i32) (call $down (local.get 0)))"
      " (func (export \"outside\") (param i32) (result i32) (block $h (try_table (catch $e $h) (call $leaves)"
      "   (return (i32.const 1)))) (i32.const 7)))";
  static const char *const names[] = {"f", "outside"};
  is_seven(engine, text, "exception-handling", names, 2);
}

static hostel_status halve(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)user_data, (void)caller;
  values[0] = (uint32_t)values[0] / 2;
  return HOSTEL_STATUS_OK;
}

/* The result is the host's, and nothing behind the call runs: not with a memory that cannot move, either. */
static void a_call_of_a_host_function_ends_the_function(const hostel_engine *engine) {
  static const char *const texts[] = {
      "(module (import \"host\" \"halve\" (func $halve (param i32) (result i32))) (memory (export \"memory\") 1 1)"
      " (global $after (mut i32) (i32.const 0))"
      " (func $f (param i32) (result i32)"
      "   (if (local.get 0) (then (return_call $halve (local.get 0)))) (global.set $after (i32.const 1)) (i32.const 1))"
      " (func (export \"f\") (param i32) (result i32) (i32.add (call $f (local.get 0)) (global.get $after))))",
      "(module (import \"host\" \"halve\" (func $halve (param i32) (result i32))) (table funcref (elem $halve $wide))"
      " (type $one (func (param i32) (result i32)))"
      " (func $wide (param i64 i64 i64 i64 i64 i64 i64 i64 i32) (result i32)"
      "   (return_call_indirect (type $one) (local.get 8) (i32.const 0)))"
      " (func (export \"f\") (param i32) (result i32)"
      "   (return_call $wide (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7)"
      "     (i64.const 8) (local.get 0))))",
  };
  static const hostel_value_type types[] = {HOSTEL_VALUE_I32};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    hostel_module *module = RUBBISH;
    if (engine_row_has(engine, "\"tail-call\"")) {
      FAILS(UNSUPPORTED_MODULE, "tail-call",
            hostel_module_load_wat(engine, NULL, texts[i], strlen(texts[i]), NULL, &module, &error));
      continue;
    }
    hostel_imports *imports = new_imports();
    SUCCEEDS(hostel_imports_define_raw(imports, "host", "halve", types, 1, types, 1, halve, NULL, NULL, &error));
    for (int best = 0; best < 2; best++) {
      module = load_text(engine, texts[i]);
      hostel_guest *guest = link_guest(best ? settled(module) : module, imports);
      for (int times = 0; times < 3; times++) {
        uint64_t value = 14;
        SUCCEEDS(hostel_guest_call_values(guest, "f", &value, 1, NULL, &error));
        CHECK(value == 7);
      }
      hostel_guest_free(guest);
    }
    hostel_imports_free(imports);
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(calls_of_other_types_take_no_stack), TEST(calls_by_a_table_take_no_stack),
      TEST(calls_by_a_reference_take_no_stack), TEST(calls_with_many_results_take_no_stack),
      TEST(a_call_leaves_what_would_catch),     TEST(a_call_of_a_host_function_ends_the_function),
  };
  return RUN_TESTS(argc, argv, tests);
}
