//! Object stores with S3's protocol, through opendal.

use super::Claimed;
use super::address::S3Address;
use super::failure::{Failure, Tried};
use super::names::Names;
use super::tls;
use crate::{Error, Result};
use futures_util::StreamExt;
use opendal::{Buffer, ErrorKind, HttpBody, HttpTransport, HttpTransporter, OperationContext, Operator, services};
use opendal_http_transport_reqwest::ReqwestTransport;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A bucket, or a part of one.
pub struct S3 {
    operator: Operator,
    bytes_max: u64,
    /// Whether there are credentials, before the machine is asked for its role.
    has_credentials: bool,
}

impl S3 {
    /// The bucket at an address, from which at most so many bytes are taken at once. The certificates are those to know the server
    /// by; without, the system's.
    pub fn new(address: &S3Address, certificates: Option<&[u8]>, bytes_max: u64) -> Result<Self> {
        let option = |name: &str| address.options.get(name).map_or("", String::as_str); // empty is as good as not given
        let mut builder = services::S3::default()
            .bucket(&address.bucket)
            .root(&address.prefix)
            .endpoint(option("endpoint"))
            .region(option("region"))
            .access_key_id(option("access_key_id"))
            .secret_access_key(option("secret_access_key"))
            .session_token(option("session_token"));
        if address.virtual_host_style {
            builder = builder.enable_virtual_host_style();
        }
        let inner = ReqwestTransport::new(client(address, certificates)?);
        let transport = Capped { inner, bytes_max: bytes_max.max(ANSWER_MAX) };
        let context = OperationContext::new().with_http_transport(HttpTransporter::new(transport));
        // Its words may be those of the URL.
        let unfit = |_| Error::InvalidArgument("url: the region is missing: it is an option, or in AWS_REGION".into());
        let operator = Operator::new(builder).map_err(unfit)?;
        let has_credentials = address.options.contains_key("access_key_id") || has_credentials();
        Ok(S3 { operator: operator.with_context(context), bytes_max, has_credentials })
    }

