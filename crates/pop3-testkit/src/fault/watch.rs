use std::sync::Arc;

use super::{Fault, Plan};

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
        let _ = (said, self.session, &self.met, &self.plan);
        Vec::new()
    }
}
