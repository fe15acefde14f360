/* host_raw_memory.c: host functions of plain values that get addresses in the guest's memory. */
#include "check.h"

static const hostel_value_type two_i32[] = {HOSTEL_VALUE_I32, HOSTEL_VALUE_I32}, one_i32[] = {HOSTEL_VALUE_I32};

/* A guest of one page, whose `f` passes both its parameters to host.use, and answers what that answers. */
static hostel_guest *guest_with(const hostel_engine *engine, hostel_raw_function use, void *user_data) {
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "use", two_i32, 2, one_i32, 1, use, user_data, NULL, &error));
  hostel_guest *guest = link_guest(load_text(engine, "(module (import \"host\" \"use\" (func $use (param i32 i32) (result i32)))"
                                                     " (memory (export \"memory\") 1) (data (i32.const 16) \"hello\")"
                                                     " (func (export \"f\") (param i32 i32) (result i32)"
                                                     "   (call $use (local.get 0) (local.get 1)))"
                                                     " (func (export \"byte\") (param i32) (result i32)"
                                                     "   (i32.load8_u (local.get 0)))"
                                                     " (func (export \"grow\") (param i32) (result i32)"
                                                     "   (memory.grow (local.get 0))))"),
                                   imports);
  hostel_imports_free(imports);
  return guest;
}

/* The sum of the bytes that it gets. */
static hostel_status sum_bytes(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)user_data;
  uint8_t bytes[64] = {0};
  uint64_t sum = 0;
  CHECK(hostel_caller_memory_read(caller, values[0], bytes, (size_t)values[1]) == HOSTEL_STATUS_OK);
  for (size_t i = 0; i < (size_t)values[1]; i++) {
    sum += bytes[i];
  }
  values[0] = sum;
  return HOSTEL_STATUS_OK;
}

static void it_reads_what_the_guest_points_at(const hostel_engine *engine) {
  hostel_guest *guest = guest_with(engine, sum_bytes, NULL);
  uint64_t values[] = {16, 5};
  SUCCEEDS(hostel_guest_call_values(guest, "f", values, 2, NULL, &error));
  CHECK(values[0] == 'h' + 'e' + 'l' + 'l' + 'o');
  values[0] = 65535, values[1] = 1; /* the last byte */
  SUCCEEDS(hostel_guest_call_values(guest, "f", values, 2, NULL, &error));
  CHECK(values[0] == 0);
  hostel_guest_free(guest);
}

static hostel_status write_twice(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)user_data;
  const uint8_t byte = (uint8_t)values[1];
  CHECK(hostel_caller_memory_write(caller, values[0], &byte, 1) == HOSTEL_STATUS_OK);
  CHECK(hostel_caller_memory_write(caller, values[0] + 1, &byte, 1) == HOSTEL_STATUS_OK);
  return HOSTEL_STATUS_OK;
}

static void what_it_writes_the_guest_sees(const hostel_engine *engine) {
  hostel_guest *guest = guest_with(engine, write_twice, NULL);
  hostel_instance *instance = new_instance(guest);
  uint64_t values[] = {1000, 77};
  SUCCEEDS(hostel_instance_call_values(instance, "f", values, 2, NULL, &error));
  for (uint64_t at = 1000; at < 1002; at++) {
    values[0] = at;
    SUCCEEDS(hostel_instance_call_values(instance, "byte", values, 1, NULL, &error));
    CHECK(values[0] == 77);
  }
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

/* Nothing outside is touched, on either side. `user_data` is how many bytes the memory has. */
static hostel_status reach_outside(void *user_data, hostel_caller *caller, uint64_t *values) {
  const uint64_t size = *(uint64_t *)user_data;
  const struct {
    uint64_t address;
    size_t len;
  } outside[] = {{size, 1},       {size - 1, 2},       {size + 1, 0}, {0, (size_t)size + 1},
                 {UINT64_MAX, 1}, {UINT64_MAX - 1, 4}, {1, SIZE_MAX}};
  uint8_t bytes[8] = "untouch";
  for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
    CHECK(hostel_caller_memory_read(caller, outside[i].address, bytes, outside[i].len) == HOSTEL_STATUS_INVALID_ARGUMENT);
    CHECK(hostel_caller_memory_write(caller, outside[i].address, bytes, outside[i].len) == HOSTEL_STATUS_INVALID_ARGUMENT);
  }
  CHECK(memcmp(bytes, "untouch", 8) == 0);
  CHECK(hostel_caller_memory_read(NULL, 0, bytes, 1) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_memory_write(NULL, 0, bytes, 1) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_memory_read(caller, 0, NULL, 1) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_memory_write(caller, 0, NULL, 1) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_memory_read(caller, size, NULL, 0) == HOSTEL_STATUS_OK);
  CHECK(hostel_caller_memory_write(caller, size, NULL, 0) == HOSTEL_STATUS_OK);
  CHECK(hostel_caller_memory_read(caller, size - 1, bytes, 1) == HOSTEL_STATUS_OK);
  values[0] = 0;
  return HOSTEL_STATUS_OK;
}

static void what_is_outside_is_an_invalid_argument_and_no_more(const hostel_engine *engine) {
  uint64_t size = 65536, values[2] = {0};
  hostel_guest *guest = guest_with(engine, reach_outside, &size);
  hostel_instance *instance = new_instance(guest);
  SUCCEEDS(hostel_instance_call_values(instance, "f", values, 2, NULL, &error));
  values[0] = 2;
  SUCCEEDS(hostel_instance_call_values(instance, "grow", values, 1, NULL, &error));
  size = 65536 * 3;
  SUCCEEDS(hostel_instance_call_values(instance, "f", values, 2, NULL, &error));
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static hostel_status no_memory(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)user_data, (void)values;
  uint8_t byte = 0;
  CHECK(hostel_caller_memory_read(caller, 0, &byte, 1) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_memory_write(caller, 0, &byte, 1) == HOSTEL_STATUS_INVALID_ARGUMENT);
  return HOSTEL_STATUS_OK;
}

static void a_guest_may_have_no_memory(const hostel_engine *engine) {
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "use", NULL, 0, NULL, 0, no_memory, NULL, NULL, &error));
  hostel_guest *guest =
      link_guest(load_text(engine, "(module (import \"host\" \"use\" (func $use)) (func (export \"f\") (call $use)))"), imports);
  hostel_imports_free(imports);
  SUCCEEDS(hostel_guest_call_values(guest, "f", NULL, 0, NULL, &error));
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(it_reads_what_the_guest_points_at),
      TEST(what_it_writes_the_guest_sees),
      TEST(what_is_outside_is_an_invalid_argument_and_no_more),
      TEST(a_guest_may_have_no_memory),
  };
  return RUN_TESTS(argc, argv, tests);
}
