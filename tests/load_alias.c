/* load_alias.c: names of the host's own that lead to modules, and that nobody can forge. */
#include "check_cache.h"

#define ALIAS (const uint8_t *)"an alias of the tests: 32 bytes."
#define OTHER_ALIAS (const uint8_t *)"some other alias: also 32 bytes."

static hostel_module *load_aliased(const hostel_engine *engine, const hostel_cache *cache, unsigned number,
                                   const uint8_t *alias) {
  hostel_load_options *options = new_load_options();
  hostel_module *module = RUBBISH;
  hostel_buffer wasm = numbered_wasm(number);
  SUCCEEDS(hostel_load_options_set_alias(options, alias, &error));
  SUCCEEDS(hostel_module_load(engine, cache, wasm.data, wasm.len, options, &module, &error));
  hostel_buffer_free(&wasm);
  hostel_load_options_free(options);
  return module;
}

/* Loads module `number` under an alias and lets go of it. */
static void give_alias(const hostel_engine *engine, const hostel_cache *cache, unsigned number, const uint8_t *alias) {
  hostel_module_free(load_aliased(engine, cache, number, alias));
}

static hostel_module *load_alias(const hostel_engine *engine, const hostel_cache *cache, const uint8_t *alias) {
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load_alias(engine, cache, alias, &module, &error));
  return module;
}

static void check_unknown(const hostel_engine *engine, const hostel_cache *cache, const uint8_t *alias) {
  hostel_module *module = RUBBISH;
  FAILS(NOT_CACHED, "", hostel_module_load_alias(engine, cache, alias, &module, &error));
  CHECK(module == NULL);
}

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

/* ---- forged aliases ---- */

/* The only alias in a cache's directory that is not `but`. */
static path alias_in(const char *directory, const char *but) {
  const path folder = only_folder(directory);
  path found = {""};
  DIR *files = opendir(folder.text);
  REQUIRE(files != NULL);
  for (struct dirent *entry; (entry = readdir(files)) != NULL;) {
    const path file = path_in(folder.text, entry->d_name);
    const char *end = strrchr(entry->d_name, '.');
    if (end != NULL && strcmp(end, ".alias") == 0 && strcmp(file.text, but) != 0) {
      REQUIRE(found.text[0] == '\0');
      found = file;
    }
  }
  closedir(files);
  REQUIRE(found.text[0] != '\0');
  return found;
}

/* With these bytes in the place of the alias, it leads nowhere. */
static void refuses_record(const hostel_engine *engine, const char *directory, const path *file, const uint8_t *bytes,
                           size_t len) {
  hostel_cache *cache = directory_cache(directory, LARGE);
  write_file(file->text, bytes, len);
  check_unknown(engine, cache, ALIAS);
  CHECK(statistics(cache).rejected == 1);
  hostel_cache_free(cache);
}

static void a_damaged_alias_leads_nowhere(const hostel_engine *engine) {
  const path directory = new_directory();
  hostel_cache *cache = directory_cache(directory.text, LARGE);
  give_alias(engine, cache, 1, ALIAS);
  const path file = alias_in(directory.text, "");
  size_t len = 0;
  uint8_t *record = read_file(file.text, &len);
  for (size_t at = 0; at < len; at++) {
    record[at] ^= 1;
    refuses_record(engine, directory.text, &file, record, len);
    record[at] ^= 1;
  }
  for (size_t cut = 0; cut < len; cut++) {
    refuses_record(engine, directory.text, &file, record, cut);
  }
  write_file(file.text, record, len);
  CHECK_MODULE(load_alias(engine, cache, ALIAS), 1, "directory");
  write_file(file.text, record, len - 1);
  give_alias(engine, cache, 1, ALIAS); /* and the next load writes it anew */
  CHECK_MODULE(load_alias(engine, cache, ALIAS), 1, "directory");
  free(record);
  hostel_cache_free(cache);
  remove_all(directory.text);
}

