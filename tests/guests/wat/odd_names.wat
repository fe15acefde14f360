;; Any UTF-8 may be a name: with spaces, quotes, other scripts, or nothing at all. Each returns `ok`.
(module
  (memory (export "memory") 1)
  (data (i32.const 0x10) "ok")
  (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "hostel_free") (param i32 i32))
  (func (export "größe") (export "宿") (export "🛏") (export "two words") (export " ") (export "say \"hi\"")
    (export "line\nbreak") (export "") (param i32 i32) (result i64)
    (i64.const 0x10_0000_0002)))
