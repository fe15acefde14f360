;; Exports that are not of the type (i32, i32) -> i64, or not functions. `fine` is one that can be called.
(module
  (memory (export "memory") 1)
  (global (export "a_global") i32 (i32.const 7))
  (table (export "a_table") 1 funcref)
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  (func (export "fine") (param i32 i32) (result i64) (i64.const 0))
  (func (export "nothing"))
  (func (export "no_result") (param i32 i32))
  (func (export "small_result") (param i32 i32) (result i32) (i32.const 0))
  (func (export "two_results") (param i32 i32) (result i32 i32) (i32.const 0) (i32.const 0))
  (func (export "three_params") (param i32 i32 i32) (result i64) (i64.const 0))
  (func (export "floats") (param f32 f32) (result f64) (f64.const 0)))
