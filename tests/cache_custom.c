/* cache_custom.c: compiled code in a store of the host's own, which is not believed. */
#include "check_cache.h"

#include <pthread.h>

/* A store of one entry, and how it is to misbehave. */
typedef struct store {
  char key[2 * 2 * HOSTEL_KEY_BYTES + 1];
  uint8_t *data;
  size_t len;
  bool null_data;
  hostel_status load_answer, save_answer, other_answer;
  int loads, releases, saves, contains, removes, finalized;
} store;

static bool has(const store *store, const char *key) { return store->data != NULL && strcmp(store->key, key) == 0; }

static hostel_status load(void *user_data, const char *key, const uint8_t **data_out, size_t *len_out) {
  store *store = user_data;
  store->loads++;
  CHECK(strlen(key) == 128 && strspn(key, "0123456789abcdef") == 128);
  if (!has(store, key)) {
    return HOSTEL_STATUS_NOT_CACHED;
  }
  *data_out = store->null_data ? NULL : store->data;
  *len_out = store->len;
  return store->load_answer;
}

static void release(void *user_data, const uint8_t *data, size_t len) {
  store *store = user_data;
  store->releases++;
  CHECK(data == (store->null_data ? NULL : store->data) && len == store->len);
}

static hostel_status save(void *user_data, const char *key, const uint8_t *data, size_t len) {
  store *store = user_data;
  store->saves++;
  if (store->save_answer == HOSTEL_STATUS_OK) {
    free(store->data);
    store->data = malloc(len);
    REQUIRE(store->data != NULL);
    memcpy(store->data, data, len);
    store->len = len;
    snprintf(store->key, sizeof store->key, "%s", key);
  }
  return store->save_answer;
}

static hostel_status contains(void *user_data, const char *key) {
  store *store = user_data;
  store->contains++;
  if (store->other_answer != HOSTEL_STATUS_OK) {
    return store->other_answer;
  }
  return has(store, key) ? HOSTEL_STATUS_OK : HOSTEL_STATUS_NOT_CACHED;
}

static hostel_status forget(void *user_data, const char *key) {
  store *store = user_data;
  store->removes++;
  if (has(store, key) && store->other_answer == HOSTEL_STATUS_OK) {
    free(store->data);
    store->data = NULL;
  }
  return store->other_answer;
}

static void finalize(void *user_data) { ((store *)user_data)->finalized++; }

static const hostel_cache_callbacks callbacks = {sizeof callbacks, load, release, save, contains, forget};

static hostel_cache *cache_over(store *store, const hostel_cache_callbacks *callbacks) {
  hostel_cache *cache = RUBBISH;
  SUCCEEDS(hostel_cache_custom_new(callbacks, store, finalize, SEAL_KEY, &cache, &error));
  return cache;
}

static void what_it_saves_it_loads(const hostel_engine *engine) {
  store store = {0};
  hostel_cache *cache = cache_over(&store, &callbacks);
  COMES_FROM("compiled", engine, cache, 1);
  CHECK(store.saves == 1 && store.releases == 0);
  hostel_cache_free(cache);
  CHECK(store.finalized == 1);
  cache = cache_over(&store, &callbacks);
  COMES_FROM("custom", engine, cache, 1);
  CHECK(store.releases == 1 && store.saves == 1);
  const hostel_cache_statistics stats = statistics(cache);
  CHECK(stats.hits == 1 && stats.compiles == 0 && stats.misses == 0 && stats.rejected == 0);
  hostel_cache_free(cache);
  free(store.data);
}

static void it_is_asked_and_told_by_key(const hostel_engine *engine) {
  store store = {0};
  hostel_cache *cache = cache_over(&store, &callbacks);
  hostel_module *module = RUBBISH;
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  CHECK(!hostel_cache_contains_module(cache, engine, key));
  COMES_FROM("compiled", engine, cache, 1);
  CHECK(hostel_cache_contains_module(cache, engine, key) && store.contains == 2);
  SUCCEEDS(hostel_module_load_key(engine, cache, key, &module, &error));
  CHECK_MODULE(module, 1, "custom");
  SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
  CHECK(store.removes == 1 && store.data == NULL);
  FAILS(NOT_CACHED, "", hostel_module_load_key(engine, cache, key, &module, &error));
  hostel_cache_free(cache);
}

