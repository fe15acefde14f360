/* cache_hostile.c: directories and chains that invite a load to wait for ever. An alarm ends the program if it does. */
#include "check_cache.h"

#include <pthread.h>

enum { PATIENCE = 20, ROUNDS = 50 };

static hostel_cache *chain(const hostel_cache *first, const hostel_cache *second) {
  hostel_cache *cache = RUBBISH;
  SUCCEEDS(hostel_cache_fallback_new(first, second, &cache, &error));
  return cache;
}

static void a_folder_in_place_of_an_entry_costs_only_time(const hostel_engine *engine) {
  const path directory = new_directory();
  hostel_cache *cache = directory_cache(directory.text, LARGE);
  COMES_FROM("compiled", engine, cache, 1);
  const path entry = entry_of(directory.text, engine, 1);
  REQUIRE(remove(entry.text) == 0 && mkdir(entry.text, 0700) == 0);
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("compiled", engine, cache, 2);
  COMES_FROM("directory", engine, cache, 2);
  hostel_cache_free(cache);
  remove_all(directory.text);
}

static void a_pipe_in_place_of_an_entry_is_not_waited_for(const hostel_engine *engine) {
  const path directory = new_directory();
  hostel_cache *cache = directory_cache(directory.text, LARGE);
  COMES_FROM("compiled", engine, cache, 1);
  const path entry = entry_of(directory.text, engine, 1);
  REQUIRE(remove(entry.text) == 0 && mkfifo(entry.text, 0600) == 0);
  alarm(PATIENCE);
  COMES_FROM("compiled", engine, cache, 1);
  alarm(0);
  hostel_cache_free(cache);
  remove_all(directory.text);
}

static void a_directory_chained_with_itself_does_not_wait_for_itself(const hostel_engine *engine) {
  const path directory = new_directory();
  hostel_cache *one = directory_cache(directory.text, LARGE), *two = directory_cache(directory.text, LARGE);
  hostel_cache *both = chain(one, two);
  alarm(PATIENCE);
  COMES_FROM("compiled", engine, both, 1);
  COMES_FROM("directory", engine, both, 1);
  alarm(0);
  hostel_cache_free(both);
  hostel_cache_free(one);
  hostel_cache_free(two);
  remove_all(directory.text);
}

/* A thread, and the chain it loads through. */
typedef struct loader {
  const hostel_engine *engine;
  const hostel_cache *cache;
  pthread_barrier_t *start;
  unsigned number;
} loader;

static void *load_when_all_are_there(void *argument) {
  const loader *loader = argument;
  pthread_barrier_wait(loader->start);
  hostel_module *module = load_numbered(loader->engine, loader->cache, loader->number);
  CHECK_MODULE(module, loader->number, hostel_module_origin(module));
  return NULL;
}

static void chains_of_opposite_order_do_not_wait_for_each_other(const hostel_engine *engine) {
  const path directories[] = {new_directory(), new_directory()};
  hostel_cache *one = directory_cache(directories[0].text, LARGE), *two = directory_cache(directories[1].text, LARGE);
  hostel_cache *chains[] = {chain(one, two), chain(two, one)};
  pthread_barrier_t start;
  REQUIRE(pthread_barrier_init(&start, NULL, 2) == 0);
  alarm(PATIENCE);
  for (unsigned round = 0; round < ROUNDS; round++) {
    pthread_t threads[2];
    loader loaders[2];
    for (int i = 0; i < 2; i++) {
      loaders[i] = (loader){engine, chains[i], &start, round};
      REQUIRE(pthread_create(&threads[i], NULL, load_when_all_are_there, &loaders[i]) == 0);
    }
    REQUIRE(pthread_join(threads[0], NULL) == 0 && pthread_join(threads[1], NULL) == 0);
  }
  alarm(0);
  CHECK(statistics(chains[0]).compiles + statistics(chains[1]).compiles == ROUNDS);
  pthread_barrier_destroy(&start);
  hostel_cache *const caches[] = {one, two, chains[0], chains[1]};
  for (int i = 0; i < 4; i++) {
    hostel_cache_free(caches[i]);
  }
  remove_all(directories[0].text);
  remove_all(directories[1].text);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_folder_in_place_of_an_entry_costs_only_time),
      TEST(a_pipe_in_place_of_an_entry_is_not_waited_for),
      TEST(a_directory_chained_with_itself_does_not_wait_for_itself),
      TEST(chains_of_opposite_order_do_not_wait_for_each_other),
  };
  return RUN_TESTS(argc, argv, tests);
}
