//! Waiting for what somebody else does for a load. Who waits looks up now and then: the load can be stopped meanwhile, who
//! watches it hears that it waits, and the log hears of it when that takes long.

use crate::knots::{self, For, Who};
use crate::log::{self, Level};
use crate::module::LoadOptions;
use crate::progress::{Phase, Progress};
use crate::{Error, Result, bounds, call};
use core::fmt::Display;
use std::time::{Duration, Instant};

/// The longest pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// After so long the log hears of it, and again whenever it has taken twice as long.
const LONG: Duration = Duration::from_secs(1);

/// How one load waits for others: one after the other, and all together no longer than its host wants.
pub(crate) struct Patience {
    progress: Progress,
    most: Option<Duration>,
    begun: Option<Instant>,
    tells_after: Duration,
}

impl Default for Patience {
    /// As long as it takes.
    fn default() -> Self {
        Patience::of(&LoadOptions::default())
    }
}

impl Patience {
    /// That of a load with these options.
    pub fn of(options: &LoadOptions) -> Self {
        let (progress, most, begun) = (options.progress.clone(), options.patience, options.waiting_since);
        Patience { progress, most, begun, tells_after: LONG }
    }

    /// Waits for `what` once more: `pause` waits until it has changed, or for the time that it is given. `holder` is who has
    /// it, if that is in this process. Nothing is locked here that a callback of the host's may want.
    ///
    /// BUSY when the load has waited as long as it may, or the holder waits for this one; CANCELLED, or DEADLINE inside a
    /// call with one, when it is to stop.
    pub fn wait(&mut self, what: &dyn Display, holder: Option<Who>, pause: impl FnOnce(Duration)) -> Result<()> {
        let time = self.look_up(what)?;
        let _waiting = holder.map(|holder| knots::wait_for(what, For::Somebody(holder))).transpose()?;
        pause(time);
        Ok(())
    }

    /// The same without the pause: how long it may be. For who is not held up, but only told that it takes.
    pub fn look_up(&mut self, what: &dyn Display) -> Result<Duration> {
        let waited = self.begun.get_or_insert_with(Instant::now).elapsed();
        self.progress.tell(Phase::Wait, millis(waited), self.most.map_or(0, millis))?;
        let bounds = bounds::inherited();
        if let Some(reason) = bounds.ended() {
            return Err(call::stopped(reason, &bounds, Vec::new()));
        }
        if let Some(most) = self.most.filter(|most| waited >= *most) {
            return Err(Error::Busy(format!(
                "{what} is not done after {} ms, which is as long as the load waits",
                most.as_millis()
            )));
        }
        if waited >= self.tells_after {
            while waited >= self.tells_after {
                self.tells_after *= 2;
            }
            log::emit(Level::Warn, "hostel::load", || format!("a load has waited for {} ms: {what}", waited.as_millis()));
        }
        Ok(self.most.map_or(PAUSE, |most| PAUSE.min(most - waited)))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use std::sync::{Arc, Mutex};

    fn status(outcome: Result<Duration>) -> Status {
        outcome.map_or_else(|error| error.status(), |_| Status::Ok)
    }

    #[test]
    fn who_has_no_patience_does_not_wait() {
        let options = LoadOptions { patience: Some(Duration::ZERO), ..LoadOptions::default() };
        assert_eq!(status(Patience::of(&options).look_up(&"it")), Status::Busy);
    }

    #[test]
    fn no_pause_is_longer_than_what_is_left() {
        let options = LoadOptions { patience: Some(Duration::from_millis(5)), ..LoadOptions::default() };
        let mut patience = Patience::of(&options);
        assert!(patience.look_up(&"it").is_ok_and(|pause| pause <= Duration::from_millis(5)));
        std::thread::sleep(Duration::from_millis(6));
        assert_eq!(status(patience.look_up(&"it")), Status::Busy);
    }

    #[test]
    fn who_watches_the_load_hears_of_it_and_may_stop_it() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = told.clone();
        let progress = Progress::new(move |phase, _, total| {
            let mut told = tell.lock().expect("nobody has panicked");
            told.push((phase, total));
            if told.len() < 3 { Ok(()) } else { Err(Error::Cancelled("enough".into())) }
        });
        let options = LoadOptions { progress, patience: Some(Duration::from_secs(60)), ..LoadOptions::default() };
        let mut patience = Patience::of(&options);
        let outcomes: Vec<_> = (0..3).map(|_| status(patience.look_up(&"it"))).collect();
        assert_eq!(outcomes, [Status::Ok, Status::Ok, Status::Cancelled]);
        assert_eq!(*told.lock().expect("nobody has panicked"), [(Phase::Wait, 60_000); 3]);
    }
}
