//! JSON to MessagePack and back, for hosts that have the one and guests that want the other.
//!
//! Whatever one side can say and the other cannot is refused, never bent: integers over 64 bits, NaN, two entries with
//! one key, keys that are neither text nor integers, extension types. Binary becomes an array of integers.

use crate::msgpack::text_value_len;
use crate::{Error, Result};
use alloc::{format, string::String, vec::Vec};
use core::fmt;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, Serializer};
use std::collections::HashSet;

/// How deep values may lie inside one another.
const DEPTH_MAX: usize = 128;

/// One JSON text as one MessagePack value.
pub fn json_to_msgpack(json: &[u8]) -> Result<Vec<u8>> {
    let json = core::str::from_utf8(json).map_err(|error| refused("json", error))?;
    let value: Value = serde_json::from_str(json).map_err(|error| refused("json", error))?;
    check_integers(json)?;
    rmp_serde::to_vec_named(&value).map_err(|error| refused("json", error))
}

/// One MessagePack value as one JSON text.
pub fn msgpack_to_json(msgpack: &[u8]) -> Result<String> {
    let len = text_value_len(msgpack).ok_or_else(|| refused("msgpack", "not a whole value, or text that is not UTF-8"))?;
    if len != msgpack.len() {
        return Err(refused("msgpack", format!("{} bytes after the end of the value", msgpack.len() - len)));
    }
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(msgpack);
    deserializer.set_max_depth(DEPTH_MAX);
    let value = Value::deserialize(&mut deserializer).map_err(|error| refused("msgpack", error))?;
    serde_json::to_string(&Json(&value)).map_err(|error| refused("msgpack", error))
}

fn refused(name: &str, error: impl fmt::Display) -> Error {
    Error::InvalidArgument(format!("{name}: {error}"))
}

/// A value of either format.
enum Value {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON and MessagePack both have")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Signed(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_f32<E>(self, value: f32) -> Result<Value, E> {
        Ok(Value::Float(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.into()))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new(); // not sized by what the input announces
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let (mut entries, mut keys) = (Vec::new(), HashSet::new());
        while let Some((key, value)) = map.next_entry::<Value, Value>()? {
            let name = key.as_key().ok_or_else(|| A::Error::custom("a key that is neither text nor an integer"))?;
            if keys.contains(&name) {
                return Err(A::Error::custom(format_args!("the key {name:?} twice")));
            }
            keys.insert(name);
            entries.push((key, value));
        }
        Ok(Value::Map(entries))
    }
}

impl Value {
    /// As the key of a JSON object, which is text.
    fn as_key(&self) -> Option<String> {
        match self {
            Value::Text(text) => Some(text.clone()),
            Value::Unsigned(number) => Some(format!("{number}")),
            Value::Signed(number) => Some(format!("{number}")),
            _ => None,
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Nil => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Unsigned(value) => serializer.serialize_u64(*value),
            Value::Signed(value) => serializer.serialize_i64(*value),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::Text(value) => serializer.serialize_str(value),
            Value::Bytes(value) => serializer.serialize_bytes(value),
            Value::Array(values) => serializer.collect_seq(values),
            Value::Map(entries) => serializer.collect_map(entries.iter().map(|(key, value)| (key, value))),
        }
    }
}

/// The same value as JSON wants it: keys are text, and there is neither NaN nor infinity.
struct Json<'a>(&'a Value);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Float(value) if !value.is_finite() => Err(S::Error::custom(format_args!("JSON has no {value}"))),
            Value::Array(values) => serializer.collect_seq(values.iter().map(Json)),
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(&key.as_key().unwrap_or_default(), &Json(value))?;
                }
                map.end()
            }
            other => other.serialize(serializer),
        }
    }
}

/// The JSON parser turns integers that do not fit 64 bits into floats; here they are refused. `json` is valid.
fn check_integers(json: &str) -> Result<()> {
    let mut rest = json;
    while let Some(start) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        rest = &rest[start..];
        let end = match rest.strip_prefix('"') {
            Some(text) => 1 + end_of_text(text),
            None => rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len()),
        };
        let token = &rest[..end];
        let is_integer = !token.starts_with('"') && !token.contains(['.', 'e', 'E']);
        if is_integer && token.parse::<u64>().is_err() && token.parse::<i64>().is_err() {
            return Err(refused("json", format!("the integer {token} does not fit 64 bits")));
        }
        rest = &rest[end..];
    }
    Ok(())
}

/// Where a JSON string ends, its closing quote included.
fn end_of_text(text: &str) -> usize {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return index + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_text_are_not_numbers() {
        assert!(check_integers(r#"{"a\"99999999999999999999": 1}"#).is_ok());
        assert!(check_integers("[18446744073709551615, -9223372036854775808]").is_ok());
        assert!(check_integers("[18446744073709551616]").is_err());
        assert!(check_integers("[-9223372036854775809]").is_err());
        assert!(check_integers("[1e30, 18446744073709551616.0]").is_ok());
    }

    #[test]
    fn values_survive_the_way_there_and_back() {
        for json in ["null", "[]", "{}", r#"{"a":[1,-1,1.5,true,"x"],"b":{"c":null}}"#, "-9223372036854775808"] {
            assert_eq!(msgpack_to_json(&json_to_msgpack(json.as_bytes()).unwrap()).unwrap(), json);
        }
    }
}
