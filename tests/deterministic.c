/* deterministic.c: guests that answer the same on every engine and machine. */
#include "check_limits.h"

#define CANONICAL_32 UINT64_C(0x7fc00000)
#define CANONICAL_64 UINT64_C(0x7ff8000000000000)

static hostel_engine *deterministic_engine(const hostel_engine *engine) {
  hostel_engine_config *config = RUBBISH;
  hostel_engine *made = RUBBISH;
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  SUCCEEDS(hostel_engine_config_set_engine(config, hostel_engine_name(engine), &error));
  SUCCEEDS(hostel_engine_config_set_deterministic(config, true, &error));
  SUCCEEDS(hostel_engine_config_set_fuel(config, true, &error));
  SUCCEEDS(hostel_engine_new(config, &made, &error));
  hostel_engine_config_free(config);
  return made;
}

/* What is calculated with: every kind of NaN, and what NaNs are made of. */
static const uint32_t floats[] = {0x7fc00000, 0xffc00000, 0x7fc12345, 0xffe54321, 0x7f800001, 0xffbfffff, 0x7fa00000,
                                  0x7f800000, 0xff800000, 0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x00000001};
static const uint64_t doubles[] = {0x7ff8000000000000, 0xfff8000000000000, 0x7ff8123456789abc, 0xfffc000000000001,
                                   0x7ff0000000000001, 0xfff7ffffffffffff, 0x7ff4000000000000, 0x7ff0000000000000,
                                   0xfff0000000000000, 0x0000000000000000, 0x8000000000000000, 0x3ff0000000000000,
                                   0xbff0000000000000, 0x0000000000000001};
enum { NUMBERS = sizeof floats / sizeof floats[0] };

static bool is_nan_32(uint64_t bits) { return (bits & 0x7fffffff) > 0x7f800000; }
static bool is_nan_64(uint64_t bits) { return (bits & 0x7fffffffffffffff) > 0x7ff0000000000000; }

/* Functions of two numbers' bits each, that answer the result's; so that nothing is known while compiling. */
static const char *const binary[] = {"add", "sub", "mul", "div", "min", "max"};
static const char *const unary[] = {"sqrt", "ceil", "floor", "trunc", "nearest"};
enum { BINARY = 6, UNARY = 5 };

/* Calls a function with bits; every NaN that it answers is this one. The number of those. */
static int nans_of(const hostel_guest *guest, const char *name, uint64_t a, uint64_t b, bool wide) {
  uint64_t values[4] = {a, b};
  int nans = 0;
  SUCCEEDS(hostel_guest_call_values(guest, name, values, 4, NULL, &error));
  if (wide ? is_nan_64(values[0]) : is_nan_32(values[0])) {
    nans++;
    if (values[0] != (wide ? CANONICAL_64 : CANONICAL_32)) {
      fprintf(stderr, "%s of %llx and %llx is %llx\n", name, (unsigned long long)a, (unsigned long long)b,
              (unsigned long long)values[0]);
      failures++;
    }
  }
  return nans;
}

