/* holochain_errors.c: the errors that a guest built on holochain_wasmer_guest returns, with all they hold. */
#include "check_holochain.h"

#define AS(kind) HOSTEL_KIND_##kind
#define PAYLOAD(text) (text), sizeof(text) - 1

/* By the guest's name for it; which statuses and which of them leave an instance in doubt is the crate's own table. */
static const struct {
  const char *name;
  hostel_kind kind;
  hostel_status status;
  bool maybe_corrupt;
  const char *payload;
  size_t payload_len;
} kinds[] = {
    {"PointerMap", AS(POINTER_MAP), HOSTEL_STATUS_GUEST_ERROR, true, PAYLOAD("")},
    {"Deserialize", AS(DESERIALIZE), HOSTEL_STATUS_GUEST_ERROR, false, PAYLOAD("\x93\0\xff")},
    {"Serialize", AS(SERIALIZE), HOSTEL_STATUS_GUEST_ERROR, false, PAYLOAD("no form")},
    {"Serialize2", AS(SERIALIZE), HOSTEL_STATUS_GUEST_ERROR, false, PAYLOAD("no sense")},
    {"ErrorWhileError", AS(ERROR_WHILE_ERROR), HOSTEL_STATUS_GUEST_ERROR, true, PAYLOAD("")},
    {"Memory", AS(MEMORY), HOSTEL_STATUS_GUEST_ERROR, true, PAYLOAD("")},
    {"Guest", AS(GUEST), HOSTEL_STATUS_GUEST_ERROR, false, PAYLOAD("no room")},
    {"Host", AS(HOST), HOSTEL_STATUS_HOST_ERROR, false, PAYLOAD("no host")},
    {"HostShortCircuit", AS(HOST_SHORT_CIRCUIT), HOSTEL_STATUS_HOST_ERROR, false, PAYLOAD("\xa2hi\0\xff")},
    {"ModuleBuild", AS(MODULE_BUILD), HOSTEL_STATUS_HOST_ERROR, true, PAYLOAD("no module")},
    {"ModuleSerialize", AS(MODULE_SERIALIZE), HOSTEL_STATUS_HOST_ERROR, true, PAYLOAD("no artifact")},
    {"ModuleDeserialize", AS(MODULE_DESERIALIZE), HOSTEL_STATUS_HOST_ERROR, true, PAYLOAD("no sealed artifact")},
    {"CallError", AS(CALL_ERROR), HOSTEL_STATUS_HOST_ERROR, true, PAYLOAD("no call")},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

/* Where the guest says that it makes its errors. */
static uint32_t line_of_errors(const hostel_guest *guest) {
  hostel_buffer output = RUBBISH_BUFFER;
  SUCCEEDS(hostel_guest_call(guest, "fail_as_line", NIL, NULL, &output, &error));
  REQUIRE(output.len == 1);
  const uint32_t line = output.data[0];
  hostel_buffer_free(&output);
  return line;
}

static void each_kind_with_all_it_holds(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  const uint32_t line = line_of_errors(guest);
  for (size_t i = 0; i < KINDS; i++) {
    uint8_t name[64];
    const size_t name_len = put_text(name, kinds[i].name);
    const told expected = {kinds[i].status,  kinds[i].kind,        "holochain::errors",   line,
                           kinds[i].payload, kinds[i].payload_len, kinds[i].maybe_corrupt};
    TELLS(expected, hostel_guest_call(guest, "fail_as", name, name_len, NULL, &output, &error));
  }
  hostel_guest_free(guest);
}

static void the_message_says_where_and_what(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  static const char *const words[] = {"holochain::errors:", "Guest", "no room"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    REFUSES(GUEST_ERROR, words[i], hostel_guest_call(guest, "fail_as", TEXT("\xa5Guest"), NULL, &output, &error));
  }
  hostel_guest_free(guest);
}

static void kinds_have_names(const hostel_engine *engine) {
  (void)engine;
  for (size_t i = 0; i < KINDS; i++) {
    const char *name = hostel_kind_name(kinds[i].kind);
    CHECK(strncmp(name, kinds[i].name, strlen(name)) == 0);
  }
  CHECK(strcmp(hostel_kind_name(HOSTEL_KIND_NONE), "None") == 0);
  CHECK(strcmp(hostel_kind_name(-1), "Unknown") == 0);
  CHECK(strcmp(hostel_kind_name(13), "Unknown") == 0);
  CHECK(strcmp(hostel_kind_name(INT32_MAX), "Unknown") == 0);
  CHECK(strcmp(hostel_kind_name(INT32_MIN), "Unknown") == 0);
}

static void no_error_has_no_kind(const hostel_engine *engine) {
  (void)engine;
  CHECK(hostel_error_kind(NULL) == HOSTEL_KIND_NONE);
  CHECK(strcmp(hostel_error_module_path(NULL), "") == 0);
  CHECK(hostel_error_line(NULL) == 0);
}

/* The guest's function fails with a Guest error of this text, somewhere in its errors.rs. */
static void fails_with_text(const hostel_guest *guest, const char *function, const uint8_t *input, size_t input_len,
                            const char *text) {
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  size_t len = 0;
  CHECK(hostel_guest_call(guest, function, input, input_len, NULL, &output, &error) == HOSTEL_STATUS_GUEST_ERROR);
  CHECK(hostel_error_kind(error) == HOSTEL_KIND_GUEST);
  CHECK(strcmp(hostel_error_module_path(error), "holochain::errors") == 0);
  CHECK(hostel_error_line(error) > 0);
  CHECK(!hostel_error_maybe_corrupt(error));
  const uint8_t *payload = hostel_error_payload(error, &len);
  CHECK(len == strlen(text) && (len == 0 || memcmp(payload, text, len) == 0));
  hostel_error_free(error);
}

static void every_form_of_wasm_error(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  fails_with_text(guest, "fail_with", TEXT("\xa4gr\xc3\xbc"), "gr\xc3\xbc");
  fails_with_text(guest, "fail_with", TEXT("\xa0"), "");
  fails_with_text(guest, "fail_literal", NIL, "closed for the season");
  fails_with_text(guest, "fail_format", TEXT("\xcd\x01\0"), "256 of 0x100 rooms");
  hostel_guest_free(guest);
}

static void try_ptr_answers_or_fails(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  ANSWERS("\xa3yes", hostel_guest_call(guest, "try_result", TEXT("\x81\xa2Ok\xa3yes"), NULL, &output, &error));
  fails_with_text(guest, "try_result",
                  TEXT("\x81\xa3"
                       "Err\xa2no"),
                  "tried: \"no\"");
  hostel_guest_free(guest);
}

static void a_value_of_another_type_comes_back_as_deserialize(const hostel_engine *engine) {
  static const struct {
    const char *function, *input;
    size_t len;
  } wrong[] = {{"text", PAYLOAD("\x07")},
               {"text", PAYLOAD("\xa5he")},
               {"record", PAYLOAD("\x80")},
               {"choice", PAYLOAD("\xa4None")},
               {"signed", PAYLOAD("\xcf\xff\xff\xff\xff\xff\xff\xff\xff")},
               {"unsigned", PAYLOAD("\xff")},
               {"text", PAYLOAD("\xc1")},
               {"text", PAYLOAD("\xa2\xff\xfe")}};
  hostel_guest *guest = quiet_guest(engine);
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    hostel_buffer output = RUBBISH_BUFFER;
    hostel_error *error = RUBBISH;
    size_t len = 0;
    const uint8_t *input = (const uint8_t *)wrong[i].input;
    CHECK(hostel_guest_call(guest, wrong[i].function, input, wrong[i].len, NULL, &output, &error) == HOSTEL_STATUS_GUEST_ERROR);
    CHECK(hostel_error_kind(error) == HOSTEL_KIND_DESERIALIZE);
    CHECK(strncmp(hostel_error_module_path(error), "holochain_wasmer_guest", 22) == 0);
    const uint8_t *payload = hostel_error_payload(error, &len);
    CHECK(len == wrong[i].len && memcmp(payload, input, len) == 0);
    CHECK(!hostel_error_maybe_corrupt(error));
    hostel_error_free(error);
  }
  hostel_guest_free(guest);
}

