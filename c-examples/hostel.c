/* The hostel program: tries a guest from the command line. Written against hostel.h alone, like any other host. */
#define _POSIX_C_SOURCE 200809L
#include "hostel_commands.h"
#include "hostel_files.h"
#include "hostel_module.h"
#include "hostel_output.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- hostel engines, hostel inspect ---- */

static int run_engines(const struct arguments *arguments) {
  if (arguments->json) {
    hostel_buffer json;
    hostel_error *error;
    hostel_status status = hostel_engines_json(&json, &error);
    return print_json(&json, status, error);
  }
  for (size_t i = 0; i < hostel_engine_count(); i++)
    puts(hostel_engine_name_at(i));
  return finish_output(EXIT_OK);
}

static int run_inspect(const struct arguments *arguments) {
  uint8_t *file;
  size_t len = 0;
  if (!read_file(arguments->module, MODULE_MAX, &file, &len)) {
    free(file);
    return cannot("read", arguments->module);
  }
  hostel_buffer wasm = {NULL, 0}, json = {NULL, 0};
  hostel_error *error = NULL;
  hostel_status status;
  if (len >= 4 && memcmp(file, "\0asm", 4) == 0) {
    status = hostel_inspect(file, len, &json, &error);
  } else {
    status = hostel_wat_to_wasm((const char *)file, len, &wasm, &error);
    if (status == HOSTEL_STATUS_OK)
      status = hostel_inspect(wasm.data, wasm.len, &json, &error);
  }
  free(file);
  hostel_buffer_free(&wasm);
  return print_json(&json, status, error);
}

/* What is opened later must not be taken for a standard stream that this was started without: an input that is empty, an output
 * that cannot be written to, complaints that nobody hears. */
static void hold_streams(void) {
  static const int modes[] = {O_RDONLY, O_RDONLY, O_WRONLY};
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++) {
    if (fcntl(stream, F_GETFD) < 0 && errno == EBADF && open("/dev/null", modes[stream]) != stream)
      _exit(EXIT_WRONG_USE);
  }
}

static int run(const struct arguments *arguments) {
  switch (arguments->command) {
  case COMMAND_CALL:
    return run_call(arguments);
  case COMMAND_COMPILE:
    return run_compile(arguments);
  case COMMAND_INSPECT:
    return run_inspect(arguments);
  case COMMAND_ENGINES:
    return run_engines(arguments);
  case COMMAND_CACHE_LS:
    return run_cache_ls(arguments);
  case COMMAND_CACHE_VERIFY:
    return run_cache_verify(arguments);
  case COMMAND_CACHE_PRUNE:
    return run_cache_prune(arguments);
  }
  return EXIT_WRONG_USE;
}

int main(int argc, char **argv) {
  struct arguments arguments;
  int exit_status;
  hold_streams();
  const bool runs = read_arguments(argc, argv, &arguments, &exit_status);
  exit_status = runs ? run(&arguments) : finish_output(exit_status);
  free_arguments(&arguments);
  return exit_status;
}
