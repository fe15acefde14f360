/* engines_together.c: guests of several engines in one process, whichever is used first, and signals of the host among them.
 *
 * The engine under test is paired with each engine of the build, in both orders. */
#include "check_programs.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

#ifdef __x86_64__
#define SIGNAL_OF_TRAPS SIGILL
#else
#define SIGNAL_OF_TRAPS SIGTRAP
#endif

static const struct {
  const char *function;
  hostel_status status;
  hostel_trap trap;
} ends[] = {
    {"fine", HOSTEL_STATUS_OK, HOSTEL_TRAP_NONE},
    {"unreachable", HOSTEL_STATUS_TRAP, HOSTEL_TRAP_UNREACHABLE},
    {"div_by_zero", HOSTEL_STATUS_TRAP, HOSTEL_TRAP_INTEGER_DIVISION_BY_ZERO},
    {"memory_out_of_bounds", HOSTEL_STATUS_TRAP, HOSTEL_TRAP_MEMORY_OUT_OF_BOUNDS},
    {"bad_signature", HOSTEL_STATUS_TRAP, HOSTEL_TRAP_BAD_SIGNATURE},
    {"stack_overflow", HOSTEL_STATUS_STACK_OVERFLOW, HOSTEL_TRAP_STACK_OVERFLOW},
};
#define ENDS (sizeof ends / sizeof ends[0])

/* The guest's function ends as it should. */
static void call_one(const hostel_guest *guest, size_t end) {
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  const hostel_status status = hostel_guest_call(guest, ends[end].function, NOTHING, NULL, &output, &error);
  CHECK(status == ends[end].status);
  CHECK(hostel_error_trap(error) == ends[end].trap);
  hostel_buffer_free(&output);
  hostel_error_free(error);
}

static void call_all(const hostel_guest *guest) {
  for (size_t end = 0; end < ENDS; end++) {
    call_one(guest, end);
  }
}

/* ---- pairs ---- */

/* Both engines of a program, "one+other"; the second is not made before it is asked for. */
typedef struct pair {
  char first[32], second[32];
} pair;

static pair pair_of(const char *names) {
  pair pair = {.first = ""};
  const char *plus = strchr(names, '+');
  REQUIRE(plus != NULL && strlen(names) < sizeof pair.first);
  memcpy(pair.first, names, (size_t)(plus - names));
  strcpy(pair.second, plus + 1);
  return pair;
}

static bool is_built(const char *name) {
  hostel_engine_config *config = RUBBISH;
  hostel_engine *engine = RUBBISH;
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  SUCCEEDS(hostel_engine_config_set_engine(config, name, &error));
  const hostel_status status = hostel_engine_new(config, &engine, NULL);
  hostel_engine_config_free(config);
  hostel_engine_free(engine);
  REQUIRE(status == HOSTEL_STATUS_OK || status == HOSTEL_STATUS_UNSUPPORTED_ENGINE);
  return status == HOSTEL_STATUS_OK;
}

static void in_pairs(const char *file, int line, const char *name, const hostel_engine *engine, int signal) {
  static const char *const others[] = {"cranelift", "llvm", "wasmi", "wasmtime"};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    char one[64], other[64];
    snprintf(one, sizeof one, "%s+%s", hostel_engine_name(engine), others[i]);
    snprintf(other, sizeof other, "%s+%s", others[i], hostel_engine_name(engine));
    if (is_built(others[i])) {
      check_program(file, line, name, one, signal);
      check_program(file, line, name, other, signal);
    }
  }
}

#define PAIRS_RUN_WELL(run, engine) in_pairs(__FILE__, __LINE__, #run, (engine), 0)
#define PAIRS_DIE_OF(signal, run, engine) in_pairs(__FILE__, __LINE__, #run, (engine), (signal))

/* ---- in turn ---- */

static void in_turn(const char *names) {
  const pair pair = pair_of(names);
  hostel_engine *first = engine_called(pair.first);
  hostel_guest *one = open_file(first, "traps.wat");
  call_all(one);
  hostel_engine *second = engine_called(pair.second);
  hostel_guest *two = open_file(second, "traps.wat");
  for (int round = 0; round < 5; round++) {
    for (size_t end = 0; end < ENDS; end++) {
      call_one(one, end);
      call_one(two, ENDS - 1 - end);
    }
  }
  hostel_guest_free(one);
  hostel_engine_free(first);
  call_all(two); /* the one engine goes, the other stays */
  hostel_guest_free(two);
  hostel_engine_free(second);
}

static void each_trap_is_told_whichever_engine_was_first(const hostel_engine *engine) { PAIRS_RUN_WELL(in_turn, engine); }

/* ---- threads ---- */

static void *call_in_thread(void *guest) {
  for (int round = 0; round < 20; round++) {
    call_all(guest);
  }
  return NULL;
}

