/* What the tests of WASI share: grants, programs, and a folder with files in it. */
#ifndef HOSTEL_TESTS_CHECK_WASI_H
#define HOSTEL_TESTS_CHECK_WASI_H

#include "check.h"

#include <sys/stat.h>
#include <unistd.h>

/* ---- grants ---- */

static inline hostel_wasi *new_wasi(void) {
  hostel_wasi *wasi = RUBBISH;
  SUCCEEDS(hostel_wasi_new(&wasi, &error));
  return wasi;
}

/* Imports with these grants, which are let go of. */
static inline hostel_imports *imports_with(hostel_wasi *wasi) {
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_set_wasi(imports, wasi, &error));
  hostel_wasi_free(wasi);
  return imports;
}

/* A guest with these grants, which are let go of. */
static inline hostel_guest *link_granted(hostel_module *module, hostel_wasi *wasi) {
  hostel_imports *imports = imports_with(wasi);
  hostel_guest *guest = link_guest(module, imports);
  hostel_imports_free(imports);
  return guest;
}

/* Compiled once in a test: LLVM takes a minute for some. */
static inline hostel_module *load_program(const hostel_engine *engine, const char *file) {
  static hostel_cache *kept;
  hostel_module *module = RUBBISH;
  if (kept == NULL) {
    SUCCEEDS(hostel_cache_shared_new((uint64_t)1 << 30, &kept, &error));
  }
  SUCCEEDS(hostel_module_load_file(engine, kept, guest_path(file), NULL, &module, &error));
  return module;
}

static inline hostel_guest *open_program(const hostel_engine *engine, const char *file, hostel_wasi *wasi) {
  return link_granted(load_program(engine, file), wasi);
}

/* Grants with these words as arguments, the program's name before them: wasi_with("read", "/data/a"). */
static inline hostel_wasi *add_words(hostel_wasi *wasi, const char *const *words) {
  SUCCEEDS(hostel_wasi_add_argument(wasi, "program", &error));
  for (; *words != NULL; words++) {
    SUCCEEDS(hostel_wasi_add_argument(wasi, *words, &error));
  }
  return wasi;
}
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define wasi_with(...) add_words(new_wasi(), WORDS(__VA_ARGS__))

/* How long programs may run, in milliseconds; what nothing can stop reads and writes files in another way. */
static uint64_t time_of_programs = HOSTEL_UNLIMITED;

/* Runs a program: its output becomes a string, free() it; NULL, and the status, when the call fails. */
static inline char *run_program(const hostel_guest *guest, hostel_status *status_out) {
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  char *text = NULL;
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, time_of_programs, &error));
  *status_out = hostel_guest_call(guest, NULL, NOTHING, options, &output, &error);
  hostel_call_options_free(options);
  if (*status_out == HOSTEL_STATUS_OK) {
    text = malloc(output.len + 1);
    REQUIRE(text != NULL);
    if (output.len > 0) {
      memcpy(text, output.data, output.len);
    }
    text[output.len] = '\0';
  }
  hostel_error_free(error);
  hostel_buffer_free(&output);
  return text;
}

static inline void check_says(const char *file, int line, const hostel_guest *guest, const char *expected) {
  hostel_status status;
  char *text = run_program(guest, &status);
  if (text == NULL || strcmp(text, expected) != 0) {
    fprintf(stderr, "%s:%d: %s, \"%s\" instead of \"%s\"\n", file, line, hostel_status_name(status), text != NULL ? text : "",
            expected);
    failures++;
  }
  free(text);
}

/* The program, without an input, says this. */
#define SAYS(expected, guest) check_says(__FILE__, __LINE__, (guest), (expected))

/* The Rust program with these grants says this; the grants are let go of. */
static inline void check_rust(const char *file, int line, const hostel_engine *engine, hostel_wasi *wasi, const char *expected) {
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi);
  check_says(file, line, guest, expected);
  hostel_guest_free(guest);
}
#define RUST_SAYS(expected, engine, wasi) check_rust(__FILE__, __LINE__, (engine), (wasi), (expected))

/* ---- a folder ---- */

typedef struct folder {
  char path[64];
} folder;

static inline folder new_folder(void) {
  folder made = {"/tmp/hostel-wasi-XXXXXX"};
  REQUIRE(mkdtemp(made.path) != NULL);
  return made;
}

static inline char *inside(const folder *folder, const char *name) {
  static _Thread_local char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder->path, name);
  return path;
}

static inline void put_file(const folder *folder, const char *name, const char *text) {
  FILE *file = fopen(inside(folder, name), "wb");
  REQUIRE(file != NULL);
  REQUIRE(fwrite(text, 1, strlen(text), file) == strlen(text));
  REQUIRE(fclose(file) == 0);
}

static inline void put_folder(const folder *folder, const char *name) { REQUIRE(mkdir(inside(folder, name), 0700) == 0); }

static inline bool file_is(const folder *folder, const char *name, const char *expected) {
  char bytes[4096];
  FILE *file = fopen(inside(folder, name), "rb");
  if (file == NULL) {
    return false;
  }
  const size_t len = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  return len == strlen(expected) && memcmp(bytes, expected, len) == 0;
}

static inline void remove_folder(const folder *folder) {
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", folder->path);
  REQUIRE(system(command) == 0);
}

static inline void grant_folder(hostel_wasi *wasi, const folder *folder, const char *guest_path, bool read_only) {
  SUCCEEDS(hostel_wasi_add_directory(wasi, folder->path, guest_path, read_only, &error));
}

#endif
