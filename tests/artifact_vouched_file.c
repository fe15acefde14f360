/* artifact_vouched_file.c: artifacts in files that the host vouches for, which are mapped. */
#include "check_cache.h"

#include <sys/stat.h>

/* A file with an artifact of a numbered module, in a folder of its own. */
static path vouched_file(const hostel_engine *engine, unsigned number) {
  const path folder = new_directory(), file = path_in(folder.text, "module.artifact");
  hostel_buffer artifact = RUBBISH_BUFFER;
  hostel_module *module = load_numbered(engine, NULL, number);
  SUCCEEDS(hostel_module_serialize_vouched(module, &artifact, &error));
  hostel_module_free(module);
  write_file(file.text, artifact.data, artifact.len);
  hostel_buffer_free(&artifact);
  return file;
}

static hostel_module *load_vouched(const hostel_engine *engine, const path *file) {
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_deserialize_vouched_file(engine, file->text, &module, &error));
  return module;
}

static void remove_file(const path *file) {
  path folder = *file;
  *strrchr(folder.text, '/') = '\0';
  remove_all(folder.text);
}

static void it_becomes_the_module_again(const hostel_engine *engine) {
  const path file = vouched_file(engine, 1);
  uint8_t before[HOSTEL_KEY_BYTES], after[HOSTEL_KEY_BYTES];
  hostel_module *module = load_vouched(engine, &file);
  key_of(engine, 1, before);
  SUCCEEDS(hostel_module_key(module, after, &error));
  CHECK(memcmp(before, after, sizeof before) == 0);
  CHECK_MODULE(module, 1, "artifact");
  remove_file(&file);
}

static void the_file_stays_as_it_was(const hostel_engine *engine) {
  const path file = vouched_file(engine, 1);
  size_t before_len, after_len;
  uint8_t *before = read_file(file.text, &before_len);
  hostel_buffer again = RUBBISH_BUFFER;
  hostel_module *module = load_vouched(engine, &file);
  SUCCEEDS(hostel_module_serialize_vouched(module, &again, &error));
  CHECK(buffer_is(&again, before, before_len));
  CHECK_MODULE(module, 1, "artifact");
  uint8_t *after = read_file(file.text, &after_len);
  CHECK(after_len == before_len && memcmp(before, after, before_len) == 0);
  free(before);
  free(after);
  hostel_buffer_free(&again);
  remove_file(&file);
}

/* As the header advises: another is renamed over it, and it is gone from its folder. */
static void it_outlives_its_name(const hostel_engine *engine) {
  const path file = vouched_file(engine, 1), next = vouched_file(engine, 2);
  hostel_module *first = load_vouched(engine, &file);
  REQUIRE(rename(next.text, file.text) == 0);
  hostel_module *second = load_vouched(engine, &file);
  remove_file(&file);
  CHECK_MODULE(first, 1, "artifact");
  CHECK_MODULE(second, 2, "artifact");
  remove_file(&next);
}

static void many_modules_of_one_file_do_not_disturb_each_other(const hostel_engine *engine) {
  const path file = vouched_file(engine, 1);
  hostel_module *modules[8];
  for (size_t i = 0; i < 8; i++) {
    modules[i] = load_vouched(engine, &file);
  }
  for (size_t i = 0; i < 8; i++) {
    CHECK_MODULE(modules[i], 1, "artifact");
  }
  remove_file(&file);
}

static void refuses_a_file(const hostel_engine *engine, const path *file, const uint8_t *bytes, size_t len) {
  hostel_module *module = RUBBISH;
  write_file(file->text, bytes, len);
  FAILS(ARTIFACT_CORRUPT, "", hostel_module_deserialize_vouched_file(engine, file->text, &module, &error));
  CHECK(module == NULL);
}

