//! What comes out: lines for people, figures for `bench.json`.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Report {
    figures: BTreeMap<String, f64>,
}

impl Report {
    /// Keeps a figure.
    pub fn keep(&mut self, name: &str, figure: f64) {
        assert!(figure.is_finite(), "{name} is no number");
        self.figures.insert(name.into(), figure);
    }

    /// Keeps a figure, and tells it with a sentence.
    pub fn tell(&mut self, name: &str, figure: f64, sentence: &str) {
        println!("  {:>12}  {sentence}", shown(figure));
        self.keep(name, figure);
    }

    pub fn get(&self, name: &str) -> f64 {
        self.figures[name]
    }

    pub fn write(&self, path: &str) {
        let figures: Map<String, Value> = self.figures.iter().map(|(name, figure)| (name.clone(), json!(figure))).collect();
        let text = serde_json::to_string_pretty(&figures).expect("numbers always serialise");
        std::fs::write(path, text + "\n").unwrap_or_else(|error| panic!("cannot write {path}: {error}"));
        println!("\nwritten to {path}");
    }
}

/// The title of a section.
pub fn section(title: &str) {
    println!("\n{title}");
}

/// A number with as many digits as say something.
pub fn shown(figure: f64) -> String {
    match figure.abs() {
        f if f >= 100.0 => format!("{figure:.0}"),
        f if f >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

/// Nanoseconds in a unit that fits.
pub fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{} ns", shown(ns)),
        ns if ns < 1e6 => format!("{} us", shown(ns / 1e3)),
        ns => format!("{} ms", shown(ns / 1e6)),
    }
}
