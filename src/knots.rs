//! Who waits for whom, so that nobody waits for itself: a callback of a load may load, or wait for another load, which waits for
//! the first.

use crate::sys::process::OfProcess;
use crate::{Error, Result};
use core::fmt::Display;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A thread, and those that work for it meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Who(u64);

/// What somebody waits for.
#[derive(Clone)]
pub(crate) enum For {
    /// What this one holds, or does.
    Somebody(Who),
    /// A job in the background.
    Job(Doer),
}

/// Who does a job in the background: nobody yet, somebody, nobody any more.
#[derive(Clone, Default)]
pub(crate) struct Doer(Arc<AtomicU64>);

/// The job is done.
const DONE: u64 = u64::MAX;

#[derive(Default)]
struct Knots {
    waits: BTreeMap<Who, For>,
    /// Those who do what is in the queue of the background.
    crew: BTreeSet<Who>,
}

std::thread_local! {
    static ME: Cell<u64> = const { Cell::new(0) };
}

/// Who runs here.
pub(crate) fn me() -> Who {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let known = ME.get();
    if known != 0 {
        return Who(known);
    }
    let new = NEXT.fetch_add(1, Ordering::Relaxed);
    ME.set(new);
    Who(new)
}

/// Runs `f` as a part of what somebody does who waits for it.
pub(crate) fn working_for<T>(who: Who, f: impl FnOnce() -> T) -> T {
    let _back = Back(ME.replace(who.0));
    f()
}

/// Also when it panics.
struct Back(u64);

impl Drop for Back {
    fn drop(&mut self) {
        ME.set(self.0);
    }
}

/// One who waits; no more so once it is dropped.
pub(crate) struct Waiting {
    me: Who,
    before: Option<For>,
}

/// Begins to wait. BUSY when whoever is waited for waits for this one in turn.
pub(crate) fn wait_for(what: &dyn Display, whom: For) -> Result<Waiting> {
    let me = me();
    let mut knots = knots();
    if knots.waits_for(&whom, me, &mut BTreeSet::new()) {
        return Err(Error::Busy(format!("{what}: it would be waited for by itself, from inside one of its callbacks")));
    }
    let before = knots.waits.insert(me, whom);
    Ok(Waiting { me, before })
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut knots = knots();
        match self.before.take() {
            Some(before) => knots.waits.insert(self.me, before),
            None => knots.waits.remove(&self.me),
        };
    }
}

/// One of those who do what is in the queue; no more so once it is dropped.
pub(crate) struct Member(Who);

/// This thread does what is in the queue.
pub(crate) fn join_crew() -> Member {
    let me = me();
    knots().crew.insert(me);
    Member(me)
}

impl Drop for Member {
    fn drop(&mut self) {
        knots().crew.remove(&self.0);
    }
}

impl Doer {
    /// Does it here. It must not panic, and may begin a job that takes its place.
    pub fn does<T>(&self, f: impl FnOnce() -> T) -> T {
        let me = me().0;
        self.0.store(me, Ordering::Relaxed);
        let outcome = f();
        let _ = self.0.compare_exchange(me, DONE, Ordering::Relaxed, Ordering::Relaxed);
        outcome
    }

    /// Another job is to be done in its place.
    pub fn begin_again(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl Knots {
    /// Whether what is waited for does not come before `me` goes on.
    fn waits_for(&self, whom: &For, me: Who, seen: &mut BTreeSet<Who>) -> bool {
        let mut held_up = |who: Who| {
            // Who was seen before and goes on was answered with `false` at once.
            who == me || !seen.insert(who) || self.waits.get(&who).is_some_and(|whom| self.waits_for(whom, me, seen))
        };
        match whom {
            For::Somebody(who) => held_up(*who),
            For::Job(doer) => match doer.0.load(Ordering::Relaxed) {
                DONE => false,
                // It is done by whoever of them is free first.
                0 => !self.crew.is_empty() && self.crew.iter().all(|who| held_up(*who)),
                who => held_up(Who(who)),
            },
        }
    }
}

fn knots() -> MutexGuard<'static, Knots> {
    static KNOTS: OfProcess<Mutex<Knots>> =
        OfProcess::of_the_first(Mutex::new(Knots { waits: BTreeMap::new(), crew: BTreeSet::new() }));
    KNOTS.get(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knots_of(waits: &[(u64, For)], crew: &[u64]) -> Knots {
        let waits = waits.iter().map(|(who, whom)| (Who(*who), whom.clone())).collect();
        Knots { waits, crew: crew.iter().map(|who| Who(*who)).collect() }
    }

    fn ties(knots: &Knots, whom: &For) -> bool {
        knots.waits_for(whom, Who(1), &mut BTreeSet::new())
    }

    fn somebody(who: u64) -> For {
        For::Somebody(Who(who))
    }

    fn job(who: u64) -> For {
        For::Job(Doer(Arc::new(AtomicU64::new(who))))
    }

    #[test]
    fn nobody_waits_for_itself() {
        assert!(ties(&knots_of(&[], &[]), &somebody(1)));
        assert!(ties(&knots_of(&[(2, somebody(1))], &[]), &somebody(2)));
        assert!(ties(&knots_of(&[(2, job(3)), (3, somebody(4)), (4, somebody(1))], &[]), &somebody(2)));
    }

    #[test]
    fn who_goes_on_can_be_waited_for() {
        assert!(!ties(&knots_of(&[], &[]), &somebody(2)));
        assert!(!ties(&knots_of(&[(2, job(3)), (3, somebody(4))], &[]), &somebody(2)));
        let done = Doer::default();
        done.does(|| ());
        assert!(!ties(&knots_of(&[], &[1]), &For::Job(done)));
    }

    #[test]
    fn a_job_that_nobody_can_begin_is_not_waited_for() {
        let all_wait = knots_of(&[(2, somebody(1)), (3, somebody(2))], &[2, 3]);
        assert!(ties(&all_wait, &job(0)));
        let one_is_free = knots_of(&[(2, somebody(1))], &[2, 3]);
        assert!(!ties(&one_is_free, &job(0)));
        assert!(!ties(&knots_of(&[], &[]), &job(0)));
        assert!(ties(&knots_of(&[], &[1]), &job(0)));
    }

    #[test]
    fn who_works_for_another_is_that_one() {
        let other = Who(1 << 40);
        let own = me();
        assert_eq!(working_for(other, me), other);
        assert_eq!(me(), own);
    }
}
