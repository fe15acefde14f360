//! Buffers: bytes that the library hands over.

/// Bytes that are yours. Free them with hostel_buffer_free(), never with free(). An empty buffer is `{NULL, 0}`.
#[repr(C)]
pub struct hostel_buffer {
    /// The first byte; NULL when there are none.
    pub data: *mut u8,
    /// How many bytes there are.
    pub len: usize,
}

impl hostel_buffer {
    pub(super) const EMPTY: Self = hostel_buffer { data: core::ptr::null_mut(), len: 0 };

    pub(super) fn from_bytes(bytes: Box<[u8]>) -> Self {
        if bytes.is_empty() {
            return Self::EMPTY;
        }
        hostel_buffer { len: bytes.len(), data: Box::into_raw(bytes).cast() }
    }
}

/// Frees a buffer's bytes and leaves it empty, so that freeing it again does nothing.
///
/// `buffer` may be NULL. Thread-safe for different buffers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_buffer_free(buffer: *mut hostel_buffer) {
    if buffer.is_null() {
        return;
    }
    // SAFETY: not null; by the header's rules it is a buffer this library filled, or an empty one.
    let hostel_buffer { data, len } = unsafe { buffer.replace(hostel_buffer::EMPTY) };
    if !data.is_null() {
        // SAFETY: `from_bytes` made it from a box of exactly this length.
        drop(unsafe { Box::from_raw(core::ptr::slice_from_raw_parts_mut(data, len)) });
    }
}
