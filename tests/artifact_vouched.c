/* artifact_vouched.c: artifacts without a seal, which only the function with that name takes. */
#include "check_cache.h"

static hostel_buffer vouched_artifact(const hostel_engine *engine, unsigned number) {
  hostel_buffer artifact = RUBBISH_BUFFER;
  hostel_module *module = load_numbered(engine, NULL, number);
  SUCCEEDS(hostel_module_serialize_vouched(module, &artifact, &error));
  hostel_module_free(module);
  return artifact;
}

static void a_vouched_artifact_becomes_the_module_again(const hostel_engine *engine) {
  hostel_buffer artifact = vouched_artifact(engine, 1);
  hostel_module *module = RUBBISH;
  uint8_t before[HOSTEL_KEY_BYTES], after[HOSTEL_KEY_BYTES];
  SUCCEEDS(hostel_module_deserialize_vouched(engine, artifact.data, artifact.len, &module, &error));
  memset(artifact.data, 0xff, artifact.len);
  hostel_buffer_free(&artifact);
  key_of(engine, 1, before);
  SUCCEEDS(hostel_module_key(module, after, &error));
  CHECK(memcmp(before, after, sizeof before) == 0);
  CHECK_MODULE(module, 1, "artifact");
}

static void it_depends_on_no_key(const hostel_engine *engine) {
  hostel_buffer one = vouched_artifact(engine, 1), again = RUBBISH_BUFFER;
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_deserialize_vouched(engine, one.data, one.len, &module, &error));
  SUCCEEDS(hostel_module_serialize_vouched(module, &again, &error));
  CHECK(buffer_is(&again, one.data, one.len));
  hostel_module_free(module);
  hostel_buffer_free(&one);
  hostel_buffer_free(&again);
}

/* Bytes that begin with what a sealed one begins with are still not sealed, and the other way round. */
static void neither_kind_passes_for_the_other(const hostel_engine *engine) {
  hostel_buffer vouched = vouched_artifact(engine, 1), sealed = RUBBISH_BUFFER;
  hostel_module *module = load_numbered(engine, NULL, 1), *loaded = RUBBISH;
  SUCCEEDS(hostel_module_serialize(module, SEAL_KEY, &sealed, &error));
  hostel_module_free(module);
  REQUIRE(vouched.len > 12 && sealed.len > 12);
  FAILS(ARTIFACT_CORRUPT, "kind", hostel_module_deserialize(engine, vouched.data, vouched.len, SEAL_KEY, &loaded, &error));
  CHECK(loaded == NULL);
  FAILS(ARTIFACT_CORRUPT, "kind", hostel_module_deserialize_vouched(engine, sealed.data, sealed.len, &loaded, &error));
  CHECK(loaded == NULL);
  /* Each with the other's end. */
  uint8_t end[12];
  memcpy(end, sealed.data + sealed.len - 12, 12);
  memcpy(sealed.data + sealed.len - 12, vouched.data + vouched.len - 12, 12);
  memcpy(vouched.data + vouched.len - 12, end, 12);
  FAILS(ARTIFACT_CORRUPT, "", hostel_module_deserialize(engine, vouched.data, vouched.len, SEAL_KEY, &loaded, &error));
  FAILS(ARTIFACT_CORRUPT, "", hostel_module_deserialize_vouched(engine, sealed.data, sealed.len, &loaded, &error));
  CHECK(loaded == NULL);
  hostel_buffer_free(&vouched);
  hostel_buffer_free(&sealed);
}

/* What was taken for an artifact is called what it is. */
static void what_has_no_seal_is_called_that(const hostel_engine *engine) {
  hostel_buffer vouched = vouched_artifact(engine, 1), sealed = RUBBISH_BUFFER, wasm = RUBBISH_BUFFER;
  hostel_module *module = load_numbered(engine, NULL, 1), *loaded = RUBBISH;
  SUCCEEDS(hostel_module_serialize(module, SEAL_KEY, &sealed, &error));
  hostel_module_free(module);
  const char text[] = "  (module (memory 1) (func (export \"f\")))";
  SUCCEEDS(hostel_wat_to_wasm(text, strlen(text), &wasm, &error));
  const uint8_t component[] = {0, 'a', 's', 'm', 13, 0, 1, 0};
  const struct {
    const uint8_t *bytes;
    size_t len;
    const char *to_sealed, *to_vouched; /* what each of both functions says, "" if it takes it */
  } kinds[] = {
      {vouched.data, vouched.len, "without a seal", ""},
      {sealed.data, sealed.len, "", "is sealed"},
      {wasm.data, wasm.len, "a WebAssembly module, which has no seal", "a WebAssembly module, which has no seal"},
      {component, sizeof component, "which has no seal", "which has no seal"},
      {(const uint8_t *)text, strlen(text), "text format, which has no seal", "text format"},
      {sealed.data, sealed.len - 1, "cut off", "cut off"},
      {vouched.data, vouched.len - 1, "cut off", "cut off"},
      {wasm.data, wasm.len - 1, "cut off", "cut off"},
      {(const uint8_t *)"rubbish", 7, "none of hostel's", "none of hostel's"},
  };
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (kinds[i].to_sealed[0] != '\0') {
      FAILS(ARTIFACT_CORRUPT, kinds[i].to_sealed,
            hostel_module_deserialize(engine, kinds[i].bytes, kinds[i].len, SEAL_KEY, &loaded, &error));
    }
    if (kinds[i].to_vouched[0] != '\0') {
      FAILS(ARTIFACT_CORRUPT, kinds[i].to_vouched,
            hostel_module_deserialize_vouched(engine, kinds[i].bytes, kinds[i].len, &loaded, &error));
    }
  }
  hostel_buffer_free(&vouched);
  hostel_buffer_free(&sealed);
  hostel_buffer_free(&wasm);
}

