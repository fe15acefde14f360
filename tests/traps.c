/* traps.c: a guest's trap ends its call, and nothing else. */
#include "check.h"

static const struct {
  const char *function;
  hostel_status status;
  hostel_trap trap;
} traps[] = {
    {"unreachable", HOSTEL_STATUS_TRAP, HOSTEL_TRAP_UNREACHABLE},
    {"div_by_zero", HOSTEL_STATUS_TRAP, HOSTEL_TRAP_INTEGER_DIVISION_BY_ZERO},
    {"int_overflow", HOSTEL_STATUS_TRAP, HOSTEL_TRAP_INTEGER_OVERFLOW},
    {"bad_conversion", HOSTEL_STATUS_TRAP, HOSTEL_TRAP_BAD_CONVERSION_TO_INTEGER},
    {"memory_out_of_bounds", HOSTEL_STATUS_TRAP, HOSTEL_TRAP_MEMORY_OUT_OF_BOUNDS},
    {"table_out_of_bounds", HOSTEL_STATUS_TRAP, HOSTEL_TRAP_TABLE_OUT_OF_BOUNDS},
    {"indirect_null", HOSTEL_STATUS_TRAP, HOSTEL_TRAP_INDIRECT_CALL_TO_NULL},
    {"bad_signature", HOSTEL_STATUS_TRAP, HOSTEL_TRAP_BAD_SIGNATURE},
    {"stack_overflow", HOSTEL_STATUS_STACK_OVERFLOW, HOSTEL_TRAP_STACK_OVERFLOW},
};
#define TRAPS (sizeof traps / sizeof traps[0])

/* The error of a call that failed; its output must be empty. */
static void check_trap(size_t i, hostel_status status, const hostel_buffer *output, hostel_error *error) {
  CHECK(output->data == NULL && output->len == 0);
  if (status != traps[i].status || hostel_error_trap(error) != traps[i].trap) {
    fprintf(stderr, "%s: %s, trap %d: %s\n", traps[i].function, hostel_status_name(status), (int)hostel_error_trap(error),
            hostel_error_message(error));
  }
  CHECK(status == traps[i].status && hostel_error_status(error) == status);
  CHECK(hostel_error_trap(error) == traps[i].trap);
  CHECK(hostel_error_maybe_corrupt(error));
  CHECK(strlen(hostel_error_message(error)) > 0);
  hostel_error_free(error);
}

static void each_trap_has_its_code_and_the_next_call_works(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "traps.wat");
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < TRAPS; i++) {
      hostel_buffer output = RUBBISH_BUFFER;
      hostel_error *error = RUBBISH;
      const hostel_status status = hostel_guest_call(guest, traps[i].function, TEXT("input"), NULL, &output, &error);
      check_trap(i, status, &output, error);
      ANSWERS("", hostel_guest_call(guest, "fine", TEXT("input"), NULL, &output, &error));
    }
  }
  hostel_guest_free(guest);
}

static void an_instance_is_dead_after_any_of_them(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "traps.wat");
  hostel_function *fine = RUBBISH;
  SUCCEEDS(hostel_guest_function(guest, "fine", &fine, &error));
  for (size_t i = 0; i < TRAPS; i++) {
    hostel_instance *instance = new_instance(guest), *other = new_instance(guest);
    hostel_buffer output = RUBBISH_BUFFER;
    hostel_error *error = RUBBISH;
    ANSWERS("", hostel_instance_call(instance, "fine", NOTHING, NULL, &output, &error));
    const hostel_status status = hostel_instance_call(instance, traps[i].function, NOTHING, NULL, &output, &error);
    check_trap(i, status, &output, error);
    for (int again = 0; again < 2; again++) {
      REFUSES(INSTANCE_DEAD, "", hostel_instance_call(instance, "fine", NOTHING, NULL, &output, &error));
      REFUSES(INSTANCE_DEAD, "", hostel_instance_call_function(instance, fine, NOTHING, NULL, &output, &error));
    }
    ANSWERS("", hostel_instance_call(other, "fine", NOTHING, NULL, &output, &error));
    hostel_instance_free(instance);
    hostel_instance_free(other);
  }
  hostel_function_free(fine);
  hostel_guest_free(guest);
}

