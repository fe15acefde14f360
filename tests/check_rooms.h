/* What the tests of rooms share: guests with settings of their rooms, statistics, and guests that write much. */
#ifndef HOSTEL_TESTS_CHECK_ROOMS_H
#define HOSTEL_TESTS_CHECK_ROOMS_H

#include "check.h"

/* How a guest's rooms are to be. All zero: as the library has it. */
typedef struct policy {
  const char *name;
  uint32_t calls, rooms;
  uint64_t wait_ms;
  bool untracked;
} policy;

/* Each keeps every call to itself. */
static const policy fresh_policies[] = {
    {.name = "tracked"},
    {.name = "untracked", .untracked = true},
    {.name = "bounded", .rooms = 2},
    {.name = "bounded and untracked", .rooms = 1, .untracked = true},
};
#define FRESH_POLICIES (sizeof fresh_policies / sizeof fresh_policies[0])

static inline hostel_guest *open_rooms(const hostel_module *module, const hostel_imports *imports, policy policy) {
  hostel_guest_options *options = RUBBISH;
  hostel_guest *guest = RUBBISH;
  SUCCEEDS(hostel_guest_options_new(&options, &error));
  if (policy.calls > 0) {
    SUCCEEDS(hostel_guest_options_set_calls_per_room(options, policy.calls, &error));
  }
  if (policy.rooms > 0) {
    SUCCEEDS(hostel_guest_options_set_rooms_max(options, policy.rooms, policy.wait_ms, &error));
  }
  SUCCEEDS(hostel_guest_options_set_write_tracking(options, !policy.untracked, &error));
  SUCCEEDS(hostel_guest_new(module, imports, options, &guest, &error));
  hostel_guest_options_free(options);
  return guest;
}

static inline hostel_engine_statistics stats_of(const hostel_engine *engine) {
  hostel_engine_statistics stats;
  memset(&stats, 0x5a, sizeof stats);
  stats.struct_size = sizeof stats;
  SUCCEEDS(hostel_engine_stats(engine, &stats, &error));
  return stats;
}

/* An engine whose guests nobody else has: its statistics begin at zero. */
static inline hostel_engine *own_engine(const hostel_engine *engine) { return limited_engine(engine, HOSTEL_LIMIT_DEPTH, 16); }

/* Whether the engine can put a room back as it was; the others make a new one for each call. */
static inline bool resets_rooms(const hostel_engine *engine) { return engine_row_has(engine, "\"resets\""); }

enum { PAGE = 65536 };

/* `touch(bytes, step)` writes to every `step`th byte and says how many of them were written before: none, in a new room. */
#define TOUCH                                                                                                                    \
  " (func (export \"touch\") (param i32 i32) (result i32) (local $p i32) (local $found i32)"                                     \
  "   (loop $l (local.set $found (i32.add (local.get $found) (i32.load8_u (local.get $p))))"                                     \
  "     (i32.store8 (local.get $p) (i32.const 1)) (local.set $p (i32.add (local.get $p) (local.get 1)))"                         \
  "     (br_if $l (i32.lt_u (local.get $p) (local.get 0)))) (local.get $found))"

/* What `touch` finds. */
static inline uint64_t touch(const hostel_guest *guest, uint64_t bytes, uint64_t step) {
  uint64_t values[2] = {bytes, step};
  SUCCEEDS(hostel_guest_call_values(guest, "touch", values, 2, NULL, &error));
  return values[0];
}

static inline hostel_guest *open_touch(const hostel_engine *engine, const char *memory) {
  char text[1000];
  snprintf(text, sizeof text, "(module (memory (export \"memory\") %s)" TOUCH ")", memory);
  return link_guest(settled(load_text(engine, text)), NULL);
}

/* Which parts of secrets.wat a guest has. */
typedef struct shape {
  const char *name, *parts; /* letters, as explained there */
  const char *more;         /* what stands in place of ";;s" */
} shape;

/* secrets.wat with some of its parts. */
static inline hostel_module *load_secrets(const hostel_engine *engine, shape shape) {
  size_t len = 0;
  char *text = (char *)read_guest("secrets.wat", &len);
  text[len] = '\0';
  for (char *mark = strstr(text, " ;;"); mark != NULL; mark = strstr(mark + 1, " ;;")) {
    char *after = mark + 3;
    bool wanted = *after != ' ';
    for (; *after != ' ' && *after != '\n'; after++) {
      wanted = wanted && strchr(shape.parts, *after) != NULL;
    }
    if (wanted) {
      memset(mark, ' ', (size_t)(after - mark));
    }
  }
  const char *more = shape.more == NULL ? "" : shape.more;
  char *place = strstr(text, ";;s\n"), *whole = malloc(len + strlen(more) + 1);
  REQUIRE(place != NULL && whole != NULL);
  *place = '\0';
  sprintf(whole, "%s%s%s", text, more, place + 3);
  hostel_module *module = load_text(engine, whole);
  free(whole);
  free(text);
  return module;
}

#endif
