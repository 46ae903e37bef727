//! A transcript file as data.

use std::{fmt, path::Path};

use pop3_proto::server::Rejection;

use super::setup::Setup;

/// Which machine plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
    Both,
}

/// A line on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// With its line end, unless it was written with `~`.
    pub(crate) octets: Vec<u8>,
    /// ` *` stood at its end: whatever the server says there is right.
    pub(crate) is_wild: bool,
    pub(crate) line: usize,
}

/// What happens next.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Lines that the client sends in one segment.
    Client(Vec<Said>),
    /// Lines that the server sends.
    Server(Vec<Said>),
    Directive {
        line: usize,
        directive: Directive,
    },
}

/// What happens outside of the lines, and what has to hold.
#[derive(Debug, Clone)]
pub(crate) enum Directive {
    Tls,
    Wait(u64),
    ClientEof,
    ServerEof,
    Shutdown,
    Reject(Rejection),
    Challenge(Vec<u8>),
    StoreRefuses(Option<String>),
    StoreFailsAfter(usize),
    UpdateFails,
    Close(String),
    Fails(String),
    State(String),
    Removed(Vec<u32>),
    Usage { error: String, command: Vec<u8> },
}

impl Directive {
    /// Whether it says what the outside will answer, and nothing about now.
    pub(crate) const fn is_plan(&self) -> bool {
        matches!(
            self,
            Self::Reject(_)
                | Self::Challenge(_)
                | Self::StoreRefuses(_)
                | Self::StoreFailsAfter(_)
                | Self::UpdateFails
        )
    }
}

