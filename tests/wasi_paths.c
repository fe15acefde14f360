/* wasi_paths.c: what a program makes of a folder by any name, above all one with a slash at its end, is what this process makes
 * of another such folder by the same call of the system. */
#include "check_wasi.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* ---- the program ---- */

enum op { RENAME, LINK, SYMLINK, UNLINK, REMOVE, MAKE, STAT, TIMES, READLINK, OPEN };

/* Its input: what to do, and with which names. They lie behind the numbers, in its memory from 1024 on. */
typedef struct request {
  uint32_t op, first, first_len, second, second_len, follow, oflags, rights;
  char names[512];
} request;
enum { INPUT_AT = 1024 };

/* Ends with the errno, or with 0 and what it was told: the type of a file, where a link leads. */
static const char program[] =
    "(module"
    " (import \"wasi_snapshot_preview1\" \"fd_read\" (func $read (param i32 i32 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"fd_filestat_get\" (func $fstat (param i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"
    " (import \"wasi_snapshot_preview1\" \"path_rename\" (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"path_link\" (func $link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"path_symlink\" (func $symlink (param i32 i32 i32 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"path_unlink_file\" (func $unlink (param i32 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"path_remove_directory\" (func $remove (param i32 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"path_create_directory\" (func $make (param i32 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"path_filestat_get\" (func $stat (param i32 i32 i32 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"path_filestat_set_times\""
    "  (func $times (param i32 i32 i32 i32 i64 i64 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"path_readlink\" (func $readlink (param i32 i32 i32 i32 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"path_open\""
    "  (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))"
    " (memory (export \"memory\") 1)"
    " (data (i32.const 0) \"\\00\\04\\00\\00\\00\\20\\00\\00\")" /* 1024, 8192 bytes */
    " (func $n (param i32) (result i32) (i32.load offset=1024 (i32.shl (local.get 0) (i32.const 2))))"
    " (func $right (param i32) (if (local.get 0) (then (call $exit (local.get 0)))))"
    " (func $say (param i32 i32) (i32.store (i32.const 0) (local.get 0)) (i32.store (i32.const 4) (local.get 1))"
    "  (call $right (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"
    " (func (export \"_start\")"
    "  (call $right (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))"
    "  (block $open (block $readlink (block $times (block $stat (block $make (block $remove (block $unlink (block $symlink"
    "  (block $link (block $rename"
    "   (br_table $rename $link $symlink $unlink $remove $make $stat $times $readlink $open (call $n (i32.const 0))))"
    "   (call $right (call $rename (i32.const 3) (call $n (i32.const 1)) (call $n (i32.const 2)) (i32.const 3)"
    "    (call $n (i32.const 3)) (call $n (i32.const 4)))) (return))"
    "   (call $right (call $link (i32.const 3) (call $n (i32.const 5)) (call $n (i32.const 1)) (call $n (i32.const 2))"
    "    (i32.const 3) (call $n (i32.const 3)) (call $n (i32.const 4)))) (return))"
    "   (call $right (call $symlink (call $n (i32.const 1)) (call $n (i32.const 2)) (i32.const 3)"
    "    (call $n (i32.const 3)) (call $n (i32.const 4)))) (return))"
    "   (call $right (call $unlink (i32.const 3) (call $n (i32.const 1)) (call $n (i32.const 2)))) (return))"
    "   (call $right (call $remove (i32.const 3) (call $n (i32.const 1)) (call $n (i32.const 2)))) (return))"
    "   (call $right (call $make (i32.const 3) (call $n (i32.const 1)) (call $n (i32.const 2)))) (return))"
    "   (call $right (call $stat (i32.const 3) (call $n (i32.const 5)) (call $n (i32.const 1)) (call $n (i32.const 2))"
    "    (i32.const 64)))"
    "   (call $say (i32.const 80) (i32.const 1)) (return))"
    "   (call $right (call $times (i32.const 3) (call $n (i32.const 5)) (call $n (i32.const 1)) (call $n (i32.const 2))"
    "    (i64.const 1000000000000000000) (i64.const 1000000000000000000) (i32.const 5))) (return))"
    "   (call $right (call $readlink (i32.const 3) (call $n (i32.const 1)) (call $n (i32.const 2)) (i32.const 64)"
    "    (i32.const 100) (i32.const 8)))"
    "   (call $say (i32.const 64) (i32.load (i32.const 8))) (return))"
    "   (call $right (call $open (i32.const 3) (call $n (i32.const 5)) (call $n (i32.const 1)) (call $n (i32.const 2))"
    "    (call $n (i32.const 6)) (i64.extend_i32_u (call $n (i32.const 7))) (i64.const 0) (i32.const 0) (i32.const 8)))"
    "   (call $right (call $fstat (i32.load (i32.const 8)) (i32.const 64)))"
    "   (call $say (i32.const 80) (i32.const 1))))";

