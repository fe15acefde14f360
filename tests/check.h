/* What the C tests share: checks that say where they failed, guests from files and text, a random number.
 *
 * A test program is a table of facts. It runs them on the engine named by its first argument, and answers 77, which
 * shows as skipped, when this build lacks that engine. */
#ifndef HOSTEL_TESTS_CHECK_H
#define HOSTEL_TESTS_CHECK_H

#include "hostel.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- checks ---- */

/* Outputs begin with this: the library must write them without having read them. */
#define RUBBISH ((void *)0x5a5a5a50)
#define RUBBISH_BUFFER ((hostel_buffer){RUBBISH, 12345})

static atomic_int failures;

static inline void fail_at(const char *file, int line, const char *what) {
  fprintf(stderr, "%s:%d: %s\n", file, line, what);
  failures++;
}

static inline bool check_at(const char *file, int line, bool holds, const char *what) {
  if (!holds) {
    fail_at(file, line, what);
  }
  return holds;
}

/* The fact is wrong, but the rest can still be looked at. */
#define CHECK(condition) ((void)check_at(__FILE__, __LINE__, (condition), #condition))

/* Nothing that follows makes sense without it. */
#define REQUIRE(condition) ((condition) ? (void)0 : (fail_at(__FILE__, __LINE__, "required: " #condition), exit(1)))

static inline void check_error_at(const char *file, int line, const hostel_error *error, hostel_status expected,
                                  const char *word) {
  const char *message = hostel_error_message(error);
  if (hostel_error_status(error) != expected) {
    fprintf(stderr, "%s:%d: %s instead of %s: %s\n", file, line, hostel_status_name(hostel_error_status(error)),
            hostel_status_name(expected), message);
    failures++;
  } else if (message[0] == '\0' || strstr(message, word) == NULL) {
    fprintf(stderr, "%s:%d: the message lacks \"%s\": %s\n", file, line, word, message);
    failures++;
  }
}

/* The error has this status, and a message in which this word stands. */
#define CHECK_ERROR(error, expected, word) check_error_at(__FILE__, __LINE__, (error), HOSTEL_STATUS_##expected, (word))

static inline void check_failure_at(const char *file, int line, hostel_status status, hostel_error *error, hostel_status expected,
                                    const char *word) {
  if (status == HOSTEL_STATUS_OK || error == NULL || error == RUBBISH) {
    fprintf(stderr, "%s:%d: %s and no error instead of %s\n", file, line, hostel_status_name(status),
            hostel_status_name(expected));
    failures++;
    return;
  }
  (void)check_at(file, line, status == hostel_error_status(error), "the status returned is that of the error");
  check_error_at(file, line, error, expected, word);
  hostel_error_free(error);
}

static inline bool check_success_at(const char *file, int line, hostel_status status, hostel_error *error) {
  if (status == HOSTEL_STATUS_OK) {
    return check_at(file, line, error == NULL, "no error comes with OK");
  }
  fprintf(stderr, "%s:%d: %s: %s\n", file, line, hostel_status_name(status), hostel_error_message(error));
  hostel_error_free(error);
  failures++;
  return false;
}

