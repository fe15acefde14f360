//! The functions of WASI 0.1, by the names and types of its specification (`wasi_snapshot_preview1.witx`), each a call of
//! wasmtime-wasi's.

use crate::inspect::FuncType;
use crate::inspect::ValueType::{self, I32, I64};
use alloc::vec::Vec;
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p1::wasi_snapshot_preview1 as p1;
use wiggle::GuestMemory;

/// The module that programs import them from.
pub const MODULE: &str = "wasi_snapshot_preview1";

/// A function of WASI 0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the specification")]
pub enum Function {
    ArgsGet,
    ArgsSizesGet,
    EnvironGet,
    EnvironSizesGet,
    ClockResGet,
    ClockTimeGet,
    FdAdvise,
    FdAllocate,
    FdClose,
    FdDatasync,
    FdFdstatGet,
    FdFdstatSetFlags,
    FdFdstatSetRights,
    FdFilestatGet,
    FdFilestatSetSize,
    FdFilestatSetTimes,
    FdPread,
    FdPrestatGet,
    FdPrestatDirName,
    FdPwrite,
    FdRead,
    FdReaddir,
    FdRenumber,
    FdSeek,
    FdSync,
    FdTell,
    FdWrite,
    PathCreateDirectory,
    PathFilestatGet,
    PathFilestatSetTimes,
    PathLink,
    PathOpen,
    PathReadlink,
    PathRemoveDirectory,
    PathRename,
    PathSymlink,
    PathUnlinkFile,
    PollOneoff,
    ProcExit,
    ProcRaise,
    SchedYield,
    RandomGet,
    SockAccept,
    SockRecv,
    SockSend,
    SockShutdown,
}

use Function as F;

/// Each with its name, and its parameters: `i` is an i32, `I` an i64. All but `proc_exit` answer with an i32.
const FUNCTIONS: [(Function, &str, &str); 46] = [
    (F::ArgsGet, "args_get", "ii"),
    (F::ArgsSizesGet, "args_sizes_get", "ii"),
    (F::EnvironGet, "environ_get", "ii"),
    (F::EnvironSizesGet, "environ_sizes_get", "ii"),
    (F::ClockResGet, "clock_res_get", "ii"),
    (F::ClockTimeGet, "clock_time_get", "iIi"),
    (F::FdAdvise, "fd_advise", "iIIi"),
    (F::FdAllocate, "fd_allocate", "iII"),
    (F::FdClose, "fd_close", "i"),
    (F::FdDatasync, "fd_datasync", "i"),
    (F::FdFdstatGet, "fd_fdstat_get", "ii"),
    (F::FdFdstatSetFlags, "fd_fdstat_set_flags", "ii"),
    (F::FdFdstatSetRights, "fd_fdstat_set_rights", "iII"),
    (F::FdFilestatGet, "fd_filestat_get", "ii"),
    (F::FdFilestatSetSize, "fd_filestat_set_size", "iI"),
    (F::FdFilestatSetTimes, "fd_filestat_set_times", "iIIi"),
    (F::FdPread, "fd_pread", "iiiIi"),
    (F::FdPrestatGet, "fd_prestat_get", "ii"),
    (F::FdPrestatDirName, "fd_prestat_dir_name", "iii"),
    (F::FdPwrite, "fd_pwrite", "iiiIi"),
    (F::FdRead, "fd_read", "iiii"),
    (F::FdReaddir, "fd_readdir", "iiiIi"),
    (F::FdRenumber, "fd_renumber", "ii"),
    (F::FdSeek, "fd_seek", "iIii"),
    (F::FdSync, "fd_sync", "i"),
    (F::FdTell, "fd_tell", "ii"),
    (F::FdWrite, "fd_write", "iiii"),
    (F::PathCreateDirectory, "path_create_directory", "iii"),
    (F::PathFilestatGet, "path_filestat_get", "iiiii"),
    (F::PathFilestatSetTimes, "path_filestat_set_times", "iiiiIIi"),
    (F::PathLink, "path_link", "iiiiiii"),
    (F::PathOpen, "path_open", "iiiiiIIii"),
    (F::PathReadlink, "path_readlink", "iiiiii"),
    (F::PathRemoveDirectory, "path_remove_directory", "iii"),
    (F::PathRename, "path_rename", "iiiiii"),
    (F::PathSymlink, "path_symlink", "iiiii"),
    (F::PathUnlinkFile, "path_unlink_file", "iii"),
    (F::PollOneoff, "poll_oneoff", "iiii"),
    (F::ProcExit, "proc_exit", "i"),
    (F::ProcRaise, "proc_raise", "i"),
    (F::SchedYield, "sched_yield", ""),
    (F::RandomGet, "random_get", "ii"),
    (F::SockAccept, "sock_accept", "iii"),
    (F::SockRecv, "sock_recv", "iiiiii"),
    (F::SockSend, "sock_send", "iiiii"),
    (F::SockShutdown, "sock_shutdown", "ii"),
];

impl Function {
    /// The function with this name, and its type.
    pub fn find(name: &str) -> Option<(Function, FuncType)> {
        let &(function, _, params) = FUNCTIONS.iter().find(|(_, known, _)| *known == name)?;
        let params: Vec<ValueType> = params.bytes().map(|letter| if letter == b'i' { I32 } else { I64 }).collect();
        let results: &[ValueType] = if function == F::ProcExit { &[] } else { &[I32] };
        Some((function, FuncType::new(&params, results)))
    }

