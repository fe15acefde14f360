//! Why an operation came to nothing, in words that hold no secret.

use std::fmt::Display;

/// What came of an operation.
pub type Tried<T> = Result<T, Failure>;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The store could not be asked, or is of no use as it is: it is asked less often for a while.
    Outage(String),
    /// What is kept under this one key is of no use, and the store is as good as ever. It is replaced by what is saved next.
    Entry(String),
    /// The same of what is larger than this machine takes, and others may not: so it stays until it is replaced.
    TooLarge(String),
}

impl Failure {
    /// An outage.
    pub fn outage(what: impl Display) -> Self {
        Failure::Outage(crate::sys::words(what))
    }

    /// The answer is larger than it may be.
    pub fn too_large(most: u64) -> Self {
        Failure::TooLarge(format!("there is more than the {most} bytes that an artifact may have here"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Outage(crate::sys::words(error))
    }
}
