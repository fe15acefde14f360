/* cache_growth.c: a cache that modules come and go through does not grow. */
#include "check_cache.h"
#include "check_sanitized.h"

#include <unistd.h>

enum {
  MODULES = 1000,
  SMALL = 1 << 18,   /* bytes of the cache: a dozen of the modules */
  DATA = 16 << 10,   /* bytes in each module that its code cannot do without */
  MAPPINGS_MAX = 64, /* of 1,000, if every module that went had left one */
};

/* Of 16 MiB, if every module that went had left its data. A sanitizer keeps what is freed for a while. */
static const long RESIDENT_MAX = SANITIZED ? 1L << 30 : 6L << 20;

typedef struct usage {
  long resident; /* bytes */
  long mappings;
} usage;

static usage usage_now(void) {
  usage now = {0, 0};
  FILE *file = fopen("/proc/self/statm", "r");
  REQUIRE(file != NULL && fscanf(file, "%*d %ld", &now.resident) == 1);
  fclose(file);
  now.resident *= sysconf(_SC_PAGESIZE);
  REQUIRE((file = fopen("/proc/self/maps", "r")) != NULL);
  for (int c; (c = fgetc(file)) != EOF;) {
    now.mappings += c == '\n';
  }
  fclose(file);
  return now;
}

/* A module like the numbered ones, but with data. */
static hostel_module *load_with_data(const hostel_engine *engine, const hostel_cache *cache, unsigned number) {
  static char text[DATA + 256];
  hostel_module *module = RUBBISH;
  int len = snprintf(text, sizeof text,
                     "(module (memory 1) (func (export \"answer\") (result i64) (i64.const %u)) (data (i32.const 0) \"", number);
  memset(text + len, 'x', DATA);
  len += DATA;
  len += snprintf(text + len, sizeof text - (size_t)len, "\"))");
  SUCCEEDS(hostel_module_load_wat(engine, cache, text, (size_t)len, NULL, &module, &error));
  return module;
}

static void load_and_evict(const hostel_engine *engine, const hostel_cache *cache, unsigned from) {
  for (unsigned number = from; number < from + MODULES; number++) {
    hostel_module_free(load_with_data(engine, cache, number));
  }
}

static void modules_that_go_leave_nothing(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(SMALL);
  load_and_evict(engine, cache, 0); /* what is made once */
  const usage before = usage_now();
  load_and_evict(engine, cache, MODULES);
  const usage after = usage_now();
  CHECK(statistics(cache).evictions > 2 * MODULES - 100);
  CHECK(after.resident - before.resident < RESIDENT_MAX);
  CHECK(after.mappings - before.mappings < MAPPINGS_MAX);
  hostel_cache_free(cache);
}

static void modules_found_again_leave_nothing(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(SMALL);
  const usage before = usage_now();
  for (unsigned number = 0; number < MODULES; number++) {
    for (int times = 0; times < 3; times++) {
      hostel_module_free(load_with_data(engine, cache, number));
    }
  }
  const usage after = usage_now();
  CHECK(statistics(cache).compiles == MODULES && statistics(cache).hits == 2 * MODULES);
  CHECK(after.resident - before.resident < RESIDENT_MAX);
  CHECK(after.mappings - before.mappings < MAPPINGS_MAX);
  hostel_cache_free(cache);
}

/* Each has code of its own, and a guest in whose room it runs. */
static void artifacts_that_go_leave_nothing(const hostel_engine *engine) {
  static hostel_guest *guests[MODULES];
  hostel_buffer artifact = RUBBISH_BUFFER;
  hostel_module *first = load_with_data(engine, NULL, 7);
  SUCCEEDS(hostel_module_serialize(first, SEAL_KEY, &artifact, &error));
  hostel_module_free(first);
  usage before = usage_now();
  for (int round = 0; round < 2; round++) {
    for (unsigned number = 0; number < MODULES; number++) {
      hostel_module *module = RUBBISH;
      SUCCEEDS(hostel_module_deserialize(engine, artifact.data, artifact.len, SEAL_KEY, &module, &error));
      guests[number] = link_guest(module, NULL);
      uint64_t value = 0;
      SUCCEEDS(hostel_guest_call_values(guests[number], "answer", &value, 1, NULL, &error));
      CHECK(value == 7);
    }
    for (unsigned number = 0; number < MODULES; number++) {
      hostel_guest_free(guests[number]);
    }
    if (round == 0) { /* what is made once */
      before = usage_now();
    }
  }
  const usage after = usage_now();
  CHECK(after.resident - before.resident < RESIDENT_MAX);
  CHECK(after.mappings - before.mappings < MAPPINGS_MAX);
  hostel_buffer_free(&artifact);
}

/* The other facts can fail: this is what they would see if modules did not go. */
static void modules_that_stay_are_seen(const hostel_engine *engine) {
  hostel_module *kept[MODULES];
  const usage before = usage_now();
  for (unsigned number = 0; number < MODULES; number++) {
    kept[number] = load_with_data(engine, NULL, number);
  }
  const usage after = usage_now();
  CHECK(SANITIZED || after.resident - before.resident >= RESIDENT_MAX || after.mappings - before.mappings >= MAPPINGS_MAX);
  for (unsigned number = 0; number < MODULES; number++) {
    hostel_module_free(kept[number]);
  }
}

/* What a cache found often goes too when it is removed: 1,000 modules, each removed. */
static void modules_that_are_removed_leave_nothing(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  const usage before = usage_now();
  for (unsigned number = 0; number < MODULES; number++) {
    uint8_t key[HOSTEL_KEY_BYTES];
    hostel_module_free(load_with_data(engine, cache, number));
    hostel_module *found = load_with_data(engine, cache, number);
    SUCCEEDS(hostel_module_key(found, key, &error));
    hostel_module_free(found);
    SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
  }
  const usage after = usage_now();
  CHECK(statistics(cache).entries == 0);
  CHECK(after.resident - before.resident < RESIDENT_MAX);
  CHECK(after.mappings - before.mappings < MAPPINGS_MAX);
  hostel_cache_free(cache);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(modules_that_go_leave_nothing), TEST(modules_found_again_leave_nothing), TEST(modules_that_are_removed_leave_nothing),
      TEST(modules_that_stay_are_seen),    TEST(artifacts_that_go_leave_nothing),
  };
  return RUN_TESTS(argc, argv, tests);
}
