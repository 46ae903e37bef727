//! Servers that mean harm to the conformance run: it comes to an end, in time and in little memory, and what
//! it prints is printable.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    process::{Command, Output},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

const PASSWORD: &str = "sesamopen77";

/// How often the server has refused a login by -ERR.
type Refusals = Arc<AtomicU32>;

/// Answers a line; what is not answered here is answered +OK with an escape sequence.
type Answer = fn(&str, &mut TcpStream) -> std::io::Result<bool>;

/// What every client has said, and the port.
fn serve(answer: Answer) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let hearing = Arc::clone(&heard);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let hearing = Arc::clone(&hearing);
            // A client that goes away ends it.
            thread::spawn(move || converse(stream, &hearing, answer).is_err());
        }
    });
    (port, heard)
}

fn converse(
    mut stream: TcpStream,
    hearing: &Mutex<Vec<String>>,
    answer: impl Fn(&str, &mut TcpStream) -> std::io::Result<bool>,
) -> std::io::Result<()> {
    stream.write_all(b"+OK \x1b]0;title\x07\r\n")?;
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        hearing.lock().unwrap().push(line.clone());
        if !answer(&line, &mut stream)? {
            stream.write_all(b"+OK \x1b[2J\r\n")?;
        }
        if line.eq_ignore_ascii_case("QUIT") {
            break;
        }
    }
    Ok(())
}

/// The run with some of its cases and little time, and as much memory as it should ever need.
fn conform(port: u16, more: &[&str]) -> Output {
    let mut command = Command::new("sh");
    // In KiB; the text of the program and the stacks of its threads are in it.
    command.args(["-c", "ulimit -v 600000; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_pop3-conform")]);
    command.args([&format!("127.0.0.1:{port}"), "--user", "alice", "--password", PASSWORD]);
    command.args(["--timeout", "0.5", "--total-time", "5"]).args(more);
    command.output().unwrap()
}

fn is_printable(output: &Output) -> bool {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    !text.contains(|character: char| character.is_control() && character != '\n') && !text.contains(PASSWORD)
}

/// Lines for ever, as fast as they are taken.
fn endless(stream: &mut TcpStream) -> std::io::Result<bool> {
    stream.write_all(b"+OK\r\n")?;
    let lines = b"1 1\r\n".repeat(10_000);
    loop {
        stream.write_all(&lines)?;
    }
}

// Conformance: C-ROB-05
#[test]
fn a_listing_without_an_end_ends_the_run() {
    let answers: [Answer; 2] = [
        |line, stream| match line {
            "LIST" => endless(stream),
            "CAPA" | "UIDL" => stream.write_all(b"+OK\r\n.\r\n").map(|()| true),
            _ => Ok(false),
        },
        |line, stream| if line == "CAPA" { endless(stream) } else { Ok(false) },
    ];
    for answer in answers {
        let (port, _) = serve(answer);
        let output = conform(port, &[]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("does not end"), "{output:?}");
        assert!(is_printable(&output), "{output:?}");
    }
}

fn capabilities_with_escapes(line: &str, stream: &mut TcpStream) -> std::io::Result<bool> {
    match line {
        "CAPA" => stream.write_all(b"+OK\r\nUSER\r\nIMPLEMENTATION \x1b[2J\xc2\x9b2J\x07\r\n.\r\n")?,
        "UIDL" | "LIST" => stream.write_all(b"+OK\r\n.\r\n")?,
        _ => return Ok(false),
    }
    Ok(true)
}

