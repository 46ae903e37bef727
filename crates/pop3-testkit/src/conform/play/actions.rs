//! What each line of a case does.

use std::time::Duration;

use pop3_sasl::ChannelBinding;
use pop3_sasl::{BindingUse, Choice, Client, ClientMechanism as _, ClientOptions, Credentials};

use super::{Play, Sasl, Stop, wanted};
use crate::conform::{
    base64,
    case::{Action, Expected, SaslSetup, State, Step},
    mail::{KnownMail, is_same},
    pattern::Pattern,
    session::{fresh_nonce, sentence},
    template::{Filling, Template},
    text::shown,
    values::Value,
    wire::{End, Missing, Patience},
};

impl Play<'_, '_> {
    pub(super) fn step(&mut self, step: &Step) -> Result<(), Stop> {
        let line = step.line;
        match &step.action {
            Action::Send(parts) => self.send(line, parts),
            Action::Expect { alternatives, is_assumption } => self.expect(line, alternatives, *is_assumption),
            Action::ExpectOctets { alternatives } => self.expect_octets(line, alternatives),
            Action::Body(name) => self.body(line, name),
            Action::Listing(name, pattern) => self.listing(line, name, pattern),
            Action::Check { check, is_assumption } => match check.failure(&self.values) {
                Ok(None) => Ok(()),
                Ok(Some(why)) if *is_assumption => Err(Stop::NotApplicable(why)),
                Ok(Some(why)) => self.fail(line, check.source(), why),
                Err(why) => wrong(line, &why),
            },
            Action::SameMail { body, mail } => self.same_mail(line, body, mail),
            Action::Connect { name, state } => self.connect(name, *state),
            Action::Session(name) => self.switch(line, name),
            Action::LogIn => self.log_in(),
            Action::Close => {
                self.session.wire.close_abruptly();
                Ok(())
            }
            Action::ExpectEof { after_anything, close_notify } => {
                self.expect_eof(line, *after_anything, *close_notify)
            }
            Action::Silence { time, or_eof } => self.silence(line, *time, *or_eof),
            Action::Decode(name, pattern) => self.decode(line, name, pattern),
            Action::Wait(time) => {
                std::thread::sleep(*time);
                Ok(())
            }
            Action::Within(time) => {
                self.within = *time;
                Ok(())
            }
            Action::Tls { alpn, may_fail } => self.tls(line, alpn.as_deref(), *may_fail),
            Action::Sasl(setup) => self.begin_sasl(line, setup),
            Action::SaslDone => self.finish_sasl(line),
            Action::Pace { is_octet_by_octet } => {
                self.session.is_octet_by_octet = *is_octet_by_octet;
                Ok(())
            }
            Action::Deliver(mail) => self.deliver(mail),
            Action::Repeat(count, steps) => (0..*count).try_for_each(|_| self.run(steps)),
            Action::Each(list, steps) => self.each(line, list, steps),
        }
    }

    fn send(&mut self, line: usize, parts: &[(Template, bool)]) -> Result<(), Stop> {
        // What came and was not asked for would be taken for the answer to this.
        let unread = self.session.wire.unread();
        if !unread.is_empty() {
            return self.fail(line, "nothing more before the next command", shown(&unread));
        }
        let mut octets = Vec::new();
        let mut said = Vec::new();
        for (template, has_end) in parts {
            octets.extend(self.fill(line, template)?);
            if *has_end {
                octets.extend_from_slice(b"\r\n");
            }
            let end = if *has_end { "" } else { " (no line end)" };
            said.push(format!("{}{end}", template.shown(&self.target.options.account, &self.values)));
        }
        self.session.check(&octets).map_err(Stop::Skipped)?;
        self.session.said_dele |= octets.to_ascii_uppercase().windows(4).any(|window| window == b"DELE");
        let is_octet_by_octet = self.session.is_octet_by_octet;
        let sent = self.session.wire.send(&octets, &said.join("\nC: "), is_octet_by_octet);
        sent.map_err(|error| Stop::Undecided(format!("cannot write to the server: {error}")))
    }

    fn fill(&mut self, line: usize, template: &Template) -> Result<Vec<u8>, Stop> {
        let mut message = None;
        if template.has_sasl() {
            message = Some(self.sasl_message(line)?);
        }
        let options = self.target.options;
        let filling = Filling {
            account: &options.account,
            second: options.second.as_ref(),
            values: &self.values,
            sasl: message.as_deref(),
        };
        template.fill(&filling).or_else(|why| wrong(line, &why))
    }