static void nobody_without_the_key_makes_an_alias(const hostel_engine *engine) {
  const path ours = new_directory(), theirs = new_directory();
  hostel_cache *cache = directory_cache(ours.text, LARGE), *forger = RUBBISH;
  SUCCEEDS(hostel_cache_directory_new(theirs.text, OTHER_KEY, LARGE, 0, &forger, &error));
  give_alias(engine, cache, 1, ALIAS);
  COMES_FROM("compiled", engine, cache, 2);
  give_alias(engine, forger, 2, ALIAS);
  size_t len = 0;
  const path file = alias_in(ours.text, "");
  uint8_t *forged = read_file(alias_in(theirs.text, "").text, &len);
  refuses_record(engine, ours.text, &file, forged, len);
  free(forged);
  hostel_cache_free(cache);
  hostel_cache_free(forger);
  remove_all(ours.text);
  remove_all(theirs.text);
}

static void an_alias_cannot_be_put_in_the_place_of_another(const hostel_engine *engine) {
  const path directory = new_directory();
  hostel_cache *cache = directory_cache(directory.text, LARGE);
  give_alias(engine, cache, 1, ALIAS);
  const path file = alias_in(directory.text, "");
  give_alias(engine, cache, 2, OTHER_ALIAS);
  size_t len = 0;
  uint8_t *other = read_file(alias_in(directory.text, file.text).text, &len);
  refuses_record(engine, directory.text, &file, other, len);
  free(other);
  hostel_cache_free(cache);
  remove_all(directory.text);
}

static void an_artifact_is_no_alias_and_an_alias_no_artifact(const hostel_engine *engine) {
  const path directory = new_directory();
  hostel_cache *cache = directory_cache(directory.text, LARGE);
  give_alias(engine, cache, 1, ALIAS);
  const path file = alias_in(directory.text, ""), entry = entry_of(directory.text, engine, 1);
  size_t record_len = 0, artifact_len = 0;
  uint8_t *record = read_file(file.text, &record_len), *artifact = read_file(entry.text, &artifact_len);
  refuses_record(engine, directory.text, &file, artifact, artifact_len);
  /* Nor when it is dressed up: the bytes with their proof, and the other kind's end. */
  memcpy(record + record_len - 13, "hostel-seal\n", 12);
  hostel_module *module = RUBBISH;
  FAILS(ARTIFACT_CORRUPT, "key", hostel_module_deserialize(engine, record, record_len - 1, SEAL_KEY, &module, &error));
  CHECK(module == NULL);
  uint8_t *dressed = malloc(artifact_len + 1);
  REQUIRE(dressed != NULL);
  memcpy(dressed, artifact, artifact_len);
  memcpy(dressed + artifact_len - 12, "hostel-alias\n", 13);
  refuses_record(engine, directory.text, &file, dressed, artifact_len + 1);
  free(dressed);
  free(record);
  free(artifact);
  hostel_cache_free(cache);
  remove_all(directory.text);
}

static void a_full_directory_lets_go_of_aliases(const hostel_engine *engine) {
  const path directory = new_directory();
  hostel_cache *cache = directory_cache(directory.text, LARGE);
  give_alias(engine, cache, 1, ALIAS);
  const path file = alias_in(directory.text, "");
  hostel_cache_free(cache);
  cache = directory_cache(directory.text, 1); /* whatever is kept is too much */
  COMES_FROM("compiled", engine, cache, 2);
  CHECK(access(file.text, F_OK) != 0);
  hostel_cache_free(cache);
  remove_all(directory.text);
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
      TEST(a_damaged_alias_leads_nowhere),
      TEST(nobody_without_the_key_makes_an_alias),
      TEST(an_alias_cannot_be_put_in_the_place_of_another),
      TEST(an_artifact_is_no_alias_and_an_alias_no_artifact),
      TEST(a_full_directory_lets_go_of_aliases),
  };
  return RUN_TESTS(argc, argv, tests);
}
