/* hostile_code.c: guests that run for ever, each in its own way: by loops, recursion, calls of the host. */
#include "check_hostile.h"

#define ENDLESS HOSTEL_STATUS_DEADLINE, HOSTEL_STATUS_OUT_OF_FUEL
#define TOO_DEEP HOSTEL_STATUS_STACK_OVERFLOW, HOSTEL_STATUS_STACK_OVERFLOW
#define ALL(guests) guests, sizeof guests / sizeof guests[0]

static void loops_end(const hostel_engine *engine) {
  static const hostile guests[] = {
      {"loop", GUEST(FOR_EVER("")), NULL, ENDLESS},
      {"loops in a loop", GUEST(FOR_EVER("(loop $m (br_if $m (i32.const 0)) (loop $n (br_if $m (i32.const 0))))")), NULL,
       ENDLESS},
      {"a branch that is taken",
       GUEST(F("(loop $l (br_if $l (i32.or (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1))))")), NULL,
       ENDLESS},
      {"br_table", GUEST(FOR_EVER("(block $b (br_table $l $b $l $b $l (local.get 0)))")), NULL, ENDLESS},
      {"two loops",
       GUEST(F("(loop $l (br_if $l (i32.eqz (global.get $g)))) (loop $m (br $m))") "(global $g (mut i32) (i32.const 1))"), NULL,
       ENDLESS},
      {"memory", GUEST(FOR_EVER("(i64.store (i32.const 8) (i64.add (i64.load (i32.const 8)) (i64.const 1)))")), NULL, ENDLESS},
      {"globals",
       GUEST(FOR_EVER("(global.set $g (i32.add (global.get $g) (i32.const 1)))") "(global $g (mut i32) (i32.const 0))"), NULL,
       ENDLESS},
      {"floats",
       GUEST(
           FOR_EVER("(global.set $x (f64.div (f64.const 1) (f64.sqrt (global.get $x))))") "(global $x (mut f64) (f64.const 7))"),
       NULL, ENDLESS},
      {"vectors", GUEST(FOR_EVER("(drop (i8x16.shr_u (i32x4.splat (local.get 0)) (local.get 1)))")), NULL, ENDLESS},
      {"an if in a loop", GUEST(F("(loop $l (if (local.get 0) (then (br $l)) (else (local.set 0 (i32.const 1)) (br $l))))")),
       NULL, ENDLESS},
  };
  check_hostile(engine, ALL(guests));
}

static void recursion_ends(const hostel_engine *engine) {
  static const hostile guests[] = {
      {"a function that calls itself", GUEST(F("(return (call $f (local.get 0) (local.get 1)))")), NULL, TOO_DEEP},
      {"and has something to do afterwards", GUEST(F("(return (i64.add (i64.const 1) (call $f (local.get 0) (local.get 1))))")),
       NULL, TOO_DEEP},
      {"two that call each other",
       GUEST(F("(return (call $g (local.get 1)))") "(func $g (param i32) (result i64)"
                                                   " (call $f (local.get 0) (i32.const 7)))"),
       NULL, TOO_DEEP},
      {"two that end with a call of each other, without a result",
       GUEST(F("(call $g)") "(func $g (call $h)) (func $h (call $g))"), NULL, TOO_DEEP},
      {"by way of a table",
       GUEST(F("(call_indirect (type $t) (i32.const 0))") "(type $t (func)) (table funcref (elem $g))"
                                                          "(func $g (call_indirect (type $t) (i32.const 0)))"),
       NULL, TOO_DEEP},
      {"in a loop", GUEST(FOR_EVER("(drop (call $f (local.get 0) (local.get 1)))")), NULL, TOO_DEEP},
      {"tail calls", GUEST(F("(return_call $f (local.get 0) (local.get 1))")), "\"tail-call\"", ENDLESS},
      {"tail calls of each other",
       GUEST(F("(return_call $g (local.get 1))") "(func $g (param i32) (result i64)"
                                                 " (return_call $f (local.get 0) (i32.const 7)))"),
       "\"tail-call\"", ENDLESS},
      {"tail calls by way of a table",
       GUEST(F("(return_call_indirect (type $t) (local.get 0) (local.get 1) (i32.const 0))") "(table funcref (elem $f))"
                                                                                             "(type $t (func (param i32 i32)"
                                                                                             " (result i64)))"),
       "\"tail-call\"", ENDLESS},
  };
  check_hostile(engine, ALL(guests));
}

