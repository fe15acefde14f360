/* holochain_circuit.c: host functions that end the guest's call with a result. */
#include "check_holochain.h"

typedef struct circuit {
  const char *output;
  size_t output_len;
  bool fails_too, answers_too; /* before it */
  hostel_status returns;
  int calls;
} circuit;

static hostel_status cut_short(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  circuit *circuit = user_data;
  (void)input, (void)input_len;
  circuit->calls++;
  if (circuit->fails_too) {
    CHECK(hostel_caller_fail(caller, "no", NULL, 0) == HOSTEL_STATUS_OK);
  }
  if (circuit->answers_too) {
    CHECK(hostel_caller_return(caller, TEXT("\xc0")) == HOSTEL_STATUS_OK);
  }
  CHECK(hostel_caller_short_circuit(caller, (const uint8_t *)circuit->output, circuit->output_len) == HOSTEL_STATUS_OK);
  return circuit->returns;
}

#define SHORTS .output = "\xa6shorts", .output_len = 7
#define ASK TEXT("\xa2me")

static void the_call_succeeds_with_just_these_bytes(const hostel_engine *engine) {
  circuit circuit = {SHORTS};
  hostel_guest *guest = holochain_guest(engine, cut_short, &circuit);
  ANSWERS("\xa6shorts", hostel_guest_call(guest, "shorten", ASK, NULL, &output, &error));
  circuit.output = "\xff\0\xfe no MessagePack", circuit.output_len = 18;
  ANSWERS("\xff\0\xfe no MessagePack", hostel_guest_call(guest, "shorten", ASK, NULL, &output, &error));
  CHECK(circuit.calls == 2);
  hostel_guest_free(guest);
}

/* No bytes are no MessagePack; nil is, and is what an answer of no bytes is, too. */
static void no_bytes_are_nil(const hostel_engine *engine) {
  circuit circuit = {.output = NULL};
  hostel_guest *guest = holochain_guest(engine, cut_short, &circuit);
  hostel_instance *instance = new_instance(guest);
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, 1, &error));
  for (int round = 0; round < 2; round++) {
    ANSWERS("\xc0", hostel_guest_call(guest, "shorten", ASK, NULL, &output, &error));
    ANSWERS("\xc0", hostel_guest_call(guest, "ask_and_tell", ASK, options, &output, &error));
    ANSWERS("\xc0", hostel_instance_call(instance, "shorten", ASK, NULL, &output, &error));
    circuit.output = ""; /* not NULL, and empty all the same */
  }
  hostel_call_options_free(options);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static hostel_status cut_raw_empty(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)user_data, (void)values;
  return hostel_caller_short_circuit(caller, NULL, 0);
}

static void a_function_of_plain_values_may_say_so_too(const hostel_engine *engine) {
  static const char *const abis[][3] = {{"__hc__allocate_1", "__hc__deallocate_1", "\xc0"}, {"hostel_alloc", "hostel_free", ""}};
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "cut", NULL, 0, NULL, 0, cut_raw_empty, NULL, NULL, &error));
  for (size_t i = 0; i < 2; i++) {
    char text[500];
    snprintf(text, sizeof text,
             "(module (import \"host\" \"cut\" (func $cut)) (memory (export \"memory\") 1) (func (export \"%s\") (param i32)"
             " (result i32) (i32.const 1024)) (func (export \"%s\") (param i32 i32))"
             " (func (export \"f\") (param i32 i32) (result i64) (call $cut) unreachable) (func (export \"plain\") (call $cut)))",
             abis[i][0], abis[i][1]);
    hostel_guest *guest = link_guest(load_text(engine, text), imports);
    ANSWERS_BYTES(abis[i][2], strlen(abis[i][2]), hostel_guest_call(guest, "f", NIL, NULL, &output, &error));
    SUCCEEDS(hostel_guest_call_values(guest, "plain", NULL, 0, NULL, &error)); /* which asks for nothing */
    hostel_guest_free(guest);
  }
  hostel_imports_free(imports);
}

