//! Faults: whose they are. Handlers of ours stand in front of the engines' and behind them, for each signal that engines make
//! traps of.
//!
//! The one in front is told of writes to memory that is only open for reading: it looks an address up in a table of 256 MiB pieces
//! of the address space, and lets the watcher of that piece decide. Whatever is nobody's goes on to the engines' handlers, and from
//! there to the host's.

use super::mapping::Mapping;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Once, OnceLock};

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

/// What engines make traps of.
const SIGNALS: [i32; 3] = [libc::SIGSEGV, libc::SIGILL, libc::SIGFPE];

/// The handlers of one signal.
struct Handlers {
    /// The engines', behind ours: each passes on to the one behind it what is not its own.
    engine: OnceLock<libc::sigaction>,
    /// The host's, behind the engines'.
    host: OnceLock<libc::sigaction>,
    /// The host's was to be called once, and was.
    host_spent: AtomicBool,
}

static HANDLERS: [Handlers; SIGNALS.len()] =
    [const { Handlers { engine: OnceLock::new(), host: OnceLock::new(), host_spent: AtomicBool::new(false) } }; SIGNALS.len()];

fn handlers(signal: i32) -> Option<&'static Handlers> {
    let index = SIGNALS.iter().position(|&known| known == signal)?;
    Some(&HANDLERS[index])
}

/// Puts our handlers in front, once. `engines` installs those of all engines that the build has: one that installed its own later
/// would stand in front of ours.
///
/// There is one of ours behind theirs too: engines do not call a host's handler just as the system would, above all
/// when it has none, or one that is called once.
pub(crate) fn install(engines: impl FnOnce()) {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        super::fork::generation(); // counts from now on
        for (handlers, signal) in HANDLERS.iter().zip(SIGNALS) {
            let _ = handlers.host.set(replace(signal, on_hosts_fault));
        }
        engines();
        for (handlers, signal) in HANDLERS.iter().zip(SIGNALS) {
            let _ = handlers.engine.set(replace(signal, on_fault));
        }
    });
}

type Handler = unsafe extern "C" fn(i32, *mut libc::siginfo_t, *mut core::ffi::c_void);

/// Puts a handler in front; what was there.
fn replace(signal: i32, handler: Handler) -> libc::sigaction {
    // SAFETY: all of it is plain data, for which zero is valid.
    let (mut action, mut previous): (libc::sigaction, libc::sigaction) = unsafe { core::mem::zeroed() };
    // On the thread's alternate stack, if it has one: the fault may be on a guest's stack that is nearly used up. Not
    // deferred: what we pass on may end in a jump out of the handler, or in another fault.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
    action.sa_sigaction = handler as *const () as usize;
    // SAFETY: the handler is one for SA_SIGINFO. It may run from now on, and waits for nothing.
    unsafe { libc::sigaction(signal, &raw const action, &raw mut previous) };
    previous
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
    // SAFETY: the kernel gives a handler with SA_SIGINFO both; `si_addr` is set for these signals.
    let (sent, address) = unsafe { (is_sent(info), (*info).si_addr() as usize) };
    // Sent by a program it says nothing about memory, and is not the guest's doing.
    if sent {
        // SAFETY: the arguments are passed on as they came.
        unsafe { on_hosts_fault(signal, info, context) }
    } else if !(signal == libc::SIGSEGV && opens(address))
        && let Some(engine) = handlers(signal).and_then(|handlers| handlers.engine.get())
    {
        // SAFETY: likewise. (When there is none yet the instruction is tried again, and comes here again.)
        unsafe { call(engine, signal, info, context) }
    }
}

/// # Safety
/// `info` is what a handler was given.
unsafe fn is_sent(info: *const libc::siginfo_t) -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*info).si_code <= 0 }
}

fn opens(address: usize) -> bool {
    let Some(watcher) = WATCHERS.get(address / PIECE) else { return false };
    let watcher = watcher.load(Ordering::Acquire);
    // SAFETY: a watcher stays as long as its mapping is used, and this thread is using it right now.
    !watcher.is_null() && unsafe { ((*watcher).opens)((*watcher).watched, address) }
}

/// Does what the system would do if only the host's handler were there.
///
/// # Safety
/// In a handler of one of these signals, with its arguments.
pub(crate) unsafe extern "C" fn on_hosts_fault(signal: i32, info: *mut libc::siginfo_t, context: *mut core::ffi::c_void) {
    let Some((handlers, host)) = handlers(signal).and_then(|handlers| Some((handlers, handlers.host.get()?))) else { return };
    // SAFETY: the kernel gives a handler with SA_SIGINFO its information.
    let sent = unsafe { is_sent(info) };
    let once = host.sa_flags & libc::SA_RESETHAND != 0;
    match host.sa_sigaction {
        libc::SIG_IGN if sent => {}
        libc::SIG_DFL | libc::SIG_IGN => end(signal, sent),
        _ if once && handlers.host_spent.swap(true, Ordering::Relaxed) => end(signal, sent),
        _ => {
            // SAFETY: plain data, and the mask of this thread; the arguments are passed on as they came. A handler that
            // jumps away leaves the mask as it would without us.
            unsafe {
                let (mut mask, mut before) = (host.sa_mask, core::mem::zeroed());
                if host.sa_flags & libc::SA_NODEFER == 0 {
                    libc::sigaddset(&raw mut mask, signal);
                }
                libc::pthread_sigmask(libc::SIG_BLOCK, &raw const mask, &raw mut before);
                call(host, signal, info, context);
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, core::ptr::null_mut());
            }
        }
    }
}

/// Where the instruction lies that a signal has interrupted.
///
/// # Safety
/// `context` is what a handler was given.
#[cfg(feature = "wasmer")]
pub(crate) unsafe fn program_counter(context: *const core::ffi::c_void) -> usize {
    // SAFETY: the caller's promise.
    let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext };
    #[cfg(target_arch = "x86_64")]
    let pc = registers.gregs[libc::REG_RIP as usize];
    #[cfg(target_arch = "aarch64")]
    let pc = registers.pc;
    pc as usize
}

/// Lets the signal end the process: one that was sent is sent again, else the instruction is tried again.
fn end(signal: i32, sent: bool) {
    // SAFETY: plain data, for which zero is valid: the default. Both calls are allowed in a handler.
    unsafe {
        let default: libc::sigaction = core::mem::zeroed();
        libc::sigaction(signal, &raw const default, core::ptr::null_mut());
        if sent {
            libc::raise(signal);
        }
    }
}

/// # Safety
/// In a signal handler, with its arguments; `action` has a handler.
unsafe fn call(action: &libc::sigaction, signal: i32, info: *mut libc::siginfo_t, context: *mut core::ffi::c_void) {
    // SAFETY: the handler was installed as one that takes these arguments.
    unsafe {
        if action.sa_flags & libc::SA_SIGINFO != 0 {
            core::mem::transmute::<usize, Handler>(action.sa_sigaction)(signal, info, context);
        } else {
            core::mem::transmute::<usize, unsafe extern "C" fn(i32)>(action.sa_sigaction)(signal);
        }
    }
}
