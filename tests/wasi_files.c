/* wasi_files.c: directories that are granted, and everything outside them that is not. */
#include "check_wasi.h"

#include <dirent.h>
#include <fcntl.h>

/* What the Rust program says with these words, in these grants of one folder. */
static void check_in(const char *file, int line, const hostel_engine *engine, const folder *folder, bool read_only,
                     const char *const *words, const char *expected) {
  hostel_wasi *wasi = add_words(new_wasi(), words);
  grant_folder(wasi, folder, "/data", read_only);
  check_rust(file, line, engine, wasi, expected);
}
#define IN(folder, expected, ...) check_in(__FILE__, __LINE__, engine, (folder), false, WORDS(__VA_ARGS__), (expected))
#define IN_READ_ONLY(folder, expected, ...) check_in(__FILE__, __LINE__, engine, (folder), true, WORDS(__VA_ARGS__), (expected))

/* The program ends with exit code 1, because it was refused: an error that main() returned. */
static void check_refused(const char *file, int line, const hostel_engine *engine, const folder *folder, bool read_only,
                          const char *const *words) {
  hostel_wasi *wasi = add_words(new_wasi(), words);
  grant_folder(wasi, folder, "/data", read_only);
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi);
  hostel_status status;
  free(run_program(guest, &status));
  (void)check_at(file, line, status == HOSTEL_STATUS_EXIT, "the program is refused");
  hostel_guest_free(guest);
}
#define REFUSED(folder, ...) check_refused(__FILE__, __LINE__, engine, (folder), false, WORDS(__VA_ARGS__))
#define REFUSED_READ_ONLY(folder, ...) check_refused(__FILE__, __LINE__, engine, (folder), true, WORDS(__VA_ARGS__))

static void files_are_read_and_written(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "a", "some text");
  put_folder(&folder, "sub");
  IN(&folder, "some text", "read", "/data/a");
  IN(&folder, "", "write", "/data/sub/b", "written");
  CHECK(file_is(&folder, "sub/b", "written"));
  IN(&folder, "", "rename", "/data/sub/b", "/data/c");
  CHECK(file_is(&folder, "c", "written"));
  IN(&folder, "a\nc\nsub\n", "ls", "/data");
  IN(&folder, "", "remove", "/data/c");
  IN(&folder, "a\nsub\n", "ls", "/data/sub/..");
  REFUSED(&folder, "read", "/data/c");
  remove_folder(&folder);
}

static void a_read_only_directory_is_not_changed(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "a", "some text");
  put_folder(&folder, "sub");
  IN_READ_ONLY(&folder, "some text", "read", "/data/a");
  REFUSED_READ_ONLY(&folder, "write", "/data/a", "x");
  REFUSED_READ_ONLY(&folder, "write", "/data/sub/new", "x");
  REFUSED_READ_ONLY(&folder, "rename", "/data/a", "/data/b");
  REFUSED_READ_ONLY(&folder, "remove", "/data/a");
  CHECK(file_is(&folder, "a", "some text") && access(inside(&folder, "sub/new"), F_OK) != 0);
  remove_folder(&folder);
}

static void nothing_outside_is_reached(const hostel_engine *engine) {
  const folder outer = new_folder();
  put_file(&outer, "secret", "secret");
  put_folder(&outer, "inner");
  folder folder = outer;
  strcat(folder.path, "/inner");
  put_file(&folder, "a", "mine");
  const char *links[][2] = {{"../secret", "up"}, {"/etc/passwd", "absolute"}, {"..", "outer"}, {"loop", "loop"}, {"/", "root"},
                            {"a", "fine"}};
  for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
    REQUIRE(symlink(links[i][0], inside(&folder, links[i][1])) == 0);
  }
  const char *escapes[] = {"/data/../secret", "/data/./../secret",  "/data/a/../../secret",  "/secret",
                           "/etc/passwd",     "../secret",          "/data//../secret",      "/data/up",
                           "/data/absolute",  "/data/outer/secret", "/data/root/etc/passwd", "/data/loop",
                           "/data/outer"};
  for (int read_only = 0; read_only < 2; read_only++) {
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
      check_refused(escapes[i], 0, engine, &folder, read_only, WORDS("read", escapes[i]));
      check_refused(escapes[i], 0, engine, &folder, read_only, WORDS("ls", escapes[i]));
      check_refused(escapes[i], 1, engine, &folder, read_only, WORDS("write", escapes[i], "changed"));
      if (i < 7) { /* the others would replace the link itself */
        check_refused(escapes[i], 2, engine, &folder, read_only, WORDS("rename", "/data/a", escapes[i]));
      }
    }
  }
  IN(&folder, "mine", "read", "/data/fine");
  CHECK(file_is(&outer, "secret", "secret") && file_is(&folder, "a", "mine"));
  REFUSED(&folder, "rename", "/data/a", "/data/../moved");
  REFUSED(&folder, "rename", "/data/../secret", "/data/stolen");
  CHECK(file_is(&outer, "secret", "secret") && access(inside(&outer, "moved"), F_OK) != 0);
  remove_folder(&outer);
}

