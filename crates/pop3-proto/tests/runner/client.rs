//! The client machine in a transcript, and the caller that uses it.

use pop3_proto::{
    client::{Client, CommandId, Event, PeerMisbehaved, UsageError},
    grammar,
    machine::{Elapsed, Machine},
    types::Secret,
};

use super::{
    feed::Feed,
    kebab,
    script::{Directive, Said, Script, Step, Wrong, wrong},
    shown,
};

/// Plays a transcript on the client machine, with the octets in such pieces; says what it reported.
pub(crate) fn play(script: &Script, feed: Feed) -> Result<Vec<String>, Wrong> {
    let mut stage = Stage::new(script);
    let mut fed = 0;
    for step in &script.steps {
        match step {
            Step::Client(run) => run.iter().try_for_each(|said| stage.say(said))?,
            Step::Server(run) => {
                let segment: Vec<u8> = run.iter().flat_map(octets).collect();
                for piece in feed.pieces(&segment, fed) {
                    stage.receive(piece);
                }
                fed += segment.len();
            }
            Step::Directive { line, directive } => stage.directive(*line, directive)?,
        }
    }
    if !stage.output.is_empty() {
        return Err(Wrong(format!("the client said more than expected: {}", shown(&stage.output))));
    }
    if let Some(error) = stage.error.filter(|_| !stage.is_error_expected) {
        return Err(Wrong(format!("the client machine failed: {error}")));
    }
    if !script.events.is_empty() && script.events != stage.events {
        return Err(Wrong(format!(
            "the client machine reported\n  {}\nwhere this was expected:\n  {}",
            stage.events.join("\n  "),
            script.events.join("\n  ")
        )));
    }
    Ok(stage.events)
}

/// Where the server may say anything, it says something.
pub(crate) fn octets(said: &Said) -> Vec<u8> {
    let mut octets = said.octets.clone();
    if said.is_wild {
        octets.extend_from_slice(b"something\r\n");
    }
    octets
}

struct Stage {
    machine: Client,
    commands: Vec<CommandId>,
    input: Vec<u8>,
    output: Vec<u8>,
    events: Vec<String>,
    chunk: Vec<u8>,
    is_our_turn: bool,
    error: Option<PeerMisbehaved>,
    is_error_expected: bool,
}

impl Stage {
    fn new(script: &Script) -> Self {
        Self {
            machine: Client::new(script.setup.client.clone()),
            commands: Vec::new(),
            input: Vec::new(),
            output: Vec::new(),
            events: Vec::new(),
            chunk: Vec::new(),
            is_our_turn: false,
            error: None,
            is_error_expected: false,
        }
    }

    /// The client sends this line; unless the machine has sent it by itself.
    fn say(&mut self, said: &Said) -> Result<(), Wrong> {
        if self.output.is_empty() {
            let line = said.octets.strip_suffix(b"\r\n").unwrap_or(&said.octets);
            self.send(line).or_else(|error| wrong(said.line, format!("cannot be sent: {error}")))?;
            self.write_out();
        }
        match self.output.strip_prefix(said.octets.as_slice()) {
            Some(rest) => self.output = rest.to_vec(),
            None => return wrong(said.line, format!("the client said {}", shown(&self.output))),
        }
        Ok(())
    }

    fn send(&mut self, line: &[u8]) -> Result<(), String> {
        if std::mem::take(&mut self.is_our_turn) {
            if line == b"*" {
                return self.machine.cancel_auth().map_err(|error| error.to_string());
            }
            let response = grammar::sasl_response(line).ok_or("that is no base64")?;
            return self
                .machine
                .respond(Secret::new(response.expose().as_ref()))
                .map_err(|error| error.to_string());
        }
        let command = grammar::command(line).map_err(|error| error.to_string())?;
        let id = self.machine.send(&command).map_err(|error| error.to_string())?;
        self.commands.push(id);
        Ok(())
    }

    fn receive(&mut self, piece: &[u8]) {
        self.input.extend_from_slice(piece);
        self.turn();
    }

    fn turn(&mut self) {
        loop {
            let buffer = std::mem::take(&mut self.input);
            let mut rest = buffer.as_slice();
            let is_done = match self.machine.next_event(&mut rest) {
                Ok(Some(event)) => {
                    self.note(&event);
                    false
                }
                Ok(None) => true,
                Err(error) => {
                    self.error = Some(error);
                    rest = &[];
                    true
                }
            };
            self.input = rest.to_vec();
            self.write_out();
            if is_done {
                return;
            }
        }
    }