static void a_panic_of_a_rust_guest_is_unreachable(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  REFUSES(TRAP, "unreachable", hostel_guest_call(guest, "panic", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_rust_guest_may_run_out_of_stack(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  for (int i = 0; i < 10; i++) {
    REFUSES(STACK_OVERFLOW, "stack", hostel_guest_call(guest, "recurse", NOTHING, NULL, &output, &error));
    ANSWERS("hi", hostel_guest_call(guest, "echo", TEXT("hi"), NULL, &output, &error));
  }
  hostel_guest_free(guest);
}

static void a_backtrace_names_functions_innermost_first(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, "(module (memory (export \"memory\") 1)"
                                          " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 8))"
                                          " (func (export \"hostel_free\") (param i32 i32))"
                                          " (func $cellar unreachable)"
                                          " (func $ground_floor (call $cellar) (call $cellar))"
                                          " (func $roof (export \"f\") (param i32 i32) (result i64)"
                                          "   (call $ground_floor) (i64.const 0)))");
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  CHECK(hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error) == HOSTEL_STATUS_TRAP);
  const char *backtrace = hostel_error_backtrace(error);
  REQUIRE(backtrace != NULL);
  if (engine_row_has(engine, "no backtrace")) {
    CHECK(strcmp(backtrace, "") == 0);
  } else {
    const char *cellar = strstr(backtrace, "cellar"), *ground_floor = strstr(backtrace, "ground_floor");
    const char *roof = strstr(backtrace, "roof");
    CHECK(cellar != NULL && ground_floor != NULL && roof != NULL);
    CHECK(cellar < ground_floor && ground_floor < roof);
    CHECK(strchr(backtrace, '\n') != NULL && strchr(backtrace, '\n') > cellar && strchr(backtrace, '\n') < ground_floor);
  }
  hostel_error_free(error);
  hostel_guest_free(guest);
}

static void many_traps_leave_nothing_behind(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "traps.wat");
  for (int i = 0; i < 2000; i++) {
    hostel_buffer output = RUBBISH_BUFFER;
    CHECK(hostel_guest_call(guest, traps[i % 8].function, NOTHING, NULL, &output, NULL) == HOSTEL_STATUS_TRAP);
  }
  ANSWERS("", hostel_guest_call(guest, "fine", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

/* A guest chooses how deep it recurses and what its functions are called. */
static void a_backtrace_is_bounded(const hostel_engine *engine) {
  enum { NAME = 20000 };
  static char text[NAME + 400];
  static char name[NAME + 1];
  memset(name, 'n', NAME);
  snprintf(text, sizeof text,
           "(module (func $%s (export \"f\") (param i32) (if (local.get 0) (then (call 0 (i32.sub (local.get 0) (i32.const 1)))))"
           " unreachable))",
           name);
  hostel_guest *guest = open_text(engine, text);
  uint64_t values[] = {5000};
  hostel_error *error = RUBBISH;
  CHECK(hostel_guest_call_values(guest, "f", values, 1, NULL, &error) == HOSTEL_STATUS_TRAP);
  CHECK(strlen(hostel_error_backtrace(error)) < 64 * 400);
  CHECK(strlen(hostel_error_message(error)) < 400);
  hostel_error_free(error);
  hostel_guest_free(guest);
}

/* A compiler must not leave out what nobody needs but the trap. The memory does not grow: nothing is compared. */
static void a_load_whose_value_nobody_needs_traps(const hostel_engine *engine) {
  static const char text[] =
      "(module (memory 1 1)"
      " (func (export \"drops\") (param i32) (drop (i32.load (i32.const 0x7fffffff))))"
      " (func (export \"drops_vector\") (param i32) (drop (v128.load (local.get 0))))"
      " (func (export \"overwrites\") (param i32) (local i32) (loop $l (local.set 1 (i32.load (local.get 0)))"
      "   (br_if $l (i32.ne (i32.const 0x70000000) (local.tee 0 (i32.sub (local.get 0) (i32.const 0x100))))))"
      "   (local.set 1 (i32.const 0)))"
      " (func (export \"stores_twice\") (param i32) (i32.store (local.get 0) (i32.const 1)) (i32.store (i32.const 0) (i32.const "
      "1)))"
      " (func (export \"stores_what_it_loads\") (param i32) (i32.store (local.get 0) (i32.load (local.get 0)))))";
  static const char *const names[] = {"drops", "drops_vector", "overwrites", "stores_twice", "stores_what_it_loads"};
  hostel_guest *guest = link_guest(settled(load_text(engine, text)), NULL);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    uint64_t value = 0x7fffff00;
    hostel_error *error = RUBBISH;
    CHECK(hostel_guest_call_values(guest, names[i], &value, 1, NULL, &error) == HOSTEL_STATUS_TRAP);
    CHECK(hostel_error_trap(error) == HOSTEL_TRAP_MEMORY_OUT_OF_BOUNDS);
    hostel_error_free(error);
  }
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(each_trap_has_its_code_and_the_next_call_works),
      TEST(an_instance_is_dead_after_any_of_them),
      TEST(a_panic_of_a_rust_guest_is_unreachable),
      TEST(a_rust_guest_may_run_out_of_stack),
      TEST(a_backtrace_names_functions_innermost_first),
      TEST(many_traps_leave_nothing_behind),
      TEST(a_backtrace_is_bounded),
      TEST(a_load_whose_value_nobody_needs_traps),
  };
  return RUN_TESTS(argc, argv, tests);
}
