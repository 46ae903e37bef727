//! What tests want to know of a transcript.

use super::{Entry, MASKED_RESPONSE, Side, Transcript, escaped, is_challenge, without_end};

impl Transcript {
    /// The commands that the client gave, as it gave them, secrets masked; what it said in SASL exchanges is
    /// left out.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        let mut commands = Vec::new();
        // What the client is saying, and the last line of the server, which says what it is.
        let (mut client, mut server): (Vec<u8>, Vec<u8>) = Default::default();
        for entry in &self.entries {
            match entry {
                Entry::Said { by: Side::Server, octets } => {
                    if server.ends_with(b"\n") {
                        server.clear();
                    }
                    server.extend_from_slice(octets);
                }
                Entry::Said { by: Side::Client, octets } => {
                    client.extend_from_slice(octets);
                    if client.ends_with(b"\n") {
                        let line = std::mem::take(&mut client);
                        let line = without_end(&line);
                        if !is_challenge(&server) && line != MASKED_RESPONSE.as_bytes() {
                            commands.push(escaped(line));
                        }
                        server.clear();
                    }
                }
                _ => {}
            }
        }
        commands.extend((!client.is_empty()).then(|| escaped(&client)));
        commands
    }

    /// Whether the client gave this command. A ` *` at the end of it stands for any arguments.
    #[must_use]
    pub fn has_said(&self, command: &str) -> bool {
        self.commands().iter().any(|said| fits(command, said))
    }

    /// The client gave this command. A ` *` at the end of it stands for any arguments.
    ///
    /// # Panics
    ///
    /// If it did not; the panic shows the transcript.
    #[track_caller]
    #[allow(clippy::panic, reason = "an assertion")]
    pub fn assert_said(&self, command: &str) {
        if !self.has_said(command) {
            panic!("the client never said `{command}`; this is what was said:\n{self}");
        }
    }

    /// The client never gave this command. A ` *` at the end of it stands for any arguments.
    ///
    /// # Panics
    ///
    /// If it did; the panic shows the transcript.
    #[track_caller]
    #[allow(clippy::panic, reason = "an assertion")]
    pub fn assert_not_said(&self, command: &str) {
        if self.has_said(command) {
            panic!("the client said `{command}`, and should not; this is what was said:\n{self}");
        }
    }

    /// The client gave these commands in this order, and no others. A ` *` at the end of one stands for any
    /// arguments, as in `PASS *`.
    ///
    /// # Panics
    ///
    /// If it did not; the panic shows where the two lists part, and the transcript.
    #[track_caller]
    #[allow(clippy::panic, reason = "an assertion")]
    pub fn assert_commands<C: AsRef<str>>(&self, expected: impl IntoIterator<Item = C>) {
        let (expected, said): (Vec<C>, _) = (expected.into_iter().collect(), self.commands());
        let is_equal = expected.len() == said.len()
            && expected.iter().zip(&said).all(|(expected, said)| fits(expected.as_ref(), said));
        if !is_equal {
            let difference = difference(&expected, &said);
            panic!("the client did not say what was expected:\n{difference}\nThe transcript:\n{self}");
        }
    }

    /// The server said this line, its line end aside. A ` *` at the end stands for any text.
    ///
    /// # Panics
    ///
    /// If it did not; the panic shows the transcript.
    #[track_caller]
    #[allow(clippy::panic, reason = "an assertion")]
    pub fn assert_answered(&self, line: &str) {
        if !self.lines(Side::Server).iter().any(|said| fits(line, said)) {
            panic!("the server never said `{line}`; this is what was said:\n{self}");
        }
    }
}

/// Keywords are equal in any case; RFC 1939 section 3.
fn fits(pattern: &str, said: &str) -> bool {
    let (keyword, arguments) = said.split_once(' ').unwrap_or((said, ""));
    let (pattern, wanted) = pattern.split_once(' ').unwrap_or((pattern, ""));
    let is_argument = match wanted.strip_suffix('*') {
        Some("") => said.contains(' '),
        Some(start) if start.ends_with(' ') => arguments.starts_with(start),
        _ => arguments == wanted && said.contains(' ') != wanted.is_empty(),
    };
    (pattern == "*" || pattern.eq_ignore_ascii_case(keyword)) && is_argument
}

/// Both lists from where they part, line by line.
fn difference<C: AsRef<str>>(expected: &[C], said: &[String]) -> String {
    let mut text = String::new();
    for index in 0..expected.len().max(said.len()) {
        let wanted = expected.get(index).map(AsRef::as_ref);
        let got = said.get(index).map(String::as_str);
        match (wanted, got) {
            (Some(wanted), Some(got)) if fits(wanted, got) => text.push_str(&format!("    {got}\n")),
            _ => {
                text.extend(wanted.map(|wanted| format!("  - {wanted}\n")));
                text.extend(got.map(|got| format!("  + {got}\n")));
            }
        }
    }
    text.push_str("(- expected, + said)\n");
    text
}