static void *open_in_thread(void *name) {
  hostel_engine *engine = engine_called(name);
  hostel_guest *guest = open_file(engine, "traps.wat");
  hostel_engine_free(engine);
  call_all(guest);
  return guest;
}

/* The second engine is first used in a thread of its own, while others run guests of the first. */
static void in_threads(const char *names) {
  pair pair = pair_of(names);
  hostel_engine *first = engine_called(pair.first);
  hostel_guest *one = open_file(first, "traps.wat");
  pthread_t threads[4], opener;
  for (int i = 0; i < 2; i++) {
    REQUIRE(pthread_create(&threads[i], NULL, call_in_thread, one) == 0);
  }
  REQUIRE(pthread_create(&opener, NULL, open_in_thread, pair.second) == 0);
  void *two = NULL;
  REQUIRE(pthread_join(opener, &two) == 0);
  for (int i = 2; i < 4; i++) {
    REQUIRE(pthread_create(&threads[i], NULL, call_in_thread, two) == 0);
  }
  for (int round = 0; round < 10; round++) {
    call_all(one);
    call_all(two);
  }
  for (int i = 0; i < 4; i++) {
    REQUIRE(pthread_join(threads[i], NULL) == 0);
  }
  hostel_guest_free(one);
  hostel_guest_free(two);
  hostel_engine_free(first);
}

static void each_trap_is_told_in_any_thread(const hostel_engine *engine) { PAIRS_RUN_WELL(in_threads, engine); }

/* ---- inside one another ---- */

/* `through` goes on when the host has answered, `then_traps` and `then_is_deep` end there. */
static const char asking[] =
    "(module (import \"host\" \"other\" (func $ask (param i32 i32) (result i64))) (memory (export \"memory\") 1)"
    " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024)) (func (export \"hostel_free\") (param i32 i32))"
    " (func $through (export \"through\") (param i32 i32) (result i64) (call $ask (i32.const 0) (i32.const 0)))"
    " (func (export \"then_traps\") (param i32 i32) (result i64)"
    "   (i64.load (i32.add (i32.wrap_i64 (call $through (i32.const 0) (i32.const 0))) (i32.const 0x7fffffff))))"
    " (func $deep (param i64) (result i64) (i64.add (call $deep (local.get 0)) (i64.const 1)))"
    " (func (export \"then_is_deep\") (param i32 i32) (result i64) (call $deep (call $through (i32.const 0) (i32.const 0)))))";

/* What a host function calls: a guest that may trap, and one that asks a host function in turn. */
typedef struct inner {
  const hostel_guest *traps, *asks;
} inner;

static hostel_status call_inner(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  const inner *inner = user_data;
  (void)caller, (void)input, (void)input_len;
  call_all(inner->traps);
  if (inner->asks != NULL) {
    ANSWERS("", hostel_guest_call(inner->asks, "through", NOTHING, NULL, &output, &error));
    REFUSES(TRAP, "", hostel_guest_call(inner->asks, "then_traps", NOTHING, NULL, &output, &error));
    REFUSES(STACK_OVERFLOW, "", hostel_guest_call(inner->asks, "then_is_deep", NOTHING, NULL, &output, &error));
    call_all(inner->traps);
  }
  return HOSTEL_STATUS_OK;
}

static hostel_guest *open_asking(const hostel_engine *engine, inner *inner) {
  hostel_imports *imports = imports_of("host", "other", call_inner, inner);
  hostel_guest *guest = link_guest(load_text(engine, asking), imports);
  hostel_imports_free(imports);
  return guest;
}

static void inside_one_another(const char *names) {
  const pair pair = pair_of(names);
  hostel_engine *first = engine_called(pair.first), *second = engine_called(pair.second);
  hostel_guest *one = open_file(first, "traps.wat"), *two = open_file(second, "traps.wat");
  inner innermost = {.traps = one};
  hostel_guest *middle = open_asking(second, &innermost);
  inner middle_and_two = {.traps = two, .asks = middle};
  hostel_guest *outer = open_asking(first, &middle_and_two);
  for (int round = 0; round < 3; round++) {
    ANSWERS("", hostel_guest_call(outer, "through", NOTHING, NULL, &output, &error));
    REFUSES(TRAP, "", hostel_guest_call(outer, "then_traps", NOTHING, NULL, &output, &error));
    REFUSES(STACK_OVERFLOW, "", hostel_guest_call(outer, "then_is_deep", NOTHING, NULL, &output, &error));
  }
  hostel_guest_free(outer);
  hostel_guest_free(middle);
  hostel_guest_free(one);
  hostel_guest_free(two);
  hostel_engine_free(first);
  hostel_engine_free(second);
}

static void guests_of_both_may_lie_inside_one_another(const hostel_engine *engine) { PAIRS_RUN_WELL(inside_one_another, engine); }

/* ---- the host's own signals ---- */

static sigjmp_buf jump;
static volatile sig_atomic_t handled;
static struct sigaction before_ours;

