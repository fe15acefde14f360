/* nested.c: host functions that call guests again, this one included. */
#include "check.h"

/* A host function that calls the guest it was called by. `calls` is how often it was called; beyond `enough` it answers. */
typedef struct again {
  hostel_guest *guest;
  int calls, enough;
  bool ends; /* a failure ends the call, instead of reaching the guest */
  hostel_status innermost;
} again;

static hostel_status call_again(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  again *again = user_data;
  if (++again->calls > again->enough) {
    return hostel_caller_return(caller, TEXT("deep"));
  }
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  const hostel_status status = hostel_guest_call(again->guest, "f", input, input_len, NULL, &output, &error);
  if (status == HOSTEL_STATUS_OK) {
    CHECK(hostel_caller_return(caller, output.data, output.len) == HOSTEL_STATUS_OK);
    hostel_buffer_free(&output);
    return HOSTEL_STATUS_OK;
  }
  CHECK(output.data == NULL && output.len == 0);
  if (again->innermost == HOSTEL_STATUS_OK) {
    again->innermost = status;
  }
  CHECK(hostel_caller_fail(caller, hostel_error_message(error), NULL, 0) == HOSTEL_STATUS_OK);
  hostel_error_free(error);
  return again->ends ? HOSTEL_STATUS_HOST_ERROR : HOSTEL_STATUS_OK;
}

static void open_nested(const hostel_engine *engine, again *again, const char *file) {
  hostel_imports *imports = imports_of("host", "again", call_again, again);
  again->guest = link_guest(load_file(engine, file), imports);
  hostel_imports_free(imports);
}

static void a_host_function_may_call_its_guest_again(const hostel_engine *engine) {
  again again = {.enough = 5};
  open_nested(engine, &again, "nested.wat");
  ANSWERS("deep", hostel_guest_call(again.guest, "f", TEXT("input"), NULL, &output, &error));
  CHECK(again.calls == 6);
  hostel_guest_free(again.guest);
}

static void sixteen_calls_may_lie_inside_one_another(const hostel_engine *engine) {
  again again = {.enough = 15};
  open_nested(engine, &again, "nested.wat");
  ANSWERS("deep", hostel_guest_call(again.guest, "f", TEXT("input"), NULL, &output, &error));
  CHECK(again.calls == 16 && again.innermost == HOSTEL_STATUS_OK);
  hostel_guest_free(again.guest);
}

static void the_seventeenth_is_a_stack_overflow_and_the_next_call_works(const hostel_engine *engine) {
  again again = {.enough = 1000};
  open_nested(engine, &again, "nested.wat");
  for (int round = 0; round < 3; round++) {
    again.calls = 0, again.innermost = HOSTEL_STATUS_OK, again.enough = 1000;
    REFUSES(GUEST_ERROR, "", hostel_guest_call(again.guest, "f", TEXT("input"), NULL, &output, &error));
    CHECK(again.calls == 16 && again.innermost == HOSTEL_STATUS_STACK_OVERFLOW);
    again.calls = 0, again.enough = 15;
    ANSWERS("deep", hostel_guest_call(again.guest, "f", TEXT("input"), NULL, &output, &error));
  }
  hostel_guest_free(again.guest);
}

static void a_failure_may_end_every_call_on_the_way_out(const hostel_engine *engine) {
  again again = {.enough = 1000, .ends = true};
  open_nested(engine, &again, "nested.wat");
  for (int round = 0; round < 3; round++) {
    again.calls = 0, again.innermost = HOSTEL_STATUS_OK, again.enough = 1000;
    REFUSES(HOST_ERROR, "", hostel_guest_call(again.guest, "f", TEXT("input"), NULL, &output, &error));
    CHECK(again.calls == 16 && again.innermost == HOSTEL_STATUS_STACK_OVERFLOW);
    again.calls = 0, again.enough = 15;
    ANSWERS("deep", hostel_guest_call(again.guest, "f", TEXT("input"), NULL, &output, &error));
  }
  hostel_guest_free(again.guest);
}

