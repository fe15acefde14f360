/* holochain_published.c: what holochain_wasmer's own documentation and tests promise of guests and hosts, one each. */
#include "check_holochain.h"

#include <pthread.h>

/* The host of these tests puts "host: " before a text, which may be up to 65,000 bytes. */
static hostel_status process_string(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data;
  static _Thread_local char text[70000];
  static _Thread_local uint8_t value[70000];
  const size_t header = input[0] == 0xda ? 3 : input[0] == 0xd9 ? 2 : 1;
  REQUIRE(input_len >= header && input_len - header < sizeof text - 7);
  const int len = snprintf(text, sizeof text, "host: %.*s", (int)(input_len - header), (const char *)input + header);
  REQUIRE(len > 0 && (size_t)len < sizeof text);
  return hostel_caller_return(caller, value, put_text(value, text));
}

static void strings_of_any_kind_go_to_the_host_and_back(const hostel_engine *engine) {
  static char long_text[10001];
  memset(long_text, 'x', sizeof long_text - 1);
  const char *const seeds[] = {"", "a", "hello, world", "\xe2\x9c\x96 \xe3\x80\x9c \xe2\x9c\x96", "\x01\x7f", long_text};
  hostel_guest *guest = holochain_guest(engine, process_string, NULL);
  hostel_instance *instance = new_instance(guest);
  for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
    static char answer[10100];
    static uint8_t input[10100], expected[10100];
    snprintf(answer, sizeof answer, "host: %s", seeds[i]);
    const size_t input_len = put_text(input, seeds[i]), expected_len = put_text(expected, answer);
    ANSWERS_BYTES(expected, expected_len, hostel_instance_call(instance, "ask", input, input_len, NULL, &output, &error));
  }
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

/* A text that is many pages long and not ASCII, through the guest. */
static void a_string_longer_than_a_page(const hostel_engine *engine) {
  const size_t repeats = 655350, unit = 13, len = repeats * unit;
  uint8_t *input = malloc(len + 5);
  uint8_t *expected = malloc(len + 12);
  REQUIRE(input != NULL && expected != NULL);
  const size_t longer = len + 7;
  memcpy(input, (uint8_t[]){0xdb, (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len}, 5);
  memcpy(expected, (uint8_t[]){0xdb, (uint8_t)(longer >> 24), (uint8_t)(longer >> 16), (uint8_t)(longer >> 8), (uint8_t)longer},
         5);
  memcpy(expected + 5, "guest: ", 7);
  for (size_t i = 0; i < repeats; i++) {
    memcpy(input + 5 + i * unit, "\xe2\x95\xb0 \xe2\x9c\x96 \xe2\x96\x90 .", unit);
  }
  memcpy(expected + 12, input + 5, len);
  hostel_guest *guest = quiet_guest(engine);
  ANSWERS_BYTES(expected, len + 12, hostel_guest_call(guest, "process_string", input, len + 5, NULL, &output, &error));
  hostel_guest_free(guest);
  free(input);
  free(expected);
}

static hostel_status cut_short(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)input, (void)input_len;
  return hostel_caller_short_circuit(caller, TEXT("\xa6shorts"));
}

