//! Locks between processes: one file a key, so that of those who want the same module one compiles and the others wait.
//!
//! A lock's file goes with the lock. So whoever gets a lock looks whether the file still stands under its name, and only
//! who holds that one removes it: of two with the same name, nobody waits for the one that is gone.

use crate::knots::{self, Who};
use crate::patience::Patience;
use crate::sys::files;
use crate::sys::process::OfProcess;
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// A lock, held until it is dropped, or its process is gone.
pub(super) struct Held {
    file: File,
    path: PathBuf,
}

/// Who holds locks in this process. Another cache may have the same directory.
fn holders() -> MutexGuard<'static, BTreeMap<PathBuf, Who>> {
    static HOLDERS: OfProcess<Mutex<BTreeMap<PathBuf, Who>>> = OfProcess::of_the_first(Mutex::new(BTreeMap::new()));
    HOLDERS.get(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Held {
    fn drop(&mut self) {
        holders().remove(&self.path);
        if files::leads_to(&self.path, &self.file).unwrap_or(false) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Takes the locks that it can, each once and always in the same order, so that chains of any order cannot wait for each
/// other.
pub(super) fn take(mut paths: Vec<PathBuf>, patience: &mut Patience) -> crate::Result<Vec<Held>> {
    paths.sort();
    paths.dedup();
    paths.into_iter().filter_map(|path| wait(path, patience).transpose()).collect()
}

fn wait(path: PathBuf, patience: &mut Patience) -> crate::Result<Option<Held>> {
    let mut pause = Duration::from_millis(1);
    loop {
        let Ok(file) = files::open_lock(&path) else { return Ok(None) };
        match try_lock(&path, &file) {
            Ok(true) => {
                holders().insert(path.clone(), knots::me());
                return Ok(Some(Held { file, path }));
            }
            Ok(false) => {
                let holder = holders().get(&path).copied();
                patience.wait(&"another process's load of the same module", holder, |time| thread::sleep(pause.min(time)))?;
            }
            Err(_) => return Ok(None),
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Locks a file that stands under this name; false while another has it, or it is gone.
pub(super) fn try_lock(path: &Path, file: &File) -> Result<bool> {
    match file.try_lock() {
        Ok(()) => match files::leads_to(path, file) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            stands => stands,
        },
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes a lock or a half-written file whose owner is gone: nobody holds it. How many bytes that frees.
pub(super) fn remove_abandoned(path: &Path) -> Result<Option<u64>> {
    let (file, len) = match files::open_regular(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    if !try_lock(path, &file)? {
        return Ok(None);
    }
    fs::remove_file(path).map(|()| Some(len)) // still locked
}
