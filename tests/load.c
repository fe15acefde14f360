/* load.c: modules that are compiled in the background. */
#define _GNU_SOURCE
#include "check_background.h"
#include "check_sanitized.h"

#include <sys/wait.h>

static hostel_module *wait_for(const hostel_load *load) {
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_load_wait(load, HOSTEL_UNLIMITED, &module, &error));
  return module;
}

/* ---- loads that are held up ---- */

/* A load that has begun, and does not go on before it may. */
static hostel_load *begin_held(const hostel_engine *engine, hold *hold) {
  hostel_load_options *options = held_by(hold);
  hostel_load *load = begin_numbered(engine, NULL, 1, options, NULL, NULL);
  hostel_load_options_free(options); /* copied, too */
  until_told(hold);
  return load;
}

/* ---- what comes of a load ---- */

static void a_load_gives_its_module(const hostel_engine *engine) {
  hostel_load *load = begin_numbered(engine, NULL, 7, NULL, NULL, NULL);
  hostel_module *first = wait_for(load), *second = wait_for(load);
  CHECK(hostel_load_is_finished(load));
  CHECK_MODULE(first, 7, "compiled");
  hostel_load_free(load);
  CHECK_MODULE(second, 7, "compiled"); /* it lives on without its load */
}

static void a_load_can_be_polled(const hostel_engine *engine) {
  hold hold = {0};
  hostel_module *module = RUBBISH;
  hostel_load *load = begin_held(engine, &hold);
  CHECK(!hostel_load_is_finished(load));
  FAILS(BUSY, "0 ms", hostel_load_wait(load, 0, &module, &error));
  CHECK(module == NULL);
  FAILS(BUSY, "2 ms", hostel_load_wait(load, 2, &module, &error));
  hold.may_go_on = true;
  while (!hostel_load_is_finished(load)) {
    sleep_ms(1);
  }
  SUCCEEDS(hostel_load_wait(load, 0, &module, &error));
  CHECK_MODULE(module, 1, "compiled");
  CHECK(hold.told >= 3 && !hold.signals_reach_it);
  hostel_load_free(load);
}

static void *wait_and_call(void *load) {
  CHECK_MODULE(wait_for(load), 1, "compiled");
  return NULL;
}

static void many_threads_wait_for_one_load(const hostel_engine *engine) {
  enum { THREADS = 8 };
  hold hold = {0};
  pthread_t threads[THREADS];
  hostel_load *load = begin_held(engine, &hold);
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_create(&threads[i], NULL, wait_and_call, load) == 0);
  }
  hold.may_go_on = true;
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_join(threads[i], NULL) == 0);
  }
  hostel_load_free(load);
}

static void a_load_fails_as_it_would_elsewhere(const hostel_engine *engine) {
  hostel_load *load = RUBBISH;
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load_begin(engine, NULL, TEXT("no module"), NULL, NULL, NULL, &load, &error));
  for (int i = 0; i < 2; i++) {
    FAILS(INVALID_MODULE, "", hostel_load_wait(load, HOSTEL_UNLIMITED, &module, &error));
    CHECK(module == NULL);
  }
  hostel_load_free(load);
  hostel_engine *headless = engine_named(hostel_engine_name(engine), true);
  load = begin_numbered(headless, NULL, 1, NULL, NULL, NULL);
  FAILS(NOT_CACHED, "headless", hostel_load_wait(load, HOSTEL_UNLIMITED, &module, &error));
  hostel_load_free(load);
  hostel_engine_free(headless);
}

static void a_load_goes_on_without_what_it_was_begun_with(const hostel_engine *shared) {
  hold hold = {0};
  hostel_engine *engine = engine_named(hostel_engine_name(shared), false);
  hostel_cache *cache = shared_cache(LARGE);
  hostel_load_options *options = held_by(&hold);
  hostel_load *load = begin_numbered(engine, cache, 3, options, NULL, NULL);
  hostel_load_options_free(options);
  hostel_cache_free(cache);
  hostel_engine_free(engine);
  hold.may_go_on = true;
  CHECK_MODULE(wait_for(load), 3, "compiled");
  hostel_load_free(load);
}

static void a_load_keeps_its_module_in_the_cache_by_its_alias(const hostel_engine *engine) {
  static const uint8_t alias[HOSTEL_KEY_BYTES] = "an alias";
  hostel_cache *cache = shared_cache(LARGE);
  hostel_load_options *options = new_load_options();
  SUCCEEDS(hostel_load_options_set_alias(options, alias, &error));
  hostel_load *load = begin_numbered(engine, cache, 4, options, NULL, NULL);
  hostel_module *module = settled(wait_for(load));
  hostel_module_free(module);
  hostel_load_free(load);
  SUCCEEDS(hostel_module_load_alias(engine, cache, alias, &module, &error));
  CHECK_MODULE(module, 4, "shared");
  load = begin_numbered(engine, cache, 4, NULL, NULL, NULL);
  CHECK_MODULE(wait_for(load), 4, "shared");
  hostel_load_free(load);
  hostel_load_options_free(options);
  hostel_cache_free(cache);
}