/* Two grants: what is renamed from one to the other moves, unless one may not be changed. */
static void a_rename_crosses_from_grant_to_grant(const hostel_engine *engine) {
  const folder from = new_folder(), to = new_folder();
  for (int way = 0; way < 3; way++) { /* both, the first, the second may be written to */
    put_file(&from, "a", "moves");
    hostel_wasi *wasi = wasi_with("rename", "/from/a", "/to/a");
    grant_folder(wasi, &from, "/from", way == 2);
    grant_folder(wasi, &to, "/to", way == 1);
    hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi);
    hostel_status status;
    free(run_program(guest, &status));
    hostel_guest_free(guest);
    CHECK(status == (way == 0 ? HOSTEL_STATUS_OK : HOSTEL_STATUS_EXIT));
    CHECK(file_is(way == 0 ? &to : &from, "a", "moves"));
    CHECK(access(inside(way == 0 ? &from : &to, "a"), F_OK) != 0);
    unlink(inside(&to, "a"));
  }
  remove_folder(&from);
  remove_folder(&to);
}

static void directories_are_no_files(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_folder(&folder, "sub");
  put_file(&folder, "a", "x");
  REFUSED(&folder, "read", "/data/sub");
  REFUSED(&folder, "write", "/data/sub", "x");
  REFUSED(&folder, "remove", "/data/sub");
  REFUSED(&folder, "ls", "/data/a");
  REFUSED(&folder, "read", "/data/a/b");
  REFUSED(&folder, "read", "/data/a/");
  CHECK(file_is(&folder, "a", "x"));
  remove_folder(&folder);
}

/* One grant inside another, the same one twice, and the longest name wins. */
static void grants_may_overlap(const hostel_engine *engine) {
  const folder folder = new_folder(), other = new_folder();
  put_file(&folder, "a", "outer");
  put_file(&other, "a", "inner");
  hostel_wasi *wasi = wasi_with("write", "/data/inner/b", "new");
  grant_folder(wasi, &folder, "/data", true);
  grant_folder(wasi, &other, "/data/inner", false);
  RUST_SAYS("", engine, wasi);
  CHECK(file_is(&other, "b", "new"));
  wasi = wasi_with("read", "/data/inner/a");
  grant_folder(wasi, &other, "/data/inner", true);
  grant_folder(wasi, &folder, "/data", true);
  RUST_SAYS("inner", engine, wasi);
  remove_folder(&folder);
  remove_folder(&other);
}

static int open_descriptors(void) {
  int count = 0;
  DIR *directory = opendir("/proc/self/fd");
  REQUIRE(directory != NULL);
  while (readdir(directory) != NULL) {
    count++;
  }
  closedir(directory);
  return count;
}

/* A call may have 128 files open: MFILE is errno 33. They go with the call. */
static void files_run_out_for_the_guest_alone(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "a", "x");
  IN(&folder, "128 33\n", "hoard", "/data/a");
  const int before = open_descriptors();
  for (int i = 0; i < 10; i++) {
    IN(&folder, "128 33\n", "hoard", "/data/a");
  }
  CHECK(open_descriptors() <= before + 4); /* what an engine keeps open for itself */
  remove_folder(&folder);
}

