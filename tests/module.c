/* module.c: compiled guests. */
#include "check.h"

#define LISTED                                                                                                                   \
  "(module (import \"a\" \"f\" (func (param i32 i64) (result f32)))"                                                             \
  " (import \"a\" \"t\" (table 1 2 funcref)) (import \"b\" \"m\" (memory 1)) (import \"b\" \"g\" (global (mut f64)))"            \
  " (export \"f2\" (func 0)) (export \"t2\" (table 0)) (export \"m2\" (memory 0)) (export \"g2\" (global 0))"                    \
  " (func (export \"nul\\00byte\")))"
/* Not an object of that size: the length alone must be refused. */
#define TOO_LONG ((size_t)PTRDIFF_MAX + 1)

static void bytes_that_are_not_wasm_are_refused(const hostel_engine *engine) {
  hostel_module *module = RUBBISH;
  FAILS(INVALID_MODULE, "offset", hostel_module_load(engine, NULL, TEXT("nope"), NULL, &module, &error));
  CHECK(module == NULL);
}

static void no_bytes_are_no_module(const hostel_engine *engine) {
  hostel_module *module = RUBBISH;
  FAILS(INVALID_MODULE, "", hostel_module_load(engine, NULL, NULL, 0, NULL, &module, &error));
  CHECK(module == NULL);
}

static void loading_bytes_checks_each_argument(const hostel_engine *engine) {
  hostel_module *module = RUBBISH;
  const void *some = "x";
  FAILS(INVALID_ARGUMENT, "engine", hostel_module_load(NULL, NULL, TEXT("x"), NULL, &module, &error));
  CHECK(module == NULL);
  FAILS(INVALID_ARGUMENT, "wasm", hostel_module_load(engine, NULL, NULL, 4, NULL, &module, &error));
  FAILS(INVALID_ARGUMENT, "wasm", hostel_module_load(engine, NULL, some, TOO_LONG, NULL, &module, &error));
  FAILS(INVALID_ARGUMENT, "wasm", hostel_module_load(engine, NULL, some, SIZE_MAX, NULL, &module, &error));
  FAILS(INVALID_ARGUMENT, "module_out", hostel_module_load(engine, NULL, TEXT("x"), NULL, NULL, &error));
}

static void loading_text_checks_each_argument(const hostel_engine *engine) {
  hostel_module *module = RUBBISH;
  FAILS(INVALID_ARGUMENT, "engine", hostel_module_load_wat(NULL, NULL, "(module)", 8, NULL, &module, &error));
  CHECK(module == NULL);
  FAILS(INVALID_ARGUMENT, "text", hostel_module_load_wat(engine, NULL, NULL, 8, NULL, &module, &error));
  FAILS(INVALID_ARGUMENT, "text", hostel_module_load_wat(engine, NULL, "(module)", TOO_LONG, NULL, &module, &error));
  FAILS(INVALID_ARGUMENT, "module_out", hostel_module_load_wat(engine, NULL, "(module)", 8, NULL, NULL, &error));
}

static void loading_a_file_checks_each_argument(const hostel_engine *engine) {
  hostel_module *module = RUBBISH;
  const char *path = guest_path("echo.wasm");
  FAILS(INVALID_ARGUMENT, "engine", hostel_module_load_file(NULL, NULL, path, NULL, &module, &error));
  CHECK(module == NULL);
  FAILS(INVALID_ARGUMENT, "path", hostel_module_load_file(engine, NULL, NULL, NULL, &module, &error));
  FAILS(INVALID_ARGUMENT, "module_out", hostel_module_load_file(engine, NULL, path, NULL, NULL, &error));
}

static void a_file_that_cannot_be_read_is_named(const hostel_engine *engine) {
  hostel_module *module = RUBBISH;
  FAILS(INVALID_ARGUMENT, "no/such/file", hostel_module_load_file(engine, NULL, "no/such/file", NULL, &module, &error));
  CHECK(module == NULL);
  FAILS(INVALID_ARGUMENT, "path", hostel_module_load_file(engine, NULL, HOSTEL_GUESTS, NULL, &module, &error));
  FAILS(INVALID_ARGUMENT, "path", hostel_module_load_file(engine, NULL, "", NULL, &module, &error));
  FAILS(INVALID_ARGUMENT, "path", hostel_module_load_file(engine, NULL, "\xff\xfe", NULL, &module, &error));
}

