//! Host functions: what a guest may reach, and how an answer gets back.

mod link;

pub(crate) use link::Link;

use crate::bounds::{self, Bounds};
use crate::engine::Instance;
use crate::error::{WasmError, shown};
use crate::inspect::FuncType;
use crate::stop::Reason;
use crate::{Error, Result};
use alloc::collections::BTreeMap;
use alloc::{boxed::Box, format, string::String, sync::Arc, vec::Vec};
use core::ffi::c_void;
use core::ops::Range;

/// A host function of bytes. An error ends the guest's call; what the guest itself shall see goes through the caller.
pub type BytesFunction = Box<dyn Fn(&mut Caller<'_>) -> Result<()> + Send + Sync>;

/// A host function of plain values: parameters in the slots, results out of them.
pub type RawFunction = Box<dyn Fn(&mut Caller<'_>, &mut [u64]) -> Result<()> + Send + Sync>;

/// One defined function.
pub(crate) enum HostFunction {
    Bytes(BytesFunction),
    Raw(FuncType, RawFunction),
}

/// The functions a host offers to its guests, by module and name.
#[derive(Clone, Default)]
pub struct Imports {
    functions: BTreeMap<(String, String), Arc<HostFunction>>,
    /// What is granted to guests that use WASI.
    #[cfg(feature = "std")]
    pub(crate) wasi: Arc<crate::wasi::Wasi>,
}

impl Imports {
    /// Offers a function of bytes; which types it has for the guest is the guest's ABI's affair.
    pub fn define(&mut self, module: &str, name: &str, function: BytesFunction) -> Result<()> {
        self.add(module, name, HostFunction::Bytes(function))
    }

    /// Offers a function of plain values.
    pub fn define_raw(&mut self, module: &str, name: &str, ty: FuncType, function: RawFunction) -> Result<()> {
        if !ty.is_scalar() {
            return Err(Error::InvalidArgument(format!("type: {ty} has values other than i32, i64, f32 and f64")));
        }
        self.add(module, name, HostFunction::Raw(ty, function))
    }

    /// Grants this to guests that use WASI; without it they get nothing.
    #[cfg(feature = "std")]
    pub fn grant(&mut self, wasi: crate::wasi::Wasi) {
        self.wasi = Arc::new(wasi);
    }

    fn add(&mut self, module: &str, name: &str, function: HostFunction) -> Result<()> {
        if name == "hostel_fail" && matches!(module, "hostel" | "env") {
            return Err(Error::InvalidArgument(format!(
                "name: {}.{} is provided by the ABI \"hostel\" itself",
                shown(module),
                shown(name)
            )));
        }
        let key = (String::from(module), String::from(name));
        if self.functions.contains_key(&key) {
            return Err(Error::InvalidArgument(format!("name: {}.{} is defined already", shown(module), shown(name))));
        }
        self.functions.insert(key, Arc::new(function));
        Ok(())
    }

    fn find(&self, module: &str, name: &str) -> Option<&Arc<HostFunction>> {
        self.functions.get(&(String::from(module), String::from(name)))
    }
}

/// What a host function says to the guest.
pub enum Reply {
    /// It worked.
    Output(Vec<u8>),
    /// It did not, and the guest shall know.
    Failure(Failure),
}

/// Why a host function failed.
#[derive(Debug, Default)]
pub struct Failure {
    /// For people, and for guests if there is no payload.
    pub message: String,
    /// For guests, and for the caller of the guest.
    pub payload: Vec<u8>,
    /// The same with its kind and place, for ABIs that have them.
    pub wasm_error: Option<WasmError>,
}

impl Failure {
    /// What ABIs without kinds pass on.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        if self.payload.is_empty() { self.message.into_bytes() } else { self.payload }
    }

    /// The error of a call that ends with it.
    pub fn into_error(self) -> Error {
        Error::Host { message: self.message, payload: self.payload, wasm_error: self.wasm_error.map(Box::new) }
    }
}

/// A host function's view of the call it is part of.
pub struct Caller<'a> {
    instance: &'a mut dyn Instance,
    /// Where the input lies in the guest's memory; nowhere for functions of plain values.
    input: Range<usize>,
    reply: Option<Reply>,
}