static void the_depth_can_be_set(const hostel_engine *engine) {
  static const int depths[] = {1, 2, 40, 256};
  for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
    hostel_engine *limited = limited_engine(engine, HOSTEL_LIMIT_DEPTH, (uint64_t)depths[i]);
    again again = {.enough = 1000};
    open_nested(limited, &again, "nested.wat");
    REFUSES(GUEST_ERROR, "", hostel_guest_call(again.guest, "f", TEXT("input"), NULL, &output, &error));
    CHECK(again.calls == depths[i] && again.innermost == HOSTEL_STATUS_STACK_OVERFLOW);
    again.calls = 0, again.enough = depths[i] - 1;
    ANSWERS("deep", hostel_guest_call(again.guest, "f", TEXT("input"), NULL, &output, &error));
    hostel_guest_free(again.guest);
    hostel_engine_free(limited);
  }
}

static hostel_status trap_inside(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  const hostel_guest *traps = user_data;
  REFUSES(TRAP, "", hostel_guest_call(traps, "memory_out_of_bounds", NOTHING, NULL, &output, &error));
  REFUSES(STACK_OVERFLOW, "", hostel_guest_call(traps, "stack_overflow", NOTHING, NULL, &output, &error));
  ANSWERS("", hostel_guest_call(traps, "fine", NOTHING, NULL, &output, &error));
  return hostel_caller_return(caller, TEXT("unharmed"));
}

static void a_trap_inside_does_not_harm_the_call_outside(const hostel_engine *engine) {
  hostel_guest *traps = open_file(engine, "traps.wat");
  hostel_imports *imports = imports_of("host", "answer", trap_inside, traps);
  hostel_guest *guest = link_guest(load_file(engine, "hosted.wasm"), imports);
  hostel_imports_free(imports);
  ANSWERS("unharmed", hostel_guest_call(guest, "call_host", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
  hostel_guest_free(traps);
}

static hostel_status count_in_instance(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  hostel_buffer output = RUBBISH_BUFFER;
  SUCCEEDS(hostel_instance_call(user_data, "counter", NOTHING, NULL, &output, &error));
  CHECK(hostel_caller_return(caller, output.data, output.len) == HOSTEL_STATUS_OK);
  hostel_buffer_free(&output);
  return HOSTEL_STATUS_OK;
}

static void it_may_call_an_instance_of_another_guest(const hostel_engine *engine) {
  hostel_guest *echo = open_file(engine, "echo.wasm");
  hostel_instance *counter = new_instance(echo);
  hostel_imports *imports = imports_of("host", "answer", count_in_instance, counter);
  hostel_guest *guest = link_guest(load_file(engine, "hosted.wasm"), imports);
  hostel_imports_free(imports);
  ANSWERS("\1\0\0\0\0\0\0\0", hostel_guest_call(guest, "call_host", NOTHING, NULL, &output, &error));
  ANSWERS("\2\0\0\0\0\0\0\0", hostel_guest_call(guest, "call_host", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
  hostel_instance_free(counter);
  hostel_guest_free(echo);
}

static hostel_status answer_something(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  ++*(int *)user_data;
  return hostel_caller_return(caller, TEXT("something"));
}

/* To hand over an answer the library calls the allocator, which asks the host again, whose answer needs the allocator. */
static void an_allocator_that_asks_the_host_comes_to_an_end(const hostel_engine *engine) {
  int calls = 0;
  hostel_imports *imports = imports_of("host", "answer", answer_something, &calls);
  hostel_guest *guest =
      link_guest(load_text(engine, "(module (import \"host\" \"answer\" (func $ask (param i32 i32) (result i64)))"
                                   " (memory (export \"memory\") 1)"
                                   " (func (export \"hostel_alloc\") (param i32) (result i32)"
                                   "   (drop (call $ask (i32.const 0) (i32.const 0))) (i32.const 1024))"
                                   " (func (export \"hostel_free\") (param i32 i32))"
                                   " (func (export \"f\") (param i32 i32) (result i64) (i64.const 0)))"),
                 imports);
  hostel_imports_free(imports);
  REFUSES(STACK_OVERFLOW, "", hostel_guest_call(guest, "f", TEXT("input"), NULL, &output, &error));
  CHECK(calls > 0 && calls <= 17);
  ANSWERS("", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_host_function_may_call_its_guest_again),
      TEST(sixteen_calls_may_lie_inside_one_another),
      TEST(the_seventeenth_is_a_stack_overflow_and_the_next_call_works),
      TEST(a_failure_may_end_every_call_on_the_way_out),
      TEST(the_depth_can_be_set),
      TEST(a_trap_inside_does_not_harm_the_call_outside),
      TEST(it_may_call_an_instance_of_another_guest),
      TEST(an_allocator_that_asks_the_host_comes_to_an_end),
  };
  return RUN_TESTS(argc, argv, tests);
}
