//! The host's code that a guest calls on its own stack: wasmer's builtins, and the way to host functions.
//!
//! A fault there must not become a trap of the guest's: that is a jump out of the middle of it, with its locks held and its memory
//! not freed. So such code is never short of stack: each function is entered by way of a few instructions that touch the stack
//! below, as far as the function may need it. Where that meets the guard page it is the guest's stack overflow, before anything has
//! begun. And a fault anywhere else but there and in the guest's own code is the host's.

use crate::Result;
use crate::sys::once::Once;
use crate::sys::pages::Pages;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;
use wasmer_compiler::LIBCALLS_ELF;
use wasmer_types::{LibCall, VMBuiltinFunctionIndex, VMOffsets};
use wasmer_vm::{TrapHandlerFn, VMInstance, libcalls};

/// Stack that guests get besides their own, for builtins: what collects a trap's frames needs most, some 10 KiB.
pub(super) const BUILTINS: usize = 32 << 10;
/// What it takes to leave a guest's stack. Host functions are called often, and need no more.
const LEAVING: usize = 8 << 10;
/// No guard page is smaller.
const STEP: usize = 4 << 10;

/// Ways into functions that touch the stack first.
struct Guarded {
    code: Pages,
    /// The functions, and where the ways into them are.
    ways: Vec<(usize, usize)>,
}

impl Guarded {
    fn new(functions: impl IntoIterator<Item = usize>, bytes: usize) -> Result<Guarded> {
        let mut code = Vec::new();
        let places: Vec<(usize, usize)> =
            functions.into_iter().map(|function| (function, way(&mut code, function, bytes))).collect();
        let mut pages = Pages::copy_of(&code)?;
        pages.seal(0..code.len())?;
        let base = pages.as_ptr() as usize;
        Ok(Guarded { ways: places.into_iter().map(|(function, place)| (function, base + place)).collect(), code: pages })
    }

    fn way_into(&self, function: usize) -> Option<usize> {
        self.ways.iter().find(|(known, _)| *known == function).map(|&(_, way)| way)
    }

    fn contains(&self, pc: usize) -> bool {
        self.code.as_ptr_range().contains(&(pc as *const u8))
    }
}

/// Writes a way into a function; where it begins. It changes no register that a call keeps or passes anything in.
#[cfg(target_arch = "x86_64")]
fn way(code: &mut Vec<u8>, function: usize, bytes: usize) -> usize {
    code.resize(code.len().next_multiple_of(16), 0xcc);
    let start = code.len();
    for step in 1..=bytes / STEP {
        code.extend([0x48, 0x85, 0x84, 0x24]); // test [rsp - step], rax
        code.extend((-((step * STEP) as i32)).to_le_bytes());
    }
    code.extend([0xff, 0x25, 0, 0, 0, 0]); // jmp [rip]
    code.extend(function.to_le_bytes());
    start
}

/// As above.
#[cfg(target_arch = "aarch64")]
fn way(code: &mut Vec<u8>, function: usize, bytes: usize) -> usize {
    code.resize(code.len().next_multiple_of(16), 0);
    let start = code.len();
    for step in 1..=bytes / STEP {
        code.extend((0xd140_03f0 | (step as u32) << 10).to_le_bytes()); // sub x16, sp, #step, lsl #12
        code.extend(0xf940_021f_u32.to_le_bytes()); // ldr xzr, [x16]
    }
    code.extend(0x5800_0050_u32.to_le_bytes()); // ldr x16, #8
    code.extend(0xd61f_0200_u32.to_le_bytes()); // br x16
    code.extend(function.to_le_bytes());
    start
}

/// Those that linked code calls by name.
static LIBCALLS: Once<Guarded> = Once::new();
/// Those that an instance has the addresses of.
static TABLE: Once<Guarded> = Once::new();
/// The one to host functions.
static HOST: Once<Guarded> = Once::new();