/* Opens a file, gives it its own number, and so on: the file stays counted. The result is how many could be opened of 1000. */
static const char renumbers[] =
    "(module (import \"wasi_snapshot_preview1\" \"path_open\""
    "   (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"fd_renumber\" (func $renumber (param i32 i32) (result i32)))"
    " (memory (export \"memory\") 1) (data (i32.const 16) \"a\")"
    " (func (export \"f\") (result i32) (local $n i32)"
    "   (loop $l"
    "     (if (i32.eqz (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 0) (i64.const 2)"
    "         (i64.const 0) (i32.const 0) (i32.const 0)))"
    "       (then (local.set $n (i32.add (local.get $n) (i32.const 1)))"
    "         (drop (call $renumber (i32.load (i32.const 0)) (i32.load (i32.const 0))))"
    "         (br_if $l (i32.lt_u (local.get $n) (i32.const 1000))))))"
    "   (local.get $n)))";

static void renumbering_hides_no_files(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "a", "x");
  hostel_wasi *wasi = new_wasi();
  grant_folder(wasi, &folder, "/", true);
  hostel_guest *guest = link_granted(load_text(engine, renumbers), wasi);
  uint64_t value = 0;
  SUCCEEDS(hostel_guest_call_values(guest, "f", &value, 1, NULL, &error));
  CHECK(value == 128);
  hostel_guest_free(guest);
  remove_folder(&folder);
}

static void a_directory_of_many_entries_is_listed(const hostel_engine *engine) {
  const folder folder = new_folder();
  char expected[1000 * 20] = "";
  size_t len = 0;
  for (int i = 0; i < 1000; i++) {
    char name[32];
    snprintf(name, sizeof name, "file-%04d", i);
    put_file(&folder, name, "");
    len += (size_t)snprintf(expected + len, sizeof expected - len, "%s\n", name);
  }
  IN(&folder, expected, "ls", "/data");
  remove_folder(&folder);
}

/* What goes while it is listed does not hide the rest; a name with a slash at its end is the directory's, too. */
static void a_directory_is_cleared_while_it_is_listed(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_folder(&folder, "sub");
  for (int i = 0; i < 300; i++) {
    char name[64];
    snprintf(name, sizeof name, "sub/a-name-that-is-not-so-short-%d", i);
    put_file(&folder, name, "");
  }
  IN(&folder, "", "clear", "/data/sub");
  IN(&folder, "", "ls", "/data");
  remove_folder(&folder);
}

/* More than is read at once, and than a program asks for at once. */
static void a_directory_of_long_names_is_listed(const hostel_engine *engine) {
  enum { NAME = 200, NAMES = 600 };
  const folder folder = new_folder();
  static char expected[NAMES * (NAME + 1) + 1];
  for (int i = 0; i < NAMES; i++) {
    char name[NAME + 1];
    snprintf(name, sizeof name, "%0200d", i);
    put_file(&folder, name, "");
    snprintf(expected + i * (NAME + 1), NAME + 2, "%s\n", name);
  }
  IN(&folder, expected, "ls", "/data");
  remove_folder(&folder);
}

/* 20 MiB, read in pieces of 1 MiB. */
static void a_big_file_is_read_whole(const hostel_engine *engine) {
  const folder folder = new_folder();
  FILE *file = fopen(inside(&folder, "big"), "wb");
  REQUIRE(file != NULL);
  static uint8_t block[1 << 20];
  for (int i = 0; i < 20; i++) {
    memset(block, i, sizeof block);
    REQUIRE(fwrite(block, sizeof block, 1, file) == 1);
  }
  REQUIRE(fclose(file) == 0);
  hostel_wasi *wasi = wasi_with("measure", "/data/big");
  grant_folder(wasi, &folder, "/data", true);
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi);
  for (int round = 0; round < 10; round++) { /* in rooms whose writes are tracked, too */
    SAYS("20971520 190\n", guest);           /* one byte of each piece: 0 + 1 + ... + 19 */
  }
  hostel_guest_free(guest);
  remove_folder(&folder);
}

