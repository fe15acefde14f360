/* wasi_hostile.c: guests that call every function of WASI with rubbish. They get an errno, and their host loses nothing. */
#include "check_limits.h"
#include "check_wasi.h"

#include <dirent.h>

/* Every function of WASI 0.1: `i` is an i32, `I` an i64. */
static const struct {
  const char *name, *params;
} functions[] = {
    {"args_get", "ii"},
    {"args_sizes_get", "ii"},
    {"environ_get", "ii"},
    {"environ_sizes_get", "ii"},
    {"clock_res_get", "ii"},
    {"clock_time_get", "iIi"},
    {"fd_advise", "iIIi"},
    {"fd_allocate", "iII"},
    {"fd_close", "i"},
    {"fd_datasync", "i"},
    {"fd_fdstat_get", "ii"},
    {"fd_fdstat_set_flags", "ii"},
    {"fd_fdstat_set_rights", "iII"},
    {"fd_filestat_get", "ii"},
    {"fd_filestat_set_size", "iI"},
    {"fd_filestat_set_times", "iIIi"},
    {"fd_pread", "iiiIi"},
    {"fd_prestat_get", "ii"},
    {"fd_prestat_dir_name", "iii"},
    {"fd_pwrite", "iiiIi"},
    {"fd_read", "iiii"},
    {"fd_readdir", "iiiIi"},
    {"fd_renumber", "ii"},
    {"fd_seek", "iIii"},
    {"fd_sync", "i"},
    {"fd_tell", "ii"},
    {"fd_write", "iiii"},
    {"path_create_directory", "iii"},
    {"path_filestat_get", "iiiii"},
    {"path_filestat_set_times", "iiiiIIi"},
    {"path_link", "iiiiiii"},
    {"path_open", "iiiiiIIii"},
    {"path_readlink", "iiiiii"},
    {"path_remove_directory", "iii"},
    {"path_rename", "iiiiii"},
    {"path_symlink", "iiiii"},
    {"path_unlink_file", "iii"},
    {"poll_oneoff", "iiii"},
    {"proc_raise", "i"},
    {"random_get", "ii"},
    {"sched_yield", ""},
    {"sock_accept", "iii"},
    {"sock_recv", "iiiiii"},
    {"sock_send", "iiiii"},
    {"sock_shutdown", "ii"},
};
#define FUNCTIONS (sizeof functions / sizeof functions[0])

/* Exports each of them as it is, and has a memory of one page: a path at 16, iovecs at 32 and 48. */
static hostel_guest *open_all(const hostel_engine *engine, const char *memory, const folder *folder) {
  char text[16384];
  size_t len = (size_t)snprintf(text, sizeof text, "(module");
  for (size_t i = 0; i < FUNCTIONS; i++) {
    len += (size_t)snprintf(text + len, sizeof text - len, "(import \"wasi_snapshot_preview1\" \"%s\" (func $%s (param",
                            functions[i].name, functions[i].name);
    for (const char *at = functions[i].params; *at != '\0'; at++) {
      len += (size_t)snprintf(text + len, sizeof text - len, " i%d", *at == 'i' ? 32 : 64);
    }
    len += (size_t)snprintf(text + len, sizeof text - len, ") (result i32)))");
  }
  len += (size_t)snprintf(text + len, sizeof text - len, "%s", memory);
  for (size_t i = 0; i < FUNCTIONS; i++) {
    len += (size_t)snprintf(text + len, sizeof text - len, "(export \"%s\" (func $%s))", functions[i].name, functions[i].name);
  }
  REQUIRE(len + 2 < sizeof text);
  strcpy(text + len, ")");
  hostel_wasi *wasi = wasi_with("argument");
  SUCCEEDS(hostel_wasi_set_variable(wasi, "NAME", "value", &error));
  SUCCEEDS(hostel_wasi_set_input(wasi, TEXT("0123456789"), &error));
  if (folder != NULL) {
    grant_folder(wasi, folder, "/", false);
  }
  return link_granted(settled(load_text(engine, text)), wasi);
}

