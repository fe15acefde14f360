//! What the kernel says about this process.

use std::fs::read_to_string;

pub struct Usage {
    pub resident_kib: f64,
    pub proportional_kib: f64,
    pub page_tables_kib: f64,
    pub mappings: f64,
}

pub fn now() -> Usage {
    let rollup = read_to_string("/proc/self/smaps_rollup").expect("Linux");
    let status = read_to_string("/proc/self/status").expect("Linux");
    let maps = read_to_string("/proc/self/maps").expect("Linux");
    Usage {
        resident_kib: kib(&rollup, "Rss:"),
        proportional_kib: kib(&rollup, "Pss:"),
        page_tables_kib: kib(&status, "VmPTE:"),
        mappings: maps.lines().count() as f64,
    }
}

fn kib(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("the kernel says no {name}"));
    line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
}
