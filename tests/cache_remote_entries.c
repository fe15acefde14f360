/* cache_remote_entries.c: what is wrong with one entry of a remote store is no outage of the store, and does not stay; what many
 * threads want is fetched once. Run by tests/remote/with_servers.py, beside a Redis and an S3 server. */
#define _GNU_SOURCE
#include "check_alias.h"
#include "check_servers.h"

enum { THREADS = 32 };

/* One outage would close such a store for the rest of the test. */
static hostel_cache_remote_options touchy(void) {
  hostel_cache_remote_options options = remote_options();
  options.failures_max = 1;
  options.pause_ms = 24 * 60 * 60 * 1000;
  return options;
}

/* The names that a store has for modules 1 to 3. */
typedef struct names {
  path directory, entries[4];
} names;

static names new_names(const hostel_engine *engine) {
  names names = {.directory = new_directory()};
  hostel_cache *cache = directory_cache(names.directory.text, LARGE);
  for (unsigned number = 1; number <= 3; number++) {
    hostel_module_free(load_numbered(engine, cache, number));
    names.entries[number] = entry_of(names.directory.text, engine, number);
  }
  hostel_cache_free(cache);
  return names;
}

static const char *name_of(const names *names, unsigned number) {
  return names->entries[number].text + strlen(names->directory.text) + 1;
}

/* ---- healing ---- */

static void what_is_of_another_type_is_replaced(const hostel_engine *engine) {
  static const char *const commands[] = {"LPUSH %s/%s a", "HSET %s/%s a b", "SADD %s/%s a", "ZADD %s/%s 1 a", "XADD %s/%s * a b"};
  const names names = new_names(engine);
  hostel_cache_remote_options options = touchy();
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    static told told;
    char part[128], command[1024], answer[512];
    snprintf(part, sizeof part, "%s-%zu", __func__, i);
    hostel_cache *cache = remote_cache(real_store(0, part), &options);
    for (unsigned number = 1; number <= 2; number++) {
      snprintf(command, sizeof command, commands[i], part, name_of(&names, number));
      tell_redis(command, answer, sizeof answer);
      REQUIRE(strstr(answer, "-ERR") == NULL);
    }
    listen_to_log(&told);
    COMES_FROM("compiled", engine, cache, 1);
    COMES_FROM("compiled", engine, cache, 2);
    stop_listening();
    CHECK(statistics(cache).rejected == 2 && strstr(told.text, "left alone") == NULL);
    CHECK(strstr(told.text, "redis://127.0.0.1:") != NULL && strstr(told.text, name_of(&names, 1)) != NULL);
    COMES_FROM("remote", engine, cache, 1);
    COMES_FROM("remote", engine, cache, 2);
    COMES_FROM("compiled", engine, cache, 3);
    COMES_FROM("remote", engine, cache, 3);
    hostel_cache_free(cache);
  }
  remove_all(names.directory.text);
}

static void what_is_too_large_is_replaced_by_what_is_not(const hostel_engine *engine) {
  enum { MOST = 1 << 17, MORE = 1 << 18 };
  const names names = new_names(engine);
  hostel_cache_remote_options options = touchy();
  options.artifact_bytes_max = MOST;
  for (int which = 0; which < STORES; which++) {
    static told told;
    hostel_cache *cache = remote_cache(real_store(which, __func__), &options);
    for (unsigned number = 1; number <= 2; number++) {
      char command[1024], answer[512];
      snprintf(command, sizeof command, "SETRANGE %s/%s %d x", __func__, name_of(&names, number), MORE);
      if (which == 0) {
        tell_redis(command, answer, sizeof answer);
      } else {
        put_s3(__func__, name_of(&names, number), MORE);
      }
    }
    listen_to_log(&told);
    COMES_FROM("compiled", engine, cache, 1);
    COMES_FROM("compiled", engine, cache, 2);
    stop_listening();
    CHECK(strstr(told.text, "131072 bytes") != NULL && strstr(told.text, "left alone") == NULL);
    CHECK(strstr(told.text, name_of(&names, 2)) != NULL);
    COMES_FROM("remote", engine, cache, 1);
    COMES_FROM("remote", engine, cache, 2);
    hostel_cache_free(cache);
  }
  remove_all(names.directory.text);
}

static void an_alias_of_another_type_is_replaced(const hostel_engine *engine) {
  char command[1024], answer[65536];
  hostel_cache_remote_options options = touchy();
  hostel_cache *cache = remote_cache(real_store(0, __func__), &options);
  give_alias(engine, cache, 1, ALIAS);
  /* All that is there, the alias among it, becomes a list. */
  snprintf(command, sizeof command,
           "EVAL \"for _, k in ipairs(redis.call('KEYS', '%s/*')) do redis.call('DEL', k); redis.call('LPUSH', k, 'x') end "
           "return 7\" 0",
           __func__);
  tell_redis(command, answer, sizeof answer);
  REQUIRE(strstr(answer, ":7") != NULL);
  check_unknown(engine, cache, ALIAS);
  give_alias(engine, cache, 1, ALIAS);
  CHECK_MODULE(load_alias(engine, cache, ALIAS), 1, "remote");
  hostel_cache_free(cache);
}

/* ---- one fetch ---- */

