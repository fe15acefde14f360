/* cache_chains.c: chains of caches are as long as they may be, and no longer, whichever way they are put together. */
#define _GNU_SOURCE
#include "check_cache.h"

#include <pthread.h>

/* A chain of so many caches, by putting one in front of, or behind, what is there; NULL when that is refused. */
static hostel_cache *chain_of(unsigned caches, bool in_front) {
  hostel_cache *chain = shared_cache(LARGE), *one = shared_cache(LARGE), *longer = RUBBISH;
  for (unsigned i = 1; i < caches && chain != NULL; i++) {
    hostel_error *error = RUBBISH;
    const hostel_status status = hostel_cache_fallback_new(in_front ? one : chain, in_front ? chain : one, &longer, &error);
    CHECK((longer == NULL) == (status != HOSTEL_STATUS_OK));
    if (status != HOSTEL_STATUS_OK) {
      CHECK_ERROR(error, INVALID_ARGUMENT, "chain");
      CHECK(i == HOSTEL_CACHE_CHAIN_MAX);
      hostel_error_free(error);
    }
    hostel_cache_free(chain);
    chain = longer;
  }
  hostel_cache_free(one);
  return chain;
}

static void a_chain_ends_where_it_should(const hostel_engine *engine) {
  (void)engine;
  for (int in_front = 0; in_front < 2; in_front++) {
    hostel_cache *longest = chain_of(HOSTEL_CACHE_CHAIN_MAX, in_front);
    REQUIRE(longest != NULL);
    hostel_cache_free(longest);
    CHECK(chain_of(HOSTEL_CACHE_CHAIN_MAX + 1, in_front) == NULL);
    CHECK(chain_of(500, in_front) == NULL);
  }
}

static void a_cache_that_stands_there_twice_counts_twice(const hostel_engine *engine) {
  (void)engine;
  hostel_cache *chain = shared_cache(LARGE), *twice = RUBBISH;
  unsigned caches = 1;
  for (; caches < HOSTEL_CACHE_CHAIN_MAX; caches *= 2) {
    SUCCEEDS(hostel_cache_fallback_new(chain, chain, &twice, &error));
    hostel_cache_free(chain);
    chain = twice;
  }
  FAILS(INVALID_ARGUMENT, "chain", hostel_cache_fallback_new(chain, chain, &twice, &error));
  CHECK(twice == NULL);
  hostel_cache_free(chain);
}

static void chains_of_chains_are_counted_on_both_sides(const hostel_engine *engine) {
  (void)engine;
  hostel_cache *half = chain_of(HOSTEL_CACHE_CHAIN_MAX / 2, true), *more = chain_of(HOSTEL_CACHE_CHAIN_MAX / 2 + 1, false);
  hostel_cache *chain = RUBBISH;
  FAILS(INVALID_ARGUMENT, "chain", hostel_cache_fallback_new(half, more, &chain, &error));
  FAILS(INVALID_ARGUMENT, "chain", hostel_cache_fallback_new(more, half, &chain, &error));
  SUCCEEDS(hostel_cache_fallback_new(half, half, &chain, &error));
  hostel_cache_free(chain);
  hostel_cache_free(half);
  hostel_cache_free(more);
}

static const hostel_engine *used_engine;

static void *use_and_free(void *argument) {
  hostel_cache *chain = argument;
  COMES_FROM("compiled", used_engine, chain, 1);
  COMES_FROM("shared", used_engine, chain, 1);
  hostel_cache_free(chain);
  return NULL;
}

static void the_longest_chain_needs_little_stack(const hostel_engine *engine) {
  used_engine = engine;
  for (int in_front = 0; in_front < 2; in_front++) {
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    REQUIRE(pthread_attr_setstacksize(&attributes, 256 << 10) == 0);
    REQUIRE(pthread_create(&thread, &attributes, use_and_free, chain_of(HOSTEL_CACHE_CHAIN_MAX, in_front)) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    pthread_attr_destroy(&attributes);
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_chain_ends_where_it_should),
      TEST(a_cache_that_stands_there_twice_counts_twice),
      TEST(chains_of_chains_are_counted_on_both_sides),
      TEST(the_longest_chain_needs_little_stack),
  };
  return RUN_TESTS(argc, argv, tests);
}
