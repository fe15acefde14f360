;; Host functions with plain numbers. `run`: the input n (u32 LE) is how often host.add(sum, 1) is called; the sum is the
;; output (u32 LE). `mixed`: the output is host.mix(-3, 1.5, 2.25) as f64 LE. The output takes the input's place.
(module
  (import "host" "add" (func $add (param i32 i32) (result i32)))
  (import "host" "mix" (func $mix (param i64 f32 f64) (result f64)))
  (memory (export "memory") 1)
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  (func (export "run") (param $ptr i32) (param $len i32) (result i64)
    (local $left i32) (local $sum i32)
    (local.set $left (i32.load (local.get $ptr)))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $left)))
        (local.set $sum (call $add (local.get $sum) (i32.const 1)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next)))
    (i32.store (i32.const 1024) (local.get $sum))
    (i64.const 0x400_0000_0004))
  (func (export "mixed") (param i32 i32) (result i64)
    (f64.store (i32.const 1024) (call $mix (i64.const -3) (f32.const 1.5) (f64.const 2.25)))
    (i64.const 0x400_0000_0008)))
