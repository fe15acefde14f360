/* cache_reentry.c: what happens inside a load may use caches, and never waits for the load that it is a part of. */
#define _GNU_SOURCE
#include "check_background.h"

enum { NUMBER = 7, WITHIN = 9 };

/* A host's own cache, and what a callback does when it is called; it keeps nothing. */
typedef struct store {
  const hostel_engine *engine;
  hostel_cache *cache;  /* over this store */
  hostel_cache *inside; /* what the callback uses */
  const char *when;     /* which callback does it */
  void (*act)(struct store *store);
  unsigned number, calls, limit;
  hostel_status status; /* what came of the innermost */
  char message[400];
} store;

static hostel_status act(void *user_data, const char *which) {
  store *store = user_data;
  if (strcmp(store->when, which) == 0 && store->calls < store->limit) {
    store->calls++;
    store->act(store);
  }
  return HOSTEL_STATUS_NOT_CACHED;
}

static hostel_status load(void *user_data, const char *key, const uint8_t **data_out, size_t *len_out) {
  (void)key, (void)data_out, (void)len_out;
  return act(user_data, "load");
}

static void release(void *user_data, const uint8_t *data, size_t len) { (void)user_data, (void)data, (void)len; }

static hostel_status save(void *user_data, const char *key, const uint8_t *data, size_t len) {
  (void)key, (void)data, (void)len;
  (void)act(user_data, "save");
  return HOSTEL_STATUS_OK;
}

static hostel_status contains(void *user_data, const char *key) {
  (void)key;
  return act(user_data, "contains");
}

static hostel_status forget(void *user_data, const char *key) {
  (void)key;
  (void)act(user_data, "remove");
  return HOSTEL_STATUS_OK;
}

static const hostel_cache_callbacks callbacks = {sizeof callbacks, load, release, save, contains, forget};

static store new_store(const hostel_engine *engine, const char *when, void (*does)(store *store)) {
  return (store){.engine = engine, .when = when, .act = does, .number = NUMBER, .limit = 100};
}

/* The cache over a store that does not move any more. */
static void open_store(store *store) {
  SUCCEEDS(hostel_cache_custom_new(&callbacks, store, NULL, SEAL_KEY, &store->cache, &error));
  store->inside = store->cache;
}

static void note(store *store, hostel_status status, hostel_error *error) {
  if (store->status == HOSTEL_STATUS_OK) {
    store->status = status;
    snprintf(store->message, sizeof store->message, "%s", hostel_error_message(error));
  }
  hostel_error_free(error);
}

static void load_it(store *store) {
  hostel_module *module = RUBBISH;
  hostel_error *error = RUBBISH;
  hostel_buffer wasm = numbered_wasm(store->number);
  const hostel_status status = hostel_module_load(store->engine, store->inside, wasm.data, wasm.len, NULL, &module, &error);
  note(store, status, error);
  hostel_module_free(module);
  hostel_buffer_free(&wasm);
}

static void load_another(store *store) {
  store->number++;
  load_it(store);
}

static void ask_for_it(store *store) {
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(store->engine, store->number, key);
  CHECK(!hostel_cache_contains_module(store->inside, store->engine, key));
  SUCCEEDS(hostel_cache_remove_module(store->inside, store->engine, key, &error));
}

static void load_in_the_background(store *store) {
  hostel_module *module = RUBBISH;
  hostel_error *error = RUBBISH;
  hostel_load *load = begin_numbered(store->engine, store->inside, store->number, NULL, NULL, NULL);
  const hostel_status status = hostel_load_wait(load, HOSTEL_UNLIMITED, &module, &error);
  note(store, status, error);
  hostel_module_free(module);
  hostel_load_free(load);
}

/* The load inside is BUSY, and the one around it goes on. */
static void is_busy_inside(store *store, hostel_cache *around) {
  COMES_FROM("compiled", store->engine, around, NUMBER);
  CHECK(store->calls > 0 && store->status == HOSTEL_STATUS_BUSY);
  if (store->status != HOSTEL_STATUS_BUSY) {
    fprintf(stderr, "in %s: %s %s\n", store->when, hostel_status_name(store->status), store->message);
  }
}

static void a_callback_that_loads_the_same_module_is_told_so(const hostel_engine *engine) {
  static const char *const whens[] = {"load", "save"};
  for (size_t i = 0; i < sizeof whens / sizeof *whens; i++) {
    store store = new_store(engine, whens[i], load_it);
    open_store(&store);
    is_busy_inside(&store, store.cache);
    hostel_cache_free(store.cache);
  }
}

static void the_same_through_a_chain(const hostel_engine *engine) {
  static const char *const whens[] = {"load", "save"};
  for (size_t i = 0; i < sizeof whens / sizeof *whens; i++) {
    store store = new_store(engine, whens[i], load_it);
    hostel_cache *memory = shared_cache(LARGE), *chain = RUBBISH;
    open_store(&store);
    SUCCEEDS(hostel_cache_fallback_new(store.cache, memory, &chain, &error));
    store.inside = chain;
    is_busy_inside(&store, chain);
    hostel_cache_free(chain);
    hostel_cache_free(memory);
    hostel_cache_free(store.cache);
  }
}

