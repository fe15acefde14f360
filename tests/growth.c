/* growth.c: what is loaded, run and freed leaves nothing behind, however often and however large. */
#define _GNU_SOURCE
#include "check_cache.h"
#include "check_sanitized.h"

#include <malloc.h>

enum {
  FUNCTIONS = 1000, /* of a large module */
  LARGE_TIMES = 8,  /* if each left a hundred bytes a function, 800 KB */
  SMALL_TIMES = 500,
  WARM_UPS = 1,      /* what is made once; threads and the allocator come to their measure */
  MAPPINGS_MAX = 32, /* of 500, if every module had left one */
};

/* The heap holds some of what is freed for the next who asks; a sanitizer still more. */
static const long HEAP_MAX = 384 << 10;
static const long RESIDENT_MAX = SANITIZED ? 1L << 30 : 6L << 20;

typedef struct usage {
  long heap, resident; /* bytes */
  long mappings;
} usage;

static long heap_in_use(void) {
#if SANITIZED
  let_go_of_what_was_freed();
  return (long)__sanitizer_get_current_allocated_bytes();
#else
  const struct mallinfo2 heap = mallinfo2();
  return (long)(heap.uordblks + heap.hblkhd);
#endif
}

static usage usage_now(void) {
  usage now = {heap_in_use(), 0, 0};
  FILE *file = fopen("/proc/self/statm", "r");
  REQUIRE(file != NULL && fscanf(file, "%*d %ld", &now.resident) == 1);
  fclose(file);
  now.resident *= sysconf(_SC_PAGESIZE);
  REQUIRE((file = fopen("/proc/self/maps", "r")) != NULL);
  for (int c; (c = fgetc(file)) != EOF;) {
    now.mappings += c == '\n';
  }
  fclose(file);
  return now;
}

/* What is done again and again, and what with. */
typedef struct work {
  const hostel_engine *engine;
  const hostel_cache *cache;
  void (*once)(const struct work *work, unsigned number);
} work;

/* LLVM takes a hundred times as long as others: a part of it there. */
static int part_of(const hostel_engine *engine, int all, int part) {
  return strcmp(best_tier(engine), "llvm") == 0 ? all / part : all;
}

static usage growth_of(work work, int times) {
  unsigned number = 0;
  usage before = {0, 0, 0};
  for (int round = 0; round <= WARM_UPS; round++) {
    before = usage_now();
    for (int i = 0; i < times; i++) {
      work.once(&work, number++);
    }
  }
  const usage after = usage_now();
  return (usage){after.heap - before.heap, after.resident - before.resident, after.mappings - before.mappings};
}

static void does_not_grow_at(const char *file, int line, work work, int all) {
  const int times = all == SMALL_TIMES ? part_of(work.engine, all, 10) : all;
  const usage grown = growth_of(work, times);
  if (grown.heap > HEAP_MAX || grown.resident > RESIDENT_MAX || grown.mappings > MAPPINGS_MAX) {
    fprintf(stderr, "%s:%d: %d times: %ld bytes of the heap, %ld resident, %ld mappings more\n", file, line, times, grown.heap,
            grown.resident, grown.mappings);
    failures++;
  }
}

#define DOES_NOT_GROW(work, times) does_not_grow_at(__FILE__, __LINE__, (work), (times))

/* ---- modules ---- */

static void load_small(const work *work, unsigned number) {
  hostel_module_free(load_numbered(work->engine, work->cache, number));
}

/* A module of so many functions, and then some more text. */
static hostel_status load_text_of(const work *work, unsigned number, int functions, const char *end, hostel_module **module) {
  enum { EACH = 64 };
  char *text = malloc((size_t)functions * EACH + 256);
  REQUIRE(text != NULL);
  size_t len = (size_t)sprintf(text, "(module (func (export \"answer\") (result i64) (i64.const %u))", number);
  for (int i = 0; i < functions; i++) {
    len += (size_t)sprintf(text + len, "(func (param i32) (result i32) (call %d (local.get 0)))", i > 0 ? i : 1);
  }
  len += (size_t)sprintf(text + len, "%s)", end);
  const hostel_status status = hostel_module_load_wat(work->engine, work->cache, text, len, NULL, module, NULL);
  free(text);
  return status;
}

static void load_large(const work *work, unsigned number) {
  hostel_module *module = RUBBISH;
  REQUIRE(load_text_of(work, number, part_of(work->engine, FUNCTIONS, 5), "", &module) == HOSTEL_STATUS_OK);
  hostel_module_free(settled(module));
}

/* Their own number in each, so that no cache has them. */
static void modules_that_are_freed_leave_nothing(const hostel_engine *engine) {
  DOES_NOT_GROW(((work){engine, NULL, load_small}), SMALL_TIMES);
  DOES_NOT_GROW(((work){engine, NULL, load_large}), LARGE_TIMES);
}

static void modules_that_a_shared_cache_lets_go_of_leave_nothing(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(1 << 18);
  DOES_NOT_GROW(((work){engine, cache, load_small}), SMALL_TIMES);
  DOES_NOT_GROW(((work){engine, cache, load_large}), LARGE_TIMES);
  hostel_cache_free(cache);
}

static void load_small_twice(const work *work, unsigned number) {
  load_small(work, number);
  load_small(work, number);
}

