//! The server machine in a transcript, and the outside that it asks.

use std::collections::VecDeque;

use pop3_proto::{
    machine::{Elapsed, Machine},
    server::{
        CloseReason, Config, Deletions, Event, Extent, Login, PeerMisbehaved, Rejection, Server,
        UpdateOutcome,
    },
    types::{MessageNumber, ResponseCode},
};

use super::{
    feed::Feed,
    kebab,
    script::{Directive, Said, Script, Step, Wrong, wrong},
    shown,
};

/// What came of playing a transcript.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) output: Vec<u8>,
    pub(crate) questions: Vec<String>,
}

/// Plays a transcript on the server machine, with the octets in such pieces.
pub(crate) fn play(script: &Script, feed: Feed) -> Result<Outcome, Wrong> {
    let mut stage = Stage::new(script, feed)?;
    let mut expected: Vec<Said> = Vec::new();
    let mut fed = 0;
    let mut fed_until = 0;
    for (index, step) in script.steps.iter().enumerate() {
        match step {
            Step::Client(_) if index < fed_until => {}
            Step::Client(run) => {
                if feed != Feed::Merged {
                    stage.check(&mut expected)?;
                }
                let mut segment = concat(run);
                if feed == Feed::Merged {
                    for (later, step) in script.steps.iter().enumerate().skip(index + 1) {
                        match step {
                            Step::Client(run) => segment.extend(concat(run)),
                            Step::Server(_) => {}
                            Step::Directive { .. } => break,
                        }
                        fed_until = later + 1;
                    }
                }
                for piece in feed.pieces(&segment, fed) {
                    stage.receive(piece);
                }
                fed += segment.len();
            }
            Step::Server(run) => expected.extend(run.iter().cloned()),
            Step::Directive { line, directive } => {
                let is_stls = matches!(directive, Directive::Fails(error) if error == "plaintext-after-stls");
                if is_stls {
                    stage.forget_stls();
                }
                if !directive.is_plan() {
                    stage.check(&mut expected)?;
                }
                stage.directive(*line, directive)?;
            }
        }
    }
    stage.check(&mut expected)?;
    if let Some(error) = stage.error.filter(|_| !stage.is_error_expected) {
        return Err(Wrong(format!("the server machine failed: {error}")));
    }
    let asked = &stage.outcome.questions;
    let is_right = match script.questions.as_slice() {
        [] => true,
        [nothing] if nothing == "nothing" => asked.is_empty(),
        questions => questions == asked,
    };
    if !is_right {
        return Err(Wrong(format!(
            "the server machine asked\n  {}\nwhere this was expected:\n  {}",
            asked.join("\n  "),
            script.questions.join("\n  ")
        )));
    }
    Ok(stage.outcome)
}

fn concat(run: &[Said]) -> Vec<u8> {
    run.iter().flat_map(|said| said.octets.clone()).collect()
}

struct Stage<'s> {
    script: &'s Script,
    feed: Feed,
    machine: Server,
    now: Elapsed,
    input: Vec<u8>,
    /// Output that no line was compared with yet.
    unseen: Vec<u8>,
    outcome: Outcome,
    error: Option<PeerMisbehaved>,
    is_error_expected: bool,
    closed: Option<CloseReason>,
    rejections: VecDeque<Rejection>,
    challenges: VecDeque<Vec<u8>>,
    is_plain: bool,
    refusal: Option<Option<String>>,
    fails_after: Option<usize>,
    is_update_failing: bool,
    removed: Vec<u32>,
}

impl<'s> Stage<'s> {
    fn new(script: &'s Script, feed: Feed) -> Result<Self, Wrong> {
        let setup = &script.setup;
        let config = Config::new(setup.policy.clone()).map_err(|error| Wrong(error.to_string()))?;
        let machine = Server::new(config, setup.connection()).map_err(|error| Wrong(error.to_string()))?;
        let mut this = Self {
            script,
            feed,
            machine,
            now: Elapsed::default(),
            input: Vec::new(),
            unseen: Vec::new(),
            outcome: Outcome::default(),
            error: None,
            is_error_expected: false,
            closed: None,
            rejections: VecDeque::new(),
            challenges: VecDeque::new(),
            is_plain: false,
            refusal: None,
            fails_after: None,
            is_update_failing: false,
            removed: Vec::new(),
        };
        this.turn();
        Ok(this)
    }

    fn receive(&mut self, piece: &[u8]) {
        self.input.extend_from_slice(piece);
        self.turn();
    }

