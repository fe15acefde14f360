/* tiered.c: guests that move from tier to tier while they are called. Other engines are their only tier. */
#define _GNU_SOURCE
#include "check_background.h"
#include "check_cancel.h"
#include "check_rooms.h"
#include "check_sanitized.h"

#include <sys/wait.h>

/* Which tier served the last call with these options. */
static bool ran_on(const hostel_call_options *options, const hostel_engine *engine, size_t tier) {
  return strcmp(report_of(options).engine, hostel_engine_tier_at(engine, tier)) == 0;
}

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
  memcpy(seen.bytes, bytes, seen.len < sizeof seen.bytes ? seen.len : sizeof seen.bytes);
  const hostel_report report = report_of(options);
  seen.fuel = report.fuel_used;
  seen.memory = report.memory_peak_bytes;
  hostel_buffer_free(&output);
  hostel_error_free(error);
  return seen;
}

/* Writes the bits of what operations make of NaNs, grows, keeps a count in memory and in a global, loops, asks the host. */
static const char various[] =
    "(module (import \"host\" \"begun\" (func $ask (param i32 i32) (result i64)))" ABI
    " (global $n (mut i32) (i32.const 0)) (global $z (mut f64) (f64.const 0)) (global $y (mut f32) (f32.const 0))"
    " (func (export \"floats\") (param i32 i32) (result i64)"
    "   (f64.store (i32.const 64) (f64.div (global.get $z) (global.get $z)))"
    "   (f64.store (i32.const 72) (f64.sqrt (f64.sub (global.get $z) (f64.const 2))))"
    "   (f64.store (i32.const 80) (f64.add (f64.reinterpret_i64 (i64.const 0x7ff4123456789abc)) (global.get $z)))"
    "   (f32.store (i32.const 88) (f32.mul (f32.const inf) (global.get $y)))"
    "   (f32.store (i32.const 92) (f32.demote_f64 (f64.reinterpret_i64 (i64.const 0xfff8000000000001))))"
    "   (f64.store (i32.const 96) (f64.promote_f32 (f32.reinterpret_i32 (i32.const 0x7fa00001))))"
    "   (i64.const 0x40_0000_0028))"
    " (func (export \"grow\") (param i32 i32) (result i64)"
    "   (i32.store (i32.const 64) (memory.grow (i32.const 3))) (i32.store (i32.const 68) (memory.size))"
    "   (i32.store8 (i32.const 262143) (i32.const 7)) (i32.store (i32.const 72) (i32.load8_u (i32.const 262143)))"
    "   (i64.const 0x40_0000_000c))"
    " (func (export \"grow_and_trap\") (param i32 i32) (result i64)"
    "   (drop (memory.grow (i32.const 2))) (i64.load (i32.const 196604)))"
    " (func (export \"grow_too_far\") (param i32 i32) (result i64)"
    "   (if (i32.eq (memory.grow (i32.const 65000)) (i32.const -1)) (then unreachable)) (i64.const 0))"
    " (func (export \"count\") (param i32 i32) (result i64)"
    "   (global.set $n (i32.add (global.get $n) (i32.const 1)))"
    "   (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (global.get $n))) (i64.const 0x40_0000_0004))"
    " (func (export \"loop\") (param i32 i32) (result i64) (local $i i64)"
    "   (loop $l (local.set $i (i64.add (local.get $i) (i64.const 1))) (br_if $l (i64.lt_u (local.get $i) (i64.const 5000))))"
    "   (i64.store (i32.const 64) (local.get $i)) (i64.const 0x40_0000_0008))"
    " (func (export \"outside\") (param i32 i32) (result i64) (i64.const 0x10000_0000_0010))"
    " (func (export \"ask\") (param i32 i32) (result i64) (call $ask (local.get 0) (local.get 1))))";

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

static hostel_status answer(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data;
  return hostel_caller_return(caller, input, input_len / 2);
}

static hostel_guest *open_list(hostel_module *module) {
  hostel_imports *imports = imports_of("host", "begun", answer, NULL);
  hostel_guest *guest = link_guest(module, imports);
  hostel_imports_free(imports);
  return guest;
}

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

/* ---- what belongs to a guest ---- */

