//! A module linked with its imports, ready to be called.

use crate::abi::{Abi, Convention};
use crate::call::{self, Options};
use crate::engine::Host;
use crate::host::{Imports, Link};
use crate::inspect::ExternType;
use crate::limits::Limits;
use crate::module::Module;
use crate::{Error, Result};
use alloc::collections::BTreeMap;
use alloc::{boxed::Box, format, string::String, sync::Arc};

/// A guest. Shared: any number of threads may call it at the same time.
pub struct Guest {
    module: Arc<Module>,
    abi: Option<Abi>,
    convention: Option<Arc<dyn Convention>>,
    link: Arc<Link>,
    functions: BTreeMap<String, usize>,
    initialize: Option<usize>,
}

impl Guest {
    /// Links a module; with `abi` given, it is taken to speak that one whatever it looks like.
    pub fn new(module: &Arc<Module>, imports: &Imports, abi: Option<Abi>) -> Result<Guest> {
        let info = module.info();
        let abi = abi.or(info.abi);
        let convention = abi.map(|abi| abi.bind(info)).transpose()?.map(Arc::from);
        let link = Arc::new(Link::new(info, convention.clone(), imports)?);
        let functions = info.exports.iter().enumerate().filter(|(_, export)| matches!(export.ty, ExternType::Function(_)));
        let functions = functions.map(|(index, export)| (export.name.clone(), index)).collect();
        // A reactor's own start, by the convention of the WASI toolchains: once, before anything else.
        let initialize = info.function("_initialize");
        let initialize = initialize.filter(|&export| info.function_type(export).is_some_and(|ty| ty.slots() == 0));
        Ok(Guest { module: module.clone(), abi, convention, link, functions, initialize })
    }

    /// The export behind a name, checked to be callable with bytes.
    pub fn function(&self, name: &str) -> Result<usize> {
        let export = *self.functions.get(name).ok_or_else(|| self.no_such_function(name))?;
        if let Some(ty) = self.module.info().function_type(export) {
            self.convention()?.check(name, ty)?;
        }
        Ok(export)
    }

    /// Calls a function by name, in a room of its own.
    pub fn call(self: &Arc<Self>, function: &str, input: &[u8], options: &Options) -> Result<Box<[u8]>> {
        call::fresh(self, self.function(function)?, input, options)
    }

    /// The module it was made from.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The ABI it speaks.
    pub fn abi(&self) -> Option<Abi> {
        self.abi
    }

    /// What its calls are allowed.
    pub fn limits(&self) -> &Limits {
        self.module.engine().limits()
    }

    pub(crate) fn convention(&self) -> Result<&dyn Convention> {
        let unknown = || "the guest speaks no ABI that this library knows, so it cannot be called with bytes";
        self.convention.as_deref().ok_or_else(|| Error::BadAbi(unknown().into()))
    }

    pub(crate) fn host(&self) -> Arc<dyn Host> {
        self.link.clone()
    }

    pub(crate) fn initialize(&self) -> Option<usize> {
        self.initialize
    }

    fn no_such_function(&self, name: &str) -> Error {
        let near = self.functions.keys().find(|known| known.eq_ignore_ascii_case(name));
        let hint = near.map_or(String::new(), |near| format!("; did you mean \"{near}\"?"));
        Error::NoSuchFunction(format!("the guest exports no function \"{name}\"{hint}"))
    }
}
