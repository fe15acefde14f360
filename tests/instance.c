/* instance.c: guests that keep their state between calls. */
#include "check.h"

static void making_one_checks_each_argument(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_instance *instance = RUBBISH;
  FAILS(INVALID_ARGUMENT, "guest", hostel_instance_new(NULL, NULL, &instance, &error));
  CHECK(instance == NULL);
  FAILS(INVALID_ARGUMENT, "instance_out", hostel_instance_new(guest, NULL, NULL, &error));
  hostel_instance_free(NULL);
  hostel_guest_free(guest);
}

static void calling_checks_each_argument(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_instance *instance = new_instance(guest);
  hostel_function *echo = RUBBISH;
  const size_t too_long = (size_t)PTRDIFF_MAX + 1;
  const uint8_t byte[1] = {0};
  SUCCEEDS(hostel_guest_function(guest, "echo", &echo, &error));
  REFUSES(INVALID_ARGUMENT, "instance", hostel_instance_call(NULL, "echo", NOTHING, NULL, &output, &error));
  REFUSES(INVALID_ARGUMENT, "input", hostel_instance_call(instance, "echo", NULL, 1, NULL, &output, &error));
  REFUSES(INVALID_ARGUMENT, "input", hostel_instance_call(instance, "echo", byte, too_long, NULL, &output, &error));
  REFUSES(INVALID_ARGUMENT, "function", hostel_instance_call(instance, "\xff", NOTHING, NULL, &output, &error));
  REFUSES(NO_SUCH_FUNCTION, "", hostel_instance_call(instance, NULL, NOTHING, NULL, &output, &error));
  REFUSES(NO_SUCH_FUNCTION, "nowhere", hostel_instance_call(instance, "nowhere", NOTHING, NULL, &output, &error));
  FAILS(INVALID_ARGUMENT, "output_out", hostel_instance_call(instance, "echo", NOTHING, NULL, NULL, &error));
  REFUSES(INVALID_ARGUMENT, "instance", hostel_instance_call_function(NULL, echo, NOTHING, NULL, &output, &error));
  REFUSES(INVALID_ARGUMENT, "function", hostel_instance_call_function(instance, NULL, NOTHING, NULL, &output, &error));
  REFUSES(INVALID_ARGUMENT, "input", hostel_instance_call_function(instance, echo, NULL, 1, NULL, &output, &error));
  FAILS(INVALID_ARGUMENT, "output_out", hostel_instance_call_function(instance, echo, NOTHING, NULL, NULL, &error));
  ANSWERS("hi", hostel_instance_call_function(instance, echo, TEXT("hi"), NULL, &output, &error));
  hostel_function_free(echo);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void it_keeps_its_state(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_instance *instance = new_instance(guest), *other = new_instance(guest);
  hostel_function *counter = RUBBISH;
  SUCCEEDS(hostel_guest_function(guest, "counter", &counter, &error));
  ANSWERS("\1\0\0\0\0\0\0\0", hostel_instance_call(instance, "counter", NOTHING, NULL, &output, &error));
  ANSWERS("\2\0\0\0\0\0\0\0", hostel_instance_call_function(instance, counter, NOTHING, NULL, &output, &error));
  ANSWERS("\3\0\0\0\0\0\0\0", hostel_instance_call(instance, "counter", NOTHING, NULL, &output, &error));
  ANSWERS("\1\0\0\0\0\0\0\0", hostel_instance_call(other, "counter", NOTHING, NULL, &output, &error));
  hostel_function_free(counter);
  hostel_instance_free(instance);
  hostel_instance_free(other);
  hostel_guest_free(guest);
}

static void a_function_must_be_of_its_own_guest(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm"), *other = open_file(engine, "echo.wasm");
  hostel_instance *instance = new_instance(guest);
  hostel_function *echo = RUBBISH;
  SUCCEEDS(hostel_guest_function(other, "echo", &echo, &error));
  REFUSES(INVALID_ARGUMENT, "another guest", hostel_instance_call_function(instance, echo, NOTHING, NULL, &output, &error));
  hostel_function_free(echo);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
  hostel_guest_free(other);
}

static void a_guest_that_says_no_lives_on(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_instance *instance = new_instance(guest);
  ANSWERS("\1\0\0\0\0\0\0\0", hostel_instance_call(instance, "counter", NOTHING, NULL, &output, &error));
  REFUSES(GUEST_ERROR, "no", hostel_instance_call(instance, "fail", TEXT("no"), NULL, &output, &error));
  ANSWERS("\2\0\0\0\0\0\0\0", hostel_instance_call(instance, "counter", NOTHING, NULL, &output, &error));
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void an_output_over_its_limit_leaves_it_alive(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_instance *instance = new_instance(guest);
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, 2, &error));
  REFUSES(OUTPUT_TOO_LARGE, "3 bytes", hostel_instance_call(instance, "echo", TEXT("abc"), options, &output, &error));
  ANSWERS("ab", hostel_instance_call(instance, "echo", TEXT("ab"), options, &output, &error));
  hostel_call_options_free(options);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void a_guest_that_says_no_and_traps_is_dead(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "fails.wat");
  hostel_instance *instance = new_instance(guest);
  REFUSES(GUEST_ERROR, "no", hostel_instance_call(instance, "then_return", NOTHING, NULL, &output, &error));
  REFUSES(GUEST_ERROR, "no", hostel_instance_call(instance, "then_trap", NOTHING, NULL, &output, &error));
  REFUSES(INSTANCE_DEAD, "", hostel_instance_call(instance, "then_return", NOTHING, NULL, &output, &error));
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void it_outlives_guest_and_engine(const hostel_engine *engine) {
  hostel_engine *own = limited_engine(engine, HOSTEL_LIMIT_DEPTH, 4);
  hostel_guest *guest = open_file(own, "echo.wasm");
  hostel_instance *instance = new_instance(guest);
  hostel_engine_free(own);
  hostel_guest_free(guest);
  ANSWERS("cba", hostel_instance_call(instance, "reverse", TEXT("abc"), NULL, &output, &error));
  hostel_instance_free(instance);
}

static hostel_status use_it_meanwhile(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  hostel_instance *instance = *(hostel_instance **)user_data;
  uint8_t byte = 7;
  uint64_t size = 7;
  REFUSES(BUSY, "instance", hostel_instance_call(instance, "call_host", NOTHING, NULL, &output, &error));
  FAILS(BUSY, "instance", hostel_instance_memory_size(instance, &size, &error));
  FAILS(BUSY, "instance", hostel_instance_memory_read(instance, 0, &byte, 1, &error));
  FAILS(BUSY, "instance", hostel_instance_memory_write(instance, 0, &byte, 1, &error));
  CHECK(size == 0 && byte == 7);
  return hostel_caller_return(caller, TEXT("done"));
}

static void using_it_during_its_own_call_is_busy(const hostel_engine *engine) {
  hostel_instance *instance = NULL;
  hostel_imports *imports = imports_of("host", "answer", use_it_meanwhile, &instance);
  hostel_guest *guest = link_guest(load_file(engine, "hosted.wasm"), imports);
  hostel_imports_free(imports);
  instance = new_instance(guest);
  ANSWERS("done", hostel_instance_call(instance, "call_host", NOTHING, NULL, &output, &error));
  ANSWERS("done", hostel_instance_call(instance, "call_host", NOTHING, NULL, &output, &error));
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static hostel_status end_the_call(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)caller, (void)input, (void)input_len;
  return HOSTEL_STATUS_HOST_ERROR;
}

static void a_call_that_the_host_ended_leaves_it_alive(const hostel_engine *engine) {
  hostel_imports *imports = imports_of("host", "answer", end_the_call, NULL);
  hostel_guest *guest = link_guest(load_file(engine, "hosted.wasm"), imports);
  hostel_imports_free(imports);
  hostel_instance *instance = new_instance(guest);
  REFUSES(HOST_ERROR, "", hostel_instance_call(instance, "swallow", NOTHING, NULL, &output, &error));
  REFUSES(HOST_ERROR, "", hostel_instance_call(instance, "swallow", NOTHING, NULL, &output, &error));
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(making_one_checks_each_argument),
      TEST(calling_checks_each_argument),
      TEST(it_keeps_its_state),
      TEST(a_function_must_be_of_its_own_guest),
      TEST(a_guest_that_says_no_lives_on),
      TEST(an_output_over_its_limit_leaves_it_alive),
      TEST(a_guest_that_says_no_and_traps_is_dead),
      TEST(it_outlives_guest_and_engine),
      TEST(using_it_during_its_own_call_is_busy),
      TEST(a_call_that_the_host_ended_leaves_it_alive),
  };
  return RUN_TESTS(argc, argv, tests);
}
