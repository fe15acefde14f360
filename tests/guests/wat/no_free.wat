;; hostel_free is missing: nobody could give an output back.
(module
  (memory (export "memory") 1)
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "f") (param i32 i32) (result i64) (i64.const 0)))
