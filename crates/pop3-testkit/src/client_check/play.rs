//! One scenario: the server, the runs, and what came of them.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use super::{
    Check, CheckError,
    command::Values,
    judge::{self, Verdict},
    mail,
    process::{self, End},
    scan::{Copies, Found},
    scenario::{Scenario, commands, with_numbers},
};
use crate::{
    server::{Kind, TestServer},
    transcript::Side,
};

const USER: &str = "checker";
const PASSWORD: &str = "tanstaaf";
/// For how long nothing has to happen before a program is interrupted: it then waits for the server.
const STILL: Duration = Duration::from_millis(300);
/// How long the sessions of a program that has ended may take to end too.
const AFTERMATH: Duration = Duration::from_secs(20);

/// What came of a scenario.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outcome {
    /// The scenario's name.
    pub name: String,
    /// The worst of what follows.
    pub verdict: Verdict,
    /// The runs, in order.
    pub runs: Vec<Run>,
    /// The messages, in the order in which they were delivered to the server.
    pub messages: Vec<Message>,
}

/// What is to be said of a run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Run {
    /// How it ended.
    pub end: End,
    /// How long it took.
    pub took: Duration,
    /// Sessions that it began.
    pub sessions: usize,
}

/// What became of a message.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Message {
    /// Which: counted from 1 in the order of delivery.
    pub mark: u32,
    /// What became of it.
    pub verdict: Verdict,
    /// What is stored of it.
    pub copies: Copies,
    /// Whether it is still on the server.
    pub is_on_server: bool,
}

/// Plays a scenario; everything that it leaves is below `work`.
pub(super) fn play(check: &Check, scenario: &Scenario, work: &Path) -> Result<Outcome, CheckError> {
    let mut stage = Stage::new(check, scenario, work)?;
    let mut runs = Vec::new();
    for index in 0..scenario.run_count() {
        if index > 0 && index + 1 == scenario.run_count() {
            stage.deliver()?;
        }
        runs.push(stage.run(index)?);
    }
    stage.outcome(runs)
}

/// A server with marked messages, and a place for what is fetched.
struct Stage<'a> {
    check: &'a Check,
    scenario: &'a Scenario,
    work: &'a Path,
    server: TestServer,
    values: Values,
    /// How many messages were delivered to the server.
    delivered: u32,
}

impl<'a> Stage<'a> {
    fn new(check: &'a Check, scenario: &'a Scenario, work: &'a Path) -> Result<Self, CheckError> {
        let outdir = work.join("out");
        make_directory(&outdir)?;
        let kind = if check.tls { Kind::Tls } else { Kind::Plain };
        let mut builder = TestServer::builder().user(USER, PASSWORD).listen(kind);
        let mut delivered = 0;
        for mark in 1..=u32::try_from(mail::LINES.len()).unwrap_or(0) {
            builder = builder.message_as(USER, format!("check-{mark}"), mail::message(mark));
            delivered = mark;
        }
        let server = builder.start()?;
        let ca = work.join("ca.pem");
        fs::write(&ca, server.ca_pem()?).map_err(|error| CheckError::Write { path: ca.clone(), error })?;
        let port = server.address(kind).map_or(0, |address| address.port());
        let values = Values {
            host: if check.tls { "localhost" } else { "127.0.0.1" }.to_owned(),
            port,
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            outdir,
            ca,
            patience: check.patience(),
            is_tls: check.tls,
            mode: check.mode,
        };
        Ok(Self { check, scenario, work, server, values, delivered })
    }

    fn deliver(&mut self) -> Result<(), CheckError> {
        self.server.deliver(USER, mail::message(self.delivered + 1))?;
        self.delivered += 1;
        Ok(())
    }

    /// Which test messages are on the server, by message-number.
    fn on_server(&self) -> Vec<Option<u32>> {
        let messages = self.server.messages(USER);
        messages.iter().map(|message| mark_of(&message.octets)).collect()
    }

