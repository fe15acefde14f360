/* cache.c: caches in memory, chains of caches, and what all caches have in common. */
#include "check_cache.h"

#include <pthread.h>

enum { THREADS = 8 };

static hostel_cache *thread_local_cache(void) {
  hostel_cache *cache = RUBBISH;
  SUCCEEDS(hostel_cache_thread_local_new(LARGE, &cache, &error));
  return cache;
}

static hostel_cache *chain(const hostel_cache *first, const hostel_cache *second) {
  hostel_cache *cache = RUBBISH;
  SUCCEEDS(hostel_cache_fallback_new(first, second, &cache, &error));
  return cache;
}

static void without_a_cache_a_module_is_compiled(const hostel_engine *engine) {
  COMES_FROM("compiled", engine, NULL, 1);
  COMES_FROM("compiled", engine, NULL, 1);
  CHECK(hostel_module_origin(NULL) == NULL);
}

static void a_shared_cache_compiles_once(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  CHECK(statistics(cache).bytes == 0);
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("shared", engine, cache, 1);
  COMES_FROM("compiled", engine, cache, 2);
  const hostel_cache_statistics stats = statistics(cache);
  CHECK(stats.struct_size == sizeof stats && stats.compiles == 2 && stats.hits == 1 && stats.misses >= 2);
  CHECK(stats.entries == 2 && stats.bytes > 0 && stats.evictions == 0 && stats.rejected == 0);
  hostel_cache_free(cache);
}

static void text_and_bytes_of_one_module_are_one_entry(const hostel_engine *engine) {
  static const char text[] = "(module (func (export \"answer\") (result i64) (i64.const 7)) (; a comment ;))";
  hostel_cache *cache = shared_cache(LARGE);
  hostel_module *module = RUBBISH;
  COMES_FROM("compiled", engine, cache, 7);
  SUCCEEDS(hostel_module_load_wat(engine, cache, text, strlen(text), NULL, &module, &error));
  CHECK_MODULE(module, 7, "shared");
  hostel_cache_free(cache);
}

static void a_file_is_cached_too(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  const char *const origins[] = {"compiled", "shared"};
  for (int i = 0; i < 2; i++) {
    hostel_module *module = RUBBISH;
    SUCCEEDS(hostel_module_load_file(engine, cache, guest_path("echo.wasm"), NULL, &module, &error));
    CHECK(strcmp(hostel_module_origin(module), origins[i]) == 0);
    hostel_guest *guest = link_guest(module, NULL);
    ANSWERS("ba", hostel_guest_call(guest, "reverse", TEXT("ab"), NULL, &output, &error));
    hostel_guest_free(guest);
  }
  hostel_cache_free(cache);
}

static void a_module_that_fits_is_kept(const hostel_engine *engine) {
  hostel_cache *large = shared_cache(LARGE);
  COMES_FROM("compiled", engine, large, 1);
  const uint64_t bytes = statistics(large).bytes;
  hostel_cache *small = shared_cache(bytes + bytes / 2);
  COMES_FROM("compiled", engine, small, 1);
  COMES_FROM("shared", engine, small, 1);
  hostel_cache_free(large);
  hostel_cache_free(small);
}

/* What the threads of a test share. */
typedef struct shared {
  const hostel_engine *engine;
  const hostel_cache *cache;
  pthread_barrier_t start;
} shared;

static void a_chain_keeps_a_hit_of_the_second_in_the_first(const hostel_engine *engine) {
  hostel_cache *first = thread_local_cache(), *second = shared_cache(LARGE), *both = chain(first, second);
  COMES_FROM("compiled", engine, second, 1);
  COMES_FROM("shared", engine, both, 1);
  COMES_FROM("thread_local", engine, both, 1);
  COMES_FROM("thread_local", engine, first, 1);
  const hostel_cache_statistics stats = statistics(both);
  CHECK(stats.compiles == 0 && stats.entries == 2 && statistics(first).entries == 1 && statistics(first).hits == 2);
  hostel_cache_free(both);
  hostel_cache_free(first);
  hostel_cache_free(second);
}

