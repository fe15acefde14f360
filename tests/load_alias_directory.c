/* load_alias_directory.c: the files in which a directory keeps aliases: who sees them, what is wrong with them, when they go. */
#include "check_alias.h"
#include "check_operators.h"

#include <fcntl.h>

/* A directory with modules 1 and 2 in it, each with an alias. */
typedef struct place {
  path directory, alias, other_alias;
} place;

static place new_place(const hostel_engine *engine) {
  place place = {.directory = new_directory()};
  hostel_cache *cache = directory_cache(place.directory.text, LARGE);
  give_alias(engine, cache, 1, ALIAS);
  place.alias = alias_in(place.directory.text, "");
  give_alias(engine, cache, 2, OTHER_ALIAS);
  place.other_alias = alias_in(place.directory.text, place.alias.text);
  hostel_cache_free(cache);
  return place;
}

static size_t aliases_of(const hostel_cache_listing *listing) {
  size_t aliases = 0;
  for (size_t i = 0; i < hostel_cache_listing_count(listing); i++) {
    aliases += entry_at(listing, i).is_alias;
  }
  return aliases;
}

static void aliases_are_listed_apart_and_counted_as_no_entries(const hostel_engine *engine) {
  const place place = new_place(engine);
  hostel_cache *cache = directory_cache(place.directory.text, LARGE);
  hostel_cache_listing *listing = list(&place.directory);
  hostel_buffer json = RUBBISH_BUFFER;
  CHECK(hostel_cache_listing_count(listing) == 4 && aliases_of(listing) == 2);
  CHECK(statistics(cache).entries == 2);
  HAS_STATE(listing, place.alias, HOSTEL_CACHE_ENTRY_UNCHECKED, "");
  SUCCEEDS(hostel_cache_listing_json(listing, &json, &error));
  json.data[json.len - 1] = '\0';
  const char *text = (const char *)json.data, *aliases = strstr(text, "\"aliases\":["), *entries = strstr(text, "\"entries\":[");
  REQUIRE(aliases != NULL && entries != NULL && aliases < entries);
  const char *first = strstr(text, strrchr(place.alias.text, '/') + 1), *entry = strstr(text, ".hostel\"");
  CHECK(first > aliases && first < entries && entry > entries);
  hostel_buffer_free(&json);
  hostel_cache_listing_free(listing);
  hostel_cache_free(cache);
  remove_all(place.directory.text);
}

static void a_sound_alias_is_ok_and_stays(const hostel_engine *engine) {
  const place place = new_place(engine);
  hostel_cache_listing *listing = verify(&place.directory);
  HAS_STATE(listing, place.alias, HOSTEL_CACHE_ENTRY_OK, "");
  HAS_STATE(listing, place.other_alias, HOSTEL_CACHE_ENTRY_OK, "");
  hostel_cache_listing_free(listing);
  const hostel_cache_pruned pruned = prune(&place.directory, UINT64_MAX);
  CHECK(pruned.leftovers == 0 && pruned.damaged == 0 && pruned.evicted == 0 && pruned.bytes == 0);
  remove_all(place.directory.text);
}

static void a_damaged_alias_is_told_and_goes(const hostel_engine *engine) {
  const place place = new_place(engine);
  const path artifact = entry_of(place.directory.text, engine, 1);
  size_t len, other_len, artifact_len;
  uint8_t *record = read_file(place.alias.text, &len), *other = read_file(place.other_alias.text, &other_len);
  uint8_t *code = read_file(artifact.text, &artifact_len);
  for (size_t at = 0; at < len; at++) {
    record[at] ^= 16;
    write_file(place.alias.text, record, len);
    record[at] ^= 16;
    IS_DAMAGED(place.directory, place.alias, "");
    write_file(place.alias.text, record, at);
    IS_DAMAGED(place.directory, place.alias, "cut off");
  }
  write_file(place.alias.text, other, other_len);
  IS_DAMAGED(place.directory, place.alias, "another module or alias");
  write_file(place.alias.text, code, artifact_len);
  IS_DAMAGED(place.directory, place.alias, "another kind");
  write_file(artifact.text, record, len);
  IS_DAMAGED(place.directory, artifact, "another kind");
  REQUIRE(symlink(place.other_alias.text, place.alias.text) == 0);
  IS_DAMAGED(place.directory, place.alias, "not a file");
  CHECK(access(place.other_alias.text, F_OK) == 0);
  free(record);
  free(other);
  free(code);
  remove_all(place.directory.text);
}

