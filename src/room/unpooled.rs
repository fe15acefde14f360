//! Without an operating system every call has a new instance.

use super::Room;
use crate::Result;
use crate::bounds::Bounds;
use crate::call::Options;
use crate::guest::Guest;
use alloc::sync::Arc;

/// Makes the rooms of a guest.
pub struct Pool;

/// Nothing can be chosen about them.
#[derive(Clone, Debug, Default)]
pub struct Settings;

/// Nothing is counted.
#[derive(Default)]
pub struct Totals;

impl Pool {
    /// One for a guest.
    pub fn new(_: Settings, _: &Arc<Totals>) -> Arc<Pool> {
        Arc::new(Pool)
    }

    /// A room for one call.
    pub fn take(&self, guest: &Arc<Guest>, options: &Options, bounds: &Bounds) -> Result<alloc::boxed::Box<Room>> {
        let room = Room::start_for_calls(guest, options, bounds, ())?;
        room.check(guest, options)?;
        Ok(alloc::boxed::Box::new(room))
    }
}
