;; A holochain guest that asks nothing of its host: `f` answers its input; `no` fails with Guest("no room") of p:7; `nan`
;; answers a number that JSON does not have, `count` how often it was called.
(module
  (memory (export "memory") 16)
  (data (i32.const 0x10) "\81\a3Err\83\abmodule_path\a1p\a4line\07\a5error\81\a5Guest\a7no room")
  (data (i32.const 0x50) "\81\a2Ok\ca\7f\c0\00\00")
  (data (i32.const 0x60) "\81\a2Ok\00")
  (data (i32.const 0x1000) "\81\a2Ok")
  (func (export "__hc__allocate_1") (param i32) (result i32) (i32.const 0x1004)) ;; right behind the Ok
  (func (export "__hc__deallocate_1") (param i32 i32))
  (func (export "f") (param $ptr i32) (param $len i32) (result i64)
    (i64.add (i64.const 0x1000_00000004) (i64.extend_i32_u (local.get $len))))
  (func (export "no") (param i32 i32) (result i64) (i64.const 0x10_0000002f))
  (func (export "nan") (param i32 i32) (result i64) (i64.const 0x50_00000009))
  (func (export "count") (param i32 i32) (result i64)
    (i32.store8 (i32.const 0x64) (i32.add (i32.load8_u (i32.const 0x64)) (i32.const 1)))
    (i64.const 0x60_00000005)))
