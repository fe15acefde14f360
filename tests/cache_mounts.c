/* cache_mounts.c: a directory on a file system that is read-only, or full, and artifacts on one where nothing may run. Real ones,
 * mounted for this program alone: skipped where neither root nor a user namespace may do that. */
#define _GNU_SOURCE
#include "check_mounts.h"

#include <errno.h>

/* ---- mounts ---- */

static bool can_mount(void) {
  if (!leave_the_others_mounts()) {
    return false;
  }
  const path trial = new_directory();
  const bool can = mount_at(trial.text, "size=64k,mode=0700") && umount(trial.text) == 0;
  REQUIRE(rmdir(trial.text) == 0);
  return can;
}

static path new_mount(const char *options) {
  const path where = new_directory();
  REQUIRE(mount_at(where.text, options));
  return where;
}

static void unmount(const path *where) { REQUIRE(umount(where->text) == 0 && rmdir(where->text) == 0); }

static void remount(const path *where, unsigned long flags) {
  REQUIRE(mount(NULL, where->text, NULL, MS_REMOUNT | MS_BIND | flags, NULL) == 0);
}

/* Nothing fits any more; how much that took. */
static void fill(const path *where) {
  static const uint8_t block[4096];
  const int file = open(path_in(where->text, "filler").text, O_WRONLY | O_CREAT | O_APPEND, 0600);
  REQUIRE(file >= 0);
  while (write(file, block, sizeof block) > 0) {
  }
  CHECK(errno == ENOSPC);
  close(file);
}

/* The only folder in a directory that has a file besides. */
static path only_folder_beside(const path *where, const char *file) {
  const path there = path_in(where->text, file), hidden = path_in(where->text, ".hidden");
  REQUIRE(rename(there.text, hidden.text) == 0);
  const path folder = only_folder(where->text);
  REQUIRE(rename(hidden.text, there.text) == 0);
  return folder;
}

/* ---- read-only ---- */

static void a_directory_turned_read_only_still_serves(const hostel_engine *engine) {
  const path where = new_mount("size=8m,mode=0700");
  hostel_cache *cache = directory_cache(where.text, LARGE);
  COMES_FROM("compiled", engine, cache, 1);
  remount(&where, MS_RDONLY);
  CHECK(open(path_in(where.text, "new").text, O_WRONLY | O_CREAT, 0600) < 0 && errno == EROFS);
  COMES_FROM("directory", engine, cache, 1);
  COMES_FROM("compiled", engine, cache, 2);
  COMES_FROM("compiled", engine, cache, 2);
  hostel_cache *late = directory_cache(where.text, LARGE);
  COMES_FROM("directory", engine, late, 1);
  hostel_cache_free(late);
  remount(&where, 0);
  COMES_FROM("compiled", engine, cache, 2);
  COMES_FROM("directory", engine, cache, 2);
  hostel_cache_free(cache);
  unmount(&where);
}

static void a_damaged_entry_that_cannot_go_costs_only_time(const hostel_engine *engine) {
  const path where = new_mount("size=8m,mode=0700");
  hostel_cache *cache = directory_cache(where.text, LARGE);
  COMES_FROM("compiled", engine, cache, 1);
  write_file(entry_of(where.text, engine, 1).text, TEXT("damaged"));
  remount(&where, MS_RDONLY);
  for (unsigned i = 1; i <= 3; i++) {
    COMES_FROM("compiled", engine, cache, 1);
    CHECK(statistics(cache).rejected == i);
  }
  hostel_cache_free(cache);
  unmount(&where);
}

static void pruning_says_what_cannot_go(const hostel_engine *engine) {
  const path where = new_mount("size=8m,mode=0700");
  hostel_cache *cache = directory_cache(where.text, LARGE);
  hostel_cache_pruned pruned = {.struct_size = sizeof pruned};
  COMES_FROM("compiled", engine, cache, 1);
  remount(&where, MS_RDONLY);
  SUCCEEDS(hostel_cache_directory_prune(where.text, SEAL_KEY, UINT64_MAX, 0, &pruned, &error));
  FAILS(CACHE_IO, "cannot remove", hostel_cache_directory_prune(where.text, SEAL_KEY, 1, 0, &pruned, &error));
  COMES_FROM("directory", engine, cache, 1);
  hostel_cache_free(cache);
  unmount(&where);
}

/* ---- full ---- */

static void a_full_disk_costs_only_time(const hostel_engine *engine) {
  const path where = new_mount("size=2m,mode=0700");
  hostel_cache *cache = directory_cache(where.text, LARGE);
  fill(&where);
  for (unsigned number = 1; number < 12; number++) {
    COMES_FROM("compiled", engine, cache, number); /* there is nothing of ours that could make room */
  }
  const path folder = only_folder_beside(&where, "filler");
  CHECK(statistics(cache).entries == 0 && statistics(cache).rejected == 0 && count_in(folder.text) == 0);
  REQUIRE(remove(path_in(where.text, "filler").text) == 0);
  COMES_FROM("compiled", engine, cache, 2);
  COMES_FROM("directory", engine, cache, 2);
  hostel_cache_free(cache);
  unmount(&where);
}

