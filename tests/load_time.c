/* load_time.c: how long a load may take, whatever is in the module, and what is left of one that took longer. */
#define _GNU_SOURCE
#include "check_background.h"
#include "check_hostile.h"
#include "check_sanitized.h"

#include <sys/wait.h>

/* ---- modules that take long to compile ---- */

typedef struct bytes {
  uint8_t *data;
  size_t len, room;
} bytes;

static void put(bytes *bytes, const void *more, size_t len) {
  if (bytes->len + len > bytes->room) {
    bytes->room = 2 * (bytes->room + len);
    bytes->data = realloc(bytes->data, bytes->room);
    REQUIRE(bytes->data != NULL);
  }
  memcpy(bytes->data + bytes->len, more, len);
  bytes->len += len;
}

/* A number in five bytes, however small it is. */
static void put_number(bytes *bytes, size_t number) {
  const uint8_t leb[5] = {(uint8_t)(number | 0x80), (uint8_t)(number >> 7 | 0x80), (uint8_t)(number >> 14 | 0x80),
                          (uint8_t)(number >> 21 | 0x80), (uint8_t)(number >> 28 & 0x0f)};
  put(bytes, leb, sizeof leb);
}

/* A module of so many functions, each of which is `head`, so many times `piece`, and `tail`. */
static bytes module_of(size_t functions, const char *head, size_t head_len, size_t times, const char *piece, size_t piece_len,
                       const char *tail, size_t tail_len) {
  bytes module = {0};
  put(&module, "\0asm\1\0\0\0\1\5\1\x60\1\x7f\0", 15); /* one type: (param i32) */
  put(&module, "\3", 1);
  put_number(&module, 5 + functions);
  put_number(&module, functions);
  for (size_t i = 0; i < functions; i++) {
    put(&module, "\0", 1);
  }
  put(&module, "\5\3\1\0\1\12", 6); /* a memory of a page; the code */
  const size_t body = head_len + times * piece_len + tail_len;
  put_number(&module, 5 + functions * (5 + body));
  put_number(&module, functions);
  for (size_t i = 0; i < functions; i++) {
    put_number(&module, body);
    put(&module, head, head_len);
    for (size_t j = 0; j < times; j++) {
      put(&module, piece, piece_len);
    }
    put(&module, tail, tail_len);
  }
  return module;
}

/* i32.const 8, (i32.load (local.get 0)), i32.const 3, i32.add, i32.store: nothing that could be left out. */
#define STORES "\x41\x08\x20\x00\x28\x02\x00\x41\x03\x6a\x36\x02\x00"

/* One huge function. */
static bytes huge(size_t stores) { return module_of(1, "\0", 1, stores, STORES, sizeof STORES - 1, "\x0b", 1); }

/* Large functions, one after the other. */
static bytes many(size_t functions) { return module_of(functions, "\0", 1, 50000, STORES, sizeof STORES - 1, "\x0b", 1); }

/* Thousands of ways to the beginning of a loop, which compilers compare with one another. */
static bytes branches(size_t branches) {
  static const char piece[] = "\x20\x00\x0d\x00"; /* (br_if 0 (local.get 0)) */
  return module_of(1, "\0\x03\x40", 3, branches, piece, sizeof piece - 1, "\x0b\x0b", 2);
}

/* An engine whose loads may take so long. */
static hostel_engine *timed_engine(const hostel_engine *engine, uint64_t milliseconds) {
  return limited_engine(engine, HOSTEL_LIMIT_COMPILE_MS, milliseconds);
}

/* A module that this engine compiles for half a second at least, in one function. */
static bytes long_module(const hostel_engine *engine) {
  const char *first = hostel_engine_tier_at(engine, 0);
  return strcmp(first, "wasmi") == 0 ? many(10) : strcmp(first, "llvm") == 0 ? huge(8000) : branches(40000);
}

/* The same for some seconds. */
static bytes longer_module(const hostel_engine *engine) {
  const char *first = hostel_engine_tier_at(engine, 0);
  return strcmp(first, "wasmi") == 0 ? many(90) : strcmp(first, "llvm") == 0 ? huge(40000) : branches(80000);
}

/* ---- what ends a load ---- */

enum { SOON = 5 /* milliseconds, in which none of them is compiled */ };

static void a_load_ends_when_its_time_is_over(const hostel_engine *shared) {
  hostel_engine *engine = timed_engine(shared, SOON);
  hostel_module *module = RUBBISH;
  bytes wasm = long_module(engine);
  FAILS(DEADLINE, " 5 ms", hostel_module_load(engine, NULL, wasm.data, wasm.len, NULL, &module, &error));
  CHECK(module == NULL);
  free(wasm.data);
  hostel_engine_free(engine);
  join_loads();
}

