/* cache_operators.c: what a directory holds, what of it is damaged or foreign, and what can go. */
#include "check_operators.h"

#include <time.h>

/* A directory with the artifacts of modules 1 to 3 in it. */
static path new_filled(const hostel_engine *engine) {
  const path directory = new_directory();
  hostel_cache *cache = directory_cache(directory.text, LARGE);
  for (unsigned number = 1; number <= 3; number++) {
    COMES_FROM("compiled", engine, cache, number);
    usleep(20000); /* so that one was used before the other */
  }
  hostel_cache_free(cache);
  return directory;
}

static void a_listing_tells_each_entry(const hostel_engine *engine) {
  const path directory = new_filled(engine);
  hostel_cache_listing *listing = list(&directory);
  CHECK(hostel_cache_listing_count(listing) == 3 && hostel_cache_listing_count(NULL) == 0);
  for (unsigned i = 0; i < 3; i++) {
    const hostel_cache_entry entry = entry_at(listing, i);
    const path file = entry_of(directory.text, engine, i + 1);
    struct stat about;
    REQUIRE(stat(file.text, &about) == 0);
    CHECK(strcmp(path_in(directory.text, entry.file).text, file.text) == 0);
    CHECK(strcmp(entry.engine, hostel_engine_name(engine)) == 0);
    CHECK(strlen(entry.module_key) == 64 && strstr(file.text, entry.module_key) != NULL);
    CHECK(strlen(entry.fingerprint) == 64 && strstr(file.text, entry.fingerprint) != NULL);
    CHECK(entry.bytes == (uint64_t)about.st_size && entry.used == (uint64_t)about.st_mtime);
    CHECK(entry.state == HOSTEL_CACHE_ENTRY_UNCHECKED && entry.reason[0] == '\0');
  }
  hostel_buffer json = RUBBISH_BUFFER;
  SUCCEEDS(hostel_cache_listing_json(listing, &json, &error));
  json.data[json.len - 1] = '\0';
  CHECK(strstr((const char *)json.data, entry_at(listing, 2).module_key) != NULL);
  CHECK(strstr((const char *)json.data, "\"state\":null") != NULL);
  hostel_buffer_free(&json);
  hostel_cache_listing_free(listing);
  remove_all(directory.text);
}

static void what_was_made_here_is_ok(const hostel_engine *engine) {
  const path directory = new_filled(engine);
  hostel_cache_listing *listing = verify(&directory);
  for (size_t i = 0; i < 3; i++) {
    const hostel_cache_entry entry = entry_at(listing, i);
    CHECK(entry.state == HOSTEL_CACHE_ENTRY_OK && entry.reason[0] == '\0');
  }
  hostel_cache_listing_free(listing);
  const hostel_cache_pruned pruned = prune(&directory, UINT64_MAX);
  CHECK(pruned.leftovers == 0 && pruned.damaged == 0 && pruned.evicted == 0 && pruned.bytes == 0);
  remove_all(directory.text);
}

static void what_is_damaged_is_told_and_goes(const hostel_engine *engine) {
  const path directory = new_filled(engine), entry = entry_of(directory.text, engine, 2);
  size_t len, other_len;
  uint8_t *bytes = read_file(entry.text, &len);
  uint8_t *other = read_file(entry_of(directory.text, engine, 3).text, &other_len);
  uint64_t state = 0x9e3779b97f4a7c15;
  for (size_t i = 0; i < 400; i++) {
    /* A flipped bit, each byte of the end among them; then a cut. */
    const size_t at = i < 200 ? len - 1 - i : random_below(&state, len);
    bytes[at] ^= (uint8_t)(1 << i % 8);
    write_file(entry.text, bytes, len);
    bytes[at] ^= (uint8_t)(1 << i % 8);
    IS_DAMAGED(directory, entry, "");
    write_file(entry.text, bytes, at);
    IS_DAMAGED(directory, entry, "cut off");
  }
  write_file(entry.text, other, other_len);
  IS_DAMAGED(directory, entry, "another module");
  REQUIRE(mkfifo(entry.text, 0600) == 0);
  IS_DAMAGED(directory, entry, "not a file");
  REQUIRE(symlink("/dev/zero", entry.text) == 0);
  IS_DAMAGED(directory, entry, "not a file");
  REQUIRE(mkdir(entry.text, 0700) == 0);
  IS_DAMAGED(directory, entry, "not a file");
  free(bytes);
  free(other);
  remove_all(directory.text);
}

static void what_lies_in_another_engines_folder_is_damaged(const hostel_engine *engine) {
  hostel_engine *other = other_engine(engine);
  if (other == NULL) {
    return;
  }
  const path directory = new_filled(engine), foreign = new_filled(other);
  const path entry = entry_of(directory.text, engine, 2);
  size_t len;
  uint8_t *bytes = read_file(entry_of(foreign.text, other, 2).text, &len);
  write_file(entry.text, bytes, len);
  IS_DAMAGED(directory, entry, "another engine");
  free(bytes);
  hostel_engine_free(other);
  remove_all(directory.text);
  remove_all(foreign.text);
}

