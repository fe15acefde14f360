//! The numbers in the committed header are the numbers of the Rust enums.

use hostel::Status;
use hostel::limits::TABLE;

/// The `#define`s of the header that begin with a prefix: the rest of the name, and the number.
fn defines(prefix: &str) -> Vec<(String, i64)> {
    let header = include_str!("../include/hostel.h");
    let defines = header.lines().filter_map(|line| line.strip_prefix("#define ")?.strip_prefix(prefix)?.split_once(' '));
    defines.map(|(name, number)| (name.to_string(), number.parse().expect("a number"))).collect()
}

#[test]
fn every_status_has_its_name_and_number() {
    let ours: Vec<_> = Status::ALL.iter().map(|&(status, name)| (name.to_string(), status as i64)).collect();
    assert_eq!(defines("HOSTEL_STATUS_"), ours);
}

#[test]
fn every_limit_is_a_row_of_the_table() {
    let numbers: Vec<_> = defines("HOSTEL_LIMIT_").into_iter().map(|(_, number)| number).collect();
    let ours: Vec<_> = TABLE.iter().map(|row| row.limit as i64).collect();
    assert_eq!(numbers, ours);
}

#[test]
fn the_limits_in_the_documentation_are_the_table() {
    let header = include_str!("../include/hostel.h");
    for row in &TABLE {
        let name = defines("HOSTEL_LIMIT_").into_iter().find(|&(_, number)| number == row.limit as i64).unwrap().0;
        let line = header.lines().find(|line| line.contains(&format!("| {name} |"))).expect("a row in the header");
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        assert_eq!(number(cells[2]), row.default, "default of {name}");
        assert_eq!(number(cells[3]), row.max, "highest {name}");
        assert_eq!(cells[4] == "yes", row.per_call, "{name} for one call");
    }
}

/// "64 MiB", "1 GiB", "100,000".
fn number(text: &str) -> u64 {
    let (digits, unit) = text.split_once(' ').unwrap_or((text, ""));
    let unit = match unit {
        "" => 1,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        other => panic!("unit {other}"),
    };
    digits.replace(',', "").parse::<u64>().expect("a number") * unit
}
