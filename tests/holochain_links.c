/* holochain_links.c: which host functions a holochain guest is linked with, and whose the blocks are that pass
 * between them. */
#include "check_holochain.h"

static hostel_status answer_hi(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)input, (void)input_len;
  return hostel_caller_return(caller, TEXT("\xa2hi"));
}

static uint32_t plain(hostel_instance *instance, const char *function) {
  uint64_t value = UINT64_MAX;
  SUCCEEDS(hostel_instance_call_values(instance, function, &value, 1, NULL, &error));
  CHECK(value <= UINT32_MAX);
  return (uint32_t)value;
}

static hostel_guest *counting_guest(const hostel_engine *engine, hostel_host_function callback, void *user_data) {
  hostel_imports *imports = imports_of("env", "__hc__answer_1", callback, user_data);
  hostel_guest *guest = link_guest(load_file(engine, "hc_counts.wat"), imports);
  hostel_imports_free(imports);
  return guest;
}

static void what_the_host_function_got_is_given_back_to_the_guest(const hostel_engine *engine) {
  hostel_guest *guest = counting_guest(engine, answer_hi, NULL);
  hostel_instance *instance = new_instance(guest);
  ANSWERS("\xc0", hostel_instance_call(instance, "f", NIL, NULL, &output, &error));
  CHECK(plain(instance, "seen") == 1);       /* the host's input, before the call goes on */
  CHECK(plain(instance, "given_back") == 2); /* and the output, at the end */
  CHECK(plain(instance, "last_ptr") == 0x10 && plain(instance, "last_len") == 5);
  ANSWERS("\xa2hi", hostel_instance_call(instance, "pass", NIL, NULL, &output, &error));
  CHECK(plain(instance, "last_ptr") == 0x8000 && plain(instance, "last_len") == 7);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static hostel_status fail_gently(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)input, (void)input_len;
  return hostel_caller_fail(caller, "no", NULL, 0);
}

static hostel_status cut_short(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)input, (void)input_len;
  return hostel_caller_short_circuit(caller, TEXT("\xa6shorts"));
}

/* So an instance may be used again after either. */
static void it_is_given_back_after_a_failure_and_a_short_circuit_too(const hostel_engine *engine) {
  const struct {
    hostel_host_function callback;
    bool ends;
  } rows[] = {{fail_gently, false}, {cut_short, true}};
  for (size_t i = 0; i < 2; i++) {
    hostel_guest *guest = counting_guest(engine, rows[i].callback, NULL);
    hostel_instance *instance = new_instance(guest);
    if (rows[i].ends) {
      ANSWERS("\xa6shorts", hostel_instance_call(instance, "f", NIL, NULL, &output, &error));
      CHECK(plain(instance, "given_back") == 1);
      CHECK(plain(instance, "last_ptr") == 0x20 && plain(instance, "last_len") == 6);
    } else {
      ANSWERS("\xc0", hostel_instance_call(instance, "f", NIL, NULL, &output, &error));
      CHECK(plain(instance, "seen") == 1);
    }
    hostel_instance_free(instance);
    hostel_guest_free(guest);
  }
}