static const char one_page[] =
    "(memory (export \"memory\") 1) (data (i32.const 16) \"a\")"
    "(data (i32.const 32) \"\\40\\00\\00\\00\\04\\00\\00\\00\")"  /* 64, 4 bytes */
    "(data (i32.const 48) \"\\fe\\ff\\00\\00\\04\\00\\00\\00\")"; /* the last two bytes, and two more */

/* The errno of a call. */
static uint64_t errno_of(hostel_instance *instance, const char *function, const uint64_t *arguments) {
  uint64_t values[9];
  memcpy(values, arguments, sizeof values);
  SUCCEEDS(hostel_instance_call_values(instance, function, values, 9, NULL, &error));
  return values[0];
}

/* Of WASI's numbers. */
enum { SUCCESS = 0, BADF = 8, FAULT = 21, ILSEQ = 25, INVAL = 28, NAMETOOLONG = 37, NOTSOCK = 57, NOTSUP = 58, SPIPE = 70 };
/* Arguments: the granted directory, a file in it, and one past the memory's end. */
enum { DIRECTORY = 3, A_FILE = 4, OUTSIDE = 65536 };

static const struct {
  const char *function;
  uint64_t arguments[9];
  uint64_t expected;
} cases[] = {
    {"args_get", {OUTSIDE, 0}, FAULT},
    {"args_get", {0x100, 65535}, FAULT},
    {"args_sizes_get", {OUTSIDE, 0}, FAULT},
    {"args_sizes_get", {0, 0xfffffffc}, FAULT},
    {"environ_get", {OUTSIDE, 0}, FAULT},
    {"environ_get", {0x100, 65535}, FAULT},
    {"environ_sizes_get", {OUTSIDE, 0}, FAULT},
    {"clock_res_get", {0, OUTSIDE}, FAULT},
    {"clock_res_get", {77, 0}, INVAL},
    {"clock_time_get", {1, 0, 65532}, FAULT},
    {"clock_time_get", {77, 0, 0x100}, INVAL},
    {"fd_advise", {A_FILE, 0, 0, 77}, INVAL},
    {"fd_advise", {77, 0, 0, 0}, BADF},
    {"fd_allocate", {A_FILE, 0, -1}, NOTSUP},
    {"fd_close", {77}, BADF},
    {"fd_datasync", {77}, BADF},
    {"fd_fdstat_get", {1, OUTSIDE}, FAULT},
    {"fd_fdstat_get", {-1, 0}, BADF},
    {"fd_fdstat_set_flags", {A_FILE, -1}, INVAL},
    {"fd_fdstat_set_rights", {77, 0, 0}, BADF},
    {"fd_filestat_get", {DIRECTORY, OUTSIDE}, FAULT},
    {"fd_filestat_set_size", {DIRECTORY, 0}, BADF},
    {"fd_filestat_set_size", {77, 0}, BADF},
    {"fd_filestat_set_times", {A_FILE, 0, 0, 3}, INVAL},
    {"fd_pread", {A_FILE, OUTSIDE, 1, 0, 0}, FAULT},
    {"fd_pread", {A_FILE, 48, 1, 0, 0}, FAULT},
    {"fd_pread", {A_FILE, 32, 1, 0, OUTSIDE}, FAULT},
    {"fd_pread", {0, 32, 1, 0, 0}, SPIPE},
    {"fd_prestat_get", {DIRECTORY, OUTSIDE}, FAULT},
    {"fd_prestat_get", {1, 0}, BADF},
    {"fd_prestat_dir_name", {DIRECTORY, OUTSIDE, 100}, FAULT},
    {"fd_prestat_dir_name", {DIRECTORY, 0, 0}, NAMETOOLONG},
    {"fd_pwrite", {A_FILE, OUTSIDE, 1, 0, 0}, FAULT},
    {"fd_pwrite", {A_FILE, 48, 1, 0, 0}, FAULT},
    {"fd_pwrite", {1, 32, 1, 0, 0}, SPIPE},
    {"fd_read", {0, OUTSIDE, 1, 0}, FAULT},
    {"fd_read", {0, 48, 1, 0}, FAULT},
    {"fd_read", {A_FILE, 48, 1, 0}, FAULT},
    {"fd_read", {0, 32, 1025, 0}, INVAL},
    {"fd_read", {0, 32, -1, 0}, INVAL},
    {"fd_read", {0, 32, 1, OUTSIDE}, FAULT},
    {"fd_read", {1, 32, 1, 0}, BADF},
    {"fd_readdir", {DIRECTORY, 65530, 100, 0, 0}, FAULT},
    {"fd_readdir", {DIRECTORY, 0x100, 100, 0, OUTSIDE}, FAULT},
    {"fd_readdir", {A_FILE, 0x100, 100, 0, 0}, BADF},
    {"fd_renumber", {77, 1}, BADF},
    {"fd_renumber", {1, 77}, BADF},
    {"fd_seek", {A_FILE, 0, 0, OUTSIDE}, FAULT},
    {"fd_seek", {A_FILE, 0, 77, 0}, INVAL},
    {"fd_seek", {A_FILE, -1, 0, 0}, INVAL},
    {"fd_seek", {1, 0, 0, 0}, SPIPE},
    {"fd_sync", {77}, BADF},
    {"fd_tell", {A_FILE, OUTSIDE}, FAULT},
    {"fd_write", {1, OUTSIDE, 1, 0}, FAULT},
    {"fd_write", {1, 48, 1, 0}, FAULT},
    {"fd_write", {A_FILE, 48, 1, 0}, FAULT},
    {"fd_write", {1, 32, 1025, 0}, INVAL},
    {"fd_write", {1, 32, 1, OUTSIDE}, FAULT},
    {"fd_write", {0, 32, 1, 0}, BADF},
    {"path_create_directory", {DIRECTORY, 65530, 100}, FAULT},
    {"path_create_directory", {A_FILE, 16, 1}, BADF},
    {"path_filestat_get", {DIRECTORY, 0, 65530, 100, 0}, FAULT},
    {"path_filestat_get", {DIRECTORY, 0, 16, 1, OUTSIDE}, FAULT},
    {"path_filestat_get", {DIRECTORY, -1, 16, 1, 0x100}, INVAL},
    {"path_filestat_set_times", {DIRECTORY, 0, OUTSIDE, 1, 0, 0, 0}, FAULT},
    {"path_link", {DIRECTORY, 0, OUTSIDE, 1, DIRECTORY, 16, 1}, FAULT},
    {"path_link", {DIRECTORY, 0, 16, 1, DIRECTORY, OUTSIDE, 1}, FAULT},
    {"path_open", {DIRECTORY, 0, OUTSIDE, 1, 0, 2, 0, 0, 0}, FAULT},
    {"path_open", {DIRECTORY, 0, 16, 1, 0, 2, 0, 0, OUTSIDE}, FAULT},
    {"path_open", {DIRECTORY, 0, 16, 1, 0, 2, 0, 0, 0xfffffffe}, FAULT},
    {"path_open", {DIRECTORY, 0, 16, 1, -1, 2, 0, 0, 0}, INVAL},
    {"path_open", {77, 0, 16, 1, 0, 2, 0, 0, 0}, BADF},
    {"path_readlink", {DIRECTORY, 65535, 2, 0, 0, 0}, FAULT},
    {"path_remove_directory", {DIRECTORY, OUTSIDE, 1}, FAULT},
    {"path_rename", {DIRECTORY, OUTSIDE, 1, DIRECTORY, 16, 1}, FAULT},
    {"path_rename", {DIRECTORY, 16, 1, DIRECTORY, OUTSIDE, 1}, FAULT},
    {"path_symlink", {OUTSIDE, 1, DIRECTORY, 16, 1}, FAULT},
    {"path_symlink", {16, 1, DIRECTORY, OUTSIDE, 1}, FAULT},
    {"path_unlink_file", {DIRECTORY, OUTSIDE, 1}, FAULT},
    {"poll_oneoff", {0, 0, 0, 0}, INVAL},
    {"poll_oneoff", {OUTSIDE, 0, 1, 0}, FAULT},
    {"poll_oneoff", {0, 0, 1025, 0}, INVAL},
    {"poll_oneoff", {0, 0, -1, 0}, INVAL},
    {"proc_raise", {9}, NOTSUP},
    {"random_get", {65530, 100}, FAULT},
    {"random_get", {0, -1}, FAULT},
    {"random_get", {-1, 1}, FAULT},
    {"random_get", {0, 65536}, SUCCESS},
    {"sock_accept", {77, 0, 0}, BADF},
    {"sock_accept", {0, 0, 0}, NOTSOCK},
    {"sock_recv", {0, 32, 1, 0, 0, 0}, NOTSOCK},
    {"sock_send", {1, 32, 1, 0, 0}, NOTSOCK},
    {"sock_shutdown", {0, 1}, NOTSOCK},
};

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

