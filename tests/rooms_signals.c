/* rooms_signals.c: rooms and a host that has its own ideas about SIGSEGV. */
#include "check_signals.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

static volatile sig_atomic_t handled;
static sigjmp_buf jump;
static struct sigaction before_ours;

static void count_and_jump(int signal) {
  (void)signal;
  handled++;
  siglongjmp(jump, 1);
}

static void count_only(int signal) {
  (void)signal;
  handled++;
}

static void chain(int signal, siginfo_t *info, void *context) {
  if ((before_ours.sa_flags & SA_SIGINFO) != 0) {
    before_ours.sa_sigaction(signal, info, context);
  } else if (before_ours.sa_handler != SIG_DFL && before_ours.sa_handler != SIG_IGN) {
    before_ours.sa_handler(signal);
  } else {
    sigaction(signal, &before_ours, NULL);
  }
}

static void handle(void (*handler)(int), int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  sigemptyset(&action.sa_mask);
  REQUIRE(sigaction(SIGSEGV, &action, NULL) == 0);
}

/* A fault of the host's own: in the first page, or in one that cannot be written. */
static void fault(void) {
  volatile int *volatile nowhere = NULL;
  *nowhere = 1;
}

static void fault_and_come_back(int times) {
  for (int i = 0; i < times; i++) {
    if (sigsetjmp(jump, 1) == 0) {
      fault();
      fail_at(__FILE__, __LINE__, "a fault comes back");
    }
  }
}

