/* What the tests of the library's threads share: every thread that the library starts passes here, and may be refused. */
#ifndef HOSTEL_TESTS_CHECK_THREADS_H
#define HOSTEL_TESTS_CHECK_THREADS_H

#ifndef _GNU_SOURCE
#error "define _GNU_SOURCE first: RTLD_NEXT is glibc's"
#endif

#include "check.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/* How many threads were started, and of those how many a signal of the host's could reach from their beginning. */
static atomic_uint threads_started, threads_with_signals;
/* How many run, and how many may. */
static atomic_uint threads_running, threads_max = UINT_MAX;

typedef int (*thread_starter)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

typedef struct started_thread {
  void *(*run)(void *);
  void *argument;
} started_thread;

static void *run_started(void *argument) {
  const started_thread thread = *(started_thread *)argument;
  free(argument);
  void *result = thread.run(thread.argument);
  threads_running--;
  return result;
}

/* Stands in front of the system's: whatever the library starts, however it does. A thread is born with the mask of who starts it.
 */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument) {
  static const int OF_HOST[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD, SIGPROF};
  /* Those that a thread causes by itself: a guest that it runs traps by them. */
  static const int ITS_OWN[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  void *found = dlsym(RTLD_NEXT, "pthread_create");
  thread_starter start;
  memcpy(&start, &found, sizeof start);
  sigset_t blocked;
  REQUIRE(start != NULL && pthread_sigmask(SIG_SETMASK, NULL, &blocked) == 0);
  bool right = true;
  for (size_t i = 0; i < sizeof OF_HOST / sizeof *OF_HOST; i++) {
    right &= sigismember(&blocked, OF_HOST[i]) == 1;
  }
  for (size_t i = 0; i < sizeof ITS_OWN / sizeof *ITS_OWN; i++) {
    right &= sigismember(&blocked, ITS_OWN[i]) == 0;
  }
  if (threads_running++ >= threads_max) {
    threads_running--;
    return EAGAIN;
  }
  threads_started++;
  threads_with_signals += !right;
  started_thread *started = malloc(sizeof *started);
  REQUIRE(started != NULL);
  *started = (started_thread){run, argument};
  return start(thread, attributes, run_started, started);
}

/* Waits until no thread of the library's runs. */
static inline void until_no_thread_runs(void) {
  while (hostel_loads_join(NULL) == HOSTEL_STATUS_BUSY || hostel_timer_join(NULL) == HOSTEL_STATUS_BUSY || threads_running > 0) {
    usleep(1000);
  }
}

/* What the process writes to its standard error meanwhile, the number of bytes. */
typedef struct overheard {
  int before, file;
} overheard;

static inline overheard overhear(void) {
  fflush(stderr);
  FILE *file = tmpfile();
  overheard overheard = {dup(STDERR_FILENO), file != NULL ? dup(fileno(file)) : -1};
  REQUIRE(overheard.before >= 0 && overheard.file >= 0 && fclose(file) == 0);
  REQUIRE(dup2(overheard.file, STDERR_FILENO) == STDERR_FILENO);
  return overheard;
}

static inline off_t overheard_bytes(overheard overheard) {
  fflush(stderr);
  REQUIRE(dup2(overheard.before, STDERR_FILENO) == STDERR_FILENO);
  const off_t bytes = lseek(overheard.file, 0, SEEK_END);
  if (bytes > 0) { /* who sees the test fail wants to know */
    char text[512];
    const ssize_t len = pread(overheard.file, text, sizeof text, 0);
    fprintf(stderr, "it was told: %.*s\n", (int)(len > 0 ? len : 0), text);
  }
  close(overheard.before);
  close(overheard.file);
  return bytes;
}

#endif
