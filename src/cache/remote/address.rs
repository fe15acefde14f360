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

/// `redis://user:password@host:port/database?prefix=TEXT`, or `rediss://...` by TLS
pub struct RedisAddress {
    pub tls: bool,
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
    /// Who answers, where that is not Amazon.
    pub server: Option<String>,
}

const S3_OPTIONS: [&str; 6] = ["access_key_id", "endpoint", "region", "secret_access_key", "session_token", "virtual_host_style"];

/// What messages call a store: the server, and nothing in whose place a secret could have come to stand by a slip.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Redis(address) => {
                let scheme = if address.tls { "rediss" } else { "redis" };
                write!(f, "{scheme}://{}:{}/{}", Bracketed(&address.host), address.port, address.database)
            }
            Address::S3(address) => {
                write!(f, "s3://{}", address.bucket)?;
                address.server.as_ref().map_or(Ok(()), |server| write!(f, " at {server}"))
            }
        }
    }
}

/// A host as it stands before a port.
struct Bracketed<'a>(&'a str);

impl fmt::Display for Bracketed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') { write!(f, "[{}]", self.0) } else { f.write_str(self.0) }
    }
}

/// Takes a URL apart, and puts a secret that does not stand there where it belongs: Redis's password, S3's secret key.
///
/// Nothing of a wrong URL is repeated, because a secret may stand anywhere in one.
pub fn parse(text: &str, secret: Option<&str>) -> Result<Address> {
    let url = Url::parse(text).map_err(|error| wrong(&format!("{error}")))?; // one of a few fixed texts
    if url.fragment().is_some() {
        return Err(wrong("nothing may follow a `#`; in a password it is written %23"));
    }
    match url.scheme() {
        "redis" => Ok(Address::Redis(redis(&url, false, secret)?)),
        "rediss" => Ok(Address::Redis(redis(&url, true, secret)?)),
        "s3" => Ok(Address::S3(s3(&url, secret)?)),
        _ => Err(wrong("it begins with neither redis:// nor rediss:// nor s3://")),
    }
}

fn redis(url: &Url, tls: bool, secret: Option<&str>) -> Result<RedisAddress> {
    let mut options = options(url, &["prefix"])?;
    let host = match url.host() {
        Some(Host::Domain(name)) if !name.is_empty() => host_name(name)?,
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        _ => return Err(wrong("the host is missing: redis://HOST:PORT/DATABASE")),
    };
    let path = url.path().trim_start_matches('/');
    let database = if path.is_empty() { Ok(0) } else { path.parse() };
    let password = match (url.password().map(decode).transpose()?, secret) {
        (Some(_), Some(_)) => return Err(wrong("there is a password in the URL and another one beside it")),
        (in_url, beside) => in_url.or_else(|| beside.map(Into::into)),
    };
    let user = Some(decode(url.username())?).filter(|user| !user.is_empty());
    if user.is_some() && password.is_none() {
        return Err(wrong("there is a user without a password; a password alone is written :PASSWORD@HOST"));
    }
    Ok(RedisAddress {
        tls,
        host,
        port: url.port().unwrap_or(6379),
        user,
        password,
        database: database
            .map_err(|_| wrong("what follows the host is not the number of a database; in a password, / is written %2F"))?,
        prefix: options.remove("prefix").unwrap_or_else(|| "hostel/".into()),
    })
}

fn s3(url: &Url, secret: Option<&str>) -> Result<S3Address> {
    let mut options = options(url, &S3_OPTIONS)?;
    let bucket = url.host_str().filter(|bucket| !bucket.is_empty());
    let bucket = host_name(bucket.ok_or_else(|| wrong("the bucket is missing: s3://BUCKET/PREFIX"))?)?;
    if url.port().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("only a bucket may stand before the path; the endpoint and credentials are options"));
    }
    if let Some(secret) = secret
        && options.insert("secret_access_key".into(), secret.into()).is_some()
    {
        return Err(wrong("there is a secret_access_key in the URL and another one beside it"));
    }
    if options.contains_key("access_key_id") != options.contains_key("secret_access_key") {
        return Err(wrong("access_key_id and secret_access_key only come together"));
    }
    let server = match options.get("endpoint") {
        Some(endpoint) => Some(server(endpoint)?),
        None => std::env::var("AWS_ENDPOINT_URL").ok().and_then(|endpoint| server(&endpoint).ok()),
    };
    let virtual_host_style = match options.get("virtual_host_style").map(String::as_str) {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(wrong("virtual_host_style is neither true nor false")),
    };
    let prefix = decode(url.path())?.trim_matches('/').to_string();
    Ok(S3Address { bucket, prefix, virtual_host_style, options, server })
}

/// What of an endpoint may be told.
fn server(endpoint: &str) -> Result<String> {
    let unfit = || wrong("the endpoint is not http://HOST:PORT or https://HOST:PORT");
    if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
        return Err(unfit()); // such as https:HOST, which can be read as one
    }
    let endpoint = Url::parse(endpoint).map_err(|_| unfit())?;
    let is_web = matches!(endpoint.scheme(), "http" | "https");
    if !is_web || endpoint.query().is_some() || endpoint.fragment().is_some() {
        return Err(unfit());
    }
    if !endpoint.username().is_empty() || endpoint.password().is_some() {
        return Err(unfit());
    }
    let host = match endpoint.host() {
        Some(Host::Domain(name)) => host_name(name)?,
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => format!("[{address}]"),
        None => return Err(unfit()),
    };
    let port = endpoint.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{}://{host}{port}", endpoint.scheme()))
}

