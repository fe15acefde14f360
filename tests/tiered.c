/* tiered.c: each tier answers the same, and guests move up while they are called. Other engines are their only tier. */
#define _GNU_SOURCE
#include "check_tiered.h"

/* ---- the same on each tier ---- */

typedef struct observed {
  hostel_status status;
  hostel_trap trap;
  uint64_t fuel, memory;
  size_t len;
  uint8_t bytes[64];
} observed;

static observed observe(const hostel_guest *guest, const char *function, hostel_call_options *options) {
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  observed seen;
  memset(&seen, 0, sizeof seen);
  seen.status = hostel_guest_call(guest, function, TEXT("16 bytes of input"), options, &output, &error);
  seen.trap = hostel_error_trap(error);
  const uint8_t *payload = hostel_error_payload(error, &seen.len);
  const uint8_t *bytes = output.len > 0 ? output.data : payload;
  seen.len = output.len > 0 ? output.len : seen.len;
  if (seen.len > 0) {
    memcpy(seen.bytes, bytes, seen.len < sizeof seen.bytes ? seen.len : sizeof seen.bytes);
  }
  const hostel_report report = report_of(options);
  seen.fuel = report.fuel_used;
  seen.memory = report.memory_peak_bytes;
  hostel_buffer_free(&output);
  hostel_error_free(error);
  return seen;
}

typedef struct list {
  const char *file; /* NULL for `various` */
  const char *functions[12];
} list;

static const list lists[] = {
    {NULL, {"floats", "grow", "grow_and_trap", "grow_too_far", "count", "loop", "outside", "ask", "nowhere"}},
    {"traps.wat",
     {"fine", "unreachable", "div_by_zero", "int_overflow", "bad_conversion", "memory_out_of_bounds", "table_out_of_bounds",
      "indirect_null", "bad_signature"}},
    {"fails.wat", {"then_trap", "then_return", "then_rubbish", "twice", "without_words", "not_utf8", "outside"}},
    {"echo.wasm", {"echo", "reverse", "counter", "panic", "fail", "nothing"}},
};

static hostel_module *load_list(const hostel_engine *engine, const list *list) {
  return list->file == NULL ? load_text(engine, various) : load_file(engine, list->file);
}

static void compare(const hostel_guest *guest, const hostel_guest *judge, const char *function, hostel_call_options *options) {
  const observed expected = observe(judge, function, options), seen = observe(guest, function, options);
  if (memcmp(&expected, &seen, sizeof seen) != 0) {
    fprintf(stderr, "%s on %s: %s, %d, %llu fuel instead of %s, %d, %llu fuel\n", function, report_of(options).engine,
            hostel_status_name(seen.status), seen.trap, (unsigned long long)seen.fuel, hostel_status_name(expected.status),
            expected.trap, (unsigned long long)expected.fuel);
    failures++;
  }
}

static void every_tier_answers_the_same(const hostel_engine *shared) {
  hostel_engine *engine = exact_engine(hostel_engine_name(shared)), *other = exact_engine("wasmi");
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
    stairs stairs;
    stairs_begin(&stairs);
    hostel_guest *guest = open_list(load_list(engine, &lists[i])), *judge = open_list(load_list(other, &lists[i]));
    hostel_call_options *plenty = options_with_fuel(100000000), *little = options_with_fuel(300);
    for (size_t tier = 0; tier < tiers_of(engine); tier++) {
      for (const char *const *function = lists[i].functions; *function != NULL; function++) {
        for (int again = 0; again < 3; again++) {
          compare(guest, judge, *function, plenty);
          compare(guest, judge, *function, little);
        }
      }
      (void)observe(guest, lists[i].functions[0], plenty);
      CHECK(ran_on(plenty, engine, tier));
      stairs_up(&stairs);
    }
    hostel_call_options_free(plenty);
    hostel_call_options_free(little);
    hostel_guest_free(guest);
    hostel_guest_free(judge);
    stairs_end(&stairs);
  }
  hostel_engine_free(engine);
  hostel_engine_free(other);
}

static void a_stack_that_overflows_is_told_on_each_tier(const hostel_engine *engine) {
  stairs stairs;
  stairs_begin(&stairs);
  hostel_guest *guest = open_file(engine, "traps.wat");
  for (size_t tier = 0; tier < tiers_of(engine); tier++) {
    for (int i = 0; i < 3; i++) {
      REFUSES(STACK_OVERFLOW, "", hostel_guest_call(guest, "stack_overflow", NOTHING, NULL, &output, &error));
      ANSWERS("", hostel_guest_call(guest, "fine", NOTHING, NULL, &output, &error));
    }
    stairs_up(&stairs);
  }
  hostel_guest_free(guest);
  stairs_end(&stairs);
}

/* ---- while it moves ---- */

typedef struct traffic {
  const hostel_guest *guest;
  hostel_function *count;
  atomic_bool enough;
  atomic_uint calls, spins, ready;
  hostel_cancel *cancel;
} traffic;

static void *call_and_call(void *argument) {
  traffic *traffic = argument;
  for (unsigned i = 0; !traffic->enough; i++, traffic->calls += 3) {
    char text[32];
    const size_t len = (size_t)snprintf(text, sizeof text, "%08u %08u", i, i);
    ANSWERS("\1\0\0\0", hostel_function_call(traffic->count, NOTHING, NULL, &output, &error));
    ANSWERS("\1\0\0\0", hostel_guest_call(traffic->guest, "count", NOTHING, NULL, &output, &error));
    ANSWERS_BYTES(text, len / 2, hostel_guest_call(traffic->guest, "ask", (uint8_t *)text, len, NULL, &output, &error));
  }
  return NULL;
}