/* ---- who is told ---- */

typedef struct ending {
  atomic_uint times;
  hostel_status status;
  _Atomic(hostel_load *) load;
  bool was_finished, frees_it;
} ending;

static void ended(void *user_data, hostel_status status) {
  ending *ending = user_data;
  while (ending->load == NULL) {
    sleep_ms(1);
  }
  ending->status = status;
  ending->was_finished = hostel_load_is_finished(ending->load);
  if (ending->frees_it) {
    hostel_load_free(ending->load);
  }
  ending->times++;
}

static void until_ended(const ending *ending) {
  while (ending->times == 0) {
    sleep_ms(1);
  }
}

static void the_end_of_a_load_is_told_once(const hostel_engine *engine) {
  for (int valid = 0; valid < 2; valid++) {
    ending ending = {0};
    hostel_load *load = RUBBISH;
    hostel_module *module = RUBBISH;
    const char *wasm = valid ? "\0asm\1\0\0\0" : "no module";
    SUCCEEDS(hostel_module_load_begin(engine, NULL, (const uint8_t *)wasm, 8, NULL, ended, &ending, &load, &error));
    ending.load = load;
    until_ended(&ending);
    CHECK(ending.was_finished && ending.status == (valid ? HOSTEL_STATUS_OK : HOSTEL_STATUS_INVALID_MODULE));
    CHECK(hostel_load_wait(load, 0, &module, NULL) == ending.status);
    hostel_module_free(module);
    hostel_load_free(load);
    CHECK(ending.times == 1);
  }
}

static void who_is_told_may_free_the_load(const hostel_engine *engine) {
  for (int i = 0; i < 20; i++) {
    ending ending = {.frees_it = true};
    ending.load = begin_numbered(engine, NULL, 1, NULL, ended, &ending);
    until_ended(&ending);
    CHECK(ending.status == HOSTEL_STATUS_OK);
  }
}

static hostel_status free_it(void *user_data, const char *phase, uint64_t done, uint64_t total) {
  (void)phase, (void)done, (void)total;
  ending *ending = user_data;
  while (ending->load == NULL) {
    sleep_ms(1);
  }
  hostel_load_free(ending->load);
  ending->times++;
  return HOSTEL_STATUS_OK;
}

static void a_progress_callback_may_free_the_load(const hostel_engine *engine) {
  for (int i = 0; i < 20; i++) {
    ending ending = {0};
    hostel_load_options *options = new_load_options();
    SUCCEEDS(hostel_load_options_set_progress(options, free_it, &ending, &error));
    ending.load = begin_numbered(engine, NULL, 1, options, ended, &ending);
    hostel_load_options_free(options);
    until_ended(&ending);
    join_loads();
    CHECK(ending.times == 1); /* neither callback was called again */
  }
}

/* The memory of who is told goes with the load: a sanitizer sees who uses it afterwards. */
static void nobody_is_told_once_the_load_is_freed(const hostel_engine *engine) {
  for (int i = 0; i < 100; i++) {
    ending *ending = calloc(1, sizeof *ending);
    hold *hold = calloc(1, sizeof *hold);
    REQUIRE(ending != NULL && hold != NULL);
    hold->may_go_on = true;
    hostel_load_options *options = held_by(hold);
    hostel_load *load = begin_numbered(engine, NULL, 1, options, ended, ending);
    ending->load = load;
    if (i % 2 == 1) {
      until_told(hold);
    }
    hostel_load_free(load);
    memset(ending, 0x5a, sizeof *ending);
    memset(hold, 0x5a, sizeof *hold);
    free(ending);
    free(hold);
    hostel_load_options_free(options);
  }
}

/* ---- cancelling ---- */

static void a_load_that_runs_is_cancelled_between_its_steps(const hostel_engine *engine) {
  hold hold = {0};
  hostel_module *module = RUBBISH;
  hostel_load *load = begin_held(engine, &hold);
  for (int i = 0; i < 2; i++) {
    SUCCEEDS(hostel_load_cancel(load, &error));
  }
  CHECK(!hostel_load_is_finished(load));
  hold.may_go_on = true;
  FAILS(CANCELLED, "cancelled", hostel_load_wait(load, HOSTEL_UNLIMITED, &module, &error));
  CHECK(hold.told == 1);
  hostel_load_free(load);
}

