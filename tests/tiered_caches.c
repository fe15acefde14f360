/* tiered_caches.c: what caches and artifacts have of an engine of several tiers. Other engines are their only tier. */
#define _GNU_SOURCE
#include "check_background.h"

/* Calls what load_numbered() has loaded, and says which tier served. */
static const char *tier_of(hostel_module *module, unsigned number) {
  uint64_t value = 0;
  hostel_guest *guest = link_guest(module, NULL);
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_guest_call_values(guest, "answer", &value, 1, options, &error));
  CHECK(value == number);
  const char *engine = report_of(options).engine;
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  return engine;
}

static hostel_module *load_at_once(const hostel_engine *engine, const hostel_cache *cache, unsigned number,
                                   const hostel_load_options *options) {
  hostel_module *module = RUBBISH;
  hostel_buffer wasm = numbered_wasm(number);
  SUCCEEDS(hostel_module_load(engine, cache, wasm.data, wasm.len, options, &module, &error));
  hostel_buffer_free(&wasm);
  return module;
}

#define IS(text, other) CHECK(strcmp((text), (other)) == 0)

/* The key of a module, without loading it with the engine under test. */
static void key_of_numbered(unsigned number, uint8_t key[HOSTEL_KEY_BYTES]) {
  hostel_engine *engine = engine_named("wasmi", false);
  key_of(engine, number, key);
  hostel_engine_free(engine);
}

static void after_a_restart_a_module_begins_at_its_best_tier(const hostel_engine *engine) {
  const path path = new_directory();
  for (int run = 0; run < 2; run++) {
    hostel_engine *own = exact_engine(hostel_engine_name(engine));
    hostel_cache *cache = directory_cache(path.text, LARGE);
    if (run == 0) {
      hostel_module_free(load_numbered(own, cache, 1));
    } else {
      hostel_module *module = load_at_once(own, cache, 1, NULL);
      IS(hostel_module_origin(module), "directory");
      SUCCEEDS(hostel_module_settle(module, 0, &error));
      IS(tier_of(module, 1), best_tier(engine));
      CHECK(statistics(cache).compiles == 0);
    }
    hostel_cache_free(cache);
    hostel_engine_free(own);
  }
  remove_all(path.text);
}

/* A tier keeps and finds what an engine of its name does that is as deterministic. */
static void a_module_begins_at_any_tier_that_is_there_and_goes_on(const hostel_engine *shared) {
  hostel_engine *engine = exact_engine(hostel_engine_name(shared));
  for (size_t tier = 1; tier < tiers_of(engine); tier++) {
    const char *name = hostel_engine_tier_at(engine, tier);
    hostel_engine *alone = exact_engine(name);
    hostel_cache *cache = shared_cache(LARGE);
    hostel_module_free(load_at_once(alone, cache, 1, NULL));
    stairs stairs;
    stairs_begin(&stairs);
    hostel_module *module = load_at_once(engine, cache, 1, NULL);
    IS(hostel_module_origin(module), "shared");
    hostel_guest *guest = RUBBISH;
    SUCCEEDS(hostel_guest_new(module, NULL, NULL, &guest, &error));
    hostel_guest_free(guest);
    IS(tier_of(module, 1), name);
    stairs_end(&stairs);
    module = load_numbered(engine, cache, 1);
    hostel_module_free(module);
    const uint64_t compiles = statistics(cache).compiles;
    hostel_engine *best = exact_engine(best_tier(engine));
    IS(hostel_module_origin(module = load_at_once(best, cache, 1, NULL)), "shared");
    hostel_module_free(module);
    CHECK(statistics(cache).compiles == compiles && compiles == tiers_of(engine) - tier);
    hostel_engine_free(best);
    hostel_cache_free(cache);
    hostel_engine_free(alone);
  }
  hostel_engine_free(engine);
}

static void an_interpreter_that_answers_first_leaves_nothing_in_caches(const hostel_engine *shared) {
  if (tiers_of(shared) == 1) {
    return; /* the only tier is kept, as the tests of caches say */
  }
  hostel_engine *engine = exact_engine(hostel_engine_name(shared));
  hostel_cache *cache = shared_cache(LARGE);
  stairs stairs;
  stairs_begin(&stairs);
  hostel_module *module = load_at_once(engine, cache, 1, NULL);
  CHECK(statistics(cache).entries == 0 && statistics(cache).compiles == 0);
  for (size_t tier = 1; tier < tiers_of(engine); tier++) {
    stairs_up(&stairs);
    CHECK(statistics(cache).entries == tier && statistics(cache).compiles == tier);
  }
  hostel_module_free(module);
  stairs_end(&stairs);
  hostel_cache_free(cache);
  hostel_engine_free(engine);
}

