;; Tail calls between functions of few arguments and of many: each export goes round so many times, and answers 7.
(module
  (func $a (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 7)) (else
      (return_call $b (i32.sub (local.get 0) (i32.const 1)) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7)))))
  (func $b (param i32 i64 i64 i64 i64 i64 i64 i64) (result i32) (return_call $a (local.get 0)))
  (func (export "few_many") (param i32) (result i32) (call $a (local.get 0)))
  (func $c (param i32 i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 7)) (else
      (return_call $d (i32.sub (local.get 0) (i32.const 1))))))
  (func $d (param i32) (result i32) (return_call $c (local.get 0) (i32.const 1)))
  (func (export "regs") (param i32) (result i32) (call $c (local.get 0) (i32.const 1)))
  (func $e (param i32 i64 i64 i64 i64 i64 i64 i64) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 7)) (else
      (return_call $e (i32.sub (local.get 0) (i32.const 1)) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7)))))
  (func (export "many_self") (param i32) (result i32) (call $e (local.get 0) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7)))
  (func $g (param i32) (result i32 i64 f64 i32 i64)
    (if (result i32 i64 f64 i32 i64) (i32.eqz (local.get 0)) (then (i32.const 7) (i64.const 1) (f64.const 1) (i32.const 1) (i64.const 5)) (else
      (return_call $g2 (i32.sub (local.get 0) (i32.const 1)) ))))
  (func $g2 (param i32) (result i32 i64 f64 i32 i64) (return_call $g (local.get 0)))
  (func (export "multi") (param i32) (result i32) (call $g (local.get 0)) drop drop drop drop)
  (func $h (param f32) (result f32)
    (if (result f32) (f32.eq (local.get 0) (f32.const 0)) (then (f32.const 7)) (else (return_call $h2 (f32.sub (local.get 0) (f32.const 1))))))
  (func $h2 (param f32) (result f32) (return_call $h (local.get 0)))
  (func (export "fl") (param i32) (result i32) (i32.trunc_f32_s (call $h (f32.convert_i32_u (local.get 0)))))
)
