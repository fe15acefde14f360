/* cache_planted.c: what stands in a cache's directory that no cache has put there. An alarm ends what waits for ever. */
#define _GNU_SOURCE
#include "check_cache.h"

#include <fcntl.h>
#include <sys/file.h>

enum { PATIENCE = 20 };

/* A directory with the artifact of module 1, and one beside it. */
typedef struct place {
  path directory, outside, folder, entry;
  hostel_cache *cache;
} place;

static place new_place(const hostel_engine *engine) {
  place place = {.directory = new_directory(), .outside = new_directory()};
  place.cache = directory_cache(place.directory.text, LARGE);
  COMES_FROM("compiled", engine, place.cache, 1);
  place.folder = only_folder(place.directory.text);
  place.entry = entry_of(place.directory.text, engine, 1);
  alarm(PATIENCE);
  return place;
}

static void free_place(place *place) {
  alarm(0);
  hostel_cache_free(place->cache);
  remove_all(place->directory.text);
  if (access(place->outside.text, F_OK) == 0) {
    remove_all(place->outside.text);
  }
}

/* What stands in place of the entry is not taken but replaced, and so it is counted. */
static void is_replaced(const hostel_engine *engine, const place *place) {
  const uint64_t rejected = statistics(place->cache).rejected;
  COMES_FROM("compiled", engine, place->cache, 1);
  CHECK(statistics(place->cache).rejected == rejected + 1);
  COMES_FROM("directory", engine, place->cache, 1);
  CHECK(statistics(place->cache).rejected == rejected + 1);
}

static void an_entry_that_is_a_link_is_replaced_and_where_it_led_is_left_alone(const hostel_engine *engine) {
  place place = new_place(engine);
  const path good = path_in(place.outside.text, "good");
  REQUIRE(rename(place.entry.text, good.text) == 0);
  const char *targets[] = {good.text, "/dev/zero", "/", "nowhere", place.entry.text, ""};
  for (int i = 0; targets[i][0] != '\0'; i++) {
    (void)remove(place.entry.text);
    REQUIRE(symlink(targets[i], place.entry.text) == 0);
    is_replaced(engine, &place);
  }
  CHECK(access(good.text, F_OK) == 0);
  free_place(&place);
}

static void an_entry_that_is_a_pipe_or_an_empty_folder_is_replaced(const hostel_engine *engine) {
  place place = new_place(engine);
  REQUIRE(remove(place.entry.text) == 0 && mkfifo(place.entry.text, 0600) == 0);
  is_replaced(engine, &place);
  REQUIRE(remove(place.entry.text) == 0 && mkdir(place.entry.text, 0700) == 0);
  is_replaced(engine, &place);
  free_place(&place);
}

static void a_folder_with_something_in_it_stays_and_costs_only_time(const hostel_engine *engine) {
  place place = new_place(engine);
  REQUIRE(remove(place.entry.text) == 0 && mkdir(place.entry.text, 0700) == 0);
  const path inside = path_in(place.entry.text, "inside");
  write_file(inside.text, TEXT("mine"));
  COMES_FROM("compiled", engine, place.cache, 1);
  COMES_FROM("compiled", engine, place.cache, 1);
  CHECK(access(inside.text, F_OK) == 0 && statistics(place.cache).entries == 0);
  CHECK(count_in(place.folder.text) == 1);
  free_place(&place);
}

static void a_folder_that_is_a_link_is_not_written_and_nothing_goes_from_where_it_leads(const hostel_engine *engine) {
  place place = new_place(engine);
  const path moved = path_in(place.outside.text, "moved");
  REQUIRE(rename(place.folder.text, moved.text) == 0 && symlink(moved.text, place.folder.text) == 0);
  const path left = path_in(moved.text, strrchr(file_of(place.directory.text, engine, 2, ".1.1.tmp").text, '/') + 1);
  write_file(left.text, TEXT("x"));
  hostel_cache *small = directory_cache(place.directory.text, 1);
  COMES_FROM("compiled", engine, small, 2);
  COMES_FROM("compiled", engine, small, 2);
  CHECK(statistics(small).entries == 0 && statistics(small).evictions == 0);
  CHECK(count_in(moved.text) == 2);
  hostel_cache_free(small);
  REQUIRE(remove(place.folder.text) == 0);
  free_place(&place);
}