static void it_may_lack_what_is_not_required(const hostel_engine *engine) {
  static const hostel_cache_callbacks few = {.struct_size = sizeof few, .load = load, .release = release, .save = save};
  store store = {0};
  hostel_cache *cache = cache_over(&store, &few);
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  CHECK(!hostel_cache_contains_module(cache, engine, key));
  COMES_FROM("compiled", engine, cache, 1);
  CHECK(hostel_cache_contains_module(cache, engine, key));
  SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
  COMES_FROM("custom", engine, cache, 1);
  store.data[store.len / 2] ^= 1;
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("custom", engine, cache, 1);
  CHECK(store.contains == 0 && store.removes == 0 && store.loads > store.releases);
  hostel_cache_free(cache);
  free(store.data);
}

static const hostel_status rubbish[] = {-1, 1, 4, 7, 104, 105, 300, 311, 99999, INT32_MIN, INT32_MAX};
enum { RUBBISH_COUNT = sizeof rubbish / sizeof rubbish[0] };

static void a_store_that_cannot_load_costs_only_time(const hostel_engine *engine) {
  for (int i = 0; i < RUBBISH_COUNT; i++) {
    store store = {0};
    hostel_cache *cache = cache_over(&store, &callbacks);
    COMES_FROM("compiled", engine, cache, 1);
    store.load_answer = rubbish[i];
    COMES_FROM("compiled", engine, cache, 1);
    CHECK(store.releases == 0 && statistics(cache).rejected == 0);
    store.load_answer = HOSTEL_STATUS_OK;
    COMES_FROM("custom", engine, cache, 1);
    hostel_cache_free(cache);
    free(store.data);
  }
}

static void a_store_that_cannot_save_costs_only_time(const hostel_engine *engine) {
  for (int i = 0; i < RUBBISH_COUNT; i++) {
    store store = {.save_answer = rubbish[i]};
    hostel_cache *cache = cache_over(&store, &callbacks);
    COMES_FROM("compiled", engine, cache, 1);
    COMES_FROM("compiled", engine, cache, 1);
    CHECK(store.saves == 2 && statistics(cache).compiles == 2);
    hostel_cache_free(cache);
  }
}

static void a_store_that_cannot_answer_is_lived_with(const hostel_engine *engine) {
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  for (int i = 0; i < RUBBISH_COUNT; i++) {
    store store = {.other_answer = rubbish[i]};
    hostel_cache *cache = cache_over(&store, &callbacks);
    COMES_FROM("compiled", engine, cache, 1);
    CHECK(!hostel_cache_contains_module(cache, engine, key));
    SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
    CHECK(store.contains == 1 && store.removes == 1);
    COMES_FROM("custom", engine, cache, 1);
    hostel_cache_free(cache);
    free(store.data);
  }
}

static void damaged_bytes_are_never_used(const hostel_engine *engine) {
  store store = {0};
  uint64_t state = 0x9e3779b97f4a7c15;
  hostel_cache *cache = cache_over(&store, &callbacks);
  COMES_FROM("compiled", engine, cache, 1);
  for (unsigned i = 0; i < 200; i++) {
    if (i % 4 == 0) {
      store.len = random_below(&state, store.len);
    } else {
      store.data[i % 2 ? random_below(&state, store.len) : store.len - 1 - random_below(&state, 160)] ^= (uint8_t)(1 << i % 8);
    }
    COMES_FROM("compiled", engine, cache, 1);
    CHECK(statistics(cache).rejected == i + 1 && store.removes == (int)i + 1);
    COMES_FROM("custom", engine, cache, 1);
  }
  hostel_cache_free(cache);
  free(store.data);
}

static void bytes_of_another_module_are_not_used(const hostel_engine *engine) {
  store one = {0}, two = {0};
  hostel_cache *first = cache_over(&one, &callbacks), *second = cache_over(&two, &callbacks);
  COMES_FROM("compiled", engine, first, 1);
  COMES_FROM("compiled", engine, second, 2);
  memcpy(two.key, one.key, sizeof two.key);
  COMES_FROM("compiled", engine, second, 1);
  CHECK(statistics(second).rejected == 1);
  hostel_cache_free(first);
  hostel_cache_free(second);
  free(one.data);
  free(two.data);
}

