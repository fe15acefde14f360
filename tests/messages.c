/* messages.c: whatever somebody has called something, messages are of some hundred bytes, and one line each. */
#define _GNU_SOURCE
#include "check.h"

enum { LONG = 1 << 20, MESSAGE_MAX = 1100 };

/* A text in which each `@` is a name of so many bytes; free() it. */
static char *text_of(const char *pattern, size_t name_len, size_t *len_out) {
  size_t len = 0;
  for (const char *c = pattern; *c != '\0'; c++) {
    len += *c == '@' ? name_len : 1;
  }
  char *text = malloc(len + 1), *at = text;
  REQUIRE(text != NULL);
  for (const char *c = pattern; *c != '\0'; c++) {
    if (*c == '@') {
      memset(at, 'n', name_len);
      at += name_len;
    } else {
      *at++ = *c;
    }
  }
  *at = '\0';
  *len_out = len;
  return text;
}

static void check_words(const char *file, int line, hostel_status status, hostel_error *error) {
  const char *message = hostel_error_message(error), *backtrace = hostel_error_backtrace(error);
  const size_t len = strlen(message);
  (void)check_at(file, line, status != HOSTEL_STATUS_OK, "it fails");
  if (len == 0 || len > MESSAGE_MAX || strchr(message, '\n') != NULL || strchr(message, '\x1b') != NULL) {
    fprintf(stderr, "%s:%d: a message of %zu bytes: %.200s\n", file, line, len, message);
    failures++;
  }
  (void)check_at(file, line, strlen(backtrace) <= 64 * 512, "a backtrace of 64 short lines");
  hostel_error_free(error);
}

/* The call, which gets `&error`, fails with few words. */
#define SAYS_LITTLE(...)                                                                                                         \
  do {                                                                                                                           \
    hostel_error *error = RUBBISH;                                                                                               \
    const hostel_status got = (__VA_ARGS__);                                                                                     \
    check_words(__FILE__, __LINE__, got, error);                                                                                 \
  } while (0)

static void names_in_text_format(const hostel_engine *engine) {
  static const char *const patterns[] = {
      "(module (func (call $@)))",
      "(module (func @))",
      "@",
      "(module (func $@) (func $@))",
      "(module (@ 1))",
      "(module (import \"@\" \"@",
      "(module (func (export \"@\")) (func (export \"@\")))",
      "(module (func (i32.const @)))",
      "(module (data \"\\z@\"))",
  };
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
    hostel_module *module = RUBBISH;
    size_t len;
    char *text = text_of(patterns[i], LONG, &len);
    SAYS_LITTLE(hostel_module_load_wat(engine, NULL, text, len, NULL, &module, &error));
    free(text);
  }
}

static void names_of_imports(const hostel_engine *engine) {
  static const char *const patterns[] = {
      "(module (import \"@\" \"@\" (func)))",
      "(module (import \"@\" \"@\" (global i32)))",
      "(module (import \"@\" \"@\" (func)) (import \"@\" \"@\" (func (param i32))))",
      "(module (import \"a\\1b[31m\\n@\" \"\\e2\\80\\ae@\" (func)))",
      "(module (import \"wasi_snapshot_preview1\" \"@\" (func)))",
  };
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
    hostel_module *module = RUBBISH;
    hostel_guest *guest = RUBBISH;
    size_t len;
    char *text = text_of(patterns[i], 50000, &len);
    SUCCEEDS(hostel_module_load_wat(engine, NULL, text, len, NULL, &module, &error));
    SAYS_LITTLE(hostel_guest_new(module, NULL, NULL, &guest, &error));
    hostel_module_free(module);
    free(text);
  }
}

static void many_imports(const hostel_engine *engine) {
  enum { IMPORTS = 500, EACH = 80 };
  char *text = malloc(IMPORTS * EACH + 100), *at = text;
  hostel_guest *guest = RUBBISH;
  REQUIRE(text != NULL);
  at += sprintf(at, "(module");
  for (int i = 0; i < IMPORTS; i++) {
    at += sprintf(at, " (import \"the_host_of_old\" \"function_number_%d\" (func))", i);
  }
  strcpy(at, ")");
  hostel_module *module = load_text(engine, text);
  SAYS_LITTLE(hostel_guest_new(module, NULL, NULL, &guest, &error));
  hostel_module_free(module);
  free(text);
}