/* On each tier there are calls, until there are, and each call is as new. */
static void no_call_is_lost_while_many_threads_call(const hostel_engine *shared) {
  enum { THREADS = 4 };
  hostel_engine *engine = own_engine(shared);
  stairs stairs;
  stairs_begin(&stairs);
  pthread_t threads[THREADS];
  traffic traffic = {.guest = open_list(load_text(engine, various))};
  SUCCEEDS(hostel_guest_function(traffic.guest, "count", &traffic.count, &error));
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_create(&threads[i], NULL, call_and_call, &traffic) == 0);
  }
  for (size_t tier = 0; tier < tiers_of(engine); tier++) {
    while (tier_stats(engine, tier).calls < 200) {
      sleep_ms(1);
    }
    stairs_up(&stairs);
  }
  traffic.enough = true;
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_join(threads[i], NULL) == 0);
  }
  uint64_t calls = 0, made = 0;
  for (size_t tier = 0; tier < tiers_of(engine); tier++) {
    calls += tier_stats(engine, tier).calls;
    made += tier_stats(engine, tier).rooms_made;
  }
  CHECK(calls == traffic.calls && stats_of(engine).calls == calls && stats_of(engine).rooms_made == made);
  hostel_function_free(traffic.count);
  hostel_guest_free((hostel_guest *)traffic.guest);
  CHECK(stats_of(engine).calls == calls && stats_of(engine).rooms == 0);
  stairs_end(&stairs);
  hostel_engine_free(engine);
}

static void *spin_and_spin(void *argument) {
  traffic *traffic = argument;
  hostel_call_options *late = options_with_deadline(3), *cancelled = options_with_cancel(traffic->cancel);
  while (!traffic->enough) {
    REFUSES(DEADLINE, "", hostel_guest_call(traffic->guest, "spin", NOTHING, late, &output, &error));
    CHECK(report_of(late).status == HOSTEL_STATUS_DEADLINE);
    ANSWERS("", hostel_guest_call(traffic->guest, "quick", NOTHING, cancelled, &output, &error));
    traffic->spins++;
  }
  traffic->ready++;
  REFUSES(CANCELLED, "", hostel_guest_call(traffic->guest, "spin", NOTHING, cancelled, &output, &error));
  hostel_call_options_free(late);
  hostel_call_options_free(cancelled);
  return NULL;
}

static void calls_are_stopped_on_each_tier_and_on_the_way(const hostel_engine *engine) {
  enum { THREADS = 3 };
  stairs stairs;
  stairs_begin(&stairs);
  pthread_t threads[THREADS];
  traffic traffic = {.guest = open_text(engine, SPINNER), .cancel = new_cancel()};
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_create(&threads[i], NULL, spin_and_spin, &traffic) == 0);
  }
  for (size_t tier = 0; tier < tiers_of(engine); tier++) {
    const unsigned before = traffic.spins;
    while (traffic.spins < before + 10) {
      sleep_ms(1);
    }
    stairs_up(&stairs);
  }
  traffic.enough = true;
  while (traffic.ready < THREADS) { /* those in the middle of a round come to its end */
    sleep_ms(1);
  }
  SUCCEEDS(hostel_cancel_trigger(traffic.cancel, &error));
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_join(threads[i], NULL) == 0);
  }
  hostel_cancel_free(traffic.cancel);
  hostel_guest_free((hostel_guest *)traffic.guest);
  stairs_end(&stairs);
}

/* A call of the guest from inside its host function goes where all calls go by then. */
typedef struct climber {
  stairs *stairs;
  hostel_guest *guest;
  hostel_call_options *inner;
  unsigned calls;
} climber;

static hostel_status climb_within(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  climber *climber = user_data;
  climber->calls++;
  stairs_up(climber->stairs);
  ANSWERS("\1\0\0\0", hostel_guest_call(climber->guest, "count", NOTHING, climber->inner, &output, &error));
  return hostel_caller_return(caller, TEXT("up"));
}

static void a_call_stays_where_it_began_and_calls_inside_it_move_on(const hostel_engine *engine) {
  stairs stairs;
  stairs_begin(&stairs);
  climber climber = {.stairs = &stairs, .inner = new_options()};
  hostel_imports *imports = imports_of("host", "begun", climb_within, &climber);
  climber.guest = link_guest(load_text(engine, various), imports);
  hostel_imports_free(imports);
  hostel_call_options *outer = new_options();
  const size_t last = tiers_of(engine) - 1;
  for (size_t tier = 0; tier <= last; tier++) {
    ANSWERS("up", hostel_guest_call(climber.guest, "ask", NOTHING, outer, &output, &error));
    CHECK(ran_on(outer, engine, tier) && ran_on(climber.inner, engine, tier < last ? tier + 1 : last));
  }
  hostel_call_options_free(outer);
  hostel_call_options_free(climber.inner);
  hostel_guest_free(climber.guest);
  stairs_end(&stairs);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(every_tier_answers_the_same),
      TEST(a_stack_that_overflows_is_told_on_each_tier),
      TEST(no_call_is_lost_while_many_threads_call),
      TEST(calls_are_stopped_on_each_tier_and_on_the_way),
      TEST(a_call_stays_where_it_began_and_calls_inside_it_move_on),
  };
  return RUN_TESTS(argc, argv, tests);
}
