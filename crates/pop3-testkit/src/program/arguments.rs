//! The command line.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand};

use super::{client_check::ClientCheck, profiles::Profiles, record::Record, replay::Replay, serve::Serve};

/// The exit codes, for `--help`.
pub(super) const HELP: &str = "\
Exit codes:
  0  ended as it was told to
  1  replay: a client said something else than was recorded; record: the session could not be recorded
  2  the command line is wrong, or something it names cannot be used";

/// A POP3 server for tests: with faults on demand, talking like known servers, or repeating a session.
#[derive(Debug, Parser)]
#[command(name = "pop3-testkit", version)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve mail, well or badly.
    ///
    /// With no arguments: the user alice with the password wonderland and three messages, at two free ports of
    /// 127.0.0.1, one with STLS and one with TLS. It says where, and runs until SIGTERM or SIGINT.
    Serve(Serve),
    /// Stand between a client and a server, and write what they say into a transcript.
    ///
    /// Passwords, digests and what is said in SASL exchanges are masked always. The client connects in clear;
    /// TLS is between this program and the server.
    Record(Record),
    /// Serve a transcript to clients that say what was said when it was recorded.
    ///
    /// What was masked may be anything. A login by SCRAM cannot be repeated, since the server's part of it
    /// answers the client's: record USER and PASS, or PLAIN.
    Replay(Replay),
    /// List the profiles, or show what one of them does, and where that is known from.
    Profiles(Profiles),
    /// Check what a program that fetches mail does when things go wrong.
    ClientCheck(ClientCheck),
}

/// How a running command ends, and how it says where it is.
#[derive(Debug, Args)]
pub(super) struct Running {
    /// Say where it listens as one line of JSON.
    #[arg(long)]
    pub(super) json: bool,
    /// End when the standard input is closed too, as it is when the test that started it ends.
    #[arg(long)]
    pub(super) until_stdin_closes: bool,
}

/// A number of sessions.
pub(super) fn session_count(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|number| *number > 0).ok_or("write it as a number from 1 on")
}

/// Any port of the loopback interface.
pub(super) const ANY_PORT: &str = "127.0.0.1:0";

/// Where to listen, for options that default to [`ANY_PORT`].
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "write it as an address and a port, as in 127.0.0.1:1110; port 0 is any free one".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }
}
