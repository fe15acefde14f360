/* files_named.c: files that the host names are read if they are regular, up to the limit, and nobody is waited for. */
#define _GNU_SOURCE
#include "check_cache.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/un.h>

static path directory;

static void load_refused(const hostel_engine *engine, const char *where, hostel_status expected) {
  hostel_module *module = RUBBISH;
  hostel_error *error = RUBBISH;
  CHECK(hostel_module_load_file(engine, NULL, where, NULL, &module, &error) == expected && module == NULL);
  if (hostel_error_status(error) != expected) {
    fprintf(stderr, "%s: %s: %s\n", where, hostel_status_name(hostel_error_status(error)), hostel_error_message(error));
  }
  hostel_error_free(error);
}

static void vouched_refused(const hostel_engine *engine, const char *where, hostel_status expected) {
  hostel_module *module = RUBBISH;
  hostel_error *error = RUBBISH;
  CHECK(hostel_module_deserialize_vouched_file(engine, where, &module, &error) == expected && module == NULL);
  if (hostel_error_status(error) != expected) {
    fprintf(stderr, "%s: %s: %s\n", where, hostel_status_name(hostel_error_status(error)), hostel_error_message(error));
  }
  hostel_error_free(error);
}

static void no_file(const hostel_engine *engine, const char *where) {
  load_refused(engine, where, HOSTEL_STATUS_INVALID_ARGUMENT);
  vouched_refused(engine, where, HOSTEL_STATUS_INVALID_ARGUMENT);
}

static void devices_are_no_files(const hostel_engine *engine) {
  no_file(engine, "/dev/zero");
  no_file(engine, "/dev/null");
  no_file(engine, "/dev/random");
  no_file(engine, "/dev/tty");
}

static void pipes_are_not_waited_for(const hostel_engine *engine) {
  const path pipe = path_in(directory.text, "pipe");
  REQUIRE(mkfifo(pipe.text, 0600) == 0);
  no_file(engine, pipe.text);
  const int writer = open(pipe.text, O_RDWR | O_NONBLOCK); /* who never writes */
  REQUIRE(writer >= 0);
  no_file(engine, pipe.text);
  close(writer);
  unlink(pipe.text);
}

static void directories_and_sockets_are_no_files(const hostel_engine *engine) {
  const path place = path_in(directory.text, "socket");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int server = socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(server >= 0 && strlen(place.text) < sizeof address.sun_path);
  strcpy(address.sun_path, place.text);
  REQUIRE(bind(server, (const struct sockaddr *)&address, sizeof address) == 0);
  no_file(engine, place.text);
  no_file(engine, directory.text);
  no_file(engine, path_in(directory.text, "nothing").text);
  close(server);
  unlink(place.text);
}

static void links_to_what_is_no_file_are_none(const hostel_engine *engine) {
  const path link = path_in(directory.text, "link");
  REQUIRE(symlink("/dev/zero", link.text) == 0);
  no_file(engine, link.text);
  unlink(link.text);
  REQUIRE(symlink(link.text, link.text) == 0); /* to itself */
  no_file(engine, link.text);
  unlink(link.text);
}

static void a_link_to_a_module_is_followed(const hostel_engine *engine) {
  const path link = path_in(directory.text, "link");
  char target[PATH_MAX];
  REQUIRE(realpath(guest_path("echo.wasm"), target) != NULL && symlink(target, link.text) == 0);
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load_file(engine, NULL, link.text, NULL, &module, &error));
  hostel_module_free(module);
  unlink(link.text);
}

/* Holes take no room, but they would be read. */
static path sparse_file(off_t bytes) {
  const path sparse = path_in(directory.text, "sparse");
  const int file = open(sparse.text, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  REQUIRE(file >= 0 && ftruncate(file, bytes) == 0);
  close(file);
  return sparse;
}

static void what_is_longer_than_a_module_may_be_is_not_read(const hostel_engine *engine) {
  static const off_t sizes[] = {((off_t)64 << 20) + 1, (off_t)1100 << 20, (off_t)1 << 40};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const path sparse = sparse_file(sizes[i]);
    load_refused(engine, sparse.text, HOSTEL_STATUS_UNSUPPORTED_MODULE);
    vouched_refused(engine, sparse.text, HOSTEL_STATUS_ARTIFACT_CORRUPT);
    unlink(sparse.text);
  }
}

static void the_limit_is_the_engine_s(const hostel_engine *plain) {
  hostel_engine *engine = limited_engine(plain, HOSTEL_LIMIT_MODULE_BYTES, 100);
  hostel_module *module = RUBBISH;
  const path file = path_in(directory.text, "module.wat");
  char text[101];
  memset(text, ' ', sizeof text);
  memcpy(text, "(module)", 8);
  write_file(file.text, (const uint8_t *)text, 100);
  SUCCEEDS(hostel_module_load_file(engine, NULL, file.text, NULL, &module, &error));
  hostel_module_free(module);
  write_file(file.text, (const uint8_t *)text, 101);
  load_refused(engine, file.text, HOSTEL_STATUS_UNSUPPORTED_MODULE);
  hostel_engine_free(engine);
  unlink(file.text);
}

/* Such a file says that it is empty, and is not. */
static void files_that_the_system_makes_up_are_read(const hostel_engine *engine) {
  load_refused(engine, "/proc/self/maps", HOSTEL_STATUS_INVALID_MODULE);
  vouched_refused(engine, "/proc/self/maps", HOSTEL_STATUS_ARTIFACT_CORRUPT);
}

static void what_is_wrong_with_a_file_is_told_in_a_few_words(const hostel_engine *engine) {
  static const char secret[] = "root:$6$secret:20000:0:99999:7:::\nanother line\n";
  const path zeros = sparse_file((off_t)63 << 20);
  hostel_module *module = RUBBISH;
  hostel_error *error = RUBBISH;
  CHECK(hostel_module_load_file(engine, NULL, zeros.text, NULL, &module, &error) == HOSTEL_STATUS_INVALID_MODULE);
  CHECK(strlen(hostel_error_message(error)) < 500);
  hostel_error_free(error);
  unlink(zeros.text);
  const path file = path_in(directory.text, "secret");
  write_file(file.text, (const uint8_t *)secret, sizeof secret - 1);
  CHECK(hostel_module_load_file(engine, NULL, file.text, NULL, &module, &error) == HOSTEL_STATUS_INVALID_MODULE);
  CHECK(strstr(hostel_error_message(error), "secret") == NULL && strstr(hostel_error_message(error), "line 1") != NULL);
  hostel_error_free(error);
  unlink(file.text);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(devices_are_no_files),
      TEST(pipes_are_not_waited_for),
      TEST(directories_and_sockets_are_no_files),
      TEST(links_to_what_is_no_file_are_none),
      TEST(a_link_to_a_module_is_followed),
      TEST(what_is_longer_than_a_module_may_be_is_not_read),
      TEST(the_limit_is_the_engine_s),
      TEST(files_that_the_system_makes_up_are_read),
      TEST(what_is_wrong_with_a_file_is_told_in_a_few_words),
  };
  directory = new_directory();
  const int outcome = RUN_TESTS(argc, argv, tests);
  remove_all(directory.text);
  return outcome;
}
