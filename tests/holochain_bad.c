/* holochain_bad.c: guests whose answers are no Result<_, WasmError>, or who break the ABI in another way. */
#include "check_holochain.h"

/* Every function of the guest that is exported with the ABI's type and does not begin with the prefix. */
static void each_function(const hostel_engine *engine, const char *file, const char *not_with,
                          void (*check)(const hostel_guest *guest, const char *function)) {
  hostel_module *module = load_file(engine, file);
  hostel_guest *guest = RUBBISH;
  SUCCEEDS(hostel_guest_new(module, NULL, NULL, &guest, &error));
  size_t checked = 0;
  for (size_t i = 0; i < hostel_module_export_count(module); i++) {
    const char *name = hostel_module_export_name(module, i), *type = hostel_module_export_type(module, i);
    if (type != NULL && strcmp(type, "(i32, i32) -> (i64)") == 0 && strncmp(name, not_with, strlen(not_with)) != 0) {
      const int before = failures;
      check(guest, name);
      if (failures != before) {
        fprintf(stderr, "  that was %s of %s\n", name, file);
      }
      checked++;
    }
  }
  CHECK(checked > 20);
  hostel_guest_free(guest);
  hostel_module_free(module);
}

static bool is_about_pointers(const char *function) {
  static const char *const names[] = {"one_over", "outside", "four_gib", "wraps", "minus_one"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (strcmp(function, names[i]) == 0) {
      return true;
    }
  }
  return false;
}

/* A malformed envelope, which is in the payload as the guest made it; or a pointer to nowhere. */
static void check_malformed(const hostel_guest *guest, const char *function) {
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  size_t len = 0;
  CHECK(hostel_guest_call(guest, function, NIL, NULL, &output, &error) == HOSTEL_STATUS_BAD_ABI);
  CHECK(output.data == NULL && output.len == 0);
  CHECK_ERROR(error, BAD_ABI, "");
  CHECK(strcmp(hostel_error_module_path(error), "") == 0 && hostel_error_line(error) == 0);
  (void)hostel_error_payload(error, &len);
  if (is_about_pointers(function)) {
    CHECK(hostel_error_kind(error) == HOSTEL_KIND_MEMORY && len == 0);
  } else {
    CHECK(hostel_error_kind(error) == HOSTEL_KIND_DESERIALIZE && (len > 0 || strcmp(function, "empty") == 0));
  }
  hostel_error_free(error);
}

static void a_malformed_envelope_is_bad_abi(const hostel_engine *engine) {
  each_function(engine, "hc_envelopes.wat", "odd_", check_malformed);
}

static void a_malformed_error_is_bad_abi(const hostel_engine *engine) {
  each_function(engine, "hc_errors.wat", "odd_", check_malformed);
}

