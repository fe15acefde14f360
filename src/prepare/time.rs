//! How long operators run, counted in plain operators: for the deadline, where weights have no say.

use super::step::Step;

/// A call of a function that polls where it is entered: what it does before and after its polls.
pub(super) const POLLED_CALL: u64 = 256;
/// A call of a function that is not known: it may be one that does not poll.
pub(super) const UNKNOWN_CALL: u64 = super::SMALL;

/// How long `step` runs, called functions left out.
pub(super) fn of(step: &Step) -> u64 {
    match step {
        Step::Bulk(bulk) if bulk.reads_segment() => 2_500,
        Step::Bulk(_) => 250, // a MiB at most goes by without a poll
        Step::Grow => 1_000,
        _ => 1,
    }
}
