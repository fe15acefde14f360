/* host_raw.c: host functions of plain values. */
#include "check.h"

#define BORDER                                                                                                                   \
  " (memory (export \"memory\") 1) (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024))"                   \
  " (func (export \"hostel_free\") (param i32 i32)) (func (export \"f\") (param i32 i32) (result i64)"

static const hostel_value_type two_i32[] = {HOSTEL_VALUE_I32, HOSTEL_VALUE_I32}, one_i32[] = {HOSTEL_VALUE_I32};
static const hostel_value_type one_of_each[] = {HOSTEL_VALUE_I64, HOSTEL_VALUE_F32, HOSTEL_VALUE_F64};
static const hostel_value_type one_f64[] = {HOSTEL_VALUE_F64};

static hostel_status add(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)user_data, (void)caller;
  values[0] = (uint32_t)((uint32_t)values[0] + (uint32_t)values[1]);
  return HOSTEL_STATUS_OK;
}

static hostel_status mix(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)user_data, (void)caller;
  const int64_t integer = (int64_t)values[0];
  const uint32_t low = (uint32_t)values[1];
  float single;
  double number;
  memcpy(&single, &low, sizeof single);
  memcpy(&number, &values[2], sizeof number);
  number = (double)integer + (double)single + number;
  memcpy(&values[0], &number, sizeof number);
  return HOSTEL_STATUS_OK;
}

/* A guest of raw.wat whose host.add is `callback`. */
static hostel_guest *raw_guest(const hostel_engine *engine, const char *file, hostel_raw_function callback, void *user_data) {
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "add", two_i32, 2, one_i32, 1, callback, user_data, NULL, &error));
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "mix", one_of_each, 3, one_f64, 1, mix, NULL, NULL, &error));
  hostel_guest *guest = link_guest(load_file(engine, file), imports);
  hostel_imports_free(imports);
  return guest;
}