static const uint64_t opens[9] = {DIRECTORY, 0, 16, 1, 0, 2 | 64, 0, 0, 0}; /* to read and to write */

static void rubbish_gets_its_errno(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "a", "some text");
  hostel_guest *guest = open_all(engine, one_page, &folder);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    hostel_instance *instance = new_instance(guest);
    REQUIRE(errno_of(instance, "path_open", opens) == SUCCESS);
    const uint64_t got = errno_of(instance, cases[i].function, cases[i].arguments);
    if (got != cases[i].expected) {
      fprintf(stderr, "case %zu, %s: errno %d instead of %d\n", i, cases[i].function, (int)got, (int)cases[i].expected);
      failures++;
    }
    hostel_instance_free(instance);
  }
  hostel_guest_free(guest);
  remove_folder(&folder);
}

/* Ten thousand calls, most of them nonsense, some of which work. The same ones in every run. */
static void any_arguments_are_survived(const hostel_engine *shared) {
  static const uint64_t odd[] = {0,     1,     2,          3,          4,          5,     8,    16,        32,
                                 65528, 65535, 0x7fffffff, 0x80000000, 0xffffffff, 65536, 1024, UINT64_MAX};
  hostel_engine *engine = metered_engine(shared, false, true);
  const folder folder = new_folder();
  put_file(&folder, "a", "some text");
  hostel_guest *guest = open_all(engine, one_page, &folder);
  hostel_instance *instance = new_instance(guest);
  hostel_call_options *options = options_with_deadline(20); /* some of them wait */
  uint64_t state = 12345;
  for (int i = 0; i < 10000; i++) {
    uint64_t values[9];
    const size_t function = random_below(&state, FUNCTIONS);
    for (int j = 0; j < 9; j++) {
      values[j] = odd[random_below(&state, sizeof odd / sizeof odd[0])];
    }
    const hostel_status status = hostel_instance_call_values(instance, functions[function].name, values, 9, options, NULL);
    if (status == HOSTEL_STATUS_DEADLINE) {
      hostel_instance_free(instance);
      instance = new_instance(guest);
    } else if (status != HOSTEL_STATUS_OK || values[0] > 76) {
      fprintf(stderr, "%s: %s, errno %d\n", functions[function].name, hostel_status_name(status), (int)values[0]);
      failures++;
    }
  }
  hostel_call_options_free(options);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
  remove_folder(&folder);
  hostel_engine_free(engine);
}

