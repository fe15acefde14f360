/* resources.c: what the system itself refuses. */
#define _GNU_SOURCE
#include "check_background.h"
#include "check_programs.h"
#include "check_threads.h"
#include "check_wasi.h"

#include <sys/resource.h>

/* How much address space this process uses, in bytes; 0 where that is not told. */
static rlim_t address_space(void) {
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file != NULL) {
    if (fscanf(file, "%lu", &pages) != 1) {
      pages = 0;
    }
    fclose(file);
  }
  return (rlim_t)pages * 4096;
}

static void no_address_space_for_an_instance_is_out_of_resources(const hostel_engine *engine) {
  if (SANITIZED || address_space() == 0) {
    return; /* a sanitizer needs terabytes of it */
  }
  enum { PLENTY = 1000 };
  static hostel_instance *instances[PLENTY];
  hostel_guest *guest = open_text(engine, "(module (memory (export \"memory\") 3200)" /* 200 MiB */
                                          " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024))"
                                          " (func (export \"hostel_free\") (param i32 i32))"
                                          " (func (export \"f\") (param i32 i32) (result i64) (i64.const 0)))");
  struct rlimit before;
  REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
  ANSWERS("", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  const struct rlimit tight = {address_space() + (100 << 20), before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_AS, &tight) == 0);
  /* An engine may have address space for some of them already. */
  int made = 0;
  while (made < PLENTY && hostel_instance_new(guest, NULL, &instances[made], NULL) == HOSTEL_STATUS_OK) {
    made++;
  }
  CHECK(made < PLENTY);
  for (int i = 0; i < 3; i++) {
    hostel_instance *instance = RUBBISH;
    REFUSES(OUT_OF_RESOURCES, "", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
    FAILS(OUT_OF_RESOURCES, "", hostel_instance_new(guest, NULL, &instance, &error));
    CHECK(instance == NULL);
  }
  while (made > 0) {
    hostel_instance_free(instances[--made]);
  }
  REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
  ANSWERS("", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

/* Thousands of instances at once: whatever the system allows, and a status beyond. */
static void many_instances_live_or_are_refused(const hostel_engine *engine) {
  enum { MANY = 2000 };
  static hostel_instance *instances[MANY];
  hostel_guest *guest = open_file(engine, "initialize.wat");
  int made = 0;
  for (; made < MANY; made++) {
    const hostel_status status = hostel_instance_new(guest, NULL, &instances[made], NULL);
    if (status != HOSTEL_STATUS_OK) {
      CHECK(status == HOSTEL_STATUS_OUT_OF_RESOURCES && instances[made] == NULL);
      break;
    }
  }
  CHECK(made > 0);
  for (int i = 0; i < made; i++) {
    ANSWERS("\1\0\0\0", hostel_instance_call(instances[i], "f", NOTHING, NULL, &output, &error));
    hostel_instance_free(instances[i]);
  }
  ANSWERS("\1\0\0\0", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

/* ---- no more descriptors ---- */

/* From here on nothing can be opened. */
static struct rlimit no_descriptors(void) {
  struct rlimit before;
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  const struct rlimit none = {STDERR_FILENO + 1, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  return before;
}

static bool done_or_refused(hostel_status status) {
  return status == HOSTEL_STATUS_OK || status == HOSTEL_STATUS_OUT_OF_RESOURCES;
}

static const char counter[] =
    "(module (memory (export \"memory\") 1) (global $n (mut i32) (i32.const 0)) (func $start (i32.store (i32.const 8) (i32.const "
    "7)))"
    " (start $start) (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024))"
    " (func (export \"hostel_free\") (param i32 i32)) (func (export \"f\") (param i32 i32) (result i64)"
    "   (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1))) (i64.const 0x8_0000_0004)))";

/* All that a program does with modules and guests: each is done, or refused with a status. */
static void live(const hostel_engine *engine, bool must_be_done) {
  hostel_module *module = RUBBISH;
  hostel_guest *guest = RUBBISH;
  hostel_instance *instance = RUBBISH;
  hostel_status status = hostel_module_load_wat(engine, NULL, counter, strlen(counter), NULL, &module, NULL);
  CHECK(status == HOSTEL_STATUS_OK || (!must_be_done && status == HOSTEL_STATUS_OUT_OF_RESOURCES));
  if (status != HOSTEL_STATUS_OK) {
    return;
  }
  SUCCEEDS(hostel_guest_new(module, NULL, NULL, &guest, &error));
  for (int i = 0; i < 3; i++) {
    hostel_buffer output = RUBBISH_BUFFER;
    status = hostel_guest_call(guest, "f", NOTHING, NULL, &output, NULL);
    CHECK(status == HOSTEL_STATUS_OK ? buffer_is(&output, "\10\0\0\0", 4) : !must_be_done && done_or_refused(status));
    hostel_buffer_free(&output);
  }
  status = hostel_instance_new(guest, NULL, &instance, NULL);
  CHECK(must_be_done ? status == HOSTEL_STATUS_OK : done_or_refused(status));
  hostel_instance_free(instance);
  hostel_guest_free(guest);
  hostel_module_free(module);
}

/* In a program of its own, where nothing was opened before: also not by the engine. */
static void nothing_can_be_opened(const char *name) {
  const overheard overheard = overhear();
  const struct rlimit before = no_descriptors();
  hostel_engine_config *config = RUBBISH;
  hostel_engine *engine = RUBBISH;
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  SUCCEEDS(hostel_engine_config_set_engine(config, name, &error));
  hostel_status status = hostel_engine_new(config, &engine, NULL);
  CHECK(done_or_refused(status));
  if (status == HOSTEL_STATUS_OK) {
    live(engine, false);
  }
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  if (status == HOSTEL_STATUS_OK) {
    live(engine, true);
    hostel_engine_free(engine);
  }
  SUCCEEDS(hostel_engine_new(config, &engine, &error));
  live(engine, true);
  CHECK(overheard_bytes(overheard) == 0);
  hostel_engine_free(engine);
  hostel_engine_config_free(config);
}

static void without_descriptors_things_are_done_or_refused_and_work_afterwards(const hostel_engine *engine) {
  RUNS_WELL(nothing_can_be_opened, engine);
}

/* A directory that cannot be read or written is as good as none; a hit comes when it can again. */
static void a_directory_without_descriptors_is_no_cache_for_a_while(const hostel_engine *engine) {
  const path where = new_directory();
  hostel_cache *cache = directory_cache(where.text, LARGE);
  const overheard overheard = overhear();
  const struct rlimit before = no_descriptors();
  COMES_FROM("compiled", engine, cache, 1);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(overheard_bytes(overheard) == 0);
  hostel_module_free(load_numbered(engine, cache, 1));
  hostel_cache_free(cache);
  cache = directory_cache(where.text, LARGE);
  hostel_module *module = load_numbered(engine, cache, 1);
  CHECK(strcmp(best_tier(engine), "wasmi") == 0 || strcmp(hostel_module_origin(module), "directory") == 0);
  hostel_module_free(module);
  hostel_cache_free(cache);
  remove_all(where.text);
}

/* In a program of its own: the threads that work on files need descriptors, too. */
static void files_without_descriptors(const char *name) {
  hostel_engine *engine = engine_called(name);
  const folder folder = new_folder();
  put_file(&folder, "a", "some text");
  hostel_wasi *wasi = wasi_with("read", "/data/a");
  grant_folder(wasi, &folder, "/data", true);
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi);
  time_of_programs = 600000; /* what can be stopped works in other threads */
  const overheard overheard = overhear();
  const struct rlimit before = no_descriptors();
  for (int i = 0; i < 2; i++) {
    hostel_status status;
    free(run_program(guest, &status));
    CHECK(status == HOSTEL_STATUS_OUT_OF_RESOURCES || status == HOSTEL_STATUS_EXIT);
  }
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  SAYS("some text", guest);
  CHECK(overheard_bytes(overheard) == 0);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
  remove_folder(&folder);
}

static void a_file_without_descriptors_is_refused_and_read_afterwards(const hostel_engine *engine) {
  RUNS_WELL(files_without_descriptors, engine);
}

/* ---- no more address space ---- */

/* For threads' stacks, that is: what compiles takes more of it. */
static void no_address_space_to_compile_in_is_out_of_resources(const hostel_engine *engine) {
  if (SANITIZED || address_space() == 0) {
    return; /* a sanitizer needs terabytes of it */
  }
  struct rlimit before;
  REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
  const struct rlimit tight = {address_space() + (4 << 20), before.rlim_max};
  const overheard overheard = overhear();
  hostel_module *module = RUBBISH;
  hostel_buffer wasm = numbered_wasm(1);
  REQUIRE(setrlimit(RLIMIT_AS, &tight) == 0);
  const hostel_status status = hostel_module_load(engine, NULL, wasm.data, wasm.len, NULL, &module, NULL);
  REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
  CHECK(done_or_refused(status));
  hostel_module_free(module);
  COMES_FROM("compiled", engine, NULL, 1);
  CHECK(overheard_bytes(overheard) == 0);
  hostel_buffer_free(&wasm);
}

int main(int argc, char **argv) {
  static const program programs[] = {PROGRAM(nothing_can_be_opened), PROGRAM(files_without_descriptors)};
  static const test tests[] = {
      TEST(no_address_space_for_an_instance_is_out_of_resources),
      TEST(many_instances_live_or_are_refused),
      TEST(without_descriptors_things_are_done_or_refused_and_work_afterwards),
      TEST(a_directory_without_descriptors_is_no_cache_for_a_while),
      TEST(a_file_without_descriptors_is_refused_and_read_afterwards),
      TEST(no_address_space_to_compile_in_is_out_of_resources),
  };
  int exit_code;
  if (is_program(argc, argv, programs, sizeof programs / sizeof *programs, &exit_code)) {
    return exit_code;
  }
  return RUN_TESTS(argc, argv, tests);
}
