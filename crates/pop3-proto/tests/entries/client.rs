use pop3_proto::{
    client::{Client, Config, Event, PipeliningPolicy, SessionState, UsageError},
    machine::Machine,
    types::{Command, Mechanism, MessageNumber, Secret},
};

use super::Pieces;

/// Whatever a server sends, the client machine reports the same in whatever pieces it came, keeps no more
/// output than its commands need, and says an error again once it has said one.
pub(crate) fn client_session(octets: &[u8]) {
    for pipelining in [PipeliningPolicy::Never, PipeliningPolicy::Always] {
        let whole = Caller::new(pipelining).run(octets, Pieces::Whole);
        let cut = Caller::new(pipelining).run(octets, Pieces::Octets);
        assert_eq!(whole, cut);
    }
}

/// Sends all there is to send, as soon as it may be sent.
struct Caller {
    machine: Client,
    next: usize,
    report: Vec<String>,
    message: Vec<u8>,
}

impl Caller {
    fn new(pipelining: PipeliningPolicy) -> Self {
        let mut config = Config::default();
        config.pipelining = pipelining;
        config.max_line = 1000;
        config.max_challenge = 2000;
        config.max_listing = 50;
        config.max_outstanding = 3;
        Self { machine: Client::new(config), next: 0, report: Vec::new(), message: Vec::new() }
    }

    fn run(mut self, octets: &[u8], pieces: Pieces) -> Vec<String> {
        let mut buffer = Vec::new();
        for piece in pieces.of(octets) {
            buffer.extend_from_slice(piece);
            if !self.turn(&mut buffer) {
                return self.report;
            }
        }
        let _ = self.machine.handle_eof();
        self.turn(&mut buffer);
        self.report
    }

    /// False when the session is over.
    fn turn(&mut self, buffer: &mut Vec<u8>) -> bool {
        let mut input = buffer.as_slice();
        loop {
            self.send();
            match self.machine.next_event(&mut input) {
                Ok(Some(event)) => {
                    let reply = self.note(&event);
                    match (reply, self.report.len() % 5) {
                        (false, _) => {}
                        (true, 0) => self.machine.cancel_auth().expect("it is our turn"),
                        (true, _) => self.machine.respond(Secret::new(b"x")).expect("it is our turn"),
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(self.machine.next_event(&mut input).map(|_| ()), Err(error));
                    assert_eq!(self.machine.state(), SessionState::Closed);
                    self.report.push(format!("{error:?}"));
                    return false;
                }
            }
            assert!(self.machine.poll_transmit().map_or(0, <[u8]>::len) < 1000);
            self.machine.handle_transmitted(usize::MAX);
        }
        assert!(input.is_empty(), "nothing is owed, so everything is taken");
        buffer.clear();
        true
    }

    /// Everything that may go out now.
    fn send(&mut self) {
        let number = MessageNumber::FIRST;
        loop {
            let command = match self.next {
                0 | 8 => Command::Capa,
                1 => Command::AuthList,
                2 | 3 => Command::Auth {
                    mechanism: Mechanism::new("PLAIN").expect("a name"),
                    initial_response: None,
                },
                4 => Command::Lang(None),
                5 => Command::User("mrose".into()),
                6 => Command::Pass(Secret::new("secret".into())),
                7 => Command::Stat,
                9 => Command::List(None),
                10 => Command::Uidl(None),
                11 => Command::Retr(number),
                12 => Command::Top { number, lines: 0 },
                13 => Command::List(Some(number)),
                14 => Command::Uidl(Some(number)),
                15 => Command::Dele(number),
                16 => Command::Quit,
                _ => return,
            };
            match self.machine.send(&command) {
                // Where a login failed, what needs one is left out.
                Ok(_) | Err(UsageError::WrongState(_)) => {}
                Err(_) => return,
            }
            self.next += 1;
        }
    }

    /// True when an answer to a challenge is owed.
    fn note(&mut self, event: &Event<'_>) -> bool {
        if let Event::MessageChunk { chunk, .. } = event {
            assert!(!chunk.is_empty());
            self.message.extend_from_slice(chunk);
            return false;
        }
        if !self.message.is_empty() {
            self.report.push(format!("{:?}", std::mem::take(&mut self.message)));
        }
        self.report.push(format!("{event:?}"));
        matches!(event, Event::Challenge { .. })
    }
}
