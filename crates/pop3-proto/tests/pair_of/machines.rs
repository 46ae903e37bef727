//! Both machines and the wire between them.

use std::{borrow::Cow, collections::VecDeque};

use pop3_proto::{
    body::OctetCounter,
    client::{self, Client, CommandId, PipeliningPolicy},
    machine::Machine,
    server::{
        self, Config, Connection, Deletions, Login, Maildrop, MessageInfo, OfferedMechanism, Policy,
        Rejection, Server, UpdateOutcome,
    },
    types::{Command, Mechanism, MessageNumber, Secret, UniqueId},
};

use super::model::{Op, STORED};

/// A session: two machines, and octets on their way in both directions.
pub(crate) struct Pair {
    client: Client,
    server: Server,
    /// Output of the server that is no output of its machine: messages.
    bodies: Vec<u8>,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    server_input: Vec<u8>,
    client_input: Vec<u8>,
    sizes: Vec<usize>,
    turn: usize,
    is_server_at_tls: bool,
    is_client_at_tls: bool,
    answers: Vec<(CommandId, String)>,
    message: Vec<u8>,
    listing: String,
    /// The command whose lines come now.
    open: Option<CommandId>,
    is_message: bool,
    /// The commands whose lines are a message.
    messages: Vec<CommandId>,
    /// What to answer to the challenges to come.
    responses: VecDeque<&'static [u8]>,
    pub(crate) removed: Option<Vec<u32>>,
    pub(crate) is_closed: bool,
}

impl Pair {
    pub(crate) fn new(is_pipelining: bool, sizes: Vec<usize>) -> Self {
        let mut policy = Policy::default();
        policy.mechanisms = vec![OfferedMechanism::plaintext(Mechanism::new("PLAIN").unwrap())];
        policy.allow_plaintext_without_tls = true;
        policy.max_errors_after_login = 1_000;
        let connection = Connection { is_tls: false, apop_timestamp: Some("<1@x>".into()) };
        let server = Server::new(Config::new(policy).unwrap(), connection).unwrap();
        let mut config = client::Config::default();
        config.pipelining = if is_pipelining { PipeliningPolicy::Always } else { PipeliningPolicy::Never };
        Self {
            client: Client::new(config),
            server,
            bodies: Vec::new(),
            to_server: Vec::new(),
            to_client: Vec::new(),
            server_input: Vec::new(),
            client_input: Vec::new(),
            sizes,
            turn: 0,
            is_server_at_tls: false,
            is_client_at_tls: false,
            answers: Vec::new(),
            message: Vec::new(),
            listing: String::new(),
            open: None,
            is_message: false,
            messages: Vec::new(),
            responses: VecDeque::new(),
            removed: None,
            is_closed: false,
        }
    }

    /// Sends a command as soon as it may be sent.
    pub(crate) fn send(&mut self, command: &Command<'_>) -> CommandId {
        for _ in 0..1_000_000 {
            match self.client.send(command) {
                Ok(id) => {
                    if matches!(command, Command::Retr(_) | Command::Top { .. }) {
                        self.messages.push(id);
                    }
                    return id;
                }
                Err(client::UsageError::InvalidValue(error)) => panic!("{error}"),
                Err(_) => self.step(),
            }
        }
        panic!("{command:?} can never be sent: {:?} {:?}", self.client, self.server);
    }

    /// Lets octets flow until this command is answered, and gives the answer.
    pub(crate) fn answer(&mut self, id: CommandId) -> String {
        for _ in 0..1_000_000 {
            if let Some(at) = self.answers.iter().position(|(answered, _)| *answered == id) {
                assert_eq!(at, 0, "answers come in the order of commands");
                return self.answers.remove(at).1;
            }
            self.step();
        }
        panic!("{id:?} is never answered: {:?} {:?}", self.client, self.server);
    }

    pub(crate) fn ask(&mut self, command: &Command<'_>) -> String {
        let id = self.send(command);
        self.answer(id)
    }

    pub(crate) fn log_in_with_plain(&mut self, password: &'static [u8], has_initial: bool) -> String {
        let initial_response = has_initial.then(|| Secret::new(Cow::Borrowed(password)));
        if !has_initial {
            self.responses.push_back(password);
        }
        self.ask(&Command::Auth { mechanism: Mechanism::new("PLAIN").unwrap(), initial_response })
    }

    /// Moves some octets, as many as the plan says, and feeds both machines.
    fn step(&mut self) {
        let mut size = || {
            self.turn += 1;
            self.sizes[self.turn % self.sizes.len()]
        };
        let sizes = [size(), size(), size(), size()];
        if let Some(octets) = self.client.poll_transmit() {
            let count = octets.len().min(sizes[0]);
            self.to_server.extend_from_slice(&octets[..count]);
            self.client.handle_transmitted(count);
        }
        let count = self.to_server.len().min(sizes[1]);
        self.server_input.extend(self.to_server.drain(..count));
        self.serve();
        if !self.bodies.is_empty() {
            let count = self.bodies.len().min(sizes[2]);
            self.to_client.extend(self.bodies.drain(..count));
        } else if let Some(octets) = self.server.poll_transmit() {
            let count = octets.len().min(sizes[2]);
            self.to_client.extend_from_slice(&octets[..count]);
            self.server.handle_transmitted(count);
        }
        let count = self.to_client.len().min(sizes[3]);
        self.client_input.extend(self.to_client.drain(..count));
        self.listen();
        if self.is_server_at_tls && self.is_client_at_tls {
            assert!(self.to_server.is_empty() && self.to_client.is_empty());
            (self.is_server_at_tls, self.is_client_at_tls) = (false, false);
            self.server.handle_tls_established().unwrap();
            self.client.handle_tls_established().unwrap();
        }
    }

