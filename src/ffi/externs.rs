//! What a module imports and exports.

use super::boundary;
use super::boundary::callback::c_text;
use super::module::hostel_module;
use crate::inspect::{ExternType, ModuleInfo};
use core::ffi::c_char;
use std::ffi::CString;

/// What an import or export is: one of the HOSTEL_EXTERN_* values.
pub type hostel_extern_kind = i32;

/// There is none at this index.
pub const HOSTEL_EXTERN_NONE: hostel_extern_kind = -1;
/// A function.
pub const HOSTEL_EXTERN_FUNCTION: hostel_extern_kind = 0;
/// A table.
pub const HOSTEL_EXTERN_TABLE: hostel_extern_kind = 1;
/// A memory.
pub const HOSTEL_EXTERN_MEMORY: hostel_extern_kind = 2;
/// A global.
pub const HOSTEL_EXTERN_GLOBAL: hostel_extern_kind = 3;
/// An exception tag.
pub const HOSTEL_EXTERN_TAG: hostel_extern_kind = 4;

/// The imports and exports of a module as C sees them.
pub(super) struct Externs {
    imports: Vec<ExternText>,
    exports: Vec<ExternText>,
}

impl Externs {
    pub fn new(info: &ModuleInfo) -> Self {
        let imports = info.imports.iter().map(|import| ExternText::new(&import.module, &import.name, &import.ty));
        let exports = info.exports.iter().map(|export| ExternText::new("", &export.name, &export.ty));
        Externs { imports: imports.collect(), exports: exports.collect() }
    }
}

struct ExternText {
    module: CString,
    name: CString,
    kind: hostel_extern_kind,
    ty: CString,
}

impl ExternText {
    fn new(module: &str, name: &str, ty: &ExternType) -> Self {
        let kind = match ty {
            ExternType::Function(_) => HOSTEL_EXTERN_FUNCTION,
            ExternType::Table { .. } => HOSTEL_EXTERN_TABLE,
            ExternType::Memory { .. } => HOSTEL_EXTERN_MEMORY,
            ExternType::Global { .. } => HOSTEL_EXTERN_GLOBAL,
            ExternType::Tag(_) => HOSTEL_EXTERN_TAG,
        };
        ExternText { module: c_text(module), name: c_text(name), kind, ty: c_text(&ty.to_string()) }
    }
}

/// How many imports a module has; 0 for NULL. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_import_count(module: *const hostel_module) -> usize {
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe { boundary::borrow_optional(module) }.map_or(0, |module| module.inner.info().imports.len())
}

/// The module part of an import's name; NULL when there is no such import. It lives as long as the module.
/// A zero byte in a name shows as "\0". Thread-safe, like the other functions about imports and exports.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_import_module(module: *const hostel_module, index: usize) -> *const c_char {
    // SAFETY: see above.
    unsafe { import(module, index) }.map_or(core::ptr::null(), |import| import.module.as_ptr())
}

/// An import's own name; NULL when there is no such import. It lives as long as the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_import_name(module: *const hostel_module, index: usize) -> *const c_char {
    // SAFETY: see above.
    unsafe { import(module, index) }.map_or(core::ptr::null(), |import| import.name.as_ptr())
}

/// What an import is: one of the HOSTEL_EXTERN_* values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_import_kind(module: *const hostel_module, index: usize) -> hostel_extern_kind {
    // SAFETY: see above.
    unsafe { import(module, index) }.map_or(HOSTEL_EXTERN_NONE, |import| import.kind)
}

/// An import's type for people, such as "(i32, i32) -> (i64)"; NULL when there is no such import. It lives as long as
/// the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_import_type(module: *const hostel_module, index: usize) -> *const c_char {
    // SAFETY: see above.
    unsafe { import(module, index) }.map_or(core::ptr::null(), |import| import.ty.as_ptr())
}

/// How many exports a module has; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_export_count(module: *const hostel_module) -> usize {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(module) }.map_or(0, |module| module.inner.info().exports.len())
}

/// An export's name; NULL when there is no such export. It lives as long as the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_export_name(module: *const hostel_module, index: usize) -> *const c_char {
    // SAFETY: see above.
    unsafe { export(module, index) }.map_or(core::ptr::null(), |export| export.name.as_ptr())
}

/// What an export is: one of the HOSTEL_EXTERN_* values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_export_kind(module: *const hostel_module, index: usize) -> hostel_extern_kind {
    // SAFETY: see above.
    unsafe { export(module, index) }.map_or(HOSTEL_EXTERN_NONE, |export| export.kind)
}

/// An export's type for people; NULL when there is no such export. It lives as long as the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_export_type(module: *const hostel_module, index: usize) -> *const c_char {
    // SAFETY: see above.
    unsafe { export(module, index) }.map_or(core::ptr::null(), |export| export.ty.as_ptr())
}

unsafe fn import<'a>(module: *const hostel_module, index: usize) -> Option<&'a ExternText> {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(module) }?.externs().imports.get(index)
}

unsafe fn export<'a>(module: *const hostel_module, index: usize) -> Option<&'a ExternText> {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(module) }?.externs().exports.get(index)
}
