//! The `wasmi` engine: an interpreter, for machines and builds without code generation.

mod instance;
mod run;
mod trap;
mod values;

use super::capabilities::{self, Capabilities};
use super::{Code, Engine, Fingerprint, Instance, NoInstance, Settings, Setup};
use crate::error::shown;
use crate::inspect::{ExternType, ModuleInfo};
use crate::limits::Limit;
use crate::prepare::{self, selects};
use crate::progress::Progress;
use crate::room::pool::Totals;
#[cfg(feature = "std")]
use crate::sys::pages::Pages;
use crate::sys::process::OfProcess;
use crate::{Error, Result};
use alloc::{boxed::Box, format, string::ToString, sync::Arc, vec, vec::Vec};
use instance::{Data, View, link};
use trap::call_error;
use wasmi::{Extern, Store};

pub(super) fn new(settings: Settings) -> Result<Arc<dyn Engine>> {
    let capabilities = capabilities::find("wasmi").ok_or_else(|| Error::Internal("wasmi is not in the table".into()))?;
    let stack = settings.limits.get(Limit::StackBytes) as usize;
    let mut config = wasmi::Config::default();
    // Translated when loaded, not in the middle of a call. A frame of the interpreter takes a few dozen bytes.
    config.compilation_mode(wasmi::CompilationMode::Eager).set_max_recursion_depth(stack / 64);
    config.set_min_stack_height(stack.min(1000)).set_max_stack_height(stack);
    // There is no code to keep: an artifact is the module itself, translated again when loaded.
    // The stack is part of the interpreter, so live code is not shared between engines that differ in it.
    config.consume_fuel(settings.deadline);
    let limits = settings.text();
    let fingerprint = Fingerprint::new(format!("wasmi; the module itself; {stack} bytes of stack; {limits}"));
    let interpreter = Interpreter(Arc::new(config));
    Ok(Arc::new(Wasmi { capabilities, settings, interpreter, fingerprint, rooms: Arc::default() }))
}

/// Makes interpreters, one for each module: one keeps whatever it has translated as long as it is there. Their locks are spun for,
/// and in a forked child one that another thread held would be for ever: so each process has its own, and translates for itself
/// what its parent has translated.
#[derive(Clone)]
struct Interpreter(Arc<wasmi::Config>);

impl Interpreter {
    fn translate(&self, wasm: &[u8]) -> Result<wasmi::Module> {
        let wasm = selects::apart(wasm)?;
        let module = wasmi::Module::new(&wasmi::Engine::new(&self.0), &wasm);
        module.map_err(|error| Error::UnsupportedModule(format!("wasmi cannot translate it: {}", shown(&error.to_string()))))
    }
}

struct Wasmi {
    capabilities: &'static Capabilities,
    settings: Settings,
    interpreter: Interpreter,
    fingerprint: Fingerprint,
    rooms: Arc<Totals>,
}

impl Engine for Wasmi {
    fn capabilities(&self) -> &'static Capabilities {
        self.capabilities
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn prepares(&self) -> prepare::Options {
        // It stops by itself now and then instead of looking at a word; but not in a start function that it calls itself.
        prepare::Options { deadline: false, export_start: self.settings.deadline, ..self.settings.polled() }
    }

    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn rooms(&self) -> &Arc<Totals> {
        &self.rooms
    }

    fn compile(&self, wasm: &[u8], info: &Arc<ModuleInfo>, _: &Progress) -> Result<Arc<dyn Code>> {
        if info.memories.iter().any(is_endless) {
            let message = "wasmi has no memory whose maximum is 2^64 bytes: declare a lower one, or none";
            return Err(Error::UnsupportedModule(message.into()));
        }
        let interpreter = self.interpreter.clone();
        let module = OfProcess::new(interpreter.translate(wasm)?);
        Ok(Arc::new(WasmiCode { interpreter, module, wasm: wasm.into(), info: info.clone(), sliced: self.settings.deadline }))
    }

    #[cfg(feature = "std")]
    fn deserialize(&self, artifact: Pages, len: usize, info: &Arc<ModuleInfo>) -> Result<Arc<dyn Code>> {
        self.compile(&artifact[..len], info, &Progress::default())
    }
}

/// Whether its bytes, were it as large as it may become, cannot be counted in 64 bits: wasmi tries, and panics.
fn is_endless(memory: &ExternType) -> bool {
    let ExternType::Memory { pages, page_bytes, .. } = memory else { return false };
    pages.max.is_some_and(|max| max.checked_mul(*page_bytes).is_none())
}

struct WasmiCode {
    interpreter: Interpreter,
    module: OfProcess<wasmi::Module>,
    wasm: Box<[u8]>,
    info: Arc<ModuleInfo>,
    /// Whether it runs in slices (see `run`).
    sliced: bool,
}

impl Code for WasmiCode {
    fn serialize(&self) -> Result<Vec<u8>> {
        Ok(self.wasm.to_vec())
    }

    fn size(&self) -> usize {
        self.wasm.len() * 3 // the module, and its translation, which is about twice as large
    }

    fn instantiate(&self, setup: Setup) -> Result<Box<dyn Instance + Send>, Box<NoInstance>> {
        let module = match self.module.try_get(|_| self.interpreter.translate(&self.wasm)) {
            Ok(module) => module,
            Err(error) => return Err(Box::new(NoInstance { error, state: setup.state, fuel: 0 })),
        };
        let data = Data {
            instance: None,
            functions: vec![None; self.info.exports.len()],
            memory: None,
            fuel: None,
            sliced: self.sliced,
            info: self.info.clone(),
            host: setup.host,
            state: setup.state,
            table_elements_max: setup.table_elements_max,
            growing: 0,
        };
        let mut store = Store::new(module.engine(), data);
        store.limiter(|data| data);
        let imports = self.info.imports.iter().enumerate().filter_map(|(import, found)| match &found.ty {
            ExternType::Function(ty) => Some(link(&mut store, import, ty)),
            _ => None,
        });
        let imports: Vec<Extern> = imports.collect();
        match wasmi::Instance::new(&mut store, module, &imports) {
            Ok(instance) => {
                store.data_mut().instance = Some(instance);
                let mut instance = View(store);
                match instance.start() {
                    Ok(()) => Ok(Box::new(instance)),
                    Err(error) => {
                        let fuel = instance.fuel();
                        Err(Box::new(NoInstance { error, state: core::mem::take(instance.state()), fuel }))
                    }
                }
            }
            Err(error) => {
                let mut state = store.into_data().state;
                Err(Box::new(NoInstance { error: call_error(error, &mut state), state, fuel: 0 }))
            }
        }
    }
}