static void a_key_leads_to_the_best_tier_there_is(const hostel_engine *shared) {
  hostel_engine *engine = exact_engine(hostel_engine_name(shared));
  hostel_cache *cache = shared_cache(LARGE);
  hostel_module *module = RUBBISH;
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of_numbered(1, key);
  CHECK(!hostel_cache_contains_module(cache, engine, key));
  FAILS(NOT_CACHED, hostel_engine_name(engine), hostel_module_load_key(engine, cache, key, &module, &error));
  FAILS(NOT_CACHED, hostel_engine_name(engine), hostel_cache_pin(cache, engine, key, &error));
  for (size_t tier = 0; tier < tiers_of(engine); tier++) {
    const char *name = hostel_engine_tier_at(engine, tier);
    hostel_engine *alone = exact_engine(name);
    hostel_module_free(load_at_once(alone, cache, 1, NULL));
    hostel_engine_free(alone);
    CHECK(hostel_cache_contains_module(cache, engine, key));
    SUCCEEDS(hostel_module_load_key(engine, cache, key, &module, &error));
    SUCCEEDS(hostel_module_settle(module, 0, &error)); /* without its bytes it cannot become better */
    IS(tier_of(module, 1), name);
  }
  SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
  CHECK(!hostel_cache_contains_module(cache, engine, key) && statistics(cache).entries == 0);
  hostel_cache_free(cache);
  hostel_engine_free(engine);
}

static void what_is_pinned_is_pinned_on_every_tier(const hostel_engine *shared) {
  hostel_engine *engine = exact_engine(hostel_engine_name(shared));
  hostel_cache *cache = shared_cache(1); /* nothing stays by itself */
  hostel_cache *roomy = shared_cache(LARGE);
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of_numbered(1, key);
  hostel_module_free(load_numbered(engine, roomy, 1));
  SUCCEEDS(hostel_cache_pin(roomy, engine, key, &error));
  for (size_t tier = tiers_of(engine) > 1; tier < tiers_of(engine); tier++) {
    hostel_engine *alone = exact_engine(hostel_engine_tier_at(engine, tier));
    CHECK(hostel_cache_contains_module(roomy, alone, key));
    hostel_engine_free(alone);
  }
  hostel_module *module = load_at_once(engine, roomy, 1, NULL);
  IS(tier_of(module, 1), best_tier(engine));
  SUCCEEDS(hostel_cache_unpin(roomy, engine, key, &error));
  CHECK(hostel_cache_contains_module(roomy, engine, key)); /* it is still in its tier */
  FAILS(NOT_CACHED, "", hostel_cache_pin(cache, engine, key, &error));
  hostel_cache_free(cache);
  hostel_cache_free(roomy);
  hostel_engine_free(engine);
}

static void an_alias_leads_to_the_best_tier_there_is(const hostel_engine *shared) {
  static const uint8_t alias[HOSTEL_KEY_BYTES] = "an alias";
  hostel_engine *engine = exact_engine(hostel_engine_name(shared));
  hostel_cache *cache = shared_cache(LARGE);
  hostel_module *module = RUBBISH;
  hostel_load_options *options = new_load_options();
  SUCCEEDS(hostel_load_options_set_alias(options, alias, &error));
  FAILS(NOT_CACHED, hostel_engine_name(engine), hostel_module_load_alias(engine, cache, alias, &module, &error));
  hostel_module_free(settled(load_at_once(engine, cache, 1, options)));
  SUCCEEDS(hostel_module_load_alias(engine, cache, alias, &module, &error));
  IS(tier_of(module, 1), best_tier(engine));
  hostel_load_options_free(options);
  hostel_cache_free(cache);
  hostel_engine_free(engine);
}

static void a_headless_one_has_the_best_that_is_cached(const hostel_engine *shared) {
  hostel_engine *headless = engine_named(hostel_engine_name(shared), true);
  hostel_cache *cache = shared_cache(LARGE);
  hostel_module *module = RUBBISH;
  hostel_buffer wasm = numbered_wasm(1);
  FAILS(NOT_CACHED, "headless", hostel_module_load(headless, NULL, wasm.data, wasm.len, NULL, &module, &error));
  FAILS(NOT_CACHED, "headless", hostel_module_load(headless, cache, wasm.data, wasm.len, NULL, &module, &error));
  hostel_buffer_free(&wasm);
  hostel_module_free(load_numbered(shared, cache, 1));
  const uint64_t compiles = statistics(cache).compiles;
  module = load_at_once(headless, cache, 1, NULL);
  SUCCEEDS(hostel_module_settle(module, 0, &error));
  IS(tier_of(module, 1), best_tier(shared));
  CHECK(statistics(cache).compiles == compiles);
  hostel_cache_free(cache);
  hostel_engine_free(headless);
}

