/* imports.c: the set of functions that a host offers. */
#include "check.h"

static hostel_status answer_ok(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)input, (void)input_len;
  return hostel_caller_return(caller, TEXT("ok"));
}

static hostel_status raw_nothing(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)user_data, (void)caller, (void)values;
  return HOSTEL_STATUS_OK;
}

static void count(void *user_data) { ++*(int *)user_data; }

static void each_argument_is_checked(const hostel_engine *engine) {
  (void)engine;
  int finalized = 0;
  hostel_imports *imports = new_imports();
  FAILS(INVALID_ARGUMENT, "imports_out", hostel_imports_new(NULL, &error));
  FAILS(INVALID_ARGUMENT, "imports", hostel_imports_define(NULL, "m", "n", answer_ok, &finalized, count, &error));
  FAILS(INVALID_ARGUMENT, "module", hostel_imports_define(imports, NULL, "n", answer_ok, &finalized, count, &error));
  FAILS(INVALID_ARGUMENT, "name", hostel_imports_define(imports, "m", NULL, answer_ok, &finalized, count, &error));
  FAILS(INVALID_ARGUMENT, "callback", hostel_imports_define(imports, "m", "n", NULL, &finalized, count, &error));
  FAILS(INVALID_ARGUMENT, "module", hostel_imports_define(imports, "\xff", "n", answer_ok, &finalized, count, &error));
  FAILS(INVALID_ARGUMENT, "name", hostel_imports_define(imports, "m", "a\xc3", answer_ok, &finalized, count, &error));
  hostel_imports_free(imports);
  CHECK(finalized == 0); /* a failure leaves the user data with its owner */
}

static hostel_status define_raw(hostel_imports *imports, const hostel_value_type *params, size_t params_len,
                                const hostel_value_type *results, size_t results_len, hostel_error **error_out) {
  return hostel_imports_define_raw(imports, "m", "n", params, params_len, results, results_len, raw_nothing, NULL, NULL,
                                   error_out);
}

static void each_argument_of_a_raw_function_is_checked(const hostel_engine *engine) {
  (void)engine;
  int finalized = 0;
  const hostel_value_type one[] = {HOSTEL_VALUE_I32};
  hostel_imports *imports = new_imports();
  FAILS(INVALID_ARGUMENT, "imports",
        hostel_imports_define_raw(NULL, "m", "n", one, 1, one, 1, raw_nothing, &finalized, count, &error));
  FAILS(INVALID_ARGUMENT, "module",
        hostel_imports_define_raw(imports, NULL, "n", one, 1, one, 1, raw_nothing, &finalized, count, &error));
  FAILS(INVALID_ARGUMENT, "name",
        hostel_imports_define_raw(imports, "m", NULL, one, 1, one, 1, raw_nothing, &finalized, count, &error));
  FAILS(INVALID_ARGUMENT, "name",
        hostel_imports_define_raw(imports, "m", "\xff", one, 1, one, 1, raw_nothing, &finalized, count, &error));
  FAILS(INVALID_ARGUMENT, "callback",
        hostel_imports_define_raw(imports, "m", "n", one, 1, one, 1, NULL, &finalized, count, &error));
  FAILS(INVALID_ARGUMENT, "params", define_raw(imports, NULL, 1, one, 1, &error));
  FAILS(INVALID_ARGUMENT, "results", define_raw(imports, one, 1, NULL, 1, &error));
  FAILS(INVALID_ARGUMENT, "params", define_raw(imports, one, PTRDIFF_MAX, one, 1, &error));
  FAILS(INVALID_ARGUMENT, "results", define_raw(imports, one, 1, one, SIZE_MAX, &error));
  hostel_imports_free(imports);
  CHECK(finalized == 0);
}

