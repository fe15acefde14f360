/* buffer.c: bytes that the library hands over. */
#include "check.h"

static void freeing_null_does_nothing(const hostel_engine *engine) {
  (void)engine;
  hostel_buffer_free(NULL);
}

static void freeing_an_empty_buffer_does_nothing(const hostel_engine *engine) {
  (void)engine;
  hostel_buffer empty = {NULL, 0};
  hostel_buffer_free(&empty);
  CHECK(empty.data == NULL && empty.len == 0);
}

static void freeing_leaves_it_empty_so_that_twice_is_fine(const hostel_engine *engine) {
  (void)engine;
  hostel_buffer json = RUBBISH_BUFFER;
  SUCCEEDS(hostel_engines_json(&json, &error));
  CHECK(json.data != NULL && json.len > 0);
  hostel_buffer_free(&json);
  CHECK(json.data == NULL && json.len == 0);
  hostel_buffer_free(&json);
}

static void an_empty_output_has_no_bytes(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_buffer output = RUBBISH_BUFFER;
  SUCCEEDS(hostel_guest_call(guest, "echo", NOTHING, NULL, &output, &error));
  CHECK(output.data == NULL && output.len == 0);
  hostel_buffer_free(&output);
  hostel_guest_free(guest);
}

static void its_bytes_are_the_callers_own(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_buffer first = RUBBISH_BUFFER, second = RUBBISH_BUFFER;
  SUCCEEDS(hostel_guest_call(guest, "echo", TEXT("one"), NULL, &first, &error));
  SUCCEEDS(hostel_guest_call(guest, "echo", TEXT("two"), NULL, &second, &error));
  first.data[0] = 'O';
  CHECK(buffer_is(&first, "One", 3));
  CHECK(buffer_is(&second, "two", 3));
  hostel_buffer_free(&first);
  hostel_buffer_free(&second);
  hostel_guest_free(guest);
}

static void it_outlives_everything_it_came_from(const hostel_engine *engine) {
  hostel_engine *own = limited_engine(engine, HOSTEL_LIMIT_DEPTH, 4);
  hostel_guest *guest = open_file(own, "echo.wasm");
  hostel_buffer output = RUBBISH_BUFFER;
  SUCCEEDS(hostel_guest_call(guest, "reverse", TEXT("abc"), NULL, &output, &error));
  hostel_guest_free(guest);
  hostel_engine_free(own);
  CHECK(buffer_is(&output, "cba", 3));
  hostel_buffer_free(&output);
}

static void it_may_be_large(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  const uint8_t size[8] = {1, 0, 0, 1}; /* 16 MiB + 1, little-endian */
  hostel_buffer output = RUBBISH_BUFFER;
  SUCCEEDS(hostel_guest_call(guest, "big", size, sizeof size, NULL, &output, &error));
  REQUIRE(output.len == (16 << 20) + 1);
  bool right = true;
  for (size_t i = 0; i < output.len; i++) {
    right &= output.data[i] == i % 251;
  }
  CHECK(right);
  hostel_buffer_free(&output);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(freeing_null_does_nothing),
      TEST(freeing_an_empty_buffer_does_nothing),
      TEST(freeing_leaves_it_empty_so_that_twice_is_fine),
      TEST(an_empty_output_has_no_bytes),
      TEST(its_bytes_are_the_callers_own),
      TEST(it_outlives_everything_it_came_from),
      TEST(it_may_be_large),
  };
  return RUN_TESTS(argc, argv, tests);
}
