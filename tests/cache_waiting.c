/* cache_waiting.c: loads that wait for others to compile the same module can be stopped, say that they wait, and wait no longer
 * than they may. */
#define _GNU_SOURCE
#include "check_background.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

enum { NUMBER = 7, SOON_MS = 10000 /* tells an answer from a hang */ };

/* ---- somebody who compiles module NUMBER, until he is let go ---- */

typedef struct somebody {
  const hostel_engine *engine;
  hostel_cache *cache;
  path directory;
  hold hold;
  pthread_t thread;
  pid_t process;
} somebody;

static void *compile_slowly(void *argument) {
  somebody *other = argument;
  hostel_load_options *options = held_by(&other->hold);
  hostel_buffer wasm = numbered_wasm(NUMBER);
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load(other->engine, other->cache, wasm.data, wasm.len, options, &module, &error));
  hostel_module_free(module);
  hostel_buffer_free(&wasm);
  hostel_load_options_free(options);
  return NULL;
}

static void begin_thread(somebody *other, const hostel_engine *engine) {
  *other = (somebody){.engine = engine, .cache = shared_cache(LARGE)};
  REQUIRE(pthread_create(&other->thread, NULL, compile_slowly, other) == 0);
  until_told(&other->hold);
}

static void end_thread(somebody *other) {
  other->hold.may_go_on = true;
  REQUIRE(pthread_join(other->thread, NULL) == 0);
  join_loads();
  hostel_cache_free(other->cache);
}

static void begin_process(somebody *other, const hostel_engine *engine) {
  *other = (somebody){.engine = engine, .directory = new_directory()};
  other->cache = directory_cache(other->directory.text, LARGE);
  COMES_FROM("compiled", engine, other->cache, NUMBER + 1); /* makes the folder */
  const path lock = file_of(other->directory.text, engine, NUMBER, ".lock");
  int ready[2];
  char byte;
  REQUIRE(pipe(ready) == 0);
  other->process = fork();
  if (other->process == 0) {
    const int file = open(lock.text, O_RDWR | O_CREAT, 0600);
    byte = file >= 0 && flock(file, LOCK_EX) == 0;
    if (write(ready[1], &byte, 1) == 1) {
      for (;;)
        pause();
    }
    _exit(1);
  }
  REQUIRE(other->process > 0 && read(ready[0], &byte, 1) == 1 && byte == 1);
  close(ready[0]);
  close(ready[1]);
}

static void end_process(somebody *other) {
  join_loads(); /* although the other still compiles */
  REQUIRE(kill(other->process, SIGKILL) == 0 && waitpid(other->process, NULL, 0) == other->process);
  hostel_cache_free(other->cache);
  remove_all(other->directory.text);
}

static const struct {
  void (*begin)(somebody *other, const hostel_engine *engine);
  void (*end)(somebody *other);
} kinds[] = {{begin_thread, end_thread}, {begin_process, end_process}};

static void with_each(const hostel_engine *engine, void (*check)(const somebody *other)) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    somebody other;
    kinds[i].begin(&other, engine);
    check(&other);
    kinds[i].end(&other);
  }
}

/* ---- who waits ---- */

typedef struct heard {
  atomic_uint waits;
  atomic_bool wrong;
  uint64_t done, total;
  unsigned stop_at;
} heard;

static hostel_status hear(void *user_data, const char *phase, uint64_t done, uint64_t total) {
  heard *heard = user_data;
  if (strcmp(phase, "wait") != 0) {
    return HOSTEL_STATUS_OK;
  }
  heard->wrong |= heard->waits > 0 && (done < heard->done || total != heard->total);
  heard->done = done;
  heard->total = total;
  heard->waits++;
  return heard->stop_at != 0 && heard->waits >= heard->stop_at ? HOSTEL_STATUS_HOST_ERROR : HOSTEL_STATUS_OK;
}

static hostel_load_options *heard_by(heard *heard) {
  hostel_load_options *options = new_load_options();
  SUCCEEDS(hostel_load_options_set_progress(options, hear, heard, &error));
  return options;
}

static hostel_status load_here(const somebody *other, const hostel_load_options *options, hostel_error **error_out) {
  hostel_module *module = RUBBISH;
  hostel_buffer wasm = numbered_wasm(NUMBER);
  const hostel_status status = hostel_module_load(other->engine, other->cache, wasm.data, wasm.len, options, &module, error_out);
  CHECK((module == NULL) == (status != HOSTEL_STATUS_OK));
  hostel_buffer_free(&wasm);
  hostel_module_free(module);
  return status;
}

static void is_cancelled_at_once(const somebody *other) {
  heard heard = {0};
  hostel_load_options *options = heard_by(&heard);
  hostel_load *load = begin_numbered(other->engine, other->cache, NUMBER, options, NULL, NULL);
  hostel_module *module = RUBBISH;
  while (heard.waits < 3) {
    sleep_ms(1);
  }
  SUCCEEDS(hostel_load_cancel(load, &error));
  FAILS(CANCELLED, "cancelled", hostel_load_wait(load, SOON_MS, &module, &error));
  hostel_load_free(load);
  hostel_load_options_free(options);
}

static void a_load_that_waits_is_cancelled_at_once(const hostel_engine *engine) { with_each(engine, is_cancelled_at_once); }

