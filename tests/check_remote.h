/* What the tests of remote caches share: a listener that misbehaves on demand, and what the log said meanwhile. */
#ifndef HOSTEL_TESTS_CHECK_REMOTE_H
#define HOSTEL_TESTS_CHECK_REMOTE_H

#include "check_cache.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum { STORES = 2 }; /* Redis, S3 */

/* ---- connections ---- */

static inline struct sockaddr_in loopback(unsigned port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
}

/* Sends this, and reads the answer until the server closes. */
static inline void ask(unsigned port, const char *request, char *answer, size_t answer_len) {
  const struct sockaddr_in address = loopback(port);
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  REQUIRE(connection >= 0 && connect(connection, (const struct sockaddr *)&address, sizeof address) == 0);
  REQUIRE(send(connection, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request));
  size_t len = 0;
  for (ssize_t got = 1; got > 0 && len < answer_len - 1; len += got > 0 ? (size_t)got : 0) {
    got = recv(connection, answer + len, answer_len - 1 - len, 0);
  }
  answer[len] = '\0';
  close(connection);
}

/* A server that answers each connection with `head`, and then, on and on until the client has gone, with `more`. */
typedef struct listener {
  int socket;
  unsigned port;
  pthread_t thread;
  const char *_Atomic head, *_Atomic more;
  _Atomic unsigned pause_ms;   /* between two of `more` */
  _Atomic bool redis_is_empty; /* rather be a Redis server that holds nothing */
  const char *_Atomic claims;  /* what that one answers to who sets something */
  atomic_uint connections;
  unsigned long long bytes; /* sent; known when the thread has ended */
} listener;

static inline bool send_text(listener *listener, int connection, const char *text, size_t len) {
  const ssize_t sent = send(connection, text, len, MSG_NOSIGNAL);
  listener->bytes += sent > 0 ? (unsigned long long)sent : 0;
  return sent == (ssize_t)len;
}

/* A Redis server that holds nothing, and takes everything. */
static inline void serve_nothing(listener *listener, int connection) {
  char heard[4096];
  for (ssize_t got; (got = recv(connection, heard, sizeof heard - 1, 0)) > 0;) {
    heard[got] = '\0';
    const bool asks = strstr(heard, "\r\nGET\r\n") != NULL, sets = strstr(heard, "\r\nSET\r\n") != NULL;
    const char *answer = asks ? "$-1\r\n" : sets ? listener->claims : ":0\r\n";
    if (!send_text(listener, connection, answer, strlen(answer))) {
      return;
    }
  }
}

static inline void serve(listener *listener, int connection) {
  char heard[4096];
  if (listener->redis_is_empty) {
    serve_nothing(listener, connection);
    return;
  }
  ssize_t got = recv(connection, heard, sizeof heard - 1, 0);
  if (got <= 0) {
    return;
  }
  const char *head = listener->head, *more = listener->more;
  bool open = head == NULL || send_text(listener, connection, head, strlen(head));
  static char block[1 << 16];
  const size_t len = more == NULL ? 0 : listener->pause_ms > 0 ? strlen(more) : sizeof block;
  for (size_t i = 0; i < len; i++) {
    block[i] = more[i % strlen(more)];
  }
  while (open && more != NULL) {
    open = send_text(listener, connection, block, len);
    usleep(listener->pause_ms * 1000);
  }
  while (open && recv(connection, heard, sizeof heard, 0) > 0) {
  }
}

static inline void *listen_on(void *argument) {
  listener *listener = argument;
  int connection;
  while ((connection = accept(listener->socket, NULL, NULL)) >= 0) {
    listener->connections++;
    serve(listener, connection);
    close(connection);
  }
  return NULL;
}

static inline listener *new_listener(const char *head, const char *more) {
  listener *made = calloc(1, sizeof *made);
  struct sockaddr_in address = loopback(0);
  socklen_t len = sizeof address;
  REQUIRE(made != NULL);
  made->head = head;
  made->more = more;
  made->claims = "+OK\r\n";
  made->socket = socket(AF_INET, SOCK_STREAM, 0);
  REQUIRE(made->socket >= 0 && bind(made->socket, (const struct sockaddr *)&address, sizeof address) == 0);
  REQUIRE(listen(made->socket, 8) == 0 && getsockname(made->socket, (struct sockaddr *)&address, &len) == 0);
  made->port = ntohs(address.sin_port);
  REQUIRE(pthread_create(&made->thread, NULL, listen_on, made) == 0);
  return made;
}

/* How many bytes it has sent; waits until its client has gone. */
static inline unsigned long long free_listener(listener *listener) {
  shutdown(listener->socket, SHUT_RDWR);
  REQUIRE(pthread_join(listener->thread, NULL) == 0);
  const unsigned long long bytes = listener->bytes;
  close(listener->socket);
  free(listener);
  return bytes;
}

/* A port that nobody listens on. */
static inline unsigned closed_port(void) {
  listener *listener = new_listener(NULL, NULL);
  const unsigned port = listener->port;
  free_listener(listener);
  return port;
}

/* ---- caches ---- */

typedef struct url {
  char text[512];
} url;

static inline url redis_at(unsigned port) {
  url url;
  snprintf(url.text, sizeof url.text, "redis://:hunter2@127.0.0.1:%u", port);
  return url;
}

static inline url plain_redis_at(unsigned port) {
  url url;
  snprintf(url.text, sizeof url.text, "redis://127.0.0.1:%u", port);
  return url;
}

static inline url s3_at(unsigned port, const char *folder) {
  url url;
  snprintf(url.text, sizeof url.text, "s3://artifacts/%s?endpoint=http://127.0.0.1:%u&region=us-east-1", folder, port);
  return url;
}

static inline hostel_cache *remote_cache(url url, const hostel_cache_remote_options *options) {
  hostel_cache *cache = RUBBISH;
  SUCCEEDS(hostel_cache_remote_new(url.text, SEAL_KEY, options, &cache, &error));
  return cache;
}

static inline hostel_cache_remote_options remote_options(void) {
  return (hostel_cache_remote_options){.struct_size = sizeof(hostel_cache_remote_options)};
}

static inline bool has_remote_caches(void) {
  hostel_cache *cache = NULL;
  const hostel_status status = hostel_cache_remote_new("redis://x", SEAL_KEY, NULL, &cache, NULL);
  hostel_cache_free(cache);
  if (status == HOSTEL_STATUS_UNSUPPORTED) {
    printf("skipped: this build has no remote caches\n");
  }
  return status != HOSTEL_STATUS_UNSUPPORTED;
}

/* ---- the log ---- */

typedef struct told {
  char text[16384];
} told;

static inline void note(void *user_data, hostel_log_level level, const char *target, const char *message) {
  told *told = user_data;
  const size_t len = strlen(told->text);
  (void)level;
  snprintf(told->text + len, sizeof told->text - len, "%s: %s\n", target, message);
}

static inline void listen_to_log(told *told) {
  told->text[0] = '\0';
  SUCCEEDS(hostel_log_set(note, told, HOSTEL_LOG_WARN, &error));
}

static inline void stop_listening(void) { SUCCEEDS(hostel_log_set(NULL, NULL, HOSTEL_LOG_OFF, &error)); }

#endif
