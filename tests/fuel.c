/* fuel.c: counting what guests do. */
#include "check_limits.h"

static void what_a_call_has_used_is_reported(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, false);
  hostel_guest *guest = open_text(engine, SPINNER);
  uint64_t rounds = 1000;
  /* `loop` and the function's `end` once, 7 operators a round, and the loop's `end`. */
  CHECK(fuel_of(guest, "count", &rounds, 1) == 1 + 7 * 1000 + 2);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static void a_call_with_just_enough_ends_and_with_one_less_does_not(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, false);
  hostel_guest *guest = open_text(engine, SPINNER);
  uint64_t rounds = 100000;
  const uint64_t needed = fuel_of(guest, "count", &rounds, 1);
  hostel_call_options *enough = options_with_fuel(needed), *less = options_with_fuel(needed - 1);
  rounds = 100000;
  SUCCEEDS(hostel_guest_call_values(guest, "count", &rounds, 1, enough, &error));
  CHECK(report_of(enough).fuel_used == needed);
  rounds = 100000;
  FAILS(OUT_OF_FUEL, "fuel", hostel_guest_call_values(guest, "count", &rounds, 1, less, &error));
  CHECK(report_of(less).fuel_used == needed - 1);
  CHECK(report_of(less).status == HOSTEL_STATUS_OUT_OF_FUEL);
  rounds = 100000;
  SUCCEEDS(hostel_guest_call_values(guest, "count", &rounds, 1, enough, &error));
  hostel_call_options_free(enough);
  hostel_call_options_free(less);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static void an_endless_guest_runs_out_and_the_next_call_works(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, true);
  hostel_guest *guest = open_text(engine, SPINNER);
  hostel_call_options *options = options_with_fuel(1000000);
  for (int round = 0; round < 5; round++) {
    REFUSES(OUT_OF_FUEL, "1000000", hostel_guest_call(guest, "spin", NOTHING, options, &output, &error));
    CHECK(report_of(options).fuel_used == 1000000);
    ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  }
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static void without_fuel_even_the_shortest_call_fails(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, false);
  hostel_guest *guest = open_text(engine, SPINNER);
  hostel_call_options *options = options_with_fuel(0);
  REFUSES(OUT_OF_FUEL, "fuel", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  CHECK(report_of(options).fuel_used == 0);
  SUCCEEDS(hostel_call_options_set_fuel(options, HOSTEL_UNLIMITED, &error));
  ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static void fuel_needs_an_engine_that_counts_it(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, SPINNER);
  hostel_call_options *options = options_with_fuel(1000);
  REFUSES(LIMIT_NOT_COMPILED, "fuel", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  SUCCEEDS(hostel_call_options_set_fuel(options, HOSTEL_UNLIMITED, &error));
  ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, options, &output, &error));
  CHECK(report_of(options).fuel_used == HOSTEL_UNLIMITED);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

static void an_instance_that_ran_out_is_dead(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, true);
  hostel_guest *guest = open_text(engine, SPINNER);
  hostel_instance *instance = new_instance(guest);
  hostel_call_options *options = options_with_fuel(10000);
  ANSWERS("", hostel_instance_call(instance, "quick", NOTHING, options, &output, &error));
  REFUSES(OUT_OF_FUEL, "fuel", hostel_instance_call(instance, "spin", NOTHING, options, &output, &error));
  REFUSES(INSTANCE_DEAD, "half-way", hostel_instance_call(instance, "quick", NOTHING, options, &output, &error));
  hostel_call_options_free(options);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

/* `ask` calls the host with what it got and returns what it answers. */
#define ASKER                                                                                                                    \
  "(module (import \"host\" \"answer\" (func $answer (param i32 i32) (result i64)))" ABI                                         \
  " (func (export \"ask\") (param i32 i32) (result i64) (call $answer (local.get 0) (local.get 1))))"

typedef struct meter {
  uint64_t before, after, units;
  hostel_status used;
} meter;

static hostel_status use_fuel(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  meter *meter = user_data;
  meter->before = hostel_caller_fuel_left(caller);
  meter->used = hostel_caller_use_fuel(caller, meter->units);
  meter->after = hostel_caller_fuel_left(caller);
  return hostel_caller_return(caller, TEXT("ok"));
}

