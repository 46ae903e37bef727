//! What is known of the server under test: capabilities, and which known mail is there.

use std::collections::{BTreeMap, BTreeSet};

use pop3_sasl::Mechanism;

use super::{
    case::{Mode, State},
    mail::{KnownMail, marker_in},
    session::{Session, Target, Unready, Way},
    text::shown,
};

/// Messages that are looked at, from the last on, to find mail of ours.
const LOOKED_AT: usize = 300;

/// What is known of the server.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) greeting: Vec<u8>,
    /// The lines of CAPA before login, and under TLS where there is TLS; `None` without CAPA.
    pub(super) capabilities: Option<Vec<String>>,
    /// The same before any TLS.
    pub(super) clear: Option<Vec<String>>,
    /// The same after login.
    pub(super) transaction: Option<Vec<String>>,
    has_uidl: bool,
    has_top: bool,
    /// Unique-ids whose messages were looked at, with the name of the known message.
    seen: BTreeMap<Vec<u8>, Option<&'static str>>,
    /// Which known mail is there, as of the last look.
    pub(super) mail: BTreeSet<&'static str>,
    /// How many messages there are, as of the last look.
    pub(super) count: u64,
}

/// Where the known mail of one session stands.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Message-number and size of each.
    pub(super) of: BTreeMap<&'static str, (u64, u64)>,
    pub(super) own: BTreeSet<u64>,
    pub(super) count: u64,
}

/// Which messages are looked at again, although their unique-ids are known.
#[derive(Debug, Clone, Copy)]
pub(super) enum Certain<'n> {
    Nothing,
    These(&'n [&'static KnownMail]),
    All,
}

impl Certain<'_> {
    fn has(self, name: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::These(mail) => mail.iter().any(|mail| mail.name == name),
            Self::All => true,
        }
    }
}

impl Facts {
    /// Finds out, and how to log in.
    ///
    /// # Errors
    ///
    /// [`Unready`] when there is no way in.
    pub(super) fn find(target: &mut Target<'_>) -> Result<Self, Unready> {
        let timeout = target.options.timeout;
        let mut facts = Self::default();
        if target.options.mode != Mode::Tls {
            let mut session = target.open(State::Clear)?;
            facts.clear = session.ask_for_lines("CAPA", timeout)?.map(as_text);
            session.quit(timeout);
        }
        let mut session = target.open(State::Authorization)?;
        facts.greeting.clone_from(&session.greeting);
        facts.capabilities = session.ask_for_lines("CAPA", timeout)?.map(as_text);
        target.way = facts.way();
        target.log_in(&mut session).map_err(|mut unready| {
            let user = &target.options.account.user;
            unready.why = format!("cannot log in as {user}: {}; check --user and --password", unready.why);
            unready
        })?;
        facts.transaction = session.ask_for_lines("CAPA", timeout)?.map(as_text);
        facts.has_uidl = session.ask_for_lines("UIDL", timeout)?.is_some();
        facts.look_at(&mut session, target)?;
        session.quit(timeout);
        Ok(facts)
    }

    /// USER where it is announced or nothing is; else the first of these mechanisms.
    fn way(&self) -> Way {
        let preferred = [
            Mechanism::Plain,
            Mechanism::ScramSha256,
            Mechanism::ScramSha1,
            Mechanism::CramMd5,
            Mechanism::Login,
        ];
        let is_usable = |mechanism: &Mechanism| self.has(&format!("SASL {}", mechanism.name()));
        if self.capabilities.is_none() || self.has("USER") {
            return Way::UserPass;
        }
        preferred.into_iter().find(is_usable).map_or(Way::UserPass, Way::Sasl)
    }

    /// Whether a capability is there before login: announced, or found by use where nothing is announced.
    pub(super) fn has(&self, capability: &str) -> bool {
        match (&self.capabilities, capability) {
            (capabilities, "CAPA") => capabilities.is_some(),
            (_, "UIDL") => self.has_uidl,
            (_, "TOP") if self.has_top => true,
            (None, "USER" | "TOP") => true,
            (Some(lines), _) => announces(lines, capability),
            (None, _) => false,
        }
    }

    /// The same before any TLS.
    pub(super) fn has_clear(&self, capability: &str) -> bool {
        self.clear.as_ref().is_some_and(|lines| capability == "CAPA" || announces(lines, capability))
    }

    /// Looks again at which known mail is there.
    pub(super) fn look_again(&mut self, target: &Target<'_>) -> Result<(), Unready> {
        let mut session = target.open(State::Transaction)?;
        self.look_at(&mut session, target)?;
        session.quit(target.options.timeout);
        Ok(())
    }

    fn look_at(&mut self, session: &mut Session, target: &Target<'_>) -> Result<(), Unready> {
        let numbers = self.numbers(session, target, Certain::Nothing)?;
        self.mail = numbers.of.keys().copied().collect();
        self.count = numbers.count;
        Ok(())
    }

    /// Where known mail stands in this session. Messages that are to be certain are looked at in this very
    /// session, whatever their unique-ids say: they are about to be removed. The others are not `own` then.
    pub(super) fn numbers(
        &mut self,
        session: &mut Session,
        target: &Target<'_>,
        certain: Certain<'_>,
    ) -> Result<Numbers, Unready> {
        let from = session.wire.said().len();
        let numbers = self.found_numbers(session, target, certain)?;
        session.wire.shorten(from, "   (the mail of this run is looked for)");
        Ok(numbers)
    }