static void a_chain_keeps_what_it_compiled_in_both(const hostel_engine *engine) {
  hostel_cache *first = thread_local_cache(), *second = shared_cache(LARGE), *third = shared_cache(LARGE);
  hostel_cache *inner = chain(second, third), *all = chain(first, inner);
  COMES_FROM("compiled", engine, all, 1);
  CHECK(statistics(all).entries == 3 && statistics(all).compiles == 1);
  COMES_FROM("thread_local", engine, first, 1);
  COMES_FROM("shared", engine, second, 1);
  COMES_FROM("shared", engine, third, 1);
  hostel_cache *const caches[] = {first, second, third, inner, all};
  for (size_t i = 0; i < 5; i++) {
    hostel_cache_free(caches[i]);
  }
}

static void the_tiers_are_told_in_order(const hostel_engine *engine) {
  hostel_cache *first = thread_local_cache(), *second = shared_cache(LARGE), *both = chain(first, second);
  hostel_buffer json = RUBBISH_BUFFER;
  COMES_FROM("compiled", engine, both, 1);
  SUCCEEDS(hostel_cache_stats_json(both, &json, &error));
  char *text = calloc(1, json.len + 1);
  REQUIRE(text != NULL);
  memcpy(text, json.data, json.len);
  const char *one = strstr(text, "thread_local"), *two = strstr(text, "\"shared\"");
  CHECK(one != NULL && two != NULL && one < two && strstr(text, "\"compiles\":1") != NULL);
  free(text);
  hostel_buffer_free(&json);
  hostel_cache_free(both);
  hostel_cache_free(first);
  hostel_cache_free(second);
}

static void what_is_removed_is_compiled_again(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  CHECK(!hostel_cache_contains_module(cache, engine, key));
  SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
  hostel_module *module = load_numbered(engine, cache, 1);
  CHECK(hostel_cache_contains_module(cache, engine, key));
  SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
  CHECK(!hostel_cache_contains_module(cache, engine, key) && statistics(cache).entries == 0);
  CHECK_MODULE(module, 1, "compiled");
  CHECK(statistics(cache).evictions == 0);
  COMES_FROM("compiled", engine, cache, 1);
  hostel_cache_free(cache);
}

static void removing_from_a_chain_removes_from_each_tier(const hostel_engine *engine) {
  hostel_cache *first = thread_local_cache(), *second = shared_cache(LARGE), *both = chain(first, second);
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  COMES_FROM("compiled", engine, both, 1);
  SUCCEEDS(hostel_cache_remove_module(both, engine, key, &error));
  CHECK(!hostel_cache_contains_module(first, engine, key) && !hostel_cache_contains_module(second, engine, key));
  hostel_cache_free(both);
  hostel_cache_free(first);
  hostel_cache_free(second);
}

static void *load_and_wait_for_a_removal(void *argument) {
  shared *all = argument;
  for (int i = 0; i < 3; i++) {
    hostel_module_free(load_numbered(all->engine, all->cache, 1));
  }
  pthread_barrier_wait(&all->start); /* now another thread removes it */
  pthread_barrier_wait(&all->start);
  COMES_FROM("compiled", all->engine, all->cache, 1);
  return NULL;
}

static void what_one_thread_removes_no_other_finds(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  shared all = {.engine = engine, .cache = cache};
  pthread_t thread;
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  pthread_barrier_init(&all.start, NULL, 2);
  REQUIRE(pthread_create(&thread, NULL, load_and_wait_for_a_removal, &all) == 0);
  pthread_barrier_wait(&all.start);
  SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
  pthread_barrier_wait(&all.start);
  pthread_join(thread, NULL);
  pthread_barrier_destroy(&all.start);
  hostel_cache_free(cache);
}

static void a_module_found_often_keeps_to_the_limits_of_each_engine(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  hostel_engine_config *config = RUBBISH;
  hostel_engine *strict = RUBBISH;
  hostel_module *module = RUBBISH;
  uint8_t key[HOSTEL_KEY_BYTES];
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  SUCCEEDS(hostel_engine_config_set_engine(config, hostel_engine_name(engine), &error));
  SUCCEEDS(hostel_engine_config_set_limit(config, HOSTEL_LIMIT_MODULE_BYTES, 16, &error));
  SUCCEEDS(hostel_engine_new(config, &strict, &error));
  key_of(engine, 1, key);
  for (int i = 0; i < 3; i++) {
    hostel_module_free(load_numbered(engine, cache, 1));
  }
  FAILS(UNSUPPORTED_MODULE, "bytes", hostel_module_load_key(strict, cache, key, &module, &error));
  hostel_engine_free(strict);
  hostel_engine_config_free(config);
  hostel_cache_free(cache);
}

