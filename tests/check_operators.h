/* What the tests of a directory's upkeep share: listing, verifying and pruning, and how an entry is. */
#ifndef HOSTEL_TESTS_CHECK_OPERATORS_H
#define HOSTEL_TESTS_CHECK_OPERATORS_H

#include "check_cache.h"

static inline hostel_cache_listing *list(const path *directory) {
  hostel_cache_listing *listing = RUBBISH;
  SUCCEEDS(hostel_cache_directory_list(directory->text, 0, &listing, &error));
  return listing;
}

static inline hostel_cache_listing *verify(const path *directory) {
  hostel_cache_listing *listing = RUBBISH;
  SUCCEEDS(hostel_cache_directory_verify(directory->text, SEAL_KEY, 0, &listing, &error));
  return listing;
}

static inline hostel_cache_entry entry_at(const hostel_cache_listing *listing, size_t index) {
  hostel_cache_entry entry;
  memset(&entry, 0x5a, sizeof entry);
  entry.struct_size = sizeof entry;
  SUCCEEDS(hostel_cache_listing_entry(listing, index, &entry, &error));
  return entry;
}

static inline hostel_cache_pruned prune(const path *directory, uint64_t bytes_max) {
  hostel_cache_pruned pruned;
  memset(&pruned, 0x5a, sizeof pruned);
  pruned.struct_size = sizeof pruned;
  SUCCEEDS(hostel_cache_directory_prune(directory->text, SEAL_KEY, bytes_max, 0, &pruned, &error));
  return pruned;
}

/* How the entry of this module is; with this word in the reason. */
static inline void check_state_at(const char *file, int line, const hostel_cache_listing *listing, const path *where,
                                  hostel_cache_entry_state expected, const char *word) {
  for (size_t i = 0; i < hostel_cache_listing_count(listing); i++) {
    const hostel_cache_entry entry = entry_at(listing, i);
    if (strcmp(strrchr(entry.file, '/'), strrchr(where->text, '/')) == 0) {
      if (entry.state != expected || strstr(entry.reason, word) == NULL) {
        fprintf(stderr, "%s:%d: state %d, \"%s\"\n", file, line, entry.state, entry.reason);
        failures++;
      }
      return;
    }
  }
  fail_at(file, line, "it is not listed");
}
#define HAS_STATE(listing, where, state, word) check_state_at(__FILE__, __LINE__, (listing), &(where), (state), (word))

/* With this in its place, an entry is damaged and goes, and nothing else does. */
static inline void is_damaged_at(const char *file, int line, const path *directory, const path *entry, const char *word) {
  hostel_cache_listing *listing = verify(directory);
  check_state_at(file, line, listing, entry, HOSTEL_CACHE_ENTRY_DAMAGED, word);
  const size_t before = hostel_cache_listing_count(listing);
  hostel_cache_listing_free(listing);
  const hostel_cache_pruned pruned = prune(directory, UINT64_MAX);
  (void)check_at(file, line, pruned.damaged == 1 && pruned.evicted == 0, "just this one is pruned");
  (void)check_at(file, line, access(entry->text, F_OK) != 0, "it is gone");
  listing = verify(directory);
  (void)check_at(file, line, hostel_cache_listing_count(listing) == before - 1, "the others are there");
  hostel_cache_listing_free(listing);
}
#define IS_DAMAGED(directory, entry, word) is_damaged_at(__FILE__, __LINE__, &(directory), &(entry), (word))

#endif
