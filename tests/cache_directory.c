/* cache_directory.c: compiled code in files, of which only what is sealed with the key is used. */
#include "check_cache.h"

#include <signal.h>
#include <sys/resource.h>

/* A directory with the artifact of module 1 in it, and where that is. */
typedef struct filled {
  path directory, entry;
  uint8_t *bytes;
  size_t len;
} filled;

static filled new_filled(const hostel_engine *engine) {
  filled filled = {.directory = new_directory()};
  hostel_cache *cache = directory_cache(filled.directory.text, LARGE);
  COMES_FROM("compiled", engine, cache, 1);
  hostel_cache_free(cache);
  filled.entry = entry_of(filled.directory.text, engine, 1);
  filled.bytes = read_file(filled.entry.text, &filled.len);
  return filled;
}

static void free_filled(filled *filled) {
  free(filled->bytes);
  remove_all(filled->directory.text);
}

static void it_survives_the_cache_and_the_engine(const hostel_engine *engine) {
  filled filled = new_filled(engine);
  hostel_engine *own = limited_engine(engine, HOSTEL_LIMIT_DEPTH, 4);
  hostel_cache *cache = directory_cache(filled.directory.text, LARGE);
  hostel_module *module = RUBBISH;
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  COMES_FROM("directory", own, cache, 1);
  CHECK(hostel_cache_contains_module(cache, own, key));
  SUCCEEDS(hostel_module_load_key(own, cache, key, &module, &error));
  CHECK_MODULE(module, 1, "directory");
  const hostel_cache_statistics stats = statistics(cache);
  CHECK(stats.compiles == 0 && stats.hits == 2 && stats.misses == 0 && stats.rejected == 0 && stats.evictions == 0);
  CHECK(stats.entries == 1 && stats.bytes == filled.len);
  hostel_cache_free(cache);
  hostel_engine_free(own);
  free_filled(&filled);
}

static void a_chain_before_it_promotes_what_it_has(const hostel_engine *engine) {
  filled filled = new_filled(engine);
  hostel_cache *memory = shared_cache(LARGE), *files = directory_cache(filled.directory.text, LARGE), *both = RUBBISH;
  SUCCEEDS(hostel_cache_fallback_new(memory, files, &both, &error));
  hostel_cache_free(memory);
  hostel_cache_free(files);
  COMES_FROM("directory", engine, both, 1);
  COMES_FROM("shared", engine, both, 1);
  COMES_FROM("compiled", engine, both, 2);
  CHECK(statistics(both).compiles == 1 && statistics(both).entries == 4);
  hostel_cache_free(both);
  files = directory_cache(filled.directory.text, LARGE);
  COMES_FROM("directory", engine, files, 2);
  hostel_cache_free(files);
  free_filled(&filled);
}

static void what_is_removed_is_gone(const hostel_engine *engine) {
  filled filled = new_filled(engine);
  hostel_cache *cache = directory_cache(filled.directory.text, LARGE);
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
  SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
  CHECK(!hostel_cache_contains_module(cache, engine, key) && access(filled.entry.text, F_OK) != 0);
  COMES_FROM("compiled", engine, cache, 1);
  hostel_cache_free(cache);
  free_filled(&filled);
}

/* With this in place of the entry, the module is compiled, the entry is good again, and so it is counted. */
static void rebuilds(const hostel_engine *engine, const filled *filled, const uint8_t *bytes, size_t len) {
  hostel_cache *cache = directory_cache(filled->directory.text, LARGE);
  write_file(filled->entry.text, bytes, len);
  COMES_FROM("compiled", engine, cache, 1);
  CHECK(statistics(cache).rejected == 1 && statistics(cache).compiles == 1 && statistics(cache).hits == 0);
  COMES_FROM("directory", engine, cache, 1);
  CHECK(statistics(cache).rejected == 1 && statistics(cache).compiles == 1 && statistics(cache).hits == 1);
  hostel_cache_free(cache);
}

static void an_entry_with_a_flipped_bit_is_rebuilt(const hostel_engine *engine) {
  filled filled = new_filled(engine);
  uint64_t state = 0x9e3779b97f4a7c15;
  for (size_t i = 0; i < 1000; i++) {
    /* Half of them at the end, where lengths, hashes and the seal are. */
    const size_t tail = filled.len < 200 ? filled.len : 200;
    const size_t at = i % 2 == 0 ? random_below(&state, filled.len) : filled.len - 1 - random_below(&state, tail);
    const uint8_t bit = (uint8_t)(1 << random_below(&state, 8));
    filled.bytes[at] ^= bit;
    rebuilds(engine, &filled, filled.bytes, filled.len);
    filled.bytes[at] ^= bit;
  }
  free_filled(&filled);
}

