/* rooms_isolation.c: no byte of one call is visible to the next, however the one before has ended. */
#include "check_rooms.h"

#define SECRET TEXT("s3cr3t!!")

/* What the host function does when it is asked. */
typedef enum deed { ANSWER, FAIL, END, SHORTEN, CALL_AGAIN } deed;

typedef struct host {
  hostel_guest *guest;
  deed deed;
  const uint8_t *digest;
} host;

static hostel_status answer(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  const host *host = user_data;
  const bool is_start = input_len == 9;
  switch (is_start ? ANSWER : host->deed) {
  case ANSWER:
    return hostel_caller_return(caller, input, input_len);
  case FAIL:
    CHECK(hostel_caller_fail(caller, "no", NULL, 0) == HOSTEL_STATUS_OK);
    return HOSTEL_STATUS_OK;
  case END:
    CHECK(hostel_caller_fail(caller, "no", NULL, 0) == HOSTEL_STATUS_OK);
    return HOSTEL_STATUS_HOST_ERROR;
  case SHORTEN:
    return hostel_caller_short_circuit(caller, TEXT("short"));
  case CALL_AGAIN:
    ANSWERS_BYTES(host->digest, 8, hostel_guest_call(host->guest, "digest", NOTHING, NULL, &output, &error));
    ANSWERS("", hostel_guest_call(host->guest, "write", SECRET, NULL, &output, &error));
    ANSWERS_BYTES(host->digest, 8, hostel_guest_call(host->guest, "digest", NOTHING, NULL, &output, &error));
    return hostel_caller_return(caller, TEXT("again"));
  }
  return HOSTEL_STATUS_OK;
}

/* Every way to end a call after having written everywhere. */
static const struct ending {
  const char *function;
  hostel_status status;
  deed deed;
  hostel_limit limit;
  uint64_t value;
} endings[] = {
    {"write", HOSTEL_STATUS_OK, ANSWER, 0, 0},
    {"write_and_show", HOSTEL_STATUS_OK, ANSWER, 0, 0},
    {"write_and_ask", HOSTEL_STATUS_OK, ANSWER, 0, 0},
    {"write_and_ask", HOSTEL_STATUS_BAD_ABI, FAIL, 0, 0}, /* it takes the mark of a failure for a length */
    {"write_and_ask", HOSTEL_STATUS_HOST_ERROR, END, 0, 0},
    {"write_and_ask", HOSTEL_STATUS_OK, SHORTEN, 0, 0},
    {"write_and_ask", HOSTEL_STATUS_OK, CALL_AGAIN, 0, 0},
    {"write_and_fail", HOSTEL_STATUS_GUEST_ERROR, ANSWER, 0, 0},
    {"write_and_answer_much", HOSTEL_STATUS_OUTPUT_TOO_LARGE, ANSWER, HOSTEL_LIMIT_OUTPUT_BYTES, 100},
    {"write_and_answer_outside", HOSTEL_STATUS_BAD_ABI, ANSWER, 0, 0},
    {"write_and_want_more", HOSTEL_STATUS_TRAP, ANSWER, 0, 0},
    {"unreachable", HOSTEL_STATUS_TRAP, ANSWER, 0, 0},
    {"div_by_zero", HOSTEL_STATUS_TRAP, ANSWER, 0, 0},
    {"int_overflow", HOSTEL_STATUS_TRAP, ANSWER, 0, 0},
    {"bad_conversion", HOSTEL_STATUS_TRAP, ANSWER, 0, 0},
    {"memory_out_of_bounds", HOSTEL_STATUS_TRAP, ANSWER, 0, 0},
    {"table_out_of_bounds", HOSTEL_STATUS_TRAP, ANSWER, 0, 0},
    {"indirect_null", HOSTEL_STATUS_TRAP, ANSWER, 0, 0},
    {"bad_signature", HOSTEL_STATUS_TRAP, ANSWER, 0, 0},
    {"stack_overflow", HOSTEL_STATUS_STACK_OVERFLOW, ANSWER, 0, 0},
};
#define ENDINGS (sizeof endings / sizeof endings[0])
#define FIRST_TRAP 11