/* A file whose number cannot be told to the guest is not left open. */
static void a_file_without_a_place_for_its_number_is_not_opened(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "a", "some text");
  hostel_guest *guest = open_all(engine, one_page, &folder);
  hostel_instance *instance = new_instance(guest);
  uint64_t arguments[9];
  memcpy(arguments, opens, sizeof arguments);
  CHECK(errno_of(instance, "path_open", arguments) == SUCCESS);
  const int before = open_descriptors();
  for (int i = 0; i < 300; i++) {
    arguments[8] = i % 2 == 0 ? OUTSIDE : 65534;
    CHECK(errno_of(instance, "path_open", arguments) == FAULT);
  }
  CHECK(open_descriptors() == before);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
  remove_folder(&folder);
}

static void guests_without_a_memory_have_no_pointers(const hostel_engine *engine) {
  const char *memories[] = {"", "(memory 1)", "(memory (export \"other\") 1)", "(memory (export \"memory\") 0)"};
  for (size_t i = 0; i < sizeof memories / sizeof memories[0]; i++) {
    hostel_guest *guest = open_all(engine, memories[i], NULL);
    hostel_instance *instance = new_instance(guest);
    const uint64_t zeros[9] = {0}, one[9] = {1, 0, 1, 0}, some[9] = {0, 8};
    CHECK(errno_of(instance, "random_get", zeros) == SUCCESS);
    CHECK(errno_of(instance, "random_get", some) == FAULT);
    CHECK(errno_of(instance, "fd_write", one) == FAULT);
    CHECK(errno_of(instance, "args_get", zeros) == FAULT);
    CHECK(errno_of(instance, "sched_yield", zeros) == SUCCESS);
    hostel_instance_free(instance);
    hostel_guest_free(guest);
  }
}

