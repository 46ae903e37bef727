use alloc::{borrow::Cow, boxed::Box, format, string::ToString, vec::Vec};

use super::{
    CloseReason, Event, Extent, Login, OfferedMechanism, Server, SessionState, is_allowed,
    listing::{Listing, ListingKind},
    machine::Phase,
    text::Text,
};
use crate::{
    encode, grammar,
    grammar::CommandError,
    types::{
        Capability, Command, Expire, Keyword, Language, LanguageTag, Mechanism, MessageNumber, Response,
        ResponseCode, Secret,
    },
};

impl Server {
    pub(super) fn on_command_line<'i>(&mut self, line: &'i [u8]) -> Option<Event<'i>> {
        let command = match grammar::command(line) {
            Ok(command) => command,
            Err(error) => {
                self.user = None;
                self.on_no_command(error, line);
                return None;
            }
        };
        let keyword = command.keyword();
        if !is_allowed(self.state(), keyword) {
            self.user = None;
            self.wrong(Text::WrongState);
            return None;
        }
        if !matches!(keyword, Keyword::Capa | Keyword::Lang | Keyword::Utf8 | Keyword::Pass) {
            self.user = None;
        }
        let errors = self.errors.in_a_row;
        let event = self.on_command(command);
        // Whether a login or a retrieval was a right command shows when the outside has answered.
        let is_open = matches!(event, Some(Event::Login(_) | Event::Retrieve { .. }));
        if !is_open && self.errors.in_a_row == errors {
            self.errors.in_a_row = 0;
        }
        event
    }

    fn on_no_command(&mut self, error: CommandError, line: &[u8]) {
        let in_transaction = self.state() == SessionState::Transaction;
        match error {
            CommandError::NoSuchMessage if in_transaction => self.err(None, Text::NoSuchMessage),
            CommandError::NoSuchMessage => self.wrong(Text::WrongState),
            CommandError::UnknownKeyword => self.wrong(Text::UnknownCommand),
            // What may not be said here is refused before its arguments are looked at.
            CommandError::Arguments { keyword: Keyword::User | Keyword::Pass } if self.needs_tls() => {
                self.wrong(Text::NeedsTls);
            }
            CommandError::Arguments { keyword } if !is_allowed(self.state(), keyword) => {
                self.wrong(Text::WrongState);
            }
            CommandError::Arguments { .. } => self.wrong(Text::BadArguments),
            CommandError::BadBase64 if in_transaction => self.wrong(Text::WrongState),
            CommandError::BadBase64 if self.needs_tls() && self.is_plaintext_auth(line) => {
                self.wrong(Text::NeedsTls);
            }
            CommandError::BadBase64 => self.wrong(Text::BadBase64),
        }
    }

    /// Whether an AUTH line names a mechanism that has to wait for TLS, whatever else it holds.
    fn is_plaintext_auth(&self, line: &[u8]) -> bool {
        let mut words = line.split(|&octet| octet == b' ').filter(|word| !word.is_empty()).skip(1);
        let name = words.next().and_then(|word| core::str::from_utf8(word).ok());
        let mechanism = name.and_then(|name| Mechanism::new(name).ok());
        let is_named = |offered: &&OfferedMechanism| Some(&offered.mechanism) == mechanism.as_ref();
        self.config.mechanisms.iter().find(is_named).is_some_and(|offered| offered.is_plaintext)
    }

    fn on_command<'i>(&mut self, command: Command<'i>) -> Option<Event<'i>> {
        match command {
            Command::User(name) => self.on_user(&name),
            Command::Pass(password) => return self.on_pass(password),
            Command::Apop { name, digest } => return self.on_apop(name, digest),
            Command::Auth { mechanism, initial_response } => {
                return self.on_auth(mechanism, initial_response);
            }
            Command::AuthList => self.list_mechanisms(),
            Command::Capa => self.list_capabilities(),
            Command::Lang(tag) => self.on_lang(tag),
            Command::Utf8 => self.on_utf8(),
            Command::Stls => return self.on_stls(),
            Command::Quit => return Some(self.on_quit()),
            Command::Noop => self.ok(Text::Nothing),
            Command::Stat => self.on_stat(),
            Command::List(number) => self.on_listing(ListingKind::Scan, number),
            Command::Uidl(number) => self.on_listing(ListingKind::UniqueIds, number),
            Command::Dele(number) => self.on_dele(number),
            Command::Rset => self.on_rset(),
            Command::Retr(number) => return self.on_retrieve(number, Extent::Whole),
            Command::Top { number, lines } => return self.on_retrieve(number, Extent::Top { lines }),
        }
        None
    }

    // ---- AUTHORIZATION ----

    /// Whether a readable password would have to wait for TLS.
    fn needs_tls(&self) -> bool {
        !self.connection.is_tls && !self.config.allow_plaintext_without_tls
    }

    fn on_user(&mut self, name: &str) {
        if !self.config.user_pass {
            self.wrong(Text::NotAvailable);
        } else if self.needs_tls() {
            self.wrong(Text::NeedsTls);
        } else if !self.is_text_accepted(name) {
            self.wrong(Text::NotAscii);
        } else {
            // The same whether there is such a user or not. RFC 1939 section 13.
            self.user = Some(Box::from(name));
            self.ok(Text::NameAccepted);
        }
    }

    fn on_pass<'i>(&mut self, password: Secret<Cow<'i, str>>) -> Option<Event<'i>> {
        if self.needs_tls() {
            self.wrong(Text::NeedsTls);
            return None;
        }
        let Some(name) = self.user.take() else {
            self.wrong(Text::NoName);
            return None;
        };
        if !self.is_text_accepted(password.expose()) {
            self.wrong(Text::NotAscii);
            return None;
        }
        self.phase = Phase::LoginOwed { rounds: None };
        Some(Event::Login(Login::Password { name: Cow::Owned(name.into()), password }))
    }

    fn on_apop<'i>(&mut self, name: Cow<'i, str>, digest: [u8; 16]) -> Option<Event<'i>> {
        let Some(timestamp) = self.connection.apop_timestamp.clone() else {
            self.wrong(Text::NotAvailable);
            return None;
        };
        if !self.is_text_accepted(&name) {
            self.wrong(Text::NotAscii);
            return None;
        }
        self.phase = Phase::LoginOwed { rounds: None };
        Some(Event::Login(Login::Apop { name, digest, timestamp }))
    }

    /// RFC 6856 section 2.2: UTF-8 in names and passwords only where `UTF8 USER` is announced.
    fn is_text_accepted(&self, text: &str) -> bool {
        text.is_ascii() || self.config.utf8.is_some_and(|utf8| utf8.user)
    }

    fn on_auth<'i>(
        &mut self,
        mechanism: Mechanism<'i>,
        initial_response: Option<Secret<Cow<'i, [u8]>>>,
    ) -> Option<Event<'i>> {
        let offered = self.config.mechanisms.iter().find(|offered| offered.mechanism == mechanism);
        match offered.map(|offered| offered.is_plaintext) {
            None => self.wrong(Text::NoMechanism),
            Some(true) if self.needs_tls() => self.wrong(Text::NeedsTls),
            Some(_) => {
                self.phase = Phase::LoginOwed { rounds: Some(0) };
                return Some(Event::Login(Login::Sasl { mechanism, initial_response }));
            }
        }
        None
    }

    pub(super) fn on_sasl_line(&mut self, line: &[u8], rounds: u32) -> Option<Event<'static>> {
        self.phase = Phase::Command;
        if line == b"*" {
            self.err(None, Text::ExchangeCancelled);
        } else if rounds > self.config.max_sasl_rounds {
            self.wrong(Text::TooManyErrors);
        } else if let Some(response) = grammar::sasl_response(line) {
            self.phase = Phase::LoginOwed { rounds: Some(rounds) };
            return Some(Event::SaslResponse(response));
        } else {
            self.wrong(Text::BadBase64);
        }
        Some(Event::SaslCancelled)
    }

    fn on_stls<'i>(&mut self) -> Option<Event<'i>> {
        if self.connection.is_tls || !self.config.stls {
            self.wrong(Text::NotAvailable);
            return None;
        }
        if self.is_utf8 {
            self.wrong(Text::NotAfterUtf8);
            return None;
        }
        self.ok(Text::BeginTls);
        self.phase = Phase::TlsOwed;
        Some(Event::StartTls)
    }

    fn on_utf8(&mut self) {
        if self.config.utf8.is_some() {
            self.is_utf8 = true;
            self.ok(Text::Utf8Mode);
        } else {
            self.wrong(Text::NotAvailable);
        }
    }

    fn on_lang(&mut self, tag: Option<LanguageTag<'_>>) {
        if self.config.languages.len() < 2 {
            self.wrong(Text::NotAvailable);
            return;
        }
        let Some(tag) = tag else {
            self.ok(Text::LanguagesFollow);
            for catalogue in &self.config.languages {
                if let Ok(tag) = LanguageTag::new(catalogue.tag) {
                    let description = Cow::Borrowed(catalogue.description);
                    encode::language(&Language { tag, description }, self.out.queue());
                }
            }
            self.out.queue().extend_from_slice(b".\r\n");
            return;
        };
        let is_asked = |known: &str| tag.as_str() == "*" || tag.as_str().eq_ignore_ascii_case(known);
        match self.config.languages.iter().find(|catalogue| is_asked(catalogue.tag)).copied() {
            Some(catalogue) => {
                self.language = catalogue;
                self.ok_with(&format!("{} {}", catalogue.tag, catalogue.description));
            }
            None => self.err(None, Text::NoLanguage),
        }
    }

    // ---- both states ----

    fn on_quit(&mut self) -> Event<'static> {
        let Some(maildrop) = self.maildrop.take() else {
            self.ok(Text::Goodbye);
            self.phase = Phase::Closed;
            return Event::Close(CloseReason::Quit);
        };
        let (deletions, retrieved) = maildrop.into_changes();
        self.phase = Phase::UpdateOwed { is_empty: deletions.is_empty() };
        Event::Update { deletions, retrieved }
    }

    fn list_capabilities(&mut self) {
        self.ok(Text::CapabilitiesFollow);
        for capability in self.capabilities() {
            encode::capability(&capability, self.out.queue());
        }
        self.out.queue().extend_from_slice(b".\r\n");
    }

    fn list_mechanisms(&mut self) {
        self.ok(Text::MechanismsFollow);
        for mechanism in self.usable_mechanisms() {
            let line = Capability::Other(Cow::Owned(mechanism.to_string()));
            encode::capability(&line, self.out.queue());
        }
        self.out.queue().extend_from_slice(b".\r\n");
    }

    fn usable_mechanisms(&self) -> Vec<Mechanism<'static>> {
        let needs_tls = self.needs_tls();
        let usable = self.config.mechanisms.iter().filter(|offered| !(offered.is_plaintext && needs_tls));
        usable.map(|offered| offered.mechanism.clone()).collect()
    }

    /// What CAPA says now. All that is said before login is said after it, too. RFC 2449 section 5.
    #[must_use]
    pub fn capabilities(&self) -> Vec<Capability<'static>> {
        let is_logged_in = self.maildrop.is_some();
        let config = &self.config;
        let mut all = alloc::vec![Capability::Top, Capability::Uidl, Capability::RespCodes];
        all.extend([Capability::AuthRespCode, Capability::Pipelining]);
        if config.user_pass && !self.needs_tls() {
            all.push(Capability::User);
        }
        let mechanisms = self.usable_mechanisms();
        if !mechanisms.is_empty() {
            all.push(Capability::Sasl(mechanisms));
        }
        if config.stls && !self.connection.is_tls && !is_logged_in {
            all.push(Capability::Stls);
        }
        all.extend(config.utf8.map(|utf8| Capability::Utf8 { user: utf8.user }));
        if config.languages.len() > 1 {
            all.push(Capability::Lang);
        }
        all.extend(self.announced_expire().map(Capability::Expire));
        all.extend(self.announced_login_delay());
        if let (true, Some(token)) = (is_logged_in, &config.implementation) {
            all.push(Capability::Implementation(Cow::Owned(token.to_string())));
        }
        all
    }

    fn announced_expire(&self) -> Option<Expire> {
        match self.config.expire {
            // After login the value is this user's own. RFC 2449 section 6.7.
            Some(least @ Expire::PerUser(_)) if self.maildrop.is_some() => {
                Some(match self.expire.unwrap_or(least) {
                    Expire::PerUser(days) => Expire::Days(days),
                    own => own,
                })
            }
            announced => announced,
        }
    }

    fn announced_login_delay(&self) -> Option<Capability<'static>> {
        let largest = self.config.login_delay?;
        let per_user = self.config.login_delay_per_user;
        Some(if per_user && self.maildrop.is_some() {
            Capability::LoginDelay { seconds: self.login_delay.unwrap_or(largest), per_user: false }
        } else {
            Capability::LoginDelay { seconds: largest, per_user }
        })
    }

    // ---- TRANSACTION ----

    fn on_stat(&mut self) {
        if let Some(maildrop) = &self.maildrop {
            encode::drop_listing(maildrop.drop_listing(), self.out.queue());
        }
    }

    fn on_listing(&mut self, kind: ListingKind, number: Option<MessageNumber>) {
        let Some(number) = number else {
            self.ok(Text::MessagesFollow);
            self.listing = Some(Listing { kind, next: Some(MessageNumber::FIRST) });
            self.refill_listing();
            return;
        };
        let Some(maildrop) = &self.maildrop else { return };
        let out = self.out.queue();
        let start = out.len();
        out.extend_from_slice(b"+OK ");
        if !kind.line(maildrop, number, out) {
            out.truncate(start);
            self.err(None, Text::NoSuchMessage);
        }
    }

    fn on_dele(&mut self, number: MessageNumber) {
        match self.maildrop.as_mut().is_some_and(|maildrop| maildrop.mark(number)) {
            true => self.ok(Text::MarkedAsDeleted),
            false => self.err(None, Text::NoSuchMessage),
        }
    }

    fn on_rset(&mut self) {
        if let Some(maildrop) = &mut self.maildrop {
            maildrop.reset();
        }
        self.ok(Text::MarksTakenAway);
    }

    fn on_retrieve<'i>(&mut self, number: MessageNumber, extent: Extent) -> Option<Event<'i>> {
        if self.maildrop.as_ref().is_none_or(|maildrop| maildrop.visible(number).is_none()) {
            self.err(None, Text::NoSuchMessage);
            return None;
        }
        self.phase = Phase::RetrieveOwed { number, extent };
        Some(Event::Retrieve { number, extent })
    }

    // ---- responses ----

    pub(super) fn ok(&mut self, text: Text) {
        self.line(b"+OK ", (self.language.text)(text));
    }

    pub(super) fn ok_with(&mut self, text: &str) {
        encode::response(&Response::ok(text), self.out.queue());
    }

    pub(super) fn err(&mut self, code: Option<ResponseCode<'static>>, text: Text) {
        let text = (self.language.text)(text);
        match code {
            None => self.line(b"-ERR ", text),
            Some(_) => encode::response(&Response::err(code, text), self.out.queue()),
        }
    }

    /// The texts of a catalogue are known to be short and harmless; they go out as they are.
    fn line(&mut self, status: &[u8], text: &str) {
        let out = self.out.queue();
        out.extend_from_slice(status);
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    /// A `-ERR` that counts towards closing.
    pub(super) fn wrong(&mut self, text: Text) {
        self.err(None, text);
        self.errors.in_a_row = self.errors.in_a_row.saturating_add(1);
        self.check_errors();
    }

    pub(super) fn check_errors(&mut self) {
        let most = if self.maildrop.is_some() {
            self.config.max_errors_after_login
        } else {
            self.config.max_errors_before_login
        };
        if self.errors.in_a_row >= most {
            self.close = Some(CloseReason::TooManyErrors);
        }
    }
}
