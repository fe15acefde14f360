//! Values in and out: each function but the last ones answers the value it gets, which it takes apart on the way.

use holochain_wasmer_guest::allocation::__hc__deallocate_1;
use holochain_wasmer_guest::serde_bytes::ByteBuf;
use holochain_wasmer_guest::*;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, Ordering};

#[derive(Debug, Serialize, Deserialize)]
struct Stay {
    guest: String,
    nights: u32,
    rooms: Vec<String>,
    note: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Choice {
    Nothing,
    One(Box<Choice>),
    Two(i8, String),
    Named { stay: Stay, paid: bool },
}

/// Answers the value that came.
fn same<T: Serialize + DeserializeOwned + Debug>(ptr: usize, len: usize) -> DoubleUSize {
    match host_args::<T>(ptr, len) {
        Ok(value) => return_ptr(value),
        Err(error) => error,
    }
}

#[no_mangle]
pub extern "C" fn text(ptr: usize, len: usize) -> DoubleUSize {
    same::<String>(ptr, len)
}

#[no_mangle]
pub extern "C" fn bytes(ptr: usize, len: usize) -> DoubleUSize {
    same::<ByteBuf>(ptr, len)
}

#[no_mangle]
pub extern "C" fn array(ptr: usize, len: usize) -> DoubleUSize {
    same::<Vec<u8>>(ptr, len)
}

#[no_mangle]
pub extern "C" fn record(ptr: usize, len: usize) -> DoubleUSize {
    same::<Stay>(ptr, len)
}

#[no_mangle]
pub extern "C" fn choice(ptr: usize, len: usize) -> DoubleUSize {
    same::<Choice>(ptr, len)
}

#[no_mangle]
pub extern "C" fn map(ptr: usize, len: usize) -> DoubleUSize {
    same::<BTreeMap<String, i64>>(ptr, len)
}

#[no_mangle]
pub extern "C" fn option(ptr: usize, len: usize) -> DoubleUSize {
    same::<Option<Vec<Option<bool>>>>(ptr, len)
}

#[no_mangle]
pub extern "C" fn results(ptr: usize, len: usize) -> DoubleUSize {
    same::<Result<Result<u32, String>, u8>>(ptr, len)
}

#[no_mangle]
pub extern "C" fn nothing(ptr: usize, len: usize) -> DoubleUSize {
    same::<()>(ptr, len)
}

#[no_mangle]
pub extern "C" fn unsigned(ptr: usize, len: usize) -> DoubleUSize {
    same::<u64>(ptr, len)
}

#[no_mangle]
pub extern "C" fn signed(ptr: usize, len: usize) -> DoubleUSize {
    same::<i64>(ptr, len)
}

#[no_mangle]
pub extern "C" fn real(ptr: usize, len: usize) -> DoubleUSize {
    same::<f64>(ptr, len)
}

#[no_mangle]
pub extern "C" fn serialized(ptr: usize, len: usize) -> DoubleUSize {
    same::<SerializedBytes>(ptr, len)
}

/// `guest: ` and the text that came.
#[no_mangle]
pub extern "C" fn process_string(ptr: usize, len: usize) -> DoubleUSize {
    match host_args::<String>(ptr, len) {
        Ok(text) => return_ptr(format!("guest: {text}")),
        Err(error) => error,
    }
}

/// Gives its input back unread, as a guest must that does not look at it.
#[no_mangle]
pub extern "C" fn ignore_input(ptr: usize, len: usize) -> DoubleUSize {
    __hc__deallocate_1(ptr, len);
    return_ptr(String::from("ignored"))
}

/// 1 in a fresh instance; 1, 2, 3… in one that is kept.
#[no_mangle]
pub extern "C" fn count(ptr: usize, len: usize) -> DoubleUSize {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    __hc__deallocate_1(ptr, len);
    return_ptr(COUNT.fetch_add(1, Ordering::Relaxed) + 1)
}

fn pattern(mebibytes: u32) -> Vec<u8> {
    (0..mebibytes << 20).map(|index| (index % 251) as u8).collect()
}

/// So many MiB, byte i is i % 251, as bytes.
#[no_mangle]
pub extern "C" fn big_bytes(ptr: usize, len: usize) -> DoubleUSize {
    match host_args::<u32>(ptr, len) {
        Ok(mebibytes) => return_ptr(ByteBuf::from(pattern(mebibytes))),
        Err(error) => error,
    }
}

/// The same as an array of integers.
#[no_mangle]
pub extern "C" fn big_array(ptr: usize, len: usize) -> DoubleUSize {
    match host_args::<u32>(ptr, len) {
        Ok(mebibytes) => return_ptr(pattern(mebibytes)),
        Err(error) => error,
    }
}
