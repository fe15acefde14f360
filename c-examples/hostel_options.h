/* The command line of the hostel program, taken apart. */
#ifndef HOSTEL_OPTIONS_H
#define HOSTEL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the program ends with. */
enum exit_status { EXIT_OK = 0, EXIT_CALL_FAILED = 1, EXIT_WRONG_USE = 2 };

enum command {
  COMMAND_CALL,
  COMMAND_COMPILE,
  COMMAND_INSPECT,
  COMMAND_ENGINES,
  COMMAND_CACHE_LS,
  COMMAND_CACHE_VERIFY,
  COMMAND_CACHE_PRUNE,
};

struct number {
  bool given;
  uint64_t value;
};

/* The values of an option that may be given several times. */
struct list {
  const char **values;
  size_t count;
};

/* What was not given is NULL, false, or not given. The strings are those of main(). free_arguments() lets go of the lists. */
struct arguments {
  enum command command;
  const char *module, *function; /* the operands, whatever they are called */
  const char *engine, *abi;
  const char *input, *text, *report;
  const char *cache, *remote, *remote_secret, *remote_ca, *key, *output;
  struct list dirs, envs, args;
  struct number repeat, fuel, deadline_ms, compile_ms, memory, module_max, output_max, max_bytes, remote_ms;
  bool each, instance, metered, deterministic, portable, progress, json, raw_stderr, trust, help;
};

/*
 * Reads the command line. True: `arguments` says what to do. False: everything is done already, because the line is
 * wrong or only asks for help, and the program ends with `*exit_out`.
 */
bool read_arguments(int argc, char **argv, struct arguments *arguments, int *exit_out);
void free_arguments(struct arguments *arguments);

#endif