static void a_host_function_reads_fuel_and_takes_some(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, false);
  meter meter = {.units = 1000};
  hostel_imports *imports = imports_of("host", "answer", use_fuel, &meter);
  hostel_guest *guest = link_guest(load_text(engine, ASKER), imports);
  const uint64_t budget = UINT64_C(100000000000); /* as holochain gives */
  hostel_call_options *options = options_with_fuel(budget);
  ANSWERS("ok", hostel_guest_call(guest, "ask", TEXT("x"), options, &output, &error));
  CHECK(meter.used == HOSTEL_STATUS_OK && meter.before < budget && meter.before - meter.after == 1000);
  const uint64_t used = report_of(options).fuel_used;
  CHECK(used > 1000 && used < 1100);
  meter.units = UINT64_MAX;
  REFUSES(OUT_OF_FUEL, "fuel", hostel_guest_call(guest, "ask", TEXT("x"), options, &output, &error));
  CHECK(meter.used == HOSTEL_STATUS_OUT_OF_FUEL && meter.after == 0);
  CHECK(report_of(options).fuel_used == budget);
  meter.units = 1;
  ANSWERS("ok", hostel_guest_call(guest, "ask", TEXT("x"), NULL, &output, &error));
  CHECK(meter.before == HOSTEL_UNLIMITED);
  hostel_call_options_free(options);
  hostel_imports_free(imports);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

typedef struct inner {
  hostel_guest *guest;
  const char *function;
  hostel_call_options *options;
  hostel_status status;
  uint64_t left_before, left_after;
} inner;

static hostel_status call_inner(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  inner *inner = user_data;
  hostel_buffer output = RUBBISH_BUFFER;
  inner->left_before = hostel_caller_fuel_left(caller);
  inner->status = hostel_guest_call(inner->guest, inner->function, input, input_len, inner->options, &output, NULL);
  inner->left_after = hostel_caller_fuel_left(caller);
  hostel_buffer_free(&output);
  return hostel_caller_return(caller, TEXT("ok"));
}

static void a_call_inside_a_call_uses_up_the_fuel_of_both(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, true);
  inner inner = {.guest = open_text(engine, SPINNER), .function = "quick", .options = new_options()};
  hostel_imports *imports = imports_of("host", "answer", call_inner, &inner);
  hostel_guest *guest = link_guest(load_text(engine, ASKER), imports);
  hostel_call_options *options = options_with_fuel(100000);
  ANSWERS("ok", hostel_guest_call(guest, "ask", TEXT("x"), options, &output, &error));
  const uint64_t by_inner = report_of(inner.options).fuel_used;
  CHECK(inner.status == HOSTEL_STATUS_OK && inner.left_before - inner.left_after == by_inner && by_inner > 0);
  inner.function = "spin";
  REFUSES(OUT_OF_FUEL, "100000", hostel_guest_call(guest, "ask", TEXT("x"), options, &output, &error));
  CHECK(inner.status == HOSTEL_STATUS_OUT_OF_FUEL && inner.left_after == 0);
  CHECK(report_of(inner.options).fuel_used == inner.left_before);
  SUCCEEDS(hostel_call_options_set_fuel(inner.options, 500, &error));
  ANSWERS("ok", hostel_guest_call(guest, "ask", TEXT("x"), options, &output, &error));
  CHECK(inner.status == HOSTEL_STATUS_OUT_OF_FUEL && inner.left_before - inner.left_after == 500);
  CHECK(report_of(options).fuel_used > 500 && report_of(options).fuel_used < 600);
  hostel_call_options_free(options);
  hostel_call_options_free(inner.options);
  hostel_imports_free(imports);
  hostel_guest_free(guest);
  hostel_guest_free(inner.guest);
  hostel_engine_free(engine);
}

static void a_guest_that_counts_nothing_cannot_be_called_from_one_with_fuel(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, true);
  inner inner = {.guest = open_text(shared, SPINNER), .function = "quick"};
  hostel_imports *imports = imports_of("host", "answer", call_inner, &inner);
  hostel_guest *guest = link_guest(load_text(engine, ASKER), imports);
  hostel_call_options *options = options_with_fuel(100000);
  ANSWERS("ok", hostel_guest_call(guest, "ask", TEXT("x"), options, &output, &error));
  CHECK(inner.status == HOSTEL_STATUS_LIMIT_NOT_COMPILED);
  ANSWERS("ok", hostel_guest_call(guest, "ask", TEXT("x"), NULL, &output, &error));
  CHECK(inner.status == HOSTEL_STATUS_OK);
  hostel_call_options_free(options);
  hostel_imports_free(imports);
  hostel_guest_free(guest);
  hostel_guest_free(inner.guest);
  hostel_engine_free(engine);
}

/* `spin` reads outside its memory after many rounds. */
#define TRAPPER                                                                                                                  \
  "(module" ABI " (func (export \"spin\") (param i32 i32) (result i64) (local $n i32) (loop $l"                                  \
  "   (drop (i32.load (select (i32.const -8) (i32.const 0) (i32.eq (local.get $n) (i32.const 10000)))))"                         \
  "   (local.set $n (i32.add (local.get $n) (i32.const 1))) (br $l)) (i64.const 0)))"

