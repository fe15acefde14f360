/* own_threads.c: the threads that the library starts: how they are born, and what happens when there are none. */
#define _GNU_SOURCE
#include "check_threads.h"

#include "check_background.h"
#include "check_programs.h"
#include "check_wasi.h"

enum { FOR_EVER = 600000 }; /* milliseconds */

/* ---- what starts threads ---- */

/* Large enough to be compiled by several. */
static hostel_status load_large(const hostel_engine *engine, unsigned number, hostel_module **module_out) {
  enum { FUNCTIONS = 500, EACH = 96 };
  char *text = malloc(FUNCTIONS * EACH + 256);
  REQUIRE(text != NULL);
  size_t len = (size_t)sprintf(text, "(module (func (export \"answer\") (result i64) (i64.const %u))", number);
  for (int i = 0; i < FUNCTIONS; i++) {
    len += (size_t)sprintf(text + len, "(func (param i32) (result i32) (i32.add (local.get 0) (i32.const 0x1000%03d)))", i);
  }
  text[len++] = ')';
  const hostel_status status = hostel_module_load_wat(engine, NULL, text, len, NULL, module_out, NULL);
  free(text);
  return status;
}

static hostel_status load(const hostel_engine *engine, unsigned number) {
  hostel_module *module = RUBBISH;
  const hostel_status status = load_large(engine, number, &module);
  if (status == HOSTEL_STATUS_OK) {
    settled(module);
  }
  hostel_module_free(module);
  return status;
}

static hostel_status load_in_background(const hostel_engine *engine, unsigned number) {
  hostel_load *load = RUBBISH;
  hostel_module *module = RUBBISH;
  hostel_buffer wasm = numbered_wasm(number);
  hostel_status status = hostel_module_load_begin(engine, NULL, wasm.data, wasm.len, NULL, NULL, NULL, &load, NULL);
  hostel_buffer_free(&wasm);
  if (status == HOSTEL_STATUS_OK) {
    status = hostel_load_wait(load, HOSTEL_UNLIMITED, &module, NULL);
    if (status == HOSTEL_STATUS_OK) {
      settled(module);
    }
    hostel_module_free(module);
  }
  hostel_load_free(load);
  return status;
}

static hostel_guest *guest;

static hostel_status call_with_deadline(const hostel_engine *engine, unsigned number) {
  (void)engine, (void)number;
  uint64_t value = 0;
  hostel_call_options *options = options_with_deadline(FOR_EVER);
  const hostel_status status = hostel_guest_call_values(guest, "answer", &value, 1, options, NULL);
  hostel_call_options_free(options);
  return status;
}

static folder files;

/* What can be stopped works on files in other threads. */
static hostel_status read_a_file(const hostel_engine *engine, unsigned number) {
  (void)engine, (void)number;
  hostel_status status = HOSTEL_STATUS_OK;
  time_of_programs = FOR_EVER;
  free(run_program(guest, &status));
  return status;
}

static void open_reader(const hostel_engine *engine) {
  files = new_folder();
  put_file(&files, "a", "some text");
  hostel_wasi *wasi = wasi_with("read", "/data/a");
  grant_folder(wasi, &files, "/data", true);
  guest = open_program(engine, "wasi_rust.wasm", wasi);
}

static void close_reader(void) {
  hostel_guest_free(guest);
  remove_folder(&files);
}

/* ---- birth ---- */

static void no_thread_is_born_with_the_signals_of_the_host(const hostel_engine *engine) {
  sigset_t before, after;
  REQUIRE(pthread_sigmask(SIG_SETMASK, NULL, &before) == 0);
  CHECK(load(engine, 1) == HOSTEL_STATUS_OK);
  CHECK(load_in_background(engine, 2) == HOSTEL_STATUS_OK);
  guest = link_guest(load_numbered(engine, NULL, 3), NULL);
  CHECK(call_with_deadline(engine, 3) == HOSTEL_STATUS_OK);
  hostel_guest_free(guest);
  CHECK(threads_started > 1 && threads_with_signals == 0); /* for those that work on files, see below */
  REQUIRE(pthread_sigmask(SIG_SETMASK, NULL, &after) == 0);
  for (int signal = 1; signal < 32; signal++) {
    CHECK(sigismember(&before, signal) == sigismember(&after, signal));
  }
}

/* ---- none to be had ---- */

/* With no thread to be had, then with one, and so on: OUT_OF_RESOURCES each time, until there are enough. Nothing is told on the
 * host's standard error, and what was refused once works when there are threads again. */