static void check_all(const hostel_engine *shared, const char *text, const char *name, bool wide, bool results_wide) {
  hostel_engine *engine = deterministic_engine(shared);
  hostel_guest *guest = open_text(engine, text);
  int nans = 0;
  for (int a = 0; a < NUMBERS; a++) {
    for (int b = 0; b < NUMBERS; b++) {
      nans += nans_of(guest, name, wide ? doubles[a] : floats[a], wide ? doubles[b] : floats[b], results_wide);
    }
  }
  CHECK(nans > 0);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static void scalars(const hostel_engine *engine, bool wide) {
  char text[1000];
  const int bits = wide ? 64 : 32;
  for (int i = 0; i < BINARY + UNARY; i++) {
    char operands[200];
    snprintf(operands, sizeof operands,
             i < BINARY ? "(f%d.reinterpret_i%d (local.get 0)) (f%d.reinterpret_i%d (local.get 1))"
                        : "(f%d.reinterpret_i%d (local.get 0))",
             bits, bits, bits, bits);
    const char *name = i < BINARY ? binary[i] : unary[i - BINARY];
    snprintf(text, sizeof text, "(module (func (export \"%s\") (param i%d i%d) (result i%d) (i%d.reinterpret_f%d (f%d.%s %s))))",
             name, bits, bits, bits, bits, bits, bits, name, operands);
    check_all(engine, text, name, wide, wide);
  }
}

static void a_nan_of_32_bits_is_always_the_same(const hostel_engine *engine) { scalars(engine, false); }

static void a_nan_of_64_bits_is_always_the_same(const hostel_engine *engine) { scalars(engine, true); }

static void a_nan_that_is_made_shorter_or_longer_is_always_the_same(const hostel_engine *engine) {
  check_all(engine,
            "(module (func (export \"demote\") (param i64 i64) (result i32)"
            " (i32.reinterpret_f32 (f32.demote_f64 (f64.reinterpret_i64 (local.get 0))))))",
            "demote", true, false);
  check_all(engine,
            "(module (func (export \"promote\") (param i32 i32) (result i64)"
            " (i64.reinterpret_f64 (f64.promote_f32 (f32.reinterpret_i32 (local.get 0))))))",
            "promote", false, true);
}

/* The same in a lane of a vector. */
static void vectors(const hostel_engine *engine, bool wide) {
  char text[1000];
  const int bits = wide ? 64 : 32, lanes = wide ? 2 : 4;
  for (int lane = 0; lane < lanes; lane++) {
    for (int i = 0; i < BINARY + UNARY; i++) {
      char operands[200];
      snprintf(operands, sizeof operands,
               i < BINARY ? "(i%dx%d.splat (local.get 0)) (i%dx%d.splat (local.get 1))" : "(i%dx%d.splat (local.get 0))", bits,
               lanes, bits, lanes);
      const char *name = i < BINARY ? binary[i] : unary[i - BINARY];
      snprintf(text, sizeof text,
               "(module (func (export \"%s\") (param i%d i%d) (result i%d) (i%dx%d.extract_lane %d (f%dx%d.%s %s))))", name, bits,
               bits, bits, bits, lanes, lane, bits, lanes, name, operands);
      check_all(engine, text, name, wide, wide);
    }
  }
}

static void a_nan_in_a_vector_is_always_the_same(const hostel_engine *engine) {
  vectors(engine, false);
  vectors(engine, true);
}

static void a_nan_in_a_vector_that_is_made_shorter_or_longer_is_always_the_same(const hostel_engine *engine) {
  check_all(engine,
            "(module (func (export \"demote vector\") (param i64 i64) (result i32)"
            " (i32x4.extract_lane 0 (f32x4.demote_f64x2_zero (i64x2.splat (local.get 0))))))",
            "demote vector", true, false);
  check_all(engine,
            "(module (func (export \"promote vector\") (param i32 i32) (result i64)"
            " (i64x2.extract_lane 1 (f64x2.promote_low_f32x4 (i32x4.splat (local.get 0))))))",
            "promote vector", false, true);
}

/* What a compiler or interpreter may calculate before the guest runs: functions of constants, all in one module. Returns how
 * many. */
static int constants(char *text, size_t size, bool wide, bool vector) {
  const int bits = wide ? 64 : 32;
  int functions = 0, len = snprintf(text, size, "(module");
  for (int i = 0; i < BINARY + UNARY; i++) {
    const char *name = i < BINARY ? binary[i] : unary[i - BINARY];
    for (int a = 0; a < NUMBERS; a++) {
      const unsigned long long of[] = {wide ? doubles[a] : floats[a],
                                       wide ? doubles[(a + i + 5) % NUMBERS] : floats[(a + i + 5) % NUMBERS]};
      char operands[400] = "";
      for (int operand = 0; operand < (i < BINARY ? 2 : 1); operand++) {
        const size_t end = strlen(operands);
        if (vector && wide) {
          snprintf(operands + end, sizeof operands - end, " (v128.const i64x2 0 0x%llx)", of[operand]);
        } else if (vector) {
          snprintf(operands + end, sizeof operands - end, " (v128.const i32x4 0 0x%llx 0 0x%llx)", of[operand], of[operand]);
        } else {
          snprintf(operands + end, sizeof operands - end, " (f%d.reinterpret_i%d (i%d.const 0x%llx))", bits, bits, bits,
                   of[operand]);
        }
      }
      len += snprintf(text + len, size - (size_t)len, "\n (func (export \"%d\") (result i%d) ", functions++, bits);
      if (vector) {
        len += snprintf(text + len, size - (size_t)len, "(i%dx%d.extract_lane 1 (f%dx%d.%s%s)))", bits, 128 / bits, bits,
                        128 / bits, name, operands);
      } else {
        len += snprintf(text + len, size - (size_t)len, "(i%d.reinterpret_f%d (f%d.%s%s)))", bits, bits, bits, name, operands);
      }
    }
  }
  snprintf(text + len, size - (size_t)len, ")");
  return functions;
}

static void a_nan_of_constants_is_the_same_too(const hostel_engine *shared) {
  static char text[1 << 17];
  hostel_engine *engine = deterministic_engine(shared);
  for (int kind = 0; kind < 4; kind++) {
    const int functions = constants(text, sizeof text, kind & 1, kind & 2);
    hostel_guest *guest = open_text(engine, text);
    int nans = 0;
    for (int i = 0; i < functions; i++) {
      char name[12];
      snprintf(name, sizeof name, "%d", i);
      nans += nans_of(guest, name, 0, 0, kind & 1);
    }
    CHECK(nans > functions / 3);
    hostel_guest_free(guest);
  }
  hostel_engine_free(engine);
}

static void a_nan_that_is_known_while_compiling_is_the_same_too(const hostel_engine *shared) {
  static const char *const expressions[] = {
      "(f32.div (f32.const 0) (f32.const 0))",
      "(f32.div (f32.const -0) (f32.const 0))",
      "(f32.sub (f32.const inf) (f32.const inf))",
      "(f32.add (f32.const -inf) (f32.const inf))",
      "(f32.mul (f32.const 0) (f32.const -inf))",
      "(f32.sqrt (f32.const -1))",
      "(f32.add (f32.const 1) (f32.const -nan:0x200001))",
      "(f32.add (f32.const nan:0x123) (f32.const 1))",
      "(f32.min (f32.const -nan) (f32.const 1))",
      "(f32.max (f32.const 1) (f32.const -nan:0x300000))",
      "(f32.ceil (f32.const -nan:0x1))",
      "(f32.nearest (f32.const -nan))",
      "(f32.demote_f64 (f64.const -nan:0x8000000000001))",
      "(f32.demote_f64 (f64.sqrt (f64.const -4)))",
      "(f32.mul (f32.const -nan:0x7fffff) (f32.const 1))",
      "(f32x4.extract_lane 0 (f32x4.div (v128.const f32x4 0 0 0 0) (v128.const f32x4 0 0 0 0)))",
      "(f32x4.extract_lane 1 (f32x4.demote_f64x2_zero (v128.const f64x2 nan -nan:0x8000000000001)))",
      "(f32x4.extract_lane 2 (f32x4.add (v128.const f32x4 -nan -nan -nan:0x5 1) (v128.const f32x4 1 1 1 1)))",
  };
  hostel_engine *engine = deterministic_engine(shared);
  for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++) {
    char text[300];
    snprintf(text, sizeof text, "(module (func (export \"known\") (result i32) (i32.reinterpret_f32 %s)))", expressions[i]);
    hostel_guest *guest = open_text(engine, text);
    CHECK(nans_of(guest, "known", i, 0, false) == 1);
    hostel_guest_free(guest);
  }
  hostel_engine_free(engine);
}

