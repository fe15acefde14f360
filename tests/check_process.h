/* What the tests share that need several processes of one program: each is started anew, because threads do not survive a fork,
 * and plays a role. */
#ifndef HOSTEL_TESTS_CHECK_PROCESS_H
#define HOSTEL_TESTS_CHECK_PROCESS_H

#include "check_cache.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

/* ---- processes of this program ---- */

typedef struct process {
  pid_t id;
  int told;  /* a byte comes when it compiles, or waits; another one when it has come to its end */
  int leave; /* closed: it may go on */
} process;

static inline process start(const hostel_engine *engine, const char *role, const char *place) {
  int told[2], gate[2];
  char numbers[2][16];
  REQUIRE(pipe2(told, O_CLOEXEC) == 0 && pipe2(gate, O_CLOEXEC) == 0);
  const pid_t id = fork();
  REQUIRE(id >= 0);
  if (id == 0) {
    snprintf(numbers[0], sizeof numbers[0], "%d", dup(told[1]));
    snprintf(numbers[1], sizeof numbers[1], "%d", dup(gate[0]));
    execl("/proc/self/exe", "process", hostel_engine_name(engine), role, place, numbers[0], numbers[1], (char *)NULL);
    _exit(99);
  }
  close(told[1]);
  close(gate[0]);
  return (process){id, told[0], gate[1]};
}

/* The next byte that it tells; 0 when it is gone. */
static inline char next_of(const process *process) {
  char byte = 0;
  return read(process->told, &byte, 1) == 1 ? byte : 0;
}

static inline bool has_told(const process *process) {
  fcntl(process->told, F_SETFL, O_NONBLOCK);
  char byte;
  const ssize_t got = read(process->told, &byte, 1);
  fcntl(process->told, F_SETFL, 0);
  return got >= 0;
}

/* What it ended with. */
static inline int end_of(process *process) {
  int status = 0;
  close(process->leave);
  REQUIRE(waitpid(process->id, &status, 0) == process->id);
  close(process->told);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline void kill_it(process *process) {
  REQUIRE(kill(process->id, SIGKILL) == 0);
  CHECK(end_of(process) == -SIGKILL);
}

/* ---- what they do ---- */

typedef struct role {
  const char *name;
  int tell, gate;
  bool told;
} role;

static inline void tell(role *role, char what) {
  if (!role->told) {
    REQUIRE(write(role->tell, &what, 1) == 1);
    role->told = true;
  }
}

static inline hostel_status watch(void *user_data, const char *phase, uint64_t done, uint64_t total) {
  role *role = user_data;
  char byte;
  (void)done, (void)total;
  if (strcmp(phase, "wait") == 0) {
    tell(role, 'w');
    return HOSTEL_STATUS_OK;
  }
  if (strcmp(role->name, "hold") != 0 || role->told) {
    return HOSTEL_STATUS_OK;
  }
  tell(role, 'c');
  while (read(role->gate, &byte, 1) != 0) {
  }
  return HOSTEL_STATUS_OK;
}

#endif
