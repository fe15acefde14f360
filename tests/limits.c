/* limits.c: modules, outputs and stacks over their caps. */
#include "check.h"

static void refuses_text(const hostel_engine *limited, const char *text, const char *word) {
  hostel_module *module = RUBBISH;
  FAILS(UNSUPPORTED_MODULE, word, hostel_module_load_wat(limited, NULL, text, strlen(text), NULL, &module, &error));
  CHECK(module == NULL);
}

static void accepts_text(const hostel_engine *limited, const char *text) { hostel_module_free(load_text(limited, text)); }

static void a_module_may_be_just_as_large_as_allowed(const hostel_engine *engine) {
  size_t len;
  uint8_t *wasm = read_guest("echo.wasm", &len);
  hostel_engine *exact = limited_engine(engine, HOSTEL_LIMIT_MODULE_BYTES, len);
  hostel_engine *less = limited_engine(engine, HOSTEL_LIMIT_MODULE_BYTES, len - 1);
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load(exact, NULL, wasm, len, NULL, &module, &error));
  hostel_module_free(module);
  FAILS(UNSUPPORTED_MODULE, "size of a module", hostel_module_load(less, NULL, wasm, len, NULL, &module, &error));
  CHECK(module == NULL);
  accepts_text(less, "(module)"); /* others are fine */
  SUCCEEDS(hostel_module_load(engine, NULL, wasm, len, NULL, &module, &error));
  hostel_module_free(module);
  hostel_engine_free(exact);
  hostel_engine_free(less);
  free(wasm);
}

static void the_number_of_functions_is_limited(const hostel_engine *engine) {
  hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_FUNCTIONS, 2);
  accepts_text(limited, "(module (func) (func))");
  accepts_text(limited, "(module (import \"a\" \"b\" (func)) (func) (func))"); /* those that it defines */
  refuses_text(limited, "(module (func) (func) (func))", "number of functions");
  hostel_engine_free(limited);
}

static void the_size_of_a_function_is_limited(const hostel_engine *engine) {
  hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_FUNCTION_BYTES, 3);
  accepts_text(limited, "(module (func nop) (func))"); /* no locals, nop, end */
  refuses_text(limited, "(module (func) (func nop nop))", "function body");
  hostel_engine_free(limited);
}

static void the_size_of_a_table_is_limited(const hostel_engine *engine) {
  hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_TABLE_ELEMENTS, 10);
  accepts_text(limited, "(module (table 4 funcref) (table 6 funcref))"); /* all of them together */
  refuses_text(limited, "(module (table 11 funcref))", "table");
  refuses_text(limited, "(module (table 1 funcref) (table 10 externref))", "table");
  hostel_engine_free(limited);
}

static void the_default_size_of_a_table_is_limited(const hostel_engine *engine) {
  hostel_module *module = RUBBISH;
  FAILS(UNSUPPORTED_MODULE, "table", hostel_module_load_file(engine, NULL, guest_path("huge_table.wat"), NULL, &module, &error));
  hostel_engine *more = limited_engine(engine, HOSTEL_LIMIT_TABLE_ELEMENTS, 2000000);
  hostel_guest *guest = open_file(more, "huge_table.wat");
  ANSWERS("", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
  guest = open_text(more, "(module (table 1500000 1500000 funcref) (table 500000 funcref) (func (export \"f\")))");
  SUCCEEDS(hostel_guest_call_values(guest, "f", NULL, 0, NULL, &error));
  hostel_guest_free(guest);
  hostel_engine_free(more);
}

/* `f` grows its table, of one element, by u32 LE elements: how many there were before, or -1, as i32 LE. */
#define TABLE_GROWER                                                                                                             \
  "(module (memory (export \"memory\") 1) (table 1 funcref)"                                                                     \
  " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024))"                                                  \
  " (func (export \"hostel_free\") (param i32 i32)) (func (export \"f\") (param i32 i32) (result i64)"                           \
  " (i32.store (i32.const 16) (table.grow 0 (ref.null func) (i32.load (local.get 0)))) (i64.const 0x10_0000_0004)))"

static void a_table_grows_to_its_limit_and_no_further(const hostel_engine *engine) {
  hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_TABLE_ELEMENTS, 10);
  hostel_guest *guest = open_text(limited, TABLE_GROWER);
  hostel_instance *instance = new_instance(guest);
  ANSWERS("\xff\xff\xff\xff", hostel_instance_call(instance, "f", TEXT("\x0a\0\0\0"), NULL, &output, &error));
  ANSWERS("\1\0\0\0", hostel_instance_call(instance, "f", TEXT("\x09\0\0\0"), NULL, &output, &error));
  ANSWERS("\xff\xff\xff\xff", hostel_instance_call(instance, "f", TEXT("\1\0\0\0"), NULL, &output, &error));
  ANSWERS("\xff\xff\xff\xff", hostel_instance_call(instance, "f", TEXT("\xff\xff\xff\xff"), NULL, &output, &error));
  ANSWERS("\x0a\0\0\0", hostel_instance_call(instance, "f", TEXT("\0\0\0\0"), NULL, &output, &error));
  hostel_instance_free(instance);
  hostel_guest_free(guest);
  hostel_engine_free(limited);
}

