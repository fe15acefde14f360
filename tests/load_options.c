/* load_options.c: who is told how far a load is, and stops it; what the options refuse. */
#include "check_cache.h"

#define ALIAS (const uint8_t *)"an alias of the tests: 32 bytes."

/* What a callback was told, and what it answers from its call number `stop_at` on. */
struct watch {
  unsigned calls, validates, compiles, readies, wrong;
  uint64_t done, total;
  atomic_int inside;
  unsigned stop_at;
  hostel_status answer;
};

static hostel_status watch_load(void *user_data, const char *phase, uint64_t done, uint64_t total) {
  struct watch *watch = user_data;
  const bool compile = strcmp(phase, "compile") == 0;
  watch->wrong += atomic_fetch_add(&watch->inside, 1) != 0; /* never two at once */
  watch->calls++;
  watch->validates += strcmp(phase, "validate") == 0;
  watch->readies += strcmp(phase, "ready") == 0;
  watch->wrong += watch->readies > 0 && (strcmp(phase, "ready") != 0 || done != 1 || total != 1);
  watch->wrong += watch->validates == 0;
  if (compile) {
    watch->wrong += (total != 0 && done > total) || (watch->compiles > 0 && done < watch->done);
    watch->compiles++;
    watch->done = done;
    watch->total = total;
  }
  atomic_fetch_sub(&watch->inside, 1);
  return watch->stop_at != 0 && watch->calls >= watch->stop_at ? watch->answer : HOSTEL_STATUS_OK;
}

static hostel_load_options *watched_by(struct watch *watch) {
  hostel_load_options *options = new_load_options();
  SUCCEEDS(hostel_load_options_set_progress(options, watch_load, watch, &error));
  return options;
}

static void a_load_tells_how_far_it_is(const hostel_engine *engine) {
  struct watch watch = {0};
  hostel_load_options *options = watched_by(&watch);
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load_file(engine, NULL, guest_path("echo.wasm"), options, &module, &error));
  CHECK(watch.wrong == 0 && watch.validates == 1 && watch.compiles >= 1 && watch.readies == 1);
  CHECK(watch.done == watch.total);
  if (engine_row_has(engine, "\"steps\"")) {
    CHECK(watch.compiles > 10 && watch.total > 0); /* it has many functions */
  }
  hostel_guest *guest = link_guest(module, NULL);
  ANSWERS("ba", hostel_guest_call(guest, "reverse", TEXT("ab"), NULL, &output, &error));
  hostel_guest_free(guest);
  hostel_load_options_free(options);
}

static void a_module_without_functions_is_told_too(const hostel_engine *engine) {
  struct watch watch = {0};
  hostel_load_options *options = watched_by(&watch);
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load_wat(engine, NULL, "(module)", 8, options, &module, &error));
  CHECK(watch.wrong == 0 && watch.validates == 1 && watch.compiles >= 1 && watch.readies == 1);
  hostel_module_free(module);
  hostel_load_options_free(options);
}

static void what_is_cached_tells_nothing(const hostel_engine *engine) {
  struct watch watch = {0};
  hostel_cache *cache = shared_cache(LARGE);
  hostel_load_options *options = watched_by(&watch);
  hostel_module *module = RUBBISH;
  for (int i = 0; i < 2; i++) {
    SUCCEEDS(hostel_module_load_wat(engine, cache, "(module)", 8, options, &module, &error));
    hostel_module_free(settled(module));
    CHECK(watch.readies == 1);
  }
  hostel_load_options_free(options);
  hostel_cache_free(cache);
}

static void a_callback_can_stop_a_load_at_every_step(const hostel_engine *engine) {
  struct watch all = {0};
  hostel_load_options *options = watched_by(&all);
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load_file(engine, NULL, guest_path("echo.wasm"), options, &module, &error));
  hostel_module_free(module);
  hostel_load_options_free(options);
  /* Two threads may compile: the number of calls differs a little from load to load. */
  const unsigned last = all.compiles > 4 ? 6 : all.calls;
  for (unsigned stop_at = 1; stop_at <= last; stop_at++) {
    struct watch watch = {.stop_at = stop_at, .answer = HOSTEL_STATUS_CANCELLED};
    options = watched_by(&watch);
    FAILS(CANCELLED, "progress", hostel_module_load_file(engine, NULL, guest_path("echo.wasm"), options, &module, &error));
    CHECK(module == NULL && watch.calls == stop_at); /* not asked again once it said so */
    hostel_load_options_free(options);
  }
}

