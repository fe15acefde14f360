/* wasi_reactor: an ordinary guest of hostel's ABI that also uses WASI: files, the environment, clocks, random numbers. */
#define HOSTEL_GUEST_ALLOCATOR
#include "hostel_guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef START_READS_CLOCK
/* What the start has seen is of that moment: no room may stand for another one. */
static time_t begun;
__attribute__((constructor)) static void begin(void) { begun = time(NULL); }
HOSTEL_EXPORT("begun") int64_t get_begun(void) { return begun; }
#endif

static hostel_slice copy_of(const void *bytes, size_t len) {
  hostel_slice output = {hostel_alloc((uint32_t)len), (uint32_t)len};
  if (output.ptr == NULL)
    return hostel_fail_text("out of memory");
  memcpy(output.ptr, bytes, len);
  return output;
}

/* A path or a name, and its input given back. */
static char *text_of(hostel_slice input) {
  char *text = malloc(input.len + 1);
  if (text != NULL) {
    if (input.len > 0)
      memcpy(text, input.ptr, input.len);
    text[input.len] = '\0';
  }
  hostel_free(input.ptr, input.len);
  return text;
}

/* The value of a variable of the environment. */
static hostel_slice variable(hostel_slice input) {
  char *name = text_of(input);
  const char *value = getenv(name);
  free(name);
  return value != NULL ? copy_of(value, strlen(value)) : hostel_fail_text("not set");
}
HOSTEL_EXPORT_FUNCTION(variable);

/* The first 4000 bytes of a file. */
static hostel_slice contents(hostel_slice input) {
  char *path = text_of(input), bytes[4000];
  FILE *file = fopen(path, "rb");
  free(path);
  if (file == NULL)
    return hostel_fail_text("no such file");
  const size_t len = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  return copy_of(bytes, len);
}
HOSTEL_EXPORT_FUNCTION(contents);

/* Opens a file and leaves it open: the number that it got. */
static hostel_slice leave_open(hostel_slice input) {
  char *path = text_of(input), number[16];
  FILE *file = fopen(path, "rb");
  free(path);
  if (file == NULL)
    return hostel_fail_text("no such file");
  return copy_of(number, (size_t)snprintf(number, sizeof number, "%d", fileno(file)));
}
HOSTEL_EXPORT_FUNCTION(leave_open);

/* The next byte of the standard input. */
static hostel_slice next(hostel_slice input) {
  hostel_free(input.ptr, input.len);
  char byte;
  return read(STDIN_FILENO, &byte, 1) == 1 ? copy_of(&byte, 1) : hostel_fail_text("the end");
}
HOSTEL_EXPORT_FUNCTION(next);

/* Says it on the standard output; nothing comes back. */
static hostel_slice say(hostel_slice input) {
  const hostel_slice nothing = {NULL, 0};
  const ssize_t written = write(STDOUT_FILENO, input.ptr, input.len);
  const int whole = written == (ssize_t)input.len;
  hostel_free(input.ptr, input.len);
  return whole ? nothing : hostel_fail_text("not written");
}
HOSTEL_EXPORT_FUNCTION(say);

/* The time, in seconds. */
static hostel_slice now(hostel_slice input) {
  hostel_free(input.ptr, input.len);
  const time_t seconds = time(NULL);
  return copy_of(&seconds, sizeof seconds);
}
HOSTEL_EXPORT_FUNCTION(now);

/* 32 random bytes. */
static hostel_slice chance(hostel_slice input) {
  hostel_free(input.ptr, input.len);
  uint8_t bytes[32];
  return getentropy(bytes, sizeof bytes) == 0 ? copy_of(bytes, sizeof bytes) : hostel_fail_text("no entropy");
}
HOSTEL_EXPORT_FUNCTION(chance);

/* Ends, though it is no program. */
static hostel_slice leave(hostel_slice input) {
  char *code = text_of(input);
  _Exit(atoi(code));
}
HOSTEL_EXPORT_FUNCTION(leave);