/* The call, which gets `&error`, fails with this status, and says this word: FAILS(BUSY, "options", f(x, &error)). */
#define FAILS(expected, word, ...)                                                                                               \
  do {                                                                                                                           \
    hostel_error *error = RUBBISH;                                                                                               \
    const hostel_status got = (__VA_ARGS__);                                                                                     \
    check_failure_at(__FILE__, __LINE__, got, error, HOSTEL_STATUS_##expected, (word));                                          \
  } while (0)

/* The call, which gets `&error`, succeeds. Without it nothing that follows makes sense. */
#define SUCCEEDS(...)                                                                                                            \
  do {                                                                                                                           \
    hostel_error *error = RUBBISH;                                                                                               \
    const hostel_status got = (__VA_ARGS__);                                                                                     \
    if (!check_success_at(__FILE__, __LINE__, got, error))                                                                       \
      exit(1);                                                                                                                   \
  } while (0)

/* ---- guests ---- */

/* A text and its length, for the two arguments of an input. */
#define TEXT(text) ((const uint8_t *)(text)), (sizeof(text) - 1)
#define NOTHING NULL, 0

static inline char *guest_path(const char *file) {
  static _Thread_local char path[4096];
  snprintf(path, sizeof path, "%s/%s", HOSTEL_GUESTS, file);
  return path;
}

/* A whole file; free() it. */
static inline uint8_t *read_guest(const char *name, size_t *len_out) {
  FILE *file = fopen(guest_path(name), "rb");
  REQUIRE(file != NULL);
  REQUIRE(fseek(file, 0, SEEK_END) == 0);
  *len_out = (size_t)ftell(file);
  rewind(file);
  uint8_t *bytes = malloc(*len_out + 1);
  REQUIRE(bytes != NULL && fread(bytes, 1, *len_out, file) == *len_out);
  fclose(file);
  return bytes;
}

static inline hostel_module *load_file(const hostel_engine *engine, const char *file) {
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load_file(engine, NULL, guest_path(file), NULL, &module, &error));
  return module;
}

static inline hostel_module *load_text(const hostel_engine *engine, const char *text) {
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load_wat(engine, NULL, text, strlen(text), NULL, &module, &error));
  return module;
}

/* The module when it is at the best tier it will come to. */
static inline hostel_module *settled(hostel_module *module) {
  SUCCEEDS(hostel_module_settle(module, HOSTEL_UNLIMITED, &error));
  return module;
}

/* The name of the engine that settled modules run on: mostly its own. */
static inline const char *best_tier(const hostel_engine *engine) {
  size_t tiers = 0;
  while (hostel_engine_tier_at(engine, tiers) != NULL) {
    tiers++;
  }
  REQUIRE(tiers > 0);
  return hostel_engine_tier_at(engine, tiers - 1);
}

/* Links a module and lets go of it. */
static inline hostel_guest *link_guest(hostel_module *module, const hostel_imports *imports) {
  hostel_guest *guest = RUBBISH;
  SUCCEEDS(hostel_guest_new(module, imports, NULL, &guest, &error));
  hostel_module_free(module);
  return guest;
}

static inline hostel_guest *open_file(const hostel_engine *engine, const char *file) {
  return link_guest(load_file(engine, file), NULL);
}

static inline hostel_guest *open_text(const hostel_engine *engine, const char *text) {
  return link_guest(load_text(engine, text), NULL);
}

static inline hostel_instance *new_instance(const hostel_guest *guest) {
  hostel_instance *instance = RUBBISH;
  SUCCEEDS(hostel_instance_new(guest, NULL, &instance, &error));
  return instance;
}

static inline hostel_call_options *new_options(void) {
  hostel_call_options *options = RUBBISH;
  SUCCEEDS(hostel_call_options_new(&options, &error));
  return options;
}

static inline hostel_imports *new_imports(void) {
  hostel_imports *imports = RUBBISH;
  SUCCEEDS(hostel_imports_new(&imports, &error));
  return imports;
}

/* Imports with one function of bytes. */
static inline hostel_imports *imports_of(const char *module, const char *name, hostel_host_function callback, void *user_data) {
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define(imports, module, name, callback, user_data, NULL, &error));
  return imports;
}

/* The engine under test with one limit set to another value. */
static inline hostel_engine *limited_engine(const hostel_engine *engine, hostel_limit limit, uint64_t value) {
  hostel_engine_config *config = RUBBISH;
  hostel_engine *limited = RUBBISH;
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  SUCCEEDS(hostel_engine_config_set_engine(config, hostel_engine_name(engine), &error));
  SUCCEEDS(hostel_engine_config_set_limit(config, limit, value, &error));
  SUCCEEDS(hostel_engine_new(config, &limited, &error));
  hostel_engine_config_free(config);
  return limited;
}

static inline bool buffer_is(const hostel_buffer *buffer, const void *bytes, size_t len) {
  return buffer->len == len && (len == 0 ? buffer->data == NULL : memcmp(buffer->data, bytes, len) == 0);
}