    /// Whether it answers the same in every call of a guest, so that a guest which has called it may serve as a model.
    pub fn is_steady(self) -> bool {
        use Function::{
            ArgsGet, ArgsSizesGet, ClockResGet, EnvironGet, EnvironSizesGet, FdFdstatGet, FdPrestatDirName, FdPrestatGet,
            SchedYield,
        };
        matches!(
            self,
            ArgsGet
                | ArgsSizesGet
                | EnvironGet
                | EnvironSizesGet
                | ClockResGet
                | FdPrestatGet
                | FdPrestatDirName
                | FdFdstatGet
                | SchedYield
        )
    }
}

/// Runs one: its answer is a WASI errno, or the end of the call.
#[rustfmt::skip]
pub(super) async fn run(
    function: Function,
    ctx: &mut WasiP1Ctx,
    memory: &mut GuestMemory<'_>,
    slots: &[u64],
) -> wiggle::error::Result<i32> {
    let i = |index: usize| slots.get(index).map_or(0, |&slot| slot as i32);
    let l = |index: usize| slots.get(index).map_or(0, |&slot| slot as i64);
    let m = memory;
    match function {
        F::ArgsGet => p1::args_get(ctx, m, i(0), i(1)),
        F::ArgsSizesGet => p1::args_sizes_get(ctx, m, i(0), i(1)),
        F::EnvironGet => p1::environ_get(ctx, m, i(0), i(1)),
        F::EnvironSizesGet => p1::environ_sizes_get(ctx, m, i(0), i(1)),
        F::ClockResGet => p1::clock_res_get(ctx, m, i(0), i(1)),
        F::ClockTimeGet => p1::clock_time_get(ctx, m, i(0), l(1), i(2)),
        F::FdAdvise => p1::fd_advise(ctx, m, i(0), l(1), l(2), i(3)).await,
        F::FdAllocate => p1::fd_allocate(ctx, m, i(0), l(1), l(2)),
        F::FdClose => p1::fd_close(ctx, m, i(0)).await,
        F::FdDatasync => p1::fd_datasync(ctx, m, i(0)).await,
        F::FdFdstatGet => p1::fd_fdstat_get(ctx, m, i(0), i(1)).await,
        F::FdFdstatSetFlags => p1::fd_fdstat_set_flags(ctx, m, i(0), i(1)),
        F::FdFdstatSetRights => p1::fd_fdstat_set_rights(ctx, m, i(0), l(1), l(2)),
        F::FdFilestatGet => p1::fd_filestat_get(ctx, m, i(0), i(1)).await,
        F::FdFilestatSetSize => p1::fd_filestat_set_size(ctx, m, i(0), l(1)).await,
        F::FdFilestatSetTimes => p1::fd_filestat_set_times(ctx, m, i(0), l(1), l(2), i(3)).await,
        F::FdPread => p1::fd_pread(ctx, m, i(0), i(1), i(2), l(3), i(4)).await,
        F::FdPrestatGet => p1::fd_prestat_get(ctx, m, i(0), i(1)),
        F::FdPrestatDirName => p1::fd_prestat_dir_name(ctx, m, i(0), i(1), i(2)),
        F::FdPwrite => p1::fd_pwrite(ctx, m, i(0), i(1), i(2), l(3), i(4)).await,
        F::FdRead => p1::fd_read(ctx, m, i(0), i(1), i(2), i(3)).await,
        F::FdReaddir => p1::fd_readdir(ctx, m, i(0), i(1), i(2), l(3), i(4)).await,
        F::FdRenumber => p1::fd_renumber(ctx, m, i(0), i(1)).await,
        F::FdSeek => p1::fd_seek(ctx, m, i(0), l(1), i(2), i(3)).await,
        F::FdSync => p1::fd_sync(ctx, m, i(0)).await,
        F::FdTell => p1::fd_tell(ctx, m, i(0), i(1)),
        F::FdWrite => p1::fd_write(ctx, m, i(0), i(1), i(2), i(3)).await,
        F::PathCreateDirectory => p1::path_create_directory(ctx, m, i(0), i(1), i(2)).await,
        F::PathFilestatGet => p1::path_filestat_get(ctx, m, i(0), i(1), i(2), i(3), i(4)).await,
        F::PathFilestatSetTimes => p1::path_filestat_set_times(ctx, m, i(0), i(1), i(2), i(3), l(4), l(5), i(6)).await,
        F::PathLink => p1::path_link(ctx, m, i(0), i(1), i(2), i(3), i(4), i(5), i(6)).await,
        F::PathOpen => p1::path_open(ctx, m, i(0), i(1), i(2), i(3), i(4), l(5), l(6), i(7), i(8)).await,
        F::PathReadlink => p1::path_readlink(ctx, m, i(0), i(1), i(2), i(3), i(4), i(5)).await,
        F::PathRemoveDirectory => p1::path_remove_directory(ctx, m, i(0), i(1), i(2)).await,
        F::PathRename => p1::path_rename(ctx, m, i(0), i(1), i(2), i(3), i(4), i(5)).await,
        F::PathSymlink => p1::path_symlink(ctx, m, i(0), i(1), i(2), i(3), i(4)).await,
        F::PathUnlinkFile => p1::path_unlink_file(ctx, m, i(0), i(1), i(2)).await,
        F::PollOneoff => p1::poll_oneoff(ctx, m, i(0), i(1), i(2), i(3)).await,
        // Answered before they come here.
        F::ProcExit | F::RandomGet => Ok(0),
        F::ProcRaise => p1::proc_raise(ctx, m, i(0)),
        F::SchedYield => p1::sched_yield(ctx, m),
        F::SockAccept => p1::sock_accept(ctx, m, i(0), i(1), i(2)),
        F::SockRecv => p1::sock_recv(ctx, m, i(0), i(1), i(2), i(3), i(4), i(5)),
        F::SockSend => p1::sock_send(ctx, m, i(0), i(1), i(2), i(3), i(4)),
        F::SockShutdown => p1::sock_shutdown(ctx, m, i(0), i(1)),
    }
}
