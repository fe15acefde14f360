/* cache_locks.c: of many processes that want the same module one compiles at a time, however long that takes; one that has died
 * or was stopped is not waited for. */
#define _GNU_SOURCE
#include "check_process.h"

#include <sys/file.h>

/* A lock that nobody touches counts as stopped after 10 seconds; HANGS tells an answer from a hang. */
enum { NUMBER = 7, WAITERS = 5, LONGER_THAN_STOPPED = 13, HANGS = 240 };

/* ---- what they do ---- */

/* Has a child of its own while it compiles, which stays; then it is as "hold". */
static hostel_status fork_and_watch(void *user_data, const char *phase, uint64_t done, uint64_t total) {
  role *role = user_data;
  if (!role->told && strcmp(phase, "wait") != 0 && fork() == 0) {
    char name[64], where[1024];
    bool has_lock = false;
    for (int file = 0; file < 1024; file++) {
      snprintf(name, sizeof name, "/proc/self/fd/%d", file);
      const ssize_t len = readlink(name, where, sizeof where - 1);
      where[len > 0 ? len : 0] = '\0';
      has_lock |= strstr(where, ".lock") != NULL;
    }
    tell(role, has_lock ? 'l' : 'n');
    while (read(role->gate, name, 1) != 0) {
    }
    _exit(0);
  }
  role->name = "hold";
  return watch(user_data, phase, done, total);
}

/* Loads the module; ends with 10 when it had to compile it, and 20 when it has found it. */
static int play(char **argv) {
  role role = {argv[2], atoi(argv[4]), atoi(argv[5]), false};
  hostel_engine *engine = engine_named(argv[1], false);
  hostel_cache *cache = directory_cache(argv[3], LARGE);
  hostel_load_options *options = new_load_options();
  hostel_module *module = RUBBISH;
  hostel_buffer wasm = numbered_wasm(NUMBER);
  alarm(HANGS);
  SUCCEEDS(hostel_load_options_set_progress(options, strcmp(role.name, "fork") == 0 ? fork_and_watch : watch, &role, &error));
  SUCCEEDS(hostel_module_load(engine, cache, wasm.data, wasm.len, options, &module, &error));
  const int code = strcmp(hostel_module_origin(module), "compiled") == 0 ? 10 : 20;
  role.told = false;
  tell(&role, 'e');
  CHECK_MODULE(module, NUMBER, hostel_module_origin(module));
  return failures == 0 ? code : 1;
}

/* ---- facts ---- */

/* An engine that compiles where it is asked to: of several tiers, the best one. */
static hostel_engine *plain(const hostel_engine *engine) { return engine_named(best_tier(engine), false); }

/* A directory in which the engine has a folder. */
static path new_cache_directory(const hostel_engine *engine) {
  const path directory = new_directory();
  hostel_cache *cache = directory_cache(directory.text, LARGE);
  COMES_FROM("compiled", engine, cache, NUMBER + 1);
  hostel_cache_free(cache);
  return directory;
}

/* All of them wait for another process. */
static void start_waiters(process *waiters, const hostel_engine *engine, const path *directory) {
  for (int i = 0; i < WAITERS; i++) {
    waiters[i] = start(engine, "wait", directory->text);
  }
  for (int i = 0; i < WAITERS; i++) {
    CHECK(next_of(&waiters[i]) == 'w');
  }
}

/* One of them has compiled, and the others have found what it made. */
static void one_of_them_compiles(process *waiters) {
  int compiled = 0;
  for (int i = 0; i < WAITERS; i++) {
    const int code = end_of(&waiters[i]);
    CHECK(code == 10 || code == 20);
    compiled += code == 10;
  }
  CHECK(compiled == 1);
}

/* No lock stays, and nothing that was half written. */
static void nothing_is_left(const path *directory) { CHECK(count_in(only_folder(directory->text).text) == 2); }

static void who_takes_long_is_waited_for(const hostel_engine *given) {
  hostel_engine *engine = plain(given);
  const path directory = new_cache_directory(engine);
  process waiters[WAITERS], holder = start(engine, "hold", directory.text);
  REQUIRE(next_of(&holder) == 'c');
  start_waiters(waiters, engine, &directory);
  sleep(LONGER_THAN_STOPPED);
  for (int i = 0; i < WAITERS; i++) {
    CHECK(!has_told(&waiters[i])); /* neither the end of its load, nor its own */
  }
  CHECK(end_of(&holder) == 10);
  for (int i = 0; i < WAITERS; i++) {
    CHECK(end_of(&waiters[i]) == 20);
  }
  nothing_is_left(&directory);
  remove_all(directory.text);
  hostel_engine_free(engine);
}

static void one_after_the_other_takes_the_place_of_who_has_died(const hostel_engine *given) {
  hostel_engine *engine = plain(given);
  const path directory = new_cache_directory(engine);
  process waiters[WAITERS], holder = start(engine, "hold", directory.text);
  REQUIRE(next_of(&holder) == 'c');
  start_waiters(waiters, engine, &directory);
  kill_it(&holder);
  one_of_them_compiles(waiters);
  nothing_is_left(&directory);
  remove_all(directory.text);
  hostel_engine_free(engine);
}