static void bytes_that_are_not_there_are_not_read(const hostel_engine *engine) {
  store store = {0};
  static const size_t lengths[] = {0, 1, 4096, (size_t)PTRDIFF_MAX, SIZE_MAX};
  hostel_cache *cache = cache_over(&store, &callbacks);
  COMES_FROM("compiled", engine, cache, 1);
  for (size_t i = 0; i < 5; i++) {
    store.null_data = true;
    store.len = lengths[i];
    COMES_FROM("compiled", engine, cache, 1);
    store.null_data = false;
    COMES_FROM("custom", engine, cache, 1);
  }
  hostel_cache_free(cache);
  free(store.data);
}

static void lengths_that_nothing_has_are_not_believed(const hostel_engine *engine) {
  store store = {0};
  static const size_t lengths[] = {SIZE_MAX, (size_t)PTRDIFF_MAX + 1, (size_t)PTRDIFF_MAX, SIZE_MAX / 4, (size_t)1 << 40};
  hostel_cache *cache = cache_over(&store, &callbacks);
  COMES_FROM("compiled", engine, cache, 1);
  for (size_t i = 0; i < 5; i++) {
    store.len = lengths[i];
    COMES_FROM("compiled", engine, cache, 1);
    CHECK(store.releases == (int)(2 * i + 1));
    COMES_FROM("custom", engine, cache, 1);
  }
  CHECK(statistics(cache).rejected == 5);
  hostel_cache_free(cache);
  free(store.data);
}

/* A store of which nothing can be expected, not even the same answer twice. */
typedef struct madhouse {
  uint64_t state;
  uint8_t bytes[4096];
} madhouse;

static hostel_status mad_answer(madhouse *madhouse) {
  return random_below(&madhouse->state, 2) ? HOSTEL_STATUS_OK : (hostel_status)random_below(&madhouse->state, 1000) - 100;
}

static hostel_status mad_load(void *user_data, const char *key, const uint8_t **data_out, size_t *len_out) {
  madhouse *madhouse = user_data;
  (void)key;
  switch (random_below(&madhouse->state, 5)) {
  case 0: /* nothing is written */
    break;
  case 1:
    *data_out = NULL;
    *len_out = random_below(&madhouse->state, SIZE_MAX);
    break;
  case 2:
    *data_out = madhouse->bytes;
    *len_out = SIZE_MAX - random_below(&madhouse->state, SIZE_MAX / 2);
    break;
  default:
    for (size_t i = 0; i < sizeof madhouse->bytes; i++) {
      madhouse->bytes[i] = (uint8_t)random_below(&madhouse->state, 256);
    }
    memcpy(madhouse->bytes + sizeof madhouse->bytes - 12, "hostel-seal\n", 12);
    *data_out = madhouse->bytes + random_below(&madhouse->state, sizeof madhouse->bytes);
    *len_out = (size_t)(madhouse->bytes + sizeof madhouse->bytes - *data_out);
  }
  return mad_answer(madhouse);
}

static void mad_release(void *user_data, const uint8_t *data, size_t len) { (void)user_data, (void)data, (void)len; }

static hostel_status mad_save(void *user_data, const char *key, const uint8_t *data, size_t len) {
  (void)key, (void)data, (void)len;
  return mad_answer(user_data);
}

static hostel_status mad_other(void *user_data, const char *key) { return (void)key, mad_answer(user_data); }

static void a_store_that_is_mad_costs_only_time(const hostel_engine *engine) {
  static const hostel_cache_callbacks mad = {sizeof mad, mad_load, mad_release, mad_save, mad_other, mad_other};
  madhouse madhouse = {.state = 0x9e3779b97f4a7c15};
  hostel_cache *cache = RUBBISH;
  SUCCEEDS(hostel_cache_custom_new(&mad, &madhouse, NULL, SEAL_KEY, &cache, &error));
  for (unsigned i = 0; i < 500; i++) {
    COMES_FROM("compiled", engine, cache, i % 3);
  }
  CHECK(statistics(cache).hits == 0 && statistics(cache).rejected > 100);
  hostel_cache_free(cache);
}

/* Another thread writes to what the store hands out, as long as it hands it out. */
typedef struct scribbler {
  store *store;
  atomic_bool stop;
} scribbler;

static void *scribble(void *argument) {
  scribbler *scribbler = argument;
  uint64_t state = 0x2545f4914f6cdd1d;
  volatile uint8_t *bytes = scribbler->store->data;
  while (!scribbler->stop) {
    volatile uint8_t *byte = bytes + random_below(&state, scribbler->store->len);
    const uint8_t was = *byte;
    *byte = (uint8_t)~was;
    *byte = was;
  }
  return NULL;
}

