;; Functions for limits: `spin` never ends; `sum` adds up the bytes of its input, by 17 operators each, and 9 more.
(module
  (memory (export "memory") 1)
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  (func (export "spin") (param i32 i32) (result i64)
    (loop $forever (br $forever))
    (i64.const 0))
  (func (export "sum") (param $at i32) (param $left i32) (result i64)
    (local $sum i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $left)))
        (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next)))
    (i64.const 0)))
