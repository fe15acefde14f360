#include "hostel_output.h"
#include "hostel_options.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

int cannot(const char *verb, const char *path) {
  fprintf(stderr, "hostel: cannot %s %s: %s\n", verb, path, strerror(errno));
  return EXIT_WRONG_USE;
}

int finish_output(int exit_status) {
  if (fflush(stdout) != 0 || ferror(stdout))
    return cannot("write", "standard output");
  return exit_status;
}

/* Words of a guest go to a terminal: control characters would be obeyed there. */
static void print_plainly(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    fputc((c < ' ' && c != '\n' && c != '\t') || c == 0x7f ? '?' : c, stderr);
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
