/* forks.c: what a forked child can do with what its parent has made, whatever the parent's threads were doing. */
#include "check_cache.h"
#include "check_limits.h"
#include "check_rooms.h"
#include "check_sanitized.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

/* `write` grows and writes to every page, `sum` adds up a part of each line: 7 in a new one. */
static const char pages[] =
    "(module (memory (export \"memory\") 4) (data (i32.const 64) \"\\07\") (global $n (mut i32) (i32.const 0))"
    " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024)) (func (export \"hostel_free\") (param i32 i32))"
    " (func (export \"write\") (param i32 i32) (result i64) (local $p i32)"
    "   (drop (memory.grow (i32.const 1)))"
    "   (loop $l (i64.store (local.get $p) (i64.const -1)) (local.set $p (i32.add (local.get $p) (i32.const 4096)))"
    "     (br_if $l (i32.lt_u (local.get $p) (i32.mul (memory.size) (i32.const 65536)))))"
    "   (global.set $n (i32.add (global.get $n) (i32.const 1))) (i64.const 0))"
    " (func (export \"sum\") (param i32 i32) (result i64) (local $p i32) (local $s i64)"
    "   (local.set $p (i32.mul (memory.size) (i32.const 65536)))"
    "   (loop $l (local.set $p (i32.sub (local.get $p) (i32.const 64)))"
    "     (local.set $s (i64.add (local.get $s) (i64.load (local.get $p)))) (br_if $l (local.get $p)))"
    "   (i64.store8 (i32.const 16) (i64.add (local.get $s) (i64.extend_i32_u (global.get $n)))) (i64.const 0x10_0000_0001)))";

static void call_often(const hostel_guest *guest, int times, hostel_call_options *options) {
  for (int i = 0; i < times; i++) {
    ANSWERS("", hostel_guest_call(guest, "write", NOTHING, options, &output, &error));
    ANSWERS("\7", hostel_guest_call(guest, "sum", NOTHING, options, &output, &error));
  }
}

/* A child, which ends by itself when it hangs. */
static bool is_child(pid_t *child) {
  fflush(NULL);
  *child = fork();
  REQUIRE(*child >= 0);
  if (*child == 0) {
    alarm(SECONDS(30));
    failures = 0;
  }
  return *child == 0;
}

static void end_child(void) { _exit(failures == 0 ? 0 : 1); }

static void wait_for_child(pid_t child) {
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The child calls what its parent has made, and goes on when the parent has let go of it. */
static void a_child_calls_guests_whatever_its_parent_does(const hostel_engine *shared) {
  hostel_engine *engine = own_engine(shared);
  for (int untracked = 0; untracked < 2; untracked++) {
    hostel_module *module = load_text(engine, pages);
    hostel_guest *guest = open_rooms(module, NULL, (policy){.untracked = untracked, .rooms = 1});
    hostel_module_free(module);
    call_often(guest, 20, NULL);
    int gate[2];
    pid_t child, grandchild;
    REQUIRE(pipe(gate) == 0);
    if (is_child(&child)) {
      close(gate[1]);
      if (untracked == 0) { /* one of the children has called before the parent lets go, the other has not */
        call_often(guest, 20, NULL);
      }
      char byte;
      CHECK(read(gate[0], &byte, 1) == 0);
      call_often(guest, 50, NULL);
      hostel_guest *own = open_text(engine, pages);
      call_often(own, 20, NULL);
      if (is_child(&grandchild)) {
        call_often(guest, 20, NULL);
        call_often(own, 20, NULL);
        end_child();
      }
      wait_for_child(grandchild);
      hostel_guest_free(own);
      hostel_guest_free(guest);
      hostel_engine_free(engine);
      end_child();
    }
    call_often(guest, 20, NULL);
    hostel_guest_free(guest);
    close(gate[0]);
    close(gate[1]);
    hostel_guest *other = open_text(engine, pages);
    call_often(other, 20, NULL);
    wait_for_child(child);
    call_often(other, 20, NULL);
    hostel_guest_free(other);
  }
  hostel_engine_free(engine);
}

/* ---- among threads ---- */

/* The last one keeps rooms, and what is in them, on every engine. */
enum { GUESTS = 3, KEEPS = 2 };
static const policy policies[GUESTS] = {{.rooms = 2, .wait_ms = 60000}, {.untracked = true}, {.calls = 3}};

typedef struct traffic {
  hostel_engine *engine;
  hostel_module *module;
  hostel_guest *guests[GUESTS];
  hostel_cancel *cancel;
  atomic_bool enough;
} traffic;

static hostel_call_options *bounded_options(const traffic *traffic) {
  hostel_call_options *options = options_with_cancel(traffic->cancel);
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, 600000, &error));
  return options;
}

static void call_each(const traffic *traffic, hostel_call_options *options) {
  call_often(traffic->guests[0], 1, options);
  call_often(traffic->guests[1], 1, options);
  ANSWERS("", hostel_guest_call(traffic->guests[KEEPS], "write", NOTHING, options, &output, &error));
}

/* Calls, and makes and frees guests, until it is enough. */
static void *drive(void *argument) {
  traffic *traffic = argument;
  hostel_call_options *options = bounded_options(traffic);
  while (!traffic->enough) {
    call_each(traffic, options);
    hostel_guest_free(open_rooms(traffic->module, NULL, (policy){0}));
    (void)stats_of(traffic->engine);
  }
  hostel_call_options_free(options);
  return NULL;
}