static void no_input_at_all_is_no_value(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  size_t len = 12345;
  CHECK(hostel_guest_call(guest, "text", NOTHING, NULL, &output, &error) == HOSTEL_STATUS_GUEST_ERROR);
  CHECK(hostel_error_kind(error) == HOSTEL_KIND_DESERIALIZE);
  (void)hostel_error_payload(error, &len);
  CHECK(len == 0);
  hostel_error_free(error);
  hostel_guest_free(guest);
}

static void a_value_that_cannot_be_said_is_serialize(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  CHECK(hostel_guest_call(guest, "unspeakable", NIL, NULL, &output, &error) == HOSTEL_STATUS_GUEST_ERROR);
  CHECK(hostel_error_kind(error) == HOSTEL_KIND_SERIALIZE);
  CHECK_ERROR(error, GUEST_ERROR, "unspeakable");
  hostel_error_free(error);
  hostel_guest_free(guest);
}

static void a_panic_is_a_trap_and_a_call_error(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  hostel_instance *instance = new_instance(guest);
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  CHECK(hostel_instance_call(instance, "panics", NIL, NULL, &output, &error) == HOSTEL_STATUS_TRAP);
  CHECK(hostel_error_kind(error) == HOSTEL_KIND_CALL_ERROR);
  CHECK(hostel_error_trap(error) == HOSTEL_TRAP_UNREACHABLE);
  CHECK(hostel_error_maybe_corrupt(error));
  CHECK(strcmp(hostel_error_module_path(error), "") == 0 && hostel_error_line(error) == 0);
  hostel_error_free(error);
  REFUSES(INSTANCE_DEAD, "", hostel_instance_call(instance, "count", NIL, NULL, &output, &error));
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void a_missing_function_is_a_call_error(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  CHECK(hostel_guest_call(guest, "absent", NIL, NULL, &output, &error) == HOSTEL_STATUS_NO_SUCH_FUNCTION);
  CHECK(hostel_error_kind(error) == HOSTEL_KIND_CALL_ERROR);
  hostel_error_free(error);
  hostel_guest_free(guest);
}

static void a_module_that_does_not_build_is_module_build(const hostel_engine *engine) {
  hostel_module *module = RUBBISH;
  hostel_error *error = RUBBISH;
  CHECK(hostel_module_load(engine, NULL, TEXT("nonsense"), NULL, &module, &error) == HOSTEL_STATUS_INVALID_MODULE);
  CHECK(hostel_error_kind(error) == HOSTEL_KIND_MODULE_BUILD);
  hostel_error_free(error);
}

static void an_error_about_the_hosts_own_arguments_has_no_kind(const hostel_engine *engine) {
  hostel_module *module = RUBBISH;
  hostel_error *error = RUBBISH;
  CHECK(hostel_module_load(engine, NULL, NULL, 1, NULL, &module, &error) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_error_kind(error) == HOSTEL_KIND_NONE);
  hostel_error_free(error);
}

static void an_instance_goes_on_after_an_error(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  hostel_instance *instance = new_instance(guest);
  for (uint8_t round = 1; round < 50; round++) {
    REFUSES(GUEST_ERROR, "closed", hostel_instance_call(instance, "fail_literal", NIL, NULL, &output, &error));
    REFUSES(GUEST_ERROR, "", hostel_instance_call(instance, "text", NIL, NULL, &output, &error));
    ANSWERS_BYTES(&round, 1, hostel_instance_call(instance, "count", NIL, NULL, &output, &error));
  }
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(each_kind_with_all_it_holds),
      TEST(the_message_says_where_and_what),
      TEST(kinds_have_names),
      TEST(no_error_has_no_kind),
      TEST(every_form_of_wasm_error),
      TEST(try_ptr_answers_or_fails),
      TEST(a_value_of_another_type_comes_back_as_deserialize),
      TEST(no_input_at_all_is_no_value),
      TEST(a_value_that_cannot_be_said_is_serialize),
      TEST(a_panic_is_a_trap_and_a_call_error),
      TEST(a_missing_function_is_a_call_error),
      TEST(a_module_that_does_not_build_is_module_build),
      TEST(an_error_about_the_hosts_own_arguments_has_no_kind),
      TEST(an_instance_goes_on_after_an_error),
  };
  return RUN_TESTS(argc, argv, tests);
}