static void text_that_does_not_parse_shows_the_line(const hostel_engine *engine) {
  static const char text[] = "(module\n  (func (result i33)))";
  hostel_module *module = RUBBISH;
  FAILS(INVALID_MODULE, "2", hostel_module_load_wat(engine, NULL, text, strlen(text), NULL, &module, &error));
  CHECK(module == NULL);
  FAILS(INVALID_MODULE, "UTF-8", hostel_module_load_wat(engine, NULL, "(module \xff)", 10, NULL, &module, &error));
  FAILS(INVALID_MODULE, "", hostel_module_load_wat(engine, NULL, "(modul", 6, NULL, &module, &error));
}

static void text_needs_no_zero_byte_at_its_end(const hostel_engine *engine) {
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load_wat(engine, NULL, "(module)rubbish", 8, NULL, &module, &error));
  hostel_module_free(module);
}

static void text_becomes_a_module_that_loads(const hostel_engine *engine) {
  hostel_buffer wasm = RUBBISH_BUFFER;
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_wat_to_wasm(LISTED, strlen(LISTED), &wasm, &error));
  CHECK(wasm.len > 8 && memcmp(wasm.data, "\0asm\1\0\0\0", 8) == 0);
  SUCCEEDS(hostel_module_load(engine, NULL, wasm.data, wasm.len, NULL, &module, &error));
  hostel_buffer_free(&wasm);
  CHECK(hostel_module_export_count(module) == 5);
  hostel_module_free(module);
}

static void turning_text_checks_each_argument(const hostel_engine *engine) {
  (void)engine;
  hostel_buffer wasm = RUBBISH_BUFFER;
  FAILS(INVALID_ARGUMENT, "wasm_out", hostel_wat_to_wasm("(module)", 8, NULL, &error));
  FAILS(INVALID_ARGUMENT, "text", hostel_wat_to_wasm(NULL, 8, &wasm, &error));
  CHECK(wasm.data == NULL && wasm.len == 0);
  wasm = RUBBISH_BUFFER;
  FAILS(INVALID_MODULE, "", hostel_wat_to_wasm("(", 1, &wasm, &error));
  CHECK(wasm.data == NULL && wasm.len == 0);
}

static void it_outlives_its_engine(const hostel_engine *engine) {
  hostel_engine *own = limited_engine(engine, HOSTEL_LIMIT_DEPTH, 4);
  hostel_module *module = load_file(own, "echo.wasm");
  hostel_engine_free(own);
  CHECK(hostel_module_export_count(module) > 0);
  hostel_guest *guest = link_guest(module, NULL);
  ANSWERS("hi", hostel_guest_call(guest, "echo", TEXT("hi"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void its_bytes_are_not_kept(const hostel_engine *engine) {
  size_t len;
  uint8_t *wasm = read_guest("echo.wasm", &len);
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load(engine, NULL, wasm, len, NULL, &module, &error));
  memset(wasm, 0xff, len);
  free(wasm);
  hostel_guest *guest = link_guest(module, NULL);
  ANSWERS("cba", hostel_guest_call(guest, "reverse", TEXT("abc"), NULL, &output, &error));
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(bytes_that_are_not_wasm_are_refused),
      TEST(no_bytes_are_no_module),
      TEST(loading_bytes_checks_each_argument),
      TEST(loading_text_checks_each_argument),
      TEST(loading_a_file_checks_each_argument),
      TEST(a_file_that_cannot_be_read_is_named),
      TEST(text_that_does_not_parse_shows_the_line),
      TEST(text_needs_no_zero_byte_at_its_end),
      TEST(text_becomes_a_module_that_loads),
      TEST(turning_text_checks_each_argument),
      TEST(it_outlives_its_engine),
      TEST(its_bytes_are_not_kept),
  };
  return RUN_TESTS(argc, argv, tests);
}
