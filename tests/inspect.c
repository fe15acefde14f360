/* inspect.c: what a module is, and what none of the engines takes. */
#include "check.h"

/* The outline of a module as text; free() it. */
static char *outline(const char *file) {
  size_t len;
  uint8_t *wasm = read_guest(file, &len);
  hostel_buffer json = RUBBISH_BUFFER;
  SUCCEEDS(hostel_inspect(wasm, len, &json, &error));
  char *text = calloc(json.len + 1, 1);
  REQUIRE(text != NULL);
  memcpy(text, json.data, json.len);
  hostel_buffer_free(&json);
  free(wasm);
  return text;
}

static void the_outline_is_an_object_with_the_documented_fields(const hostel_engine *engine) {
  (void)engine;
  char *text = outline("hosted.wasm");
  const char *const fields[] = {"\"kind\"", "\"abi\"", "\"key\"", "\"imports\"", "\"exports\"", "\"memories\"", "\"resettable\""};
  CHECK(text[0] == '{');
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    CHECK(strstr(text, fields[i]) != NULL);
  }
  CHECK(strstr(text, "\"abi\": \"hostel\"") != NULL);
  CHECK(strstr(text, "\"call_host\"") != NULL && strstr(text, "\"answer\"") != NULL);
  free(text);
}

static void each_argument_is_checked(const hostel_engine *engine) {
  (void)engine;
  hostel_buffer json = RUBBISH_BUFFER;
  FAILS(INVALID_ARGUMENT, "json_out", hostel_inspect(TEXT("x"), NULL, &error));
  FAILS(INVALID_ARGUMENT, "wasm", hostel_inspect(NULL, 4, &json, &error));
  CHECK(json.data == NULL && json.len == 0);
  FAILS(INVALID_ARGUMENT, "wasm", hostel_inspect((const uint8_t *)"x", (size_t)PTRDIFF_MAX + 1, &json, &error));
  json = RUBBISH_BUFFER;
  FAILS(INVALID_MODULE, "offset", hostel_inspect(TEXT("nope"), &json, &error));
  CHECK(json.data == NULL && json.len == 0);
  FAILS(INVALID_MODULE, "", hostel_inspect(NULL, 0, &json, &error));
}

/* Neither loading nor inspecting takes it. */
static void refused_everywhere(const hostel_engine *engine, const uint8_t *wasm, size_t len, const char *word) {
  hostel_module *module = RUBBISH;
  hostel_buffer json = RUBBISH_BUFFER;
  FAILS(UNSUPPORTED_MODULE, word, hostel_module_load(engine, NULL, wasm, len, NULL, &module, &error));
  CHECK(module == NULL);
  FAILS(UNSUPPORTED_MODULE, word, hostel_inspect(wasm, len, &json, &error));
  CHECK(json.data == NULL && json.len == 0);
}

static void refused_text(const hostel_engine *engine, const char *text, size_t len, const char *word) {
  hostel_buffer wasm = RUBBISH_BUFFER;
  SUCCEEDS(hostel_wat_to_wasm(text, len, &wasm, &error));
  refused_everywhere(engine, wasm.data, wasm.len, word);
  hostel_buffer_free(&wasm);
}

static void refused_file(const hostel_engine *engine, const char *file, const char *word) {
  size_t len;
  uint8_t *text = read_guest(file, &len);
  refused_text(engine, (const char *)text, len, word);
  free(text);
}

static void a_component_is_told_from_a_module(const hostel_engine *engine) {
  static const uint8_t empty[] = {0, 'a', 's', 'm', 13, 0, 1, 0};
  refused_everywhere(engine, empty, sizeof empty, "component");
}

static void a_component_in_text_is_not_read(const hostel_engine *engine) {
  (void)engine;
  static const char *const texts[] = {"(component)", " ;; a comment\n (; another ;) (component $c (core module))",
                                      "(component ("};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    hostel_buffer wasm = RUBBISH_BUFFER;
    FAILS(UNSUPPORTED_MODULE, "component", hostel_wat_to_wasm(texts[i], strlen(texts[i]), &wasm, &error));
    CHECK(wasm.data == NULL && wasm.len == 0);
  }
}

static void a_shared_memory_is_refused(const hostel_engine *engine) { refused_file(engine, "shared_memory.wat", "shared"); }

static void an_imported_shared_memory_is_refused(const hostel_engine *engine) {
  static const char text[] = "(module (import \"a\" \"b\" (memory 1 1 shared)))";
  refused_text(engine, text, strlen(text), "shared");
}

static void waiting_for_other_threads_is_refused(const hostel_engine *engine) {
  refused_file(engine, "atomic_wait.wat", "threads");
}

static void a_module_over_the_default_size_is_refused(const hostel_engine *engine) {
  const size_t len = (64u << 20) + 1;
  uint8_t *wasm = calloc(len, 1);
  REQUIRE(wasm != NULL);
  /* A custom section fills it: its size is a LEB128 number of four bytes. */
  const size_t rest = len - 13;
  memcpy(wasm, "\0asm\1\0\0\0\0", 9);
  for (int i = 0; i < 4; i++) {
    wasm[9 + i] = (uint8_t)((rest >> (7 * i) & 0x7f) | (i < 3 ? 0x80 : 0));
  }
  refused_everywhere(engine, wasm, len, "size of a module");
  hostel_buffer json = RUBBISH_BUFFER;
  wasm[9]--; /* one byte less is not over it */
  SUCCEEDS(hostel_inspect(wasm, len - 1, &json, &error));
  hostel_buffer_free(&json);
  free(wasm);
}

static void what_is_neither_valid_nor_supported_is_invalid(const hostel_engine *engine) {
  /* A tail call of a function of another type: wrong with every proposal on. */
  static const char text[] = "(module (func $f (result i64) (i64.const 0)) (func (result i32) (return_call $f)))";
  hostel_module *module = RUBBISH;
  FAILS(INVALID_MODULE, "offset", hostel_module_load_wat(engine, NULL, text, strlen(text), NULL, &module, &error));
  CHECK(module == NULL);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(the_outline_is_an_object_with_the_documented_fields),
      TEST(each_argument_is_checked),
      TEST(a_component_is_told_from_a_module),
      TEST(a_component_in_text_is_not_read),
      TEST(a_shared_memory_is_refused),
      TEST(an_imported_shared_memory_is_refused),
      TEST(waiting_for_other_threads_is_refused),
      TEST(a_module_over_the_default_size_is_refused),
      TEST(what_is_neither_valid_nor_supported_is_invalid),
  };
  return RUN_TESTS(argc, argv, tests);
}