static void end_a_call(host *host, const struct ending *ending) {
  host->deed = ending->deed;
  hostel_call_options *options = new_options();
  if (ending->value > 0) {
    SUCCEEDS(hostel_call_options_set_limit(options, ending->limit, ending->value, &error));
  }
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  const hostel_status status = hostel_guest_call(host->guest, ending->function, SECRET, options, &output, &error);
  if (status != ending->status) {
    fprintf(stderr, "%s: %s: %s\n", ending->function, hostel_status_name(status), hostel_error_message(error));
  }
  CHECK(status == ending->status);
  hostel_buffer_free(&output);
  hostel_error_free(error);
  hostel_call_options_free(options);
}

static hostel_imports *imports_of_host(host *host) { return imports_of("host", "answer", answer, host); }

/* The digest of a guest that has only started, in an instance that was made for it: nothing is ever reset there. */
static void digest_as_new(const hostel_module *module, uint8_t digest[8]) {
  host host = {.deed = ANSWER};
  hostel_imports *imports = imports_of_host(&host);
  hostel_guest *guest = open_rooms(module, imports, (policy){0});
  hostel_instance *instance = new_instance(guest);
  hostel_buffer output = RUBBISH_BUFFER;
  SUCCEEDS(hostel_instance_call(instance, "digest", NOTHING, NULL, &output, &error));
  REQUIRE(output.len == 8);
  memcpy(digest, output.data, 8);
  hostel_buffer_free(&output);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
  hostel_imports_free(imports);
}

/* Each ending `times` times, and after each of them everything as it was. */
static void endings_leave_nothing(const hostel_engine *engine, shape shape, policy policy, size_t first, int times) {
  uint8_t digest[8];
  hostel_module *module = load_secrets(engine, shape);
  digest_as_new(module, digest);
  host host = {.digest = digest};
  hostel_imports *imports = imports_of_host(&host);
  host.guest = open_rooms(module, imports, policy);
  hostel_imports_free(imports);
  hostel_module_free(module);
  const int before = failures;
  for (size_t i = first; i < ENDINGS && failures == before; i++) {
    for (int time = 0; time < times; time++) {
      end_a_call(&host, &endings[i]);
      ANSWERS_BYTES(digest, 8, hostel_guest_call(host.guest, "digest", NOTHING, NULL, &output, &error));
    }
    if (failures != before) {
      fprintf(stderr, "rooms %s, guest %s, after %s\n", policy.name, shape.name, endings[i].function);
    }
  }
  hostel_guest_free(host.guest);
}

/* What starts: globals of all types, tables and memories are written, and memories grow. */
#define WRITES                                                                                                                   \
  "(drop (memory.grow (i32.const 2))) (i64.store (i32.const 200) (i64.const 0x1122334455667788))"                                \
  "(i64.store (i32.const 196600) (i64.const 99)) (global.set $n (i32.const 11)) (global.set $i (i64.const 12))"                  \
  "(global.set $x (f32.const 1.5)) (global.set $d (f64.const 2.5)) (global.set $r (ref.func $two))"                              \
  "(global.set $null (ref.func $two)) (table.set $fixed (i32.const 4) (ref.func $two))"                                          \
  "(table.set $open (i32.const 0) (ref.func $one)) (table.copy $wide $fixed (i32.const 0) (i32.const 1) (i32.const 5))"