static void a_number_that_is_no_type_is_refused(const hostel_engine *engine) {
  (void)engine;
  const hostel_value_type wrong[] = {0, 5, -1, 127, 12345, INT32_MAX, INT32_MIN}, one[] = {HOSTEL_VALUE_I32};
  hostel_imports *imports = new_imports();
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    FAILS(INVALID_ARGUMENT, "params", define_raw(imports, &wrong[i], 1, one, 1, &error));
    FAILS(INVALID_ARGUMENT, "results", define_raw(imports, one, 1, &wrong[i], 1, &error));
  }
  SUCCEEDS(define_raw(imports, NULL, 0, NULL, 0, &error)); /* none of the failures has defined it */
  hostel_imports_free(imports);
}

static void a_name_is_defined_once(const hostel_engine *engine) {
  (void)engine;
  int first = 0, second = 0;
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define(imports, "m", "n", answer_ok, &first, count, &error));
  FAILS(INVALID_ARGUMENT, "m.n", hostel_imports_define(imports, "m", "n", answer_ok, &second, count, &error));
  FAILS(INVALID_ARGUMENT, "m.n",
        hostel_imports_define_raw(imports, "m", "n", NULL, 0, NULL, 0, raw_nothing, &second, count, &error));
  SUCCEEDS(hostel_imports_define(imports, "m", "n2", answer_ok, NULL, NULL, &error));
  SUCCEEDS(hostel_imports_define(imports, "m2", "n", answer_ok, NULL, NULL, &error));
  hostel_imports_free(imports);
  CHECK(first == 1 && second == 0);
}

static void they_are_frozen_once_a_guest_was_made(const hostel_engine *engine) {
  int finalized = 0;
  hostel_imports *imports = imports_of("host", "answer", answer_ok, NULL);
  hostel_guest *guest = link_guest(load_file(engine, "hosted.wasm"), imports);
  FAILS(BUSY, "imports", hostel_imports_define(imports, "m", "n", answer_ok, &finalized, count, &error));
  FAILS(BUSY, "imports", hostel_imports_define_raw(imports, "m", "r", NULL, 0, NULL, 0, raw_nothing, &finalized, count, &error));
  hostel_guest_free(guest); /* and stay so */
  FAILS(BUSY, "imports", hostel_imports_define(imports, "m", "n", answer_ok, &finalized, count, &error));
  hostel_guest *second = link_guest(load_file(engine, "chost.wasm"), imports);
  ANSWERS("ok", hostel_guest_call(second, "ask", TEXT("?"), NULL, &output, &error));
  hostel_imports_free(imports);
  hostel_guest_free(second);
  CHECK(finalized == 0);
}

static void missing_imports_are_all_named_at_once(const hostel_engine *engine) {
  hostel_module *module = load_file(engine, "missing_imports.wat");
  hostel_guest *guest = RUBBISH;
  FAILS(LINK_ERROR, "nowhere.first", hostel_guest_new(module, NULL, NULL, &guest, &error));
  CHECK(guest == NULL);
  FAILS(LINK_ERROR, "nowhere.second", hostel_guest_new(module, NULL, NULL, &guest, &error));
  FAILS(LINK_ERROR, "elsewhere.third", hostel_guest_new(module, NULL, NULL, &guest, &error));
  hostel_imports *imports = imports_of("nowhere", "first", answer_ok, NULL);
  hostel_error *error = NULL;
  CHECK(hostel_guest_new(module, imports, NULL, &guest, &error) == HOSTEL_STATUS_LINK_ERROR);
  CHECK(strstr(hostel_error_message(error), "nowhere.first") == NULL); /* there now */
  CHECK_ERROR(error, LINK_ERROR, "nowhere.second");
  hostel_error_free(error);
  hostel_imports_free(imports);
  hostel_module_free(module);
}

static void imports_of_another_type_are_all_named_at_once(const hostel_engine *engine) {
  hostel_module *module = load_file(engine, "wrong_import_types.wat");
  hostel_imports *imports = imports_of("host", "answer", answer_ok, NULL);
  hostel_guest *guest = RUBBISH;
  FAILS(LINK_ERROR, "hostel.hostel_fail", hostel_guest_new(module, imports, NULL, &guest, &error));
  CHECK(guest == NULL);
  FAILS(LINK_ERROR, "host.answer", hostel_guest_new(module, imports, NULL, &guest, &error));
  FAILS(LINK_ERROR, "(i32) -> (i64)", hostel_guest_new(module, imports, NULL, &guest, &error));
  hostel_imports_free(imports);
  hostel_module_free(module);
}

