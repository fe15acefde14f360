/* What the tests share that run beside real stores: see tests/remote/with_servers.py. */
#ifndef HOSTEL_TESTS_CHECK_SERVERS_H
#define HOSTEL_TESTS_CHECK_SERVERS_H

#include "check_remote.h"

/* ---- the two real stores ---- */

static inline unsigned port_of(const char *variable) {
  const char *port = getenv(variable);
  REQUIRE(port != NULL);
  return (unsigned)atoi(port);
}

/* A part of a store that no other test uses. */
static inline url real_store(int which, const char *part) {
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

static inline machine new_machine(url store) {
  machine machine = {.directory = new_directory()};
  hostel_cache *first = directory_cache(machine.directory.text, LARGE), *second = remote_cache(store, NULL);
  SUCCEEDS(hostel_cache_fallback_new(first, second, &machine.cache, &error));
  hostel_cache_free(first);
  hostel_cache_free(second);
  return machine;
}

static inline void free_machine(machine *machine) {
  hostel_cache_free(machine->cache);
  remove_all(machine->directory.text);
}

/* What the store calls the artifact of module 1: the last two parts of its path in a directory. */
static inline const char *name_in_store(const machine *machine, const hostel_engine *engine, path *path_out) {
  *path_out = entry_of(machine->directory.text, engine, 1);
  return path_out->text + strlen(machine->directory.text) + 1;
}

/* Has the Redis server do something in the database of the tests; what it answers is in `answer`. */
static inline void tell_redis(const char *command, char *answer, size_t answer_len) {
  char request[4096];
  REQUIRE(snprintf(request, sizeof request, "AUTH %s\r\nSELECT 3\r\n%s\r\nQUIT\r\n", getenv("HOSTEL_TEST_REDIS_PASSWORD"),
                   command) < (int)sizeof request);
  ask(port_of("HOSTEL_TEST_REDIS_PORT"), request, answer, answer_len);
}

static inline void damage_redis(const char *part, const char *name) {
  char command[1024], answer[256];
  snprintf(command, sizeof command, "SETRANGE %s/%s 100 damaged", part, name);
  tell_redis(command, answer, sizeof answer);
  CHECK(strstr(answer, "\n:") != NULL); /* the new length */
}

/* Puts so many bytes into the S3 server. */
static inline void put_s3(const char *part, const char *name, size_t len) {
  static const char signature[] = "AWS4-HMAC-SHA256 Credential=AKIAHOSTELTESTS/20260101/us-east-1/s3/aws4_request, "
                                  "SignedHeaders=host, Signature=0"; /* the server of the tests does not check it */
  char *request = malloc(len + 1024), answer[4096];
  REQUIRE(request != NULL);
  const int head = snprintf(
      request, 1024, "PUT /artifacts/%s/%s HTTP/1.0\r\nHost: localhost\r\nAuthorization: %s\r\nContent-Length: %zu\r\n\r\n", part,
      name, signature, len);
  memset(request + head, 'x', len);
  request[(size_t)head + len] = '\0';
  ask(port_of("HOSTEL_TEST_S3_PORT"), request, answer, sizeof answer);
  CHECK(strstr(answer, " 200 OK") != NULL);
  free(request);
}

static inline void damage_s3(const char *part, const char *name) { put_s3(part, name, 7); }

#endif