static void fault(void) {
  volatile int *volatile nowhere = NULL;
  *nowhere = 1;
}

static void come_back(int signal) {
  (void)signal;
  handled++;
  siglongjmp(jump, 1);
}

/* Takes what happens at address 0, and passes on the rest. */
static void come_back_or_chain(int signal, siginfo_t *info, void *context) {
  if (info->si_addr == NULL) {
    come_back(signal);
  }
  before_ours.sa_sigaction(signal, info, context);
}

static void fault_and_come_back(void) {
  const int before = handled;
  if (sigsetjmp(jump, 1) == 0) {
    fault();
  }
  CHECK(handled == before + 1);
}

static void handler_from_before(const char *names) {
  const pair pair = pair_of(names);
  const struct sigaction action = {.sa_handler = come_back};
  REQUIRE(sigaction(SIGSEGV, &action, NULL) == 0);
  hostel_engine *first = engine_called(pair.first);
  hostel_guest *one = open_file(first, "traps.wat");
  call_all(one);
  fault_and_come_back();
  hostel_engine *second = engine_called(pair.second);
  hostel_guest *two = open_file(second, "traps.wat");
  for (int round = 0; round < 5; round++) {
    call_all(two);
    fault_and_come_back();
    call_all(one);
    fault_and_come_back();
  }
  CHECK(handled == 11);
  hostel_guest_free(one);
  hostel_guest_free(two);
  hostel_engine_free(first);
  hostel_engine_free(second);
}

static void handler_from_between(const char *names) {
  const pair pair = pair_of(names);
  hostel_engine *first = engine_called(pair.first);
  hostel_guest *one = open_file(first, "traps.wat");
  call_all(one);
  const struct sigaction action = {.sa_sigaction = come_back_or_chain, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  REQUIRE(sigaction(SIGSEGV, &action, &before_ours) == 0);
  if ((before_ours.sa_flags & SA_SIGINFO) == 0) {
    before_ours.sa_sigaction = NULL; /* no engine yet that wants any signals: nothing is passed on */
  }
  hostel_engine *second = engine_called(pair.second);
  hostel_guest *two = open_file(second, "traps.wat");
  for (int round = 0; round < 5; round++) {
    call_all(two);
    fault_and_come_back();
    call_all(one);
    fault_and_come_back();
  }
  CHECK(handled == 10);
  hostel_guest_free(one);
  hostel_guest_free(two);
  hostel_engine_free(first);
  hostel_engine_free(second);
}

static void the_hosts_handler_gets_the_hosts_faults(const hostel_engine *engine) {
  PAIRS_RUN_WELL(handler_from_before, engine);
  PAIRS_RUN_WELL(handler_from_between, engine);
}

static void use_both(const char *names) {
  const pair pair = pair_of(names);
  call_all(open_file(engine_called(pair.first), "traps.wat"));
  call_all(open_file(engine_called(pair.second), "traps.wat"));
}

static void host_faults(const char *names) {
  use_both(names);
  fault();
}

static hostel_status fault_inside(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)caller, (void)input, (void)input_len;
  fault();
  return HOSTEL_STATUS_OK;
}

static void host_function_faults(const char *names) {
  use_both(names);
  hostel_imports *imports = imports_of("host", "other", fault_inside, NULL);
  hostel_guest *guest = link_guest(load_text(engine_called(pair_of(names).second), asking), imports);
  ANSWERS("", hostel_guest_call(guest, "through", NOTHING, NULL, &output, &error));
}

static void host_runs_into_a_trap(const char *names) {
  use_both(names);
  __builtin_trap();
}

static void the_host_dies_of_its_own_faults(const hostel_engine *engine) {
  PAIRS_DIE_OF(SIGSEGV, host_faults, engine);
  PAIRS_DIE_OF(SIGSEGV, host_function_faults, engine);
  PAIRS_DIE_OF(SIGNAL_OF_TRAPS, host_runs_into_a_trap, engine);
}

int main(int argc, char **argv) {
  static const program programs[] = {
      PROGRAM(handler_from_before),
      PROGRAM(handler_from_between),
      PROGRAM(host_runs_into_a_trap),
      PROGRAM(host_faults),
      PROGRAM(host_function_faults),
      PROGRAM(in_threads),
      PROGRAM(in_turn),
      PROGRAM(inside_one_another),
  };
  int end;
  if (is_program(argc, argv, programs, sizeof programs / sizeof programs[0], &end)) {
    return end;
  }
  static const test tests[] = {
      TEST(each_trap_is_told_whichever_engine_was_first),
      TEST(each_trap_is_told_in_any_thread),
      TEST(guests_of_both_may_lie_inside_one_another),
      TEST(the_hosts_handler_gets_the_hosts_faults),
      TEST(the_host_dies_of_its_own_faults),
  };
  return RUN_TESTS(argc, argv, tests);
}
