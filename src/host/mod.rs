//! Host functions: what a guest may reach, and how an answer gets back.

mod link;

pub(crate) use link::Link;

use crate::abi::{Convention, no_allocator};
use crate::bounds::{self, Bounds};
use crate::call;
use crate::engine::Instance;
use crate::error::{WasmError, shown};
use crate::inspect::FuncType;
use crate::stop::Reason;
use crate::sys::stack;
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
    /// One that has no more than a message.
    pub fn of(message: String) -> Self {
        Failure { message, ..Failure::default() }
    }

    /// Its kind and place, and what it carries, whoever asks: those who told none carry the payload, or else the message.
    fn told(self) -> (String, WasmError) {
        let Failure { message, payload, wasm_error } = self;
        let carried = |payload: Vec<u8>| if payload.is_empty() { message.clone().into_bytes() } else { payload };
        let wasm_error = wasm_error.unwrap_or_else(|| WasmError::untold(carried(payload)));
        (message, wasm_error)
    }

    /// What ABIs without kinds pass on: what it carries, or the message.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let (message, WasmError { payload, .. }) = self.told();
        if payload.is_empty() { message.into_bytes() } else { payload }
    }

    /// What ABIs with kinds pass on. Text stays text: where a kind of text carries other bytes, it is the message.
    pub(crate) fn into_wasm_error(self) -> WasmError {
        let (message, mut wasm_error) = self.told();
        if wasm_error.kind.is_text() && core::str::from_utf8(&wasm_error.payload).is_err() {
            wasm_error.payload = message.into_bytes();
        }
        wasm_error
    }

    /// The error of a call that ends with it.
    pub fn into_error(self) -> Error {
        let (message, wasm_error) = self.told();
        Error::Host { message, wasm_error: Box::new(wasm_error) }
    }
}

/// A host function's view of the call it is part of.
pub struct Caller<'a> {
    instance: &'a mut dyn Instance,
    /// The guest's ABI, if that is known.
    convention: Option<&'a dyn Convention>,
    /// Where the input lies in the guest's memory; nowhere for functions of plain values.
    input: Range<usize>,
    reply: Option<Reply>,
    /// Why the guest cannot go on, whatever the host function says.
    broken: Option<Broken>,
}

/// What a call of the guest's allocator came to that did not come to its end.
struct Broken {
    error: Error,
    /// What a host function ended it with inside, if that is how.
    output: Option<Vec<u8>>,
}

impl<'a> Caller<'a> {
    fn new(instance: &'a mut dyn Instance, convention: Option<&'a dyn Convention>, input: Range<usize>) -> Self {
        Caller { instance, convention, input, reply: None, broken: None }
    }

    /// Runs the host function; one that fails has not ended the call with a result, whatever it said before.
    fn settle(&mut self, function: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let outcome = self.lend(function);
        if let Some(Broken { error, output }) = &mut self.broken {
            self.instance.state().short_circuit = output.take();
            return Err(error.clone());
        }
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

    /// Answers the guest; a second answer replaces the first, whatever it is.
    pub fn reply(&mut self, reply: Reply) {
        self.instance.state().short_circuit = None;
        self.reply = Some(reply);
    }

    /// The failure told so far, for a host function that wants to end the call with it.
    pub fn take_failure(&mut self) -> Option<Failure> {
        match self.reply.take() {
            Some(Reply::Failure(failure)) => Some(failure),
            _ => None,
        }
    }

    /// Ends the guest's call, successfully: these bytes are what it returns, as if the guest had. It replaces an answer.
    pub fn short_circuit(&mut self, output: Vec<u8>) {
        self.reply = None;
        self.instance.state().short_circuit = Some(output);
    }

    /// The guest's memory.
    pub fn memory(&mut self) -> &mut [u8] {
        self.instance.memory()
    }

    /// Whether `allocate` may make the guest's memory lie elsewhere.
    pub fn memory_moves(&mut self) -> bool {
        self.instance.memory_moves()
    }

    /// A block of so many bytes in the guest's memory, which then belongs to the guest: its address.
    pub fn allocate(&mut self, len: usize) -> Result<u64> {
        self.inside(|convention, instance| convention.allocate(instance, len))
    }

    /// Gives a block back to the guest's allocator.
    pub fn deallocate(&mut self, address: u64, len: usize) -> Result<()> {
        self.inside(|convention, instance| convention.deallocate(instance, address, len))
    }

    /// Calls the guest's allocator. Where that did not come to its end, or misbehaved, the guest cannot go on.
    fn inside<T>(&mut self, run: impl FnOnce(&dyn Convention, &mut dyn Instance) -> Result<T>) -> Result<T> {
        let convention = self.convention.ok_or_else(no_allocator)?;
        if let Some(Broken { error, .. }) = &self.broken {
            return Err(error.clone());
        }
        if let Some(error) = call::over(self.instance) {
            return Err(error);
        }
        enter_again(self.instance)?;
        let said = self.instance.state().short_circuit.take();
        let before = self.instance.fuel();
        let outcome = run(convention, self.instance);
        bounds::lessen(before.saturating_sub(self.instance.fuel()));
        let state = self.instance.state();
        state.host_depth -= 1;
        let output = core::mem::replace(&mut state.short_circuit, said);
        let half_way = state.unwound;
        outcome.map_err(|error| {
            // Code that is stopped traps.
            let error = error.trap().and_then(|_| call::over(self.instance)).unwrap_or(error);
            if half_way || error.maybe_corrupt() {
                self.broken = Some(Broken { error: error.clone(), output });
            }
            error
        })
    }

    /// Whether the guest is not to be entered any more.
    fn is_broken(&self) -> bool {
        self.broken.is_some()
    }
}

/// An answer of bytes needs the guest's allocator, which may call the host again: not for ever, on the host's stack.
fn enter_again(instance: &mut dyn Instance) -> Result<()> {
    const DEPTH_MAX: u32 = 4;
    stack::need(stack::HOST)?;
    let depth = &mut instance.state().host_depth;
    if *depth == DEPTH_MAX {
        let message = "call stack exhausted: the guest's allocator calls the host for answers that need the allocator again";
        return Err(Error::TooDeep(message.into()));
    }
    *depth += 1;
    Ok(())
}
