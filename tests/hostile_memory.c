/* hostile_memory.c: guests that want more of their memories and tables than is good, or hand out what is not in them. */
#include "check_hostile.h"

#define ENDLESS HOSTEL_STATUS_DEADLINE, HOSTEL_STATUS_OUT_OF_FUEL
#define SIXTEEN_MIB "(module " ASK MEMORY("256") ALLOC FREE QUICK
#define TABLE "(table $t 100000 funcref) (elem $e func $f $f $f $f)"
#define ALL(guests) guests, sizeof guests / sizeof guests[0]

static void filling_and_copying_for_ever_ends(const hostel_engine *engine) {
  static const hostile guests[] = {
      {"memory.fill", SIXTEEN_MIB FOR_EVER("(memory.fill (i32.const 0) (local.get 0) (i32.const 0x1000000))") ")", NULL, ENDLESS},
      {"memory.copy up", SIXTEEN_MIB FOR_EVER("(memory.copy (i32.const 1) (i32.const 0) (i32.const 0xffffff))") ")", NULL,
       ENDLESS},
      {"memory.copy down", SIXTEEN_MIB FOR_EVER("(memory.copy (i32.const 0) (i32.const 1) (i32.const 0xffffff))") ")", NULL,
       ENDLESS},
      {"memory.fill of nothing", GUEST(FOR_EVER("(memory.fill (i32.const 65536) (i32.const 0) (i32.const 0))")), NULL, ENDLESS},
      {"memory.fill of little", GUEST(FOR_EVER("(memory.fill (i32.const 9) (i32.const 7) (i32.const 15))")), NULL, ENDLESS},
      {"memory.init",
       GUEST(FOR_EVER("(memory.init $d (i32.const 9) (i32.const 0) (i32.const 26))") "(data $d \"abcdefghijklmnopqrstuvwxyz\")"),
       NULL, ENDLESS},
      {"data.drop", GUEST(FOR_EVER("(data.drop $d)") "(data $d \"abc\")"), NULL, ENDLESS},
      {"table.fill", GUEST(FOR_EVER("(table.fill $t (i32.const 0) (ref.func $f) (i32.const 100000))") TABLE), NULL, ENDLESS},
      {"table.copy", GUEST(FOR_EVER("(table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 99999))") TABLE), NULL, ENDLESS},
      {"table.init", GUEST(FOR_EVER("(table.init $t $e (i32.const 5) (i32.const 0) (i32.const 4))") TABLE), NULL, ENDLESS},
      {"table.set", GUEST(FOR_EVER("(table.set $t (i32.const 5) (table.get $t (i32.const 6)))") TABLE), NULL, ENDLESS},
  };
  check_hostile(engine, ALL(guests));
}

static void growing_for_ever_ends(const hostel_engine *engine) {
  static const hostile guests[] = {
      {"by nothing", GUEST(FOR_EVER("(drop (memory.grow (i32.const 0)))")), NULL, ENDLESS},
      {"by a page, also when that is refused", GUEST(FOR_EVER("(drop (memory.grow (i32.const 1)))")), NULL, ENDLESS},
      {"by more than there is", GUEST(FOR_EVER("(drop (memory.grow (i32.const -1)))")), NULL, ENDLESS},
      {"a table by nothing", GUEST(FOR_EVER("(drop (table.grow $t (ref.null func) (i32.const 0)))") TABLE), NULL, ENDLESS},
      {"a table, also when that is refused", GUEST(FOR_EVER("(drop (table.grow $t (ref.null func) (i32.const 1000)))") TABLE),
       NULL, ENDLESS},
  };
  check_hostile(engine, ALL(guests));
}

enum { PAGE = 65536, MOST = 64 << 20 };

/* `f` grows to all that it may have, and then touches each page of it. */
#define GROWER(step)                                                                                                             \
  GUEST(F("(loop $l (br_if $l (i32.ne (memory.grow (i32.const " step ")) (i32.const -1))))"                                      \
          "(memory.fill (i32.const 0) (i32.const 7) (i32.mul (memory.size) (i32.const 65536)))"                                  \
          "(i32.store (i32.const 16) (memory.size)) (return (i64.const 0x10_0000_0004))"))