static void integers_go_both_ways(const hostel_engine *engine) {
  hostel_guest *guest = raw_guest(engine, "raw.wat", add, NULL);
  ANSWERS("\xe8\x03\0\0", hostel_guest_call(guest, "run", TEXT("\xe8\x03\0\0"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void each_type_keeps_its_value(const hostel_engine *engine) {
  hostel_guest *guest = raw_guest(engine, "raw.wat", add, NULL);
  const double expected = 0.75; /* -3 + 1.5 + 2.25 */
  ANSWERS_BYTES(&expected, sizeof expected, hostel_guest_call(guest, "mixed", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void the_start_function_may_call_the_host(const hostel_engine *engine) {
  hostel_guest *guest = raw_guest(engine, "start_host.wat", add, NULL);
  ANSWERS("\x2a\0\0\0", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void the_type_must_be_just_the_guests(const hostel_engine *engine) {
  hostel_module *module = load_file(engine, "start_host.wat");
  hostel_imports *imports = new_imports();
  hostel_guest *guest = RUBBISH;
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "add", two_i32, 1, one_i32, 1, add, NULL, NULL, &error));
  FAILS(LINK_ERROR, "host.add", hostel_guest_new(module, imports, NULL, &guest, &error));
  CHECK(guest == NULL);
  hostel_imports_free(imports);
  hostel_module_free(module);
}

static hostel_status fail_as_told(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)values;
  CHECK(hostel_caller_fail(caller, "not today", TEXT("payload")) == HOSTEL_STATUS_OK);
  return *(hostel_status *)user_data;
}

static void a_failure_always_ends_the_call(const hostel_engine *engine) {
  const hostel_status answers[] = {HOSTEL_STATUS_OK, HOSTEL_STATUS_HOST_ERROR};
  for (size_t i = 0; i < 2; i++) {
    hostel_status answer = answers[i];
    hostel_guest *guest = raw_guest(engine, "raw.wat", fail_as_told, &answer);
    hostel_buffer output = RUBBISH_BUFFER;
    hostel_error *error = RUBBISH;
    size_t len = 0;
    CHECK(hostel_guest_call(guest, "run", TEXT("\1\0\0\0"), NULL, &output, &error) == HOSTEL_STATUS_HOST_ERROR);
    CHECK(output.data == NULL && output.len == 0);
    CHECK_ERROR(error, HOST_ERROR, "not today");
    const uint8_t *payload = hostel_error_payload(error, &len);
    CHECK(len == 7 && memcmp(payload, "payload", 7) == 0);
    hostel_error_free(error);
    hostel_guest_free(guest);
  }
}

static void a_failure_in_the_start_function_is_the_calls(const hostel_engine *engine) {
  hostel_status answer = HOSTEL_STATUS_HOST_ERROR;
  hostel_guest *guest = raw_guest(engine, "start_host.wat", fail_as_told, &answer);
  hostel_instance *instance = RUBBISH;
  REFUSES(HOST_ERROR, "not today", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  FAILS(HOST_ERROR, "not today", hostel_instance_new(guest, NULL, &instance, &error));
  CHECK(instance == NULL);
  hostel_guest_free(guest);
}

static hostel_status answer_a_number(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)caller, (void)values;
  return *(hostel_status *)user_data;
}

static void any_other_number_is_a_host_error_that_names_it(const hostel_engine *engine) {
  const hostel_status rubbish[] = {-1, 7, 12345, INT32_MAX, INT32_MIN, HOSTEL_STATUS_CANCELLED};
  hostel_status answer = HOSTEL_STATUS_OK;
  hostel_guest *guest = raw_guest(engine, "raw.wat", answer_a_number, &answer);
  for (size_t i = 0; i < sizeof rubbish / sizeof rubbish[0]; i++) {
    char number[16];
    snprintf(number, sizeof number, "%d", (int)rubbish[i]);
    answer = rubbish[i];
    REFUSES(HOST_ERROR, number, hostel_guest_call(guest, "run", TEXT("\1\0\0\0"), NULL, &output, &error));
  }
  hostel_guest_free(guest);
}

static hostel_status swap(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)user_data, (void)caller;
  for (int i = 0; i < 35; i++) {
    const uint64_t value = values[i];
    values[i] = values[69 - i];
    values[69 - i] = value;
  }
  return HOSTEL_STATUS_OK;
}

static void it_may_have_many_parameters_and_results(const hostel_engine *engine) {
  enum { COUNT = 70 };
  hostel_value_type types[COUNT];
  char list[4 * COUNT + 1] = "", text[10000], *end = text;
  for (int i = 0; i < COUNT; i++) {
    types[i] = HOSTEL_VALUE_I32;
    strcat(list, " i32");
  }
  end += sprintf(end, "(module (import \"host\" \"swap\" (func $swap (param %s) (result %s)))" BORDER " (local i32)", list, list);
  for (int i = 0; i < COUNT; i++) {
    end += sprintf(end, " (i32.const %d)", -1 - i);
  }
  end += sprintf(end, " (call $swap)");
  for (int i = COUNT - 1; i >= 0; i--) { /* each result goes to its place, the last one first */
    end += sprintf(end, " (local.set 2) (i32.store8 (i32.const %d) (local.get 2))", i);
  }
  sprintf(end, " (i64.const %d)))", COUNT);
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "swap", types, COUNT, types, COUNT, swap, NULL, NULL, &error));
  hostel_guest *guest = link_guest(load_text(engine, text), imports);
  hostel_imports_free(imports);
  uint8_t expected[COUNT];
  for (int i = 0; i < COUNT; i++) {
    expected[i] = (uint8_t)(-COUNT + i);
  }
  ANSWERS_BYTES(expected, sizeof expected, hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(integers_go_both_ways),
      TEST(each_type_keeps_its_value),
      TEST(the_start_function_may_call_the_host),
      TEST(the_type_must_be_just_the_guests),
      TEST(a_failure_always_ends_the_call),
      TEST(a_failure_in_the_start_function_is_the_calls),
      TEST(any_other_number_is_a_host_error_that_names_it),
      TEST(it_may_have_many_parameters_and_results),
  };
  return RUN_TESTS(argc, argv, tests);
}
