//! `Deletions` and `Retrieved` as tests get them: from a real protocol machine in the UPDATE state.

use pop3_proto::{
    machine::Machine as _,
    server::{Config, Connection, Deletions, Event, Maildrop, Policy, Retrieved, Server},
};

/// Logs in, sends these commands and QUIT, and gives what UPDATE is told.
pub(crate) fn marks(maildrop: Maildrop, commands: &str) -> (Deletions, Retrieved) {
    let policy = || {
        let mut policy = Policy::default();
        policy.allow_plaintext_without_tls = true;
        policy.max_errors_after_login = u32::MAX;
        policy
    };
    let config = Config::new(policy()).unwrap();
    let mut server = Server::new(config, Connection::default()).unwrap();
    let lines: String = commands.lines().map(|line| format!("{}\r\n", line.trim())).collect();
    let script = format!("USER u\r\nPASS p\r\n{lines}QUIT\r\n");
    let mut input = script.as_bytes();
    loop {
        while let Some(octets) = server.poll_transmit() {
            let len = octets.len();
            server.handle_transmitted(len);
        }
        match server.next_event(&mut input).unwrap() {
            Some(Event::Login(_)) => server.accept(maildrop.clone()).unwrap(),
            Some(Event::Retrieve { .. }) => {
                let encoder = server.begin_message().unwrap();
                server.end_message(encoder).unwrap();
            }
            Some(Event::Update { deletions, retrieved }) => return (deletions, retrieved),
            Some(other) => panic!("{other:?}"),
            None => assert!(!input.is_empty(), "QUIT must lead to UPDATE"),
        }
    }
}
