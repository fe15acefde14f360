;; Two memories. `f` copies `ok` from the second, which nobody else sees, to the one that is exported.
(module
  (memory $border (export "memory") 1)
  (memory $store 1)
  (data (memory $store) (i32.const 0) "ok")
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  (func (export "f") (param i32 i32) (result i64)
    (memory.copy $border $store (i32.const 0x10) (i32.const 0) (i32.const 2))
    (i64.const 0x10_0000_0002)))
