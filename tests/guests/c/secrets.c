/* secrets: leaves a pattern wherever a C program can, and looks for one everywhere. */
#define HOSTEL_GUEST_ALLOCATOR
#include "hostel_guest.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 64, PAGE = 65536, DEPTH = 40 };

static uint64_t kept[BLOCKS];
static uint64_t *blocks[BLOCKS];

static uint64_t number(hostel_slice input) {
  uint64_t n = 0;
  memcpy(&n, input.ptr, input.len < sizeof n ? input.len : sizeof n);
  return n;
}

/* On the stack in memory, deeper and deeper. */
static void fill_stack(uint64_t secret, int depth) {
  volatile uint64_t here[64];
  for (int i = 0; i < 64; i++)
    here[i] = secret;
  if (depth > 0)
    fill_stack(secret + (here[63] - here[0]), depth - 1);
}

/* Blocks of all sizes, every other one given back: in them, in the lists of free ones and in the memory that grew for them. */
static hostel_slice leave(hostel_slice input) {
  const uint64_t secret = number(input);
  for (int i = 0; i < BLOCKS; i++) {
    const size_t words = (size_t)1 << (i % 16);
    uint64_t *block = malloc(words * sizeof secret);
    if (block == NULL)
      return hostel_fail_text("out of memory");
    for (size_t at = 0; at < words; at++)
      block[at] = secret;
    kept[i] = secret;
    blocks[i] = block;
  }
  for (int i = 0; i < BLOCKS; i += 2)
    free(blocks[i]);
  const size_t first = __builtin_wasm_memory_grow(0, 2);
  if (first != (size_t)-1) {
    uint64_t *grown = (uint64_t *)(first * PAGE);
    for (size_t at = 0; at < 2 * PAGE / sizeof secret; at++)
      grown[at] = secret;
  }
  fill_stack(secret, DEPTH);
  return input;
}
HOSTEL_EXPORT_FUNCTION(leave);

/* How often a secret stands in memory. It is given with all its bits flipped, so that the input is not found. */
static hostel_slice find(hostel_slice input) {
  const uint64_t flipped = number(input);
  const size_t words = __builtin_wasm_memory_size(0) * PAGE / sizeof flipped;
  const volatile uint64_t *memory = (const volatile uint64_t *)8; /* all but the word at NULL */
  uint64_t found = 0;
  for (size_t at = 0; at + 1 < words; at++)
    found += (memory[at] ^ flipped) == UINT64_MAX;
  memcpy(input.ptr, &found, sizeof found);
  return input;
}
HOSTEL_EXPORT_FUNCTION(find);
