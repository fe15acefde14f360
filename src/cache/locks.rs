//! Locks between processes: one file a key, so that of those who want the same module one compiles and the others wait.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a lock is waited for. Whoever holds one that long is stuck, or means it; then two compile.
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes the locks that it can, each once and always in the same order, so that chains of any order cannot wait for each
/// other. They go with the handles, also when a process is killed.
pub(super) fn take(mut paths: Vec<PathBuf>) -> Vec<File> {
    paths.sort();
    paths.dedup();
    let until = Instant::now() + PATIENCE;
    paths.iter().filter_map(|path| lock(crate::sys::files::open_lock(path).ok()?, until)).collect()
}

fn lock(file: File, until: Instant) -> Option<File> {
    let mut pause = Duration::from_millis(1);
    loop {
        match file.try_lock() {
            Ok(()) => return Some(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(pause),
            Err(_) => return None,
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}
