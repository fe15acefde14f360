//! The URL of a remote store, taken apart. What is wrong with one is said without repeating a secret in it.

use crate::{Error, Result};
use core::fmt;
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;
use url::{Host, Url};

/// Where a store is.
pub enum Address {
    Redis(RedisAddress),
    S3(S3Address),
}

/// `redis://user:password@host:port/database?prefix=TEXT`
pub struct RedisAddress {
    pub host: String,
    pub port: u16,
    pub user: Option<String>,
    pub password: Option<String>,
    pub database: u32,
    pub prefix: String,
}

/// `s3://bucket/prefix?endpoint=URL&region=NAME`
pub struct S3Address {
    pub bucket: String,
    pub prefix: String,
    pub virtual_host_style: bool,
    pub options: BTreeMap<String, String>,
}

const S3_OPTIONS: [&str; 6] = ["access_key_id", "endpoint", "region", "secret_access_key", "session_token", "virtual_host_style"];

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Redis(address) => write!(f, "redis://{}:{}/{}", address.host, address.port, address.database),
            Address::S3(address) => write!(f, "s3://{}/{}", address.bucket, address.prefix),
        }
    }
}

/// Takes a URL apart.
pub fn parse(text: &str) -> Result<Address> {
    let url = Url::parse(text).map_err(|error| wrong(&format!("{error}")))?;
    if url.fragment().is_some() {
        return Err(wrong("nothing may follow a `#`"));
    }
    match url.scheme() {
        "redis" => Ok(Address::Redis(redis(&url)?)),
        "s3" => Ok(Address::S3(s3(&url)?)),
        other => Err(wrong(&format!("the scheme is {other}, neither redis nor s3"))),
    }
}

fn redis(url: &Url) -> Result<RedisAddress> {
    let mut options = options(url, &["prefix"])?;
    let host = match url.host() {
        Some(Host::Domain(name)) if !name.is_empty() => name.to_string(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        _ => return Err(wrong("the host is missing: redis://HOST:PORT/DATABASE")),
    };
    let path = url.path().trim_start_matches('/');
    let database = if path.is_empty() { Ok(0) } else { path.parse() };
    let password = url.password().map(decode).transpose()?;
    let user = Some(decode(url.username())?).filter(|user| !user.is_empty());
    if user.is_some() && password.is_none() {
        return Err(wrong("there is a user without a password"));
    }
    Ok(RedisAddress {
        host,
        port: url.port().unwrap_or(6379),
        user,
        password,
        database: database.map_err(|_| wrong("the path is not the number of a database"))?,
        prefix: options.remove("prefix").unwrap_or_else(|| "hostel/".into()),
    })
}

fn s3(url: &Url) -> Result<S3Address> {
    let options = options(url, &S3_OPTIONS)?;
    let bucket = url.host_str().filter(|bucket| !bucket.is_empty());
    let bucket = bucket.ok_or_else(|| wrong("the bucket is missing: s3://BUCKET/PREFIX"))?;
    if url.port().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("only a bucket may stand before the path; the endpoint and credentials are options"));
    }
    if options.contains_key("access_key_id") != options.contains_key("secret_access_key") {
        return Err(wrong("access_key_id and secret_access_key only come together"));
    }
    if let Some(endpoint) = options.get("endpoint") {
        let endpoint = Url::parse(endpoint).map_err(|error| wrong(&format!("the endpoint: {error}")))?;
        let is_web = matches!(endpoint.scheme(), "http" | "https") && endpoint.has_host();
        if !is_web || endpoint.query().is_some() || !endpoint.username().is_empty() || endpoint.password().is_some() {
            return Err(wrong("the endpoint is not http://HOST:PORT or https://HOST:PORT"));
        }
    }
    let virtual_host_style = match options.get("virtual_host_style").map(String::as_str) {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(wrong("virtual_host_style is neither true nor false")),
    };
    let prefix = decode(url.path())?.trim_matches('/').to_string();
    Ok(S3Address { bucket: decode(bucket)?, prefix, virtual_host_style, options })
}

fn options(url: &Url, known: &[&str]) -> Result<BTreeMap<String, String>> {
    let mut options = BTreeMap::new();
    for (name, value) in url.query_pairs() {
        if !known.contains(&&*name) {
            return Err(wrong(&format!("there is no option {name:?} here; there is {}", known.join(", "))));
        }
        if value.is_empty() {
            return Err(wrong(&format!("the option {name} is empty")));
        }
        if options.insert(name.to_string(), value.into_owned()).is_some() {
            return Err(wrong(&format!("the option {name} is there twice")));
        }
    }
    Ok(options)
}

fn decode(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| wrong("what is percent-encoded is not UTF-8"))?;
    Ok(decoded.into_owned())
}

fn wrong(what: &str) -> Error {
    Error::InvalidArgument(format!("url: {what}"))
}
