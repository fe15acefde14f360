/* cache_remote.c: compiled code that machines share through a store, which is never trusted with anything but bytes.
 * Run by tests/remote/with_servers.py, beside a Redis and an S3 server. */
#include "check_remote.h"

/* ---- the two real stores ---- */

static unsigned port_of(const char *variable) {
  const char *port = getenv(variable);
  REQUIRE(port != NULL);
  return (unsigned)atoi(port);
}

/* A part of a store that no other test uses. */
static url real_store(int which, const char *part) {
  url url;
  const char *password = getenv("HOSTEL_TEST_REDIS_PASSWORD");
  REQUIRE(password != NULL);
  if (which == 1) {
    return s3_at(port_of("HOSTEL_TEST_S3_PORT"), part);
  }
  snprintf(url.text, sizeof url.text, "redis://:%s@127.0.0.1:%u/3?prefix=%s/", password, port_of("HOSTEL_TEST_REDIS_PORT"), part);
  return url;
}

/* A machine of a fleet: a directory of its own, and the store behind it. */
typedef struct machine {
  path directory;
  hostel_cache *cache;
} machine;

static machine new_machine(url store) {
  machine machine = {.directory = new_directory()};
  hostel_cache *first = directory_cache(machine.directory.text, LARGE), *second = remote_cache(store, NULL);
  SUCCEEDS(hostel_cache_fallback_new(first, second, &machine.cache, &error));
  hostel_cache_free(first);
  hostel_cache_free(second);
  return machine;
}

static void free_machine(machine *machine) {
  hostel_cache_free(machine->cache);
  remove_all(machine->directory.text);
}

static void what_one_machine_compiles_the_others_find(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    const url store = real_store(which, __func__);
    machine one = new_machine(store), two = new_machine(store);
    COMES_FROM("compiled", engine, one.cache, 1);
    COMES_FROM("directory", engine, one.cache, 1);
    COMES_FROM("remote", engine, two.cache, 1);
    COMES_FROM("directory", engine, two.cache, 1);
    CHECK(statistics(one.cache).compiles == 1 && statistics(two.cache).compiles == 0);
    CHECK(statistics(two.cache).hits == 2 && statistics(two.cache).rejected == 0);
    free_machine(&one);
    free_machine(&two);
  }
}

static void memory_before_it_keeps_what_it_had(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    const url store = real_store(which, __func__);
    hostel_cache *memory = shared_cache(LARGE), *remote = remote_cache(store, NULL), *both = RUBBISH;
    COMES_FROM("compiled", engine, remote, 1);
    SUCCEEDS(hostel_cache_fallback_new(memory, remote, &both, &error));
    COMES_FROM("remote", engine, both, 1);
    COMES_FROM("shared", engine, both, 1);
    hostel_cache_free(memory);
    hostel_cache_free(remote);
    hostel_cache_free(both);
  }
}

static void it_counts_like_the_others(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    hostel_cache *cache = remote_cache(real_store(which, __func__), NULL);
    hostel_buffer json = RUBBISH_BUFFER;
    COMES_FROM("compiled", engine, cache, 1);
    COMES_FROM("remote", engine, cache, 1);
    COMES_FROM("remote", engine, cache, 1);
    CHECK(statistics(cache).hits == 2 && statistics(cache).misses == 1 && statistics(cache).compiles == 1);
    SUCCEEDS(hostel_cache_stats_json(cache, &json, &error));
    json.data[json.len - 1] = '\0';
    CHECK(strstr((const char *)json.data, "\"tier\":\"remote\"") != NULL);
    hostel_buffer_free(&json);
    hostel_cache_free(cache);
  }
}

static void what_is_removed_is_gone_for_all(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    const url store = real_store(which, __func__);
    hostel_cache *cache = remote_cache(store, NULL), *other = remote_cache(store, NULL);
    uint8_t key[HOSTEL_KEY_BYTES];
    key_of(engine, 1, key);
    CHECK(!hostel_cache_contains_module(other, engine, key));
    COMES_FROM("compiled", engine, cache, 1);
    CHECK(hostel_cache_contains_module(other, engine, key));
    SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
    SUCCEEDS(hostel_cache_remove_module(cache, engine, key, &error));
    CHECK(!hostel_cache_contains_module(other, engine, key));
    COMES_FROM("compiled", engine, other, 1);
    hostel_cache_free(cache);
    hostel_cache_free(other);
  }
}

static void what_is_sealed_with_another_key_is_rebuilt(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    const url store = real_store(which, __func__);
    hostel_cache *ours = remote_cache(store, NULL), *theirs = RUBBISH;
    SUCCEEDS(hostel_cache_remote_new(store.text, OTHER_KEY, NULL, &theirs, &error));
    COMES_FROM("compiled", engine, theirs, 1);
    COMES_FROM("compiled", engine, ours, 1);
    CHECK(statistics(ours).rejected == 1 && statistics(ours).compiles == 1);
    COMES_FROM("remote", engine, ours, 1);
    hostel_cache_free(ours);
    hostel_cache_free(theirs);
  }
}

