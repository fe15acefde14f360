/* instance_memory.c: looking into an instance's memory. */
#include "check.h"

enum { PAGE = 65536 };

static void each_argument_is_checked(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "grow_two.wat");
  hostel_instance *instance = new_instance(guest);
  const size_t too_long = (size_t)PTRDIFF_MAX + 1;
  uint8_t byte = 7;
  uint64_t size = 7;
  FAILS(INVALID_ARGUMENT, "instance", hostel_instance_memory_size(NULL, &size, &error));
  CHECK(size == 0);
  FAILS(INVALID_ARGUMENT, "bytes_out", hostel_instance_memory_size(instance, NULL, &error));
  FAILS(INVALID_ARGUMENT, "instance", hostel_instance_memory_read(NULL, 0, &byte, 1, &error));
  FAILS(INVALID_ARGUMENT, "data", hostel_instance_memory_read(instance, 0, NULL, 1, &error));
  FAILS(INVALID_ARGUMENT, "data", hostel_instance_memory_read(instance, 0, &byte, too_long, &error));
  FAILS(INVALID_ARGUMENT, "instance", hostel_instance_memory_write(NULL, 0, &byte, 1, &error));
  FAILS(INVALID_ARGUMENT, "data", hostel_instance_memory_write(instance, 0, NULL, 1, &error));
  FAILS(INVALID_ARGUMENT, "data", hostel_instance_memory_write(instance, 0, &byte, too_long, &error));
  SUCCEEDS(hostel_instance_memory_read(instance, 0, NULL, 0, &error));
  SUCCEEDS(hostel_instance_memory_write(instance, 0, NULL, 0, &error));
  CHECK(byte == 7);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void what_is_written_is_read_back(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "grow_two.wat");
  hostel_instance *instance = new_instance(guest);
  uint8_t *in = malloc(PAGE), *out = malloc(PAGE);
  REQUIRE(in != NULL && out != NULL);
  for (size_t i = 0; i < PAGE; i++) {
    in[i] = (uint8_t)(i % 251);
  }
  SUCCEEDS(hostel_instance_memory_write(instance, 0, in, PAGE, &error));
  SUCCEEDS(hostel_instance_memory_read(instance, 0, out, PAGE, &error));
  CHECK(memcmp(in, out, PAGE) == 0);
  SUCCEEDS(hostel_instance_memory_read(instance, 251 * 7 + 3, out, 2, &error));
  CHECK(out[0] == 3 && out[1] == 4);
  free(in);
  free(out);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void the_guest_sees_what_is_written(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "odd_names.wat");
  hostel_instance *instance = new_instance(guest);
  SUCCEEDS(hostel_instance_memory_write(instance, 16, TEXT("hi"), &error));
  ANSWERS("hi", hostel_instance_call(instance, " ", NOTHING, NULL, &output, &error));
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void nothing_outside_is_read_or_written(const hostel_engine *engine) {
  static const struct {
    uint64_t address;
    size_t len;
  } outside[] = {
      {PAGE, 1},           {PAGE - 1, 2},   {PAGE + 1, 0},   {0, PAGE + 1},          {UINT64_MAX, 1},        {UINT64_MAX, 2},
      {UINT64_MAX - 1, 2}, {UINT64_MAX, 0}, {UINT32_MAX, 1}, {UINT64_C(1) << 32, 1}, {UINT64_C(1) << 63, 1},
  };
  hostel_guest *guest = open_file(engine, "grow_two.wat");
  hostel_instance *instance = new_instance(guest);
  uint8_t *data = malloc(PAGE + 1);
  REQUIRE(data != NULL);
  memset(data, 0x77, PAGE + 1);
  for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
    FAILS(INVALID_ARGUMENT, "address", hostel_instance_memory_read(instance, outside[i].address, data, outside[i].len, &error));
    FAILS(INVALID_ARGUMENT, "address", hostel_instance_memory_write(instance, outside[i].address, data, outside[i].len, &error));
  }
  bool untouched = true;
  for (size_t i = 0; i < PAGE + 1; i++) {
    untouched &= data[i] == 0x77;
  }
  CHECK(untouched);
  SUCCEEDS(hostel_instance_memory_read(instance, PAGE - 1, data, 1, &error));
  CHECK(data[0] == 0); /* not written either */
  SUCCEEDS(hostel_instance_memory_write(instance, PAGE, data, 0, &error));
  free(data);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void its_size_follows_growth(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "grow_two.wat");
  hostel_instance *instance = new_instance(guest);
  uint64_t size = 7;
  uint8_t last = 0;
  SUCCEEDS(hostel_instance_memory_size(instance, &size, &error));
  CHECK(size == PAGE);
  ANSWERS("!", hostel_instance_call(instance, "f", NOTHING, NULL, &output, &error));
  SUCCEEDS(hostel_instance_memory_size(instance, &size, &error));
  CHECK(size == 3 * PAGE);
  SUCCEEDS(hostel_instance_memory_read(instance, 3 * PAGE - 1, &last, 1, &error));
  CHECK(last == '!');
  FAILS(INVALID_ARGUMENT, "address", hostel_instance_memory_read(instance, 3 * PAGE, &last, 1, &error));
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void a_guest_without_memory_has_none(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, "(module (func (export \"f\")))");
  hostel_instance *instance = new_instance(guest);
  uint64_t size = 7;
  uint8_t byte = 7;
  SUCCEEDS(hostel_instance_memory_size(instance, &size, &error));
  CHECK(size == 0);
  FAILS(INVALID_ARGUMENT, "address", hostel_instance_memory_read(instance, 0, &byte, 1, &error));
  CHECK(byte == 7);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void a_dead_instance_can_still_be_read(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "free_traps.wat");
  hostel_instance *instance = new_instance(guest);
  uint8_t bytes[2] = {0, 0};
  uint64_t size = 0;
  REFUSES(TRAP, "unreachable", hostel_instance_call(instance, "f", NOTHING, NULL, &output, &error));
  REFUSES(INSTANCE_DEAD, "", hostel_instance_call(instance, "empty", NOTHING, NULL, &output, &error));
  SUCCEEDS(hostel_instance_memory_read(instance, 16, bytes, 2, &error));
  CHECK(memcmp(bytes, "ok", 2) == 0);
  SUCCEEDS(hostel_instance_memory_size(instance, &size, &error));
  CHECK(size == PAGE);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(each_argument_is_checked),           TEST(what_is_written_is_read_back), TEST(the_guest_sees_what_is_written),
      TEST(nothing_outside_is_read_or_written), TEST(its_size_follows_growth),      TEST(a_guest_without_memory_has_none),
      TEST(a_dead_instance_can_still_be_read),
  };
  return RUN_TESTS(argc, argv, tests);
}