static inline void check_output_at(const char *file, int line, hostel_status status, hostel_error *error, hostel_buffer *output,
                                   const void *expected, size_t expected_len) {
  if (check_success_at(file, line, status, error) && !buffer_is(output, expected, expected_len)) {
    fprintf(stderr, "%s:%d: another output: \"%.*s\", %zu bytes\n", file, line, (int)output->len, (const char *)output->data,
            output->len);
    failures++;
  }
  hostel_buffer_free(output);
}

/* The call, which gets `&output, &error`, has this text as its output: ANSWERS("ok", f(x, &output, &error)). */
#define ANSWERS(text, ...) ANSWERS_BYTES((text), sizeof(text) - 1, __VA_ARGS__)

#define ANSWERS_BYTES(expected, expected_len, ...)                                                                               \
  do {                                                                                                                           \
    hostel_buffer output = RUBBISH_BUFFER;                                                                                       \
    hostel_error *error = RUBBISH;                                                                                               \
    const hostel_status got = (__VA_ARGS__);                                                                                     \
    check_output_at(__FILE__, __LINE__, got, error, &output, (expected), (expected_len));                                        \
  } while (0)

/* The call, which gets `&output, &error`, fails with this status, says this word, and leaves the output empty. */
#define REFUSES(expected, word, ...)                                                                                             \
  do {                                                                                                                           \
    hostel_buffer output = RUBBISH_BUFFER;                                                                                       \
    FAILS(expected, word, __VA_ARGS__);                                                                                          \
    CHECK(output.data == NULL && output.len == 0);                                                                               \
    if (output.data != RUBBISH)                                                                                                  \
      hostel_buffer_free(&output);                                                                                               \
  } while (0)

/* What hostel_engine_json() says of the engine: does this stand there? */
static inline bool engine_row_has(const hostel_engine *engine, const char *word) {
  hostel_buffer json = RUBBISH_BUFFER;
  SUCCEEDS(hostel_engine_json(engine, &json, &error));
  json.data[json.len - 1] = '\0'; /* the brace at the end */
  const bool found = strstr((const char *)json.data, word) != NULL;
  hostel_buffer_free(&json);
  return found;
}

/* ---- random ---- */

/* A number from 0 to below `bound`; the same sequence in every run (xorshift). */
static inline size_t random_below(uint64_t *state, size_t bound) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return (size_t)(*state % bound);
}

/* ---- the table ---- */

typedef struct test {
  const char *name;
  void (*run)(const hostel_engine *engine);
} test;

#define TEST(function) {#function, function}
#define RUN_TESTS(argc, argv, tests) run_tests((argc), (argv), (tests), sizeof(tests) / sizeof(tests)[0])

static inline int run_tests(int argc, char **argv, const test *tests, size_t count) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s ENGINE [PART OF A TEST'S NAME]\n", argv[0]);
    return 2;
  }
  hostel_engine_config *config = RUBBISH;
  hostel_engine *engine = RUBBISH;
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  SUCCEEDS(hostel_engine_config_set_engine(config, argv[1], &error));
  SUCCEEDS(hostel_engine_config_set_limit(config, HOSTEL_LIMIT_COMPILE_MS, 600000, &error)); /* a busy machine is no fault */
  const hostel_status made = hostel_engine_new(config, &engine, NULL);
  hostel_engine_config_free(config);
  if (made == HOSTEL_STATUS_UNSUPPORTED_ENGINE) {
    printf("skipped: this build has no engine %s\n", argv[1]);
    return 77;
  }
  REQUIRE(made == HOSTEL_STATUS_OK);
  size_t ran = 0;
  for (size_t i = 0; i < count; i++) {
    if (argc > 2 && strstr(tests[i].name, argv[2]) == NULL) {
      continue;
    }
    const int before = failures;
    tests[i].run(engine);
    printf("%s %s\n", failures == before ? "ok    " : "FAILED", tests[i].name);
    fflush(stdout);
    ran++;
  }
  hostel_engine_free(engine);
  printf("%zu facts on %s, %d failed checks\n", ran, argv[1], (int)failures);
  return failures == 0 && ran > 0 ? 0 : 1;
}

#endif
