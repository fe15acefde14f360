/* cache_remote_tls.c: Redis by TLS, and whose certificates are believed. Run by tests/remote/with_servers.py, beside a Redis
 * server that speaks both, whose certificate is of an authority of its own, and good for 127.0.0.1 and localhost. */
#define _GNU_SOURCE
#include "check_servers.h"

static url secure_redis(const char *host, const char *part) {
  url url;
  const char *password = getenv("HOSTEL_TEST_REDIS_PASSWORD");
  REQUIRE(password != NULL);
  snprintf(url.text, sizeof url.text, "rediss://:%s@%s:%u/3?prefix=%s/", password, host, port_of("HOSTEL_TEST_REDIS_TLS_PORT"),
           part);
  return url;
}

static hostel_cache_remote_options known_by(const char *certificates) {
  hostel_cache_remote_options options = remote_options();
  options.certificates = certificates;
  return options;
}

static const char *authority(void) {
  const char *file = getenv("HOSTEL_TEST_CERTIFICATES");
  REQUIRE(file != NULL);
  return file;
}

/* The module is compiled, and the log says why with these words. */
static void costs_only_time(const hostel_engine *engine, url store, const hostel_cache_remote_options *options,
                            const char *word) {
  static told told;
  hostel_cache *cache = remote_cache(store, options);
  listen_to_log(&told);
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("compiled", engine, cache, 1);
  stop_listening();
  if (strstr(told.text, word) == NULL) {
    fprintf(stderr, "%s", told.text);
  }
  CHECK(strstr(told.text, word) != NULL && strstr(told.text, getenv("HOSTEL_TEST_REDIS_PASSWORD")) == NULL);
  hostel_cache_free(cache);
}

static void redis_is_spoken_to_by_tls(const hostel_engine *engine) {
  static const char *const hosts[] = {"127.0.0.1", "localhost", "LOCALHOST"};
  const hostel_cache_remote_options options = known_by(authority());
  for (int i = 0; i < 3; i++) {
    char part[128];
    snprintf(part, sizeof part, "%s-%d", __func__, i);
    hostel_cache *cache = remote_cache(secure_redis(hosts[i], part), &options);
    COMES_FROM("compiled", engine, cache, 1);
    COMES_FROM("remote", engine, cache, 1);
    CHECK(statistics(cache).rejected == 0);
    hostel_cache_free(cache);
  }
}

static void a_large_module_goes_through_as_well(const hostel_engine *engine) {
  const hostel_cache_remote_options options = known_by(authority());
  hostel_cache *cache = remote_cache(secure_redis("127.0.0.1", __func__), &options);
  for (int i = 0; i < 2; i++) {
    hostel_module *module = RUBBISH;
    SUCCEEDS(hostel_module_load_file(engine, cache, guest_path("markdown.wasm"), NULL, &module, &error));
    CHECK(strcmp(hostel_module_origin(module), i == 0 ? "compiled" : "remote") == 0);
    hostel_module_free(module);
  }
  hostel_cache_free(cache);
}

static void a_server_that_nobody_vouches_for_is_not_believed(const hostel_engine *engine) {
  REQUIRE(setenv("SSL_CERT_FILE", getenv("HOSTEL_TEST_OTHER_CERTIFICATES"), 1) == 0); /* as if the system had only these */
  costs_only_time(engine, secure_redis("127.0.0.1", __func__), NULL, "nobody who is believed");
  REQUIRE(unsetenv("SSL_CERT_FILE") == 0);
  const hostel_cache_remote_options options = known_by(getenv("HOSTEL_TEST_OTHER_CERTIFICATES"));
  costs_only_time(engine, secure_redis("127.0.0.1", __func__), &options, "nobody who is believed");
}

static void the_systems_certificates_are_believed(const hostel_engine *engine) {
  REQUIRE(setenv("SSL_CERT_FILE", authority(), 1) == 0);
  hostel_cache *cache = remote_cache(secure_redis("127.0.0.1", __func__), NULL);
  REQUIRE(unsetenv("SSL_CERT_FILE") == 0);
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("remote", engine, cache, 1);
  hostel_cache_free(cache);
}

static void a_certificate_of_another_host_is_not_believed(const hostel_engine *engine) {
  const hostel_cache_remote_options options = known_by(authority());
  costs_only_time(engine, secure_redis("127.0.0.2", __func__), &options, "not good for this name");
}

static void who_does_not_speak_tls_is_told(const hostel_engine *engine) {
  hostel_cache_remote_options options = known_by(authority());
  url store;
  snprintf(store.text, sizeof store.text, "rediss://:%s@127.0.0.1:%u/3", getenv("HOSTEL_TEST_REDIS_PASSWORD"),
           port_of("HOSTEL_TEST_REDIS_PORT"));
  costs_only_time(engine, store, &options, "no TLS");
  snprintf(store.text, sizeof store.text, "redis://:%s@127.0.0.1:%u/3", getenv("HOSTEL_TEST_REDIS_PASSWORD"),
           port_of("HOSTEL_TEST_REDIS_TLS_PORT"));
  costs_only_time(engine, store, &options, "redis://127.0.0.1:");
}

static void without_certificates_nothing_begins(const hostel_engine *engine) {
  const path folder = new_directory(), empty = path_in(folder.text, "empty"), rubbish = path_in(folder.text, "rubbish");
  const path nowhere = path_in(folder.text, "nowhere"), pipe = path_in(folder.text, "pipe");
  hostel_cache *cache = RUBBISH;
  (void)engine;
  write_file(empty.text, TEXT(""));
  write_file(rubbish.text, TEXT("-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n"));
  REQUIRE(mkfifo(pipe.text, 0600) == 0);
  const char *const files[] = {empty.text, rubbish.text, nowhere.text, pipe.text, folder.text, "/dev/zero"};
  const char *const urls[] = {"rediss://127.0.0.1", "s3://x?region=r&endpoint=https://127.0.0.1:1"};
  alarm(60);
  for (int i = 0; i < 12; i++) {
    const hostel_cache_remote_options options = known_by(files[i / 2]);
    FAILS(CACHE_IO, "certificates", hostel_cache_remote_new(urls[i % 2], SEAL_KEY, &options, &cache, &error));
    CHECK(cache == NULL);
  }
  REQUIRE(setenv("SSL_CERT_FILE", empty.text, 1) == 0 && setenv("SSL_CERT_DIR", nowhere.text, 1) == 0);
  FAILS(CACHE_IO, "ca-certificates", hostel_cache_remote_new(urls[0], SEAL_KEY, NULL, &cache, &error));
  FAILS(CACHE_IO, "ca-certificates", hostel_cache_remote_new(urls[1], SEAL_KEY, NULL, &cache, &error));
  REQUIRE(unsetenv("SSL_CERT_FILE") == 0 && unsetenv("SSL_CERT_DIR") == 0);
  alarm(0);
  remove_all(folder.text);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(redis_is_spoken_to_by_tls),
      TEST(a_large_module_goes_through_as_well),
      TEST(a_server_that_nobody_vouches_for_is_not_believed),
      TEST(the_systems_certificates_are_believed),
      TEST(a_certificate_of_another_host_is_not_believed),
      TEST(who_does_not_speak_tls_is_told),
      TEST(without_certificates_nothing_begins),
  };
  return has_remote_caches() ? RUN_TESTS(argc, argv, tests) : 77;
}
