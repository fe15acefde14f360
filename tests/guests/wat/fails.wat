;; Ways to say no. Each export calls hostel_fail with `no`, unless its name says otherwise.
(module
  (import "hostel" "hostel_fail" (func $fail (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0x10) "no") (data (i32.const 0x20) "first") (data (i32.const 0x30) "\ff\fe")
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  (func (export "then_trap") (param i32 i32) (result i64) (call $fail (i32.const 0x10) (i32.const 2)) unreachable)
  (func (export "then_return") (param i32 i32) (result i64) (call $fail (i32.const 0x10) (i32.const 2)) (i64.const 0))
  (func (export "then_rubbish") (param i32 i32) (result i64) ;; what it returns is not looked at
    (call $fail (i32.const 0x10) (i32.const 2)) (i64.const -1))
  (func (export "twice") (param i32 i32) (result i64)
    (call $fail (i32.const 0x20) (i32.const 5)) (call $fail (i32.const 0x10) (i32.const 2)) (i64.const 0))
  (func (export "without_words") (param i32 i32) (result i64) (call $fail (i32.const 0) (i32.const 0)) (i64.const 0))
  (func (export "not_utf8") (param i32 i32) (result i64) (call $fail (i32.const 0x30) (i32.const 2)) (i64.const 0))
  (func (export "outside") (param i32 i32) (result i64) (call $fail (i32.const 65535) (i32.const 2)) (i64.const 0)))