/* 32 functions that each call the next one twice: four thousand million calls, none of them deep, and no loop. */
static char *doubling(bool by_table) {
  text text = {0};
  append(&text,
         "(module " ASK MEMORY("1") ALLOC FREE QUICK F("(call $f0)") "(type $t (func)) (table 33 funcref) (elem (i32.const 0)");
  for (int i = 0; i <= 32; i++) {
    append(&text, " $f%d", i);
  }
  append(&text, ") (func $f32)");
  for (int i = 0; i < 32; i++) {
    if (by_table) {
      append(&text, "(func $f%d (call_indirect (type $t) (i32.const %d)) (call_indirect (type $t) (i32.const %d)))", i, i + 1,
             i + 1);
    } else {
      append(&text, "(func $f%d (call $f%d) (call $f%d))", i, i + 1, i + 1);
    }
  }
  append(&text, ")");
  return text.chars;
}

static void calls_without_number_end(const hostel_engine *engine) {
  char *direct = doubling(false), *by_table = doubling(true);
  const hostile guests[] = {
      {"32 that call the next one twice", direct, NULL, ENDLESS},
      {"32 that call the next one twice by way of a table", by_table, NULL, ENDLESS},
      {"a function that is called for ever", GUEST(FOR_EVER("(call $g)") "(func $g)"), NULL, ENDLESS},
      {"a reference that is called for ever",
       GUEST(
           FOR_EVER("(call_indirect (param i32) (local.get 0) (i32.const 0))") "(table funcref (elem $g)) (func $g (param i32))"),
       NULL, ENDLESS},
  };
  check_hostile(engine, ALL(guests));
  free(direct);
  free(by_table);
}

static void calls_of_the_host_end(const hostel_engine *engine) {
  static const hostile guests[] = {
      {"a guest that ignores that the host says no", GUEST(FOR_EVER("(drop (call $ask (i32.const 0) (i32.const 8)))")), NULL,
       ENDLESS},
      {"one that asks again and again until it says yes",
       GUEST(F("(loop $l (br_if $l (i64.ne (i64.and (call $ask (local.get 0) (local.get 1)) (i64.const 0x80000000)) (i64.const "
               "0))))")),
       NULL, ENDLESS},
      {"one that runs for ever once it was told no", GUEST(F("(drop (call $ask (local.get 0) (local.get 1))) (loop $l (br $l))")),
       NULL, ENDLESS},
      {"one that asks by way of a table",
       GUEST(
           FOR_EVER("(drop (call_indirect (type $t) (local.get 0) (local.get 1) (i32.const 0)))") "(table funcref (elem $ask))"
                                                                                                  "(type $t (func (param i32 i32)"
                                                                                                  " (result i64)))"),
       NULL, ENDLESS},
  };
  check_hostile(engine, ALL(guests));
}

static hostel_status call_again(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  hostel_guest **guest = user_data;
  hostel_buffer output = RUBBISH_BUFFER;
  const hostel_status status = hostel_guest_call(*guest, "f", input, input_len, NULL, &output, NULL);
  CHECK(status == HOSTEL_STATUS_STACK_OVERFLOW || status == HOSTEL_STATUS_DEADLINE || status == HOSTEL_STATUS_OUT_OF_FUEL);
  hostel_buffer_free(&output);
  return hostel_caller_fail(caller, hostel_status_name(status), NULL, 0);
}

/* Sixteen deep, and there each calls the host, which calls it again, for ever. */
static void calls_inside_calls_end(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, true);
  hostel_guest *guest = NULL;
  guest = open_hostile(engine, GUEST(FOR_EVER("(drop (call $ask (i32.const 0) (i32.const 8)))")), call_again, &guest);
  hostel_call_options *in_time = options_with_deadline(DEADLINE_MS), *on_fuel = options_with_fuel(FUEL / 10);
  check_calls("recursion inside the host", "in 50 ms", guest, in_time, HOSTEL_STATUS_DEADLINE);
  check_calls("recursion inside the host", "with fuel", guest, on_fuel, HOSTEL_STATUS_OUT_OF_FUEL);
  hostel_call_options_free(in_time);
  hostel_call_options_free(on_fuel);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

/* An allocator that never comes back, whoever calls it. */
#define STUCK "(module " ASK MEMORY("1") QUICK
#define SPIN_IF(condition) "(loop $l (br_if $l " condition "))"

