/* What the tests of holochain guests share: the guest built on the real crate, and what its errors hold. */
#ifndef HOSTEL_TESTS_CHECK_HOLOCHAIN_H
#define HOSTEL_TESTS_CHECK_HOLOCHAIN_H

#include "check.h"

/* What its host functions are given in MessagePack. */
#define NIL TEXT("\xc0")

static inline hostel_status not_to_be_called(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)caller, (void)input, (void)input_len;
  CHECK(!"this host function is called");
  return HOSTEL_STATUS_HOST_ERROR;
}

/* Compiled once for all facts of a program: a compiler that takes its time needs seconds for it. */
static inline hostel_module *holochain_module(const hostel_engine *engine) {
  static hostel_cache *cache;
  if (cache == NULL) {
    SUCCEEDS(hostel_cache_shared_new(1 << 30, &cache, &error));
  }
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_module_load_file(engine, cache, guest_path("holochain.wasm"), NULL, &module, &error));
  return module;
}

/* The guest in tests/guests/holochain; each of its host functions is `callback`. */
static inline hostel_guest *holochain_guest(const hostel_engine *engine, hostel_host_function callback, void *user_data) {
  static const char *const names[] = {"__hc__answer_1", "__hc__next_1", "__hc__short_circuit_5"};
  hostel_imports *imports = new_imports();
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    SUCCEEDS(hostel_imports_define(imports, "env", names[i], callback, user_data, NULL, &error));
  }
  hostel_guest *guest = link_guest(holochain_module(engine), imports);
  hostel_imports_free(imports);
  return guest;
}

/* The same for a guest that asks nothing. */
static inline hostel_guest *quiet_guest(const hostel_engine *engine) { return holochain_guest(engine, not_to_be_called, NULL); }

/* Everything that an error of the taxonomy holds. */
typedef struct told {
  hostel_status status;
  hostel_kind kind;
  const char *module_path;
  uint32_t line;
  const char *payload;
  size_t payload_len;
  bool maybe_corrupt;
} told;

/* Frees the error. */
static inline void check_told_at(const char *file, int line, hostel_status status, hostel_buffer output, hostel_error *error,
                                 told expected) {
  size_t len = 12345;
  (void)check_at(file, line, status != HOSTEL_STATUS_OK && error != NULL, "the call fails");
  (void)check_at(file, line, output.data == NULL && output.len == 0, "the output is empty");
  const uint8_t *payload = hostel_error_payload(error, &len);
  if (status != expected.status || hostel_error_kind(error) != expected.kind) {
    fprintf(stderr, "%s:%d: %s, kind %s: %s\n", file, line, hostel_status_name(status),
            hostel_kind_name(hostel_error_kind(error)), hostel_error_message(error));
  }
  (void)check_at(file, line, status == expected.status && hostel_error_status(error) == status, "the status");
  (void)check_at(file, line, hostel_error_kind(error) == expected.kind, "the kind");
  (void)check_at(file, line, strcmp(hostel_error_module_path(error), expected.module_path) == 0, "the module path");
  (void)check_at(file, line, hostel_error_line(error) == expected.line, "the line");
  (void)check_at(file, line, len == expected.payload_len && (len == 0 || memcmp(payload, expected.payload, len) == 0),
                 "the payload");
  (void)check_at(file, line, hostel_error_maybe_corrupt(error) == expected.maybe_corrupt, "maybe corrupt");
  (void)check_at(file, line, strlen(hostel_error_message(error)) > 0, "there is a message");
  hostel_error_free(error);
}

/* The call, which gets `&output, &error`, fails with just this: TELLS((told){...}, f(x, &output, &error)). */
#define TELLS(expected, ...)                                                                                                     \
  do {                                                                                                                           \
    hostel_buffer output = RUBBISH_BUFFER;                                                                                       \
    hostel_error *error = RUBBISH;                                                                                               \
    const hostel_status status = (__VA_ARGS__);                                                                                  \
    check_told_at(__FILE__, __LINE__, status, output, error, (expected));                                                        \
  } while (0)

/* MessagePack text of up to 65535 bytes, with the shortest header. Returns how many bytes it takes. */
static inline size_t put_text(uint8_t *at, const char *text) {
  const size_t len = strlen(text);
  size_t header = 0;
  if (len < 32) {
    at[header++] = (uint8_t)(0xa0 | len);
  } else if (len < 256) {
    at[header++] = 0xd9;
  } else {
    at[header++] = 0xda;
    at[header++] = (uint8_t)(len >> 8);
  }
  if (len >= 32) {
    at[header++] = (uint8_t)len;
  }
  memcpy(at + header, text, len);
  return header + len;
}

#endif
