//! Faults on demand: what goes wrong, in which session, at which command, at which time.
//!
//! A [`Plan`] is a list of [`Rule`]s. A rule has a text form, which the program, the profiles and the
//! scenarios use; [`Rule`] parses it and prints it again:
//!
//! ```text
//! [session RANGE] POINT [#RANGE]: FAULT
//!
//! RETR: reset after 100              every RETR: the connection is reset after 100 octets of the answer
//! RETR 2: answer -ERR not now        message 2 cannot be read
//! session 1 QUIT: close              the first session's QUIT is not carried out; the connection closes
//! session 1 QUIT: close after 0      it is carried out, and the connection closes without an answer
//! CAPA#1: hang                       the first CAPA of every session is never answered
//! session 2.. UIDL: unique-ids changed
//! ```
//!
//! - A RANGE is `3`, `2..4` (both included) or `2..`. Sessions are counted in the order in which they were
//!   accepted, `#` counts how often the point was met in one session; both from 1.
//! - A POINT is `greeting`, `tls` (the handshake), `sasl` (a response to a challenge), a command in upper
//!   case, alone or with the first words of its arguments, or `*` for the greeting, every command and every
//!   response.
//! - The FAULTs stand with [`Fault`]. A TEXT is the rest of the rule, with the escapes `\r`, `\n`, `\t`, `\0`,
//!   `\\`, `\xNN`, and `\{N}`, which makes N of the octet before it; spaces at its ends are written `\x20`.
//!   A TIME is `500ms`, `2s` or `1m`.
//!
//! Several rules may meet at one point. Faults that put something in place of carrying out the command go
//! first, and among them the first of the plan; the others apply one after the other, in the order of the
//! plan, to whatever is the answer then; what happens on its way comes last, at the octet where it is due.
//!
//! A rule for what no client ever says, as `RTER: reset`, is no mistake that could be found here: ask
//! [`TestServer::unmet_faults`](crate::TestServer::unmet_faults) at the end of a test, or
//! [`Point::is_of_pop3`] before.
//!
//! # What goes wrong in the field, as rules
//!
//! | what | rules |
//! |---|---|
//! | the connection is reset, closed, or half-closed, after N octets | `RETR: reset after 100`, `RETR: close after 100`, `RETR: half-close after 100` |
//! | the answer arrives in pieces | `RETR: split at 1,7`, `*: split every 1`, `RETR: split every 100 pause 20ms` |
//! | it stands still for a time, or for good | `RETR: stall after 100 for 2s`, `RETR: stall after 100` |
//! | wrong sizes in STAT and LIST | `STAT: sizes +7`, `LIST: sizes *2`, `LIST: sizes =-1`, `*: sizes -7` |
//! | no byte-stuffing | `RETR: unstuffed` |
//! | a message cut short, but properly ended | `RETR: cut to 100` |
//! | no termination line; a wrong one | `RETR: no-terminator`, `RETR: terminator .\r`, `RETR: no-last-crlf` |
//! | lines end in LF alone | `RETR: bare-lf`, `*: bare-lf` |
//! | one message cannot be read | `RETR 2: answer -ERR cannot read this message` |
//! | unique-ids: duplicate, changed, missing, oversized | `UIDL: unique-ids duplicate`, `session 2.. UIDL: unique-ids changed`, `UIDL: unique-ids missing`, `UIDL: without 2`, `UIDL: unique-ids long 200` |
//! | no unique-ids at all | `UIDL: answer -ERR unknown command` |
//! | `+OK` before every line of UIDL; several spaces; one at the end; no number | `UIDL: ok-before-lines`, `UIDL: separator \x20\x20\x20`, `UIDL: trailing \x20`, `UIDL: no-number` |
//! | TOP sends all, or answers twice | `TOP: whole`, `TOP: twice` |
//! | no CAPA, `-ERR`, hang or close on it | `CAPA: answer -ERR unknown command`, `CAPA: hang`, `CAPA: close` |
//! | octets right after the `+OK` of STLS | `STLS: append +OK injected\r\n` |
//! | STLS refused; not announced; announced and broken | `STLS: answer -ERR not now`, `CAPA: without STLS`, `tls: close`, `tls: prepend x`, `tls: stall after 0 for 2s` |
//! | the maildrop is in use, for the first session only | `session 1 PASS: answer -ERR [IN-USE] locked`, and the same at `AUTH` and `sasl` |
//! | too many logins | `PASS: answer -ERR [LOGIN-DELAY] wait` |
//! | the server is out of order, for now or for good | `PASS: answer -ERR [SYS/TEMP] later`, `PASS: answer -ERR [SYS/PERM] never` |
//! | the credentials are refused | `PASS: answer -ERR [AUTH] no` |
//! | a lock that is told in prose alone | `PASS: answer -ERR maildrop is locked, try again later` |
//! | the server does not serve | `greeting: answer -ERR too busy` |
//! | QUIT is never answered | `QUIT: stall after 0`, or without its effect `QUIT: hang` |
//! | QUIT says `-ERR` and removes, or does not | `QUIT: say -ERR sorry`, `QUIT: answer -ERR sorry` |
//! | QUIT says `+OK` and removes nothing | `QUIT: remove-nothing` |
//! | RETR deletes | `RETR: delete` |
//! | no end of a line, a listing, a message | `greeting: endless line`, `LIST: endless listing`, `RETR: endless message` |

mod act;
mod answer;
mod deliver;
mod kind;
mod listing;
mod octets;
mod parse;
mod print;
mod rule;
mod shape;
mod watch;
mod words;

use std::str::FromStr;

pub(crate) use act::{Act, Instead};
pub use kind::{Endless, Fault, Sizes, UniqueIds};
pub use rule::{At, Point, Range, Rule};
pub(crate) use shape::{instead, shape};
pub(crate) use watch::{Said, Watch, Watched};
pub use words::InvalidRule;

/// What goes wrong on a server: nothing, unless rules say so. Its text form has one rule on each line; lines
/// that begin with `#` are comments.
///
/// ```
/// use pop3_testkit::fault::{Fault, Plan, Point, Rule};
///
/// let plan = Plan::new()
///     .rule("RETR#2: reset after 100".parse()?)
///     .rule(Rule::at(Point::command("QUIT")).fault(Fault::Close).in_session(1));
/// assert_eq!(plan.rules()[1].to_string(), "session 1 QUIT: close");
/// assert_eq!("RETR#2: reset after 100\nsession 1 QUIT: close".parse(), Ok(plan));
/// # Ok::<(), pop3_testkit::fault::InvalidRule>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    rules: Vec<Rule>,
}

impl Plan {
    /// Nothing goes wrong.
    #[must_use]
    pub const fn new() -> Self {
        Self { rules: Vec::new() }
    }

    /// Adds a rule behind the others.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds a rule behind the others.
    pub fn push(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    /// The rules, in their order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl FromStr for Plan {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let rules = text.lines().map(str::trim).filter(|rule| !rule.is_empty() && !rule.starts_with('#'));
        rules.map(str::parse).collect()
    }
}

impl Extend<Rule> for Plan {
    fn extend<I: IntoIterator<Item = Rule>>(&mut self, rules: I) {
        self.rules.extend(rules);
    }
}

impl FromIterator<Rule> for Plan {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Self {
        Self { rules: rules.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests;
