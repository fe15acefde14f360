//! docs/bench.svg: one call in a fresh guest, hostel and others, on a logarithmic scale.

use crate::report::{Report, time};
use std::fmt::Write;

/// A bar: who, the figure, and what it counts in nanoseconds; 0 for a ratio to the group's first bar.
type Bar = (&'static str, &'static str, f64);

const GROUPS: [(&str, &[Bar]); 2] = [
    (
        "64 bytes there and back, each call in a guest that is as new",
        &[
            ("hostel", "fresh_call_us", 1e3),
            ("wasmtime, pool at its best", "wasmtime_best_fresh_call_us", 1e3),
            ("wasmtime, pool", "wasmtime_pooling_fresh_call_us", 1e3),
            ("wasmtime, on demand", "wasmtime_fresh_call_us", 1e3),
            ("wasmer", "wasmer_fresh_call_us", 1e3),
            ("extism", "extism_fresh_call_us", 1e3),
            ("holochain_wasmer_host *", "holochain_host_fresh_call_us", 1e3),
        ],
    ),
    (
        "SQLite, 20 rows of a table in memory, likewise",
        &[
            ("hostel", "sqlite_20_us", 1e3),
            ("wasmtime, pool at its best", "sqlite_20_ratio_wasmtime_best", 0.0),
            ("wasmtime, pool", "sqlite_20_ratio_wasmtime_pooling", 0.0),
            ("wasmtime, on demand", "sqlite_20_ratio_wasmtime", 0.0),
            ("wasmer", "sqlite_20_ratio_wasmer", 0.0),
            ("extism", "sqlite_20_ratio_extism", 0.0),
        ],
    ),
];
const WIDTH: f64 = 760.0;
const LEFT: f64 = 210.0;
const ROW: f64 = 24.0;
/// The scale: from 100 ns to 1 ms.
const DECADES: [(f64, &str); 5] = [(1e2, "100 ns"), (1e3, "1 us"), (1e4, "10 us"), (1e5, "100 us"), (1e6, "1 ms")];
/// Figures have an edge in the colour of the page, so that no line runs through them.
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}
.quiet{fill:#6e7781}.scale{fill:#6e7781;text-anchor:middle}
.page{fill:#fff}.bar{fill:#afb8c1}.ours{fill:#1a7f64}.line{stroke:#d0d7de}.figure{paint-order:stroke;stroke:#fff;stroke-width:6px}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.quiet,.scale{fill:#8b949e}
.page{fill:#0d1117}.bar{fill:#57606a}.ours{fill:#3fb992}.line{stroke:#30363d}.figure{stroke:#0d1117}}";

/// Where a time lies on the scale.
fn x(ns: f64) -> f64 {
    let decades = (DECADES.len() - 1) as f64;
    LEFT + (ns / DECADES[0].0).log10().clamp(0.0, decades) / decades * (WIDTH - LEFT - 70.0)
}

/// Draws the figures.
pub fn draw(report: &Report) -> String {
    let mut body = String::new();
    let mut y = 8.0;
    for (title, bars) in GROUPS {
        text(&mut body, 8.0, y + 16.0, "title", title);
        y += 28.0;
        let bottom = y + ROW * bars.len() as f64;
        for (ns, name) in DECADES {
            let x = x(ns);
            let _ = writeln!(body, r#"<line class="line" x1="{x:.1}" y1="{y:.1}" x2="{x:.1}" y2="{bottom:.1}"/>"#);
            text(&mut body, x, bottom + 15.0, "scale", name);
        }
        for &(name, figure, unit) in bars {
            let figure = report.get(figure);
            let ns = if unit > 0.0 { figure * unit } else { figure * report.get(bars[0].1) * bars[0].2 };
            let class = if name == "hostel" { "ours" } else { "bar" };
            let (top, width) = (y + 4.0, x(ns) - LEFT);
            text(&mut body, 8.0, y + 17.0, "", name);
            let _ = writeln!(body, r#"<rect class="{class}" x="{LEFT}" y="{top:.1}" width="{width:.1}" height="16" rx="2"/>"#);
            text(&mut body, x(ns) + 6.0, y + 17.0, "figure", &time(ns));
            y += ROW;
        }
        y += 38.0;
    }
    text(
        &mut body,
        8.0,
        y + 6.0,
        "quiet",
        "* its own guest, called in MessagePack. Logarithmic scale; shorter is better. One run of `make bench`.",
    );
    let height = y + 20.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Time of a call in a \
         fresh guest: hostel and others\">\n<style>{STYLE}</style>\n<rect class=\"page\" width=\"{WIDTH}\" \
         height=\"{height}\"/>\n{body}</svg>\n"
    )
}

fn text(body: &mut String, x: f64, y: f64, class: &str, text: &str) {
    let _ = writeln!(body, r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{text}</text>"#);
}
