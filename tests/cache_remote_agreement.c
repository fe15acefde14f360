/* cache_remote_agreement.c: of machines that share a store and have nothing yet, one compiles, and the others wait for it. Here
 * they are processes with a directory each. Run by tests/remote/with_servers.py, beside a Redis and an S3 server. */
#define _GNU_SOURCE
#include "check_process.h"
#include "check_servers.h"

enum { NUMBER = 7, MACHINES = 6, HANGS = 240 };

/* ---- what the processes do ---- */

/* A machine with the store behind its directory, where claims hold for so long. */
static machine new_patient_machine(url store, uint64_t agreement_ms) {
  machine machine = {.directory = new_directory()};
  hostel_cache_remote_options options = remote_options();
  options.agreement_ms = agreement_ms;
  options.time_limit_ms = 20000; /* the machine may be busy */
  hostel_cache *first = directory_cache(machine.directory.text, LARGE), *second = remote_cache(store, &options);
  SUCCEEDS(hostel_cache_fallback_new(first, second, &machine.cache, &error));
  hostel_cache_free(first);
  hostel_cache_free(second);
  return machine;
}

/* Loads the module; ends with 10 when it had to compile it, and 20 when it has found it. The place is a time and a URL. */
static int play(char **argv) {
  role role = {argv[2], atoi(argv[4]), atoi(argv[5]), false};
  url store;
  hostel_engine *engine = engine_named(argv[1], false);
  hostel_load_options *options = new_load_options();
  hostel_module *module = RUBBISH;
  hostel_buffer wasm = numbered_wasm(NUMBER);
  snprintf(store.text, sizeof store.text, "%s", strchr(argv[3], ' ') + 1);
  machine machine = new_patient_machine(store, strtoull(argv[3], NULL, 10));
  alarm(HANGS);
  SUCCEEDS(hostel_load_options_set_progress(options, watch, &role, &error));
  SUCCEEDS(hostel_module_load(engine, machine.cache, wasm.data, wasm.len, options, &module, &error));
  const int code = strcmp(hostel_module_origin(module), "compiled") == 0 ? 10 : 20;
  CHECK_MODULE(module, NUMBER, hostel_module_origin(module));
  free_machine(&machine);
  return failures == 0 ? code : 1;
}

static path place_of(url store, unsigned agreement_ms) {
  path place;
  REQUIRE(snprintf(place.text, sizeof place.text, "%u %s", agreement_ms, store.text) < (int)sizeof place.text);
  return place;
}

static int compiles_of(process *machines) {
  int compiles = 0;
  for (int i = 0; i < MACHINES; i++) {
    const int code = end_of(&machines[i]);
    CHECK(code == 10 || code == 20);
    compiles += code == 10;
  }
  return compiles;
}

/* ---- facts ---- */

static void of_cold_machines_one_compiles(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    const path place = place_of(real_store(which, __func__), 120000);
    process machines[MACHINES];
    for (int i = 0; i < MACHINES; i++) {
      machines[i] = start(engine, "load", place.text);
    }
    const int compiles = compiles_of(machines);
    CHECK(which == 0 ? compiles == 1 : compiles >= 1); /* the S3 server of the tests looks and puts in two steps */
  }
}

static void who_compiles_is_waited_for(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    const path place = place_of(real_store(which, __func__), 120000);
    process machines[MACHINES], first = start(engine, "hold", place.text);
    REQUIRE(next_of(&first) == 'c');
    for (int i = 0; i < MACHINES; i++) {
      machines[i] = start(engine, "load", place.text);
    }
    for (int i = 0; i < MACHINES; i++) {
      CHECK(next_of(&machines[i]) == 'w');
    }
    CHECK(end_of(&first) == 10);
    CHECK(compiles_of(machines) == 0);
  }
}

static void who_is_gone_is_waited_for_no_longer_than_agreed(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    const path place = place_of(real_store(which, __func__), 1500);
    process machines[MACHINES], first = start(engine, "hold", place.text);
    REQUIRE(next_of(&first) == 'c');
    kill_it(&first);
    for (int i = 0; i < MACHINES; i++) {
      machines[i] = start(engine, "load", place.text);
    }
    CHECK(compiles_of(machines) >= 1);
  }
}

