/* artifact.c: compiled code as sealed bytes, which are believed only as they were made. */
#include "check_cache.h"

static hostel_buffer artifact_of(const hostel_engine *engine, unsigned number) {
  hostel_buffer artifact = RUBBISH_BUFFER;
  hostel_module *module = load_numbered(engine, NULL, number);
  SUCCEEDS(hostel_module_serialize(module, SEAL_KEY, &artifact, &error));
  hostel_module_free(module);
  return artifact;
}

static void an_artifact_becomes_the_module_again(const hostel_engine *engine) {
  hostel_buffer artifact = artifact_of(engine, 1);
  hostel_module *module = RUBBISH;
  uint8_t before[HOSTEL_KEY_BYTES], after[HOSTEL_KEY_BYTES];
  SUCCEEDS(hostel_module_deserialize(engine, artifact.data, artifact.len, SEAL_KEY, &module, &error));
  memset(artifact.data, 0xff, artifact.len);
  hostel_buffer_free(&artifact);
  key_of(engine, 1, before);
  SUCCEEDS(hostel_module_key(module, after, &error));
  CHECK(memcmp(before, after, sizeof before) == 0 && hostel_module_export_count(module) == 1);
  CHECK(strcmp(hostel_module_export_name(module, 0), "answer") == 0);
  CHECK(strcmp(hostel_module_origin(module), "compiled") != 0);
  CHECK_MODULE(module, 1, hostel_module_origin(module));
}

