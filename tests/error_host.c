/* error_host.c: a host function that fails: the same failure is the same error, however the function ends and whatever calls
 * it; and what the error says of the instance is what becomes of it. */
#include "check_holochain.h"

/* How the host function ends. */
typedef struct way {
  const char *name;
  hostel_kind kind; /* of hostel_caller_fail_as(); NONE for hostel_caller_fail() */
  const char *message, *payload;
  hostel_status returns;
  bool answers_before, cuts_before, answers_after;
  told expected; /* its status is that of functions that end the call themselves */
  const char *word;
} way;

#define AS(kind) HOSTEL_KIND_##kind
#define ENDS HOSTEL_STATUS_HOST_ERROR
#define TOLD(kind, path, line, payload, corrupt) {ENDS, AS(kind), (path), (line), (payload), sizeof(payload) - 1, (corrupt)}
#define BARE(payload) TOLD(HOST, "hostel", 0, payload, false)
#define NO_OTHER "neither OK nor HOST_ERROR"

static const way ends[] = {
    {"fail", 0, "no bed", NULL, ENDS, .expected = BARE("no bed"), .word = "no bed"},
    {"fail, OK", 0, "no bed", NULL, 0, .expected = BARE("no bed"), .word = "no bed"},
    {"fail, -1", 0, "no bed", NULL, -1, .expected = BARE("no bed"), .word = "no bed"},
    {"fail, GUEST_ERROR", 0, "no bed", NULL, HOSTEL_STATUS_GUEST_ERROR, .expected = BARE("no bed"), .word = "GUEST_ERROR"},
    {"fail with payload", 0, "no", "for guests", ENDS, .expected = BARE("for guests"), .word = "no"},
    {"fail with payload, OK", 0, "no", "for guests", 0, .expected = BARE("for guests"), .word = ""},
    {"fail with payload, 12345", 0, "no", "for guests", 12345, .expected = BARE("for guests"), .word = "12345"},
    {"fail after an answer", 0, "no bed", NULL, ENDS, .answers_before = true, .expected = BARE("no bed"), .word = "no bed"},
    {"fail after a short circuit", 0, "no bed", NULL, 0, .cuts_before = true, .expected = BARE("no bed"), .word = "no bed"},
    {"nothing said", 0, NULL, NULL, ENDS, .expected = BARE("a host function failed"), .word = "a host function failed"},
    {"nothing said, -1", 0, NULL, NULL, -1, .word = "answered -1, which is " NO_OTHER,
     .expected = BARE("a host function answered -1, which is " NO_OTHER)},
    {"nothing said, TRAP", 0, NULL, NULL, HOSTEL_STATUS_TRAP, .word = "303 (TRAP)",
     .expected = BARE("a host function answered 303 (TRAP), which is " NO_OTHER)},
    {"only an answer", 0, NULL, NULL, ENDS, .answers_before = true, .expected = BARE("a host function failed"), .word = "failed"},
    {"only a short circuit", 0, NULL, NULL, ENDS, .cuts_before = true, .expected = BARE("a host function failed"), .word = ""},
    {"fail, then an answer", 0, "no bed", NULL, ENDS, .answers_after = true, .expected = BARE("a host function failed"),
     .word = ""},
    {"as HOST", AS(HOST), "no bed", NULL, ENDS, .expected = TOLD(HOST, "inn", 7, "no bed", false), .word = "no bed"},
    {"as HOST, OK", AS(HOST), "no bed", NULL, 0, .expected = TOLD(HOST, "inn", 7, "no bed", false), .word = "no bed"},
    {"as HOST, 77", AS(HOST), "no bed", NULL, 77, .expected = TOLD(HOST, "inn", 7, "no bed", false), .word = "77"},
    {"as HOST with payload", AS(HOST), "no bed", "bytes", ENDS, .expected = TOLD(HOST, "inn", 7, "no bed", false), .word = "no"},
    {"as HOST with payload, OK", AS(HOST), "no bed", "bytes", 0, .expected = TOLD(HOST, "inn", 7, "no bed", false), .word = "no"},
    {"as DESERIALIZE", AS(DESERIALIZE), "m", "\x93\xff", ENDS, .expected = TOLD(DESERIALIZE, "inn", 7, "\x93\xff", false),
     .word = ""},
    {"as MEMORY", AS(MEMORY), "m", NULL, ENDS, .expected = TOLD(MEMORY, "inn", 7, "", true), .word = ""},
    {"as POINTER_MAP", AS(POINTER_MAP), "m", "x", -1, .expected = TOLD(POINTER_MAP, "inn", 7, "", true), .word = ""},
    {"as CALL_ERROR", AS(CALL_ERROR), "m", NULL, ENDS, .expected = TOLD(CALL_ERROR, "inn", 7, "m", true), .word = "m"},
    {"as CALL_ERROR, OK", AS(CALL_ERROR), "m", NULL, 0, .expected = TOLD(CALL_ERROR, "inn", 7, "m", true), .word = "m"},
};
#define COUNT (sizeof ends / sizeof ends[0])