    /// What may be the reason that nothing was done in time.
    pub fn delay(&self) -> Option<&'static str> {
        (!self.has_credentials).then_some(NO_CREDENTIALS)
    }

    /// The bytes under a name.
    pub async fn get(&self, name: &str) -> Tried<Option<Vec<u8>>> {
        match self.operator.read(name).await {
            Ok(bytes) if bytes.len() as u64 > self.bytes_max => Err(Failure::too_large(self.bytes_max)),
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Keeps bytes under a name.
    pub async fn put(&self, name: &str, bytes: &[u8]) -> Tried<()> {
        self.operator.write(name, bytes.to_vec()).await.map(|_| ()).map_err(|error| self.failed(&error))
    }

    /// Whether there are bytes under a name.
    pub async fn exists(&self, name: &str) -> Tried<bool> {
        self.operator.exists(name).await.map_err(|error| self.failed(&error))
    }

    /// Forgets what is under a name.
    pub async fn delete(&self, name: &str) -> Tried<()> {
        self.operator.delete(name).await.map_err(|error| self.failed(&error))
    }

    /// Puts a token under `claim`, unless there is one that is not older than so; and looks for what it is about. A store that
    /// knows no conditions lets everybody have it.
    pub async fn claim(&self, claim: &str, token: &str, time: Duration, name: &str) -> Tried<Claimed> {
        let written = self.operator.write_with(claim, token.to_string()).if_not_exists(true).await;
        let ours = match written {
            Ok(_) => true,
            Err(error) if is_taken(&error) => self.take_over(claim, token, time).await?,
            Err(error) if error.kind() == ErrorKind::Unsupported => true,
            Err(error) => return Err(self.failed(&error)),
        };
        Ok(Claimed { ours, there: self.exists(name).await? })
    }

    /// Takes the place of a token that was left there by a machine that is gone.
    async fn take_over(&self, claim: &str, token: &str, time: Duration) -> Tried<bool> {
        let about = match self.operator.stat(claim).await {
            Ok(about) => about,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false), // it is asked for again
            Err(error) => return Err(self.failed(&error)),
        };
        let (Some(etag), Some(put)) = (about.etag(), about.last_modified()) else { return Ok(false) };
        // Clocks differ, so that it may seem to be of a time to come.
        let age = SystemTime::from(put).elapsed().unwrap_or_else(|ahead| ahead.duration());
        if age <= time {
            return Ok(false);
        }
        match self.operator.write_with(claim, token.to_string()).if_match(etag).await {
            Ok(_) => Ok(true),
            Err(error) if is_taken(&error) || error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Takes a token away, if it is there still.
    pub async fn release(&self, claim: &str, token: &str) -> Tried<()> {
        if self.get(claim).await?.as_deref() == Some(token.as_bytes()) {
            self.delete(claim).await?;
        }
        Ok(())
    }

    /// What went wrong, without a word of the server's, which might be a secret that it was sent.
    fn failed(&self, error: &opendal::Error) -> Failure {
        if error.message() == SIGNING {
            return Failure::outage(NO_CREDENTIALS);
        }
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(inner) = cause {
            if inner.is::<TooLarge>() {
                return Failure::too_large(self.bytes_max);
            }
            if let Some(io) = inner.downcast_ref::<std::io::Error>() {
                return tls::why(io).map_or_else(|| Failure::outage(io), Failure::outage);
            }
            cause = inner.source();
        }
        Failure::outage(match error.kind() {
            ErrorKind::ConfigInvalid => {
                "there is no such bucket, or it is another server's: look at the bucket's name and region"
            }
            ErrorKind::PermissionDenied => {
                "it does not let these credentials do that: look at the keys, the region, and the policy of the bucket"
            }
            ErrorKind::NotFound => "there is nothing of that name: look at the bucket's name and at the endpoint",
            ErrorKind::RateLimited => "it wants to be asked less often",
            _ => "the answer is not one that S3 would give",
        })
    }
}

const NO_CREDENTIALS: &str = "there are no credentials: they are access_key_id in the URL and its secret, or AWS_ACCESS_KEY_ID and \
                              AWS_SECRET_ACCESS_KEY in the environment, or a profile in ~/.aws";

/// Whether something names credentials, as far as that can be told without asking anybody.
fn has_credentials() -> bool {
    let variables = [
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_CONFIG_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let home = std::env::var_os("HOME").map(|home| std::path::Path::new(&home).join(".aws"));
    variables.iter().any(is_set) || home.is_some_and(|folder| folder.is_dir())
}

/// More than an answer has that is no object.
const ANSWER_MAX: u64 = 64 << 10;

/// What opendal says when it has nothing to sign with.
const SIGNING: &str = "signing http request";

fn is_taken(error: &opendal::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConditionNotMatch | ErrorKind::AlreadyExists | ErrorKind::Conflict)
}

/// Follows no redirects, which would let a store send us anywhere, and keeps no connections, which end with the
/// operation that made them.
fn client(address: &S3Address, certificates: Option<&[u8]>) -> Result<reqwest::Client> {
    let _ = rustls::crypto::ring::default_provider().install_default(); // once; who was first is fine too
    let mut builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).pool_max_idle_per_host(0);
    builder = builder.dns_resolver(Arc::new(OwnNames));
    if address.server.as_ref().is_some_and(|server| server.starts_with("http://")) {
        builder = builder.tls_certs_only([]); // so that no certificates need to be installed
    } else if let Some(pem) = certificates {
        let unfit = |_| Error::CacheIo("the certificates given cannot be used: they are damaged".into());
        builder = builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(pem).map_err(unfit)?);
    }
    builder.build().map_err(|_| tls::no_certificates())
}

/// Looks names up so that nothing is left behind.
struct OwnNames;

impl Resolve for OwnNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses = Names::of_system().look_up(name.as_str()).await?;
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

/// Answers, also those that tell of an error, end where they are too large.
struct Capped {
    inner: ReqwestTransport,
    bytes_max: u64,
}

impl HttpTransport for Capped {
    async fn fetch(&self, request: http::Request<Buffer>) -> opendal::Result<http::Response<HttpBody>> {
        let mut left = self.bytes_max;
        let response = self.inner.fetch(request).await?;
        Ok(response.map(|body| {
            body.map_inner(|stream| {
                Box::new(stream.map(move |chunk| {
                    let chunk = chunk?;
                    left = left.checked_sub(chunk.len() as u64).ok_or_else(too_large)?;
                    Ok(chunk)
                }))
            })
        }))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the answer is too large")]
struct TooLarge;

fn too_large() -> opendal::Error {
    opendal::Error::new(ErrorKind::Unexpected, "too large").set_source(TooLarge)
}
