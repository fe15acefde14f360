/* command.c: programs of WASI, run by a call: its input is theirs, their output is its. */
#include "check_limits.h"
#include "check_rooms.h"
#include "check_wasi.h"

static void a_call_runs_the_program(const hostel_engine *engine) {
  hostel_guest *guest = open_program(engine, "wasi_command.wasm", new_wasi());
  CHECK(strcmp(hostel_guest_abi(guest), "command") == 0);
  ANSWERS("HELLO\n", hostel_guest_call(guest, NULL, TEXT("hello\n"), NULL, &output, &error));
  ANSWERS("HELLO\n", hostel_guest_call(guest, "_start", TEXT("hello\n"), NULL, &output, &error));
  ANSWERS("", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  hostel_function *function = RUBBISH;
  SUCCEEDS(hostel_guest_function(guest, "_start", &function, &error));
  ANSWERS("BY HANDLE", hostel_function_call(function, TEXT("by handle"), NULL, &output, &error));
  hostel_function_free(function);
  hostel_guest_free(guest);
}

static void arguments_and_variables_reach_it(const hostel_engine *engine) {
  hostel_wasi *wasi = wasi_with("one", "two");
  SUCCEEDS(hostel_wasi_set_variable(wasi, "NAME", "guest", &error));
  hostel_guest *guest = open_program(engine, "wasi_command.wasm", wasi);
  ANSWERS("argument 1: one\nargument 2: two\nname: guest\nX", hostel_guest_call(guest, NULL, TEXT("x"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void check_exit(const hostel_guest *guest, const char *input, int code, const char *payload) {
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  const hostel_status status = hostel_guest_call(guest, NULL, (const uint8_t *)input, strlen(input), NULL, &output, &error);
  REQUIRE(status == HOSTEL_STATUS_EXIT);
  CHECK_ERROR(error, EXIT, "exit code");
  size_t len = 0;
  const uint8_t *bytes = hostel_error_payload(error, &len);
  CHECK(hostel_error_exit_code(error) == code);
  CHECK(len == strlen(payload) && (len == 0 || memcmp(bytes, payload, len) == 0));
  CHECK(output.data == NULL && output.len == 0);
  hostel_error_free(error);
}

static void an_exit_code_comes_with_what_was_written(const hostel_engine *engine) {
  hostel_guest *guest = open_program(engine, "wasi_command.wasm", new_wasi());
  check_exit(guest, "\n", 1, "\n");
  check_exit(guest, "a\n1\n2\n", 2, "A\n1\n2\n");
  ANSWERS("FINE", hostel_guest_call(guest, NULL, TEXT("fine"), NULL, &output, &error));
  hostel_guest_free(guest);
  const struct {
    const char *text;
    int code;
  } codes[] = {{"1", 1}, {"125", 125}, {"126", 126}, {"255", 255}, {"256", 256}, {"-1", -1}, {"2147483647", 2147483647}};
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    guest = open_program(engine, "wasi_rust.wasm", wasi_with("exit", codes[i].text));
    check_exit(guest, "", codes[i].code, "so far");
    hostel_guest_free(guest);
  }
  guest = open_program(engine, "wasi_rust.wasm", wasi_with("exit", "0"));
  SAYS("so far", guest);
  hostel_guest_free(guest);
}

static void other_errors_have_no_exit_code(const hostel_engine *engine) {
  CHECK(hostel_error_exit_code(NULL) == 0);
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi_with("panic"));
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  REQUIRE(hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error) == HOSTEL_STATUS_TRAP);
  CHECK(hostel_error_exit_code(error) == 0 && hostel_error_trap(error) == HOSTEL_TRAP_UNREACHABLE);
  hostel_error_free(error);
  hostel_guest_free(guest);
}

/* What it writes is kept up to the call's limit, and not a byte beyond. */
static void an_output_over_the_cap_has_a_status_of_its_own(const hostel_engine *engine) {
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, 100000, &error));
  hostel_guest *fits = open_program(engine, "wasi_rust.wasm", wasi_with("fill", "100000"));
  hostel_guest *over = open_program(engine, "wasi_rust.wasm", wasi_with("fill", "100001"));
  hostel_guest *much = open_program(engine, "wasi_rust.wasm", wasi_with("fill", "1073741824"));
  for (int i = 0; i < 3; i++) {
    hostel_buffer output = RUBBISH_BUFFER;
    SUCCEEDS(hostel_guest_call(fits, NULL, NOTHING, options, &output, &error));
    CHECK(output.len == 100000 && output.data[0] == 'x' && output.data[99999] == 'x');
    hostel_buffer_free(&output);
    REFUSES(OUTPUT_TOO_LARGE, "100000", hostel_guest_call(over, NULL, NOTHING, options, &output, &error));
    REFUSES(OUTPUT_TOO_LARGE, "limit", hostel_guest_call(much, NULL, NOTHING, NULL, &output, &error));
  }
  hostel_guest_free(fits);
  hostel_guest_free(over);
  hostel_guest_free(much);
  hostel_call_options_free(options);
}

