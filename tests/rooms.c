/* rooms.c: the rooms of guests: how many there are, who waits for them, and how threads share them. */
#include "check_rooms.h"

#include <pthread.h>
#include <unistd.h>

#define ABI                                                                                                                      \
  " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024)) (func (export \"hostel_free\") (param i32 i32))"

/* ---- counted ---- */

static void what_rooms_do_is_counted(const hostel_engine *shared) {
  hostel_engine *engine = own_engine(shared);
  hostel_engine_statistics stats = stats_of(engine);
  CHECK(stats.rooms == 0 && stats.rooms_idle == 0 && stats.rooms_made == 0 && stats.resets == 0);
  CHECK(stats.pages_restored == 0 && stats.faults == 0 && stats.discards == 0 && stats.evictions == 0);
  hostel_guest *guest = open_touch(engine, "1");
  CHECK(stats_of(engine).rooms_made == 0);
  for (int i = 0; i < 10; i++) {
    CHECK(touch(guest, PAGE, 4096) == 0);
  }
  stats = stats_of(engine);
  if (resets_rooms(engine)) { /* the first room was what the others are made like */
    CHECK(stats.rooms == 1 && stats.rooms_idle == 1 && stats.rooms_made == 2 && stats.discards == 1);
    CHECK(stats.resets == 9 && stats.pages_restored >= 16 && stats.pages_restored <= 9 * 16);
    CHECK(stats.faults >= 1 && stats.faults <= 16);
  } else {
    CHECK(stats.rooms == 0 && stats.rooms_idle == 0 && stats.rooms_made == 10 && stats.discards == 10);
    CHECK(stats.resets == 0 && stats.pages_restored == 0 && stats.faults == 0);
  }
  hostel_guest_free(guest);
  const hostel_engine_statistics after = stats_of(engine);
  CHECK(after.rooms == 0 && after.rooms_idle == 0 && after.evictions == 0);
  CHECK(after.rooms_made == stats.rooms_made && after.resets == stats.resets && after.faults == stats.faults);
  hostel_engine_free(engine);
}

