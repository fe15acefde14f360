;; Answers with 100,000 arrays inside one another: `f` holds them in its Ok, `cut` lacks what is innermost, `wide` is as
;; deep with two values each, `in_err` and `maps_in_err` have them where an error should be.
(module
  (memory (export "memory") 5)
  (data (i32.const 0x10) "\81\a2Ok")
  (data (i32.const 0x40020) "\81\a3Err")
  (global $depth i32 (i32.const 100000))
  (func (export "__hc__allocate_1") (param i32) (result i32) (i32.const 0x8))
  (func (export "__hc__deallocate_1") (param i32 i32))
  ;; The beginnings of so many arrays, `marker` each, then `end`.
  (func $arrays (param $at i32) (param $marker i32) (param $end i32)
    (memory.fill (local.get $at) (local.get $marker) (global.get $depth))
    (i32.store8 (i32.add (local.get $at) (global.get $depth)) (local.get $end)))
  (func (export "f") (param i32 i32) (result i64)
    (call $arrays (i32.const 0x14) (i32.const 0x91) (i32.const 0xc0))
    (i64.const 0x10_000186a5)) ;; 4 + 100,000 + 1 bytes
  (func (export "cut") (param i32 i32) (result i64)
    (call $arrays (i32.const 0x14) (i32.const 0x91) (i32.const 0xc0))
    (i64.const 0x10_000186a4))
  (func (export "wide") (param i32 i32) (result i64)
    (call $arrays (i32.const 0x14) (i32.const 0x92) (i32.const 0xc0))
    (memory.fill (i32.const 0x186b5) (i32.const 0xc0) (global.get $depth))
    (i64.const 0x10_00030d45)) ;; 4 + 100,000 + 1 + 100,000
  (func (export "in_err") (param i32 i32) (result i64)
    (memory.copy (i32.const 0x10) (i32.const 0x40020) (i32.const 5))
    (call $arrays (i32.const 0x15) (i32.const 0x91) (i32.const 0xc0))
    (i64.const 0x10_000186a6))
  (func (export "maps_in_err") (param i32 i32) (result i64)
    (memory.copy (i32.const 0x10) (i32.const 0x40020) (i32.const 5))
    (call $arrays (i32.const 0x15) (i32.const 0x81) (i32.const 0xc0))
    (i64.const 0x10_000186a6)))
