//! Caches: where compiled code will live. There is none yet; pass NULL wherever one may be given.

/// A cache of compiled code. None can be made yet.
pub struct hostel_cache {
    _none: core::convert::Infallible,
}
