//! A guest's rooms between calls.
//!
//! As many rooms as twice the processors are kept idle, each in a place of its own that mostly one thread uses: taking a
//! room and giving it back are two locks that nobody else wants. Nothing is locked while a guest runs.

use super::registry;
pub use super::registry::Totals;
use super::{Room, Spare};
#[cfg(snapshots)]
use super::{check_memory, memory_max};
use crate::bounds::Bounds;
use crate::call::{self, Options};
use crate::guest::Guest;
use crate::sys::nesting;
use crate::sys::process::{self, OfProcess};
use crate::{Error, Result};
use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// What a host may say about a guest's rooms.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many calls a room serves before it is as new again.
    pub calls: u32,
    /// How many rooms there may be in use at once.
    pub rooms_max: Option<u32>,
    /// How long a call waits for one.
    pub wait: Duration,
    /// Whether writes may be tracked by faults.
    pub tracked: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { calls: 1, rooms_max: None, wait: Duration::ZERO, tracked: true }
    }
}

/// What a pool has counted.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "the names say it; the C header documents each")]
pub struct Stats {
    pub live: u64,
    pub idle: u64,
    pub made: u64,
    pub resets: u64,
    pub pages: u64,
    pub faults: u64,
    pub discards: u64,
    pub evictions: u64,
    pub calls: u64,
}

/// The rooms of one guest.
pub struct Pool {
    number: u64,
    settings: Settings,
    places: Box<[Place]>,
    #[cfg(snapshots)]
    model: OfProcess<Mutex<Model>>,
    in_use: Arc<OfProcess<InUse>>,
    live: AtomicU64,
    made: AtomicU64,
    discards: AtomicU64,
    evictions: AtomicU64,
    /// Calls after which the room was not kept; places count the others.
    last_calls: AtomicU64,
    /// Nobody will need its rooms any more.
    retired: AtomicBool,
    totals: Arc<Totals>,
}

/// The rooms that count against the bound. In a forked child, the calls of its parent's threads would never end.
#[derive(Default)]
struct InUse {
    rooms: Mutex<u32>,
    freed: Condvar,
}

impl InUse {
    fn rooms(&self) -> MutexGuard<'_, u32> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a room waits; on cache lines of its own, because another thread's is next to it.
#[repr(align(128))]
#[derive(Default)]
struct Place(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    room: Option<Box<Room>>,
    /// For the next room, where rooms cannot be put back.
    spare: Spare,
    /// When it came here, in rooms that were made since.
    since: u64,
    calls: u64,
    resets: u64,
    pages: u64,
    faults: u64,
}

impl Waiting {
    #[cfg(snapshots)]
    fn is_empty(&self) -> bool {
        self.room.is_none() && self.spare.is_empty()
    }

    #[cfg(not(snapshots))]
    fn is_empty(&self) -> bool {
        self.room.is_none()
    }
}

/// How rooms are made. A forked child finds out anew: its parent may give up what its rooms are like.
#[cfg_attr(not(snapshots), allow(dead_code, reason = "then always from the beginning"))]
#[derive(Clone, Default)]
enum Model {
    /// The first has not been made yet.
    #[default]
    Unknown,
    /// Like the first, once it had started.
    #[cfg(snapshots)]
    Like(Arc<super::snapshot::Snapshot>),
    /// From the beginning each time.
    New,
}

/// A room for one call; dropping it ends the call.
pub struct Lease<'a> {
    pool: &'a Pool,
    room: Option<Box<Room>>,
    /// Whether it counts against the bound.
    bounded: bool,
}

impl Pool {
    /// No rooms yet.
    pub fn new(settings: Settings, totals: &Arc<Totals>) -> Arc<Pool> {
        Self::with(settings, Arc::default(), totals)
    }

    /// No rooms yet, of a guest that takes over from another: what holds for all rooms together holds for both pools.
    pub fn after(before: &Pool, totals: &Arc<Totals>) -> Arc<Pool> {
        Self::with(before.settings.clone(), before.in_use.clone(), totals)
    }