static void names_of_functions(const hostel_engine *engine) {
  size_t len;
  char *text = text_of("(module (func (export \"@\") (param i32)) (func (export \"b\\n@\") (param i32))"
                       " (func (export \"refs\") (param externref)))",
                       50000, &len);
  char *name = text_of("@", 50000, &len), *other = text_of("\x1b[1m\n@", LONG, &len);
  uint64_t values[1] = {0};
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_guest *guest = open_text(engine, text);
  SAYS_LITTLE(hostel_guest_call_values(guest, other, values, 1, NULL, &error));
  SAYS_LITTLE(hostel_guest_call_values(guest, name, values, 0, NULL, &error));
  SAYS_LITTLE(hostel_guest_call(guest, name, NOTHING, NULL, &output, &error));
  SAYS_LITTLE(hostel_guest_call(guest, other, NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
  free(text);
  free(name);
  free(other);
}

static void types_of_functions(const hostel_engine *engine) {
  enum { PARAMS = 900 };
  char *text = malloc(PARAMS * 10 + 1000), *at = text;
  hostel_guest *guest = RUBBISH;
  hostel_buffer output = RUBBISH_BUFFER;
  REQUIRE(text != NULL);
  at += sprintf(at, "(module (memory (export \"memory\") 1) (func (export \"hostel_alloc\") (param i32) (result i32) unreachable)"
                    " (func (export \"hostel_free\") (param i32 i32)) (func (export \"f\") (param");
  for (int i = 0; i < PARAMS; i++) {
    at += sprintf(at, " f64");
  }
  strcpy(at, ")))");
  guest = open_text(engine, text);
  SAYS_LITTLE(hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  SAYS_LITTLE(hostel_guest_call_values(guest, "f", NULL, 0, NULL, &error));
  hostel_guest_free(guest);
  free(text);
}

static void names_in_backtraces(const hostel_engine *engine) {
  size_t len;
  char *text = text_of("(module (func $@ (export \"f\") unreachable))", 50000, &len);
  hostel_guest *guest = open_text(engine, text);
  SAYS_LITTLE(hostel_guest_call_values(guest, "f", NULL, 0, NULL, &error));
  hostel_guest_free(guest);
  free(text);
}

static char *long_message;

static hostel_status fail(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)input, (void)input_len;
  CHECK(hostel_caller_fail(caller, long_message, (const uint8_t *)long_message, LONG) == HOSTEL_STATUS_OK);
  return HOSTEL_STATUS_HOST_ERROR;
}

static void messages_of_host_functions(const hostel_engine *engine) {
  static const char asks[] = "(module (import \"h\" \"f\" (func $f (param i32 i32) (result i64))) (memory (export \"memory\") 1)"
                             " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024))"
                             " (func (export \"hostel_free\") (param i32 i32))"
                             " (func (export \"go\") (param i32 i32) (result i64) (call $f (i32.const 0) (i32.const 0))))";
  size_t len;
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  long_message = text_of("@", LONG, &len);
  hostel_imports *imports = imports_of("h", "f", fail, NULL);
  hostel_guest *guest = link_guest(load_text(engine, asks), imports);
  const hostel_status status = hostel_guest_call(guest, "go", NOTHING, NULL, &output, &error);
  (void)hostel_error_payload(error, &len);
  CHECK(len == LONG); /* which is what the caller is given, and is not cut */
  check_words(__FILE__, __LINE__, status, error);
  hostel_guest_free(guest);
  hostel_imports_free(imports);
  free(long_message);
}

static void names_that_the_host_gives(const hostel_engine *engine) {
  size_t len;
  char *name = text_of("\n@", LONG, &len);
  hostel_engine_config *config = RUBBISH;
  hostel_engine *other = RUBBISH;
  hostel_module *module = RUBBISH;
  hostel_imports *imports = imports_of(name, name, fail, NULL);
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  if (hostel_engine_config_set_engine(config, name, NULL) == HOSTEL_STATUS_OK) {
    SAYS_LITTLE(hostel_engine_new(config, &other, &error));
  } else {
    SAYS_LITTLE(hostel_engine_config_set_engine(config, name, &error));
  }
  SAYS_LITTLE(hostel_imports_define(imports, name, name, fail, NULL, NULL, &error));
  SAYS_LITTLE(hostel_module_load_file(engine, NULL, name, NULL, &module, &error));
  SAYS_LITTLE(hostel_module_deserialize_vouched_file(engine, name, &module, &error));
  hostel_imports_free(imports);
  hostel_engine_config_free(config);
  free(name);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(names_in_text_format),       TEST(names_of_imports),          TEST(many_imports),
      TEST(names_of_functions),         TEST(types_of_functions),        TEST(names_in_backtraces),
      TEST(messages_of_host_functions), TEST(names_that_the_host_gives),
  };
  return RUN_TESTS(argc, argv, tests);
}
