;; Outputs that are not in the memory, which has 0x10000 bytes. `last` is: its one byte is the very last, 0.
(module
  (memory (export "memory") 1)
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  (func (export "last") (param i32 i32) (result i64) (i64.const 0x0000ffff_00000001))
  (func (export "one_over") (param i32 i32) (result i64) (i64.const 0x0000ffff_00000002))
  (func (export "outside") (param i32 i32) (result i64) (i64.const 0x00020000_00000001))
  (func (export "four_gib") (param i32 i32) (result i64) (i64.const 0x00000000_ffffffff))
  (func (export "wraps") (param i32 i32) (result i64) (i64.const 0xfffffff0_00000020))
  (func (export "empty_outside") (param i32 i32) (result i64) (i64.const 0xfffffff0_00000000)))
