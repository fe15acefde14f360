/* function.c: exports of a guest, looked up and type-checked once. */
#include "check.h"

static hostel_function *look_up(const hostel_guest *guest, const char *name) {
  hostel_function *function = RUBBISH;
  SUCCEEDS(hostel_guest_function(guest, name, &function, &error));
  return function;
}

static void looking_up_checks_each_argument(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_function *function = RUBBISH;
  FAILS(INVALID_ARGUMENT, "guest", hostel_guest_function(NULL, "echo", &function, &error));
  CHECK(function == NULL);
  FAILS(INVALID_ARGUMENT, "name", hostel_guest_function(guest, NULL, &function, &error));
  FAILS(INVALID_ARGUMENT, "name", hostel_guest_function(guest, "\xff", &function, &error));
  FAILS(INVALID_ARGUMENT, "function_out", hostel_guest_function(guest, "echo", NULL, &error));
  hostel_guest_free(guest);
}

static void calling_checks_each_argument(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_function *echo = look_up(guest, "echo");
  const uint8_t byte[1] = {0};
  REFUSES(INVALID_ARGUMENT, "function", hostel_function_call(NULL, NOTHING, NULL, &output, &error));
  REFUSES(INVALID_ARGUMENT, "input", hostel_function_call(echo, NULL, 1, NULL, &output, &error));
  REFUSES(INVALID_ARGUMENT, "input", hostel_function_call(echo, byte, (size_t)PTRDIFF_MAX + 1, NULL, &output, &error));
  FAILS(INVALID_ARGUMENT, "output_out", hostel_function_call(echo, NOTHING, NULL, NULL, &error));
  hostel_function_free(echo);
  hostel_function_free(NULL);
  hostel_guest_free(guest);
}

static void an_unknown_function_is_named(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_function *function = RUBBISH;
  FAILS(NO_SUCH_FUNCTION, "nowhere", hostel_guest_function(guest, "nowhere", &function, &error));
  CHECK(function == NULL);
  hostel_guest_free(guest);
}

static void what_is_no_function_of_bytes_is_refused_when_looked_up(const hostel_engine *engine) {
  const char *const functions[] = {"nothing",      "no_result", "small_result", "two_results",
                                   "three_params", "floats",    "hostel_alloc"};
  const char *const others[] = {"a_global", "a_table", "memory"};
  hostel_guest *guest = open_file(engine, "wrong_types.wat");
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    hostel_function *function = RUBBISH;
    FAILS(BAD_ABI, functions[i], hostel_guest_function(guest, functions[i], &function, &error));
    CHECK(function == NULL);
    REFUSES(BAD_ABI, functions[i], hostel_guest_call(guest, functions[i], NOTHING, NULL, &output, &error));
  }
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    hostel_function *function = RUBBISH;
    FAILS(NO_SUCH_FUNCTION, others[i], hostel_guest_function(guest, others[i], &function, &error));
    CHECK(function == NULL);
  }
  ANSWERS("", hostel_guest_call(guest, "fine", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void it_is_called_without_a_name(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_function *reverse = look_up(guest, "reverse"), *fail = look_up(guest, "fail");
  ANSWERS("cba", hostel_function_call(reverse, TEXT("abc"), NULL, &output, &error));
  REFUSES(GUEST_ERROR, "no", hostel_function_call(fail, TEXT("no"), NULL, &output, &error));
  hostel_function_free(reverse);
  hostel_function_free(fail);
  hostel_guest_free(guest);
}

static void each_call_has_an_instance_as_new(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_function *counter = look_up(guest, "counter");
  for (int i = 0; i < 5; i++) {
    ANSWERS("\1\0\0\0\0\0\0\0", hostel_function_call(counter, NOTHING, NULL, &output, &error));
  }
  hostel_function_free(counter);
  hostel_guest_free(guest);
}

static void it_obeys_the_options_of_the_call(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_function *echo = look_up(guest, "echo");
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, 2, &error));
  REFUSES(OUTPUT_TOO_LARGE, "2", hostel_function_call(echo, TEXT("abc"), options, &output, &error));
  ANSWERS("ab", hostel_function_call(echo, TEXT("ab"), options, &output, &error));
  hostel_call_options_free(options);
  hostel_function_free(echo);
  hostel_guest_free(guest);
}

static void it_outlives_guest_module_and_engine(const hostel_engine *engine) {
  hostel_engine *own = limited_engine(engine, HOSTEL_LIMIT_DEPTH, 4);
  hostel_guest *guest = open_file(own, "echo.wasm");
  hostel_function *reverse = look_up(guest, "reverse");
  hostel_engine_free(own);
  hostel_guest_free(guest);
  ANSWERS("cba", hostel_function_call(reverse, TEXT("abc"), NULL, &output, &error));
  hostel_function_free(reverse);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(looking_up_checks_each_argument),  TEST(calling_checks_each_argument),
      TEST(an_unknown_function_is_named),     TEST(what_is_no_function_of_bytes_is_refused_when_looked_up),
      TEST(it_is_called_without_a_name),      TEST(each_call_has_an_instance_as_new),
      TEST(it_obeys_the_options_of_the_call), TEST(it_outlives_guest_module_and_engine),
  };
  return RUN_TESTS(argc, argv, tests);
}
