/* hostel_guest.h: write a hostel guest in C.
 *
 * A guest is a WebAssembly module that takes bytes and answers with bytes. This header is all it needs; there is
 * nothing to link. It is C99 (and C++) for clang with --target=wasm32-*. On other targets the attributes vanish, so
 * that a guest's logic can be compiled and tested natively.
 *
 *   #define HOSTEL_GUEST_ALLOCATOR // in exactly one file of the guest
 *   #include "hostel_guest.h"
 *
 *   static hostel_slice shout(hostel_slice input) {
 *     if (input.len == 0) return hostel_fail_text("nothing to shout");
 *     for (uint32_t i = 0; i < input.len; i++)
 *       if (input.ptr[i] >= 'a' && input.ptr[i] <= 'z') input.ptr[i] -= 32;
 *     return input;
 *   }
 *   HOSTEL_EXPORT_FUNCTION(shout);
 *
 *   clang --target=wasm32-wasi -mexec-model=reactor -Os shout.c -o shout.wasm
 *
 * What goes over the border (the ABI "hostel"):
 *
 *   memory                                           exported; wasm-ld does it by itself
 *   uint8_t *hostel_alloc(uint32_t len)              exported; NULL means that there is no room
 *   void hostel_free(uint8_t *ptr, uint32_t len)     exported; takes the len the block was made with
 *   uint64_t f(uint8_t *ptr, uint32_t len)           exported, as many as you like; the result is ptr << 32 | len
 *   void _initialize(void)                           exported, optional; called once, before any other
 *   void hostel_fail(const uint8_t *ptr, uint32_t len)    imported from module "hostel", by a guest that says no
 *   uint64_t any(const uint8_t *ptr, uint32_t len)        imported from any module: a function of the host
 *
 * Who owns which bytes:
 *
 *   input of f      The host made it with hostel_alloc; from the call on it is f's. f frees it, or returns it as its
 *                   output. An empty input is (NULL, 0), and there is nothing to free.
 *   output of f     A block of the allocator, exactly as long as the len that is returned. The host copies it, then
 *                   calls hostel_free with both numbers. Of an empty output nothing is freed: return (NULL, 0).
 *   input of any    Stays the guest's. The host reads it during the call and does not keep it.
 *   answer of any   The host makes it with hostel_alloc, during the call; the guest must hostel_free it. Bit 31 of the
 *                   low half says that the host function failed; then the bytes are its payload, or its message.
 *                   hostel_unpack() takes the number apart. An answer is therefore shorter than 2 GiB.
 *   hostel_fail     Stays the guest's. Records the bytes (UTF-8 if a person is to read them) as the reason why this
 *                   call is refused, and RETURNS. The function cleans up and returns; its result is not looked at.
 */
#ifndef HOSTEL_GUEST_H
#define HOSTEL_GUEST_H

#include <stddef.h>
#include <stdint.h>

#if defined(__wasm64__)
#error "the hostel ABI is for wasm32"
#endif

/* Put HOSTEL_EXPORT("name") before a function's definition: the host can call it by that name. */
/* Put HOSTEL_IMPORT("module", "name") before a declaration: the host provides that function. */
#if defined(__wasm32__)
#define HOSTEL_EXPORT(name) __attribute__((export_name(name)))
#define HOSTEL_IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#else
#define HOSTEL_EXPORT(name)
#define HOSTEL_IMPORT(module, name)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Some bytes of the guest's memory. Empty is {NULL, 0}. */
typedef struct hostel_slice {
  uint8_t *ptr;
  uint32_t len;
} hostel_slice;

/* What a host function answered. Release it with hostel_free(data, len), whether or not it failed. */
typedef struct hostel_answer {
  int failed; /* not 0: the bytes say why */
  uint8_t *data;
  uint32_t len;
} hostel_answer;

/* The guest's allocator. Every module has one: define HOSTEL_GUEST_ALLOCATOR for the one below, or write your own. */
HOSTEL_EXPORT("hostel_alloc") uint8_t *hostel_alloc(uint32_t len);
HOSTEL_EXPORT("hostel_free") void hostel_free(uint8_t *ptr, uint32_t len);

/* Refuses the call, for the reason in these bytes: see the top of this file. */
HOSTEL_IMPORT("hostel", "hostel_fail") void hostel_fail(const uint8_t *ptr, uint32_t len);

/* Refuses the call for a reason in words, and is the empty output: return hostel_fail_text("no such page"); */
static inline hostel_slice hostel_fail_text(const char *text) {
  const hostel_slice nothing = {NULL, 0};
  uint32_t len = 0;
  while (text[len] != '\0')
    len++;
  hostel_fail((const uint8_t *)text, len);
  return nothing;
}

/* The number a function returns to hand these bytes to the host. */
static inline uint64_t hostel_pack(const uint8_t *ptr, uint32_t len) { return (uint64_t)(uintptr_t)ptr << 32 | len; }

/* Takes apart the number that a host function returned. */
static inline hostel_answer hostel_unpack(uint64_t packed) {
  hostel_answer answer;
  answer.failed = (packed & 0x80000000u) != 0;
  answer.data = (uint8_t *)(uintptr_t)(packed >> 32);
  answer.len = (uint32_t)packed & 0x7fffffffu;
  return answer;
}

/* Exports `hostel_slice function(hostel_slice input)` under its own name. */
#define HOSTEL_EXPORT_FUNCTION(function)                                                                                         \
  HOSTEL_EXPORT(#function) uint64_t hostel_export_##function(uint8_t *ptr, uint32_t len) {                                       \
    const hostel_slice input = {ptr, len};                                                                                       \
    const hostel_slice output = function(input);                                                                                 \
    return hostel_pack(output.ptr, output.len);                                                                                  \
  }                                                                                                                              \
  uint64_t hostel_export_##function(uint8_t *ptr, uint32_t len) /* the caller's semicolon ends this declaration */

#ifdef __cplusplus
}
#endif

#ifdef HOSTEL_GUEST_ALLOCATOR
#include <stdlib.h>

uint8_t *hostel_alloc(uint32_t len) { return (uint8_t *)malloc(len); }

void hostel_free(uint8_t *ptr, uint32_t len) {
  (void)len; /* malloc remembers it; other allocators need not */
  free(ptr);
}
#endif

#endif