static void use_everything(traffic *traffic) {
  hostel_call_options *options = bounded_options(traffic);
  call_each(traffic, options);
  call_each(traffic, NULL);
  hostel_guest *own = open_rooms(traffic->module, NULL, (policy){0});
  call_often(own, 2, NULL);
  CHECK(stats_of(traffic->engine).rooms_made > 0);
  hostel_guest_free(own);
  for (int i = 0; i < GUESTS; i++) {
    hostel_guest_free(traffic->guests[i]);
  }
  SUCCEEDS(hostel_cancel_trigger(traffic->cancel, &error));
  hostel_call_options_free(options);
}

/* The locks that those hold at that moment nobody lets go of in the child. */
static void a_child_of_busy_threads_uses_what_they_use(const hostel_engine *engine) {
  enum { THREADS = 4, CHILDREN = 40 };
  traffic traffic = {.engine = metered_engine(engine, false, true), .cancel = new_cancel()};
  traffic.module = load_text(traffic.engine, pages);
  pthread_t threads[THREADS];
  for (int i = 0; i < GUESTS; i++) {
    traffic.guests[i] = open_rooms(traffic.module, NULL, policies[i]);
  }
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_create(&threads[i], NULL, drive, &traffic) == 0);
  }
  for (int i = 0; i < CHILDREN; i++) {
    pid_t child;
    if (is_child(&child)) {
      use_everything(&traffic);
      end_child();
    }
    wait_for_child(child);
  }
  traffic.enough = true;
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_join(threads[i], NULL) == 0);
  }
  for (int i = 0; i < GUESTS; i++) {
    hostel_guest_free(traffic.guests[i]);
  }
  hostel_module_free(traffic.module);
  hostel_cancel_free(traffic.cancel);
  hostel_engine_free(traffic.engine);
}

/* ---- while a thread loads ---- */

typedef struct load {
  const hostel_engine *engine;
  const hostel_cache *cache;
  atomic_bool begun, may_end;
} load;

static hostel_status hold_up(void *user_data, const char *phase, uint64_t done, uint64_t total) {
  (void)phase, (void)done, (void)total;
  load *load = user_data;
  load->begun = true;
  while (!load->may_end) {
    sleep_ms(1);
  }
  return HOSTEL_STATUS_OK;
}

static void *load_slowly(void *argument) {
  load *load = argument;
  hostel_load_options *options = new_load_options();
  hostel_module *module = RUBBISH;
  hostel_buffer wasm = numbered_wasm(1);
  SUCCEEDS(hostel_load_options_set_progress(options, hold_up, load, &error));
  SUCCEEDS(hostel_module_load(load->engine, load->cache, wasm.data, wasm.len, options, &module, &error));
  CHECK_MODULE(settled(module), 1, "compiled");
  hostel_buffer_free(&wasm);
  hostel_load_options_free(options);
  return NULL;
}

/* Those who want the same module wait for the one that compiles it, but it is not there in the child. */
static void a_child_loads_what_a_thread_of_its_parent_is_compiling(const hostel_engine *engine) {
  hostel_cache *cache = shared_cache(LARGE);
  load load = {.engine = engine, .cache = cache};
  pthread_t thread;
  pid_t child;
  REQUIRE(pthread_create(&thread, NULL, load_slowly, &load) == 0);
  while (!load.begun) {
    sleep_ms(1);
  }
  if (is_child(&child)) {
    COMES_FROM("compiled", engine, cache, 1);
    COMES_FROM("shared", engine, cache, 1);
    end_child();
  }
  wait_for_child(child);
  load.may_end = true;
  REQUIRE(pthread_join(thread, NULL) == 0);
  COMES_FROM("shared", engine, cache, 1);
  hostel_cache_free(cache);
}

/* Loads modules that nobody keeps, until it is enough. */
static void *load_often(void *argument) {
  load *load = argument;
  for (int i = 2; !load->may_end; i = i % 50 + 2) {
    COMES_FROM("compiled", load->engine, NULL, i);
    load->begun = true;
  }
  return NULL;
}

static void a_child_of_threads_that_load_loads_too(const hostel_engine *engine) {
  enum { THREADS = 2, CHILDREN = 15 };
  load load = {.engine = engine};
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_create(&threads[i], NULL, load_often, &load) == 0);
  }
  while (!load.begun) {
    sleep_ms(1);
  }
  for (int i = 0; i < CHILDREN; i++) {
    pid_t child;
    if (is_child(&child)) {
      COMES_FROM("compiled", engine, NULL, 1);
      COMES_FROM("compiled", engine, NULL, 2);
      end_child();
    }
    wait_for_child(child);
  }
  load.may_end = true;
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_join(threads[i], NULL) == 0);
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_child_calls_guests_whatever_its_parent_does),
      TEST(a_child_of_busy_threads_uses_what_they_use),
      TEST(a_child_loads_what_a_thread_of_its_parent_is_compiling),
      TEST(a_child_of_threads_that_load_loads_too),
  };
  return RUN_TESTS(argc, argv, tests);
}