static void the_same_through_two_caches_that_use_each_other(const hostel_engine *engine) {
  static const char *const whens[] = {"load", "save"};
  for (size_t i = 0; i < sizeof whens / sizeof *whens; i++) {
    store one = new_store(engine, whens[i], load_it), two = new_store(engine, whens[i], load_it);
    open_store(&one);
    open_store(&two);
    one.inside = two.cache;
    two.inside = one.cache;
    COMES_FROM("compiled", engine, one.cache, NUMBER);
    CHECK(one.calls > 0 && two.calls > 0 && one.status == HOSTEL_STATUS_OK && two.status == HOSTEL_STATUS_BUSY);
    hostel_cache_free(one.cache);
    hostel_cache_free(two.cache);
  }
}

static void the_same_in_the_background(const hostel_engine *engine) {
  store store = new_store(engine, "save", load_in_the_background);
  open_store(&store);
  is_busy_inside(&store, store.cache);
  hostel_cache_free(store.cache);
  join_loads();
}

static void the_same_through_a_directory(const hostel_engine *engine) {
  const path directory = new_directory();
  store store = new_store(engine, "save", load_it);
  hostel_cache *chain = RUBBISH;
  open_store(&store);
  hostel_cache *one = directory_cache(directory.text, LARGE), *other = directory_cache(directory.text, LARGE);
  SUCCEEDS(hostel_cache_fallback_new(store.cache, one, &chain, &error));
  store.inside = other; /* which knows nothing of the chain, but that somebody holds the lock */
  is_busy_inside(&store, chain);
  hostel_cache_free(chain);
  hostel_cache_free(other);
  hostel_cache_free(one);
  hostel_cache_free(store.cache);
  remove_all(directory.text);
}

static void callbacks_that_ask_for_what_they_are_asked_for_get_no_answer(const hostel_engine *engine) {
  static const char *const whens[] = {"contains", "remove"};
  for (size_t i = 0; i < sizeof whens / sizeof *whens; i++) {
    store store = new_store(engine, whens[i], ask_for_it);
    uint8_t key[HOSTEL_KEY_BYTES];
    key_of(engine, NUMBER, key);
    open_store(&store);
    CHECK(!hostel_cache_contains_module(store.cache, engine, key));
    SUCCEEDS(hostel_cache_remove_module(store.cache, engine, key, &error));
    CHECK(store.calls == 1);
    hostel_cache_free(store.cache);
  }
}

static void callbacks_that_always_load_another_module_come_to_an_end(const hostel_engine *engine) {
  static const char *const whens[] = {"load", "save"};
  for (size_t i = 0; i < sizeof whens / sizeof *whens; i++) {
    store store = new_store(engine, whens[i], load_another);
    store.limit = 1000000;
    open_store(&store);
    COMES_FROM("compiled", engine, store.cache, NUMBER);
    CHECK(store.calls > 0 && store.calls < 100 && store.status == HOSTEL_STATUS_BUSY);
    hostel_cache_free(store.cache);
  }
}

static void a_callback_may_load_another_module(const hostel_engine *engine) {
  store store = new_store(engine, "save", load_it);
  store.number = WITHIN;
  store.limit = 1;
  open_store(&store);
  COMES_FROM("compiled", engine, store.cache, NUMBER);
  CHECK(store.calls == 1 && store.status == HOSTEL_STATUS_OK && statistics(store.cache).compiles == 2);
  hostel_cache_free(store.cache);
}

/* ---- progress ---- */

typedef struct watch {
  store *store;
  const char *phase;
  _Atomic(hostel_load *) load;
  atomic_uint calls;
} watch;

static hostel_status load_inside(void *user_data, const char *phase, uint64_t done, uint64_t total) {
  (void)done, (void)total;
  watch *watch = user_data;
  if (strcmp(phase, watch->phase) == 0 && watch->calls++ == 0) {
    watch->store->act(watch->store);
  }
  return HOSTEL_STATUS_OK;
}

static void a_progress_callback_that_loads_the_same_module_is_told_so(const hostel_engine *engine) {
  static const char *const phases[] = {"validate", "compile", "ready"};
  static void (*const acts[])(store *store) = {load_it, load_in_the_background};
  for (size_t i = 0; i < 6; i++) {
    store store = new_store(engine, "never", acts[i % 2]);
    watch watch = {.store = &store, .phase = phases[i / 2]};
    hostel_load_options *options = new_load_options();
    hostel_module *module = RUBBISH;
    hostel_buffer wasm = numbered_wasm(NUMBER);
    store.inside = shared_cache(LARGE);
    SUCCEEDS(hostel_load_options_set_progress(options, load_inside, &watch, &error));
    SUCCEEDS(hostel_module_load(engine, store.inside, wasm.data, wasm.len, options, &module, &error));
    CHECK(watch.calls > 0 && store.status == HOSTEL_STATUS_BUSY);
    hostel_module_free(module);
    hostel_buffer_free(&wasm);
    hostel_cache_free(store.inside);
    hostel_load_options_free(options);
    join_loads();
  }
}

