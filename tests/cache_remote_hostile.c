/* cache_remote_hostile.c: stores that are absent, silent, slow, or lie cost time, and of that only a little. */
#include "check_alias.h"
#include "check_remote.h"

/* With credentials of its own, so that nobody else is asked for them. */
static url secret_s3_at(unsigned port) {
  url url = s3_at(port, "x");
  strcat(url.text, "&access_key_id=AKIAHOSTELTESTS&secret_access_key=hunter2");
  return url;
}

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
  costs_only_time(engine, secret_s3_at(closed_port()), NULL);
}

static void a_server_that_never_answers_is_left_alone(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    static told told;
    listener *listener = new_listener(NULL, NULL);
    hostel_cache_remote_options options = remote_options();
    options.time_limit_ms = 50;
    options.pause_ms = 24 * 60 * 60 * 1000;
    hostel_cache *cache = remote_cache(which == 0 ? redis_at(listener->port) : secret_s3_at(listener->port), &options);
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

static void an_alias_costs_no_more_time(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    listener *listener = new_listener(NULL, NULL);
    hostel_cache_remote_options options = remote_options();
    options.time_limit_ms = 50;
    hostel_cache *cache = remote_cache(which == 0 ? redis_at(listener->port) : secret_s3_at(listener->port), &options);
    give_alias(engine, cache, 1, ALIAS);
    CHECK(listener->connections == 1);
    check_unknown(engine, cache, ALIAS); /* which is no reason not to look for one */
    CHECK(listener->connections == 2);
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
  CHECK(listener->connections == before + 4); /* a load, a claim, a save, and that the claim is over */
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
    costs_only_time(engine, i % 2 == 0 ? plain_redis_at(listener->port) : secret_s3_at(listener->port), &options);
    CHECK(listener->connections > 0);
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
                                      "-\x1b[2J\r\n"};
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
    CHECK(listener->connections > 0);
    free_listener(listener);
  }
  for (size_t i = 0; i < sizeof s3 / sizeof *s3; i++) {
    listener *listener = new_listener(s3[i], NULL);
    costs_only_time(engine, secret_s3_at(listener->port), &options);
    CHECK(listener->connections > 0);
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
    const url store = heads[i][0] == 'H' ? secret_s3_at(listener->port) : plain_redis_at(listener->port);
    SUCCEEDS(hostel_cache_remote_new(store.text, SEAL_KEY, &options, &cache, &error));
    COMES_FROM("compiled", engine, cache, 1);
    hostel_cache_free(cache);
    const unsigned long long bytes = free_listener(listener);
    CHECK(bytes > 0 && bytes < CAP + BUFFERS);
  }
}

/* Whoever is asked for them then, and for how long, it is told what is missing. */
static void credentials_that_are_missing_are_told(const hostel_engine *engine) {
  static const char *const variables[] = {"AWS_ACCESS_KEY_ID",
                                          "AWS_SECRET_ACCESS_KEY",
                                          "AWS_SESSION_TOKEN",
                                          "AWS_PROFILE",
                                          "AWS_WEB_IDENTITY_TOKEN_FILE",
                                          "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                          "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                          "AWS_SHARED_CREDENTIALS_FILE",
                                          "AWS_CONFIG_FILE"};
  static told told;
  const path home = new_directory();
  listener *listener = new_listener("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", NULL);
  hostel_cache_remote_options options = remote_options();
  options.time_limit_ms = 1000;
  for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
    unsetenv(variables[i]);
  }
  REQUIRE(setenv("HOME", home.text, 1) == 0);
  hostel_cache *cache = remote_cache(s3_at(listener->port, "x"), &options);
  listen_to_log(&told);
  COMES_FROM("compiled", engine, cache, 1);
  stop_listening();
  CHECK(strstr(told.text, "no credentials") != NULL && strstr(told.text, "AWS_ACCESS_KEY_ID") != NULL);
  CHECK(strstr(told.text, "s3://artifacts at http://127.0.0.1:") != NULL);
  hostel_cache_free(cache);
  free_listener(listener);
  remove_all(home.text);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_server_that_is_not_there_costs_only_time),
      TEST(a_server_that_never_answers_is_left_alone),
      TEST(an_alias_costs_no_more_time),
      TEST(a_server_that_answers_again_is_used_again),
      TEST(a_server_that_trickles_is_stopped),
      TEST(garbage_costs_only_time),
      TEST(endless_bytes_fill_no_memory),
      TEST(credentials_that_are_missing_are_told),
  };
  return has_remote_caches() ? RUN_TESTS(argc, argv, tests) : 77;
}