/* What came of it: an errno of WASI's, and what was told. */
typedef struct outcome {
  int error;
  char told[128];
} outcome;

static outcome ask_program(const hostel_guest *guest, const request *request) {
  outcome outcome = {0};
  hostel_buffer output;
  hostel_error *error = NULL;
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, time_of_programs, &error));
  const hostel_status status =
      hostel_guest_call(guest, NULL, (const uint8_t *)request, sizeof *request, options, &output, &error);
  REQUIRE(status == HOSTEL_STATUS_OK || status == HOSTEL_STATUS_EXIT);
  outcome.error = hostel_error_exit_code(error);
  REQUIRE(output.len < sizeof outcome.told);
  if (output.len > 0) {
    memcpy(outcome.told, output.data, output.len);
  }
  hostel_error_free(error);
  hostel_buffer_free(&output);
  hostel_call_options_free(options);
  return outcome;
}

/* ---- the system ---- */

static int wasi_errno(int error) {
  static const int errnos[][2] = {{0, 0},      {EACCES, 2},  {EBUSY, 10},   {EEXIST, 20},    {EINVAL, 28}, {EISDIR, 31},
                                  {ELOOP, 32}, {ENOENT, 44}, {ENOTDIR, 54}, {ENOTEMPTY, 55}, {ENXIO, 60},  {EPERM, 63}};
  for (size_t i = 0; i < sizeof errnos / sizeof errnos[0]; i++) {
    if (errnos[i][0] == error) {
      return errnos[i][1];
    }
  }
  return -error;
}

static char wasi_type(mode_t mode) { return (char)(S_ISDIR(mode) ? 3 : S_ISREG(mode) ? 4 : S_ISLNK(mode) ? 7 : 0); }

enum { O_FLAG_CREATE = 1, O_FLAG_DIRECTORY = 2, O_FLAG_EXCLUSIVE = 4, O_FLAG_TRUNCATE = 8, CAN_READ = 2, CAN_WRITE = 64 };

static int open_as_asked(int folder, const char *name, const request *request) {
  const bool reads = request->rights & CAN_READ, writes = request->rights & CAN_WRITE;
  int flags = writes ? (reads ? O_RDWR : O_WRONLY) : O_RDONLY;
  flags |= (request->oflags & O_FLAG_CREATE) ? O_CREAT : 0;
  flags |= (request->oflags & O_FLAG_DIRECTORY) ? O_DIRECTORY : 0;
  flags |= (request->oflags & O_FLAG_EXCLUSIVE) ? O_EXCL : 0;
  flags |= (request->oflags & O_FLAG_TRUNCATE) ? O_TRUNC : 0;
  return openat(folder, name, flags | (request->follow ? 0 : O_NOFOLLOW) | O_CLOEXEC, 0600);
}

