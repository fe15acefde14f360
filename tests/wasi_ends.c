/* wasi_ends.c: what a program has written comes with its call's error, whatever has ended it. */
#include "check_limits.h"
#include "check_wasi.h"

#define IMPORTS                                                                                                                  \
  "(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))"                  \
  " (import \"wasi_snapshot_preview1\" \"fd_read\" (func $read (param i32 i32 i32 i32) (result i32)))"                           \
  " (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"
#define MEMORY                                                                                                                   \
  " (memory (export \"memory\") 1 100) (data (i32.const 0) \"\\10\\00\\00\\00\\06\\00\\00\\00\") (data (i32.const 16) \"so "     \
  "far\")"                                                                                                                       \
  " (func $say (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"

/* A program that writes "so far" and then does this. */
#define SAYS_AND(ends) IMPORTS MEMORY " (func (export \"_start\") (call $say) " ends "))"

static void check_payload(const char *file, int line, const hostel_error *error, const char *expected) {
  size_t len = 12345;
  const uint8_t *payload = hostel_error_payload(error, &len);
  if (len != strlen(expected) || (len > 0 && memcmp(payload, expected, len) != 0)) {
    fprintf(stderr, "%s:%d: %s, and %zu bytes, \"%.*s\", instead of \"%s\"\n", file, line,
            hostel_status_name(hostel_error_status(error)), len, (int)len, (const char *)payload, expected);
    failures++;
  }
}

static void check_end(const char *file, int line, const hostel_guest *guest, const hostel_call_options *options,
                      hostel_status expected, const char *written) {
  for (int again = 0; again < 2; again++) { /* in a room that was used, too, and nothing is left of the call before */
    hostel_buffer output = RUBBISH_BUFFER;
    hostel_error *error = RUBBISH;
    const hostel_status status = hostel_guest_call(guest, NULL, NOTHING, (hostel_call_options *)options, &output, &error);
    if (status != expected) {
      fprintf(stderr, "%s:%d: %s instead of %s\n", file, line, hostel_status_name(status), hostel_status_name(expected));
      failures++;
    }
    check_payload(file, line, error, written);
    CHECK(output.data == NULL && output.len == 0);
    hostel_error_free(error);
  }
}
#define ENDS_AS(expected, written, guest, options)                                                                               \
  check_end(__FILE__, __LINE__, (guest), (options), HOSTEL_STATUS_##expected, (written))

static void check_text(const char *file, int line, const hostel_engine *engine, const char *text, hostel_status expected) {
  hostel_guest *guest = open_text(engine, text);
  check_end(file, line, guest, NULL, expected, "so far");
  hostel_call_options *options = options_with_deadline(600000); /* which is another way through the library */
  check_end(file, line, guest, options, expected, "so far");
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}
#define TEXT_ENDS_AS(expected, text) check_text(__FILE__, __LINE__, engine, (text), HOSTEL_STATUS_##expected)

static void a_trap_comes_with_what_was_written(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, false, true);
  TEXT_ENDS_AS(TRAP, SAYS_AND("(unreachable)"));
  TEXT_ENDS_AS(TRAP, SAYS_AND("(drop (i32.div_u (i32.const 1) (i32.const 0)))"));
  TEXT_ENDS_AS(TRAP, SAYS_AND("(i32.store (i32.const -4) (i32.const 0))"));
  TEXT_ENDS_AS(EXIT, SAYS_AND("(call $exit (i32.const 3))"));
  TEXT_ENDS_AS(STACK_OVERFLOW,
               IMPORTS MEMORY " (func $deep (param i32) (result i32)"
                              "  (i32.add (i32.load (local.get 0)) (call $deep (i32.add (local.get 0) (i32.const 1)))))"
                              " (func (export \"_start\") (call $say) (drop (call $deep (i32.const 0)))))");
  hostel_engine_free(engine);
}

/* What Rust's println has written before it panics is a line each. */
static void a_panic_comes_with_what_was_written(const hostel_engine *engine) {
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi_with("panic", "line 1 before", "line 2 before"));
  ENDS_AS(TRAP, "line 1 before\nline 2 before\n", guest, NULL);
  hostel_guest_free(guest);
  guest = open_program(engine, "wasi_rust.wasm", wasi_with("panic"));
  ENDS_AS(TRAP, "", guest, NULL);
  hostel_guest_free(guest);
}

