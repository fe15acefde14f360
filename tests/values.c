/* values.c: functions of plain values, such as add(i32, i32) -> i32, called without bytes. */
#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The four ways to call a function of plain values. */
static hostel_status call_any(int way, const hostel_guest *guest, const char *name, uint64_t *values, size_t len,
                              hostel_error **error_out) {
  if (way == 0) {
    return hostel_guest_call_values(guest, name, values, len, NULL, error_out);
  }
  hostel_instance *instance = new_instance(guest);
  hostel_function *function = NULL;
  hostel_status status;
  if (way == 1) {
    status = hostel_instance_call_values(instance, name, values, len, NULL, error_out);
  } else {
    SUCCEEDS(hostel_guest_value_function(guest, name, &function, &error));
    status = way == 2 ? hostel_function_call_values(function, values, len, NULL, error_out)
                      : hostel_instance_call_function_values(instance, function, values, len, NULL, error_out);
  }
  hostel_function_free(function);
  hostel_instance_free(instance);
  return status;
}

/* The function turns these values into those, whichever way it is called. */
static void turns(const hostel_engine *engine, const char *name, const uint64_t *params, size_t params_len,
                  const uint64_t *results, size_t results_len) {
  hostel_guest *guest = open_file(engine, "values.wat");
  for (int way = 0; way < 4; way++) {
    uint64_t values[8] = {0};
    const size_t len = params_len > results_len ? params_len : results_len;
    memcpy(values, params, params_len * sizeof *values);
    SUCCEEDS(call_any(way, guest, name, values, len, &error));
    for (size_t i = 0; i < results_len; i++) {
      if (values[i] != results[i]) {
        fprintf(stderr, "%s, way %d, result %zu: %llx instead of %llx\n", name, way, i, (unsigned long long)values[i],
                (unsigned long long)results[i]);
        failures++;
      }
    }
  }
  hostel_guest_free(guest);
}

#define VALUES(...) ((const uint64_t[]){__VA_ARGS__}), COUNT(((const uint64_t[]){__VA_ARGS__}))
#define TURNS(name, params, results) turns(engine, name, params, results)

static uint64_t bits32(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static uint64_t bits64(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static void each_type_goes_in_and_out(const hostel_engine *engine) {
  TURNS("i32", VALUES(41), VALUES(42));
  TURNS("i64", VALUES(UINT64_C(0x7fffffffffffffff)), VALUES(UINT64_C(0x8000000000000000)));
  TURNS("f32", VALUES(bits32(1.5F)), VALUES(bits32(-1.5F)));
  TURNS("f64", VALUES(bits64(-0.0)), VALUES(bits64(0.0)));
  TURNS("bits", VALUES(bits32(-2.0F)), VALUES(0xc0000000));
}

static void a_nan_keeps_its_bits(const hostel_engine *engine) {
  TURNS("f32", VALUES(0x7fc00001), VALUES(0xffc00001));
  TURNS("f64", VALUES(UINT64_C(0x7ff8000000000001)), VALUES(UINT64_C(0xfff8000000000001)));
}

static void the_upper_half_of_32_bits_does_not_count_and_comes_back_zero(const hostel_engine *engine) {
  TURNS("i32", VALUES(UINT64_C(0xdeadbeef00000029)), VALUES(42));
  TURNS("i32", VALUES(UINT64_MAX), VALUES(0));
  TURNS("i32", VALUES(UINT64_C(0xffffffff7fffffff)), VALUES(0x80000000));
  TURNS("extend", VALUES(UINT64_C(0xffffffff80000000)), VALUES(0x80000000));
  TURNS("wrap", VALUES(UINT64_MAX), VALUES(0xffffffff));
  TURNS("f32", VALUES(UINT64_C(0xffffffff00000000) | bits32(1.0F)), VALUES(bits32(-1.0F)));
}

static void several_results_come_in_order(const hostel_engine *engine) {
  TURNS("swap", VALUES(1, 2), VALUES(2, 1));
  TURNS("all", VALUES(1, 2, bits32(3.0F), bits64(4.0)), VALUES(bits64(4.0), bits32(3.0F), 2, 1));
  TURNS("sum8", VALUES(1, 2, 3, 4, 5, 6, 7, 8), VALUES(36));
}

static void there_may_be_no_parameters_or_no_results(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "values.wat");
  uint64_t values[2] = {7, 7};
  SUCCEEDS(hostel_guest_call_values(guest, "results_only", values, 2, NULL, &error));
  CHECK(values[0] == 0xffffffff && values[1] == UINT64_MAX - 1);
  SUCCEEDS(hostel_guest_call_values(guest, "nothing", NULL, 0, NULL, &error));
  SUCCEEDS(hostel_guest_call_values(guest, "keep", values, 1, NULL, &error));
  hostel_guest_free(guest);
}

static void there_may_be_more_room_than_needed(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "values.wat");
  uint64_t values[5] = {1, 2, 3, 4, 5};
  SUCCEEDS(hostel_guest_call_values(guest, "swap", values, 5, NULL, &error));
  CHECK(values[0] == 2 && values[1] == 1 && values[2] == 3 && values[3] == 4 && values[4] == 5);
  SUCCEEDS(hostel_guest_call_values(guest, "nothing", values, 5, NULL, &error));
  CHECK(values[0] == 2 && values[4] == 5);
  hostel_guest_free(guest);
}

