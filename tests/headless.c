/* headless.c: engines that load what was compiled before, and compile nothing. */
#include "check_cache.h"

static hostel_engine *headless_like(const hostel_engine *engine) { return engine_named(hostel_engine_name(engine), true); }

/* Module `number` cannot be had from its bytes, through this cache or none. */
static void is_not_cached(const hostel_engine *headless, const hostel_cache *cache, unsigned number) {
  hostel_buffer wasm = numbered_wasm(number);
  hostel_module *module = RUBBISH;
  FAILS(NOT_CACHED, "headless", hostel_module_load(headless, cache, wasm.data, wasm.len, NULL, &module, &error));
  CHECK(module == NULL);
  hostel_buffer_free(&wasm);
}

static void it_has_the_name_of_its_kind(const hostel_engine *engine) {
  hostel_engine *headless = headless_like(engine);
  CHECK(strcmp(hostel_engine_name(headless), hostel_engine_name(engine)) == 0);
  hostel_engine_free(headless);
}

static void it_compiles_nothing(const hostel_engine *engine) {
  hostel_engine *headless = headless_like(engine);
  hostel_cache *cache = shared_cache(LARGE);
  hostel_module *module = RUBBISH;
  is_not_cached(headless, NULL, 1);
  is_not_cached(headless, cache, 1);
  FAILS(NOT_CACHED, "", hostel_module_load_wat(headless, NULL, "(module)", 8, NULL, &module, &error));
  CHECK(module == NULL);
  FAILS(NOT_CACHED, "", hostel_module_load_file(headless, cache, guest_path("echo.wasm"), NULL, &module, &error));
  CHECK(statistics(cache).compiles == 0 && statistics(cache).entries == 0);
  hostel_cache_free(cache);
  hostel_engine_free(headless);
}

static void it_does_not_look_at_bytes_that_it_would_not_compile(const hostel_engine *engine) {
  hostel_engine *headless = headless_like(engine);
  hostel_module *module = RUBBISH;
  FAILS(NOT_CACHED, "", hostel_module_load(headless, NULL, TEXT("nope"), NULL, &module, &error));
  CHECK(module == NULL);
  hostel_engine_free(headless);
}

static void it_takes_what_another_compiled_into_the_cache(const hostel_engine *engine) {
  hostel_engine *headless = headless_like(engine);
  hostel_cache *cache = shared_cache(LARGE);
  hostel_module *module = RUBBISH;
  uint8_t key[HOSTEL_KEY_BYTES];
  key_of(engine, 1, key);
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("shared", headless, cache, 1);
  SUCCEEDS(hostel_module_load_key(headless, cache, key, &module, &error));
  CHECK_MODULE(module, 1, "shared");
  is_not_cached(headless, cache, 2);
  hostel_cache_free(cache);
  hostel_engine_free(headless);
}

