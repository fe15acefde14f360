/* cguest: what a guest in C looks like, with the malloc of its libc. */
#define HOSTEL_GUEST_ALLOCATOR
#include "hostel_guest.h"

/* The input block is ours, so it may go straight back as the output. */
static hostel_slice echo(hostel_slice input) { return input; }
HOSTEL_EXPORT_FUNCTION(echo);

/* ASCII letters in capitals, in place. */
static hostel_slice upper(hostel_slice input) {
  for (uint32_t i = 0; i < input.len; i++) {
    if (input.ptr[i] >= 'a' && input.ptr[i] <= 'z')
      input.ptr[i] = (uint8_t)(input.ptr[i] - 'a' + 'A');
  }
  return input;
}
HOSTEL_EXPORT_FUNCTION(upper);

/* The sum of all bytes as decimal text: an output that is a block of its own. */
static hostel_slice sum(hostel_slice input) {
  uint64_t total = 0;
  for (uint32_t i = 0; i < input.len; i++)
    total += input.ptr[i];
  hostel_free(input.ptr, input.len);

  uint8_t digits[20]; /* enough for any uint64_t */
  uint32_t first = sizeof digits;
  do {
    digits[--first] = (uint8_t)('0' + total % 10);
    total /= 10;
  } while (total != 0);

  hostel_slice output = {hostel_alloc(sizeof digits - first), sizeof digits - first};
  if (output.ptr == NULL)
    return hostel_fail_text("out of memory");
  for (uint32_t i = 0; i < output.len; i++)
    output.ptr[i] = digits[first + i];
  return output;
}
HOSTEL_EXPORT_FUNCTION(sum);

/* Says no with the input as the payload. The payload stays ours, so it is freed here. */
static hostel_slice fail(hostel_slice input) {
  const hostel_slice nothing = {NULL, 0};
  hostel_fail(input.ptr, input.len);
  hostel_free(input.ptr, input.len);
  return nothing;
}
HOSTEL_EXPORT_FUNCTION(fail);
