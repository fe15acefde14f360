/* cache_remote.c: compiled code that machines share through a store, which is never trusted with anything but bytes.
 * Run by tests/remote/with_servers.py, beside a Redis and an S3 server. */
#include "check_remote.h"

/* ---- the two real stores ---- */

enum { STORES = 2 };

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

/* ---- stores that are none ---- */

/* The module is compiled, however the store behaves, and the log says so. */
static void costs_only_time(const hostel_engine *engine, url store, const hostel_cache_remote_options *options) {
  static told told;
  hostel_cache *cache = remote_cache(store, options);
  listen_to_log(&told);
  COMES_FROM("compiled", engine, cache, 1);
  stop_listening();
  CHECK(statistics(cache).compiles == 1 && statistics(cache).misses == 1 && statistics(cache).hits == 0);
  CHECK(strstr(told.text, "hostel::cache: remote: cannot load") != NULL);
  CHECK(strstr(told.text, "hunter2") == NULL);
  hostel_cache_free(cache);
}

static void a_server_that_is_not_there_costs_only_time(const hostel_engine *engine) {
  costs_only_time(engine, redis_at(closed_port()), NULL);
  costs_only_time(engine, s3_at(closed_port(), "x"), NULL);
}

static void a_server_that_never_answers_is_left_alone(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    static told told;
    listener *listener = new_listener(NULL, NULL);
    hostel_cache_remote_options options = remote_options();
    options.time_limit_ms = 50;
    options.pause_ms = 24 * 60 * 60 * 1000;
    hostel_cache *cache = remote_cache(which == 0 ? redis_at(listener->port) : s3_at(listener->port, "x"), &options);
    listen_to_log(&told);
    for (unsigned number = 1; number <= 8; number++) {
      COMES_FROM("compiled", engine, cache, number);
    }
    stop_listening();
    CHECK(strstr(told.text, "left alone") != NULL);
    CHECK(listener->connections == 3); /* a load each; nothing is saved where nothing could be looked for */
    hostel_cache_free(cache);
    free_listener(listener);
  }
}

static void a_server_that_answers_again_is_used_again(const hostel_engine *engine) {
  listener *listener = new_listener("-LOADING\r\n", NULL);
  hostel_cache_remote_options options = remote_options();
  options.failures_max = 2;
  options.pause_ms = 20;
  hostel_cache *cache = remote_cache(plain_redis_at(listener->port), &options);
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("compiled", engine, cache, 2);
  listener->redis_is_empty = true;
  for (unsigned number = 3; listener->connections < 4; number++) {
    COMES_FROM("compiled", engine, cache, number); /* ends when one load is let through, and the save after it */
    usleep(1000);
  }
  const unsigned before = listener->connections;
  COMES_FROM("compiled", engine, cache, 1);
  CHECK(listener->connections == before + 2);
  hostel_cache_free(cache);
  free_listener(listener);
}

static void a_server_that_trickles_is_stopped(const hostel_engine *engine) {
  static const char *const heads[] = {"$1000000\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", "", ""};
  hostel_cache_remote_options options = remote_options();
  options.time_limit_ms = 100;
  for (int i = 0; i < 4; i++) {
    listener *listener = new_listener(heads[i], "x");
    listener->pause_ms = 5;
    costs_only_time(engine, i % 2 == 0 ? plain_redis_at(listener->port) : s3_at(listener->port, "x"), &options);
    free_listener(listener); /* waits until the client has gone */
  }
}

static void garbage_costs_only_time(const hostel_engine *engine) {
  static const char *const redis[] = {"HTTP/1.1 400 Bad Request\r\n\r\n",
                                      "\r\n",
                                      "\n",
                                      "$\r\n",
                                      "$-2\r\n",
                                      "$x\r\n",
                                      ":1\r\n",
                                      "+OK\r\n",
                                      "*1000000000000\r\n:1\r\n",
                                      "$9223372036854775807\r\nx",
                                      "$99999999999999999999\r\n",
                                      "\xff\xfe\r\n",
                                      "-hunter2 was the password\r\n",
                                      "-"
                                      "\x1b[2J\r\n"};
  static const char *const s3[] = {"+OK\r\n",
                                   "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\nx",
                                   "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                                   "HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\n<<<",
                                   "HTTP/1.1 307 Away\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
                                   "\x16\x03\x01"};
  hostel_cache_remote_options options = remote_options();
  options.time_limit_ms = 300; /* some of it could be the beginning of an answer */
  for (size_t i = 0; i < sizeof redis / sizeof *redis; i++) {
    listener *listener = new_listener(redis[i], NULL);
    costs_only_time(engine, i % 2 == 0 ? redis_at(listener->port) : plain_redis_at(listener->port), &options);
    free_listener(listener);
  }
  for (size_t i = 0; i < sizeof s3 / sizeof *s3; i++) {
    listener *listener = new_listener(s3[i], NULL);
    costs_only_time(engine, s3_at(listener->port, "x"), &options);
    free_listener(listener);
  }
}

static void endless_bytes_fill_no_memory(const hostel_engine *engine) {
  enum { CAP = 1 << 20, BUFFERS = 32 << 20 }; /* what the kernel and the HTTP client may hold besides */
  static const char *const heads[] = {"$1000000\r\n",
                                      "$999999999999\r\n",
                                      "+",
                                      "-",
                                      "*1000000000\r\n",
                                      "HTTP/1.1 200 OK\r\n\r\n",
                                      "HTTP/1.1 500 No\r\n\r\n",
                                      "HTTP/1.1 404 No\r\n\r\n",
                                      "HTTP/1.1 200 OK\r\n",
                                      "HTTP/1.1 200 OK\r\nX: "};
  hostel_cache_remote_options options = remote_options();
  options.artifact_bytes_max = CAP;
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
    hostel_cache *cache = RUBBISH;
    listener *listener = new_listener(heads[i], "0123456789");
    const url store = heads[i][0] == 'H' ? s3_at(listener->port, "x") : plain_redis_at(listener->port);
    SUCCEEDS(hostel_cache_remote_new(store.text, SEAL_KEY, &options, &cache, &error));
    COMES_FROM("compiled", engine, cache, 1);
    CHECK(listener->bytes < CAP + BUFFERS);
    hostel_cache_free(cache);
    free_listener(listener);
  }
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
      TEST(a_server_that_is_not_there_costs_only_time),
      TEST(a_server_that_never_answers_is_left_alone),
      TEST(a_server_that_answers_again_is_used_again),
      TEST(a_server_that_trickles_is_stopped),
      TEST(garbage_costs_only_time),
      TEST(endless_bytes_fill_no_memory),
      TEST(a_key_of_its_own_is_needed),
      TEST(a_url_that_names_no_store_is_refused),
      TEST(a_region_is_needed),
      TEST(wrong_options_are_refused),
      TEST(null_is_refused),
  };
  hostel_cache *cache = NULL;
  if (hostel_cache_remote_new("redis://x", SEAL_KEY, NULL, &cache, NULL) == HOSTEL_STATUS_UNSUPPORTED) {
    printf("skipped: this build has no remote caches\n");
    return 77;
  }
  hostel_cache_free(cache);
  return RUN_TESTS(argc, argv, tests);
}