static void allocators_end(const hostel_engine *engine) {
  static const hostile guests[] = {
      {"an allocator for the input",
       STUCK FREE F("") "(func (export \"hostel_alloc\") (param i32) (result i32) (loop $l (br $l))"
                        " (i32.const 1024)))",
       NULL, ENDLESS},
      {"an allocator for the host's answer",
       STUCK FREE F(
           "(global.set $n (i32.const 1)) (return (call $ask (i32.const 0) (i32.const 0)))") "(global $n (mut i32) (i32.const "
                                                                                             "0)) (func (export "
                                                                                             "\"hostel_alloc\") (param i32) "
                                                                                             "(result i32)" SPIN_IF(
                                                                                                 "(global.get $n)") " (i32."
                                                                                                                    "const "
                                                                                                                    "1024)))",
       NULL, ENDLESS},
      {"an allocator that asks the host, whose answer needs it",
       STUCK FREE F("") "(func (export \"hostel_alloc\") (param i32) (result i32)"
                        " (loop $l (drop (call $ask (i32.const 0) (i32.const 0))) (br $l)) (i32.const 1024)))",
       NULL, HOSTEL_STATUS_STACK_OVERFLOW, HOSTEL_STATUS_STACK_OVERFLOW},
      {"a free that never ends",
       STUCK ALLOC F("(return (i64.const 0x400_0000_0004))") "(func (export \"hostel_free\") (param i32 i32)"
                                                             " (loop $l (br $l))))",
       NULL, ENDLESS},
      {"a free that calls itself",
       STUCK ALLOC F("(return (i64.const 0x400_0000_0004))") "(func $free (export \"hostel_free\")"
                                                             " (param i32 i32)"
                                                             " (call $free (local.get 0) (local.get 1))))",
       NULL, TOO_DEEP},
  };
  check_hostile(engine, ALL(guests));
}

/* An engine that counts fuel, and gives a start so many milliseconds. */
static hostel_engine *starting_engine(const hostel_engine *shared, uint64_t milliseconds) {
  hostel_engine_config *config = RUBBISH;
  hostel_engine *engine = RUBBISH;
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  SUCCEEDS(hostel_engine_config_set_engine(config, hostel_engine_name(shared), &error));
  SUCCEEDS(hostel_engine_config_set_fuel(config, true, &error));
  SUCCEEDS(hostel_engine_config_set_limit(config, HOSTEL_LIMIT_START_MS, milliseconds, &error));
  SUCCEEDS(hostel_engine_new(config, &engine, &error));
  hostel_engine_config_free(config);
  return engine;
}

static void starts_end(const hostel_engine *shared) {
  static const hostile guests[] = {
      {"start", GUEST("(func $s (loop $l (br $l))) (start $s)"), NULL, ENDLESS},
      {"_initialize", GUEST("(func (export \"_initialize\") (loop $l (br $l)))"), NULL, ENDLESS},
      {"a start that asks the host",
       GUEST("(func $s (loop $l (drop (call $ask (i32.const 0) (i32.const 8))) (br $l))) (start $s)"), NULL, ENDLESS},
      {"a start that grows", GUEST("(func $s (loop $l (drop (memory.grow (i32.const 1))) (br $l))) (start $s)"), NULL, ENDLESS},
      {"a start that calls itself", GUEST("(func $s (call $s)) (start $s)"), NULL, TOO_DEEP},
      {"an _initialize that calls itself", GUEST("(func $i (export \"_initialize\") (call $i))"), NULL, TOO_DEEP},
  };
  hostel_engine *hasty = starting_engine(shared, DEADLINE_MS), *patient = starting_engine(shared, 200000);
  hostel_call_options *on_fuel = options_with_fuel(FUEL);
  for (size_t i = 0; i < sizeof guests / sizeof guests[0]; i++) {
    const bool waits = guests[i].in_time == HOSTEL_STATUS_DEADLINE;
    hostel_guest *in_time = open_hostile(waits ? hasty : patient, guests[i].text, refuse, NULL);
    hostel_guest *guest = open_hostile(patient, guests[i].text, refuse, NULL);
    for (int round = 0; round < 2; round++) { /* a call's fuel is not for the start; an instance's is */
      hostel_instance *instance = RUBBISH;
      hostel_buffer output = RUBBISH_BUFFER;
      hostel_error *error = RUBBISH;
      hostel_status got = hostel_guest_call(in_time, "quick", NOTHING, on_fuel, &output, &error);
      check_status(guests[i].name, "by a call", guests[i].in_time, got, error);
      got = hostel_instance_new(in_time, NULL, &instance, &error);
      check_status(guests[i].name, "by a new instance", guests[i].in_time, got, error);
      got = hostel_instance_new(guest, on_fuel, &instance, &error);
      check_status(guests[i].name, "by a new instance with fuel", guests[i].on_fuel, got, error);
      CHECK(instance == NULL);
    }
    hostel_guest_free(in_time);
    hostel_guest_free(guest);
  }
  hostel_call_options_free(on_fuel);
  hostel_engine_free(patient);
  hostel_engine_free(hasty);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(loops_end),
      TEST(recursion_ends),
      TEST(calls_without_number_end),
      TEST(calls_of_the_host_end),
      TEST(calls_inside_calls_end),
      TEST(allocators_end),
      TEST(starts_end),
  };
  return RUN_TESTS(argc, argv, tests);
}
