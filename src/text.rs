//! The text format: read within bounds, and what is wrong with it told in a few words.

use crate::limits::{Limit, Limits};
use crate::{Error, Result};
#[cfg(feature = "wat")]
use crate::{error::shown, sys::stack};
#[cfg(feature = "wat")]
use wast::lexer::{Lexer, TokenKind};

/// Turns the text format into a binary module. A text is no longer than a module may be.
#[cfg(feature = "wat")]
pub fn wat_to_wasm(text: &[u8], limits: &Limits) -> Result<Vec<u8>> {
    stack::need(stack::TEXT)?;
    limits.check(Limit::ModuleBytes, text.len() as u64)?;
    let text = core::str::from_utf8(text)
        .map_err(|error| Error::InvalidText(format!("neither a binary module nor UTF-8 text ({error})")))?;
    if is_component(text) {
        return Err(Error::UnsupportedModule("it is a component, and not a core module".into()));
    }
    encode(text).map_err(|error| invalid(text, &error))
}

#[cfg(feature = "wat")]
fn encode(text: &str) -> Result<Vec<u8>, wast::Error> {
    let buffer = wast::parser::ParseBuffer::new(text)?;
    wast::parser::parse::<wast::Wat>(&buffer)?.encode()
}

/// Components are not parsed: each level of them takes some kilobytes of stack.
#[cfg(feature = "wat")]
fn is_component(text: &str) -> bool {
    let is_space = |kind| matches!(kind, TokenKind::LineComment | TokenKind::BlockComment | TokenKind::Whitespace);
    let lexer = Lexer::new(text);
    let mut tokens = lexer.iter(0).map_while(Result::ok).filter(|token| !is_space(token.kind));
    let begins = tokens.next().is_some_and(|token| token.kind == TokenKind::LParen);
    begins && tokens.next().is_some_and(|token| token.kind == TokenKind::Keyword && token.src(text) == "component")
}

/// Without the line itself, which may be all of the text, and of a file that was never meant to be read.
#[cfg(feature = "wat")]
fn invalid(text: &str, error: &wast::Error) -> Error {
    let (line, column) = error.span().linecol_in(text);
    let message = shown(&error.message());
    Error::InvalidText(format!("not valid text format: {message} (at line {}, column {})", line + 1, column + 1))
}

/// Turns the text format into a binary module; not part of this build.
#[cfg(not(feature = "wat"))]
pub fn wat_to_wasm(_text: &[u8], _limits: &Limits) -> Result<Vec<u8>> {
    Err(Error::Unsupported("this build does not read the text format".into()))
}
