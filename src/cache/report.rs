//! What a directory of artifacts holds, for people and programs.

use super::upkeep::{Engines, Examiner, State};
use super::{Directory, Kind, Listed, hex};
use crate::Result;
use std::time::UNIX_EPOCH;

/// An artifact or an alias in a directory.
pub struct Line {
    /// Whether it is an alias.
    pub is_alias: bool,
    /// The module's key, hexadecimal; of an alias what it is kept under.
    pub module_key: String,
    /// The fingerprint it was compiled for, hexadecimal.
    pub fingerprint: String,
    /// The engine of this build that has this fingerprint.
    pub engine: Option<&'static str>,
    /// Where it lies in the directory.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// When it was last used, in seconds since 1970.
    pub used: u64,
    /// How it is, if that was asked.
    pub state: Option<State>,
}

/// Tells what a directory holds, what was not used for longest first; and how each is, if there is somebody to tell.
pub fn report(directory: &Directory, examiner: Option<&Examiner>) -> Result<Vec<Line>> {
    let engines = Engines::of_this_build()?;
    let line = |entry: Listed| {
        let state = match examiner {
            Some(examiner) => Some(examiner.examine(&entry)?),
            None => None,
        };
        let (module_key, fingerprint) = (hex(&entry.key.wasm), hex(&entry.key.fingerprint));
        let name = entry.path.file_name().unwrap_or_default();
        let file = format!("{fingerprint}/{}", name.to_string_lossy());
        let used = entry.used.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let engine = engines.name(&entry.key.fingerprint);
        let is_alias = entry.kind == Kind::Alias;
        Some(Line { is_alias, module_key, fingerprint, engine, file, bytes: entry.bytes, used, state })
    };
    Ok(directory.list()?.entries.into_iter().filter_map(line).collect())
}

/// The same as JSON.
pub fn json(lines: &[Line]) -> String {
    let line = |line: &Line| {
        let (state, reason) = line.state.as_ref().map_or((None, None), |state| (Some(state.name()), state.reason()));
        serde_json::json!({
            "module_key": line.module_key, "fingerprint": line.fingerprint, "engine": line.engine, "file": line.file,
            "bytes": line.bytes, "used": line.used, "state": state, "reason": reason,
        })
    };
    let (aliases, entries): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.is_alias);
    let tell = |lines: Vec<&Line>| lines.into_iter().map(line).collect::<Vec<_>>();
    let bytes: u64 = lines.iter().map(|line| line.bytes).sum();
    serde_json::json!({ "entries": tell(entries), "aliases": tell(aliases), "bytes": bytes }).to_string()
}
