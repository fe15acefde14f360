//! Functions of plain values, which need no envelope.

#[no_mangle]
pub extern "C" fn add(a: i32, b: i32) -> i32 {
    a.wrapping_add(b)
}

#[no_mangle]
pub extern "C" fn mul64(a: i64, b: i64) -> i64 {
    a.wrapping_mul(b)
}

#[no_mangle]
pub extern "C" fn fadd32(a: f32, b: f32) -> f32 {
    a + b
}

#[no_mangle]
pub extern "C" fn fadd(a: f64, b: f64) -> f64 {
    a + b
}

/// A trap when `b` is 0.
#[no_mangle]
pub extern "C" fn divide(a: i32, b: i32) -> i32 {
    a / b
}

/// How often `bump` was called in this instance.
#[no_mangle]
pub extern "C" fn bumps() -> u32 {
    BUMPS.load(std::sync::atomic::Ordering::Relaxed)
}

#[no_mangle]
pub extern "C" fn bump() {
    BUMPS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
}

static BUMPS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