static outcome ask_system(int folder, const request *request) {
  const char *first = request->names, *second = request->names + 256;
  const struct timespec times[2] = {{1000000000, 0}, {1000000000, 0}};
  const int nofollow = request->follow ? 0 : AT_SYMLINK_NOFOLLOW;
  outcome outcome = {0};
  struct stat about;
  int result = -1;
  switch ((enum op)request->op) {
  case RENAME:
    result = renameat(folder, first, folder, second);
    break;
  case LINK:
    result = linkat(folder, first, folder, second, 0);
    break;
  case SYMLINK:
    result = symlinkat(first, folder, second);
    break;
  case UNLINK:
    result = unlinkat(folder, first, 0);
    break;
  case REMOVE:
    result = unlinkat(folder, first, AT_REMOVEDIR);
    break;
  case MAKE:
    result = mkdirat(folder, first, 0777);
    break;
  case STAT:
    result = fstatat(folder, first, &about, nofollow);
    break;
  case TIMES:
    result = utimensat(folder, first, times, nofollow);
    break;
  case READLINK:
    result = (int)readlinkat(folder, first, outcome.told, 100);
    break;
  case OPEN:
    result = open_as_asked(folder, first, request);
    if (result >= 0) {
      REQUIRE(fstat(result, &about) == 0);
      close(result);
    }
    break;
  }
  outcome.error = result < 0 ? wasi_errno(errno) : 0;
  if (result >= 0 && (request->op == STAT || request->op == OPEN)) {
    outcome.told[0] = wasi_type(about.st_mode);
  }
  return outcome;
}

/* ---- two folders that are alike ---- */

static int by_name(const void *left, const void *right) { return strcmp(left, right); }

enum { NAMES = 32, NAME = 64, DESCRIPTION = 4096 };

/* The names in a directory but for hidden ones, sorted; how many. */
static size_t names_in(int directory, char names[NAMES][NAME]) {
  size_t count = 0;
  DIR *stream = fdopendir(openat(directory, ".", O_RDONLY | O_DIRECTORY));
  REQUIRE(stream != NULL);
  for (const struct dirent *entry; (entry = readdir(stream)) != NULL;) {
    if (entry->d_name[0] != '.') {
      REQUIRE(count < NAMES && strlen(entry->d_name) < NAME);
      strcpy(names[count++], entry->d_name);
    }
  }
  closedir(stream);
  qsort(names, count, NAME, by_name);
  return count;
}

static int open_inside(int directory, const char *name) {
  const int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  REQUIRE(fd >= 0);
  return fd;
}

/* A line for each name: its type, what it holds or where it leads, how many names the file has, whether its time was set. */
static void describe(int directory, char text[DESCRIPTION]) {
  char names[NAMES][NAME], line[256];
  const size_t count = names_in(directory, names);
  for (size_t i = 0; i < count; i++) {
    char content[64] = "";
    struct stat about;
    REQUIRE(fstatat(directory, names[i], &about, AT_SYMLINK_NOFOLLOW) == 0);
    if (S_ISLNK(about.st_mode)) {
      REQUIRE(readlinkat(directory, names[i], content, sizeof content - 1) >= 0);
    } else if (S_ISREG(about.st_mode)) {
      const int file = openat(directory, names[i], O_RDONLY);
      REQUIRE(file >= 0 && read(file, content, sizeof content - 1) >= 0);
      close(file);
    }
    snprintf(line, sizeof line, "%s %d %s %d%s\n", names[i], wasi_type(about.st_mode), content,
             S_ISDIR(about.st_mode) ? 0 : (int)about.st_nlink, about.st_mtime == 1000000000 ? " old" : "");
    REQUIRE(strlen(text) + strlen(line) < DESCRIPTION);
    strcat(text, line);
    if (S_ISDIR(about.st_mode)) {
      const int inner = open_inside(directory, names[i]);
      describe(inner, text);
      close(inner);
    }
  }
}

static void clear_directory(int directory) {
  char names[NAMES][NAME];
  const size_t count = names_in(directory, names);
  for (size_t i = 0; i < count; i++) {
    if (unlinkat(directory, names[i], 0) != 0) {
      const int inner = open_inside(directory, names[i]);
      clear_directory(inner);
      close(inner);
      REQUIRE(unlinkat(directory, names[i], AT_REMOVEDIR) == 0);
    }
  }
}

/* A folder with this in it, anew if something else is in it. */
typedef struct ground {
  folder folder;
  int directory;
  char left[DESCRIPTION];
} ground;

