use std::sync::LazyLock;

use pop3_proto::{
    machine::{Elapsed, Machine},
    server::{
        Catalogue, Config, Connection, Event, Login, Maildrop, MessageInfo, OfferedMechanism, Policy,
        Rejection, Server, SessionState, UpdateOutcome, Utf8Support,
    },
    types::{Mechanism, Octets, UniqueId},
};

use super::Pieces;

/// Whatever a client sends, the server machine asks and answers the same in whatever pieces it came, in lines
/// within their bounds, and says UPDATE at most once, for marked messages alone.
pub(crate) fn server_session(octets: &[u8]) {
    for start in [&b""[..], b"USER mrose\r\nPASS secret\r\n"] {
        let all = [start, octets].concat();
        let whole = Outside::new(false).run(&all, Pieces::Whole);
        let cut = Outside::new(false).run(&all, Pieces::Octets);
        assert_eq!(whole, cut);
        if octets.to_ascii_uppercase().windows(4).any(|word| word == b"STLS") {
            // How far the answer to STLS gets depends on the pieces; nothing else may.
            Outside::new(true).run(&all, Pieces::Whole);
            Outside::new(true).run(&all, Pieces::Octets);
        }
    }
}

/// Accepts most logins and has two messages.
struct Outside {
    machine: Server,
    report: Vec<String>,
    output: Vec<u8>,
    logins: usize,
    updates: usize,
}

impl Outside {
    fn new(stls: bool) -> Self {
        static CONFIGS: LazyLock<[Config; 2]> = LazyLock::new(|| [config(false), config(true)]);
        let connection = Connection { is_tls: false, apop_timestamp: Some("<1@x>".into()) };
        let machine = Server::new(CONFIGS[usize::from(stls)].clone(), connection).expect("a way to log in");
        Self { machine, report: Vec::new(), output: Vec::new(), logins: 0, updates: 0 }
    }

    fn run(mut self, octets: &[u8], pieces: Pieces) -> (Vec<String>, Vec<u8>) {
        let mut buffer = Vec::new();
        for (at, piece) in pieces.of(octets).enumerate() {
            buffer.extend_from_slice(piece);
            self.machine.handle_timeout(Elapsed::from_secs(at as u64 / 10_000));
            if !self.turn(&mut buffer) {
                return (self.report, self.output);
            }
        }
        let _ = self.machine.handle_eof();
        self.turn(&mut buffer);
        assert_eq!(self.machine.state(), SessionState::Closed);
        (self.report, self.output)
    }

    /// False when the session is over.
    fn turn(&mut self, buffer: &mut Vec<u8>) -> bool {
        let mut input = buffer.as_slice();
        loop {
            self.write_out();
            match self.machine.next_event(&mut input) {
                Ok(Some(event)) => self.answer(&event),
                Ok(None) if self.machine.poll_transmit().is_some() => {}
                Ok(None) => break,
                Err(error) => {
                    self.write_out();
                    assert_eq!(self.machine.next_event(&mut input).map(|_| ()), Err(error));
                    self.report.push(format!("{error:?}"));
                    return false;
                }
            }
        }
        assert!(input.is_empty(), "nothing is owed, so everything is taken");
        buffer.clear();
        true
    }

    fn write_out(&mut self) {
        while let Some(octets) = self.machine.poll_transmit() {
            assert!(octets.len() < 16 * 1024);
            assert!(octets.split_inclusive(|octet| *octet == b'\n').all(|line| line.len() <= 512));
            let count = octets.len();
            self.output.extend_from_slice(octets);
            self.machine.handle_transmitted(count);
        }
    }

    fn answer(&mut self, event: &Event<'_>) {
        self.report.push(format!("{event:?}"));
        match event {
            Event::Login(login) => {
                self.logins += 1;
                let done = match login {
                    _ if self.logins % 3 == 2 => self.machine.reject(Rejection::InUse),
                    Login::Sasl { initial_response: None, .. } => self.machine.challenge(b"hello"),
                    _ => self.machine.accept(maildrop()),
                };
                done.expect("a login was asked for");
            }
            Event::SaslResponse(response) => {
                let is_long = response.expose().len() > 3;
                let done =
                    if is_long { self.machine.accept(maildrop()) } else { self.machine.challenge(b"") };
                done.expect("a response was given");
            }
            Event::Retrieve { .. } => {
                let mut encoder = self.machine.begin_message().expect("a message was asked for");
                self.write_out();
                encoder.encode(MESSAGE).for_each(|slice| self.output.extend_from_slice(slice));
                self.machine.end_message(encoder).expect("a message is being sent");
            }
            Event::Update { deletions, .. } => {
                self.updates += 1;
                assert!(self.updates == 1 && deletions.numbers().len() <= 2);
                assert!(deletions.numbers().is_sorted());
                self.machine.finish_update(UpdateOutcome::Removed).expect("an update was asked for");
            }
            Event::StartTls => self.machine.handle_tls_established().expect("TLS was asked for"),
            _ => {}
        }
    }
}

fn config(stls: bool) -> Config {
    let mut policy = Policy::default();
    policy.allow_plaintext_without_tls = true;
    policy.stls = stls;
    policy.languages = vec![Catalogue::ENGLISH, Catalogue::GERMAN];
    policy.utf8 = Some(Utf8Support { user: true });
    policy.mechanisms = vec![OfferedMechanism::safe(Mechanism::new("PLAIN").expect("a name"))];
    policy.max_errors_before_login = 100;
    policy.max_errors_after_login = 100;
    Config::new(policy).expect("a good policy")
}

const MESSAGE: &[u8] = b"Subject: a\r\n\r\n.text\r\n";

fn maildrop() -> Maildrop {
    let info = |id: &'static str| MessageInfo {
        size: Octets(MESSAGE.len() as u64),
        unique_id: UniqueId::new(id).expect("an id"),
    };
    ["a", "b"].into_iter().map(info).collect()
}
