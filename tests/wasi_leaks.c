/* wasi_leaks.c: ten thousand commands leave no thread, descriptor or mapping behind. And forked children, which have none of
 * their parent's threads. */
#include "check_limits.h"
#include "check_sanitized.h"
#include "check_wasi.h"

#include <dirent.h>
#include <sys/wait.h>

static long entries_of(const char *path) {
  long count = 0;
  DIR *directory = opendir(path);
  REQUIRE(directory != NULL);
  while (readdir(directory) != NULL) {
    count++;
  }
  closedir(directory);
  return count;
}

static long lines_of(const char *path) {
  long count = 0;
  FILE *file = fopen(path, "r");
  REQUIRE(file != NULL);
  for (int at = getc(file); at != EOF; at = getc(file)) {
    count += at == '\n';
  }
  fclose(file);
  return count;
}

typedef struct holdings {
  long threads, descriptors, mappings;
} holdings;

static holdings now_held(void) {
  return (holdings){entries_of("/proc/self/task"), entries_of("/proc/self/fd"), lines_of("/proc/self/maps")};
}

/* Runs them: each kind of end in turn. */
static void run_many(const hostel_engine *engine, const folder *folder, int times) {
  hostel_wasi *wasi = wasi_with("read", "/data/a");
  grant_folder(wasi, folder, "/data", true);
  hostel_guest *guests[] = {open_program(engine, "wasi_command.wasm", new_wasi()), open_program(engine, "wasi_rust.wasm", wasi),
                            open_program(engine, "wasi_rust.wasm", wasi_with("exit", "1")),
                            open_program(engine, "wasi_rust.wasm", wasi_with("panic"))};
  const hostel_status ends[] = {HOSTEL_STATUS_OK, HOSTEL_STATUS_OK, HOSTEL_STATUS_EXIT, HOSTEL_STATUS_TRAP};
  for (int i = 0; i < times; i++) {
    hostel_buffer output = RUBBISH_BUFFER;
    CHECK(hostel_guest_call(guests[i % 4], NULL, TEXT("x"), NULL, &output, NULL) == ends[i % 4]);
    hostel_buffer_free(&output);
  }
  for (size_t i = 0; i < 4; i++) {
    hostel_guest_free(guests[i]);
  }
}

static void ten_thousand_commands_leave_nothing(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "a", "text");
  hostel_module_free(settled(load_program(engine, "wasi_command.wasm"))); /* compilers hold descriptors, too */
  hostel_module_free(settled(load_program(engine, "wasi_rust.wasm")));
  run_many(engine, &folder, 1000);
  sleep_ms(2500); /* threads that do nothing go after two seconds */
  const holdings before = now_held();
  run_many(engine, &folder, 10000);
  sleep_ms(2500);
  const holdings after = now_held();
  printf("threads %ld, %ld; descriptors %ld, %ld; mappings %ld, %ld\n", before.threads, after.threads, before.descriptors,
         after.descriptors, before.mappings, after.mappings);
  CHECK(after.threads <= before.threads);
  CHECK(after.descriptors <= before.descriptors);
  CHECK(after.mappings <= before.mappings + 20); /* an allocator's own */
  remove_folder(&folder);
}

/* The parent has run programs that read files and wait; so does its child, with threads of its own. */
static void a_forked_child_runs_programs(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "a", "text");
  hostel_wasi *wasi = wasi_with("read", "/data/a");
  grant_folder(wasi, &folder, "/data", true);
  hostel_guest *reader = open_program(engine, "wasi_rust.wasm", wasi);
  hostel_guest *sleeper = open_program(engine, "wasi_rust.wasm", wasi_with("sleep", "1"));
  SAYS("text", reader);
  SAYS("slept\n", sleeper);
  fflush(NULL);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(SECONDS(30));
    failures = 0;
    SAYS("text", reader);
    SAYS("slept\n", sleeper);
    _exit(failures == 0 ? 0 : 1);
  }
  int status = 0;
  SAYS("text", reader);
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  hostel_guest_free(reader);
  hostel_guest_free(sleeper);
  remove_folder(&folder);
}

/* What guests in parent and child get from chance is not the same. */
static void a_forked_child_has_chances_of_its_own(const hostel_engine *engine) {
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi_with("random"));
  hostel_status status;
  free(run_program(guest, &status));
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  fflush(NULL);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(SECONDS(30));
    char *text = run_program(guest, &status);
    _exit(text != NULL && write(ends[1], text, strlen(text) + 1) > 1 ? 0 : 1);
  }
  char theirs[64] = "";
  char *ours = run_program(guest, &status);
  REQUIRE(waitpid(child, NULL, 0) == child);
  CHECK(read(ends[0], theirs, sizeof theirs) > 1);
  CHECK(ours != NULL && strcmp(ours, theirs) != 0);
  free(ours);
  close(ends[0]);
  close(ends[1]);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  const test tests[] = {
      TEST(ten_thousand_commands_leave_nothing),
      TEST(a_forked_child_runs_programs),
      TEST(a_forked_child_has_chances_of_its_own),
  };
  return RUN_TESTS(argc, argv, tests);
}
