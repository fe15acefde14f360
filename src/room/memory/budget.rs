//! What the rooms of a process may take together of what a process has only so much of: mappings and address space.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Half of what the kernel gives a process (`vm.max_map_count`, 65,530 unless changed), read once.
fn mappings_max() -> usize {
    static MAX: OnceLock<usize> = OnceLock::new();
    *MAX.get_or_init(|| {
        let file = std::fs::read_to_string("/proc/sys/vm/max_map_count");
        file.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(65_530) / 2
    })
}

/// Half of the 128 TiB that a process can address.
const ADDRESSES_MAX: usize = 1 << 46;

static MAPPINGS: AtomicUsize = AtomicUsize::new(0);
static ADDRESSES: AtomicUsize = AtomicUsize::new(0);

/// What one memory takes; given back when dropped.
#[derive(Debug)]
pub struct Claim {
    mappings: usize,
    addresses: usize,
}

impl Claim {
    /// Nothing when that would be more than there is for all rooms.
    pub fn new(mappings: usize, addresses: usize) -> Option<Claim> {
        mappings_max(); // read here, so that a signal handler does not
        if !claim(&MAPPINGS, mappings, mappings_max()) {
            return None;
        }
        if !claim(&ADDRESSES, addresses, ADDRESSES_MAX) {
            give_back_mappings(mappings);
            return None;
        }
        Some(Claim { mappings, addresses })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        give_back_mappings(self.mappings);
        ADDRESSES.fetch_sub(self.addresses, Relaxed);
    }
}

/// May a memory have so many more mappings? Safe in a signal handler once there is a [`Claim`].
pub fn try_claim_mappings(more: usize) -> bool {
    claim(&MAPPINGS, more, mappings_max())
}

/// They are not needed any more.
pub fn give_back_mappings(fewer: usize) {
    MAPPINGS.fetch_sub(fewer, Relaxed);
}

fn claim(taken: &AtomicUsize, more: usize, max: usize) -> bool {
    taken.try_update(Relaxed, Relaxed, |taken| taken.checked_add(more).filter(|&taken| taken <= max)).is_ok()
}