static void a_limit_comes_with_what_was_written(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, true);
  hostel_guest *guest = open_text(engine, SAYS_AND("(loop $l (br $l))"));
  hostel_call_options *options = options_with_fuel(100000);
  ENDS_AS(OUT_OF_FUEL, "so far", guest, options);
  hostel_call_options_free(options);
  options = options_with_deadline(50);
  ENDS_AS(DEADLINE, "so far", guest, options);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  guest = open_text(engine, SAYS_AND("(if (i32.eq (memory.grow (i32.const 50)) (i32.const -1)) (then (unreachable)))"));
  options = new_options();
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_MEMORY_BYTES, 1 << 20, &error));
  ENDS_AS(MEMORY_LIMIT, "so far", guest, options);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

/* Of an output that is too large, as much as may be. */
static void a_full_output_is_what_was_written(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, SAYS_AND("(loop $l (call $say) (br $l))"));
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, 20, &error));
  ENDS_AS(OUTPUT_TOO_LARGE, "so farso farso farso", guest, options);
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, 6, &error));
  ENDS_AS(OUTPUT_TOO_LARGE, "so far", guest, options);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

static hostel_status cancel_it(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)caller, (void)values;
  return hostel_cancel_trigger(*(hostel_cancel **)user_data, NULL);
}

static void a_cancelled_call_comes_with_what_was_written(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, false, true);
  hostel_cancel *cancel = NULL;
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "f", NULL, 0, NULL, 0, cancel_it, &cancel, NULL, &error));
  hostel_guest *guest =
      link_guest(load_text(engine, IMPORTS " (import \"host\" \"f\" (func $f))" MEMORY
                                           " (func (export \"_start\") (call $say) (call $f) (loop $l (br $l))))"),
                 imports);
  for (int i = 0; i < 2; i++) {
    cancel = new_cancel();
    hostel_call_options *options = options_with_cancel(cancel);
    hostel_buffer output;
    hostel_error *error = NULL;
    CHECK(hostel_guest_call(guest, NULL, NOTHING, options, &output, &error) == HOSTEL_STATUS_CANCELLED);
    check_payload(__FILE__, __LINE__, error, "so far");
    hostel_error_free(error);
    hostel_call_options_free(options);
    hostel_cancel_free(cancel);
  }
  hostel_imports_free(imports);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static hostel_status fail_plainly(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)user_data, (void)caller, (void)values;
  return HOSTEL_STATUS_CACHE_IO;
}

static hostel_status fail_with_bytes(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)user_data, (void)values;
  const hostel_status told = hostel_caller_fail(caller, "on purpose", TEXT("the host's"));
  return told == HOSTEL_STATUS_OK ? HOSTEL_STATUS_HOST_ERROR : told;
}

static hostel_status refuse(void *user_data, void *context, uint64_t left, uint8_t *buffer, size_t capacity, size_t *len_out) {
  (void)user_data, (void)context, (void)left, (void)buffer, (void)capacity, (void)len_out;
  return HOSTEL_STATUS_CACHE_IO;
}

static void an_error_of_the_host_comes_with_what_was_written(const hostel_engine *engine) {
  const hostel_raw_function functions[] = {fail_plainly, fail_with_bytes};
  for (int i = 0; i < 2; i++) {
    hostel_imports *imports = new_imports();
    SUCCEEDS(hostel_imports_define_raw(imports, "host", "f", NULL, 0, NULL, 0, functions[i], NULL, NULL, &error));
    hostel_guest *guest = link_guest(load_text(engine, IMPORTS " (import \"host\" \"f\" (func $f))" MEMORY
                                                               " (func (export \"_start\") (call $say) (call $f)))"),
                                     imports);
    ENDS_AS(HOST_ERROR, "so far", guest, NULL);
    hostel_imports_free(imports);
    hostel_guest_free(guest);
  }
  hostel_wasi *wasi = new_wasi();
  SUCCEEDS(hostel_wasi_set_reader(wasi, refuse, NULL, NULL, &error));
  hostel_guest *guest = link_granted(
      load_text(engine, SAYS_AND("(drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))")), wasi);
  ENDS_AS(HOST_ERROR, "so far", guest, NULL);
  hostel_guest_free(guest);
}

