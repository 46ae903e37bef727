//! `pop3-testkit record`.

use std::{
    fs::File, io::ErrorKind, io::Write as _, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc,
    sync::mpsc::channel, thread,
};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::{
    FAILED,
    arguments::{ANY_PORT, HELP, Running, address},
    said,
    stop::Stop,
};
use crate::{
    conform::{Roots, tls},
    record::{RecordError, Recorder, Replay, Scrub, Security, Upstream},
};

/// What to record.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Record {
    /// The server.
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    to: (String, u16),
    /// Where the client connects to.
    #[arg(long, value_name = "ADDRESS", default_value = ANY_PORT, value_parser = address)]
    listen: SocketAddr,
    /// Reach the server with TLS from the first octet on.
    #[arg(long)]
    tls: bool,
    /// Reach the server with STLS.
    #[arg(long, conflicts_with = "tls")]
    stls: bool,
    /// Trust the certificates in this PEM file, and no others [default: what this system trusts].
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Trust any certificate.
    #[arg(long, conflicts_with = "ca")]
    insecure: bool,
    /// Take out the user's name.
    #[arg(long)]
    scrub_user: bool,
    /// Put letters and digits in the place of those of the messages, so that the form stays.
    #[arg(long)]
    scrub_messages: bool,
    /// Take hosts, addresses and timestamps out of the greeting.
    #[arg(long)]
    scrub_greeting: bool,
    /// All three, for a recording that others shall see.
    #[arg(long)]
    scrub_all: bool,
    /// Replace the file.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    running: Running,
    /// Where to write the transcript.
    file: PathBuf,
}

fn host_and_port(text: &str) -> Result<(String, u16), &'static str> {
    let wrong = "write it as a host, a colon and a port, as in pop.example.org:995";
    let (host, port) = text.rsplit_once(':').ok_or(wrong)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match port.parse() {
        Ok(port) if !host.is_empty() => Ok((host.into(), port)),
        _ => Err(wrong),
    }
}

impl Record {
    /// Records one session.
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let stop = Stop::new(self.running.until_stdin_closes)?;
        let (host, port) = &self.to;
        let recorder =
            Recorder::new(Upstream::new(host.as_str(), *port, self.security()?)).scrub(self.scrub());
        let mut file = self.create()?;
        let recording = recorder.listen(self.listen).context("--listen")?;
        let address = recording.address();
        if self.running.json {
            said::line(json!({"host": address.ip().to_string(), "port": address.port(), "file": self.file}))?;
        } else {
            said::line(format_args!(
                "Listening on {address}; what the client says goes to {host} port {port}."
            ))?;
        }
        let (sender, receiver) = channel();
        let done = stop.sender();
        thread::spawn(move || {
            // Whoever waited may be gone.
            let _ = sender.send(recording.session());
            let _ = done.send(());
        });
        stop.wait();
        let transcript = match receiver.try_recv() {
            Ok(Ok(transcript)) => transcript,
            Ok(Err(error @ RecordError::Tls { .. })) => {
                return Ok(self.failed(&format_args!("{error}, by --ca FILE or --insecure")));
            }
            Ok(Err(error)) => return Ok(self.failed(&error)),
            Err(_) => return Ok(self.failed(&"stopped before the session had ended")),
        };
        let cannot = || format!("cannot write {}", self.file.display());
        write!(file, "# Recorded by pop3-testkit {}\n{transcript}", env!("CARGO_PKG_VERSION"))
            .with_context(cannot)?;
        if !self.running.json {
            let count = transcript.commands().len();
            let commands = if count == 1 { "command" } else { "commands" };
            said::line(format_args!("Wrote {} with {count} {commands}.", self.file.display()))?;
            if Replay::new(&transcript).has_scram() {
                said::line("It has a login by SCRAM, and so it can be read, but not replayed.")?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Nothing was recorded; the file is not left behind empty.
    fn failed(&self, why: &dyn std::fmt::Display) -> ExitCode {
        let _ = std::fs::remove_file(&self.file);
        let _ = writeln!(std::io::stderr(), "pop3-testkit: {why}; nothing was recorded");
        ExitCode::from(FAILED)
    }

    /// Before the session, so that none is lost for want of a file.
    fn create(&self) -> anyhow::Result<File> {
        let file = if self.force { File::create(&self.file) } else { File::create_new(&self.file) };
        file.map_err(|error| {
            let advice = match error.kind() {
                ErrorKind::AlreadyExists => "name another file, or replace it with --force",
                _ => "name a file in a directory that is there",
            };
            let what = format!("cannot write {}; {advice}", self.file.display());
            anyhow::Error::from(error).context(what)
        })
    }

    fn security(&self) -> anyhow::Result<Security> {
        if !self.tls && !self.stls {
            return Ok(Security::Plain);
        }
        let trust = match &self.ca {
            Some(path) => Roots::File(path.clone()),
            None if self.insecure => Roots::InsecureAcceptAny,
            None => Roots::System,
        };
        let config = Arc::new(tls::configuration(&trust).map_err(anyhow::Error::msg)?);
        Ok(if self.tls { Security::Tls(config) } else { Security::Stls(config) })
    }

    const fn scrub(&self) -> Scrub {
        if self.scrub_all {
            return Scrub::everything();
        }
        Scrub::secrets().user(self.scrub_user).messages(self.scrub_messages).greeting(self.scrub_greeting)
    }
}
