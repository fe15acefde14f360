/* cache_other_users.c: files of another user in a cache's directory. Only root can make some: skipped for everybody else. */
#define _GNU_SOURCE
#include "check_cache.h"

#include <fcntl.h>
#include <sys/file.h>

enum { PATIENCE = 20, NOBODY = 65534 }; /* less than what a lock is waited for */

static void a_lock_of_another_user_is_not_waited_for(const hostel_engine *engine) {
  const path directory = new_directory();
  hostel_cache *cache = directory_cache(directory.text, LARGE);
  COMES_FROM("compiled", engine, cache, 1);
  const path lock = file_of(directory.text, engine, 2, ".lock");
  write_file(lock.text, TEXT(""));
  const int holder = open(lock.text, O_RDWR);
  REQUIRE(chown(lock.text, NOBODY, NOBODY) == 0 && chmod(lock.text, 0666) == 0 && flock(holder, LOCK_EX) == 0);
  alarm(PATIENCE);
  COMES_FROM("compiled", engine, cache, 2);
  COMES_FROM("directory", engine, cache, 2);
  alarm(0);
  close(holder);
  hostel_cache_free(cache);
  remove_all(directory.text);
}

static void an_entry_of_another_user_is_as_good_as_its_seal(const hostel_engine *engine) {
  const path directory = new_directory();
  hostel_cache *cache = directory_cache(directory.text, LARGE);
  COMES_FROM("compiled", engine, cache, 1);
  const path entry = entry_of(directory.text, engine, 1);
  REQUIRE(chown(entry.text, NOBODY, NOBODY) == 0);
  COMES_FROM("directory", engine, cache, 1);
  write_file(entry.text, TEXT("something else"));
  REQUIRE(chown(entry.text, NOBODY, NOBODY) == 0);
  COMES_FROM("compiled", engine, cache, 1);
  CHECK(statistics(cache).rejected == 1);
  hostel_cache_free(cache);
  remove_all(directory.text);
}

static void a_directory_of_another_user_must_be_trusted(const hostel_engine *engine) {
  const path directory = new_directory();
  hostel_cache *cache = directory_cache(directory.text, LARGE), *refused = RUBBISH;
  hostel_cache_listing *listing = RUBBISH;
  COMES_FROM("compiled", engine, cache, 1);
  const char *where = directory.text;
  REQUIRE(chown(where, NOBODY, NOBODY) == 0);
  FAILS(CACHE_IO, "another user", hostel_cache_directory_new(where, SEAL_KEY, LARGE, 0, &refused, &error));
  CHECK(refused == NULL);
  FAILS(CACHE_IO, "another user", hostel_cache_directory_list(where, 0, &listing, &error));
  CHECK(listing == NULL);
  SUCCEEDS(hostel_cache_directory_list(where, HOSTEL_CACHE_TRUST_DIRECTORY, &listing, &error));
  CHECK(hostel_cache_listing_count(listing) == 1);
  hostel_cache_listing_free(listing);
  COMES_FROM("directory", engine, cache, 1);
  hostel_cache_free(cache);
  remove_all(directory.text);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_lock_of_another_user_is_not_waited_for),
      TEST(an_entry_of_another_user_is_as_good_as_its_seal),
      TEST(a_directory_of_another_user_must_be_trusted),
  };
  if (geteuid() != 0) {
    puts("skipped: only root can make files of other users");
    return 77;
  }
  return RUN_TESTS(argc, argv, tests);
}
