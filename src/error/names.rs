//! Names of a guest's functions, as people write them. The guest chooses them.

use super::shown;
use alloc::string::String;

/// A name as it may stand in a message: that of a Rust function without what the compiler has added, and no name longer than
/// messages hold. (Linkers for WebAssembly give C++ functions their names back themselves. No crate does that within bounds:
/// cpp_demangle 0.5.1 takes half a minute for 120 bytes.)
pub(crate) fn function_name(name: &str) -> String {
    demangled(name).map_or_else(|| shown(name), |name| shown(&name))
}

#[cfg(feature = "std")]
fn demangled(name: &str) -> Option<String> {
    use core::fmt::Write;
    const BYTES_MAX: usize = 4096;
    // The crate follows names that lead to themselves 500 levels deep, which takes some 60 KiB.
    const STACK_BYTES: usize = 128 << 10;
    let mangled = name.starts_with("_R") || name.starts_with("_ZN");
    if !mangled || name.len() > BYTES_MAX || crate::sys::stack::left() < STACK_BYTES {
        return None;
    }
    let mut text = Bounded(String::new());
    // An error is that the rest is not wanted.
    let _ = write!(text, "{:#}", rustc_demangle::try_demangle(name).ok()?);
    Some(text.0)
}

#[cfg(not(feature = "std"))]
fn demangled(_: &str) -> Option<String> {
    None
}

/// As much of a text as may be shown, and a little more, so that it shows that there is more.
#[cfg(feature = "std")]
struct Bounded(String);

#[cfg(feature = "std")]
impl core::fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        const BYTES_MAX: usize = 2048;
        if self.0.len() + text.len() > BYTES_MAX {
            let rest = BYTES_MAX - self.0.len();
            self.0.extend(text.char_indices().take_while(|(at, c)| at + c.len_utf8() <= rest).map(|(_, c)| c));
            return Err(core::fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::function_name;
    use alloc::format;

    #[test]
    fn names_of_rust_lose_what_the_compiler_added() {
        assert_eq!(function_name("_ZN4core9panicking5panic17h0123456789abcdefE"), "core::panicking::panic");
        assert_eq!(
            function_name("_ZN48_$LT$guest..Room$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE"),
            "<guest::Room as core::fmt::Debug>::fmt"
        );
        assert_eq!(function_name("_RNvCs1234_7mycrate3foo"), "mycrate::foo");
        assert_eq!(function_name("_RINvNtC3std3mem8align_ofdE"), "std::mem::align_of::<f64>");
    }

    #[test]
    fn other_names_stay() {
        for name in ["f", "_R", "_ZN", "_Rubbish", "_ZN3foo3barEv", "_Z1fv", "render", "größe", "_ZN4core9panickin"] {
            assert_eq!(function_name(name), name);
        }
    }

    #[test]
    fn hostile_names_are_bounded() {
        let deep = format!("_RINvC1a1b{}uE", "R".repeat(3000));
        let long = format!("_RNvC1a300{}", "x".repeat(300));
        let doubling = (0..60).fold("_RINvC1a1bu".into(), |name: alloc::string::String, _| format!("{name}TBB_BB_E")) + "E";
        for name in
            ["_RNvB_1a", "_RYB_1a", "_RINvB_1aB_B_B_E", "_RINvC1a1bFB9_EuE", &deep, &long, &doubling, &"_R".repeat(50_000)]
        {
            assert!(function_name(name).chars().count() <= 256 + 3);
        }
    }

    #[test]
    fn without_stack_a_name_stays() {
        let thread = std::thread::Builder::new().stack_size(64 << 10);
        let name = "_RNvCs1234_7mycrate3foo";
        assert_eq!(thread.spawn(|| function_name(name)).expect("a thread").join().expect("no panic"), name);
    }
}
