//! The end of the process.
//!
//! LLVM has data that it takes down when the process ends in order, in whatever order it came to be, while other threads may
//! still compile. Nobody gains by it: with the feature `llvm` the linker sends what its code registers for that moment here
//! (build.rs, cmake/localise.sh), where it is forgotten.

/// Has something called when the process ends in order, before what was to be called then already: data of the libraries that
/// were there first is still there.
pub(crate) fn before(end: extern "C" fn()) {
    #[cfg(all(feature = "llvm", target_os = "linux"))]
    if register(end) {
        return;
    }
    // SAFETY: the function is there as long as the process, because the library is never unloaded (build.rs). It fails only
    // when there is no memory.
    #[cfg(unix)]
    let _ = unsafe { libc::atexit(end) };
    #[cfg(not(unix))]
    let _ = end;
}

/// Goes by the name that the linker does not know, past what forgets.
#[cfg(all(feature = "llvm", target_os = "linux"))]
fn register(end: extern "C" fn()) -> bool {
    use core::ffi::{c_int, c_void};
    type Register = unsafe extern "C" fn(extern "C" fn(*mut c_void), *mut c_void, *mut c_void) -> c_int;
    extern "C" fn call(end: *mut c_void) {
        // SAFETY: it is the function that was given with it.
        unsafe { core::mem::transmute::<*mut c_void, extern "C" fn()>(end)() }
    }
    // SAFETY: the system's function of this name has this type; it is there as long as the process, as `end` is.
    unsafe {
        let found = libc::dlsym(libc::RTLD_DEFAULT, c"__cxa_atexit".as_ptr());
        if found.is_null() {
            return false;
        }
        let register = core::mem::transmute::<*mut c_void, Register>(found);
        register(call, end as *mut c_void, core::ptr::null_mut()) == 0
    }
}

// In place of the system's: registers nothing, and says that it has.
#[cfg(all(feature = "llvm", target_os = "linux", target_arch = "x86_64"))]
core::arch::global_asm!(
    ".globl __wrap___cxa_atexit",
    ".hidden __wrap___cxa_atexit",
    ".type __wrap___cxa_atexit, @function",
    "__wrap___cxa_atexit:",
    "xor eax, eax",
    "ret",
    ".size __wrap___cxa_atexit, . - __wrap___cxa_atexit",
);
#[cfg(all(feature = "llvm", target_os = "linux", target_arch = "aarch64"))]
core::arch::global_asm!(
    ".globl __wrap___cxa_atexit",
    ".hidden __wrap___cxa_atexit",
    ".type __wrap___cxa_atexit, %function",
    "__wrap___cxa_atexit:",
    "mov w0, #0",
    "ret",
    ".size __wrap___cxa_atexit, . - __wrap___cxa_atexit",
);
