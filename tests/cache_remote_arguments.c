/* cache_remote_arguments.c: what names a remote store, and what does not. Nothing is connected. */
#include "check_remote.h"

static void a_key_of_its_own_is_needed(const hostel_engine *engine) {
  hostel_cache *cache = RUBBISH;
  (void)engine;
  FAILS(INVALID_ARGUMENT, "key", hostel_cache_remote_new("redis://x", NULL, 0, NULL, &cache, &error));
  CHECK(cache == NULL);
  FAILS(INVALID_ARGUMENT, "key", hostel_cache_remote_new("redis://x", NULL, 32, NULL, &cache, &error));
  FAILS(INVALID_ARGUMENT, "31",
        hostel_cache_remote_new("redis://x", (const uint8_t *)"0123456789012345678901234567890", 31, NULL, &cache, &error));
}

static void a_url_that_names_no_store_is_refused(const hostel_engine *engine) {
  static const struct {
    const char *url, *word;
  } table[] = {
      {"", "url"},
      {"nonsense", "url"},
      {"127.0.0.1:6379", "url"},
      {"http://host/", "redis://"},
      {"redis:", "host"},
      {"redis:///1", "host"},
      {"redis://host:port/", "port"},
      {"redis://host:65536/", "port"},
      {"redis://host/one", "database"},
      {"redis://host/1/2", "database"},
      {"redis://host/-1", "database"},
      {"redis://user@host/", "password"},
      {"redis://:hunter2@host/?prefx=a", "options"},
      {"redis://:hunter2@host/?prefix=a&prefix=b", "twice"},
      {"redis://:hunter2@host/?prefix=", "empty"},
      {"redis://:hunter2@host/#1", "#"},
      {"redis://:hunter2%ff@host/", "UTF-8"},
      {"s3:", "bucket"},
      {"s3:///prefix?region=r", "bucket"},
      {"s3://bucket:80/?region=r", "bucket"},
      {"s3://user:hunter2@bucket/?region=r", "credentials"},
      {"s3://bucket/?region=r&secret=hunter2", "secret"},
      {"s3://bucket/?region=r&secret_access_key=hunter2", "together"},
      {"s3://bucket/?region=r&endpoint=nowhere", "endpoint"},
      {"s3://bucket/?region=r&endpoint=ftp://host", "endpoint"},
      {"s3://bucket/?region=r&endpoint=http://a:hunter2@host", "endpoint"},
      {"s3://bucket/?region=r&virtual_host_style=yes", "virtual_host_style"},
  };
  (void)engine;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    hostel_cache *cache = RUBBISH;
    hostel_error *error = RUBBISH;
    const hostel_status status = hostel_cache_remote_new(table[i].url, SEAL_KEY, NULL, &cache, &error);
    if (status != HOSTEL_STATUS_INVALID_ARGUMENT || strstr(hostel_error_message(error), table[i].word) == NULL) {
      fprintf(stderr, "%s: %s: %s\n", table[i].url, hostel_status_name(status), hostel_error_message(error));
    }
    CHECK(status == HOSTEL_STATUS_INVALID_ARGUMENT && cache == NULL);
    CHECK(strstr(hostel_error_message(error), table[i].word) != NULL);
    CHECK(strstr(hostel_error_message(error), "hunter2") == NULL);
    hostel_error_free(error);
    hostel_cache_free(cache);
  }
}

static void a_region_is_needed(const hostel_engine *engine) {
  hostel_cache *cache = RUBBISH;
  (void)engine;
  unsetenv("AWS_REGION");
  unsetenv("AWS_DEFAULT_REGION");
  FAILS(INVALID_ARGUMENT, "region", hostel_cache_remote_new("s3://bucket", SEAL_KEY, NULL, &cache, &error));
}

static void wrong_options_are_refused(const hostel_engine *engine) {
  hostel_cache *cache = RUBBISH;
  hostel_cache_remote_options size = remote_options(), time = remote_options(), pause = remote_options();
  (void)engine;
  size.struct_size--;
  time.time_limit_ms = UINT64_MAX;
  pause.pause_ms = 24 * 60 * 60 * 1000 + 1;
  FAILS(INVALID_ARGUMENT, "struct_size", hostel_cache_remote_new("redis://x", SEAL_KEY, &size, &cache, &error));
  FAILS(INVALID_ARGUMENT, "time_limit_ms", hostel_cache_remote_new("redis://x", SEAL_KEY, &time, &cache, &error));
  FAILS(INVALID_ARGUMENT, "pause_ms", hostel_cache_remote_new("redis://x", SEAL_KEY, &pause, &cache, &error));
  CHECK(cache == NULL);
}

static void null_is_refused(const hostel_engine *engine) {
  hostel_cache *cache = RUBBISH;
  (void)engine;
  FAILS(INVALID_ARGUMENT, "url", hostel_cache_remote_new(NULL, SEAL_KEY, NULL, &cache, &error));
  CHECK(cache == NULL);
  FAILS(INVALID_ARGUMENT, "cache_out", hostel_cache_remote_new("redis://x", SEAL_KEY, NULL, NULL, &error));
  CHECK(hostel_cache_remote_new(NULL, SEAL_KEY, NULL, NULL, NULL) == HOSTEL_STATUS_INVALID_ARGUMENT);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_key_of_its_own_is_needed),
      TEST(a_url_that_names_no_store_is_refused),
      TEST(a_region_is_needed),
      TEST(wrong_options_are_refused),
      TEST(null_is_refused),
  };
  return has_remote_caches() ? RUN_TESTS(argc, argv, tests) : 77;
}
