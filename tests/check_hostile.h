/* What the tests of hostile guests share: texts made piece by piece, and the ways in which each guest is called. */
#ifndef HOSTEL_TESTS_CHECK_HOSTILE_H
#define HOSTEL_TESTS_CHECK_HOSTILE_H

#include "check_limits.h"

#include <stdarg.h>

/* A guest of these parts, whose `quick` ends at once; `$ask` is a host function. Parts that need another memory or allocator
 * bring their own. */
#define ASK "(import \"host\" \"ask\" (func $ask (param i32 i32) (result i64)))"
#define QUICK "(func (export \"quick\") (param i32 i32) (result i64) (i64.const 0))"
#define MEMORY(pages) "(memory (export \"memory\") " pages ")"
#define ALLOC "(func $alloc (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024))"
#define FREE "(func (export \"hostel_free\") (param i32 i32))"
#define GUEST(parts) "(module " ASK MEMORY("1") ALLOC FREE QUICK parts ")"

/* A function `f` with this body, before an end that is not reached. */
#define F(body) "(func $f (export \"f\") (param i32 i32) (result i64) " body " (i64.const 0))"
/* The same for ever. */
#define FOR_EVER(body) F("(loop $l " body " (br $l))")

/* ---- texts ---- */

typedef struct text {
  char *chars;
  size_t len, room;
} text;

__attribute__((format(printf, 2, 3))) static inline void append(text *text, const char *format, ...) {
  char piece[2000];
  va_list arguments;
  va_start(arguments, format);
  const int len = vsnprintf(piece, sizeof piece, format, arguments);
  va_end(arguments);
  REQUIRE(len >= 0 && (size_t)len < sizeof piece);
  if (text->len + (size_t)len + 1 > text->room) {
    text->room = 2 * (text->room + (size_t)len + 1);
    text->chars = realloc(text->chars, text->room);
    REQUIRE(text->chars != NULL);
  }
  memcpy(text->chars + text->len, piece, (size_t)len + 1);
  text->len += (size_t)len;
}

/* The same piece so often. */
static inline void repeat(text *text, size_t times, const char *piece) {
  for (size_t i = 0; i < times; i++) {
    append(text, "%s", piece);
  }
}

/* ---- calls ---- */

enum { DEADLINE_MS = 50, FUEL = 1000000 };

/* What a guest that is called with a deadline, and with fuel, comes to. Where that is not DEADLINE, it has time. */
typedef struct hostile {
  const char *name, *text;
  const char *lacking; /* the proposal that it needs, if any */
  hostel_status in_time, on_fuel;
} hostile;

/* Answers with an error, which the guest may ignore. */
static inline hostel_status refuse(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)input, (void)input_len;
  return hostel_caller_fail(caller, "no", NULL, 0);
}

static inline hostel_guest *open_hostile(const hostel_engine *engine, const char *text, hostel_host_function ask,
                                         void *user_data) {
  hostel_imports *imports = imports_of("host", "ask", ask, user_data);
  hostel_guest *guest = link_guest(load_text(engine, text), imports);
  hostel_imports_free(imports);
  return guest;
}

static inline void check_status(const char *name, const char *how, hostel_status expected, hostel_status got,
                                hostel_error *error) {
  if (got != expected || hostel_error_status(error) != got) {
    fprintf(stderr, "%s, %s: %s instead of %s: %s\n", name, how, hostel_status_name(got), hostel_status_name(expected),
            hostel_error_message(error));
    failures++;
  }
  hostel_error_free(error);
}

/* Calls `f` in a new instance and in one that is kept; afterwards the next call of the guest works, and the instance is dead. */
static inline void check_calls(const char *name, const char *how, const hostel_guest *guest, hostel_call_options *options,
                               hostel_status expected) {
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  hostel_instance *instance = new_instance(guest);
  for (int round = 0; round < 2; round++) {
    const hostel_status got = hostel_guest_call(guest, "f", TEXT("input"), options, &output, &error);
    check_status(name, how, expected, got, error);
    hostel_buffer_free(&output);
    ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, NULL, &output, &error));
  }
  hostel_status got, next;
  int tries = 0;
  do { /* on a busy machine the time may be over before a call has begun, which leaves the instance as it was */
    got = hostel_instance_call(instance, "f", TEXT("input"), options, &output, &error);
    check_status(name, how, expected, got, error);
    hostel_buffer_free(&output);
    next = hostel_instance_call(instance, "quick", NOTHING, NULL, &output, NULL);
  } while (got == HOSTEL_STATUS_DEADLINE && next == HOSTEL_STATUS_OK && ++tries < 20);
  CHECK(next == (got == HOSTEL_STATUS_OK ? HOSTEL_STATUS_OK : HOSTEL_STATUS_INSTANCE_DEAD));
  hostel_instance_free(instance);
}

/* Each of these guests ends as it should, with 50 ms and with some fuel. */
static inline void check_hostile(const hostel_engine *shared, const hostile *guests, size_t count) {
  hostel_engine *engine = metered_engine(shared, true, true);
  hostel_call_options *in_time = options_with_deadline(DEADLINE_MS), *on_fuel = options_with_fuel(FUEL);
  hostel_call_options *in_long_time = options_with_deadline(200000);
  for (size_t i = 0; i < count; i++) {
    if (guests[i].lacking != NULL && engine_row_has(engine, guests[i].lacking)) {
      continue;
    }
    hostel_guest *guest = open_hostile(engine, guests[i].text, refuse, NULL);
    const bool waits = guests[i].in_time == HOSTEL_STATUS_DEADLINE;
    check_calls(guests[i].name, "with a deadline", guest, waits ? in_time : in_long_time, guests[i].in_time);
    check_calls(guests[i].name, "with fuel", guest, on_fuel, guests[i].on_fuel);
    hostel_guest_free(guest);
  }
  hostel_call_options_free(in_time);
  hostel_call_options_free(in_long_time);
  hostel_call_options_free(on_fuel);
  hostel_engine_free(engine);
}

#endif
