//! The envelope: a Rust `Result<T, WasmError>` as MessagePack, in the form that `rmp-serde` gives it with structs as
//! maps. `{"Ok": value}` or `{"Err": {"module_path": text, "line": int, "error": kind}}`, where a kind without a value
//! is its name and one with a value is `{name: value}`. `HostShortCircuit`'s bytes are an array of integers.

use crate::error::{Kind, WasmError};
use crate::msgpack::value_len;
use crate::{Error, Result};
use alloc::{format, string::String, vec::Vec};
use core::convert::Infallible;
use core::ops::Range;
use rmp::Marker;
use rmp::decode::{self, Bytes};
use rmp::encode::{self, ByteBuf, ValueWriteError};

/// Where the value inside an `Ok` lies, or the error inside an `Err`. Whatever is neither is BAD_ABI.
pub(super) fn open(envelope: &[u8]) -> Result<Result<Range<usize>, WasmError>> {
    let mut reader = Reader { bytes: Bytes::new(envelope), len: envelope.len() };
    reader.open().map_err(|problem| Error::Envelope {
        message: format!("the guest's answer is not a Result<_, WasmError>: {problem} (at byte {})", reader.position()),
        payload: envelope.to_vec(),
    })
}

/// The value that is none.
pub(super) const NIL: &[u8] = &[0xc0];

/// A value in an envelope; no bytes at all count as nil.
pub(super) fn ok(value: &[u8]) -> Vec<u8> {
    let value = if value.is_empty() { NIL } else { value };
    let mut envelope = Vec::with_capacity(4 + value.len());
    envelope.extend_from_slice(b"\x81\xa2Ok");
    envelope.extend_from_slice(value);
    envelope
}

/// An error in an envelope.
pub(super) fn err(error: &WasmError) -> Vec<u8> {
    let mut envelope = ByteBuf::new();
    let _ = write_err(&mut envelope, error); // writing to memory cannot fail
    envelope.into_vec()
}

fn write_err(out: &mut ByteBuf, error: &WasmError) -> Result<(), ValueWriteError<Infallible>> {
    encode::write_map_len(out, 1)?;
    encode::write_str(out, "Err")?;
    encode::write_map_len(out, 3)?;
    encode::write_str(out, "module_path")?;
    encode::write_str(out, &error.module_path)?;
    encode::write_str(out, "line")?;
    encode::write_uint(out, error.line.into())?;
    encode::write_str(out, "error")?;
    if matches!(error.kind, Kind::PointerMap | Kind::ErrorWhileError | Kind::Memory) {
        return encode::write_str(out, error.kind.name());
    }
    encode::write_map_len(out, 1)?;
    encode::write_str(out, error.kind.name())?;
    let text = String::from_utf8_lossy(&error.payload);
    match error.kind {
        Kind::Deserialize => encode::write_bin(out, &error.payload),
        Kind::HostShortCircuit => {
            encode::write_array_len(out, u32::try_from(error.payload.len()).unwrap_or(u32::MAX))?;
            for &byte in &error.payload {
                encode::write_uint(out, byte.into())?;
            }
            Ok(())
        }
        Kind::Serialize => {
            encode::write_map_len(out, 1)?;
            encode::write_str(out, if error.while_decoding { "Deserialize" } else { "Serialize" })?;
            encode::write_str(out, &text)
        }
        _ => encode::write_str(out, &text),
    }
}

/// Reads an envelope. Nothing here recurses or allocates more than the envelope is long.
struct Reader<'a> {
    bytes: Bytes<'a>,
    len: usize,
}

type Found<T> = Result<T, &'static str>;

impl<'a> Reader<'a> {
    fn position(&self) -> usize {
        self.len - self.bytes.remaining_slice().len()
    }

    fn open(&mut self) -> Found<Result<Range<usize>, WasmError>> {
        if self.map()? != 1 {
            return Err("not a map of one entry");
        }
        let result = match self.text()? {
            "Ok" => {
                let start = self.position();
                self.skip()?;
                Ok(start..self.position())
            }
            "Err" => Err(self.wasm_error()?),
            _ => return Err("neither Ok nor Err"),
        };
        if self.position() == self.len { Ok(result) } else { Err("bytes after the end") }
    }

