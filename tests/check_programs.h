/* Facts that are found out in a program of their own: what a process has once, such as handlers of signals. */
#ifndef HOSTEL_TESTS_CHECK_PROGRAMS_H
#define HOSTEL_TESTS_CHECK_PROGRAMS_H

#include "check.h"
#include "check_sanitized.h"

#include <sys/wait.h>
#include <unistd.h>

/* Signals and masks are a process's, and handlers are put in place by the first engine: each fact is found out in a
 * program of its own, this one called again. */
static inline int in_program(const char *name, const char *engine) {
  fflush(NULL);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(SECONDS(60));
    execl("/proc/self/exe", "a test", engine, "--alone", name, NULL);
    _exit(126);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

static inline void check_program(const char *file, int line, const char *name, const char *engine, int signal) {
  const int status = in_program(name, engine);
  const bool expected =
      signal == 0 ? WIFEXITED(status) && WEXITSTATUS(status) == 0 : WIFSIGNALED(status) && WTERMSIG(status) == signal;
  if (!expected) {
    fprintf(stderr, "%s: exit %d, signal %d\n", name, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    fail_at(file, line, "the program ends as it should");
  }
}

#define RUNS_WELL(run, engine) check_program(__FILE__, __LINE__, #run, hostel_engine_name(engine), 0)
#define DIES_OF(signal, run, engine) check_program(__FILE__, __LINE__, #run, hostel_engine_name(engine), (signal))

static inline hostel_engine *engine_called(const char *name) {
  hostel_engine_config *config = RUBBISH;
  hostel_engine *engine = RUBBISH;
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  SUCCEEDS(hostel_engine_config_set_engine(config, name, &error));
  SUCCEEDS(hostel_engine_new(config, &engine, &error));
  hostel_engine_config_free(config);
  return engine;
}

/* A program of a test: what it runs when it is called again, on the engines named. */
typedef struct program {
  const char *name;
  void (*run)(const char *engine);
} program;

#define PROGRAM(function) {#function, function}

/* Whether this is such a program; then it has run, and `*exit_out` says how it ended. */
static inline bool is_program(int argc, char **argv, const program *programs, size_t count, int *exit_out) {
  if (argc != 4 || strcmp(argv[2], "--alone") != 0) {
    return false;
  }
  *exit_out = 125;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(programs[i].name, argv[3]) == 0) {
      programs[i].run(argv[1]);
      *exit_out = failures == 0 ? 0 : 1;
    }
  }
  return true;
}

#endif