static void a_load_that_waits_is_cancelled_at_once(const hostel_engine *engine) {
  cpu_set_t before;
  on_one_processor(&before);
  hold hold = {0};
  ending ending = {0};
  hostel_module *module = RUBBISH;
  hostel_load *first = begin_held(engine, &hold);
  hostel_load *second = begin_numbered(engine, NULL, 2, NULL, ended, &ending);
  ending.load = second;
  SUCCEEDS(hostel_load_cancel(second, &error));
  CHECK(ending.times == 1 && ending.status == HOSTEL_STATUS_CANCELLED);
  FAILS(CANCELLED, "cancelled", hostel_load_wait(second, 0, &module, &error));
  hostel_load_free(begin_numbered(engine, NULL, 2, NULL, NULL, NULL));
  hold.may_go_on = true;
  CHECK_MODULE(wait_for(first), 1, "compiled");
  hostel_load_free(first);
  hostel_load_free(second);
  REQUIRE(sched_setaffinity(0, sizeof before, &before) == 0);
}

static void what_is_finished_is_not_cancelled_any_more(const hostel_engine *engine) {
  hostel_load *load = begin_numbered(engine, NULL, 1, NULL, NULL, NULL);
  hostel_module_free(wait_for(load));
  SUCCEEDS(hostel_load_cancel(load, &error));
  CHECK_MODULE(wait_for(load), 1, "compiled");
  hostel_load_free(load);
}

/* ---- threads ---- */

typedef struct place {
  atomic_uint *next;
  unsigned number;
} place;

static void note_place(void *user_data, hostel_status status) {
  place *place = user_data;
  CHECK(status == HOSTEL_STATUS_OK);
  place->number = ++*place->next;
}

static void loads_take_their_turns(const hostel_engine *engine) {
  enum { LOADS = 30 };
  cpu_set_t before;
  on_one_processor(&before);
  hold hold = {0};
  atomic_uint next = 0;
  place places[LOADS];
  hostel_load *first = begin_held(engine, &hold), *loads[LOADS];
  for (unsigned i = 0; i < LOADS; i++) {
    places[i] = (place){.next = &next};
    loads[i] = begin_numbered(engine, NULL, i, NULL, note_place, &places[i]);
  }
  hold.may_go_on = true;
  for (unsigned i = 0; i < LOADS; i++) {
    CHECK_MODULE(wait_for(loads[i]), i, "compiled");
  }
  while (next < LOADS) {
    sleep_ms(1);
  }
  for (unsigned i = 0; i < LOADS; i++) {
    CHECK(places[i].number == i + 1);
    hostel_load_free(loads[i]);
  }
  hostel_load_free(first);
  REQUIRE(sched_setaffinity(0, sizeof before, &before) == 0);
}

static unsigned threads_called(const char *name) {
  unsigned count = 0;
  DIR *folder = opendir("/proc/self/task");
  REQUIRE(folder != NULL);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    char comm[64] = "";
    FILE *file =
        entry->d_name[0] == '.' ? NULL : fopen(path_in(path_in("/proc/self/task", entry->d_name).text, "comm").text, "r");
    if (file != NULL) {
      count += fgets(comm, sizeof comm, file) != NULL && strncmp(comm, name, strlen(name)) == 0;
      fclose(file);
    }
  }
  closedir(folder);
  return count;
}

/* The host's signals are for the host's threads: whatever the library has started does not take them. */
static void no_thread_of_the_library_takes_signals(const hostel_engine *engine) {
  hostel_module_free(settled(load_file(engine, "echo.wasm")));
  hostel_load *load = begin_numbered(engine, NULL, 9, NULL, NULL, NULL);
  hostel_module_free(wait_for(load));
  hostel_load_free(load);
  DIR *folder = opendir("/proc/self/task");
  REQUIRE(folder != NULL);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (entry->d_name[0] == '.' || atoi(entry->d_name) == (int)getpid()) {
      continue;
    }
    char line[256];
    FILE *file = fopen(path_in(path_in("/proc/self/task", entry->d_name).text, "status").text, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
      unsigned long long blocked;
      if (sscanf(line, "SigBlk: %llx", &blocked) == 1) { /* SIGTERM is number 15, and bit 14 */
        CHECK((blocked >> 14 & 1) == 1);
      }
    }
    if (file != NULL) {
      fclose(file);
    }
  }
  closedir(folder);
}

static void the_threads_can_be_joined_when_nothing_is_loaded(const hostel_engine *engine) {
  hold hold = {0};
  hostel_load *load = begin_held(engine, &hold);
  CHECK(threads_called("hostel-load") >= 1);
  FAILS(BUSY, "background", hostel_loads_join(&error));
  hold.may_go_on = true;
  hostel_module_free(wait_for(load));
  hostel_load_free(load);
  join_loads();
  while (threads_called("hostel-load") > 0) { /* those of the compiler end by themselves */
    sleep_ms(1);
  }
  SUCCEEDS(hostel_loads_join(&error));
  load = begin_numbered(engine, NULL, 2, NULL, NULL, NULL);
  CHECK_MODULE(wait_for(load), 2, "compiled");
  hostel_load_free(load);
}

