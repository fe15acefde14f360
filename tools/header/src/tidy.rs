//! Small changes to what cbindgen writes, so that the header reads as if a person had laid it out.

/// Shortens one-line comments, keeps tables of constants together, and gives structs a tag.
pub fn tidy(body: &str) -> String {
    let lines: Vec<&str> = body.trim().lines().collect();
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if let (true, Some(text), Some(" */")) =
            (line.trim() == "/**", lines.get(at + 1), lines.get(at + 2).map(|end| dedent(end, line)))
        {
            let indent = &line[..line.len() - 3];
            out.push(format!("{indent}/** {} */", text.trim().trim_start_matches("* ")));
            at += 3;
            continue;
        }
        if line.is_empty() && between_constants(&lines, at) {
            at += 1;
            continue;
        }
        out.push(if line == "typedef struct {" {
            format!("typedef struct {} {{", name_at_end(&lines[at..]))
        } else {
            line.to_owned()
        });
        at += 1;
    }
    out.join("\n")
}

/// `line` without as much indentation as `like` has.
fn dedent<'a>(line: &'a str, like: &str) -> &'a str {
    line.get(like.len() - like.trim_start().len()..).unwrap_or_default()
}

/// Whether the empty line at `at` has a constant before it, and a constant with a one-line comment after it.
fn between_constants(lines: &[&str], at: usize) -> bool {
    let constant = |line: Option<&&str>| line.is_some_and(|line| line.starts_with("#define "));
    constant(lines.get(at - 1)) && constant(lines.get(at + 4))
}

/// The name in `} NAME;`, which ends the struct that starts `lines`.
fn name_at_end<'a>(lines: &[&'a str]) -> &'a str {
    let end = lines.iter().find_map(|line| line.strip_prefix("} "));
    end.and_then(|name| name.strip_suffix(';')).unwrap_or_default()
}
