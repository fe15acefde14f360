//! MessagePack values as such, whatever they mean.

use rmp::Marker;

/// The length of the value that `bytes` begin with; nothing when it is truncated or none. However deep it is, this
/// counts what is still to come instead of recursing, and does not look behind what is announced.
pub(crate) fn value_len(bytes: &[u8]) -> Option<usize> {
    walk(bytes, |_, _| true)
}

/// The same for a value whose text is all UTF-8, as the format wants it.
#[cfg(feature = "std")]
pub(crate) fn text_value_len(bytes: &[u8]) -> Option<usize> {
    let is_text = |marker| matches!(marker, Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32);
    walk(bytes, |marker, content| !is_text(marker) || core::str::from_utf8(content).is_ok())
}

/// Shows `accept` each marker with the bytes that belong to it, until one is not accepted or the value ends.
fn walk(bytes: &[u8], mut accept: impl FnMut(Marker, &[u8]) -> bool) -> Option<usize> {
    let mut rest = bytes;
    let mut to_come: u64 = 1;
    while to_come > 0 {
        // Each value takes a byte at least, which bounds what an array may announce.
        if to_come > rest.len() as u64 {
            return None;
        }
        let (&first, after) = rest.split_first()?;
        let marker = Marker::from_u8(first);
        let extent = Extent::of(marker, after)?;
        let (content, after) = after.get(extent.header..)?.split_at_checked(extent.bytes)?;
        if !accept(marker, content) {
            return None;
        }
        rest = after;
        to_come = to_come - 1 + extent.values;
    }
    Some(bytes.len() - rest.len())
}

/// What follows a marker: its length field, then so many bytes, then so many values.
struct Extent {
    header: usize,
    bytes: usize,
    values: u64,
}

impl Extent {
    fn of(marker: Marker, after: &[u8]) -> Option<Extent> {
        let bytes = |bytes: usize| Some(Extent { header: 0, bytes, values: 0 });
        let values = |values: u64| Some(Extent { header: 0, bytes: 0, values });
        let len = |width: usize| {
            let field = after.get(..width)?;
            Some(field.iter().fold(0u64, |len, &byte| len << 8 | u64::from(byte)))
        };
        let bytes_behind = |width: usize, more: usize| {
            let bytes = usize::try_from(len(width)?).ok()?.checked_add(more)?;
            Some(Extent { header: width, bytes, values: 0 })
        };
        let values_behind = |width: usize, each: u64| Some(Extent { header: width, bytes: 0, values: len(width)? * each });
        match marker {
            Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => bytes(0),
            Marker::U8 | Marker::I8 => bytes(1),
            Marker::U16 | Marker::I16 | Marker::FixExt1 => bytes(2),
            Marker::FixExt2 => bytes(3),
            Marker::U32 | Marker::I32 | Marker::F32 => bytes(4),
            Marker::FixExt4 => bytes(5),
            Marker::U64 | Marker::I64 | Marker::F64 => bytes(8),
            Marker::FixExt8 => bytes(9),
            Marker::FixExt16 => bytes(17),
            Marker::FixStr(len) => bytes(len.into()),
            Marker::Str8 | Marker::Bin8 => bytes_behind(1, 0),
            Marker::Str16 | Marker::Bin16 => bytes_behind(2, 0),
            Marker::Str32 | Marker::Bin32 => bytes_behind(4, 0),
            // An extension has a byte for its type besides its length.
            Marker::Ext8 => bytes_behind(1, 1),
            Marker::Ext16 => bytes_behind(2, 1),
            Marker::Ext32 => bytes_behind(4, 1),
            Marker::FixArray(len) => values(len.into()),
            Marker::Array16 => values_behind(2, 1),
            Marker::Array32 => values_behind(4, 1),
            Marker::FixMap(pairs) => values(u64::from(pairs) * 2),
            Marker::Map16 => values_behind(2, 2),
            Marker::Map32 => values_behind(4, 2),
            Marker::Reserved => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::value_len;

    #[test]
    fn a_value_ends_where_it_ends() {
        assert_eq!(value_len(b"\xc0rest"), Some(1));
        assert_eq!(value_len(b"\xa3abcrest"), Some(4));
        assert_eq!(value_len(b"\xc4\x02abrest"), Some(4));
        assert_eq!(value_len(b"\x92\x01\x81\xa1k\xc3rest"), Some(6));
        assert_eq!(value_len(b"\xc7\x02\x05abrest"), Some(5));
    }

    #[test]
    fn what_is_cut_off_or_none_has_no_length() {
        for bytes in
            [&b""[..], b"\xa3ab", b"\x92\x01", b"\xdd\xff\xff\xff\xff\x01", b"\xc6\xff\xff\xff\xffa", b"\xc1", b"\xda\x00"]
        {
            assert_eq!(value_len(bytes), None, "{bytes:?}");
        }
        let deep = [0x91; 1_000_000];
        assert_eq!(value_len(&deep), None);
    }
}
