//! Loading what was compiled before, in a process that runs already: SQLite, 1.4 MB of WebAssembly.

use crate::measure::{Contender, nanoseconds};
use crate::ours::{Artifact, Engine};
use crate::peers::wasmtime::{Loader, Wasmtime};
use crate::report::{Report, section, time};

pub fn measure(report: &mut Report, engine: &Engine, sqlite: &[u8], wasmtime: &Wasmtime) {
    let folder = std::env::temp_dir().join(format!("hostel-bench-artifacts-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for artifacts");
    let module = engine.load(None, sqlite);
    let (sealed, vouched) = (Artifact::sealed(&module), Artifact::vouched(&module));
    let (ours, theirs) = (folder.join("hostel"), folder.join("wasmtime"));
    vouched.write(&ours);
    wasmtime.save(&theirs);
    let loader = Loader::new();

    let times = nanoseconds(&mut [
        Contender::new("vouched, mapped", || engine.load_vouched_file(&ours)),
        Contender::new("vouched", || drop(vouched.load(engine))),
        Contender::new("sealed", || drop(sealed.load(engine))),
        Contender::new("wasmtime", || loader.load(&theirs)),
    ]);
    std::fs::remove_dir_all(&folder).expect("the artifacts can be removed");
    let [mapped, copied, proved, by_wasmtime] = times[..] else { unreachable!("four contenders") };
    let goal = 2.0 * by_wasmtime + sealed.len() as f64 / 4.0; // 4 GB/s is 4 bytes in a nanosecond

    section("an artifact of SQLite, loaded and let go of");
    println!("{:34} {:>12}", "hostel, vouched, from a file", time(mapped));
    println!("{:34} {:>12}", "hostel, vouched, from memory", time(copied));
    println!("{:34} {:>12}", "hostel, sealed, from memory", time(proved));
    println!("{:34} {:>12}", "wasmtime, deserialize_file", time(by_wasmtime));
    report.keep("artifact_vouched_us", mapped / 1e3);
    report.keep("artifact_sealed_us", proved / 1e3);
    report.tell("artifact_vouched_ratio_wasmtime", mapped / by_wasmtime, "times wasmtime's time for a vouched file");
    report.tell("artifact_sealed_over_goal", proved / goal, "times two of wasmtime's and 4 GB/s for checking the artifact");
}
