;; A memory with 64-bit addresses. The functions have the types of the ABI all the same.
(module
  (memory (export "memory") i64 1)
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  (func (export "f") (param $ptr i32) (param $len i32) (result i64)
    (i64.store8 (i64.extend_i32_u (local.get $ptr)) (i64.const 33))
    (i64.or (i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32)) (i64.extend_i32_u (local.get $len)))))
