//! `pop3-testkit client-check`.

use std::{
    io::{self, Write as _},
    num::NonZeroUsize,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::client_check::{Check, Mode, Report, Scenario, example};

/// Nothing was lost, stored twice, truncated or damaged, and nothing hung.
const GOOD: u8 = 0;
/// Something was.
const BAD: u8 = 1;

/// The exit codes and the placeholders, for `--help`.
const HELP: &str = "\
Example, with the defaults, which are no TLS and to keep messages on the server:
  pop3-testkit client-check -- pop3-client fetch 'pop://{user}@{host}:{port}' --insecure-plain \\
    '--timeout={timeout}' '--maildir={outdir}/mail'

COMMAND gets the password as {password} in its arguments, or from POP3_PASSWORD in its environment, where \
pop3-client finds it.

In the arguments of COMMAND these are replaced: {host} {port} {user} {password} {outdir} {ca} {timeout} {mode}. \
Scripts find the same in POP3_HOST, POP3_PORT, POP3_USER, POP3_PASSWORD, POP3_OUTDIR, POP3_CA, POP3_TIMEOUT and \
POP3_MODE, and in POP3_TLS `yes` or nothing.

{outdir} is empty before the first run and stays for the others: what the program keeps between runs belongs there \
too. Every file below it counts as stored mail, but not what is in a directory called tmp. {ca} is a PEM file; \
{timeout} is how many seconds the program should wait for a silent server; {mode} is delete or keep.

Verdicts:
  ok          every message is where it should be, once and whole
  left        stored and not removed, though it was to be removed
  blocked     not fetched, though the server was ready to give it; it is still there
  removed     removed from the server, though it was to be kept
  stuck       a run did not end in time and was killed
  duplicated  stored more than once
  damaged     stored with other octets than were sent
  truncated   a part of it is stored as if it were the whole
  lost        neither stored nor on the server

Exit codes:
  0  every scenario is ok, left or blocked
  1  mail was lost, truncated, damaged, duplicated or removed, or the program was stuck
  2  the check could not be made";

/// What to check, and how.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct ClientCheck {
    /// Play this scenario; may be given several times [default: all that make sense in the mode].
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,
    /// Play the scenarios of this file instead of those that come with the program.
    #[arg(long, value_name = "FILE")]
    scenarios: Option<PathBuf>,
    /// Say which scenarios there are, and what is expected in each.
    #[arg(long)]
    list: bool,
    /// What the report looks like.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Seconds that a run may take; what takes longer is stuck.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
    /// Serve with TLS from the first octet on (implicit TLS, as at port 995); {ca} is the certificate to trust
    /// [default: no TLS, and no STLS].
    #[arg(long)]
    tls: bool,
    /// The command keeps messages on the server [default].
    #[arg(long, conflicts_with = "delete")]
    keep: bool,
    /// The command deletes messages on the server once it has stored them.
    #[arg(long)]
    delete: bool,
    /// The program's name in the report [default: that of its file].
    #[arg(long, value_name = "NAME")]
    label: Option<String>,
    /// How many scenarios are played at the same time.
    #[arg(long, value_name = "NUMBER", default_value = "4")]
    jobs: NonZeroUsize,
    /// Leave what was fetched, what the program printed and what was said in each session in this directory.
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
    /// The program to check, and its arguments.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

impl ClientCheck {
    /// Does it; gives what the program exits with.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let all = match &self.scenarios {
            Some(path) => Scenario::read(path)?,
            None => Scenario::built_in()?,
        };
        let scenarios = self.chosen(&all)?;
        if self.list {
            return list(&scenarios, self.format);
        }
        let Some(program) = self.command.first() else {
            anyhow::bail!("no command is given; put it behind --, as in: {}", self.example());
        };
        let check = Check {
            command: self.command.clone(),
            mode: self.mode(),
            timeout: Duration::from_secs(self.timeout),
            tls: self.tls,
            jobs: self.jobs,
        };
        let outcomes = self.in_directory(|work| Ok(check.run(&scenarios, work)?))?;
        let stem = Path::new(program).file_stem().unwrap_or_default().to_string_lossy();
        let client = self.label.clone().unwrap_or_else(|| stem.into_owned());
        let report = Report { client, mode: check.mode, tls: check.tls, outcomes };
        match self.format {
            Format::Human => print(&report)?,
            Format::Json => print(&format_args!("{:#}", report.json()))?,
        }
        Ok(ExitCode::from(if report.is_good() { GOOD } else { BAD }))
    }

    /// A line for a shell, with the options that were given.
    fn example(&self) -> String {
        let mut words = vec!["pop3-testkit client-check"];
        words.extend(self.tls.then_some("--tls"));
        words.extend(self.delete.then_some("--delete"));
        words.push("--");
        let quoted = |word: &str| if word.contains('{') { format!("'{word}'") } else { word.to_owned() };
        let command = example(self.mode(), self.tls).into_iter().map(quoted);
        words.into_iter().map(str::to_owned).chain(command).collect::<Vec<_>>().join(" ")
    }

    const fn mode(&self) -> Mode {
        if self.delete { Mode::Delete } else { Mode::Keep }
    }

    /// What is asked for by name; otherwise everything that makes sense.
    fn chosen<'s>(&self, all: &'s [Scenario]) -> anyhow::Result<Vec<&'s Scenario>> {
        if self.scenario.is_empty() {
            return Ok(all.iter().filter(|scenario| self.list || scenario.is_for(self.mode())).collect());
        }
        let named = |name: &String| {
            let found = all.iter().find(|scenario| scenario.name() == name);
            found.with_context(|| format!("there is no scenario {name}; client-check --list names them all"))
        };
        self.scenario.iter().map(named).collect()
    }

    /// Gives the directory of `--work`, or one that is removed afterwards.
    fn in_directory<T>(&self, act: impl FnOnce(&Path) -> anyhow::Result<T>) -> anyhow::Result<T> {
        match &self.work {
            Some(work) => {
                let is_used = work.read_dir().is_ok_and(|mut entries| entries.next().is_some());
                anyhow::ensure!(
                    !is_used,
                    "{} is not empty; empty it or choose another --work",
                    work.display()
                );
                std::fs::create_dir_all(work).with_context(|| {
                    format!("cannot make {}; choose another directory for --work", work.display())
                })?;
                // Programs may change their own directory.
                let work = work.canonicalize().with_context(|| format!("cannot find {}", work.display()))?;
                act(&work)
            }
            None => {
                // A program may run as another user, and there is nothing here that nobody should see.
                let mode = std::fs::Permissions::from_mode(0o755);
                let directory =
                    tempfile::Builder::new().prefix("pop3-client-check-").permissions(mode).tempdir();
                let directory =
                    directory.context("cannot make a temporary directory; name one with --work")?;
                act(directory.path())
            }
        }
    }
}

fn list(scenarios: &[&Scenario], format: Format) -> anyhow::Result<ExitCode> {
    match format {
        Format::Human => {
            for scenario in scenarios {
                print(&format_args!("{}\n    {}", scenario.name(), scenario.text()))?;
            }
        }
        Format::Json => {
            let all = scenarios.iter().map(|scenario| {
                let modes: Vec<&str> = [Mode::Delete, Mode::Keep]
                    .into_iter()
                    .filter(|mode| scenario.is_for(*mode))
                    .map(Mode::as_str)
                    .collect();
                serde_json::json!({ "name": scenario.name(), "text": scenario.text(), "modes": modes })
            });
            print(&format_args!("{:#}", serde_json::Value::from_iter(all)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(text: &dyn std::fmt::Display) -> anyhow::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        // Nobody reads it any more.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done.context("cannot write the report to the output"),
    }
}