static void what_fails_to_compile_keeps_nobody_waiting(const hostel_engine *engine) {
  static const uint8_t wrong[] = {0, 'a', 's', 'm', 1, 0, 0, 0, 1, 1};
  for (int which = 0; which < STORES; which++) {
    for (int i = 0; i < 3; i++) {
      hostel_module *module = RUBBISH;
      machine machine = new_patient_machine(real_store(which, __func__), 24 * 60 * 60 * 1000);
      alarm(HANGS);
      FAILS(INVALID_MODULE, "", hostel_module_load(engine, machine.cache, wrong, sizeof wrong, NULL, &module, &error));
      alarm(0);
      free_machine(&machine);
    }
  }
}

static hostel_status stop_waiting(void *user_data, const char *phase, uint64_t done, uint64_t total) {
  (void)user_data, (void)done, (void)total;
  return strcmp(phase, "wait") == 0 ? HOSTEL_STATUS_HOST_ERROR : HOSTEL_STATUS_OK;
}

static void who_waits_for_a_machine_can_be_stopped(const hostel_engine *engine) {
  for (int which = 0; which < STORES; which++) {
    const url store = real_store(which, __func__);
    const path place = place_of(store, 120000);
    process first = start(engine, "hold", place.text);
    REQUIRE(next_of(&first) == 'c');
    machine machine = new_patient_machine(store, 120000);
    hostel_load_options *options = new_load_options();
    hostel_module *module = RUBBISH;
    hostel_buffer wasm = numbered_wasm(NUMBER);
    alarm(HANGS);
    SUCCEEDS(hostel_load_options_set_patience(options, 100, &error));
    FAILS(BUSY, "another machine", hostel_module_load(engine, machine.cache, wasm.data, wasm.len, options, &module, &error));
    SUCCEEDS(hostel_load_options_set_patience(options, HOSTEL_UNLIMITED, &error));
    SUCCEEDS(hostel_load_options_set_progress(options, stop_waiting, NULL, &error));
    FAILS(CANCELLED, "", hostel_module_load(engine, machine.cache, wasm.data, wasm.len, options, &module, &error));
    alarm(0);
    CHECK(end_of(&first) == 10);
    hostel_buffer_free(&wasm);
    hostel_load_options_free(options);
    free_machine(&machine);
  }
}

/* What is in a claim's place and is none keeps nobody waiting for long. */
static void what_is_no_claim_goes(const hostel_engine *engine) {
  const url store = real_store(0, __func__);
  const path directory = new_directory();
  hostel_cache *cache = directory_cache(directory.text, LARGE);
  char command[1024], answer[512];
  path entry;
  COMES_FROM("compiled", engine, cache, 1);
  entry = entry_of(directory.text, engine, 1);
  *strrchr(entry.text, '.') = '\0';
  snprintf(command, sizeof command, "LPUSH %s/%s.claim x", __func__, entry.text + strlen(directory.text) + 1);
  tell_redis(command, answer, sizeof answer);
  REQUIRE(strstr(answer, ":1") != NULL);
  machine machine = new_patient_machine(store, 24 * 60 * 60 * 1000);
  alarm(HANGS);
  COMES_FROM("compiled", engine, machine.cache, 1);
  alarm(0);
  free_machine(&machine);
  hostel_cache_free(cache);
  remove_all(directory.text);
}

/* A store that cannot be agreed with costs only time: each compiles. */
static void a_store_that_knows_no_claims_costs_only_time(const hostel_engine *engine) {
  static const char *const answers[] = {"-ERR syntax error\r\n",        ":1\r\n",  "$5\r\nhello\r\n",
                                        "-OOM command not allowed\r\n", "rubbish", ""};
  hostel_cache_remote_options options = remote_options();
  options.time_limit_ms = 300;
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    listener *listener = new_listener(NULL, NULL);
    listener->redis_is_empty = true;
    listener->claims = answers[i];
    hostel_cache *cache = remote_cache(plain_redis_at(listener->port), &options);
    COMES_FROM("compiled", engine, cache, 1);
    COMES_FROM("compiled", engine, cache, 1);
    hostel_cache_free(cache);
    free_listener(listener);
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(of_cold_machines_one_compiles),
      TEST(who_compiles_is_waited_for),
      TEST(who_is_gone_is_waited_for_no_longer_than_agreed),
      TEST(what_fails_to_compile_keeps_nobody_waiting),
      TEST(who_waits_for_a_machine_can_be_stopped),
      TEST(what_is_no_claim_goes),
      TEST(a_store_that_knows_no_claims_costs_only_time),
  };
  if (!has_remote_caches()) {
    return 77;
  }
  return argc == 6 ? play(argv) : RUN_TESTS(argc, argv, tests);
}
