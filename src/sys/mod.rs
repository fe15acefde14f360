//! What is asked of the operating system or of the standard library, so that the rest need not know which there is.

use alloc::{string::String, vec::Vec};

#[cfg(feature = "std")]
pub(crate) mod exit;
#[cfg(snapshots)]
pub(crate) mod faults;
#[cfg(feature = "std")]
pub(crate) mod files;
#[cfg(all(feature = "std", unix))]
pub(crate) mod fork;
#[cfg(not(all(feature = "std", unix)))]
pub(crate) mod fork {
    /// Nothing here is tied to a process.
    pub(crate) fn generation() -> u64 {
        0
    }

    /// A file that no forked child has open, because nothing forks.
    #[cfg(feature = "std")]
    #[derive(Debug)]
    pub(crate) struct Unshared(std::fs::File);

    #[cfg(feature = "std")]
    impl Unshared {
        pub fn open(open: impl FnOnce() -> std::io::Result<std::fs::File>) -> std::io::Result<Self> {
            open().map(Unshared)
        }
    }

    #[cfg(feature = "std")]
    impl core::ops::Deref for Unshared {
        type Target = std::fs::File;

        fn deref(&self) -> &std::fs::File {
            &self.0
        }
    }

    #[cfg(feature = "std")]
    impl core::ops::DerefMut for Unshared {
        fn deref_mut(&mut self) -> &mut std::fs::File {
            &mut self.0
        }
    }
}
#[cfg(feature = "std")]
pub(crate) mod inside;
#[cfg(snapshots)]
pub(crate) mod mapping;
pub(crate) mod nesting;
#[cfg(feature = "std")]
pub(crate) mod once;
#[cfg(snapshots)]
pub(crate) mod pagemap;
#[cfg(feature = "std")]
pub(crate) mod pages;
pub(crate) mod process;
pub(crate) mod stack;
#[cfg(feature = "std")]
pub(crate) mod threads;
#[cfg(feature = "wasi")]
pub(crate) mod watch;

/// An error of the system in words alone: its number says nothing to people.
#[cfg(feature = "std")]
pub(crate) fn words(error: impl core::fmt::Display) -> String {
    const NUMBER: &str = " (os error ";
    let mut text = alloc::format!("{error}");
    while let Some(start) = text.find(NUMBER) {
        let Some(len) = text[start..].find(')') else { break };
        text.replace_range(start..=start + len, "");
    }
    text
}

/// A copy of bytes whose number a guest has chosen: OUT_OF_RESOURCES, and not the end of the process, when there is no
/// memory for it.
pub(crate) fn copy(bytes: &[u8]) -> crate::Result<Vec<u8>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len())
        .map_err(|_| crate::Error::OutOfResources(alloc::format!("no memory for {} bytes", bytes.len())))?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

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
