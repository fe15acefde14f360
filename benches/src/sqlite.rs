//! A large guest: SQLite with a table in memory, initialised before it is loaded, so that all hosts start from the same.

use crate::measure::{Contender, nanoseconds};
use crate::ours::{Engine, Guest};
use crate::peers::outside::Figures;
use crate::report::{Report, section, time};
use crate::small::Peers;

/// The requests: a name for figures, the function, and the input.
const REQUESTS: [(&str, &str, &[u8]); 3] =
    [("echo", "echo", &[7; 64]), ("20", "sql", &20_u32.to_le_bytes()), ("500", "sql", &500_u32.to_le_bytes())];

/// How long the answers to 20 and to 500 rows are.
pub fn answers(wasmi: &crate::peers::wasmi::Wasmi) -> [usize; 2] {
    [REQUESTS[1], REQUESTS[2]].map(|(_, function, input)| wasmi.keep(function).answer(input).len())
}

pub fn measure(report: &mut Report, engine: &Engine, wasm: &[u8], peers: &Peers, extism: &Figures, answers: [usize; 2]) {
    let module = engine.load(None, wasm);
    let policies: [Guest; 2] = [module.guest(true), module.guest(false)];
    section("SQLite, a fresh call each");
    let names = [
        ("hostel, cranelift", "fresh"),
        ("hostel, write tracking off", "scan"),
        ("wasmtime, pool at its best", "wasmtime_best"),
        ("wasmtime, pool", "wasmtime_pooling"),
        ("wasmtime, on demand", "wasmtime"),
        ("wasmer, cranelift", "wasmer"),
        ("wasmi", "wasmi"),
        ("extism", "extism"),
    ];
    let mut columns = Vec::new();
    for ((name, function, input), len) in REQUESTS.into_iter().zip([64, answers[0], answers[1]]) {
        let own = policies.map(|guest| guest.function(if function == "echo" { c"echo" } else { c"sql" }));
        let mut column = nanoseconds(&mut [
            Contender::new("hostel", || own[0].fresh(input, len)),
            Contender::new("hostel, scan", || own[1].fresh(input, len)),
            Contender::new("wasmtime best", || peers.wasmtime[2].fresh(function, input, len)),
            Contender::new("wasmtime pooling", || peers.wasmtime[1].fresh(function, input, len)),
            Contender::new("wasmtime on demand", || peers.wasmtime[0].fresh(function, input, len)),
            Contender::new("wasmer", || peers.wasmer.fresh(function, input, len)),
            Contender::new("wasmi", || peers.wasmi.fresh(function, input, len)),
        ]);
        column.push(extism.get(&format!("sqlite_{name}_ns")));
        report.keep(&format!("sqlite_{name}_us"), column[0] / 1e3);
        report.keep(&format!("sqlite_{name}_scan_us"), column[1] / 1e3);
        for ((_, peer), ns) in names.iter().zip(&column).skip(2) {
            report.keep(&format!("sqlite_{name}_ratio_{peer}"), ns / column[0]);
        }
        columns.push(column);
    }
    println!("{:34} {:>12} {:>12} {:>14}", "", "64 bytes", "20 rows", "500 rows");
    for (index, (name, _)) in names.iter().enumerate() {
        println!("{name:34} {:>12} {:>12} {:>14}", time(columns[0][index]), time(columns[1][index]), time(columns[2][index]));
    }
    let over_best = columns.iter().map(|column| column[0] / column[0].min(column[1])).product::<f64>().cbrt();
    report.tell(
        "sqlite_policy_geomean",
        over_best,
        "times the best policy for each: geometric mean of the default over the three",
    );
}