/* These only move bits, and the specification says which. */
static void what_makes_no_nan_leaves_it_as_it_is(const hostel_engine *shared) {
  hostel_engine *engine = deterministic_engine(shared);
  hostel_guest *guest = open_text(
      engine,
      "(module (memory 1)"
      " (func (export \"neg\") (param i32) (result i32) (i32.reinterpret_f32 (f32.neg (f32.reinterpret_i32 (local.get 0)))))"
      " (func (export \"abs\") (param i32) (result i32) (i32.reinterpret_f32 (f32.abs (f32.reinterpret_i32 (local.get 0)))))"
      " (func (export \"keep\") (param i32) (result i32) (f32.store (i32.const 8) (f32.reinterpret_i32 (local.get 0)))"
      "   (i32.reinterpret_f32 (select (f32.load (i32.const 8)) (f32.const 0) (local.get 0))))"
      " (func (export \"pmin\") (param i32) (result i32) (i32x4.extract_lane 3"
      "   (f32x4.pmin (i32x4.splat (local.get 0)) (v128.const f32x4 1 1 1 1)))))");
  static const struct {
    const char *name;
    uint64_t expected;
  } moves[] = {{"neg", 0x7fe54321}, {"abs", 0x7fe54321}, {"keep", 0xffe54321}, {"pmin", 0xffe54321}};
  for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
    uint64_t value = 0xffe54321;
    SUCCEEDS(hostel_guest_call_values(guest, moves[i].name, &value, 1, NULL, &error));
    CHECK(value == moves[i].expected);
  }
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static void relaxed_vectors_are_not_taken(const hostel_engine *shared) {
  static const char *const operators[] = {
      "(f32x4.relaxed_madd (local.get 0) (local.get 0) (local.get 0))",
      "(f64x2.relaxed_nmadd (local.get 0) (local.get 0) (local.get 0))",
      "(i8x16.relaxed_swizzle (local.get 0) (local.get 0))",
      "(i32x4.relaxed_trunc_f32x4_s (local.get 0))",
      "(f32x4.relaxed_min (local.get 0) (local.get 0))",
      "(i16x8.relaxed_q15mulr_s (local.get 0) (local.get 0))",
      "(i8x16.relaxed_laneselect (local.get 0) (local.get 0) (local.get 0))",
  };
  hostel_engine *engine = deterministic_engine(shared);
  for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
    char text[300];
    hostel_module *module = RUBBISH;
    snprintf(text, sizeof text, "(module (func (param v128) (result v128) %s))", operators[i]);
    FAILS(UNSUPPORTED_MODULE, "relaxed-simd", hostel_module_load_wat(engine, NULL, text, strlen(text), NULL, &module, &error));
    CHECK(module == NULL);
    if (!engine_row_has(shared, "\"relaxed-simd\"")) {
      hostel_module_free(load_text(shared, text)); /* only then */
    }
  }
  hostel_engine_free(engine);
}

