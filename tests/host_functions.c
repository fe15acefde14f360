/* host_functions.c: what host functions may answer, and who hears of it. */
#include "check.h"

/* What the host function does; `returns` is its own answer. */
typedef struct plan {
  const char *message;
  const char *payload;
  size_t payload_len;
  const char *output;
  hostel_status returns;
  int calls;
} plan;

static hostel_status follow(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  plan *plan = user_data;
  plan->calls++;
  CHECK(input != NULL);
  CHECK(input_len == 5 && memcmp(input, "input", 5) == 0);
  if (plan->message != NULL) {
    CHECK(hostel_caller_fail(caller, plan->message, (const uint8_t *)plan->payload, plan->payload_len) == HOSTEL_STATUS_OK);
  }
  if (plan->output != NULL) {
    CHECK(hostel_caller_return(caller, (const uint8_t *)plan->output, strlen(plan->output)) == HOSTEL_STATUS_OK);
  }
  return plan->returns;
}

static hostel_guest *guest_with(const hostel_engine *engine, const char *file, hostel_host_function callback, void *user_data) {
  hostel_imports *imports = imports_of("host", "answer", callback, user_data);
  hostel_guest *guest = link_guest(load_file(engine, file), imports);
  hostel_imports_free(imports);
  return guest;
}

static void an_answer_reaches_the_guest(const hostel_engine *engine) {
  plan plan = {.output = "answer"};
  hostel_guest *rust = guest_with(engine, "hosted.wasm", follow, &plan);
  hostel_guest *c = guest_with(engine, "chost.wasm", follow, &plan);
  ANSWERS("answer", hostel_guest_call(rust, "call_host", TEXT("input"), NULL, &output, &error));
  ANSWERS("answer", hostel_guest_call(c, "ask", TEXT("input"), NULL, &output, &error));
  CHECK(plan.calls == 2);
  hostel_guest_free(rust);
  hostel_guest_free(c);
}

