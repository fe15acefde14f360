;; Exceptions: `f` throws the number of its output, `caught`, and catches it. `uncaught` lets one out.
(module
  (tag $thrown (param i64))
  (memory (export "memory") 1)
  (data (i32.const 0x10) "caught")
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  (func (export "f") (param i32 i32) (result i64)
    (block $handler (result i64)
      (try_table (catch $thrown $handler) (throw $thrown (i64.const 0x10_0000_0006)))
      unreachable))
  (func (export "uncaught") (param i32 i32) (result i64) (throw $thrown (i64.const 0))))