/* What the host functions do; they answer well when there is nothing. */
static hostel_status follow(const way *end, hostel_caller *caller) {
  if (end == NULL) {
    return HOSTEL_STATUS_OK;
  }
  const size_t payload_len = end->payload == NULL ? 0 : strlen(end->payload);
  if (end->answers_before) {
    CHECK(hostel_caller_return(caller, TEXT("\xa3yes")) == HOSTEL_STATUS_OK);
  }
  if (end->cuts_before) {
    CHECK(hostel_caller_short_circuit(caller, TEXT("\xa3yes")) == HOSTEL_STATUS_OK);
  }
  if (end->kind != HOSTEL_KIND_NONE) {
    CHECK(hostel_caller_fail_as(caller, end->kind, "inn", 7, end->message, (const uint8_t *)end->payload, payload_len) ==
          HOSTEL_STATUS_OK);
  } else if (end->message != NULL) {
    CHECK(hostel_caller_fail(caller, end->message, (const uint8_t *)end->payload, payload_len) == HOSTEL_STATUS_OK);
  }
  if (end->answers_after) {
    CHECK(hostel_caller_return(caller, TEXT("\xa3yes")) == HOSTEL_STATUS_OK);
  }
  return end->returns;
}

static hostel_status with_bytes(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  return follow(*(const way **)user_data, caller);
}

static hostel_status with_values(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)values;
  return follow(*(const way **)user_data, caller);
}

/* A guest of an ABI whose functions end in the host's: `bytes` and `raw` are called with bytes, `plain` with plain values. */
static hostel_module *load_guest(const hostel_engine *engine, const char *abi) {
  const bool holochain = strcmp(abi, "holochain") == 0;
  char text[1500];
  snprintf(text, sizeof text,
           "(module (import \"env\" \"%s\" (func $bytes (param i32 i32) (result i64))) (import \"host\" \"raw\" (func $raw))"
           " (memory (export \"memory\") 1) (global $n (mut i32) (i32.const 1024))"
           " (func (export \"%s\") (param i32) (result i32)" /* a block each, in turn */
           "   (global.set $n (i32.add (i32.const 1024) (i32.and (i32.add (global.get $n) (i32.const 512)) (i32.const 8191))))"
           "   (global.get $n))"
           " (func (export \"%s\") (param i32 i32))"
           " (data (i32.const 16) \"\\81\\a2Ok\\c0\")"
           " (func (export \"bytes\") (param i32 i32) (result i64) (call $bytes (local.get 0) (local.get 1)))"
           " (func (export \"raw\") (param i32 i32) (result i64) (call $raw) (i64.const %s))"
           " (func (export \"plain\") (call $raw)))",
           holochain ? "__hc__answer_1" : "answer", holochain ? "__hc__allocate_1" : "hostel_alloc",
           holochain ? "__hc__deallocate_1" : "hostel_free", holochain ? "0x10_0000_0005" : "0");
  return load_text(engine, text);
}

static const char *nil_of(const char *abi) { return strcmp(abi, "holochain") == 0 ? "\xc0" : ""; }

static hostel_guest *link_with(hostel_module *module, const char *abi, const way **plan) {
  hostel_imports *imports = new_imports();
  const char *name = strcmp(abi, "holochain") == 0 ? "__hc__answer_1" : "answer";
  SUCCEEDS(hostel_imports_define(imports, "env", name, with_bytes, plan, NULL, &error));
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "raw", NULL, 0, NULL, 0, with_values, plan, NULL, &error));
  hostel_guest *guest = RUBBISH;
  SUCCEEDS(hostel_guest_new(module, imports, NULL, &guest, &error));
  hostel_imports_free(imports);
  return guest;
}

