//! The end of the process.

/// Has something called when the process ends in order, before what was to be called then already: data of the libraries that
/// were there first is still there.
pub(crate) fn before(end: extern "C" fn()) {
    // SAFETY: the function is there as long as the process, because the library is never unloaded (build.rs). It fails only
    // when there is no memory.
    #[cfg(unix)]
    let _ = unsafe { libc::atexit(end) };
    #[cfg(not(unix))]
    let _ = end;
}
