//! A module linked with its imports, ready to be called.

use crate::abi::{self, Abi, Convention, INITIALIZE};
use crate::call::{self, Options};
use crate::engine::{Host, Settings};
use crate::error::{listed, shown};
use crate::host::{Imports, Link};
use crate::inspect::{Export, ExternType, FuncType};
use crate::limits::Limits;
use crate::module::Module;
use crate::report;
use crate::room::pool::{Pool, Settings as RoomSettings};
#[cfg(feature = "std")]
use crate::tiers::Ladder;
use crate::{Error, Result};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::{boxed::Box, format, sync::Arc, vec::Vec};

/// A guest. Shared: any number of threads may call it at the same time.
pub struct Guest {
    module: Arc<Module>,
    abi: Option<Abi>,
    convention: Option<Arc<dyn Convention>>,
    link: Arc<Link>,
    functions: BTreeMap<String, usize>,
    /// For each export, whether it can be called with bytes.
    takes_bytes: Vec<bool>,
    initialize: Option<usize>,
    rooms: Arc<Pool>,
    /// The better ones of it, if its module has better tiers.
    #[cfg(feature = "std")]
    ladder: Option<Ladder>,
}

impl Guest {
    /// Links a module; with `abi` given, it is taken to speak that one whatever it looks like.
    pub fn new(module: &Arc<Module>, imports: &Imports, abi: Option<Abi>, rooms: RoomSettings) -> Result<Guest> {
        let info = module.info();
        let abi = abi.or(info.abi);
        let convention: Option<Arc<dyn Convention>> = abi.map(|abi| abi.bind(info)).transpose()?.map(Arc::from);
        let link = Arc::new(Link::new(info, convention.clone(), imports)?);
        let functions = info.exports.iter().enumerate().filter(|(_, export)| matches!(export.ty, ExternType::Function(_)));
        let functions = functions.map(|(index, export)| (export.name.clone(), index)).collect();
        let takes_bytes = |(index, export): (usize, &Export)| {
            let ty = info.function_type(index);
            let (ty, convention) = (ty?, convention.as_ref()?);
            Some(!abi::is_internal(abi, &export.name) && convention.check(&export.name, ty).is_ok())
        };
        let takes_bytes = info.exports.iter().enumerate().map(|export| takes_bytes(export).unwrap_or(false)).collect();
        // Once, before anything else.
        let initialize = info.function(INITIALIZE);
        if let Some(ty) = initialize.and_then(|export| info.function_type(export)).filter(|ty| ty.slots() != 0) {
            return Err(Error::BadAbi(format!("the function _initialize has type {ty}, but should have none of either")));
        }
        let rooms = Pool::new(rooms, module.engine().rooms());
        #[cfg(feature = "std")]
        let ladder = module.climb().map(Ladder::of);
        Ok(Guest {
            module: module.clone(),
            abi,
            convention,
            link,
            functions,
            takes_bytes,
            initialize,
            rooms,
            #[cfg(feature = "std")]
            ladder,
        })
    }

    /// The same on another tier of its module, where all but the code is as it was.
    #[cfg(feature = "std")]
    pub(crate) fn on(&self, module: &Arc<Module>) -> Guest {
        let Guest { abi, convention, link, functions, takes_bytes, initialize, rooms, .. } = self;
        Guest {
            module: module.clone(),
            abi: *abi,
            convention: convention.clone(),
            link: link.clone(),
            functions: functions.clone(),
            takes_bytes: takes_bytes.clone(),
            initialize: *initialize,
            rooms: Pool::after(rooms, module.engine().rooms()),
            ladder: None,
        }
    }

    /// The best one of it that there is now: mostly itself.
    #[cfg(feature = "std")]
    #[inline]
    pub fn best(self: &Arc<Self>) -> &Arc<Guest> {
        match (&self.ladder, self.module.climb()) {
            (Some(ladder), Some(climb)) => ladder.best(self, climb),
            _ => self,
        }
    }

    /// The best one of it: itself.
    #[cfg(not(feature = "std"))]
    pub fn best(self: &Arc<Self>) -> &Arc<Guest> {
        self
    }

    /// The export behind a name, checked to be callable with bytes.
    pub fn function(&self, name: &str) -> Result<usize> {
        let export = self.find(name)?;
        self.check_bytes(export).map(|()| export)
    }