    /// Writes out and feeds until nothing moves any more.
    fn turn(&mut self) {
        loop {
            let before = (self.input.len(), self.outcome.output.len(), self.outcome.questions.len());
            self.write_out();
            let buffer = std::mem::take(&mut self.input);
            let mut rest = buffer.as_slice();
            match self.machine.next_event(&mut rest) {
                Ok(Some(event)) => self.answer(event),
                Ok(None) => {}
                Err(error) => {
                    self.error = Some(error);
                    rest = &[];
                }
            }
            self.input = rest.to_vec();
            self.write_out();
            if before == (self.input.len(), self.outcome.output.len(), self.outcome.questions.len()) {
                return;
            }
        }
    }

    fn write_out(&mut self) {
        while let Some(octets) = self.machine.poll_transmit() {
            let count = if self.feed == Feed::Octets { 1 } else { octets.len() };
            let written = octets[..count].to_vec();
            self.write(&written);
            self.machine.handle_transmitted(count);
        }
    }

    fn write(&mut self, octets: &[u8]) {
        self.unseen.extend_from_slice(octets);
        self.outcome.output.extend_from_slice(octets);
    }

    fn answer(&mut self, event: Event<'_>) {
        let question = match &event {
            Event::Login(Login::Password { name, password }) => {
                format!("login password {name} {}", password.expose())
            }
            Event::Login(Login::Apop { name, .. }) => format!("login apop {name}"),
            Event::Login(Login::Sasl { mechanism, initial_response }) => match initial_response {
                Some(initial) => format!("login sasl {mechanism} \"{}\"", shown(initial.expose())),
                None => format!("login sasl {mechanism}"),
            },
            Event::SaslResponse(response) => format!("sasl-response \"{}\"", shown(response.expose())),
            Event::SaslCancelled => "sasl-cancelled".to_owned(),
            Event::Retrieve { number, extent: Extent::Whole } => format!("retrieve {number} whole"),
            Event::Retrieve { number, extent: Extent::Top { lines } } => {
                format!("retrieve {number} top {lines}")
            }
            Event::StartTls => "start-tls".to_owned(),
            Event::Update { deletions, retrieved } => {
                format!("update removes {} has-sent {}", list(deletions.numbers()), list(retrieved.numbers()))
            }
            Event::Close(reason) => format!("close {}", kebab(reason)),
            _ => "unknown".to_owned(),
        };
        self.outcome.questions.push(question);
        match event {
            Event::Login(login) => self.log_in(login),
            Event::SaslResponse(response) => self.go_on(Some(response.expose())),
            Event::Retrieve { number, .. } => self.send(number),
            Event::Update { deletions, .. } => self.update(&deletions),
            Event::Close(reason) => self.closed = Some(reason),
            _ => {}
        }
    }

    fn log_in(&mut self, login: Login<'_>) {
        match login {
            Login::Password { name, password } => self.judge(&name, password.expose(), false),
            Login::Apop { name, digest, .. } => {
                let digest: String = digest.iter().map(|octet| format!("{octet:02x}")).collect();
                self.judge(&name, &digest, true);
            }
            Login::Sasl { mechanism, initial_response } => {
                self.is_plain = mechanism.as_str().eq_ignore_ascii_case("PLAIN");
                self.go_on(initial_response.as_ref().map(|initial| initial.expose().as_ref()));
            }
            _ => {}
        }
    }

    /// A step of a SASL exchange: PLAIN is understood, the others go by `@challenge` and `@reject`.
    fn go_on(&mut self, response: Option<&[u8]>) {
        if let Some(challenge) = self.challenges.pop_front() {
            self.machine.challenge(&challenge).unwrap();
        } else if !self.is_plain {
            self.settle(true);
        } else if let Some(response) = response {
            let mut parts = response.split(|octet| *octet == 0).skip(1).map(String::from_utf8_lossy);
            let (name, password) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            self.judge(&name, &password, false);
        } else {
            self.machine.challenge(b"").unwrap();
        }
    }

    fn judge(&mut self, name: &str, secret: &str, is_apop: bool) {
        let setup = &self.script.setup;
        let users = if is_apop { &setup.apop_users } else { &setup.users };
        let is_right = users.iter().any(|(user, right)| user == name && right == secret);
        self.settle(is_right);
    }

    fn settle(&mut self, is_right: bool) {
        match self.rejections.pop_front() {
            Some(rejection) => self.machine.reject(rejection).unwrap(),
            None if is_right => self.machine.accept(self.script.setup.accepted()).unwrap(),
            None => self.machine.reject(Rejection::BadCredentials).unwrap(),
        }
    }