static void any_answer_but_ok_stops_a_load(const hostel_engine *engine) {
  static const hostel_status answers[] = {HOSTEL_STATUS_HOST_ERROR, HOSTEL_STATUS_INTERNAL, -1, 12345, INT32_MIN};
  hostel_module *module = RUBBISH;
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    struct watch watch = {.stop_at = 1, .answer = answers[i]};
    hostel_load_options *options = watched_by(&watch);
    FAILS(CANCELLED, "", hostel_module_load_wat(engine, NULL, "(module)", 8, options, &module, &error));
    CHECK(module == NULL);
    hostel_load_options_free(options);
  }
}

static void a_stopped_load_leaves_nothing_behind(const hostel_engine *engine) {
  struct watch watch = {.stop_at = 2, .answer = HOSTEL_STATUS_CANCELLED};
  hostel_cache *cache = shared_cache(LARGE);
  hostel_load_options *options = watched_by(&watch);
  hostel_module *module = RUBBISH;
  hostel_buffer wasm = numbered_wasm(1);
  SUCCEEDS(hostel_load_options_set_alias(options, ALIAS, &error));
  FAILS(CANCELLED, "", hostel_module_load(engine, cache, wasm.data, wasm.len, options, &module, &error));
  CHECK(statistics(cache).entries == 0 && statistics(cache).compiles == 0);
  FAILS(NOT_CACHED, "", hostel_module_load_alias(engine, cache, ALIAS, &module, &error));
  COMES_FROM("compiled", engine, cache, 1); /* and is not remembered as a failure */
  hostel_buffer_free(&wasm);
  hostel_load_options_free(options);
  hostel_cache_free(cache);
}

static const hostel_engine *nested_engine;

static hostel_status load_within(void *user_data, const char *phase, uint64_t done, uint64_t total) {
  (void)phase, (void)done, (void)total;
  COMES_FROM("compiled", nested_engine, NULL, 5);
  ++*(unsigned *)user_data;
  return HOSTEL_STATUS_OK;
}

static void a_callback_may_load_other_modules(const hostel_engine *engine) {
  unsigned calls = 0;
  hostel_load_options *options = new_load_options();
  hostel_module *module = RUBBISH;
  nested_engine = engine;
  SUCCEEDS(hostel_load_options_set_progress(options, load_within, &calls, &error));
  SUCCEEDS(hostel_module_load_wat(engine, NULL, "(module (func) (func))", 22, options, &module, &error));
  CHECK(calls >= 3);
  hostel_module_free(module);
  hostel_load_options_free(options);
}

static void nobody_is_told_after_the_callback_is_taken_back(const hostel_engine *engine) {
  struct watch watch = {.stop_at = 1, .answer = HOSTEL_STATUS_CANCELLED};
  hostel_load_options *options = watched_by(&watch);
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_load_options_set_progress(options, NULL, &watch, &error));
  SUCCEEDS(hostel_module_load_wat(engine, NULL, "(module)", 8, options, &module, &error));
  CHECK(watch.calls == 0);
  hostel_module_free(module);
  hostel_load_options_free(options);
}

/* ---- arguments ---- */

static void each_argument_is_checked(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  hostel_load_options *options = new_load_options();
  hostel_module *module = RUBBISH;
  FAILS(INVALID_ARGUMENT, "options_out", hostel_load_options_new(NULL, &error));
  FAILS(INVALID_ARGUMENT, "options", hostel_load_options_set_alias(NULL, ALIAS, &error));
  FAILS(INVALID_ARGUMENT, "alias", hostel_load_options_set_alias(options, NULL, &error));
  FAILS(INVALID_ARGUMENT, "options", hostel_load_options_set_progress(NULL, watch_load, NULL, &error));
  FAILS(INVALID_ARGUMENT, "engine", hostel_module_load_alias(NULL, cache, ALIAS, &module, &error));
  CHECK(module == NULL);
  FAILS(INVALID_ARGUMENT, "cache", hostel_module_load_alias(engine, NULL, ALIAS, &module, &error));
  FAILS(INVALID_ARGUMENT, "alias", hostel_module_load_alias(engine, cache, NULL, &module, &error));
  FAILS(INVALID_ARGUMENT, "module_out", hostel_module_load_alias(engine, cache, ALIAS, NULL, &error));
  CHECK(hostel_load_options_set_alias(options, NULL, NULL) == HOSTEL_STATUS_INVALID_ARGUMENT);
  hostel_load_options_free(options);
  hostel_load_options_free(NULL);
  hostel_cache_free(cache);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_load_tells_how_far_it_is),        TEST(a_module_without_functions_is_told_too),
      TEST(what_is_cached_tells_nothing),      TEST(a_callback_can_stop_a_load_at_every_step),
      TEST(any_answer_but_ok_stops_a_load),    TEST(a_stopped_load_leaves_nothing_behind),
      TEST(a_callback_may_load_other_modules), TEST(nobody_is_told_after_the_callback_is_taken_back),
      TEST(each_argument_is_checked),
  };
  return RUN_TESTS(argc, argv, tests);
}
