/* gaps.c: each proposal of WebAssembly either works, or the engine's row in the table says that it lacks it. */
#include "check.h"

typedef struct proposal {
  const char *name;
  const char *parts; /* of a module, beside memory and allocator */
  const char *body;  /* of a function that must answer "ok", the two bytes at 16 */
} proposal;

static const proposal proposals[] = {
    {"mutable-global", "(global (export \"g\") (mut i32) (i32.const 2))",
     "(i64.or (i64.const 0x10_0000_0000) (i64.extend_i32_u (global.get 0)))"},
    {"saturating-float-to-int", "", "(i64.or (i64.const 0x10_0000_0002) (i64.trunc_sat_f64_s (f64.const nan)))"},
    {"sign-extension", "", "(i64.and (i64.const 0x10_0000_0002) (i64.extend8_s (i64.const 0xff)))"},
    {"multi-value", "(func $two (result i64 i64) (i64.const 0x10_0000_0000) (i64.const 2))", "(i64.or (call $two))"},
    {"bulk-memory", "", "(memory.fill (i32.const 32) (i32.const 0) (i32.const 9)) (i64.const 0x10_0000_0002)"},
    {"reference-types", "(table 1 externref)",
     "(drop (table.grow 0 (ref.null extern) (i32.const 1)))"
     " (i64.or (i64.const 0x10_0000_0000) (i64.extend_i32_u (table.size 0)))"},
    {"relaxed-simd", "",
     "(i64.or (i64.const 0x10_0000_0000)"
     " (i64x2.extract_lane 0 (i8x16.relaxed_swizzle (v128.const i64x2 2 0) (v128.const i64x2 0x0f0e0d0c0b0a0900 0))))"},
    {"threads", "",
     "(drop (i32.atomic.rmw.add (i32.const 32) (i32.const 2)))"
     " (i64.or (i64.const 0x10_0000_0000) (i64.extend_i32_u (i32.atomic.load (i32.const 32))))"},
    {"extended-const", "(global i64 (i64.add (i64.const 0x10_0000_0000) (i64.const 2)))", "(global.get 0)"},
    {"function-references",
     "(type $t (func (result i64))) (func $g (result i64) (i64.const 0x10_0000_0002)) (elem declare func $g)",
     "(call_ref $t (ref.func $g))"},
    {"gc", "(type $pair (struct (field i64) (field i64)))",
     "(struct.get $pair 1 (struct.new $pair (i64.const 0) (i64.const 0x10_0000_0002)))"},
    {"wide-arithmetic", "", "(i64.mul_wide_u (i64.const 0x10_0000_0002) (i64.const 1)) (drop)"},
};