    fn found_numbers(
        &mut self,
        session: &mut Session,
        target: &Target<'_>,
        certain: Certain<'_>,
    ) -> Result<Numbers, Unready> {
        let timeout = target.options.timeout;
        let sizes = pairs(session.ask_for_lines("LIST", timeout)?.unwrap_or_default());
        let unique_ids = if self.has_uidl { session.ask_for_lines("UIDL", timeout)? } else { None };
        let unique_ids: BTreeMap<u64, Vec<u8>> = pairs(unique_ids.unwrap_or_default()).into_iter().collect();
        let mut numbers = Numbers { count: sizes.len() as u64, ..Numbers::default() };
        for (number, size) in sizes.into_iter().rev().take(LOOKED_AT) {
            let unique_id = unique_ids.get(&number);
            // A unique-id that several messages have says nothing of any of them.
            let is_unique = unique_ids.values().filter(|other| Some(*other) == unique_id).count() == 1;
            let known = unique_id.filter(|_| is_unique).and_then(|id| self.seen.get(id)).copied();
            let found = match known {
                // What was never ours is left alone; what was is looked at where it matters.
                Some(None) => None,
                Some(Some(name)) if !certain.has(name) => Some(name),
                _ => self.name_of(session, target, number)?,
            };
            let found = match found {
                Some(name) if certain.has(name) && target.options.writable => {
                    self.is_of_that_name(session, target, number, name)?.then_some(name)
                }
                found => found,
            };
            let was_looked_at = known != Some(found) || found.is_some_and(|name| certain.has(name));
            if let Some(unique_id) = unique_id {
                self.seen.insert(unique_id.clone(), found);
            }
            if let Some(name) = found {
                let size = std::str::from_utf8(&size).ok().and_then(|size| size.parse().ok()).unwrap_or(0);
                // The first in the maildrop, should there be several.
                numbers.of.insert(name, (number, size));
                if was_looked_at {
                    numbers.own.insert(number);
                }
            }
        }
        Ok(numbers)
    }

    /// Whether a message that may be removed is what TOP shows of it: a server may count in two ways, and what
    /// RETR gives is the message.
    fn is_of_that_name(
        &self,
        session: &mut Session,
        target: &Target<'_>,
        number: u64,
        name: &str,
    ) -> Result<bool, Unready> {
        let lines = session.ask_for_lines(&format!("RETR {number}"), target.options.timeout)?;
        Ok(lines.and_then(|lines| marker_of(&lines)) == Some(name))
    }

    /// The name of a known message, by its marker.
    fn name_of(
        &mut self,
        session: &mut Session,
        target: &Target<'_>,
        number: u64,
    ) -> Result<Option<&'static str>, Unready> {
        let timeout = target.options.timeout;
        if let Some(lines) = session.ask_for_lines(&format!("TOP {number} 0"), timeout)? {
            self.has_top = true;
            return Ok(marker_of(&lines));
        }
        // Without TOP the whole message has to be read, which a server may note; only with leave.
        if !target.options.writable || self.has_top {
            return Ok(None);
        }
        let lines = session.ask_for_lines(&format!("RETR {number}"), timeout)?;
        Ok(lines.and_then(|lines| marker_of(&lines)))
    }
}

fn marker_of(lines: &[Vec<u8>]) -> Option<&'static str> {
    let mut head = Vec::new();
    for line in lines {
        head.extend_from_slice(line);
        head.extend_from_slice(b"\r\n");
    }
    marker_in(&head).map(|mail| mail.name)
}

/// In printable characters only, as it goes to a terminal.
fn as_text(lines: Vec<Vec<u8>>) -> Vec<String> {
    lines.iter().map(|line| shown(line)).collect()
}

/// Whether a list of capabilities has a tag, and every one of the parameters. RFC 2449 section 5: in any case.
fn announces(lines: &[String], capability: &str) -> bool {
    let wanted: Vec<String> = capability.split(' ').map(str::to_ascii_uppercase).collect();
    lines.iter().any(|line| {
        let words: Vec<String> = line.split(' ').map(str::to_ascii_uppercase).collect();
        words.first() == wanted.first() && wanted.iter().all(|word| words.contains(word))
    })
}

/// Number and value of each line of a listing; lines of another kind are left out.
fn pairs(lines: Vec<Vec<u8>>) -> Vec<(u64, Vec<u8>)> {
    let pair = |line: &Vec<u8>| {
        let at = line.iter().position(|octet| *octet == b' ')?;
        let (number, value) = line.split_at(at);
        Some((std::str::from_utf8(number).ok()?.parse().ok()?, value.trim_ascii().to_vec()))
    };
    lines.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(lines: &[&str]) -> Facts {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        Facts { capabilities: Some(lines), ..Facts::default() }
    }

    #[test]
    fn capabilities_are_found_with_their_parameters() {
        let facts = facts(&["TOP", "sasl PLAIN SCRAM-SHA-256", "EXPIRE NEVER"]);
        for present in ["TOP", "SASL", "SASL plain", "SASL SCRAM-SHA-256", "CAPA", "EXPIRE NEVER"] {
            assert!(facts.has(present), "{present}");
        }
        for absent in ["SASL LOGIN", "PLAIN", "USER", "UIDL", "EXPIRE 0"] {
            assert!(!facts.has(absent), "{absent}");
        }
        assert_eq!(facts.way(), Way::Sasl(Mechanism::Plain));
        assert_eq!(Facts::default().way(), Way::UserPass);
    }

    #[test]
    fn listings_are_pairs() {
        let lines = vec![b"1 120".to_vec(), b"nonsense".to_vec(), b"3 a b".to_vec()];
        assert_eq!(pairs(lines), [(1, b"120".to_vec()), (3, b"a b".to_vec())]);
    }
}