static void a_truncated_entry_is_rebuilt(const hostel_engine *engine) {
  filled filled = new_filled(engine);
  uint64_t state = 0x2545f4914f6cdd1d;
  for (size_t i = 0; i < 1200; i++) {
    /* Every byte of the end, where lengths, hashes and the seal are, and lengths that come as they come. */
    rebuilds(engine, &filled, filled.bytes, i < 200 ? filled.len - 1 - i : random_below(&state, filled.len));
  }
  free_filled(&filled);
}

static void an_entry_under_the_name_of_another_module_is_rebuilt(const hostel_engine *engine) {
  filled filled = new_filled(engine);
  hostel_cache *cache = directory_cache(filled.directory.text, LARGE);
  COMES_FROM("compiled", engine, cache, 2);
  size_t len;
  uint8_t *other = read_file(entry_of(filled.directory.text, engine, 2).text, &len);
  rebuilds(engine, &filled, other, len);
  COMES_FROM("directory", engine, cache, 2);
  free(other);
  hostel_cache_free(cache);
  free_filled(&filled);
}

static void an_entry_of_another_engine_is_rebuilt(const hostel_engine *engine) {
  hostel_engine *other = other_engine(engine);
  if (other == NULL) {
    return;
  }
  filled filled = new_filled(engine), foreign = new_filled(other);
  rebuilds(engine, &filled, foreign.bytes, foreign.len);
  free_filled(&filled);
  free_filled(&foreign);
  hostel_engine_free(other);
}

static void an_entry_sealed_with_another_key_is_rebuilt(const hostel_engine *engine) {
  filled filled = new_filled(engine);
  hostel_cache *cache = RUBBISH;
  SUCCEEDS(hostel_cache_directory_new(filled.directory.text, OTHER_KEY, LARGE, 0, &cache, &error));
  COMES_FROM("compiled", engine, cache, 1);
  CHECK(statistics(cache).rejected == 1);
  COMES_FROM("directory", engine, cache, 1);
  hostel_cache_free(cache);
  free_filled(&filled);
}

static void a_directory_that_others_may_write_must_be_trusted(const hostel_engine *engine) {
  static const mode_t modes[] = {0777, 0770, 0702, 01777};
  filled filled = new_filled(engine);
  for (size_t i = 0; i < 4; i++) {
    hostel_cache *cache = RUBBISH;
    const char *where = filled.directory.text;
    REQUIRE(chmod(where, modes[i]) == 0);
    FAILS(CACHE_IO, where, hostel_cache_directory_new(where, SEAL_KEY, LARGE, 0, &cache, &error));
    CHECK(cache == NULL);
    SUCCEEDS(hostel_cache_directory_new(where, SEAL_KEY, LARGE, HOSTEL_CACHE_TRUST_DIRECTORY, &cache, &error));
    COMES_FROM("directory", engine, cache, 1);
    hostel_cache_free(cache);
  }
  free_filled(&filled);
}

static void a_directory_is_made_for_the_user_alone(const hostel_engine *engine) {
  const path parent = new_directory(), deeper = path_in(parent.text, "not/there/yet");
  const mode_t mask = umask(0);
  hostel_cache *cache = directory_cache(deeper.text, LARGE);
  COMES_FROM("compiled", engine, cache, 1);
  umask(mask);
  struct stat made, folder, entry;
  REQUIRE(stat(deeper.text, &made) == 0 && stat(only_folder(deeper.text).text, &folder) == 0);
  REQUIRE(stat(entry_of(deeper.text, engine, 1).text, &entry) == 0);
  CHECK((made.st_mode & 077) == 0 && (folder.st_mode & 077) == 0);
  CHECK((entry.st_mode & 022) == 0);
  hostel_cache_free(cache);
  remove_all(parent.text);
}

static void what_cannot_be_a_directory_is_refused(const hostel_engine *engine) {
  filled filled = new_filled(engine);
  hostel_cache *cache = RUBBISH;
  const char *file = filled.entry.text;
  FAILS(CACHE_IO, file, hostel_cache_directory_new(file, SEAL_KEY, LARGE, 0, &cache, &error));
  CHECK(cache == NULL);
  const path inside = path_in(file, "inside");
  FAILS(CACHE_IO, file, hostel_cache_directory_new(inside.text, SEAL_KEY, LARGE, 0, &cache, &error));
  free_filled(&filled);
}

static void a_folder_that_cannot_be_written_costs_only_time(const hostel_engine *engine) {
  filled filled = new_filled(engine);
  const path folder = only_folder(filled.directory.text);
  hostel_cache *cache = directory_cache(filled.directory.text, LARGE);
  remove_all(folder.text);
  write_file(folder.text, filled.bytes, filled.len);
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("compiled", engine, cache, 1);
  CHECK(statistics(cache).compiles == 2 && statistics(cache).entries == 0);
  REQUIRE(remove(folder.text) == 0);
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("directory", engine, cache, 1);
  hostel_cache_free(cache);
  free_filled(&filled);
}

