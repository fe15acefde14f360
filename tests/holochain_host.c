/* holochain_host.c: what host functions answer to a guest built on holochain_wasmer_guest, and what it makes of it. */
#include "check_holochain.h"

/* What the host function does with its input, "input": an answer, then a failure, then an end. */
typedef struct plan {
  const char *output;
  size_t output_len;
  const char *message;
  hostel_status returns;
  int calls;
} plan;

static hostel_status follow(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  plan *plan = user_data;
  plan->calls++;
  CHECK(input_len == 6 && memcmp(input, "\xa5input", 6) == 0); /* the value alone: a guest's input has no envelope */
  if (plan->output != NULL) {
    CHECK(hostel_caller_return(caller, (const uint8_t *)plan->output, plan->output_len) == HOSTEL_STATUS_OK);
  }
  if (plan->message != NULL) {
    CHECK(hostel_caller_fail(caller, plan->message, NULL, 0) == HOSTEL_STATUS_OK);
  }
  return plan->returns;
}

#define INPUT TEXT("\xa5input")
#define WASM_ERROR(path, line, kind)                                                                                             \
  "\x81\xa3"                                                                                                                     \
  "Err\x83\xabmodule_path" path "\xa4line" line "\xa5"                                                                           \
  "error" kind

static void an_answer_is_put_in_an_ok(const hostel_engine *engine) {
  plan plan = {.output = "\xa6"
                         "answer",
               .output_len = 7};
  hostel_guest *guest = holochain_guest(engine, follow, &plan);
  ANSWERS("\xa6"
          "answer",
          hostel_guest_call(guest, "ask", INPUT, NULL, &output, &error));
  ANSWERS("\x81\xa2Ok\xa6"
          "answer",
          hostel_guest_call(guest, "ask_and_tell", INPUT, NULL, &output, &error));
  CHECK(plan.calls == 2);
  hostel_guest_free(guest);
}

static void no_answer_is_nil(const hostel_engine *engine) {
  plan plan = {0};
  hostel_guest *guest = holochain_guest(engine, follow, &plan);
  ANSWERS("\xa7went on", hostel_guest_call(guest, "shorten", INPUT, NULL, &output, &error)); /* it wants a () */
  hostel_guest_free(guest);
}

static void an_answer_of_another_type_is_deserialize_to_the_guest(const hostel_engine *engine) {
  plan plan = {.output = "\x07", .output_len = 1};
  hostel_guest *guest = holochain_guest(engine, follow, &plan);
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  size_t len = 0;
  CHECK(hostel_guest_call(guest, "ask", INPUT, NULL, &output, &error) == HOSTEL_STATUS_GUEST_ERROR);
  CHECK(hostel_error_kind(error) == HOSTEL_KIND_DESERIALIZE);
  const uint8_t *payload = hostel_error_payload(error, &len);
  CHECK(len == 5 && memcmp(payload, "\x81\xa2Ok\x07", 5) == 0);
  hostel_error_free(error);
  hostel_guest_free(guest);
}

