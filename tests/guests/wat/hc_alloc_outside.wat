;; __hc__allocate_1 answers the last four bytes of the memory, whatever is asked for.
(module
  (memory (export "memory") 1)
  (data (i32.const 0x10) "\81\a2Ok\c0")
  (func (export "__hc__allocate_1") (param i32) (result i32) (i32.const 0xfffc))
  (func (export "__hc__deallocate_1") (param i32 i32))
  (func (export "f") (param i32 i32) (result i64) (i64.const 0x10_00000005)))
