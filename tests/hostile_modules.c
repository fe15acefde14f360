/* hostile_modules.c: modules of thousands of things, and modules that only say so: they end at the caps, and at no others when
 * limits are compiled in. */
#include "check_hostile.h"

#define ENDLESS HOSTEL_STATUS_DEADLINE, HOSTEL_STATUS_OUT_OF_FUEL

static text begin_guest(void) {
  text text = {0};
  append(&text, "(module " ASK MEMORY("1") ALLOC FREE QUICK);
  return text;
}

static void ends_like(const hostel_engine *engine, const char *name, text *text, hostel_status in_time, hostel_status on_fuel) {
  append(text, ")");
  const hostile guest = {name, text->chars, NULL, in_time, on_fuel};
  check_hostile(engine, &guest, 1);
  free(text->chars);
}

/* A guest of this text loads and answers "done", with each of the limits compiled in and without. */
static void works(const hostel_engine *shared, text *text) {
  append(text, ")");
  for (int limits = 0; limits < 4; limits++) {
    hostel_engine *engine = metered_engine(shared, limits & 1, limits & 2);
    hostel_guest *guest = open_hostile(engine, text->chars, refuse, NULL);
    hostel_instance *instance = new_instance(guest);
    for (int round = 0; round < 2; round++) {
      ANSWERS("done", hostel_guest_call(guest, "f", TEXT("done"), NULL, &output, &error));
      ANSWERS("done", hostel_instance_call(instance, "f", TEXT("done"), NULL, &output, &error));
    }
    hostel_instance_free(instance);
    hostel_guest_free(guest);
    hostel_engine_free(engine);
  }
  free(text->chars);
}

/* The end of a function that returns its input. */
#define DONE " (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))"

static void a_giant_br_table_ends(const hostel_engine *engine) {
  text text = begin_guest();
  append(&text, "(func (export \"f\") (param i32 i32) (result i64) (loop $l (block $b (block $c (br_table");
  repeat(&text, 10000, " $b $l $c");
  append(&text, " $l (local.tee 0 (i32.add (local.get 0) (i32.const 1)))))) (br $l)) (i64.const 0))");
  ends_like(engine, "a br_table of 30000", &text, ENDLESS);
}

static void many_nested_blocks_end(const hostel_engine *engine) {
  enum { BLOCKS = 3000 };
  text text = begin_guest();
  append(&text, "(func (export \"f\") (param i32 i32) (result i64)");
  for (int i = 0; i < BLOCKS; i++) {
    append(&text, i % 2 == 0 ? " block" : " loop");
  }
  append(&text, " (br_if %d (i32.const 1))", BLOCKS - 2); /* the outermost loop */
  repeat(&text, BLOCKS, " end");
  append(&text, " (i64.const 0))");
  ends_like(engine, "nested blocks", &text, ENDLESS);
}

static void thousands_of_ifs_in_a_loop_end(const hostel_engine *engine) {
  text text = begin_guest();
  append(&text, "(func (export \"f\") (param i32 i32) (result i64) (loop $l");
  for (int i = 0; i < 3000; i++) {
    append(&text, " (if (i32.and (local.get 0) (i32.const %d)) (then (local.set 0 (i32.add (local.get 0) (i32.const 1)))))", i);
  }
  append(&text, " (br $l)) (i64.const 0))");
  ends_like(engine, "ifs", &text, ENDLESS);
}

static void thousands_of_functions_that_call_each_other_end(const hostel_engine *engine) {
  enum { FUNCTIONS = 5000 };
  text text = begin_guest();
  for (int i = 0; i < FUNCTIONS; i++) {
    append(&text, "(func $f%d (call $f%d) (call $f%d))", i, (i * 7 + 1) % FUNCTIONS, (i * 11 + 3) % FUNCTIONS);
  }
  append(&text, F("(call $f0)"));
  ends_like(engine, "functions", &text, HOSTEL_STATUS_STACK_OVERFLOW, HOSTEL_STATUS_STACK_OVERFLOW);
}

static void thousands_of_globals_work(const hostel_engine *engine) {
  text text = begin_guest();
  for (int i = 0; i < 10000; i++) {
    append(&text, "(global $g%d (mut i64) (i64.const %d))", i, i);
  }
  append(&text, "(func (export \"f\") (param i32 i32) (result i64) (local i64)");
  for (int i = 0; i < 10000; i += 50) { /* every call finds them as they were, or more than once over */
    append(&text, " (global.set $g%d (i64.add (global.get $g%d) (i64.const 1)))", i, 9999 - i);
  }
  append(&text, DONE ")");
  works(engine, &text);
}

static void thousands_of_locals_work(const hostel_engine *engine) {
  text text = begin_guest();
  append(&text, "(func (export \"f\") (param i32 i32) (result i64) (local");
  repeat(&text, 20000, " i64");
  append(&text, ") (local.set 20001 (i64.const 5)) (drop (i64.add (local.get 20001) (local.get 12345)))" DONE ")");
  works(engine, &text);
}

static void a_hundred_thousand_exports_work(const hostel_engine *engine) {
  text text = begin_guest(); /* as many as the validator allows, before those that limits need */
  append(&text, "(func $f (export \"f\") (param i32 i32) (result i64)" DONE ")");
  for (int i = 5; i < 100000; i++) {
    append(&text, "(export \"%d\" (func $f))", i);
  }
  works(engine, &text);
}