    /// The export behind a name, checked to be callable with plain values.
    pub fn value_function(&self, name: &str) -> Result<usize> {
        let export = self.find(name)?;
        self.value_type(export).map(|_| export)
    }

    fn find(&self, name: &str) -> Result<usize> {
        self.functions.get(name).copied().ok_or_else(|| self.no_such_function(name))
    }

    /// BAD_ABI, saying why, when a function cannot be called with bytes.
    pub(crate) fn check_bytes(&self, export: usize) -> Result<()> {
        if self.takes_bytes.get(export) == Some(&true) {
            return Ok(());
        }
        let unknown = || Error::Internal("not a function".into());
        let info = self.module.info();
        let ty = info.function_type(export).ok_or_else(unknown)?;
        let name = &info.exports[export].name;
        if abi::is_internal(self.abi, name) {
            return Err(Error::BadAbi(format!("{name} is called by the ABI itself, and takes no bytes from hosts")));
        }
        self.convention()?.check(name, ty)
    }

    /// The type of a function, checked to have plain values only.
    fn value_type(&self, export: usize) -> Result<&FuncType> {
        let unknown = || Error::Internal("not a function".into());
        let info = self.module.info();
        let ty = info.function_type(export).ok_or_else(unknown)?;
        let name = &info.exports[export].name;
        let other = || {
            let (name, ty) = (shown(name), shown(&ty.to_string()));
            Error::BadAbi(format!("the function {name} has type {ty}, which has other than plain values"))
        };
        ty.is_scalar().then_some(ty).ok_or_else(other)
    }

    /// The part of `values` that a call needs; the upper halves of 32-bit parameters do not count.
    pub(crate) fn value_slots<'a>(&self, export: usize, values: &'a mut [u64]) -> Result<&'a mut [u64]> {
        let ty = self.value_type(export)?;
        let (needed, given) = (ty.slots(), values.len());
        values.get_mut(..needed).ok_or_else(|| {
            let (name, ty) = (shown(&self.module.info().exports[export].name), shown(&ty.to_string()));
            Error::InvalidArgument(format!("values: the function {name} of type {ty} needs room for {needed}, not {given}"))
        })
    }

    /// Calls a function by name, in a room of its own.
    pub fn call(self: &Arc<Self>, function: &str, input: &[u8], options: &Options) -> Result<Box<[u8]>> {
        let refused = |error| report::refused(self.best(), options, input.len(), error);
        call::fresh(self, self.function(function).map_err(refused)?, input, options)
    }

    /// Calls a function of plain values by name, in a room of its own: parameters in, results out, in place.
    pub fn call_values(self: &Arc<Self>, function: &str, values: &mut [u64], options: &Options) -> Result<()> {
        let refused = |error| report::refused(self.best(), options, 0, error);
        call::fresh_values(self, self.value_function(function).map_err(refused)?, values, options)
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

    /// What the host has chosen for its engine.
    pub(crate) fn settings(&self) -> &Settings {
        self.module.engine().settings()
    }

    pub(crate) fn convention(&self) -> Result<&dyn Convention> {
        let unknown =
            || "the guest speaks no ABI that this library knows: call it with plain values (hostel_guest_call_values), not bytes";
        self.convention.as_deref().ok_or_else(|| Error::BadAbi(unknown().into()))
    }

    /// Where its calls run.
    pub(crate) fn rooms(&self) -> &Pool {
        &self.rooms
    }

    pub(crate) fn host(&self) -> Arc<dyn Host> {
        self.link.clone()
    }

    /// Whether code of its own runs before the first call.
    pub(crate) fn starts(&self) -> bool {
        self.module.info().starts || self.initialize.is_some()
    }

    pub(crate) fn initialize(&self) -> Option<usize> {
        self.initialize
    }

    fn no_such_function(&self, name: &str) -> Error {
        let offered: Vec<_> =
            self.functions.keys().filter(|name| !abi::is_internal(self.abi, name)).map(|name| shown(name)).collect();
        let known = if offered.is_empty() { "none that a host could call".into() } else { listed(offered.into_iter(), ", ") };
        Error::NoSuchFunction(format!("the guest exports no function \"{}\"; it exports {known}", shown(name)))
    }
}