static void an_instance_stays_on_its_tier(const hostel_engine *engine) {
  enum { TIERS_MAX = 8 };
  stairs stairs;
  stairs_begin(&stairs);
  hostel_guest *guest = open_list(load_text(engine, various));
  hostel_function *count = RUBBISH;
  SUCCEEDS(hostel_guest_function(guest, "count", &count, &error));
  hostel_instance *instances[TIERS_MAX];
  hostel_call_options *options = new_options();
  const size_t tiers = tiers_of(engine);
  for (size_t tier = 0; tier < tiers; tier++) {
    instances[tier] = new_instance(guest);
    ANSWERS("\1\0\0\0", hostel_instance_call(instances[tier], "count", NOTHING, options, &output, &error));
    CHECK(ran_on(options, engine, tier));
    stairs_up(&stairs);
  }
  for (size_t tier = 0; tier < tiers; tier++) {
    ANSWERS("\3\0\0\0", hostel_instance_call_function(instances[tier], count, NOTHING, options, &output, &error));
    CHECK(ran_on(options, engine, tier));
    hostel_instance_free(instances[tier]);
  }
  ANSWERS("\1\0\0\0", hostel_function_call(count, NOTHING, options, &output, &error));
  CHECK(ran_on(options, engine, tiers - 1));
  hostel_call_options_free(options);
  hostel_function_free(count);
  hostel_guest_free(guest);
  stairs_end(&stairs);
}

static void rooms_of_the_tier_left_behind_are_given_up(const hostel_engine *shared) {
  hostel_engine *engine = own_engine(shared);
  stairs stairs;
  stairs_begin(&stairs);
  hostel_module *module = load_file(engine, "echo.wasm");
  hostel_guest *guest = open_rooms(module, NULL, (policy){.calls = 1000000});
  for (size_t tier = 0; tier < tiers_of(engine); tier++) {
    ANSWERS("hi", hostel_guest_call(guest, "echo", TEXT("hi"), NULL, &output, &error));
    CHECK(tier_stats(engine, tier).rooms_idle == 1 && tier_stats(engine, tier).calls == 1);
    CHECK(tier == 0 || tier_stats(engine, tier - 1).rooms == 0);
    CHECK(stats_of(engine).rooms == 1);
    stairs_up(&stairs);
  }
  hostel_guest_free(guest);
  hostel_module_free(module);
  stairs_end(&stairs);
  hostel_engine_free(engine);
}

static void a_bound_on_rooms_holds_for_all_tiers_together(const hostel_engine *engine) {
  stairs stairs;
  stairs_begin(&stairs);
  atomic_int begun = 0;
  hostel_imports *imports = imports_of("host", "begun", count_begun, &begun);
  hostel_module *module = load_text(engine, BEGINNER);
  hostel_guest *guest = open_rooms(module, imports, (policy){.rooms = 1});
  hostel_cancel *cancel = new_cancel();
  call call = {.guest = guest, .function = "spin", .options = options_with_cancel(cancel)};
  REQUIRE(pthread_create(&call.thread, NULL, make_call, &call) == 0);
  wait_for(&begun, 1);
  for (size_t tier = 0; tier < tiers_of(engine); tier++) {
    REFUSES(BUSY, "rooms", hostel_guest_call(guest, "quick", NOTHING, NULL, &output, &error));
    stairs_up(&stairs);
  }
  SUCCEEDS(hostel_cancel_trigger(cancel, &error));
  REQUIRE(pthread_join(call.thread, NULL) == 0);
  CHECK(call.status == HOSTEL_STATUS_CANCELLED);
  ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, NULL, &output, &error));
  hostel_call_options_free(call.options);
  hostel_cancel_free(cancel);
  hostel_guest_free(guest);
  hostel_module_free(module);
  hostel_imports_free(imports);
  stairs_end(&stairs);
}

typedef struct owned {
  unsigned calls, finalized;
} owned;

static hostel_status use_owned(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  owned *owned = user_data;
  owned->calls++;
  CHECK(owned->finalized == 0);
  return hostel_caller_return(caller, input, input_len);
}

static void finalize_owned(void *user_data) { ((owned *)user_data)->finalized++; }

static void what_a_host_function_owns_is_finalized_once_with_its_guest(const hostel_engine *engine) {
  stairs stairs;
  stairs_begin(&stairs);
  owned used = {0}, unused = {0};
  hostel_imports *imports = new_imports();
  SUCCEEDS(hostel_imports_define(imports, "host", "begun", use_owned, &used, finalize_owned, &error));
  SUCCEEDS(hostel_imports_define(imports, "host", "more", use_owned, &unused, finalize_owned, &error));
  hostel_guest *guest = link_guest(load_text(engine, various), imports);
  hostel_imports_free(imports); /* before any call, and any other tier */
  CHECK(unused.finalized == 1 && used.finalized == 0);
  for (size_t tier = 0; tier < tiers_of(engine); tier++) {
    ANSWERS("mine", hostel_guest_call(guest, "ask", TEXT("mine"), NULL, &output, &error));
    stairs_up(&stairs);
  }
  CHECK(used.calls == tiers_of(engine) && used.finalized == 0);
  hostel_guest_free(guest);
  CHECK(used.finalized == 1 && unused.finalized == 1 && unused.calls == 0);
  stairs_end(&stairs);
}