    fn send(&mut self, number: MessageNumber) {
        if let Some(code) = self.refusal.take() {
            let code = code.map(|code| ResponseCode::new(code).unwrap());
            self.machine.refuse_message(code).unwrap();
            return;
        }
        let mut encoder = self.machine.begin_message().unwrap();
        self.write_out();
        let content = &self.script.setup.messages[number.index()].1;
        let readable = self.fails_after.unwrap_or(content.len()).min(content.len());
        for chunk in content[..readable].chunks(self.feed.store_chunk()) {
            let slices: Vec<u8> = encoder.encode(chunk).flatten().copied().collect();
            self.write(&slices);
        }
        if self.fails_after.take().is_some() {
            self.machine.abort_message(encoder);
        } else {
            self.machine.end_message(encoder).unwrap();
        }
    }

    fn update(&mut self, deletions: &Deletions) {
        let outcome = if self.is_update_failing {
            UpdateOutcome::SomeNotRemoved
        } else {
            self.removed = deletions.numbers().iter().map(|number| number.value()).collect();
            UpdateOutcome::Removed
        };
        self.machine.finish_update(outcome).unwrap();
    }

    fn directive(&mut self, line: usize, directive: &Directive) -> Result<(), Wrong> {
        match directive {
            Directive::Tls => self.machine.handle_tls_established().map_err(|e| Wrong(e.to_string()))?,
            Directive::Wait(seconds) => self.wait(*seconds),
            Directive::ClientEof => {
                let _ = self.machine.handle_eof();
            }
            Directive::Shutdown => self.machine.shut_down(),
            Directive::Reject(rejection) => self.rejections.push_back(*rejection),
            Directive::Challenge(challenge) => self.challenges.push_back(challenge.clone()),
            Directive::StoreRefuses(code) => self.refusal = Some(code.clone()),
            Directive::StoreFailsAfter(octets) => self.fails_after = Some(*octets),
            Directive::UpdateFails => self.is_update_failing = true,
            Directive::Close(reason) => {
                let closed = self.closed.map_or_else(|| "nothing".to_owned(), |closed| kebab(&closed));
                if closed != *reason {
                    return wrong(line, format!("closed because of {closed}"));
                }
            }
            Directive::Fails(reason) => {
                let error = self.error.map_or_else(|| "not at all".to_owned(), |error| kebab(&error));
                if error != *reason {
                    return wrong(line, format!("failed with {error}"));
                }
                self.is_error_expected = true;
            }
            Directive::State(state) => {
                let is = self.machine.state().to_string().to_ascii_lowercase();
                if is != *state {
                    return wrong(line, format!("the server machine is in state {is}"));
                }
            }
            Directive::Removed(numbers) => {
                if self.removed != *numbers {
                    return wrong(line, format!("removed: {:?}", self.removed));
                }
            }
            Directive::ServerEof | Directive::Usage { .. } => {}
        }
        self.turn();
        Ok(())
    }

    /// Lets time pass as a driver would: never past a deadline without saying so.
    fn wait(&mut self, seconds: u64) {
        let end = self.now.saturating_add(Elapsed::from_secs(seconds));
        while let Some(deadline) = self.machine.poll_timeout().filter(|deadline| *deadline <= end) {
            self.now = deadline.max(self.now);
            self.machine.handle_timeout(self.now);
            self.turn();
        }
        self.now = end;
        self.machine.handle_timeout(end);
    }

    /// Whether STLS was answered before the octets behind it came depends on how they came.
    fn forget_stls(&mut self) {
        if self.outcome.questions.last().is_some_and(|last| last == "start-tls") {
            self.outcome.questions.pop();
            let before = self.unseen.strip_suffix(b"\r\n").and_then(|rest| memchr::memrchr(b'\n', rest));
            let stls = self.unseen.split_off(before.map_or(0, |at| at + 1));
            self.outcome.output.truncate(self.outcome.output.len() - stls.len());
        }
    }

    /// Compares what was written with what should have been, and forgets both.
    fn check(&mut self, expected: &mut Vec<Said>) -> Result<(), Wrong> {
        let mut unseen = self.unseen.as_slice();
        for said in expected.drain(..) {
            let rest = unseen.strip_prefix(said.octets.as_slice()).and_then(|rest| {
                if !said.is_wild {
                    return Some(rest);
                }
                memchr::memmem::find(rest, b"\r\n").map(|at| &rest[at + 2..])
            });
            match rest {
                Some(rest) => unseen = rest,
                None => {
                    let (is, should) = (shown(unseen), shown(&said.octets));
                    return wrong(said.line, format!("should be\n  {should}\nand is\n  {is}"));
                }
            }
        }
        if !unseen.is_empty() {
            return Err(Wrong(format!("the server said more than expected: {}", shown(unseen))));
        }
        self.unseen.clear();
        Ok(())
    }
}

fn list(numbers: &[MessageNumber]) -> String {
    if numbers.is_empty() {
        return "nothing".to_owned();
    }
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