static void no_cache_takes_one(const hostel_engine *engine) {
  const path directory = new_directory();
  hostel_cache *cache = directory_cache(directory.text, LARGE);
  hostel_buffer vouched = vouched_artifact(engine, 1);
  COMES_FROM("compiled", engine, cache, 1);
  write_file(entry_of(directory.text, engine, 1).text, vouched.data, vouched.len);
  COMES_FROM("compiled", engine, cache, 1);
  CHECK(statistics(cache).rejected == 1);
  hostel_buffer_free(&vouched);
  hostel_cache_free(cache);
  remove_all(directory.text);
}

/* These bytes, on the heap with nothing around them, are ARTIFACT_CORRUPT. */
static void refuses_bytes(const hostel_engine *engine, const uint8_t *bytes, size_t len) {
  hostel_module *module = RUBBISH;
  uint8_t *copy = malloc(len + (len == 0));
  REQUIRE(copy != NULL);
  memcpy(copy, bytes, len);
  FAILS(ARTIFACT_CORRUPT, "", hostel_module_deserialize_vouched(engine, copy, len, &module, &error));
  CHECK(module == NULL);
  free(copy);
}

static void damage_is_found(const hostel_engine *engine) {
  hostel_buffer artifact = vouched_artifact(engine, 1), wasm = numbered_wasm(1);
  uint64_t state = 0x2545f4914f6cdd1d;
  for (size_t i = 0; i < 300; i++) {
    const size_t tail = artifact.len < 200 ? artifact.len : 200;
    const size_t at = i % 2 == 0 ? random_below(&state, artifact.len) : artifact.len - 1 - random_below(&state, tail);
    artifact.data[at] ^= 4;
    refuses_bytes(engine, artifact.data, artifact.len);
    artifact.data[at] ^= 4;
    refuses_bytes(engine, artifact.data, random_below(&state, artifact.len));
  }
  for (size_t len = 0; len < 200 && len < artifact.len; len++) {
    refuses_bytes(engine, artifact.data + artifact.len - len, len);
  }
  refuses_bytes(engine, wasm.data, wasm.len);
  hostel_buffer_free(&artifact);
  hostel_buffer_free(&wasm);
}

static void no_other_engine_takes_it(const hostel_engine *engine) {
  hostel_buffer artifact = vouched_artifact(engine, 1);
  for (size_t i = 0; i < hostel_engine_count(); i++) {
    if (strcmp(hostel_engine_name_at(i), hostel_engine_name(engine)) == 0) {
      continue;
    }
    for (int headless = 0; headless < 2; headless++) {
      hostel_engine *other = engine_named(hostel_engine_name_at(i), headless);
      hostel_module *module = RUBBISH;
      FAILS(ARTIFACT_MISMATCH, "another engine",
            hostel_module_deserialize_vouched(other, artifact.data, artifact.len, &module, &error));
      CHECK(module == NULL);
      hostel_engine_free(other);
    }
  }
  hostel_buffer_free(&artifact);
}

static void it_is_held_to_the_limits_of_its_engine(const hostel_engine *engine) {
  hostel_buffer artifact = vouched_artifact(engine, 1);
  hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_MODULE_BYTES, 12);
  hostel_module *module = RUBBISH;
  FAILS(UNSUPPORTED_MODULE, "", hostel_module_deserialize_vouched(limited, artifact.data, artifact.len, &module, &error));
  CHECK(module == NULL);
  hostel_engine_free(limited);
  hostel_buffer_free(&artifact);
}

static void each_argument_is_checked(const hostel_engine *engine) {
  hostel_buffer artifact = RUBBISH_BUFFER;
  hostel_module *module = load_numbered(engine, NULL, 1), *loaded = RUBBISH;
  FAILS(INVALID_ARGUMENT, "module", hostel_module_serialize_vouched(NULL, &artifact, &error));
  CHECK(artifact.data == NULL && artifact.len == 0);
  FAILS(INVALID_ARGUMENT, "artifact_out", hostel_module_serialize_vouched(module, NULL, &error));
  FAILS(INVALID_ARGUMENT, "engine", hostel_module_deserialize_vouched(NULL, TEXT("x"), &loaded, &error));
  CHECK(loaded == NULL);
  FAILS(INVALID_ARGUMENT, "artifact", hostel_module_deserialize_vouched(engine, NULL, 8, &loaded, &error));
  FAILS(INVALID_ARGUMENT, "module_out", hostel_module_deserialize_vouched(engine, TEXT("x"), NULL, &error));
  FAILS(ARTIFACT_CORRUPT, "", hostel_module_deserialize_vouched(engine, NULL, 0, &loaded, &error));
  hostel_module_free(module);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_vouched_artifact_becomes_the_module_again),
      TEST(it_depends_on_no_key),
      TEST(neither_kind_passes_for_the_other),
      TEST(what_has_no_seal_is_called_that),
      TEST(no_cache_takes_one),
      TEST(damage_is_found),
      TEST(no_other_engine_takes_it),
      TEST(it_is_held_to_the_limits_of_its_engine),
      TEST(each_argument_is_checked),
  };
  return RUN_TESTS(argc, argv, tests);
}
