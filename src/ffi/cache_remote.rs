//! Remote caches: compiled code that machines share through a store they have already.

use super::boundary;
use super::cache::{check_size, hostel_cache, seal_key};
use super::error::hostel_error;
use super::status::hostel_status;
use crate::cache::{RemoteLimits, RemoteOptions, remote};
use crate::{Error, Result};
use core::ffi::c_char;
use std::time::Duration;

/// How a remote cache is used, and what it may cost. 0 and NULL stand for the default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hostel_cache_remote_options {
    /// sizeof(hostel_cache_remote_options).
    pub struct_size: usize,
    /// Milliseconds that each operation may take, from connecting to the last byte; by default 2000.
    pub time_limit_ms: u64,
    /// Bytes of the largest artifact that is loaded or saved; by default 256 MiB.
    pub artifact_bytes_max: u64,
    /// After how many failures in a row the store is left alone; by default 3.
    pub failures_max: u64,
    /// For how many milliseconds it is then left alone, until one load tries it again; by default 10000.
    pub pause_ms: u64,
    /// For how many milliseconds another machine is waited for that compiles the same module; by default 30000.
    pub agreement_ms: u64,
    /// Redis's password, or the secret access key of S3, so that it need not stand in the URL; NULL if there is none, or it does.
    pub secret: *const c_char,
    /// The path of a file of certificates, in PEM, that the server is known by, and no others; NULL for those of the system.
    pub certificates: *const c_char,
}

/// Makes a cache in a store that machines share over a network. Nothing is connected before it is used, and between two
/// operations there is neither a connection nor a thread, nor a look-up of a name. Best behind a directory: see
/// hostel_cache_fallback_new().
///
/// `url` names the store, and is copied:
/// `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?prefix=TEXT]`, a Redis server, or `rediss://...`, one that is spoken to by
/// TLS; keys begin with `hostel/` unless a prefix is given; or
/// `s3://BUCKET[/PREFIX][?OPTION=VALUE&...]`, an object store with S3's protocol, where the options are `endpoint` (such as
/// `http://127.0.0.1:9000`), `region`, `access_key_id`, `secret_access_key`, `session_token` and `virtual_host_style` (true
/// or false). What is not given is looked up as Amazon's own tools do: AWS_REGION, AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID,
/// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN in the environment, the profile in `~/.aws`, the machine's role.
/// What is special in a URL is percent-encoded. Passwords and keys are told neither in errors nor in the log, and nothing is
/// repeated of a URL that is wrong. Hosts are looked up in `/etc/hosts` and by DNS, as `/etc/resolv.conf` says.
///
/// `key` is the secret that artifacts are sealed with, HOSTEL_KEY_BYTES bytes, copied; it has no default. Whoever has it can
/// run machine code in every process that uses this cache with it, so it goes to machines that trust each other, and
/// not into the store. The store itself need not be trusted: what it hands out is checked before it is used. `options` may
/// be NULL; it is copied.
///
/// A store that is absent, slow or wrong is a miss and a line in the log. A load asks it at most four times, to look, to claim what
/// it compiles, to save, and to give the claim back, and with an alias twice more; each has the time limit to itself, and none
/// follows a look that failed. So a store that does not answer costs one time limit, and after failures in a row it is left alone for a
/// while. What is wrong with one entry alone (it is larger than here allowed, or not of Redis's type string) is no such failure: the
/// module is compiled, and replaces it. Of several threads that want the same, one asks. The statistics count no entries, bytes or
/// evictions of the store.
///
/// Of machines that share a store, one compiles a module, and the others wait for it, asking the store once a second, for as long
/// as `agreement_ms` and hostel_load_options_set_patience() allow. A claim ends after that time, too, so that no machine waits
/// longer for one that is gone. A store of S3's protocol must know `If-None-Match` for that; with one that does not, each machine
/// compiles for itself.
///
/// On success `*cache_out` is yours: release it with hostel_cache_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `url`, `key` or `cache_out` is NULL, `key` is not of its length, `url` names no
///                                        store, `struct_size` is not that of this header, a time is more than a day, or there
///                                        is a secret both in `url` and beside it;
///         HOSTEL_STATUS_CACHE_IO         if it is by TLS and there are no certificates, or those given cannot be read;
///         HOSTEL_STATUS_UNSUPPORTED      if this build has no remote caches.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_remote_new(
    url: *const c_char,
    key: *const u8,
    key_len: usize,
    options: *const hostel_cache_remote_options,
    cache_out: *mut *mut hostel_cache,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h.
    unsafe {
        boundary::produce(cache_out, "cache_out", error_out, || {
            let url = boundary::text("url", url)?;
            let key = boundary::bytes("key", key, key_len)?;
            let options = read(boundary::borrow_optional(options))?;
            Ok(hostel_cache::over(remote(url, seal_key(shared(key)?)?, &options)?))
        })
    }
}

fn shared(key: &[u8]) -> Result<&[u8]> {
    let missing = || Error::InvalidArgument("key: a cache that machines share needs a key that they share".into());
    (!key.is_empty()).then_some(key).ok_or_else(missing)
}

/// # Safety
/// The strings are null or as the pointer rules say.
unsafe fn read(options: Option<&hostel_cache_remote_options>) -> Result<RemoteOptions> {
    let Some(options) = options else { return Ok(RemoteOptions::default()) };
    check_size(options.struct_size, size_of::<hostel_cache_remote_options>(), "options")?;
    // SAFETY: the caller's promise.
    let (secret, certificates) = unsafe {
        let secret = boundary::text_optional("options: secret", options.secret)?;
        let has_certificates = !options.certificates.is_null();
        (secret, has_certificates.then(|| boundary::path("options: certificates", options.certificates)).transpose()?)
    };
    let limits = limits(options)?;
    Ok(RemoteOptions { limits, secret: secret.map(Into::into), certificates: certificates.map(Into::into) })
}

fn limits(options: &hostel_cache_remote_options) -> Result<RemoteLimits> {
    let defaults = RemoteLimits::default();
    let or = |given: u64, default: u64| if given == 0 { default } else { given };
    Ok(RemoteLimits {
        time: duration("time_limit_ms", options.time_limit_ms, defaults.time)?,
        artifact_bytes: or(options.artifact_bytes_max, defaults.artifact_bytes),
        failures: or(options.failures_max, defaults.failures),
        pause: duration("pause_ms", options.pause_ms, defaults.pause)?,
        agreement: duration("agreement_ms", options.agreement_ms, defaults.agreement)?,
    })
}

fn duration(name: &str, given_ms: u64, default: Duration) -> Result<Duration> {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    match given_ms {
        0 => Ok(default),
        ms if ms > DAY_MS => Err(Error::InvalidArgument(format!("{name}: {ms} is more than a day"))),
        ms => Ok(Duration::from_millis(ms)),
    }
}