static void fill_ground(ground *ground) {
  const char *links[][2] = {{"f", "to_f"}, {"d", "to_d"}, {"e", "to_e"}, {"nowhere", "to_none"}, {"to_itself", "to_itself"}};
  clear_directory(ground->directory);
  put_file(&ground->folder, "f", "F");
  put_file(&ground->folder, "g", "G");
  put_folder(&ground->folder, "d");
  put_folder(&ground->folder, "e");
  put_file(&ground->folder, "e/x", "X");
  for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
    REQUIRE(symlink(links[i][0], inside(&ground->folder, links[i][1])) == 0);
  }
}

static ground new_ground(void) {
  ground ground = {.folder = new_folder()};
  ground.directory = open(ground.folder.path, O_RDONLY | O_DIRECTORY);
  REQUIRE(ground.directory >= 0);
  fill_ground(&ground);
  return ground;
}

static void free_ground(ground *ground) {
  close(ground->directory);
  remove_folder(&ground->folder);
}

/* ---- comparing ---- */

/* One folder is the program's, the other ours. */
typedef struct pair {
  ground program, us;
  hostel_guest *guest;
  char as_new[DESCRIPTION];
} pair;

static pair new_pair(const hostel_engine *engine) {
  pair pair = {.program = new_ground(), .us = new_ground()};
  hostel_wasi *wasi = new_wasi();
  grant_folder(wasi, &pair.program.folder, "/", false);
  pair.guest = link_granted(load_text(engine, program), wasi);
  describe(pair.us.directory, pair.as_new);
  return pair;
}

static void free_pair(pair *pair) {
  hostel_guest_free(pair->guest);
  free_ground(&pair->program);
  free_ground(&pair->us);
}

/* What the request comes to, and what it leaves, is the same for both. */
static void compare(pair *pair, const char *what, request request, const char *first, const char *second) {
  snprintf(request.names, 256, "%s", first);
  snprintf(request.names + 256, 256, "%s", second);
  request.first = INPUT_AT + offsetof(struct request, names);
  request.first_len = (uint32_t)strlen(first);
  request.second = request.first + 256;
  request.second_len = (uint32_t)strlen(second);
  const outcome got = ask_program(pair->guest, &request), right = ask_system(pair->us.directory, &request);
  pair->program.left[0] = pair->us.left[0] = '\0';
  describe(pair->program.directory, pair->program.left);
  describe(pair->us.directory, pair->us.left);
  const bool left_alike = strcmp(pair->program.left, pair->us.left) == 0;
  if (got.error != right.error || memcmp(got.told, right.told, sizeof got.told) != 0 || !left_alike) {
    fprintf(stderr, "%s %s %s (follow %u, flags %u, rights %u): errno %d instead of %d, told %d instead of %d%s\n", what, first,
            second, request.follow, request.oflags, request.rights, got.error, right.error, got.told[0], right.told[0],
            left_alike ? "" : ", and something else is left");
    failures++;
  }
  if (!left_alike || strcmp(pair->us.left, pair->as_new) != 0) {
    fill_ground(&pair->program);
    fill_ground(&pair->us);
  }
}

static const char *const names[] = {"f",         "d",   "e",   "to_f",  "to_d", "to_e",  "to_none",
                                    "to_itself", "new", "e/x", "e/new", "f/x",  "to_e/x"};
static const char *const ends[] = {"", "/", "//"};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* By each name with each end. */
static void compare_all(const hostel_engine *engine, const char *what, const request *request) {
  pair pair = new_pair(engine);
  for (size_t i = 0; i < COUNT(names) * COUNT(ends); i++) {
    char name[NAME];
    snprintf(name, sizeof name, "%s%s", names[i / COUNT(ends)], ends[i % COUNT(ends)]);
    compare(&pair, what, *request, name, "");
  }
  free_pair(&pair);
}

/* From each name to each, with each end. */
static void compare_pairs(const hostel_engine *engine, const char *what, const request *request) {
  pair pair = new_pair(engine);
  for (size_t i = 0; i < COUNT(names) * COUNT(names) * 4; i++) {
    char first[NAME], second[NAME];
    snprintf(first, sizeof first, "%s%s", names[i / 4 % COUNT(names)], ends[i % 2]);
    snprintf(second, sizeof second, "%s%s", names[i / 4 / COUNT(names)], ends[i / 2 % 2]);
    compare(&pair, what, *request, first, second);
  }
  free_pair(&pair);
}

