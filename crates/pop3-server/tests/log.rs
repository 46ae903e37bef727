//! A log that cannot be written, or that nobody reads, stops nobody.
#![cfg(target_os = "linux")]

mod support;

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::SocketAddr,
    os::fd::OwnedFd,
    path::Path,
    process::{Child, Stdio},
};

use support::{Client, PASSWORD, Program, USER, root, stop};

/// A configuration with a plain listener and Alice; a warning is logged at every start with it.
fn config(data: &Path) -> String {
    fs::create_dir_all(data.join("mail")).unwrap();
    fs::write(data.join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n")).unwrap();
    let path = data.join("config.toml");
    let text = "[[listen]]\naddress = \"127.0.0.1:0\"\nkind = \"plain\"\n[users]\nfile = \"users\"\n\
                [maildir]\nroot = \"mail\"\n[login]\nplaintext_without_tls = true\nfailure_delay = 0\n";
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn start(config: &str, log: impl Into<Stdio>) -> (Child, SocketAddr) {
    Program::start_logging_to(&["--config", config, "--log", "debug"], log)
}

fn log_in_and_out(address: SocketAddr) {
    let mut client = Client::connect(address);
    client.line();
    client.log_in(USER, PASSWORD);
    client.quit();
}

fn log_in_wrongly(address: SocketAddr) {
    let mut client = Client::connect(address);
    client.line();
    client.ok("USER alice");
    client.err("PASS wrong");
    client.ok("QUIT");
}

/// A pipe that is full, and its reader.
fn full_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while writer.write(&[b'.'; 4096]).is_ok() {}
    while writer.write(b".").is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    (reader, writer)
}

// Conformance: A-86
#[test]
fn sessions_go_on_without_a_log() {
    let data = root();
    let config = config(data.path());
    let (reader, closed) = std::io::pipe().unwrap();
    drop(reader);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (_reader, stands_still) = full_pipe();
    for log in [OwnedFd::from(closed), full.into(), stands_still.into()] {
        let (child, address) = start(&config, log);
        for _ in 0..3 {
            log_in_wrongly(address);
            log_in_and_out(address);
        }
        stop(child);
    }
}

// Conformance: A-86
#[test]
fn what_was_lost_is_said_when_the_log_can_be_written_again() {
    let data = root();
    let (mut reader, log) = full_pipe();
    let (child, address) = start(&config(data.path()), log);
    // Each session has three lines and more.
    for _ in 0..1000 {
        log_in_and_out(address);
    }
    let text = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    // The lines that wait are written first.
    log_in_and_out(address);
    stop(child);
    let text = text.join().unwrap();
    assert!(text.contains("log lines were lost"), "{}", text.trim_start_matches('.'));
    assert!(text.contains("logged out"));
}

// Conformance: A-86
#[test]
fn a_delivery_says_by_its_status_what_it_did() {
    let data = root();
    let config = config(data.path());
    let (reader, closed) = std::io::pipe().unwrap();
    drop(reader);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (_reader, stands_still) = full_pipe();
    let message = data.path().join("message");
    fs::write(&message, "Subject: hello\n\nworld\n").unwrap();
    for log in [OwnedFd::from(closed), full.into(), stands_still.into()] {
        let deliver = |name: &str, config: &str| {
            let mut command = Program::command(&["--config", config, "deliver", name]);
            command.stdin(File::open(&message).unwrap()).stderr(log.try_clone().unwrap());
            command.status().unwrap().code()
        };
        assert_eq!(deliver(USER, &config), Some(0));
        assert_eq!(deliver("nobody", &config), Some(67));
        assert_eq!(deliver(USER, "/nowhere.toml"), Some(75));
    }
    assert_eq!(support::files(&data.path().join("mail"), USER).len(), 3);
}

/// The log of a server that this is done to.
fn log_of(done: impl FnOnce(SocketAddr)) -> String {
    let data = root();
    let program = Program::start(&["--config", &config(data.path()), "--log", "info"]);
    done(program.addresses[0]);
    program.stop().1
}

// Conformance: A-96
#[test]
fn a_name_cannot_pass_for_other_fields() {
    let log = log_of(|address| {
        for name in ["bob peer=10.9.8.7:1 reason=x", "bob\" reason=\"x", "bob\u{1b}[2J", "b\u{202e}ob"] {
            let mut client = Client::connect(address);
            client.line();
            client.ask(&format!("USER {name}"));
            client.ask("PASS wrong");
        }
    });
    let refused: Vec<_> = log.lines().filter(|line| line.contains("login refused")).collect();
    assert!(refused.len() >= 2, "{log}");
    for line in refused {
        assert_eq!(line.matches(" reason=\"name or password is wrong\"").count(), 1, "{line}");
        assert!(
            !line.contains(" peer=10.9") || line.contains("user=\"bob peer=10.9.8.7:1 reason=x\""),
            "{line}"
        );
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line}");
    }
    assert!(log.contains(r#"user="bob peer=10.9.8.7:1 reason=x" reason="#), "{log}");
    assert!(log.contains(r#"user="bob\" reason=\"x" reason="#), "{log}");
}

// Conformance: A-56
#[test]
fn noise_hides_no_refused_login_and_no_user_fills_the_log() {
    let log = log_of(|address| {
        // Each is a line about a connection before login.
        for _ in 0..400 {
            let mut client = Client::connect(address);
            client.line();
            (0..10).for_each(|_| client.send("NONSENSE\r\n"));
            client.rest();
        }
        (0..30).for_each(|_| log_in_wrongly(address));
        (0..150).for_each(|_| log_in_and_out(address));
    });
    let count = |words: &str| log.matches(words).count();
    assert_eq!(count("login refused"), 30, "{log}");
    assert!(count("lines about connections before login were left out") >= 1);
    assert!(count("too many wrong commands") < 400);
    // Two lines a session, and a stretch or two of time.
    assert!((50..300).contains(&(count("logged in") + count("logged out"))));
    assert!(log.contains("user=\"alice\" left_out="), "{log}");
}