fn get(guarded: &'static Once<Guarded>, make: impl FnOnce() -> Result<Guarded>) -> Result<&'static Guarded> {
    match guarded.get() {
        Some(guarded) => Ok(guarded),
        None => make().map(|made| guarded.fill(made).0),
    }
}

/// The address to call for a builtin that linked code knows by this name; nothing when there is none.
pub(super) fn libcall(name: &str) -> Result<Option<usize>> {
    let Some(&libcall) = LIBCALLS_ELF.get(name) else { return Ok(None) };
    let address = libcalls::function_pointer(libcall);
    // The unwinder's, which no guest calls.
    if libcall == LibCall::EHPersonality {
        return Ok(Some(address));
    }
    let all = || LIBCALLS_ELF.values().map(|&libcall| libcalls::function_pointer(libcall));
    Ok(get(&LIBCALLS, || Guarded::new(all(), BUILTINS))?.way_into(address))
}

/// The address to call for what takes guests to host functions.
pub(super) fn host(enter: usize) -> Result<usize> {
    let guarded = get(&HOST, || Guarded::new([enter], LEAVING))?;
    Ok(guarded.way_into(enter).expect("there is one such function"))
}

/// Puts the ways into an instance in place of the builtins.
///
/// # Safety
/// The instance was just made, with these offsets, and runs no code yet.
pub(super) unsafe fn put_into(instance: &VMInstance, offsets: &VMOffsets) -> Result<()> {
    const LEN: usize = VMBuiltinFunctionIndex::builtin_functions_total_number() as usize;
    let place = offsets.vmctx_builtin_functions_begin() as usize;
    // SAFETY: that is where an instance keeps so many addresses, which it was made with, and nobody looks at them now.
    let addresses = unsafe { &mut *instance.vmctx_ptr().byte_add(place).cast::<[usize; LEN]>() };
    let guarded = get(&TABLE, || Guarded::new(addresses.iter().copied(), BUILTINS))?;
    // All instances are made with the same.
    for (address, &(_, way)) in addresses.iter_mut().zip(&guarded.ways) {
        *address = way;
    }
    Ok(())
}

/// Decides about faults while a guest runs whose code lies there: those of its own and of the ways are wasmer's to handle, which
/// makes traps of them, and all others are the host's, also on the guest's stack.
#[cfg(snapshots)]
pub(super) fn faults(code: Range<usize>) -> Box<TrapHandlerFn<'static>> {
    use crate::sys::faults;
    Box::new(move |signal, info, context| {
        // SAFETY: wasmer hands on what its handler of signals was given.
        let pc = unsafe { faults::program_counter(context) };
        let known = [&LIBCALLS, &TABLE, &HOST];
        if code.contains(&pc) || known.into_iter().filter_map(Once::get).any(|guarded| guarded.contains(pc)) {
            return false;
        }
        // SAFETY: as above.
        unsafe { faults::on_hosts_fault(signal, info.cast_mut(), context.cast_mut()) };
        true
    })
}

/// Elsewhere nobody knows what a fault of the host's is to come to, and wasmer takes it for the guest's.
#[cfg(not(snapshots))]
pub(super) fn faults(_: Range<usize>) -> Box<TrapHandlerFn<'static>> {
    Box::new(|_, _, _| false)
}

#[cfg(test)]
mod tests {
    use super::*;

    extern "C" fn sum(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, x: f64) -> u64 {
        a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + x as u64
    }

    #[test]
    fn a_way_passes_everything_on() {
        let guarded = Guarded::new([sum as *const () as usize], BUILTINS).unwrap();
        let way = guarded.way_into(sum as *const () as usize).unwrap();
        assert!(guarded.contains(way));
        // SAFETY: it leads to a function of this type.
        let way = unsafe { core::mem::transmute::<usize, extern "C" fn(u64, u64, u64, u64, u64, u64, f64) -> u64>(way) };
        assert_eq!(way(1, 2, 3, 4, 5, 6, 7.0), 98);
    }

    #[test]
    fn every_builtin_has_one() {
        for name in LIBCALLS_ELF.keys() {
            assert!(libcall(name).unwrap().is_some(), "{name}");
        }
        assert!(libcall("printf").unwrap().is_none());
    }

    /// Each of these in a process of its own, which it ends.
    #[cfg(snapshots)]
    #[test]
    fn a_fault_of_the_hosts_on_a_guests_stack_is_no_trap() {
        use std::os::unix::process::ExitStatusExt;
        const NAME: &str = "engine::wasmer::guards::tests::a_fault_of_the_hosts_on_a_guests_stack_is_no_trap";
        const WHICH: &str = "HOSTEL_TEST_FAULT";
        if let Some(which) = std::env::var_os(WHICH) {
            let all_of_it = which == "guest";
            caught(if all_of_it { 0..usize::MAX } else { 0..0 }, which == "instruction").unwrap_err();
            std::process::exit(7);
        }
        for (which, code, signal) in
            [("guest", Some(7), None), ("memory", None, Some(libc::SIGSEGV)), ("instruction", None, Some(libc::SIGILL))]
        {
            let mut program = std::process::Command::new(std::env::current_exe().unwrap());
            let status = program.args(["--exact", NAME]).env(WHICH, which).output().unwrap().status;
            assert_eq!((status.code(), status.signal()), (code, signal), "{which}");
        }
    }

    /// What comes of a fault where only this is the guest's code.
    #[cfg(snapshots)]
    fn caught(code: Range<usize>, illegal: bool) -> core::result::Result<u8, wasmer_vm::Trap> {
        crate::engine::install_handlers();
        let faults = faults(code);
        let config = wasmer_vm::VMConfig { wasm_stack_size: Some(1 << 20) };
        let fault = move || {
            if illegal {
                // SAFETY: as below.
                #[cfg(target_arch = "x86_64")]
                unsafe {
                    core::arch::asm!("ud2");
                }
                // SAFETY: as below.
                #[cfg(target_arch = "aarch64")]
                unsafe {
                    core::arch::asm!("udf #0");
                }
            }
            // SAFETY: it is not: that is the fault.
            unsafe { core::ptr::without_provenance::<u8>(64).read_volatile() }
        };
        // SAFETY: the closure has nothing to be dropped.
        unsafe { wasmer_vm::catch_traps(Some(&raw const *faults), &config, fault) }
    }
}