static void who_was_stopped_is_not_waited_for(const hostel_engine *given) {
  hostel_engine *engine = plain(given);
  const path directory = new_cache_directory(engine);
  process waiters[WAITERS], holder = start(engine, "hold", directory.text);
  REQUIRE(next_of(&holder) == 'c');
  REQUIRE(kill(holder.id, SIGSTOP) == 0);
  start_waiters(waiters, engine, &directory);
  one_of_them_compiles(waiters);
  /* When it goes on, it does no harm: not even to a lock that another has taken meanwhile. */
  const path lock = file_of(directory.text, engine, NUMBER, ".lock");
  write_file(lock.text, TEXT(""));
  const int taken = open(lock.text, O_RDWR);
  REQUIRE(flock(taken, LOCK_EX) == 0 && kill(holder.id, SIGCONT) == 0);
  CHECK(end_of(&holder) == 10);
  CHECK(access(lock.text, F_OK) == 0 && remove(lock.text) == 0);
  close(taken);
  nothing_is_left(&directory);
  hostel_cache *cache = directory_cache(directory.text, LARGE);
  COMES_FROM("directory", engine, cache, NUMBER);
  hostel_cache_free(cache);
  remove_all(directory.text);
  hostel_engine_free(engine);
}

static void a_lock_that_nobody_touches_is_not_waited_for(const hostel_engine *given) {
  hostel_engine *engine = plain(given);
  const path directory = new_cache_directory(engine), lock = file_of(directory.text, engine, NUMBER, ".lock");
  write_file(lock.text, TEXT("by a program that knows nothing of this"));
  const int holder = open(lock.text, O_RDWR | O_CLOEXEC);
  REQUIRE(flock(holder, LOCK_EX) == 0);
  process waiters[WAITERS];
  start_waiters(waiters, engine, &directory);
  one_of_them_compiles(waiters);
  close(holder);
  nothing_is_left(&directory);
  remove_all(directory.text);
  hostel_engine_free(engine);
}

static void a_forked_child_has_no_lock_of_its_parent(const hostel_engine *given) {
  hostel_engine *engine = plain(given);
  const path directory = new_cache_directory(engine);
  process holder = start(engine, "fork", directory.text);
  const char first = next_of(&holder), second = next_of(&holder); /* the child's and its parent's, in any order */
  CHECK((first == 'n' && second == 'c') || (first == 'c' && second == 'n'));
  REQUIRE(kill(holder.id, SIGKILL) == 0 && waitpid(holder.id, NULL, 0) == holder.id);
  const path lock = file_of(directory.text, engine, NUMBER, ".lock");
  const int file = open(lock.text, O_RDWR | O_CLOEXEC);
  CHECK(file >= 0 && flock(file, LOCK_EX | LOCK_NB) == 0); /* free, although the child is there still */
  close(file);
  process next = start(engine, "wait", directory.text);
  CHECK(end_of(&next) == 10);
  nothing_is_left(&directory);
  close(holder.told);
  close(holder.leave);
  remove_all(directory.text);
  hostel_engine_free(engine);
}

static void who_waits_takes_what_appears_meanwhile(const hostel_engine *given) {
  hostel_engine *engine = plain(given);
  const path directory = new_cache_directory(engine), elsewhere = new_cache_directory(engine);
  hostel_cache *cache = directory_cache(elsewhere.text, LARGE);
  COMES_FROM("compiled", engine, cache, NUMBER);
  hostel_cache_free(cache);
  size_t len;
  uint8_t *artifact = read_file(entry_of(elsewhere.text, engine, NUMBER).text, &len);
  process holder = start(engine, "hold", directory.text);
  REQUIRE(next_of(&holder) == 'c');
  process waiters[WAITERS];
  start_waiters(waiters, engine, &directory);
  const path entry = entry_of(directory.text, engine, NUMBER), aside = path_in(directory.text, "aside");
  write_file(aside.text, artifact, len);
  REQUIRE(rename(aside.text, entry.text) == 0);
  for (int i = 0; i < WAITERS; i++) {
    CHECK(end_of(&waiters[i]) == 20);
  }
  CHECK(end_of(&holder) == 10);
  free(artifact);
  nothing_is_left(&directory);
  remove_all(directory.text);
  remove_all(elsewhere.text);
  hostel_engine_free(engine);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(who_takes_long_is_waited_for),
      TEST(one_after_the_other_takes_the_place_of_who_has_died),
      TEST(who_was_stopped_is_not_waited_for),
      TEST(a_lock_that_nobody_touches_is_not_waited_for),
      TEST(a_forked_child_has_no_lock_of_its_parent),
      TEST(who_waits_takes_what_appears_meanwhile),
  };
  return argc == 6 ? play(argv) : RUN_TESTS(argc, argv, tests);
}