static void streams_can_be_closed_and_replaced(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "a", "");
  hostel_guest *guest = open_all(engine, one_page, &folder);
  hostel_instance *instance = new_instance(guest);
  const uint64_t file_to_output[9] = {A_FILE, 1}, input[9] = {0}, output[9] = {1, 32, 1, 0}, error[9] = {2, 32, 1, 0};
  const uint64_t read_input[9] = {0, 32, 1, 0}, close_error[9] = {2};
  CHECK(errno_of(instance, "path_open", opens) == SUCCESS);
  CHECK(errno_of(instance, "fd_renumber", file_to_output) == SUCCESS);
  CHECK(errno_of(instance, "fd_read", read_input) == SUCCESS); /* 0123, to where what is written lies */
  CHECK(errno_of(instance, "fd_write", output) == SUCCESS);
  CHECK(file_is(&folder, "a", "0123"));
  CHECK(errno_of(instance, "fd_close", input) == SUCCESS);
  CHECK(errno_of(instance, "fd_close", input) == BADF);
  CHECK(errno_of(instance, "fd_read", read_input) == BADF);
  CHECK(errno_of(instance, "fd_close", close_error) == SUCCESS);
  CHECK(errno_of(instance, "fd_write", error) == BADF);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
  remove_folder(&folder);
}

