//! A program of WASI, written like any other: its first argument says what to do. Without one it copies its input to its output.

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] | ["cat"] => io::copy(&mut io::stdin(), &mut io::stdout()).map(|_| ()),
        ["converse"] => io::stdin().lines().try_for_each(|name| line(&format!("hello {}", name?))),
        ["self"] => line(&env::args().next().unwrap_or_default()),
        ["args", ..] => arguments.iter().try_for_each(|argument| line(argument)),
        ["env"] => env::vars().try_for_each(|(name, value)| line(&format!("{name}={value}"))),
        ["complain", what] => {
            eprintln!("{what}");
            Ok(())
        }
        ["complain", "twice", ref bytes @ ..] => {
            let bytes: Vec<u8> = bytes.iter().map(|byte| byte.parse().expect("a byte")).collect();
            let mut errors = io::stderr();
            bytes.iter().try_for_each(|byte| errors.write_all(&[*byte]))?;
            errors.write_all(&bytes)
        }
        ["exit", code] => {
            print!("so far");
            io::stdout().flush()?;
            std::process::exit(code.parse().expect("a number"))
        }
        ["panic", ref lines @ ..] => {
            for text in lines {
                println!("{text}");
            }
            panic!("on purpose")
        }
        ["greet"] => {
            // As one who types expects it: a question, an answer, and no wait for more.
            print!("name? ");
            io::stdout().flush()?;
            let mut name = String::new();
            io::stdin().read_line(&mut name)?;
            line(&format!("hello {}", name.trim_end()))
        }
        ["clock"] => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
            line(&now.as_nanos().to_string())
        }
        ["random"] => {
            // A map's keys come from WASI's random numbers.
            use std::hash::{BuildHasher, RandomState};
            line(&RandomState::new().hash_one(1).to_string())
        }
        ["sleep", milliseconds] => {
            let begun = Instant::now();
            std::thread::sleep(Duration::from_millis(milliseconds.parse().expect("a number")));
            line(if begun.elapsed().as_millis() as u64 >= milliseconds.parse().expect("a number") { "slept" } else { "woken" })
        }
        ["spin"] => loop {
            std::hint::black_box(());
        },
        ["fill", bytes] => {
            let block = [b'x'; 65536];
            let mut left: usize = bytes.parse().expect("a number");
            let mut out = io::stdout().lock();
            while left > 0 {
                let len = left.min(block.len());
                out.write_all(&block[..len])?;
                left -= len;
            }
            Ok(())
        }
        ["ls", path] => {
            let mut names: Vec<_> =
                fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<io::Result<_>>()?;
            names.sort();
            names.iter().try_for_each(|name| line(&name.to_string_lossy()))
        }
        ["clear", path] => {
            // Removes each entry when it is told of it, and the directory at last.
            for entry in fs::read_dir(path)? {
                fs::remove_file(entry?.path())?;
            }
            fs::remove_dir(format!("{path}/"))
        }
        ["read", path] => {
            let mut file = fs::File::open(path)?;
            io::copy(&mut file, &mut io::stdout()).map(|_| ())
        }
        ["measure", path] => {
            let mut file = fs::File::open(path)?;
            let (mut block, mut len, mut sum) = (vec![0; 1 << 20], 0u64, 0u64);
            loop {
                match file.read(&mut block)? {
                    0 => break line(&format!("{len} {sum}")),
                    read => {
                        len += read as u64;
                        sum = sum.wrapping_add(u64::from(block[read / 2]));
                    }
                }
            }
        }
        ["write", path, text] => fs::write(path, text),
        ["rename", from, to] => fs::rename(from, to),
        ["remove", path] => fs::remove_file(path),
        ["try", ref rest @ ..] => {
            // What a host that grants too little answers: one word for each path.
            for path in rest {
                let kind = fs::File::open(path).map_or_else(|error| format!("{:?}", error.kind()), |_| "opened".into());
                line(&kind)?;
            }
            Ok(())
        }
        ["hoard", path] => {
            let mut files = Vec::new();
            let error = loop {
                match fs::File::open(path) {
                    Ok(file) => files.push(file),
                    Err(error) => break error,
                }
            };
            line(&format!("{} {}", files.len(), error.raw_os_error().unwrap_or(0)))
        }
        _ => {
            eprintln!("program: unknown: {arguments:?}");
            std::process::exit(2)
        }
    }
}

fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")
}