static void check_refused(const char *file, int line, const hostel_engine *engine,
                          hostel_status (*start)(const hostel_engine *engine, unsigned number), bool needs_some) {
  enum { ENOUGH = 1000 };
  for (unsigned most = 0; most < ENOUGH; most++) {
    until_no_thread_runs();
    const overheard overheard = overhear();
    threads_max = most;
    const hostel_status first = start(engine, 2 * most);
    threads_max = UINT_MAX;
    const hostel_status second = start(engine, 2 * most + 1);
    CHECK(overheard_bytes(overheard) == 0);
    if ((first != HOSTEL_STATUS_OK && first != HOSTEL_STATUS_OUT_OF_RESOURCES) || second != HOSTEL_STATUS_OK) {
      fprintf(stderr, "%s:%d: with %u threads %s, then %s\n", file, line, most, hostel_status_name(first),
              hostel_status_name(second));
      failures++;
    }
    if (first == HOSTEL_STATUS_OK) {
      CHECK(!needs_some || most > 0);
      return;
    }
  }
  CHECK(!"there are enough");
}

#define REFUSED_WITHOUT_THREADS(start, needs_some) check_refused(__FILE__, __LINE__, engine, (start), (needs_some))

/* An interpreter needs none, and what begins with one is there at once. */
static bool compiles_at_once(const hostel_engine *engine) { return strcmp(hostel_engine_tier_at(engine, 0), "wasmi") != 0; }

static void a_module_that_gets_no_threads_is_refused_once(const hostel_engine *engine) {
  REFUSED_WITHOUT_THREADS(load, compiles_at_once(engine));
}

static void a_load_in_the_background_that_gets_no_threads_is_refused_once(const hostel_engine *engine) {
  REFUSED_WITHOUT_THREADS(load_in_background, true);
}

static void a_deadline_that_gets_no_thread_is_refused_once(const hostel_engine *engine) {
  guest = link_guest(load_numbered(engine, NULL, 3), NULL);
  REFUSED_WITHOUT_THREADS(call_with_deadline, true);
  hostel_guest_free(guest);
}

/* In a program of its own, where nothing was done with files before: their threads stay. */
static void files_without_threads(const char *name) {
  hostel_engine *engine = engine_called(name);
  open_reader(engine);
  for (unsigned most = 0;; most++) {
    REQUIRE(hostel_timer_join(NULL) == HOSTEL_STATUS_OK);
    const overheard overheard = overhear();
    threads_max = threads_running + most;
    const hostel_status first = read_a_file(engine, 0);
    threads_max = UINT_MAX;
    const hostel_status second = read_a_file(engine, 0);
    CHECK(overheard_bytes(overheard) == 0);
    CHECK(first == HOSTEL_STATUS_OUT_OF_RESOURCES || first == HOSTEL_STATUS_OK);
    CHECK(second == HOSTEL_STATUS_OK);
    if (first == HOSTEL_STATUS_OK || most == 8) {
      CHECK(first == HOSTEL_STATUS_OK && most > 0);
      break;
    }
  }
  CHECK(threads_started > 1 && threads_with_signals == 0);
  close_reader();
  hostel_engine_free(engine);
}

static void a_file_that_gets_no_threads_is_refused_once(const hostel_engine *engine) { RUNS_WELL(files_without_threads, engine); }

/* ---- callbacks in threads of the library's ---- */

static hostel_status trap_while_validating(void *user_data, const char *phase, uint64_t done, uint64_t total) {
  (void)done, (void)total;
  if (strcmp(phase, "validate") == 0) {
    REFUSES(TRAP, "", hostel_guest_call(user_data, "outside", NOTHING, NULL, &output, &error));
  }
  return HOSTEL_STATUS_OK;
}

/* A guest's trap is a signal of its thread, which is not blocked there. */
static void a_guest_may_trap_in_a_callback_of_a_load(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, "(module (memory (export \"memory\") 1)"
                                          " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024))"
                                          " (func (export \"hostel_free\") (param i32 i32))"
                                          " (func (export \"outside\") (param i32 i32) (result i64) (i64.load (i32.const -8))))");
  hostel_load_options *options = new_load_options();
  SUCCEEDS(hostel_load_options_set_progress(options, trap_while_validating, guest, &error));
  hostel_load *load = begin_numbered(engine, NULL, 1, options, NULL, NULL);
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_load_wait(load, HOSTEL_UNLIMITED, &module, &error));
  CHECK_MODULE(module, 1, "compiled");
  hostel_load_free(load);
  hostel_load_options_free(options);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const program programs[] = {PROGRAM(files_without_threads)};
  static const test tests[] = {
      TEST(no_thread_is_born_with_the_signals_of_the_host),
      TEST(a_module_that_gets_no_threads_is_refused_once),
      TEST(a_load_in_the_background_that_gets_no_threads_is_refused_once),
      TEST(a_deadline_that_gets_no_thread_is_refused_once),
      TEST(a_file_that_gets_no_threads_is_refused_once),
      TEST(a_guest_may_trap_in_a_callback_of_a_load),
  };
  int exit_code;
  if (is_program(argc, argv, programs, sizeof programs / sizeof *programs, &exit_code)) {
    return exit_code;
  }
  return RUN_TESTS(argc, argv, tests);
}