/* What a headless one finds of a lower tier stays there. */
static void a_headless_one_takes_any_tier(const hostel_engine *shared) {
  hostel_engine_config *config = RUBBISH;
  hostel_engine *headless = RUBBISH;
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  SUCCEEDS(hostel_engine_config_set_engine(config, hostel_engine_name(shared), &error));
  SUCCEEDS(hostel_engine_config_set_fuel(config, true, &error));
  SUCCEEDS(hostel_engine_config_set_deterministic(config, true, &error));
  SUCCEEDS(hostel_engine_config_set_headless(config, true, &error));
  SUCCEEDS(hostel_engine_new(config, &headless, &error));
  hostel_engine_config_free(config);
  for (size_t tier = 0; tier < tiers_of(headless); tier++) {
    const char *name = hostel_engine_tier_at(headless, tier);
    hostel_engine *alone = exact_engine(name);
    hostel_cache *cache = shared_cache(LARGE);
    hostel_module_free(load_at_once(alone, cache, 1, NULL));
    hostel_module *module = load_at_once(headless, cache, 1, NULL);
    SUCCEEDS(hostel_module_settle(module, 0, &error));
    IS(tier_of(module, 1), name);
    hostel_cache_free(cache);
    hostel_engine_free(alone);
  }
  hostel_engine_free(headless);
}

/* ---- artifacts ---- */

static void an_artifact_is_of_the_tier_that_a_module_is_at(const hostel_engine *shared) {
  hostel_engine *engine = exact_engine(hostel_engine_name(shared));
  stairs stairs;
  stairs_begin(&stairs);
  hostel_module *module = load_at_once(engine, NULL, 1, NULL);
  for (size_t tier = 0; tier < tiers_of(engine); tier++) {
    hostel_buffer sealed = RUBBISH_BUFFER, vouched = RUBBISH_BUFFER;
    SUCCEEDS(hostel_module_serialize(module, SEAL_KEY, &sealed, &error));
    SUCCEEDS(hostel_module_serialize_vouched(module, &vouched, &error));
    for (size_t by = 0; by < tiers_of(engine); by++) {
      hostel_engine *alone = exact_engine(hostel_engine_tier_at(engine, by));
      hostel_module *loaded = RUBBISH;
      if (by == tier) {
        SUCCEEDS(hostel_module_deserialize(alone, sealed.data, sealed.len, SEAL_KEY, &loaded, &error));
        hostel_module_free(loaded);
      } else {
        FAILS(ARTIFACT_MISMATCH, "", hostel_module_deserialize(alone, sealed.data, sealed.len, SEAL_KEY, &loaded, &error));
      }
      hostel_engine_free(alone);
    }
    hostel_module *loaded = RUBBISH;
    SUCCEEDS(hostel_module_deserialize(engine, sealed.data, sealed.len, SEAL_KEY, &loaded, &error));
    SUCCEEDS(hostel_module_settle(loaded, 0, &error));
    IS(tier_of(loaded, 1), hostel_engine_tier_at(engine, tier));
    SUCCEEDS(hostel_module_deserialize_vouched(engine, vouched.data, vouched.len, &loaded, &error));
    IS(tier_of(loaded, 1), hostel_engine_tier_at(engine, tier));
    FAILS(ARTIFACT_CORRUPT, "", hostel_module_deserialize(engine, sealed.data, sealed.len, OTHER_KEY, &loaded, &error));
    hostel_buffer_free(&sealed);
    hostel_buffer_free(&vouched);
    stairs_up(&stairs);
  }
  hostel_module_free(module);
  stairs_end(&stairs);
  hostel_engine_free(engine);
}

static void an_artifact_of_other_settings_is_of_none_of_its_tiers(const hostel_engine *shared) {
  hostel_engine *engine = exact_engine(hostel_engine_name(shared));
  hostel_module *module = load_numbered(engine, NULL, 1), *loaded = RUBBISH;
  hostel_buffer sealed = RUBBISH_BUFFER;
  SUCCEEDS(hostel_module_serialize(module, SEAL_KEY, &sealed, &error));
  FAILS(ARTIFACT_MISMATCH, "", hostel_module_deserialize(shared, sealed.data, sealed.len, SEAL_KEY, &loaded, &error));
  CHECK(loaded == NULL);
  hostel_buffer_free(&sealed);
  hostel_module_free(module);
  hostel_engine_free(engine);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(after_a_restart_a_module_begins_at_its_best_tier),
      TEST(a_module_begins_at_any_tier_that_is_there_and_goes_on),
      TEST(an_interpreter_that_answers_first_leaves_nothing_in_caches),
      TEST(a_key_leads_to_the_best_tier_there_is),
      TEST(what_is_pinned_is_pinned_on_every_tier),
      TEST(an_alias_leads_to_the_best_tier_there_is),
      TEST(a_headless_one_has_the_best_that_is_cached),
      TEST(a_headless_one_takes_any_tier),
      TEST(an_artifact_is_of_the_tier_that_a_module_is_at),
      TEST(an_artifact_of_other_settings_is_of_none_of_its_tiers),
  };
  return RUN_TESTS(argc, argv, tests);
}
