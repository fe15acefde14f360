/* hostel cache ls, verify, prune */
#define _POSIX_C_SOURCE 200809L
#include "hostel_commands.h"
#include "hostel_files.h"
#include "hostel_module.h"
#include "hostel_output.h"
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

/* What is left out, and why. */
static void tell(void *user_data, hostel_log_level level, const char *target, const char *message) {
  (void)user_data, (void)level, (void)target;
  fprintf(stderr, "hostel: %s\n", message);
}

/* A directory that is not there is a wrong command line, and is not made. */
static bool is_there(const char *path) {
  DIR *directory = opendir(path);
  if (directory == NULL)
    return cannot("read", path), false;
  closedir(directory);
  return hostel_log_set(tell, NULL, HOSTEL_LOG_WARN, NULL) == HOSTEL_STATUS_OK;
}

static uint32_t trust_in(const struct arguments *arguments) { return arguments->trust ? HOSTEL_CACHE_TRUST_DIRECTORY : 0; }

static int fail(hostel_error *error) {
  int exit_status = print_failure(error);
  hostel_error_free(error);
  return exit_status;
}

/* The listing has an entry for each index, so this does not fail. */
static hostel_cache_entry entry_at(const hostel_cache_listing *listing, size_t index) {
  hostel_cache_entry entry = {.struct_size = sizeof entry};
  if (hostel_cache_listing_entry(listing, index, &entry, NULL) != HOSTEL_STATUS_OK)
    abort();
  return entry;
}

static int print_listing_json(const hostel_cache_listing *listing) {
  hostel_buffer json;
  hostel_error *error;
  hostel_status status = hostel_cache_listing_json(listing, &json, &error);
  return print_json(&json, status, error);
}

/* The engine, or as much of the fingerprint as tells it from others. */
static void print_maker(const hostel_cache_entry *entry) {
  if (entry->engine != NULL)
    printf("%-12s", entry->engine);
  else
    printf("%.12s", entry->fingerprint);
}

static void print_age(uint64_t used) {
  static const struct {
    const char *unit;
    uint64_t seconds;
  } units[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};
  const time_t now = time(NULL);
  const uint64_t age = (uint64_t)now > used ? (uint64_t)now - used : 0;
  size_t i = 0;
  while (i < 3 && age < 2 * units[i].seconds)
    i++;
  printf("%" PRIu64 " %s", age / units[i].seconds, units[i].unit);
}

/* ---- ls ---- */

static void print_table(const hostel_cache_listing *listing) {
  const size_t count = hostel_cache_listing_count(listing);
  size_t aliases = 0;
  uint64_t bytes = 0;
  printf("%-64s  %-12s  %12s  %s\n", "MODULE", "ENGINE", "BYTES", "LAST USED");
  for (size_t i = 0; i < count; i++) {
    const hostel_cache_entry entry = entry_at(listing, i);
    bytes += entry.bytes;
    aliases += entry.is_alias;
    if (entry.is_alias)
      continue;
    printf("%s  ", entry.module_key);
    print_maker(&entry);
    printf("  %12" PRIu64 "  ", entry.bytes);
    print_age(entry.used);
    puts(" ago");
  }
  const size_t entries = count - aliases;
  printf("%zu %s, %zu %s, %" PRIu64 " bytes\n", entries, entries == 1 ? "entry" : "entries", aliases,
         aliases == 1 ? "alias" : "aliases", bytes);
}

int run_cache_ls(const struct arguments *arguments) {
  hostel_cache_listing *listing;
  hostel_error *error;
  int exit_status = EXIT_OK;
  if (!is_there(arguments->module))
    return EXIT_WRONG_USE;
  if (hostel_cache_directory_list(arguments->module, trust_in(arguments), &listing, &error) != HOSTEL_STATUS_OK)
    return fail(error);
  if (arguments->json)
    exit_status = print_listing_json(listing);
  else
    print_table(listing);
  hostel_cache_listing_free(listing);
  return exit_status == EXIT_OK ? finish_output(EXIT_OK) : exit_status;
}

/* ---- verify ---- */

/* How many entries are damaged. Only what is not as it should be is printed. */
static size_t print_states(const hostel_cache_listing *listing, bool json) {
  const size_t count = hostel_cache_listing_count(listing);
  size_t damaged = 0, foreign = 0;
  for (size_t i = 0; i < count; i++) {
    const hostel_cache_entry entry = entry_at(listing, i);
    const bool is_damaged = entry.state == HOSTEL_CACHE_ENTRY_DAMAGED, is_foreign = entry.state == HOSTEL_CACHE_ENTRY_FOREIGN;
    if (!json && (is_damaged || is_foreign))
      printf("%s %s: %s\n", is_damaged ? "damaged" : "foreign", entry.file, entry.reason);
    damaged += is_damaged;
    foreign += is_foreign;
  }
  if (!json)
    printf("%zu ok, %zu damaged, %zu foreign\n", count - damaged - foreign, damaged, foreign);
  return damaged;
}

int run_cache_verify(const struct arguments *arguments) {
  struct seal_key key;
  hostel_cache_listing *listing;
  hostel_error *error;
  int exit_status = EXIT_OK;
  if (!is_there(arguments->module) || !read_key(arguments->key, &key))
    return EXIT_WRONG_USE;
  if (hostel_cache_directory_verify(arguments->module, key_bytes(&key), key.len, trust_in(arguments), &listing, &error) !=
      HOSTEL_STATUS_OK)
    return fail(error);
  if (arguments->json)
    exit_status = print_listing_json(listing);
  const size_t damaged = print_states(listing, arguments->json);
  hostel_cache_listing_free(listing);
  if (exit_status == EXIT_OK)
    exit_status = finish_output(EXIT_OK);
  if (exit_status != EXIT_OK || damaged == 0)
    return exit_status;
  fprintf(stderr, "hostel: %s: %zu damaged in %s\n", hostel_status_name(HOSTEL_STATUS_ARTIFACT_CORRUPT), damaged,
          arguments->module);
  return EXIT_CALL_FAILED;
}

/* ---- prune ---- */

int run_cache_prune(const struct arguments *arguments) {
  struct seal_key key;
  hostel_cache_pruned pruned = {.struct_size = sizeof pruned};
  hostel_error *error;
  const uint64_t bytes_max = arguments->max_bytes.given ? arguments->max_bytes.value : UINT64_MAX;
  const char *path = arguments->module;
  if (!is_there(path) || !read_key(arguments->key, &key))
    return EXIT_WRONG_USE;
  /* What could be removed was, also when something could not. */
  hostel_status status =
      hostel_cache_directory_prune(path, key_bytes(&key), key.len, bytes_max, trust_in(arguments), &pruned, &error);
  if (status != HOSTEL_STATUS_OK && pruned.leftovers + pruned.damaged + pruned.evicted == 0)
    return fail(error);
  printf("removed %" PRIu64 " leftovers, %" PRIu64 " damaged, %" PRIu64 " not used for longest: %" PRIu64 " bytes\n",
         pruned.leftovers, pruned.damaged, pruned.evicted, pruned.bytes);
  int exit_status = finish_output(EXIT_OK);
  return status != HOSTEL_STATUS_OK ? fail(error) : exit_status;
}
