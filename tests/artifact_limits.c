/* artifact_limits.c: code is kept with the limits that are compiled into it, and is not taken for code with others. */
#include "check_cache.h"

/* Engines that differ in what is compiled into guests: bit 0 fuel, 1 deadline, 2 deterministic; and one with another cost. */
enum { KINDS = 9 };

static hostel_engine *engine_of_kind(const hostel_engine *engine, int kind) {
  hostel_engine_config *config = RUBBISH;
  hostel_engine *made = RUBBISH;
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  SUCCEEDS(hostel_engine_config_set_engine(config, hostel_engine_name(engine), &error));
  SUCCEEDS(hostel_engine_config_set_fuel(config, kind & 1, &error));
  SUCCEEDS(hostel_engine_config_set_deadline(config, kind & 2, &error));
  SUCCEEDS(hostel_engine_config_set_deterministic(config, kind & 4, &error));
  if (kind == 8) {
    SUCCEEDS(hostel_engine_config_set_fuel_cost(config, HOSTEL_FUEL_LOAD, 2, &error));
  }
  SUCCEEDS(hostel_engine_new(config, &made, &error));
  hostel_engine_config_free(config);
  return made;
}

static void code_with_other_limits_is_other_code(const hostel_engine *shared) {
  hostel_engine *engines[KINDS];
  hostel_buffer artifacts[KINDS];
  hostel_cache *cache = shared_cache(LARGE);
  for (int i = 0; i < KINDS; i++) {
    engines[i] = engine_of_kind(shared, i);
    hostel_module *module = load_numbered(engines[i], cache, 7);
    SUCCEEDS(hostel_module_serialize(module, SEAL_KEY, &artifacts[i], &error));
    CHECK_MODULE(module, 7, "compiled"); /* none of the others' */
  }
  for (int made = 0; made < KINDS; made++) {
    COMES_FROM("shared", engines[made], cache, 7);
    for (int loads = 0; loads < KINDS; loads++) {
      hostel_module *module = RUBBISH;
      const hostel_buffer *artifact = &artifacts[made];
      if (made == loads) {
        SUCCEEDS(hostel_module_deserialize(engines[loads], artifact->data, artifact->len, SEAL_KEY, &module, &error));
        CHECK_MODULE(module, 7, "artifact");
      } else {
        FAILS(ARTIFACT_MISMATCH, "",
              hostel_module_deserialize(engines[loads], artifact->data, artifact->len, SEAL_KEY, &module, &error));
        CHECK(module == NULL);
      }
    }
  }
  for (int i = 0; i < KINDS; i++) {
    hostel_buffer_free(&artifacts[i]);
    hostel_engine_free(engines[i]);
  }
  hostel_cache_free(cache);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(code_with_other_limits_is_other_code),
  };
  return RUN_TESTS(argc, argv, tests);
}