static void it_starts_with_a_warm_directory_and_an_alias_alone(const hostel_engine *engine) {
  static const uint8_t alias[HOSTEL_KEY_BYTES] = "what the host knows it by";
  const path directory = new_directory();
  hostel_cache *cache = directory_cache(directory.text, LARGE);
  hostel_load_options *options = new_load_options();
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_load_options_set_alias(options, alias, &error));
  SUCCEEDS(hostel_module_load_file(engine, cache, guest_path("echo.wasm"), options, &module, &error));
  hostel_module_free(module);
  hostel_cache_free(cache);
  hostel_load_options_free(options);
  hostel_engine *headless = headless_like(engine);
  cache = directory_cache(directory.text, LARGE);
  SUCCEEDS(hostel_module_load_alias(headless, cache, alias, &module, &error));
  CHECK(strcmp(hostel_module_origin(module), "directory") == 0);
  hostel_engine_free(headless);
  hostel_cache_free(cache);
  hostel_guest *guest = link_guest(module, NULL);
  ANSWERS("ba", hostel_guest_call(guest, "reverse", TEXT("ab"), NULL, &output, &error));
  REFUSES(TRAP, "", hostel_guest_call(guest, "panic", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
  remove_all(directory.text);
}

static void it_loads_artifacts(const hostel_engine *engine) {
  hostel_engine *headless = headless_like(engine);
  hostel_buffer sealed = RUBBISH_BUFFER, vouched = RUBBISH_BUFFER;
  hostel_module *module = load_numbered(engine, NULL, 1);
  SUCCEEDS(hostel_module_serialize(module, SEAL_KEY, &sealed, &error));
  SUCCEEDS(hostel_module_serialize_vouched(module, &vouched, &error));
  hostel_module_free(module);
  SUCCEEDS(hostel_module_deserialize(headless, sealed.data, sealed.len, SEAL_KEY, &module, &error));
  CHECK_MODULE(module, 1, "artifact");
  SUCCEEDS(hostel_module_deserialize_vouched(headless, vouched.data, vouched.len, &module, &error));
  CHECK_MODULE(module, 1, "artifact");
  hostel_buffer_free(&sealed);
  hostel_buffer_free(&vouched);
  hostel_engine_free(headless);
}

static void what_it_loaded_an_engine_that_compiles_can_use(const hostel_engine *engine) {
  hostel_engine *headless = headless_like(engine);
  hostel_cache *cache = shared_cache(LARGE);
  hostel_buffer artifact = RUBBISH_BUFFER;
  COMES_FROM("compiled", engine, cache, 1);
  hostel_module *module = load_numbered(headless, cache, 1);
  SUCCEEDS(hostel_module_serialize(module, SEAL_KEY, &artifact, &error));
  hostel_module_free(module);
  SUCCEEDS(hostel_module_deserialize(engine, artifact.data, artifact.len, SEAL_KEY, &module, &error));
  CHECK_MODULE(module, 1, "artifact");
  hostel_buffer_free(&artifact);
  hostel_cache_free(cache);
  hostel_engine_free(headless);
}

static void that_it_had_to_refuse_is_not_remembered(const hostel_engine *engine) {
  hostel_engine *headless = headless_like(engine);
  hostel_cache *cache = shared_cache(LARGE);
  is_not_cached(headless, cache, 1);
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("shared", headless, cache, 1);
  hostel_cache_free(cache);
  hostel_engine_free(headless);
}

static void a_failure_of_another_engine_is_none_of_its_own(const hostel_engine *engine) {
  hostel_engine *headless = headless_like(engine);
  hostel_cache *cache = shared_cache(LARGE);
  hostel_module *module = RUBBISH;
  FAILS(INVALID_MODULE, "", hostel_module_load(engine, cache, TEXT("nope"), NULL, &module, &error));
  FAILS(NOT_CACHED, "", hostel_module_load(headless, cache, TEXT("nope"), NULL, &module, &error));
  FAILS(INVALID_MODULE, "", hostel_module_load(engine, cache, TEXT("nope"), NULL, &module, &error));
  CHECK(module == NULL);
  hostel_cache_free(cache);
  hostel_engine_free(headless);
}

static void it_holds_modules_to_its_own_limits(const hostel_engine *engine) {
  hostel_engine_config *config = RUBBISH;
  hostel_engine *headless = RUBBISH;
  hostel_cache *cache = shared_cache(LARGE);
  hostel_buffer wasm = numbered_wasm(1);
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  SUCCEEDS(hostel_engine_config_set_engine(config, hostel_engine_name(engine), &error));
  SUCCEEDS(hostel_engine_config_set_limit(config, HOSTEL_LIMIT_MODULE_BYTES, 12, &error));
  SUCCEEDS(hostel_engine_config_set_headless(config, true, &error));
  SUCCEEDS(hostel_engine_new(config, &headless, &error));
  hostel_engine_config_free(config);
  COMES_FROM("compiled", engine, cache, 1);
  FAILS(UNSUPPORTED_MODULE, "", hostel_module_load(headless, cache, wasm.data, wasm.len, NULL, &module, &error));
  CHECK(module == NULL);
  hostel_buffer_free(&wasm);
  hostel_cache_free(cache);
  hostel_engine_free(headless);
}

static hostel_status must_not_be_called(void *user_data, const char *phase, uint64_t done, uint64_t total) {
  (void)phase, (void)done, (void)total;
  ++*(unsigned *)user_data;
  return HOSTEL_STATUS_OK;
}

static void it_tells_no_progress(const hostel_engine *engine) {
  unsigned calls = 0;
  hostel_engine *headless = headless_like(engine);
  hostel_load_options *options = new_load_options();
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_load_options_set_progress(options, must_not_be_called, &calls, &error));
  FAILS(NOT_CACHED, "", hostel_module_load_wat(headless, NULL, "(module)", 8, options, &module, &error));
  CHECK(calls == 0);
  hostel_load_options_free(options);
  hostel_engine_free(headless);
}

static void settings_change_their_mind(const hostel_engine *engine) {
  hostel_engine *compiling = engine_named(hostel_engine_name(engine), false);
  COMES_FROM("compiled", compiling, NULL, 1);
  hostel_engine_free(compiling);
  FAILS(INVALID_ARGUMENT, "config", hostel_engine_config_set_headless(NULL, true, &error));
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(it_has_the_name_of_its_kind),
      TEST(it_compiles_nothing),
      TEST(it_does_not_look_at_bytes_that_it_would_not_compile),
      TEST(it_takes_what_another_compiled_into_the_cache),
      TEST(it_starts_with_a_warm_directory_and_an_alias_alone),
      TEST(it_loads_artifacts),
      TEST(what_it_loaded_an_engine_that_compiles_can_use),
      TEST(that_it_had_to_refuse_is_not_remembered),
      TEST(a_failure_of_another_engine_is_none_of_its_own),
      TEST(it_holds_modules_to_its_own_limits),
      TEST(it_tells_no_progress),
      TEST(settings_change_their_mind),
  };
  return RUN_TESTS(argc, argv, tests);
}