static const shape shapes[] = {
    {"of fixed size", "", NULL},
    {"that grows", "g", NULL},
    {"that writes tables", "t", NULL},
    {"with many memories of fixed size", "mv", NULL},
    {"with everything", "gtmv", NULL},
    {"that starts", "gt", "(func $s " WRITES ") (start $s)"},
    {"that initializes", "gt", "(func (export \"_initialize\") " WRITES ")"},
    {"that starts and initializes", "gtmv",
     "(func $s " WRITES ") (start $s)"
     "(func (export \"_initialize\") " WRITES "(global.set $i (i64.add (global.get $i) (i64.const 1))))"},
    {"that starts with what it does not do later", "",
     "(func $s (memory.fill (i32.const 300) (i32.const 7) (i32.const 100000)) (global.set $n (i32.const 5))) (start $s)"},
    {"that grows tables", "gt", "(func (export \"g\") (drop (table.grow $open (ref.null func) (i32.const 1))))"},
    {"that drops data", "gt", "(func (export \"g\") (data.drop $more))"},
    {"that drops elements", "gt", "(func (export \"g\") (elem.drop $spies))"},
    {"that starts with asking the host", "gt",
     "(func (export \"_initialize\") (global.set $i (call $ask (i32.const 100) (i32.const 9))))"},
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

static bool has(const hostel_engine *engine, shape shape) {
  return !(strchr(shape.parts, 'm') != NULL && engine_row_has(engine, "\"multi-memory\"")) &&
         !(strchr(shape.parts, 'v') != NULL && engine_row_has(engine, "\"simd\""));
}

static void however_a_call_ends_the_next_finds_nothing(const hostel_engine *engine) {
  for (size_t shape = 0; shape < SHAPES; shape++) {
    for (size_t policy = 0; policy < FRESH_POLICIES && has(engine, shapes[shape]); policy++) {
      endings_leave_nothing(engine, shapes[shape], fresh_policies[policy], 0, 3);
    }
  }
}

static void two_hundred_traps_of_each_kind_leave_nothing(const hostel_engine *engine) {
  for (size_t policy = 0; policy < 2; policy++) {
    endings_leave_nothing(engine, shapes[1], fresh_policies[policy], FIRST_TRAP, 200);
  }
}

/* The same with tables and segments that are really lost in the call. */
static void what_cannot_be_put_back_is_made_anew(const hostel_engine *engine) {
  static const char *const losses[] = {"(drop (table.grow $open (ref.func $one) (i32.const 5)))", "(data.drop $more)",
                                       "(elem.drop $spies)"};
  for (size_t loss = 0; loss < 3; loss++) {
    for (size_t policy = 0; policy < FRESH_POLICIES; policy++) {
      char part[300];
      snprintf(part, sizeof part, "(func (export \"lose\") (type $f) (call $write (local.get 0)) %s (i64.const 0))",
               losses[loss]);
      hostel_module *module = load_secrets(engine, (shape){"that loses something", "gt", part});
      uint8_t digest[8];
      digest_as_new(module, digest);
      host host = {.digest = digest};
      hostel_imports *imports = imports_of_host(&host);
      host.guest = open_rooms(module, imports, fresh_policies[policy]);
      for (int i = 0; i < 10; i++) {
        ANSWERS("", hostel_guest_call(host.guest, "lose", SECRET, NULL, &output, &error));
        ANSWERS_BYTES(digest, 8, hostel_guest_call(host.guest, "digest", NOTHING, NULL, &output, &error));
      }
      hostel_guest_free(host.guest);
      hostel_imports_free(imports);
      hostel_module_free(module);
    }
  }
}

/* The digest sees each thing that is written: else the tests above would show nothing. */
static void the_digest_sees_what_was_written(const hostel_engine *engine) {
  static const char *const changes[] = {"(i64.store8 (i32.const 131071) (i64.const 1))",
                                        "(global.set $n (i32.const 2))",
                                        "(global.set $i (i64.const 1))",
                                        "(global.set $x (f32.const 1))",
                                        "(global.set $d (f64.const 1))",
                                        "(global.set $r (ref.null func))",
                                        "(global.set $r (ref.func $spy))",
                                        "(global.set $null (ref.func $one))",
                                        "(table.set $fixed (i32.const 5) (ref.func $one))",
                                        "(table.set $fixed (i32.const 0) (ref.null func))",
                                        "(table.set $wide (i32.const 0) (ref.func $spy))",
                                        "(table.set $open (i32.const 5) (ref.func $spy))",
                                        "(drop (memory.grow (i32.const 1)))",
                                        "(global.set $v (v128.const i64x2 5 7))",
                                        "(i64.store8 $second (i32.const 65535) (i64.const 1))",
                                        "(i64.store8 $third (i32.const 0) (i64.const 1))",
                                        "(drop (memory.grow $third (i32.const 1)))"};
  const shape all = {"with everything", "gtmv", NULL};
  if (!has(engine, all)) {
    return;
  }
  for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
    char part[300];
    snprintf(part, sizeof part, "(func (export \"change\") (type $f) %s (i64.const 0))", changes[i]);
    shape shape = all;
    shape.more = part;
    hostel_module *module = load_secrets(engine, shape);
    uint8_t digest[8];
    digest_as_new(module, digest);
    host host = {.deed = ANSWER};
    hostel_imports *imports = imports_of_host(&host);
    hostel_guest *guest = open_rooms(module, imports, (policy){0});
    hostel_instance *instance = new_instance(guest);
    hostel_buffer output = RUBBISH_BUFFER;
    ANSWERS("", hostel_instance_call(instance, "change", NOTHING, NULL, &output, &error));
    SUCCEEDS(hostel_instance_call(instance, "digest", NOTHING, NULL, &output, &error));
    if (buffer_is(&output, digest, 8)) {
      fail_at(__FILE__, __LINE__, changes[i]);
    }
    hostel_buffer_free(&output);
    hostel_instance_free(instance);
    hostel_guest_free(guest);
    hostel_imports_free(imports);
    hostel_module_free(module);
  }
}

