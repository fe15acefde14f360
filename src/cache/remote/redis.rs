//! Redis, in the few commands that a cache needs, a connection for each operation. A server that is hostile gets nothing from us
//! but what it has sent: a length it claims reserves no memory, and its words are not repeated, because they might be
//! the password.

use super::Claimed;
use super::address::RedisAddress;
use super::failure::{Failure, Tried};
use super::names::Names;
use super::tls;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// A Redis server, not connected.
pub struct Redis {
    address: RedisAddress,
    tls: Option<Arc<ClientConfig>>,
    time: Duration,
    bytes_max: u64,
}

enum Reply {
    Done,
    Number(i64),
    Bytes(Option<Vec<u8>>),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Connection = BufReader<Box<dyn Stream>>;

/// More than any status, number or error of a real server.
const LINE_MAX: u64 = 1024;

impl Redis {
    /// The server at an address; by TLS if it is known how. An operation will have so much time, and take so many bytes.
    pub fn new(address: RedisAddress, tls: Option<Arc<ClientConfig>>, time: Duration, bytes_max: u64) -> Self {
        Redis { address, tls, time, bytes_max }
    }

    /// The bytes under a name.
    pub async fn get(&self, name: &str) -> Tried<Option<Vec<u8>>> {
        bytes(self.command(&[b"GET", self.key(name).as_bytes()]).await?)
    }

    /// Keeps bytes under a name.
    pub async fn put(&self, name: &str, bytes: &[u8]) -> Tried<()> {
        done(&self.command(&[b"SET", self.key(name).as_bytes(), bytes]).await?)
    }

    /// Whether there are bytes under a name.
    pub async fn exists(&self, name: &str) -> Tried<bool> {
        Ok(number(&self.command(&[b"EXISTS", self.key(name).as_bytes()]).await?)? > 0)
    }

    /// Forgets what is under a name.
    pub async fn delete(&self, name: &str) -> Tried<()> {
        number(&self.command(&[b"DEL", self.key(name).as_bytes()]).await?).map(|_| ())
    }

    /// Puts a token under `claim`, for so long at most, unless there is one; and looks for what it is about.
    pub async fn claim(&self, claim: &str, token: &str, time: Duration, name: &str) -> Tried<Claimed> {
        let (key, time) = (self.key(claim), time.as_millis().to_string());
        let mut connection = self.connect().await?;
        send(&mut connection, &[b"SET", key.as_bytes(), token.as_bytes(), b"NX", b"PX", time.as_bytes()]).await?;
        let ours = match self.reply(&mut connection).await? {
            Reply::Done => true,
            Reply::Bytes(None) => {
                // A claim ends by itself; what does not is none, and goes, so that the next who asks can have it.
                send(&mut connection, &[b"PTTL", key.as_bytes()]).await?;
                if number(&self.reply(&mut connection).await?)? == -1 {
                    send(&mut connection, &[b"DEL", key.as_bytes()]).await?;
                    number(&self.reply(&mut connection).await?)?;
                }
                false
            }
            _ => return Err(nonsense()),
        };
        send(&mut connection, &[b"EXISTS", self.key(name).as_bytes()]).await?;
        let there = number(&self.reply(&mut connection).await?)? > 0;
        Ok(Claimed { ours, there })
    }

    /// Takes a token away, if it is there still.
    pub async fn release(&self, claim: &str, token: &str) -> Tried<()> {
        let key = self.key(claim);
        let mut connection = self.connect().await?;
        send(&mut connection, &[b"GET", key.as_bytes()]).await?;
        if bytes(self.reply(&mut connection).await?)?.as_deref() == Some(token.as_bytes()) {
            send(&mut connection, &[b"DEL", key.as_bytes()]).await?;
            number(&self.reply(&mut connection).await?)?;
        }
        Ok(())
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.address.prefix)
    }

    async fn command(&self, words: &[&[u8]]) -> Tried<Reply> {
        let mut connection = self.connect().await?;
        send(&mut connection, words).await?;
        self.reply(&mut connection).await
    }

    async fn connect(&self) -> Tried<Connection> {
        let RedisAddress { host, port, user, password, database, .. } = &self.address;
        let stream = reach(host, *port).await?;
        stream.set_nodelay(true)?;
        let mut connection: Connection = BufReader::new(match &self.tls {
            None => Box::new(stream),
            // A server without TLS just waits for more; that is worth a word while there is time for one.
            Some(config) => match timeout(self.time.mul_f32(0.75), secure(config, host, stream)).await {
                Ok(secured) => Box::new(secured?),
                Err(_) => return Err(Failure::outage("no TLS: it does not answer; without TLS, the URL begins with redis://")),
            },
        });
        if let Some(password) = password {
            let words = [Some("AUTH"), user.as_deref(), Some(password)].into_iter().flatten().map(str::as_bytes);
            send(&mut connection, &words.collect::<Vec<_>>()).await?;
            self.reply(&mut connection).await?;
        }
        if *database != 0 {
            send(&mut connection, &[b"SELECT", database.to_string().as_bytes()]).await?;
            self.reply(&mut connection).await.map_err(|error| match error {
                Failure::Outage(what) => Failure::Outage(format!("{what}; it was asked for database {database}")),
                other => other,
            })?;
        }
        Ok(connection)
    }

