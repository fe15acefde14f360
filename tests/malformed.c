/* malformed.c: bytes that are no module, in many ways. Never a crash; always a status and a message. */
#include "check.h"

/* Where sections end: there, and only there, what is left of a module may be a module. */
static bool is_section_end(const uint8_t *wasm, size_t len, size_t cut) {
  size_t at = 8;
  while (at < cut && at < len) {
    size_t size = 0;
    int shift = 0;
    at++; /* the section's number */
    do {
      size |= (size_t)(wasm[at] & 0x7f) << shift;
      shift += 7;
    } while (wasm[at++] & 0x80);
    at += size;
  }
  return at == cut;
}

/* Loads bytes that may be anything; what comes of it. */
static hostel_status try_load(const hostel_engine *engine, const uint8_t *wasm, size_t len) {
  hostel_module *module = RUBBISH;
  hostel_error *error = RUBBISH;
  const hostel_status status = hostel_module_load(engine, NULL, wasm, len, NULL, &module, &error);
  CHECK(hostel_error_status(error) == status);
  if (status == HOSTEL_STATUS_OK) {
    CHECK(error == NULL);
    CHECK(module != NULL && module != RUBBISH);
    hostel_module_free(module);
    return status;
  }
  CHECK(module == NULL);
  CHECK(strlen(hostel_error_message(error)) > 0);
  hostel_error_free(error);
  return status;
}

/* Copies to a block of just this size, so that a sanitizer sees every byte read past it. */
static hostel_status try_cut(const hostel_engine *engine, const uint8_t *wasm, size_t cut) {
  uint8_t *exact = malloc(cut == 0 ? 1 : cut);
  REQUIRE(exact != NULL);
  memcpy(exact, wasm, cut);
  const hostel_status status = try_load(engine, exact, cut);
  free(exact);
  return status;
}

static void check_cut(const hostel_engine *engine, const uint8_t *wasm, size_t len, size_t cut) {
  const hostel_status status = try_cut(engine, wasm, cut);
  if (status != HOSTEL_STATUS_INVALID_MODULE && !(status == HOSTEL_STATUS_OK && is_section_end(wasm, len, cut))) {
    fprintf(stderr, "cut at %zu of %zu: %s\n", cut, len, hostel_status_name(status));
    CHECK(status == HOSTEL_STATUS_INVALID_MODULE);
  }
}

static hostel_buffer wasm_of(const char *file) {
  size_t len;
  uint8_t *text = read_guest(file, &len);
  hostel_buffer wasm = RUBBISH_BUFFER;
  SUCCEEDS(hostel_wat_to_wasm((const char *)text, len, &wasm, &error));
  free(text);
  return wasm;
}

static void every_prefix_of_a_small_module_is_invalid(const hostel_engine *engine) {
  hostel_buffer wasm = wasm_of("traps.wat");
  for (size_t cut = 0; cut < wasm.len; cut++) {
    check_cut(engine, wasm.data, wasm.len, cut);
  }
  CHECK(try_cut(engine, wasm.data, wasm.len) == HOSTEL_STATUS_OK);
  hostel_buffer_free(&wasm);
}

static void a_thousand_random_cuts_of_a_large_module_are_invalid(const hostel_engine *engine) {
  size_t len;
  uint8_t *wasm = read_guest("markdown.wasm", &len);
  uint64_t random = 20240229;
  for (int i = 0; i < 1000; i++) {
    check_cut(engine, wasm, len, random_below(&random, len));
  }
  free(wasm);
}

static void a_thousand_random_bytes_in_a_small_module_do_no_harm(const hostel_engine *engine) {
  hostel_buffer wasm = wasm_of("traps.wat");
  uint64_t random = 77;
  int counts[3] = {0};
  for (int i = 0; i < 1000; i++) {
    const size_t at = random_below(&random, wasm.len);
    const uint8_t before = wasm.data[at];
    wasm.data[at] ^= (uint8_t)(1 + random_below(&random, 255));
    const hostel_status status = try_load(engine, wasm.data, wasm.len);
    CHECK(status == HOSTEL_STATUS_OK || status == HOSTEL_STATUS_INVALID_MODULE || status == HOSTEL_STATUS_UNSUPPORTED_MODULE);
    counts[status == HOSTEL_STATUS_OK ? 0 : status == HOSTEL_STATUS_INVALID_MODULE ? 1 : 2]++;
    wasm.data[at] = before;
  }
  CHECK(counts[0] > 0 && counts[1] > 0); /* some bytes matter, some do not */
  CHECK(try_load(engine, wasm.data, wasm.len) == HOSTEL_STATUS_OK);
  hostel_buffer_free(&wasm);
}

