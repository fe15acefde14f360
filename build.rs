//! Linker arguments of the shared library.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
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
    for argument in arguments {
        println!("cargo::rustc-link-arg-cdylib=-Wl,{argument}");
    }
}
