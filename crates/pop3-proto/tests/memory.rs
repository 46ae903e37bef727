//! How much the machines allocate: nothing for a message, little for a command, no more for a long listing
//! than for a short one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails should panic"
)]

use std::alloc::System;

use pop3_proto::{
    client::{self, Client, PipeliningPolicy},
    machine::Machine,
    server::{Config, Connection, Event, Maildrop, MessageInfo, Policy, Server},
    types::{Command, MessageNumber, Octets, Secret, UniqueId},
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const GIB: usize = 1 << 30;

/// Octets that are allocated now and were not at the beginning.
fn live(region: &Region<'_, System>) -> isize {
    let change = region.change();
    change.bytes_allocated as isize - change.bytes_deallocated as isize
}

fn calls(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.allocations + change.reallocations
}

fn server(messages: usize) -> Server {
    let mut policy = Policy::default();
    policy.allow_plaintext_without_tls = true;
    let mut server = Server::new(Config::new(policy).unwrap(), Connection::default()).unwrap();
    let mut input: &[u8] = b"USER mrose\r\nPASS secret\r\n";
    assert!(matches!(server.next_event(&mut input), Ok(Some(Event::Login(_)))));
    let info = |index: usize| MessageInfo {
        size: Octets(GIB as u64),
        unique_id: UniqueId::new(format!("unique-id-{index}")).unwrap(),
    };
    server.accept((0..messages).map(info).collect::<Maildrop>()).unwrap();
    written(&mut server);
    server
}

/// Says how many octets were written.
fn written(machine: &mut impl Machine) -> usize {
    let mut all = 0;
    while let Some(octets) = machine.poll_transmit() {
        let count = octets.len();
        machine.handle_transmitted(count);
        all += count;
    }
    all
}

fn client() -> Client {
    let mut config = client::Config::default();
    config.pipelining = PipeliningPolicy::Always;
    let mut client = Client::new(config);
    client.next_event(&mut &b"+OK\r\n"[..]).unwrap();
    client.send(&Command::User("mrose".into())).unwrap();
    client.send(&Command::Pass(Secret::new("secret".into()))).unwrap();
    let mut input: &[u8] = b"+OK\r\n+OK\r\n";
    while client.next_event(&mut input).unwrap().is_some() {}
    written(&mut client);
    client
}

/// A piece of a message: lines as long as they may be, one of which has to be stuffed.
fn piece() -> Vec<u8> {
    let line = [&[b'x'; 998][..], b"\r\n"].concat();
    let mut piece = line.repeat(64);
    piece[DOT] = b'.';
    piece
}

/// Where that line begins.
const DOT: usize = 32 * 1000;

fn a_message_of_one_gib_is_sent_without_an_allocation() {
    let mut server = server(1);
    let piece = piece();
    server.next_event(&mut &b"RETR 1\r\n"[..]).unwrap();
    let mut encoder = server.begin_message().unwrap();
    written(&mut server);
    let region = Region::new(ALLOCATOR);
    let (mut sent, mut stuffed) = (0, 0);
    while sent < GIB {
        stuffed += encoder.encode(&piece).map(<[u8]>::len).sum::<usize>();
        sent += piece.len();
    }
    assert_eq!(calls(&region), 0);
    assert_eq!(stuffed, sent + sent / piece.len());
    server.end_message(encoder).unwrap();
    written(&mut server);
    assert!(live(&region) < 1024);
}

fn a_message_of_one_gib_is_received_without_an_allocation() {
    let mut client = client();
    let mut piece = piece();
    piece.insert(DOT, b'.');
    client.send(&Command::Retr(MessageNumber::FIRST)).unwrap();
    written(&mut client);
    client.next_event(&mut &b"+OK\r\n"[..]).unwrap();
    let region = Region::new(ALLOCATOR);
    let (mut came, mut content) = (0, 0);
    while came < GIB {
        let mut input = piece.as_slice();
        while let Some(event) = client.next_event(&mut input).unwrap() {
            let client::Event::MessageChunk { chunk, .. } = event else { panic!("{event:?}") };
            content += chunk.len();
        }
        came += piece.len();
    }
    assert_eq!(calls(&region), 0);
    assert_eq!(content, came - came / piece.len());
}

fn a_command_costs_the_same_each_time() {
    let mut server = server(1_000);
    for line in ["NOOP", "STAT", "LIST 1000", "UIDL 1000", "DELE 7", "RSET", "RETR 1001", "FOO", "CAPA"] {
        let line = format!("{line}\r\nNOOP\r\n");
        let mut cost = |rounds: usize| {
            let region = Region::new(ALLOCATOR);
            for _ in 0..rounds {
                let mut input = line.as_bytes();
                assert!(server.next_event(&mut input).unwrap().is_none());
                written(&mut server);
            }
            assert!(live(&region).abs() <= 1024, "{line}");
            (calls(&region), region.change().bytes_allocated)
        };
        let (few, _) = cost(10);
        let (many, octets) = cost(1_000);
        assert!(many <= few * 100 + 100, "{line}: {few} and {many}");
        assert!(octets < 2 * 1024 * 1_000, "{line}: {octets}");
    }
}

fn a_long_listing_takes_no_more_room_than_a_short_one() {
    for (command, least) in [(&b"LIST\r\n"[..], 1_000_000 * 14), (b"UIDL\r\n", 1_000_000 * 18)] {
        let mut server = server(1_000_000);
        let region = Region::new(ALLOCATOR);
        assert!(server.next_event(&mut &command[..]).unwrap().is_none());
        let (mut all, mut peak) = (0, 0);
        while let Some(octets) = server.poll_transmit() {
            let count = octets.len();
            all += count;
            // What lived before this step and all that the step asked for: never less than the true peak.
            let (before, asked) = (live(&region), region.change().bytes_allocated);
            server.handle_transmitted(count);
            let step = region.change().bytes_allocated - asked;
            peak = peak.max(before.max(0) as usize + step);
        }
        assert!(all > least, "{all}");
        assert!(peak <= 64 * 1024, "{peak} octets");
        assert!(live(&region) < 1024);
    }
}

fn a_long_listing_is_read_without_an_allocation() {
    let mut client = client();
    client.send(&Command::Uidl(None)).unwrap();
    written(&mut client);
    client.next_event(&mut &b"+OK\r\n"[..]).unwrap();
    let lines = b"1 unique-id\r\n".repeat(1_000);
    let region = Region::new(ALLOCATOR);
    for _ in 0..1_000 {
        let mut input = lines.as_slice();
        while let Some(event) = client.next_event(&mut input).unwrap() {
            assert!(matches!(event, client::Event::UniqueIdListing { .. }));
        }
    }
    assert_eq!(calls(&region), 0);
}

/// One test, because the allocator counts for the whole program.
// Conformance: S-ROB-05, S-2449-15, C-2449-06, A-52, A-53
#[test]
fn memory_is_bounded() {
    a_command_costs_the_same_each_time();
    a_long_listing_takes_no_more_room_than_a_short_one();
    a_long_listing_is_read_without_an_allocation();
    a_message_of_one_gib_is_sent_without_an_allocation();
    a_message_of_one_gib_is_received_without_an_allocation();
}