typedef struct fetcher {
  pthread_t thread;
  pthread_barrier_t *start;
  const hostel_engine *engine;
  hostel_cache *cache;
} fetcher;

static void *fetch(void *argument) {
  fetcher *fetcher = argument;
  pthread_barrier_wait(fetcher->start);
  hostel_module *module = load_numbered(fetcher->engine, fetcher->cache, 1);
  CHECK(strcmp(hostel_module_origin(module), "compiled") != 0);
  CHECK_MODULE(module, 1, hostel_module_origin(module));
  return NULL;
}

/* How often the server was asked for something. */
static int gets(void) {
  static char answer[65536];
  tell_redis("INFO commandstats", answer, sizeof answer);
  const char *row = strstr(answer, "cmdstat_get:calls=");
  return row == NULL ? 0 : atoi(row + strlen("cmdstat_get:calls="));
}

static void what_many_threads_want_is_fetched_once(const hostel_engine *engine) {
  hostel_cache *filler = remote_cache(real_store(0, __func__), NULL);
  COMES_FROM("compiled", engine, filler, 1);
  hostel_cache_free(filler);
  for (int round = 0; round < 4; round++) {
    const path directory = new_directory();
    hostel_cache *first = round % 2 == 0 ? shared_cache(LARGE) : directory_cache(directory.text, LARGE), *both = RUBBISH;
    hostel_cache *remote = remote_cache(real_store(0, __func__), NULL);
    SUCCEEDS(hostel_cache_fallback_new(first, remote, &both, &error));
    pthread_barrier_t start;
    fetcher fetchers[THREADS];
    const int before = gets();
    pthread_barrier_init(&start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
      fetchers[i] = (fetcher){.start = &start, .engine = engine, .cache = both};
      REQUIRE(pthread_create(&fetchers[i].thread, NULL, fetch, &fetchers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
      REQUIRE(pthread_join(fetchers[i].thread, NULL) == 0);
    }
    CHECK(gets() - before == 1);
    CHECK(statistics(both).compiles == 0);
    pthread_barrier_destroy(&start);
    hostel_cache_free(first);
    hostel_cache_free(remote);
    hostel_cache_free(both);
    remove_all(directory.text);
  }
}

/* ---- messages ---- */

static void a_bucket_that_is_not_there_is_told(const hostel_engine *engine) {
  static told told;
  url store = real_store(1, __func__);
  memcpy(strstr(store.text, "artifacts"), "nowhere-x", 9);
  hostel_cache *cache = remote_cache(store, NULL);
  listen_to_log(&told);
  COMES_FROM("compiled", engine, cache, 1);
  stop_listening();
  CHECK(strstr(told.text, "s3://nowhere-x at http://127.0.0.1:") != NULL && strstr(told.text, "no such bucket") != NULL);
  CHECK(strstr(told.text, ".hostel: ") != NULL);
  hostel_cache_free(cache);
}

static void a_database_that_is_not_there_is_told(const hostel_engine *engine) {
  static told told;
  url store;
  snprintf(store.text, sizeof store.text, "redis://:%s@127.0.0.1:%u/99999", getenv("HOSTEL_TEST_REDIS_PASSWORD"),
           port_of("HOSTEL_TEST_REDIS_PORT"));
  hostel_cache *cache = remote_cache(store, NULL);
  listen_to_log(&told);
  COMES_FROM("compiled", engine, cache, 1);
  stop_listening();
  CHECK(strstr(told.text, "database 99999") != NULL);
  hostel_cache_free(cache);
}

static void a_password_that_is_missing_is_told(const hostel_engine *engine) {
  static told told;
  hostel_cache *cache = remote_cache(plain_redis_at(port_of("HOSTEL_TEST_REDIS_PORT")), NULL);
  listen_to_log(&told);
  COMES_FROM("compiled", engine, cache, 1);
  stop_listening();
  CHECK(strstr(told.text, "NOAUTH") != NULL && strstr(told.text, "password") != NULL);
  hostel_cache_free(cache);
}

static void a_secret_beside_the_url_is_as_good(const hostel_engine *engine) {
  hostel_cache_remote_options options = remote_options();
  url store;
  options.secret = getenv("HOSTEL_TEST_REDIS_PASSWORD");
  snprintf(store.text, sizeof store.text, "redis://127.0.0.1:%u/3?prefix=%s/", port_of("HOSTEL_TEST_REDIS_PORT"), __func__);
  hostel_cache *cache = remote_cache(store, &options);
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("remote", engine, cache, 1);
  hostel_cache_free(cache);
  options.secret = "hostel-tests-secret-access-key";
  store = real_store(1, __func__);
  strcat(store.text, "&access_key_id=AKIAHOSTELTESTS");
  cache = remote_cache(store, &options);
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("remote", engine, cache, 1);
  hostel_cache_free(cache);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(what_is_of_another_type_is_replaced),  TEST(what_is_too_large_is_replaced_by_what_is_not),
      TEST(an_alias_of_another_type_is_replaced), TEST(what_many_threads_want_is_fetched_once),
      TEST(a_bucket_that_is_not_there_is_told),   TEST(a_database_that_is_not_there_is_told),
      TEST(a_password_that_is_missing_is_told),   TEST(a_secret_beside_the_url_is_as_good),
  };
  return has_remote_caches() ? RUN_TESTS(argc, argv, tests) : 77;
}