static hostel_status call(const hostel_guest *guest, hostel_instance *instance, const char *function, hostel_buffer *output,
                          hostel_error **error) {
  if (strcmp(function, "plain") == 0) {
    *output = (hostel_buffer){NULL, 0};
    return instance != NULL ? hostel_instance_call_values(instance, function, NULL, 0, NULL, error)
                            : hostel_guest_call_values(guest, function, NULL, 0, NULL, error);
  }
  return instance != NULL ? hostel_instance_call(instance, function, NIL, NULL, output, error)
                          : hostel_guest_call(guest, function, NIL, NULL, output, error);
}

/* One failure through one function: in a call of its own, and in an instance, of which the error tells the truth. */
static void check_end(const way *end, const char *abi, const char *function, const way **plan, const hostel_guest *guest) {
  const bool passed_on = end->returns == HOSTEL_STATUS_OK && strcmp(function, "bytes") == 0;
  if (passed_on && strcmp(abi, "holochain") != 0) {
    return; /* the guest goes on, and has no form for kinds (see host_functions.c) */
  }
  const int before = failures;
  told expected = end->expected;
  *plan = end;
  TELLS(expected, call(guest, NULL, function, &output, &error));
  hostel_instance *instance = new_instance(guest);
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  CHECK(call(guest, instance, function, &output, &error) == expected.status);
  CHECK_ERROR(error, HOST_ERROR, end->word);
  CHECK(hostel_error_trap(error) == HOSTEL_TRAP_NONE);
  const bool in_doubt = hostel_error_maybe_corrupt(error);
  hostel_error_free(error);
  *plan = NULL;
  if (in_doubt && !passed_on) { /* a guest that came back in order still answers */
    REFUSES(INSTANCE_DEAD, "", hostel_instance_call(instance, "bytes", NIL, NULL, &output, &error));
  } else {
    const char *nil = nil_of(abi);
    ANSWERS_BYTES(nil, strlen(nil), hostel_instance_call(instance, "bytes", NIL, NULL, &output, &error));
    ANSWERS_BYTES(nil, strlen(nil), hostel_instance_call(instance, "raw", NIL, NULL, &output, &error));
  }
  hostel_instance_free(instance);
  if (failures != before) {
    fprintf(stderr, "  that was \"%s\" of %s in %s\n", end->name, function, abi);
  }
}

static void each_end(const hostel_engine *engine, const char *abi) {
  const way *plan = NULL;
  hostel_module *module = load_guest(engine, abi);
  for (int round = 0; round < 2; round++) { /* where there are tiers, in the first and in the last one */
    hostel_guest *guest = link_with(module, abi, &plan);
    for (size_t i = 0; i < COUNT; i++) {
      check_end(&ends[i], abi, "bytes", &plan, guest);
      check_end(&ends[i], abi, "raw", &plan, guest);
      check_end(&ends[i], abi, "plain", &plan, guest);
    }
    hostel_guest_free(guest);
    (void)settled(module);
  }
  hostel_module_free(module);
}

static void a_failure_is_the_same_however_it_ends_a_plain_guest(const hostel_engine *engine) { each_end(engine, "hostel"); }

static void a_failure_is_the_same_however_it_ends_a_holochain_guest(const hostel_engine *engine) {
  each_end(engine, "holochain");
}

