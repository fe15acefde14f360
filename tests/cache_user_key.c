/* cache_user_key.c: the sealing key of a user, which is made when it is first needed, by however many need it then. */
#define _GNU_SOURCE
#include "check_cache.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

enum { MANY = 32, PATIENCE = 60, NOBODY = 65534 };

/* A user who has no key yet: their folder for configuration. */
static path new_user(void) {
  const path home = new_directory();
  REQUIRE(setenv("XDG_CONFIG_HOME", home.text, 1) == 0);
  return home;
}

static path key_folder(const path *home) { return path_in(home->text, "hostel"); }
static path key_file(const path *home) { return path_in(key_folder(home).text, "seal-key"); }

static hostel_status open_with_user_key(const char *directory, hostel_cache **cache_out, hostel_error **error_out) {
  return hostel_cache_directory_new(directory, NULL, 0, LARGE, 0, cache_out, error_out);
}

/* The only key that there is, and nothing besides. */
static void check_one_key(const path *home) {
  struct stat about;
  CHECK(count_in(key_folder(home).text) == 1);
  REQUIRE(stat(key_file(home).text, &about) == 0);
  CHECK(about.st_size == HOSTEL_KEY_BYTES && (about.st_mode & 07777) == 0600);
}

/* Opens a directory with the user's key. */
static void works(const char *directory) {
  hostel_cache *cache = RUBBISH;
  SUCCEEDS(open_with_user_key(directory, &cache, &error));
  hostel_cache_free(cache);
}

/* ---- made once ---- */

typedef struct maker {
  pthread_t thread;
  pthread_barrier_t *start;
  const char *directory;
  hostel_cache *cache;
} maker;

static void *make(void *argument) {
  maker *maker = argument;
  pthread_barrier_wait(maker->start);
  SUCCEEDS(open_with_user_key(maker->directory, &maker->cache, &error));
  return NULL;
}

static void many_threads_make_one_key(const hostel_engine *engine) {
  for (int round = 0; round < 8; round++) {
    const path home = new_user(), directory = new_directory();
    maker makers[MANY];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, MANY);
    for (int i = 0; i < MANY; i++) {
      makers[i] = (maker){.start = &start, .directory = directory.text};
      REQUIRE(pthread_create(&makers[i].thread, NULL, make, &makers[i]) == 0);
    }
    for (int i = 0; i < MANY; i++) {
      REQUIRE(pthread_join(makers[i].thread, NULL) == 0);
    }
    /* All have the same one: each opens what the first has sealed. */
    for (int i = 0; i < MANY; i++) {
      COMES_FROM(i == 0 ? "compiled" : "directory", engine, makers[i].cache, 1);
      hostel_cache_free(makers[i].cache);
    }
    check_one_key(&home);
    pthread_barrier_destroy(&start);
    remove_all(directory.text);
    remove_all(home.text);
  }
}

/* Another process of this program, which opens a directory when the gate opens. */
static pid_t start(const hostel_engine *engine, const char *directory, int gate) {
  char number[16];
  snprintf(number, sizeof number, "%d", gate);
  const pid_t process = fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    execl("/proc/self/exe", "cache_user_key", hostel_engine_name(engine), "open", directory, number, (char *)NULL);
    _exit(99);
  }
  return process;
}

static int play(char **argv) {
  char byte;
  hostel_engine *engine = engine_named(argv[1], false);
  hostel_cache *cache = RUBBISH;
  REQUIRE(read(atoi(argv[4]), &byte, 1) == 0); /* waits until nobody can write to it any more */
  SUCCEEDS(open_with_user_key(argv[3], &cache, &error));
  hostel_module_free(load_numbered(engine, cache, 1));
  const bool rejected = statistics(cache).rejected > 0;
  hostel_cache_free(cache);
  hostel_engine_free(engine);
  return failures == 0 && !rejected ? 0 : 1;
}