static void what_another_key_has_sealed_is_foreign_and_stays(const hostel_engine *engine) {
  const path directory = new_filled(engine), entry = entry_of(directory.text, engine, 2);
  hostel_cache *cache = RUBBISH;
  SUCCEEDS(hostel_cache_directory_new(directory.text, OTHER_KEY, LARGE, 0, &cache, &error));
  COMES_FROM("compiled", engine, cache, 2);
  hostel_cache_free(cache);
  hostel_cache_listing *listing = verify(&directory);
  HAS_STATE(listing, entry, HOSTEL_CACHE_ENTRY_FOREIGN, "another key");
  hostel_cache_listing_free(listing);
  CHECK(prune(&directory, UINT64_MAX).damaged == 0 && access(entry.text, F_OK) == 0);
  remove_all(directory.text);
}

static void what_an_unknown_engine_has_made_is_foreign_and_stays(const hostel_engine *engine) {
  const path directory = new_filled(engine);
  const path known = only_folder(directory.text);
  const path unknown = path_in(directory.text, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
  REQUIRE(rename(known.text, unknown.text) == 0);
  const path entry = entry_of(directory.text, engine, 2);
  hostel_cache_listing *listing = verify(&directory);
  CHECK(hostel_cache_listing_count(listing) == 3 && entry_at(listing, 0).engine == NULL);
  HAS_STATE(listing, entry, HOSTEL_CACHE_ENTRY_FOREIGN, "another engine");
  hostel_cache_listing_free(listing);
  CHECK(prune(&directory, UINT64_MAX).damaged == 0 && count_in(unknown.text) == 3);
  CHECK(prune(&directory, 0).evicted == 3 && count_in(unknown.text) == 0);
  remove_all(directory.text);
}

static void what_was_not_used_for_longest_goes_first(const hostel_engine *engine) {
  const path directory = new_filled(engine);
  hostel_cache_listing *listing = list(&directory);
  const uint64_t bytes[] = {entry_at(listing, 0).bytes, entry_at(listing, 1).bytes, entry_at(listing, 2).bytes};
  hostel_cache_listing_free(listing);
  CHECK(prune(&directory, bytes[0] + bytes[1] + bytes[2]).evicted == 0);
  hostel_cache_pruned pruned = prune(&directory, bytes[1] + bytes[2]);
  CHECK(pruned.evicted == 1 && pruned.bytes == bytes[0] && pruned.damaged == 0 && pruned.leftovers == 0);
  CHECK(access(entry_of(directory.text, engine, 1).text, F_OK) != 0);
  pruned = prune(&directory, bytes[2]);
  CHECK(pruned.evicted == 1 && access(entry_of(directory.text, engine, 3).text, F_OK) == 0);
  CHECK(prune(&directory, 0).evicted == 1);
  remove_all(directory.text);
}

static void what_killed_writers_left_goes(const hostel_engine *engine) {
  const path directory = new_filled(engine);
  write_file(file_of(directory.text, engine, 2, ".1.1.tmp").text, TEXT("half"));
  write_file(file_of(directory.text, engine, 7, ".lock").text, TEXT(""));
  write_file(path_in(only_folder(directory.text).text, "other.tmp").text, TEXT("mine"));
  hostel_cache_listing *listing = verify(&directory);
  CHECK(hostel_cache_listing_count(listing) == 3);
  hostel_cache_listing_free(listing);
  const hostel_cache_pruned pruned = prune(&directory, UINT64_MAX);
  CHECK(pruned.leftovers == 2 && pruned.bytes == 4 && count_in(only_folder(directory.text).text) == 4);
  remove_all(directory.text);
}

static void a_directory_that_is_not_there_is_not_made(const hostel_engine *engine) {
  (void)engine;
  const path parent = new_directory(), nowhere = path_in(parent.text, "nowhere"), file = path_in(parent.text, "file");
  hostel_cache_pruned pruned = {.struct_size = sizeof pruned};
  write_file(file.text, TEXT("x"));
  const char *const paths[] = {nowhere.text, file.text};
  for (int i = 0; i < 2; i++) {
    hostel_cache_listing *listing = RUBBISH;
    FAILS(CACHE_IO, paths[i], hostel_cache_directory_list(paths[i], 0, &listing, &error));
    CHECK(listing == NULL);
    listing = RUBBISH;
    FAILS(CACHE_IO, paths[i], hostel_cache_directory_verify(paths[i], SEAL_KEY, 0, &listing, &error));
    CHECK(listing == NULL);
    FAILS(CACHE_IO, paths[i], hostel_cache_directory_prune(paths[i], SEAL_KEY, 1, 0, &pruned, &error));
  }
  CHECK(access(nowhere.text, F_OK) != 0);
  remove_all(parent.text);
}

static void a_directory_that_others_may_write_must_be_trusted(const hostel_engine *engine) {
  const path directory = new_filled(engine);
  const char *where = directory.text;
  const uint32_t trust = HOSTEL_CACHE_TRUST_DIRECTORY;
  hostel_cache_listing *listing = RUBBISH;
  hostel_cache_pruned pruned = {.struct_size = sizeof pruned};
  REQUIRE(chmod(where, 0770) == 0);
  FAILS(CACHE_IO, where, hostel_cache_directory_list(where, 0, &listing, &error));
  FAILS(CACHE_IO, where, hostel_cache_directory_verify(where, SEAL_KEY, 0, &listing, &error));
  FAILS(CACHE_IO, where, hostel_cache_directory_prune(where, SEAL_KEY, 0, 0, &pruned, &error));
  SUCCEEDS(hostel_cache_directory_list(where, trust, &listing, &error));
  CHECK(hostel_cache_listing_count(listing) == 3);
  hostel_cache_listing_free(listing);
  SUCCEEDS(hostel_cache_directory_verify(where, SEAL_KEY, trust, &listing, &error));
  hostel_cache_listing_free(listing);
  SUCCEEDS(hostel_cache_directory_prune(where, SEAL_KEY, 0, trust, &pruned, &error));
  CHECK(pruned.evicted == 3);
  remove_all(directory.text);
}

static void each_argument_is_checked(const hostel_engine *engine) {
  const path directory = new_filled(engine);
  const char *where = directory.text;
  hostel_cache_listing *listing = RUBBISH;
  hostel_cache_pruned pruned = {.struct_size = sizeof pruned}, wrong = {.struct_size = sizeof wrong - 1};
  hostel_cache_entry entry = {.struct_size = sizeof entry}, small = {.struct_size = 8};
  hostel_buffer json = RUBBISH_BUFFER;
  FAILS(INVALID_ARGUMENT, "path", hostel_cache_directory_list(NULL, 0, &listing, &error));
  CHECK(listing == NULL);
  FAILS(INVALID_ARGUMENT, "flags", hostel_cache_directory_list(where, 2, &listing, &error));
  FAILS(INVALID_ARGUMENT, "listing_out", hostel_cache_directory_list(where, 0, NULL, &error));
  FAILS(INVALID_ARGUMENT, "path", hostel_cache_directory_verify(NULL, SEAL_KEY, 0, &listing, &error));
  FAILS(INVALID_ARGUMENT, "key", hostel_cache_directory_verify(where, TEXT("short"), 0, &listing, &error));
  FAILS(INVALID_ARGUMENT, "key", hostel_cache_directory_verify(where, NULL, 32, 0, &listing, &error));
  FAILS(INVALID_ARGUMENT, "flags", hostel_cache_directory_verify(where, SEAL_KEY, 2, &listing, &error));
  FAILS(INVALID_ARGUMENT, "listing_out", hostel_cache_directory_verify(where, SEAL_KEY, 0, NULL, &error));
  FAILS(INVALID_ARGUMENT, "path", hostel_cache_directory_prune(NULL, SEAL_KEY, 0, 0, &pruned, &error));
  FAILS(INVALID_ARGUMENT, "key", hostel_cache_directory_prune(where, TEXT("short"), 0, 0, &pruned, &error));
  FAILS(INVALID_ARGUMENT, "flags", hostel_cache_directory_prune(where, SEAL_KEY, 0, 2, &pruned, &error));
  FAILS(INVALID_ARGUMENT, "pruned_out", hostel_cache_directory_prune(where, SEAL_KEY, 0, 0, NULL, &error));
  FAILS(INVALID_ARGUMENT, "struct_size", hostel_cache_directory_prune(where, SEAL_KEY, 0, 0, &wrong, &error));
  listing = list(&directory);
  CHECK(hostel_cache_listing_count(listing) == 3);
  FAILS(INVALID_ARGUMENT, "listing", hostel_cache_listing_entry(NULL, 0, &entry, &error));
  FAILS(INVALID_ARGUMENT, "index", hostel_cache_listing_entry(listing, 3, &entry, &error));
  FAILS(INVALID_ARGUMENT, "entry_out", hostel_cache_listing_entry(listing, 0, NULL, &error));
  FAILS(INVALID_ARGUMENT, "struct_size", hostel_cache_listing_entry(listing, 0, &small, &error));
  FAILS(INVALID_ARGUMENT, "listing", hostel_cache_listing_json(NULL, &json, &error));
  CHECK(json.data == NULL && json.len == 0);
  FAILS(INVALID_ARGUMENT, "json_out", hostel_cache_listing_json(listing, NULL, &error));
  hostel_cache_listing_free(listing);
  hostel_cache_listing_free(NULL);
  remove_all(directory.text);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_listing_tells_each_entry),
      TEST(what_was_made_here_is_ok),
      TEST(what_is_damaged_is_told_and_goes),
      TEST(what_lies_in_another_engines_folder_is_damaged),
      TEST(what_another_key_has_sealed_is_foreign_and_stays),
      TEST(what_an_unknown_engine_has_made_is_foreign_and_stays),
      TEST(what_was_not_used_for_longest_goes_first),
      TEST(what_killed_writers_left_goes),
      TEST(a_directory_that_is_not_there_is_not_made),
      TEST(a_directory_that_others_may_write_must_be_trusted),
      TEST(each_argument_is_checked),
  };
  return RUN_TESTS(argc, argv, tests);
}
