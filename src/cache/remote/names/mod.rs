//! Looks up the addresses of a host, in `/etc/hosts` and by asking the servers of `/etc/resolv.conf`.
//!
//! The system's own way, `getaddrinfo`, cannot be stopped: a name that nobody answers for would keep a thread and a socket
//! long after the operation that has asked. This one leaves nothing behind when it is dropped.

use crate::sys::files;
use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

const A: u16 = 1;
const AAAA: u16 = 28;
/// More than any such file is.
const FILE_MAX: u64 = 1 << 20;

/// How names are looked up here.
pub struct Names {
    hosts: String,
    servers: Vec<SocketAddr>,
    search: Vec<String>,
    ndots: usize,
    timeout: Duration,
    attempts: u32,
}

impl Names {
    /// As the system's files say now.
    pub fn of_system() -> Self {
        let read = |path| files::read_at_most(Path::new(path), FILE_MAX).unwrap_or_default();
        Names::new(&text(read("/etc/resolv.conf")), text(read("/etc/hosts")))
    }

    fn new(resolv_conf: &str, hosts: String) -> Self {
        let (timeout, attempts) = (Duration::from_secs(5), 2);
        let mut names = Names { hosts, servers: Vec::new(), search: Vec::new(), ndots: 1, timeout, attempts };
        for line in resolv_conf.lines() {
            let mut words = line.split(['#', ';']).next().unwrap_or_default().split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let address = words.next().and_then(|word| word.split('%').next()?.parse().ok());
                    names.servers.extend(address.map(|address: IpAddr| SocketAddr::new(address, 53)));
                }
                Some("search" | "domain") => names.search = words.map(|word| word.trim_matches('.').into()).collect(),
                Some("options") => words.for_each(|word| names.set(word)),
                _ => {}
            }
        }
        names.servers.truncate(3);
        if names.servers.is_empty() {
            names.servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 53));
        }
        names
    }

    fn set(&mut self, option: &str) {
        let Some((name, Ok(value))) = option.split_once(':').map(|(name, value)| (name, value.parse::<u32>())) else { return };
        match name {
            "ndots" => self.ndots = value.min(15) as usize,
            "timeout" => self.timeout = Duration::from_secs(value.clamp(1, 30).into()),
            "attempts" => self.attempts = value.clamp(1, 5),
            _ => {}
        }
    }

    /// The addresses of a host, in the order in which they should be tried; at least one.
    pub async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>> {
        let host = host.trim_end_matches('.');
        if let Ok(address) = host.trim_matches(['[', ']']).parse() {
            return Ok(vec![address]);
        }
        let known = self.in_hosts(host);
        if !known.is_empty() {
            return Ok(known);
        }
        if host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost") {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        let mut failed = Error::new(ErrorKind::NotFound, "no host of this name is known");
        for name in self.candidates(host) {
            match self.ask(&name).await {
                Ok(addresses) if !addresses.is_empty() => return Ok(addresses),
                Ok(_) => {}
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn in_hosts(&self, host: &str) -> Vec<IpAddr> {
        let address = |line: &str| {
            let mut words = line.split('#').next()?.split_whitespace();
            let address = words.next()?.parse().ok()?;
            words.any(|name| name.eq_ignore_ascii_case(host)).then_some(address)
        };
        self.hosts.lines().filter_map(address).collect()
    }

    /// The full names that a name may stand for.
    fn candidates(&self, host: &str) -> Vec<String> {
        let mut names: Vec<_> = self.search.iter().map(|domain| format!("{host}.{domain}")).collect();
        let at = if host.matches('.').count() >= self.ndots { 0 } else { names.len() };
        names.insert(at, host.into());
        names
    }

    async fn ask(&self, name: &str) -> Result<Vec<IpAddr>> {
        let (four, six) = tokio::join!(self.ask_for(name, A), self.ask_for(name, AAAA));
        match (four, six) {
            (Err(error), Err(_)) => Err(error),
            (four, six) => Ok(four.unwrap_or_default().into_iter().chain(six.unwrap_or_default()).collect()),
        }
    }

    async fn ask_for(&self, name: &str, kind: u16) -> Result<Vec<IpAddr>> {
        let mut failed = Error::new(ErrorKind::TimedOut, "no name server answers");
        for _ in 0..self.attempts {
            for server in &self.servers {
                match tokio::time::timeout(self.timeout, ask_server(*server, name, kind)).await {
                    Ok(Ok(addresses)) => return Ok(addresses),
                    Ok(Err(error)) => failed = error,
                    Err(_) => {}
                }
            }
        }
        Err(failed)
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn ask_server(server: SocketAddr, name: &str, kind: u16) -> Result<Vec<IpAddr>> {
    let mut id = [0; 2];
    files::random(&mut id)?;
    let question =
        question(id, name, kind).ok_or_else(|| Error::new(ErrorKind::InvalidInput, "the name of the host is too long"))?;
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(&question).await?;
    let mut answer = [0; 4096];
    loop {
        let len = socket.recv(&mut answer).await?;
        match Answer::read(&answer[..len], &question) {
            None => {} // not to this question
            Some(Answer::CutOff) => return ask_by_tcp(server, &question).await,
            Some(answer) => return answer.addresses(),
        }
    }
}

async fn ask_by_tcp(server: SocketAddr, question: &[u8]) -> Result<Vec<IpAddr>> {
    let mut stream = TcpStream::connect(server).await?;
    let len = u16::try_from(question.len()).map_err(|_| ErrorKind::InvalidInput)?;
    stream.write_all(&[&len.to_be_bytes(), question].concat()).await?;
    let mut answer = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut answer).await?;
    Answer::read(&answer, question).ok_or(ErrorKind::InvalidData)?.addresses()
}

const HEADER: usize = 12;

/// A question as it goes to a server; none for what is no name.
fn question(id: [u8; 2], name: &str, kind: u16) -> Option<Vec<u8>> {
    let mut bytes = id.to_vec();
    bytes.extend_from_slice(&[0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0]); // recursion desired; one question
    for label in name.split('.') {
        let len = u8::try_from(label.len()).ok().filter(|len| (1..64).contains(len))?;
        bytes.push(len);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend_from_slice(&kind.to_be_bytes());
    bytes.extend_from_slice(&1u16.to_be_bytes()); // class: internet
    (bytes.len() <= 255 + HEADER + 4).then_some(bytes)
}

enum Answer {
    Addresses(Vec<IpAddr>),
    CutOff,
    Refused,
}

impl Answer {
    /// What answers this question, if it does.
    fn read(bytes: &[u8], question: &[u8]) -> Option<Answer> {
        let (flags, asked) = (bytes.get(2..4)?, question.get(HEADER..)?);
        let is_answer = bytes.get(..2)? == &question[..2] && flags[0] & 0x80 != 0;
        if !is_answer || !bytes.get(HEADER..HEADER + asked.len())?.eq_ignore_ascii_case(asked) {
            return None;
        }
        if flags[0] & 0x02 != 0 {
            return Some(Answer::CutOff);
        }
        match flags[1] & 0x0f {
            0 => {}
            3 => return Some(Answer::Addresses(Vec::new())), // there is no such name
            _ => return Some(Answer::Refused),
        }
        let count = number(bytes, 6)?;
        let (mut at, mut addresses) = (HEADER + asked.len(), Vec::new());
        for _ in 0..count {
            at = behind_name(bytes, at)?;
            let (kind, len) = (number(bytes, at)?, usize::from(number(bytes, at + 8)?));
            let data = bytes.get(at + 10..at + 10 + len)?;
            at += 10 + len;
            // What leads from one name to the next comes with what it leads to.
            match kind {
                A => addresses.extend(<[u8; 4]>::try_from(data).map(IpAddr::from)),
                AAAA => addresses.extend(<[u8; 16]>::try_from(data).map(IpAddr::from)),
                _ => {}
            }
        }
        Some(Answer::Addresses(addresses))
    }

    fn addresses(self) -> Result<Vec<IpAddr>> {
        match self {
            Answer::Addresses(addresses) => Ok(addresses),
            Answer::CutOff | Answer::Refused => Err(Error::other("the name server does not answer for this host")),
        }
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// Where a name ends; it is not read.
fn behind_name(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            0 => return Some(at + 1),
            len if len & 0xc0 == 0xc0 => return Some(at + 2),
            len => at += 1 + usize::from(*len),
        }
    }
}

#[cfg(test)]
mod tests;