/* ---- handles that go early ---- */

static void a_guest_moves_up_without_its_engine_and_module(const hostel_engine *shared) {
  hostel_engine *engine = engine_named(hostel_engine_name(shared), false);
  stairs stairs;
  stairs_begin(&stairs);
  hostel_guest *guest = open_list(load_text(engine, various));
  hostel_engine_free(engine);
  hostel_call_options *options = new_options();
  for (size_t tier = 0; tier < tiers_of(shared); tier++) {
    ANSWERS("\1\0\0\0", hostel_guest_call(guest, "count", NOTHING, options, &output, &error));
    CHECK(ran_on(options, shared, tier));
    stairs_up(&stairs);
  }
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  stairs_end(&stairs);
}

static void a_module_that_is_freed_is_not_made_better(const hostel_engine *shared) {
  hostel_engine *engine = engine_named(hostel_engine_name(shared), false);
  hostel_cache *cache = shared_cache(LARGE);
  hostel_module *module = RUBBISH;
  stairs stairs;
  stairs_begin(&stairs);
  const uint64_t before = statistics(cache).compiles;
  SUCCEEDS(hostel_module_load_wat(engine, cache, various, strlen(various), NULL, &module, &error));
  const uint64_t at_once = statistics(cache).compiles;
  hostel_module_free(module);
  for (size_t tier = 0; tier < tiers_of(engine); tier++) {
    stairs_up(&stairs);
  }
  CHECK(before == 0 && statistics(cache).compiles == at_once);
  stairs_end(&stairs);
  hostel_cache_free(cache);
  hostel_engine_free(engine);
}

/* Somewhere in the middle of a large compile. */
static void everything_may_be_freed_while_it_moves_up(const hostel_engine *shared) {
  const int times = tiers_of(shared) > 1 ? 20 : 1; /* else all of it is compiled before the first call */
  for (int i = 0; i < times; i++) {
    hostel_engine *engine = engine_named(hostel_engine_name(shared), false);
    hostel_cache *cache = shared_cache(LARGE);
    hostel_module *module = RUBBISH;
    SUCCEEDS(hostel_module_load_file(engine, cache, guest_path("markdown.wasm"), NULL, &module, &error));
    hostel_cache_free(cache);
    hostel_guest *guest = link_guest(module, NULL);
    sleep_ms(i);
    ANSWERS("<p>hi</p>\n", hostel_guest_call(guest, "render", TEXT("hi"), NULL, &output, &error));
    hostel_engine_free(engine);
    hostel_guest_free(guest);
  }
  join_loads();
}

/* ---- settling ---- */

static void a_module_settles_at_its_best_tier(const hostel_engine *engine) {
  stairs stairs;
  stairs_begin(&stairs);
  hostel_module *module = load_text(engine, various);
  for (size_t tier = 0; tier + 1 < tiers_of(engine); tier++) {
    FAILS(BUSY, "0 ms", hostel_module_settle(module, 0, &error));
    FAILS(BUSY, "2 ms", hostel_module_settle(module, 2, &error));
    stairs_up(&stairs);
  }
  SUCCEEDS(hostel_module_settle(module, 0, &error));
  hostel_guest *guest = open_list(settled(module));
  hostel_call_options *options = new_options();
  ANSWERS("\1\0\0\0", hostel_guest_call(guest, "count", NOTHING, options, &output, &error));
  CHECK(strcmp(report_of(options).engine, best_tier(engine)) == 0);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  stairs_end(&stairs);
}

