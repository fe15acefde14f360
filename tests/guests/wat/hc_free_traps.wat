;; __hc__deallocate_1 traps when it gets the output back: `f` answers nil, `no` an error.
(module
  (memory (export "memory") 1)
  (data (i32.const 0x10) "\81\a2Ok\c0")
  (data (i32.const 0x20) "\81\a3Err\83\abmodule_path\a1p\a4line\07\a5error\81\a5Guest\a2no")
  (func (export "__hc__allocate_1") (param i32) (result i32) (i32.const 1024))
  (func (export "__hc__deallocate_1") (param i32 i32) unreachable)
  (func (export "f") (param i32 i32) (result i64) (i64.const 0x10_00000005))
  (func (export "no") (param i32 i32) (result i64) (i64.const 0x20_0000002a)))