/* With malloc, a stack in memory, and memory that grows for blocks. The secret is looked for with its bits flipped. */
static void a_c_guest_finds_nothing_of_the_call_before(const hostel_engine *engine) {
  const uint64_t secret = UINT64_C(0x5ec4e75ec4e75ec4), flipped = ~secret;
  const uint8_t *given = (const uint8_t *)&secret, *wanted = (const uint8_t *)&flipped;
  hostel_module *module = load_file(engine, "secrets.wasm");
  for (size_t policy = 0; policy < FRESH_POLICIES; policy++) {
    hostel_guest *guest = open_rooms(module, NULL, fresh_policies[policy]);
    for (int i = 0; i < 20; i++) {
      ANSWERS_BYTES(given, 8, hostel_guest_call(guest, "leave", given, 8, NULL, &output, &error));
      ANSWERS("\0\0\0\0\0\0\0\0", hostel_guest_call(guest, "find", wanted, 8, NULL, &output, &error));
    }
    hostel_instance *instance = new_instance(guest);
    hostel_buffer output = RUBBISH_BUFFER;
    ANSWERS_BYTES(given, 8, hostel_instance_call(instance, "leave", given, 8, NULL, &output, &error));
    SUCCEEDS(hostel_instance_call(instance, "find", wanted, 8, NULL, &output, &error));
    uint64_t found = 0;
    memcpy(&found, output.data, sizeof found);
    CHECK(found > 16384); /* where nothing is put back it is found: two pages of it at least */
    hostel_buffer_free(&output);
    hostel_instance_free(instance);
    hostel_guest_free(guest);
  }
  hostel_module_free(module);
}

/* A room that serves several calls: they see one another, and nobody else sees them. */
static void calls_that_share_a_room_see_one_another_and_no_others(const hostel_engine *engine) {
  hostel_module *module = settled(load_file(engine, "echo.wasm"));
  for (int untracked = 0; untracked < 2; untracked++) {
    hostel_guest *guest = open_rooms(module, NULL, (policy){.calls = 3, .untracked = untracked});
    for (int room = 0; room < 20; room++) {
      /* The first room is for one call less where it is not made like itself: what counts is that it starts with 1. */
      ANSWERS("\1\0\0\0\0\0\0\0", hostel_guest_call(guest, "counter", NOTHING, NULL, &output, &error));
      ANSWERS("\2\0\0\0\0\0\0\0", hostel_guest_call(guest, "counter", NOTHING, NULL, &output, &error));
      ANSWERS("\3\0\0\0\0\0\0\0", hostel_guest_call(guest, "counter", NOTHING, NULL, &output, &error));
    }
    ANSWERS("\1\0\0\0\0\0\0\0", hostel_guest_call(guest, "counter", NOTHING, NULL, &output, &error));
    REFUSES(TRAP, "", hostel_guest_call(guest, "panic", NOTHING, NULL, &output, &error));
    ANSWERS("\1\0\0\0\0\0\0\0", hostel_guest_call(guest, "counter", NOTHING, NULL, &output, &error));
    hostel_guest_free(guest);
  }
  hostel_module_free(module);
}