static void many_processes_make_one_key(const hostel_engine *engine) {
  const path home = new_user(), directory = new_directory();
  pid_t processes[MANY];
  int gate[2];
  REQUIRE(pipe(gate) == 0 && fcntl(gate[1], F_SETFD, FD_CLOEXEC) == 0);
  for (int i = 0; i < MANY; i++) {
    processes[i] = start(engine, directory.text, gate[0]);
  }
  close(gate[1]);
  close(gate[0]);
  for (int i = 0; i < MANY; i++) {
    int status = 0;
    REQUIRE(waitpid(processes[i], &status, 0) == processes[i]);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  check_one_key(&home);
  remove_all(directory.text);
  remove_all(home.text);
}

/* ---- what was there before ---- */

static void what_killed_processes_left_is_in_nobodys_way(const hostel_engine *engine) {
  (void)engine;
  const path home = new_user(), directory = new_directory();
  const struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
  char own[64];
  REQUIRE(mkdir(key_folder(&home).text, 0700) == 0);
  snprintf(own, sizeof own, "seal-key.%d", (int)getpid()); /* as version 0.1.0 called what it wrote aside */
  const char *const left[] = {own, "seal-key.1", "seal-key.0011223344556677"};
  for (int i = 0; i < 3; i++) {
    const path file = path_in(key_folder(&home).text, left[i]);
    write_file(file.text, TEXT("half of it"));
    REQUIRE(utimensat(AT_FDCWD, file.text, long_ago, 0) == 0);
  }
  works(directory.text);
  check_one_key(&home);
  remove_all(directory.text);
  remove_all(home.text);
}

static void a_key_does_not_depend_on_the_umask(const hostel_engine *engine) {
  (void)engine;
  static const mode_t masks[] = {0, 0077, 0377};
  for (int i = 0; i < 3; i++) {
    const path home = new_user(), directory = new_directory();
    REQUIRE(mkdir(key_folder(&home).text, 0700) == 0);
    const mode_t before = umask(masks[i]);
    works(directory.text);
    works(directory.text);
    umask(before);
    check_one_key(&home);
    remove_all(directory.text);
    remove_all(home.text);
  }
}

/* ---- what is no key ---- */

/* What stands in the key's place is refused, at once and as often as one asks, with this word, and stays. */
static void is_refused(const path *home, const char *word) {
  const path directory = new_directory();
  struct stat before, after;
  REQUIRE(lstat(key_file(home).text, &before) == 0);
  for (int i = 0; i < 2; i++) {
    hostel_cache *cache = RUBBISH;
    alarm(PATIENCE);
    FAILS(CACHE_IO, word, open_with_user_key(directory.text, &cache, &error));
    FAILS(CACHE_IO, key_file(home).text, open_with_user_key(directory.text, &cache, &error));
    alarm(0);
    CHECK(cache == NULL);
  }
  CHECK(lstat(key_file(home).text, &after) == 0 && before.st_ino == after.st_ino);
  CHECK(count_in(key_folder(home).text) == 1);
  remove_all(directory.text);
  remove_all(home->text);
}

static path user_with_folder(void) {
  const path home = new_user();
  REQUIRE(mkdir(key_folder(&home).text, 0700) == 0);
  return home;
}

static void a_key_of_another_size_is_refused(const hostel_engine *engine) {
  (void)engine;
  static const struct {
    size_t len;
    const char *word;
  } sizes[] = {{0, "0 bytes"}, {1, "1 bytes"}, {31, "31 bytes"}, {33, "33 bytes"}, {64, "64 bytes"}};
  static const uint8_t bytes[64];
  for (int i = 0; i < 5; i++) {
    const path home = user_with_folder();
    write_file(key_file(&home).text, bytes, sizes[i].len);
    REQUIRE(chmod(key_file(&home).text, 0600) == 0);
    is_refused(&home, sizes[i].word);
  }
}

static void a_key_that_is_no_file_is_refused(const hostel_engine *engine) {
  (void)engine;
  const path pipe = user_with_folder();
  REQUIRE(mkfifo(key_file(&pipe).text, 0600) == 0);
  is_refused(&pipe, "not a regular file");
  const path folder = user_with_folder();
  REQUIRE(mkdir(key_file(&folder).text, 0700) == 0);
  is_refused(&folder, "not a regular file");
  const path device = user_with_folder();
  REQUIRE(symlink("/dev/zero", key_file(&device).text) == 0);
  is_refused(&device, "not a regular file");
  const path nowhere = user_with_folder();
  REQUIRE(symlink("nowhere", key_file(&nowhere).text) == 0);
  is_refused(&nowhere, "a link that leads nowhere");
}

static void a_key_that_others_can_read_is_refused(const hostel_engine *engine) {
  (void)engine;
  static const mode_t modes[] = {0644, 0640, 0604, 0602};
  for (int i = 0; i < 4; i++) {
    const path home = user_with_folder();
    write_file(key_file(&home).text, SEAL_KEY);
    REQUIRE(chmod(key_file(&home).text, modes[i]) == 0);
    is_refused(&home, "0600");
  }
}

static void a_key_of_another_user_is_refused(const hostel_engine *engine) {
  (void)engine;
  const path home = user_with_folder();
  write_file(key_file(&home).text, SEAL_KEY);
  REQUIRE(chmod(key_file(&home).text, 0600) == 0);
  if (chown(key_file(&home).text, NOBODY, NOBODY) != 0) {
    remove_all(home.text);
    return; /* only root can give files away */
  }
  is_refused(&home, "another user");
}

/* A link is as good as what it leads to: secrets often lie elsewhere. */
static void a_link_to_a_key_is_followed(const hostel_engine *engine) {
  const path home = user_with_folder(), directory = new_directory(), elsewhere = path_in(home.text, "elsewhere");
  write_file(elsewhere.text, SEAL_KEY);
  REQUIRE(chmod(elsewhere.text, 0600) == 0 && symlink(elsewhere.text, key_file(&home).text) == 0);
  hostel_cache *cache = RUBBISH, *same = directory_cache(directory.text, LARGE);
  SUCCEEDS(open_with_user_key(directory.text, &cache, &error));
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("directory", engine, same, 1);
  hostel_cache_free(cache);
  hostel_cache_free(same);
  remove_all(directory.text);
  remove_all(home.text);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(many_threads_make_one_key),
      TEST(many_processes_make_one_key),
      TEST(what_killed_processes_left_is_in_nobodys_way),
      TEST(a_key_does_not_depend_on_the_umask),
      TEST(a_key_of_another_size_is_refused),
      TEST(a_key_that_is_no_file_is_refused),
      TEST(a_key_that_others_can_read_is_refused),
      TEST(a_key_of_another_user_is_refused),
      TEST(a_link_to_a_key_is_followed),
  };
  return argc == 5 ? play(argv) : RUN_TESTS(argc, argv, tests);
}