static void a_file_that_cannot_be_written_whole_costs_only_time(const hostel_engine *engine) {
  filled filled = new_filled(engine);
  hostel_cache *cache = directory_cache(filled.directory.text, LARGE);
  struct rlimit limit, tiny;
  REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
  tiny = (struct rlimit){.rlim_cur = filled.len / 2, .rlim_max = limit.rlim_max};
  signal(SIGXFSZ, SIG_IGN);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &tiny) == 0);
  COMES_FROM("compiled", engine, cache, 2);
  COMES_FROM("compiled", engine, cache, 2);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  signal(SIGXFSZ, SIG_DFL);
  CHECK(statistics(cache).entries == 1 && statistics(cache).rejected == 0);
  COMES_FROM("compiled", engine, cache, 2);
  COMES_FROM("directory", engine, cache, 2);
  hostel_cache_free(cache);
  free_filled(&filled);
}

static void a_directory_that_went_away_costs_only_time(const hostel_engine *engine) {
  filled filled = new_filled(engine);
  hostel_cache *cache = directory_cache(filled.directory.text, LARGE);
  remove_all(filled.directory.text);
  COMES_FROM("compiled", engine, cache, 1);
  CHECK(statistics(cache).rejected == 0);
  hostel_cache_free(cache);
  free(filled.bytes);
  if (access(filled.directory.text, F_OK) == 0) {
    remove_all(filled.directory.text);
  }
}

static void what_was_not_used_for_long_goes_first(const hostel_engine *engine) {
  filled filled = new_filled(engine);
  hostel_cache *cache = directory_cache(filled.directory.text, 3 * filled.len + filled.len / 2);
  COMES_FROM("compiled", engine, cache, 2);
  usleep(20000);
  COMES_FROM("compiled", engine, cache, 3);
  usleep(20000);
  COMES_FROM("directory", engine, cache, 1);
  COMES_FROM("compiled", engine, cache, 4);
  CHECK(statistics(cache).evictions == 1 && statistics(cache).entries == 3);
  COMES_FROM("directory", engine, cache, 1);
  COMES_FROM("directory", engine, cache, 3);
  COMES_FROM("directory", engine, cache, 4);
  COMES_FROM("compiled", engine, cache, 2);
  hostel_cache_free(cache);
  free_filled(&filled);
}

static void making_one_checks_each_argument(const hostel_engine *engine) {
  (void)engine;
  const path where = new_directory();
  hostel_cache *cache = RUBBISH;
  FAILS(INVALID_ARGUMENT, "path", hostel_cache_directory_new(NULL, SEAL_KEY, LARGE, 0, &cache, &error));
  CHECK(cache == NULL);
  FAILS(INVALID_ARGUMENT, "key", hostel_cache_directory_new(where.text, NULL, 32, LARGE, 0, &cache, &error));
  FAILS(INVALID_ARGUMENT, "key", hostel_cache_directory_new(where.text, TEXT("short"), LARGE, 0, &cache, &error));
  FAILS(INVALID_ARGUMENT, "bytes_max", hostel_cache_directory_new(where.text, SEAL_KEY, 0, 0, &cache, &error));
  FAILS(INVALID_ARGUMENT, "flags", hostel_cache_directory_new(where.text, SEAL_KEY, LARGE, 2, &cache, &error));
  FAILS(INVALID_ARGUMENT, "cache_out", hostel_cache_directory_new(where.text, SEAL_KEY, LARGE, 0, NULL, &error));
  remove_all(where.text);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(it_survives_the_cache_and_the_engine),
      TEST(a_chain_before_it_promotes_what_it_has),
      TEST(what_is_removed_is_gone),
      TEST(an_entry_with_a_flipped_bit_is_rebuilt),
      TEST(a_truncated_entry_is_rebuilt),
      TEST(an_entry_under_the_name_of_another_module_is_rebuilt),
      TEST(an_entry_of_another_engine_is_rebuilt),
      TEST(an_entry_sealed_with_another_key_is_rebuilt),
      TEST(a_directory_that_others_may_write_must_be_trusted),
      TEST(a_directory_is_made_for_the_user_alone),
      TEST(what_cannot_be_a_directory_is_refused),
      TEST(a_folder_that_cannot_be_written_costs_only_time),
      TEST(a_file_that_cannot_be_written_whole_costs_only_time),
      TEST(a_directory_that_went_away_costs_only_time),
      TEST(what_was_not_used_for_long_goes_first),
      TEST(making_one_checks_each_argument),
  };
  return RUN_TESTS(argc, argv, tests);
}
