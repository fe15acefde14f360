//! Text of somebody else's choosing as it may stand in a message, or on a terminal: bounded, and harmless.

use alloc::format;
use alloc::string::{String, ToString};

/// How many bytes of one text are shown.
const SHOWN_MAX: usize = 256;
/// How many bytes of many of them.
const LISTED_MAX: usize = 500;
/// How long a message is, whatever has come together in it.
#[cfg(feature = "std")]
const MESSAGE_MAX: usize = 1000;

/// The text, cut after some hundred bytes, without control characters or the ones that turn the direction of writing, which
/// could forge the lines of a log.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        let len = shown.len();
        if is_harmful(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
        if shown.len() > SHOWN_MAX {
            shown.truncate(len);
            shown.push_str("...");
            break;
        }
    }
    shown
}

/// A path, likewise.
#[cfg(feature = "std")]
pub(crate) fn shown_path(path: &std::path::Path) -> String {
    shown(&path.to_string_lossy())
}

/// Texts that were made to be shown, one after the other, as far as a message can hold them.
pub(crate) fn listed(texts: impl ExactSizeIterator<Item = String>, between: &str) -> String {
    let mut left = texts.len();
    let mut listed = String::new();
    for text in texts {
        if !listed.is_empty() && listed.len() + between.len() + text.len() > LISTED_MAX {
            listed.push_str(&format!("{between}and {left} more"));
            break;
        }
        if !listed.is_empty() {
            listed.push_str(between);
        }
        listed.push_str(&text);
        left -= 1;
    }
    listed
}

/// A whole message, which may have others in it.
#[cfg(feature = "std")]
pub(crate) fn message(error: &super::Error) -> String {
    let mut message = error.to_string();
    if message.len() > MESSAGE_MAX {
        let end = (0..=MESSAGE_MAX).rev().find(|at| message.is_char_boundary(*at)).unwrap_or(0);
        message.truncate(end);
        message.push_str("...");
    }
    message
}

/// A JSON text that says the same without those characters.
#[cfg(feature = "std")]
pub(crate) fn harmless_json(json: String) -> String {
    if !json.contains(|c| is_harmful(c) && c != '\n') {
        return json;
    }
    let mut harmless = String::with_capacity(json.len());
    for c in json.chars() {
        // They can only stand inside of strings; all are in the first plane.
        if is_harmful(c) && c != '\n' {
            harmless.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            harmless.push(c);
        }
    }
    harmless
}

/// Control characters, also those above ASCII; what turns the direction of writing; what ends lines.
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(shown("short"), "short");
        assert_eq!(shown(&"x".repeat(SHOWN_MAX)), "x".repeat(SHOWN_MAX));
        assert_eq!(shown(&"x".repeat(1 << 20)), format!("{}...", "x".repeat(SHOWN_MAX)));
        assert_eq!(shown(&"\u{1f600}".repeat(1 << 20)), format!("{}...", "\u{1f600}".repeat(SHOWN_MAX / 4)));
        assert!(shown(&"\u{202e}".repeat(1 << 20)).len() <= SHOWN_MAX + 3);
    }

    #[test]
    fn what_could_forge_lines_is_escaped() {
        assert_eq!(shown("a\nb\u{9b}31m\u{7f}"), "a\\nb\\u{9b}31m\\u{7f}");
        for c in ['\u{61c}', '\u{200e}', '\u{2028}', '\u{202e}', '\u{2066}', '\u{2069}'] {
            assert!(!shown(&c.to_string()).contains(c));
        }
    }

    #[test]
    fn lists_end_when_they_are_long() {
        let list = |n: usize| listed((0..n).map(|_| "x".repeat(100)), ", ");
        assert_eq!(list(0), "");
        assert_eq!(list(2).len(), 202);
        assert!(list(1000).len() < LISTED_MAX + 30 && list(1000).ends_with(" more"));
        assert_eq!(listed(["a".repeat(9000)].into_iter(), ", ").len(), 9000);
    }

    #[test]
    fn messages_are_bounded_whatever_they_are_of() {
        let wasm_error = Box::new(crate::error::WasmError::untold(Vec::new()));
        let error = Error::Host { message: "\u{e9}".repeat(1 << 20), wasm_error };
        assert!(message(&error).len() <= MESSAGE_MAX + 3 && message(&error).ends_with("\u{e9}..."));
    }

    #[test]
    fn json_says_the_same() {
        let json = "{\n  \"a\u{9b}\": \"\u{202e}b\"\n}";
        assert_eq!(harmless_json(json.into()), "{\n  \"a\\u009b\": \"\\u202eb\"\n}");
        assert_eq!(harmless_json("{}".into()), "{}");
    }
}
