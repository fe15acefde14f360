/* cache_keys.c: modules by key alone, pinned code, limits of cached modules, and what the functions of caches refuse. */
#include "check_cache.h"

static void a_module_has_the_key_that_inspecting_tells(const hostel_engine *engine) {
  hostel_buffer wasm = numbered_wasm(1), json = RUBBISH_BUFFER;
  uint8_t key[HOSTEL_KEY_BYTES], another[HOSTEL_KEY_BYTES];
  char expected[2 * HOSTEL_KEY_BYTES + 1];
  key_of(engine, 1, key);
  key_of(engine, 2, another);
  for (size_t i = 0; i < HOSTEL_KEY_BYTES; i++) {
    snprintf(expected + 2 * i, 3, "%02x", key[i]);
  }
  SUCCEEDS(hostel_inspect(wasm.data, wasm.len, &json, &error));
  json.data[json.len - 1] = '\0';
  CHECK(strstr((char *)json.data, expected) != NULL && memcmp(key, another, sizeof key) != 0);
  hostel_buffer_free(&json);
  hostel_buffer_free(&wasm);
}

static void a_key_alone_fetches_what_is_cached(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  hostel_module *module = RUBBISH;
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  FAILS(NOT_CACHED, "", hostel_module_load_key(engine, cache, key, &module, &error));
  CHECK(module == NULL);
  COMES_FROM("compiled", engine, cache, 1);
  SUCCEEDS(hostel_module_load_key(engine, cache, key, &module, &error));
  CHECK_MODULE(module, 1, "shared");
  key[31] ^= 1;
  FAILS(NOT_CACHED, "", hostel_module_load_key(engine, cache, key, &module, &error));
  CHECK(statistics(cache).compiles == 1);
  hostel_cache_free(cache);
}

static void pinned_code_survives_what_is_evicted(const hostel_engine *engine) {
  enum { OTHERS = 300 };
  hostel_cache *cache = shared_cache(LARGE);
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  COMES_FROM("compiled", engine, cache, 1);
  const uint64_t bytes_max = 64 * statistics(cache).bytes;
  hostel_cache_free(cache);
  cache = shared_cache(bytes_max);
  FAILS(NOT_CACHED, "", hostel_cache_pin(cache, engine, key, &error));
  COMES_FROM("compiled", engine, cache, 1);
  SUCCEEDS(hostel_cache_pin(cache, engine, key, &error));
  for (unsigned i = 0; i < OTHERS; i++) {
    COMES_FROM("compiled", engine, cache, 1000 + i);
  }
  const hostel_cache_statistics stats = statistics(cache);
  CHECK(stats.evictions > 0 && stats.entries + stats.evictions == OTHERS + 1 && stats.bytes <= bytes_max);
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load_key(engine, cache, key, &module, &error));
  CHECK_MODULE(module, 1, hostel_module_origin(module));
  module = load_numbered(engine, cache, 1);
  CHECK(strcmp(hostel_module_origin(module), "compiled") != 0);
  hostel_module_free(module);
  hostel_cache_free(cache);
}

static void pinned_code_is_there_until_it_is_unpinned(const hostel_engine *engine) {
  hostel_cache *one = shared_cache(LARGE), *two = shared_cache(LARGE), *both = RUBBISH;
  hostel_module *module = RUBBISH;
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  SUCCEEDS(hostel_cache_fallback_new(one, two, &both, &error));
  COMES_FROM("compiled", engine, both, 1);
  SUCCEEDS(hostel_cache_pin(both, engine, key, &error));
  SUCCEEDS(hostel_cache_pin(both, engine, key, &error));
  /* Taken out of the tiers, behind the back of the chain, as if it had been evicted. */
  SUCCEEDS(hostel_cache_remove_module(one, engine, key, &error));
  SUCCEEDS(hostel_cache_remove_module(two, engine, key, &error));
  CHECK(hostel_cache_contains_module(both, engine, key));
  SUCCEEDS(hostel_module_load_key(engine, both, key, &module, &error));
  CHECK_MODULE(module, 1, hostel_module_origin(module));
  SUCCEEDS(hostel_cache_unpin(both, engine, key, &error));
  SUCCEEDS(hostel_cache_unpin(both, engine, key, &error));
  FAILS(NOT_CACHED, "", hostel_module_load_key(engine, both, key, &module, &error));
  CHECK(!hostel_cache_contains_module(both, engine, key));
  hostel_cache_free(both);
  hostel_cache_free(one);
  hostel_cache_free(two);
}

