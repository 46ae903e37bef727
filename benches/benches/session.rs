//! Whole sessions between the two machines in memory, beside a memcpy of the octets that pass.

#![allow(missing_docs, reason = "criterion's macros")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pop3_benches::Mail;
use pop3_proto::{
    body::OctetCounter,
    client::{self, Client},
    machine::Machine as _,
    server::{Config, Connection, Event, Maildrop, MessageInfo, Policy, Server, UpdateOutcome},
    types::{Command, MessageNumber, Octets, Secret, UniqueId},
};

/// Both machines, and the store beside them.
struct Pair<'m> {
    client: Client,
    server: Server,
    maildrop: Maildrop,
    message: &'m [u8],
    wire: Vec<u8>,
    /// Octets that the client was given as content, and events that it saw.
    content: usize,
    passed: usize,
}

impl<'m> Pair<'m> {
    fn new(maildrop: &Maildrop, message: &'m [u8]) -> Self {
        let mut policy = Policy::default();
        policy.allow_plaintext_without_tls = true;
        let config = Config::new(policy).unwrap_or_else(|error| panic!("{error}"));
        let server = Server::new(config, Connection::default()).unwrap_or_else(|error| panic!("{error}"));
        let client = Client::new(client::Config::default());
        let (maildrop, wire) = (maildrop.clone(), Vec::with_capacity(1 << 17));
        Self { client, server, maildrop, message, wire, content: 0, passed: 0 }
    }

    /// What the server has to say, to the client.
    fn answer(&mut self) -> bool {
        self.wire.clear();
        while let Some(octets) = self.server.poll_transmit() {
            let count = octets.len();
            self.wire.extend_from_slice(octets);
            self.server.handle_transmitted(count);
            if self.wire.len() > 1 << 16 {
                break;
            }
        }
        self.passed += self.wire.len();
        let mut input = self.wire.as_slice();
        while let Ok(Some(event)) = self.client.next_event(&mut input) {
            if let client::Event::MessageChunk { chunk, .. } = black_box(event) {
                self.content += chunk.len();
            }
        }
        !self.wire.is_empty()
    }

    fn send(&mut self, command: &Command<'_>) {
        assert!(self.client.send(command).is_ok());
        while let Some(octets) = self.client.poll_transmit() {
            let count = octets.len();
            let mut input = octets;
            let is_retrieval = match self.server.next_event(&mut input) {
                Ok(Some(Event::Login(_))) => self.server.accept(self.maildrop.clone()).is_err(),
                Ok(Some(Event::Retrieve { .. })) => true,
                Ok(Some(Event::Update { .. })) => self.server.finish_update(UpdateOutcome::Removed).is_err(),
                other => !matches!(other, Ok(None)),
            };
            self.client.handle_transmitted(count);
            if is_retrieval {
                self.body();
            }
        }
        while self.answer() {}
    }

    fn body(&mut self) {
        let Ok(mut encoder) = self.server.begin_message() else { panic!("no message was asked for") };
        self.answer();
        self.wire.clear();
        for run in encoder.encode(self.message) {
            self.wire.extend_from_slice(run);
        }
        self.passed += self.wire.len();
        let mut input = self.wire.as_slice();
        while let Ok(Some(client::Event::MessageChunk { chunk, .. })) = self.client.next_event(&mut input) {
            self.content += black_box(chunk).len();
        }
        assert!(self.server.end_message(encoder).is_ok());
    }

    fn log_in(&mut self) {
        self.answer();
        self.send(&Command::User("mrose".into()));
        self.send(&Command::Pass(Secret::new("tanstaaf".into())));
    }
}

fn maildrop(messages: usize, size: Octets) -> Maildrop {
    let ids = (0..messages).filter_map(|n| UniqueId::new(format!("{n:08x}00000001")).ok());
    ids.map(|unique_id| MessageInfo { size, unique_id }).collect()
}

fn download(c: &mut Criterion) {
    let message = Mail::Text.message(4096, 3);
    let mut counter = OctetCounter::new();
    counter.update(&message);
    let maildrop = maildrop(1000, counter.finish());
    let run = || {
        let mut pair = Pair::new(&maildrop, &message);
        pair.log_in();
        for index in 0..1000 {
            let Ok(number) = MessageNumber::from_index(index) else { continue };
            pair.send(&Command::Retr(number));
            pair.send(&Command::Dele(number));
        }
        pair.send(&Command::Quit);
        assert_eq!(pair.content, 1000 * message.len());
        pair.passed
    };
    let passed = run();
    let mut group = c.benchmark_group("session/download-1000-of-4KiB");
    group.throughput(Throughput::Bytes(passed as u64));
    group.bench_function("machines", |b| b.iter(run));
    memcpy(&mut group, passed);
    group.finish();
}

fn listing(c: &mut Criterion) {
    let maildrop = maildrop(100_000, Octets(4096));
    for (name, command) in [("list", Command::List(None)), ("uidl", Command::Uidl(None))] {
        let run = || {
            let mut pair = Pair::new(&maildrop, b"");
            pair.log_in();
            pair.send(&command);
            pair.passed
        };
        let passed = run();
        let mut group = c.benchmark_group(format!("session/{name}-100000"));
        group.sample_size(20);
        group.throughput(Throughput::Bytes(passed as u64));
        group.bench_function("machines", |b| b.iter(run));
        memcpy(&mut group, passed);
        group.finish();
    }
}

fn memcpy(group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>, octets: usize) {
    let source = vec![b'x'; octets];
    let mut copy = Vec::with_capacity(octets);
    group.bench_function("limit-memcpy", |b| {
        b.iter(|| {
            copy.clear();
            copy.extend_from_slice(black_box(&source));
            copy.len()
        });
    });
}

criterion_group!(benches, download, listing);
criterion_main!(benches);
