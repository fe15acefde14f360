//! Being told of writes to memory that is only open for reading: a handler of SIGSEGV in front of the others.
//!
//! The handler looks an address up in a table of 256 MiB pieces of the address space, and lets the watcher of that piece
//! decide. Whatever is nobody's goes on to the handler that was there before.

use super::mapping::Mapping;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Watched mappings begin at a multiple of this, and no two share a piece of this size.
pub(crate) const PIECE: usize = 1 << 28;
const PIECES: usize = 1 << (47 - 28);

/// Decides about a write to a watched mapping.
pub(crate) struct Watcher {
    /// Opens the page of this address, if that is what it takes: true when the write can be tried again. Called in a
    /// signal handler: it may make system calls and use atomics, and nothing else.
    pub opens: unsafe fn(watched: *const (), address: usize) -> bool,
    /// What `opens` is called with.
    pub watched: *const (),
}

static WATCHERS: [AtomicPtr<Watcher>; PIECES] = [const { AtomicPtr::new(core::ptr::null_mut()) }; PIECES];

/// A mapping whose writes are told; dropping ends it.
pub(crate) struct Watch {
    pieces: core::ops::Range<usize>,
    watcher: *mut Watcher,
}

// SAFETY: the watcher is only used by the handler, in whatever thread writes to the mapping.
unsafe impl Send for Watch {}
// SAFETY: as above.
unsafe impl Sync for Watch {}

impl Watch {
    /// Tells of writes to a mapping that was reserved with `PIECE` as its alignment. Nothing where the address space is larger
    /// than the table.
    ///
    /// # Safety
    /// Until the watch is dropped, `watcher.opens` may be called with `watcher.watched` and addresses in the mapping.
    pub unsafe fn new(mapping: &Mapping, watcher: Watcher) -> Option<Watch> {
        let first = mapping.base() as usize / PIECE;
        let pieces = first..(mapping.base() as usize + mapping.len()).div_ceil(PIECE);
        if pieces.end > PIECES {
            return None;
        }
        let watcher = Box::into_raw(Box::new(watcher));
        for piece in pieces.clone() {
            WATCHERS[piece].store(watcher, Ordering::Release);
        }
        Some(Watch { pieces, watcher })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for piece in self.pieces.clone() {
            WATCHERS[piece].store(core::ptr::null_mut(), Ordering::Release);
        }
        // SAFETY: made by `new`; nobody writes to a mapping that is not used any more, so no handler has it.
        drop(unsafe { Box::from_raw(self.watcher) });
    }
}

/// The handler that was there before ours.
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

/// Puts our handler in front, once. An engine's own handlers must stand before.
pub(crate) fn install() {
    PREVIOUS.get_or_init(|| {
        let previous = current();
        // SAFETY: all of it is plain data, for which zero is valid.
        let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
        // On the thread's alternate stack, if it has one: the fault may be on a guest's stack that is nearly used up. Not
        // deferred: what we pass on may end in a jump out of the handler, or in another fault.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        action.sa_sigaction = on_fault as *const () as usize;
        // SAFETY: the handler is one for SA_SIGINFO. It may run from now on, and waits for nothing but `PREVIOUS`, which
        // it only reads.
        unsafe { libc::sigaction(libc::SIGSEGV, &raw const action, core::ptr::null_mut()) };
        previous
    });
}

/// Whether a write in this thread would reach our handler first.
pub(crate) fn are_ours() -> bool {
    if current().sa_sigaction != on_fault as *const () as usize {
        return false;
    }
    // SAFETY: all of it is plain data, for which zero is valid.
    let mut blocked: libc::sigset_t = unsafe { core::mem::zeroed() };
    // SAFETY: only reads the mask of this thread.
    unsafe {
        libc::pthread_sigmask(libc::SIG_BLOCK, core::ptr::null(), &raw mut blocked) == 0
            && libc::sigismember(&raw const blocked, libc::SIGSEGV) == 0
    }
}

fn current() -> libc::sigaction {
    // SAFETY: plain data, for which zero is valid; the call only reads the handler in force.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        libc::sigaction(libc::SIGSEGV, core::ptr::null(), &raw mut action);
        action
    }
}

unsafe extern "C" fn on_fault(signal: i32, info: *mut libc::siginfo_t, context: *mut core::ffi::c_void) {
    // SAFETY: the kernel gives a handler with SA_SIGINFO both; `si_addr` is set for this signal.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    // Sent by a program (code <= 0), it says nothing about memory.
    if code > 0 && opens(address) {
        return;
    }
    // SAFETY: the arguments are passed on as they came.
    unsafe { pass_on(signal, info, context) }
}

fn opens(address: usize) -> bool {
    let Some(watcher) = WATCHERS.get(address / PIECE) else { return false };
    let watcher = watcher.load(Ordering::Acquire);
    // SAFETY: a watcher stays as long as its mapping is used, and this thread is using it right now.
    !watcher.is_null() && unsafe { ((*watcher).opens)((*watcher).watched, address) }
}

/// # Safety
/// In a signal handler, with its arguments.
unsafe fn pass_on(signal: i32, info: *mut libc::siginfo_t, context: *mut core::ffi::c_void) {
    type WithInfo = unsafe extern "C" fn(i32, *mut libc::siginfo_t, *mut core::ffi::c_void);
    type Plain = unsafe extern "C" fn(i32);
    // Not yet there only while `install` runs: then the instruction is tried again, and again comes here.
    let Some(previous) = PREVIOUS.get() else { return };
    // SAFETY: as the caller says.
    let sent_by_a_program = unsafe { (*info).si_code } <= 0;
    match previous.sa_sigaction {
        libc::SIG_IGN if sent_by_a_program => {}
        // As the system would have it: the instruction runs again, and ends the process.
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: plain data, for which zero is valid: the default.
            unsafe {
                let default: libc::sigaction = core::mem::zeroed();
                libc::sigaction(signal, &raw const default, core::ptr::null_mut());
            }
        }
        // SAFETY: the handler was installed as one that takes these arguments.
        handler if previous.sa_flags & libc::SA_SIGINFO != 0 => unsafe {
            core::mem::transmute::<usize, WithInfo>(handler)(signal, info, context);
        },
        // SAFETY: likewise.
        handler => unsafe { core::mem::transmute::<usize, Plain>(handler)(signal) },
    }
}
