//! A whole run: which cases are played, in which order, with which mail.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::{
    case::{Case, Level, State},
    facts::{Certain, Facts},
    mail::{KnownMail, known},
    options::Options,
    play::{Difference, Outcome, play},
    report::{CaseReport, Report, Verdict},
    session::{Target, Unready},
};

/// How long a delivered message may take to be there.
const DELIVERY: Duration = Duration::from_secs(10);

/// Plays cases against a server, and says of each what came of it as soon as that is known.
///
/// # Errors
///
/// A sentence when nothing could be played at all: the server cannot be reached, or nobody can log in.
pub fn run(options: &Options, cases: &[Case], mut tell: impl FnMut(&CaseReport)) -> Result<Report, String> {
    let began = Instant::now();
    let mut target = Target::new(options)?;
    let facts = Facts::find(&mut target).map_err(|unready| masked(options, unready.why))?;
    let (is_stale, delivered, lacks_mail, left, is_cut_short) = Default::default();
    let mut run = Run { options, target, facts, began, is_stale, delivered, lacks_mail, left, is_cut_short };
    run.deliver_all(cases);
    let mut reports = Vec::new();
    for case in in_order(cases) {
        let report = run.case(case);
        tell(&report);
        reports.push(report);
    }
    run.clean_up();
    // Reported in the order of the sections, in whichever order they were played.
    let place = |name: &str| cases.iter().position(|case| case.name == name);
    reports.sort_by_key(|report| place(&report.name));
    Ok(Report {
        server: format!("{}:{}", options.host, options.port),
        mode: options.mode,
        greeting: super::text::shown(&run.facts.greeting),
        capabilities: run.facts.capabilities.clone(),
        capabilities_after_login: run.facts.transaction.clone(),
        duration: began.elapsed(),
        cases: reports,
        refused_logins: run.target.logins.refused(),
        ended: run.ended(),
        advice: run.advice(cases),
        left: run.left,
    })
}

/// What only reads comes first, then what removes, and what fails to log in last, since servers punish it.
fn in_order(cases: &[Case]) -> Vec<&Case> {
    let mut ordered: Vec<&Case> = cases.iter().collect();
    ordered.sort_by_key(|case| (case.needs.failed_logins, case.needs.writable, case.needs.delivery));
    ordered
}

struct Run<'o> {
    options: &'o Options,
    target: Target<'o>,
    facts: Facts,
    began: Instant,
    /// Mail may have been removed since it was last looked at.
    is_stale: bool,
    /// Something of ours was delivered, and not removed yet.
    delivered: bool,
    /// A case was skipped for want of mail.
    lacks_mail: bool,
    /// A sentence about mail that could not be removed.
    left: Option<String>,
    /// A case was skipped because no other login may be tried.
    is_cut_short: bool,
}

/// Why a case is not played.
enum Unplayed {
    NotApplicable(String),
    Skipped(String),
    Undecided(String),
}