// Conformance: C-ROB-05
#[test]
fn what_a_server_says_is_printed_in_printable_characters() {
    let (port, _) = serve(capabilities_with_escapes);
    for format in ["human", "json", "junit"] {
        let output = conform(port, &["--case", "rfc2449/capa", "--format", format]);
        assert!(is_printable(&output), "{format}: {}", String::from_utf8_lossy(&output.stdout));
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn a_refusal_that_repeats_the_password_is_reported_without_it() {
    let (port, _) = serve(|line, stream| {
        if line == "CAPA" {
            stream.write_all(b"-ERR\r\n")?;
        } else if line.starts_with("PASS ") {
            stream.write_all(format!("-ERR I know no {line}\r\n").as_bytes())?;
        } else {
            return Ok(false);
        }
        Ok(true)
    });
    let output = conform(port, &[]);
    assert!(is_printable(&output), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("I know no"), "{output:?}");
}

/// TOP shows mail of ours where RETR gives somebody else's.
fn top_of_another(line: &str, stream: &mut TcpStream) -> std::io::Result<bool> {
    let head = "+OK\r\nX-Pop3-Conform: plain\r\n\r\n.\r\n";
    let text = match line {
        "CAPA" => "+OK\r\nUSER\r\nTOP\r\nUIDL\r\n.\r\n",
        "STAT" => "+OK 1 20\r\n",
        "LIST" => "+OK\r\n1 20\r\n.\r\n",
        "UIDL" => "+OK\r\n1 a\r\n.\r\n",
        "TOP 1 0" => head,
        "RETR 1" => "+OK\r\nSubject: private\r\n\r\n.\r\n",
        _ => return Ok(false),
    };
    stream.write_all(text.as_bytes())?;
    Ok(true)
}

#[test]
fn mail_of_which_top_and_retr_differ_is_never_removed() {
    let (port, heard) = serve(top_of_another);
    let output = conform(port, &["--writable", "--deliver-command", "cat"]);
    assert!(is_printable(&output), "{output:?}");
    let heard = heard.lock().unwrap();
    assert!(heard.iter().any(|line| line == "RETR 1"), "{heard:?}");
    // Before login there is nothing to remove, and whether it is refused then is a case.
    let mut is_in = false;
    for line in heard.iter() {
        match line.split(' ').next().unwrap().to_ascii_uppercase().as_str() {
            "QUIT" | "CAPA" => is_in = false,
            "PASS" => is_in = true,
            "DELE" => assert!(!is_in, "{heard:?}"),
            _ => {}
        }
    }
}

/// A server that accepts a number of logins, and then refuses every login in its own way.
fn throttles(lets_in: u32, capabilities: &'static str, refuses: Answer) -> (u16, Refusals) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (refusals, logins) = (Refusals::default(), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&refusals);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (refusals, logins) = (Arc::clone(&counted), Arc::clone(&logins));
            let answer = move |line: &str, stream: &mut TcpStream| {
                let keyword = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
                let is_login = matches!(keyword.as_str(), "USER" | "PASS" | "AUTH" | "APOP");
                let lets_in = logins.load(Ordering::SeqCst) < lets_in;
                if is_login && !lets_in && refuses(line, stream)? {
                    refusals.fetch_add(1, Ordering::SeqCst);
                    return Ok(true);
                }
                if keyword == "PASS" || keyword == "AUTH" {
                    logins.fetch_add(1, Ordering::SeqCst);
                }
                match keyword.as_str() {
                    "CAPA" => stream.write_all(format!("+OK\r\n{capabilities}.\r\n").as_bytes())?,
                    "LIST" | "UIDL" => stream.write_all(b"+OK\r\n.\r\n")?,
                    "STAT" => stream.write_all(b"+OK 0 0\r\n")?,
                    // Whatever the client says to that is answered +OK.
                    "AUTH" => stream.write_all(b"+ \r\n")?,
                    _ => return Ok(false),
                }
                Ok(true)
            };
            thread::spawn(move || converse(stream, &Mutex::default(), answer).is_err());
        }
    });
    (port, refusals)
}

fn to_pass(line: &str, stream: &mut TcpStream) -> std::io::Result<bool> {
    if !line.starts_with("PASS ") {
        return Ok(false);
    }
    stream.write_all(b"-ERR too fast\r\n").map(|()| true)
}

fn to_user(line: &str, stream: &mut TcpStream) -> std::io::Result<bool> {
    if !line.starts_with("USER ") {
        return Ok(false);
    }
    stream.write_all(b"-ERR locked\r\n").map(|()| true)
}

fn to_auth(line: &str, stream: &mut TcpStream) -> std::io::Result<bool> {
    if !line.starts_with("AUTH ") {
        return Ok(false);
    }
    stream.write_all(b"-ERR not now\r\n").map(|()| true)
}

/// No answer, but the end of the connection.
fn by_closing(line: &str, stream: &mut TcpStream) -> std::io::Result<bool> {
    if !line.starts_with("PASS ") {
        return Ok(false);
    }
    stream.shutdown(std::net::Shutdown::Both).map(|()| true)
}

#[test]
fn a_server_that_refuses_the_right_password_is_left_in_peace() {
    const USER: &str = "TOP\r\nUIDL\r\nUSER\r\n";
    const SASL: &str = "TOP\r\nUIDL\r\nSASL PLAIN\r\n";
    for (capabilities, refuses, limit, said) in [
        (USER, to_pass as Answer, 4, "-ERR too fast"),
        (USER, to_user, 2, "-ERR locked"),
        (USER, by_closing, 5, ""),
        (SASL, to_auth, 3, "-ERR not now"),
        (USER, to_pass, 0, "-ERR too fast"),
    ] {
        let (port, refusals) = throttles(2, capabilities, refuses);
        let output = conform(port, &["--failed-logins", &limit.to_string()]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(refusals.load(Ordering::SeqCst) <= limit.max(1), "{refusals:?} of {limit}: {text}");
        assert_ne!(output.status.code(), Some(0), "{text}");
        let last = text.lines().last().unwrap();
        assert!(last.starts_with("the run ended early: ") && last.contains(said), "{limit} {said}: {text}");
        assert!(
            last.contains(&format!("--failed-logins allows {limit}")) && last.contains("--pause"),
            "{last}"
        );
        assert!(is_printable(&output), "{output:?}");
    }
}