static void growing_to_the_maximum_is_allowed_in_one_step_and_in_many(const hostel_engine *shared) {
  static const char *const guests[] = {GROWER("1"), GROWER("1023")};
  hostel_engine *engine = metered_engine(shared, true, true);
  for (size_t i = 0; i < sizeof guests / sizeof guests[0]; i++) {
    hostel_guest *guest = open_hostile(engine, guests[i], refuse, NULL);
    hostel_call_options *options = options_with_deadline(200000);
    SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_MEMORY_BYTES, MOST, &error));
    SUCCEEDS(hostel_call_options_set_fuel(options, 100 * FUEL, &error));
    for (int round = 0; round < 3; round++) {
      ANSWERS_BYTES("\0\4\0\0", 4, hostel_guest_call(guest, "f", NOTHING, options, &output, &error));
      CHECK(report_of(options).memory_peak_bytes == MOST);
      ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
      CHECK(report_of(options).memory_peak_bytes == PAGE);
    }
    hostel_instance *instance = new_instance(guest);
    ANSWERS_BYTES("\0\4\0\0", 4, hostel_instance_call(instance, "f", NOTHING, options, &output, &error));
    hostel_instance_free(instance);
    hostel_call_options_free(options);
    hostel_guest_free(guest);
  }
  hostel_engine_free(engine);
}

/* What a module of few bytes may declare. */
static void gigabytes_that_are_only_declared_are_refused(const hostel_engine *engine) {
  static const char *const memories[] = {"(memory (export \"memory\") 65536)", "(memory (export \"memory\") 4097)",
                                         "(memory (export \"memory\") 65536) (data (i32.const 0xfffffff0) \"abc\")"};
  for (size_t i = 0; i < sizeof memories / sizeof memories[0]; i++) {
    char text[1000];
    snprintf(text, sizeof text, "(module %s " ALLOC FREE QUICK ")", memories[i]);
    hostel_guest *guest = open_text(engine, text);
    hostel_instance *instance = RUBBISH;
    REFUSES(MEMORY_LIMIT, "memory", hostel_guest_call(guest, "quick", NOTHING, NULL, &output, &error));
    FAILS(MEMORY_LIMIT, "memory", hostel_instance_new(guest, NULL, &instance, &error));
    hostel_guest_free(guest);
  }
  static const char too_many[] = "(module (memory 65537))", tables[] = "(module (table 4294967295 funcref))";
  hostel_module *module = RUBBISH;
  FAILS(INVALID_MODULE, "memory", hostel_module_load_wat(engine, NULL, too_many, sizeof too_many - 1, NULL, &module, &error));
  FAILS(UNSUPPORTED_MODULE, "table", hostel_module_load_wat(engine, NULL, tables, sizeof tables - 1, NULL, &module, &error));
}