static void a_file_is_a_load_too(const hostel_engine *shared) {
  hostel_engine *engine = timed_engine(shared, SOON);
  hostel_module *module = RUBBISH;
  bytes wasm = long_module(engine);
  const path folder = new_directory(), file = path_in(folder.text, "long.wasm");
  FILE *out = fopen(file.text, "wb");
  REQUIRE(out != NULL && fwrite(wasm.data, 1, wasm.len, out) == wasm.len && fclose(out) == 0);
  FAILS(DEADLINE, "HOSTEL_LIMIT_COMPILE_MS", hostel_module_load_file(engine, NULL, file.text, NULL, &module, &error));
  CHECK(module == NULL);
  free(wasm.data);
  hostel_engine_free(engine);
  remove_all(folder.text);
  join_loads();
}

static void reading_text_is_part_of_a_load(const hostel_engine *shared) {
  hostel_engine *engine = timed_engine(shared, 1);
  hostel_module *module = RUBBISH;
  text text = {0};
  append(&text, "(module (func (param $a i32)");
  repeat(&text, 300000, " (drop (i32.add (local.get $a) (i32.const 77)))");
  append(&text, "))");
  FAILS(DEADLINE, " 1 ms", hostel_module_load_wat(engine, NULL, text.chars, text.len, NULL, &module, &error));
  CHECK(module == NULL);
  free(text.chars);
  hostel_engine_free(engine);
  join_loads();
}

static void a_load_in_the_background_ends_too(const hostel_engine *shared) {
  hostel_engine *engine = timed_engine(shared, SOON);
  hostel_load *load = RUBBISH;
  hostel_module *module = RUBBISH;
  bytes wasm = long_module(engine);
  SUCCEEDS(hostel_module_load_begin(engine, NULL, wasm.data, wasm.len, NULL, NULL, NULL, &load, &error));
  for (int i = 0; i < 2; i++) {
    FAILS(DEADLINE, " 5 ms", hostel_load_wait(load, HOSTEL_UNLIMITED, &module, &error));
    CHECK(module == NULL);
  }
  hostel_load_free(load);
  free(wasm.data);
  hostel_engine_free(engine);
  join_loads();
}

static void a_cache_keeps_nothing_of_it(const hostel_engine *shared) {
  hostel_engine *engine = timed_engine(shared, SOON);
  hostel_cache *cache = shared_cache(1u << 30);
  hostel_module *module = RUBBISH;
  bytes wasm = long_module(engine);
  FAILS(DEADLINE, " 5 ms", hostel_module_load(engine, cache, wasm.data, wasm.len, NULL, &module, &error));
  join_loads();
  CHECK(statistics(cache).entries == 0 && statistics(cache).compiles == 0);
  /* Who gives it more time gets it, by the same cache. */
  SUCCEEDS(hostel_module_load(shared, cache, wasm.data, wasm.len, NULL, &module, &error));
  CHECK(strcmp(hostel_module_origin(module), "compiled") == 0);
  hostel_module_free(module);
  free(wasm.data);
  hostel_engine_free(engine);
  hostel_cache_free(cache);
  join_loads();
}