static void too_little_room_is_an_invalid_argument(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "values.wat");
  uint64_t values[2] = {1, 2};
  for (int way = 0; way < 4; way++) {
    FAILS(INVALID_ARGUMENT, "values", call_any(way, guest, "swap", values, 1, &error));
    FAILS(INVALID_ARGUMENT, "values", call_any(way, guest, "keep", values, 0, &error));
    FAILS(INVALID_ARGUMENT, "values", call_any(way, guest, "kept", values, 0, &error));
    FAILS(INVALID_ARGUMENT, "values", call_any(way, guest, "results_only", NULL, 0, &error));
  }
  FAILS(INVALID_ARGUMENT, "values", hostel_guest_call_values(guest, "swap", NULL, 2, NULL, &error));
  hostel_guest_free(guest);
}

static void arguments_are_checked(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "values.wat"), *other = open_file(engine, "values.wat");
  hostel_instance *instance = new_instance(guest);
  hostel_function *function = RUBBISH, *none = RUBBISH;
  uint64_t values[2] = {1, 2};
  SUCCEEDS(hostel_guest_value_function(other, "i32", &function, &error));
  FAILS(INVALID_ARGUMENT, "guest", hostel_guest_value_function(NULL, "i32", &none, &error));
  FAILS(INVALID_ARGUMENT, "name", hostel_guest_value_function(guest, NULL, &none, &error));
  FAILS(INVALID_ARGUMENT, "function_out", hostel_guest_value_function(guest, "i32", NULL, &error));
  FAILS(INVALID_ARGUMENT, "guest", hostel_guest_call_values(NULL, "i32", values, 1, NULL, &error));
  FAILS(INVALID_ARGUMENT, "instance", hostel_instance_call_values(NULL, "i32", values, 1, NULL, &error));
  FAILS(INVALID_ARGUMENT, "function", hostel_function_call_values(NULL, values, 1, NULL, &error));
  FAILS(INVALID_ARGUMENT, "function", hostel_instance_call_function_values(instance, NULL, values, 1, NULL, &error));
  FAILS(INVALID_ARGUMENT, "", hostel_instance_call_function_values(instance, function, values, 1, NULL, &error));
  FAILS(INVALID_ARGUMENT, "", hostel_guest_call_values(guest, "\xff", values, 1, NULL, &error));
  CHECK(hostel_guest_call_values(guest, "i32", values, 1, NULL, NULL) == HOSTEL_STATUS_OK);
  hostel_function_free(function);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
  hostel_guest_free(other);
}

static void a_missing_function_is_told(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "values.wat");
  hostel_function *function = RUBBISH;
  uint64_t value = 0;
  FAILS(NO_SUCH_FUNCTION, "absent", hostel_guest_value_function(guest, "absent", &function, &error));
  CHECK(function == NULL);
  FAILS(NO_SUCH_FUNCTION, "absent", hostel_guest_call_values(guest, "absent", &value, 1, NULL, &error));
  FAILS(NO_SUCH_FUNCTION, "", hostel_guest_call_values(guest, NULL, &value, 1, NULL, &error));
  hostel_guest_free(guest);
}

/* By name, and when looked up. */
static void vectors_and_references_are_bad_abi(const hostel_engine *engine) {
  static const char *const types[] = {"(param v128) (result v128) (local.get 0)", "(result v128) (v128.const i64x2 1 2)",
                                      "(param externref) (result externref) (local.get 0)", "(result funcref) (ref.null func)"};
  for (size_t i = 0; i < COUNT(types); i++) {
    char text[300];
    snprintf(text, sizeof text, "(module (func (export \"f\") %s))", types[i]);
    hostel_guest *guest = open_text(engine, text);
    hostel_function *function = RUBBISH;
    uint64_t values[2] = {1, 2};
    FAILS(BAD_ABI, "f", hostel_guest_call_values(guest, "f", values, 2, NULL, &error));
    FAILS(BAD_ABI, "f", hostel_guest_value_function(guest, "f", &function, &error));
    CHECK(function == NULL);
    hostel_guest_free(guest);
  }
}