static void a_short_circuit_is_the_result(const hostel_engine *engine) {
  hostel_guest *guest = holochain_guest(engine, cut_short, NULL);
  ANSWERS("\xa6shorts", hostel_guest_call(guest, "shorten", TEXT("\xa2me"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void literal_bytes_and_native_types_come_back(const hostel_engine *engine) {
#define STAY                                                                                                                     \
  "\x84\xa5guest\xa3"                                                                                                            \
  "foo\xa6nights\0\xa5rooms\x90\xa4note\xc0"
  hostel_guest *guest = quiet_guest(engine);
  ANSWERS("\x93\1\2\3", hostel_guest_call(guest, "array", TEXT("\x93\1\2\3"), NULL, &output, &error));
  ANSWERS(STAY, hostel_guest_call(guest, "record", TEXT(STAY), NULL, &output, &error));
  hostel_guest_free(guest);
#undef STAY
}

static void an_input_of_a_megabyte_may_be_ignored(const hostel_engine *engine) {
  const size_t len = 1000000;
  uint8_t *input = malloc(len + 5);
  REQUIRE(input != NULL);
  memcpy(input, "\xdb\0\x0f\x42\x40", 5);
  memset(input + 5, '.', len);
  hostel_guest *guest = quiet_guest(engine);
  hostel_instance *instance = new_instance(guest);
  for (int i = 0; i < 20; i++) {
    ANSWERS("\xa7ignored", hostel_instance_call(instance, "ignore_input", input, len + 5, NULL, &output, &error));
    ANSWERS_BYTES(input, len + 5, hostel_instance_call(instance, "text", input, len + 5, NULL, &output, &error));
  }
  hostel_instance_free(instance);
  hostel_guest_free(guest);
  free(input);
}

/* The memory that the calls leave behind in a kept instance: none, once it has what it needs. */
static void grows_no_further(hostel_instance *instance, const char *function, const uint8_t *input, size_t input_len,
                             bool succeeds, int calls) {
  uint64_t before = 0, after = 0;
  for (int i = 0; i < calls; i++) {
    hostel_buffer output = RUBBISH_BUFFER;
    const hostel_status status = hostel_instance_call(instance, function, input, input_len, NULL, &output, NULL);
    CHECK((status == HOSTEL_STATUS_OK) == succeeds);
    hostel_buffer_free(&output);
    if (i == calls / 2) {
      SUCCEEDS(hostel_instance_memory_size(instance, &before, &error));
    }
  }
  SUCCEEDS(hostel_instance_memory_size(instance, &after, &error));
  CHECK(before == after);
}

static void many_calls_do_not_leak_in_the_guest(const hostel_engine *engine) {
  static uint8_t text[60003];
  memset(text, 'x', sizeof text);
  memcpy(text, "\xda\xea\x60", 3); /* 60,000 bytes */
  hostel_guest *guest = holochain_guest(engine, process_string, NULL);
  hostel_instance *instance = new_instance(guest);
  grows_no_further(instance, "text", text, sizeof text, true, 2000);
  grows_no_further(instance, "ask", text, sizeof text, true, 1000);
  grows_no_further(instance, "unsigned", text, sizeof text, false, 1000);
  grows_no_further(instance, "fail_with", text, sizeof text, false, 2000);
  grows_no_further(instance, "big_bytes", TEXT("\x01"), true, 100);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static hostel_status fail_gently(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)input, (void)input_len;
  return hostel_caller_fail(caller, "oh no!", NULL, 0);
}

static void failing_host_functions_do_not_leak_in_the_guest(const hostel_engine *engine) {
  static uint8_t text[60003];
  memset(text, 'x', sizeof text);
  memcpy(text, "\xda\xea\x60", 3);
  hostel_guest *guest = holochain_guest(engine, fail_gently, NULL);
  hostel_instance *instance = new_instance(guest);
  grows_no_further(instance, "ask", text, sizeof text, false, 1000);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void *call_many_times(void *argument) {
  for (int i = 0; i < 100; i++) {
    ANSWERS("\x81\xa2Ok\x81\xa2Ok\x07",
            hostel_guest_call(argument, "results", TEXT("\x81\xa2Ok\x81\xa2Ok\x07"), NULL, &output, &error));
    ANSWERS("\xa8host: hi", hostel_guest_call(argument, "ask", TEXT("\xa2hi"), NULL, &output, &error));
  }
  return NULL;
}

static void calls_run_concurrently(const hostel_engine *engine) {
  hostel_guest *guest = holochain_guest(engine, process_string, NULL);
  pthread_t threads[4];
  for (size_t i = 0; i < 4; i++) {
    REQUIRE(pthread_create(&threads[i], NULL, call_many_times, guest) == 0);
  }
  for (size_t i = 0; i < 4; i++) {
    REQUIRE(pthread_join(threads[i], NULL) == 0);
  }
  hostel_guest_free(guest);
}

static void several_instances_do_not_know_of_one_another(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  hostel_instance *first = new_instance(guest), *second = new_instance(guest);
  ANSWERS("\1", hostel_instance_call(first, "count", NIL, NULL, &output, &error));
  ANSWERS("\2", hostel_instance_call(first, "count", NIL, NULL, &output, &error));
  ANSWERS("\1", hostel_instance_call(second, "count", NIL, NULL, &output, &error));
  ANSWERS("\3", hostel_instance_call(first, "count", NIL, NULL, &output, &error));
  hostel_instance_free(first);
  hostel_instance_free(second);
  hostel_guest_free(guest);
}

/* A guest calls the host, which calls the guest in a new instance, which answers. */
static hostel_status call_ping(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  hostel_buffer output = RUBBISH_BUFFER;
  SUCCEEDS(hostel_guest_call(*(hostel_guest **)user_data, "process_string", input, input_len, NULL, &output, &error));
  CHECK(hostel_caller_return(caller, output.data, output.len) == HOSTEL_STATUS_OK);
  hostel_buffer_free(&output);
  return HOSTEL_STATUS_OK;
}

static void a_host_function_may_call_the_guest_in_a_new_instance(const hostel_engine *engine) {
  hostel_guest *guest = NULL;
  guest = holochain_guest(engine, call_ping, &guest);
  ANSWERS("\xab"
          "guest: ping",
          hostel_guest_call(guest, "ask", TEXT("\xa4ping"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void the_place_of_an_error_is_that_of_the_macro(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  CHECK(hostel_guest_call(guest, "try_result",
                          TEXT("\x81\xa3"
                               "Err\xa2no"),
                          NULL, &output, &error) == HOSTEL_STATUS_GUEST_ERROR);
  CHECK(strcmp(hostel_error_module_path(error), "holochain::errors") == 0); /* not the crate's that has the macro */
  CHECK(hostel_error_line(error) > 40);
  hostel_error_free(error);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(strings_of_any_kind_go_to_the_host_and_back),
      TEST(a_string_longer_than_a_page),
      TEST(a_short_circuit_is_the_result),
      TEST(literal_bytes_and_native_types_come_back),
      TEST(an_input_of_a_megabyte_may_be_ignored),
      TEST(many_calls_do_not_leak_in_the_guest),
      TEST(failing_host_functions_do_not_leak_in_the_guest),
      TEST(calls_run_concurrently),
      TEST(several_instances_do_not_know_of_one_another),
      TEST(a_host_function_may_call_the_guest_in_a_new_instance),
      TEST(the_place_of_an_error_is_that_of_the_macro),
  };
  return RUN_TESTS(argc, argv, tests);
}
