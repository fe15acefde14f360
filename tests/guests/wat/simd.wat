;; echo by way of v128: `f` copies its input sixteen bytes at a time. Inputs up to 30,000 bytes; larger ones get no block.
(module
  (memory (export "memory") 1)
  (func (export "hostel_alloc") (param $len i32) (result i32)
    (select (i32.const 0) (i32.const 1024) (i32.gt_u (local.get $len) (i32.const 30000))))
  (func (export "hostel_free") (param i32 i32))
  (func (export "f") (param $ptr i32) (param $len i32) (result i64)
    (local $i i32)
    (if (i32.eqz (local.get $len)) (then (return (i64.const 0))))
    (loop $next ;; up to fifteen bytes too many, which the memory has room for
      (v128.store (i32.add (i32.const 32768) (local.get $i))
        (v128.load (i32.add (local.get $ptr) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $len))))
    (i64.or (i64.const 0x8000_0000_0000) (i64.extend_i32_u (local.get $len)))))
