/* memory_limit.c: guests that want more memory than they are allowed. */
#include "check.h"

enum { PAGE = 65536 };

/* `grow` grows by u32 LE pages: pages before or -1, as i32 LE. `trap_after` and `fail_after` do so, and then trap or say no. */
#define GROWER(memory)                                                                                                           \
  "(module (import \"hostel\" \"hostel_fail\" (func $fail (param i32 i32))) " memory " (data (i32.const 32) \"no\")"             \
  " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024))"                                                  \
  " (func (export \"hostel_free\") (param i32 i32))"                                                                             \
  " (func $grow (export \"grow\") (param i32 i32) (result i64)"                                                                  \
  "   (i32.store (i32.const 16) (memory.grow (i32.load (local.get 0)))) (i64.const 0x10_0000_0004))"                             \
  " (func (export \"trap_after\") (param i32 i32) (result i64) (drop (call $grow (local.get 0) (local.get 1))) unreachable)"     \
  " (func (export \"fail_after\") (param i32 i32) (result i64)"                                                                  \
  "   (drop (call $grow (local.get 0) (local.get 1))) (call $fail (i32.const 32) (i32.const 2)) (i64.const 0)))"
#define ONE_PAGE GROWER("(memory (export \"memory\") 1)")

#define MINUS_ONE "\xff\xff\xff\xff"
#define NUMBER(n) TEXT(n "\0\0\0")

static hostel_call_options *options_of(uint64_t memory) {
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_MEMORY_BYTES, memory, &error));
  return options;
}

static void starting_above_the_default_limit_is_memory_limit(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "huge_memory.wat");
  hostel_instance *instance = RUBBISH;
  REFUSES(MEMORY_LIMIT, "memory", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  FAILS(MEMORY_LIMIT, "memory", hostel_instance_new(guest, NULL, &instance, &error));
  CHECK(instance == NULL);
  hostel_guest_free(guest);
  hostel_engine *more = limited_engine(engine, HOSTEL_LIMIT_MEMORY_BYTES, UINT64_C(5000) * PAGE);
  guest = open_file(more, "huge_memory.wat");
  ANSWERS("", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
  hostel_engine_free(more);
}

static void starting_above_the_limit_of_the_call_is_memory_limit(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, GROWER("(memory (export \"memory\") 2)"));
  hostel_call_options *less = options_of(2 * PAGE - 1), *exact = options_of(2 * PAGE);
  REFUSES(MEMORY_LIMIT, "131072", hostel_guest_call(guest, "grow", NUMBER("\0"), less, &output, &error));
  ANSWERS("\2\0\0\0", hostel_guest_call(guest, "grow", NUMBER("\0"), exact, &output, &error));
  hostel_call_options_free(less);
  hostel_call_options_free(exact);
  hostel_guest_free(guest);
}

static void a_memory_that_is_not_exported_counts_too(const hostel_engine *engine) {
  if (engine_row_has(engine, "\"multi-memory\"")) {
    return;
  }
  hostel_guest *guest = open_text(engine, GROWER("(memory (export \"memory\") 1) (memory 5)"));
  hostel_call_options *options = options_of(4 * PAGE);
  REFUSES(MEMORY_LIMIT, "memory", hostel_guest_call(guest, "grow", NUMBER("\1"), options, &output, &error));
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

static void it_grows_to_the_exact_limit_and_not_a_page_further(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, ONE_PAGE);
  hostel_instance *instance = new_instance(guest);
  hostel_call_options *options = options_of(3 * PAGE);
  uint64_t size = 0;
  ANSWERS(MINUS_ONE, hostel_instance_call(instance, "grow", NUMBER("\3"), options, &output, &error));
  ANSWERS("\1\0\0\0", hostel_instance_call(instance, "grow", NUMBER("\2"), options, &output, &error));
  ANSWERS(MINUS_ONE, hostel_instance_call(instance, "grow", NUMBER("\1"), options, &output, &error));
  ANSWERS(MINUS_ONE, hostel_instance_call(instance, "grow", TEXT("\xff\xff\xff\xff"), options, &output, &error));
  ANSWERS("\3\0\0\0", hostel_instance_call(instance, "grow", NUMBER("\0"), options, &output, &error));
  SUCCEEDS(hostel_instance_memory_size(instance, &size, &error));
  CHECK(size == 3 * PAGE);
  hostel_call_options_free(options);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void a_limit_between_pages_allows_whole_ones(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, ONE_PAGE);
  hostel_call_options *options = options_of(3 * PAGE - 1);
  ANSWERS(MINUS_ONE, hostel_guest_call(guest, "grow", NUMBER("\2"), options, &output, &error));
  ANSWERS("\1\0\0\0", hostel_guest_call(guest, "grow", NUMBER("\1"), options, &output, &error));
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

static void a_call_cannot_raise_the_limit_of_its_engine(const hostel_engine *engine) {
  hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_MEMORY_BYTES, 2 * PAGE);
  hostel_guest *guest = open_text(limited, ONE_PAGE);
  hostel_call_options *options = options_of(9 * PAGE);
  ANSWERS(MINUS_ONE, hostel_guest_call(guest, "grow", NUMBER("\2"), options, &output, &error));
  ANSWERS("\1\0\0\0", hostel_guest_call(guest, "grow", NUMBER("\1"), options, &output, &error));
  ANSWERS(MINUS_ONE, hostel_guest_call(guest, "grow", NUMBER("\2"), NULL, &output, &error));
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  hostel_engine_free(limited);
}

