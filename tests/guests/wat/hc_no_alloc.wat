;; __hc__allocate_1 is missing.
(module
  (memory (export "memory") 1)
  (func (export "__hc__deallocate_1") (param i32 i32))
  (func (export "f") (param i32 i32) (result i64) (i64.const 0)))