static void a_failing_module_fails_each_time(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  for (int i = 0; i < 3; i++) {
    hostel_module *module = RUBBISH;
    FAILS(INVALID_MODULE, "", hostel_module_load(engine, cache, TEXT("\0asm\1\0\0\0\x7f"), NULL, &module, &error));
    CHECK(module == NULL);
  }
  CHECK(statistics(cache).compiles == 0 && statistics(cache).entries == 0 && statistics(cache).hits == 0);
  COMES_FROM("compiled", engine, cache, 1);
  hostel_cache_free(cache);
}

static void *load_together(void *argument) {
  shared *shared = argument;
  hostel_module *module = RUBBISH;
  pthread_barrier_wait(&shared->start);
  SUCCEEDS(hostel_module_load_file(shared->engine, shared->cache, guest_path("echo.wasm"), NULL, &module, &error));
  hostel_guest *guest = link_guest(module, NULL);
  ANSWERS("ba", hostel_guest_call(guest, "reverse", TEXT("ab"), NULL, &output, &error));
  hostel_guest_free(guest);
  return NULL;
}

static void of_many_threads_one_compiles(const hostel_engine *engine) {
  for (int round = 0; round < 5; round++) {
    hostel_cache *cache = shared_cache(LARGE);
    shared shared = {.engine = engine, .cache = cache};
    pthread_t threads[THREADS];
    REQUIRE(pthread_barrier_init(&shared.start, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++) {
      REQUIRE(pthread_create(&threads[i], NULL, load_together, &shared) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
      REQUIRE(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(statistics(cache).compiles == 1 && statistics(cache).entries == 1 && statistics(cache).hits == THREADS - 1);
    pthread_barrier_destroy(&shared.start);
    hostel_cache_free(cache);
  }
}

static void an_entry_of_another_engine_is_a_miss(const hostel_engine *engine) {
  hostel_engine *other = other_engine(engine);
  if (other == NULL) {
    return;
  }
  hostel_cache *cache = shared_cache(LARGE);
  hostel_module *module = RUBBISH;
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  COMES_FROM("compiled", other, cache, 1);
  CHECK(hostel_cache_contains_module(cache, other, key) && !hostel_cache_contains_module(cache, engine, key));
  FAILS(NOT_CACHED, hostel_engine_name(engine), hostel_module_load_key(engine, cache, key, &module, &error));
  CHECK(module == NULL);
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("shared", other, cache, 1);
  hostel_cache_free(cache);
  hostel_engine_free(other);
}

static void parents_may_go_first(const hostel_engine *engine) {
  hostel_engine *own = limited_engine(engine, HOSTEL_LIMIT_DEPTH, 4);
  hostel_cache *first = thread_local_cache(), *second = shared_cache(LARGE), *both = chain(first, second);
  hostel_cache_free(first);
  hostel_cache_free(second);
  hostel_module *compiled = load_numbered(own, both, 1), *hit = load_numbered(own, both, 1);
  hostel_cache_free(both);
  hostel_engine_free(own);
  CHECK_MODULE(compiled, 1, "compiled");
  CHECK_MODULE(hit, 1, "thread_local");
  hostel_cache_free(NULL);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(without_a_cache_a_module_is_compiled),
      TEST(a_shared_cache_compiles_once),
      TEST(text_and_bytes_of_one_module_are_one_entry),
      TEST(a_file_is_cached_too),
      TEST(a_module_that_fits_is_kept),
      TEST(a_chain_keeps_a_hit_of_the_second_in_the_first),
      TEST(a_chain_keeps_what_it_compiled_in_both),
      TEST(the_tiers_are_told_in_order),
      TEST(what_is_removed_is_compiled_again),
      TEST(removing_from_a_chain_removes_from_each_tier),
      TEST(what_one_thread_removes_no_other_finds),
      TEST(a_module_found_often_keeps_to_the_limits_of_each_engine),
      TEST(a_failing_module_fails_each_time),
      TEST(of_many_threads_one_compiles),
      TEST(an_entry_of_another_engine_is_a_miss),
      TEST(parents_may_go_first),
  };
  return RUN_TESTS(argc, argv, tests);
}
