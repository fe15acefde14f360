/* chost: a guest in C that calls a function of its host. */
#define HOSTEL_GUEST_ALLOCATOR
#include "hostel_guest.h"

HOSTEL_IMPORT("host", "answer") uint64_t host_answer(const uint8_t *ptr, uint32_t len);

/* Passes the input on. The answer's block becomes the output; a failure of the host becomes our own. */
static hostel_slice ask(hostel_slice input) {
  const hostel_answer answer = hostel_unpack(host_answer(input.ptr, input.len));
  hostel_slice output = {answer.data, answer.len};
  hostel_free(input.ptr, input.len);
  if (answer.failed) {
    hostel_fail(answer.data, answer.len);
    hostel_free(answer.data, answer.len);
    output.ptr = NULL;
    output.len = 0;
  }
  return output;
}
HOSTEL_EXPORT_FUNCTION(ask);
