//! The library from Rust: what C does through the header, without it. One fact a test, over every engine.

use hostel::cache::seal::Trust;
use hostel::call::{self, Options};
use hostel::engine::{self, capabilities};
use hostel::guest::Guest;
use hostel::host::{Imports, Reply};
use hostel::limits::{Limit, Limits};
use hostel::module::{LoadOptions, Module};
use hostel::room::pool::Settings;
use hostel::{Error, Status};
use std::sync::Arc;

const ECHO: &str = r#"(module
    (import "host" "answer" (func $answer (param i32 i32) (result i64)))
    (memory (export "memory") 1)
    (func (export "hostel_alloc") (param i32) (result i32) (i32.const 1024))
    (func (export "hostel_free") (param i32 i32))
    (func (export "ask") (param i32 i32) (result i64) (call $answer (local.get 0) (local.get 1)))
    (func (export "trap") (param i32 i32) (result i64) unreachable))"#;

/// Runs a test with a guest on each engine of the build; `answer` is what the guest may call.
fn on_every_engine(answer: fn(&[u8]) -> Reply, test: impl Fn(&Arc<Guest>)) {
    for capabilities in capabilities::built() {
        let engine = engine::new(capabilities.name, engine::Settings::default()).expect("an engine of this build");
        let module = Module::load_wat(&engine, None, ECHO.as_bytes(), &LoadOptions::default()).expect("a valid module");
        let mut imports = Imports::default();
        let function = move |caller: &mut hostel::host::Caller<'_>| {
            let reply = answer(caller.input());
            caller.reply(reply);
            Ok(())
        };
        imports.define("host", "answer", Box::new(function)).expect("a new name");
        test(&Arc::new(Guest::new(&module, &imports, None, Settings::default()).expect("a guest that links")));
    }
}

#[test]
fn a_host_function_answers() {
    let answer = |input: &[u8]| Reply::Output(input.iter().rev().copied().collect());
    on_every_engine(answer, |guest| {
        assert_eq!(&*guest.call("ask", b"abc", &Options::default()).unwrap(), b"cba");
    });
}

#[test]
fn a_host_function_that_panics_is_an_error_and_the_next_call_works() {
    fn answer(input: &[u8]) -> Reply {
        if input == b"panic" { panic!("on purpose") } else { Reply::Output(Vec::new()) }
    }
    on_every_engine(answer, |guest| {
        let error = guest.call("ask", b"panic", &Options::default()).unwrap_err();
        assert_eq!(error.status(), Status::Internal);
        assert!(error.to_string().contains("on purpose"), "{error}");
        assert!(guest.call("ask", b"ok", &Options::default()).unwrap().is_empty());
    });
}

#[test]
fn an_error_is_plain_data_that_can_be_kept() {
    on_every_engine(
        |_| Reply::Output(Vec::new()),
        |guest| {
            let error: Error = guest.call("trap", b"", &Options::default()).unwrap_err();
            let kept = std::thread::spawn(move || error.clone().status()).join().unwrap();
            assert_eq!(kept, Status::Trap);
        },
    );
}

#[test]
fn a_room_that_trapped_is_dead() {
    on_every_engine(
        |_| Reply::Output(Vec::new()),
        |guest| {
            let options = Options::default();
            let mut room = call::open(guest, &options).unwrap();
            let trap = guest.function("trap").unwrap();
            assert!(matches!(call::stateful(&mut room, guest, trap, b"", &options), Err(Error::Trap(_))));
            assert!(matches!(call::stateful(&mut room, guest, trap, b"", &options), Err(Error::InstanceDead)));
        },
    );
}

#[test]
fn a_call_can_only_set_what_is_its_to_set() {
    let mut options = Options::default();
    assert!(options.set_limit(Limit::StackBytes, 1 << 20).is_err());
    assert!(options.set_limit(Limit::OutputBytes, 0).is_err());
    options.set_limit(Limit::OutputBytes, 1).unwrap();
    on_every_engine(
        |_| Reply::Output(vec![0; 2]),
        |guest| {
            assert!(matches!(guest.call("ask", b"x", &options), Err(Error::OutputTooLarge { len: 2, max: 1 })));
        },
    );
}

#[test]
fn without_limits_engines_get_modules_as_they_came() {
    let wasm = hostel::text::wat_to_wasm(ECHO.as_bytes(), &Limits::default()).expect("valid text");
    for capabilities in capabilities::built() {
        let settings = engine::Settings { deadline: false, ..engine::Settings::default() };
        let engine = engine::new(capabilities.name, settings).expect("an engine of this build");
        assert!(engine.prepares().are_none());
        let module = Module::load(&engine, None, &wasm, &LoadOptions::default()).expect("a valid module");
        assert!(module.info().meters.is_none());
        // The interpreter's artifact is the module that it got.
        if capabilities.name == "wasmi" {
            let artifact = module.serialize(Trust::Vouched).expect("an artifact");
            assert!(artifact.starts_with(&wasm));
        }
        let limited = engine::new(capabilities.name, engine::Settings::default()).expect("an engine of this build");
        let module = Module::load(&limited, None, &wasm, &LoadOptions::default()).expect("a valid module");
        assert!(module.info().meters.is_some());
    }
}

#[cfg(not(feature = "wasi"))]
#[test]
fn a_build_without_wasi_says_so() {
    let refused = hostel::wasi::Wasi::new().err().expect("nobody is there to give it to");
    assert_eq!(refused.status(), Status::Unsupported);
}