static void a_guest_that_would_handle_errors_does_not_see_it(const hostel_engine *engine) {
  static const char *const functions[] = {"ask", "ask_or_fail", "ask_and_tell", "shorten"};
  circuit circuit = {SHORTS};
  hostel_guest *guest = holochain_guest(engine, cut_short, &circuit);
  for (size_t i = 0; i < 4; i++) {
    ANSWERS("\xa6shorts", hostel_guest_call(guest, functions[i], ASK, NULL, &output, &error));
  }
  hostel_guest_free(guest);
}

static void it_replaces_what_was_said_before(const hostel_engine *engine) {
  circuit circuit = {SHORTS, .fails_too = true, .answers_too = true};
  hostel_guest *guest = holochain_guest(engine, cut_short, &circuit);
  ANSWERS("\xa6shorts", hostel_guest_call(guest, "shorten", ASK, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void an_instance_can_be_used_afterwards(const hostel_engine *engine) {
  circuit circuit = {SHORTS};
  hostel_guest *guest = holochain_guest(engine, cut_short, &circuit);
  hostel_instance *instance = new_instance(guest);
  for (uint8_t round = 1; round < 100; round++) {
    ANSWERS("\xa6shorts", hostel_instance_call(instance, "shorten", ASK, NULL, &output, &error));
    ANSWERS_BYTES(&round, 1, hostel_instance_call(instance, "count", NIL, NULL, &output, &error));
  }
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void a_large_result_is_whole(const hostel_engine *engine) {
  const size_t len = (size_t)4 << 20;
  char *bytes = malloc(len);
  REQUIRE(bytes != NULL);
  memset(bytes, 'x', len);
  circuit circuit = {.output = bytes, .output_len = len};
  hostel_guest *guest = holochain_guest(engine, cut_short, &circuit);
  ANSWERS_BYTES(bytes, len, hostel_guest_call(guest, "shorten", ASK, NULL, &output, &error));
  hostel_guest_free(guest);
  free(bytes);
}

static void it_keeps_to_the_output_limit(const hostel_engine *engine) {
  circuit circuit = {SHORTS};
  hostel_guest *guest = holochain_guest(engine, cut_short, &circuit);
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, 7, &error));
  ANSWERS("\xa6shorts", hostel_guest_call(guest, "shorten", ASK, options, &output, &error));
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, 6, &error));
  REFUSES(OUTPUT_TOO_LARGE, "", hostel_guest_call(guest, "shorten", ASK, options, &output, &error));
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

/* A host function that calls another guest, which is cut short, and passes on what it got. */
static hostel_status ask_inner(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  hostel_buffer output = RUBBISH_BUFFER;
  SUCCEEDS(hostel_guest_call(user_data, "shorten", input, input_len, NULL, &output, &error));
  CHECK(hostel_caller_return(caller, output.data, output.len) == HOSTEL_STATUS_OK);
  hostel_buffer_free(&output);
  return HOSTEL_STATUS_OK;
}

static void only_the_innermost_call_ends(const hostel_engine *engine) {
  circuit circuit = {SHORTS};
  hostel_guest *inner = holochain_guest(engine, cut_short, &circuit);
  hostel_guest *outer = holochain_guest(engine, ask_inner, inner);
  ANSWERS("\x81\xa2Ok\xa6shorts", hostel_guest_call(outer, "ask_and_tell", ASK, NULL, &output, &error));
  hostel_guest_free(outer);
  hostel_guest_free(inner);
}

static void host_error_is_an_error_all_the_same(const hostel_engine *engine) {
  circuit circuit = {SHORTS, .returns = HOSTEL_STATUS_HOST_ERROR};
  hostel_guest *guest = holochain_guest(engine, cut_short, &circuit);
  REFUSES(HOST_ERROR, "", hostel_guest_call(guest, "shorten", ASK, NULL, &output, &error));
  hostel_guest_free(guest);
}

/* Holochain's way to say it: an error that travels as any other. Only its arrival in the host is special. */
static hostel_status fail_with_circuit(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  CHECK(hostel_caller_fail_as(caller, HOSTEL_KIND_HOST_SHORT_CIRCUIT, "host::zome", 7, "short circuit", TEXT("\xa6shorts")) ==
        HOSTEL_STATUS_OK);
  return *(hostel_status *)user_data;
}

static void failing_with_the_kind_is_an_error_with_that_payload(const hostel_engine *engine) {
  hostel_status returns = HOSTEL_STATUS_HOST_ERROR;
  hostel_guest *guest = holochain_guest(engine, fail_with_circuit, &returns);
  const told expected = {HOSTEL_STATUS_HOST_ERROR, HOSTEL_KIND_HOST_SHORT_CIRCUIT, "host::zome", 7, "\xa6shorts", 7, false};
  TELLS(expected, hostel_guest_call(guest, "shorten", ASK, NULL, &output, &error));
  returns = HOSTEL_STATUS_OK; /* the guest sees it, and may pass it on */
  TELLS(expected, hostel_guest_call(guest, "ask", ASK, NULL, &output, &error));
  hostel_guest_free(guest);
}

static hostel_status cut_hosted_short(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data;
  return hostel_caller_short_circuit(caller, input, input_len);
}

static void guests_of_the_plain_abi_are_cut_short_too(const hostel_engine *engine) {
  hostel_imports *imports = imports_of("host", "answer", cut_hosted_short, NULL);
  hostel_guest *guest = link_guest(load_file(engine, "hosted.wasm"), imports);
  hostel_imports_free(imports);
  ANSWERS("input", hostel_guest_call(guest, "call_host", TEXT("input"), NULL, &output, &error));
  ANSWERS("", hostel_guest_call(guest, "call_host", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static hostel_status cut_raw_short(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)user_data, (void)values;
  return hostel_caller_short_circuit(caller, TEXT("bytes"));
}

/* Nobody asked for bytes there. */
static void neither_a_start_nor_a_call_of_plain_values_can_be_cut_short(const hostel_engine *engine) {
  static const char *const parts[] = {"(func (export \"f\") (call $cut))",
                                      "(func $s (call $cut)) (start $s) (func (export \"f\"))",
                                      "(func (export \"_initialize\") (call $cut)) (func (export \"f\"))"};
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "cut", NULL, 0, NULL, 0, cut_raw_short, NULL, NULL, &error));
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    char text[300];
    snprintf(text, sizeof text, "(module (import \"host\" \"cut\" (func $cut)) %s)", parts[i]);
    hostel_guest *guest = link_guest(load_text(engine, text), imports);
    FAILS(BAD_ABI, "", hostel_guest_call_values(guest, "f", NULL, 0, NULL, &error));
    hostel_guest_free(guest);
  }
  hostel_imports_free(imports);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(the_call_succeeds_with_just_these_bytes),
      TEST(no_bytes_are_nil),
      TEST(a_function_of_plain_values_may_say_so_too),
      TEST(a_guest_that_would_handle_errors_does_not_see_it),
      TEST(it_replaces_what_was_said_before),
      TEST(an_instance_can_be_used_afterwards),
      TEST(a_large_result_is_whole),
      TEST(it_keeps_to_the_output_limit),
      TEST(only_the_innermost_call_ends),
      TEST(host_error_is_an_error_all_the_same),
      TEST(failing_with_the_kind_is_an_error_with_that_payload),
      TEST(guests_of_the_plain_abi_are_cut_short_too),
      TEST(neither_a_start_nor_a_call_of_plain_values_can_be_cut_short),
  };
  return RUN_TESTS(argc, argv, tests);
}
