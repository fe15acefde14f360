//! Paths, where wasmtime-wasi does not see them as Linux does: slashes at the end, which say that a name is a directory's, what
//! the failure of several names is called, and files that are none.

use super::functions::Function;
use super::session::{INVAL, SUCCESS, Session};
use crate::Result;
use crate::bounds::Bounds;
use crate::stop::Stop;
use rustix::fs::FileType;

/// Errnos of WASI 0.1.
const EXIST: i32 = 20;
const ISDIR: i32 = 31;
const LOOP: i32 = 32;
const NOENT: i32 = 44;
const NOTDIR: i32 = 54;
const NXIO: i32 = 60;

/// A `filestat` of WASI 0.1: the type of the file is one byte of it.
const STAT_LEN: usize = 64;
const STAT_TYPE: usize = 16;
/// Types of files. FIFOs and sockets have none of their own.
const UNKNOWN: u8 = 0;
const DIRECTORY: u8 = 3;

/// Flags of the functions.
const FOLLOW: u64 = 1;
const CREATE: u64 = 1;
const WANTS_DIRECTORY: u64 = 2;
const EXCLUSIVE: u64 = 4;

/// A file that a call names: relative to a directory.
#[derive(Clone, Copy)]
struct Named<'a> {
    directory: u64,
    path: &'a [u8],
}

impl<'a> Named<'a> {
    /// From these parameters; nothing if the path is not in the guest's memory.
    fn of(memory: &'a [u8], slots: &[u64], directory: usize, path: usize) -> Option<Self> {
        let (&directory, &begin, &len) = (slots.get(directory)?, slots.get(path)?, slots.get(path + 1)?);
        let path = memory.get(begin as u32 as usize..)?.get(..len as u32 as usize)?;
        Some(Named { directory: u64::from(directory as u32), path })
    }

    /// The same without slashes at the end, if there is a name before them.
    fn without_slashes(self) -> Option<Self> {
        let len = self.path.iter().rposition(|&byte| byte != b'/')? + 1;
        (len < self.path.len()).then_some(Named { path: &self.path[..len], ..self })
    }
}

/// What there is by a name: the type of a file, or an errno.
type There = core::result::Result<u8, i32>;

impl Session {
    /// An errno without asking, for a file that would keep who opens it, and could not be read: a FIFO or a socket.
    pub(super) fn refuse_to_open(&mut self, memory: &[u8], slots: &[u64], bounds: &Bounds, stop: &Stop) -> Result<Option<i32>> {
        let flag = |flag: u64| slots.get(4).is_some_and(|flags| flags & flag != 0);
        let named = Named::of(memory, slots, 0, 2).filter(|_| !(flag(CREATE) && flag(EXCLUSIVE)));
        let (Some(named), Some(follow)) = (named, slots.get(1)) else { return Ok(None) };
        let is_such = match self.granted.type_of(named.directory, named.path, follow & FOLLOW != 0) {
            Some(found) => matches!(found, Some(FileType::Fifo | FileType::Socket)),
            None => self.look(named, *follow, bounds, stop)? == Ok(UNKNOWN),
        };
        Ok(is_such.then_some(if flag(WANTS_DIRECTORY) { NOTDIR } else { NXIO }))
    }

    /// `path_filestat_set_times`, which opens what it follows a name to.
    pub(super) fn set_times(&mut self, memory: &mut [u8], slots: &[u64], bounds: &Bounds, stop: &Stop) -> Result<i32> {
        let mut slots = slots.to_vec();
        let named = Named::of(memory, &slots, 0, 2).filter(|_| slots[1] & FOLLOW != 0);
        if let Some(named) = named {
            match (self.look(named, FOLLOW, bounds, stop)?, named.without_slashes()) {
                (Err(errno), _) => return Ok(errno),
                (Ok(UNKNOWN), _) => return Ok(NXIO),
                // Without `openat2` they have no use of a directory by such a name.
                (Ok(_), Some(name)) => slots[3] = name.path.len() as u64,
                (Ok(_), None) => {}
            }
        }
        self.run(Function::PathFilestatSetTimes, memory, &slots, bounds, stop)
    }

    /// `path_remove_directory`: "name/" is the directory, too.
    pub(super) fn remove_directory(&mut self, memory: &mut [u8], slots: &[u64], bounds: &Bounds, stop: &Stop) -> Result<i32> {
        let mut slots = slots.to_vec();
        if let Some(name) = Named::of(memory, &slots, 0, 1).and_then(Named::without_slashes) {
            slots[2] = name.path.len() as u64;
        }
        self.run(Function::PathRemoveDirectory, memory, &slots, bounds, stop)
    }

    /// `path_filestat_get`: "name/" is followed in any case.
    pub(super) fn stat(&mut self, memory: &mut [u8], slots: &[u64], bounds: &Bounds, stop: &Stop) -> Result<i32> {
        let mut slots = slots.to_vec();
        if Named::of(memory, &slots, 0, 2).and_then(Named::without_slashes).is_some() {
            slots[1] |= FOLLOW;
        }
        self.run(Function::PathFilestatGet, memory, &slots, bounds, stop)
    }

    /// What Linux calls the failure of a function. None of these can have made or removed anything by a name that ends with a slash.
    pub(super) fn errno_of_linux(
        &mut self,
        function: Function,
        errno: i32,
        memory: &[u8],
        slots: &[u64],
        bounds: &Bounds,
        stop: &Stop,
    ) -> Result<i32> {
        if !matches!(errno, EXIST | INVAL | ISDIR | LOOP | NOENT | NOTDIR) {
            return Ok(errno);
        }
        let (directory, path) = match function {
            Function::PathUnlinkFile => (0, 1),
            Function::PathSymlink => (2, 3),
            Function::PathLink => (4, 5),
            Function::PathOpen => (0, 2),
            _ => return Ok(errno),
        };
        let Some(last) = Named::of(memory, slots, directory, path) else { return Ok(errno) };
        if function == Function::PathOpen {
            let flags = slots.get(4).map_or(0, |flags| flags & (CREATE | WANTS_DIRECTORY));
            return Ok(match (errno, flags) {
                (INVAL, CREATE) if last.without_slashes().is_some() => ISDIR,
                (LOOP, WANTS_DIRECTORY) if self.look(last, slots[1], bounds, stop)?.is_ok() => NOTDIR,
                _ => errno,
            });
        }
        if function == Function::PathLink
            && let Some(first) = Named::of(memory, slots, 0, 2)
            && let Err(errno) = self.look(first, 0, bounds, stop)?
        {
            return Ok(errno);
        }
        let Some(name) = last.without_slashes() else { return Ok(errno) };
        Ok(match (self.look(name, 0, bounds, stop)?, function) {
            (Err(errno), _) => errno,
            (Ok(DIRECTORY), Function::PathUnlinkFile) => ISDIR,
            (Ok(_), Function::PathUnlinkFile) => NOTDIR,
            (Ok(_), _) => EXIST,
        })
    }

    /// What there is by a name: `path_filestat_get` in memory of ours.
    fn look(&mut self, named: Named<'_>, follow: u64, bounds: &Bounds, stop: &Stop) -> Result<There> {
        let mut memory = [&[0; STAT_LEN], named.path].concat();
        let slots = [named.directory, follow & FOLLOW, STAT_LEN as u64, named.path.len() as u64, 0];
        let errno = self.stat(&mut memory, &slots, bounds, stop)?;
        Ok(if errno == SUCCESS { Ok(memory[STAT_TYPE]) } else { Err(errno) })
    }
}
