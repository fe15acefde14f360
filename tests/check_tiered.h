/* What the tests of guests that move up share: a guest that does a bit of everything, and which tier served it. */
#ifndef HOSTEL_TESTS_CHECK_TIERED_H
#define HOSTEL_TESTS_CHECK_TIERED_H

#include "check_background.h"
#include "check_rooms.h"

/* Writes the bits of what operations make of NaNs, grows, keeps a count in memory and in a global, loops, asks the host. */
static const char various[] =
    "(module (import \"host\" \"begun\" (func $ask (param i32 i32) (result i64)))" ABI
    " (global $n (mut i32) (i32.const 0)) (global $z (mut f64) (f64.const 0)) (global $y (mut f32) (f32.const 0))"
    " (func (export \"floats\") (param i32 i32) (result i64)"
    "   (f64.store (i32.const 64) (f64.div (global.get $z) (global.get $z)))"
    "   (f64.store (i32.const 72) (f64.sqrt (f64.sub (global.get $z) (f64.const 2))))"
    "   (f64.store (i32.const 80) (f64.add (f64.reinterpret_i64 (i64.const 0x7ff4123456789abc)) (global.get $z)))"
    "   (f32.store (i32.const 88) (f32.mul (f32.const inf) (global.get $y)))"
    "   (f32.store (i32.const 92) (f32.demote_f64 (f64.reinterpret_i64 (i64.const 0xfff8000000000001))))"
    "   (f64.store (i32.const 96) (f64.promote_f32 (f32.reinterpret_i32 (i32.const 0x7fa00001))))"
    "   (i64.const 0x40_0000_0028))"
    " (func (export \"grow\") (param i32 i32) (result i64)"
    "   (i32.store (i32.const 64) (memory.grow (i32.const 3))) (i32.store (i32.const 68) (memory.size))"
    "   (i32.store8 (i32.const 262143) (i32.const 7)) (i32.store (i32.const 72) (i32.load8_u (i32.const 262143)))"
    "   (i64.const 0x40_0000_000c))"
    " (func (export \"grow_and_trap\") (param i32 i32) (result i64)"
    "   (drop (memory.grow (i32.const 2))) (i64.load (i32.const 196604)))"
    " (func (export \"grow_too_far\") (param i32 i32) (result i64)"
    "   (if (i32.eq (memory.grow (i32.const 65000)) (i32.const -1)) (then unreachable)) (i64.const 0))"
    " (func (export \"count\") (param i32 i32) (result i64)"
    "   (global.set $n (i32.add (global.get $n) (i32.const 1)))"
    "   (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (global.get $n))) (i64.const 0x40_0000_0004))"
    " (func (export \"loop\") (param i32 i32) (result i64) (local $i i64)"
    "   (loop $l (local.set $i (i64.add (local.get $i) (i64.const 1))) (br_if $l (i64.lt_u (local.get $i) (i64.const 5000))))"
    "   (i64.store (i32.const 64) (local.get $i)) (i64.const 0x40_0000_0008))"
    " (func (export \"outside\") (param i32 i32) (result i64) (i64.const 0x10000_0000_0010))"
    " (func (export \"ask\") (param i32 i32) (result i64) (call $ask (local.get 0) (local.get 1))))";

/* The host answers with half of what it is given. */
static inline hostel_status answer(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data;
  return hostel_caller_return(caller, input, input_len / 2);
}

static inline hostel_guest *open_list(hostel_module *module) {
  hostel_imports *imports = imports_of("host", "begun", answer, NULL);
  hostel_guest *guest = link_guest(module, imports);
  hostel_imports_free(imports);
  return guest;
}

/* Which tier served the last call with these options. */
static inline bool ran_on(const hostel_call_options *options, const hostel_engine *engine, size_t tier) {
  return strcmp(report_of(options).engine, hostel_engine_tier_at(engine, tier)) == 0;
}

#endif
