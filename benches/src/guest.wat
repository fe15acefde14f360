;; The guest of the call benchmarks: the cheapest functions of the ABI, so that what is measured is the host's work.
(module
  (import "host" "add" (func $add (param i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  ;; Answers its input.
  (func (export "echo") (param $ptr i32) (param $len i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32)) (i64.extend_i32_u (local.get $len))))
  ;; Calls the host as often as the first four bytes of its input say.
  (func (export "host_calls") (param $ptr i32) (param $len i32) (result i64)
    (local $left i32) (local $sum i32)
    (local.set $left (i32.load (local.get $ptr)))
    (loop $again
      (local.set $sum (call $add (local.get $sum) (local.get $left)))
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i32.store (local.get $ptr) (local.get $sum))
    (i64.or (i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32)) (i64.const 4))))
