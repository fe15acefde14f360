//! What the target has, and linker arguments of the shared library.

fn main() {
    // For code that is to run on machines other than this one.
    println!("cargo::rustc-env=HOSTEL_TARGET={}", std::env::var("TARGET").unwrap_or_default());
    println!("cargo::rerun-if-changed=build.rs");
    // wasmtime does not tell its version, and code that one version made is not for another.
    if std::env::var_os("CARGO_FEATURE_WASMTIME").is_some() {
        println!("cargo::rustc-env=HOSTEL_WASMTIME={}", locked("wasmtime"));
    }
    // Rooms that are put back instead of made anew, and handlers of signals before and behind the engines': for engines that
    // generate code, on systems that src/sys knows.
    println!("cargo::rustc-check-cfg=cfg(snapshots)");
    let is = |name: &str, value: &str| std::env::var(name).as_deref() == Ok(value);
    let generates = is("CARGO_FEATURE_WASMER", "1") || is("CARGO_FEATURE_WASMTIME", "1");
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_POINTER_WIDTH", "64") && generates {
        println!("cargo::rustc-cfg=snapshots");
    }
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    let arguments = [
        // cargo names none, and a program would then be bound to the path the library was linked from. Grows when the ABI breaks.
        "-soname,libhostel.so.0",
        // Signal handlers and threads outlive a dlclose().
        "-z,nodelete",
        // The engines' crates have `no_mangle` functions of their own; only those of this crate are for C.
        "--exclude-libs,ALL",
    ];
    // LLVM's data stays until the end of the process (src/sys/exit.rs).
    let llvm = is("CARGO_FEATURE_LLVM", "1").then_some("--wrap=__cxa_atexit");
    for argument in arguments.into_iter().chain(llvm) {
        println!("cargo::rustc-link-arg-cdylib=-Wl,{argument}");
    }
}

/// The version of a package that this build is locked to.
fn locked(package: &str) -> String {
    let path = std::path::Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("Cargo.lock");
    println!("cargo::rerun-if-changed={}", path.display());
    let lock = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines = lock.lines().skip_while(|line| *line != format!("name = \"{package}\"")).skip(1);
    let version = lines.next().and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    version.unwrap_or_else(|| panic!("{} does not name {package}", path.display())).to_owned()
}