static void a_rename_is_as_the_systems(const hostel_engine *engine) { compare_pairs(engine, "rename", &(request){.op = RENAME}); }

static void a_hard_link_is_as_the_systems(const hostel_engine *engine) { compare_pairs(engine, "link", &(request){.op = LINK}); }

static void a_link_is_as_the_systems(const hostel_engine *engine) {
  pair pair = new_pair(engine);
  for (size_t i = 0; i < COUNT(names) * COUNT(ends); i++) {
    char name[NAME];
    snprintf(name, sizeof name, "%s%s", names[i / COUNT(ends)], ends[i % COUNT(ends)]);
    compare(&pair, "symlink", (request){.op = SYMLINK}, "anywhere/", name);
  }
  free_pair(&pair);
}

static void removing_is_as_the_systems(const hostel_engine *engine) {
  compare_all(engine, "unlink", &(request){.op = UNLINK});
  compare_all(engine, "rmdir", &(request){.op = REMOVE});
}

static void a_new_directory_is_as_the_systems(const hostel_engine *engine) {
  compare_all(engine, "mkdir", &(request){.op = MAKE});
}

static void what_is_told_of_a_file_is_what_the_system_tells(const hostel_engine *engine) {
  for (uint32_t follow = 0; follow < 2; follow++) {
    compare_all(engine, "stat", &(request){.op = STAT, .follow = follow});
    compare_all(engine, "utimens", &(request){.op = TIMES, .follow = follow});
  }
  compare_all(engine, "readlink", &(request){.op = READLINK});
}

static void a_file_is_opened_as_the_system_does(const hostel_engine *engine) {
  static const uint32_t ways[][2] = {
      {0, CAN_READ},
      {O_FLAG_DIRECTORY, CAN_READ},
      {0, CAN_WRITE},
      {O_FLAG_TRUNCATE, CAN_WRITE},
      {O_FLAG_CREATE, CAN_READ | CAN_WRITE},
      {O_FLAG_CREATE | O_FLAG_EXCLUSIVE, CAN_READ | CAN_WRITE},
      {O_FLAG_CREATE | O_FLAG_TRUNCATE, CAN_READ | CAN_WRITE},
  };
  for (uint32_t follow = 0; follow < 2; follow++) {
    for (size_t i = 0; i < COUNT(ways); i++) {
      compare_all(engine, "open", &(request){.op = OPEN, .follow = follow, .oflags = ways[i][0], .rights = ways[i][1]});
    }
  }
}

/* mv f new/: the file stays, and what is called new is not overwritten. */
static void a_file_is_not_moved_to_a_name_with_a_slash(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "f", "F");
  put_file(&folder, "new", "N");
  const char *const targets[] = {"/r/none/", "/r/new/", "/r/new//"};
  for (size_t i = 0; i < COUNT(targets); i++) {
    hostel_wasi *wasi = wasi_with("rename", "/r/f", targets[i]);
    grant_folder(wasi, &folder, "/r", false);
    hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi);
    REFUSES(EXIT, "code 1", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
    CHECK(file_is(&folder, "f", "F") && file_is(&folder, "new", "N") && access(inside(&folder, "none"), F_OK) != 0);
    hostel_guest_free(guest);
  }
  remove_folder(&folder);
}