impl<'a> Caller<'a> {
    fn new(instance: &'a mut dyn Instance, input: Range<usize>) -> Self {
        Caller { instance, input, reply: None }
    }

    /// Runs the host function; one that fails has not ended the call with a result, whatever it said before.
    fn settle(&mut self, function: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let outcome = self.lend(function);
        if outcome.is_err() {
            self.instance.state().short_circuit = None;
        }
        outcome
    }

    /// Runs the host function so that calls of guests inside it have what is left to this one, and use it up.
    #[cfg(feature = "std")]
    fn lend(&mut self, function: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let state = self.instance.state();
        if !state.limited {
            return function(self);
        }
        let fuel = state.bounds.fuel.is_some().then(|| self.fuel_left().unwrap_or(0));
        let bounds = Bounds { fuel, ..self.instance.state().bounds.clone() };
        let (outcome, spent) = bounds::lend(bounds, || function(self));
        self.use_fuel(spent);
        outcome
    }

    #[cfg(not(feature = "std"))]
    fn lend(&mut self, function: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        function(self)
    }

    /// How much fuel the call has left, what calls inside this host function have used taken off; nothing if none is counted.
    pub fn fuel_left(&mut self) -> Option<u64> {
        self.instance.state().fuel?;
        let left = self.instance.fuel().saturating_sub_unsigned(bounds::spent());
        Some(u64::try_from(left).unwrap_or(0))
    }

    /// Takes fuel off the call, for work that the host does for it; whether there was so much.
    pub fn use_fuel(&mut self, units: u64) -> bool {
        if self.instance.state().fuel.is_none() {
            return true;
        }
        let state = self.instance.state();
        if state.bounds.fuel.is_none() {
            // As much as it likes: the counter only counts, and never so far that the guest could run out.
            const PLENTY: i64 = i64::MAX / 2;
            let left = self.instance.fuel();
            self.instance.set_fuel(left.saturating_sub_unsigned(units).max(left.min(PLENTY)));
            return true;
        }
        // Far below 0 is as good as lower, and code that goes on counting does not get to the other end.
        const LEAST: i64 = i64::MIN / 2;
        let left = self.instance.fuel().saturating_sub_unsigned(units).max(LEAST);
        self.instance.set_fuel(left);
        left.saturating_sub_unsigned(bounds::spent()) >= 0
    }

    /// What the call may use up.
    pub fn bounds(&mut self) -> &Bounds {
        &self.instance.state().bounds
    }

    /// Whether the call has been told to stop, and why.
    pub fn stopped(&mut self) -> Option<Reason> {
        self.instance.state().stop.asked()
    }

    /// The bytes the guest passed, where they lie: the guest waits, and nothing else touches its memory meanwhile.
    pub fn input(&mut self) -> &[u8] {
        self.instance.memory().get(self.input.clone()).unwrap_or_default()
    }

    /// The context that the host gave with the options of the call; null if it gave none.
    pub fn context(&mut self) -> *mut c_void {
        *self.instance.state().context.get_mut()
    }

    /// Answers the guest; a second answer replaces the first.
    pub fn reply(&mut self, reply: Reply) {
        self.reply = Some(reply);
    }

    /// The failure told so far, for a host function that wants to end the call with it.
    pub fn take_failure(&mut self) -> Option<Failure> {
        match self.reply.take() {
            Some(Reply::Failure(failure)) => Some(failure),
            _ => None,
        }
    }

    /// Ends the guest's call, successfully: these bytes are what it returns, as if the guest had.
    pub fn short_circuit(&mut self, output: Vec<u8>) {
        self.instance.state().short_circuit = Some(output);
    }

    /// The guest's memory.
    pub fn memory(&mut self) -> &mut [u8] {
        self.instance.memory()
    }
}
