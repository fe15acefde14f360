;; A reactor whose _initialize traps: no function may be called.
(module
  (memory (export "memory") 1)
  (func (export "_initialize") unreachable)
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  (func (export "f") (param i32 i32) (result i64) (i64.const 0)))