static void an_alias_of_another_key_or_engine_is_foreign_and_stays(const hostel_engine *engine) {
  place place = new_place(engine);
  hostel_cache *cache = RUBBISH;
  REQUIRE(remove(place.alias.text) == 0);
  SUCCEEDS(hostel_cache_directory_new(place.directory.text, OTHER_KEY, LARGE, 0, &cache, &error));
  give_alias(engine, cache, 1, ALIAS);
  hostel_cache_free(cache);
  hostel_cache_listing *listing = verify(&place.directory);
  HAS_STATE(listing, place.alias, HOSTEL_CACHE_ENTRY_FOREIGN, "another key");
  HAS_STATE(listing, place.other_alias, HOSTEL_CACHE_ENTRY_OK, "");
  hostel_cache_listing_free(listing);
  CHECK(prune(&place.directory, UINT64_MAX).damaged == 0 && access(place.alias.text, F_OK) == 0);
  const path known = only_folder(place.directory.text);
  const path unknown = path_in(place.directory.text, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
  REQUIRE(rename(known.text, unknown.text) == 0);
  listing = verify(&place.directory);
  HAS_STATE(listing, place.other_alias, HOSTEL_CACHE_ENTRY_FOREIGN, "another engine");
  hostel_cache_listing_free(listing);
  CHECK(prune(&place.directory, UINT64_MAX).damaged == 0 && count_in(unknown.text) == 4);
  remove_all(place.directory.text);
}

static void an_alias_that_was_not_used_for_longest_goes_first(const hostel_engine *engine) {
  const place place = new_place(engine);
  const struct timespec times[] = {{.tv_sec = 1}, {.tv_sec = 1}};
  REQUIRE(utimensat(AT_FDCWD, place.other_alias.text, times, 0) == 0);
  hostel_cache_listing *listing = list(&place.directory);
  uint64_t bytes = 0;
  CHECK(entry_at(listing, 0).is_alias && entry_at(listing, 0).used == 1);
  for (size_t i = 1; i < hostel_cache_listing_count(listing); i++) {
    bytes += entry_at(listing, i).bytes;
  }
  hostel_cache_listing_free(listing);
  CHECK(prune(&place.directory, bytes).evicted == 1);
  CHECK(access(place.other_alias.text, F_OK) != 0 && access(place.alias.text, F_OK) == 0);
  CHECK(prune(&place.directory, 0).evicted == 3 && count_in(only_folder(place.directory.text).text) == 0);
  remove_all(place.directory.text);
}

static void an_alias_that_a_killed_writer_left_goes(const hostel_engine *engine) {
  const place place = new_place(engine);
  path left = place.alias;
  char *end = strrchr(left.text, '.');
  REQUIRE(strlen(left.text) + 16 < sizeof left.text);
  memcpy(end, ".1.1.tmp", sizeof ".1.1.tmp");
  write_file(left.text, TEXT("half"));
  const hostel_cache_pruned pruned = prune(&place.directory, UINT64_MAX);
  CHECK(pruned.leftovers == 1 && pruned.bytes == 4 && access(left.text, F_OK) != 0);
  write_file(left.text, TEXT("half"));
  hostel_cache *cache = directory_cache(place.directory.text, LARGE);
  give_alias(engine, cache, 2, ALIAS); /* whoever writes sweeps */
  CHECK(access(left.text, F_OK) != 0 && count_in(only_folder(place.directory.text).text) == 4);
  hostel_cache_free(cache);
  remove_all(place.directory.text);
}

/* What stands in place of the alias leads nowhere, and the next load replaces it. */
static void is_replaced(const hostel_engine *engine, const place *place) {
  hostel_cache *cache = directory_cache(place->directory.text, LARGE);
  check_unknown(engine, cache, ALIAS);
  CHECK(statistics(cache).rejected == 1);
  give_alias(engine, cache, 1, ALIAS);
  CHECK_MODULE(load_alias(engine, cache, ALIAS), 1, "directory");
  hostel_cache_free(cache);
}

static void what_is_no_file_leads_nowhere_and_is_replaced(const hostel_engine *engine) {
  const place place = new_place(engine);
  const path outside = new_directory(), good = path_in(outside.text, "good");
  alarm(20); /* ends what waits for ever */
  REQUIRE(rename(place.alias.text, good.text) == 0);
  const char *const targets[] = {good.text, "/dev/zero", "/", "nowhere", place.alias.text};
  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
    (void)remove(place.alias.text);
    REQUIRE(symlink(targets[i], place.alias.text) == 0);
    is_replaced(engine, &place);
  }
  CHECK(access(good.text, F_OK) == 0);
  REQUIRE(remove(place.alias.text) == 0 && mkfifo(place.alias.text, 0600) == 0);
  is_replaced(engine, &place);
  REQUIRE(remove(place.alias.text) == 0 && mkdir(place.alias.text, 0700) == 0);
  is_replaced(engine, &place);
  alarm(0);
  remove_all(outside.text);
  remove_all(place.directory.text);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(aliases_are_listed_apart_and_counted_as_no_entries),
      TEST(a_sound_alias_is_ok_and_stays),
      TEST(a_damaged_alias_is_told_and_goes),
      TEST(an_alias_of_another_key_or_engine_is_foreign_and_stays),
      TEST(an_alias_that_was_not_used_for_longest_goes_first),
      TEST(an_alias_that_a_killed_writer_left_goes),
      TEST(what_is_no_file_leads_nowhere_and_is_replaced),
  };
  return RUN_TESTS(argc, argv, tests);
}
