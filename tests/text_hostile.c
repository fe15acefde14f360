/* text_hostile.c: whatever a text is, reading it comes to an end, on a small stack. */
#define _GNU_SOURCE
#include "check.h"
#include "check_sanitized.h"

#include <pthread.h>
#include <unistd.h>

enum { REPEATED = SANITIZED ? 20000 : 200000 };

/* A beginning, something again and again, a middle, something else as often, an end. */
static const struct shape {
  const char *begin, *open, *middle, *close, *end;
} shapes[] = {
    {"", "(", "", "", ""},
    {"", "((", "", "))", ""},
    {"(module ", "(@a ", "", ")", ")"},
    {"", "(@a ", "", "", ""},
    {"(module ", "(; ", "", " ;)", ")"},
    {"", "(; ", "", "", ""},
    {"(module (func (export \"f\") ", "(block ", "", ")", "))"},
    {"(module (func (export \"f\") ", "block ", "", "end ", "))"},
    {"(module (func (result i32) ", "(i32.add (i32.const 1) ", "(i32.const 1)", ")", "))"},
    {"(module (func (result i32) ", "(if (result i32) (i32.const 1) (then ", "(i32.const 1)", ") (else (i32.const 1)))", "))"},
    {"(module (global i32 ", "(i32.add ", "", ")", "))"},
    {"(module ", "(rec ", "", ")", ")"},
    {"(module ", "(type (func (param ", "", ")))", ")"},
    {"(module (type (func (param ", "(ref (ref ", "", "))", "))))"},
    {"(module ", "(func (param i32 i64)) ", "", "", ")"},
    {"(module ", "(func $a) ", "", "", ")"},
    {"(module ", "(type (func)) ", "", "", ")"},
    {"(module (elem func ", "0 ", "", "", "))"},
    {"(module (func (br_table ", "0 ", "", "", ")))"},
    {"(module (data \"", "\\00", "", "", "\"))"},
    {"(module (func (i32.const ", "1", "", "", ")))"},
    {"(module (func (f64.const 0x1.", "f", "", "", "p+1023)))"},
    {"(module (func (f64.const 1", "0", "", "", ")))"},
    {"(module (func (f64.const 0.", "0", "", "", "1)))"},
    {"(module (func (local ", "i32 ", "", "", ")))"},
    {"(module (import \"", "a", "\" \"", "b", "\" (func)))"},
    {"(module $", "a", " $", "b", ")"},
    {"(component ", "(component ", "", ")", ")"},
    {"(module ", "(module ", "", ")", ")"},
    {"(module ", "(module quote \"", "", "\")", ")"},
    {"", "\t", "", "\n", "x"},
    {"(module (func ", "(try_table ", "", ")", "))"},
    {"(module (table 1 funcref ", "(ref.null ", "", ")", "))"},
    {"(module (export \"a\" (func ", "0 ", "", ")", ")))"},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static size_t put(char *at, const char *text, unsigned times) {
  const size_t len = strlen(text);
  for (unsigned i = 0; i < times; i++) {
    memcpy(at + i * len, text, len);
  }
  return times * len;
}

static void *read_them_all(void *unused) {
  (void)unused;
  for (size_t i = 0; i < SHAPES; i++) {
    const struct shape *shape = &shapes[i];
    char *text = malloc((strlen(shape->open) + strlen(shape->close)) * REPEATED + 1000);
    size_t len = 0;
    REQUIRE(text != NULL);
    len += put(text + len, shape->begin, 1);
    len += put(text + len, shape->open, REPEATED);
    len += put(text + len, shape->middle, 1);
    len += put(text + len, shape->close, REPEATED);
    len += put(text + len, shape->end, 1);
    hostel_buffer wasm = RUBBISH_BUFFER;
    hostel_error *error = RUBBISH;
    const hostel_status status = hostel_wat_to_wasm(text, len, &wasm, &error);
    CHECK(status == HOSTEL_STATUS_OK || status == HOSTEL_STATUS_INVALID_MODULE || status == HOSTEL_STATUS_UNSUPPORTED_MODULE);
    CHECK(strlen(hostel_error_message(error)) < 600);
    hostel_error_free(error);
    hostel_buffer_free(&wasm);
    free(text);
  }
  return NULL;
}

static void reading_any_text_comes_to_an_end_on_a_small_stack(const hostel_engine *engine) {
  (void)engine;
  pthread_t thread;
  pthread_attr_t attributes;
  alarm(SECONDS(120)); /* which is for what takes for ever */
  pthread_attr_init(&attributes);
  REQUIRE(pthread_attr_setstacksize(&attributes, (size_t)(SANITIZED ? 2048 : 128) << 10) == 0);
  REQUIRE(pthread_create(&thread, &attributes, read_them_all, NULL) == 0);
  REQUIRE(pthread_join(thread, NULL) == 0);
  pthread_attr_destroy(&attributes);
  alarm(0);
}

static void a_text_longer_than_a_module_may_be_is_not_read(const hostel_engine *plain) {
  hostel_engine *engine = limited_engine(plain, HOSTEL_LIMIT_MODULE_BYTES, 1000);
  hostel_module *module = RUBBISH;
  hostel_buffer wasm = RUBBISH_BUFFER;
  const size_t len = ((size_t)64 << 20) + 1;
  char *text = malloc(len);
  REQUIRE(text != NULL);
  memset(text, ' ', len);
  memcpy(text, "(module)", 8);
  SUCCEEDS(hostel_module_load_wat(engine, NULL, text, 1000, NULL, &module, &error));
  hostel_module_free(module);
  FAILS(UNSUPPORTED_MODULE, "1000", hostel_module_load_wat(engine, NULL, text, 1001, NULL, &module, &error));
  FAILS(UNSUPPORTED_MODULE, "limit", hostel_wat_to_wasm(text, len, &wasm, &error));
  free(text);
  hostel_engine_free(engine);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(reading_any_text_comes_to_an_end_on_a_small_stack),
      TEST(a_text_longer_than_a_module_may_be_is_not_read),
  };
  return RUN_TESTS(argc, argv, tests);
}