static void what_the_first_tier_lacks_begins_above_it(const hostel_engine *engine) {
  hostel_module *module = RUBBISH;
  hostel_error *error = NULL;
  const char text[] = "(module" ABI " (func (export \"f\") (param i32 i32) (result i64)"
                      " (drop (i32.atomic.rmw.add (i32.const 32) (i32.const 2))) (i64.const 0)))";
  const hostel_status status = hostel_module_load_wat(engine, NULL, text, strlen(text), NULL, &module, &error);
  if (engine_row_has(engine, "\"threads\"")) {
    CHECK(status == HOSTEL_STATUS_UNSUPPORTED_MODULE);
    hostel_error_free(error);
    return;
  }
  REQUIRE(status == HOSTEL_STATUS_OK);
  hostel_guest *guest = link_guest(module, NULL);
  hostel_call_options *options = new_options();
  ANSWERS("", hostel_guest_call(guest, "f", NOTHING, options, &output, &error));
  CHECK(strcmp(report_of(options).engine, "wasmi") != 0);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

static void a_forked_child_stays_where_it_was(const hostel_engine *engine) {
  stairs stairs;
  stairs_begin(&stairs);
  hostel_module *module = load_text(engine, various);
  hostel_guest *guest = open_list(module);
  hostel_call_options *options = new_options();
  ANSWERS("\1\0\0\0", hostel_guest_call(guest, "count", NOTHING, options, &output, &error));
  fflush(NULL);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(SECONDS(30));
    failures = 0;
    ANSWERS("\1\0\0\0", hostel_guest_call(guest, "count", NOTHING, options, &output, &error));
    CHECK(ran_on(options, engine, 0));
    hostel_module *own = settled(load_text(engine, various)); /* what it loads itself moves up */
    hostel_guest *best = open_list(own);
    ANSWERS("\1\0\0\0", hostel_guest_call(best, "count", NOTHING, options, &output, &error));
    CHECK(strcmp(report_of(options).engine, best_tier(engine)) == 0);
    hostel_guest_free(best);
    _exit(failures == 0 ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  stairs_end(&stairs);
}

static void the_process_may_end_right_after_the_first_call(const hostel_engine *engine) {
  const int times = tiers_of(engine) > 1 ? 40 : 1;
  for (int i = 0; i < times; i++) {
    fflush(NULL);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      alarm(SECONDS(60));
      failures = 0;
      hostel_guest *guest = open_file(engine, "markdown.wasm");
      ANSWERS("<p>hi</p>\n", hostel_guest_call(guest, "render", TEXT("hi"), NULL, &output, &error));
      sleep_ms(i % 5 * 10);
      exit(failures == 0 ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
}

/* ---- arguments ---- */

static void each_argument_is_checked(const hostel_engine *engine) {
  hostel_engine_statistics stats = {.struct_size = sizeof stats};
  const char *tier = hostel_engine_tier_at(engine, 0);
  REQUIRE(tier != NULL);
  CHECK(hostel_engine_tier_at(NULL, 0) == NULL && hostel_engine_tier_at(engine, SIZE_MAX) == NULL);
  FAILS(INVALID_ARGUMENT, "engine", hostel_engine_tier_stats(NULL, tier, &stats, &error));
  FAILS(INVALID_ARGUMENT, "tier", hostel_engine_tier_stats(engine, NULL, &stats, &error));
  FAILS(INVALID_ARGUMENT, "steam", hostel_engine_tier_stats(engine, "steam", &stats, &error));
  FAILS(INVALID_ARGUMENT, "stats_out", hostel_engine_tier_stats(engine, tier, NULL, &error));
  stats.struct_size--;
  FAILS(INVALID_ARGUMENT, "stats_out", hostel_engine_tier_stats(engine, tier, &stats, &error));
  FAILS(INVALID_ARGUMENT, "module", hostel_module_settle(NULL, 0, &error));
  hostel_buffer json = RUBBISH_BUFFER;
  FAILS(INVALID_ARGUMENT, "engine", hostel_engine_json(NULL, &json, &error));
  CHECK(engine_row_has(engine, hostel_engine_name(engine)) && engine_row_has(engine, "\"built\": true"));
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(every_tier_answers_the_same),
      TEST(a_stack_that_overflows_is_told_on_each_tier),
      TEST(no_call_is_lost_while_many_threads_call),
      TEST(calls_are_stopped_on_each_tier_and_on_the_way),
      TEST(a_call_stays_where_it_began_and_calls_inside_it_move_on),
      TEST(an_instance_stays_on_its_tier),
      TEST(rooms_of_the_tier_left_behind_are_given_up),
      TEST(a_bound_on_rooms_holds_for_all_tiers_together),
      TEST(what_a_host_function_owns_is_finalized_once_with_its_guest),
      TEST(a_guest_moves_up_without_its_engine_and_module),
      TEST(a_module_that_is_freed_is_not_made_better),
      TEST(everything_may_be_freed_while_it_moves_up),
      TEST(a_module_settles_at_its_best_tier),
      TEST(what_the_first_tier_lacks_begins_above_it),
      TEST(a_forked_child_stays_where_it_was),
      TEST(the_process_may_end_right_after_the_first_call),
      TEST(each_argument_is_checked),
  };
  return RUN_TESTS(argc, argv, tests);
}
