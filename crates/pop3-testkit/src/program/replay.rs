//! `pop3-testkit replay`.

use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::{
    FAILED,
    arguments::{ANY_PORT, HELP, Running, address, session_count},
    said,
    stop::Stop,
};
use crate::{
    certificates::{Authority, PemFile},
    record::Replay as Replayed,
    transcript::Transcript,
};

/// What to replay.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Replay {
    /// Where clients connect to.
    #[arg(long, value_name = "ADDRESS", default_value = ANY_PORT, value_parser = address)]
    listen: SocketAddr,
    /// End when so many sessions have ended.
    #[arg(long, value_name = "NUMBER", value_parser = session_count)]
    exit_after_sessions: Option<usize>,
    #[command(flatten)]
    running: Running,
    /// The transcript.
    file: PathBuf,
}

impl Replay {
    /// Serves it until it is told to end.
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let stop = Stop::new(self.running.until_stdin_closes)?;
        let name = || self.file.display().to_string();
        let text = fs::read_to_string(&self.file)
            .with_context(|| format!("cannot read {}; name a transcript", self.file.display()))?;
        let transcript: Transcript = text.parse().with_context(name)?;
        let replay = Replayed::new(&transcript);
        anyhow::ensure!(
            !replay.has_scram(),
            "{} cannot be replayed: it has a login by SCRAM, in which the server answers what only that client \
             said; record a session that logs in with USER and PASS, or with AUTH PLAIN",
            self.file.display()
        );
        let listening = replay.listen(self.listen);
        let replaying = listening
            .with_context(|| format!("--listen: cannot listen on {}; choose another port", self.listen))?;
        let ca = match transcript.is_tls() {
            true => Some(PemFile::new(Authority::of_this_process()?.pem())?),
            false => None,
        };
        let (address, ca_file) = (replaying.address(), ca.as_ref().map(PemFile::path));
        if self.running.json {
            let (host, port) = (address.ip().to_string(), address.port());
            said::line(json!({"host": host, "port": port, "ca_file": ca_file}))?;
        } else {
            let trust = ca_file.map_or(String::new(), |path| format!("; trust {}", path.display()));
            said::line(format_args!("Listening on {address}{trust}"))?;
        }
        let has_failed = Arc::new(AtomicBool::new(false));
        let (failed, done, limit) = (Arc::clone(&has_failed), stop.sender(), self.exit_after_sessions);
        thread::spawn(move || {
            let mut ended = 0;
            while limit.is_none_or(|limit| ended < limit) {
                if let Err(error) = replaying.wait_for_session() {
                    failed.store(true, Ordering::Release);
                    // Nobody is left to tell when stderr is closed.
                    let _ = writeln!(std::io::stderr(), "pop3-testkit: {error}");
                }
                ended += 1;
            }
            let _ = done.send(());
        });
        stop.wait();
        let code = if has_failed.load(Ordering::Acquire) { FAILED } else { 0 };
        Ok(ExitCode::from(code))
    }
}