    async fn reply(&self, connection: &mut Connection) -> Tried<Reply> {
        let mut line = Vec::new();
        (&mut *connection).take(LINE_MAX).read_until(b'\n', &mut line).await?;
        let line = str::from_utf8(&line).ok().and_then(|line| line.strip_suffix("\r\n")).ok_or_else(nonsense)?;
        let number = |text: &str| text.parse::<i64>().map_err(|_| nonsense());
        match line.split_at_checked(1) {
            Some(("+", _)) => Ok(Reply::Done),
            Some((":", rest)) => Ok(Reply::Number(number(rest)?)),
            Some(("$", "-1")) => Ok(Reply::Bytes(None)),
            Some(("$", rest)) => {
                let len = u64::try_from(number(rest)?).map_err(|_| nonsense())?;
                if len > self.bytes_max {
                    return Err(Failure::too_large(self.bytes_max));
                }
                let mut bytes = Vec::new();
                connection.take(len + 2).read_to_end(&mut bytes).await?;
                if bytes.len() as u64 != len + 2 || !bytes.ends_with(b"\r\n") {
                    return Err(nonsense());
                }
                bytes.truncate(bytes.len() - 2);
                Ok(Reply::Bytes(Some(bytes)))
            }
            Some(("-", rest)) => Err(refusal(rest)),
            _ => Err(nonsense()),
        }
    }
}

/// Connects to the first address of a host that takes it.
async fn reach(host: &str, port: u16) -> Tried<TcpStream> {
    let addresses = Names::of_system().look_up(host).await?;
    let mut failed = Failure::outage("it has no address");
    for address in addresses {
        match TcpStream::connect(SocketAddr::new(address, port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                failed = Failure::Outage(format!("cannot connect: {}; is a Redis server there?", crate::sys::words(error)))
            }
        }
    }
    Err(failed)
}

async fn secure(config: &Arc<ClientConfig>, host: &str, stream: TcpStream) -> Tried<impl Stream + use<>> {
    let name =
        ServerName::try_from(host.to_string()).map_err(|_| Failure::outage("the host has a name that no certificate has"))?;
    let secured = TlsConnector::from(config.clone()).connect(name, stream).await;
    secured.map_err(|error| match tls::why(&error) {
        Some(why) => Failure::outage(why),
        None => Failure::Outage(format!("no TLS: {}; without it, the URL begins with redis://", crate::sys::words(error))),
    })
}

fn done(reply: &Reply) -> Tried<()> {
    if matches!(reply, Reply::Done) { Ok(()) } else { Err(nonsense()) }
}

fn number(reply: &Reply) -> Tried<i64> {
    if let Reply::Number(number) = reply { Ok(*number) } else { Err(nonsense()) }
}

fn bytes(reply: Reply) -> Tried<Option<Vec<u8>>> {
    if let Reply::Bytes(bytes) = reply { Ok(bytes) } else { Err(nonsense()) }
}

/// An error reply begins with a word that says which. Of those that are known it is told what to do; no other is repeated.
fn refusal(text: &str) -> Failure {
    let word = text.split(' ').next().unwrap_or_default();
    let what = match word {
        "WRONGTYPE" => return Failure::Entry("what is kept there is no string".into()),
        "NOAUTH" => "NOAUTH: it wants a password",
        "WRONGPASS" => "WRONGPASS: it does not take this user and password",
        "NOPERM" => "NOPERM: this user may not do that; see Redis's ACL SETUSER, for commands and for keys",
        "DENIED" => "DENIED: it is in protected mode, and takes only local connections until it has a password",
        "LOADING" => "LOADING: it is still reading its data",
        "OOM" => "OOM: its memory is full; a maxmemory-policy such as allkeys-lru lets it make room",
        "READONLY" => "READONLY: it is a replica; the primary is to be named",
        "MISCONF" => "MISCONF: it cannot write to its disk",
        "MASTERDOWN" => "MASTERDOWN: it is a replica that has lost its primary",
        "MOVED" | "ASK" | "CLUSTERDOWN" | "CROSSSLOT" => "it is part of a cluster, which is not supported",
        "ERR" => "ERR",
        _ => "something",
    };
    Failure::Outage(format!("the server answers with an error: {what}"))
}

async fn send(connection: &mut Connection, words: &[&[u8]]) -> Tried<()> {
    let mut head = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        head.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        head.extend_from_slice(word);
        head.extend_from_slice(b"\r\n");
    }
    connection.write_all(&head).await?;
    Ok(connection.flush().await?)
}

fn nonsense() -> Failure {
    Failure::outage("the answer is cut off, or not Redis's")
}
