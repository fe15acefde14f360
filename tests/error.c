/* error.c: what went wrong, in full. */
#include "check.h"

static hostel_error *error_of(const hostel_guest *guest, const char *function, const uint8_t *input, size_t input_len) {
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = NULL;
  CHECK(hostel_guest_call(guest, function, input, input_len, NULL, &output, &error) != HOSTEL_STATUS_OK);
  CHECK(output.data == NULL && output.len == 0);
  return error;
}

static void getters_take_null_for_success(const hostel_engine *engine) {
  (void)engine;
  size_t len = 77;
  CHECK(hostel_error_status(NULL) == HOSTEL_STATUS_OK);
  CHECK(strcmp(hostel_error_message(NULL), "") == 0);
  CHECK(hostel_error_payload(NULL, &len) == NULL && len == 0);
  CHECK(hostel_error_payload(NULL, NULL) == NULL);
  CHECK(hostel_error_trap(NULL) == HOSTEL_TRAP_NONE);
  CHECK(strcmp(hostel_error_backtrace(NULL), "") == 0);
  CHECK(!hostel_error_maybe_corrupt(NULL));
  hostel_error_free(NULL);
}

static void a_caller_need_not_want_the_error(const hostel_engine *engine) {
  hostel_module *module = RUBBISH;
  CHECK(hostel_module_load(engine, NULL, TEXT("nope"), NULL, &module, NULL) == HOSTEL_STATUS_INVALID_MODULE);
  CHECK(module == NULL);
}

static void what_a_guest_attached_is_the_payload_and_the_message(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_error *error = error_of(guest, "fail", TEXT("no such page"));
  hostel_guest_free(guest);
  size_t len = 0;
  CHECK_ERROR(error, GUEST_ERROR, "no such page");
  const uint8_t *payload = hostel_error_payload(error, &len);
  CHECK(len == 12 && memcmp(payload, "no such page", 12) == 0);
  CHECK(hostel_error_payload(error, NULL) == payload);
  CHECK(hostel_error_trap(error) == HOSTEL_TRAP_NONE);
  CHECK(!hostel_error_maybe_corrupt(error));
  hostel_error_free(error);
}

static void a_payload_need_not_be_text(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "cguest.wasm");
  const uint8_t bytes[] = {0xff, 0x00, 0xfe};
  hostel_error *error = error_of(guest, "fail", bytes, sizeof bytes);
  size_t len = 0;
  CHECK_ERROR(error, GUEST_ERROR, "3 bytes");
  const uint8_t *payload = hostel_error_payload(error, &len);
  CHECK(len == sizeof bytes && memcmp(payload, bytes, sizeof bytes) == 0);
  hostel_error_free(error);
  hostel_guest_free(guest);
}

static void a_long_payload_is_whole(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  uint8_t *bytes = malloc(100000);
  REQUIRE(bytes != NULL);
  memset(bytes, 'x', 100000);
  hostel_error *error = error_of(guest, "fail", bytes, 100000);
  size_t len = 0;
  const uint8_t *payload = hostel_error_payload(error, &len);
  CHECK(len == 100000 && memcmp(payload, bytes, len) == 0);
  hostel_error_free(error);
  free(bytes);
  hostel_guest_free(guest);
}

static void other_errors_have_no_payload(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_error *error = error_of(guest, "nowhere", NOTHING);
  size_t len = 77;
  CHECK_ERROR(error, NO_SUCH_FUNCTION, "nowhere");
  CHECK(hostel_error_payload(error, &len) == NULL && len == 0);
  CHECK(!hostel_error_maybe_corrupt(error));
  hostel_error_free(error);
  hostel_guest_free(guest);
}

static void a_trap_says_why_and_that_the_state_is_lost(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_error *error = error_of(guest, "panic", NOTHING);
  CHECK_ERROR(error, TRAP, "unreachable");
  CHECK(hostel_error_trap(error) == HOSTEL_TRAP_UNREACHABLE);
  CHECK(hostel_error_maybe_corrupt(error));
  hostel_error_free(error);
  hostel_guest_free(guest);
}

static void a_guest_that_says_no_and_traps_is_not_to_be_trusted(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "fails.wat");
  hostel_error *error = error_of(guest, "then_trap", NOTHING);
  CHECK_ERROR(error, GUEST_ERROR, "no");
  CHECK(hostel_error_maybe_corrupt(error));
  hostel_error_free(error);
  hostel_guest_free(guest);
}

static void an_error_outlives_everything_it_came_from(const hostel_engine *engine) {
  hostel_engine *own = limited_engine(engine, HOSTEL_LIMIT_DEPTH, 4);
  hostel_guest *guest = open_file(own, "traps.wat");
  hostel_error *error = error_of(guest, "div_by_zero", NOTHING);
  hostel_guest_free(guest);
  hostel_engine_free(own);
  CHECK_ERROR(error, TRAP, "zero");
  CHECK(hostel_error_backtrace(error) != NULL);
  hostel_error_free(error);
}

static void a_zero_byte_does_not_cut_a_message(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_error *error = error_of(guest, "fail", TEXT("before\0after"));
  CHECK_ERROR(error, GUEST_ERROR, "before");
  CHECK_ERROR(error, GUEST_ERROR, "after");
  hostel_error_free(error);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(getters_take_null_for_success),
      TEST(a_caller_need_not_want_the_error),
      TEST(what_a_guest_attached_is_the_payload_and_the_message),
      TEST(a_payload_need_not_be_text),
      TEST(a_long_payload_is_whole),
      TEST(other_errors_have_no_payload),
      TEST(a_trap_says_why_and_that_the_state_is_lost),
      TEST(a_guest_that_says_no_and_traps_is_not_to_be_trusted),
      TEST(an_error_outlives_everything_it_came_from),
      TEST(a_zero_byte_does_not_cut_a_message),
  };
  return RUN_TESTS(argc, argv, tests);
}