static void an_input_outside_the_memory_is_bad_abi(const hostel_engine *engine) {
  hostel_guest *guest = counting_guest(engine, not_to_be_called, NULL);
  REFUSES(BAD_ABI, "host function", hostel_guest_call(guest, "outside", NIL, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_deallocator_that_traps_under_a_host_function_is_a_trap(const hostel_engine *engine) {
  hostel_imports *imports = imports_of("env", "__hc__answer_1", answer_hi, NULL);
  hostel_guest *guest = link_guest(
      load_text(engine, "(module (import \"env\" \"__hc__answer_1\" (func $answer (param i32 i32) (result i64)))"
                        " (memory (export \"memory\") 1)"
                        " (func (export \"__hc__allocate_1\") (param i32) (result i32) (i32.const 1024))"
                        " (func (export \"__hc__deallocate_1\") (param i32 i32) unreachable)"
                        " (func (export \"f\") (param i32 i32) (result i64) (call $answer (local.get 0) (local.get 1))))"),
      imports);
  hostel_imports_free(imports);
  REFUSES(TRAP, "unreachable", hostel_guest_call(guest, "f", NIL, NULL, &output, &error));
  hostel_guest_free(guest);
}

/* Linking the guest fails with a message that holds these words. */
static void check_link_error(const hostel_engine *engine, const char *file, const hostel_imports *imports, const char *word,
                             const char *other) {
  hostel_module *module = load_file(engine, file);
  hostel_guest *guest = RUBBISH;
  FAILS(LINK_ERROR, word, hostel_guest_new(module, imports, NULL, &guest, &error));
  CHECK(guest == NULL);
  FAILS(LINK_ERROR, other, hostel_guest_new(module, imports, NULL, &guest, &error));
  hostel_module_free(module);
}

static void missing_host_functions_are_all_named(const hostel_engine *engine) {
  check_link_error(engine, "holochain.wasm", NULL, "__hc__answer_1", "__hc__short_circuit_5");
  hostel_imports *imports = imports_of("env", "__hc__answer_1", answer_hi, NULL);
  check_link_error(engine, "holochain.wasm", imports, "__hc__next_1", "__hc__short_circuit_5");
  hostel_imports_free(imports);
}

static void another_version_is_another_function(const hostel_engine *engine) {
  hostel_imports *imports = imports_of("env", "__hc__answer_2", answer_hi, NULL);
  check_link_error(engine, "hc_counts.wat", imports, "__hc__answer_1", "env");
  hostel_imports_free(imports);
}

static void another_module_is_another_function(const hostel_engine *engine) {
  hostel_imports *imports = imports_of("host", "__hc__answer_1", answer_hi, NULL);
  check_link_error(engine, "hc_counts.wat", imports, "__hc__answer_1", "env");
  hostel_imports_free(imports);
}

static void a_host_function_of_another_type_is_named(const hostel_engine *engine) {
  hostel_imports *imports = new_imports();
  static const char *const names[] = {"__hc__answer_1", "__hc__answer_2", "__hc__odd_1"};
  for (size_t i = 0; i < 3; i++) {
    SUCCEEDS(hostel_imports_define(imports, "env", names[i], answer_hi, NULL, NULL, &error));
  }
  check_link_error(engine, "hc_versions.wat", imports, "__hc__odd_1", "i32");
  hostel_imports_free(imports);
}

static hostel_status answer_two(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  return hostel_caller_return(caller, user_data, 1);
}

static void two_versions_live_side_by_side(const hostel_engine *engine) {
  static uint8_t one = 1, two = 2;
  hostel_imports *imports = imports_of("env", "__hc__v_1", answer_two, &one);
  SUCCEEDS(hostel_imports_define(imports, "env", "__hc__v_2", answer_two, &two, NULL, &error));
  hostel_guest *guest = link_guest(
      load_text(engine, "(module (import \"env\" \"__hc__v_1\" (func $one (param i32 i32) (result i64)))"
                        " (import \"env\" \"__hc__v_2\" (func $two (param i32 i32) (result i64)))"
                        " (memory (export \"memory\") 1)"
                        " (func (export \"__hc__allocate_1\") (param i32) (result i32) (i32.const 1024))"
                        " (func (export \"__hc__deallocate_1\") (param i32 i32))"
                        " (func (export \"one\") (param i32 i32) (result i64) (call $one (local.get 0) (local.get 1)))"
                        " (func (export \"two\") (param i32 i32) (result i64) (call $two (local.get 0) (local.get 1))))"),
      imports);
  hostel_imports_free(imports);
  ANSWERS("\x01", hostel_guest_call(guest, "one", NIL, NULL, &output, &error));
  ANSWERS("\x02", hostel_guest_call(guest, "two", NIL, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void only_what_is_called_is_imported(const hostel_engine *engine) {
  hostel_module *module = holochain_module(engine);
  CHECK(hostel_module_import_count(module) == 3); /* of the four that host_externs! declares */
  for (size_t i = 0; i < hostel_module_import_count(module); i++) {
    CHECK(strcmp(hostel_module_import_module(module, i), "env") == 0);
    CHECK(strstr(hostel_module_import_name(module, i), "unused") == NULL);
    CHECK(strcmp(hostel_module_import_type(module, i), "(i32, i32) -> (i64)") == 0);
  }
  hostel_module_free(module);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(what_the_host_function_got_is_given_back_to_the_guest),
      TEST(it_is_given_back_after_a_failure_and_a_short_circuit_too),
      TEST(an_input_outside_the_memory_is_bad_abi),
      TEST(a_deallocator_that_traps_under_a_host_function_is_a_trap),
      TEST(missing_host_functions_are_all_named),
      TEST(another_version_is_another_function),
      TEST(another_module_is_another_function),
      TEST(a_host_function_of_another_type_is_named),
      TEST(two_versions_live_side_by_side),
      TEST(only_what_is_called_is_imported),
  };
  return RUN_TESTS(argc, argv, tests);
}