static void a_call_inside_that_traps_has_used_all_that_it_had(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, true);
  inner inner = {.guest = open_text(engine, TRAPPER), .function = "spin", .options = options_with_fuel(200000)};
  hostel_imports *imports = imports_of("host", "answer", call_inner, &inner);
  hostel_guest *guest = link_guest(load_text(engine, ASKER), imports);
  hostel_call_options *options = options_with_fuel(1000000);
  ANSWERS("ok", hostel_guest_call(guest, "ask", TEXT("x"), options, &output, &error));
  CHECK(inner.status == HOSTEL_STATUS_TRAP && inner.left_before - inner.left_after == 200000);
  SUCCEEDS(hostel_call_options_set_fuel(inner.options, HOSTEL_UNLIMITED, &error));
  REFUSES(OUT_OF_FUEL, "1000000", hostel_guest_call(guest, "ask", TEXT("x"), options, &output, &error));
  CHECK(inner.status == HOSTEL_STATUS_TRAP && inner.left_after == 0);
  hostel_call_options_free(options);
  hostel_call_options_free(inner.options);
  hostel_imports_free(imports);
  hostel_guest_free(guest);
  hostel_guest_free(inner.guest);
  hostel_engine_free(engine);
}

static void a_call_without_a_budget_never_runs_out(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, false);
  meter meter = {.units = UINT64_MAX};
  hostel_imports *imports = imports_of("host", "answer", use_fuel, &meter);
  hostel_guest *guest = link_guest(load_text(engine, ASKER), imports);
  for (int round = 0; round < 2; round++) {
    ANSWERS("ok", hostel_guest_call(guest, "ask", TEXT("x"), NULL, &output, &error));
    CHECK(meter.used == HOSTEL_STATUS_OK && meter.after == HOSTEL_UNLIMITED);
  }
  hostel_imports_free(imports);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static void costs_can_be_set(const hostel_engine *shared) {
  hostel_engine_config *config = RUBBISH;
  hostel_engine *engine = RUBBISH;
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  SUCCEEDS(hostel_engine_config_set_engine(config, hostel_engine_name(shared), &error));
  SUCCEEDS(hostel_engine_config_set_fuel_cost(config, HOSTEL_FUEL_INTEGER, 10, &error));
  FAILS(INVALID_ARGUMENT, "fuel_class", hostel_engine_config_set_fuel_cost(config, 0, 1, &error));
  FAILS(INVALID_ARGUMENT, "fuel_class", hostel_engine_config_set_fuel_cost(config, 16, 1, &error));
  FAILS(INVALID_ARGUMENT, "cost", hostel_engine_config_set_fuel_cost(config, HOSTEL_FUEL_BYTES_PER_UNIT, 0, &error));
  FAILS(INVALID_ARGUMENT, "cost", hostel_engine_config_set_fuel_cost(config, HOSTEL_FUEL_LOAD, 1000001, &error));
  FAILS(INVALID_ARGUMENT, "config", hostel_engine_config_set_fuel_cost(NULL, HOSTEL_FUEL_LOAD, 1, &error));
  FAILS(INVALID_ARGUMENT, "config", hostel_engine_config_set_fuel(NULL, true, &error));
  SUCCEEDS(hostel_engine_new(config, &engine, &error));
  hostel_engine_config_free(config);
  hostel_guest *guest = open_text(engine, SPINNER);
  uint64_t rounds = 1000;
  CHECK(fuel_of(guest, "count", &rounds, 1) == 1 + (5 + 2 * 10) * 1000 + 2); /* two of seven are integers */
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static void options_that_are_null_are_refused(const hostel_engine *engine) {
  (void)engine;
  FAILS(INVALID_ARGUMENT, "options", hostel_call_options_set_fuel(NULL, 1, &error));
  CHECK(hostel_caller_fuel_left(NULL) == HOSTEL_UNLIMITED);
  CHECK(hostel_caller_use_fuel(NULL, 1) == HOSTEL_STATUS_INVALID_ARGUMENT);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(what_a_call_has_used_is_reported),
      TEST(a_call_with_just_enough_ends_and_with_one_less_does_not),
      TEST(an_endless_guest_runs_out_and_the_next_call_works),
      TEST(without_fuel_even_the_shortest_call_fails),
      TEST(fuel_needs_an_engine_that_counts_it),
      TEST(an_instance_that_ran_out_is_dead),
      TEST(a_host_function_reads_fuel_and_takes_some),
      TEST(a_call_inside_a_call_uses_up_the_fuel_of_both),
      TEST(a_guest_that_counts_nothing_cannot_be_called_from_one_with_fuel),
      TEST(a_call_inside_that_traps_has_used_all_that_it_had),
      TEST(a_call_without_a_budget_never_runs_out),
      TEST(costs_can_be_set),
      TEST(options_that_are_null_are_refused),
  };
  return RUN_TESTS(argc, argv, tests);
}