    fn wasm_error(&mut self) -> Found<WasmError> {
        let (mut module_path, mut line, mut error) = (None, None, None);
        let fresh = |given: bool| if given { Err("a field of WasmError twice") } else { Ok(()) };
        for _ in 0..self.map()? {
            match self.text()? {
                "module_path" => {
                    fresh(module_path.is_some())?;
                    module_path = Some(self.text()?);
                }
                "line" => {
                    fresh(line.is_some())?;
                    line = Some(self.integer::<u32>()?);
                }
                "error" => {
                    fresh(error.is_some())?;
                    error = Some(self.kind()?);
                }
                _ => self.skip()?,
            }
        }
        let missing = "a field of WasmError is missing";
        let (kind, payload, while_decoding) = error.ok_or(missing)?;
        let module_path = module_path.ok_or(missing)?.into();
        Ok(WasmError { module_path, line: line.ok_or(missing)?, kind, payload, while_decoding })
    }

    /// A `WasmErrorInner`: its kind, what it carries, and for `Serialize` whether decoding failed.
    fn kind(&mut self) -> Found<(Kind, Vec<u8>, bool)> {
        let known = |name: &str| Kind::from_name(name).ok_or("an unknown kind of error");
        if !self.is_map() {
            return match known(self.text()?)? {
                kind @ (Kind::PointerMap | Kind::ErrorWhileError | Kind::Memory) => Ok((kind, Vec::new(), false)),
                _ => Err("a kind of error without its value"),
            };
        }
        if self.map()? != 1 {
            return Err("not one kind of error");
        }
        match known(self.text()?)? {
            kind @ (Kind::PointerMap | Kind::ErrorWhileError | Kind::Memory) => {
                decode::read_nil(&mut self.bytes).map_err(|_| "a value for a kind of error that has none")?;
                Ok((kind, Vec::new(), false))
            }
            kind @ (Kind::Deserialize | Kind::HostShortCircuit) => Ok((kind, self.byte_vector()?, false)),
            Kind::Serialize => {
                if self.map()? != 1 {
                    return Err("not one SerializedBytesError");
                }
                let while_decoding = match self.text()? {
                    "Serialize" => false,
                    "Deserialize" => true,
                    _ => return Err("an unknown SerializedBytesError"),
                };
                Ok((Kind::Serialize, self.text()?.as_bytes().to_vec(), while_decoding))
            }
            kind => Ok((kind, self.text()?.as_bytes().to_vec(), false)),
        }
    }

    fn map(&mut self) -> Found<u32> {
        decode::read_map_len(&mut self.bytes).map_err(|_| "not a map")
    }

    fn is_map(&self) -> bool {
        let first = self.bytes.remaining_slice().first();
        first.is_some_and(|&byte| matches!(Marker::from_u8(byte), Marker::FixMap(_) | Marker::Map16 | Marker::Map32))
    }

    fn integer<T: TryFrom<u64>>(&mut self) -> Found<T> {
        let number: u64 = decode::read_int(&mut self.bytes).map_err(|_| "not an integer in range")?;
        T::try_from(number).map_err(|_| "not an integer in range")
    }

    fn text(&mut self) -> Found<&'a str> {
        let len = decode::read_str_len(&mut self.bytes).map_err(|_| "not text")?;
        core::str::from_utf8(self.take(len as usize)?).map_err(|_| "text that is not UTF-8")
    }

    fn take(&mut self, len: usize) -> Found<&'a [u8]> {
        let rest = self.bytes.remaining_slice();
        let (taken, rest) = rest.split_at_checked(len).ok_or("truncated")?;
        self.bytes = Bytes::new(rest);
        Ok(taken)
    }

    /// Bytes, as such or as an array of integers.
    fn byte_vector(&mut self) -> Found<Vec<u8>> {
        let mut as_bytes = self.bytes;
        if let Ok(len) = decode::read_bin_len(&mut as_bytes) {
            self.bytes = as_bytes;
            return Ok(self.take(len as usize)?.to_vec());
        }
        let len = decode::read_array_len(&mut self.bytes).map_err(|_| "neither bytes nor an array")?;
        (0..len).map(|_| self.integer::<u8>()).collect()
    }

    /// Passes over one value.
    fn skip(&mut self) -> Found<()> {
        let len = value_len(self.bytes.remaining_slice()).ok_or("truncated, or a byte that begins no value")?;
        self.take(len).map(|_| ())
    }
}
