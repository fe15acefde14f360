/* cache_thread_local.c: caches in memory of which each thread has its own part. */
#include "check_cache.h"

#include <pthread.h>

static hostel_cache *thread_local_cache(uint64_t bytes_max) {
  hostel_cache *cache = RUBBISH;
  SUCCEEDS(hostel_cache_thread_local_new(bytes_max, &cache, &error));
  return cache;
}

/* What the threads of a test share. */
typedef struct shared {
  const hostel_engine *engine;
  const hostel_cache *cache;
  pthread_barrier_t turn;
} shared;

static void *load_in_thread(void *argument) {
  const shared *shared = argument;
  COMES_FROM("compiled", shared->engine, shared->cache, 1);
  COMES_FROM("thread_local", shared->engine, shared->cache, 1);
  return NULL;
}

static void each_thread_has_its_part_of_a_thread_local_cache(const hostel_engine *engine) {
  hostel_cache *cache = thread_local_cache(LARGE);
  shared shared = {.engine = engine, .cache = cache};
  pthread_t thread;
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("thread_local", engine, cache, 1);
  REQUIRE(pthread_create(&thread, NULL, load_in_thread, &shared) == 0 && pthread_join(thread, NULL) == 0);
  COMES_FROM("thread_local", engine, cache, 1);
  CHECK(statistics(cache).compiles == 2 && statistics(cache).hits == 3);
  hostel_cache_free(cache);
}

static void two_thread_local_caches_are_two(const hostel_engine *engine) {
  hostel_cache *one = thread_local_cache(LARGE), *two = thread_local_cache(LARGE);
  COMES_FROM("compiled", engine, one, 1);
  COMES_FROM("compiled", engine, two, 1);
  hostel_cache_free(one);
  COMES_FROM("thread_local", engine, two, 1);
  hostel_cache_free(two);
}

static void what_made_room_is_counted(const hostel_engine *engine) {
  enum { MODULES = 50, KEPT = 4 };
  hostel_cache *cache = thread_local_cache(LARGE);
  COMES_FROM("compiled", engine, cache, 0);
  const uint64_t bytes_max = KEPT * statistics(cache).bytes;
  hostel_cache_free(cache);
  cache = thread_local_cache(bytes_max);
  for (unsigned i = 0; i < MODULES; i++) {
    COMES_FROM("compiled", engine, cache, i);
  }
  const hostel_cache_statistics stats = statistics(cache);
  CHECK(stats.entries <= KEPT && stats.bytes <= bytes_max && stats.entries + stats.evictions == MODULES);
  hostel_cache_free(cache);
}

static void *load_before_and_after(void *argument) {
  shared *shared = argument;
  COMES_FROM("compiled", shared->engine, shared->cache, 1);
  pthread_barrier_wait(&shared->turn);
  pthread_barrier_wait(&shared->turn);
  COMES_FROM("compiled", shared->engine, shared->cache, 1);
  return NULL;
}

static void what_is_removed_is_removed_in_every_thread(const hostel_engine *engine) {
  shared shared = {.engine = engine, .cache = thread_local_cache(LARGE)};
  pthread_t thread;
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  REQUIRE(pthread_barrier_init(&shared.turn, NULL, 2) == 0);
  REQUIRE(pthread_create(&thread, NULL, load_before_and_after, &shared) == 0);
  pthread_barrier_wait(&shared.turn);
  CHECK(statistics(shared.cache).entries == 1);
  SUCCEEDS(hostel_cache_remove_module(shared.cache, engine, key, &error));
  pthread_barrier_wait(&shared.turn);
  REQUIRE(pthread_join(thread, NULL) == 0);
  pthread_barrier_destroy(&shared.turn);
  hostel_cache_free((hostel_cache *)shared.cache);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(each_thread_has_its_part_of_a_thread_local_cache),
      TEST(two_thread_local_caches_are_two),
      TEST(what_made_room_is_counted),
      TEST(what_is_removed_is_removed_in_every_thread),
  };
  return RUN_TESTS(argc, argv, tests);
}
