/* reexports.c: guests that hand the host's own functions back to it. */
#include "check.h"

#define HOST_ANSWER "(import \"host\" \"answer\" (func $answer (param i32 i32) (result i64)))"
#define BORDER                                                                                                                   \
  " (memory (export \"memory\") 1) (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024))"                   \
  " (func (export \"hostel_free\") (param i32 i32))"

static hostel_status answer(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  hostel_status *status = user_data;
  CHECK(input_len == 5 && memcmp(input, "input", 5) == 0);
  CHECK(hostel_caller_return(caller, TEXT("answer")) == HOSTEL_STATUS_OK);
  return *status;
}

static hostel_guest *guest_of(const hostel_engine *engine, const char *text, hostel_status *status) {
  hostel_imports *imports = imports_of("host", "answer", answer, status);
  hostel_guest *guest = link_guest(load_text(engine, text), imports);
  hostel_imports_free(imports);
  return guest;
}

static void a_function_of_the_host_can_be_called_as_the_guests(const hostel_engine *engine) {
  hostel_status status = HOSTEL_STATUS_OK;
  hostel_guest *guest = guest_of(engine, "(module " HOST_ANSWER BORDER " (export \"f\" (func $answer)))", &status);
  ANSWERS("answer", hostel_guest_call(guest, "f", TEXT("input"), NULL, &output, &error));
  status = HOSTEL_STATUS_HOST_ERROR;
  for (int i = 0; i < 10; i++) {
    REFUSES(HOST_ERROR, "", hostel_guest_call(guest, "f", TEXT("input"), NULL, &output, &error));
  }
  status = HOSTEL_STATUS_OK;
  ANSWERS("answer", hostel_guest_call(guest, "f", TEXT("input"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_function_of_the_host_can_be_called_by_way_of_a_table(const hostel_engine *engine) {
  hostel_status status = HOSTEL_STATUS_OK;
  hostel_guest *guest = guest_of(engine,
                                 "(module " HOST_ANSWER BORDER " (type $f (func (param i32 i32) (result i64))) (table 1 funcref)"
                                 " (elem (i32.const 0) $answer) (func (export \"f\") (type $f)"
                                 " (call_indirect (type $f) (local.get 0) (local.get 1) (i32.const 0))))",
                                 &status);
  ANSWERS("answer", hostel_guest_call(guest, "f", TEXT("input"), NULL, &output, &error));
  status = HOSTEL_STATUS_HOST_ERROR;
  REFUSES(HOST_ERROR, "", hostel_guest_call(guest, "f", TEXT("input"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static hostel_status raw_answer(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)caller;
  values[0] = 2048; /* where the block is, if it is asked for one */
  return *(hostel_status *)user_data;
}

static hostel_guest *raw_guest(const hostel_engine *engine, const char *text, bool is_alloc, hostel_status *status) {
  const hostel_value_type i32 = HOSTEL_VALUE_I32;
  const size_t count = is_alloc ? 1 : 0;
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "raw", &i32, count, &i32, count, raw_answer, status, NULL, &error));
  hostel_guest *guest = link_guest(load_text(engine, text), imports);
  hostel_imports_free(imports);
  return guest;
}

static void the_allocator_may_be_the_hosts(const hostel_engine *engine) {
  hostel_status status = HOSTEL_STATUS_OK;
  hostel_guest *guest =
      raw_guest(engine,
                "(module (import \"host\" \"raw\" (func $alloc (param i32) (result i32)))"
                " (memory (export \"memory\") 1) (export \"hostel_alloc\" (func $alloc))"
                " (func (export \"hostel_free\") (param i32 i32)) (func (export \"f\") (param i32 i32) (result i64)"
                " (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32))"
                " (i64.extend_i32_u (local.get 1)))))",
                true, &status);
  ANSWERS("input", hostel_guest_call(guest, "f", TEXT("input"), NULL, &output, &error));
  status = HOSTEL_STATUS_HOST_ERROR;
  REFUSES(HOST_ERROR, "", hostel_guest_call(guest, "f", TEXT("input"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void the_start_function_may_be_the_hosts(const hostel_engine *engine) {
  static const char *const starts[] = {"(start $s)", "(export \"_initialize\" (func $s))"};
  for (size_t i = 0; i < 2; i++) {
    char text[800];
    snprintf(text, sizeof text, "(module (import \"host\" \"raw\" (func $s)) %s %s %s)", BORDER, starts[i],
             "(func (export \"f\") (param i32 i32) (result i64) (i64.const 0))");
    hostel_status status = HOSTEL_STATUS_HOST_ERROR;
    hostel_guest *guest = raw_guest(engine, text, false, &status);
    hostel_instance *instance = RUBBISH;
    FAILS(HOST_ERROR, "", hostel_instance_new(guest, NULL, &instance, &error));
    REFUSES(HOST_ERROR, "", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
    hostel_guest_free(guest);
  }
}

static void saying_no_can_be_called_as_the_guests(const hostel_engine *engine) {
  hostel_guest *guest =
      open_text(engine, "(module (import \"hostel\" \"hostel_fail\" (func $fail (param i32 i32)))"
                        " (memory (export \"memory\") 1) (func (export \"hostel_alloc\") (param i32) (result i32)"
                        " (i32.const 1024)) (export \"hostel_free\" (func $fail)) (data (i32.const 16) \"ok\")"
                        " (func (export \"f\") (param i32 i32) (result i64) (i64.const 0x10_0000_0002)))");
  REFUSES(GUEST_ERROR, "ok", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void types_that_no_host_function_has_are_link_errors(const hostel_engine *engine) {
  static const char *const types[] = {"(param funcref)", "(param externref)", "(result v128)",
                                      "(param v128 i32) (result funcref)"};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    char text[200];
    snprintf(text, sizeof text, "(module (import \"host\" \"raw\" (func %s)))", types[i]);
    hostel_module *module = load_text(engine, text);
    hostel_status status = HOSTEL_STATUS_OK;
    hostel_imports *imports = imports_of("host", "raw", answer, &status);
    hostel_guest *guest = RUBBISH;
    FAILS(LINK_ERROR, "host.raw", hostel_guest_new(module, imports, NULL, &guest, &error));
    CHECK(guest == NULL);
    hostel_imports_free(imports);
    hostel_module_free(module);
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_function_of_the_host_can_be_called_as_the_guests),
      TEST(a_function_of_the_host_can_be_called_by_way_of_a_table),
      TEST(the_allocator_may_be_the_hosts),
      TEST(the_start_function_may_be_the_hosts),
      TEST(saying_no_can_be_called_as_the_guests),
      TEST(types_that_no_host_function_has_are_link_errors),
  };
  return RUN_TESTS(argc, argv, tests);
}