static void rooms_that_share_calls_are_counted(const hostel_engine *shared) {
  hostel_engine *engine = own_engine(shared);
  hostel_module *module = settled(load_file(engine, "echo.wasm"));
  hostel_guest *guest = open_rooms(module, NULL, (policy){.calls = 5});
  hostel_module_free(module);
  for (int i = 0; i < 20; i++) {
    ANSWERS("hi", hostel_guest_call(guest, "echo", TEXT("hi"), NULL, &output, &error));
  }
  const hostel_engine_statistics stats = stats_of(engine);
  if (resets_rooms(engine)) {
    CHECK(stats.rooms_made == 2 && stats.discards == 1 && stats.resets == 3);
  } else {
    CHECK(stats.rooms_made == 4 && stats.discards == 4 && stats.resets == 0);
  }
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

/* ---- bounds ---- */

/* A guest whose host function waits until it is told to go on. */
typedef struct meeting {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int inside;
  bool go_on;
  hostel_guest *guest;
} meeting;

static hostel_status wait_inside(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  meeting *meeting = user_data;
  pthread_mutex_lock(&meeting->lock);
  meeting->inside++;
  pthread_cond_broadcast(&meeting->changed);
  while (!meeting->go_on) {
    pthread_cond_wait(&meeting->changed, &meeting->lock);
  }
  meeting->inside--;
  pthread_mutex_unlock(&meeting->lock);
  return hostel_caller_return(caller, input, input_len);
}

static const char asks[] =
    "(module (import \"host\" \"answer\" (func $ask (param i32 i32) (result i64)))"
    " (memory (export \"memory\") 1)" ABI
    " (func (export \"ask\") (param i32 i32) (result i64) (call $ask (local.get 0) (local.get 1)))"
    " (func (export \"give_back\") (param i32 i32) (result i64)"
    "   (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))))";

static void open_meeting(const hostel_engine *engine, meeting *meeting, policy policy) {
  *meeting = (struct meeting){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
  hostel_imports *imports = imports_of("host", "answer", wait_inside, meeting);
  hostel_module *module = load_text(engine, asks);
  meeting->guest = open_rooms(module, imports, policy);
  hostel_module_free(module);
  hostel_imports_free(imports);
}

static void *ask(void *guest) {
  ANSWERS("hi", hostel_guest_call(guest, "ask", TEXT("hi"), NULL, &output, &error));
  return NULL;
}

static void *give_back(void *guest) {
  ANSWERS("hi", hostel_guest_call(guest, "give_back", TEXT("hi"), NULL, &output, &error));
  return NULL;
}

static void until_inside(meeting *meeting, int threads) {
  pthread_mutex_lock(&meeting->lock);
  while (meeting->inside < threads) {
    pthread_cond_wait(&meeting->changed, &meeting->lock);
  }
  pthread_mutex_unlock(&meeting->lock);
}

static void let_go_on(meeting *meeting) {
  pthread_mutex_lock(&meeting->lock);
  meeting->go_on = true;
  pthread_cond_broadcast(&meeting->changed);
  pthread_mutex_unlock(&meeting->lock);
}

static void one_call_too_many_is_busy(const hostel_engine *engine) {
  static const uint64_t waits[] = {0, 50};
  for (int i = 0; i < 2; i++) {
    meeting meeting;
    open_meeting(engine, &meeting, (policy){.rooms = 2, .wait_ms = waits[i]});
    pthread_t threads[2];
    for (int t = 0; t < 2; t++) {
      REQUIRE(pthread_create(&threads[t], NULL, ask, meeting.guest) == 0);
    }
    until_inside(&meeting, 2);
    REFUSES(BUSY, "2 rooms", hostel_guest_call(meeting.guest, "give_back", TEXT("hi"), NULL, &output, &error));
    let_go_on(&meeting);
    for (int t = 0; t < 2; t++) {
      REQUIRE(pthread_join(threads[t], NULL) == 0);
    }
    ANSWERS("hi", hostel_guest_call(meeting.guest, "give_back", TEXT("hi"), NULL, &output, &error));
    hostel_guest_free(meeting.guest);
  }
}

static void a_call_waits_until_a_room_is_free(const hostel_engine *engine) {
  static const uint64_t waits[] = {60000, UINT64_MAX};
  for (int i = 0; i < 2; i++) {
    meeting meeting;
    open_meeting(engine, &meeting, (policy){.rooms = 1, .wait_ms = waits[i]});
    pthread_t inside, waiting[4];
    REQUIRE(pthread_create(&inside, NULL, ask, meeting.guest) == 0);
    until_inside(&meeting, 1);
    for (int t = 0; t < 4; t++) {
      REQUIRE(pthread_create(&waiting[t], NULL, give_back, meeting.guest) == 0);
    }
    usleep(20000); /* most of them wait by now; they are right in either case */
    let_go_on(&meeting);
    REQUIRE(pthread_join(inside, NULL) == 0);
    for (int t = 0; t < 4; t++) {
      REQUIRE(pthread_join(waiting[t], NULL) == 0);
    }
    hostel_guest_free(meeting.guest);
  }
}

static void a_room_is_free_again_after_a_failure(const hostel_engine *engine) {
  hostel_module *module = load_file(engine, "echo.wasm");
  hostel_guest *guest = open_rooms(module, NULL, (policy){.rooms = 1});
  hostel_call_options *low = new_options();
  SUCCEEDS(hostel_call_options_set_limit(low, HOSTEL_LIMIT_MEMORY_BYTES, 1, &error));
  for (int i = 0; i < 10; i++) {
    REFUSES(TRAP, "", hostel_guest_call(guest, "panic", NOTHING, NULL, &output, &error));
    REFUSES(MEMORY_LIMIT, "", hostel_guest_call(guest, "echo", NOTHING, low, &output, &error));
    REFUSES(STACK_OVERFLOW, "", hostel_guest_call(guest, "recurse", NOTHING, NULL, &output, &error));
    ANSWERS("hi", hostel_guest_call(guest, "echo", TEXT("hi"), NULL, &output, &error));
  }
  hostel_call_options_free(low);
  hostel_guest_free(guest);
  hostel_module_free(module);
}

static hostel_status call_guest(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  hostel_buffer output = RUBBISH_BUFFER;
  SUCCEEDS(hostel_guest_call(*(hostel_guest **)user_data, "give_back", input, input_len, NULL, &output, &error));
  CHECK(hostel_caller_return(caller, output.data, output.len) == HOSTEL_STATUS_OK);
  hostel_buffer_free(&output);
  return HOSTEL_STATUS_OK;
}

static void a_call_from_inside_another_does_not_wait(const hostel_engine *engine) {
  hostel_guest *guest = NULL;
  hostel_imports *imports = imports_of("host", "answer", call_guest, &guest);
  hostel_module *module = load_text(engine, asks);
  guest = open_rooms(module, imports, (policy){.rooms = 1, .wait_ms = UINT64_MAX});
  hostel_module_free(module);
  hostel_imports_free(imports);
  for (int i = 0; i < 5; i++) {
    ANSWERS("hi", hostel_guest_call(guest, "ask", TEXT("hi"), NULL, &output, &error));
  }
  hostel_guest_free(guest);
}

/* ---- threads ---- */

enum { THREADS = 8, GUESTS = 4 };

typedef struct crowd {
  hostel_guest *guests[GUESTS];
  atomic_int next;
} crowd;

/* `swap(n)` notes n, exchanges functions in tables, and calls them: each must be of the room whose call it is. */
static const char swaps[] =
    "(module (type $n (func (result i32))) (memory (export \"memory\") 1) (global $g (mut i32) (i32.const 0))"
    " (table $fixed 4 4 funcref) (table $open 4 funcref) (elem (table $fixed) (i32.const 0) func $memory $global $one)"
    " (elem (table $open) (i32.const 1) func $memory $global $one) (global $kept (mut funcref) (ref.func $global))"
    " (func $memory (type $n) (i32.load (i32.const 4000))) (func $global (type $n) (global.get $g))"
    " (func $one (type $n) (i32.const 1))"
    " (func (export \"swap\") (param i32) (result i32) (local $s i32)"
    "   (i32.store (i32.const 4000) (i32.add (i32.load (i32.const 4000)) (local.get 0)))"
    "   (global.set $g (i32.add (global.get $g) (i32.mul (local.get 0) (i32.const 10))))"
    "   (local.set $s (i32.add (call_indirect $fixed (type $n) (i32.const 0)) (call_indirect $fixed (type $n) (i32.const 1))))"
    "   (local.set $s (i32.add (local.get $s) (call_indirect $open (type $n) (i32.const 1))))"
    "   (table.set $fixed (i32.const 0) (table.get $open (i32.const 2))) (table.set $open (i32.const 1) (global.get $kept))"
    "   (table.copy $open $fixed (i32.const 2) (i32.const 0) (i32.const 2)) (global.set $kept (ref.func $one))"
    "   (local.set $s (i32.add (local.get $s) (call_indirect $fixed (type $n) (i32.const 0))))"
    "   (local.set $s (i32.add (local.get $s) (call_indirect $open (type $n) (i32.const 1))))"
    "   (i32.add (local.get $s) (call_indirect $open (type $n) (i32.const 3)))))";

static void *swap(void *argument) {
  crowd *crowd = argument;
  const uint32_t me = (uint32_t)crowd->next++;
  for (uint32_t i = 0; i < 3000; i++) {
    const uint32_t n = me * 100000 + i;
    uint64_t values[1] = {n};
    SUCCEEDS(hostel_guest_call_values(crowd->guests[i % GUESTS], "swap", values, 1, NULL, &error));
    CHECK(values[0] == (uint32_t)(2 * n + 4 * 10 * n));
  }
  return NULL;
}

static void tables_call_the_functions_of_their_own_room(const hostel_engine *engine) {
  crowd crowd = {.next = 1};
  for (int i = 0; i < GUESTS; i++) {
    crowd.guests[i] = open_text(engine, swaps);
  }
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_create(&threads[i], NULL, swap, &crowd) == 0);
  }
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_join(threads[i], NULL) == 0);
  }
  for (int i = 0; i < GUESTS; i++) {
    hostel_guest_free(crowd.guests[i]);
  }
}