/* A FIFO would keep who opens it until somebody comes to the other end. Nobody waits for that. */
static void a_fifo_is_not_opened(const hostel_engine *engine) {
  enum { NXIO = 60, NOTDIR = 54, PERM = 63 };
  pair pair = new_pair(engine);
  REQUIRE(mkfifoat(pair.program.directory, "fifo", 0600) == 0);
  REQUIRE(symlinkat("fifo", pair.program.directory, "to_fifo") == 0);
  static const struct {
    request request;
    const char *name;
    int expected;
  } cases[] = {
      {{.op = OPEN, .rights = CAN_READ}, "fifo", NXIO},
      {{.op = OPEN, .rights = CAN_WRITE}, "fifo", NXIO},
      {{.op = OPEN, .rights = CAN_READ | CAN_WRITE, .oflags = O_FLAG_CREATE}, "fifo", NXIO},
      {{.op = OPEN, .rights = CAN_READ, .follow = 1}, "to_fifo", NXIO},
      {{.op = OPEN, .rights = CAN_READ, .oflags = O_FLAG_DIRECTORY}, "fifo", NOTDIR},
      {{.op = OPEN, .rights = CAN_READ}, "fifo/", NOTDIR},
      {{.op = TIMES, .follow = 1}, "fifo", NXIO},
      {{.op = TIMES, .follow = 1}, "to_fifo", NXIO},
      {{.op = TIMES}, "fifo", 0},
      {{.op = STAT}, "fifo", 0},
      {{.op = UNLINK}, "fifo", 0},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    request request = cases[i].request;
    strcpy(request.names, cases[i].name);
    request.first = INPUT_AT + offsetof(struct request, names);
    request.first_len = (uint32_t)strlen(cases[i].name);
    const int got = ask_program(pair.guest, &request).error;
    if (got != cases[i].expected) {
      fprintf(stderr, "case %zu, %s: errno %d instead of %d\n", i, cases[i].name, got, cases[i].expected);
      failures++;
    }
  }
  free_pair(&pair);
}

/* Gives the directory "d" the number that the grant had, and opens "fifo" there. */
static const char renumbers[] =
    "(module (import \"wasi_snapshot_preview1\" \"path_open\""
    "  (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"fd_renumber\" (func $renumber (param i32 i32) (result i32)))"
    " (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"
    " (memory (export \"memory\") 1) (data (i32.const 16) \"d\") (data (i32.const 32) \"fifo\")"
    " (func $open_by (param i32 i32) (result i32) (call $open (i32.const 3) (i32.const 0) (local.get 0) (local.get 1)"
    "  (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0)))"
    " (func (export \"_start\") (if (i32.ne (call $open_by (i32.const 32) (i32.const 4)) (i32.const 44)) (then (unreachable)))"
    "  (if (call $open_by (i32.const 16) (i32.const 1)) (then (unreachable)))"
    "  (if (call $renumber (i32.load (i32.const 0)) (i32.const 3)) (then (unreachable)))"
    "  (call $exit (call $open_by (i32.const 32) (i32.const 4)))))";

static void a_fifo_is_known_whatever_the_number_of_its_directory(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_folder(&folder, "d");
  REQUIRE(mkfifo(inside(&folder, "d/fifo"), 0600) == 0);
  hostel_wasi *wasi = new_wasi();
  grant_folder(wasi, &folder, "/", true);
  hostel_guest *guest = link_granted(load_text(engine, renumbers), wasi);
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, time_of_programs, &error));
  for (int call = 0; call < 3; call++) {
    REFUSES(EXIT, "code 60", hostel_guest_call(guest, NULL, NOTHING, options, &output, &error));
  }
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  remove_folder(&folder);
}

/* From now on this process has an older system, which lacks `openat2`: names are resolved piece by piece. */
static void forget_openat2(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog rules = {COUNT(filter), filter};
  REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  REQUIRE(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &rules) == 0);
}

int main(int argc, char **argv) {
  const test tests[] = {
      TEST(a_rename_is_as_the_systems),
      TEST(a_hard_link_is_as_the_systems),
      TEST(a_link_is_as_the_systems),
      TEST(removing_is_as_the_systems),
      TEST(a_new_directory_is_as_the_systems),
      TEST(what_is_told_of_a_file_is_what_the_system_tells),
      TEST(a_file_is_opened_as_the_system_does),
      TEST(a_file_is_not_moved_to_a_name_with_a_slash),
      TEST(a_fifo_is_not_opened),
      TEST(a_fifo_is_known_whatever_the_number_of_its_directory),
  };
  int result = 0; /* of all until then: failures are counted on */
  for (int way = 0; way < 4; way++) {
    time_of_programs = way % 2 == 0 ? HOSTEL_UNLIMITED : 600000;
    if (way == 2) {
      forget_openat2();
    }
    result = RUN_TESTS(argc, argv, tests);
  }
  return result;
}
