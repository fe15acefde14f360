/* portable.c: code for all but old processors of an architecture, for machines that share it. */
#include "check_cache.h"

static hostel_engine *engine_for(const hostel_engine *engine, bool portable) {
  hostel_engine_config *config = RUBBISH;
  hostel_engine *made = RUBBISH;
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  SUCCEEDS(hostel_engine_config_set_engine(config, hostel_engine_name(engine), &error));
  SUCCEEDS(hostel_engine_config_set_portable(config, portable, &error));
  SUCCEEDS(hostel_engine_new(config, &made, &error));
  hostel_engine_config_free(config);
  return made;
}

/* Whether code for this processor is other code than that for all of them. */
static bool code_differs(const hostel_engine *engine) {
#if defined(__x86_64__)
  return engine_row_has(engine, "\"machine-code\"") && (__builtin_cpu_supports("avx") || __builtin_cpu_supports("bmi"));
#else
  (void)engine;
  return false; /* no engine here uses more of another processor than all of its kind have */
#endif
}

/* Counting bits and rounding, with and without vectors: what old processors need more than one instruction for. */
static const char text[] =
    "(module"
    " (func (export \"bits\") (param i64) (result i64) (i64.add (i64.popcnt (local.get 0))"
    "   (i64.add (i64.clz (local.get 0)) (i64.ctz (local.get 0)))))"
    " (func (export \"round\") (param i64) (result i64) (i64.reinterpret_f64 (f64.nearest (f64.reinterpret_i64 (local.get 0)))))"
    " (func (export \"shuffle\") (param i64) (result i64) (i64x2.extract_lane 1 (i8x16.swizzle (i64x2.splat (local.get 0))"
    "   (v128.const i8x16 7 6 5 4 3 2 1 0 16 0 8 1 9 2 99 3))))"
    " (func (export \"round vector\") (param i64) (result i64) (i64x2.extract_lane 1"
    "   (f64x2.floor (f64x2.div (f64x2.convert_low_i32x4_s (i64x2.splat (local.get 0))) (v128.const f64x2 7 7)))))"
    " (func (export \"truncate\") (param i64) (result i64) (i64x2.extract_lane 0"
    "   (i32x4.trunc_sat_f32x4_u (f32x4.mul (f32x4.convert_i32x4_u (i64x2.splat (local.get 0))) (v128.const f32x4 3 3 3 3))))))";

static void results_are_the_same(const hostel_engine *shared) {
  static const struct {
    const char *name;
    uint64_t value, expected;
  } calls[] = {
      {"bits", 0x00f0000000001000, 5 + 8 + 12},
      {"bits", 0, 128},
      {"round", 0x4004000000000000 /* 2.5 */, 0x4000000000000000},
      {"round", 0xbfe0000000000000 /* -0.5 */, 0x8000000000000000},
      {"shuffle", 0x8877665544332211, 0x4400332222111100},
      {"round vector", 0xffffffff00000016 /* 22, -1 */, 0xbff0000000000000 /* -1 */},
      {"truncate", 0x7000000000000005, 0xffffffff0000000f},
  };
  for (int portable = 0; portable < 2; portable++) {
    hostel_engine *engine = engine_for(shared, portable);
    hostel_guest *guest = open_text(engine, text);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
      uint64_t value = calls[i].value;
      SUCCEEDS(hostel_guest_call_values(guest, calls[i].name, &value, 1, NULL, &error));
      if (value != calls[i].expected) {
        fprintf(stderr, "%s of %llx is %llx\n", calls[i].name, (unsigned long long)calls[i].value, (unsigned long long)value);
        failures++;
      }
    }
    hostel_guest_free(guest);
    hostel_engine_free(engine);
  }
}

static void code_for_one_processor_is_not_taken_for_code_for_all(const hostel_engine *shared) {
  hostel_engine *engines[2];
  hostel_buffer artifacts[2];
  for (int portable = 0; portable < 2; portable++) {
    engines[portable] = engine_for(shared, portable);
    hostel_module *module = load_numbered(engines[portable], NULL, 7);
    SUCCEEDS(hostel_module_serialize(module, SEAL_KEY, &artifacts[portable], &error));
    hostel_module_free(module);
  }
  for (int made = 0; made < 2; made++) {
    for (int loads = 0; loads < 2; loads++) {
      hostel_module *module = RUBBISH;
      const hostel_buffer *artifact = &artifacts[made];
      if (made != loads && code_differs(shared)) {
        FAILS(ARTIFACT_MISMATCH, "",
              hostel_module_deserialize(engines[loads], artifact->data, artifact->len, SEAL_KEY, &module, &error));
        CHECK(module == NULL);
      } else {
        SUCCEEDS(hostel_module_deserialize(engines[loads], artifact->data, artifact->len, SEAL_KEY, &module, &error));
        CHECK_MODULE(module, 7, "artifact");
      }
    }
  }
  for (int portable = 0; portable < 2; portable++) {
    hostel_buffer_free(&artifacts[portable]);
    hostel_engine_free(engines[portable]);
  }
}

static void an_engine_is_for_its_own_processor_unless_told(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  hostel_engine *engines[] = {engine_for(engine, false), engine_for(engine, true)};
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("shared", engines[0], cache, 1);
  COMES_FROM(code_differs(engine) ? "compiled" : "shared", engines[1], cache, 1);
  COMES_FROM("shared", engines[1], cache, 1);
  for (int i = 0; i < 2; i++) {
    hostel_engine_free(engines[i]);
  }
  hostel_cache_free(cache);
}

static void a_configuration_must_not_be_null(const hostel_engine *engine) {
  (void)engine;
  FAILS(INVALID_ARGUMENT, "config", hostel_engine_config_set_portable(NULL, true, &error));
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(results_are_the_same),
      TEST(code_for_one_processor_is_not_taken_for_code_for_all),
      TEST(an_engine_is_for_its_own_processor_unless_told),
      TEST(a_configuration_must_not_be_null),
  };
  return RUN_TESTS(argc, argv, tests);
}