static void a_memory_cannot_be_imported(const hostel_engine *engine) {
  hostel_module *module = load_file(engine, "imports_memory.wat");
  hostel_imports *imports = imports_of("env", "memory", answer_ok, NULL);
  hostel_guest *guest = RUBBISH;
  FAILS(LINK_ERROR, "env.memory", hostel_guest_new(module, NULL, NULL, &guest, &error));
  FAILS(LINK_ERROR, "env.memory", hostel_guest_new(module, imports, NULL, &guest, &error));
  CHECK(guest == NULL);
  hostel_imports_free(imports);
  hostel_module_free(module);
}

static void what_no_guest_imports_does_no_harm(const hostel_engine *engine) {
  hostel_imports *imports = imports_of("un", "used", answer_ok, NULL);
  SUCCEEDS(hostel_imports_define(imports, "", "", answer_ok, NULL, NULL, &error));
  hostel_guest *guest = link_guest(load_file(engine, "echo.wasm"), imports);
  hostel_imports_free(imports);
  ANSWERS("hi", hostel_guest_call(guest, "echo", TEXT("hi"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void names_are_copied(const hostel_engine *engine) {
  char module[] = "host", name[] = "answer";
  hostel_imports *imports = imports_of(module, name, answer_ok, NULL);
  memset(module, 'x', 4), memset(name, 'x', 6);
  hostel_guest *guest = link_guest(load_file(engine, "hosted.wasm"), imports);
  hostel_imports_free(imports);
  ANSWERS("ok", hostel_guest_call(guest, "call_host", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_set_that_was_never_used_finalizes_when_freed(const hostel_engine *engine) {
  (void)engine;
  int finalized = 0;
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define(imports, "m", "a", answer_ok, &finalized, count, &error));
  SUCCEEDS(hostel_imports_define_raw(imports, "m", "b", NULL, 0, NULL, 0, raw_nothing, &finalized, count, &error));
  CHECK(finalized == 0);
  hostel_imports_free(imports);
  CHECK(finalized == 2);
  hostel_imports_free(NULL);
}

static void finalizers_wait_for_the_last_user_whichever_that_is(const hostel_engine *engine) {
  int finalized = 0;
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define(imports, "host", "answer", answer_ok, &finalized, count, &error));
  hostel_guest *guest = link_guest(load_file(engine, "hosted.wasm"), imports);
  hostel_function *function = RUBBISH;
  SUCCEEDS(hostel_guest_function(guest, "call_host", &function, &error));
  hostel_instance *instance = new_instance(guest);
  hostel_imports_free(imports);
  CHECK(finalized == 0);
  hostel_guest_free(guest);
  CHECK(finalized == 0);
  ANSWERS("ok", hostel_function_call(function, NOTHING, NULL, &output, &error));
  hostel_function_free(function);
  CHECK(finalized == 0);
  ANSWERS("ok", hostel_instance_call(instance, "call_host", NOTHING, NULL, &output, &error));
  hostel_instance_free(instance);
  CHECK(finalized == 1);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(each_argument_is_checked),
      TEST(each_argument_of_a_raw_function_is_checked),
      TEST(a_number_that_is_no_type_is_refused),
      TEST(a_name_is_defined_once),
      TEST(they_are_frozen_once_a_guest_was_made),
      TEST(missing_imports_are_all_named_at_once),
      TEST(imports_of_another_type_are_all_named_at_once),
      TEST(a_memory_cannot_be_imported),
      TEST(what_no_guest_imports_does_no_harm),
      TEST(names_are_copied),
      TEST(a_set_that_was_never_used_finalizes_when_freed),
      TEST(finalizers_wait_for_the_last_user_whichever_that_is),
  };
  return RUN_TESTS(argc, argv, tests);
}
