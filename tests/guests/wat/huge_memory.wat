;; Starts with 5,000 pages, 312 MiB: more than the default cap of 256 MiB.
(module
  (memory (export "memory") 5000)
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  (func (export "f") (param i32 i32) (result i64) (i64.const 0)))
