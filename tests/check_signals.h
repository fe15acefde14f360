/* What the tests of rooms and signals share: guests whose calls fault, to be put back or to trap. */
#ifndef HOSTEL_TESTS_CHECK_SIGNALS_H
#define HOSTEL_TESTS_CHECK_SIGNALS_H

#include "check_programs.h"

/* `write` grows and writes to every page, `ask_and_write` asks the host before; `sum` adds up what is there: 7 in a new room. */
static const char pages[] =
    "(module (import \"host\" \"answer\" (func $ask (param i32 i32) (result i64)))"
    " (memory (export \"memory\") 4) (data (i32.const 8) \"\\07\") (global $n (mut i32) (i32.const 0))"
    " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024)) (func (export \"hostel_free\") (param i32 i32))"
    " (func $write (export \"write\") (param i32 i32) (result i64) (local $p i32)"
    "   (drop (memory.grow (i32.const 1)))"
    "   (loop $l (i64.store (local.get $p) (i64.const -1)) (local.set $p (i32.add (local.get $p) (i32.const 4096)))"
    "     (br_if $l (i32.lt_u (local.get $p) (i32.mul (memory.size) (i32.const 65536)))))"
    "   (global.set $n (i32.add (global.get $n) (i32.const 1))) (i64.const 0))"
    " (func (export \"ask_and_write\") (param i32 i32) (result i64)"
    "   (drop (call $ask (i32.const 0) (i32.const 0))) (call $write (i32.const 0) (i32.const 0)))"
    " (func (export \"sum\") (param i32 i32) (result i64) (local $p i32) (local $s i64)"
    "   (local.set $p (i32.mul (memory.size) (i32.const 65536)))"
    "   (loop $l (local.set $p (i32.sub (local.get $p) (i32.const 8)))"
    "     (local.set $s (i64.add (local.get $s) (i64.load (local.get $p)))) (br_if $l (local.get $p)))"
    "   (i64.store8 (i32.const 16) (i64.add (local.get $s) (i64.extend_i32_u (global.get $n)))) (i64.const 0x10_0000_0001))"
    " (func (export \"outside\") (param i32 i32) (result i64) (i64.load (i32.const -1)))"
    " (func (export \"deep\") (param i32 i32) (result i64) (i64.add (call 6 (local.get 0) (local.get 1)) (i64.const 1))))";

/* Without memory.grow its bounds are pages that cannot be reached: going outside is a SIGSEGV. */
static const char outside[] =
    "(module (memory (export \"memory\") 1)"
    " (func (export \"hostel_alloc\") (param i32) (result i32) (i32.const 1024)) (func (export \"hostel_free\") (param i32 i32))"
    " (func (export \"outside\") (param i32 i32) (result i64) (i64.load (i32.const 0x7fffffff)))"
    " (func $d (export \"deep\") (param i32 i32) (result i64)"
    "   (i64.add (call $d (local.get 0) (local.get 1)) (i64.const 1))))";

/* What the host does when it is asked, if anything. */
static void (*when_asked)(void);

static inline hostel_status answer(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)user_data, (void)caller, (void)input, (void)input_len;
  if (when_asked != NULL) {
    when_asked();
  }
  return HOSTEL_STATUS_OK;
}

static inline hostel_guest *open_pages(const hostel_engine *engine) {
  hostel_imports *imports = imports_of("host", "answer", answer, NULL);
  hostel_guest *guest = link_guest(load_text(engine, pages), imports);
  hostel_imports_free(imports);
  return guest;
}

static inline void call_often(const hostel_guest *guest, int times) {
  for (int i = 0; i < times; i++) {
    ANSWERS("", hostel_guest_call(guest, "write", NOTHING, NULL, &output, &error));
    ANSWERS("\7", hostel_guest_call(guest, "sum", NOTHING, NULL, &output, &error));
  }
}

static inline void trap_often(const hostel_engine *engine, int times) {
  hostel_guest *guest = open_text(engine, outside);
  for (int i = 0; i < times; i++) {
    REFUSES(TRAP, "", hostel_guest_call(guest, "outside", NOTHING, NULL, &output, &error));
    REFUSES(STACK_OVERFLOW, "", hostel_guest_call(guest, "deep", NOTHING, NULL, &output, &error));
  }
  hostel_guest_free(guest);
}

#endif
