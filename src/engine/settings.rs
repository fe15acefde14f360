//! What a host chooses for an engine.

use crate::limits::Limits;
use crate::prepare::{self, Weights};
use alloc::{format, string::String};

/// Which limits are compiled into guests, and what guests are allowed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What guests are allowed.
    pub limits: Limits,
    /// Whether fuel is counted, and at which costs.
    pub fuel: Option<Weights>,
    /// Whether a deadline or a cancel can stop a guest.
    pub deadline: bool,
    /// Whether operations that may answer differently on other machines or engines always answer the same.
    pub deterministic: bool,
    /// Whether code is for all but old processors of this architecture, and not just for those that can do what this one can:
    /// x86-64-v2, ARM64 with NEON. Engines that generate code put what they make of it into their fingerprint.
    pub portable: bool,
}

impl Default for Settings {
    fn default() -> Self {
        // Without a system there is no clock to have deadlines by.
        Settings { limits: Limits::default(), fuel: None, deadline: cfg!(feature = "std"), deterministic: false, portable: false }
    }
}

impl Settings {
    /// What is compiled into guests for an engine that polls a word in memory.
    pub(super) fn polled(&self) -> prepare::Options {
        prepare::Options { fuel: self.fuel.clone(), start_fuel: i64::MAX, deadline: self.deadline, ..prepare::Options::default() }
    }

    /// What the code of an engine depends on among these, for its fingerprint.
    pub(super) fn text(&self) -> String {
        let mut text = format!("prepare {}", prepare::VERSION);
        if self.deadline {
            text.push_str(", deadline");
        }
        if let Some(weights) = &self.fuel {
            text.push_str(&format!(", fuel {:?} {} {}", weights.operators, weights.bytes_per_unit, weights.elements_per_unit));
        }
        if self.deterministic {
            text.push_str(", deterministic");
        }
        text
    }
}