static void what_is_removed_is_not_pinned_any_more(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  COMES_FROM("compiled", engine, cache, 1);
  SUCCEEDS(hostel_cache_pin(cache, engine, key, &error));
  SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
  COMES_FROM("compiled", engine, cache, 1);
  hostel_cache_free(cache);
}

/* A module from the cache: compiled by the engine under test, now for another with a limit of its own. */
static hostel_status load_limited(const hostel_engine *engine, hostel_limit limit, uint64_t value, const char *text,
                                  hostel_module **module_out, hostel_error **error_out) {
  hostel_cache *cache = shared_cache(LARGE);
  hostel_module *module = RUBBISH;
  hostel_engine *limited = limited_engine(engine, limit, value);
  SUCCEEDS(hostel_module_load_wat(engine, cache, text, strlen(text), NULL, &module, &error));
  hostel_module_free(module);
  const hostel_status status = hostel_module_load_wat(limited, cache, text, strlen(text), NULL, module_out, error_out);
  hostel_engine_free(limited);
  hostel_cache_free(cache);
  return status;
}

static void a_cached_module_is_held_to_the_limits_of_loading(const hostel_engine *engine) {
  static const char text[] = "(module (func) (func) (func))";
  hostel_module *module = RUBBISH;
  FAILS(UNSUPPORTED_MODULE, "", load_limited(engine, HOSTEL_LIMIT_FUNCTIONS, 2, text, &module, &error));
  CHECK(module == NULL);
  FAILS(UNSUPPORTED_MODULE, "", load_limited(engine, HOSTEL_LIMIT_MODULE_BYTES, 12, text, &module, &error));
  SUCCEEDS(load_limited(engine, HOSTEL_LIMIT_FUNCTIONS, 3, text, &module, &error));
  hostel_module_free(module);
}

static void a_key_fetches_nothing_over_a_limit(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  hostel_module *module = RUBBISH;
  hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_MODULE_BYTES, 12);
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  COMES_FROM("compiled", engine, cache, 1);
  FAILS(UNSUPPORTED_MODULE, "", hostel_module_load_key(limited, cache, key, &module, &error));
  CHECK(module == NULL);
  hostel_engine_free(limited);
  hostel_cache_free(cache);
}

static void a_cached_module_is_held_to_the_limits_of_running(const hostel_engine *engine) {
  static const char text[] = "(module (memory (export \"memory\") 1)"
                             " (func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0))))";
  hostel_module *module = RUBBISH;
  uint64_t value = 1;
  SUCCEEDS(load_limited(engine, HOSTEL_LIMIT_MEMORY_BYTES, 131072, text, &module, &error));
  CHECK(strcmp(hostel_module_origin(module), "shared") == 0);
  hostel_guest *guest = link_guest(module, NULL);
  SUCCEEDS(hostel_guest_call_values(guest, "grow", &value, 1, NULL, &error));
  CHECK(value == 1);
  value = 2;
  SUCCEEDS(hostel_guest_call_values(guest, "grow", &value, 1, NULL, &error));
  CHECK((uint32_t)value == UINT32_MAX);
  hostel_guest_free(guest);
}

