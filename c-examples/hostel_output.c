#include "hostel_output.h"
#include "hostel_options.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

int cannot(const char *verb, const char *path) {
  const char *why = errno == EFBIG ? "it is too large" : strerror(errno);
  fprintf(stderr, "hostel: cannot %s %s: %s\n", verb, path, why);
  return EXIT_WRONG_USE;
}

int finish_output(int exit_status) {
  if (fflush(stdout) != 0 || ferror(stdout))
    return cannot("write", "standard output");
  return exit_status;
}

/* How many bytes at `text` are a character that a terminal would obey: control characters, and what turns or ends lines. */
static size_t obeyed(const char *text, size_t len) {
  static const struct {
    const char *first;
    unsigned char last; /* what its last byte may go up to */
  } ranges[] = {
      {"\xc2\x80", 0x9f},     /* the other control characters */
      {"\xd8\x9c", 0x9c},     /* the Arabic letter mark */
      {"\xe2\x80\x8e", 0x8f}, /* left-to-right and right-to-left marks */
      {"\xe2\x80\xa8", 0xae}, /* separators, embeddings and overrides */
      {"\xe2\x81\xa6", 0xa9}, /* isolates */
  };
  unsigned char c = (unsigned char)text[0];
  if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
    return 1;
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
    size_t last = strlen(ranges[i].first) - 1;
    if (len > last && memcmp(text, ranges[i].first, last) == 0 &&
        (unsigned char)text[last] >= (unsigned char)ranges[i].first[last] && (unsigned char)text[last] <= ranges[i].last)
      return last + 1;
  }
  return 0;
}

/* Words of a guest go to a terminal. */
static void print_plainly(const char *text, size_t len) {
  for (size_t i = 0; i < len;) {
    size_t bad = obeyed(text + i, len - i);
    fputc(bad > 0 ? '?' : text[i], stderr);
    i += bad > 0 ? bad : 1;
  }
}

/* The last line is for programs, so all that needs more lines stands before it. */
int print_failure(const hostel_error *error) {
  const char *message = hostel_error_message(error), *backtrace = hostel_error_backtrace(error);
  size_t first_line = strcspn(message, "\n");
  fflush(stdout);
  if (message[first_line] != '\0') {
    print_plainly(message, strlen(message));
    fputc('\n', stderr);
  }
  if (backtrace[0] != '\0') {
    fputs("where the guest was, innermost first:\n", stderr);
    print_plainly(backtrace, strlen(backtrace));
    if (backtrace[strlen(backtrace) - 1] != '\n')
      fputc('\n', stderr);
  }
  fprintf(stderr, "hostel: %s: ", hostel_status_name(hostel_error_status(error)));
  print_plainly(message, first_line);
  fputc('\n', stderr);
  return EXIT_CALL_FAILED;
}

int print_json(hostel_buffer *json, hostel_status status, hostel_error *error) {
  if (status == HOSTEL_STATUS_OK) {
    fwrite(json->data, 1, json->len, stdout);
    putchar('\n');
  }
  int exit_status = status == HOSTEL_STATUS_OK ? finish_output(EXIT_OK) : print_failure(error);
  hostel_buffer_free(json);
  hostel_error_free(error);
  return exit_status;
}