static hostel_status save_nothing(void *user_data, const char *key, const uint8_t *data, size_t len) {
  (void)user_data, (void)key, (void)data, (void)len;
  return HOSTEL_STATUS_OK;
}

static void bytes_that_change_meanwhile_are_used_as_they_were_checked(const hostel_engine *engine) {
  static const hostel_cache_callbacks fixed = {sizeof fixed, load, release, save_nothing, NULL, NULL};
  store store = {0};
  hostel_cache *cache = cache_over(&store, &callbacks);
  COMES_FROM("compiled", engine, cache, 1);
  hostel_cache_free(cache);
  scribbler scribbler = {.store = &store};
  pthread_t thread;
  cache = cache_over(&store, &fixed);
  REQUIRE(pthread_create(&thread, NULL, scribble, &scribbler) == 0);
  for (int i = 0; i < 500; i++) {
    hostel_module *module = load_numbered(engine, cache, 1);
    CHECK_MODULE(module, 1, hostel_module_origin(module));
  }
  scribbler.stop = true;
  REQUIRE(pthread_join(thread, NULL) == 0);
  COMES_FROM("custom", engine, cache, 1);
  hostel_cache_free(cache);
  free(store.data);
}

static void user_data_is_let_go_of_once_when_nothing_needs_it(const hostel_engine *engine) {
  store store = {0};
  hostel_cache *memory = shared_cache(LARGE), *custom = cache_over(&store, &callbacks), *both = RUBBISH;
  SUCCEEDS(hostel_cache_fallback_new(memory, custom, &both, &error));
  hostel_cache_free(memory);
  hostel_cache_free(custom);
  hostel_module *module = load_numbered(engine, both, 1);
  COMES_FROM("shared", engine, both, 1);
  CHECK(store.finalized == 0 && store.saves == 1);
  hostel_cache_free(both);
  CHECK(store.finalized == 1);
  CHECK_MODULE(module, 1, "compiled");
  CHECK(store.finalized == 1);
  free(store.data);
}

static void making_one_checks_each_argument(const hostel_engine *engine) {
  (void)engine;
  store store = {0};
  hostel_cache *cache = RUBBISH;
  FAILS(INVALID_ARGUMENT, "callbacks", hostel_cache_custom_new(NULL, &store, finalize, SEAL_KEY, &cache, &error));
  CHECK(cache == NULL);
  FAILS(INVALID_ARGUMENT, "cache_out", hostel_cache_custom_new(&callbacks, &store, finalize, SEAL_KEY, NULL, &error));
  FAILS(INVALID_ARGUMENT, "key", hostel_cache_custom_new(&callbacks, &store, finalize, TEXT("short"), &cache, &error));
  FAILS(INVALID_ARGUMENT, "key", hostel_cache_custom_new(&callbacks, &store, finalize, NULL, 32, &cache, &error));
  hostel_cache_callbacks wrong[] = {callbacks, callbacks, callbacks, callbacks, callbacks, callbacks};
  wrong[0].load = NULL;
  wrong[1].release = NULL;
  wrong[2].save = NULL;
  wrong[3].struct_size = 0;
  wrong[4].struct_size--;
  wrong[5].struct_size++;
  for (size_t i = 0; i < 6; i++) {
    cache = RUBBISH;
    const char *word = i < 3 ? "callbacks" : "struct_size";
    FAILS(INVALID_ARGUMENT, word, hostel_cache_custom_new(&wrong[i], &store, finalize, SEAL_KEY, &cache, &error));
    CHECK(cache == NULL);
  }
  CHECK(store.finalized == 0);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(what_it_saves_it_loads),
      TEST(it_is_asked_and_told_by_key),
      TEST(it_may_lack_what_is_not_required),
      TEST(a_store_that_cannot_load_costs_only_time),
      TEST(a_store_that_cannot_save_costs_only_time),
      TEST(a_store_that_cannot_answer_is_lived_with),
      TEST(damaged_bytes_are_never_used),
      TEST(bytes_of_another_module_are_not_used),
      TEST(bytes_that_are_not_there_are_not_read),
      TEST(lengths_that_nothing_has_are_not_believed),
      TEST(a_store_that_is_mad_costs_only_time),
      TEST(bytes_that_change_meanwhile_are_used_as_they_were_checked),
      TEST(user_data_is_let_go_of_once_when_nothing_needs_it),
      TEST(making_one_checks_each_argument),
  };
  return RUN_TESTS(argc, argv, tests);
}
