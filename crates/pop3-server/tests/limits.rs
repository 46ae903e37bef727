//! How many, how much, how long.

mod support;

use std::{
    fs,
    net::Shutdown,
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
    let server = TestServer::start_with(root.path(), |config| config.limits.connections_per_address = 2);
    let mut inside = server.log_in();
    let other = server.log_in_as("bob", "spaces in it ");
    let refusal = b"-ERR [SYS/TEMP] There are too many sessions from your address; try again later\r\n";
    for _ in 0..20 {
        assert_eq!(server.connect_clear().rest(), refusal);
        assert_eq!(Client::connect(server.tls_address()).rest(), b"");
    }
    inside.ok("NOOP");
    drop(other);
    wait_until("there is a place again", || server.tasks() == 4);
    server.connect().quit();
    inside.quit();
}

// Conformance: A-94
#[test]
fn a_hundred_idle_connections_keep_nobody_of_their_address_out() {
    let root = root();
    let server = TestServer::start_with(root.path(), |config| config.limits.connections_per_address = 10);
    let mut idle: Vec<_> = (0..10).map(|_| server.connect_clear()).collect();
    // Otherwise one of them may come in after the first session, and that is the oldest then.
    wait_until("they are in", || server.tasks() == 13);
    for turn in 0..20 {
        let mut session =
            if turn % 2 == 0 { server.log_in() } else { server.log_in_as("bob", "spaces in it ") };
        // Others of that address connect all the time.
        idle.extend((0..3).map(|_| server.connect_clear()));
        session.ok("NOOP");
        session.quit();
    }
}

// Conformance: S-ROB-03
#[test]
fn the_whole_server_has_so_many_places() {
    let root = root();
    let server = TestServer::start_with(root.path(), |config| config.limits.connections = 2);
    let _inside = [server.log_in(), server.log_in_as("bob", "spaces in it ")];
    let mut client = server.connect_clear();
    assert!(client.rest().starts_with(b"-ERR [SYS/TEMP] "));
}

// Conformance: A-48, S-ROB-03
#[test]
fn who_only_sits_there_gives_way_to_those_who_come_for_their_mail() {
    let root = root();
    let server = TestServer::start_with(root.path(), |config| config.limits.connections = 4);
    let mut inside = server.log_in();
    // One in clear, one under TLS, one that never begins its handshake.
    let mut in_clear = server.connect_clear();
    in_clear.line();
    let idle = [in_clear, server.connect(), Client::connect(server.tls_address())];
    wait_until("they are in", || server.tasks() == 7);
    let mut more = Vec::new();
    for mut oldest in idle {
        let mut newcomer = server.log_in_as("bob", "spaces in it ");
        assert_eq!(oldest.rest(), b"", "without a word, the oldest first");
        newcomer.ok("STAT");
        newcomer.quit();
        wait_until("the newcomer is gone", || server.tasks() == 6);
        // Its place is taken by one more that only sits there, younger than the rest.
        more.push(server.connect());
    }
    inside.ok("NOOP");
    inside.quit();
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
    let before = program.memory("VmHWM:");
    assert_eq!(client.ask("LIST 1"), format!("+OK 1 {}", (256 << 20) + 2));
    client.ok("RETR 1");
    let mut left: usize = (256 << 20) + 5;
    while left > 0 {
        left -= client.octets(left.min(1 << 20)).len();
    }
    let grown = program.memory("VmHWM:") - before;
    client.quit();
    assert!(grown < 8 << 10, "{grown} KiB");
}

/// A configuration with a plain listener, Alice and Maildirs in `data`.
fn config_file(data: &std::path::Path, more: &str) -> String {
    fs::create_dir_all(data.join("mail")).unwrap();
    let users = [USER, "bob", "carol"].map(|user| format!("{user}:{{PLAIN}}{PASSWORD}\n"));
    fs::write(data.join("users"), users.concat()).unwrap();
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
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
    let data = root();
    let program = Program::start(&["--config", &config_file(data.path(), "")]);
    let address = program.addresses[0];
    let mut inside = Client::connect(address);
    inside.line();
    inside.log_in(USER, PASSWORD);
    // Fewer than the server could know of when it started.
    let pid = Pid::from_raw(i32::try_from(program.id()).unwrap());
    let maximum = getrlimit(Resource::Nofile).maximum;
    prlimit(pid, Resource::Nofile, Rlimit { current: Some(40), maximum }).unwrap();
    // The system takes these in; the server cannot.
    let before = program.processor_time();
    let crowd: Vec<Client> = (0..80).map(|_| Client::connect(address)).collect();
    // Who has not logged in leaves, so that others come in though nobody goes by himself.
    let mut last = Client::connect(address);
    assert!(last.line().starts_with("+OK"));
    inside.ok("STAT");
    let taken = program.processor_time() - before;
    assert!(taken < 2.0, "{taken} s of processor time to wait");
    drop((crowd, last));
    prlimit(pid, Resource::Nofile, Rlimit { current: Some(400), maximum }).unwrap();
    let mut next = Client::connect(address);
    assert!(next.line().starts_with("+OK"));
    inside.quit();
    next.log_in(USER, PASSWORD);
    next.quit();
    let (_, log) = program.stop();
    assert!(log.contains("cannot accept connections now"), "{log}");
    let lines = log.lines().filter(|line| line.contains("cannot accept")).count();
    assert!(lines < 200, "{lines} lines about it");
}

