/* cache_shared_directory.c: a directory that users share, as far as its mode says that they do. Only root can be several users:
 * skipped for everybody else. */
#define _GNU_SOURCE
#include "check_operators.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/wait.h>

enum { GROUP = 54321, ONE = 54001, TWO = 54002, OTHER = 54003, TRUST = HOSTEL_CACHE_TRUST_DIRECTORY };

static const char UNKNOWN[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/* ---- users ---- */

typedef void (*deed)(const hostel_engine *engine, const path *directory, unsigned number);

/* Does something as another user: one of the group, unless it is OTHER. */
static bool as_user(uid_t user, const hostel_engine *engine, const path *directory, deed deed, unsigned number) {
  fflush(NULL);
  const pid_t process = fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    const gid_t groups[1] = {GROUP};
    umask(0077);
    failures = 0;
    REQUIRE(setgroups(user != OTHER, groups) == 0 && setgid(user) == 0 && setuid(user) == 0);
    deed(engine, directory, number);
    fflush(NULL);
    _exit(failures == 0 ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(process, &status, 0) == process);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static hostel_cache *trusted(const path *directory) {
  hostel_cache *cache = RUBBISH;
  SUCCEEDS(hostel_cache_directory_new(directory->text, SEAL_KEY, LARGE, TRUST, &cache, &error));
  return cache;
}

static void compiles(const hostel_engine *engine, const path *directory, unsigned number) {
  hostel_cache *cache = trusted(directory);
  COMES_FROM("compiled", engine, cache, number);
  COMES_FROM("directory", engine, cache, number);
  hostel_cache_free(cache);
}

static void finds(const hostel_engine *engine, const path *directory, unsigned number) {
  hostel_cache *cache = trusted(directory);
  COMES_FROM("directory", engine, cache, number);
  hostel_cache_free(cache);
}

static void only_compiles(const hostel_engine *engine, const path *directory, unsigned number) {
  hostel_cache *cache = trusted(directory);
  COMES_FROM("compiled", engine, cache, number);
  COMES_FROM("compiled", engine, cache, number);
  hostel_cache_free(cache);
}

static void cannot_open(const hostel_engine *engine, const path *directory, unsigned number) {
  (void)engine, (void)number;
  hostel_cache *cache = RUBBISH;
  FAILS(CACHE_IO, directory->text, hostel_cache_directory_new(directory->text, SEAL_KEY, LARGE, 0, &cache, &error));
}

static void removes_all(const hostel_engine *engine, const path *directory, unsigned number) {
  (void)engine;
  hostel_cache_pruned pruned = {.struct_size = sizeof pruned};
  SUCCEEDS(hostel_cache_directory_prune(directory->text, SEAL_KEY, 0, TRUST, &pruned, &error));
  CHECK(pruned.evicted == number);
}

static path directory_of(uid_t user, gid_t group, mode_t mode) {
  const path directory = new_directory();
  REQUIRE(chown(directory.text, user, group) == 0 && chmod(directory.text, mode) == 0);
  return directory;
}

/* ---- facts ---- */

static void two_users_of_a_group_share(const hostel_engine *engine) {
  static const mode_t modes[] = {02770, 0770, 0777, 03777};
  for (int i = 0; i < 4; i++) {
    const path directory = directory_of(ONE, GROUP, modes[i]);
    CHECK(as_user(ONE, engine, &directory, compiles, 1));
    CHECK(as_user(TWO, engine, &directory, finds, 1));
    CHECK(as_user(TWO, engine, &directory, compiles, 2));
    CHECK(as_user(ONE, engine, &directory, finds, 2));
    if ((modes[i] & S_ISVTX) == 0) {
      CHECK(as_user(TWO, engine, &directory, removes_all, 2)); /* also what is the other's */
      CHECK(as_user(ONE, engine, &directory, compiles, 1));
    }
    remove_all(directory.text);
  }
}

static void a_use_by_another_user_counts(const hostel_engine *engine) {
  const path directory = directory_of(ONE, GROUP, 02770);
  const struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
  struct stat about;
  CHECK(as_user(ONE, engine, &directory, compiles, 1));
  const path entry = entry_of(directory.text, engine, 1);
  REQUIRE(utimensat(AT_FDCWD, entry.text, long_ago, 0) == 0);
  CHECK(as_user(TWO, engine, &directory, finds, 1));
  CHECK(stat(entry.text, &about) == 0 && about.st_mtime > 1);
  remove_all(directory.text);
}

static void what_is_made_is_as_open_as_the_directory_and_no_more(const hostel_engine *engine) {
  static const struct {
    mode_t directory, folder, file;
  } modes[] = {{0700, 0700, 0600}, {0750, 0750, 0640}, {0770, 0770, 0660}, {0775, 0775, 0664}, {02770, 02770, 0660}};
  for (int i = 0; i < 5; i++) {
    const path directory = directory_of(ONE, GROUP, modes[i].directory);
    struct stat folder, file;
    CHECK(as_user(ONE, engine, &directory, compiles, 1));
    REQUIRE(stat(only_folder(directory.text).text, &folder) == 0 && stat(entry_of(directory.text, engine, 1).text, &file) == 0);
    CHECK((folder.st_mode & 07777) == modes[i].folder && folder.st_gid == GROUP && folder.st_uid == ONE);
    CHECK((file.st_mode & 07777) == modes[i].file && file.st_gid == GROUP && file.st_uid == ONE);
    remove_all(directory.text);
  }
}

static void who_is_not_of_the_group_has_no_part_in_it(const hostel_engine *engine) {
  const path directory = directory_of(ONE, GROUP, 02775);
  CHECK(as_user(ONE, engine, &directory, compiles, 1));
  CHECK(as_user(OTHER, engine, &directory, finds, 1)); /* may read */
  CHECK(as_user(OTHER, engine, &directory, only_compiles, 2));
  CHECK(as_user(OTHER, engine, &directory, cannot_open, 0));
  CHECK(as_user(TWO, engine, &directory, cannot_open, 0)); /* without trust nobody shares */
  REQUIRE(chmod(directory.text, 02770) == 0);
  CHECK(as_user(OTHER, engine, &directory, cannot_open, 0));
  remove_all(directory.text);
}

static void waits_for_the_lock(const hostel_engine *engine, const path *directory, unsigned number) {
  hostel_cache *cache = trusted(directory);
  hostel_load_options *options = new_load_options();
  hostel_module *module = RUBBISH;
  hostel_buffer wasm = numbered_wasm(number);
  SUCCEEDS(hostel_load_options_set_patience(options, 50, &error));
  FAILS(BUSY, ".lock", hostel_module_load(engine, cache, wasm.data, wasm.len, options, &module, &error));
  hostel_buffer_free(&wasm);
  hostel_load_options_free(options);
  hostel_cache_free(cache);
}

static void users_who_share_wait_for_each_other(const hostel_engine *given) {
  hostel_engine *engine = engine_named(best_tier(given), false);
  const path directory = directory_of(ONE, GROUP, 02770);
  CHECK(as_user(ONE, engine, &directory, compiles, 1));
  const path lock = file_of(directory.text, engine, 2, ".lock");
  write_file(lock.text, TEXT(""));
  REQUIRE(chown(lock.text, ONE, GROUP) == 0 && chmod(lock.text, 0660) == 0);
  const int holder = open(lock.text, O_RDWR | O_CLOEXEC);
  REQUIRE(flock(holder, LOCK_EX) == 0);
  CHECK(as_user(TWO, engine, &directory, waits_for_the_lock, 2));
  close(holder);
  CHECK(as_user(TWO, engine, &directory, compiles, 2));
  remove_all(directory.text);
  hostel_engine_free(engine);
}

/* ---- what is not of this user ---- */

static void others_folder_is_odd(const hostel_engine *engine, const path *directory, unsigned number) {
  hostel_cache *cache = trusted(directory);
  for (unsigned i = 1; i <= number; i++) {
    COMES_FROM("directory", engine, cache, i);
  }
  CHECK(statistics(cache).entries >= number);
  hostel_cache_free(cache);
  hostel_cache_listing *listing = RUBBISH;
  SUCCEEDS(hostel_cache_directory_list(directory->text, TRUST, &listing, &error));
  CHECK(hostel_cache_listing_count(listing) >= number);
  hostel_cache_listing_free(listing);
  SUCCEEDS(hostel_cache_directory_verify(directory->text, SEAL_KEY, TRUST, &listing, &error));
  CHECK(hostel_cache_listing_count(listing) >= number);
  hostel_cache_listing_free(listing);
  SUCCEEDS(hostel_cache_directory_new(directory->text, SEAL_KEY, 1, TRUST, &cache, &error));
  COMES_FROM("compiled", engine, cache, number + 1); /* everything of ours makes room */
  CHECK(statistics(cache).evictions == number + 1);
  hostel_cache_free(cache);
}

static void a_folder_that_cannot_be_read_turns_nothing_off(const hostel_engine *engine) {
  static const mode_t modes[] = {0700, 0755, 0000};
  for (int i = 0; i < 3; i++) {
    const path directory = directory_of(ONE, GROUP, 0770);
    for (unsigned number = 1; number <= 3; number++) {
      CHECK(as_user(ONE, engine, &directory, compiles, number));
    }
    /* Root's, and with something in it that is larger than all the rest. */
    const path folder = path_in(directory.text, UNKNOWN);
    REQUIRE(mkdir(folder.text, 0700) == 0);
    char name[128];
    snprintf(name, sizeof name, "%s.hostel", UNKNOWN);
    const path entry = path_in(folder.text, name);
    write_file(entry.text, TEXT("root's"));
    REQUIRE(truncate(entry.text, 1 << 20) == 0 && chmod(folder.text, modes[i]) == 0);
    CHECK(as_user(ONE, engine, &directory, others_folder_is_odd, 3));
    CHECK(access(entry.text, F_OK) == 0);
    remove_all(directory.text);
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(two_users_of_a_group_share),
      TEST(a_use_by_another_user_counts),
      TEST(what_is_made_is_as_open_as_the_directory_and_no_more),
      TEST(who_is_not_of_the_group_has_no_part_in_it),
      TEST(users_who_share_wait_for_each_other),
      TEST(a_folder_that_cannot_be_read_turns_nothing_off),
  };
  if (geteuid() != 0) {
    puts("skipped: only root can be several users");
    return 77;
  }
  return RUN_TESTS(argc, argv, tests);
}
