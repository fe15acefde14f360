/* rooms_memory.c: the memory of rooms: how much of it fits, what of it is kept and put back, and what a call may have. */
#include "check_rooms.h"
#include "check_sanitized.h"

/* ---- many ---- */

/* Guests of one module, each with a number of its own in its memory. */
static hostel_guest **open_many(hostel_module *module, size_t count) {
  hostel_guest **guests = calloc(count, sizeof(hostel_guest *));
  REQUIRE(guests != NULL);
  for (size_t i = 0; i < count; i++) {
    guests[i] = open_rooms(module, NULL, (policy){0});
  }
  return guests;
}

static void free_many(hostel_guest **guests, size_t count) {
  for (size_t i = 0; i < count; i++) {
    hostel_guest_free(guests[i]);
  }
  free(guests);
}

static void two_thousand_guests_keep_a_room_each(const hostel_engine *shared) {
  enum { GUESTS = 2000 };
  hostel_engine *engine = own_engine(shared);
  hostel_module *module = settled(load_file(engine, "echo.wasm"));
  hostel_guest **guests = open_many(module, GUESTS);
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < GUESTS; i++) {
      ANSWERS("\1\0\0\0\0\0\0\0", hostel_guest_call(guests[i], "counter", NOTHING, NULL, &output, &error));
    }
  }
  const hostel_engine_statistics stats = stats_of(engine);
  CHECK(stats.rooms_idle == (resets_rooms(engine) ? GUESTS : 0) && stats.evictions == 0);
  free_many(guests, GUESTS);
  CHECK(stats_of(engine).rooms == 0);
  hostel_module_free(module);
  hostel_engine_free(engine);
}

/* More than there are mappings for: the rooms that were idle for longest make way. Of fixed size, and growing. */
static void idle_rooms_make_way_the_oldest_first(const hostel_engine *shared) {
  enum { GUESTS = 12000 };
  static const char *const growing[] = {"", " (func (export \"g\") (drop (memory.grow (i32.const 1))))"};
  if (!resets_rooms(shared)) {
    return;
  }
  for (int i = 0; i < 2; i++) {
    hostel_engine *engine = own_engine(shared);
    char text[1000];
    snprintf(text, sizeof text, "(module (memory (export \"memory\") 1) %s" TOUCH ")", growing[i]);
    hostel_module *module = settled(load_text(engine, text));
    hostel_guest **guests = open_many(module, GUESTS);
    for (size_t guest = 0; guest < GUESTS; guest++) {
      CHECK(touch(guests[guest], PAGE, 8192) == 0);
      CHECK(touch(guests[guest], PAGE, 8192) == 0);
    }
    hostel_engine_statistics stats = stats_of(engine);
    CHECK(stats.evictions > 0 && stats.rooms == stats.rooms_idle && stats.rooms < GUESTS && stats.rooms > 100);
    CHECK(stats.rooms_made == stats.rooms + stats.discards + stats.evictions);
    const uint64_t made = stats.rooms_made;
    CHECK(touch(guests[GUESTS - 1], PAGE, 8192) == 0);
    CHECK(stats_of(engine).rooms_made == made);
    CHECK(touch(guests[0], PAGE, 8192) == 0);
    CHECK(stats_of(engine).rooms_made == made + 1);
    for (size_t guest = 0; guest < GUESTS; guest += 3) {
      CHECK(touch(guests[guest], PAGE, 8192) == 0);
    }
    free_many(guests, GUESTS);
    CHECK(stats_of(engine).rooms == 0);
    hostel_module_free(module);
    hostel_engine_free(engine);
  }
}

/* Each hot page is two mappings: with so many of them rooms do without, and nobody traps. */
static void guests_that_write_here_and_there_do_not_trap(const hostel_engine *engine) {
  enum { GUESTS = 300 };
  hostel_guest *guests[GUESTS];
  for (int i = 0; i < GUESTS; i++) {
    guests[i] = open_touch(engine, "32");
  }
  for (int round = 0; round < 4; round++) {
    for (int i = 0; i < GUESTS; i++) {
      CHECK(touch(guests[i], 32 * PAGE, 3 * 4096) == 0);
    }
  }
  for (int i = 0; i < GUESTS; i++) {
    hostel_guest_free(guests[i]);
  }
}

static void a_page_here_and_there_over_16_mib_is_found_again(const hostel_engine *engine) {
  hostel_guest *fixed = open_touch(engine, "256");
  hostel_guest *growing = open_text(engine, "(module (memory (export \"memory\") 256)" TOUCH
                                            " (func (export \"g\") (drop (memory.grow (i32.const 1)))))");
  for (int i = 0; i < 200; i++) { /* tracking is given up, and begun again now and then */
    CHECK(touch(fixed, 256 * PAGE, PAGE) == 0);
    CHECK(touch(growing, 256 * PAGE, 40960) == 0);
    CHECK(touch(fixed, PAGE, 4096) == 0);
    CHECK(touch(growing, 4096, 8) == 0);
  }
  hostel_guest_free(fixed);
  hostel_guest_free(growing);
}

/* ---- cost ---- */

static size_t lines_of(const char *path) {
  FILE *file = fopen(path, "r");
  REQUIRE(file != NULL);
  size_t lines = 0;
  for (int c = getc(file); c != EOF; c = getc(file)) {
    lines += c == '\n';
  }
  fclose(file);
  return lines;
}

