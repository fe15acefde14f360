//! Locks between processes: one file a key, so that of those who want the same module one compiles and the others wait.
//!
//! A lock's file goes with the lock. So whoever gets a lock looks whether the file still stands under its name, and only
//! who holds that one removes it: of two with the same name, nobody waits for the one that is gone.
//!
//! A lock is free when its process is gone; a forked child does not have it. As long as its process lives, the file is touched
//! once a second (see `heart`). One that was not touched for long is that of a process that was stopped, or of a machine that
//! is gone: who waits for it removes the file, and goes on with a new one. The others then wait for that.

use super::heart::{self, Beating};
use crate::error::shown_path;
use crate::knots::{self, Who};
use crate::log::{self, Level};
use crate::patience::Patience;
use crate::sys::fork::Unshared;
use crate::sys::inside::{self, Sharing};
use crate::sys::process::OfProcess;
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Who does not touch its lock for so long does not go on, and is not waited for any more.
pub(super) const STOPPED: Duration = Duration::from_secs(10);

/// Where a lock is, and who else may use it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub(super) path: PathBuf,
    pub(super) sharing: Sharing,
}

/// A lock, held until it is dropped, or its process is gone.
pub(super) struct Held {
    place: Place,
    beating: Beating,
}

/// Who holds locks in this process. Another cache may have the same directory.
fn holders() -> MutexGuard<'static, BTreeMap<PathBuf, Who>> {
    static HOLDERS: OfProcess<Mutex<BTreeMap<PathBuf, Who>>> = OfProcess::of_the_first(Mutex::new(BTreeMap::new()));
    HOLDERS.get(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.beating.is_ours() {
            holders().remove(&self.place.path);
            remove_if(&self.place.path, self.beating.file());
        }
    }
}

/// Removes the file under this name, if it still is this one; in turn, so that nobody puts another there meanwhile.
fn remove_if(path: &Path, file: &File) -> bool {
    let remove = || inside::leads_to(path, file).is_ok_and(|leads| leads && inside::remove(path).is_ok());
    inside::in_turn(path, remove).unwrap_or(false)
}

/// What who waits for a lock comes to.
pub(super) enum Taken<T> {
    /// The locks that could be had.
    Locks(Vec<Held>),
    /// What the others were to make is there.
    Found(T),
}

/// Takes the locks that it can, each once and always in the same order, so that chains of any order cannot wait for each
/// other. Looks for what is waited for meanwhile.
pub(super) fn take<T>(
    mut places: Vec<Place>,
    patience: &mut Patience,
    mut look: impl FnMut() -> crate::Result<Option<T>>,
) -> crate::Result<Taken<T>> {
    places.sort();
    places.dedup();
    let mut locks = Vec::with_capacity(places.len());
    for place in places {
        let mut waiting = Waiting::default();
        while try_take(&place, &mut waiting, &mut locks) {
            if let Some(found) = look()? {
                return Ok(Taken::Found(found));
            }
            let what = format_args!("another process's load of the same module, which has locked {}", shown_path(&place.path));
            let holder = holders().get(&place.path).copied();
            patience.wait(&what, holder, |time| std::thread::sleep(waiting.pause().min(time)))?;
        }
    }
    Ok(Taken::Locks(locks))
}

/// Takes a lock, or gives up on one that cannot be had. Whether another has it, and it is to be tried again.
fn try_take(place: &Place, waiting: &mut Waiting, locks: &mut Vec<Held>) -> bool {
    let Ok(file) = Unshared::open(|| inside::open_lock(&place.path, place.sharing)) else { return false };
    match try_lock(&place.path, &file) {
        Ok(true) => {
            holders().insert(place.path.clone(), knots::me());
            locks.push(Held { place: place.clone(), beating: heart::keep(Arc::new(file)) });
            return false;
        }
        Ok(false) => {}
        Err(_) => return false,
    }
    if !waiting.is_stopped(&file) {
        return true;
    }
    log::emit(Level::Warn, "hostel::cache", || {
        format!("directory: {} was not touched for {STOPPED:?}: whoever has it is not waited for", shown_path(&place.path))
    });
    *waiting = Waiting::default();
    remove_if(&place.path, &file) || !inside::leads_to(&place.path, &file).unwrap_or(false)
}

/// What who waits has seen of the file that it waits for.
struct Waiting {
    touched: Option<(inside::Identity, SystemTime)>,
    since: Instant,
    looked: Instant,
    pause: Duration,
}

impl Default for Waiting {
    fn default() -> Self {
        let now = Instant::now();
        Waiting { touched: None, since: now, looked: now, pause: Duration::from_millis(1) }
    }
}

impl Waiting {
    /// Whether nobody has touched the file for long. Only while it is looked at counts: who waits may have been stopped, too.
    fn is_stopped(&mut self, file: &File) -> bool {
        const GAP: Duration = Duration::from_secs(2);
        let now = Instant::now();
        let touched = inside::identity(file).and_then(|identity| Ok((identity, file.metadata()?.modified()?))).ok();
        if self.touched.is_none() || touched != self.touched || now - self.looked > GAP {
            (self.touched, self.since) = (touched, now);
        }
        self.looked = now;
        now - self.since >= STOPPED
    }

    fn pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(Duration::from_millis(20));
        pause
    }
}

/// Locks a file that stands under this name; false while another has it, or it is gone.
pub(super) fn try_lock(path: &Path, file: &File) -> Result<bool> {
    match file.try_lock() {
        Ok(()) => match inside::leads_to(path, file) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            stands => stands,
        },
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes a lock or a half-written file whose owner is gone: nobody holds it. How many bytes that frees.
pub(super) fn remove_abandoned(path: &Path) -> Result<Option<u64>> {
    if inside::status(path).is_ok_and(|status| !status.is_file) {
        return inside::remove(path).map(|()| Some(0)); // nobody can hold it
    }
    let mut len = 0;
    let opened = Unshared::open(|| {
        let (file, bytes) = inside::open(path)?;
        len = bytes;
        Ok(file)
    });
    let file = match opened {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    if !try_lock(path, &file)? {
        return Ok(None);
    }
    inside::remove(path).map(|()| Some(len)) // still locked
}
