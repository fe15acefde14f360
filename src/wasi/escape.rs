//! What a guest writes for people, without what their terminals would obey: bytes that come piece by piece.

use crate::error::is_harmful;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// Line feeds and tabs stay as they are; what else is harmful is shown as Rust would write it, `\u{1b}`, and what is no UTF-8 as
/// `\xff`.
#[derive(Default)]
pub(super) struct Escaper {
    /// The beginning of a character whose end has not come yet.
    begun: Vec<u8>,
}

impl Escaper {
    /// Puts a piece behind a text.
    pub fn take(&mut self, piece: &[u8], text: &mut String) {
        let mut bytes = core::mem::take(&mut self.begun);
        bytes.extend_from_slice(piece);
        let mut at = 0;
        for chunk in bytes.utf8_chunks() {
            at += chunk.valid().len() + chunk.invalid().len();
            for c in chunk.valid().chars() {
                if is_harmful(c) && !matches!(c, '\n' | '\t') { text.extend(c.escape_default()) } else { text.push(c) }
            }
            let begins = core::str::from_utf8(chunk.invalid()).is_err_and(|error| error.error_len().is_none());
            if begins && at == bytes.len() {
                self.begun = chunk.invalid().to_vec();
            } else {
                push_bytes(text, chunk.invalid());
            }
        }
    }

    /// Nothing more comes: puts what is left behind a text.
    pub fn end(&mut self, text: &mut String) {
        push_bytes(text, &core::mem::take(&mut self.begun));
    }
}

/// Bytes of which no more come.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let (mut escaper, mut text) = (Escaper::default(), String::new());
    escaper.take(bytes, &mut text);
    escaper.end(&mut text);
    text
}

fn push_bytes(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of it in one piece, which is what comes of it in any pieces.
    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(escaped(bytes), expected);
        for len in 1..=4 {
            let (mut escaper, mut text) = (Escaper::default(), String::new());
            bytes.chunks(len).for_each(|piece| escaper.take(piece, &mut text));
            escaper.end(&mut text);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        check(b"a\x1b[31mred\x07\x7f\0\r", r"a\u{1b}[31mred\u{7}\u{7f}\u{0}\r");
        check("\u{9b}31m \u{85}".as_bytes(), r"\u{9b}31m \u{85}");
        check("\u{202e}\u{2066}\u{200f}\u{61c}\u{2028}".as_bytes(), r"\u{202e}\u{2066}\u{200f}\u{61c}\u{2028}");
    }

    #[test]
    fn text_stays_as_it_is() {
        let text = "größe\t宿 🏨 e\u{301} \\x \u{a0}\n";
        check(text.as_bytes(), text);
    }

    #[test]
    fn what_is_no_text_is_shown_byte_by_byte() {
        check(b"\xff\xfea\xc3(", r"\xff\xfea\xc3(");
        check(b"\xed\xa0\x80\xc0\x80", r"\xed\xa0\x80\xc0\x80");
        check(b"cut \xe2\x82", r"cut \xe2\x82");
    }
}
