/* cache_processes.c: a directory of compiled code, used by many processes at once, some of which are killed. */
#include "check_cache.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

enum { PROCESSES = 16, KILLED = 200, MODULES = 40 };

/* Another process of this program, in one of the roles below. Started anew: threads do not survive a fork. */
static pid_t start(const hostel_engine *engine, const char *role, const char *directory, int gate) {
  char number[16];
  snprintf(number, sizeof number, "%d", gate);
  const pid_t process = fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    execl("/proc/self/exe", "cache_processes", hostel_engine_name(engine), role, directory, number, (char *)NULL);
    _exit(99);
  }
  return process;
}

/* Loads one guest when the gate opens, and answers with 10 more than the number of times that it compiled. */
static int load_one(const hostel_engine *engine, const hostel_cache *cache, int gate) {
  char byte;
  hostel_module *module = RUBBISH;
  REQUIRE(read(gate, &byte, 1) == 0); /* waits until nobody can write to it any more */
  SUCCEEDS(hostel_module_load_file(engine, cache, guest_path("echo.wasm"), NULL, &module, &error));
  hostel_guest *guest = link_guest(module, NULL);
  ANSWERS("ba", hostel_guest_call(guest, "reverse", TEXT("ab"), NULL, &output, &error));
  hostel_guest_free(guest);
  return failures == 0 && statistics(cache).rejected == 0 ? 10 + (int)statistics(cache).compiles : 1;
}

/* Writes one entry after the other, over and over, until it is killed; at most for a while. */
static int write_all_the_time(const hostel_engine *engine, const hostel_cache *cache) {
  for (int round = 0; round < 200 && failures == 0; round++) {
    for (unsigned number = 0; number < MODULES; number++) {
      uint8_t key[HOSTEL_KEY_BYTES];
      hostel_module *module = load_numbered(engine, cache, number);
      SUCCEEDS(hostel_module_key(module, key, &error));
      SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
      hostel_module_free(module);
    }
  }
  return failures == 0 ? 0 : 1;
}

static int play(char **argv) {
  hostel_engine *engine = engine_named(argv[1], false);
  hostel_cache *cache = directory_cache(argv[3], LARGE);
  const int code = strcmp(argv[2], "load-one") == 0 ? load_one(engine, cache, atoi(argv[4])) : write_all_the_time(engine, cache);
  hostel_cache_free(cache);
  hostel_engine_free(engine);
  return code;
}

static void of_many_processes_one_compiles(const hostel_engine *engine) {
  const path directory = new_directory();
  pid_t processes[PROCESSES];
  int gate[2], compiles = 0;
  REQUIRE(pipe(gate) == 0 && fcntl(gate[1], F_SETFD, FD_CLOEXEC) == 0);
  for (int i = 0; i < PROCESSES; i++) {
    processes[i] = start(engine, "load-one", directory.text, gate[0]);
  }
  usleep(200000); /* most of them are at the gate by then; the others come late, which is as good */
  close(gate[1]);
  close(gate[0]);
  for (int i = 0; i < PROCESSES; i++) {
    int status = 0;
    REQUIRE(waitpid(processes[i], &status, 0) == processes[i]);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) >= 10);
    compiles += WEXITSTATUS(status) - 10;
  }
  CHECK(compiles == 1);
  remove_all(directory.text);
}

static void a_killed_writer_leaves_nothing_that_is_wrong(const hostel_engine *engine) {
  const path directory = new_directory();
  hostel_cache *cache = directory_cache(directory.text, LARGE);
  uint64_t state = 0x9e3779b97f4a7c15;
  for (int i = 0; i < KILLED; i++) {
    int status = 0;
    const pid_t writer = start(engine, "write", directory.text, -1);
    usleep((useconds_t)random_below(&state, 40000));
    REQUIRE(kill(writer, SIGKILL) == 0 && waitpid(writer, &status, 0) == writer);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    /* Whatever it held is free, and what it left is whole. */
    hostel_module *module = load_numbered(engine, cache, (unsigned)i % MODULES);
    CHECK_MODULE(module, (unsigned)i % MODULES, hostel_module_origin(module));
  }
  for (unsigned number = 0; number < MODULES; number++) {
    hostel_module *module = load_numbered(engine, cache, number);
    CHECK_MODULE(module, number, hostel_module_origin(module));
    COMES_FROM("directory", engine, cache, number);
  }
  CHECK(statistics(cache).rejected == 0 && statistics(cache).entries == MODULES);
  /* Nor anything that stays: whoever uses the directory anew cleans up when it first writes. */
  uint8_t key[HOSTEL_KEY_BYTES];
  hostel_cache_free(cache);
  cache = directory_cache(directory.text, LARGE);
  key_of(engine, 0, key);
  SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
  COMES_FROM("compiled", engine, cache, 0);
  CHECK(count_in(only_folder(directory.text).text) == MODULES);
  hostel_cache_free(cache);
  remove_all(directory.text);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(of_many_processes_one_compiles),
      TEST(a_killed_writer_leaves_nothing_that_is_wrong),
  };
  return argc == 5 ? play(argv) : RUN_TESTS(argc, argv, tests);
}