static void what_still_loads_can_be_called(const hostel_engine *engine) {
  /* Only bytes of the code's operands change, of a guest that has no loops: it cannot run for ever. */
  hostel_buffer wasm = wasm_of("output_outside.wat");
  uint64_t random = 4711;
  for (int i = 0; i < 300; i++) {
    const size_t at = random_below(&random, wasm.len);
    const uint8_t before = wasm.data[at];
    wasm.data[at] ^= (uint8_t)(1 << random_below(&random, 8));
    hostel_module *module = RUBBISH;
    if (hostel_module_load(engine, NULL, wasm.data, wasm.len, NULL, &module, NULL) == HOSTEL_STATUS_OK) {
      hostel_guest *guest = RUBBISH;
      if (hostel_guest_new(module, NULL, NULL, &guest, NULL) == HOSTEL_STATUS_OK) {
        hostel_buffer output = RUBBISH_BUFFER;
        hostel_error *error = RUBBISH;
        const hostel_status status = hostel_guest_call(guest, "last", TEXT("input"), NULL, &output, &error);
        CHECK(status == HOSTEL_STATUS_OK || (output.data == NULL && output.len == 0));
        CHECK(status != HOSTEL_STATUS_INTERNAL && hostel_error_status(error) == status);
        hostel_error_free(error);
        hostel_buffer_free(&output);
      }
      hostel_guest_free(guest);
    }
    hostel_module_free(module);
    wasm.data[at] = before;
  }
  hostel_buffer_free(&wasm);
}

static void random_bytes_are_invalid(const hostel_engine *engine) {
  uint8_t bytes[300] = "\0asm\1\0\0\0";
  uint64_t random = 1;
  for (int i = 0; i < 1000; i++) {
    const size_t start = i % 2 == 0 ? 0 : 8; /* with and without the beginning of a module */
    memcpy(bytes, "\0asm\1\0\0\0", 8);
    for (size_t at = start; at < sizeof bytes; at++) {
      bytes[at] = (uint8_t)random_below(&random, 256);
    }
    CHECK(try_load(engine, bytes, sizeof bytes) != HOSTEL_STATUS_OK);
  }
}

static void the_message_says_where(const hostel_engine *engine) {
  size_t len;
  uint8_t *wasm = read_guest("echo.wasm", &len);
  hostel_module *module = RUBBISH;
  FAILS(INVALID_MODULE, "offset 0x", hostel_module_load(engine, NULL, wasm, len - 1, NULL, &module, &error));
  FAILS(INVALID_MODULE, "offset 0x", hostel_module_load(engine, NULL, wasm + 1, len - 1, NULL, &module, &error));
  FAILS(INVALID_MODULE, "offset 0x", hostel_module_load(engine, NULL, wasm, 4, NULL, &module, &error));
  free(wasm);
}

static void text_nested_without_end_is_invalid(const hostel_engine *engine) {
  const size_t len = 1 << 20;
  char *text = malloc(len);
  REQUIRE(text != NULL);
  hostel_module *module = RUBBISH;
  memset(text, '(', len);
  FAILS(INVALID_MODULE, "", hostel_module_load_wat(engine, NULL, text, len, NULL, &module, &error));
  char *end = text + sprintf(text, "(module (func ");
  for (int i = 0; i < 100000; i++) {
    memcpy(end, "(block ", 7);
    end += 7;
  }
  FAILS(INVALID_MODULE, "", hostel_module_load_wat(engine, NULL, text, (size_t)(end - text), NULL, &module, &error));
  CHECK(module == NULL);
  free(text);
}

static void blocks_nested_deeply_do_no_harm(const hostel_engine *engine) {
  enum { DEPTH = 30000, BODY = 1 + 3 * DEPTH + 1, CODE = 1 + 3 + BODY };
  static uint8_t wasm[8 + 6 + 4 + 4 + CODE] = "\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\x0a";
  uint8_t *at = wasm + 19;
  const size_t sizes[] = {CODE, BODY};
  for (int i = 0; i < 2; i++) { /* the section's size, one function, the body's size: LEB128 of three bytes */
    *at++ = (uint8_t)(sizes[i] | 0x80), *at++ = (uint8_t)(sizes[i] >> 7 | 0x80), *at++ = (uint8_t)(sizes[i] >> 14);
    *at++ = i == 0 ? 1 : 0; /* one function; no locals */
  }
  for (int i = 0; i < DEPTH; i++) {
    *at++ = 0x02, *at++ = 0x40; /* block */
  }
  memset(at, 0x0b, DEPTH + 1); /* end */
  const hostel_status status = try_load(engine, wasm, (size_t)(at - wasm) + DEPTH + 1);
  CHECK(status == HOSTEL_STATUS_OK || status == HOSTEL_STATUS_UNSUPPORTED_MODULE);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(every_prefix_of_a_small_module_is_invalid),
      TEST(a_thousand_random_cuts_of_a_large_module_are_invalid),
      TEST(a_thousand_random_bytes_in_a_small_module_do_no_harm),
      TEST(what_still_loads_can_be_called),
      TEST(random_bytes_are_invalid),
      TEST(the_message_says_where),
      TEST(text_nested_without_end_is_invalid),
      TEST(blocks_nested_deeply_do_no_harm),
  };
  return RUN_TESTS(argc, argv, tests);
}
