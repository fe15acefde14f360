/* load_alias.c: names of the host's own that lead to modules. */
#include "check_alias.h"

static void an_alias_finds_the_module(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  check_unknown(engine, cache, ALIAS);
  CHECK_MODULE(load_aliased(engine, cache, 1, ALIAS), 1, "compiled");
  CHECK_MODULE(load_alias(engine, cache, ALIAS), 1, "shared");
  check_unknown(engine, cache, OTHER_ALIAS);
  CHECK(statistics(cache).compiles == 1);
  hostel_cache_free(cache);
}

static void a_module_that_is_cached_already_takes_an_alias_too(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  COMES_FROM("compiled", engine, cache, 1);
  CHECK_MODULE(load_aliased(engine, cache, 1, ALIAS), 1, "shared");
  CHECK_MODULE(load_aliased(engine, cache, 1, OTHER_ALIAS), 1, "shared");
  CHECK_MODULE(load_alias(engine, cache, ALIAS), 1, "shared");
  CHECK_MODULE(load_alias(engine, cache, OTHER_ALIAS), 1, "shared");
  hostel_cache_free(cache);
}

static void a_thread_s_own_cache_knows_aliases(const hostel_engine *engine) {
  hostel_cache *cache = RUBBISH;
  SUCCEEDS(hostel_cache_thread_local_new(LARGE, &cache, &error));
  give_alias(engine, cache, 1, ALIAS);
  CHECK_MODULE(load_alias(engine, cache, ALIAS), 1, "thread_local");
  check_unknown(engine, cache, OTHER_ALIAS);
  hostel_cache_free(cache);
}

static void an_alias_survives_in_a_directory(const hostel_engine *engine) {
  const path directory = new_directory();
  hostel_cache *cache = directory_cache(directory.text, LARGE);
  give_alias(engine, cache, 1, ALIAS);
  CHECK(statistics(cache).entries == 1);
  hostel_cache_free(cache);
  cache = directory_cache(directory.text, LARGE);
  CHECK_MODULE(load_alias(engine, cache, ALIAS), 1, "directory");
  CHECK(statistics(cache).compiles == 0);
  hostel_cache_free(cache);
  remove_all(directory.text);
}

static void a_hit_behind_brings_the_alias_to_the_front(const hostel_engine *engine) {
  const path directory = new_directory();
  hostel_cache *behind = directory_cache(directory.text, LARGE), *front = shared_cache(LARGE), *both = RUBBISH;
  give_alias(engine, behind, 1, ALIAS);
  SUCCEEDS(hostel_cache_fallback_new(front, behind, &both, &error));
  check_unknown(engine, front, ALIAS);
  CHECK_MODULE(load_alias(engine, both, ALIAS), 1, "directory");
  CHECK_MODULE(load_alias(engine, front, ALIAS), 1, "shared");
  give_alias(engine, both, 2, OTHER_ALIAS);
  CHECK_MODULE(load_alias(engine, front, OTHER_ALIAS), 2, "shared");
  CHECK_MODULE(load_alias(engine, behind, OTHER_ALIAS), 2, "directory");
  hostel_cache_free(front);
  hostel_cache_free(behind);
  hostel_cache_free(both);
  remove_all(directory.text);
}

static void of_two_modules_with_one_alias_the_latest_wins(const hostel_engine *engine) {
  const path directory = new_directory();
  hostel_cache *caches[] = {shared_cache(LARGE), directory_cache(directory.text, LARGE)};
  for (size_t i = 0; i < 2; i++) {
    const char *origin = i == 0 ? "shared" : "directory";
    give_alias(engine, caches[i], 1, ALIAS);
    CHECK_MODULE(load_aliased(engine, caches[i], 2, ALIAS), 2, "compiled"); /* its bytes decide, not the alias */
    CHECK_MODULE(load_alias(engine, caches[i], ALIAS), 2, origin);
    CHECK_MODULE(load_aliased(engine, caches[i], 1, ALIAS), 1, origin);
    CHECK_MODULE(load_alias(engine, caches[i], ALIAS), 1, origin);
    hostel_cache_free(caches[i]);
  }
  remove_all(directory.text);
}