static void an_artifact_larger_than_the_cap_is_neither_saved_nor_loaded(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    const url store = real_store(which, __func__);
    hostel_cache_remote_options options = remote_options();
    options.artifact_bytes_max = 64;
    hostel_cache *small = remote_cache(store, &options), *large = remote_cache(store, NULL);
    COMES_FROM("compiled", engine, small, 1);
    COMES_FROM("compiled", engine, large, 1);
    COMES_FROM("compiled", engine, small, 1);
    COMES_FROM("remote", engine, large, 1);
    hostel_cache_free(small);
    hostel_cache_free(large);
  }
}

/* What the store calls the artifact of module 1: the last two parts of its path in a directory. */
static const char *name_in_store(const machine *machine, const hostel_engine *engine, path *path_out) {
  *path_out = entry_of(machine->directory.text, engine, 1);
  return path_out->text + strlen(machine->directory.text) + 1;
}

static void damage_redis(const char *part, const char *name) {
  char request[1024], answer[256];
  snprintf(request, sizeof request, "AUTH %s\r\nSELECT 3\r\nSETRANGE %s/%s 100 damaged\r\nQUIT\r\n",
           getenv("HOSTEL_TEST_REDIS_PASSWORD"), part, name);
  ask(port_of("HOSTEL_TEST_REDIS_PORT"), request, answer, sizeof answer);
  CHECK(strstr(answer, "\n:") != NULL); /* the new length */
}

static void damage_s3(const char *part, const char *name) {
  static const char signature[] = "AWS4-HMAC-SHA256 Credential=AKIAHOSTELTESTS/20260101/us-east-1/s3/aws4_request, "
                                  "SignedHeaders=host, Signature=0"; /* the server of the tests does not check it */
  char request[1024], answer[4096];
  snprintf(request, sizeof request,
           "PUT /artifacts/%s/%s HTTP/1.0\r\nHost: localhost\r\nAuthorization: %s\r\nContent-Length: 7\r\n\r\ndamaged", part,
           name, signature);
  ask(port_of("HOSTEL_TEST_S3_PORT"), request, answer, sizeof answer);
  CHECK(strstr(answer, " 200 OK") != NULL);
}

static void damaged_bytes_are_rebuilt(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    static told told;
    path entry;
    const url store = real_store(which, __func__);
    machine one = new_machine(store), two = new_machine(store), three = new_machine(store);
    COMES_FROM("compiled", engine, one.cache, 1);
    (which == 0 ? damage_redis : damage_s3)(__func__, name_in_store(&one, engine, &entry));
    listen_to_log(&told);
    COMES_FROM("compiled", engine, two.cache, 1);
    stop_listening();
    CHECK(statistics(two.cache).rejected == 1 && strstr(told.text, "remote") != NULL);
    COMES_FROM("remote", engine, three.cache, 1);
    free_machine(&one);
    free_machine(&two);
    free_machine(&three);
  }
}

static void a_rejected_entry_is_removed(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    const url store = real_store(which, __func__);
    hostel_cache *ours = remote_cache(store, NULL), *theirs = RUBBISH;
    hostel_module *module = RUBBISH;
    uint8_t key[HOSTEL_KEY_BYTES];
    key_of(engine, 1, key);
    SUCCEEDS(hostel_cache_remote_new(store.text, OTHER_KEY, NULL, &theirs, &error));
    COMES_FROM("compiled", engine, theirs, 1);
    FAILS(NOT_CACHED, "", hostel_module_load_key(engine, ours, key, &module, &error));
    CHECK(!hostel_cache_contains_module(theirs, engine, key));
    hostel_cache_free(ours);
    hostel_cache_free(theirs);
  }
}

static void a_wrong_password_is_a_miss_and_is_not_told(const hostel_engine *engine) {
  static told told;
  hostel_cache *cache = remote_cache(redis_at(port_of("HOSTEL_TEST_REDIS_PORT")), NULL);
  listen_to_log(&told);
  COMES_FROM("compiled", engine, cache, 1);
  stop_listening();
  CHECK(strstr(told.text, "redis://127.0.0.1:") != NULL && strstr(told.text, "WRONGPASS") != NULL);
  CHECK(strstr(told.text, "hunter2") == NULL);
  hostel_cache_free(cache);
}

/* ---- arguments ---- */

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
      {"http://host/", "http"},
      {"rediss://host/", "rediss"},
      {"redis:", "host"},
      {"redis:///1", "host"},
      {"redis://host:port/", "port"},
      {"redis://host:65536/", "port"},
      {"redis://host/one", "database"},
      {"redis://host/1/2", "database"},
      {"redis://host/-1", "database"},
      {"redis://user@host/", "password"},
      {"redis://:hunter2@host/?prefx=a", "prefx"},
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
      TEST(what_one_machine_compiles_the_others_find),
      TEST(memory_before_it_keeps_what_it_had),
      TEST(it_counts_like_the_others),
      TEST(what_is_removed_is_gone_for_all),
      TEST(what_is_sealed_with_another_key_is_rebuilt),
      TEST(a_rejected_entry_is_removed),
      TEST(damaged_bytes_are_rebuilt),
      TEST(an_artifact_larger_than_the_cap_is_neither_saved_nor_loaded),
      TEST(a_wrong_password_is_a_miss_and_is_not_told),
      TEST(a_key_of_its_own_is_needed),
      TEST(a_url_that_names_no_store_is_refused),
      TEST(a_region_is_needed),
      TEST(wrong_options_are_refused),
      TEST(null_is_refused),
  };
  return has_remote_caches() ? RUN_TESTS(argc, argv, tests) : 77;
}