static void a_huge_file_is_not_read(const hostel_engine *engine) {
  place place = new_place(engine);
  hostel_cache_free(place.cache);
  place.cache = directory_cache(place.directory.text, UINT64_MAX);
  size_t len;
  uint8_t *bytes = read_file(place.entry.text, &len);
  const off_t huge = (off_t)1 << 40; /* a file system may not have so large ones */
  for (int with_its_end = 0; with_its_end < 2; with_its_end++) {
    const int file = open(place.entry.text, O_RDWR | O_TRUNC);
    REQUIRE(file >= 0 && (ftruncate(file, huge) == 0 || ftruncate(file, huge >> 6) == 0));
    const off_t end = lseek(file, 0, SEEK_END);
    REQUIRE(!with_its_end || pwrite(file, bytes + len - 200, 200, end - 200) == 200);
    REQUIRE(close(file) == 0);
    is_replaced(engine, &place);
  }
  free(bytes);
  free_place(&place);
}

static void what_is_linked_from_elsewhere_is_not_changed_there(const hostel_engine *engine) {
  place place = new_place(engine);
  const path other = path_in(place.outside.text, "other");
  write_file(place.entry.text, TEXT("not an artifact"));
  REQUIRE(link(place.entry.text, other.text) == 0);
  is_replaced(engine, &place);
  size_t len;
  uint8_t *bytes = read_file(other.text, &len);
  CHECK(len == 15 && memcmp(bytes, "not an artifact", 15) == 0);
  free(bytes);
  free_place(&place);
}

static void files_with_other_names_are_left_alone(const hostel_engine *engine) {
  enum { JUNK = 3000 };
  static const char *const names[] = {"a.hostel", "a.tmp", "a.lock", ".hostel", "hostel", "..tmp", "-rf", "\xff\xfe.hostel"};
  place place = new_place(engine);
  unsigned made = 0;
  for (int i = 0; i < JUNK; i++) {
    char name[300];
    snprintf(name, sizeof name, i % 2 ? "%0200d.hostel" : "%064d.x.hostel", i);
    write_file(path_in(i % 3 ? place.folder.text : place.directory.text, name).text, TEXT("junk"));
    made += i % 3 != 0;
  }
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++, made++) {
    write_file(path_in(place.folder.text, names[i]).text, TEXT("junk"));
  }
  COMES_FROM("directory", engine, place.cache, 1);
  CHECK(statistics(place.cache).entries == 1);
  hostel_cache *small = directory_cache(place.directory.text, 1);
  COMES_FROM("compiled", engine, small, 2);
  CHECK(statistics(small).entries == 0 && count_in(place.folder.text) == made);
  hostel_cache_free(small);
  free_place(&place);
}

static void leftovers_of_a_process_of_the_same_number_are_no_obstacle_and_go(const hostel_engine *engine) {
  place place = new_place(engine);
  for (int i = 0; i < 100; i++) {
    char suffix[64];
    snprintf(suffix, sizeof suffix, ".%ld.%d.tmp", (long)getpid(), i);
    write_file(file_of(place.directory.text, engine, 2, suffix).text, TEXT("half"));
  }
  write_file(file_of(place.directory.text, engine, 2, ".lock").text, TEXT(""));
  write_file(file_of(place.directory.text, engine, 3, ".lock").text, TEXT(""));
  COMES_FROM("compiled", engine, place.cache, 2);
  COMES_FROM("directory", engine, place.cache, 2);
  CHECK(count_in(place.folder.text) == 2);
  free_place(&place);
}

/* Not each save reads all of the directory, but after an eighth as many as there are entries one does. */
static void leftovers_go_also_when_the_cache_is_used_for_long(const hostel_engine *engine) {
  enum { ENTRIES = 40, SAVES = ENTRIES / 8 + 1 };
  place place = new_place(engine);
  for (unsigned number = 1; number <= ENTRIES; number++) {
    hostel_module_free(load_numbered(engine, place.cache, number));
  }
  for (int times = 0; times < 3; times++) {
    const path aside = file_of(place.directory.text, engine, 2, ".1.1.tmp"),
               lock = file_of(place.directory.text, engine, 3, ".lock");
    write_file(aside.text, TEXT("half"));
    write_file(lock.text, TEXT(""));
    for (unsigned number = 10; number < 10 + SAVES; number++) {
      uint8_t key[HOSTEL_KEY_BYTES];
      key_of(engine, number, key);
      SUCCEEDS(hostel_cache_remove_module(place.cache, engine, key, &error));
      COMES_FROM("compiled", engine, place.cache, number);
    }
    CHECK(count_in(place.folder.text) == ENTRIES);
  }
  free_place(&place);
}