static void a_shared_room_is_as_new_after_its_last_call(const hostel_engine *engine) {
  for (size_t shape = 0; shape < SHAPES; shape++) {
    if (!has(engine, shapes[shape])) {
      continue;
    }
    uint8_t digest[8];
    hostel_module *module = settled(load_secrets(engine, shapes[shape]));
    digest_as_new(module, digest);
    host host = {.digest = digest};
    hostel_imports *imports = imports_of_host(&host);
    host.guest = open_rooms(module, imports, (policy){.calls = 2});
    for (int i = 0; i < 10; i++) {
      ANSWERS_BYTES(digest, 8, hostel_guest_call(host.guest, "digest", NOTHING, NULL, &output, &error));
      ANSWERS("", hostel_guest_call(host.guest, "write", SECRET, NULL, &output, &error));
    }
    hostel_guest_free(host.guest);
    hostel_imports_free(imports);
    hostel_module_free(module);
  }
}

static hostel_status count(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  const uint8_t next = (uint8_t)++*(int *)user_data;
  return hostel_caller_return(caller, &next, 1);
}

/* Such a start may have got something of the moment: each call has one of its own. */
static void a_start_that_asks_the_host_runs_for_each_call(const hostel_engine *engine) {
  static const char text[] = "(module (import \"host\" \"answer\" (func $ask (param i32 i32) (result i64)))"
                             " (memory (export \"memory\") 1) (global $n (mut i32) (i32.const 0))"
                             " (func (export \"_initialize\") (global.set $n (i32.load8_u (i32.wrap_i64 (i64.shr_u"
                             "   (call $ask (i32.const 0) (i32.const 0)) (i64.const 32))))))"
                             " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024))"
                             " (func (export \"hostel_free\") (param i32 i32))"
                             " (func (export \"f\") (param i32 i32) (result i64)"
                             "   (i32.store8 (i32.const 16) (global.get $n)) (i64.const 0x10_0000_0001)))";
  int counted = 0;
  hostel_imports *imports = imports_of("host", "answer", count, &counted);
  hostel_guest *guest = link_guest(load_text(engine, text), imports);
  hostel_imports_free(imports);
  for (uint8_t i = 1; i < 20; i++) {
    ANSWERS_BYTES(&i, 1, hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
    CHECK(counted == i);
  }
  hostel_guest_free(guest);
}

static hostel_status next_number(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)caller;
  values[0] = (uint64_t)++*(int *)user_data;
  return HOSTEL_STATUS_OK;
}

/* Functions of the host among those of the guest, in tables and globals, one of them exported again. */
static void tables_may_hold_functions_of_the_host(const hostel_engine *engine) {
  static const char text[] =
      "(module (type $n (func (result i32))) (import \"host\" \"next\" (func $next (type $n)))"
      " (table $fixed 3 3 funcref) (table $open 3 funcref) (global $g (mut funcref) (ref.func $next))"
      " (elem (table $fixed) (i32.const 0) func $own $next) (elem (table $open) (i32.const 1) func $next $own)"
      " (elem declare func $own $next) (func $own (type $n) (i32.const 0)) (export \"again\" (func $next))"
      " (func (export \"f\") (result i32) (local $s i32)"
      "   (local.set $s (i32.add (call_indirect $fixed (type $n) (i32.const 0)) (call_indirect $fixed (type $n) (i32.const 1))))"
      "   (local.set $s (i32.add (local.get $s) (call_indirect $open (type $n) (i32.const 2))))"
      "   (table.set $fixed (i32.const 0) (global.get $g)) (table.set $fixed (i32.const 1) (ref.null func))"
      "   (table.set $open (i32.const 1) (ref.func $own)) (table.set $open (i32.const 2) (ref.func $next))"
      "   (global.set $g (ref.func $own)) (local.get $s)))";
  int counted = 0;
  hostel_imports *imports = new_imports();
  static const hostel_value_type results[] = {HOSTEL_VALUE_I32};
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "next", NULL, 0, results, 1, next_number, &counted, NULL, &error));
  hostel_guest *guest = link_guest(load_text(engine, text), imports);
  hostel_imports_free(imports);
  for (int i = 1; i <= 20; i++) {
    uint64_t values[1] = {0};
    SUCCEEDS(hostel_guest_call_values(guest, "f", values, 1, NULL, &error));
    CHECK(values[0] == (uint64_t)(2 * i - 1));
    SUCCEEDS(hostel_guest_call_values(guest, "again", values, 1, NULL, &error));
    CHECK(values[0] == (uint64_t)(2 * i));
  }
  hostel_guest_free(guest);
}