static void an_alias_is_no_key_and_a_key_no_alias(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  hostel_module *module = RUBBISH;
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  give_alias(engine, cache, 1, ALIAS);
  FAILS(NOT_CACHED, "", hostel_module_load_key(engine, cache, ALIAS, &module, &error));
  CHECK(module == NULL);
  check_unknown(engine, cache, key);
  give_alias(engine, cache, 2, key); /* the alias of one module is the key of another */
  CHECK_MODULE(load_alias(engine, cache, key), 2, "shared");
  SUCCEEDS(hostel_module_load_key(engine, cache, key, &module, &error));
  CHECK_MODULE(module, 1, "shared");
  hostel_cache_free(cache);
}

static void an_alias_of_code_that_is_gone_is_not_cached(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  give_alias(engine, cache, 1, ALIAS);
  SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
  check_unknown(engine, cache, ALIAS);
  COMES_FROM("compiled", engine, cache, 1);
  CHECK_MODULE(load_alias(engine, cache, ALIAS), 1, "shared");
  hostel_cache_free(cache);
}

static void an_alias_is_for_one_kind_of_engine(const hostel_engine *engine) {
  hostel_engine *other = other_engine(engine);
  if (other == NULL) {
    return;
  }
  hostel_cache *cache = shared_cache(LARGE);
  give_alias(engine, cache, 1, ALIAS);
  check_unknown(other, cache, ALIAS);
  give_alias(other, cache, 2, ALIAS);
  CHECK_MODULE(load_alias(engine, cache, ALIAS), 1, "shared");
  CHECK_MODULE(load_alias(other, cache, ALIAS), 2, "shared");
  hostel_cache_free(cache);
  hostel_engine_free(other);
}

static void an_alias_fetches_nothing_over_a_limit(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_MODULE_BYTES, 12);
  hostel_module *module = RUBBISH;
  give_alias(engine, cache, 1, ALIAS);
  FAILS(UNSUPPORTED_MODULE, "", hostel_module_load_alias(limited, cache, ALIAS, &module, &error));
  CHECK(module == NULL);
  hostel_engine_free(limited);
  hostel_cache_free(cache);
}

static void a_load_that_fails_gives_no_alias(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  hostel_load_options *options = new_load_options();
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_load_options_set_alias(options, ALIAS, &error));
  FAILS(INVALID_MODULE, "", hostel_module_load(engine, cache, TEXT("nope"), options, &module, &error));
  check_unknown(engine, cache, ALIAS);
  hostel_load_options_free(options);
  hostel_cache_free(cache);
}

static void every_way_to_load_takes_options(const hostel_engine *engine) {
  static const char text[] = "(module (func (export \"answer\") (result i64) (i64.const 7)))";
  hostel_cache *cache = shared_cache(LARGE);
  hostel_load_options *options = new_load_options();
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_load_options_set_alias(options, ALIAS, &error));
  SUCCEEDS(hostel_module_load_wat(engine, cache, text, strlen(text), options, &module, &error));
  hostel_module_free(module);
  CHECK_MODULE(load_alias(engine, cache, ALIAS), 7, "shared");
  SUCCEEDS(hostel_load_options_set_alias(options, OTHER_ALIAS, &error));
  SUCCEEDS(hostel_module_load_file(engine, cache, guest_path("echo.wasm"), options, &module, &error));
  hostel_module_free(module);
  hostel_module_free(load_alias(engine, cache, OTHER_ALIAS));
  SUCCEEDS(hostel_module_load_wat(engine, NULL, text, strlen(text), options, &module, &error)); /* no cache, no alias */
  CHECK_MODULE(module, 7, "compiled");
  hostel_load_options_free(options);
  hostel_cache_free(cache);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(an_alias_finds_the_module),
      TEST(a_module_that_is_cached_already_takes_an_alias_too),
      TEST(a_thread_s_own_cache_knows_aliases),
      TEST(an_alias_survives_in_a_directory),
      TEST(a_hit_behind_brings_the_alias_to_the_front),
      TEST(of_two_modules_with_one_alias_the_latest_wins),
      TEST(an_alias_is_no_key_and_a_key_no_alias),
      TEST(an_alias_of_code_that_is_gone_is_not_cached),
      TEST(an_alias_is_for_one_kind_of_engine),
      TEST(an_alias_fetches_nothing_over_a_limit),
      TEST(a_load_that_fails_gives_no_alias),
      TEST(every_way_to_load_takes_options),
  };
  return RUN_TESTS(argc, argv, tests);
}
