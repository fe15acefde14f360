//! What the tests of rooms share: modules get functions of plain values that show what cannot be seen from outside.

mod append;
pub mod observe;
pub mod outline;
pub mod random;