static void on_a_full_disk_what_was_not_used_for_longest_makes_room(const hostel_engine *engine) {
  const path where = new_mount("size=2m,mode=0700");
  hostel_cache *cache = directory_cache(where.text, LARGE);
  for (unsigned number = 1; number <= 4; number++) {
    COMES_FROM("compiled", engine, cache, number);
    usleep(20000);
  }
  COMES_FROM("directory", engine, cache, 1); /* so 2 is the oldest */
  fill(&where);
  COMES_FROM("compiled", engine, cache, 5);
  COMES_FROM("directory", engine, cache, 5);
  const uint64_t evictions = statistics(cache).evictions;
  CHECK(evictions == 1 || evictions == 2); /* 2, and 3 if that was smaller */
  COMES_FROM("directory", engine, cache, 1);
  COMES_FROM("directory", engine, cache, 4);
  COMES_FROM("compiled", engine, cache, 2);
  hostel_cache_free(cache);
  REQUIRE(remove(path_in(where.text, "filler").text) == 0);
  unmount(&where);
}

static void what_does_not_fit_evicts_nothing(const hostel_engine *engine) {
  const path where = new_mount("size=128k,mode=0700");
  hostel_cache *cache = directory_cache(where.text, LARGE);
  hostel_module *module = RUBBISH;
  COMES_FROM("compiled", engine, cache, 1);
  SUCCEEDS(hostel_module_load_file(engine, cache, guest_path("markdown.wasm"), NULL, &module, &error));
  hostel_module_free(settled(module));
  COMES_FROM("directory", engine, cache, 1);
  CHECK(statistics(cache).entries == 1 && statistics(cache).evictions == 0);
  hostel_cache_free(cache);
  unmount(&where);
}

static void a_key_is_made_once_there_is_room_for_it(const hostel_engine *engine) {
  (void)engine;
  const path home = new_mount("size=64k,mode=0700"), directory = new_directory(), folder = path_in(home.text, "hostel");
  hostel_cache *cache = RUBBISH;
  REQUIRE(setenv("XDG_CONFIG_HOME", home.text, 1) == 0);
  fill(&home);
  for (int i = 0; i < 3; i++) {
    FAILS(CACHE_IO, "seal-key", hostel_cache_directory_new(directory.text, NULL, 0, LARGE, 0, &cache, &error));
    CHECK(cache == NULL && count_in(folder.text) == 0);
  }
  REQUIRE(remove(path_in(home.text, "filler").text) == 0);
  SUCCEEDS(hostel_cache_directory_new(directory.text, NULL, 0, LARGE, 0, &cache, &error));
  CHECK(count_in(folder.text) == 1);
  hostel_cache_free(cache);
  remove_all(directory.text);
  unmount(&home);
}

static void a_disk_on_which_half_of_it_fits_costs_only_time(const hostel_engine *engine) {
  const path where = new_mount("size=64k,mode=0700");
  hostel_cache *cache = directory_cache(where.text, LARGE);
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load_file(engine, cache, guest_path("markdown.wasm"), NULL, &module, &error));
  CHECK(strcmp(hostel_module_origin(module), "compiled") == 0);
  hostel_module_free(module);
  CHECK(statistics(cache).entries == 0 && count_in(only_folder(where.text).text) == 0);
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("directory", engine, cache, 1);
  hostel_cache_free(cache);
  unmount(&where);
}

static void a_disk_without_room_for_another_name_costs_only_time(const hostel_engine *engine) {
  const path where = new_mount("size=8m,mode=0700,nr_inodes=2");
  hostel_cache *cache = directory_cache(where.text, LARGE);
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("compiled", engine, cache, 1);
  CHECK(statistics(cache).entries == 0 && statistics(cache).rejected == 0);
  hostel_cache_free(cache);
  unmount(&where);
}

/* ---- where no file may run ---- */

static void a_vouched_file_that_may_not_run_is_read_instead(const hostel_engine *engine) {
  const path where = new_mount("size=8m,mode=0700"), file = path_in(where.text, "module.artifact");
  hostel_buffer artifact = RUBBISH_BUFFER;
  hostel_module *module = load_numbered(engine, NULL, 1);
  SUCCEEDS(hostel_module_serialize_vouched(module, &artifact, &error));
  hostel_module_free(module);
  write_file(file.text, artifact.data, artifact.len);
  remount(&where, MS_NOEXEC);
  SUCCEEDS(hostel_module_deserialize_vouched_file(engine, file.text, &module, &error));
  CHECK_MODULE(module, 1, "artifact");
  hostel_buffer_free(&artifact);
  unmount(&where);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_directory_turned_read_only_still_serves),
      TEST(a_damaged_entry_that_cannot_go_costs_only_time),
      TEST(pruning_says_what_cannot_go),
      TEST(a_full_disk_costs_only_time),
      TEST(on_a_full_disk_what_was_not_used_for_longest_makes_room),
      TEST(what_does_not_fit_evicts_nothing),
      TEST(a_key_is_made_once_there_is_room_for_it),
      TEST(a_disk_on_which_half_of_it_fits_costs_only_time),
      TEST(a_disk_without_room_for_another_name_costs_only_time),
      TEST(a_vouched_file_that_may_not_run_is_read_instead),
  };
  if (!can_mount()) {
    printf("skipped: cannot mount: %s\n", strerror(errno));
    return 77;
  }
  return RUN_TESTS(argc, argv, tests);
}
