/* abi_hostel.c: the plain ABI, and guests that break it. */
#include "check.h"

static void a_guest_that_lacks_an_export_is_refused_when_linked(const hostel_engine *engine) {
  static const char *const guests[][2] = {{"no_alloc.wat", "hostel_alloc"},
                                          {"no_free.wat", "hostel_free"},
                                          {"no_memory.wat", "memory"},
                                          {"alloc_wrong_type.wat", "hostel_alloc"}};
  for (size_t i = 0; i < sizeof guests / sizeof guests[0]; i++) {
    hostel_module *module = load_file(engine, guests[i][0]);
    hostel_guest *guest = RUBBISH;
    FAILS(BAD_ABI, guests[i][1], hostel_guest_new(module, NULL, NULL, &guest, &error));
    CHECK(guest == NULL);
    hostel_module_free(module);
  }
}

static void a_block_outside_the_memory_is_bad_abi(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "alloc_outside.wat");
  ANSWERS("", hostel_guest_call(guest, "f", TEXT("four"), NULL, &output, &error));
  REFUSES(BAD_ABI, "hostel_alloc", hostel_guest_call(guest, "f", TEXT("fiver"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_block_that_goes_round_is_bad_abi(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "alloc_wraps.wat");
  REFUSES(BAD_ABI, "hostel_alloc", hostel_guest_call(guest, "f", TEXT("seven77"), NULL, &output, &error));
  REFUSES(BAD_ABI, "hostel_alloc", hostel_guest_call(guest, "f", TEXT("eight888"), NULL, &output, &error));
  REFUSES(BAD_ABI, "hostel_alloc", hostel_guest_call(guest, "f", TEXT("nine99999"), NULL, &output, &error));
  ANSWERS("", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void no_block_is_bad_abi_unless_none_is_needed(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "alloc_zero.wat");
  REFUSES(BAD_ABI, "hostel_alloc", hostel_guest_call(guest, "f", TEXT("x"), NULL, &output, &error));
  ANSWERS("", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_trap_in_the_allocator_is_a_trap(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "alloc_traps.wat");
  REFUSES(TRAP, "unreachable", hostel_guest_call(guest, "f", TEXT("x"), NULL, &output, &error));
  ANSWERS("", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_trap_in_the_deallocator_is_a_trap(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "free_traps.wat");
  REFUSES(TRAP, "unreachable", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  ANSWERS("", hostel_guest_call(guest, "empty", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_trap_at_the_start_is_a_trap_of_the_call(const hostel_engine *engine) {
  static const char *const guests[] = {"start_traps.wat", "initialize_traps.wat"};
  for (size_t i = 0; i < 2; i++) {
    hostel_guest *guest = open_file(engine, guests[i]);
    hostel_instance *instance = RUBBISH;
    REFUSES(TRAP, "unreachable", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
    FAILS(TRAP, "unreachable", hostel_instance_new(guest, NULL, &instance, &error));
    CHECK(instance == NULL);
    hostel_guest_free(guest);
  }
}

static void a_segment_that_does_not_fit_is_a_trap(const hostel_engine *engine) {
  static const char *const parts[] = {"(data (i32.const 65535) \"ab\")", "(table 1 funcref) (elem (i32.const 1) func 0)"};
  static const hostel_trap traps[] = {HOSTEL_TRAP_MEMORY_OUT_OF_BOUNDS, HOSTEL_TRAP_TABLE_OUT_OF_BOUNDS};
  for (size_t i = 0; i < 2; i++) {
    char text[400];
    snprintf(text, sizeof text, "(module (memory 1) (func) %s)", parts[i]);
    hostel_guest *guest = open_text(engine, text);
    hostel_instance *instance = RUBBISH;
    hostel_error *error = RUBBISH;
    CHECK(hostel_instance_new(guest, NULL, &instance, &error) == HOSTEL_STATUS_TRAP);
    CHECK(instance == NULL);
    CHECK_ERROR(error, TRAP, "out of bounds");
    CHECK(hostel_error_trap(error) == traps[i]);
    hostel_error_free(error);
    hostel_guest_free(guest);
  }
}

static void a_reactor_is_initialized_once(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "initialize.wat");
  hostel_instance *instance = new_instance(guest);
  ANSWERS("\1\0\0\0", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  ANSWERS("\1\0\0\0", hostel_instance_call(instance, "f", NOTHING, NULL, &output, &error));
  ANSWERS("\1\0\0\0", hostel_instance_call(instance, "f", NOTHING, NULL, &output, &error));
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void an_output_outside_the_memory_is_bad_abi(const hostel_engine *engine) {
  static const char *const outside[] = {"one_over", "outside", "four_gib", "wraps"};
  hostel_guest *guest = open_file(engine, "output_outside.wat");
  for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
    REFUSES(BAD_ABI, "output", hostel_guest_call(guest, outside[i], NOTHING, NULL, &output, &error));
  }
  ANSWERS("\0", hostel_guest_call(guest, "last", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void an_empty_output_may_have_any_address(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "output_outside.wat");
  ANSWERS("", hostel_guest_call(guest, "empty_outside", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void the_output_is_looked_for_in_the_memory_as_it_is_after_the_call(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "grow_two.wat");
  ANSWERS("!", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_guest_that_said_no_may_stop_any_way_it_likes(const hostel_engine *engine) {
  static const char *const ways[] = {"then_trap", "then_return", "then_rubbish", "twice"};
  hostel_guest *guest = open_file(engine, "fails.wat");
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    hostel_buffer output = RUBBISH_BUFFER;
    hostel_error *error = RUBBISH;
    size_t len = 0;
    CHECK(hostel_guest_call(guest, ways[i], NOTHING, NULL, &output, &error) == HOSTEL_STATUS_GUEST_ERROR);
    CHECK(output.data == NULL && output.len == 0);
    CHECK_ERROR(error, GUEST_ERROR, "no");
    const uint8_t *payload = hostel_error_payload(error, &len);
    CHECK(len == 2 && memcmp(payload, "no", 2) == 0); /* of two, the last */
    hostel_error_free(error);
  }
  hostel_guest_free(guest);
}

static void it_may_say_no_without_words_or_without_text(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "fails.wat");
  REFUSES(GUEST_ERROR, "", hostel_guest_call(guest, "without_words", NOTHING, NULL, &output, &error));
  REFUSES(GUEST_ERROR, "2 bytes", hostel_guest_call(guest, "not_utf8", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_reason_outside_the_memory_is_bad_abi(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "fails.wat");
  REFUSES(BAD_ABI, "hostel_fail", hostel_guest_call(guest, "outside", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void no_is_forgotten_in_the_next_call(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_instance *instance = new_instance(guest);
  for (int i = 0; i < 3; i++) {
    REFUSES(GUEST_ERROR, "no", hostel_instance_call(instance, "fail", TEXT("no"), NULL, &output, &error));
    ANSWERS("yes", hostel_instance_call(instance, "echo", TEXT("yes"), NULL, &output, &error));
  }
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

#define GUEST(parts)                                                                                                             \
  "(module " parts " (memory (export \"memory\") 1) (data (i32.const 16) \"start\")"                                             \
  " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024)) (func (export \"hostel_free\") (param i32 i32))"

static void it_may_say_no_while_it_starts(const hostel_engine *engine) {
  static const char *const starts[] = {"(func $s (call $fail (i32.const 16) (i32.const 5))) (start $s))",
                                       "(func (export \"_initialize\") (call $fail (i32.const 16) (i32.const 5))))",
                                       "(func $s (call $fail (i32.const 16) (i32.const 5)) unreachable) (start $s))",
                                       "(func (export \"_initialize\") (call $fail (i32.const 16) (i32.const 5)) unreachable))"};
  for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
    char text[1000];
    snprintf(text, sizeof text, "%s %s", GUEST("(import \"env\" \"hostel_fail\" (func $fail (param i32 i32)))"), starts[i]);
    hostel_guest *guest = open_text(engine, text);
    hostel_instance *instance = RUBBISH;
    FAILS(GUEST_ERROR, "start", hostel_instance_new(guest, NULL, &instance, &error));
    CHECK(instance == NULL);
    hostel_guest_free(guest);
  }
}

static hostel_status shout(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data;
  CHECK(input_len == 5 && memcmp(input, "start", 5) == 0);
  return hostel_caller_return(caller, TEXT("START"));
}

static void the_host_can_be_asked_for_bytes_while_it_starts(const hostel_engine *engine) {
  hostel_imports *imports = imports_of("host", "shout", shout, NULL);
  hostel_guest *guest = link_guest(load_text(engine, GUEST("(import \"host\" \"shout\" (func $shout (param i32 i32) (result "
                                                           "i64)))") " (global $answer (mut i64) (i64.const 0))"
                                                                     " (func $s (global.set $answer (call $shout (i32.const 16) "
                                                                     "(i32.const 5)))) (start $s)"
                                                                     " (func (export \"f\") (param i32 i32) (result i64) "
                                                                     "(global.get $answer)))"),
                                   imports);
  hostel_imports_free(imports);
  ANSWERS("START", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void what_a_host_function_is_given_must_be_in_the_memory(const hostel_engine *engine) {
  static const char *const places[] = {"65535) (i32.const 2", "65536) (i32.const 1", "-1) (i32.const -1", "16) (i32.const -1"};
  hostel_imports *imports = imports_of("host", "shout", shout, NULL);
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    char text[1000];
    snprintf(text, sizeof text, "%s (func (export \"f\") (param i32 i32) (result i64) (call $shout (i32.const %s))))",
             GUEST("(import \"host\" \"shout\" (func $shout (param i32 i32) (result i64)))"), places[i]);
    hostel_guest *guest = link_guest(load_text(engine, text), imports);
    REFUSES(BAD_ABI, "host function", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
    hostel_guest_free(guest);
  }
  hostel_imports_free(imports);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_guest_that_lacks_an_export_is_refused_when_linked),
      TEST(a_block_outside_the_memory_is_bad_abi),
      TEST(a_block_that_goes_round_is_bad_abi),
      TEST(no_block_is_bad_abi_unless_none_is_needed),
      TEST(a_trap_in_the_allocator_is_a_trap),
      TEST(a_trap_in_the_deallocator_is_a_trap),
      TEST(a_trap_at_the_start_is_a_trap_of_the_call),
      TEST(a_segment_that_does_not_fit_is_a_trap),
      TEST(a_reactor_is_initialized_once),
      TEST(an_output_outside_the_memory_is_bad_abi),
      TEST(an_empty_output_may_have_any_address),
      TEST(the_output_is_looked_for_in_the_memory_as_it_is_after_the_call),
      TEST(a_guest_that_said_no_may_stop_any_way_it_likes),
      TEST(it_may_say_no_without_words_or_without_text),
      TEST(a_reason_outside_the_memory_is_bad_abi),
      TEST(no_is_forgotten_in_the_next_call),
      TEST(it_may_say_no_while_it_starts),
      TEST(the_host_can_be_asked_for_bytes_while_it_starts),
      TEST(what_a_host_function_is_given_must_be_in_the_memory),
  };
  return RUN_TESTS(argc, argv, tests);
}
