;; Imports by the right names with other types than the host's.
(module
  (import "hostel" "hostel_fail" (func (param i32 i32) (result i32)))
  (import "host" "answer" (func (param i32) (result i64)))
  (memory (export "memory") 1)
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  (func (export "f") (param i32 i32) (result i64) (i64.const 0)))
