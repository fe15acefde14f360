//! Peers that are programs of their own, because they bring other versions of the same engines. They print figures as JSON.

use serde_json::{Map, Value};
use std::process::Command;

/// What a program measured.
pub struct Figures {
    program: String,
    figures: Map<String, Value>,
}

impl Figures {
    /// Runs a program.
    pub fn of(program: &str, arguments: &[&str]) -> Self {
        let output =
            Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("cannot run {program}: {error}"));
        assert!(output.status.success(), "{program} failed: {}", String::from_utf8_lossy(&output.stderr));
        let figures = serde_json::from_slice(&output.stdout).expect("it prints JSON");
        Figures { program: program.into(), figures }
    }

    pub fn get(&self, name: &str) -> f64 {
        self.figures.get(name).and_then(Value::as_f64).unwrap_or_else(|| panic!("{} printed no {name}", self.program))
    }
}