    fn write_out(&mut self) {
        while let Some(octets) = self.machine.poll_transmit() {
            self.output.push(octets[0]);
            self.machine.handle_transmitted(1);
        }
    }

    fn note(&mut self, event: &Event<'_>) {
        if let Event::MessageChunk { chunk, .. } = event {
            // How a message is cut into chunks depends on how it came.
            self.chunk.extend_from_slice(chunk);
            return;
        }
        let chunk = std::mem::take(&mut self.chunk);
        let number = |id: &CommandId| {
            self.commands.iter().position(|command| command == id).map_or(0, |index| index + 1)
        };
        let text = match event {
            Event::Greeting { response, timestamp: None } => format!("greeting {response}"),
            Event::Greeting { response, timestamp: Some(timestamp) } => {
                format!("greeting {response} -- timestamp {timestamp}")
            }
            Event::Response { id, response, is_last: true } => {
                format!("response {} {response}", number(id))
            }
            Event::Response { id, response, is_last: false } => {
                format!("response {} {response} -- more", number(id))
            }
            Event::DropListing { id, listing } => {
                format!("drop-listing {} {} {}", number(id), listing.count, listing.size)
            }
            Event::ScanListing { id, listing } => {
                format!("scan-listing {} {} {}", number(id), listing.number, listing.size)
            }
            Event::UniqueIdListing { id, listing } => {
                format!("unique-id-listing {} {} {}", number(id), listing.number, listing.unique_id)
            }
            Event::MalformedListing { id, number: message } => {
                format!("malformed-listing {} {message}", number(id))
            }
            Event::Capability { id, capability } => format!("capability {} {capability:?}", number(id)),
            Event::Mechanism { id, mechanism } => format!("mechanism {} {mechanism}", number(id)),
            Event::Language { id, language } => {
                format!("language {} {} {}", number(id), language.tag, language.description)
            }
            Event::End { id } if chunk.is_empty() => format!("end {}", number(id)),
            Event::End { id } => {
                self.events.push(format!("message {} \"{}\"", number(id), shown(&chunk)));
                format!("end {}", number(id))
            }
            Event::Challenge { id, challenge } => {
                format!("challenge {} \"{}\"", number(id), shown(challenge.expose()))
            }
            Event::StartTls => "start-tls".to_owned(),
            Event::Closed => "closed".to_owned(),
            _ => "unknown".to_owned(),
        };
        self.is_our_turn |= matches!(event, Event::Challenge { .. });
        self.events.push(text);
    }

    fn directive(&mut self, line: usize, directive: &Directive) -> Result<(), Wrong> {
        match directive {
            Directive::Tls => self.machine.handle_tls_established().map_err(|e| Wrong(e.to_string()))?,
            Directive::ServerEof => {
                let _ = self.machine.handle_eof();
            }
            Directive::Wait(seconds) => self.machine.handle_timeout(Elapsed::from_secs(*seconds)),
            Directive::Fails(reason) => {
                let error = self.error.map_or_else(|| "not at all".to_owned(), |error| kebab(&error));
                if error != *reason {
                    return wrong(line, format!("failed with {error}"));
                }
                if reason == "plaintext-after-stls" && self.events.last().is_some_and(|e| e == "start-tls") {
                    // Whether TLS was asked for before the octets behind STLS came depends on how they came.
                    self.events.pop();
                }
                self.is_error_expected = true;
            }
            Directive::State(state) => {
                let is = self.machine.state().to_string().to_ascii_lowercase();
                if is != *state {
                    return wrong(line, format!("the client machine is in state {is}"));
                }
            }
            Directive::Usage { error, command } => self.misuse(line, error, command)?,
            _ => {}
        }
        self.turn();
        Ok(())
    }

    /// Tries to send what must not be sent now.
    fn misuse(&mut self, line: usize, expected: &str, command: &[u8]) -> Result<(), Wrong> {
        let command =
            grammar::command(command).or_else(|error| wrong(line, format!("is no command: {error}")))?;
        let before = self.machine.outstanding();
        let error: Option<UsageError> = self.machine.send(&command).err();
        let said = error.map_or_else(|| "none".to_owned(), |error| kebab(&error));
        if said != expected {
            return wrong(line, format!("the usage error is {said}"));
        }
        if self.machine.poll_transmit().is_some() || self.machine.outstanding() != before {
            return wrong(line, "a usage error has changed the machine");
        }
        Ok(())
    }
}
