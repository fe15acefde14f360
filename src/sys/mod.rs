//! What is asked of the operating system or of the standard library, so that the rest need not know which there is.

use alloc::string::String;

#[cfg(feature = "std")]
pub(crate) mod files;
pub(crate) mod nesting;

/// Runs `f`; a panic becomes its message.
#[cfg(feature = "std")]
#[inline]
pub(crate) fn catch_panic<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(core::panic::AssertUnwindSafe(f)).map_err(|payload| panic_message(&*payload))
}

/// Without an operating system a panic does not come back.
#[cfg(not(feature = "std"))]
pub(crate) fn catch_panic<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    Ok(f())
}

#[cfg(feature = "std")]
fn panic_message(payload: &(dyn core::any::Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).into()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "no message".into()
    }
}