/* A program that closes its output has written what it wrote until then. */
static void a_program_may_close_its_output(const hostel_engine *engine) {
  hostel_guest *guest = open_text(
      engine, "(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))"
              " (import \"wasi_snapshot_preview1\" \"fd_close\" (func $close (param i32) (result i32)))"
              " (memory (export \"memory\") 1) (data (i32.const 0) \"\\08\\00\\00\\00\\04\\00\\00\\00once\")"
              " (func $say (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))"
              " (func (export \"_start\") (call $say) (drop (call $close (i32.const 1))) (call $say)))");
  ANSWERS("once", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  ANSWERS("once", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

/* ---- ends inside of calls ---- */

static hostel_status run_inner(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)caller;
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  const hostel_status status = hostel_guest_call(user_data, NULL, NOTHING, NULL, &output, &error);
  values[0] = status == HOSTEL_STATUS_EXIT ? (uint64_t)hostel_error_exit_code(error) : 1000;
  hostel_error_free(error);
  hostel_buffer_free(&output);
  return HOSTEL_STATUS_OK;
}

/* The guest inside ends with 3; the one around it goes on, and ends with one more. */
static void an_end_inside_ends_the_inner_call_only(const hostel_engine *engine) {
  hostel_guest *inner = open_program(engine, "wasi_rust.wasm", wasi_with("exit", "3"));
  const hostel_value_type results[] = {HOSTEL_VALUE_I32};
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "inner", NULL, 0, results, 1, run_inner, inner, NULL, &error));
  hostel_guest *outer =
      link_guest(load_text(engine, "(module (import \"host\" \"inner\" (func $inner (result i32)))"
                                   " (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"
                                   " (memory (export \"memory\") 1)"
                                   " (func (export \"_start\") (call $exit (i32.add (call $inner) (i32.const 1)))))"),
                 imports);
  for (int i = 0; i < 3; i++) {
    hostel_buffer output = RUBBISH_BUFFER;
    hostel_error *error = RUBBISH;
    CHECK(hostel_guest_call(outer, NULL, NOTHING, NULL, &output, &error) == HOSTEL_STATUS_EXIT);
    CHECK(hostel_error_exit_code(error) == 4);
    hostel_error_free(error);
  }
  hostel_imports_free(imports);
  hostel_guest_free(outer);
  hostel_guest_free(inner);
}

static void a_start_may_end(const hostel_engine *engine) {
  const char *starts[] = {"(start $f)", "(export \"_initialize\" (func $f))"};
  for (size_t i = 0; i < 2; i++) {
    char text[512];
    snprintf(text, sizeof text,
             "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))" ABI
             " (func $f (call $exit (i32.const 9))) %s"
             " (func (export \"g\") (param i32 i32) (result i64) (i64.const 0)))",
             starts[i]);
    hostel_guest *guest = open_text(engine, text);
    REFUSES(EXIT, "code 9", hostel_guest_call(guest, "g", NOTHING, NULL, &output, &error));
    hostel_guest_free(guest);
  }
}

/* ---- links ---- */

static void unknown_functions_are_named_all_at_once(const hostel_engine *engine) {
  hostel_module *module =
      load_text(engine, "(module (import \"wasi_snapshot_preview1\" \"fd_fly\" (func))"
                        " (import \"wasi_snapshot_preview1\" \"fd_read\" (func (param i64)))"
                        " (import \"wasi_snapshot_preview1\" \"fd_write\" (func (param i32 i32 i32 i32) (result i32)))"
                        " (import \"wasi_unstable\" \"fd_close\" (func (param i32) (result i32)))"
                        " (import \"wasi_snapshot_preview1\" \"proc_exit\" (func (param i32) (result i32)))"
                        " (memory (export \"memory\") 1) (func (export \"_start\")))");
  hostel_guest *guest = RUBBISH;
  hostel_error *error = RUBBISH;
  REQUIRE(hostel_guest_new(module, NULL, NULL, &guest, &error) == HOSTEL_STATUS_LINK_ERROR);
  const char *words[] = {"fd_fly", "no such function", "fd_read", "wasi_unstable", "proc_exit"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    CHECK_ERROR(error, LINK_ERROR, words[i]);
  }
  CHECK(strstr(hostel_error_message(error), "fd_write") == NULL);
  hostel_error_free(error);
  hostel_module_free(module);
}

int main(int argc, char **argv) {
  const test tests[] = {
      TEST(rubbish_gets_its_errno),
      TEST(any_arguments_are_survived),
      TEST(a_file_without_a_place_for_its_number_is_not_opened),
      TEST(guests_without_a_memory_have_no_pointers),
      TEST(streams_can_be_closed_and_replaced),
      TEST(a_program_may_close_its_output),
      TEST(an_end_inside_ends_the_inner_call_only),
      TEST(a_start_may_end),
      TEST(unknown_functions_are_named_all_at_once),
  };
  return RUN_TESTS(argc, argv, tests);
}