static void a_cached_module_gets_the_stack_of_its_engine(const hostel_engine *engine) {
  static const char text[] = "(module (func $down (export \"down\") (param i32) (result i32)"
                             " (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))"
                             " (else (i32.add (call $down (i32.sub (local.get 0) (i32.const 1))) (i32.const 1))))))";
  hostel_module *module = RUBBISH;
  uint64_t deep = 400000;
  hostel_guest *guest = open_text(engine, text);
  FAILS(STACK_OVERFLOW, "", hostel_guest_call_values(guest, "down", &deep, 1, NULL, &error));
  hostel_guest_free(guest);
  SUCCEEDS(load_limited(engine, HOSTEL_LIMIT_STACK_BYTES, 64 << 20, text, &module, &error));
  guest = link_guest(module, NULL);
  deep = 400000;
  SUCCEEDS(hostel_guest_call_values(guest, "down", &deep, 1, NULL, &error));
  CHECK(deep == 400000);
  hostel_guest_free(guest);
}

static void making_a_cache_in_memory_checks_each_argument(const hostel_engine *engine) {
  (void)engine;
  hostel_cache *cache = RUBBISH;
  FAILS(INVALID_ARGUMENT, "cache_out", hostel_cache_shared_new(LARGE, NULL, &error));
  FAILS(INVALID_ARGUMENT, "bytes_max", hostel_cache_shared_new(0, &cache, &error));
  CHECK(cache == NULL);
  cache = RUBBISH;
  FAILS(INVALID_ARGUMENT, "cache_out", hostel_cache_thread_local_new(LARGE, NULL, &error));
  FAILS(INVALID_ARGUMENT, "bytes_max", hostel_cache_thread_local_new(0, &cache, &error));
  CHECK(cache == NULL && hostel_cache_shared_new(0, &cache, NULL) == HOSTEL_STATUS_INVALID_ARGUMENT);
}

static void any_bound_of_bytes_will_do(const hostel_engine *engine) {
  static const uint64_t bounds[] = {1, UINT32_MAX, INT64_MAX, UINT64_MAX};
  for (size_t i = 0; i < 4; i++) {
    hostel_cache *cache = shared_cache(bounds[i]);
    COMES_FROM("compiled", engine, cache, 1);
    COMES_FROM(i == 0 ? "compiled" : "shared", engine, cache, 1);
    hostel_cache_free(cache);
    SUCCEEDS(hostel_cache_thread_local_new(bounds[i], &cache, &error));
    COMES_FROM("compiled", engine, cache, 1);
    COMES_FROM(i == 0 ? "compiled" : "thread_local", engine, cache, 1);
    hostel_cache_free(cache);
  }
}

static void chaining_checks_each_argument(const hostel_engine *engine) {
  (void)engine;
  hostel_cache *one = shared_cache(LARGE), *cache = RUBBISH;
  FAILS(INVALID_ARGUMENT, "first", hostel_cache_fallback_new(NULL, one, &cache, &error));
  CHECK(cache == NULL);
  cache = RUBBISH;
  FAILS(INVALID_ARGUMENT, "second", hostel_cache_fallback_new(one, NULL, &cache, &error));
  CHECK(cache == NULL);
  FAILS(INVALID_ARGUMENT, "cache_out", hostel_cache_fallback_new(one, one, NULL, &error));
  hostel_cache_free(one);
}

static void counting_checks_each_argument(const hostel_engine *engine) {
  (void)engine;
  hostel_cache *cache = shared_cache(LARGE);
  hostel_cache_statistics stats = {.struct_size = sizeof stats};
  hostel_buffer json = RUBBISH_BUFFER;
  FAILS(INVALID_ARGUMENT, "cache", hostel_cache_stats(NULL, &stats, &error));
  FAILS(INVALID_ARGUMENT, "stats_out", hostel_cache_stats(cache, NULL, &error));
  FAILS(INVALID_ARGUMENT, "cache", hostel_cache_stats_json(NULL, &json, &error));
  CHECK(json.data == NULL && json.len == 0);
  FAILS(INVALID_ARGUMENT, "json_out", hostel_cache_stats_json(cache, NULL, &error));
  static const size_t sizes[] = {0, 1, sizeof stats - 1, sizeof stats + 1, SIZE_MAX};
  for (size_t i = 0; i < 5; i++) {
    stats = (hostel_cache_statistics){.struct_size = sizes[i], .hits = 77};
    FAILS(INVALID_ARGUMENT, "struct_size", hostel_cache_stats(cache, &stats, &error));
    CHECK(stats.hits == 77 && stats.struct_size == sizes[i]);
  }
  hostel_cache_free(cache);
}

