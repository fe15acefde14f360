/* cache_remote_names.c: looking up the name of a remote store leaves nothing behind, whoever answers for it or does not. Name
 * servers are asked at port 53, which only root may listen at: skipped for everybody else. */
#define _GNU_SOURCE
#include "check_mounts.h"
#include "check_remote.h"

#include <errno.h>
#include <netinet/in.h>

enum { ROUNDS = 6 };

/* ---- a name server of the tests', at an address of its own ---- */

static const char SERVER[] = "127.77.0.53";
static atomic_uint questions;
static atomic_bool answers; /* with 127.0.0.1; else it is silent */

static void *serve_names(void *argument) {
  const int server = *(const int *)argument;
  uint8_t bytes[512];
  struct sockaddr_in from;
  socklen_t from_len = sizeof from;
  for (ssize_t len; (len = recvfrom(server, bytes, 400, 0, (struct sockaddr *)&from, &from_len)) > 12; from_len = sizeof from) {
    static const uint8_t address[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1};
    const bool is_four = bytes[len - 3] == 1;
    questions++;
    if (!answers) {
      continue;
    }
    bytes[2] |= 0x80;
    bytes[7] = is_four;
    memcpy(bytes + len, address, sizeof address);
    sendto(server, bytes, (size_t)len + (is_four ? sizeof address : 0), 0, (struct sockaddr *)&from, from_len);
  }
  return NULL;
}

static bool start_name_server(void) {
  static int server;
  pthread_t thread;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};
  REQUIRE(inet_pton(AF_INET, SERVER, &address.sin_addr) == 1);
  server = socket(AF_INET, SOCK_DGRAM, 0);
  return server >= 0 && bind(server, (const struct sockaddr *)&address, sizeof address) == 0 &&
         pthread_create(&thread, NULL, serve_names, &server) == 0;
}

/* From now on, this program's names are looked up there. */
static bool use_name_server(void) {
  char text[128];
  const path file = path_in(new_directory().text, "resolv.conf");
  snprintf(text, sizeof text, "nameserver %s\noptions timeout:30 attempts:3\n", SERVER);
  write_file(file.text, (const uint8_t *)text, strlen(text));
  return leave_the_others_mounts() && mount(file.text, "/etc/resolv.conf", NULL, MS_BIND, NULL) == 0;
}

/* How many threads there are besides those that compile. */
static unsigned threads(void) {
  unsigned count = 0;
  DIR *tasks = opendir("/proc/self/task");
  REQUIRE(tasks != NULL);
  for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
    char name[64] = "";
    FILE *file = fopen(path_in(path_in("/proc/self/task", task->d_name).text, "comm").text, "r");
    if (file != NULL) {
      count += fgets(name, sizeof name, file) != NULL && strncmp(name, "hostel-", 7) != 0;
      fclose(file);
    }
  }
  closedir(tasks);
  return count;
}

/* ---- facts ---- */

static url named_redis(unsigned port) {
  url url;
  snprintf(url.text, sizeof url.text, "redis://store.hostel-tests.example:%u", port);
  return url;
}

static url named_s3(unsigned port) {
  url url;
  snprintf(
      url.text, sizeof url.text,
      "s3://x?endpoint=http://store.hostel-tests.example:%u&region=r&access_key_id=AKIAHOSTELTESTS&secret_access_key=hunter2",
      port);
  return url;
}

static void a_name_that_nobody_answers_for_leaves_nothing_behind(const hostel_engine *engine) {
  hostel_module_free(load_numbered(engine, NULL, 1)); /* what an engine starts is there by now */
  answers = false;
  for (int which = 0; which < STORES; which++) {
    hostel_cache_remote_options options = remote_options();
    options.time_limit_ms = 100;
    options.failures_max = 1000;
    hostel_cache *cache = remote_cache(which == 0 ? named_redis(1) : named_s3(1), &options);
    COMES_FROM("compiled", engine, cache, 1);
    const unsigned before = questions, tasks = threads(), files = count_in("/proc/self/fd");
    for (unsigned number = 2; number < 2 + ROUNDS; number++) {
      COMES_FROM("compiled", engine, cache, number);
    }
    CHECK(questions >= before + ROUNDS);
    for (int wait = 0; threads() > tasks && wait < 10000; wait++) { /* a thread that was joined is listed for a moment longer */
      usleep(1000);
    }
    CHECK(threads() <= tasks && count_in("/proc/self/fd") <= files);
    hostel_cache_free(cache);
  }
}

static void a_name_is_looked_up(const hostel_engine *engine) {
  answers = true;
  for (int which = 0; which < STORES; which++) {
    listener *listener = new_listener(which == 0 ? "-LOADING\r\n" : "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", NULL);
    hostel_cache *cache = remote_cache(which == 0 ? named_redis(listener->port) : named_s3(listener->port), NULL);
    COMES_FROM("compiled", engine, cache, 1);
    CHECK(listener->connections > 0);
    hostel_cache_free(cache);
    free_listener(listener);
  }
}

static void a_host_of_the_systems_own_file_needs_no_server(const hostel_engine *engine) {
  const unsigned before = questions;
  listener *listener = new_listener("-LOADING\r\n", NULL);
  url store;
  snprintf(store.text, sizeof store.text, "redis://localhost:%u", listener->port);
  hostel_cache *cache = remote_cache(store, NULL);
  COMES_FROM("compiled", engine, cache, 1);
  CHECK(listener->connections == 1 && questions == before);
  hostel_cache_free(cache);
  free_listener(listener);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_name_that_nobody_answers_for_leaves_nothing_behind),
      TEST(a_name_is_looked_up),
      TEST(a_host_of_the_systems_own_file_needs_no_server),
  };
  if (!has_remote_caches()) {
    return 77;
  }
  unsetenv("http_proxy");
  unsetenv("HTTP_PROXY");
  unsetenv("all_proxy");
  unsetenv("ALL_PROXY");
  if (geteuid() != 0 || !use_name_server()) {
    printf("skipped: no name server can be put in place: %s\n", strerror(errno));
    return 77;
  }
  REQUIRE(start_name_server());
  return RUN_TESTS(argc, argv, tests);
}
