/* engine.c: what compiles and runs guests, and what guests are allowed. */
#include "check.h"

static const struct {
  hostel_limit limit;
  uint64_t standard, max;
  bool per_call;
} limits[] = {
    {HOSTEL_LIMIT_MODULE_BYTES, 64u << 20, 1u << 30, false},
    {HOSTEL_LIMIT_FUNCTIONS, 100000, 1000000, false},
    {HOSTEL_LIMIT_FUNCTION_BYTES, 8u << 20, 8u << 20, false},
    {HOSTEL_LIMIT_MEMORY_BYTES, 256u << 20, UINT64_C(4) << 30, true},
    {HOSTEL_LIMIT_TABLE_ELEMENTS, 1u << 20, 10000000, false},
    {HOSTEL_LIMIT_OUTPUT_BYTES, 256u << 20, UINT64_C(4) << 30, true},
    {HOSTEL_LIMIT_STACK_BYTES, 1u << 20, 64u << 20, false},
    {HOSTEL_LIMIT_DEPTH, 16, 256, false},
    {HOSTEL_LIMIT_START_MS, 1000, 3600000, false},
    {HOSTEL_LIMIT_COMPILE_MS, 60000, 86400000, false},
};
#define LIMITS (sizeof limits / sizeof limits[0])
static const hostel_limit no_limits[] = {0, 11, -1, 12345, INT32_MAX, INT32_MIN};
#define NO_LIMITS (sizeof no_limits / sizeof no_limits[0])

static hostel_engine_config *new_config(void) {
  hostel_engine_config *config = RUBBISH;
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  return config;
}

static void the_engines_of_the_build_have_names(const hostel_engine *engine) {
  const size_t count = hostel_engine_count();
  for (size_t tier = 0; hostel_engine_tier_at(engine, tier) != NULL; tier++) {
    bool found = false;
    for (size_t i = 0; i < count; i++) {
      REQUIRE(hostel_engine_name_at(i) != NULL);
      found |= strcmp(hostel_engine_name_at(i), hostel_engine_tier_at(engine, tier)) == 0;
    }
    CHECK(found);
  }
  CHECK(hostel_engine_name_at(count) == NULL);
  CHECK(hostel_engine_name_at(SIZE_MAX) == NULL);
}

static void the_table_of_engines_lists_this_one_as_built(const hostel_engine *engine) {
  hostel_buffer json = RUBBISH_BUFFER;
  SUCCEEDS(hostel_engines_json(&json, &error));
  char *text = calloc(json.len + 1, 1), row[64];
  REQUIRE(text != NULL);
  memcpy(text, json.data, json.len);
  snprintf(row, sizeof row, "\"name\": \"%s\"", best_tier(engine));
  CHECK(text[0] == '[' && strstr(text, row) != NULL);
  CHECK(strstr(text, "\"lacks\"") != NULL && strstr(text, "\"default\": true") != NULL);
  free(text);
  hostel_buffer_free(&json);
}

static void outputs_must_not_be_null(const hostel_engine *engine) {
  (void)engine;
  FAILS(INVALID_ARGUMENT, "json_out", hostel_engines_json(NULL, &error));
  FAILS(INVALID_ARGUMENT, "json_out", hostel_engine_json(engine, NULL, &error));
  FAILS(INVALID_ARGUMENT, "value_out", hostel_limit_default(HOSTEL_LIMIT_DEPTH, NULL, &error));
  FAILS(INVALID_ARGUMENT, "config_out", hostel_engine_config_new(NULL, &error));
  FAILS(INVALID_ARGUMENT, "engine_out", hostel_engine_new(NULL, NULL, &error));
}

static void a_configuration_must_not_be_null(const hostel_engine *engine) {
  (void)engine;
  FAILS(INVALID_ARGUMENT, "config", hostel_engine_config_set_engine(NULL, "wasmi", &error));
  FAILS(INVALID_ARGUMENT, "config", hostel_engine_config_set_limit(NULL, HOSTEL_LIMIT_DEPTH, 1, &error));
}

static void an_engines_name_must_be_text(const hostel_engine *engine) {
  (void)engine;
  hostel_engine_config *config = new_config();
  FAILS(INVALID_ARGUMENT, "name", hostel_engine_config_set_engine(config, NULL, &error));
  FAILS(INVALID_ARGUMENT, "name", hostel_engine_config_set_engine(config, "\xff\xfe", &error));
  hostel_engine_config_free(config);
}

static void an_engine_that_is_none_is_found_out_when_it_is_made(const hostel_engine *engine) {
  (void)engine;
  const char *names[] = {"steam", "", "Cranelift", "wasmi ", "größe"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    hostel_engine_config *config = new_config();
    hostel_engine *made = RUBBISH;
    SUCCEEDS(hostel_engine_config_set_engine(config, names[i], &error));
    FAILS(UNSUPPORTED_ENGINE, names[i], hostel_engine_new(config, &made, &error));
    CHECK(made == NULL);
    hostel_engine_config_free(config);
  }
}