static void a_failure_reaches_the_guest_as_host(const hostel_engine *engine) {
  plan plan = {.message = "no bed"};
  hostel_guest *guest = holochain_guest(engine, follow, &plan);
  ANSWERS(WASM_ERROR("\xa6hostel", "\0", "\x81\xa4Host\xa6no bed"),
          hostel_guest_call(guest, "ask_and_tell", INPUT, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_guest_may_pass_the_failure_on(const hostel_engine *engine) {
  plan plan = {.message = "no bed"};
  hostel_guest *guest = holochain_guest(engine, follow, &plan);
  const told host = {HOSTEL_STATUS_HOST_ERROR, HOSTEL_KIND_HOST, "hostel", 0, "no bed", 6, false};
  TELLS(host, hostel_guest_call(guest, "ask", INPUT, NULL, &output, &error));
  REFUSES(GUEST_ERROR, "the host failed: ", hostel_guest_call(guest, "ask_or_fail", INPUT, NULL, &output, &error));
  REFUSES(GUEST_ERROR, "no bed", hostel_guest_call(guest, "ask_or_fail", INPUT, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void host_error_ends_the_call(const hostel_engine *engine) {
  plan plan = {.message = "enough", .returns = HOSTEL_STATUS_HOST_ERROR};
  hostel_guest *guest = holochain_guest(engine, follow, &plan);
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  CHECK(hostel_guest_call(guest, "ask_and_tell", INPUT, NULL, &output, &error) == HOSTEL_STATUS_HOST_ERROR);
  CHECK_ERROR(error, HOST_ERROR, "enough");
  CHECK(hostel_error_kind(error) == HOSTEL_KIND_HOST);
  hostel_error_free(error);
  plan.returns = 12345;
  REFUSES(HOST_ERROR, "12345", hostel_guest_call(guest, "ask_and_tell", INPUT, NULL, &output, &error));
  hostel_guest_free(guest);
}

/* What hostel_caller_fail_as() is told, and what the guest sees of it. */
typedef struct failure {
  hostel_kind kind;
  const char *message, *payload;
  size_t payload_len;
  const char *seen;
  size_t seen_len;
  hostel_status returns;
} failure;

#define SEEN(kind)                                                                                                               \
  WASM_ERROR("\xa4"                                                                                                              \
             "a::b",                                                                                                             \
             "\xcd\x01\x2c", kind),                                                                                              \
      sizeof(WASM_ERROR("\xa4"                                                                                                   \
                        "a::b",                                                                                                  \
                        "\xcd\x01\x2c", kind)) -                                                                                 \
          1
#define KIND(name) HOSTEL_KIND_##name
static const failure failures_as[] = {
    {KIND(POINTER_MAP), "m", NULL, 0, SEEN("\xaaPointerMap"), 0},
    {KIND(DESERIALIZE), "m", "\x93\0\xff", 3,
     SEEN("\x81\xab"
          "Deserialize\xc4\x03\x93\0\xff"),
     0},
    {KIND(SERIALIZE), "m", NULL, 0, SEEN("\x81\xa9Serialize\x81\xa9Serialize\xa1m"), 0},
    {KIND(ERROR_WHILE_ERROR), "m", NULL, 0,
     SEEN("\xaf"
          "ErrorWhileError"),
     0},
    {KIND(MEMORY), "m", NULL, 0, SEEN("\xa6Memory"), 0},
    {KIND(GUEST), "gr\xc3\xbc", NULL, 0, SEEN("\x81\xa5Guest\xa4gr\xc3\xbc"), 0},
    {KIND(HOST), "", NULL, 0, SEEN("\x81\xa4Host\xa0"), 0},
    {KIND(HOST_SHORT_CIRCUIT), "m", "\x01\x7f\x80\xff", 4, SEEN("\x81\xb0HostShortCircuit\x94\x01\x7f\xcc\x80\xcc\xff"), 0},
    {KIND(MODULE_BUILD), "m", NULL, 0, SEEN("\x81\xabModuleBuild\xa1m"), 0},
    {KIND(MODULE_SERIALIZE), "m", NULL, 0, SEEN("\x81\xafModuleSerialize\xa1m"), 0},
    {KIND(MODULE_DESERIALIZE), "m", NULL, 0, SEEN("\x81\xb1ModuleDeserialize\xa1m"), 0},
    {KIND(CALL_ERROR), "m", NULL, 0,
     SEEN("\x81\xa9"
          "CallError\xa1m"),
     0},
};
#define FAILURES (sizeof failures_as / sizeof failures_as[0])

static hostel_status fail_as_told(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  const failure *told = user_data;
  CHECK(hostel_caller_fail_as(caller, told->kind, "a::b", 300, told->message, (const uint8_t *)told->payload,
                              told->payload_len) == HOSTEL_STATUS_OK);
  return told->returns;
}

static void each_kind_reaches_the_guest_as_itself(const hostel_engine *engine) {
  failure failure;
  hostel_guest *guest = holochain_guest(engine, fail_as_told, &failure);
  for (size_t i = 0; i < FAILURES; i++) {
    failure = failures_as[i];
    const int before = failures;
    ANSWERS_BYTES(failure.seen, failure.seen_len, hostel_guest_call(guest, "ask_and_tell", INPUT, NULL, &output, &error));
    if (failures != before) {
      fprintf(stderr, "  that was %s\n", hostel_kind_name(failure.kind));
    }
  }
  hostel_guest_free(guest);
}

static void each_kind_ends_the_call_as_itself(const hostel_engine *engine) {
  failure failure;
  hostel_guest *guest = holochain_guest(engine, fail_as_told, &failure);
  for (size_t i = 0; i < FAILURES; i++) {
    failure = failures_as[i];
    failure.returns = HOSTEL_STATUS_HOST_ERROR;
    if (failure.kind == HOSTEL_KIND_HOST_SHORT_CIRCUIT) {
      continue; /* it is in holochain_circuit.c */
    }
    hostel_buffer output = RUBBISH_BUFFER;
    hostel_error *error = RUBBISH;
    CHECK(hostel_guest_call(guest, "ask_and_tell", INPUT, NULL, &output, &error) == HOSTEL_STATUS_HOST_ERROR);
    CHECK(hostel_error_kind(error) == failure.kind);
    CHECK(strcmp(hostel_error_module_path(error), "a::b") == 0 && hostel_error_line(error) == 300);
    hostel_error_free(error);
  }
  hostel_guest_free(guest);
}

static hostel_status misuse(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data;
  const size_t too_long = (size_t)PTRDIFF_MAX + 1;
  const hostel_kind none[] = {HOSTEL_KIND_NONE, -1, 13, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
    CHECK(hostel_caller_fail_as(caller, none[i], "m", 1, "no", NULL, 0) == HOSTEL_STATUS_INVALID_ARGUMENT);
  }
  CHECK(hostel_caller_fail_as(NULL, HOSTEL_KIND_HOST, "m", 1, "no", NULL, 0) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_fail_as(caller, HOSTEL_KIND_HOST, "m", 1, NULL, NULL, 0) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_fail_as(caller, HOSTEL_KIND_HOST, "m", 1, "\xff", NULL, 0) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_fail_as(caller, HOSTEL_KIND_HOST, "\xff", 1, "no", NULL, 0) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_fail_as(caller, HOSTEL_KIND_DESERIALIZE, "m", 1, "no", NULL, 1) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_fail_as(caller, HOSTEL_KIND_DESERIALIZE, "m", 1, "no", input, too_long) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_short_circuit(NULL, input, input_len) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_short_circuit(caller, NULL, 1) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_short_circuit(caller, input, too_long) == HOSTEL_STATUS_INVALID_ARGUMENT);
  return hostel_caller_return(caller, input, input_len);
}

static void misuse_of_the_caller_is_told_and_does_no_harm(const hostel_engine *engine) {
  hostel_guest *guest = holochain_guest(engine, misuse, NULL);
  ANSWERS("\xa5input", hostel_guest_call(guest, "ask", INPUT, NULL, &output, &error));
  hostel_guest_free(guest);
}

static hostel_status give_back(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data;
  return hostel_caller_return(caller, input, input_len);
}

static void large_values_go_both_ways(const hostel_engine *engine) {
  const size_t len = (size_t)8 << 20;
  uint8_t *value = malloc(len + 5);
  REQUIRE(value != NULL);
  memcpy(value, "\xc6\0\x80\0\0", 5);
  for (size_t i = 0; i < len; i++) {
    value[5 + i] = (uint8_t)(i % 253);
  }
  hostel_guest *guest = holochain_guest(engine, give_back, NULL);
  ANSWERS_BYTES(value, len + 5, hostel_guest_call(guest, "ask_bytes", value, len + 5, NULL, &output, &error));
  hostel_guest_free(guest);
  free(value);
}

/* A MessagePack number below 2^16, and the next. */
static hostel_status next_number(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data;
  unsigned number = input[0];
  if (input[0] >= 0xcc) {
    REQUIRE(input_len == (input[0] == 0xcc ? 2u : 3u));
    number = input[0] == 0xcc ? input[1] : (unsigned)(input[1] << 8 | input[2]);
  }
  number++;
  const uint8_t wide[] = {0xcd, (uint8_t)(number >> 8), (uint8_t)number};
  return hostel_caller_return(caller, wide, sizeof wide);
}

static void the_host_may_be_asked_often(const hostel_engine *engine) {
  hostel_guest *guest = holochain_guest(engine, next_number, NULL);
  hostel_instance *instance = new_instance(guest);
  for (int i = 0; i < 3; i++) {
    ANSWERS("\xcd\x27\x10", hostel_instance_call(instance, "ask_often", TEXT("\xcd\x27\x10"), NULL, &output, &error));
  }
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(an_answer_is_put_in_an_ok),
      TEST(no_answer_is_nil),
      TEST(an_answer_of_another_type_is_deserialize_to_the_guest),
      TEST(a_failure_reaches_the_guest_as_host),
      TEST(a_guest_may_pass_the_failure_on),
      TEST(host_error_ends_the_call),
      TEST(each_kind_reaches_the_guest_as_itself),
      TEST(each_kind_ends_the_call_as_itself),
      TEST(misuse_of_the_caller_is_told_and_does_no_harm),
      TEST(large_values_go_both_ways),
      TEST(the_host_may_be_asked_often),
  };
  return RUN_TESTS(argc, argv, tests);
}
