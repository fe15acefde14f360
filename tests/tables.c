/* tables.c: calls by a table find the function that is there, the guest's or the host's, with its arguments and its memory. */
#include "check.h"

static hostel_status add(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)user_data, (void)caller;
  values[0] = (uint32_t)(values[0] + values[1]);
  return HOSTEL_STATUS_OK;
}

/* `own` reads a sum from memory; `add` is the host's. Both would notice an argument in another's place. */
#define BEGINNING                                                                                                                \
  "(module (type $t (func (param i32 i32) (result i32))) (import \"host\" \"add\" (func $add (type $t)))"                        \
  " (memory 1 1) (data (i32.const 1000) \"\\2a\")"                                                                               \
  " (func $own (type $t) (i32.add (i32.load8_u (i32.sub (i32.const 1100) (local.get 0))) (local.get 1)))"                        \
  " (func (export \"call\") (param i32) (result i32) (call_indirect (type $t) (i32.const 100) (i32.const 5) (local.get 0)))"

/* Where the table's functions come from; the host's is at 1, the guest's at 2. */
static const char *const ways[] = {
    BEGINNING "(table 4 funcref) (elem (i32.const 1) func $add $own))",
    BEGINNING "(table 4 4 funcref) (elem (i32.const 1) func $add $own))",
    BEGINNING "(table 4 funcref) (elem (i32.const 1) func $add) (elem (i32.const 2) func $own))",
    BEGINNING "(table 4 funcref) (elem (i32.const 2) func $own) (elem (i32.const 1) func $add))",
    BEGINNING "(table 4 funcref) (elem (i32.const 0) func $own $own $add) (elem (i32.const 1) func $add $own))",
    BEGINNING "(table 4 funcref) (elem (i32.const 0) funcref (ref.null func) (ref.func $add) (ref.func $own)))",
    BEGINNING "(table 4 funcref) (elem declare func $own $add) (func $begin (table.set (i32.const 1) (ref.func $add))"
              " (table.set (i32.const 2) (ref.func $own))) (start $begin))",
    BEGINNING
    "(table 4 funcref) (elem (i32.const 0) func $own $own $add) (elem declare func $own $add)"
    " (func $begin (table.set (i32.const 1) (ref.func $add)) (table.set (i32.const 2) (ref.func $own))) (start $begin))",
    BEGINNING "(table 4 funcref) (elem (i32.const 0) func $own $own $own) (global $g funcref (ref.func $add))"
              " (func $begin (table.set (i32.const 1) (global.get $g))) (start $begin))",
    BEGINNING "(table 4 funcref) (elem (i32.const 0) func $own $own $own) (export \"add\" (func $add))"
              " (func $begin (table.set (i32.const 1) (ref.func $add))) (start $begin))",
    BEGINNING "(table 4 funcref) (elem $e func $add $own)"
              " (func $begin (table.init $e (i32.const 1) (i32.const 0) (i32.const 2))) (start $begin))",
    BEGINNING "(table 4 funcref) (table $other 4 funcref) (elem (table $other) (i32.const 0) func $add $own)"
              " (func $begin (table.copy 0 $other (i32.const 1) (i32.const 0) (i32.const 2))) (start $begin))",
    BEGINNING "(table 2 8 funcref) (elem declare func $own $add) (func $begin (drop (table.grow (ref.func $own) (i32.const 2)))"
              " (table.fill (i32.const 1) (ref.func $add) (i32.const 1))) (start $begin))",
};

static void a_call_finds_the_function_that_is_there(const hostel_engine *engine) {
  static const hostel_value_type types[] = {HOSTEL_VALUE_I32, HOSTEL_VALUE_I32};
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    hostel_imports *imports = new_imports();
    SUCCEEDS(hostel_imports_define_raw(imports, "host", "add", types, 2, types, 1, add, NULL, NULL, &error));
    hostel_guest *guest = link_guest(load_text(engine, ways[i]), imports);
    hostel_imports_free(imports);
    for (int times = 0; times < 3; times++) {
      uint64_t host = 1, own = 2, none = 0;
      SUCCEEDS(hostel_guest_call_values(guest, "call", &host, 1, NULL, &error));
      SUCCEEDS(hostel_guest_call_values(guest, "call", &own, 1, NULL, &error));
      if (host != 105 || own != 42 + 5) {
        fprintf(stderr, "way %zu: %llu and %llu\n", i, (unsigned long long)host, (unsigned long long)own);
        failures++;
      }
      none = 3;
      hostel_error *error = RUBBISH;
      const hostel_status status = hostel_guest_call_values(guest, "call", &none, 1, NULL, &error);
      CHECK(status == HOSTEL_STATUS_TRAP || (i == 12 && status == HOSTEL_STATUS_OK && none == 42 + 5));
      hostel_error_free(error);
    }
    hostel_guest_free(guest);
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_call_finds_the_function_that_is_there),
  };
  return RUN_TESTS(argc, argv, tests);
}