    fn serve(&mut self) {
        let buffer = std::mem::take(&mut self.server_input);
        let mut input = buffer.as_slice();
        while let Some(event) = self.server.next_event(&mut input).unwrap() {
            self.on_question(event);
        }
        self.server_input = input.to_vec();
    }

    fn on_question(&mut self, event: server::Event<'_>) {
        use server::Event;
        match event {
            Event::Login(Login::Password { password, .. }) => self.judge(password.expose() == "secret"),
            Event::Login(Login::Apop { digest, .. }) => self.judge(digest == [7; 16]),
            Event::Login(Login::Sasl { initial_response: None, .. }) => self.server.challenge(b"").unwrap(),
            Event::Login(Login::Sasl { initial_response: Some(initial), .. }) => {
                self.judge(initial.expose().as_ref() == b"\0mrose\0secret");
            }
            Event::SaslResponse(response) => self.judge(response.expose().as_ref() == b"\0mrose\0secret"),
            Event::Retrieve { number, .. } => {
                let mut encoder = self.server.begin_message().unwrap();
                while let Some(octets) = self.server.poll_transmit() {
                    let count = octets.len();
                    self.bodies.extend_from_slice(octets);
                    self.server.handle_transmitted(count);
                }
                let chunk = self.sizes[self.turn % self.sizes.len()];
                for piece in STORED[number.index()].1.chunks(chunk) {
                    encoder.encode(piece).for_each(|slice| self.bodies.extend_from_slice(slice));
                }
                self.server.end_message(encoder).unwrap();
            }
            Event::StartTls => self.is_server_at_tls = true,
            Event::Update { deletions, .. } => {
                self.removed = Some(numbers(&deletions));
                self.server.finish_update(UpdateOutcome::Removed).unwrap();
            }
            Event::Close(_) => self.is_closed = true,
            _ => {}
        }
    }

    fn judge(&mut self, is_right: bool) {
        let info = |(id, content): &(&'static str, &[u8])| {
            let mut counter = OctetCounter::new();
            counter.update(content);
            MessageInfo { size: counter.finish(), unique_id: UniqueId::new(*id).unwrap() }
        };
        if is_right {
            self.server.accept(STORED.iter().map(info).collect::<Maildrop>()).unwrap();
        } else {
            self.server.reject(Rejection::BadCredentials).unwrap();
        }
    }

    fn listen(&mut self) {
        let buffer = std::mem::take(&mut self.client_input);
        let mut input = buffer.as_slice();
        while let Some(event) = self.client.next_event(&mut input).unwrap() {
            self.on_event(event);
        }
        self.client_input = input.to_vec();
    }

    fn on_event(&mut self, event: client::Event<'_>) {
        use client::Event;
        match event {
            Event::Response { id, response, is_last } => {
                let text = match (response.is_ok(), is_last) {
                    (true, true) => "ok",
                    (true, false) => {
                        self.is_message = self.messages.contains(&id);
                        self.open = Some(id);
                        return;
                    }
                    (false, _) => "err",
                };
                self.answers.push((id, text.to_owned()));
            }
            Event::DropListing { id, listing } => {
                self.answers.push((id, format!("{} {}", listing.count, listing.size)));
            }
            Event::ScanListing { id, listing } => {
                self.line(id, &format!("{} {}", listing.number, listing.size));
            }
            Event::UniqueIdListing { id, listing } => {
                self.line(id, &format!("{} {}", listing.number, listing.unique_id));
            }
            Event::Capability { id, capability } => self.line(id, &format!("{capability:?}")),
            Event::MessageChunk { chunk, .. } => self.message.extend_from_slice(chunk),
            Event::End { id } => {
                self.open = None;
                let (message, listing) =
                    (std::mem::take(&mut self.message), std::mem::take(&mut self.listing));
                let text = if self.is_message { format!("{message:?}") } else { listing };
                self.answers.push((id, text));
            }
            Event::Challenge { .. } => {
                let response = self.responses.pop_front().unwrap();
                self.client.respond(Secret::new(response)).unwrap();
            }
            Event::StartTls => self.is_client_at_tls = true,
            Event::Greeting { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    /// A line of a listing; or the whole answer, where no first line came before it.
    fn line(&mut self, id: CommandId, text: &str) {
        match &mut self.open {
            Some(open) if *open == id => self.listing += &format!("{text};"),
            _ => self.answers.push((id, text.to_owned())),
        }
    }
}

fn numbers(deletions: &Deletions) -> Vec<u32> {
    deletions.numbers().iter().map(|number| number.value()).collect()
}

pub(crate) fn command(op: Op) -> Command<'static> {
    let number = |number| MessageNumber::new(number).unwrap();
    match op {
        Op::Stat => Command::Stat,
        Op::List(which) => Command::List(which.map(number)),
        Op::Uidl(which) => Command::Uidl(which.map(number)),
        Op::Retr(which) => Command::Retr(number(which)),
        Op::Top(which, lines) => Command::Top { number: number(which), lines },
        Op::Dele(which) => Command::Dele(number(which)),
        Op::Rset => Command::Rset,
        Op::Noop => Command::Noop,
    }
}