/// One transcript.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) role: Role,
    pub(crate) setup: Setup,
    pub(crate) steps: Vec<Step>,
    /// What the client machine has to report, in order; nothing is compared where none is given.
    pub(crate) events: Vec<String>,
    /// What the server machine has to ask, in order; nothing is compared where none is given, and
    /// `nothing` is a list of none.
    pub(crate) questions: Vec<String>,
}

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct Wrong(pub(crate) String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn wrong<T>(line: usize, what: impl fmt::Display) -> Result<T, Wrong> {
    Err(Wrong(format!("line {line}: {what}")))
}

impl Script {
    pub(crate) fn read(path: &Path) -> Result<Self, Wrong> {
        let text = std::fs::read_to_string(path).map_err(|error| Wrong(error.to_string()))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, Wrong> {
        let mut this = Self {
            role: Role::Both,
            setup: Setup::default(),
            steps: Vec::new(),
            events: Vec::new(),
            questions: Vec::new(),
        };
        for (index, text) in text.lines().enumerate() {
            this.line(index + 1, text)?;
        }
        if !text.contains("# Conformance: ") {
            return wrong(1, "a transcript has to cite what it checks: `# Conformance: ...`");
        }
        Ok(this)
    }

    fn line(&mut self, line: usize, text: &str) -> Result<(), Wrong> {
        let (mark, rest) = text.split_at_checked(2).unwrap_or((text, ""));
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        match mark {
            "C:" => self.say(line, true, rest, true),
            "C~" => self.say(line, true, rest, false),
            "S:" => self.say(line, false, rest, true),
            "S~" => self.say(line, false, rest, false),
            "E:" => self.events.push(rest.to_owned()),
            "Q:" => self.questions.push(rest.to_owned()),
            "| " | "|" => self.setup.content(&unescaped(rest_of(text, 2)), true),
            "|~" => self.setup.content(&unescaped(rest), false),
            _ if text.is_empty() || text.starts_with('#') => {}
            _ => match text.strip_prefix('@') {
                Some(directive) => self.directive(line, directive)?,
                None => return wrong(line, "is neither C:, S:, E:, Q:, |, # nor @"),
            },
        }
        Ok(())
    }

    fn say(&mut self, line: usize, is_client: bool, text: &str, has_end: bool) {
        let (text, is_wild) = match text.strip_suffix('*') {
            Some(text) if !is_client && (text.is_empty() || text.ends_with(' ')) => (text, true),
            _ => (text, false),
        };
        let mut octets = unescaped(text);
        if has_end && !is_wild {
            octets.extend_from_slice(b"\r\n");
        }
        let said = Said { octets, is_wild, line };
        match self.steps.last_mut() {
            Some(Step::Client(run)) if is_client => run.push(said),
            Some(Step::Server(run)) if !is_client => run.push(said),
            _ if is_client => self.steps.push(Step::Client(vec![said])),
            _ => self.steps.push(Step::Server(vec![said])),
        }
    }

    fn directive(&mut self, line: usize, text: &str) -> Result<(), Wrong> {
        let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
        let directive = match name {
            "role" => {
                self.role = match rest {
                    "client" => Role::Client,
                    "server" => Role::Server,
                    "both" => Role::Both,
                    _ => return wrong(line, "a role is client, server or both"),
                };
                return Ok(());
            }
            "login" => {
                let (user, password) = rest.split_once(' ').unwrap_or(("mrose", "secret"));
                self.setup.users.push((user.to_owned(), password.to_owned()));
                self.setup.policy.allow_plaintext_without_tls |= !self.setup.is_implicit_tls;
                for (is_client, text) in [
                    (false, "+OK *".to_owned()),
                    (true, format!("USER {user}")),
                    (false, "+OK *".to_owned()),
                    (true, format!("PASS {password}")),
                    (false, "+OK *".to_owned()),
                ] {
                    self.say(line, is_client, &text, true);
                }
                return Ok(());
            }
            "tls" => Directive::Tls,
            "wait" => Directive::Wait(seconds(rest).ok_or(Wrong(format!("line {line}: no time: {rest}")))?),
            "client-eof" => Directive::ClientEof,
            "server-eof" => Directive::ServerEof,
            "shutdown" => Directive::Shutdown,
            "reject" => Directive::Reject(rejection(rest).ok_or(Wrong(format!("line {line}: {rest}")))?),
            "challenge" => Directive::Challenge(unescaped(rest)),
            "store-refuses" => Directive::StoreRefuses((!rest.is_empty()).then(|| rest.to_owned())),
            "store-fails-after" => Directive::StoreFailsAfter(rest.parse().unwrap_or(0)),
            "update-fails" => Directive::UpdateFails,
            "close" => Directive::Close(rest.to_owned()),
            "fails" => Directive::Fails(rest.to_owned()),
            "state" => Directive::State(rest.to_owned()),
            "removed" => {
                Directive::Removed(rest.split(' ').filter_map(|number| number.parse().ok()).collect())
            }
            "usage" => {
                let (error, command) = rest.split_once(' ').unwrap_or((rest, ""));
                Directive::Usage { error: error.to_owned(), command: unescaped(command) }
            }
            _ => return self.setup.directive(name, rest).or_else(|what| wrong(line, what)),
        };
        self.steps.push(Step::Directive { line, directive });
        Ok(())
    }
}

fn rest_of(text: &str, from: usize) -> &str {
    text.get(from..).unwrap_or_default()
}

fn seconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = number.parse().ok()?;
    match unit {
        "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3600),
        _ => None,
    }
}

fn rejection(name: &str) -> Option<Rejection> {
    Some(match name {
        "bad-credentials" => Rejection::BadCredentials,
        "in-use" => Rejection::InUse,
        "login-delay" => Rejection::LoginDelay,
        "permanent" => Rejection::Permanent,
        "temporary" => Rejection::Temporary,
        "unsupported-mechanism" => Rejection::UnsupportedMechanism,
        _ => return None,
    })
}

/// `\xNN`, `\r`, `\n`, `\t`, `\0`, `\\`, and `\{N}`: the octet before it, N times in all.
pub(crate) fn unescaped(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        octets.extend_from_slice(before.as_bytes());
        let length = unescape(after, &mut octets);
        rest = after.get(length..).unwrap_or_default();
    }
    octets.extend_from_slice(rest.as_bytes());
    octets
}

/// Appends what stands behind a backslash, and says how long that was.
fn unescape(after: &str, octets: &mut Vec<u8>) -> usize {
    if let Some(octet) = after.strip_prefix('x').and_then(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok()) {
        octets.push(octet);
        return 3;
    }
    if let Some((count, _)) = after.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        let octet = octets.last().copied().unwrap_or(b' ');
        let more = count.parse::<usize>().unwrap_or(1).saturating_sub(1);
        octets.extend(std::iter::repeat_n(octet, more));
        return count.len() + 2;
    }
    octets.push(match after.as_bytes().first() {
        Some(b'r') => b'\r',
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'0') => 0,
        Some(b'\\') => b'\\',
        _ => {
            octets.push(b'\\');
            return 0;
        }
    });
    1
}
