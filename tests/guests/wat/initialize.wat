;; A reactor: `f` returns how often _initialize was called, as u32 LE. It must be 1.
(module
  (memory (export "memory") 1)
  (global $calls (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set $calls (i32.add (global.get $calls) (i32.const 1))))
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  (func (export "f") (param i32 i32) (result i64)
    (i32.store (i32.const 0x10) (global.get $calls))
    (i64.const 0x10_0000_0004)))
