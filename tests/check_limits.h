/* What the tests of limits share: engines with limits compiled in, guests that never end, reports. */
#ifndef HOSTEL_TESTS_CHECK_LIMITS_H
#define HOSTEL_TESTS_CHECK_LIMITS_H

#include "check.h"

#include <time.h>

/* Exports that make a guest speak our ABI, without much of an allocator. */
#define ABI                                                                                                                      \
  " (memory (export \"memory\") 1)"                                                                                              \
  " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024))"                                                  \
  " (func (export \"hostel_free\") (param i32 i32))"

/* `spin` never ends, `quick` ends at once, `count` goes round so many times. */
#define SPINNER                                                                                                                  \
  "(module" ABI " (func (export \"quick\") (param i32 i32) (result i64) (i64.const 0))"                                          \
  " (func $spin (export \"spin\") (param i32 i32) (result i64) (loop $l (br $l)) (i64.const 0))"                                 \
  " (func (export \"count\") (param i64) (loop $l (br_if $l"                                                                     \
  "   (i64.ne (local.tee 0 (i64.sub (local.get 0) (i64.const 1))) (i64.const 0))))))"

/* An engine like the one under test, with these limits compiled in. */
static inline hostel_engine *metered_engine(const hostel_engine *engine, bool fuel, bool deadline) {
  hostel_engine_config *config = RUBBISH;
  hostel_engine *metered = RUBBISH;
  SUCCEEDS(hostel_engine_config_new(&config, &error));
  SUCCEEDS(hostel_engine_config_set_engine(config, hostel_engine_name(engine), &error));
  SUCCEEDS(hostel_engine_config_set_fuel(config, fuel, &error));
  SUCCEEDS(hostel_engine_config_set_deadline(config, deadline, &error));
  SUCCEEDS(hostel_engine_new(config, &metered, &error));
  hostel_engine_config_free(config);
  return metered;
}

static inline hostel_call_options *options_with_fuel(uint64_t fuel) {
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_fuel(options, fuel, &error));
  return options;
}

static inline hostel_call_options *options_with_deadline(uint64_t milliseconds) {
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, milliseconds, &error));
  return options;
}

static inline hostel_cancel *new_cancel(void) {
  hostel_cancel *cancel = RUBBISH;
  SUCCEEDS(hostel_cancel_new(&cancel, &error));
  return cancel;
}

static inline hostel_call_options *options_with_cancel(const hostel_cancel *cancel) {
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_cancel(options, cancel, &error));
  return options;
}

static inline hostel_report report_of(const hostel_call_options *options) {
  hostel_report report = {.struct_size = sizeof report};
  SUCCEEDS(hostel_call_options_report(options, &report, &error));
  return report;
}

/* What a call of a function of plain values has used. */
static inline uint64_t fuel_of(const hostel_guest *guest, const char *function, uint64_t *values, size_t count) {
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_guest_call_values(guest, function, values, count, options, &error));
  const uint64_t used = report_of(options).fuel_used;
  hostel_call_options_free(options);
  return used;
}

static inline void sleep_ms(long milliseconds) {
  const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  nanosleep(&time, NULL);
}

#endif
