//! Writes include/hostel.h and tests/symbols.txt from src/ffi, or checks that the committed ones are what it would write.
//!
//! cbindgen orders a whole crate by kind of item. Running it once for each file instead gives the header one section for each handle,
//! in the order a reader meets them, named like the file that implements it.

mod section;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use section::Section;

/// The sections of the header. A type is declared before it is used, so the order matters to the C compiler too.
const SECTIONS: [&str; 28] = [
    "status",
    "buffer",
    "error",
    "log",
    "engine",
    "engine_metering",
    "engine_stats",
    "cache",
    "cache_directory",
    "cache_remote",
    "inspect",
    "load_options",
    "module",
    "load",
    "externs",
    "artifact",
    "caller",
    "caller_memory",
    "imports",
    "wasi",
    "cancel",
    "call_options",
    "report",
    "guest_options",
    "guest",
    "function",
    "instance",
    "convert",
];

/// Files of src/ffi that hold nothing for C.
const INTERNAL: [&str; 2] = ["mod", "boundary"];

const PROLOGUE: &str = include_str!("../prologue.h");
const EPILOGUE: &str = "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n";

const USAGE: &str = "usage: hostel-header write | check [HEADER [SYMBOLS]]";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate is in tools/header");
    let path = |index: usize, default: &str| args.get(index).map_or_else(|| root.join(default), PathBuf::from);
    let (header_path, symbols_path) = (path(1, "include/hostel.h"), path(2, "tests/symbols.txt"));

    let result = generate(root).and_then(|(header, symbols)| match args.as_slice() {
        ["write"] => write(&header_path, &header).and_then(|()| write(&symbols_path, &symbols)),
        ["check"] | ["check", _] | ["check", _, _] => {
            compare(&header_path, &header).and_then(|()| compare(&symbols_path, &symbols))
        }
        _ => Err(USAGE.to_owned()),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("hostel-header: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The text of the header, and the sorted names of its functions, one a line.
fn generate(root: &Path) -> Result<(String, String), String> {
    let ffi = root.join("src/ffi");
    every_file_has_its_place(&ffi)?;
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml"))?;

    let mut header = PROLOGUE.to_owned();
    let mut symbols = Vec::new();
    for name in SECTIONS {
        let section = Section::generate(name, &ffi.join(name).with_extension("rs"), &config)?;
        header.push_str(&section.text);
        symbols.extend(section.symbols);
    }
    header.push_str(EPILOGUE);

    symbols.sort();
    if let Some(twice) = symbols.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("{} is declared twice", twice[0]));
    }
    Ok((header, symbols.iter().map(|symbol| format!("{symbol}\n")).collect()))
}

/// A new file of src/ffi must not be left out of the header because nobody thought of SECTIONS.
fn every_file_has_its_place(ffi: &Path) -> Result<(), String> {
    let entries = fs::read_dir(ffi).map_err(|error| format!("{}: {error}", ffi.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !SECTIONS.contains(&stem.as_str()) && !INTERNAL.contains(&stem.as_str()) {
            return Err(format!("src/ffi/{stem}: give it a place in SECTIONS of tools/header/src/main.rs"));
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    // An untouched header keeps its time stamp, and so everything compiled from it.
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn compare(path: &Path, expected: &str) -> Result<(), String> {
    let found = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if found == expected {
        return Ok(());
    }
    let same = found.lines().zip(expected.lines()).take_while(|(a, b)| a == b).count();
    let line = |text: &str| text.lines().nth(same).map_or("(end of file)".to_owned(), str::to_owned);
    Err(format!(
        "{} is not what src/ffi says; run `make header`. Line {}:\n-{}\n+{}",
        path.display(),
        same + 1,
        line(&found),
        line(expected)
    ))
}