static void what_is_being_written_or_held_does_not_go(const hostel_engine *engine) {
  place place = new_place(engine);
  const path aside = file_of(place.directory.text, engine, 2, ".1.1.tmp"),
             lock = file_of(place.directory.text, engine, 3, ".lock");
  write_file(aside.text, TEXT("half"));
  write_file(lock.text, TEXT(""));
  const int writer = open(aside.text, O_RDWR), holder = open(lock.text, O_RDWR);
  REQUIRE(flock(writer, LOCK_EX) == 0 && flock(holder, LOCK_EX) == 0);
  COMES_FROM("compiled", engine, place.cache, 4);
  CHECK(access(aside.text, F_OK) == 0 && access(lock.text, F_OK) == 0);
  close(writer);
  close(holder);
  COMES_FROM("compiled", engine, place.cache, 5);
  CHECK(access(aside.text, F_OK) != 0 && access(lock.text, F_OK) != 0);
  free_place(&place);
}

static void locks_that_cannot_be_had_cost_only_time(const hostel_engine *engine) {
  place place = new_place(engine);
  const path lock = file_of(place.directory.text, engine, 2, ".lock");
  REQUIRE(mkdir(lock.text, 0700) == 0);
  COMES_FROM("compiled", engine, place.cache, 2);
  (void)remove(lock.text); /* a save may have done that */
  REQUIRE(remove(entry_of(place.directory.text, engine, 2).text) == 0);
  REQUIRE(mkfifo(lock.text, 0600) == 0);
  COMES_FROM("compiled", engine, place.cache, 2);
  (void)remove(lock.text); /* a save may have done that */
  REQUIRE(remove(entry_of(place.directory.text, engine, 2).text) == 0);
  REQUIRE(symlink("/dev/null", lock.text) == 0);
  COMES_FROM("compiled", engine, place.cache, 2);
  free_place(&place);
}

static void permissions_that_change_meanwhile_cost_only_time(const hostel_engine *engine) {
  place place = new_place(engine);
  static const mode_t modes[] = {0, 0100, 0200, 0400, 0500};
  for (size_t i = 0; i < 5; i++) {
    REQUIRE(chmod(place.folder.text, modes[i]) == 0);
    for (unsigned number = 1; number < 4; number++) {
      hostel_module *module = load_numbered(engine, place.cache, number);
      CHECK_MODULE(module, number, hostel_module_origin(module));
    }
    REQUIRE(chmod(place.folder.text, 0700) == 0 && chmod(place.entry.text, 0) == 0);
    hostel_module *module = load_numbered(engine, place.cache, 1);
    CHECK_MODULE(module, 1, hostel_module_origin(module));
    REQUIRE(chmod(place.entry.text, 0600) == 0);
    COMES_FROM("directory", engine, place.cache, 1);
  }
  free_place(&place);
}

static void a_relative_directory_does_not_move_with_the_program(const hostel_engine *engine) {
  place place = new_place(engine);
  const int before = open(".", O_RDONLY | O_DIRECTORY);
  REQUIRE(before >= 0 && chdir(place.outside.text) == 0);
  hostel_cache *cache = directory_cache("here", LARGE);
  REQUIRE(fchdir(before) == 0 && close(before) == 0);
  COMES_FROM("compiled", engine, cache, 1);
  CHECK(access(entry_of(path_in(place.outside.text, "here").text, engine, 1).text, F_OK) == 0);
  hostel_cache_free(cache);
  free_place(&place);
}

static void two_keys_in_one_directory_cost_only_time(const hostel_engine *engine) {
  place place = new_place(engine);
  hostel_cache *other = RUBBISH;
  SUCCEEDS(hostel_cache_directory_new(place.directory.text, OTHER_KEY, LARGE, 0, &other, &error));
  for (int i = 0; i < 20; i++) {
    COMES_FROM("compiled", engine, other, 1);
    COMES_FROM("compiled", engine, place.cache, 1);
  }
  CHECK(statistics(other).rejected == 20 && statistics(place.cache).rejected == 20);
  hostel_cache_free(other);
  free_place(&place);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(an_entry_that_is_a_link_is_replaced_and_where_it_led_is_left_alone),
      TEST(an_entry_that_is_a_pipe_or_an_empty_folder_is_replaced),
      TEST(a_folder_with_something_in_it_stays_and_costs_only_time),
      TEST(a_folder_that_is_a_link_is_not_written_and_nothing_goes_from_where_it_leads),
      TEST(a_huge_file_is_not_read),
      TEST(what_is_linked_from_elsewhere_is_not_changed_there),
      TEST(files_with_other_names_are_left_alone),
      TEST(leftovers_of_a_process_of_the_same_number_are_no_obstacle_and_go),
      TEST(leftovers_go_also_when_the_cache_is_used_for_long),
      TEST(what_is_being_written_or_held_does_not_go),
      TEST(locks_that_cannot_be_had_cost_only_time),
      TEST(permissions_that_change_meanwhile_cost_only_time),
      TEST(a_relative_directory_does_not_move_with_the_program),
      TEST(two_keys_in_one_directory_cost_only_time),
  };
  return RUN_TESTS(argc, argv, tests);
}