static void no_configuration_is_the_default_engine(const hostel_engine *engine) {
  (void)engine;
  hostel_engine *made = RUBBISH;
  SUCCEEDS(hostel_engine_new(NULL, &made, &error));
  CHECK(strcmp(hostel_engine_name(made), "cranelift") == 0);
  hostel_engine_free(made);
}

static void no_engine_has_no_name(const hostel_engine *engine) {
  (void)engine;
  CHECK(hostel_engine_name(NULL) == NULL);
}

static void freeing_null_does_nothing(const hostel_engine *engine) {
  (void)engine;
  hostel_engine_config_free(NULL);
  hostel_engine_free(NULL);
}

static void limits_have_the_documented_defaults(const hostel_engine *engine) {
  (void)engine;
  for (size_t i = 0; i < LIMITS; i++) {
    uint64_t value = UINT64_C(0x5a5a5a5a5a);
    SUCCEEDS(hostel_limit_default(limits[i].limit, &value, &error));
    CHECK(value == limits[i].standard);
  }
}

static void a_number_that_is_no_limit_is_refused(const hostel_engine *engine) {
  (void)engine;
  hostel_engine_config *config = new_config();
  for (size_t i = 0; i < NO_LIMITS; i++) {
    uint64_t value = 77;
    FAILS(INVALID_ARGUMENT, "limit", hostel_limit_default(no_limits[i], &value, &error));
    CHECK(value == 0);
    FAILS(INVALID_ARGUMENT, "limit", hostel_engine_config_set_limit(config, no_limits[i], 1, &error));
  }
  hostel_engine_config_free(config);
}

static void limits_have_the_documented_bounds(const hostel_engine *engine) {
  hostel_engine_config *config = new_config();
  hostel_engine *made = RUBBISH;
  for (size_t i = 0; i < LIMITS; i++) {
    SUCCEEDS(hostel_engine_config_set_limit(config, limits[i].limit, 1, &error));
    SUCCEEDS(hostel_engine_config_set_limit(config, limits[i].limit, limits[i].max, &error));
    FAILS(INVALID_ARGUMENT, "value", hostel_engine_config_set_limit(config, limits[i].limit, 0, &error));
    FAILS(INVALID_ARGUMENT, "value", hostel_engine_config_set_limit(config, limits[i].limit, limits[i].max + 1, &error));
    FAILS(INVALID_ARGUMENT, "value", hostel_engine_config_set_limit(config, limits[i].limit, UINT64_MAX, &error));
  }
  /* With everything at its highest a guest still runs. */
  SUCCEEDS(hostel_engine_config_set_engine(config, hostel_engine_name(engine), &error));
  SUCCEEDS(hostel_engine_new(config, &made, &error));
  hostel_engine_config_free(config);
  hostel_guest *guest = open_file(made, "echo.wasm");
  ANSWERS("hi", hostel_guest_call(guest, "echo", TEXT("hi"), NULL, &output, &error));
  hostel_guest_free(guest);
  hostel_engine_free(made);
}

static void a_configuration_is_copied(const hostel_engine *engine) {
  hostel_engine_config *config = new_config();
  hostel_engine *first = RUBBISH;
  char name[32];
  snprintf(name, sizeof name, "%s", hostel_engine_name(engine));
  SUCCEEDS(hostel_engine_config_set_engine(config, name, &error));
  memset(name, 'x', sizeof name - 1); /* so is the name in it */
  SUCCEEDS(hostel_engine_new(config, &first, &error));
  SUCCEEDS(hostel_engine_config_set_limit(config, HOSTEL_LIMIT_MODULE_BYTES, 1, &error));
  hostel_engine_config_free(config);
  hostel_module_free(load_file(first, "echo.wasm"));
  hostel_engine_free(first);
}

static void many_engines_live_side_by_side(const hostel_engine *engine) {
  hostel_engine *engines[20];
  hostel_guest *guests[20];
  for (size_t i = 0; i < 20; i++) {
    engines[i] = limited_engine(engine, HOSTEL_LIMIT_DEPTH, i + 1);
    guests[i] = open_file(engines[i], "initialize.wat");
  }
  for (size_t i = 0; i < 20; i++) {
    hostel_engine_free(engines[i]);
    ANSWERS("\1\0\0\0", hostel_guest_call(guests[i], "f", NOTHING, NULL, &output, &error));
    hostel_guest_free(guests[i]);
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(the_engines_of_the_build_have_names),
      TEST(the_table_of_engines_lists_this_one_as_built),
      TEST(outputs_must_not_be_null),
      TEST(a_configuration_must_not_be_null),
      TEST(an_engines_name_must_be_text),
      TEST(an_engine_that_is_none_is_found_out_when_it_is_made),
      TEST(no_configuration_is_the_default_engine),
      TEST(no_engine_has_no_name),
      TEST(freeing_null_does_nothing),
      TEST(limits_have_the_documented_defaults),
      TEST(a_number_that_is_no_limit_is_refused),
      TEST(limits_have_the_documented_bounds),
      TEST(a_configuration_is_copied),
      TEST(many_engines_live_side_by_side),
  };
  return RUN_TESTS(argc, argv, tests);
}
