use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use pop3_proto::types::Keyword;

use super::{Fault, Plan, Point, Rule};

/// Keywords that only older RFCs know: 937, 1081, 1082 and 1225.
const RETIRED: [&str; 3] = ["LAST", "RPOP", "XTND"];

/// A plan, and which of its rules were met by now, in whichever session.
#[derive(Debug)]
pub(crate) struct Watched {
    plan: Plan,
    is_met: Box<[AtomicBool]>,
}

impl Watched {
    pub(crate) fn new(plan: Plan) -> Self {
        let is_met = plan.rules.iter().map(|_| AtomicBool::new(false)).collect();
        Self { plan, is_met }
    }

    /// The rules that were not met, in the order of the plan.
    pub(crate) fn unmet(&self) -> Vec<Rule> {
        let all = self.plan.rules.iter().zip(&self.is_met);
        all.filter(|(_, is_met)| !is_met.load(Ordering::Acquire)).map(|(rule, _)| rule.clone()).collect()
    }
}

/// What the client said, as a plan sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said<'a> {
    /// Nothing yet: the greeting.
    Greeting,
    Tls,
    Sasl,
    Command {
        /// In upper case.
        keyword: &'a str,
        /// The rest of the line, without the space before it.
        arguments: &'a str,
    },
}

/// Counts what is met in one session.
#[derive(Debug)]
pub(crate) struct Watch {
    plan: Arc<Watched>,
    session: u32,
    /// For each rule, how often its point was met.
    met: Vec<u32>,
}

impl Watch {
    /// `session` is counted from 1.
    pub(crate) fn new(plan: Arc<Watched>, session: u32) -> Self {
        let met = vec![0; plan.is_met.len()];
        Self { plan, session, met }
    }

    /// The faults of this moment, in the order of the plan. Call it once for everything that is said.
    pub(crate) fn meet(&mut self, said: Said<'_>) -> Vec<Fault> {
        let mut faults = Vec::new();
        let rules = self.plan.plan.rules.iter().zip(&self.plan.is_met);
        for ((rule, is_met), met) in rules.zip(&mut self.met) {
            if !rule.sessions.contains(self.session) || !rule.point.is_met(said) {
                continue;
            }
            *met = met.saturating_add(1);
            if rule.occurrences.contains(*met) {
                is_met.store(true, Ordering::Release);
                faults.push(rule.fault.clone());
            }
        }
        faults
    }
}

impl Point {
    /// Whether clients can be expected there: false for a command that no RFC about POP3 has, as `RTER`. Such
    /// a rule is fine all the same, since a client may say anything.
    #[must_use]
    pub fn is_of_pop3(&self) -> bool {
        match self {
            Self::Command { keyword, .. } => {
                Keyword::from_octets(keyword.as_bytes()).is_some() || RETIRED.contains(&&**keyword)
            }
            _ => true,
        }
    }

    fn is_met(&self, said: Said<'_>) -> bool {
        match (self, said) {
            (Self::Any, said) => said != Said::Tls,
            (Self::Greeting, Said::Greeting) | (Self::Tls, Said::Tls) | (Self::Sasl, Said::Sasl) => true,
            (Self::Command { keyword, argument }, Said::Command { keyword: said, arguments }) => {
                **keyword == *said
                    && argument
                        .as_deref()
                        .is_none_or(|argument| begins_with(arguments.as_bytes(), argument.as_bytes()))
            }
            _ => false,
        }
    }
}

/// Whether a line begins with these words, in any case.
pub(super) fn begins_with(line: &[u8], words: &[u8]) -> bool {
    let Some((start, rest)) = line.split_at_checked(words.len()) else { return false };
    start.eq_ignore_ascii_case(words) && rest.first().is_none_or(|octet| *octet == b' ')
}
