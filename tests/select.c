/* select.c: `select`, decided by all kinds of comparisons, takes the right one. */
#include "check.h"

typedef struct decision {
  const char *operators; /* leave the condition on the stack */
  bool (*holds)(uint32_t y);
} decision;

static bool is_zero(uint32_t y) { return y == 0; }
static bool is_not_zero(uint32_t y) { return y != 0; }
static bool is_even(uint32_t y) { return y % 2 == 0; }
static bool is_two(uint32_t y) { return y == 2; }
static bool is_small(uint32_t y) { return y < 2; }

static const decision decisions[] = {
    {"local.get 1", is_not_zero},
    {"local.get 1 i32.eqz", is_zero},
    {"local.get 1 i32.eqz i32.eqz", is_not_zero},
    {"local.get 1 i32.const 0 i32.eq", is_zero},
    {"i32.const 0 local.get 1 i32.eq", is_zero},
    {"local.get 1 i32.const 0 i32.ne", is_not_zero},
    {"local.get 1 i32.const 0 i32.ne i32.eqz", is_zero},
    {"local.get 1 i64.extend_i32_u i64.eqz", is_zero},
    {"local.get 1 i32.eqz i64.extend_i32_u i64.eqz", is_not_zero},
    {"local.get 1 i32.const 1 i32.and i32.eqz", is_even},
    {"local.get 1 i32.const 2 i32.eq", is_two},
    {"local.get 1 i32.const 2 i32.lt_u", is_small},
    {"local.get 1 i32.const 2 i32.lt_u i32.eqz i32.eqz", is_small},
    {"local.get 1 i32.eqz nop", is_zero},
    {"local.get 1 i32.eqz local.get 1 local.set 1", is_zero},
    {"local.get 1 i32.eqz local.get 0 drop", is_zero},
    {"local.get 1 i32.eqz local.tee 2", is_zero},
    {"block (result i32) local.get 1 i32.eqz end", is_zero},
    {"local.get 1 i32.eqz block end", is_zero},
    {"i32.const 3 local.get 1 i32.eqz i32.const 0 select", is_zero},
    {"local.get 1 i32.eqz i32.const 3 i32.const 1 select", is_zero},
    {"i64.const 1 local.get 1 i64.extend_i32_u i64.gt_u local.get 1 i32.eqz f64.const 2 f64.const 1 f64.le select", is_zero},
};

/* The two to choose from: 5, or 7. The first parameter is 5. */
static const char *const choices[] = {"local.get 0 i32.const 7", "i32.const 5 i32.const 7",
                                      "i32.const 5 local.get 0 i32.const 2 i32.add",
                                      "local.get 0 i32.const 0 i32.add local.get 0 i32.const 2 i32.add"};
static const char *const wide_choices[] = {"local.get 0 i64.extend_i32_u i64.const 7", "i64.const 5 i64.const 7"};

static void check_choice(const hostel_engine *engine, const char *choice, const char *type, const decision *decision) {
  char text[600];
  snprintf(text, sizeof text,
           "(module (memory (export \"memory\") 1) (func (export \"f\") (param i32 i32) (result %s) (local i32) %s %s select))",
           type, choice, decision->operators);
  hostel_guest *guest = link_guest(load_text(engine, text), NULL);
  for (uint32_t y = 0; y < 4; y++) {
    uint64_t values[2] = {5, y};
    SUCCEEDS(hostel_guest_call_values(guest, "f", values, 2, NULL, &error));
    if (values[0] != (decision->holds(y) ? 5 : 7)) {
      fprintf(stderr, "y = %u: %s %s select\n", y, choice, decision->operators);
      failures++;
    }
  }
  hostel_guest_free(guest);
}

static void comparisons_decide(const hostel_engine *engine) {
  for (size_t i = 0; i < sizeof decisions / sizeof decisions[0]; i++) {
    for (size_t j = 0; j < sizeof choices / sizeof choices[0]; j++) {
      check_choice(engine, choices[j], "i32", &decisions[i]);
    }
    for (size_t j = 0; j < sizeof wide_choices / sizeof wide_choices[0]; j++) {
      check_choice(engine, wide_choices[j], "i64", &decisions[i]);
    }
  }
}

/* What compilers make of `x / (y == 0 ? 1 : y)`. */
static void a_guarded_division_does_not_trap(const hostel_engine *engine) {
  hostel_guest *guest =
      link_guest(load_text(engine, "(module (memory (export \"memory\") 1) (func (export \"divide\")"
                                   " (param i32 i32) (result i32) (i32.div_u (local.get 0) (select (i32.const 1)"
                                   " (local.get 1) (i32.eqz (local.get 1))))))"),
                 NULL);
  for (uint64_t y = 0; y < 10; y++) {
    uint64_t values[2] = {100, y};
    SUCCEEDS(hostel_guest_call_values(guest, "divide", values, 2, NULL, &error));
    CHECK(values[0] == 100 / (y == 0 ? 1 : y));
  }
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  const test tests[] = {
      TEST(comparisons_decide),
      TEST(a_guarded_division_does_not_trap),
  };
  return RUN_TESTS(argc, argv, tests);
}