/* What a conductor does that keeps its instances unless their state is in doubt. */
static void a_kept_instance_goes_on_for_as_long_as_nothing_is_in_doubt(const hostel_engine *engine) {
  const way *plan = NULL;
  hostel_module *module = load_guest(engine, "holochain");
  hostel_guest *guest = link_with(module, "holochain", &plan);
  hostel_module_free(module);
  hostel_instance *instance = new_instance(guest);
  for (int round = 0; round < 200; round++) {
    plan = &ends[round % 3 * 7]; /* fail; fail after an answer; fail, then an answer */
    REFUSES(HOST_ERROR, "", hostel_instance_call(instance, "bytes", NIL, NULL, &output, &error));
    plan = NULL;
    ANSWERS("\xc0", hostel_instance_call(instance, "bytes", NIL, NULL, &output, &error));
  }
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

/* A failure before a guest's first call is the call's, and an instance is not made. */
static void a_failure_while_it_starts_is_the_same(const hostel_engine *engine) {
  static const char *const parts[] = {"(start $raw)", "(func (export \"_initialize\") (call $raw))"};
  for (size_t i = 0; i < 2; i++) {
    const way *plan = &ends[15]; /* as HOST */
    char text[300];
    snprintf(text, sizeof text, "(module (import \"host\" \"raw\" (func $raw)) (func (export \"plain\")) %s)", parts[i]);
    hostel_imports *imports = new_imports();
    SUCCEEDS(hostel_imports_define_raw(imports, "host", "raw", NULL, 0, NULL, 0, with_values, &plan, NULL, &error));
    hostel_guest *guest = link_guest(load_text(engine, text), imports);
    hostel_imports_free(imports);
    hostel_instance *instance = RUBBISH;
    TELLS(plan->expected, call(guest, NULL, "plain", &output, &error));
    TELLS(plan->expected, (output = (hostel_buffer){NULL, 0}, hostel_instance_new(guest, NULL, &instance, &error)));
    CHECK(instance == NULL);
    plan = NULL;
    SUCCEEDS(hostel_guest_call_values(guest, "plain", NULL, 0, NULL, &error));
    hostel_guest_free(guest);
  }
}

/* What a guest does wrong inside of a host function is not the host's failure. */
static void an_answer_that_cannot_be_given_leaves_the_instance_in_doubt(const hostel_engine *engine) {
  hostel_imports *imports = new_imports();
  const way *plan = NULL;
  SUCCEEDS(hostel_imports_define(imports, "env", "answer", with_bytes, &plan, NULL, &error));
  hostel_guest *guest =
      link_guest(load_text(engine, "(module (import \"env\" \"answer\" (func $a (param i32 i32) (result i64)))"
                                   " (memory (export \"memory\") 1) (func (export \"hostel_alloc\") (param i32)"
                                   " (result i32) (i32.const 0)) (func (export \"hostel_free\") (param i32 i32))"
                                   " (func (export \"far\") (param i32 i32) (result i64)"
                                   "   (call $a (i32.const 65535) (i32.const 2)))"
                                   " (func (export \"ask\") (param i32 i32) (result i64)"
                                   "   (call $a (i32.const 0) (i32.const 2))))"),
                 imports);
  hostel_imports_free(imports);
  static const way answers = {"an answer", 0, NULL, NULL, 0, .answers_before = true, .word = ""};
  plan = &answers;
  for (int i = 0; i < 2; i++) {
    hostel_instance *instance = new_instance(guest);
    hostel_buffer output = RUBBISH_BUFFER;
    hostel_error *error = RUBBISH;
    const char *function = i == 0 ? "far" : "ask"; /* the input is outside; there is no block for the answer */
    CHECK(hostel_instance_call(instance, function, NOTHING, NULL, &output, &error) == HOSTEL_STATUS_BAD_ABI);
    CHECK(hostel_error_maybe_corrupt(error) && hostel_error_kind(error) == HOSTEL_KIND_MEMORY);
    hostel_error_free(error);
    REFUSES(INSTANCE_DEAD, "", hostel_instance_call(instance, "far", NOTHING, NULL, &output, &error));
    hostel_instance_free(instance);
  }
  hostel_guest_free(guest);
}

static void a_dead_instance_says_that_it_is_not_to_be_kept(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "traps.wat");
  hostel_instance *instance = new_instance(guest);
  REFUSES(TRAP, "", hostel_instance_call(instance, "unreachable", NOTHING, NULL, &output, &error));
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  CHECK(hostel_instance_call(instance, "fine", NOTHING, NULL, &output, &error) == HOSTEL_STATUS_INSTANCE_DEAD);
  CHECK(hostel_error_maybe_corrupt(error) && hostel_error_kind(error) == HOSTEL_KIND_CALL_ERROR);
  hostel_error_free(error);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_failure_is_the_same_however_it_ends_a_plain_guest),
      TEST(a_failure_is_the_same_however_it_ends_a_holochain_guest),
      TEST(a_kept_instance_goes_on_for_as_long_as_nothing_is_in_doubt),
      TEST(a_failure_while_it_starts_is_the_same),
      TEST(an_answer_that_cannot_be_given_leaves_the_instance_in_doubt),
      TEST(a_dead_instance_says_that_it_is_not_to_be_kept),
  };
  return RUN_TESTS(argc, argv, tests);
}
