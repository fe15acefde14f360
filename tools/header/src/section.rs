//! One section of the header: what one file of src/ffi declares.

use std::fs;
use std::path::Path;

use crate::tidy::tidy;

pub struct Section {
    pub text: String,
    pub symbols: Vec<String>,
}

impl Section {
    pub fn generate(name: &str, path: &Path, config: &cbindgen::Config) -> Result<Section, String> {
        let source = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let declared = declarations(&source);

        // cbindgen writes a type only if a function of the same source uses it; others are used by later sections.
        let mut config = config.clone();
        config.export.include = declared.iter().map(|(_, name)| (*name).to_owned()).collect();
        let bindings = cbindgen::Builder::new()
            .with_config(config)
            .with_src(path)
            .generate()
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let mut body = Vec::new();
        bindings.write(&mut body);
        let body = String::from_utf8(body).map_err(|error| error.to_string())?;
        let symbols: Vec<String> = bindings.dynamic_symbols_names().map(str::to_owned).collect();

        // cbindgen passes over what it does not understand.
        for (kind, name) in &declared {
            let present = if kind.ends_with("fn ") { symbols.iter().any(|symbol| symbol == name) } else { has_word(&body, name) };
            if !present {
                return Err(format!("{}: {name} did not make it into the header", path.display()));
            }
        }
        Ok(Section { text: format!("\n{}\n{}\n", banner(name, &source), tidy(&body)), symbols })
    }
}

/// The public names of a source file and the words before each: `("unsafe extern \"C\" fn ", "hostel_module_free")`.
fn declarations(source: &str) -> Vec<(&'static str, &str)> {
    const KINDS: [&str; 7] = ["unsafe extern \"C\" fn ", "extern \"C\" fn ", "const ", "type ", "struct ", "enum ", "union "];
    let declaration = |line| {
        let item = str::strip_prefix(line, "pub ")?;
        let (kind, rest) = KINDS.iter().find_map(|kind| Some((*kind, item.strip_prefix(kind)?)))?;
        let name = rest.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).next()?;
        (name.starts_with("hostel_") || name.starts_with("HOSTEL_")).then_some((kind, name))
    };
    source.lines().filter_map(declaration).collect()
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).any(|found| found == word)
}

/// The section's name and the first paragraph of its file's `//!` comment.
fn banner(name: &str, source: &str) -> String {
    let paragraph = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).take_while(|line| !line.is_empty());
    let mut banner = format!("/* ---- {} {}\n", name.replace('_', " "), "-".repeat(100 - name.len()));
    for line in paragraph {
        banner.push_str(&format!(" * {line}\n"));
    }
    banner + " */\n"
}
