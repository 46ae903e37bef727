use std::sync::Arc;

use super::{Fault, Plan, Point};

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
    plan: Arc<Plan>,
    session: u32,
    /// For each rule, how often its point was met.
    met: Vec<u32>,
}

impl Watch {
    /// `session` is counted from 1.
    pub(crate) fn new(plan: Arc<Plan>, session: u32) -> Self {
        let met = vec![0; plan.rules.len()];
        Self { plan, session, met }
    }

    /// The faults of this moment, in the order of the plan. Call it once for everything that is said.
    pub(crate) fn meet(&mut self, said: Said<'_>) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (rule, met) in self.plan.rules.iter().zip(&mut self.met) {
            if !rule.sessions.contains(self.session) || !rule.point.is_met(said) {
                continue;
            }
            *met = met.saturating_add(1);
            if rule.occurrences.contains(*met) {
                faults.push(rule.fault.clone());
            }
        }
        faults
    }
}

impl Point {
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
