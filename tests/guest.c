/* guest.c: modules linked with their imports, ready to be called. */
#include "check.h"

static void linking_checks_each_argument(const hostel_engine *engine) {
  hostel_module *module = load_file(engine, "echo.wasm");
  hostel_guest *guest = RUBBISH;
  FAILS(INVALID_ARGUMENT, "module", hostel_guest_new(NULL, NULL, NULL, &guest, &error));
  CHECK(guest == NULL);
  FAILS(INVALID_ARGUMENT, "guest_out", hostel_guest_new(module, NULL, NULL, NULL, &error));
  hostel_module_free(module);
}

static void calling_checks_each_argument(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  const uint8_t byte[1] = {0};
  const size_t too_long = (size_t)PTRDIFF_MAX + 1;
  REFUSES(INVALID_ARGUMENT, "guest", hostel_guest_call(NULL, "echo", NOTHING, NULL, &output, &error));
  REFUSES(INVALID_ARGUMENT, "input", hostel_guest_call(guest, "echo", NULL, 1, NULL, &output, &error));
  REFUSES(INVALID_ARGUMENT, "input", hostel_guest_call(guest, "echo", byte, too_long, NULL, &output, &error));
  REFUSES(INVALID_ARGUMENT, "input", hostel_guest_call(guest, "echo", byte, SIZE_MAX, NULL, &output, &error));
  REFUSES(INVALID_ARGUMENT, "function", hostel_guest_call(guest, "\xff", NOTHING, NULL, &output, &error));
  FAILS(INVALID_ARGUMENT, "output_out", hostel_guest_call(guest, "echo", NOTHING, NULL, NULL, &error));
  hostel_buffer output = RUBBISH_BUFFER;
  CHECK(hostel_guest_call(NULL, "echo", NOTHING, NULL, &output, NULL) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(output.data == NULL && output.len == 0);
  hostel_guest_free(guest);
}

static void its_options_check_each_argument(const hostel_engine *engine) {
  (void)engine;
  hostel_guest_options *options = RUBBISH;
  FAILS(INVALID_ARGUMENT, "options_out", hostel_guest_options_new(NULL, &error));
  SUCCEEDS(hostel_guest_options_new(&options, &error));
  FAILS(INVALID_ARGUMENT, "options", hostel_guest_options_set_abi(NULL, "hostel", &error));
  FAILS(INVALID_ARGUMENT, "name", hostel_guest_options_set_abi(options, NULL, &error));
  FAILS(INVALID_ARGUMENT, "name", hostel_guest_options_set_abi(options, "\xff", &error));
  FAILS(INVALID_ARGUMENT, "carrier pigeon", hostel_guest_options_set_abi(options, "carrier pigeon", &error));
  hostel_guest_options_free(options);
  hostel_guest_options_free(NULL);
}

static void its_abi_is_told_from_its_exports(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm"), *other = open_text(engine, "(module (func (export \"f\")))");
  CHECK(strcmp(hostel_guest_abi(guest), "hostel") == 0);
  CHECK(strcmp(hostel_guest_abi(other), "none") == 0);
  CHECK(hostel_guest_abi(NULL) == NULL);
  hostel_guest_free(guest);
  hostel_guest_free(other);
}

static void a_guest_of_no_abi_cannot_be_called_with_bytes(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, "(module (func (export \"f\") (param i32 i32) (result i64) (i64.const 0)))");
  REFUSES(BAD_ABI, "ABI", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static hostel_status open_as(const hostel_module *module, const char *abi, hostel_guest **guest_out, hostel_error **error_out) {
  hostel_guest_options *options = RUBBISH;
  SUCCEEDS(hostel_guest_options_new(&options, &error));
  SUCCEEDS(hostel_guest_options_set_abi(options, abi, &error));
  const hostel_status status = hostel_guest_new(module, NULL, options, guest_out, error_out);
  hostel_guest_options_free(options);
  return status;
}

static void its_abi_can_be_forced(const hostel_engine *engine) {
  hostel_module *plain = load_file(engine, "echo.wasm"), *other = load_text(engine, "(module (func (export \"f\")))");
  hostel_guest *guest = RUBBISH;
  SUCCEEDS(open_as(plain, "auto", &guest, &error));
  CHECK(strcmp(hostel_guest_abi(guest), "hostel") == 0);
  hostel_guest_free(guest);
  SUCCEEDS(open_as(plain, "hostel", &guest, &error));
  ANSWERS("hi", hostel_guest_call(guest, "echo", TEXT("hi"), NULL, &output, &error));
  hostel_guest_free(guest);
  guest = RUBBISH;
  FAILS(BAD_ABI, "memory", open_as(other, "hostel", &guest, &error));
  CHECK(guest == NULL);
  hostel_module_free(plain);
  hostel_module_free(other);
}

static void an_unknown_function_is_named(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  REFUSES(NO_SUCH_FUNCTION, "\"nowhere\"", hostel_guest_call(guest, "nowhere", NOTHING, NULL, &output, &error));
  REFUSES(NO_SUCH_FUNCTION, "", hostel_guest_call(guest, "", NOTHING, NULL, &output, &error));
  REFUSES(NO_SUCH_FUNCTION, "memory", hostel_guest_call(guest, "memory", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void no_function_means_the_program_which_this_is_not(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  REFUSES(NO_SUCH_FUNCTION, "", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void any_text_may_be_a_functions_name(const hostel_engine *engine) {
  const char *const names[] = {"größe", "宿", "🛏", "two words", " ", "say \"hi\"", "line\nbreak", ""};
  hostel_guest *guest = open_file(engine, "odd_names.wat");
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    ANSWERS("ok", hostel_guest_call(guest, names[i], NOTHING, NULL, &output, &error));
  }
  REFUSES(NO_SUCH_FUNCTION, "größ", hostel_guest_call(guest, "größ", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void each_call_has_an_instance_as_new(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  for (int i = 0; i < 5; i++) {
    ANSWERS("\1\0\0\0\0\0\0\0", hostel_guest_call(guest, "counter", NOTHING, NULL, &output, &error));
  }
  hostel_guest_free(guest);
}

static void a_call_after_one_that_failed_is_as_new(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  REFUSES(TRAP, "", hostel_guest_call(guest, "panic", NOTHING, NULL, &output, &error));
  REFUSES(GUEST_ERROR, "no", hostel_guest_call(guest, "fail", TEXT("no"), NULL, &output, &error));
  ANSWERS("\1\0\0\0\0\0\0\0", hostel_guest_call(guest, "counter", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void guests_of_one_module_share_nothing(const hostel_engine *engine) {
  hostel_module *module = load_file(engine, "echo.wasm");
  hostel_guest *first = RUBBISH, *second = RUBBISH;
  SUCCEEDS(hostel_guest_new(module, NULL, NULL, &first, &error));
  SUCCEEDS(hostel_guest_new(module, NULL, NULL, &second, &error));
  hostel_module_free(module);
  ANSWERS("ab", hostel_guest_call(first, "reverse", TEXT("ba"), NULL, &output, &error));
  hostel_guest_free(first);
  ANSWERS("cd", hostel_guest_call(second, "reverse", TEXT("dc"), NULL, &output, &error));
  hostel_guest_free(second);
  hostel_guest_free(NULL);
}

static void guests_of_other_toolchains_do_their_job(const hostel_engine *engine) {
  hostel_guest *markdown = open_file(engine, "markdown.wasm"), *c = open_file(engine, "cguest.wasm");
  ANSWERS("<h1>Hi</h1>\n", hostel_guest_call(markdown, "render", TEXT("# Hi"), NULL, &output, &error));
  REFUSES(GUEST_ERROR, "UTF-8", hostel_guest_call(markdown, "render", TEXT("\xff\xfe"), NULL, &output, &error));
  ANSWERS("HOSTEL", hostel_guest_call(c, "upper", TEXT("hostel"), NULL, &output, &error));
  ANSWERS("294", hostel_guest_call(c, "sum", TEXT("abc"), NULL, &output, &error));
  hostel_guest_free(markdown);
  hostel_guest_free(c);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(linking_checks_each_argument),
      TEST(calling_checks_each_argument),
      TEST(its_options_check_each_argument),
      TEST(its_abi_is_told_from_its_exports),
      TEST(a_guest_of_no_abi_cannot_be_called_with_bytes),
      TEST(its_abi_can_be_forced),
      TEST(an_unknown_function_is_named),
      TEST(no_function_means_the_program_which_this_is_not),
      TEST(any_text_may_be_a_functions_name),
      TEST(each_call_has_an_instance_as_new),
      TEST(a_call_after_one_that_failed_is_as_new),
      TEST(guests_of_one_module_share_nothing),
      TEST(guests_of_other_toolchains_do_their_job),
  };
  return RUN_TESTS(argc, argv, tests);
}
