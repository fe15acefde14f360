//! Name servers that answer, answer wrongly, or not at all.

use super::*;

const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost ip6-localhost # and so on\n10.0.0.7\tStore store.local\n";

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

/// A server that answers each question with what `answer` makes of each.
fn serve(answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> Names {
    let socket = std::net::UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
    let server = socket.local_addr().expect("its address");
    std::thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((len, from)) = socket.recv_from(&mut question) {
            let _ = socket.send_to(&answer(&question[..len]), from);
        }
    });
    Names {
        servers: vec![server],
        ..Names::new("options timeout:1 attempts:1 ndots:2\nsearch here.example. there", String::new())
    }
}

fn answer(question: &[u8], flags: [u8; 2], records: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = question.to_vec();
    bytes[2..4].copy_from_slice(&flags);
    bytes[7] = records.len() as u8;
    for (kind, data) in records {
        bytes.extend_from_slice(&[0xc0, 12]);
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&[0, 1, 0, 0, 0, 9, 0, data.len() as u8]);
        bytes.extend_from_slice(data);
    }
    bytes
}

#[test]
fn the_hosts_file_comes_first() {
    let names = Names::new("", HOSTS.into());
    let look_up = |host| block_on(names.look_up(host)).expect("known").into_iter().map(|ip| ip.to_string()).collect::<Vec<_>>();
    assert_eq!(look_up("STORE"), ["10.0.0.7"]);
    assert_eq!(look_up("localhost"), ["127.0.0.1", "::1"]);
    assert_eq!(look_up("some.localhost."), ["127.0.0.1", "::1"]);
    assert_eq!(look_up("[::2]"), ["::2"]);
}

#[test]
fn a_server_is_asked_for_both_kinds_of_addresses() {
    let names = serve(|question| match question[question.len() - 3] {
        1 => answer(question, [0x81, 0x80], &[(5, b"\x01x\x00"), (A, &[10, 0, 0, 1]), (A, &[10, 0, 0, 2])]),
        _ => answer(question, [0x81, 0x80], &[(AAAA, &[0; 16])]),
    });
    let found = block_on(names.look_up("a.b.example")).expect("found");
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.1", "10.0.0.2", "::"]);
}

#[test]
fn short_names_are_completed_first() {
    let names = serve(|question| {
        let is_completed = question.windows(6).any(|bytes| bytes == b"\x05there");
        if is_completed { answer(question, [0x81, 0x80], &[(A, &[10, 0, 0, 3])]) } else { answer(question, [0x81, 0x83], &[]) }
    });
    assert_eq!(names.candidates("a.b"), ["a.b.here.example", "a.b.there", "a.b"]);
    assert_eq!(names.candidates("a.b.c"), ["a.b.c", "a.b.c.here.example", "a.b.c.there"]);
    assert!(block_on(names.look_up("store")).is_ok_and(|found| found[0] == IpAddr::from([10, 0, 0, 3])));
}

#[test]
fn what_is_no_answer_is_an_error_in_time() {
    for rubbish in [&b""[..], b"x", &[0xff; 40], &[0; 600]] {
        assert!(block_on(serve(|_| rubbish.to_vec()).look_up("a.b.c")).is_err());
    }
    let cut = serve(|question| {
        let mut bytes = answer(question, [0x81, 0x80], &[(A, &[10, 0, 0, 1])]);
        bytes.truncate(bytes.len() - 2);
        bytes
    });
    assert!(block_on(cut.look_up("a.b.c")).is_err());
    let loops = serve(|question| {
        let mut bytes = answer(question, [0x81, 0x80], &[]);
        bytes[6..8].fill(0xff);
        bytes
    });
    assert!(block_on(loops.look_up("a.b.c")).is_err());
    assert!(block_on(serve(|question| answer(question, [0x81, 0x82], &[])).look_up("a.b.c")).is_err());
}