/* A start, which runs before the program, may write and fail. What it writes is the first of the output. */
static void a_start_that_fails_comes_with_what_it_wrote(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, IMPORTS MEMORY " (func $begin (call $say) (unreachable)) (start $begin)"
                                                         " (func (export \"_start\")))");
  ENDS_AS(TRAP, "so far", guest, NULL);
  hostel_instance *instance = RUBBISH;
  hostel_error *error = RUBBISH;
  CHECK(hostel_instance_new(guest, NULL, &instance, &error) == HOSTEL_STATUS_TRAP);
  check_payload(__FILE__, __LINE__, error, "so far");
  hostel_error_free(error);
  hostel_guest_free(guest);
}

static void what_a_start_writes_comes_first(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, IMPORTS MEMORY " (start $say) (func (export \"_start\") (call $say)))");
  for (int i = 0; i < 3; i++) {
    ANSWERS("so farso far", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  }
  hostel_instance *instance = new_instance(guest);
  ANSWERS("so farso far", hostel_instance_call(instance, NULL, NOTHING, NULL, &output, &error));
  ANSWERS("so far", hostel_instance_call(instance, NULL, NOTHING, NULL, &output, &error));
  hostel_instance_free(instance);
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, 5, &error));
  ENDS_AS(OUTPUT_TOO_LARGE, "so fa", guest, options);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

static void an_instance_comes_with_what_was_written(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, SAYS_AND("(unreachable)"));
  hostel_instance *instance = new_instance(guest);
  hostel_buffer output;
  hostel_error *error = NULL;
  CHECK(hostel_instance_call(instance, NULL, NOTHING, NULL, &output, &error) == HOSTEL_STATUS_TRAP);
  check_payload(__FILE__, __LINE__, error, "so far");
  hostel_error_free(error);
  CHECK(hostel_instance_call(instance, NULL, NOTHING, NULL, &output, &error) == HOSTEL_STATUS_INSTANCE_DEAD);
  check_payload(__FILE__, __LINE__, error, "");
  hostel_error_free(error);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

/* All else that an error says is as without an output. */
static void an_error_says_what_it_said(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, SAYS_AND("(unreachable)")),
               *silent = open_text(engine, IMPORTS MEMORY " (func (export \"_start\") (unreachable)))");
  hostel_buffer output;
  hostel_error *said = NULL, *unsaid = NULL;
  CHECK(hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &said) == HOSTEL_STATUS_TRAP);
  CHECK(hostel_guest_call(silent, NULL, NOTHING, NULL, &output, &unsaid) == HOSTEL_STATUS_TRAP);
  CHECK(hostel_error_trap(said) == HOSTEL_TRAP_UNREACHABLE && hostel_error_kind(said) == hostel_error_kind(unsaid));
  CHECK(hostel_error_maybe_corrupt(said) == hostel_error_maybe_corrupt(unsaid));
  CHECK(strncmp(hostel_error_message(said), hostel_error_message(unsaid), 20) == 0);
  CHECK((hostel_error_backtrace(said)[0] == '\0') == (hostel_error_backtrace(unsaid)[0] == '\0'));
  hostel_error_free(said);
  hostel_error_free(unsaid);
  hostel_guest_free(guest);
  hostel_guest_free(silent);
}

int main(int argc, char **argv) {
  const test tests[] = {
      TEST(a_trap_comes_with_what_was_written),           TEST(a_panic_comes_with_what_was_written),
      TEST(a_limit_comes_with_what_was_written),          TEST(a_full_output_is_what_was_written),
      TEST(a_cancelled_call_comes_with_what_was_written), TEST(an_error_of_the_host_comes_with_what_was_written),
      TEST(a_start_that_fails_comes_with_what_it_wrote),  TEST(what_a_start_writes_comes_first),
      TEST(an_instance_comes_with_what_was_written),      TEST(an_error_says_what_it_said),
  };
  return RUN_TESTS(argc, argv, tests);
}