// Conformance: A-54, S-ROB-03
#[test]
fn no_more_connections_are_served_than_there_are_files_for() {
    let data = root();
    let program = Program::start_with_files(
        50,
        &["--config", &config_file(data.path(), "[limits]\nconnections_per_address = 10000\n")],
    );
    let connect = || {
        let mut client = Client::connect(program.addresses[0]);
        let line = client.line();
        (client, line)
    };
    let inside: Vec<Client> = ["alice", "bob", "carol"]
        .map(|user| {
            let mut client = connect().0;
            client.log_in(user, PASSWORD);
            client
        })
        .into();
    assert!(connect().1.starts_with("-ERR [SYS/TEMP] "));
    for mut client in inside {
        client.ok("STAT");
        client.quit();
    }
    let (_, log) = program.stop();
    let warning = log.lines().find(|line| line.contains("limits.connections is 10000")).unwrap();
    for part in ["only 50 files", "for 3 connections", "let it open 60032", "set limits.connections to 3"] {
        assert!(warning.contains(part), "{warning}");
    }
    assert!(!log.contains("cannot accept"), "{log}");
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

// Conformance: A-49
#[test]
fn before_login_there_is_an_end_also_for_who_takes_nothing() {
    let root = root();
    let server = TestServer::start_with(root.path(), |config| {
        config.policy.authorization_total = Duration::from_millis(700);
        config.policy.allow_plaintext_without_tls = true;
        assert!(config.limits.write_stall >= Duration::from_secs(60), "it would not be seen");
    });
    let began = Instant::now();
    let clients = [
        Client::connect(server.plain_address()),
        server.connect_clear(),
        Client::connect(server.tls_address()).start_tls(&server.certificate.client),
    ];
    let clients = clients.map(|mut client| {
        client.socket().set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        // Until the system takes no more: then the server waits for the client to take something.
        while client.try_send("CAPA\r\n".repeat(100).as_bytes()).is_ok() {}
        let _ = client.try_send(b"STLS\r\n");
        client
    });
    wait_until("the places are free", || server.tasks() == 3);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    drop(clients);
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

/// The timer that the system runs for a connection, and in how many hundredths of a second it ends.
#[cfg(target_os = "linux")]
fn timer(server: std::net::SocketAddr, client: std::net::SocketAddr) -> (String, u64) {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let end = |address: std::net::SocketAddr| format!(":{:04X}", address.port());
    let row = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find(|fields| {
        fields.len() > 5 && fields[1].ends_with(&end(server)) && fields[2].ends_with(&end(client))
    });
    let row = row.expect("the connection is in the table");
    let (kind, left) = row[5].split_once(':').unwrap();
    (kind.to_owned(), u64::from_str_radix(left, 16).unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn an_idle_connection_is_asked_whether_it_is_still_there() {
    let root = root();
    let server = TestServer::start(root.path());
    for address in [server.plain_address(), server.stls_address(), server.tls_address()] {
        let client = Client::connect(address);
        // The greeting is acknowledged after some time; until then another timer runs.
        wait_until("the timer of keepalive runs", || {
            let (kind, left) = timer(address, client.socket().local_addr().unwrap());
            kind == "02" && left <= 60 * 100
        });
    }
}

/// Closes a connection without a word to the other side, as a telephone in a tunnel does; root may.
#[cfg(target_os = "linux")]
const VANISH: &str = r#"
import socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30)
file = connection.makefile("rb")
file.readline()
connection.sendall(b"USER alice\r\nPASS tanstaaf\r\nNOOP\r\n")
for line in range(3):
    assert file.readline().startswith(b"+OK"), line
connection.setsockopt(socket.IPPROTO_TCP, 19, 1)  # TCP_REPAIR
file.close()
connection.close()
"#;

#[cfg(target_os = "linux")]
#[test]
fn a_client_that_is_gone_without_a_word_does_not_keep_the_maildrop() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("left out: only root can close a connection without a word");
        return;
    }
    let data = root();
    let program = Program::start(&["--config", &config_file(data.path(), "[timeouts]\nwrite_stall = 3\n")]);
    let address = program.addresses[0];
    let python = std::process::Command::new("python3")
        .args(["-c", &VANISH.replace("tanstaaf", PASSWORD), &address.port().to_string()])
        .output()
        .unwrap();
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    wait_until("the maildrop is free", || {
        let mut client = Client::connect(address);
        client.line();
        client.ok(&format!("USER {USER}"));
        client.ask(&format!("PASS {PASSWORD}")).starts_with("+OK")
    });
}
