/* What the tests of loads in the background share: loads that are held up, and an order of what comes after one another. */
#ifndef HOSTEL_TESTS_CHECK_BACKGROUND_H
#define HOSTEL_TESTS_CHECK_BACKGROUND_H

#ifndef _GNU_SOURCE
#error "define _GNU_SOURCE first: sched_setaffinity() is Linux's"
#endif

#include "check_cache.h"
#include "check_limits.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

/* ---- a load that does not go on before it may ---- */

typedef struct hold {
  atomic_uint told;
  atomic_bool may_go_on;
  bool signals_reach_it;
} hold;

static inline hostel_status hold_up(void *user_data, const char *phase, uint64_t done, uint64_t total) {
  (void)done, (void)total;
  hold *hold = user_data;
  sigset_t blocked;
  if (strcmp(phase, "wait") == 0) {
    return HOSTEL_STATUS_OK; /* it has not begun */
  }
  REQUIRE(pthread_sigmask(SIG_SETMASK, NULL, &blocked) == 0);
  hold->signals_reach_it |= !sigismember(&blocked, SIGUSR1) || !sigismember(&blocked, SIGTERM);
  hold->told++;
  while (strcmp(phase, "validate") == 0 && !hold->may_go_on) {
    sleep_ms(1);
  }
  return HOSTEL_STATUS_OK;
}

static inline hostel_load_options *held_by(hold *hold) {
  hostel_load_options *options = new_load_options();
  SUCCEEDS(hostel_load_options_set_progress(options, hold_up, hold, &error));
  return options;
}

static inline void until_told(const hold *hold) {
  while (hold->told == 0) {
    sleep_ms(1);
  }
}

static inline hostel_load *begin_numbered(const hostel_engine *engine, const hostel_cache *cache, unsigned number,
                                          const hostel_load_options *options, hostel_load_finished finished, void *user_data) {
  hostel_load *load = RUBBISH;
  hostel_buffer wasm = numbered_wasm(number);
  SUCCEEDS(hostel_module_load_begin(engine, cache, wasm.data, wasm.len, options, finished, user_data, &load, &error));
  memset(wasm.data, 0, wasm.len); /* the load has a copy */
  hostel_buffer_free(&wasm);
  return load;
}

static inline void join_loads(void) {
  while (hostel_loads_join(NULL) == HOSTEL_STATUS_BUSY) { /* what was cancelled comes to its end */
    sleep_ms(1);
  }
}

/* With one processor there is one thread that loads, so that what comes later waits. */
static inline void on_one_processor(cpu_set_t *before) {
  cpu_set_t one;
  join_loads();
  REQUIRE(sched_getaffinity(0, sizeof *before, before) == 0);
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; cpu++) {
    if (CPU_ISSET(cpu, before)) {
      CPU_SET(cpu, &one);
    }
  }
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
}

/* ---- stairs ---- */

/* Modules of the engine `tiered` that are loaded between stairs_begin() and stairs_end() move up by one tier with each
 * stairs_up(): the only thread that could make it is held up before and after. On other engines nothing moves. */
typedef struct stairs {
  cpu_set_t before;
  hostel_engine *engine;
  hold *hold;
  hostel_load *load;
} stairs;

static inline void hold_stairs(stairs *stairs) {
  stairs->hold = calloc(1, sizeof *stairs->hold);
  REQUIRE(stairs->hold != NULL);
  hostel_load_options *options = held_by(stairs->hold);
  stairs->load = begin_numbered(stairs->engine, NULL, 1, options, NULL, NULL);
  hostel_load_options_free(options);
}

static inline void let_go(hold *hold, hostel_load *load) {
  hold->may_go_on = true;
  hostel_load_free(load);
  free(hold);
}

static inline void stairs_begin(stairs *stairs) {
  on_one_processor(&stairs->before);
  stairs->engine = engine_named("wasmi", false);
  hold_stairs(stairs);
  until_told(stairs->hold);
}

static inline void stairs_up(stairs *stairs) {
  hold *hold = stairs->hold;
  hostel_load *load = stairs->load;
  hold_stairs(stairs);
  let_go(hold, load);
  until_told(stairs->hold);
}

static inline void stairs_end(stairs *stairs) {
  let_go(stairs->hold, stairs->load);
  hostel_engine_free(stairs->engine);
  join_loads();
  REQUIRE(sched_setaffinity(0, sizeof stairs->before, &stairs->before) == 0);
}

/* How many tiers an engine has. */
static inline size_t tiers_of(const hostel_engine *engine) {
  size_t tiers = 0;
  while (hostel_engine_tier_at(engine, tiers) != NULL) {
    tiers++;
  }
  return tiers;
}

static inline hostel_engine_statistics tier_stats(const hostel_engine *engine, size_t tier) {
  hostel_engine_statistics stats = {.struct_size = sizeof stats};
  SUCCEEDS(hostel_engine_tier_stats(engine, hostel_engine_tier_at(engine, tier), &stats, &error));
  return stats;
}

/* An engine of this name that counts fuel, knows deadlines, and answers as all others do. */
static inline hostel_engine *exact_engine(const char *name) {
  hostel_engine_config *config = RUBBISH;
  hostel_engine *engine = RUBBISH;
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  SUCCEEDS(hostel_engine_config_set_engine(config, name, &error));
  SUCCEEDS(hostel_engine_config_set_fuel(config, true, &error));
  SUCCEEDS(hostel_engine_config_set_deterministic(config, true, &error));
  SUCCEEDS(hostel_engine_new(config, &engine, &error));
  hostel_engine_config_free(config);
  return engine;
}

#endif