/* Ways that a NaN takes after an operator has made it: its bits must be as they are by then. */
static void a_nan_is_the_same_wherever_it_goes(const hostel_engine *shared) {
  static const struct {
    const char *name, *code;
  } ways[] = {
      {"chain", "(i32.reinterpret_f32 (f32.sub (f32.mul (call $nan) (f32.const 2)) (f32.div (call $nan) (f32.const -3))))"},
      {"neg", "(i32.xor (i32.const 0x80000000) (i32.reinterpret_f32 (f32.neg (f32.add (call $nan) (f32.const 1)))))"},
      {"copysign", "(i32.reinterpret_f32 (f32.copysign (f32.const -nan) (f32.add (call $nan) (f32.const 1))))"},
      {"block", "(i32.reinterpret_f32 (block (result f32) (f32.mul (call $nan) (f32.const 1))))"},
      {"br_if", "(i32.reinterpret_f32 (block $l (result f32) (br_if $l (f32.mul (call $nan) (f32.const 1)) (call $one))))"},
      {"br_table",
       "(i32.reinterpret_f32 (block $l (result f32) (br_table $l $l (f32.mul (call $nan) (f32.const 1)) (call $one))))"},
      {"if",
       "(i32.reinterpret_f32 (if (result f32) (call $one) (then (f32.mul (call $nan) (f32.const 1))) (else (f32.const 1))))"},
      {"select", "(i32.reinterpret_f32 (select (f32.mul (call $nan) (f32.const 1)) (f32.const 1) (call $one)))"},
      {"local", "(local.set $x (f32.sqrt (f32.const -1))) (i32.reinterpret_f32 (local.tee $x (f32.floor (local.get $x))))"},
      {"global", "(global.set $g (f32.max (call $nan) (f32.const 1))) (i32.reinterpret_f32 (global.get $g))"},
      {"memory", "(f32.store (i32.const 8) (f32.min (call $nan) (f32.const 1))) (i32.load (i32.const 8))"},
      {"call", "(i32.reinterpret_f32 (call $same (f32.nearest (call $nan))))"},
      {"return", "(i32.reinterpret_f32 (call $made))"},
      {"table", "(i32.reinterpret_f32 (call_indirect (type $t) (f32.trunc (call $nan)) (i32.const 0)))"},
      {"pmin", "(i32x4.extract_lane 0 (f32x4.pmin (f32x4.div (v128.load (i32.const 16)) (v128.load (i32.const 16)))"
               " (v128.const f32x4 1 1 1 1)))"},
      {"pmax", "(i32x4.extract_lane 0 (f32x4.pmax (f32x4.sqrt (f32x4.splat (call $nan))) (v128.const f32x4 1 1 1 1)))"},
      {"bits", "(i32x4.extract_lane 0 (v128.xor (v128.const i64x2 0 0) (f32x4.mul (f32x4.splat (call $nan)) (v128.load "
               "(i32.const 16)))))"},
      {"shuffle",
       "(i32x4.extract_lane 1 (i8x16.swizzle (f32x4.abs (f32x4.div (v128.load (i32.const 16)) (v128.load (i32.const 16))))"
       " (v128.const i8x16 0 1 2 3 0 1 2 3 0 1 2 3 0 1 2 3)))"},
      {"lane", "(i32x4.extract_lane 2 (f32x4.replace_lane 2 (v128.load (i32.const 16)) (f32.add (call $nan) (call $nan))))"},
      {"other lanes", "(i32.wrap_i64 (i64.shr_u (i64x2.extract_lane 0 (f64x2.neg (f32x4.neg (f32x4.add (f32x4.splat (call $nan))"
                      " (v128.load (i32.const 16)))))) (i64.const 0)))"},
  };
  hostel_engine *engine = deterministic_engine(shared);
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    char text[2000];
    snprintf(text, sizeof text,
             "(module (memory 1) (global $g (mut f32) (f32.const 0)) (type $t (func (param f32) (result f32))) (table funcref "
             "(elem $same))"
             " (func $nan (result f32) (f32.reinterpret_i32 (i32.const 0xffa54321))) (func $one (result i32) (i32.const 1))"
             " (func $same (param f32) (result f32) (local.get 0))"
             " (func $made (result f32) (return (f32.demote_f64 (f64.sqrt (f64.const -1)))))"
             " (func (export \"%s\") (result i32) (local $x f32) %s))",
             ways[i].name, ways[i].code);
    hostel_guest *guest = open_text(engine, text);
    uint64_t value[4] = {0};
    SUCCEEDS(hostel_guest_call_values(guest, ways[i].name, value, 4, NULL, &error));
    const uint64_t expected = strcmp(ways[i].name, "other lanes") == 0 ? CANONICAL_32 | 0x80000000 : CANONICAL_32;
    if (value[0] != expected) {
      fprintf(stderr, "%s: %llx\n", ways[i].name, (unsigned long long)value[0]);
      failures++;
    }
    hostel_guest_free(guest);
  }
  hostel_engine_free(engine);
}