static void a_failure_after_a_refusal_is_memory_limit(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, ONE_PAGE);
  hostel_call_options *options = options_of(2 * PAGE);
  REFUSES(MEMORY_LIMIT, "131072", hostel_guest_call(guest, "trap_after", NUMBER("\2"), options, &output, &error));
  REFUSES(MEMORY_LIMIT, "131072", hostel_guest_call(guest, "fail_after", NUMBER("\2"), options, &output, &error));
  REFUSES(TRAP, "unreachable", hostel_guest_call(guest, "trap_after", NUMBER("\1"), options, &output, &error));
  REFUSES(GUEST_ERROR, "no", hostel_guest_call(guest, "fail_after", NUMBER("\1"), options, &output, &error));
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

static void memory_limit_keeps_trap_and_payload(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, ONE_PAGE);
  hostel_call_options *options = options_of(2 * PAGE);
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  size_t len = 0;
  CHECK(hostel_guest_call(guest, "trap_after", NUMBER("\2"), options, &output, &error) == HOSTEL_STATUS_MEMORY_LIMIT);
  CHECK(hostel_error_trap(error) == HOSTEL_TRAP_UNREACHABLE && hostel_error_maybe_corrupt(error));
  hostel_error_free(error);
  CHECK(hostel_guest_call(guest, "fail_after", NUMBER("\2"), options, &output, &error) == HOSTEL_STATUS_MEMORY_LIMIT);
  const uint8_t *payload = hostel_error_payload(error, &len);
  CHECK(len == 2 && memcmp(payload, "no", 2) == 0);
  hostel_error_free(error);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

