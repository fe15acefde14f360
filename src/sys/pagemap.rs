//! Which pages of a private mapping the process has copies of its own of (Linux 6.7 and newer: `PAGEMAP_SCAN`, see the
//! kernel's Documentation/admin-guide/mm/pagemap.rst).

use super::fork;
use std::fs::File;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// `struct pm_scan_arg` of the kernel's interface.
#[repr(C)]
#[derive(Default)]
struct ScanArguments {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    regions: u64,
    regions_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// `struct page_region` of the kernel's interface.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

const PAGEMAP_SCAN: u64 = 0xc060_6610; // _IOWR('f', 16, struct pm_scan_arg)
const IS_FILE: u64 = 1 << 2;
const IS_PRESENT: u64 = 1 << 3;
const IS_SWAPPED: u64 = 1 << 4;
const IS_ZERO: u64 = 1 << 5;

// The file shows the pages of the process that opened it: a forked child needs one of its own, and it must not wait for a
// lock that another thread of its parent held. So: the generation and the descriptor in one word.
static PAGEMAP: AtomicU64 = AtomicU64::new(NOT_OPEN);
const NOT_OPEN: u64 = u64::MAX;

/// Hands `visit` every part of `start..end` that has pages of its own; false when the system cannot tell.
pub(crate) fn private_pages(start: usize, end: usize, mut visit: impl FnMut(usize, usize)) -> bool {
    let Some(fd) = pagemap() else { return false };
    let mut regions = [Region::default(); 64];
    let mut at = start as u64;
    while at < end as u64 {
        let mut arguments = ScanArguments {
            size: size_of::<ScanArguments>() as u64,
            start: at,
            end: end as u64,
            regions: regions.as_mut_ptr() as u64,
            regions_len: regions.len() as u64,
            // Neither the file's page nor the page of zeros, but there, in memory or swapped out.
            category_inverted: IS_FILE | IS_ZERO,
            category_mask: IS_FILE | IS_ZERO,
            category_anyof_mask: IS_PRESENT | IS_SWAPPED,
            return_mask: IS_PRESENT | IS_SWAPPED,
            ..ScanArguments::default()
        };
        // SAFETY: the arguments are as the kernel's interface has them, and `regions` has room for as many as they say.
        let found = unsafe { libc::ioctl(fd, PAGEMAP_SCAN as _, &raw mut arguments) };
        let Ok(found) = usize::try_from(found) else { return false };
        for region in &regions[..found.min(regions.len())] {
            visit(region.start as usize, region.end as usize);
        }
        if arguments.walk_end <= at {
            return false;
        }
        at = arguments.walk_end;
    }
    true
}

fn pagemap() -> Option<i32> {
    let generation = fork::generation() as u32;
    let known = PAGEMAP.load(Ordering::Acquire);
    if known != NOT_OPEN && (known >> 32) as u32 == generation {
        return Some(known as i32);
    }
    let file = File::open("/proc/self/pagemap").ok()?;
    let ours = u64::from(generation) << 32 | file.as_raw_fd() as u64;
    match PAGEMAP.compare_exchange(known, ours, Ordering::AcqRel, Ordering::Acquire) {
        // What a child has of its parent's stays open: it is one descriptor a generation.
        Ok(_) => Some(file.into_raw_fd()),
        Err(theirs) => Some(theirs as i32),
    }
}