    fn run(&mut self, index: usize) -> Result<Run, CheckError> {
        let on_server = self.on_server();
        let number = |mark| {
            let index = on_server.iter().position(|found| *found == Some(mark))?;
            u32::try_from(index + 1).ok()
        };
        let rule = |error| CheckError::Rule {
            path: PathBuf::from("the scenarios"),
            name: self.scenario.name().to_owned(),
            error: Box::new(error),
        };
        self.server.set_faults(self.scenario.plan(index, number).map_err(rule)?);
        let before = self.server.sessions().len();
        let is_first = index == 0;
        let interrupt = self.scenario.interrupt.as_ref().filter(|_| is_first);
        let points = |at: &String| -> Vec<String> {
            commands(at).iter().filter_map(|command| with_numbers(command, number)).collect()
        };
        let interrupt_at = interrupt.map(|interrupt| points(&interrupt.at));
        let mut deliver_at = self.scenario.deliver_at.as_ref().filter(|_| is_first).map(points);
        let mut watch = Watch::default();
        let (mut arrived, mut delivered) = (0, Ok(()));
        let begin = Instant::now();
        let (mut command, output) = (self.command(), self.work.join(format!("run-{}.log", index + 1)));
        let interruption = interrupt.map(|interrupt| interrupt.signal);
        let end = process::run(&mut command, &output, self.check.timeout, interruption, || {
            if interrupt_at.is_none() && deliver_at.is_none() {
                return false;
            }
            let said = self.said(before);
            let is_said = |points: &Vec<String>| {
                said.iter().any(|line| points.iter().any(|point| line.starts_with(point.as_str())))
            };
            if deliver_at.take_if(|points| is_said(points)).is_some() {
                arrived = 1;
                delivered = self.server.deliver(USER, mail::message(self.delivered + 1)).map(|_| ());
            }
            interrupt_at.as_ref().is_some_and(is_said) && watch.is_still(self.octets(before))
        });
        let took = begin.elapsed();
        let end = end.map_err(|error| self.cannot_run(error))?;
        delivered?;
        self.delivered += arrived;
        self.wait_for_the_server(before)?;
        Ok(Run { end, took, sessions: self.server.sessions().len() - before })
    }

    fn command(&self) -> Command {
        let mut arguments = self.check.command.iter().map(|argument| self.values.substitute(argument));
        let mut command = Command::new(arguments.next().unwrap_or_default());
        command.args(arguments).envs(self.values.environment());
        command
    }

    fn cannot_run(&self, error: io::Error) -> CheckError {
        CheckError::Run { command: self.check.command.first().cloned().unwrap_or_default(), error }
    }

    /// What clients have said in the sessions from this one on.
    fn said(&self, first: usize) -> Vec<String> {
        let sessions = self.server.sessions();
        let sessions = sessions.get(first..).unwrap_or_default();
        sessions.iter().flat_map(|session| session.transcript.lines(Side::Client)).collect()
    }

    /// How many octets went over the wire in these sessions.
    fn octets(&self, first: usize) -> usize {
        let sessions = self.server.sessions();
        let sessions = sessions.get(first..).unwrap_or_default();
        let octets = |side| sessions.iter().map(move |session| session.transcript.octets(side).len());
        octets(Side::Client).sum::<usize>() + octets(Side::Server).sum::<usize>() + sessions.len()
    }

    /// The next run is to find a maildrop that nobody has open.
    fn wait_for_the_server(&self, first: usize) -> Result<(), CheckError> {
        let waited = self.server.wait_until("all sessions have ended", AFTERMATH, |sessions| {
            sessions.iter().skip(first).all(|session| session.end.is_some())
        });
        waited.map_err(|error| CheckError::StillConnected {
            name: self.scenario.name().to_owned(),
            error: Box::new(error),
        })
    }

    fn outcome(self, runs: Vec<Run>) -> Result<Outcome, CheckError> {
        let outdir = &self.values.outdir;
        let found = Found::read_directory(outdir)
            .map_err(|error| CheckError::Read { path: outdir.clone(), error })?;
        let on_server: BTreeSet<u32> = self.on_server().into_iter().flatten().collect();
        let message = |mark| {
            let (copies, is_on_server) = (found.copies(mark), on_server.contains(&mark));
            let expected = self.scenario.expectation(mark);
            Message {
                mark,
                verdict: judge::judge(copies, is_on_server, self.check.mode, expected),
                copies,
                is_on_server,
            }
        };
        let messages: Vec<Message> = (1..=self.delivered).map(message).collect();
        let stuck = runs.iter().any(|run| run.end == End::Stuck).then_some(Verdict::Stuck);
        let worst = messages.iter().map(|message| message.verdict).chain(stuck).max();
        self.write_transcripts()?;
        Ok(Outcome {
            name: self.scenario.name().to_owned(),
            verdict: worst.unwrap_or(Verdict::Ok),
            runs,
            messages,
        })
    }

    /// Each session as a file, for whoever wants to know what was said.
    fn write_transcripts(&self) -> Result<(), CheckError> {
        for session in self.server.sessions() {
            let path = self.work.join(format!("session-{}.txt", session.number));
            let text = format!("# {session}\n{}", session.transcript);
            fs::write(&path, text).map_err(|error| CheckError::Write { path, error })?;
        }
        Ok(())
    }
}

/// Sees when nothing happens any more.
#[derive(Default)]
struct Watch {
    seen: Option<(usize, Instant)>,
}

impl Watch {
    fn is_still(&mut self, octets: usize) -> bool {
        match self.seen {
            Some((seen, since)) if seen == octets => since.elapsed() >= STILL,
            _ => {
                self.seen = Some((octets, Instant::now()));
                false
            }
        }
    }
}

/// Which test message these octets are.
fn mark_of(octets: &[u8]) -> Option<u32> {
    let mut found = Found::default();
    found.add(octets);
    found.marks().next()
}

pub(super) fn make_directory(path: &Path) -> Result<(), CheckError> {
    fs::create_dir_all(path).map_err(|error| CheckError::Write { path: path.to_owned(), error })
}
