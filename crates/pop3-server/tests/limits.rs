//! How many, how much, how long.

mod support;

use std::{
    fs,
    io::Read as _,
    net::Shutdown,
    process::Stdio,
    time::{Duration, Instant},
};

use support::{Client, PASSWORD, Program, TestServer, USER, deliver, deliver_to, files, root, wait_until};

const BIG: usize = 64 << 20;

fn big_message() -> Vec<u8> {
    let mut message = b"Subject: big\r\n\r\n".to_vec();
    let line = [b"x".repeat(76), b"\r\n".to_vec()].concat();
    while message.len() < BIG {
        message.extend_from_slice(&line);
    }
    message
}

// Conformance: A-48, S-ROB-03, S-1939-02
#[test]
fn who_finds_no_place_is_told_and_the_others_go_on() {
    let root = root();
    let server = TestServer::start_with(root.path(), |config| config.limits.connections_per_address = 3);
    let mut inside = server.log_in();
    let others = [server.connect(), server.connect()];
    for _ in 0..20 {
        let mut client = server.connect_clear();
        assert_eq!(client.rest(), b"-ERR [SYS/TEMP] Too many connections; try again later\r\n");
        assert_eq!(Client::connect(server.tls_address()).rest(), b"");
    }
    inside.ok("NOOP");
    drop(others);
    wait_until("there is a place again", || server.tasks() == 4);
    server.connect().quit();
    inside.quit();
}

// Conformance: S-ROB-03
#[test]
fn the_whole_server_has_so_many_places() {
    let root = root();
    let server = TestServer::start_with(root.path(), |config| config.limits.connections = 2);
    let _inside = [server.connect(), server.connect()];
    let mut client = server.connect_clear();
    assert!(client.rest().starts_with(b"-ERR [SYS/TEMP] "));
}

// Conformance: A-50, S-1939-19
#[test]
fn a_client_that_reads_nothing_is_dropped_and_nothing_is_removed() {
    let root = root();
    deliver(root.path(), &[&big_message(), b"Subject: 2\n\n"]);
    let server = TestServer::start_with(root.path(), |config| {
        config.limits.write_stall = Duration::from_millis(400);
        config.policy.allow_plaintext_without_tls = true;
    });
    for is_tls in [false, true] {
        let mut client = if is_tls { server.connect() } else { Client::connect(server.plain_address()) };
        if !is_tls {
            client.line();
        }
        client.log_in(USER, PASSWORD);
        client.ok("DELE 2");
        client.send(b"RETR 1\r\nQUIT\r\n");
        wait_until("the session is over", || server.tasks() == 3);
        assert_eq!(files(root.path(), USER).len(), 2);
        let mut next = server.log_in();
        assert!(next.ok("STAT").starts_with("+OK 2 "));
        next.quit();
        let got = client.rest();
        assert!(!got.ends_with(b"\r\n.\r\n"));
    }
}

// Conformance: S-1939-24
#[test]
fn a_client_that_reads_slowly_is_not_dropped() {
    let root = root();
    let message = &big_message()[..16 << 20];
    deliver(root.path(), &[message]);
    let stall = Duration::from_millis(500);
    let server = TestServer::start_with(root.path(), |config| {
        config.limits.write_stall = stall;
        config.policy.allow_plaintext_without_tls = true;
    });
    let mut client = Client::connect(server.plain_address());
    client.line();
    client.log_in(USER, PASSWORD);
    client.send(b"RETR 1\r\n");
    client.line();
    let began = Instant::now();
    let mut got = 0;
    // Two or three times as long as a stall may be, in small portions.
    while began.elapsed() < stall * 3 {
        got += client.octets(64 << 10).len();
        std::thread::park_timeout(stall / 20);
    }
    assert!(got < message.len(), "the message was too short for this");
    let rest = client.body();
    assert!(got + rest.len() >= message.len());
    client.quit();
}

