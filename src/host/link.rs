//! A module's imports, each bound to what answers it.

use super::{BytesFunction, Caller, HostFunction, Imports, Reply, enter_again};
use crate::abi::{Convention, Provided};
use crate::engine::{Host, Instance};
use crate::error::{listed, shown};
use crate::inspect::{ExternType, FuncType, Import, ModuleInfo};
#[cfg(feature = "wasi")]
use crate::wasi::{self, Wasi};
use crate::{Error, Result};
use alloc::string::{String, ToString};
use alloc::{format, sync::Arc, vec::Vec};

/// Answers a guest's imports: shared by all its instances.
pub(crate) struct Link {
    targets: Vec<Target>,
    convention: Option<Arc<dyn Convention>>,
}

enum Target {
    Provided(&'static Provided),
    Defined(Arc<HostFunction>),
    #[cfg(feature = "wasi")]
    Wasi(Arc<Wasi>, wasi::Function),
}

impl Link {
    /// Binds every import, or names all that cannot be bound.
    pub fn new(info: &ModuleInfo, convention: Option<Arc<dyn Convention>>, imports: &Imports) -> Result<Link> {
        let mut targets = Vec::new();
        let mut problems = Vec::new();
        for import in &info.imports {
            match bind(import, convention.as_deref(), imports) {
                Ok(target) => targets.push(target),
                Err(problem) => problems.push(format!("{}.{}: {problem}", shown(&import.module), shown(&import.name))),
            }
        }
        match problems.as_slice() {
            [] => Ok(Link { targets, convention }),
            [one] => Err(Error::Link(format!("cannot link the import {one}"))),
            many => {
                let count = many.len();
                Err(Error::Link(format!("cannot link {count} imports: {}", listed(problems.into_iter(), "; "))))
            }
        }
    }
}

fn bind(import: &Import, convention: Option<&dyn Convention>, imports: &Imports) -> Result<Target, String> {
    let ExternType::Function(wanted) = &import.ty else {
        let ty = shown(&import.ty.to_string());
        return Err(format!("a {} ({ty}) cannot be imported, only functions can", import.ty.kind()));
    };
    if let Some(provided) = convention.and_then(|convention| convention.provided(&import.module, &import.name)) {
        return same_type(wanted, &(provided.ty)()).map(|()| Target::Provided(provided));
    }
    let Some(function) = imports.find(&import.module, &import.name) else { return bind_wasi(import, wanted, imports) };
    let offered = match (&**function, convention) {
        (HostFunction::Raw(ty, _), _) => ty.clone(),
        (HostFunction::Bytes(_), Some(convention)) => {
            convention.host_type().ok_or("a program of WASI has no functions of bytes, only of plain values")?
        }
        (HostFunction::Bytes(_), None) => return Err("a function of bytes needs a guest whose ABI is known".into()),
    };
    same_type(wanted, &offered).map(|()| Target::Defined(function.clone()))
}

/// What the host has not defined may be a function of WASI, which every guest has: it gives what was granted.
#[cfg(feature = "wasi")]
fn bind_wasi(import: &Import, wanted: &FuncType, imports: &Imports) -> Result<Target, String> {
    if import.module != wasi::MODULE {
        return Err(format!("not defined, type {}", told(wanted)));
    }
    let (function, offered) =
        wasi::Function::find(&import.name).ok_or_else(|| format!("WASI 0.1 has no such function, type {}", told(wanted)))?;
    same_type(wanted, &offered).map(|()| Target::Wasi(imports.wasi.clone(), function))
}

#[cfg(not(feature = "wasi"))]
fn bind_wasi(_: &Import, wanted: &FuncType, _: &Imports) -> Result<Target, String> {
    Err(format!("not defined, type {}", told(wanted)))
}

fn same_type(wanted: &FuncType, offered: &FuncType) -> Result<(), String> {
    if wanted == offered {
        Ok(())
    } else {
        Err(format!("the guest wants type {}, the host offers {}", told(wanted), told(offered)))
    }
}

fn told(ty: &FuncType) -> String {
    shown(&ty.to_string())
}

impl Host for Link {
    fn call(&self, import: usize, instance: &mut dyn Instance, slots: &mut [u64]) -> Result<()> {
        let function = match &self.targets[import] {
            Target::Defined(function) => function,
            Target::Provided(provided) => {
                instance.state().host_used = true;
                return (provided.call)(instance, slots);
            }
            #[cfg(feature = "wasi")]
            Target::Wasi(wasi, function) => {
                crate::sys::stack::need(crate::sys::stack::HOST)?;
                return wasi.call(*function, instance, slots);
            }
        };
        instance.state().host_used = true;
        match &**function {
            HostFunction::Raw(_, function) => {
                let mut caller = Caller::new(instance, self.convention.as_deref(), 0..0);
                caller.settle(|caller| function(caller, slots))?;
                match caller.take_failure() {
                    // Plain values have no form for an error, so it ends the call.
                    Some(failure) => Err(failure.into_error()),
                    None => end_if_short_circuited(instance),
                }
            }
            HostFunction::Bytes(function) => {
                let convention = self.convention.as_deref().ok_or_else(|| Error::Internal("bytes without an ABI".into()))?;
                enter_again(instance)?;
                let outcome = answer(function, convention, instance, slots);
                instance.state().host_depth -= 1;
                outcome
            }
        }
    }
}

/// One call of a host function of bytes: its input out of the guest, its answer in.
fn answer(function: &BytesFunction, convention: &dyn Convention, instance: &mut dyn Instance, slots: &mut [u64]) -> Result<()> {
    let input = convention.host_input(instance, slots)?;
    let mut caller = Caller::new(instance, Some(convention), input.clone());
    let outcome = caller.settle(|caller| function(caller));
    let reply = caller.reply.take().unwrap_or(Reply::Output(Vec::new()));
    if caller.is_broken() {
        return outcome;
    }
    // The guest may have given the input away, also when the call ends here.
    if let Err(error) = convention.host_input_done(instance, input) {
        instance.state().short_circuit = None; // that is not how it ends
        return Err(error);
    }
    outcome?;
    end_if_short_circuited(instance)?;
    convention.host_reply(instance, reply, slots)
}

/// A call that a host function ends with a result leaves the guest like one that it ends with an error.
#[inline]
fn end_if_short_circuited(instance: &mut dyn Instance) -> Result<()> {
    if instance.state().short_circuit.is_none() { Ok(()) } else { Err(Error::Internal("short circuit".into())) }
}
