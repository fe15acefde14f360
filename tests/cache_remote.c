/* cache_remote.c: compiled code that machines share through a store, which is never trusted with anything but bytes.
 * Run by tests/remote/with_servers.py, beside a Redis and an S3 server. */
#include "check_alias.h"
#include "check_servers.h"

static void what_one_machine_compiles_the_others_find(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    const url store = real_store(which, __func__);
    machine one = new_machine(store), two = new_machine(store);
    COMES_FROM("compiled", engine, one.cache, 1);
    COMES_FROM("directory", engine, one.cache, 1);
    COMES_FROM("remote", engine, two.cache, 1);
    COMES_FROM("directory", engine, two.cache, 1);
    CHECK(statistics(one.cache).compiles == 1 && statistics(two.cache).compiles == 0);
    CHECK(statistics(two.cache).hits == 2 && statistics(two.cache).rejected == 0);
    free_machine(&one);
    free_machine(&two);
  }
}

static void memory_before_it_keeps_what_it_had(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    const url store = real_store(which, __func__);
    hostel_cache *memory = shared_cache(LARGE), *remote = remote_cache(store, NULL), *both = RUBBISH;
    COMES_FROM("compiled", engine, remote, 1);
    SUCCEEDS(hostel_cache_fallback_new(memory, remote, &both, &error));
    COMES_FROM("remote", engine, both, 1);
    COMES_FROM("shared", engine, both, 1);
    hostel_cache_free(memory);
    hostel_cache_free(remote);
    hostel_cache_free(both);
  }
}

static void it_counts_like_the_others(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    hostel_cache *cache = remote_cache(real_store(which, __func__), NULL);
    hostel_buffer json = RUBBISH_BUFFER;
    COMES_FROM("compiled", engine, cache, 1);
    COMES_FROM("remote", engine, cache, 1);
    COMES_FROM("remote", engine, cache, 1);
    CHECK(statistics(cache).hits == 2 && statistics(cache).misses == 1 && statistics(cache).compiles == 1);
    SUCCEEDS(hostel_cache_stats_json(cache, &json, &error));
    json.data[json.len - 1] = '\0';
    CHECK(strstr((const char *)json.data, "\"tier\":\"remote\"") != NULL);
    hostel_buffer_free(&json);
    hostel_cache_free(cache);
  }
}

static void what_is_removed_is_gone_for_all(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    const url store = real_store(which, __func__);
    hostel_cache *cache = remote_cache(store, NULL), *other = remote_cache(store, NULL);
    uint8_t key[HOSTEL_KEY_BYTES];
    key_of(engine, 1, key);
    CHECK(!hostel_cache_contains_module(other, engine, key));
    COMES_FROM("compiled", engine, cache, 1);
    CHECK(hostel_cache_contains_module(other, engine, key));
    SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
    SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
    CHECK(!hostel_cache_contains_module(other, engine, key));
    COMES_FROM("compiled", engine, other, 1);
    hostel_cache_free(cache);
    hostel_cache_free(other);
  }
}

static void what_is_sealed_with_another_key_is_rebuilt(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    const url store = real_store(which, __func__);
    hostel_cache *ours = remote_cache(store, NULL), *theirs = RUBBISH;
    SUCCEEDS(hostel_cache_remote_new(store.text, OTHER_KEY, NULL, &theirs, &error));
    COMES_FROM("compiled", engine, theirs, 1);
    COMES_FROM("compiled", engine, ours, 1);
    CHECK(statistics(ours).rejected == 1 && statistics(ours).compiles == 1);
    COMES_FROM("remote", engine, ours, 1);
    hostel_cache_free(ours);
    hostel_cache_free(theirs);
  }
}

static void an_artifact_larger_than_the_cap_is_neither_saved_nor_loaded(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    const url store = real_store(which, __func__);
    hostel_cache_remote_options options = remote_options();
    options.artifact_bytes_max = 64;
    hostel_cache *small = remote_cache(store, &options), *large = remote_cache(store, NULL);
    COMES_FROM("compiled", engine, small, 1);
    COMES_FROM("compiled", engine, large, 1);
    COMES_FROM("compiled", engine, small, 1);
    COMES_FROM("remote", engine, large, 1);
    hostel_cache_free(small);
    hostel_cache_free(large);
  }
}

static void damaged_bytes_are_rebuilt(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    static told told;
    path entry;
    const url store = real_store(which, __func__);
    machine one = new_machine(store), two = new_machine(store), three = new_machine(store);
    COMES_FROM("compiled", engine, one.cache, 1);
    (which == 0 ? damage_redis : damage_s3)(__func__, name_in_store(&one, engine, &entry));
    listen_to_log(&told);
    COMES_FROM("compiled", engine, two.cache, 1);
    stop_listening();
    CHECK(statistics(two.cache).rejected == 1 && strstr(told.text, "remote") != NULL);
    COMES_FROM("remote", engine, three.cache, 1);
    free_machine(&one);
    free_machine(&two);
    free_machine(&three);
  }
}