static void functions_of_one_entry_check_each_argument(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  const uint8_t key[HOSTEL_KEY_BYTES] = {0};
  CHECK(!hostel_cache_contains_module(NULL, engine, key) && !hostel_cache_contains_module(cache, NULL, key));
  CHECK(!hostel_cache_contains_module(cache, engine, NULL));
  FAILS(INVALID_ARGUMENT, "cache", hostel_cache_remove_module(NULL, engine, key, &error));
  FAILS(INVALID_ARGUMENT, "engine", hostel_cache_remove_module(cache, NULL, key, &error));
  FAILS(INVALID_ARGUMENT, "key", hostel_cache_remove_module(cache, engine, NULL, &error));
  FAILS(INVALID_ARGUMENT, "cache", hostel_cache_pin(NULL, engine, key, &error));
  FAILS(INVALID_ARGUMENT, "engine", hostel_cache_pin(cache, NULL, key, &error));
  FAILS(INVALID_ARGUMENT, "key", hostel_cache_pin(cache, engine, NULL, &error));
  FAILS(INVALID_ARGUMENT, "cache", hostel_cache_unpin(NULL, engine, key, &error));
  FAILS(INVALID_ARGUMENT, "engine", hostel_cache_unpin(cache, NULL, key, &error));
  FAILS(INVALID_ARGUMENT, "key", hostel_cache_unpin(cache, engine, NULL, &error));
  hostel_cache_free(cache);
}

static void loading_by_key_checks_each_argument(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  hostel_module *module = RUBBISH;
  uint8_t key[HOSTEL_KEY_BYTES] = {0};
  FAILS(INVALID_ARGUMENT, "engine", hostel_module_load_key(NULL, cache, key, &module, &error));
  CHECK(module == NULL);
  FAILS(INVALID_ARGUMENT, "cache", hostel_module_load_key(engine, NULL, key, &module, &error));
  FAILS(INVALID_ARGUMENT, "key", hostel_module_load_key(engine, cache, NULL, &module, &error));
  FAILS(INVALID_ARGUMENT, "module_out", hostel_module_load_key(engine, cache, key, NULL, &error));
  FAILS(INVALID_ARGUMENT, "module", hostel_module_key(NULL, key, &error));
  module = load_numbered(engine, NULL, 1);
  FAILS(INVALID_ARGUMENT, "key_out", hostel_module_key(module, NULL, &error));
  hostel_module_free(module);
  hostel_cache_free(cache);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_module_has_the_key_that_inspecting_tells),
      TEST(a_key_alone_fetches_what_is_cached),
      TEST(pinned_code_survives_what_is_evicted),
      TEST(pinned_code_is_there_until_it_is_unpinned),
      TEST(what_is_removed_is_not_pinned_any_more),
      TEST(a_cached_module_is_held_to_the_limits_of_loading),
      TEST(a_key_fetches_nothing_over_a_limit),
      TEST(a_cached_module_is_held_to_the_limits_of_running),
      TEST(a_cached_module_gets_the_stack_of_its_engine),
      TEST(making_a_cache_in_memory_checks_each_argument),
      TEST(any_bound_of_bytes_will_do),
      TEST(chaining_checks_each_argument),
      TEST(counting_checks_each_argument),
      TEST(functions_of_one_entry_check_each_argument),
      TEST(loading_by_key_checks_each_argument),
  };
  return RUN_TESTS(argc, argv, tests);
}
