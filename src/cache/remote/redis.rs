//! Redis, in the four commands that a cache needs, a connection for each. A server that is hostile gets nothing from us
//! but what it has sent: a length it claims reserves no memory, and its words are not repeated, because they might be
//! the password.

use super::address::RedisAddress;
use super::store::Tried;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A Redis server, not connected.
pub struct Redis {
    address: RedisAddress,
    bytes_max: u64,
}

enum Reply {
    Done,
    Number(i64),
    Bytes(Option<Vec<u8>>),
}

type Connection = BufReader<TcpStream>;

/// More than any status, number or error of a real server.
const LINE_MAX: u64 = 1024;

impl Redis {
    /// The server at an address, from which at most so many bytes are taken at once.
    pub fn new(address: RedisAddress, bytes_max: u64) -> Self {
        Redis { address, bytes_max }
    }

    /// The bytes under a name.
    pub async fn get(&self, name: &str) -> Tried<Option<Vec<u8>>> {
        match self.command(b"GET", name, None).await? {
            Reply::Bytes(bytes) => Ok(bytes),
            _ => Err(nonsense()),
        }
    }

    /// Keeps bytes under a name.
    pub async fn put(&self, name: &str, bytes: &[u8]) -> Tried<()> {
        match self.command(b"SET", name, Some(bytes)).await? {
            Reply::Done => Ok(()),
            _ => Err(nonsense()),
        }
    }

    /// Whether there are bytes under a name.
    pub async fn exists(&self, name: &str) -> Tried<bool> {
        match self.command(b"EXISTS", name, None).await? {
            Reply::Number(count) => Ok(count > 0),
            _ => Err(nonsense()),
        }
    }

    /// Forgets what is under a name.
    pub async fn delete(&self, name: &str) -> Tried<()> {
        match self.command(b"DEL", name, None).await? {
            Reply::Number(_) => Ok(()),
            _ => Err(nonsense()),
        }
    }

    async fn command(&self, verb: &[u8], name: &str, value: Option<&[u8]>) -> Tried<Reply> {
        let key = format!("{}{name}", self.address.prefix);
        let mut connection = self.connect().await?;
        let words = [verb, key.as_bytes()].into_iter().chain(value);
        send(&mut connection, words).await?;
        self.reply(&mut connection).await
    }

    async fn connect(&self) -> Tried<Connection> {
        let RedisAddress { host, port, user, password, database, .. } = &self.address;
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(io)?;
        stream.set_nodelay(true).map_err(io)?;
        let mut connection = BufReader::new(stream);
        if let Some(password) = password {
            let words = [Some("AUTH"), user.as_deref(), Some(password)];
            send(&mut connection, words.into_iter().flatten().map(str::as_bytes)).await?;
            self.reply(&mut connection).await?;
        }
        if *database != 0 {
            send(&mut connection, ["SELECT", &database.to_string()].into_iter().map(str::as_bytes)).await?;
            self.reply(&mut connection).await?;
        }
        Ok(connection)
    }

    async fn reply(&self, connection: &mut Connection) -> Tried<Reply> {
        let mut line = Vec::new();
        (&mut *connection).take(LINE_MAX).read_until(b'\n', &mut line).await.map_err(io)?;
        let line = str::from_utf8(&line).ok().and_then(|line| line.strip_suffix("\r\n")).ok_or_else(nonsense)?;
        let number = |text: &str| text.parse::<i64>().map_err(|_| nonsense());
        match line.split_at_checked(1) {
            Some(("+", _)) => Ok(Reply::Done),
            Some((":", rest)) => Ok(Reply::Number(number(rest)?)),
            Some(("$", "-1")) => Ok(Reply::Bytes(None)),
            Some(("$", rest)) => {
                let len = u64::try_from(number(rest)?).map_err(|_| nonsense())?;
                if len > self.bytes_max {
                    return Err(format!("an answer of {len} bytes is too large"));
                }
                let mut bytes = Vec::new();
                connection.take(len).read_to_end(&mut bytes).await.map_err(io)?;
                if bytes.len() as u64 == len { Ok(Reply::Bytes(Some(bytes))) } else { Err(nonsense()) }
            }
            Some(("-", rest)) => Err(self.refusal(rest)),
            _ => Err(nonsense()),
        }
    }

    /// An error reply begins with a word that says which.
    fn refusal(&self, text: &str) -> String {
        let word = text.split(' ').next().unwrap_or_default();
        let is_code = word.len() <= 16 && word.bytes().all(|byte| byte.is_ascii_uppercase());
        let is_secret = [&self.address.user, &self.address.password].into_iter().flatten().any(|secret| secret == word);
        let word = if is_code && !is_secret { word } else { "something" };
        format!("the server answers with an error: {word}")
    }
}

async fn send<'a>(connection: &mut Connection, words: impl Iterator<Item = &'a [u8]> + Clone) -> Tried<()> {
    let mut head = format!("*{}\r\n", words.clone().count()).into_bytes();
    for word in words {
        head.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        head.extend_from_slice(word);
        head.extend_from_slice(b"\r\n");
    }
    connection.write_all(&head).await.map_err(io)
}

fn nonsense() -> String {
    "the answer is cut off, or not Redis's".into()
}

fn io(error: std::io::Error) -> String {
    error.to_string()
}