static hostel_status wait_for_itself(void *user_data, const char *phase, uint64_t done, uint64_t total) {
  (void)done, (void)total;
  watch *watch = user_data;
  hostel_module *module = RUBBISH;
  hostel_error *error = RUBBISH;
  if (strcmp(phase, watch->phase) == 0 && watch->calls++ == 0) {
    while (watch->load == NULL) {
      sleep_ms(1);
    }
    const hostel_status status = hostel_load_wait(watch->load, HOSTEL_UNLIMITED, &module, &error);
    note(watch->store, status, error);
    hostel_module_free(module);
  }
  return HOSTEL_STATUS_OK;
}

static void a_load_is_not_waited_for_by_its_own_callback(const hostel_engine *engine) {
  static const char *const phases[] = {"validate", "compile"};
  for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
    store store = new_store(engine, "never", NULL);
    watch watch = {.store = &store, .phase = phases[i]};
    hostel_load_options *options = new_load_options();
    hostel_module *module = RUBBISH;
    SUCCEEDS(hostel_load_options_set_progress(options, wait_for_itself, &watch, &error));
    hostel_load *load = begin_numbered(engine, NULL, NUMBER, options, NULL, NULL);
    watch.load = load;
    SUCCEEDS(hostel_load_wait(load, HOSTEL_UNLIMITED, &module, &error));
    CHECK(watch.calls > 0 && store.status == HOSTEL_STATUS_BUSY);
    hostel_module_free(module);
    hostel_load_free(load);
    hostel_load_options_free(options);
    join_loads();
  }
}

static void wait_for_the_next(void *user_data, hostel_status status) {
  store *store = user_data;
  CHECK(status == HOSTEL_STATUS_OK);
  load_in_the_background(store);
  store->calls++;
}

static void the_only_thread_does_not_wait_for_what_is_queued_behind_it(const hostel_engine *engine) {
  cpu_set_t before;
  store store = new_store(engine, "never", NULL);
  hostel_module *module = RUBBISH;
  on_one_processor(&before);
  hostel_load *load = begin_numbered(engine, NULL, WITHIN, NULL, wait_for_the_next, &store);
  SUCCEEDS(hostel_load_wait(load, HOSTEL_UNLIMITED, &module, &error));
  join_loads();
  CHECK(store.calls == 1 && store.status == HOSTEL_STATUS_BUSY);
  hostel_module_free(module);
  hostel_load_free(load);
  REQUIRE(sched_setaffinity(0, sizeof before, &before) == 0);
}

/* ---- aliases ---- */

#define ALIAS (const uint8_t *)"an alias of the tests: 32 bytes."

static void load_with_the_alias(store *store) {
  hostel_load_options *options = new_load_options();
  hostel_module *module = RUBBISH;
  hostel_error *error = RUBBISH;
  hostel_buffer wasm = numbered_wasm(store->number);
  SUCCEEDS(hostel_load_options_set_alias(options, ALIAS, &error));
  const hostel_status status = hostel_module_load(store->engine, store->inside, wasm.data, wasm.len, options, &module, &error);
  note(store, status, error);
  hostel_module_free(module);
  hostel_buffer_free(&wasm);
  hostel_load_options_free(options);
}

static void an_alias_is_not_given_from_inside_itself(const hostel_engine *engine) {
  static const char *const whens[] = {"load", "save"};
  for (size_t i = 0; i < sizeof whens / sizeof *whens; i++) {
    store store = new_store(engine, whens[i], load_with_the_alias);
    store.limit = 1000000;
    open_store(&store);
    load_with_the_alias(&store);
    CHECK(store.calls > 0 && store.calls < 1000);
    hostel_cache_free(store.cache);
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_callback_that_loads_the_same_module_is_told_so),
      TEST(the_same_through_a_chain),
      TEST(the_same_through_two_caches_that_use_each_other),
      TEST(the_same_in_the_background),
      TEST(the_same_through_a_directory),
      TEST(callbacks_that_ask_for_what_they_are_asked_for_get_no_answer),
      TEST(callbacks_that_always_load_another_module_come_to_an_end),
      TEST(a_callback_may_load_another_module),
      TEST(an_alias_is_not_given_from_inside_itself),
      TEST(a_progress_callback_that_loads_the_same_module_is_told_so),
      TEST(a_load_is_not_waited_for_by_its_own_callback),
      TEST(the_only_thread_does_not_wait_for_what_is_queued_behind_it),
  };
  return RUN_TESTS(argc, argv, tests);
}
