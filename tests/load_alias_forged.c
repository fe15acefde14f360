/* load_alias_forged.c: what is in the place of an alias and leads nowhere. */
#include "check_alias.h"

/* With these bytes in the place of the alias, it leads nowhere, and they are removed. */
static void refuses_record(const hostel_engine *engine, const char *directory, const path *file, const uint8_t *bytes,
                           size_t len) {
  hostel_cache *cache = directory_cache(directory, LARGE);
  write_file(file->text, bytes, len);
  check_unknown(engine, cache, ALIAS);
  CHECK(statistics(cache).rejected == 1 && access(file->text, F_OK) != 0);
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
  memcpy(record + record_len - 12, "hostel-seal\n", 12);
  hostel_module *module = RUBBISH;
  FAILS(ARTIFACT_CORRUPT, "key", hostel_module_deserialize(engine, record, record_len, SEAL_KEY, &module, &error));
  CHECK(module == NULL);
  memcpy(artifact + artifact_len - 12, "hostel-name\n", 12);
  refuses_record(engine, directory.text, &file, artifact, artifact_len);
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
      TEST(a_damaged_alias_leads_nowhere),
      TEST(nobody_without_the_key_makes_an_alias),
      TEST(an_alias_cannot_be_put_in_the_place_of_another),
      TEST(an_artifact_is_no_alias_and_an_alias_no_artifact),
      TEST(a_full_directory_lets_go_of_aliases),
  };
  return RUN_TESTS(argc, argv, tests);
}