static void fifty_thousand_locals_leave_no_room_to_count_fuel(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, true);
  hostel_module *module = RUBBISH;
  text text = begin_guest();
  append(&text, "(func (local");
  repeat(&text, 50000, " i32");
  append(&text, ")))");
  FAILS(UNSUPPORTED_MODULE, "50000 locals", hostel_module_load_wat(engine, NULL, text.chars, text.len, NULL, &module, &error));
  CHECK(module == NULL);
  free(text.chars);
  hostel_engine_free(engine);
}

/* These bytes after a module's header are refused. */
#define IS_REFUSED(status, bytes)                                                                                                \
  do {                                                                                                                           \
    hostel_module *module = RUBBISH;                                                                                             \
    FAILS(status, "", hostel_module_load(engine, NULL, TEXT("\0asm\1\0\0\0" bytes), NULL, &module, &error));                     \
    CHECK(module == NULL);                                                                                                       \
  } while (0)

static void counts_that_only_say_so_are_refused(const hostel_engine *engine) {
  IS_REFUSED(INVALID_MODULE, "\1\5\xff\xff\xff\xff\x0f");                                           /* types */
  IS_REFUSED(INVALID_MODULE, "\1\6\1\x60\xff\xff\xff\x0f");                                         /* parameters */
  IS_REFUSED(UNSUPPORTED_MODULE, "\3\5\xff\xff\xff\xff\x0f");                                       /* functions */
  IS_REFUSED(INVALID_MODULE, "\5\5\xff\xff\xff\xff\x0f");                                           /* memories */
  IS_REFUSED(INVALID_MODULE, "\6\5\xff\xff\xff\xff\x0f");                                           /* globals */
  IS_REFUSED(INVALID_MODULE, "\7\5\xff\xff\xff\xff\x0f");                                           /* exports */
  IS_REFUSED(INVALID_MODULE, "\x0b\5\xff\xff\xff\xff\x0f");                                         /* data */
  IS_REFUSED(INVALID_MODULE, "\x0c\5\xff\xff\xff\xff\x0f");                                         /* the data count */
  IS_REFUSED(INVALID_MODULE, "\0\xff\xff\xff\xff\x0f\1x");                                          /* a custom section's size */
  IS_REFUSED(INVALID_MODULE, "\1\4\1\x60\0\0\3\2\1\0\x0a\x0a\1\x08\1\xff\xff\xff\xff\x0f\x7e\x0b"); /* locals */
  IS_REFUSED(INVALID_MODULE, "\1\4\1\x60\0\0\3\2\1\0\x0a\x06\1\xff\xff\xff\xff\x0f");               /* a body's size */
  IS_REFUSED(INVALID_MODULE,
             "\1\4\1\x60\0\0\3\2\1\0\x0a\x0d\1\x0b\0\x41\0\x0e\xff\xff\xff\xff\x0f\0\x0b"); /* targets of br_table */
  IS_REFUSED(INVALID_MODULE,
             "\1\4\1\x60\0\0\3\2\1\0\x0a\x0c\1\x0a\2\xd0\x86\3\x7f\xd0\x86\3\x7e\x0b"); /* 100,000 locals in two runs */
}

static void bombs_are_refused_at_the_caps_before_they_are_compiled(const hostel_engine *engine) {
  hostel_module *module = RUBBISH;
  text functions = begin_guest(), body = begin_guest(), size = begin_guest();
  repeat(&functions, 100001, "(func)");
  append(&functions, ")");
  FAILS(UNSUPPORTED_MODULE, "functions",
        hostel_module_load_wat(engine, NULL, functions.chars, functions.len, NULL, &module, &error));
  append(&body, "(func (param i32)");
  repeat(&body, 10000, " loop"); /* 60 KiB of what is worst to compile */
  repeat(&body, 10000, " (br_if 5 (i32.const 1)) end");
  append(&body, "))");
  hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_FUNCTION_BYTES, 50000);
  FAILS(UNSUPPORTED_MODULE, "function body", hostel_module_load_wat(limited, NULL, body.chars, body.len, NULL, &module, &error));
  hostel_engine_free(limited);
  append(&size, "(data \"");
  repeat(&size, 100000, "0123456789");
  append(&size, "\"))");
  limited = limited_engine(engine, HOSTEL_LIMIT_MODULE_BYTES, 1000000);
  FAILS(UNSUPPORTED_MODULE, "size of a module",
        hostel_module_load_wat(limited, NULL, size.chars, size.len, NULL, &module, &error));
  hostel_engine_free(limited);
  free(functions.chars);
  free(body.chars);
  free(size.chars);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_giant_br_table_ends),
      TEST(many_nested_blocks_end),
      TEST(thousands_of_ifs_in_a_loop_end),
      TEST(thousands_of_functions_that_call_each_other_end),
      TEST(thousands_of_globals_work),
      TEST(thousands_of_locals_work),
      TEST(a_hundred_thousand_exports_work),
      TEST(fifty_thousand_locals_leave_no_room_to_count_fuel),
      TEST(counts_that_only_say_so_are_refused),
      TEST(bombs_are_refused_at_the_caps_before_they_are_compiled),
  };
  return RUN_TESTS(argc, argv, tests);
}