static void no_answer_is_an_empty_answer(const hostel_engine *engine) {
  plan plan = {0};
  hostel_guest *guest = guest_with(engine, "hosted.wasm", follow, &plan);
  ANSWERS("", hostel_guest_call(guest, "call_host", TEXT("input"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_failure_reaches_the_guest_as_its_payload(const hostel_engine *engine) {
  plan plan = {.message = "for people", .payload = "for guests", .payload_len = 10};
  hostel_guest *guest = guest_with(engine, "hosted.wasm", follow, &plan);
  REFUSES(GUEST_ERROR, "host: for guests", hostel_guest_call(guest, "call_host", TEXT("input"), NULL, &output, &error));
  ANSWERS("swallowed", hostel_guest_call(guest, "swallow", TEXT("input"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_failure_without_payload_reaches_the_guest_as_its_message(const hostel_engine *engine) {
  plan plan = {.message = "for people"};
  hostel_guest *guest = guest_with(engine, "chost.wasm", follow, &plan);
  REFUSES(GUEST_ERROR, "for people", hostel_guest_call(guest, "ask", TEXT("input"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_failure_without_words_is_still_a_failure(const hostel_engine *engine) {
  plan plan = {.message = ""};
  hostel_guest *guest = guest_with(engine, "hosted.wasm", follow, &plan);
  ANSWERS("swallowed", hostel_guest_call(guest, "swallow", TEXT("input"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void host_error_ends_the_call_with_message_and_payload(const hostel_engine *engine) {
  plan plan = {.message = "enough", .payload = "\xff\0\xfe", .payload_len = 3, .returns = HOSTEL_STATUS_HOST_ERROR};
  hostel_guest *guest = guest_with(engine, "hosted.wasm", follow, &plan);
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  CHECK(hostel_guest_call(guest, "swallow", TEXT("input"), NULL, &output, &error) == HOSTEL_STATUS_HOST_ERROR);
  CHECK(output.data == NULL && output.len == 0);
  CHECK_ERROR(error, HOST_ERROR, "enough");
  size_t len = 0;
  const uint8_t *payload = hostel_error_payload(error, &len);
  CHECK(len == 3 && memcmp(payload, "\xff\0\xfe", 3) == 0);
  CHECK(hostel_error_trap(error) == HOSTEL_TRAP_NONE);
  CHECK(!hostel_error_maybe_corrupt(error));
  hostel_error_free(error);
  hostel_guest_free(guest);
}

static void host_error_without_a_reason_has_a_message_all_the_same(const hostel_engine *engine) {
  plan plan = {.output = "an answer is none", .returns = HOSTEL_STATUS_HOST_ERROR};
  hostel_guest *guest = guest_with(engine, "chost.wasm", follow, &plan);
  REFUSES(HOST_ERROR, "", hostel_guest_call(guest, "ask", TEXT("input"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void any_other_number_is_a_host_error_that_names_it(const hostel_engine *engine) {
  const hostel_status rubbish[] = {
      -1, 7, 12345, INT32_MAX, INT32_MIN, HOSTEL_STATUS_CANCELLED, HOSTEL_STATUS_INVALID_ARGUMENT, HOSTEL_STATUS_TRAP};
  plan plan = {.output = "answer"};
  hostel_guest *guest = guest_with(engine, "hosted.wasm", follow, &plan);
  for (size_t i = 0; i < sizeof rubbish / sizeof rubbish[0]; i++) {
    char number[16];
    snprintf(number, sizeof number, "%d", (int)rubbish[i]);
    plan.returns = rubbish[i];
    REFUSES(HOST_ERROR, number, hostel_guest_call(guest, "swallow", TEXT("input"), NULL, &output, &error));
  }
  plan.returns = HOSTEL_STATUS_OK; /* the next call is as good as any */
  ANSWERS("answer", hostel_guest_call(guest, "swallow", TEXT("input"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_later_answer_replaces_an_earlier_one(const hostel_engine *engine) {
  plan plan = {.message = "first", .output = "then"};
  hostel_guest *guest = guest_with(engine, "hosted.wasm", follow, &plan);
  ANSWERS("then", hostel_guest_call(guest, "call_host", TEXT("input"), NULL, &output, &error));
  hostel_guest_free(guest);
}

/* Misuses its caller in every way, then answers well. */
static hostel_status misuse(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)input_len;
  const size_t too_long = (size_t)PTRDIFF_MAX + 1;
  CHECK(hostel_caller_context(NULL) == NULL);
  CHECK(hostel_caller_return(NULL, TEXT("x")) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_return(caller, NULL, 1) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_return(caller, input, too_long) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_fail(NULL, "no", NULL, 0) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_fail(caller, NULL, NULL, 0) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_fail(caller, "\xff", NULL, 0) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_fail(caller, "no", NULL, 1) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_fail(caller, "no", input, too_long) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(hostel_caller_return(caller, input, input_len) == HOSTEL_STATUS_OK);
  return HOSTEL_STATUS_OK;
}

static void misuse_of_the_caller_is_told_and_does_no_harm(const hostel_engine *engine) {
  hostel_guest *guest = guest_with(engine, "hosted.wasm", misuse, NULL);
  ANSWERS("input", hostel_guest_call(guest, "call_host", TEXT("input"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static hostel_status empty_input(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)caller;
  CHECK(input != NULL && input_len == 0);
  return HOSTEL_STATUS_OK;
}

static void an_empty_input_is_not_null(const hostel_engine *engine) {
  hostel_guest *guest = guest_with(engine, "chost.wasm", empty_input, NULL);
  ANSWERS("", hostel_guest_call(guest, "ask", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static hostel_status context_as_answer(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)input, (void)input_len;
  const char *context = hostel_caller_context(caller);
  return context == NULL ? HOSTEL_STATUS_OK : hostel_caller_return(caller, (const uint8_t *)context, strlen(context));
}

static void the_context_is_that_of_the_call(const hostel_engine *engine) {
  hostel_guest *guest = guest_with(engine, "hosted.wasm", context_as_answer, NULL);
  hostel_call_options *options = new_options();
  ANSWERS("", hostel_guest_call(guest, "call_host", NOTHING, NULL, &output, &error));
  ANSWERS("", hostel_guest_call(guest, "call_host", NOTHING, options, &output, &error));
  SUCCEEDS(hostel_call_options_set_context(options, "mine", &error));
  ANSWERS("mine", hostel_guest_call(guest, "call_host", NOTHING, options, &output, &error));
  ANSWERS("", hostel_guest_call(guest, "call_host", NOTHING, NULL, &output, &error));
  SUCCEEDS(hostel_call_options_set_context(options, NULL, &error));
  ANSWERS("", hostel_guest_call(guest, "call_host", NOTHING, options, &output, &error));
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(an_answer_reaches_the_guest),
      TEST(no_answer_is_an_empty_answer),
      TEST(a_failure_reaches_the_guest_as_its_payload),
      TEST(a_failure_without_payload_reaches_the_guest_as_its_message),
      TEST(a_failure_without_words_is_still_a_failure),
      TEST(host_error_ends_the_call_with_message_and_payload),
      TEST(host_error_without_a_reason_has_a_message_all_the_same),
      TEST(any_other_number_is_a_host_error_that_names_it),
      TEST(a_later_answer_replaces_an_earlier_one),
      TEST(misuse_of_the_caller_is_told_and_does_no_harm),
      TEST(an_empty_input_is_not_null),
      TEST(the_context_is_that_of_the_call),
  };
  return RUN_TESTS(argc, argv, tests);
}
