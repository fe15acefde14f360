/* What the tests of caches share: modules that are told apart by what they answer, directories that go away again. */
#ifndef HOSTEL_TESTS_CHECK_CACHE_H
#define HOSTEL_TESTS_CHECK_CACHE_H

#include "check.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGE = 1 << 28 }; /* more bytes than any of these tests keeps */

/* The sealing key of the tests, and one that is not it; never the user's own. */
#define SEAL_KEY (const uint8_t *)"the tests' key: 32 bytes, no NUL", HOSTEL_KEY_BYTES
#define OTHER_KEY (const uint8_t *)"another key, which is not theirs", HOSTEL_KEY_BYTES

/* ---- modules ---- */

/* The bytes of module number `number`, which answers its number. */
static inline hostel_buffer numbered_wasm(unsigned number) {
  char text[128];
  hostel_buffer wasm = RUBBISH_BUFFER;
  const int len = snprintf(text, sizeof text, "(module (func (export \"answer\") (result i64) (i64.const %u)))", number);
  SUCCEEDS(hostel_wat_to_wasm(text, (size_t)len, &wasm, &error));
  return wasm;
}

/* The module, when caches have all that is made of it. */
static inline hostel_module *load_numbered(const hostel_engine *engine, const hostel_cache *cache, unsigned number) {
  hostel_module *module = RUBBISH;
  hostel_buffer wasm = numbered_wasm(number);
  SUCCEEDS(hostel_module_load(engine, cache, wasm.data, wasm.len, NULL, &module, &error));
  hostel_buffer_free(&wasm);
  return settled(module);
}

/* The module's key, as hostel_module_key() tells it. */
static inline void key_of(const hostel_engine *engine, unsigned number, uint8_t key[HOSTEL_KEY_BYTES]) {
  hostel_module *module = load_numbered(engine, NULL, number);
  SUCCEEDS(hostel_module_key(module, key, &error));
  hostel_module_free(module);
}

static inline void check_module_at(const char *file, int line, hostel_module *module, unsigned number, const char *origin) {
  if (strcmp(hostel_module_origin(module), origin) != 0) {
    fprintf(stderr, "%s:%d: module %u is from %s, not %s\n", file, line, number, hostel_module_origin(module), origin);
    failures++;
  }
  uint64_t value = 0;
  hostel_guest *guest = link_guest(module, NULL);
  SUCCEEDS(hostel_guest_call_values(guest, "answer", &value, 1, NULL, &error));
  (void)check_at(file, line, value == number, "the module answers its own number");
  hostel_guest_free(guest);
}

/* Module number `number` comes from there, and answers its number. The module is let go of. */
#define CHECK_MODULE(module, number, origin) check_module_at(__FILE__, __LINE__, (module), (number), (origin))
#define COMES_FROM(origin, engine, cache, number) CHECK_MODULE(load_numbered((engine), (cache), (number)), (number), (origin))

/* ---- caches ---- */

static inline hostel_load_options *new_load_options(void) {
  hostel_load_options *options = RUBBISH;
  SUCCEEDS(hostel_load_options_new(&options, &error));
  return options;
}

static inline hostel_cache *shared_cache(uint64_t bytes_max) {
  hostel_cache *cache = RUBBISH;
  SUCCEEDS(hostel_cache_shared_new(bytes_max, &cache, &error));
  return cache;
}

static inline hostel_cache *directory_cache(const char *path, uint64_t bytes_max) {
  hostel_cache *cache = RUBBISH;
  SUCCEEDS(hostel_cache_directory_new(path, SEAL_KEY, bytes_max, 0, &cache, &error));
  return cache;
}

static inline hostel_cache_statistics statistics(const hostel_cache *cache) {
  hostel_cache_statistics stats;
  memset(&stats, 0x5a, sizeof stats);
  stats.struct_size = sizeof stats;
  SUCCEEDS(hostel_cache_stats(cache, &stats, &error));
  return stats;
}