static void a_refusal_is_forgotten_in_the_next_call(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, ONE_PAGE);
  hostel_instance *instance = new_instance(guest);
  hostel_call_options *options = options_of(2 * PAGE);
  ANSWERS(MINUS_ONE, hostel_instance_call(instance, "grow", NUMBER("\2"), options, &output, &error));
  REFUSES(GUEST_ERROR, "no", hostel_instance_call(instance, "fail_after", NUMBER("\0"), options, &output, &error));
  REFUSES(MEMORY_LIMIT, "no", hostel_instance_call(instance, "fail_after", NUMBER("\2"), options, &output, &error));
  ANSWERS("\1\0\0\0", hostel_instance_call(instance, "grow", NUMBER("\2"), NULL, &output, &error));
  hostel_call_options_free(options);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void a_guests_own_maximum_is_not_our_limit(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, GROWER("(memory (export \"memory\") 1 2)"));
  REFUSES(TRAP, "unreachable", hostel_guest_call(guest, "trap_after", NUMBER("\2"), NULL, &output, &error));
  ANSWERS(MINUS_ONE, hostel_guest_call(guest, "grow", NUMBER("\2"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_refusal_while_it_starts_is_memory_limit(const hostel_engine *engine) {
  static const char *const starts[] = {"(func $s (drop (memory.grow (i32.const 9))) unreachable) (start $s)",
                                       "(func (export \"_initialize\") (drop (memory.grow (i32.const 9))) unreachable)"};
  for (size_t i = 0; i < 2; i++) {
    char text[400];
    snprintf(text, sizeof text, "(module (memory 1) %s)", starts[i]);
    hostel_guest *guest = open_text(engine, text);
    hostel_call_options *options = options_of(2 * PAGE);
    hostel_instance *instance = RUBBISH;
    FAILS(MEMORY_LIMIT, "131072", hostel_instance_new(guest, options, &instance, &error));
    CHECK(instance == NULL);
    FAILS(TRAP, "unreachable", hostel_instance_new(guest, NULL, &instance, &error));
    hostel_call_options_free(options);
    hostel_guest_free(guest);
  }
}

static void an_input_that_does_not_fit_is_memory_limit(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_call_options *options = options_of(2 << 20);
  uint8_t *input = calloc(4 << 20, 1);
  REQUIRE(input != NULL);
  REFUSES(MEMORY_LIMIT, "2097152", hostel_guest_call(guest, "echo", input, 4 << 20, options, &output, &error));
  ANSWERS("hi", hostel_guest_call(guest, "echo", TEXT("hi"), options, &output, &error));
  free(input);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

static void a_rust_guest_that_cannot_allocate_is_memory_limit(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_call_options *options = options_of(2 << 20);
  const uint8_t four_mib[8] = {0, 0, 64};
  REFUSES(MEMORY_LIMIT, "cannot allocate", hostel_guest_call(guest, "big", four_mib, 8, options, &output, &error));
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

static hostel_status answer_four_mib(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  return hostel_caller_return(caller, user_data, 4 << 20);
}

static void an_answer_that_does_not_fit_ends_the_call_and_the_instance(const hostel_engine *engine) {
  uint8_t *answer = calloc(4 << 20, 1);
  REQUIRE(answer != NULL);
  hostel_imports *imports = imports_of("host", "answer", answer_four_mib, answer);
  hostel_guest *guest = link_guest(load_file(engine, "hosted.wasm"), imports);
  hostel_imports_free(imports);
  hostel_call_options *options = options_of(2 << 20);
  hostel_instance *instance = new_instance(guest);
  REFUSES(MEMORY_LIMIT, "2097152", hostel_guest_call(guest, "call_host", NOTHING, options, &output, &error));
  REFUSES(MEMORY_LIMIT, "2097152", hostel_instance_call(instance, "call_host", NOTHING, options, &output, &error));
  REFUSES(INSTANCE_DEAD, "", hostel_instance_call(instance, "call_host", NOTHING, NULL, &output, &error)); /* stopped half-way */
  hostel_instance_free(instance);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  free(answer);
}

/* What the guest's own maximum forbids is refused by nobody else, and uses nothing up. */
static void growing_past_its_own_maximum_uses_nothing_up(const hostel_engine *engine) {
  hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_MEMORY_BYTES, 64 * 65536);
  hostel_guest *guest = open_text(limited, "(module (memory 1 3) (func (export \"grow\") (param i32) (result i32)"
                                           " (memory.grow (local.get 0))) (func (export \"trap\")"
                                           " (drop (memory.grow (i32.const 1000))) unreachable))");
  hostel_instance *instance = new_instance(guest);
  for (int i = 0; i < 10; i++) {
    uint64_t values[] = {10};
    SUCCEEDS(hostel_instance_call_values(instance, "grow", values, 1, NULL, &error));
    CHECK(values[0] == UINT32_MAX);
  }
  uint64_t values[] = {2};
  SUCCEEDS(hostel_instance_call_values(instance, "grow", values, 1, NULL, &error));
  CHECK(values[0] == 1);
  FAILS(TRAP, "unreachable", hostel_instance_call_values(instance, "trap", NULL, 0, NULL, &error));
  hostel_instance_free(instance);
  hostel_guest_free(guest);
  hostel_engine_free(limited);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(starting_above_the_default_limit_is_memory_limit),  TEST(starting_above_the_limit_of_the_call_is_memory_limit),
      TEST(a_memory_that_is_not_exported_counts_too),          TEST(it_grows_to_the_exact_limit_and_not_a_page_further),
      TEST(a_limit_between_pages_allows_whole_ones),           TEST(a_call_cannot_raise_the_limit_of_its_engine),
      TEST(a_failure_after_a_refusal_is_memory_limit),         TEST(memory_limit_keeps_trap_and_payload),
      TEST(a_refusal_is_forgotten_in_the_next_call),           TEST(a_guests_own_maximum_is_not_our_limit),
      TEST(a_refusal_while_it_starts_is_memory_limit),         TEST(an_input_that_does_not_fit_is_memory_limit),
      TEST(a_rust_guest_that_cannot_allocate_is_memory_limit), TEST(an_answer_that_does_not_fit_ends_the_call_and_the_instance),
      TEST(growing_past_its_own_maximum_uses_nothing_up),
  };
  return RUN_TESTS(argc, argv, tests);
}