/* A function as large as this is optimised in another way, by some compilers. */
static void a_nan_in_a_large_function_is_the_same(const hostel_engine *shared) {
  enum { TIMES = 12000 };
  static char text[TIMES * 64 + 1000];
  int len = snprintf(text, sizeof text,
                     "(module (func (export \"large\") (param i32 i32) (result i32) (local $x f32)"
                     " (local.set $x (f32.reinterpret_i32 (local.get 0)))");
  for (int i = 0; i < TIMES; i++) {
    len += snprintf(text + len, sizeof text - (size_t)len, " (local.set $x (f32.%s (local.get $x) (f32.const %d)))",
                    binary[i % BINARY], i % 7);
  }
  snprintf(text + len, sizeof text - (size_t)len, " (i32.reinterpret_f32 (local.get $x))))");
  check_all(shared, text, "large", false, false);
}

/* The number stands here so that it is the same on every engine. */
static void the_fuel_of_a_calculation_is_the_same(const hostel_engine *shared) {
  static const char text[] = "(module (func (export \"f\") (param i64) (result i64) (local $x f64) (local $v v128)"
                             " (loop $l (local.set $x (f64.sqrt (f64.sub (local.get $x) (f64.const 1))))"
                             "   (local.set $v (f32x4.div (local.get $v) (local.get $v)))"
                             "   (br_if $l (i64.ne (i64.const 0) (local.tee 0 (i64.sub (local.get 0) (i64.const 1))))))"
                             " (i64.xor (i64.reinterpret_f64 (local.get $x)) (i64x2.extract_lane 1 (local.get $v)))))";
  hostel_engine *deterministic = deterministic_engine(shared), *counting = metered_engine(shared, true, true);
  const hostel_engine *const engines[] = {deterministic, counting};
  for (int i = 0; i < 2; i++) {
    hostel_guest *guest = open_text(engines[i], text);
    uint64_t value = 1000;
    CHECK(fuel_of(guest, "f", &value, 1) == 1 + 1000 * 16 + 7);
    CHECK(i > 0 || value == (CANONICAL_64 ^ (CANONICAL_32 << 32 | CANONICAL_32)));
    hostel_guest_free(guest);
  }
  hostel_engine_free(deterministic);
  hostel_engine_free(counting);
}

static void a_configuration_must_not_be_null(const hostel_engine *engine) {
  (void)engine;
  FAILS(INVALID_ARGUMENT, "config", hostel_engine_config_set_deterministic(NULL, true, &error));
  FAILS(INVALID_ARGUMENT, "config", hostel_engine_config_set_deadline(NULL, true, &error));
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_nan_of_32_bits_is_always_the_same),
      TEST(a_nan_of_64_bits_is_always_the_same),
      TEST(a_nan_that_is_made_shorter_or_longer_is_always_the_same),
      TEST(a_nan_in_a_vector_is_always_the_same),
      TEST(a_nan_in_a_vector_that_is_made_shorter_or_longer_is_always_the_same),
      TEST(a_nan_of_constants_is_the_same_too),
      TEST(a_nan_that_is_known_while_compiling_is_the_same_too),
      TEST(a_nan_is_the_same_wherever_it_goes),
      TEST(a_nan_in_a_large_function_is_the_same),
      TEST(what_makes_no_nan_leaves_it_as_it_is),
      TEST(relaxed_vectors_are_not_taken),
      TEST(the_fuel_of_a_calculation_is_the_same),
      TEST(a_configuration_must_not_be_null),
  };
  return RUN_TESTS(argc, argv, tests);
}