/* An engine of this name, with a compiler or without. */
static inline hostel_engine *engine_named(const char *name, bool headless) {
  hostel_engine_config *config = RUBBISH;
  hostel_engine *engine = RUBBISH;
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  SUCCEEDS(hostel_engine_config_set_engine(config, name, &error));
  SUCCEEDS(hostel_engine_config_set_headless(config, headless, &error));
  SUCCEEDS(hostel_engine_new(config, &engine, &error));
  hostel_engine_config_free(config);
  return engine;
}

/* An engine of this build that is not the one under test; NULL if there is none. */
static inline hostel_engine *other_engine(const hostel_engine *engine) {
  for (size_t i = 0; i < hostel_engine_count(); i++) {
    if (strcmp(hostel_engine_name_at(i), hostel_engine_name(engine)) != 0) {
      return engine_named(hostel_engine_name_at(i), false);
    }
  }
  return NULL;
}

/* ---- files ---- */

typedef struct path {
  char text[1024];
} path;

static inline path path_in(const char *folder, const char *name) {
  path path;
  REQUIRE(snprintf(path.text, sizeof path.text, "%s/%s", folder, name) < (int)sizeof path.text);
  return path;
}

static inline path new_directory(void) {
  const char *parent = getenv("TMPDIR");
  path made = path_in(parent != NULL && parent[0] != '\0' ? parent : "/tmp", "hostel-test-XXXXXX");
  REQUIRE(mkdtemp(made.text) != NULL);
  return made;
}

static inline void remove_all(const char *where) {
  DIR *folder = opendir(where);
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
      remove_all(path_in(where, entry->d_name).text);
    }
  }
  if (folder != NULL) {
    closedir(folder);
  }
  CHECK(remove(where) == 0);
}

/* The only folder in a cache's directory: that of the engine under test. */
static inline path only_folder(const char *directory) {
  DIR *folder = opendir(directory);
  path found = {""};
  int folders = 0;
  REQUIRE(folder != NULL);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (entry->d_name[0] != '.') {
      found = path_in(directory, entry->d_name);
      folders++;
    }
  }
  closedir(folder);
  REQUIRE(folders == 1);
  return found;
}

/* How many names there are in a folder. */
static inline unsigned count_in(const char *where) {
  unsigned count = 0;
  DIR *folder = opendir(where);
  REQUIRE(folder != NULL);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  }
  closedir(folder);
  return count;
}

/* The file in which a directory keeps something of a module: its artifact, its lock. */
static inline path file_of(const char *directory, const hostel_engine *engine, unsigned number, const char *suffix) {
  uint8_t key[HOSTEL_KEY_BYTES];
  char name[128];
  key_of(engine, number, key);
  for (size_t i = 0; i < HOSTEL_KEY_BYTES; i++) {
    snprintf(name + 2 * i, 3, "%02x", key[i]);
  }
  snprintf(name + 2 * HOSTEL_KEY_BYTES, sizeof name - 2 * HOSTEL_KEY_BYTES, "%s", suffix);
  return path_in(only_folder(directory).text, name);
}

/* The file in which a directory keeps a module's artifact. */
static inline path entry_of(const char *directory, const hostel_engine *engine, unsigned number) {
  return file_of(directory, engine, number, ".hostel");
}

/* A whole file; free() it. */
static inline uint8_t *read_file(const char *where, size_t *len_out) {
  FILE *file = fopen(where, "rb");
  REQUIRE(file != NULL && fseek(file, 0, SEEK_END) == 0);
  *len_out = (size_t)ftell(file);
  rewind(file);
  uint8_t *bytes = malloc(*len_out + 1);
  REQUIRE(bytes != NULL && fread(bytes, 1, *len_out, file) == *len_out);
  fclose(file);
  return bytes;
}

static inline void write_file(const char *where, const uint8_t *bytes, size_t len) {
  FILE *file = fopen(where, "wb");
  REQUIRE(file != NULL && fwrite(bytes, 1, len, file) == len && fclose(file) == 0);
}

#endif