static void modules_that_a_directory_keeps_leave_nothing_in_memory(const hostel_engine *engine) {
  const path where = new_directory();
  hostel_cache *cache = directory_cache(where.text, LARGE);
  DOES_NOT_GROW(((work){engine, cache, load_small_twice}), SMALL_TIMES);
  DOES_NOT_GROW(((work){engine, cache, load_large}), LARGE_TIMES);
  hostel_cache_free(cache);
  remove_all(where.text);
}

/* ---- what does not become a module ---- */

static void load_invalid(const work *work, unsigned number) {
  hostel_module *module = RUBBISH;
  REQUIRE(load_text_of(work, number, FUNCTIONS, "(func (result i32) (i64.const 0))", &module) == HOSTEL_STATUS_INVALID_MODULE);
  REQUIRE(module == NULL);
}

static hostel_status stop_while_compiling(void *user_data, const char *phase, uint64_t done, uint64_t total) {
  (void)user_data, (void)total;
  return strcmp(phase, "compile") == 0 && done > 0 ? HOSTEL_STATUS_CANCELLED : HOSTEL_STATUS_OK;
}

static void load_cancelled(const work *work, unsigned number) {
  hostel_load_options *options = new_load_options();
  SUCCEEDS(hostel_load_options_set_progress(options, stop_while_compiling, NULL, &error));
  hostel_module *module = RUBBISH;
  hostel_buffer wasm = numbered_wasm(number);
  const hostel_status status = hostel_module_load(work->engine, work->cache, wasm.data, wasm.len, options, &module, NULL);
  REQUIRE(status == HOSTEL_STATUS_CANCELLED || status == HOSTEL_STATUS_OK); /* not all tell of functions */
  hostel_buffer_free(&wasm);
  hostel_module_free(module);
  hostel_load_options_free(options);
}

static void what_does_not_become_a_module_leaves_nothing(const hostel_engine *engine) {
  DOES_NOT_GROW(((work){engine, NULL, load_invalid}), LARGE_TIMES);
  DOES_NOT_GROW(((work){engine, NULL, load_cancelled}), SMALL_TIMES);
}

/* ---- guests, instances, engines ---- */

static hostel_status answer(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)caller, (void)input, (void)input_len;
  return HOSTEL_STATUS_OK;
}

static const char host_caller[] =
    "(module (import \"host\" \"answer\" (func $ask (param i32 i32) (result i64))) (memory (export \"memory\") 1 4)"
    " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024)) (func (export \"hostel_free\") (param i32 i32))"
    " (func (export \"f\") (param i32 i32) (result i64) (drop (memory.grow (i32.const 1))) (call $ask (i32.const 0) (i32.const "
    "0)))"
    " (func (export \"trap\") (param i32 i32) (result i64) unreachable))";

/* A module, a guest of it that calls the host, is put back, traps, and has an instance. */
static void live_a_whole_life(const work *work, unsigned number) {
  (void)number;
  hostel_imports *imports = imports_of("host", "answer", answer, NULL);
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load_wat(work->engine, work->cache, host_caller, strlen(host_caller), NULL, &module, &error));
  hostel_guest *guest = link_guest(settled(module), imports);
  hostel_imports_free(imports);
  for (int i = 0; i < 2; i++) {
    ANSWERS("", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
    REFUSES(TRAP, "", hostel_guest_call(guest, "trap", NOTHING, NULL, &output, &error));
  }
  hostel_instance *instance = new_instance(guest);
  ANSWERS("", hostel_instance_call(instance, "f", NOTHING, NULL, &output, &error));
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void guests_and_their_instances_leave_nothing(const hostel_engine *engine) {
  DOES_NOT_GROW(((work){engine, NULL, live_a_whole_life}), SMALL_TIMES);
}

static void use_an_engine(const work *work, unsigned number) {
  hostel_engine *engine = engine_named(hostel_engine_name(work->engine), false);
  hostel_module_free(load_numbered(engine, NULL, number));
  hostel_engine_free(engine);
}

static void engines_leave_nothing(const hostel_engine *engine) {
  DOES_NOT_GROW(((work){engine, NULL, use_an_engine}), SMALL_TIMES);
}

/* ---- the others can fail ---- */

static hostel_module *kept[(WARM_UPS + 1) * SMALL_TIMES];

static void load_and_keep(const work *work, unsigned number) { kept[number] = load_numbered(work->engine, work->cache, number); }

static void modules_that_stay_are_seen(const hostel_engine *engine) {
  const usage grown = growth_of((work){engine, NULL, load_and_keep}, SMALL_TIMES);
  CHECK(grown.heap > HEAP_MAX || grown.resident > RESIDENT_MAX || grown.mappings > MAPPINGS_MAX);
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
    hostel_module_free(kept[i]);
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(modules_that_are_freed_leave_nothing),
      TEST(modules_that_a_shared_cache_lets_go_of_leave_nothing),
      TEST(modules_that_a_directory_keeps_leave_nothing_in_memory),
      TEST(what_does_not_become_a_module_leaves_nothing),
      TEST(guests_and_their_instances_leave_nothing),
      TEST(engines_leave_nothing),
      TEST(modules_that_stay_are_seen),
  };
  return RUN_TESTS(argc, argv, tests);
}
