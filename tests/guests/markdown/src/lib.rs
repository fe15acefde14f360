//! markdown: Markdown in, HTML out. CommonMark with tables, strikethrough and task lists.

mod page;

use pulldown_cmark::{Options, Parser, html};

hostel_guest::export!(render);
hostel_guest::export!(page);

/// An HTML fragment, for a host that has a page around it.
fn render(input: Vec<u8>) -> Result<String, String> {
    let markdown = text(input)?;
    Ok(fragment(parse(&markdown), markdown.len()))
}

/// A complete HTML5 page that stands alone. Its title is the first heading.
fn page(input: Vec<u8>) -> Result<String, String> {
    let markdown = text(input)?;
    let title = page::title(parse(&markdown));
    let body = fragment(parse(&markdown), markdown.len());
    Ok(page::around(&title, &body))
}

fn text(input: Vec<u8>) -> Result<String, String> {
    String::from_utf8(input).map_err(|error| format!("not UTF-8: byte {}", error.utf8_error().valid_up_to()))
}

fn parse(markdown: &str) -> Parser<'_> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    Parser::new_ext(markdown, options)
}

fn fragment(parser: Parser, markdown_len: usize) -> String {
    let mut html = String::with_capacity(markdown_len * 3 / 2);
    html::push_html(&mut html, parser);
    html
}
