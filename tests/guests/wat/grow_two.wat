;; Grows by two pages in one call. The output is the last byte of the new memory, `!`: the host must look at the memory as
;; it is after the call. `no` when it may not grow.
(module
  (memory (export "memory") 1)
  (data (i32.const 0x10) "no")
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  (func (export "f") (param i32 i32) (result i64)
    (local $last i32)
    (if (i32.eq (memory.grow (i32.const 2)) (i32.const -1)) (then (return (i64.const 0x10_0000_0002))))
    (local.set $last (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1)))
    (i32.store8 (local.get $last) (i32.const 33))
    (i64.or (i64.shl (i64.extend_i32_u (local.get $last)) (i64.const 32)) (i64.const 1))))
