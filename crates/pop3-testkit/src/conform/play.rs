//! Plays one case.

mod actions;

use std::{collections::BTreeMap, time::Duration};

use pop3_sasl::Client;

use super::{
    case::{Case, Expected, State, Step},
    facts::{Certain, Facts},
    session::{Session, Target, Unready},
    values::{Value, Values},
};

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Pass,
    Fail(Difference),
    NotApplicable(String),
    Skipped(String),
    /// The case could not be played to where it decides anything.
    Undecided(String),
}

/// What was wanted and what came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The line of the case.
    pub line: usize,
    /// What should have come, as the case writes it.
    pub expected: String,
    /// What came instead.
    pub received: String,
}

/// Why a case goes no further.
pub(super) enum Stop {
    /// It has come to an end that it allows.
    Done,
    Fail(Difference),
    NotApplicable(String),
    Skipped(String),
    Undecided(String),
}

/// The name of the session that a case begins with.
const FIRST: &str = "first";

pub(super) struct Play<'p, 'o> {
    case: &'p Case,
    target: &'p Target<'o>,
    facts: &'p mut Facts,
    /// Those that are not spoken on now.
    sessions: BTreeMap<String, Session>,
    name: String,
    session: Session,
    values: Values,
    sasl: Option<Sasl>,
    within: Duration,
    /// What was said in sessions that are gone.
    said: Vec<String>,
}

/// A SASL exchange that goes on.
struct Sasl {
    client: Client,
    has_begun: bool,
}

/// Plays a case; the second value is what was said.
pub(super) fn play(case: &Case, target: &Target<'_>, facts: &mut Facts) -> (Outcome, Vec<String>) {
    let mut play = match Play::begin(case, target, facts) {
        Ok(play) => play,
        Err((stop, said)) => return (outcome(Err(stop)), said),
    };
    let result = play.run(&case.steps);
    let said = play.finish();
    (outcome(result), said)
}

fn outcome(result: Result<(), Stop>) -> Outcome {
    match result {
        Ok(()) | Err(Stop::Done) => Outcome::Pass,
        Err(Stop::Fail(difference)) => Outcome::Fail(difference),
        Err(Stop::NotApplicable(why)) => Outcome::NotApplicable(why),
        Err(Stop::Skipped(why)) => Outcome::Skipped(why),
        Err(Stop::Undecided(why)) => Outcome::Undecided(why),
    }
}

impl<'p, 'o> Play<'p, 'o> {
    fn begin(
        case: &'p Case,
        target: &'p Target<'o>,
        facts: &'p mut Facts,
    ) -> Result<Self, (Stop, Vec<String>)> {
        let undecided = |unready: Unready| (Stop::Undecided(unready.why), unready.said);
        let session = target.open(case.start).map_err(undecided)?;
        let mut values = Values::default();
        values.set("greeting", Value::Text(session.greeting.clone()));
        let mut play = Self {
            case,
            target,
            facts,
            sessions: BTreeMap::new(),
            name: FIRST.to_owned(),
            session,
            values,
            sasl: None,
            within: target.options.timeout,
            said: Vec::new(),
        };
        if case.start == State::Transaction
            && let Err(stop) = play.find_mail()
        {
            let said = play.finish();
            return Err((stop, said));
        }
        Ok(play)
    }

    fn run(&mut self, steps: &[Step]) -> Result<(), Stop> {
        steps.iter().try_for_each(|step| self.step(step))
    }

    /// Ends all sessions in order, and gives back what was said.
    fn finish(mut self) -> Vec<String> {
        let timeout = self.target.options.timeout;
        let name = std::mem::take(&mut self.name);
        self.sessions.insert(name, self.session);
        let is_one = self.sessions.len() == 1 && self.said.is_empty();
        let mut said = self.said;
        for (name, mut session) in self.sessions {
            session.quit(timeout);
            if !is_one {
                said.push(format!("   -- session {name}"));
            }
            said.extend(session.wire.said().iter().cloned());
        }
        said
    }

    /// Where the mail that the case speaks of stands in this session: `{one.number}`, `{one.size}`.
    fn find_mail(&mut self) -> Result<(), Stop> {
        let needs = &self.case.needs;
        if needs.mail.is_empty() && !needs.no_other_mail && !needs.writable {
            return Ok(());
        }
        let certain = match (needs.no_other_mail, needs.writable) {
            (true, _) => Certain::All,
            (_, true) => Certain::These(&needs.mail),
            _ => Certain::Nothing,
        };
        let numbers = self.facts.numbers(&mut self.session, self.target, certain);
        let numbers = numbers.map_err(|unready| Stop::Undecided(unready.why))?;
        for mail in &needs.mail {
            // After a removal it is right that a message is not there, and what it was before is no more.
            self.values.remove(&format!("{}.number", mail.name));
            self.values.remove(&format!("{}.size", mail.name));
            let Some((number, size)) = numbers.of.get(mail.name) else { continue };
            self.values.set(&format!("{}.number", mail.name), Value::Number(u128::from(*number)));
            self.values.set(&format!("{}.size", mail.name), Value::Number(u128::from(*size)));
        }
        self.values.set("maildrop.count", Value::Number(u128::from(numbers.count)));
        let present: Vec<Value> =
            numbers.of.keys().map(|name| Value::Text(name.as_bytes().to_vec())).collect();
        self.values.set("maildrop.known", Value::List(present));
        self.session.guard.set_mail(numbers.count, numbers.own);
        if needs.no_other_mail && !self.session.guard.is_all_ours() {
            return Err(Stop::Skipped("the maildrop holds mail that is not of this run".to_owned()));
        }
        Ok(())
    }

    fn fail<T>(&self, line: usize, expected: &str, received: String) -> Result<T, Stop> {
        Err(Stop::Fail(Difference { line, expected: expected.to_owned(), received }))
    }
}

/// What was wanted, for people.
fn wanted(alternatives: &[Expected]) -> String {
    let texts: Vec<&str> = alternatives.iter().map(Expected::source).collect();
    texts.join("   or   ")
}