static void the_payload_is_what_the_guest_returned(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "hc_envelopes.wat");
  const told expected = {HOSTEL_STATUS_BAD_ABI, HOSTEL_KIND_DESERIALIZE, "", 0, "\x81\xa2Ok\x01\xc0", 6, false};
  TELLS(expected, hostel_guest_call(guest, "trailing", NIL, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void the_message_says_what_is_wrong(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "hc_envelopes.wat");
  REFUSES(BAD_ABI, "neither Ok nor Err", hostel_guest_call(guest, "other_key", NIL, NULL, &output, &error));
  REFUSES(BAD_ABI, "truncated", hostel_guest_call(guest, "text_4gib", NIL, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_strange_envelope_may_be_sound(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "hc_envelopes.wat");
  ANSWERS("\xa3odd", hostel_guest_call(guest, "odd_map16", NIL, NULL, &output, &error));
  ANSWERS("\xa3odd", hostel_guest_call(guest, "odd_map32", NIL, NULL, &output, &error));
  ANSWERS("\xa3odd", hostel_guest_call(guest, "odd_str32", NIL, NULL, &output, &error));
  ANSWERS("\xda\0\3odd", hostel_guest_call(guest, "odd_value", NIL, NULL, &output, &error));
  ANSWERS("\xd4\x01\0", hostel_guest_call(guest, "odd_ext", NIL, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_strange_error_may_be_sound(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "hc_errors.wat");
  static const char *const guest_errors[] = {"odd_order", "odd_field", "odd_line"};
  const told no = {HOSTEL_STATUS_GUEST_ERROR, HOSTEL_KIND_GUEST, "p", 7, "no", 2, false};
  for (size_t i = 0; i < sizeof guest_errors / sizeof guest_errors[0]; i++) {
    TELLS(no, hostel_guest_call(guest, guest_errors[i], NIL, NULL, &output, &error));
  }
  const told memory = {HOSTEL_STATUS_GUEST_ERROR, HOSTEL_KIND_MEMORY, "p", 7, "", 0, true};
  TELLS(memory, hostel_guest_call(guest, "odd_memory", NIL, NULL, &output, &error));
  const told circuit = {HOSTEL_STATUS_HOST_ERROR, HOSTEL_KIND_HOST_SHORT_CIRCUIT, "p", 7, "no", 2, false};
  TELLS(circuit, hostel_guest_call(guest, "odd_circuit", NIL, NULL, &output, &error));
  const told deserialize = {HOSTEL_STATUS_GUEST_ERROR, HOSTEL_KIND_DESERIALIZE, "p", 7, "no", 2, false};
  TELLS(deserialize, hostel_guest_call(guest, "odd_deserialize", NIL, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_hundred_thousand_levels_are_no_stack_of_ours(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "hc_deep.wat");
  hostel_buffer output = RUBBISH_BUFFER;
  SUCCEEDS(hostel_guest_call(guest, "f", NIL, NULL, &output, &error));
  CHECK(output.len == 100001 && output.data[0] == 0x91 && output.data[99999] == 0x91 && output.data[100000] == 0xc0);
  hostel_buffer_free(&output);
  SUCCEEDS(hostel_guest_call(guest, "wide", NIL, NULL, &output, &error));
  CHECK(output.len == 200001);
  hostel_buffer_free(&output);
  REFUSES(BAD_ABI, "truncated", hostel_guest_call(guest, "cut", NIL, NULL, &output, &error));
  REFUSES(BAD_ABI, "", hostel_guest_call(guest, "in_err", NIL, NULL, &output, &error));
  REFUSES(BAD_ABI, "", hostel_guest_call(guest, "maps_in_err", NIL, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_guest_that_lacks_an_export_is_refused_when_linked(const hostel_engine *engine) {
  static const char *const guests[][2] = {{"hc_no_alloc.wat", "__hc__allocate_1"},
                                          {"hc_no_free.wat", "__hc__deallocate_1"},
                                          {"hc_no_memory.wat", "memory"},
                                          {"hc_alloc_wrong_type.wat", "__hc__allocate_1"},
                                          {"hc_free_wrong_type.wat", "__hc__deallocate_1"}};
  for (size_t i = 0; i < sizeof guests / sizeof guests[0]; i++) {
    hostel_module *module = load_file(engine, guests[i][0]);
    hostel_guest *guest = RUBBISH;
    FAILS(BAD_ABI, guests[i][1], hostel_guest_new(module, NULL, NULL, &guest, &error));
    CHECK(guest == NULL);
    hostel_module_free(module);
  }
}

static void a_block_outside_the_memory_is_bad_abi(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "hc_alloc_outside.wat");
  ANSWERS("\xc0", hostel_guest_call(guest, "f",
                                    TEXT("\xa3"
                                         "abc"),
                                    NULL, &output, &error));
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  CHECK(hostel_guest_call(guest, "f",
                          TEXT("\xa4"
                               "abcd"),
                          NULL, &output, &error) == HOSTEL_STATUS_BAD_ABI);
  CHECK_ERROR(error, BAD_ABI, "__hc__allocate_1");
  CHECK(hostel_error_kind(error) == HOSTEL_KIND_MEMORY);
  CHECK(hostel_error_maybe_corrupt(error));
  hostel_error_free(error);
  hostel_guest_free(guest);
}

static void an_allocator_that_traps_is_a_trap(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "hc_alloc_traps.wat");
  REFUSES(TRAP, "unreachable", hostel_guest_call(guest, "f", NIL, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_deallocator_that_traps_is_a_trap_whatever_the_answer(const hostel_engine *engine) {
  static const char *const functions[] = {"f", "no"};
  hostel_guest *guest = open_file(engine, "hc_free_traps.wat");
  for (size_t i = 0; i < 2; i++) {
    hostel_buffer output = RUBBISH_BUFFER;
    hostel_error *error = RUBBISH;
    CHECK(hostel_guest_call(guest, functions[i], NIL, NULL, &output, &error) == HOSTEL_STATUS_TRAP);
    CHECK(output.data == NULL && output.len == 0);
    CHECK(hostel_error_kind(error) == HOSTEL_KIND_CALL_ERROR);
    CHECK(hostel_error_maybe_corrupt(error));
    hostel_error_free(error);
  }
  hostel_guest_free(guest);
}

static void the_output_limit_holds_here_too(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, 1 << 20, &error));
  REFUSES(OUTPUT_TOO_LARGE, "", hostel_guest_call(guest, "big_bytes", TEXT("\x02"), options, &output, &error));
  ANSWERS("\xa2hi", hostel_guest_call(guest, "text", TEXT("\xa2hi"), options, &output, &error));
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_malformed_envelope_is_bad_abi),
      TEST(a_malformed_error_is_bad_abi),
      TEST(the_payload_is_what_the_guest_returned),
      TEST(the_message_says_what_is_wrong),
      TEST(a_strange_envelope_may_be_sound),
      TEST(a_strange_error_may_be_sound),
      TEST(a_hundred_thousand_levels_are_no_stack_of_ours),
      TEST(a_guest_that_lacks_an_export_is_refused_when_linked),
      TEST(a_block_outside_the_memory_is_bad_abi),
      TEST(an_allocator_that_traps_is_a_trap),
      TEST(a_deallocator_that_traps_is_a_trap_whatever_the_answer),
      TEST(the_output_limit_holds_here_too),
  };
  return RUN_TESTS(argc, argv, tests);
}