/// The largest amount of memory a process has had, in KiB.
fn peak_memory(id: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

// Conformance: S-ROB-05, A-53
#[test]
fn a_message_of_any_size_takes_no_memory() {
    let data = root();
    let config = config_file(data.path(), "");
    deliver(&data.path().join("mail"), &[b"Subject: small\n\n"]);
    let huge = data.path().join("mail").join(USER).join("new/1.M1P1.huge");
    // A hole in a file: one line of 256 MiB.
    fs::File::create(&huge).unwrap().set_len(256 << 20).unwrap();
    let program = Program::start(&["--config", &config]);
    let mut client = Client::connect(program.addresses[0]);
    client.line();
    client.log_in(USER, PASSWORD);
    client.ok("RETR 2");
    client.body();
    let before = peak_memory(program.id());
    assert_eq!(client.ask("LIST 1"), format!("+OK 1 {}", (256 << 20) + 2));
    client.ok("RETR 1");
    let mut left: usize = (256 << 20) + 5;
    while left > 0 {
        left -= client.octets(left.min(1 << 20)).len();
    }
    let grown = peak_memory(program.id()) - before;
    client.quit();
    assert!(grown < 8 << 10, "{grown} KiB");
}

/// A configuration with a plain listener, Alice and Maildirs in `data`.
fn config_file(data: &std::path::Path, more: &str) -> String {
    fs::create_dir_all(data.join("mail")).unwrap();
    fs::write(data.join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n")).unwrap();
    let path = data.join("config.toml");
    let text = format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\nkind = \"plain\"\n[users]\nfile = \"users\"\n\
         [maildir]\nroot = \"mail\"\n[login]\nplaintext_without_tls = true\n{more}"
    );
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

// Conformance: A-54
#[test]
fn without_files_left_the_server_waits_and_comes_back() {
    let data = root();
    let config = config_file(data.path(), "");
    let executable = env!("CARGO_BIN_EXE_pop3-server");
    let mut child = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 48; exec \"$0\" --config \"$1\"", executable, &config])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line)
        .unwrap();
    let address = line.split([' ', ',']).find_map(|word| word.parse().ok()).unwrap();
    let mut inside = Client::connect(address);
    inside.line();
    // The system takes these in; the server cannot.
    let crowd: Vec<Client> = (0..80).map(|_| Client::connect(address)).collect();
    inside.lines("CAPA");
    drop(crowd);
    let mut next = Client::connect(address);
    assert!(next.line().starts_with("+OK"));
    next.log_in(USER, PASSWORD);
    next.quit();
    inside.quit();
    child.kill().unwrap();
    child.wait().unwrap();
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("cannot accept connections now"), "{log}");
    let lines = log.lines().filter(|line| line.contains("cannot accept")).count();
    assert!(lines < 100, "{lines} lines about it");
}

// Conformance: A-49, S-1939-25
#[test]
fn before_login_there_is_an_end_however_much_is_said() {
    let root = root();
    let server = TestServer::start_with(root.path(), |config| {
        config.policy.authorization_total = Duration::from_millis(700);
    });
    let mut client = server.connect_clear();
    client.line();
    let began = Instant::now();
    while client.try_send(b"N").is_ok() && began.elapsed() < Duration::from_secs(10) {
        std::thread::park_timeout(Duration::from_millis(50));
    }
    assert!(began.elapsed() < Duration::from_secs(5));
    wait_until("the place is free", || server.tasks() == 3);
}

#[test]
fn a_half_closed_connection_hears_its_answers() {
    let root = root();
    deliver_to(root.path(), "bob", &[b"Subject: 1\n\n"]);
    let server =
        TestServer::start_with(root.path(), |config| config.policy.allow_plaintext_without_tls = true);
    let mut client = Client::connect(server.plain_address());
    client.line();
    client.send(b"USER bob\r\nPASS spaces in it \r\nSTAT\r\nQUIT\r\n");
    client.socket().shutdown(Shutdown::Write).unwrap();
    let answers = String::from_utf8(client.rest()).unwrap();
    assert_eq!(answers.lines().count(), 4, "{answers}");
    assert!(answers.lines().all(|line| line.starts_with("+OK")));
}
