;; The start function calls a function of the host, while there is no instance yet; `f` returns what it answered.
(module
  (import "host" "add" (func $add (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $start (i32.store (i32.const 0x10) (call $add (i32.const 40) (i32.const 2))))
  (start $start)
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  (func (export "f") (param i32 i32) (result i64) (i64.const 0x10_0000_0004)))