typedef struct lines {
  char text[4096];
  size_t len;
} lines;

static void note_line(void *user_data, int32_t level, const char *target, const char *message) {
  lines *lines = user_data;
  if (strcmp(target, "hostel::guest") != 0)
    return;
  CHECK(level == HOSTEL_LOG_INFO);
  lines->len += (size_t)snprintf(lines->text + lines->len, sizeof lines->text - lines->len, "[%s]", message);
}

static void complaints_go_to_the_log_line_by_line(const hostel_engine *engine) {
  static lines lines;
  SUCCEEDS(hostel_log_set(note_line, &lines, HOSTEL_LOG_INFO, &error));
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi_with("complain", "one\ntwo"));
  SAYS("", guest);
  CHECK(strcmp(lines.text, "[one][two]") == 0);
  hostel_guest_free(guest);
  guest = open_program(engine, "wasi_command.wasm", new_wasi());
  check_exit(guest, "\n", 1, "\n");
  CHECK(strcmp(lines.text, "[one][two][1 lines without letters]") == 0);
  hostel_guest_free(guest);
  SUCCEEDS(hostel_log_set(NULL, NULL, HOSTEL_LOG_OFF, &error));
}

static void inspect_knows_a_program(const hostel_engine *engine) {
  (void)engine;
  size_t len = 0;
  uint8_t *wasm = read_guest("wasi_command.wasm", &len);
  hostel_buffer json = RUBBISH_BUFFER;
  SUCCEEDS(hostel_inspect(wasm, len, &json, &error));
  char *text = malloc(json.len + 1);
  REQUIRE(text != NULL);
  memcpy(text, json.data, json.len);
  text[json.len] = '\0';
  CHECK(strstr(text, "\"abi\": \"command\"") != NULL || strstr(text, "\"abi\":\"command\"") != NULL);
  free(text);
  free(wasm);
  hostel_buffer_free(&json);
}

static void a_program_has_no_other_function_of_bytes(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, "(module (memory (export \"memory\") 1) (func (export \"_start\"))"
                                          " (func (export \"add\") (param i32 i32) (result i32)"
                                          "   (i32.add (local.get 0) (local.get 1)))"
                                          " (func (export \"f\") (param i32 i32) (result i64) (i64.const 0)))");
  ANSWERS("", hostel_guest_call(guest, NULL, TEXT("ignored"), NULL, &output, &error));
  REFUSES(BAD_ABI, "add", hostel_guest_call(guest, "add", NOTHING, NULL, &output, &error));
  REFUSES(BAD_ABI, "f cannot", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  REFUSES(NO_SUCH_FUNCTION, "none", hostel_guest_call(guest, "none", NOTHING, NULL, &output, &error));
  uint64_t values[2] = {40, 2};
  SUCCEEDS(hostel_guest_call_values(guest, "add", values, 2, NULL, &error));
  CHECK(values[0] == 42);
  hostel_guest_free(guest);
}