static void a_real_guest_survives_it(const hostel_engine *engine) {
  hostel_buffer artifact = RUBBISH_BUFFER;
  hostel_module *module = load_file(engine, "echo.wasm");
  SUCCEEDS(hostel_module_serialize(module, SEAL_KEY, &artifact, &error));
  hostel_module_free(module);
  SUCCEEDS(hostel_module_deserialize(engine, artifact.data, artifact.len, SEAL_KEY, &module, &error));
  hostel_buffer_free(&artifact);
  hostel_guest *guest = link_guest(module, NULL);
  ANSWERS("ba", hostel_guest_call(guest, "reverse", TEXT("ab"), NULL, &output, &error));
  REFUSES(GUEST_ERROR, "no", hostel_guest_call(guest, "fail", TEXT("no"), NULL, &output, &error));
  REFUSES(TRAP, "", hostel_guest_call(guest, "panic", NOTHING, NULL, &output, &error));
  REFUSES(STACK_OVERFLOW, "", hostel_guest_call(guest, "recurse", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void what_was_loaded_can_be_sealed_again(const hostel_engine *engine) {
  hostel_buffer artifact = artifact_of(engine, 1), again = RUBBISH_BUFFER;
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_deserialize(engine, artifact.data, artifact.len, SEAL_KEY, &module, &error));
  SUCCEEDS(hostel_module_serialize(module, OTHER_KEY, &again, &error));
  hostel_module_free(module);
  SUCCEEDS(hostel_module_deserialize(engine, again.data, again.len, OTHER_KEY, &module, &error));
  CHECK_MODULE(module, 1, hostel_module_origin(module));
  hostel_buffer_free(&artifact);
  hostel_buffer_free(&again);
}

/* These bytes, on the heap with nothing around them, are ARTIFACT_CORRUPT. */
static void refuses_bytes(const hostel_engine *engine, const uint8_t *bytes, size_t len) {
  hostel_module *module = RUBBISH;
  uint8_t *copy = malloc(len + (len == 0));
  REQUIRE(copy != NULL);
  memcpy(copy, bytes, len);
  FAILS(ARTIFACT_CORRUPT, "", hostel_module_deserialize(engine, copy, len, SEAL_KEY, &module, &error));
  CHECK(module == NULL);
  free(copy);
}

static void a_truncated_artifact_is_corrupt(const hostel_engine *engine) {
  hostel_buffer artifact = artifact_of(engine, 1);
  uint64_t state = 0x9e3779b97f4a7c15;
  for (size_t cut = 1; cut <= 200 && cut <= artifact.len; cut++) {
    refuses_bytes(engine, artifact.data, artifact.len - cut);
    refuses_bytes(engine, artifact.data + cut, artifact.len - cut);
  }
  for (int i = 0; i < 1000; i++) {
    refuses_bytes(engine, artifact.data, random_below(&state, artifact.len));
  }
  for (size_t len = 0; len < 32; len++) {
    refuses_bytes(engine, artifact.data, len);
    refuses_bytes(engine, artifact.data + artifact.len - len, len);
  }
  hostel_buffer_free(&artifact);
}

static void an_artifact_with_a_flipped_bit_is_corrupt(const hostel_engine *engine) {
  hostel_buffer artifact = artifact_of(engine, 1);
  uint64_t state = 0x2545f4914f6cdd1d;
  for (size_t i = 0; i < 1000; i++) {
    /* Half of them at the end, where lengths, hashes and the seal are. */
    const size_t tail = artifact.len < 200 ? artifact.len : 200;
    const size_t at = i % 2 == 0 ? random_below(&state, artifact.len) : artifact.len - 1 - random_below(&state, tail);
    const uint8_t bit = (uint8_t)(1 << random_below(&state, 8));
    artifact.data[at] ^= bit;
    refuses_bytes(engine, artifact.data, artifact.len);
    artifact.data[at] ^= bit;
  }
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_deserialize(engine, artifact.data, artifact.len, SEAL_KEY, &module, &error));
  CHECK_MODULE(module, 1, hostel_module_origin(module));
  hostel_buffer_free(&artifact);
}

static void an_artifact_with_any_bit_of_its_trailer_flipped_is_corrupt(const hostel_engine *engine) {
  hostel_buffer artifact = artifact_of(engine, 1);
  for (size_t bit = 0; bit < 8 * 200 && bit < 8 * artifact.len; bit++) {
    uint8_t *byte = artifact.data + artifact.len - 1 - bit / 8;
    *byte ^= (uint8_t)(1 << bit % 8);
    refuses_bytes(engine, artifact.data, artifact.len);
    *byte ^= (uint8_t)(1 << bit % 8);
  }
  hostel_buffer_free(&artifact);
}

static void bytes_before_or_behind_an_artifact_make_it_corrupt(const hostel_engine *engine) {
  hostel_buffer artifact = artifact_of(engine, 1);
  uint8_t *longer = malloc(2 * artifact.len + 1);
  REQUIRE(longer != NULL);
  memset(longer, 0, artifact.len + 1);
  memcpy(longer, artifact.data, artifact.len);
  refuses_bytes(engine, longer, artifact.len + 1);
  longer[0] = 0;
  memcpy(longer + 1, artifact.data, artifact.len);
  refuses_bytes(engine, longer, artifact.len + 1);
  memcpy(longer, artifact.data, artifact.len);
  memcpy(longer + artifact.len, artifact.data, artifact.len);
  refuses_bytes(engine, longer, 2 * artifact.len);
  free(longer);
  hostel_buffer_free(&artifact);
}

static void the_halves_of_two_artifacts_are_none(const hostel_engine *engine) {
  hostel_buffer one = artifact_of(engine, 1), two = artifact_of(engine, 2);
  if (one.len == two.len) {
    memcpy(one.data, two.data, one.len / 2);
    refuses_bytes(engine, one.data, one.len);
  }
  hostel_buffer_free(&one);
  hostel_buffer_free(&two);
}

static void bytes_that_are_no_artifact_are_corrupt(const hostel_engine *engine) {
  hostel_buffer wasm = numbered_wasm(1);
  uint8_t rubbish[4096];
  uint64_t state = 88172645463325252;
  refuses_bytes(engine, wasm.data, wasm.len);
  for (int i = 0; i < 100; i++) {
    for (size_t at = 0; at < sizeof rubbish; at++) {
      rubbish[at] = (uint8_t)random_below(&state, 256);
    }
    refuses_bytes(engine, rubbish, random_below(&state, sizeof rubbish));
  }
  hostel_module *module = RUBBISH;
  FAILS(ARTIFACT_CORRUPT, "", hostel_module_deserialize(engine, NULL, 0, SEAL_KEY, &module, &error));
  CHECK(module == NULL);
  hostel_buffer_free(&wasm);
}

static void with_another_key_it_is_corrupt(const hostel_engine *engine) {
  hostel_buffer artifact = artifact_of(engine, 1);
  hostel_module *module = RUBBISH;
  FAILS(ARTIFACT_CORRUPT, "key", hostel_module_deserialize(engine, artifact.data, artifact.len, OTHER_KEY, &module, &error));
  CHECK(module == NULL);
  hostel_buffer_free(&artifact);
}

static void no_other_engine_takes_it(const hostel_engine *engine) {
  hostel_buffer artifact = artifact_of(engine, 1);
  for (size_t i = 0; i < hostel_engine_count(); i++) {
    if (strcmp(hostel_engine_name_at(i), hostel_engine_name(engine)) == 0) {
      continue;
    }
    for (int headless = 0; headless < 2; headless++) {
      hostel_engine *other = engine_named(hostel_engine_name_at(i), headless);
      hostel_module *module = RUBBISH;
      FAILS(ARTIFACT_MISMATCH, "another engine",
            hostel_module_deserialize(other, artifact.data, artifact.len, SEAL_KEY, &module, &error));
      CHECK(module == NULL);
      hostel_engine_free(other);
    }
  }
  hostel_buffer_free(&artifact);
}

static void a_loaded_module_is_held_to_the_limits_of_its_engine(const hostel_engine *engine) {
  hostel_buffer artifact = artifact_of(engine, 1);
  hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_MODULE_BYTES, 12);
  hostel_module *module = RUBBISH;
  FAILS(UNSUPPORTED_MODULE, "", hostel_module_deserialize(limited, artifact.data, artifact.len, SEAL_KEY, &module, &error));
  CHECK(module == NULL);
  hostel_engine_free(limited);
  hostel_buffer_free(&artifact);
}

