;; Imports host functions in two versions, and one whose type is not that of a host function.
(module
  (import "env" "__hc__answer_1" (func (param i32 i32) (result i64)))
  (import "env" "__hc__answer_2" (func (param i32 i32) (result i64)))
  (import "env" "__hc__odd_1" (func (param i32) (result i64)))
  (memory (export "memory") 1)
  (func (export "__hc__allocate_1") (param i32) (result i32) (i32.const 1024))
  (func (export "__hc__deallocate_1") (param i32 i32))
  (func (export "f") (param i32 i32) (result i64) (i64.const 0)))