static hostel_status link_as(const hostel_engine *engine, const char *text, const char *abi, hostel_guest **guest_out,
                             hostel_error **error_out) {
  hostel_guest_options *options = RUBBISH;
  SUCCEEDS(hostel_guest_options_new(&options, &error));
  SUCCEEDS(hostel_guest_options_set_abi(options, abi, &error));
  hostel_module *module = load_text(engine, text);
  const hostel_status status = hostel_guest_new(module, NULL, options, guest_out, error_out);
  hostel_module_free(module);
  hostel_guest_options_free(options);
  return status;
}

static void the_abi_can_be_forced(const hostel_engine *engine) {
  static const char both[] = "(module" ABI " (func (export \"_start\")) (func (export \"f\") (param i32 i32) (result i64)"
                             " (i64.const 0)))";
  hostel_guest *guest = open_text(engine, both);
  CHECK(strcmp(hostel_guest_abi(guest), "hostel") == 0);
  hostel_guest_free(guest);
  SUCCEEDS(link_as(engine, both, "command", &guest, &error));
  CHECK(strcmp(hostel_guest_abi(guest), "command") == 0);
  ANSWERS("", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
  FAILS(BAD_ABI, "_start", link_as(engine, "(module (memory (export \"memory\") 1))", "command", &guest, &error));
  FAILS(BAD_ABI, "_start", link_as(engine, "(module (func (export \"_start\") (param i32)))", "command", &guest, &error));
}

/* A module without `_start` is no program, and NULL names none of its functions. */
static void who_is_no_program_cannot_be_run(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  REFUSES(NO_SUCH_FUNCTION, "_start", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

/* ---- between calls ---- */

static void a_call_sees_nothing_of_the_one_before(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "file", "contents");
  hostel_wasi *wasi = new_wasi();
  grant_folder(wasi, &folder, "/", true);
  SUCCEEDS(hostel_wasi_set_input(wasi, TEXT("abc"), &error));
  hostel_guest *guest = open_program(engine, "wasi_reactor.wasm", wasi);
  for (int i = 0; i < 5; i++) {
    ANSWERS("a", hostel_guest_call(guest, "next", NOTHING, NULL, &output, &error));
    ANSWERS("4", hostel_guest_call(guest, "leave_open", TEXT("/file"), NULL, &output, &error));
  }
  hostel_guest_free(guest);
  remove_folder(&folder);
}

/* The files of an instance are open, and its input goes on, from call to call; not those of another. */
static void an_instance_goes_on_where_it_was(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "file", "contents");
  hostel_wasi *wasi = new_wasi();
  grant_folder(wasi, &folder, "/", true);
  SUCCEEDS(hostel_wasi_set_input(wasi, TEXT("abc"), &error));
  hostel_guest *guest = open_program(engine, "wasi_reactor.wasm", wasi);
  hostel_instance *first = new_instance(guest), *second = new_instance(guest);
  const char *bytes[] = {"a", "b", "c"}, *numbers[] = {"4", "5", "6"};
  for (int i = 0; i < 3; i++) {
    ANSWERS_BYTES(bytes[i], 1, hostel_instance_call(first, "next", NOTHING, NULL, &output, &error));
    ANSWERS_BYTES(numbers[i], 1, hostel_instance_call(first, "leave_open", TEXT("/file"), NULL, &output, &error));
  }
  REFUSES(GUEST_ERROR, "the end", hostel_instance_call(first, "next", NOTHING, NULL, &output, &error));
  ANSWERS("a", hostel_instance_call(second, "next", NOTHING, NULL, &output, &error));
  hostel_instance_free(first);
  hostel_instance_free(second);
  hostel_guest_free(guest);
  remove_folder(&folder);
}

/* Copies up to 100 bytes of its input, and a letter for how often it was run. */
static const char runs[] =
    "(module (import \"wasi_snapshot_preview1\" \"fd_read\" (func $read (param i32 i32 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))"
    " (memory (export \"memory\") 1) (global $n (mut i32) (i32.const 96))"
    " (func (export \"_start\")"
    "   (i32.store (i32.const 0) (i32.const 32)) (i32.store (i32.const 4) (i32.const 100))"
    "   (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))"
    "   (global.set $n (i32.add (global.get $n) (i32.const 1)))"
    "   (i32.store8 (i32.add (i32.const 32) (i32.load (i32.const 8))) (global.get $n))"
    "   (i32.store (i32.const 4) (i32.add (i32.load (i32.const 8)) (i32.const 1)))"
    "   (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))";

/* A program in an instance: each call is a run with streams of its own. (A libc's programs trap when they are run again.) */
static void an_instance_can_be_run_again(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, runs);
  ANSWERS("onea", hostel_guest_call(guest, NULL, TEXT("one"), NULL, &output, &error));
  ANSWERS("twoa", hostel_guest_call(guest, NULL, TEXT("two"), NULL, &output, &error));
  hostel_instance *instance = new_instance(guest);
  ANSWERS("onea", hostel_instance_call(instance, NULL, TEXT("one"), NULL, &output, &error));
  ANSWERS("twob", hostel_instance_call(instance, NULL, TEXT("two"), NULL, &output, &error));
  ANSWERS("c", hostel_instance_call(instance, NULL, NOTHING, NULL, &output, &error));
  hostel_instance_free(instance);
  hostel_guest_free(guest);
  guest = open_program(engine, "wasi_rust.wasm", wasi_with("exit", "3"));
  instance = new_instance(guest);
  REFUSES(EXIT, "code 3", hostel_instance_call(instance, NULL, NOTHING, NULL, &output, &error));
  REFUSES(INSTANCE_DEAD, "instance", hostel_instance_call(instance, NULL, NOTHING, NULL, &output, &error));
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

/* A guest that is no program may end, too: the code is there, 0 as well. */
static void a_reactor_may_end_as_well(const hostel_engine *engine) {
  hostel_guest *guest = open_program(engine, "wasi_reactor.wasm", new_wasi());
  for (int code = 0; code < 3; code++) {
    char text[2] = {(char)('0' + code), '\0'};
    hostel_buffer output;
    hostel_error *error = NULL;
    CHECK(hostel_guest_call(guest, "leave", (const uint8_t *)text, 1, NULL, &output, &error) == HOSTEL_STATUS_EXIT);
    CHECK(hostel_error_exit_code(error) == code);
    hostel_error_free(error);
    hostel_buffer_free(&output);
  }
  hostel_guest_free(guest);
}

/* ---- rooms ---- */

/* Programs, also those that end with a code, and reactors run in rooms that are put back; their starts ask for nothing of the
 * moment. */
static void rooms_of_programs_are_put_back(const hostel_engine *shared) {
  hostel_engine *engine = own_engine(shared);
  const char *names[] = {"wasi_rust.wasm", "wasi_command.wasm", "wasi_reactor.wasm"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    hostel_wasi *wasi = wasi_with("exit", "3");
    SUCCEEDS(hostel_wasi_set_variable(wasi, "NAME", "guest", &error));
    hostel_guest *guest = link_granted(settled(load_file(engine, names[i])), wasi);
    const uint64_t before = stats_of(engine).resets;
    for (int call = 0; call < 10; call++) {
      hostel_buffer output;
      const hostel_status status = hostel_guest_call(guest, i == 2 ? "variable" : NULL, TEXT("NAME"), NULL, &output, NULL);
      CHECK(status == (i == 0 ? HOSTEL_STATUS_EXIT : HOSTEL_STATUS_OK));
      hostel_buffer_free(&output);
    }
    CHECK(!resets_rooms(engine) || stats_of(engine).resets - before >= 9);
    hostel_guest_free(guest);
  }
  hostel_engine_free(engine);
}

/* A start that has read the clock is run for each call. */
static void a_start_that_saw_the_moment_is_not_reused(const hostel_engine *shared) {
  hostel_engine *engine = own_engine(shared);
  hostel_guest *guest = link_granted(settled(load_file(engine, "wasi_reactor_clock.wasm")), new_wasi());
  for (int call = 0; call < 5; call++) {
    ANSWERS("", hostel_guest_call(guest, "say", TEXT("x"), NULL, &output, &error));
  }
  CHECK(stats_of(engine).resets == 0);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

/* ---- imports ---- */

static hostel_status answer_77(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)user_data, (void)caller;
  values[0] = 77;
  return HOSTEL_STATUS_OK;
}

static void what_the_host_defines_comes_before_wasi(const hostel_engine *engine) {
  const hostel_value_type parameters[] = {HOSTEL_VALUE_I32, HOSTEL_VALUE_I32}, results[] = {HOSTEL_VALUE_I32};
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define_raw(imports, "wasi_snapshot_preview1", "random_get", parameters, 2, results, 1, answer_77, NULL,
                                     NULL, &error));
  hostel_guest *guest = link_guest(
      load_text(engine, "(module (import \"wasi_snapshot_preview1\" \"random_get\" (func $f (param i32 i32) (result i32)))"
                        " (memory (export \"memory\") 1)"
                        " (func (export \"ask\") (result i32) (call $f (i32.const 0) (i32.const 8))))"),
      imports);
  uint64_t value = 0;
  SUCCEEDS(hostel_guest_call_values(guest, "ask", &value, 1, NULL, &error));
  CHECK(value == 77);
  hostel_imports_free(imports);
  hostel_guest_free(guest);
}