static void many_memories_count_together(const hostel_engine *engine) {
  if (engine_row_has(engine, "\"multi-memory\"")) {
    return;
  }
  text text = {0};
  append(&text, "(module " ALLOC FREE QUICK MEMORY("1"));
  repeat(&text, 90, "(memory 65536)"); /* 360 GiB */
  append(&text, ")");
  hostel_guest *guest = open_text(engine, text.chars);
  REFUSES(MEMORY_LIMIT, "memory", hostel_guest_call(guest, "quick", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
  free(text.chars);
}

static void data_and_elements_outside_are_a_trap_and_nothing_else(const hostel_engine *engine) {
  static const struct {
    const char *parts;
    hostel_trap trap;
  } guests[] = {
      {"(data (i32.const 65535) \"ab\")", HOSTEL_TRAP_MEMORY_OUT_OF_BOUNDS},
      {"(data (i32.const -1) \"a\")", HOSTEL_TRAP_MEMORY_OUT_OF_BOUNDS},
      {"(data (i32.const 0x7fffffff) \"abc\")", HOSTEL_TRAP_MEMORY_OUT_OF_BOUNDS},
      {"(data (i32.const 65537) \"\")", HOSTEL_TRAP_MEMORY_OUT_OF_BOUNDS},
      {"(data (i32.const 5) \"fine\") (data (i32.const 0xfffffff0) \"abcdefghijklmnopqrst\")", HOSTEL_TRAP_MEMORY_OUT_OF_BOUNDS},
      {"(table 1 funcref) (elem (i32.const 1) $alloc)", HOSTEL_TRAP_TABLE_OUT_OF_BOUNDS},
      {"(table 1 funcref) (elem (i32.const -1) $alloc $alloc)", HOSTEL_TRAP_TABLE_OUT_OF_BOUNDS},
  };
  for (size_t i = 0; i < sizeof guests / sizeof guests[0]; i++) {
    char text[1000];
    snprintf(text, sizeof text, "(module " MEMORY("1") ALLOC FREE QUICK "%s)", guests[i].parts);
    hostel_guest *guest = open_text(engine, text);
    for (int round = 0; round < 2; round++) {
      hostel_instance *instance = RUBBISH;
      hostel_error *error = RUBBISH;
      CHECK(hostel_instance_new(guest, NULL, &instance, &error) == HOSTEL_STATUS_TRAP);
      CHECK(instance == NULL && hostel_error_trap(error) == guests[i].trap);
      hostel_error_free(error);
      REFUSES(TRAP, "out of bounds", hostel_guest_call(guest, "quick", NOTHING, NULL, &output, &error));
    }
    hostel_guest_free(guest);
  }
}

/* A guest that hands out this: address << 32 | length. */
static void hands_out(const hostel_engine *engine, const char *packed, hostel_status expected) {
  char text[1000];
  snprintf(text, sizeof text, GUEST(F("(return (i64.const %s))")), packed);
  hostel_guest *guest = open_hostile(engine, text, refuse, NULL);
  hostel_call_options *options = options_with_deadline(200000);
  hostel_instance *instance = new_instance(guest);
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, 1000, &error));
  for (int round = 0; round < 2; round++) {
    hostel_buffer output = RUBBISH_BUFFER;
    hostel_error *error = RUBBISH;
    hostel_status got = hostel_guest_call(guest, "f", NOTHING, options, &output, &error);
    check_status(packed, "as an output", expected, got, error);
    CHECK(output.data == NULL && output.len == 0);
    got = hostel_instance_call(instance, "f", NOTHING, options, &output, &error);
    check_status(packed, "as an output of an instance", expected, got, error);
    CHECK(output.data == NULL && output.len == 0);
    ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  }
  hostel_instance_free(instance);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

static void outputs_of_four_gigabytes_are_refused(const hostel_engine *engine) {
  hands_out(engine, "0x0000_0000_ffff_ffff", HOSTEL_STATUS_BAD_ABI);
  hands_out(engine, "0xffff_ffff_ffff_ffff", HOSTEL_STATUS_BAD_ABI);
  hands_out(engine, "0x0000_0001_ffff_ffff", HOSTEL_STATUS_BAD_ABI);
  hands_out(engine, "0x0000_ffff_0000_0002", HOSTEL_STATUS_BAD_ABI);
  hands_out(engine, "0x8000_0000_8000_0000", HOSTEL_STATUS_BAD_ABI);
  hands_out(engine, "0x0000_0000_0000_03e9", HOSTEL_STATUS_OUTPUT_TOO_LARGE); /* one more than it may */
  hands_out(engine, "0x0000_0000_0001_0000", HOSTEL_STATUS_OUTPUT_TOO_LARGE);
}

static hostel_status answer_with_what_it_got(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data;
  return hostel_caller_return(caller, input, input_len);
}

/* The allocator gives the same block to the input and to every answer of the host, one over the other. */
static void an_allocator_that_returns_the_same_block_harms_only_its_guest(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, true);
  static const char text[] = GUEST(
      F("(i32.store8 (local.get 0) (i32.const 33)) (return (call $ask (local.get 0) (local.get 1)))") "(func (export "
                                                                                                      "\"ask_for_ever\") (param "
                                                                                                      "i32 i32) (result i64)"
                                                                                                      " (loop $l (drop (call "
                                                                                                      "$ask (local.get 0) "
                                                                                                      "(local.get 1))) (br $l)) "
                                                                                                      "(i64.const 0))");
  hostel_guest *guest = open_hostile(engine, text, answer_with_what_it_got, NULL);
  hostel_instance *instance = new_instance(guest);
  hostel_call_options *options = options_with_deadline(DEADLINE_MS);
  ANSWERS("!nput", hostel_guest_call(guest, "f", TEXT("input"), NULL, &output, &error));
  ANSWERS("!nput", hostel_instance_call(instance, "f", TEXT("input"), NULL, &output, &error));
  REFUSES(DEADLINE, "time", hostel_guest_call(guest, "ask_for_ever", TEXT("input"), options, &output, &error));
  ANSWERS("!nput", hostel_instance_call(instance, "f", TEXT("input"), NULL, &output, &error));
  hostel_call_options_free(options);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(filling_and_copying_for_ever_ends),
      TEST(growing_for_ever_ends),
      TEST(growing_to_the_maximum_is_allowed_in_one_step_and_in_many),
      TEST(gigabytes_that_are_only_declared_are_refused),
      TEST(many_memories_count_together),
      TEST(data_and_elements_outside_are_a_trap_and_nothing_else),
      TEST(outputs_of_four_gigabytes_are_refused),
      TEST(an_allocator_that_returns_the_same_block_harms_only_its_guest),
  };
  return RUN_TESTS(argc, argv, tests);
}
