;; `f` passes its input to host.again, which may call this guest again, and returns the answer. A failure of the host
;; becomes its own. Blocks are handed out one after the other: the answer must not land on the input.
(module
  (import "host" "again" (func $again (param i32 i32) (result i64)))
  (import "hostel" "hostel_fail" (func $fail (param i32 i32)))
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 1024))
  (func (export "hostel_alloc") (param $len i32) (result i32)
    (local $ptr i32)
    (local.set $ptr (global.get $next))
    (if (i32.gt_u (local.get $len) (i32.sub (i32.const 65536) (local.get $ptr))) (then (return (i32.const 0))))
    (global.set $next (i32.add (local.get $ptr) (local.get $len)))
    (local.get $ptr))
  (func (export "hostel_free") (param i32 i32))
  (func (export "f") (param i32 i32) (result i64)
    (local $answer i64)
    (local.set $answer (call $again (local.get 0) (local.get 1)))
    (if (result i64) (i64.eqz (i64.and (local.get $answer) (i64.const 0x8000_0000)))
      (then (local.get $answer))
      (else
        (call $fail
          (i32.wrap_i64 (i64.shr_u (local.get $answer) (i64.const 32)))
          (i32.and (i32.wrap_i64 (local.get $answer)) (i32.const 0x7fff_ffff)))
        (i64.const 0)))))