/// What can be the name of a host or a bucket: nothing that was meant to be more than that, and has lost a `:` or an `@`.
fn host_name(name: &str) -> Result<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let is_name = !name.is_empty() && name.len() <= 255 && name.bytes().all(fits);
    is_name
        .then(|| name.to_string())
        .ok_or_else(|| wrong("the name of a host or a bucket has letters, digits, `-`, `.` and `_` only"))
}

fn options(url: &Url, known: &[&str]) -> Result<BTreeMap<String, String>> {
    let mut options = BTreeMap::new();
    for (name, value) in url.query_pairs() {
        let Some(name) = known.iter().find(|known| **known == name) else {
            return Err(wrong(&format!("what follows the `?` is none of the options there are: {}", known.join(", "))));
        };
        if value.is_empty() {
            return Err(wrong(&format!("the option {name} is empty")));
        }
        if options.insert((*name).to_string(), value.into_owned()).is_some() {
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "hunter2";

    /// All that can be said of a URL, by whoever has it.
    fn told(text: &str, beside: Option<&str>) -> String {
        parse(text, beside).map_or_else(|error| error.to_string(), |address| address.to_string())
    }

    /// Good URLs with every character put in, left out, doubled and replaced.
    fn mistyped() -> Vec<String> {
        const GOOD: [&str; 8] = [
            "redis://user:hunter2@host:6379/0?prefix=p",
            "redis://:hunter2@host",
            "rediss://:hunter2@127.0.0.1:6379/12",
            "redis://:hunter2@[::1]:6379",
            "s3://bucket/p?access_key_id=AKIA&secret_access_key=hunter2&region=r",
            "s3://bucket?secret_access_key=hunter2&access_key_id=AKIA&endpoint=http://h:9000",
            "s3://bucket/p?endpoint=https://h:9000&region=r&access_key_id=A&secret_access_key=x&session_token=hunter2",
            "s3://AKIA:hunter2@bucket/p?region=r",
        ];
        const SLIPS: [&str; 24] = [
            "", ":", "/", "@", "?", "#", "&", "=", "%", "%40", "%3A", "%2F", "%26", "%23", "%3D", " ", "\t", "\\", "::", "//",
            "@@", "[", "]", "1",
        ];
        let mut all = Vec::new();
        for good in GOOD {
            let secret = good.find(SECRET).expect("it is there");
            let around = |at: usize| at <= secret || at >= secret + SECRET.len();
            for at in (0..=good.len()).filter(|at| around(*at)) {
                for slip in SLIPS {
                    all.push(format!("{}{slip}{}", &good[..at], &good[at..]));
                    if at < good.len() && around(at + 1) {
                        all.push(format!("{}{slip}{}", &good[..at], &good[at + 1..]));
                    }
                }
                // Something is lost, from here to the secret or from the secret to here.
                if at < secret {
                    all.push(format!("{}{}", &good[..at], &good[secret..]));
                } else {
                    all.push(format!("{}{}", &good[..secret + SECRET.len()], &good[at..]));
                }
            }
        }
        all
    }

    #[test]
    fn no_slip_shows_a_secret() {
        let urls = mistyped();
        assert!(urls.len() > 10_000, "{}", urls.len());
        for url in urls {
            // What has come to stand where the name of a host or a bucket does cannot be told from one.
            let is_name = |name: &str| name.to_ascii_lowercase().contains(SECRET) && !name.contains(['@', '%', '&', '=', '#']);
            let named = |rest: &str| is_name(rest.split([':', '/', '?']).next().unwrap_or_default());
            if url.split("://").skip(1).any(named) {
                continue;
            }
            for beside in [None, Some("another")] {
                let told = told(&url, beside);
                assert!(!told.to_ascii_lowercase().contains(SECRET), "{url:?} is told as {told:?}");
            }
        }
    }

    #[test]
    fn a_secret_beside_the_url_is_used() {
        let Ok(Address::Redis(redis)) = parse("redis://user@host", Some(SECRET)) else { panic!("a Redis") };
        assert_eq!((redis.user.as_deref(), redis.password.as_deref()), (Some("user"), Some(SECRET)));
        let Ok(Address::S3(s3)) = parse("s3://bucket?access_key_id=A", Some(SECRET)) else { panic!("a bucket") };
        assert_eq!(s3.options.get("secret_access_key").map(String::as_str), Some(SECRET));
        assert!(parse("redis://:one@host", Some(SECRET)).is_err());
        assert!(parse("s3://bucket?access_key_id=A&secret_access_key=one", Some(SECRET)).is_err());
    }

    #[test]
    fn a_store_is_told_by_its_server() {
        assert_eq!(told("redis://:x@host", None), "redis://host:6379/0");
        assert_eq!(told("rediss://:x@[::1]:1/2", None), "rediss://[::1]:1/2");
        assert_eq!(told("s3://bucket/p?endpoint=http://127.0.0.1:9000", None), "s3://bucket at http://127.0.0.1:9000");
    }
}
