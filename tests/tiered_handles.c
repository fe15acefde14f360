/* tiered_handles.c: what belongs to a guest that moves up, what may be freed meanwhile, and where it settles. */
#define _GNU_SOURCE
#include "check_cancel.h"
#include "check_sanitized.h"
#include "check_tiered.h"

#include <sys/wait.h>

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
      end_at_work();
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