static void check_proposal(const hostel_engine *engine, const char *name, const char *text, const uint8_t *input,
                           size_t input_len, const char *expected) {
  char lacked[64];
  snprintf(lacked, sizeof lacked, "\"%s\"", name);
  hostel_module *module = RUBBISH;
  if (engine_row_has(engine, lacked)) {
    FAILS(UNSUPPORTED_MODULE, name, hostel_module_load_wat(engine, NULL, text, strlen(text), NULL, &module, &error));
    CHECK(module == NULL);
    return;
  }
  hostel_error *error = NULL;
  if (hostel_module_load_wat(engine, NULL, text, strlen(text), NULL, &module, &error) != HOSTEL_STATUS_OK) {
    fprintf(stderr, "%s should work: %s\n", name, hostel_error_message(error));
    hostel_error_free(error);
    failures++;
    return;
  }
  hostel_guest *guest = link_guest(module, NULL);
  ANSWERS_BYTES(expected, strlen(expected), hostel_guest_call(guest, "f", input, input_len, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void small_proposals_agree_with_the_table(const hostel_engine *engine) {
  for (size_t i = 0; i < sizeof proposals / sizeof proposals[0]; i++) {
    char text[2000];
    snprintf(text, sizeof text,
             "(module (memory (export \"memory\") 1) (data (i32.const 16) \"ok\") %s"
             " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024))"
             " (func (export \"hostel_free\") (param i32 i32)) (func (export \"f\") (param i32 i32) (result i64) %s))",
             proposals[i].parts, proposals[i].body);
    check_proposal(engine, proposals[i].name, text, NULL, 0, "ok");
  }
}

static void check_file(const hostel_engine *engine, const char *name, const char *file, const uint8_t *input, size_t input_len,
                       const char *expected) {
  size_t len;
  uint8_t *text = read_guest(file, &len);
  text[len] = '\0';
  check_proposal(engine, name, (const char *)text, input, input_len, expected);
  free(text);
}

static void simd_agrees_with_the_table(const hostel_engine *engine) {
  check_file(engine, "simd", "simd.wat", TEXT("seventeen letters"), "seventeen letters");
}

static void tail_calls_agree_with_the_table(const hostel_engine *engine) {
  check_file(engine, "tail-call", "tail_call.wat", NOTHING, "ok");
}

static void multi_memory_agrees_with_the_table(const hostel_engine *engine) {
  check_file(engine, "multi-memory", "multi_memory.wat", NOTHING, "ok");
}

static void memory64_agrees_with_the_table(const hostel_engine *engine) {
  check_file(engine, "memory64", "memory64.wat", TEXT("?x"), "!x");
}

/* Its bytes do not fit into 64 bits, were it as large as it may become. */
static void a_memory_that_may_grow_for_ever_does_no_harm(const hostel_engine *engine) {
  static const char text[] = "(module (memory i64 1 0x1000000000000)"
                             " (func (export \"grow\") (result i64) (memory.grow (i64.const 1))))";
  hostel_module *module = RUBBISH;
  const hostel_status status = hostel_module_load_wat(engine, NULL, text, sizeof text - 1, NULL, &module, NULL);
  if (status == HOSTEL_STATUS_OK) {
    hostel_guest *guest = link_guest(module, NULL);
    uint64_t values[1] = {0};
    SUCCEEDS(hostel_guest_call_values(guest, "grow", values, 1, NULL, &error));
    CHECK(values[0] == 1);
    hostel_guest_free(guest);
  } else {
    CHECK(status == HOSTEL_STATUS_UNSUPPORTED_MODULE);
  }
}

static void exceptions_agree_with_the_table(const hostel_engine *engine) {
  check_file(engine, "exception-handling", "exceptions.wat", NOTHING, "caught");
}

static void an_exception_that_nothing_catches_is_a_trap(const hostel_engine *engine) {
  if (engine_row_has(engine, "\"exception-handling\"")) {
    return;
  }
  hostel_guest *guest = open_file(engine, "exceptions.wat");
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  CHECK(hostel_guest_call(guest, "uncaught", NOTHING, NULL, &output, &error) == HOSTEL_STATUS_TRAP);
  CHECK_ERROR(error, TRAP, "exception");
  CHECK(hostel_error_trap(error) == HOSTEL_TRAP_UNCAUGHT_EXCEPTION);
  hostel_error_free(error);
  ANSWERS("caught", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

/* Where an engine takes the module; what it calls the trap is the same. */
static void a_null_reference_is_a_trap_of_its_own(const hostel_engine *engine) {
  static const char *const texts[] = {
      "(module (func (export \"f\") (throw_ref (ref.null exn))))",
      "(module (type $t (func)) (func (export \"f\") (call_ref $t (ref.null $t))))",
      "(module (func (export \"f\") (drop (ref.as_non_null (ref.null func)))))",
  };
  static const char *const lacks[] = {"\"exception-handling\"", "\"function-references\"", "\"function-references\""};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    if (engine_row_has(engine, lacks[i])) {
      continue;
    }
    hostel_guest *guest = link_guest(load_text(engine, texts[i]), NULL);
    hostel_error *error = RUBBISH;
    CHECK(hostel_guest_call_values(guest, "f", NULL, 0, NULL, &error) == HOSTEL_STATUS_TRAP);
    CHECK_ERROR(error, TRAP, "null");
    CHECK(hostel_error_trap(error) == HOSTEL_TRAP_NULL_REFERENCE);
    hostel_error_free(error);
    hostel_guest_free(guest);
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(small_proposals_agree_with_the_table),  TEST(simd_agrees_with_the_table),
      TEST(tail_calls_agree_with_the_table),       TEST(multi_memory_agrees_with_the_table),
      TEST(memory64_agrees_with_the_table),        TEST(a_memory_that_may_grow_for_ever_does_no_harm),
      TEST(exceptions_agree_with_the_table),       TEST(an_exception_that_nothing_catches_is_a_trap),
      TEST(a_null_reference_is_a_trap_of_its_own),
  };
  return RUN_TESTS(argc, argv, tests);
}
