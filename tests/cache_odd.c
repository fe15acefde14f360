/* cache_odd.c: what is odd in a directory of compiled code (links, what is no file, times to come) turns nothing else off. */
#define _GNU_SOURCE
#include "check_operators.h"

#include <fcntl.h>
#include <time.h>

enum { SLACK = 256 }; /* artifacts of these modules differ by a few bytes */

/* A folder as another engine would have it. */
static const char UNKNOWN[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/* A directory with the artifacts of modules 1 to 3 in it, in this order of use, and where they are. */
typedef struct filled {
  path directory, folder, entries[4];
  uint64_t bytes[4];
} filled;

static filled new_filled(const hostel_engine *engine) {
  filled filled = {.directory = new_directory()};
  hostel_cache *cache = directory_cache(filled.directory.text, LARGE);
  for (unsigned number = 1; number <= 3; number++) {
    COMES_FROM("compiled", engine, cache, number);
    usleep(20000);
    struct stat about;
    filled.entries[number] = entry_of(filled.directory.text, engine, number);
    REQUIRE(stat(filled.entries[number].text, &about) == 0);
    filled.bytes[number] = (uint64_t)about.st_size;
  }
  filled.folder = only_folder(filled.directory.text);
  hostel_cache_free(cache);
  return filled;
}

static unsigned sound_ones(const filled *filled) {
  unsigned sound = 0;
  hostel_cache_listing *listing = verify(&filled->directory);
  for (size_t i = 0; i < hostel_cache_listing_count(listing); i++) {
    sound += entry_at(listing, i).state == HOSTEL_CACHE_ENTRY_OK;
  }
  hostel_cache_listing_free(listing);
  return sound;
}

/* Beside what is odd, all is as usual: loads, listing, verifying, eviction. */
static void the_rest_works(const hostel_engine *engine, const filled *filled) {
  hostel_cache *cache = directory_cache(filled->directory.text, LARGE);
  for (unsigned number = 1; number <= 3; number++) {
    COMES_FROM("directory", engine, cache, number);
    usleep(20000);
  }
  hostel_cache_free(cache);
  CHECK(sound_ones(filled) == 3);
  cache = directory_cache(filled->directory.text, filled->bytes[2] + filled->bytes[3] + SLACK);
  COMES_FROM("compiled", engine, cache, 4); /* 1 and 2 make room */
  COMES_FROM("directory", engine, cache, 3);
  COMES_FROM("directory", engine, cache, 4);
  CHECK(statistics(cache).evictions == 2);
  hostel_cache_free(cache);
}

/* ---- links ---- */

static void a_folder_that_is_a_link_is_not_followed(const hostel_engine *engine) {
  const filled there = new_filled(engine);
  const path directory = new_directory(), link = path_in(directory.text, strrchr(there.folder.text, '/') + 1);
  const struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
  REQUIRE(symlink(there.folder.text, link.text) == 0);
  REQUIRE(utimensat(AT_FDCWD, there.entries[1].text, long_ago, 0) == 0);
  hostel_cache *cache = directory_cache(directory.text, LARGE);
  uint8_t key[HOSTEL_KEY_BYTES];
  struct stat after;
  key_of(engine, 1, key);
  CHECK(!hostel_cache_contains_module(cache, engine, key));
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("compiled", engine, cache, 4);
  SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
  CHECK(statistics(cache).entries == 0);
  hostel_cache_listing *listing = verify(&directory);
  CHECK(hostel_cache_listing_count(listing) == 0);
  hostel_cache_listing_free(listing);
  CHECK(prune(&directory, 0).evicted == 0);
  CHECK(count_in(there.folder.text) == 3);
  CHECK(stat(there.entries[1].text, &after) == 0 && after.st_mtime == 1);
  hostel_cache_free(cache);
  REQUIRE(unlink(link.text) == 0);
  remove_all(directory.text);
  remove_all(there.directory.text);
}

static void a_linked_folder_beside_turns_nothing_off(const hostel_engine *engine) {
  const filled filled = new_filled(engine), there = new_filled(engine);
  const path link = path_in(filled.directory.text, UNKNOWN);
  REQUIRE(symlink(there.folder.text, link.text) == 0);
  the_rest_works(engine, &filled);
  CHECK(count_in(there.folder.text) == 3);
  REQUIRE(unlink(link.text) == 0);
  remove_all(there.directory.text);
  remove_all(filled.directory.text);
}

static void a_file_in_a_folders_place_turns_nothing_off(const hostel_engine *engine) {
  const filled filled = new_filled(engine);
  const path file = path_in(filled.directory.text, UNKNOWN);
  write_file(file.text, TEXT("a file"));
  the_rest_works(engine, &filled);
  CHECK(remove(file.text) == 0 && mkfifo(file.text, 0600) == 0);
  CHECK(sound_ones(&filled) == 2 && prune(&filled.directory, 0).evicted == 2);
  remove_all(filled.directory.text);
}

/* ---- times ---- */

static void set_used(const path *entry, time_t when) {
  const struct timespec times[2] = {{.tv_sec = when}, {.tv_sec = when}};
  REQUIRE(utimensat(AT_FDCWD, entry->text, times, 0) == 0);
}

static void what_is_of_times_to_come_goes_first(const hostel_engine *engine) {
  static const time_t hence[] = {3600, 24 * 3600, 10L * 365 * 24 * 3600};
  for (int i = 0; i < 3; i++) {
    const filled filled = new_filled(engine);
    set_used(&filled.entries[2], time(NULL) + hence[i]);
    const hostel_cache_pruned pruned = prune(&filled.directory, filled.bytes[1] + filled.bytes[3]);
    CHECK(pruned.evicted == 1 && access(filled.entries[2].text, F_OK) != 0);
    remove_all(filled.directory.text);
  }
}

static void eviction_takes_what_is_of_times_to_come(const hostel_engine *engine) {
  const filled filled = new_filled(engine);
  for (unsigned number = 1; number <= 3; number++) {
    set_used(&filled.entries[number], time(NULL) + 24 * 3600);
  }
  hostel_cache *cache = directory_cache(filled.directory.text, filled.bytes[1] + filled.bytes[2] + SLACK);
  COMES_FROM("compiled", engine, cache, 4);
  COMES_FROM("directory", engine, cache, 4); /* was used just now */
  CHECK(statistics(cache).evictions == 2);
  hostel_cache_free(cache);
  remove_all(filled.directory.text);
}

/* Once it is used, it is like the others. */
static void a_use_sets_the_time_right(const hostel_engine *engine) {
  const filled filled = new_filled(engine);
  hostel_cache *cache = directory_cache(filled.directory.text, LARGE);
  struct stat about;
  set_used(&filled.entries[1], time(NULL) + 24 * 3600);
  COMES_FROM("directory", engine, cache, 1);
  CHECK(stat(filled.entries[1].text, &about) == 0 && about.st_mtime <= time(NULL) + 1);
  CHECK(prune(&filled.directory, filled.bytes[1]).evicted == 2 && access(filled.entries[1].text, F_OK) == 0);
  hostel_cache_free(cache);
  remove_all(filled.directory.text);
}

/* ---- prune ---- */

static void pruning_gets_past_what_is_odd(const hostel_engine *engine) {
  const filled filled = new_filled(engine);
  path odd[6];
  static const char *const suffixes[] = {".hostel", ".alias", ".lock", ".1.1.tmp", ".2.2.tmp", ".3.3.tmp"};
  for (int i = 0; i < 6; i++) {
    char name[128];
    snprintf(name, sizeof name, "%.62s%02d%s", UNKNOWN, i, suffixes[i]);
    odd[i] = path_in(filled.folder.text, name);
  }
  REQUIRE(mkfifo(odd[0].text, 0600) == 0 && symlink("nowhere", odd[1].text) == 0);
  REQUIRE(symlink("/dev/null", odd[2].text) == 0 && mkfifo(odd[3].text, 0600) == 0);
  REQUIRE(mkdir(odd[4].text, 0700) == 0 && symlink(filled.entries[1].text, odd[5].text) == 0);
  const hostel_cache_pruned pruned = prune(&filled.directory, UINT64_MAX);
  CHECK(pruned.damaged == 2 && pruned.leftovers == 4 && pruned.evicted == 0);
  CHECK(count_in(filled.folder.text) == 3);
  the_rest_works(engine, &filled);
  remove_all(filled.directory.text);
}

static void what_cannot_go_is_told_when_all_else_is_gone(const hostel_engine *engine) {
  const filled filled = new_filled(engine);
  hostel_cache_pruned pruned = {.struct_size = sizeof pruned};
  char name[128];
  snprintf(name, sizeof name, "%s.hostel", UNKNOWN);
  const path folder = path_in(filled.folder.text, name), inside = path_in(folder.text, "inside");
  snprintf(name, sizeof name, "%s.lock", UNKNOWN);
  const path lock = path_in(filled.folder.text, name), held = path_in(lock.text, "inside");
  REQUIRE(mkdir(folder.text, 0700) == 0 && mkdir(lock.text, 0700) == 0);
  write_file(inside.text, TEXT("mine"));
  write_file(held.text, TEXT("mine"));
  write_file(filled.entries[2].text, TEXT("damaged"));
  const char *where = filled.directory.text;
  FAILS(CACHE_IO, "nor 1 other", hostel_cache_directory_prune(where, SEAL_KEY, filled.bytes[3], 0, &pruned, &error));
  CHECK(pruned.damaged == 1 && pruned.evicted == 1 && pruned.bytes == 7 + filled.bytes[1]);
  CHECK(access(filled.entries[3].text, F_OK) == 0 && access(inside.text, F_OK) == 0 && access(held.text, F_OK) == 0);
  hostel_cache *cache = directory_cache(where, filled.bytes[3] + filled.bytes[1] + SLACK);
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("compiled", engine, cache, 2);
  COMES_FROM("directory", engine, cache, 2);
  CHECK(statistics(cache).evictions == 1);
  hostel_cache_free(cache);
  remove_all(where);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_folder_that_is_a_link_is_not_followed),
      TEST(a_linked_folder_beside_turns_nothing_off),
      TEST(a_file_in_a_folders_place_turns_nothing_off),
      TEST(what_is_of_times_to_come_goes_first),
      TEST(eviction_takes_what_is_of_times_to_come),
      TEST(a_use_sets_the_time_right),
      TEST(pruning_gets_past_what_is_odd),
      TEST(what_cannot_go_is_told_when_all_else_is_gone),
  };
  return RUN_TESTS(argc, argv, tests);
}