static void *touch_often(void *argument) {
  crowd *crowd = argument;
  uint64_t random = (uint64_t)++crowd->next * UINT64_C(0x9e3779b97f4a7c15);
  for (int i = 0; i < 1000; i++) {
    const hostel_guest *guest = crowd->guests[random_below(&random, GUESTS)];
    CHECK(touch(guest, PAGE * (1 + random_below(&random, 8)), 1 + random_below(&random, 20000)) == 0);
  }
  return NULL;
}

static void many_threads_share_many_guests(const hostel_engine *engine) {
  crowd crowd = {.next = 0};
  for (int i = 0; i < GUESTS; i++) {
    hostel_module *module = load_text(engine, "(module (memory (export \"memory\") 8)" TOUCH ")");
    crowd.guests[i] = open_rooms(module, NULL, (policy){.untracked = i == 0, .rooms = i == 1 ? 2 : 0, .wait_ms = 60000});
    hostel_module_free(module);
  }
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_create(&threads[i], NULL, touch_often, &crowd) == 0);
  }
  for (int i = 0; i < THREADS; i++) {
    REQUIRE(pthread_join(threads[i], NULL) == 0);
  }
  for (int i = 0; i < GUESTS; i++) {
    hostel_guest_free(crowd.guests[i]);
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(what_rooms_do_is_counted),
      TEST(rooms_that_share_calls_are_counted),
      TEST(one_call_too_many_is_busy),
      TEST(a_call_waits_until_a_room_is_free),
      TEST(a_room_is_free_again_after_a_failure),
      TEST(a_call_from_inside_another_does_not_wait),
      TEST(tables_call_the_functions_of_their_own_room),
      TEST(many_threads_share_many_guests),
  };
  return RUN_TESTS(argc, argv, tests);
}