static void an_output_may_be_just_as_large_as_the_engine_allows(const hostel_engine *engine) {
  hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_OUTPUT_BYTES, 4);
  hostel_guest *guest = open_file(limited, "echo.wasm");
  ANSWERS("four", hostel_guest_call(guest, "echo", TEXT("four"), NULL, &output, &error));
  REFUSES(OUTPUT_TOO_LARGE, "5 bytes", hostel_guest_call(guest, "echo", TEXT("fiver"), NULL, &output, &error));
  hostel_guest_free(guest);
  hostel_engine_free(limited);
}

static void a_call_can_lower_the_limit_of_its_output_but_not_raise_it(const hostel_engine *engine) {
  hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_OUTPUT_BYTES, 4);
  hostel_guest *guest = open_file(limited, "echo.wasm");
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, 3, &error));
  ANSWERS("abc", hostel_guest_call(guest, "echo", TEXT("abc"), options, &output, &error));
  REFUSES(OUTPUT_TOO_LARGE, "limit of 3", hostel_guest_call(guest, "echo", TEXT("four"), options, &output, &error));
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, 5, &error));
  ANSWERS("four", hostel_guest_call(guest, "echo", TEXT("four"), options, &output, &error));
  REFUSES(OUTPUT_TOO_LARGE, "limit of 4", hostel_guest_call(guest, "echo", TEXT("fiver"), options, &output, &error));
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  hostel_engine_free(limited);
}

static void what_a_guest_attaches_when_it_says_no_is_limited_too(const hostel_engine *engine) {
  const size_t enough = 1 << 20;
  uint8_t *much = calloc(1, enough + 1);
  hostel_engine *strict = limited_engine(engine, HOSTEL_LIMIT_OUTPUT_BYTES, 1);
  hostel_guest *echo = open_file(strict, "echo.wasm");
  REFUSES(GUEST_ERROR, "", hostel_guest_call(echo, "fail", much, enough, NULL, &output, &error));
  REFUSES(OUTPUT_TOO_LARGE, "1048577", hostel_guest_call(echo, "fail", much, enough + 1, NULL, &output, &error));
  hostel_guest_free(echo);
  hostel_engine_free(strict);
  free(much);
}

static void what_a_guest_attaches_when_it_says_no_is_no_output(const hostel_engine *engine) {
  hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_OUTPUT_BYTES, 1);
  hostel_guest *guest = open_file(limited, "echo.wasm");
  REFUSES(GUEST_ERROR, "no, no", hostel_guest_call(guest, "fail", TEXT("no, no"), NULL, &output, &error));
  hostel_guest_free(guest);
  hostel_engine_free(limited);
}

/* How deep echo may recurse, by powers of two. */
static uint32_t depth_with_stack(const hostel_engine *engine, uint64_t stack) {
  hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_STACK_BYTES, stack);
  hostel_guest *guest = open_file(limited, "echo.wasm");
  uint32_t depth = 1;
  for (; depth < UINT32_C(1) << 30; depth *= 2) {
    const uint8_t input[4] = {(uint8_t)depth, (uint8_t)(depth >> 8), (uint8_t)(depth >> 16), (uint8_t)(depth >> 24)};
    hostel_buffer output = RUBBISH_BUFFER;
    const hostel_status status = hostel_guest_call(guest, "spin_depth", input, sizeof input, NULL, &output, NULL);
    hostel_buffer_free(&output);
    CHECK(status == HOSTEL_STATUS_OK || status == HOSTEL_STATUS_STACK_OVERFLOW);
    if (status != HOSTEL_STATUS_OK) {
      break;
    }
  }
  hostel_guest_free(guest);
  hostel_engine_free(limited);
  return depth;
}

static void a_larger_stack_is_a_deeper_one(const hostel_engine *engine) {
  /* From small to large: an engine may use a stack again that is larger than asked for. */
  const uint32_t small = depth_with_stack(engine, 256 << 10), standard = depth_with_stack(engine, 1 << 20);
  const uint32_t large = depth_with_stack(engine, 16 << 20), largest = depth_with_stack(engine, 64 << 20);
  CHECK(small <= standard && standard < large && large < largest);
  CHECK(standard > 1000);
}

static void a_tiny_stack_overflows_and_does_no_harm(const hostel_engine *engine) {
  const uint64_t sizes[] = {1, 16, 4096, 65536};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_STACK_BYTES, sizes[i]);
    hostel_guest *guest = open_file(limited, "echo.wasm");
    REFUSES(STACK_OVERFLOW, "stack", hostel_guest_call(guest, "recurse", NOTHING, NULL, &output, &error));
    hostel_guest_free(guest);
    hostel_engine_free(limited);
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_module_may_be_just_as_large_as_allowed),
      TEST(the_number_of_functions_is_limited),
      TEST(the_size_of_a_function_is_limited),
      TEST(the_size_of_a_table_is_limited),
      TEST(the_default_size_of_a_table_is_limited),
      TEST(a_table_grows_to_its_limit_and_no_further),
      TEST(an_output_may_be_just_as_large_as_the_engine_allows),
      TEST(a_call_can_lower_the_limit_of_its_output_but_not_raise_it),
      TEST(what_a_guest_attaches_when_it_says_no_is_no_output),
      TEST(what_a_guest_attaches_when_it_says_no_is_limited_too),
      TEST(a_larger_stack_is_a_deeper_one),
      TEST(a_tiny_stack_overflows_and_does_no_harm),
  };
  return RUN_TESTS(argc, argv, tests);
}
