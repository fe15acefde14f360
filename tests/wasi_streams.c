/* wasi_streams.c: arguments, the standard input of the process as a program asks for it, and a standard error that no terminal
 * obeys. */
#define _GNU_SOURCE
#include "check_limits.h"
#include "check_wasi.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>

#define WASI "(import \"wasi_snapshot_preview1\" "

/* ---- arguments ---- */

/* Writes its arguments, each with its zero byte. */
static const char says_arguments[] =
    "(module" WASI "\"args_sizes_get\" (func $sizes (param i32 i32) (result i32)))" WASI
    "\"args_get\" (func $get (param i32 i32) (result i32)))" WASI
    "\"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))"
    " (memory (export \"memory\") 300)"
    " (func (export \"_start\") (if (call $sizes (i32.const 0) (i32.const 12)) (then (unreachable)))"
    "  (if (call $get (i32.const 64) (i32.const 2000000)) (then (unreachable))) (i32.store (i32.const 8) (i32.const 2000000))"
    "  (if (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)) (then (unreachable)))))";

static void a_program_always_has_a_name(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, says_arguments); /* without any grants */
  ANSWERS("program\0", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
  guest = link_granted(load_text(engine, says_arguments), new_wasi());
  ANSWERS("program\0", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
  hostel_wasi *wasi = new_wasi();
  SUCCEEDS(hostel_wasi_add_argument(wasi, "mine", &error));
  SUCCEEDS(hostel_wasi_add_argument(wasi, "x", &error));
  guest = link_granted(load_text(engine, says_arguments), wasi);
  ANSWERS("mine\0x\0", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void there_may_be_many_arguments_and_variables(const hostel_engine *engine) {
  enum { MANY = 10000 };
  hostel_wasi *wasi = new_wasi();
  char text[32];
  for (int i = 0; i < MANY; i++) {
    snprintf(text, sizeof text, "%05d", i);
    SUCCEEDS(hostel_wasi_add_argument(wasi, text, &error));
  }
  hostel_guest *guest = link_granted(load_text(engine, says_arguments), wasi);
  hostel_buffer output;
  SUCCEEDS(hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  CHECK(output.len == 6 * MANY && memcmp(output.data + 6 * (MANY - 1), "09999", 6) == 0);
  hostel_buffer_free(&output);
  hostel_guest_free(guest);
  wasi = wasi_with("env");
  for (int i = 0; i < 1000; i++) {
    snprintf(text, sizeof text, "N%04d", i);
    SUCCEEDS(hostel_wasi_set_variable(wasi, text, "x", &error));
  }
  guest = open_program(engine, "wasi_rust.wasm", wasi);
  SUCCEEDS(hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  CHECK(output.len == 8 * 1000);
  hostel_buffer_free(&output);
  hostel_guest_free(guest);
}

/* 16 MiB together, with five bytes more for each. */
static void arguments_are_bounded_together(const hostel_engine *engine) {
  enum { LARGE = 1 << 20 };
  char *large = malloc(LARGE + 1);
  REQUIRE(large != NULL);
  memset(large, 'x', LARGE);
  large[LARGE] = '\0';
  hostel_wasi *wasi = new_wasi();
  for (int i = 0; i < 7; i++) {
    SUCCEEDS(hostel_wasi_add_argument(wasi, large, &error));
  }
  for (int i = 0; i < 8; i++) {
    char name[2] = {(char)('A' + i), '\0'};
    SUCCEEDS(hostel_wasi_set_variable(wasi, name, large, &error));
  }
  FAILS(INVALID_ARGUMENT, "16777216", hostel_wasi_add_argument(wasi, large, &error));
  FAILS(INVALID_ARGUMENT, "16777216", hostel_wasi_set_variable(wasi, "NEW", large, &error));
  SUCCEEDS(hostel_wasi_set_variable(wasi, "A", large, &error)); /* in place of the other */
  SUCCEEDS(hostel_wasi_set_variable(wasi, "B", "", &error));
  SUCCEEDS(hostel_wasi_add_argument(wasi, large, &error));
  large[LARGE - 8 * 5 - 7 * 7 - 7 - 5] = '\0'; /* what is left, to the byte */
  SUCCEEDS(hostel_wasi_add_argument(wasi, large, &error));
  FAILS(INVALID_ARGUMENT, "16777216", hostel_wasi_add_argument(wasi, "", &error));
  hostel_guest *guest = link_granted(load_text(engine, says_arguments), wasi);
  hostel_buffer output;
  SUCCEEDS(hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  CHECK(output.len == 8 * (LARGE + 1) + strlen(large) + 1);
  hostel_buffer_free(&output);
  hostel_guest_free(guest);
  free(large);
}

/* ---- the standard input ---- */

/* Puts a file in place of a stream of this process, or closes it; what was there. */
static int replace_stream(int number, int with) {
  fflush(NULL);
  const int before = fcntl(number, F_DUPFD_CLOEXEC, 10);
  REQUIRE(before >= 0);
  if (with >= 0) {
    REQUIRE(dup2(with, number) == number);
  } else {
    close(number);
  }
  return before;
}

static void restore_stream(int number, int before) {
  fflush(NULL);
  REQUIRE(dup2(before, number) == number);
  close(before);
}

static hostel_wasi *inheriting(hostel_wasi *wasi, hostel_stream stream) {
  SUCCEEDS(hostel_wasi_inherit(wasi, stream, &error));
  return wasi;
}

/* Copies up to four bytes of its input. */
static const char reads_four[] =
    "(module" WASI "\"fd_read\" (func $read (param i32 i32 i32 i32) (result i32)))" WASI
    "\"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))" WASI "\"proc_exit\" (func $exit (param i32)))"
    " (memory (export \"memory\") 1) (data (i32.const 0) \"\\20\\00\\00\\00\\04\\00\\00\\00\")"
    " (func $right (param i32) (if (local.get 0) (then (call $exit (local.get 0)))))"
    " (func (export \"_start\") (call $right (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4)))"
    "  (if (i32.load (i32.const 4)) (then"
    "   (call $right (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))))";

/* Each fact with a call that nothing can stop, and with one that has a deadline. */
static hostel_call_options *way(int number) { return number == 0 ? NULL : options_with_deadline(600000); }

/* The writer stays; what the program has not asked for is there for whoever asks next. */
static void an_input_is_read_as_the_program_asks(const hostel_engine *engine) {
  for (int number = 0; number < 2; number++) {
    hostel_call_options *options = way(number);
    int ends[2];
    char left[16];
    REQUIRE(pipe(ends) == 0 && write(ends[1], "one two three", 13) == 13);
    const int before = replace_stream(STDIN_FILENO, ends[0]);
    hostel_guest *guest = link_granted(load_text(engine, reads_four), inheriting(new_wasi(), HOSTEL_STREAM_INPUT));
    ANSWERS("one ", hostel_guest_call(guest, NULL, NOTHING, options, &output, &error));
    ANSWERS("two ", hostel_guest_call(guest, NULL, NOTHING, options, &output, &error));
    CHECK(read(ends[0], left, sizeof left) == 5 && memcmp(left, "three", 5) == 0);
    REQUIRE(write(ends[1], "Ann\n", 4) == 4);
    hostel_guest *greeter = open_program(engine, "wasi_rust.wasm", inheriting(wasi_with("greet"), HOSTEL_STREAM_INPUT));
    ANSWERS("name? hello Ann\n", hostel_guest_call(greeter, NULL, NOTHING, options, &output, &error));
    close(ends[1]);
    ANSWERS("", hostel_guest_call(guest, NULL, NOTHING, options, &output, &error)); /* the end, as often as one asks */
    ANSWERS("name? hello \n", hostel_guest_call(greeter, NULL, NOTHING, options, &output, &error));
    restore_stream(STDIN_FILENO, before);
    close(ends[0]);
    hostel_guest_free(guest);
    hostel_guest_free(greeter);
    hostel_call_options_free(options);
  }
}

static void *type_later(void *argument) {
  sleep_ms(50);
  return (void *)(intptr_t)write(*(const int *)argument, "Ann\n", 4);
}

static void a_program_waits_for_its_input(const hostel_engine *engine) {
  hostel_guest *greeter = NULL;
  for (int number = 0; number < 2; number++) {
    hostel_call_options *options = way(number);
    int ends[2];
    pthread_t thread;
    REQUIRE(pipe(ends) == 0);
    const int before = replace_stream(STDIN_FILENO, ends[0]);
    greeter = open_program(engine, "wasi_rust.wasm", inheriting(wasi_with("greet"), HOSTEL_STREAM_INPUT));
    REQUIRE(pthread_create(&thread, NULL, type_later, &ends[1]) == 0);
    ANSWERS("name? hello Ann\n", hostel_guest_call(greeter, NULL, NOTHING, options, &output, &error));
    pthread_join(thread, NULL);
    restore_stream(STDIN_FILENO, before);
    close(ends[0]);
    close(ends[1]);
    hostel_guest_free(greeter);
    hostel_call_options_free(options);
  }
}

/* Many at once: each gets a part, and all together all of it. */
typedef struct reader {
  pthread_t thread;
  const hostel_guest *guest;
  bool right;
} reader;

static void *read_four(void *argument) {
  reader *reader = argument;
  hostel_buffer output;
  hostel_call_options *options = options_with_deadline(600000);
  reader->right = hostel_guest_call(reader->guest, NULL, NOTHING, options, &output, NULL) == HOSTEL_STATUS_OK &&
                  output.len == 4 && memcmp(output.data, "four", 4) == 0;
  hostel_buffer_free(&output);
  hostel_call_options_free(options);
  return NULL;
}

static void programs_share_an_input(const hostel_engine *engine) {
  enum { READERS = 16 };
  reader readers[READERS];
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const int before = replace_stream(STDIN_FILENO, ends[0]);
  hostel_guest *guest = link_granted(load_text(engine, reads_four), inheriting(new_wasi(), HOSTEL_STREAM_INPUT));
  for (int i = 0; i < READERS; i++) {
    readers[i] = (reader){.guest = guest};
    REQUIRE(pthread_create(&readers[i].thread, NULL, read_four, &readers[i]) == 0);
  }
  for (int i = 0; i < READERS; i++) {
    REQUIRE(write(ends[1], "four", 4) == 4);
  }
  for (int i = 0; i < READERS; i++) {
    pthread_join(readers[i].thread, NULL);
    CHECK(readers[i].right);
  }
  restore_stream(STDIN_FILENO, before);
  close(ends[0]);
  close(ends[1]);
  hostel_guest_free(guest);
}

static int open_secret(const folder *folder, int flags) {
  put_file(folder, "secret", "secret");
  return open(inside(folder, "secret"), O_RDONLY | flags);
}

/* What its engine opens for it is open when it has run: what is closed afterwards does not get to be the engine's. */
static hostel_module *run_once(hostel_module *module) {
  hostel_guest *guest = RUBBISH;
  SUCCEEDS(hostel_guest_new(module, NULL, NULL, &guest, &error));
  ANSWERS("one ", hostel_guest_call(guest, NULL, TEXT("one "), NULL, &output, &error));
  hostel_guest_free(guest);
  return module;
}

static hostel_module *load_and_run(const hostel_engine *engine) { return run_once(settled(load_text(engine, reads_four))); }

static void a_closed_input_is_empty(const hostel_engine *engine) {
  for (int number = 0; number < 2; number++) {
    hostel_call_options *options = way(number);
    hostel_module *module = load_and_run(engine), *rust = run_once(load_program(engine, "wasi_rust.wasm"));
    const int before = replace_stream(STDIN_FILENO, -1);
    hostel_guest *guest = link_granted(module, inheriting(new_wasi(), HOSTEL_STREAM_INPUT));
    hostel_guest *cat = link_granted(rust, inheriting(wasi_with("cat"), HOSTEL_STREAM_INPUT));
    ANSWERS("", hostel_guest_call(guest, NULL, NOTHING, options, &output, &error));
    ANSWERS("", hostel_guest_call(cat, NULL, NOTHING, options, &output, &error));
    restore_stream(STDIN_FILENO, before);
    hostel_guest_free(guest);
    hostel_guest_free(cat);
    hostel_call_options_free(options);
  }
}

/* What has got the number of a closed input since is not read: not after the grant, and not before where it shows. */
static void what_has_the_number_of_an_input_is_not_read(const hostel_engine *engine) {
  const folder folder = new_folder();
  hostel_module *modules[] = {load_and_run(engine), load_and_run(engine), load_and_run(engine)};
  int before = replace_stream(STDIN_FILENO, -1);
  hostel_guest *guest = link_granted(modules[0], inheriting(new_wasi(), HOSTEL_STREAM_INPUT));
  REQUIRE(open_secret(&folder, 0) == STDIN_FILENO);
  ANSWERS("", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
  close(STDIN_FILENO);
  REQUIRE(open_secret(&folder, O_CLOEXEC) == STDIN_FILENO);
  guest = link_granted(modules[1], inheriting(new_wasi(), HOSTEL_STREAM_INPUT));
  ANSWERS("", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
  restore_stream(STDIN_FILENO, before);
  /* The input that was granted goes on, whatever becomes of the number. */
  int ends[2];
  REQUIRE(pipe(ends) == 0 && write(ends[1], "mine", 4) == 4);
  before = replace_stream(STDIN_FILENO, ends[0]);
  guest = link_granted(modules[2], inheriting(new_wasi(), HOSTEL_STREAM_INPUT));
  close(STDIN_FILENO);
  REQUIRE(open_secret(&folder, 0) == STDIN_FILENO);
  ANSWERS("mine", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  restore_stream(STDIN_FILENO, before);
  close(ends[0]);
  close(ends[1]);
  hostel_guest_free(guest);
  remove_folder(&folder);
}

/* No output goes where a number of a closed stream leads by chance. */
static void what_has_the_number_of_an_output_is_not_written_to(const hostel_engine *engine) {
  const folder folder = new_folder();
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", inheriting(wasi_with("complain", "oh no"), HOSTEL_STREAM_ERROR));
  const int before = replace_stream(STDERR_FILENO, -1);
  REQUIRE(open(inside(&folder, "file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600) == STDERR_FILENO);
  hostel_buffer output;
  const hostel_status status = hostel_guest_call(guest, NULL, NOTHING, NULL, &output, NULL);
  close(STDERR_FILENO);
  restore_stream(STDERR_FILENO, before);
  CHECK(status == HOSTEL_STATUS_OK);
  CHECK(file_is(&folder, "file", ""));
  hostel_buffer_free(&output);
  hostel_guest_free(guest);
  remove_folder(&folder);
}

static void an_input_may_be_any_file(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "file", "a longer text");
  const struct {
    const char *path;
    const char *texts[3];
  } inputs[] = {{inside(&folder, "file"), {"a lo", "nger", " tex"}}, {"/dev/null", {"", "", ""}}};
  for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
    for (int number = 0; number < 2; number++) {
      hostel_call_options *options = way(number);
      const int file = open(inputs[i].path, O_RDONLY);
      const int before = replace_stream(STDIN_FILENO, file);
      hostel_guest *guest = link_granted(load_text(engine, reads_four), inheriting(new_wasi(), HOSTEL_STREAM_INPUT));
      for (int call = 0; call < 3; call++) {
        ANSWERS_BYTES(inputs[i].texts[call], strlen(inputs[i].texts[call]),
                      hostel_guest_call(guest, NULL, NOTHING, options, &output, &error));
      }
      restore_stream(STDIN_FILENO, before);
      close(file);
      hostel_guest_free(guest);
      hostel_call_options_free(options);
    }
  }
  const int before = replace_stream(STDIN_FILENO, open(folder.path, O_RDONLY | O_DIRECTORY));
  hostel_guest *guest = link_granted(load_text(engine, reads_four), inheriting(new_wasi(), HOSTEL_STREAM_INPUT));
  REFUSES(EXIT, "code 31", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error)); /* ISDIR */
  restore_stream(STDIN_FILENO, before);
  hostel_guest_free(guest);
  remove_folder(&folder);
}

/* A forked child reads its input by itself. */
static void a_forked_child_reads_its_input(const hostel_engine *engine) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const int before = replace_stream(STDIN_FILENO, ends[0]);
  hostel_guest *guest = link_granted(load_text(engine, reads_four), inheriting(new_wasi(), HOSTEL_STREAM_INPUT));
  hostel_call_options *soon = options_with_deadline(20);
  REFUSES(DEADLINE, "time", hostel_guest_call(guest, NULL, NOTHING, soon, &output, &error)); /* here the executor has run */
  fflush(NULL);
  const pid_t child = fork();
  if (child == 0) {
    hostel_guest *own = link_granted(load_text(engine, reads_four), inheriting(new_wasi(), HOSTEL_STREAM_INPUT));
    hostel_buffer output;
    const hostel_status status = hostel_guest_call(own, NULL, NOTHING, options_with_deadline(60000), &output, NULL);
    _exit(status == HOSTEL_STATUS_OK && buffer_is(&output, "mine", 4) ? 0 : 1);
  }
  REQUIRE(child > 0);
  sleep_ms(50);
  REQUIRE(write(ends[1], "mine", 4) == 4);
  int result = -1;
  REQUIRE(waitpid(child, &result, 0) == child);
  CHECK(WIFEXITED(result) && WEXITSTATUS(result) == 0);
  restore_stream(STDIN_FILENO, before);
  close(ends[0]);
  close(ends[1]);
  hostel_call_options_free(soon);
  hostel_guest_free(guest);
}

/* ---- the standard error ---- */

typedef struct lines {
  char text[16384];
  size_t len;
} lines;

static void note_line(void *user_data, int32_t level, const char *target, const char *message) {
  lines *lines = user_data;
  (void)level;
  if (strcmp(target, "hostel::guest") == 0)
    lines->len += (size_t)snprintf(lines->text + lines->len, sizeof lines->text - lines->len, "[%s]", message);
}

/* What the log has of a program's complaints. */
static void check_log(const char *file, int line, const hostel_engine *engine, hostel_wasi *wasi, const char *expected) {
  static lines lines;
  lines.len = 0;
  lines.text[0] = '\0';
  SUCCEEDS(hostel_log_set(note_line, &lines, HOSTEL_LOG_INFO, &error));
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi);
  SAYS("", guest);
  SUCCEEDS(hostel_log_set(NULL, NULL, HOSTEL_LOG_OFF, &error));
  hostel_guest_free(guest);
  if (strcmp(lines.text, expected) != 0) {
    fprintf(stderr, "%s:%d: the log has \"%s\" instead of \"%s\"\n", file, line, lines.text, expected);
    failures++;
  }
}
#define LOGS(expected, wasi) check_log(__FILE__, __LINE__, engine, (wasi), (expected))

static hostel_wasi *raw(hostel_wasi *wasi) {
  SUCCEEDS(hostel_wasi_escape_errors(wasi, false, &error));
  return wasi;
}

static void the_log_has_nothing_that_a_terminal_obeys(const hostel_engine *engine) {
  FAILS(INVALID_ARGUMENT, "wasi", hostel_wasi_escape_errors(NULL, true, &error));
  LOGS("[a\\u{1b}[31mred\\u{7}]", wasi_with("complain", "a\x1b[31mred\x07"));
  LOGS("[tab\tand größe 宿][two]", wasi_with("complain", "tab\tand größe 宿\ntwo"));
  LOGS("[\\r\\u{7f}\\u{9b}31m\\u{85}]", wasi_with("complain", "\r\x7f\xc2\x9b"
                                                              "31m\xc2\x85"));
  LOGS("[\\u{202e}\\u{2066}\\u{200f}\\u{61c}\\u{2028}]", wasi_with("complain", "\u202e\u2066\u200f\u061c\u2028"));
  /* Bytes that are no text, written one by one and then at once. */
  LOGS("[\\xff][\\xff]", wasi_with("complain", "twice", "255", "10"));
  LOGS("[ü\\xc3(\\x80][ü\\xc3(\\x80]", wasi_with("complain", "twice", "195", "188", "195", "40", "128", "10"));
  LOGS("[\\u{0}\\u{1}\\xe2\\x82\\u{0}\\u{1}\\xe2\\x82]", wasi_with("complain", "twice", "0", "1", "226", "130"));
}

/* Pieces of long lines end with whole characters. */
static void a_long_line_is_cut_between_characters(const hostel_engine *engine) {
  static char text[8192], expected[3 * 8192];
  text[0] = 'x';
  for (size_t i = 1; i + 2 < 5000; i += 2) {
    memcpy(text + i, "ü", 2);
  }
  snprintf(expected, sizeof expected, "[%.4095s][%s]", text, text + 4095);
  LOGS(expected, wasi_with("complain", text));
}

static void a_host_may_have_it_raw(const hostel_engine *engine) {
  LOGS("[a\x1b[31mred\r\u202e]", raw(wasi_with("complain", "a\x1b[31mred\r\u202e")));
  LOGS("[\ufffd][\ufffd]", raw(wasi_with("complain", "twice", "255", "10")));
}

/* In an inherited stream it is the other way round. */
static void an_inherited_error_is_raw_unless_the_host_says(const hostel_engine *engine) {
  const folder folder = new_folder();
  const char *expected[] = {"a\x1b[31m\xff\n"
                            "a\x1b[31m\xff\n",
                            "a\\u{1b}[31m\\xff\na\\u{1b}[31m\\xff\n"};
  for (int escapes = 0; escapes < 2; escapes++) {
    hostel_wasi *wasi = wasi_with("complain", "twice", "97", "27", "91", "51", "49", "109", "255", "10");
    inheriting(wasi, HOSTEL_STREAM_ERROR);
    if (escapes) {
      SUCCEEDS(hostel_wasi_escape_errors(wasi, true, &error));
    }
    hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi);
    const int before = replace_stream(STDERR_FILENO, open(inside(&folder, "err"), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    hostel_buffer output;
    const hostel_status status = hostel_guest_call(guest, NULL, NOTHING, NULL, &output, NULL);
    restore_stream(STDERR_FILENO, before);
    CHECK(status == HOSTEL_STATUS_OK && file_is(&folder, "err", expected[escapes]));
    hostel_buffer_free(&output);
    hostel_guest_free(guest);
  }
  remove_folder(&folder);
}

/* ---- terminals ---- */

/* A terminal that somebody holds (Ctrl-S), or does not read from: who writes to it ends with the call. */
static void a_held_terminal_ends_with_its_call(const hostel_engine *engine) {
  static char much[100000];
  memset(much, 'x', sizeof much - 1);
  for (int held = 0; held < 2; held++) {
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    const int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(slave >= 0);
    hostel_guest *guest = open_program(engine, "wasi_rust.wasm", inheriting(wasi_with("complain", much), HOSTEL_STREAM_ERROR));
    hostel_call_options *options = options_with_deadline(200);
    const int before = replace_stream(STDERR_FILENO, slave);
    REQUIRE(!held || tcflow(slave, TCOOFF) == 0);
    hostel_buffer output;
    const hostel_status status = hostel_guest_call(guest, NULL, NOTHING, options, &output, NULL);
    REQUIRE(!held || tcflow(slave, TCOON) == 0);
    restore_stream(STDERR_FILENO, before);
    CHECK(status == HOSTEL_STATUS_DEADLINE);
    CHECK((fcntl(slave, F_GETFL) & O_NONBLOCK) == 0); /* which would be so for all who have it open */
    hostel_buffer_free(&output);
    hostel_call_options_free(options);
    hostel_guest_free(guest);
    close(slave);
    close(master);
  }
}

/* A line typed is a line read; the end (Ctrl-D) is not for good. */
static void a_terminal_is_read_line_by_line(const hostel_engine *engine) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
  const int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(slave >= 0);
  const int before = replace_stream(STDIN_FILENO, slave);
  hostel_guest *greeter = open_program(engine, "wasi_rust.wasm", inheriting(wasi_with("greet"), HOSTEL_STREAM_INPUT));
  for (int number = 0; number < 2; number++) {
    hostel_call_options *options = way(number);
    REQUIRE(write(master, "Ann\nBob\n", 8) == 8);
    ANSWERS("name? hello Ann\n", hostel_guest_call(greeter, NULL, NOTHING, options, &output, &error));
    ANSWERS("name? hello Bob\n", hostel_guest_call(greeter, NULL, NOTHING, options, &output, &error));
    REQUIRE(write(master, "\x04", 1) == 1);
    ANSWERS("name? hello \n", hostel_guest_call(greeter, NULL, NOTHING, options, &output, &error));
    hostel_call_options_free(options);
  }
  restore_stream(STDIN_FILENO, before);
  close(slave);
  close(master);
  hostel_guest_free(greeter);
}

int main(int argc, char **argv) {
  const test tests[] = {
      TEST(a_program_always_has_a_name),
      TEST(there_may_be_many_arguments_and_variables),
      TEST(arguments_are_bounded_together),
      TEST(an_input_is_read_as_the_program_asks),
      TEST(a_program_waits_for_its_input),
      TEST(programs_share_an_input),
      TEST(a_closed_input_is_empty),
      TEST(what_has_the_number_of_an_input_is_not_read),
      TEST(what_has_the_number_of_an_output_is_not_written_to),
      TEST(an_input_may_be_any_file),
      TEST(a_forked_child_reads_its_input),
      TEST(the_log_has_nothing_that_a_terminal_obeys),
      TEST(a_long_line_is_cut_between_characters),
      TEST(a_host_may_have_it_raw),
      TEST(an_inherited_error_is_raw_unless_the_host_says),
      TEST(a_held_terminal_ends_with_its_call),
      TEST(a_terminal_is_read_line_by_line),
  };
  return RUN_TESTS(argc, argv, tests);
}