/* Reads the file "file" into the page that the first byte of the input says, and across its end, until there is no more. */
static const char reads_anywhere[] =
    "(module (import \"wasi_snapshot_preview1\" \"fd_read\" (func $read (param i32 i32 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"path_open\""
    "  (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"
    " (memory (export \"memory\") 20) (data (i32.const 0) \"file\")"
    " (func $right (param i32) (if (local.get 0) (then (call $exit (local.get 0)))))"
    " (func $vector (param i32 i32) (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)))"
    " (func (export \"_start\") (local $at i32)"
    "  (call $vector (i32.const 32) (i32.const 1))"
    "  (call $right (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24)))"
    "  (local.set $at (i32.add (i32.const 69536) (i32.mul (i32.load8_u (i32.const 32)) (i32.const 4096))))"
    "  (call $right (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const 0)"
    "   (i32.const 0) (i32.const 40)))"
    "  (loop $more (call $vector (local.get $at) (i32.const 3000))"
    "   (call $right (call $read (i32.load (i32.const 40)) (i32.const 16) (i32.const 1) (i32.const 24)))"
    "   (call $vector (local.get $at) (i32.load (i32.const 24)))"
    "   (call $right (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 28)))"
    "   (br_if $more (i32.load (i32.const 24))))))";

/* Also into pages that are watched, because calls so far have not written to them. */
static void a_file_is_read_into_any_page(const hostel_engine *engine) {
  const folder folder = new_folder();
  char text[3001] = "";
  for (size_t i = 0; i < 3000; i++) {
    text[i] = (char)('a' + i % 26);
  }
  put_file(&folder, "file", text);
  hostel_wasi *wasi = new_wasi();
  grant_folder(wasi, &folder, "/data", true);
  hostel_guest *guest = link_granted(settled(load_text(engine, reads_anywhere)), wasi);
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, time_of_programs, &error));
  for (int call = 0; call < 200; call++) {
    const char page[] = {(char)(call < 100 ? 0 : call)};
    ANSWERS(text, hostel_guest_call(guest, NULL, (const uint8_t *)page, sizeof page, options, &output, &error));
  }
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  remove_folder(&folder);
}

/* What was granted goes away: the guest is refused, or the call is, and nothing worse. */
static void a_directory_may_vanish(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "a", "x");
  hostel_wasi *wasi = wasi_with("read", "/data/a");
  grant_folder(wasi, &folder, "/data", true);
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi);
  SAYS("x", guest);
  remove_folder(&folder);
  REFUSES(OUT_OF_RESOURCES, "/data", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  REQUIRE(mkdir(folder.path, 0700) == 0);
  put_file(&folder, "a", "back");
  SAYS("back", guest);
  remove_folder(&folder);
  hostel_guest_free(guest);
}

/* Names that are no UTF-8 are not listed: the guest gets an errno. */
static void odd_names_do_no_harm(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "größe 宿", "x");
  IN(&folder, "größe 宿\n", "ls", "/data");
  put_file(&folder, "\xff", "x");
  hostel_wasi *wasi = wasi_with("ls", "/data");
  grant_folder(wasi, &folder, "/data", false);
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi);
  hostel_status status;
  free(run_program(guest, &status));
  CHECK(status == HOSTEL_STATUS_OK || status == HOSTEL_STATUS_EXIT);
  hostel_guest_free(guest);
  remove_folder(&folder);
}

int main(int argc, char **argv) {
  const test tests[] = {
      TEST(files_are_read_and_written),
      TEST(a_read_only_directory_is_not_changed),
      TEST(nothing_outside_is_reached),
      TEST(a_rename_crosses_from_grant_to_grant),
      TEST(directories_are_no_files),
      TEST(grants_may_overlap),
      TEST(files_run_out_for_the_guest_alone),
      TEST(renumbering_hides_no_files),
      TEST(a_directory_of_many_entries_is_listed),
      TEST(a_directory_is_cleared_while_it_is_listed),
      TEST(a_directory_of_long_names_is_listed),
      TEST(a_big_file_is_read_whole),
      TEST(a_file_is_read_into_any_page),
      TEST(a_directory_may_vanish),
      TEST(odd_names_do_no_harm),
  };
  const int unstoppable = RUN_TESTS(argc, argv, tests);
  time_of_programs = 600000;
  return unstoppable != 0 ? unstoppable : RUN_TESTS(argc, argv, tests);
}