static void a_rejected_entry_is_removed(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    const url store = real_store(which, __func__);
    hostel_cache *ours = remote_cache(store, NULL), *theirs = RUBBISH;
    hostel_module *module = RUBBISH;
    uint8_t key[HOSTEL_KEY_BYTES];
    key_of(engine, 1, key);
    SUCCEEDS(hostel_cache_remote_new(store.text, OTHER_KEY, NULL, &theirs, &error));
    COMES_FROM("compiled", engine, theirs, 1);
    FAILS(NOT_CACHED, "", hostel_module_load_key(engine, ours, key, &module, &error));
    CHECK(!hostel_cache_contains_module(theirs, engine, key));
    hostel_cache_free(ours);
    hostel_cache_free(theirs);
  }
}

static void a_wrong_password_is_a_miss_and_is_not_told(const hostel_engine *engine) {
  static told told;
  hostel_cache *cache = remote_cache(redis_at(port_of("HOSTEL_TEST_REDIS_PORT")), NULL);
  listen_to_log(&told);
  COMES_FROM("compiled", engine, cache, 1);
  stop_listening();
  CHECK(strstr(told.text, "redis://127.0.0.1:") != NULL && strstr(told.text, "WRONGPASS") != NULL);
  CHECK(strstr(told.text, "hunter2") == NULL);
  hostel_cache_free(cache);
}

/* ---- aliases ---- */

static void an_alias_leads_every_machine_to_the_module(const hostel_engine *engine) {
  hostel_engine *headless = engine_named(hostel_engine_name(engine), true);
  for (int which = 0; which < STORES; which++) {
    const url store = real_store(which, __func__);
    machine one = new_machine(store), two = new_machine(store);
    check_unknown(headless, two.cache, ALIAS);
    give_alias(engine, one.cache, 1, ALIAS);
    CHECK_MODULE(load_alias(headless, two.cache, ALIAS), 1, "remote");
    CHECK_MODULE(load_alias(headless, two.cache, ALIAS), 1, "directory");
    check_unknown(headless, two.cache, OTHER_ALIAS);
    CHECK(statistics(two.cache).compiles == 0 && statistics(two.cache).rejected == 0);
    free_machine(&one);
    free_machine(&two);
  }
  hostel_engine_free(headless);
}

static void the_latest_module_of_an_alias_wins_for_all(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    hostel_cache *cache = remote_cache(real_store(which, __func__), NULL);
    hostel_cache *other = remote_cache(real_store(which, __func__), NULL);
    give_alias(engine, cache, 1, ALIAS);
    give_alias(engine, other, 2, ALIAS);
    CHECK_MODULE(load_alias(engine, cache, ALIAS), 2, "remote");
    hostel_cache_free(cache);
    hostel_cache_free(other);
  }
}

static void an_alias_of_another_key_leads_nowhere_and_is_removed(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    const url store = real_store(which, __func__);
    hostel_cache *ours = remote_cache(store, NULL), *theirs = RUBBISH;
    SUCCEEDS(hostel_cache_remote_new(store.text, OTHER_KEY, NULL, &theirs, &error));
    give_alias(engine, theirs, 1, ALIAS);
    check_unknown(engine, ours, ALIAS);
    CHECK(statistics(ours).rejected == 1);
    check_unknown(engine, theirs, ALIAS);
    CHECK(statistics(theirs).rejected == 0);
    hostel_cache_free(ours);
    hostel_cache_free(theirs);
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(what_one_machine_compiles_the_others_find),
      TEST(memory_before_it_keeps_what_it_had),
      TEST(it_counts_like_the_others),
      TEST(what_is_removed_is_gone_for_all),
      TEST(what_is_sealed_with_another_key_is_rebuilt),
      TEST(a_rejected_entry_is_removed),
      TEST(damaged_bytes_are_rebuilt),
      TEST(an_artifact_larger_than_the_cap_is_neither_saved_nor_loaded),
      TEST(a_wrong_password_is_a_miss_and_is_not_told),
      TEST(an_alias_leads_every_machine_to_the_module),
      TEST(the_latest_module_of_an_alias_wins_for_all),
      TEST(an_alias_of_another_key_leads_nowhere_and_is_removed),
  };
  return has_remote_caches() ? RUN_TESTS(argc, argv, tests) : 77;
}
