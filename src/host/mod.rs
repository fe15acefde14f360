//! Host functions: what a guest may reach, and how an answer gets back.

mod link;

pub(crate) use link::Link;

use crate::engine::Instance;
use crate::inspect::FuncType;
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

    fn add(&mut self, module: &str, name: &str, function: HostFunction) -> Result<()> {
        let key = (String::from(module), String::from(name));
        if self.functions.contains_key(&key) {
            return Err(Error::InvalidArgument(format!("name: {module}.{name} is defined already")));
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
    /// It did not; the guest sees the payload, or the message if there is none.
    #[allow(missing_docs, reason = "said in one line above")]
    Failure { message: String, payload: Vec<u8> },
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
    pub fn take_failure(&mut self) -> Option<(String, Vec<u8>)> {
        match self.reply.take() {
            Some(Reply::Failure { message, payload }) => Some((message, payload)),
            _ => None,
        }
    }
}