/* A memory may begin with nothing, and a guest may do without. */
static void memories_of_nothing_are_put_back_too(const hostel_engine *engine) {
  hostel_guest *guest =
      open_text(engine, "(module (memory (export \"memory\") 0) (global $n (mut i64) (i64.const 0))"
                        " (func (export \"f\") (result i64) (local $was i64)"
                        "   (local.set $was (i64.extend_i32_u (memory.size))) (drop (memory.grow (i32.const 2)))"
                        "   (local.set $was (i64.add (local.get $was) (i64.load (i32.const 65536))))"
                        "   (i64.store (i32.const 65536) (i64.const 1)) (local.get $was)))");
  hostel_guest *none = open_text(engine, "(module (global $n (mut i64) (i64.const 0)) (func (export \"f\") (result i64)"
                                         " (global.get $n) (global.set $n (i64.const 1))))");
  for (int i = 0; i < 100; i++) {
    uint64_t values[1] = {9};
    SUCCEEDS(hostel_guest_call_values(guest, "f", values, 1, NULL, &error));
    CHECK(values[0] == 0);
    SUCCEEDS(hostel_guest_call_values(none, "f", values, 1, NULL, &error));
    CHECK(values[0] == 0);
  }
  hostel_guest_free(guest);
  hostel_guest_free(none);
}

/* The first call's limit must not be what later calls find: here, whether the start could grow. */
static void the_limits_of_the_first_call_are_not_those_of_the_start(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, "(module (memory (export \"memory\") 1)"
                                          " (func (export \"_initialize\") (drop (memory.grow (i32.const 4))))"
                                          " (func (export \"size\") (result i32) (memory.size)))");
  hostel_call_options *low = new_options();
  SUCCEEDS(hostel_call_options_set_limit(low, HOSTEL_LIMIT_MEMORY_BYTES, 3 * 65536, &error));
  for (int i = 0; i < 5; i++) {
    uint64_t values[1] = {0};
    FAILS(MEMORY_LIMIT, "327680", hostel_guest_call_values(guest, "size", values, 1, low, &error));
    SUCCEEDS(hostel_guest_call_values(guest, "size", values, 1, NULL, &error));
    CHECK(values[0] == 5);
  }
  hostel_call_options_free(low);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(the_digest_sees_what_was_written),
      TEST(however_a_call_ends_the_next_finds_nothing),
      TEST(two_hundred_traps_of_each_kind_leave_nothing),
      TEST(what_cannot_be_put_back_is_made_anew),
      TEST(a_c_guest_finds_nothing_of_the_call_before),
      TEST(calls_that_share_a_room_see_one_another_and_no_others),
      TEST(a_shared_room_is_as_new_after_its_last_call),
      TEST(a_start_that_asks_the_host_runs_for_each_call),
      TEST(tables_may_hold_functions_of_the_host),
      TEST(memories_of_nothing_are_put_back_too),
      TEST(the_limits_of_the_first_call_are_not_those_of_the_start),
  };
  return RUN_TESTS(argc, argv, tests);
}
