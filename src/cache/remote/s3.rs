//! Object stores with S3's protocol, through opendal.

use super::address::S3Address;
use super::store::Tried;
use crate::{Error, Result};
use futures_util::StreamExt;
use opendal::{Buffer, ErrorKind, HttpBody, HttpTransport, HttpTransporter, OperationContext, Operator, services};
use opendal_http_transport_reqwest::ReqwestTransport;

/// A bucket, or a part of one.
pub struct S3 {
    operator: Operator,
}

impl S3 {
    /// The bucket at an address, from which at most so many bytes are taken at once.
    pub fn new(address: &S3Address, bytes_max: u64) -> Result<Self> {
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
        let transport = Capped { inner: ReqwestTransport::new(client(address)?), bytes_max };
        let context = OperationContext::new().with_http_transport(HttpTransporter::new(transport));
        let operator = Operator::new(builder).map_err(|error| Error::InvalidArgument(format!("url: {}", error.message())))?;
        Ok(S3 { operator: operator.with_context(context) })
    }

    /// The bytes under a name.
    pub async fn get(&self, name: &str) -> Tried<Option<Vec<u8>>> {
        match self.operator.read(name).await {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Keeps bytes under a name.
    pub async fn put(&self, name: &str, bytes: &[u8]) -> Tried<()> {
        self.operator.write(name, bytes.to_vec()).await.map(|_| ()).map_err(|error| failed(&error))
    }

    /// Whether there are bytes under a name.
    pub async fn exists(&self, name: &str) -> Tried<bool> {
        self.operator.exists(name).await.map_err(|error| failed(&error))
    }

    /// Forgets what is under a name.
    pub async fn delete(&self, name: &str) -> Tried<()> {
        self.operator.delete(name).await.map_err(|error| failed(&error))
    }
}

/// Follows no redirects, which would let a store send us anywhere, and keeps no connections, which end with the
/// operation that made them.
fn client(address: &S3Address) -> Result<reqwest::Client> {
    let _ = rustls::crypto::ring::default_provider().install_default(); // once; who was first is fine too
    let mut builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).pool_max_idle_per_host(0);
    if address.options.get("endpoint").is_some_and(|endpoint| endpoint.starts_with("http://")) {
        builder = builder.tls_certs_only([]); // so that no certificates need to be installed
    }
    builder.build().map_err(|error| Error::CacheIo(format!("cannot make an HTTP client: {error}")))
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

fn too_large() -> opendal::Error {
    opendal::Error::new(ErrorKind::Unexpected, "too large").set_source(std::io::Error::other("the answer is too large"))
}

/// What went wrong, without a word of the server's, which might be a secret that it was sent.
fn failed(error: &opendal::Error) -> String {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return io.to_string();
        }
        cause = inner.source();
    }
    match error.kind() {
        ErrorKind::Unexpected => "the answer is not one that S3 would give".into(),
        kind => format!("the server answers with an error: {kind}"),
    }
}
