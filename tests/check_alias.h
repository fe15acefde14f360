/* What the tests of aliases share: two aliases, and modules that are given them. */
#ifndef HOSTEL_TESTS_CHECK_ALIAS_H
#define HOSTEL_TESTS_CHECK_ALIAS_H

#include "check_cache.h"

#define ALIAS (const uint8_t *)"an alias of the tests: 32 bytes."
#define OTHER_ALIAS (const uint8_t *)"some other alias: also 32 bytes."

static inline hostel_module *load_aliased(const hostel_engine *engine, const hostel_cache *cache, unsigned number,
                                          const uint8_t *alias) {
  hostel_load_options *options = new_load_options();
  hostel_module *module = RUBBISH;
  hostel_buffer wasm = numbered_wasm(number);
  SUCCEEDS(hostel_load_options_set_alias(options, alias, &error));
  SUCCEEDS(hostel_module_load(engine, cache, wasm.data, wasm.len, options, &module, &error));
  hostel_buffer_free(&wasm);
  hostel_load_options_free(options);
  return module;
}

/* Loads module `number` under an alias and lets go of it. */
static inline void give_alias(const hostel_engine *engine, const hostel_cache *cache, unsigned number, const uint8_t *alias) {
  hostel_module_free(load_aliased(engine, cache, number, alias));
}

static inline hostel_module *load_alias(const hostel_engine *engine, const hostel_cache *cache, const uint8_t *alias) {
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load_alias(engine, cache, alias, &module, &error));
  return module;
}

static inline void check_unknown(const hostel_engine *engine, const hostel_cache *cache, const uint8_t *alias) {
  hostel_module *module = RUBBISH;
  FAILS(NOT_CACHED, "", hostel_module_load_alias(engine, cache, alias, &module, &error));
  CHECK(module == NULL);
}

/* The only alias in a cache's directory that is not `but`. */
static inline path alias_in(const char *directory, const char *but) {
  const path folder = only_folder(directory);
  path found = {""};
  DIR *files = opendir(folder.text);
  REQUIRE(files != NULL);
  for (struct dirent *entry; (entry = readdir(files)) != NULL;) {
    const path file = path_in(folder.text, entry->d_name);
    const char *end = strrchr(entry->d_name, '.');
    if (end != NULL && strcmp(end, ".alias") == 0 && strcmp(file.text, but) != 0) {
      REQUIRE(found.text[0] == '\0');
      found = file;
    }
  }
  closedir(files);
  REQUIRE(found.text[0] != '\0');
  return found;
}

#endif