static hostel_status bytes_function(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)caller, (void)input, (void)input_len;
  return HOSTEL_STATUS_OK;
}

/* A program has no allocator that an answer could go to. */
static void programs_have_host_functions_of_values_only(const hostel_engine *engine) {
  hostel_imports *imports = imports_of("host", "ask", bytes_function, NULL);
  hostel_module *module = load_text(engine, "(module (import \"host\" \"ask\" (func (param i32 i32) (result i64)))"
                                            " (memory (export \"memory\") 1) (func (export \"_start\")))");
  hostel_guest *guest = RUBBISH;
  FAILS(LINK_ERROR, "plain values", hostel_guest_new(module, imports, NULL, &guest, &error));
  hostel_module_free(module);
  hostel_imports_free(imports);
}

static void the_report_tells_of_a_program_too(const hostel_engine *engine) {
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi_with("cat"));
  hostel_call_options *options = new_options();
  ANSWERS("12345", hostel_guest_call(guest, NULL, TEXT("12345"), options, &output, &error));
  const hostel_report report = report_of(options);
  CHECK(report.status == HOSTEL_STATUS_OK && report.input_bytes == 5 && report.output_bytes == 5 && report.memory_peak_bytes > 0);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  const test tests[] = {
      TEST(a_call_runs_the_program),
      TEST(arguments_and_variables_reach_it),
      TEST(an_exit_code_comes_with_what_was_written),
      TEST(other_errors_have_no_exit_code),
      TEST(an_output_over_the_cap_has_a_status_of_its_own),
      TEST(complaints_go_to_the_log_line_by_line),
      TEST(inspect_knows_a_program),
      TEST(a_program_has_no_other_function_of_bytes),
      TEST(the_abi_can_be_forced),
      TEST(who_is_no_program_cannot_be_run),
      TEST(a_call_sees_nothing_of_the_one_before),
      TEST(an_instance_goes_on_where_it_was),
      TEST(an_instance_can_be_run_again),
      TEST(a_reactor_may_end_as_well),
      TEST(rooms_of_programs_are_put_back),
      TEST(a_start_that_saw_the_moment_is_not_reused),
      TEST(what_the_host_defines_comes_before_wasi),
      TEST(programs_have_host_functions_of_values_only),
      TEST(the_report_tells_of_a_program_too),
  };
  return RUN_TESTS(argc, argv, tests);
}
