//! Command and response lines, by family, beside the cost of copying the line.

#![allow(missing_docs, reason = "criterion's macros")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use pop3_proto::{
    grammar,
    machine::Machine as _,
    server::{Config, Connection, Event, Maildrop, MessageInfo, Policy, Server},
    types::{Octets, UniqueId},
};

fn commands(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse-command");
    let lines = [
        "NOOP",
        "STAT",
        "DELE 1234",
        "RETR 1234",
        "LIST",
        "UIDL 17",
        "TOP 12 0",
        "USER mrose@example.org",
        "PASS tanstaaf tanstaaf",
        "APOP mrose c4c9334bac560ecc979e58001b3e22fb",
        "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm",
        "XUNKNOWN",
    ];
    for line in lines {
        let name = line.split(' ').next().unwrap_or(line);
        group.bench_function(name, |b| b.iter(|| grammar::command(black_box(line.as_bytes()))));
    }
    let mut copy = [0u8; 64];
    group.bench_function("limit-memcpy", |b| {
        b.iter(|| {
            let line = black_box(b"RETR 1234\r\n");
            copy[..line.len()].copy_from_slice(line);
            black_box(&copy)[0]
        });
    });
    group.finish();
}

fn responses(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse-response");
    let ok: &[u8] = b"+OK 1205 octets";
    let coded: &[u8] = b"-ERR [SYS/TEMP] The maildrop cannot be opened now; try again later";
    group.bench_function("ok", |b| b.iter(|| grammar::response(black_box(ok))));
    group.bench_function("err-code", |b| b.iter(|| grammar::response(black_box(coded))));
    group.bench_function("drop-listing", |b| b.iter(|| grammar::drop_listing(black_box(b"1000 4096000"))));
    group.bench_function("scan-listing", |b| b.iter(|| grammar::scan_listing(black_box(b"1234 40960"))));
    let uidl: &[u8] = b"1234 1763913600.M12345P678Q9.mail.example.org";
    group.bench_function("unique-id-listing", |b| b.iter(|| grammar::unique_id_listing(black_box(uidl))));
    let sasl: &[u8] = b"SASL SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN";
    group.bench_function("capability", |b| b.iter(|| grammar::capability(black_box(sasl))));
    group.bench_function("challenge", |b| b.iter(|| grammar::challenge(black_box(b"+ VXNlcm5hbWU6"))));
    group.finish();
}

/// A session in TRANSACTION over so many messages.
fn session(messages: u32) -> Server {
    let mut policy = Policy::default();
    policy.allow_plaintext_without_tls = true;
    let config = Config::new(policy).unwrap_or_else(|error| panic!("{error}"));
    let mut server = Server::new(config, Connection::default()).unwrap_or_else(|error| panic!("{error}"));
    let mut input: &[u8] = b"USER mrose\r\nPASS tanstaaf\r\n";
    assert!(matches!(server.next_event(&mut input), Ok(Some(Event::Login(_)))));
    let maildrop: Maildrop = (0..messages)
        .filter_map(|n| UniqueId::new(format!("{n:08x}00000001")).ok())
        .map(|unique_id| MessageInfo { size: Octets(4096), unique_id })
        .collect();
    assert!(server.accept(maildrop).is_ok());
    drain(&mut server);
    server
}

fn drain(server: &mut Server) -> usize {
    let mut octets = 0;
    while let Some(count) = server.poll_transmit().map(<[u8]>::len) {
        octets += count;
        server.handle_transmitted(count);
    }
    octets
}

/// A line parsed, carried out and answered: the whole way through the server's machine.
fn answered(c: &mut Criterion) {
    let mut group = c.benchmark_group("answer-command");
    for line in ["NOOP\r\n", "STAT\r\n", "LIST 500\r\n", "UIDL 500\r\n", "CAPA\r\n"] {
        let mut server = session(1000);
        group.bench_function(line.trim(), |b| b.iter(|| answer(&mut server, line)));
    }
    // Every message is marked once, then one RSET takes the marks away.
    let mut lines: Vec<String> = (1..=1000).map(|number| format!("DELE {number}\r\n")).collect();
    lines.push("RSET\r\n".into());
    let (mut server, mut next) = (session(1000), 0);
    group.bench_function("DELE", |b| {
        b.iter(|| {
            next = (next + 1) % lines.len();
            answer(&mut server, &lines[next])
        });
    });
    group.finish();
}

fn answer(server: &mut Server, line: &str) -> usize {
    let mut input = black_box(line.as_bytes());
    let event = server.next_event(&mut input);
    assert!(matches!(event, Ok(None)));
    drain(server)
}

criterion_group!(benches, commands, responses, answered);
criterion_main!(benches);
