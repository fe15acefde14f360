;; Three imports that no host has: a good message names all of them.
(module
  (import "nowhere" "first" (func (param i32 i32) (result i64)))
  (import "nowhere" "second" (func (param f64)))
  (import "elsewhere" "third" (global i32))
  (memory (export "memory") 1)
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  (func (export "f") (param i32 i32) (result i64) (i64.const 0)))