static void an_instance_keeps_what_it_is_told(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "values.wat");
  hostel_instance *instance = new_instance(guest);
  uint64_t value = UINT64_C(0x0123456789abcdef);
  SUCCEEDS(hostel_instance_call_values(instance, "keep", &value, 1, NULL, &error));
  value = 0;
  SUCCEEDS(hostel_instance_call_values(instance, "kept", &value, 1, NULL, &error));
  CHECK(value == UINT64_C(0x0123456789abcdef));
  SUCCEEDS(hostel_guest_call_values(guest, "kept", &value, 1, NULL, &error));
  CHECK(value == 0);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void a_trap_ends_the_instance(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "values.wat");
  hostel_instance *instance = new_instance(guest);
  uint64_t values[2] = {1, 0};
  FAILS(TRAP, "unreachable", hostel_guest_call_values(guest, "trap", values, 1, NULL, &error));
  FAILS(TRAP, "zero", hostel_instance_call_values(instance, "divide", values, 2, NULL, &error));
  FAILS(INSTANCE_DEAD, "", hostel_instance_call_values(instance, "kept", values, 2, NULL, &error));
  FAILS(STACK_OVERFLOW, "", hostel_guest_call_values(guest, "deeper", values, 2, NULL, &error));
  values[0] = 84, values[1] = 2;
  SUCCEEDS(hostel_guest_call_values(guest, "divide", values, 2, NULL, &error));
  CHECK(values[0] == 42);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void limits_hold(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "values.wat");
  hostel_call_options *options = new_options();
  uint64_t value = 1;
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_MEMORY_BYTES, 131072, &error));
  SUCCEEDS(hostel_guest_call_values(guest, "grow", &value, 1, options, &error));
  CHECK(value == 1);
  value = 2;
  SUCCEEDS(hostel_guest_call_values(guest, "grow", &value, 1, options, &error));
  CHECK(value == UINT32_MAX);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

/* A function of the ABI's own type can be called either way. */
static void the_guest_needs_no_abi(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "values.wat");
  CHECK(strcmp(hostel_guest_abi(guest), "none") == 0);
  uint64_t values[2] = {50, 8};
  SUCCEEDS(hostel_guest_call_values(guest, "like_the_abi", values, 2, NULL, &error));
  CHECK(values[0] == 42);
  hostel_guest_free(guest);
}

static void a_function_looked_up_says_how_it_cannot_be_called(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "wrong_types.wat");
  hostel_function *floats = RUBBISH, *fine = RUBBISH;
  FAILS(BAD_ABI, "floats", hostel_guest_function(guest, "floats", &floats, &error));
  CHECK(floats == NULL);
  uint64_t values[2] = {0};
  SUCCEEDS(hostel_guest_value_function(guest, "floats", &floats, &error));
  SUCCEEDS(hostel_guest_value_function(guest, "fine", &fine, &error));
  REFUSES(BAD_ABI, "floats", hostel_function_call(floats, NOTHING, NULL, &output, &error));
  SUCCEEDS(hostel_function_call_values(floats, values, 2, NULL, &error));
  ANSWERS("", hostel_function_call(fine, NOTHING, NULL, &output, &error));
  SUCCEEDS(hostel_function_call_values(fine, values, 2, NULL, &error));
  hostel_function_free(floats);
  hostel_function_free(fine);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(each_type_goes_in_and_out),
      TEST(a_nan_keeps_its_bits),
      TEST(the_upper_half_of_32_bits_does_not_count_and_comes_back_zero),
      TEST(several_results_come_in_order),
      TEST(there_may_be_no_parameters_or_no_results),
      TEST(there_may_be_more_room_than_needed),
      TEST(too_little_room_is_an_invalid_argument),
      TEST(arguments_are_checked),
      TEST(a_missing_function_is_told),
      TEST(vectors_and_references_are_bad_abi),
      TEST(an_instance_keeps_what_it_is_told),
      TEST(a_trap_ends_the_instance),
      TEST(limits_hold),
      TEST(the_guest_needs_no_abi),
      TEST(a_function_looked_up_says_how_it_cannot_be_called),
  };
  return RUN_TESTS(argc, argv, tests);
}