static void handler_from_before(const char *name) {
  handle(count_and_jump, 0);
  hostel_engine *engine = engine_called(name);
  hostel_guest *guest = open_pages(engine);
  for (int i = 1; i <= 50; i++) {
    call_often(guest, 1);
    fault_and_come_back(1);
    CHECK(handled == i);
    if (i % 10 == 0) {
      trap_often(engine, 1);
    }
  }
  if (sigsetjmp(jump, 1) == 0) {
    raise(SIGSEGV);
  }
  CHECK(handled == 51);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static void fault_in_host_function(void) { fault_and_come_back(1); }

static void handler_in_a_host_function(const char *name) {
  handle(count_and_jump, SA_ONSTACK);
  hostel_engine *engine = engine_called(name);
  hostel_guest *guest = open_pages(engine);
  when_asked = fault_in_host_function;
  for (int i = 1; i <= 20; i++) {
    ANSWERS("", hostel_guest_call(guest, "ask_and_write", NOTHING, NULL, &output, &error));
    ANSWERS("\7", hostel_guest_call(guest, "sum", NOTHING, NULL, &output, &error));
    CHECK(handled == i);
  }
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static void a_handler_from_before_gets_the_hosts_faults_and_no_others(const hostel_engine *engine) {
  RUNS_WELL(handler_from_before, engine);
  RUNS_WELL(handler_in_a_host_function, engine);
}

static void chaining_handler_from_after(const char *name) {
  hostel_engine *engine = engine_called(name);
  hostel_guest *guest = open_pages(engine);
  call_often(guest, 20);
  struct sigaction action = {.sa_sigaction = chain, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  sigemptyset(&action.sa_mask);
  REQUIRE(sigaction(SIGSEGV, &action, &before_ours) == 0);
  call_often(guest, 200);
  trap_often(engine, 5);
  hostel_guest *other = open_pages(engine);
  call_often(other, 50);
  REQUIRE(sigaction(SIGSEGV, &before_ours, NULL) == 0);
  call_often(guest, 50);
  call_often(other, 50);
  hostel_guest_free(guest);
  hostel_guest_free(other);
  hostel_engine_free(engine);
}

static void a_handler_from_after_may_pass_on_what_is_not_its_own(const hostel_engine *engine) {
  RUNS_WELL(chaining_handler_from_after, engine);
}

/* A handler that passes nothing on: rooms must not fault any more. New rooms know at once, those in use after some calls. */
static void greedy_handler_from_after(const char *name) {
  hostel_engine *engine = engine_called(name);
  hostel_guest *used = open_pages(engine);
  call_often(used, 50); /* all it writes is open by now */
  handle(count_only, 0);
  hostel_guest *fresh = open_pages(engine);
  call_often(fresh, 100);
  call_often(used, 100);
  CHECK(handled == 0);
  handle(SIG_DFL, 0);
  call_often(fresh, 50);
  hostel_guest *other = open_pages(engine);
  call_often(other, 50);
  handle(SIG_IGN, 0);
  call_often(other, 50);
  hostel_guest_free(used);
  hostel_guest_free(fresh);
  hostel_guest_free(other);
  hostel_engine_free(engine);
}

static void a_handler_from_after_that_passes_nothing_on_does_no_harm(const hostel_engine *engine) {
  RUNS_WELL(greedy_handler_from_after, engine);
}

static void scattered_then_greedy_handler(const char *name) {
  hostel_engine *engine = engine_called(name);
  hostel_guest *guest =
      open_text(engine, "(module (memory (export \"memory\") 512) (func (export \"f\") (param i32 i32) (local $p i32)"
                        " (loop $l (i64.store (local.get $p) (i64.const -1))"
                        "   (local.set $p (i32.add (local.get $p) (local.get 1)))"
                        "   (br_if $l (i32.lt_u (local.get $p) (local.get 0))))))");
  uint64_t many[2] = {32 << 20, 65536}, few[2] = {4096, 4096};
  SUCCEEDS(hostel_guest_call_values(guest, "f", many, 2, NULL, &error));
  SUCCEEDS(hostel_guest_call_values(guest, "f", many, 2, NULL, &error)); /* so many places that it is not tracked any more */
  handle(count_only, 0);
  for (int i = 0; i < 300; i++) { /* nor may it start to be again */
    SUCCEEDS(hostel_guest_call_values(guest, "f", few, 2, NULL, &error));
  }
  CHECK(handled == 0);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static void tracking_does_not_begin_again_behind_another_handler(const hostel_engine *engine) {
  RUNS_WELL(scattered_then_greedy_handler, engine);
}

static void host_without_handler(const char *name) {
  hostel_engine *engine = engine_called(name);
  hostel_guest *guest = open_pages(engine);
  call_often(guest, 5);
  trap_often(engine, 2);
  fault();
}

static void host_raises(const char *name) {
  hostel_engine *engine = engine_called(name);
  hostel_guest *guest = open_pages(engine);
  call_often(guest, 5);
  raise(SIGSEGV);
}

static void host_kills(const char *name) {
  hostel_engine *engine = engine_called(name);
  call_often(open_pages(engine), 5);
  kill(getpid(), SIGSEGV);
  pause();
}

static void host_function_faults(const char *name) {
  when_asked = fault;
  REFUSES(INTERNAL, "", hostel_guest_call(open_pages(engine_called(name)), "ask_and_write", NOTHING, NULL, &output, &error));
}

static void raise_it(void) { raise(SIGSEGV); }

static void host_function_raises(const char *name) {
  when_asked = raise_it;
  ANSWERS("", hostel_guest_call(open_pages(engine_called(name)), "ask_and_write", NOTHING, NULL, &output, &error));
}

/* A fault in memory that rooms watch, by the host: no page of a guest, so nobody's but the host's. */
static void host_faults_in_a_reservation(const char *name) {
  hostel_engine *engine = engine_called(name);
  hostel_guest *guest = open_pages(engine);
  call_often(guest, 5);
  volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *page = 1;
}

static void faults_of_the_host_end_it_as_they_would_without_us(const hostel_engine *engine) {
  DIES_OF(SIGSEGV, host_without_handler, engine);
  DIES_OF(SIGSEGV, host_raises, engine);
  DIES_OF(SIGSEGV, host_kills, engine);
  DIES_OF(SIGSEGV, host_function_faults, engine);
  DIES_OF(SIGSEGV, host_function_raises, engine);
  DIES_OF(SIGSEGV, host_faults_in_a_reservation, engine);
}

static void ignored_raise(const char *name) {
  handle(SIG_IGN, 0);
  hostel_engine *engine = engine_called(name);
  hostel_guest *guest = open_pages(engine);
  for (int i = 0; i < 5; i++) {
    raise(SIGSEGV);
    call_often(guest, 5);
  }
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static void ignored_fault(const char *name) {
  ignored_raise(name);
  fault(); /* the system ignores a real one only if it is sent */
}

static void ignoring_the_signal_is_what_it_is_without_us(const hostel_engine *engine) {
  RUNS_WELL(ignored_raise, engine);
  DIES_OF(SIGSEGV, ignored_fault, engine);
}

static void die_when_called_again(int signal) {
  (void)signal;
  if (++handled > 1) {
    _exit(3);
  }
}

static void handler_for_once(const char *name) {
  handle(die_when_called_again, (int)SA_RESETHAND);
  hostel_engine *engine = engine_called(name);
  call_often(open_pages(engine), 5);
  fault(); /* the handler returns, and the instruction is tried again */
}

static void handler_for_once_raised(const char *name) {
  handle(die_when_called_again, (int)SA_RESETHAND);
  hostel_engine *engine = engine_called(name);
  hostel_guest *guest = open_pages(engine);
  call_often(guest, 5);
  raise(SIGSEGV);
  CHECK(handled == 1);
  call_often(guest, 5);
  raise(SIGSEGV);
}

static void a_handler_for_one_time_is_called_one_time(const hostel_engine *engine) {
  DIES_OF(SIGSEGV, handler_for_once, engine);
  DIES_OF(SIGSEGV, handler_for_once_raised, engine);
}

static void look_at_mask(int signal) {
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, NULL, &mask);
  CHECK(signal == SIGSEGV && sigismember(&mask, SIGSEGV) == 1 && sigismember(&mask, SIGUSR2) == 1);
  handled++;
}

static void masking_handler(const char *name) {
  struct sigaction action = {.sa_handler = look_at_mask};
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGUSR2);
  REQUIRE(sigaction(SIGSEGV, &action, NULL) == 0);
  hostel_engine *engine = engine_called(name);
  hostel_guest *guest = open_pages(engine);
  call_often(guest, 5);
  raise(SIGSEGV);
  CHECK(handled == 1);
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, NULL, &mask);
  CHECK(sigismember(&mask, SIGSEGV) == 0 && sigismember(&mask, SIGUSR2) == 0);
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

static void a_handler_from_before_has_the_mask_it_asked_for(const hostel_engine *engine) { RUNS_WELL(masking_handler, engine); }

int main(int argc, char **argv) {
  static const program programs[] = {
      PROGRAM(chaining_handler_from_after),
      PROGRAM(greedy_handler_from_after),
      PROGRAM(handler_for_once),
      PROGRAM(handler_for_once_raised),
      PROGRAM(handler_from_before),
      PROGRAM(handler_in_a_host_function),
      PROGRAM(host_faults_in_a_reservation),
      PROGRAM(host_function_faults),
      PROGRAM(host_function_raises),
      PROGRAM(host_kills),
      PROGRAM(host_raises),
      PROGRAM(host_without_handler),
      PROGRAM(ignored_fault),
      PROGRAM(ignored_raise),
      PROGRAM(masking_handler),
      PROGRAM(scattered_then_greedy_handler),
  };
  int end;
  if (is_program(argc, argv, programs, sizeof programs / sizeof programs[0], &end)) {
    return end;
  }
  static const test tests[] = {
      TEST(a_handler_from_before_gets_the_hosts_faults_and_no_others),
      TEST(a_handler_from_after_may_pass_on_what_is_not_its_own),
      TEST(a_handler_from_after_that_passes_nothing_on_does_no_harm),
      TEST(tracking_does_not_begin_again_behind_another_handler),
      TEST(faults_of_the_host_end_it_as_they_would_without_us),
      TEST(ignoring_the_signal_is_what_it_is_without_us),
      TEST(a_handler_for_one_time_is_called_one_time),
      TEST(a_handler_from_before_has_the_mask_it_asked_for),
  };
  return RUN_TESTS(argc, argv, tests);
}
