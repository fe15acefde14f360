//! The pools of a process: what they have counted together, and whose idle rooms go when there is no place for another.

use super::pool::{Pool, Stats};
use crate::engine::Engine;
use crate::sys::process::{self, OfProcess};
use crate::tiers;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

type Pools = HashMap<u64, Weak<Pool>>;

static POOLS: OfProcess<Mutex<Option<Pools>>> = OfProcess::of_the_first(Mutex::new(None));

/// Of the rooms that are idle, so many go at once: the oldest.
const EVICTED_SHARE: usize = 8;

/// What the pools of an engine's guests have counted that are gone.
#[derive(Default)]
pub struct Totals(Mutex<Stats>);

impl Totals {
    /// Adds those of one more. Its rooms are gone with it.
    pub fn add(&self, stats: &Stats) {
        if let Some(mut totals) = process::lock(&self.0) {
            *totals = sum(*totals, Stats { live: 0, idle: 0, ..*stats });
        }
    }
}

/// What all guests of an engine have counted; for one of several tiers, of all of them together.
pub fn stats_of(engine: &Arc<dyn Engine>) -> Stats {
    tiers::best_first(engine).fold(Stats::default(), |all, tier| sum(all, stats(tier.rooms())))
}

fn stats(totals: &Arc<Totals>) -> Stats {
    // Held until the end: a pool that goes meanwhile is not counted twice.
    let pools = pools();
    let of_engine = pools.iter().filter(|pool| pool.is_of(totals));
    let live = of_engine.fold(Stats::default(), |stats, pool| sum(stats, pool.stats()));
    process::lock(&totals.0).map_or(live, |totals| sum(*totals, live))
}

fn sum(a: Stats, b: Stats) -> Stats {
    Stats {
        live: a.live + b.live,
        idle: a.idle + b.idle,
        made: a.made + b.made,
        resets: a.resets + b.resets,
        pages: a.pages + b.pages,
        faults: a.faults + b.faults,
        discards: a.discards + b.discards,
        evictions: a.evictions + b.evictions,
        calls: a.calls + b.calls,
    }
}

/// A pool begins.
pub(super) fn add(number: u64, pool: &Arc<Pool>) {
    locked().get_or_insert_default().insert(number, Arc::downgrade(pool));
}

/// A pool ends.
pub(super) fn remove(number: u64) {
    if let Some(pools) = &mut *locked() {
        pools.remove(&number);
    }
}

/// How many rooms were made: the clock by which idle rooms age.
pub(super) fn rooms_made() -> u64 {
    ROOMS.load(Relaxed)
}

static ROOMS: AtomicU64 = AtomicU64::new(0);

/// One more room was made.
pub(super) fn room_made() {
    ROOMS.fetch_add(1, Relaxed);
}

/// Gives up the rooms that were idle for longest, of all guests; how many.
pub(super) fn evict() -> usize {
    let pools = pools();
    let mut ages: Vec<u64> = pools.iter().flat_map(|pool| pool.idle_since()).collect();
    ages.sort_unstable();
    let Some(&since) = ages.get(ages.len() / EVICTED_SHARE) else { return 0 };
    pools.iter().map(|pool| pool.evict(since)).sum()
}

/// All pools there are; none is dropped while the lock is held.
fn pools() -> Vec<Arc<Pool>> {
    locked().iter().flatten().filter_map(|(_, pool)| pool.upgrade()).collect()
}

/// A forked child knows its parent's pools, unless one was just added or removed when it was forked.
fn locked() -> MutexGuard<'static, Option<Pools>> {
    let copy = |pools: &Mutex<Option<Pools>>| Mutex::new(process::lock(pools).and_then(|pools| pools.clone()));
    POOLS.get_like(copy).lock().unwrap_or_else(PoisonError::into_inner)
}