impl Run<'_> {
    fn case(&mut self, case: &Case) -> CaseReport {
        let (began, refused_before) = (Instant::now(), self.target.logins.refused());
        let (outcome, said) = match self.prepare(case) {
            Ok(()) => {
                if case.needs.failed_logins > 0 {
                    // While the server still lets us in: these cases need no mail.
                    self.clean_up();
                }
                let played = play(case, &self.target, &mut self.facts);
                self.is_stale |= case.needs.writable || case.needs.delivery;
                played
            }
            Err(Unplayed::NotApplicable(why)) => (Outcome::NotApplicable(why), Vec::new()),
            Err(Unplayed::Skipped(why)) => (Outcome::Skipped(why), Vec::new()),
            Err(Unplayed::Undecided(why)) => (Outcome::Undecided(why), Vec::new()),
        };
        let (verdict, reason, difference) = match outcome {
            Outcome::Pass => (Verdict::Pass, None, None),
            Outcome::NotApplicable(why) => (Verdict::NotApplicable, Some(why), None),
            Outcome::Skipped(why) => (Verdict::Skipped, Some(why), None),
            Outcome::Undecided(why) => (Verdict::Undecided, Some(why), None),
            Outcome::Fail(difference) => (by_level(case.level), None, Some(difference)),
        };
        CaseReport {
            name: case.name.clone(),
            title: case.title.clone(),
            rows: case.rows.clone(),
            level: case.level,
            verdict,
            reason: reason.map(|reason| self.masked(reason)),
            difference: difference
                .map(|difference| Difference { received: self.masked(difference.received), ..difference }),
            said: shortened(said).into_iter().map(|line| self.masked(line)).collect(),
            reproduce: format!("{} --case {}", self.options.command, case.name),
            refused_logins: self.target.logins.refused().saturating_sub(refused_before),
            duration: began.elapsed(),
        }
    }

    fn masked(&self, text: String) -> String {
        masked(self.options, text)
    }

    /// Whether a case can be played, and its mail.
    fn prepare(&mut self, case: &Case) -> Result<(), Unplayed> {
        self.check_applies(case).map_err(Unplayed::NotApplicable)?;
        if self.target.logins.is_spent() {
            self.is_cut_short = true;
            return Err(Unplayed::Skipped(self.target.logins.why_spent()));
        }
        self.check_leave(case).map_err(Unplayed::Skipped)?;
        let needs = &case.needs;
        if needs.mail.is_empty() && !needs.some_mail {
            return Ok(());
        }
        let undecided = |unready: Unready| Unplayed::Undecided(unready.why);
        if std::mem::take(&mut self.is_stale) {
            self.facts.look_again(&self.target).map_err(undecided)?;
        }
        let mut missing: Vec<&KnownMail> =
            needs.mail.iter().copied().filter(|mail| !self.facts.mail.contains(mail.name)).collect();
        if needs.some_mail && self.facts.count == 0 && missing.is_empty() {
            missing.extend(known("plain"));
        }
        if missing.is_empty() {
            return Ok(());
        }
        self.deliver(&missing)
    }

    fn check_applies(&self, case: &Case) -> Result<(), String> {
        let (needs, mode) = (&case.needs, self.options.mode);
        if !needs.modes.is_empty() && !needs.modes.contains(&mode) {
            let names: Vec<&str> = needs.modes.iter().map(|mode| mode.name()).collect();
            return Err(format!("it is about {}, and this run is {}", names.join(" and "), mode.name()));
        }
        if case.start == State::Clear && mode == super::case::Mode::Tls {
            return Err("it is about the time before TLS, and this run has TLS from the start".to_owned());
        }
        if let Some(capability) = needs.capabilities.iter().find(|capability| !self.facts.has(capability)) {
            return Err(format!("the server does not announce {capability}"));
        }
        if let Some(capability) = needs.absent.iter().find(|capability| self.facts.has(capability)) {
            return Err(format!("the server announces {capability}"));
        }
        if let Some(capability) = needs.clear.iter().find(|capability| !self.facts.has_clear(capability)) {
            return Err(format!("the server does not announce {capability} in clear"));
        }
        if let Some(capability) =
            needs.clear_absent.iter().find(|capability| self.facts.has_clear(capability))
        {
            return Err(format!("the server announces {capability} in clear"));
        }
        Ok(())
    }

    fn check_leave(&self, case: &Case) -> Result<(), String> {
        let needs = &case.needs;
        if (needs.writable || needs.delivery) && !self.options.writable {
            return Err("it delivers or removes mail of its own, without --writable".to_owned());
        }
        if needs.delivery && self.options.deliver.is_none() {
            return Err("it delivers mail while a session goes on; give a --deliver-command".to_owned());
        }
        if needs.second_user && self.options.second.is_none() {
            return Err("it needs --second-user and --second-password".to_owned());
        }
        let limit = self.options.failed_logins;
        if self.target.logins.refused().saturating_add(needs.failed_logins) > limit {
            let (refused, more) = (self.target.logins.refused(), needs.failed_logins);
            return Err(format!(
                "it lets {more} logins fail, {refused} were refused before, and --failed-logins allows {limit}"
            ));
        }
        if self.began.elapsed() > self.options.total_time {
            return Err(format!("the run has taken {} s", self.options.total_time.as_secs()));
        }
        Ok(())
    }

    /// What all cases need is delivered at once, and looked at once.
    fn deliver_all(&mut self, cases: &[Case]) {
        if self.options.deliver.is_none() || !self.options.writable {
            return;
        }
        let playable = cases.iter().filter(|case| self.check_applies(case).is_ok());
        let names: BTreeSet<&str> =
            playable.flat_map(|case| case.needs.mail.iter().map(|mail| mail.name)).collect();
        let missing: Vec<&KnownMail> =
            names.into_iter().filter(|name| !self.facts.mail.contains(name)).filter_map(known).collect();
        // Should it fail, the first case that needs mail tries again, and says what is wrong.
        let _ = self.deliver(&missing);
    }

    fn deliver(&mut self, missing: &[&KnownMail]) -> Result<(), Unplayed> {
        let Some(deliver) = self.options.deliver.as_ref().filter(|_| self.options.writable) else {
            let files: Vec<String> = missing.iter().map(|mail| format!("{}.eml", mail.name)).collect();
            self.lacks_mail = true;
            return Err(Unplayed::Skipped(format!("it needs {} in the maildrop", files.join(", "))));
        };
        if missing.is_empty() {
            return Ok(());
        }
        for mail in missing {
            deliver(&self.options.account.user, mail.octets).map_err(Unplayed::Undecided)?;
            self.delivered = true;
        }
        let until = Instant::now() + DELIVERY;
        loop {
            self.facts.look_again(&self.target).map_err(|unready| Unplayed::Undecided(unready.why))?;
            let Some(absent) = missing.iter().find(|mail| !self.facts.mail.contains(mail.name)) else {
                return Ok(());
            };
            if Instant::now() > until {
                return Err(Unplayed::Undecided(format!(
                    "{}.eml was delivered and is not in the maildrop {} s later; check --deliver-command",
                    absent.name,
                    DELIVERY.as_secs()
                )));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// What is the same for many cases, and so is said once.
    fn advice(&self, cases: &[Case]) -> Vec<String> {
        let mut advice = Vec::new();
        if self.lacks_mail {
            let load = "load into the maildrop what --write-mail DIR writes, or give --writable and a \
                        --deliver-command";
            advice.push(load.to_owned());
        }
        let removes = |case: &Case| case.needs.writable || case.needs.delivery;
        if !self.options.writable
            && cases.iter().any(|case| removes(case) && self.check_applies(case).is_ok())
        {
            advice.push("allow the run to deliver and remove mail of its own, with --writable".to_owned());
        }
        advice
    }

    /// Why the run has not played every case: the server lets nobody in any more.
    fn ended(&self) -> Option<String> {
        if !self.is_cut_short {
            return None;
        }
        let user = &self.options.account.user;
        let refusal = self.target.logins.refusal().map_or_else(String::new, |refusal| {
            format!(
                " It refused the right password of {user} ({refusal}): after many logins a server may refuse every \
                 one for a while, or lock the account."
            )
        });
        Some(self.masked(format!(
            "the run ended early: {}.{refusal} Wait until a mail program can log in; then play fewer cases at a time \
             (--case), or wait before each connection (--pause SECONDS)",
            self.target.logins.why_spent()
        )))
    }

    /// Removes what was delivered; what is left is said.
    fn clean_up(&mut self) {
        if !std::mem::take(&mut self.delivered) {
            return;
        }
        let timeout = self.options.timeout;
        let removed = self.target.open(State::Transaction).and_then(|mut session| {
            let numbers = self.facts.numbers(&mut session, &self.target, Certain::All)?;
            session.guard.set_mail(numbers.count, numbers.own.clone());
            for number in &numbers.own {
                session.ask(&format!("DELE {number}"), timeout)?;
            }
            session.ask("QUIT", timeout)?;
            session.wire.close();
            Ok(())
        });
        let sentence = |unready: Unready| {
            format!("mail of this run may be left in the maildrop, marked by X-Pop3-Conform: {}", unready.why)
        };
        if let Some(left) = removed.err().map(sentence) {
            self.left = Some(self.masked(left));
        }
        self.is_stale = true;
    }
}

/// A server may repeat a password that came where it expected none. Shorter ones would be found in whatever is
/// said.
fn masked(options: &Options, text: String) -> String {
    let password = options.account.password.trim();
    if password.len() < 4 { text } else { text.replace(password, "{password}") }
}

/// Lines of a long conversation that are reported from its begin, and from its end.
const SAID_AT_ENDS: usize = 200;

/// A report has room for what went wrong, and not for a thousand messages.
fn shortened(mut said: Vec<String>) -> Vec<String> {
    let left_out = said.len().saturating_sub(2 * SAID_AT_ENDS);
    if left_out > 1 {
        let note = format!("   -- {left_out} lines are left out here");
        said.splice(SAID_AT_ENDS..SAID_AT_ENDS + left_out, [note]);
    }
    said
}

fn by_level(level: Level) -> Verdict {
    match level {
        Level::Must => Verdict::Fails,
        Level::Should => Verdict::Departs,
        Level::Practice => Verdict::Differs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_conversation_is_reported_by_its_ends() {
        let lines = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
        assert_eq!(shortened(lines(401)), lines(401));
        let short = shortened(lines(1000));
        assert_eq!(short.len(), 401);
        assert_eq!((&*short[199], &*short[201], &*short[400]), ("199", "800", "999"));
        assert!(short[200].contains("600 lines"));
    }
}