static void a_forked_child_is_told_that_it_has_no_loads_of_its_parent(const hostel_engine *engine) {
  hold hold = {0};
  hostel_module *module = RUBBISH;
  hostel_load *done = begin_numbered(engine, NULL, 5, NULL, NULL, NULL);
  hostel_module_free(wait_for(done));
  hostel_load *held = begin_held(engine, &hold), *waiting = begin_numbered(engine, NULL, 6, NULL, NULL, NULL);
  fflush(NULL);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(SECONDS(30));
    failures = 0;
    FAILS(CANCELLED, "forked", hostel_load_wait(held, HOSTEL_UNLIMITED, &module, &error));
    CHECK_MODULE(wait_for(done), 5, "compiled");
    hostel_load_free(done);
    hostel_load_free(held);
    hostel_load_free(waiting);
    SUCCEEDS(hostel_loads_join(&error));
    hostel_load *own = begin_numbered(engine, NULL, 8, NULL, NULL, NULL);
    CHECK_MODULE(wait_for(own), 8, "compiled");
    hostel_load_free(own);
    _exit(failures == 0 ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  hold.may_go_on = true;
  CHECK_MODULE(wait_for(held), 1, "compiled");
  CHECK_MODULE(wait_for(waiting), 6, "compiled");
  hostel_load_free(done);
  hostel_load_free(held);
  hostel_load_free(waiting);
}

/* In a child, because it ends; the compiler is somewhere in the middle of a large guest. */
static void the_process_may_end_while_something_is_loaded(const hostel_engine *engine) {
  size_t len = 0;
  uint8_t *wasm = read_guest("markdown.wasm", &len);
  for (int i = 0; i < 12; i++) {
    fflush(NULL);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      hostel_load *load = RUBBISH;
      alarm(SECONDS(60));
      end_at_work();
      SUCCEEDS(hostel_module_load_begin(engine, NULL, wasm, len, NULL, NULL, NULL, &load, &error));
      SUCCEEDS(hostel_module_load_begin(engine, NULL, wasm, len, NULL, NULL, NULL, &load, &error));
      sleep_ms(7 * i);
      exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  free(wasm);
}

/* ---- arguments ---- */

static void each_argument_is_checked(const hostel_engine *engine) {
  hostel_load *load = RUBBISH;
  hostel_module *module = RUBBISH;
  FAILS(INVALID_ARGUMENT, "engine", hostel_module_load_begin(NULL, NULL, TEXT("x"), NULL, NULL, NULL, &load, &error));
  CHECK(load == NULL);
  FAILS(INVALID_ARGUMENT, "wasm", hostel_module_load_begin(engine, NULL, NULL, 1, NULL, NULL, NULL, &load, &error));
  FAILS(INVALID_ARGUMENT, "load_out", hostel_module_load_begin(engine, NULL, TEXT("x"), NULL, NULL, NULL, NULL, &error));
  FAILS(INVALID_ARGUMENT, "load", hostel_load_wait(NULL, 0, &module, &error));
  CHECK(module == NULL);
  FAILS(INVALID_ARGUMENT, "load", hostel_load_cancel(NULL, &error));
  CHECK(!hostel_load_is_finished(NULL));
  load = begin_numbered(engine, NULL, 1, NULL, NULL, NULL);
  FAILS(INVALID_ARGUMENT, "module_out", hostel_load_wait(load, 0, NULL, &error));
  hostel_load_free(load);
  hostel_load_free(NULL);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_load_gives_its_module),
      TEST(a_load_can_be_polled),
      TEST(many_threads_wait_for_one_load),
      TEST(a_load_fails_as_it_would_elsewhere),
      TEST(a_load_goes_on_without_what_it_was_begun_with),
      TEST(a_load_keeps_its_module_in_the_cache_by_its_alias),
      TEST(the_end_of_a_load_is_told_once),
      TEST(who_is_told_may_free_the_load),
      TEST(a_progress_callback_may_free_the_load),
      TEST(nobody_is_told_once_the_load_is_freed),
      TEST(a_load_that_runs_is_cancelled_between_its_steps),
      TEST(a_load_that_waits_is_cancelled_at_once),
      TEST(what_is_finished_is_not_cancelled_any_more),
      TEST(loads_take_their_turns),
      TEST(no_thread_of_the_library_takes_signals),
      TEST(the_threads_can_be_joined_when_nothing_is_loaded),
      TEST(a_forked_child_is_told_that_it_has_no_loads_of_its_parent),
      TEST(the_process_may_end_while_something_is_loaded),
      TEST(each_argument_is_checked),
  };
  return RUN_TESTS(argc, argv, tests);
}
