//! Links libhostel.so, from the build directory beside this one or from HOSTEL_LIB_DIR.

fn main() {
    println!("cargo::rerun-if-env-changed=HOSTEL_LIB_DIR");
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../build").to_owned();
    let directory = std::env::var("HOSTEL_LIB_DIR").unwrap_or(beside);
    println!("cargo::rustc-link-search=native={directory}");
    println!("cargo::rustc-link-lib=dylib=hostel");
    println!("cargo::rustc-link-arg=-Wl,-rpath,{directory}");
}
