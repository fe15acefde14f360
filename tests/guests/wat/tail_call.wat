;; Tail calls: `f` calls itself a million times in one frame, then returns `ok`.
(module
  (memory (export "memory") 1)
  (data (i32.const 0x10) "ok")
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  (func $count (param $left i32) (result i64)
    (if (i32.eqz (local.get $left)) (then (return (i64.const 0x10_0000_0002))))
    (return_call $count (i32.sub (local.get $left) (i32.const 1))))
  (func (export "f") (param i32 i32) (result i64) (return_call $count (i32.const 1000000))))