static void modules_that_do_not_take_long_are_loaded(const hostel_engine *shared) {
  hostel_engine *engine = timed_engine(shared, 30000);
  hostel_guest *guest = open_file(engine, "echo.wasm");
  ANSWERS("ba", hostel_guest_call(guest, "reverse", TEXT("ab"), NULL, &output, &error));
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

/* A function can have as many locals as it likes in five bytes: a small module is not small for that. */
static void a_few_bytes_may_take_long_too(const hostel_engine *shared) {
  if (!engine_row_has(shared, "\"machine-code\"")) {
    return; /* to an interpreter they are nothing but a number */
  }
  hostel_engine *engine = timed_engine(shared, SOON);
  hostel_module *module = RUBBISH;
  bytes wasm = module_of(200, "\1\xe8\xfe\2\x7e", 5, 3, "\1", 1, "\x0b", 1); /* 49,000 of i64 in each */
  CHECK(wasm.len < 4000);
  FAILS(DEADLINE, " 5 ms", hostel_module_load(engine, NULL, wasm.data, wasm.len, NULL, &module, &error));
  free(wasm.data);
  hostel_engine_free(engine);
  join_loads();
}

/* ---- what else ends it at once ---- */

typedef struct watch {
  atomic_uint told, compiles;
  unsigned stop_at;
  uint64_t done;
} watch;

static hostel_status see(void *user_data, const char *phase, uint64_t done, uint64_t total) {
  watch *watch = user_data;
  (void)total;
  watch->told++;
  if (strcmp(phase, "compile") == 0) {
    CHECK(done >= watch->done);
    watch->done = done;
    watch->compiles++;
  }
  return watch->stop_at != 0 && watch->compiles >= watch->stop_at ? HOSTEL_STATUS_CANCELLED : HOSTEL_STATUS_OK;
}

static hostel_load_options *seen_by(watch *watch) {
  hostel_load_options *options = new_load_options();
  SUCCEEDS(hostel_load_options_set_progress(options, see, watch, &error));
  return options;
}

/* It takes seconds, so that it has begun to compile when its time is over, unless the machine is very busy. */
static void a_load_ends_in_the_middle_of_a_function(const hostel_engine *shared) {
  watch watch = {0};
  hostel_engine *engine = timed_engine(shared, 300);
  hostel_load_options *options = seen_by(&watch);
  hostel_module *module = RUBBISH;
  bytes wasm = longer_module(engine);
  FAILS(DEADLINE, " 300 ms", hostel_module_load(engine, NULL, wasm.data, wasm.len, options, &module, &error));
  CHECK(module == NULL);
  const unsigned told = watch.told;
  if (watch.compiles > 0) {
    FAILS(BUSY, "left", hostel_loads_join(&error)); /* it was not waited for */
  }
  join_loads();
  CHECK(watch.told == told); /* nobody is told by what was left behind */
  hostel_load_options_free(options);
  free(wasm.data);
  hostel_engine_free(engine);
}

static void who_watches_may_stop_it_in_the_middle_of_a_function(const hostel_engine *engine) {
  watch watch = {.stop_at = 2}; /* the second time nothing new has happened */
  hostel_load_options *options = seen_by(&watch);
  hostel_module *module = RUBBISH;
  bytes wasm = longer_module(engine);
  FAILS(CANCELLED, "progress", hostel_module_load(engine, NULL, wasm.data, wasm.len, options, &module, &error));
  CHECK(module == NULL && watch.compiles == 2);
  const unsigned told = watch.told;
  join_loads();
  CHECK(watch.told == told); /* nobody is told by what was left behind */
  hostel_load_options_free(options);
  free(wasm.data);
}

static void a_load_in_the_background_is_cancelled_in_the_middle_of_a_function(const hostel_engine *engine) {
  watch watch = {0};
  hostel_load_options *options = seen_by(&watch);
  hostel_load *load = RUBBISH;
  hostel_module *module = RUBBISH;
  bytes wasm = long_module(engine);
  SUCCEEDS(hostel_module_load_begin(engine, NULL, wasm.data, wasm.len, options, NULL, NULL, &load, &error));
  while (watch.compiles == 0) {
    sleep_ms(1);
  }
  SUCCEEDS(hostel_load_cancel(load, &error));
  FAILS(CANCELLED, "cancelled", hostel_load_wait(load, HOSTEL_UNLIMITED, &module, &error));
  FAILS(BUSY, "", hostel_loads_join(&error));
  hostel_load_free(load);
  hostel_load_options_free(options);
  free(wasm.data);
  join_loads();
}

/* ---- what is left behind ---- */

static void what_is_left_behind_is_bounded(const hostel_engine *shared) {
  enum { MOST = 1000 };
  cpu_set_t before;
  on_one_processor(&before); /* then there are eight places */
  /* What has not begun to compile is not left for long: it ends before that. */
  const uint64_t time = strcmp(hostel_engine_tier_at(shared, 0), "wasmi") == 0 ? 30 : 300;
  hostel_engine *engine = timed_engine(shared, time);
  hostel_module *module = RUBBISH;
  hostel_error *error = RUBBISH;
  bytes wasm = long_module(engine);
  unsigned left = 0;
  hostel_status status = HOSTEL_STATUS_DEADLINE;
  while (status == HOSTEL_STATUS_DEADLINE && left < MOST) {
    status = hostel_module_load(engine, NULL, wasm.data, wasm.len, NULL, &module, &error);
    CHECK(module == NULL);
    left += status == HOSTEL_STATUS_DEADLINE;
    hostel_error_free(error);
  }
  CHECK(status == HOSTEL_STATUS_OUT_OF_RESOURCES && left >= 8);
  /* The next one that has more time gets a place when there is one. */
  hostel_module_free(load_file(shared, "echo.wasm"));
  free(wasm.data);
  hostel_engine_free(engine);
  join_loads();
  REQUIRE(sched_setaffinity(0, sizeof before, &before) == 0);
}

static void the_process_may_end_while_something_is_left_behind(const hostel_engine *shared) {
  bytes wasm = long_module(shared);
  fflush(NULL);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(SECONDS(60));
    failures = 0;
    hostel_engine *engine = timed_engine(shared, SOON);
    hostel_module *module = RUBBISH;
    FAILS(DEADLINE, " 5 ms", hostel_module_load(engine, NULL, wasm.data, wasm.len, NULL, &module, &error));
    exit(failures == 0 ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  free(wasm.data);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_load_ends_when_its_time_is_over),
      TEST(a_file_is_a_load_too),
      TEST(reading_text_is_part_of_a_load),
      TEST(a_load_in_the_background_ends_too),
      TEST(a_cache_keeps_nothing_of_it),
      TEST(modules_that_do_not_take_long_are_loaded),
      TEST(a_few_bytes_may_take_long_too),
      TEST(a_load_ends_in_the_middle_of_a_function),
      TEST(who_watches_may_stop_it_in_the_middle_of_a_function),
      TEST(a_load_in_the_background_is_cancelled_in_the_middle_of_a_function),
      TEST(what_is_left_behind_is_bounded),
      TEST(the_process_may_end_while_something_is_left_behind),
  };
  return RUN_TESTS(argc, argv, tests);
}