    fn expect(&mut self, line: usize, alternatives: &[Expected], is_assumption: bool) -> Result<(), Stop> {
        let differs = |this: &Self, received: String| {
            if is_assumption {
                return Err(Stop::NotApplicable(format!("the server answers: {received}")));
            }
            this.fail(line, &wanted(alternatives), received)
        };
        match self.session.wire.line(self.within) {
            Ok(said) => {
                let came = self.first_match(line, alternatives, &said)?;
                if came { Ok(()) } else { differs(self, shown(&said)) }
            }
            Err(missing) => {
                let is_allowed = alternatives.iter().any(|expected| is_missing(expected, &missing));
                if is_allowed { Err(Stop::Done) } else { differs(self, sentence(&missing, self.within)) }
            }
        }
    }

    /// Whether a line is one of these; what it captures is kept.
    fn first_match(&mut self, line: usize, alternatives: &[Expected], said: &[u8]) -> Result<bool, Stop> {
        for expected in alternatives {
            let (Expected::Line(pattern) | Expected::Last(pattern)) = expected else { continue };
            if let Some(found) = pattern.captures(said, &self.values).or_else(|why| wrong(line, &why))? {
                for (name, value) in found {
                    self.values.set(&name, value);
                }
                if matches!(expected, Expected::Last(_)) {
                    return Err(Stop::Done);
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn expect_octets(&mut self, line: usize, alternatives: &[Expected]) -> Result<(), Stop> {
        match self.session.wire.octets(self.within) {
            Ok(octets) => {
                if self.first_match(line, alternatives, &octets)? {
                    return Ok(());
                }
                self.fail(line, &wanted(alternatives), shown(&octets))
            }
            Err(missing) if alternatives.iter().any(|expected| is_missing(expected, &missing)) => {
                Err(Stop::Done)
            }
            Err(missing) => self.fail(line, &wanted(alternatives), sentence(&missing, self.within)),
        }
    }

    /// The lines up to the one that is a dot alone, as they come. RFC 1939 section 3.
    fn raw_lines(&mut self, line: usize) -> Result<Vec<Vec<u8>>, Stop> {
        let from = self.session.wire.said().len();
        let mut lines = Vec::new();
        let mut patience = Patience::new(self.within.max(self.target.options.timeout));
        loop {
            match self.session.wire.line(self.within) {
                Ok(said) if said == b"." => return Ok(lines),
                Ok(said) => lines.push(said),
                Err(missing) => {
                    return self.fail(
                        line,
                        "lines in CRLF, and a line with a single dot at the end of the response",
                        sentence(&missing, self.within),
                    );
                }
            }
            if lines.last().is_some_and(|said| !patience.bears(said)) {
                self.session.wire.shorten(from, "S: (a response without an end)");
                self.session.wire.close_abruptly();
                let came = format!("{} lines and no end", lines.len());
                return self.fail(line, "the end of the response", came);
            }
        }
    }

    /// `{name}` is the content, `{name.raw}` what went over the wire, `{name.lines}` how many lines.
    fn body(&mut self, line: usize, name: &str) -> Result<(), Stop> {
        let lines = self.raw_lines(line)?;
        let (mut raw, mut content) = (Vec::new(), Vec::new());
        for said in &lines {
            let unstuffed = said.strip_prefix(b".").unwrap_or(said);
            for (octets, line) in [(&mut raw, said.as_slice()), (&mut content, unstuffed)] {
                octets.extend_from_slice(line);
                octets.extend_from_slice(b"\r\n");
            }
        }
        self.values.set(name, Value::Text(content));
        self.values.set(&format!("{name}.raw"), Value::Text(raw));
        self.values.set(&format!("{name}.lines"), Value::Number(lines.len() as u128));
        Ok(())
    }

    /// `{name.capture}` is a list, `{name}` the list of whole lines.
    fn listing(&mut self, line: usize, name: &str, pattern: &Pattern) -> Result<(), Stop> {
        let mut lists: Vec<(String, Vec<Value>)> = Vec::new();
        for capture in pattern.names() {
            lists.push((capture, Vec::new()));
        }
        let mut whole = Vec::new();
        for said in self.raw_lines(line)? {
            let said = said.strip_prefix(b".").map(<[u8]>::to_vec).unwrap_or(said);
            let found = pattern.captures(&said, &self.values).or_else(|why| wrong(line, &why))?;
            let Some(found) = found else {
                return self.fail(line, &format!("lines like {}", pattern.source()), shown(&said));
            };
            for ((_, list), (_, value)) in lists.iter_mut().zip(found) {
                list.push(value);
            }
            whole.push(Value::Text(said));
        }
        for (capture, list) in lists {
            self.values.set(&format!("{name}.{capture}"), Value::List(list));
        }
        self.values.set(name, Value::List(whole));
        Ok(())
    }

    fn same_mail(&mut self, line: usize, body: &str, mail: &KnownMail) -> Result<(), Stop> {
        let received = self.values.text(body).or_else(|why| wrong(line, &why))?;
        let expected = format!("the message of mail/{}.eml, with CRLF line ends", mail.name);
        is_same(&received, mail).or_else(|why| self.fail(line, &expected, why))
    }

    fn connect(&mut self, name: &str, state: State) -> Result<(), Stop> {
        let mut session = self.target.open(state).map_err(|unready| {
            self.said.extend(unready.said);
            Stop::Undecided(unready.why)
        })?;
        std::mem::swap(&mut self.session, &mut session);
        let before = std::mem::replace(&mut self.name, name.to_owned());
        if session.wire.has_ended() {
            self.said.push(format!("   -- session {before}"));
            self.said.extend(session.wire.said().iter().cloned());
        } else {
            self.sessions.insert(before, session);
        }
        self.values.set("greeting", Value::Text(self.session.greeting.clone()));
        if state == State::Transaction { self.find_mail() } else { Ok(()) }
    }

    fn switch(&mut self, line: usize, name: &str) -> Result<(), Stop> {
        let Some(mut session) = self.sessions.remove(name) else {
            return wrong(line, &format!("there is no session {name} that goes on"));
        };
        std::mem::swap(&mut self.session, &mut session);
        let before = std::mem::replace(&mut self.name, name.to_owned());
        self.sessions.insert(before, session);
        Ok(())
    }

    fn log_in(&mut self) -> Result<(), Stop> {
        self.target.log_in(&mut self.session).map_err(|unready| Stop::Undecided(unready.why))?;
        self.find_mail()
    }

    fn expect_eof(&mut self, line: usize, after_anything: bool, close_notify: bool) -> Result<(), Stop> {
        let (before, end) = self.session.wire.end(self.within);
        let expected = "the server closes the connection";
        let Some(end) = end else {
            let waited = format!("it is still open after {} s", self.within.as_secs_f32());
            return self.fail(line, expected, waited);
        };
        if !before.is_empty() && !after_anything {
            return self.fail(line, &format!("{expected}, and nothing before"), shown(&before));
        }
        if before.starts_with(b"+OK") || before.windows(5).any(|window| window == b"\n+OK ") {
            return self.fail(line, "no +OK before the connection is closed", shown(&before));
        }
        if close_notify && end != End::CloseNotify {
            return self.fail(
                line,
                "a close_notify alert before the connection is closed",
                "none".to_owned(),
            );
        }
        Ok(())
    }

    fn decode(&mut self, line: usize, name: &str, pattern: &Pattern) -> Result<(), Stop> {
        let text = self.values.text(name).or_else(|why| wrong(line, &why))?;
        let Some(octets) = base64::decoded(&text) else {
            return self.fail(line, "base64", shown(&text));
        };
        let found = pattern.captures(&octets, &self.values).or_else(|why| wrong(line, &why))?;
        let Some(found) = found else { return self.fail(line, pattern.source(), shown(&octets)) };
        for (name, value) in found {
            self.values.set(&name, value);
        }
        Ok(())
    }

    fn silence(&mut self, line: usize, time: Duration, or_eof: bool) -> Result<(), Stop> {
        match self.session.wire.octets(time) {
            Err(Missing::Late(_)) => Ok(()),
            Err(Missing::Ended(_)) if or_eof => Err(Stop::Done),
            Ok(octets) => self.fail(line, &format!("nothing for {} s", time.as_secs_f32()), shown(&octets)),
            Err(missing) => {
                self.fail(line, &format!("nothing for {} s", time.as_secs_f32()), sentence(&missing, time))
            }
        }
    }

    fn tls(&mut self, line: usize, alpn: Option<&str>, may_fail: bool) -> Result<(), Stop> {
        match self.target.start_tls(&mut self.session, alpn) {
            Ok(()) => Ok(()),
            Err(_) if may_fail => Err(Stop::Done),
            Err(error) => self.fail(line, "a TLS handshake", error),
        }
    }

    fn begin_sasl(&mut self, line: usize, setup: &SaslSetup) -> Result<(), Stop> {
        let options = self.target.options;
        let password = match &setup.password {
            Some(template) => String::from_utf8_lossy(&self.fill(line, template)?).into_owned(),
            None => options.account.password.clone(),
        };
        let mut credentials = Credentials::new(&options.account.user).with_password(password);
        if let Some(template) = &setup.authzid {
            let authzid = self.fill(line, template)?;
            credentials = credentials.with_authzid(&String::from_utf8_lossy(&authzid));
        }
        let mut choice = Choice::new(setup.mechanism);
        if setup.claims_not_offered {
            choice = choice.with_binding(BindingUse::NotOffered);
        } else if setup.mechanism.is_channel_bound() {
            let Some(binding) = self.channel_binding() else {
                return Err(Stop::NotApplicable("TLS 1.3 is needed, to bind the channel".to_owned()));
            };
            choice = choice.with_binding(BindingUse::Used(binding));
        }
        let nonce = fresh_nonce().map_err(Stop::Undecided)?;
        // What a server's count of iterations is, is for the case to judge.
        let client_options = ClientOptions::new(nonce).iterations(1..=pop3_sasl::ITERATIONS_MAX);
        let client = Client::new(&choice, &credentials, &client_options)
            .map_err(|error| Stop::NotApplicable(format!("{} cannot begin: {error}", setup.mechanism)))?;
        self.sasl = Some(Sasl { client, has_begun: false });
        Ok(())
    }

    /// RFC 9266 section 2: on TLS 1.2 it takes the extended master secret, which is not looked for here.
    fn channel_binding(&self) -> Option<ChannelBinding> {
        let wire = &self.session.wire;
        wire.is_tls13().then(|| wire.exporter()).flatten().map(ChannelBinding::tls_exporter)
    }

    /// The initial message, or the answer to `{challenge}`.
    fn sasl_message(&mut self, line: usize) -> Result<Vec<u8>, Stop> {
        let Some(sasl) = &mut self.sasl else { return wrong(line, "no SASL exchange was begun with @sasl") };
        if !std::mem::replace(&mut sasl.has_begun, true)
            && let Some(initial) = sasl.client.initial_response()
        {
            return Ok(initial.to_vec());
        }
        let challenge = self.values.text("challenge").or_else(|why| wrong(line, &why))?;
        let step = match base64::decoded(&challenge) {
            Some(challenge) => sasl.client.step(&challenge).map_err(|error| error.to_string()),
            None => Err("it is no base64".to_owned()),
        };
        match step {
            Ok(message) => Ok(message.to_vec()),
            Err(why) => {
                let expected = format!("a challenge of {}", sasl.client.mechanism());
                self.fail(line, &expected, format!("{}: {why}", shown(&challenge)))
            }
        }
    }

    fn finish_sasl(&mut self, line: usize) -> Result<(), Stop> {
        let Some(sasl) = &self.sasl else { return wrong(line, "no SASL exchange was begun with @sasl") };
        let mechanism = sasl.client.mechanism();
        sasl.client.finish().or_else(|error| {
            self.fail(line, &format!("success only when {mechanism} is complete"), error.to_string())
        })
    }

    fn deliver(&mut self, mail: &KnownMail) -> Result<(), Stop> {
        let options = self.target.options;
        let Some(deliver) = &options.deliver else {
            return Err(Stop::Skipped("it needs --deliver-command".to_owned()));
        };
        self.session.wire.note(&format!("   (mail/{}.eml is delivered)", mail.name));
        deliver(&options.account.user, mail.octets).map_err(Stop::Undecided)
    }

    fn each(&mut self, line: usize, list: &str, steps: &[Step]) -> Result<(), Stop> {
        let values = match self.values.value(list) {
            Ok(Value::List(values)) => values.clone(),
            Ok(_) => return wrong(line, &format!("{list} is no list")),
            Err(why) => return wrong(line, &why),
        };
        for value in values {
            self.values.set("each", value);
            self.run(steps)?;
        }
        Ok(())
    }
}

fn is_missing(expected: &Expected, missing: &Missing) -> bool {
    match (expected, missing) {
        (Expected::Eof, Missing::Ended(octets)) | (Expected::Nothing, Missing::Late(octets)) => {
            octets.is_empty()
        }
        _ => false,
    }
}

/// The case itself is wrong: nothing can be said of the server.
fn wrong<T>(line: usize, why: &str) -> Result<T, Stop> {
    Err(Stop::Undecided(format!("line {line} of the case is wrong: {why}")))
}