static void is_freed_at_once(const somebody *other) {
  heard heard = {0};
  hostel_load_options *options = heard_by(&heard);
  hostel_load *load = begin_numbered(other->engine, other->cache, NUMBER, options, NULL, NULL);
  while (heard.waits < 3) {
    sleep_ms(1);
  }
  hostel_load_free(load);
  hostel_load_options_free(options);
}

static void a_load_that_waits_can_be_freed(const hostel_engine *engine) { with_each(engine, is_freed_at_once); }

static void is_stopped_by_its_callback(const somebody *other) {
  heard heard = {.stop_at = 4};
  hostel_load_options *options = heard_by(&heard);
  FAILS(CANCELLED, "progress", load_here(other, options, &error));
  CHECK(heard.waits == 4 && !heard.wrong && heard.total == 0);
  hostel_load_options_free(options);
}

static void the_progress_callback_stops_a_load_that_waits(const hostel_engine *engine) {
  with_each(engine, is_stopped_by_its_callback);
}

static void has_so_much_patience(const somebody *other) {
  heard heard = {0};
  hostel_load_options *options = heard_by(&heard);
  SUCCEEDS(hostel_load_options_set_patience(options, 150, &error));
  FAILS(BUSY, "150 ms", load_here(other, options, &error));
  CHECK(heard.waits >= 1 && !heard.wrong && heard.total == 150);
  SUCCEEDS(hostel_load_options_set_patience(options, 0, &error));
  FAILS(BUSY, "same module", load_here(other, options, &error));
  hostel_load_options_free(options);
}

static void a_load_waits_as_long_as_it_may(const hostel_engine *engine) { with_each(engine, has_so_much_patience); }

static atomic_uint warnings;

static void listen(void *user_data, hostel_log_level level, const char *target, const char *message) {
  (void)user_data, (void)target;
  warnings += level == HOSTEL_LOG_WARN && strstr(message, "waited") != NULL;
}

static void is_told_to_the_log(const somebody *other) {
  heard heard = {0};
  hostel_load_options *options = heard_by(&heard);
  warnings = 0;
  SUCCEEDS(hostel_log_set(listen, NULL, HOSTEL_LOG_WARN, &error));
  hostel_load *load = begin_numbered(other->engine, other->cache, NUMBER, options, NULL, NULL);
  while (warnings == 0) {
    sleep_ms(1); /* a second */
  }
  hostel_load_free(load);
  SUCCEEDS(hostel_log_set(NULL, NULL, HOSTEL_LOG_OFF, &error));
  hostel_load_options_free(options);
}

static void the_log_hears_of_a_load_that_waits_for_long(const hostel_engine *engine) { with_each(engine, is_told_to_the_log); }

static void who_waits_finds_what_the_other_has_made(const hostel_engine *engine) {
  somebody other;
  heard heard = {0};
  hostel_load_options *options = heard_by(&heard);
  hostel_module *module = RUBBISH;
  begin_thread(&other, engine);
  hostel_load *load = begin_numbered(engine, other.cache, NUMBER, options, NULL, NULL);
  while (heard.waits == 0) {
    sleep_ms(1);
  }
  other.hold.may_go_on = true;
  SUCCEEDS(hostel_load_wait(load, HOSTEL_UNLIMITED, &module, &error));
  CHECK(statistics(other.cache).compiles == 1);
  CHECK_MODULE(module, NUMBER, "shared");
  hostel_load_free(load);
  end_thread(&other);
  hostel_load_options_free(options);
}

/* ---- inside a call ---- */

static const somebody *waited_for;

static hostel_status load_inside(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  hostel_error *error = RUBBISH;
  *(hostel_status *)user_data = load_here(waited_for, NULL, &error);
  hostel_error_free(error);
  while (!hostel_caller_is_stopped(caller)) { /* the load knows the time, and the call is told by another thread */
    sleep_ms(1);
  }
  return HOSTEL_STATUS_OK;
}

static void a_load_inside_a_call_waits_no_longer_than_the_call_may(const hostel_engine *engine) {
  static const char asks[] =
      "(module (import \"host\" \"load\" (func $load (param i32 i32) (result i64))) (memory (export \"memory\") 1)"
      " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024))"
      " (func (export \"hostel_free\") (param i32 i32))"
      " (func (export \"go\") (param i32 i32) (result i64) (call $load (i32.const 0) (i32.const 0))))";
  somebody other;
  hostel_status inside = HOSTEL_STATUS_OK;
  hostel_engine *exact = exact_engine(hostel_engine_name(engine));
  hostel_imports *imports = imports_of("host", "load", load_inside, &inside);
  hostel_guest *guest = link_guest(load_text(exact, asks), imports);
  hostel_call_options *options = new_options();
  begin_thread(&other, engine);
  waited_for = &other;
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, 100, &error));
  REFUSES(DEADLINE, "", hostel_guest_call(guest, "go", NOTHING, options, &output, &error));
  CHECK(inside == HOSTEL_STATUS_DEADLINE);
  end_thread(&other);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  hostel_imports_free(imports);
  hostel_engine_free(exact);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_load_that_waits_is_cancelled_at_once),
      TEST(a_load_that_waits_can_be_freed),
      TEST(the_progress_callback_stops_a_load_that_waits),
      TEST(a_load_waits_as_long_as_it_may),
      TEST(the_log_hears_of_a_load_that_waits_for_long),
      TEST(who_waits_finds_what_the_other_has_made),
      TEST(a_load_inside_a_call_waits_no_longer_than_the_call_may),
  };
  return RUN_TESTS(argc, argv, tests);
}