static void it_outlives_the_module_and_its_engine(const hostel_engine *engine) {
  hostel_engine *own = limited_engine(engine, HOSTEL_LIMIT_DEPTH, 4);
  hostel_buffer artifact = artifact_of(own, 1);
  hostel_module *module = RUBBISH;
  hostel_engine_free(own);
  own = limited_engine(engine, HOSTEL_LIMIT_DEPTH, 4);
  SUCCEEDS(hostel_module_deserialize(own, artifact.data, artifact.len, SEAL_KEY, &module, &error));
  hostel_engine_free(own);
  CHECK_MODULE(module, 1, hostel_module_origin(module));
  hostel_buffer_free(&artifact);
}

static void a_key_has_32_bytes(const hostel_engine *engine) {
  static const size_t lengths[] = {1, 16, 31, 33, 64};
  static const uint8_t key[64] = {1};
  hostel_buffer artifact = artifact_of(engine, 1), sealed = RUBBISH_BUFFER;
  hostel_module *module = load_numbered(engine, NULL, 1), *loaded = RUBBISH;
  for (size_t i = 0; i < 5; i++) {
    const size_t len = lengths[i];
    FAILS(INVALID_ARGUMENT, "key", hostel_module_serialize(module, key, len, &sealed, &error));
    CHECK(sealed.data == NULL && sealed.len == 0);
    FAILS(INVALID_ARGUMENT, "key", hostel_module_deserialize(engine, artifact.data, artifact.len, key, len, &loaded, &error));
    CHECK(loaded == NULL);
  }
  hostel_module_free(module);
  hostel_buffer_free(&artifact);
}

static void sealing_checks_each_argument(const hostel_engine *engine) {
  hostel_buffer artifact = RUBBISH_BUFFER;
  hostel_module *module = load_numbered(engine, NULL, 1);
  FAILS(INVALID_ARGUMENT, "module", hostel_module_serialize(NULL, SEAL_KEY, &artifact, &error));
  CHECK(artifact.data == NULL && artifact.len == 0);
  FAILS(INVALID_ARGUMENT, "key", hostel_module_serialize(module, NULL, 32, &artifact, &error));
  FAILS(INVALID_ARGUMENT, "artifact_out", hostel_module_serialize(module, SEAL_KEY, NULL, &error));
  hostel_module_free(module);
}

static void loading_checks_each_argument(const hostel_engine *engine) {
  hostel_module *module = RUBBISH;
  FAILS(INVALID_ARGUMENT, "engine", hostel_module_deserialize(NULL, TEXT("x"), SEAL_KEY, &module, &error));
  CHECK(module == NULL);
  FAILS(INVALID_ARGUMENT, "artifact", hostel_module_deserialize(engine, NULL, 8, SEAL_KEY, &module, &error));
  FAILS(INVALID_ARGUMENT, "key", hostel_module_deserialize(engine, TEXT("x"), NULL, 32, &module, &error));
  FAILS(INVALID_ARGUMENT, "module_out", hostel_module_deserialize(engine, TEXT("x"), SEAL_KEY, NULL, &error));
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(an_artifact_becomes_the_module_again),
      TEST(a_real_guest_survives_it),
      TEST(what_was_loaded_can_be_sealed_again),
      TEST(a_truncated_artifact_is_corrupt),
      TEST(an_artifact_with_a_flipped_bit_is_corrupt),
      TEST(an_artifact_with_any_bit_of_its_trailer_flipped_is_corrupt),
      TEST(bytes_before_or_behind_an_artifact_make_it_corrupt),
      TEST(the_halves_of_two_artifacts_are_none),
      TEST(bytes_that_are_no_artifact_are_corrupt),
      TEST(with_another_key_it_is_corrupt),
      TEST(no_other_engine_takes_it),
      TEST(a_loaded_module_is_held_to_the_limits_of_its_engine),
      TEST(it_outlives_the_module_and_its_engine),
      TEST(a_key_has_32_bytes),
      TEST(sealing_checks_each_argument),
      TEST(loading_checks_each_argument),
  };
  return RUN_TESTS(argc, argv, tests);
}
