/* compile_time.c: limits and types that nothing names do not make compiling slow: what took minutes is loaded within the minute
 * that a load has, and counts what it should. */
#include "check_hostile.h"

static hostel_module *load_chars(const hostel_engine *engine, text *text) {
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load_wat(engine, NULL, text->chars, text->len, NULL, &module, &error));
  free(text->chars);
  return module;
}

static text text_of(const char *head, const char *piece, size_t times, const char *tail) {
  text text = {0};
  append(&text, "%s", head);
  repeat(&text, times, piece);
  append(&text, "%s", tail);
  return text;
}

/* The guest with fuel and deadline, which the time of a load is enough for; and what calling `f` of 0 costs. */
static void check_limited(const hostel_engine *shared, text text, uint64_t result, uint64_t cost) {
  hostel_engine *engine = metered_engine(shared, true, true);
  hostel_guest *guest = link_guest(load_chars(engine, &text), NULL);
  uint64_t values[1] = {0};
  CHECK(fuel_of(guest, "f", values, 1) == cost && values[0] == result);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

#define FUNCTION "(module (func (export \"f\") (param i32) (result i32) "

static void fuel_in_many_loops(const hostel_engine *engine) {
  /* loop, i32.const, br_if, end; i32.const, end */
  check_limited(engine, text_of(FUNCTION, "(loop (br_if 0 (i32.const 0)))", 40000, "(i32.const 1)))"), 1, 4 * 40000 + 2);
}

static void fuel_in_loops_inside_one_another(const hostel_engine *engine) {
  text text = text_of(FUNCTION, "(loop ", 16000, "");
  repeat(&text, 16000, "(br_if 0 (local.get 0)))");
  append(&text, "(i32.const 1)))");
  check_limited(engine, text, 1, 4 * 16000 + 2);
}

static void fuel_in_many_branch_tables(const hostel_engine *engine) {
  enum { TABLES = 500, LABELS = 200 };
  text text = text_of(FUNCTION, "(block ", LABELS, "");
  for (int i = 0; i < TABLES; i++) {
    append(&text, "(block (br_table ");
    for (int label = 0; label < LABELS; label++) {
      append(&text, "%d ", label);
    }
    append(&text, "(local.get 0)))");
  }
  repeat(&text, LABELS, ")");
  append(&text, "(i32.const 1)))");
  /* the blocks; block, local.get, br_table of each; the ends of the blocks; i32.const, end */
  check_limited(engine, text, 1, LABELS + 3 * TABLES + LABELS + 2);
}

static void fuel_in_many_branches_and_returns(const hostel_engine *engine) {
  /* local.get, if */
  check_limited(engine, text_of(FUNCTION, "(if (local.get 0) (then (return (i32.const 7))))", 12000, "(i32.const 1)))"), 1,
                2 * 12000 + 2);
}

static void a_deadline_in_handlers_inside_one_another(const hostel_engine *shared) {
  if (engine_row_has(shared, "\"exception-handling\"")) {
    return; /* it lacks them */
  }
  text text = text_of("(module (tag $e) (func (export \"f\") (param i32) (result i32) ", "(block $h (try_table (catch $e $h) ",
                      1500, "(nop)");
  repeat(&text, 1500, "))");
  append(&text, "(i32.const 1)))");
  hostel_module_free(load_chars(shared, &text));
}

static void types_that_nothing_names(const hostel_engine *shared) {
  static const char *const kinds[] = {"i32", "i64", "f32", "f64"};
  text text = text_of("(module ", "", 0, "");
  for (unsigned i = 0; i < 100000; i++) {
    append(&text, "(type (func (param %s %s %s %s %s %s %s %s %s)))", kinds[i & 3], kinds[i >> 2 & 3], kinds[i >> 4 & 3],
           kinds[i >> 6 & 3], kinds[i >> 8 & 3], kinds[i >> 10 & 3], kinds[i >> 12 & 3], kinds[i >> 14 & 3], kinds[i >> 16 & 3]);
  }
  append(&text, "(type $t (func (param i32) (result i32))) (table 1 funcref) (elem (i32.const 0) $f)"
                "(func $f (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))"
                "(func (export \"f\") (param i32) (result i32) (call_indirect (type $t) (local.get 0) (i32.const 0))))");
  hostel_guest *guest = link_guest(load_chars(shared, &text), NULL);
  uint64_t values[1] = {41};
  SUCCEEDS(hostel_guest_call_values(guest, "f", values, 1, NULL, &error));
  CHECK(values[0] == 42);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(fuel_in_many_loops),
      TEST(fuel_in_loops_inside_one_another),
      TEST(fuel_in_many_branch_tables),
      TEST(fuel_in_many_branches_and_returns),
      TEST(a_deadline_in_handlers_inside_one_another),
      TEST(types_that_nothing_names),
  };
  return RUN_TESTS(argc, argv, tests);
}
