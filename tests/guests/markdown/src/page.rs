//! What a page has around the text.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

const STYLE: &str = include_str!("page.css");

/// The words of the first heading that has any, without their markup.
pub fn title(parser: Parser) -> String {
    let mut title = String::new();
    let mut inside = false;
    for event in parser {
        match event {
            Event::Start(Tag::Heading { .. }) => inside = true,
            Event::End(TagEnd::Heading(_)) if !title.trim().is_empty() => break,
            Event::End(TagEnd::Heading(_)) => inside = false,
            Event::Text(text) | Event::Code(text) if inside => title.push_str(&text),
            Event::SoftBreak | Event::HardBreak if inside => title.push(' '),
            _ => {}
        }
    }
    if title.trim().is_empty() { "Untitled".into() } else { title.trim().into() }
}

/// The page around a fragment.
pub fn around(title: &str, body: &str) -> String {
    let title = title.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}