    fn with(settings: Settings, in_use: Arc<OfProcess<InUse>>, totals: &Arc<Totals>) -> Arc<Pool> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let pool = Arc::new(Pool {
            number: NEXT.fetch_add(1, Relaxed),
            settings,
            places: (0..places()).map(|_| Place::default()).collect(),
            #[cfg(snapshots)]
            model: OfProcess::default(),
            in_use,
            live: AtomicU64::new(0),
            made: AtomicU64::new(0),
            discards: AtomicU64::new(0),
            evictions: AtomicU64::new(0),
            last_calls: AtomicU64::new(0),
            retired: AtomicBool::new(false),
            totals: totals.clone(),
        });
        registry::add(pool.number, &pool);
        pool
    }

    /// A room for one call, as new unless the host has said otherwise.
    pub fn take<'a>(&'a self, guest: &Arc<Guest>, options: &Options, bounds: &Bounds) -> Result<Lease<'a>> {
        let mut lease = Lease { pool: self, room: None, bounded: self.wait(bounds)? };
        let room = match self.take_idle() {
            Some(room) => room,
            None => self.make(guest, options, bounds)?,
        };
        lease.room.insert(room).check(guest, options)?;
        Ok(lease)
    }

    fn take_idle(&self) -> Option<Box<Room>> {
        let thread = thread_number();
        loop {
            let own = &self.places[thread % self.places.len()];
            let idle = own.take().or_else(|| self.places.iter().find_map(Place::take));
            let mut room = idle?;
            if room.can_run_in(thread) {
                return Some(room);
            }
            self.discard(room);
        }
    }

    /// A new room: like the first one, if that can be.
    #[cold]
    fn make(&self, guest: &Arc<Guest>, options: &Options, bounds: &Bounds) -> Result<Box<Room>> {
        loop {
            match self.try_make(guest, options, bounds) {
                // Idle rooms of any guest make way for one that is needed.
                Err(Error::OutOfResources(message)) => {
                    if registry::evict() == 0 {
                        return Err(Error::OutOfResources(message));
                    }
                }
                Err(error) => return Err(error),
                Ok(room) => {
                    registry::room_made();
                    self.made.fetch_add(1, Relaxed);
                    self.live.fetch_add(1, Relaxed);
                    return Ok(Box::new(room));
                }
            }
        }
    }

    #[cfg(snapshots)]
    fn try_make(&self, guest: &Arc<Guest>, options: &Options, bounds: &Bounds) -> Result<Room> {
        let model = self.model().clone();
        match model {
            Model::New => return Room::start_for_calls(guest, options, bounds, self.take_spare()),
            Model::Like(snapshot) => {
                check_memory(snapshot.memory_bytes(), memory_max(guest.limits(), options))?;
                return Room::make(guest, options, bounds, Arc::default(), Some(snapshot), Spare::default());
            }
            Model::Unknown => {}
        }
        let mut room = Room::start_for_calls(guest, options, bounds, Spare::default())?;
        let resettable = guest.module().info().not_resettable.is_empty();
        let snapshot = if resettable { room.snapshot() } else { None };
        *self.model() = snapshot.map_or(Model::New, |snapshot| {
            snapshot.set_tracked(self.settings.tracked);
            Model::Like(snapshot)
        });
        Ok(room)
    }

    #[cfg(snapshots)]
    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.get(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(not(snapshots))]
    fn try_make(&self, guest: &Arc<Guest>, options: &Options, bounds: &Bounds) -> Result<Room> {
        Room::start_for_calls(guest, options, bounds, Spare::default())
    }

    /// Keeps a room for the next call, if it can be used for one.
    fn give_back(&self, room: Box<Room>) {
        self.keep(room);
        if self.retired.load(Relaxed) {
            self.evict(u64::MAX);
        }
    }

    fn keep(&self, mut room: Box<Room>) {
        room.uses += 1;
        room.used = true;
        if room.spoilt {
            return self.discard_used(room);
        }
        let mut done = None;
        if room.dead || room.unwound || room.uses >= self.settings.calls {
            done = room.reset();
            if done.is_none() {
                return self.keep_spare(*room);
            }
            room.uses = 0;
        }
        let own = &self.places[thread_number() % self.places.len()];
        let mut left = own.put(room, done);
        for place in &self.places {
            let Some(room) = left else { return };
            left = place.put(room, done);
        }
        if let Some(room) = left {
            self.discard_used(room);
        }
    }

    #[cfg(snapshots)]
    fn take_spare(&self) -> Spare {
        let own = &self.places[thread_number() % self.places.len()];
        own.try_lock().map(|mut waiting| core::mem::take(&mut waiting.spare)).unwrap_or_default()
    }

    /// The end of a room that cannot be put back: only its memories are kept.
    fn keep_spare(&self, room: Room) {
        #[cfg(snapshots)]
        if matches!(*self.model(), Model::New)
            && let Some(spare) = room.into_spare()
            && let Some(mut waiting) = self.places[thread_number() % self.places.len()].try_lock()
        {
            waiting.spare = spare;
            waiting.since = registry::rooms_made();
        }
        #[cfg(not(snapshots))]
        drop(room);
        self.last_calls.fetch_add(1, Relaxed);
        self.count_discard();
    }

    /// The end of a room after a call.
    fn discard_used(&self, room: Box<Room>) {
        self.last_calls.fetch_add(1, Relaxed);
        self.discard(room);
    }

    fn discard(&self, room: Box<Room>) {
        drop(room);
        self.count_discard();
    }

    fn count_discard(&self) {
        self.discards.fetch_add(1, Relaxed);
        self.live.fetch_sub(1, Relaxed);
    }

    /// Waits until one more room may be in use, as long as the call may; whether it counts. A call from inside another one does
    /// not: the two would wait for each other.
    fn wait(&self, bounds: &Bounds) -> Result<bool> {
        let Some(max) = self.settings.rooms_max.filter(|_| !nesting::is_nested()) else { return Ok(false) };
        let in_use = self.in_use.get(InUse::default);
        let mut rooms = in_use.rooms();
        let begun = (*rooms >= max).then(Instant::now);
        while let Some(begun) = begun.filter(|_| *rooms >= max) {
            // Only who finds no room gives up: one that was freed for this call would else be nobody's.
            if let Some(reason) = bounds.ended() {
                return Err(call::stopped(reason, bounds, Vec::new()));
            }
            let left = self.settings.wait.saturating_sub(begun.elapsed());
            if left.is_zero() {
                let waited = self.settings.wait.as_millis();
                return Err(Error::Busy(format!("all {max} rooms of the guest are in use, also after {waited} ms")));
            }
            let left = bounds.look_again().map_or(left, |soon| soon.min(left));
            let waited = in_use.freed.wait_timeout(rooms, left);
            (rooms, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        *rooms += 1;
        Ok(true)
    }

    /// What it has counted.
    pub fn stats(&self) -> Stats {
        let get = |counter: &AtomicU64| counter.load(Relaxed);
        let mut stats = Stats {
            live: get(&self.live),
            made: get(&self.made),
            discards: get(&self.discards),
            evictions: get(&self.evictions),
            calls: get(&self.last_calls),
            ..Stats::default()
        };
        for place in &self.places {
            let Some(waiting) = process::lock(&place.0) else { continue };
            stats.idle += u64::from(waiting.room.is_some());
            stats.calls += waiting.calls;
            stats.resets += waiting.resets;
            stats.pages += waiting.pages;
            stats.faults += waiting.faults;
        }
        stats
    }

    /// Whether it counts for these totals.
    pub fn is_of(&self, totals: &Arc<Totals>) -> bool {
        Arc::ptr_eq(&self.totals, totals)
    }

    /// Since when its rooms have been idle.
    pub fn idle_since(&self) -> impl Iterator<Item = u64> {
        self.places.iter().filter_map(|place| {
            let waiting = place.try_lock()?;
            (!waiting.is_empty()).then_some(waiting.since)
        })
    }

    /// Gives up its rooms, and those that come back: the guest that has taken over has its own.
    pub fn retire(&self) {
        self.retired.store(true, Relaxed);
        self.evict(u64::MAX);
    }

    /// Gives up rooms, or their memories, that have been idle since then; how many.
    pub fn evict(&self, since: u64) -> usize {
        let old = |place: &Place| {
            let mut waiting = place.try_lock().filter(|waiting| waiting.since <= since && !waiting.is_empty())?;
            Some((waiting.room.take(), core::mem::take(&mut waiting.spare)))
        };
        let evicted: Vec<_> = self.places.iter().filter_map(old).collect();
        let rooms = evicted.iter().filter(|(room, _)| room.is_some()).count() as u64;
        self.evictions.fetch_add(rooms, Relaxed);
        self.live.fetch_sub(rooms, Relaxed);
        evicted.len()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        registry::remove(self.number);
        self.totals.add(&self.stats());
    }
}

impl Place {
    /// Nothing when another thread is here this moment.
    fn try_lock(&self) -> Option<MutexGuard<'_, Waiting>> {
        self.0.try_lock().ok()
    }

    fn take(&self) -> Option<Box<Room>> {
        self.try_lock()?.room.take()
    }

    /// Keeps a room, and counts what its reset has `done`; hands it back when there is one already.
    fn put(&self, room: Box<Room>, done: Option<(u64, u64)>) -> Option<Box<Room>> {
        let Some(mut waiting) = self.try_lock() else { return Some(room) };
        if waiting.room.is_some() {
            return Some(room);
        }
        waiting.room = Some(room);
        waiting.since = registry::rooms_made();
        waiting.calls += 1;
        if let Some((pages, faults)) = done {
            waiting.resets += 1;
            waiting.pages += pages;
            waiting.faults += faults;
        }
        None
    }
}

impl Deref for Lease<'_> {
    type Target = Room;

    fn deref(&self) -> &Room {
        self.room.as_ref().expect("a lease has its room until it is dropped")
    }
}

impl DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut Room {
        self.room.as_mut().expect("a lease has its room until it is dropped")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        match self.room.take() {
            Some(room) if std::thread::panicking() => self.pool.discard_used(room),
            Some(room) => self.pool.give_back(room),
            None => {}
        }
        if self.bounded {
            let in_use = self.pool.in_use.get(InUse::default);
            let mut rooms = in_use.rooms();
            *rooms = rooms.saturating_sub(1);
            drop(rooms);
            in_use.freed.notify_one();
        }
    }
}

fn places() -> usize {
    static PLACES: OnceLock<usize> = OnceLock::new();
    *PLACES.get_or_init(|| 2 * std::thread::available_parallelism().map_or(1, usize::from))
}

/// A small number for each thread.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    std::thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(0) };
    }
    if NUMBER.get() == 0 {
        NUMBER.set(NEXT.fetch_add(1, Relaxed));
    }
    NUMBER.get()
}