/* As the page tables have it: the kernel's counter in statm is some hundred KiB off at times. */
static size_t resident_bytes(void) {
  FILE *file = fopen("/proc/self/smaps_rollup", "r");
  size_t kib = 0;
  REQUIRE(file != NULL && fscanf(file, "%*[^\n]\nRss: %zu", &kib) == 1);
  fclose(file);
  return kib * 1024;
}

static void call_so_often(const hostel_guest *guest, int times) {
  for (int i = 0; i < times; i++) {
    ANSWERS("hi", hostel_guest_call(guest, "echo", TEXT("hi"), NULL, &output, &error));
  }
}

/* A sanitizer maps memory for each size of block that it first sees, and keeps books of threads that have ended. */
enum { MORE_MAPPINGS = SANITIZED ? 16 : 0, MORE_BYTES = SANITIZED ? 1 << 20 : 16384 };

static void a_hundred_thousand_calls_take_no_more_memory_than_a_thousand(const hostel_engine *engine) {
  hostel_module *module = settled(load_file(engine, "echo.wasm"));
  /* Under a sanitizer, so many new instances take a quarter of an hour. */
  const int thousands = SANITIZED && !resets_rooms(engine) ? 10 : 100;
  for (int untracked = 0; untracked < 2; untracked++) {
    hostel_guest *guest = open_rooms(module, NULL, (policy){.untracked = untracked});
    call_so_often(guest, 1000);
    let_go_of_what_was_freed();
    (void)lines_of("/proc/self/maps"), (void)resident_bytes(); /* the first time takes memory itself */
    const size_t mappings = lines_of("/proc/self/maps"), resident = resident_bytes();
    for (int i = 0; i < thousands; i++) {
      call_so_often(guest, 1000);
      let_go_of_what_was_freed();
    }
    CHECK(lines_of("/proc/self/maps") <= mappings + MORE_MAPPINGS);
    CHECK(resident_bytes() <= resident + MORE_BYTES);
    hostel_guest_free(guest);
  }
  hostel_module_free(module);
}

static uint64_t restored_in(const hostel_engine *engine, const hostel_guest *guest, int calls) {
  const uint64_t before = stats_of(engine).pages_restored;
  for (int i = 0; i < calls; i++) {
    CHECK(touch(guest, 2 * 4096, 4096) == 0);
  }
  return stats_of(engine).pages_restored - before;
}

static void one_large_call_is_forgotten(const hostel_engine *shared) {
  if (!resets_rooms(shared)) {
    return;
  }
  hostel_engine *engine = own_engine(shared);
  hostel_guest *guest = open_touch(engine, "32");
  restored_in(engine, guest, 100);
  const uint64_t before = restored_in(engine, guest, 100);
  CHECK(before >= 100 && before <= 400);
  CHECK(touch(guest, 256 * 4096, 4096) == 0);
  restored_in(engine, guest, 1000);
  CHECK(restored_in(engine, guest, 100) <= before + 100);
  for (int i = 0; i < 10; i++) { /* nor may going back and forth break it */
    CHECK(touch(guest, 256 * 4096, 4096) == 0);
    restored_in(engine, guest, 30);
  }
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

/* ---- limits ---- */

static void a_call_may_have_less_than_the_guest_starts_with(const hostel_engine *engine) {
  hostel_guest *guest = open_touch(engine, "4");
  hostel_call_options *less = new_options();
  SUCCEEDS(hostel_call_options_set_limit(less, HOSTEL_LIMIT_MEMORY_BYTES, 4 * PAGE - 1, &error));
  for (int i = 0; i < 10; i++) {
    uint64_t values[2] = {PAGE, 8};
    FAILS(MEMORY_LIMIT, "262144", hostel_guest_call_values(guest, "touch", values, 2, less, &error));
    CHECK(touch(guest, 4 * PAGE, 64) == 0);
  }
  hostel_call_options_free(less);
  hostel_guest_free(guest);
}

static void what_one_call_grew_does_not_count_in_the_next(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, "(module (memory (export \"memory\") 1)"
                                          " (func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0))))");
  hostel_call_options *three = new_options(), *nine = new_options();
  SUCCEEDS(hostel_call_options_set_limit(three, HOSTEL_LIMIT_MEMORY_BYTES, 3 * PAGE, &error));
  SUCCEEDS(hostel_call_options_set_limit(nine, HOSTEL_LIMIT_MEMORY_BYTES, 9 * PAGE, &error));
  for (int i = 0; i < 20; i++) {
    uint64_t values[1] = {2};
    SUCCEEDS(hostel_guest_call_values(guest, "grow", values, 1, three, &error));
    CHECK(values[0] == 1);
    values[0] = 8;
    SUCCEEDS(hostel_guest_call_values(guest, "grow", values, 1, nine, &error));
    CHECK(values[0] == 1);
    values[0] = 3;
    SUCCEEDS(hostel_guest_call_values(guest, "grow", values, 1, three, &error));
    CHECK(values[0] == UINT32_MAX);
  }
  hostel_call_options_free(three);
  hostel_call_options_free(nine);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_hundred_thousand_calls_take_no_more_memory_than_a_thousand),
      TEST(two_thousand_guests_keep_a_room_each),
      TEST(idle_rooms_make_way_the_oldest_first),
      TEST(guests_that_write_here_and_there_do_not_trap),
      TEST(a_page_here_and_there_over_16_mib_is_found_again),
      TEST(one_large_call_is_forgotten),
      TEST(a_call_may_have_less_than_the_guest_starts_with),
      TEST(what_one_call_grew_does_not_count_in_the_next),
  };
  return RUN_TESTS(argc, argv, tests);
}