static void a_file_that_does_not_end_as_one_is_refused(const hostel_engine *engine) {
  const path file = vouched_file(engine, 1);
  size_t len;
  uint8_t *artifact = read_file(file.text, &len);
  const size_t cuts[] = {0, 1, 100, 4096 < len ? 4096 : len - 2, len - 1};
  for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
    refuses_a_file(engine, &file, artifact, cuts[i]);
  }
  for (size_t back = 1; back <= 140; back++) {
    artifact[len - back] ^= 4;
    refuses_a_file(engine, &file, artifact, len);
    artifact[len - back] ^= 4;
  }
  hostel_buffer wasm = numbered_wasm(1);
  refuses_a_file(engine, &file, wasm.data, wasm.len);
  hostel_buffer_free(&wasm);
  free(artifact);
  remove_file(&file);
}

static void a_sealed_one_is_refused(const hostel_engine *engine) {
  const path file = vouched_file(engine, 1);
  hostel_buffer sealed = RUBBISH_BUFFER;
  hostel_module *module = load_numbered(engine, NULL, 1);
  SUCCEEDS(hostel_module_serialize(module, SEAL_KEY, &sealed, &error));
  hostel_module_free(module);
  refuses_a_file(engine, &file, sealed.data, sealed.len);
  hostel_buffer_free(&sealed);
  remove_file(&file);
}

static void no_other_engine_takes_it(const hostel_engine *engine) {
  const path file = vouched_file(engine, 1);
  for (size_t i = 0; i < hostel_engine_count(); i++) {
    for (int headless = 0; headless < 2; headless++) {
      hostel_engine *other = engine_named(hostel_engine_name_at(i), headless);
      hostel_module *module = RUBBISH;
      if (strcmp(hostel_engine_name(other), hostel_engine_name(engine)) == 0) {
        SUCCEEDS(hostel_module_deserialize_vouched_file(other, file.text, &module, &error));
        CHECK_MODULE(module, 1, "artifact");
      } else {
        FAILS(ARTIFACT_MISMATCH, "another engine", hostel_module_deserialize_vouched_file(other, file.text, &module, &error));
        CHECK(module == NULL);
      }
      hostel_engine_free(other);
    }
  }
  remove_file(&file);
}

static void it_is_held_to_the_limits_of_its_engine(const hostel_engine *engine) {
  const path file = vouched_file(engine, 1);
  hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_MODULE_BYTES, 12);
  hostel_module *module = RUBBISH;
  FAILS(UNSUPPORTED_MODULE, "", hostel_module_deserialize_vouched_file(limited, file.text, &module, &error));
  CHECK(module == NULL);
  hostel_engine_free(limited);
  remove_file(&file);
}

static void what_cannot_be_read_is_an_argument_error(const hostel_engine *engine) {
  const path folder = new_directory(), missing = path_in(folder.text, "missing");
  hostel_module *module = RUBBISH;
  FAILS(INVALID_ARGUMENT, "missing", hostel_module_deserialize_vouched_file(engine, missing.text, &module, &error));
  CHECK(module == NULL);
  FAILS(INVALID_ARGUMENT, "path", hostel_module_deserialize_vouched_file(engine, folder.text, &module, &error));
  remove_all(folder.text);
}

static void each_argument_is_checked(const hostel_engine *engine) {
  const path file = vouched_file(engine, 1);
  hostel_module *module = RUBBISH;
  FAILS(INVALID_ARGUMENT, "engine", hostel_module_deserialize_vouched_file(NULL, file.text, &module, &error));
  CHECK(module == NULL);
  FAILS(INVALID_ARGUMENT, "path", hostel_module_deserialize_vouched_file(engine, NULL, &module, &error));
  FAILS(INVALID_ARGUMENT, "module_out", hostel_module_deserialize_vouched_file(engine, file.text, NULL, &error));
  remove_file(&file);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(it_becomes_the_module_again),
      TEST(the_file_stays_as_it_was),
      TEST(it_outlives_its_name),
      TEST(many_modules_of_one_file_do_not_disturb_each_other),
      TEST(a_file_that_does_not_end_as_one_is_refused),
      TEST(a_sealed_one_is_refused),
      TEST(no_other_engine_takes_it),
      TEST(it_is_held_to_the_limits_of_its_engine),
      TEST(what_cannot_be_read_is_an_argument_error),
      TEST(each_argument_is_checked),
  };
  return RUN_TESTS(argc, argv, tests);
}
