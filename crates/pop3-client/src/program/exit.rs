//! What the program exits with, and the sentence that says why.

use std::{
    fmt,
    io::{self, Write as _},
};

use pop3_client::{Error, Options, proto::client::PeerMisbehaved};

use super::terminal;

/// The exit codes; those from 64 on are the ones of sysexits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Done = 0,
    Partial = 1,
    Usage = 2,
    RemovalUnknown = 3,
    Unavailable = 69,
    CannotStore = 73,
    TryLater = 75,
    Protocol = 76,
    LoginRefused = 77,
}

/// The same, for `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
   0  done
   1  partial: some messages could not be fetched or removed and are still on the server, or the output could not be
      written
   2  the command line is wrong, or something it names is missing
   3  everything is stored, but whether the server removed the messages is unknown
  69  the server cannot be reached, does not serve, or has no TLS that can be accepted
  73  the Maildir cannot be written
  75  try again later: the connection was lost, or the maildrop is in use
  76  the server does not keep to the protocol
  77  the server refused the login
A signal (Ctrl-C, SIGTERM) ends `fetch` after the messages received in full are stored, and then ends the program as usual (130, 143 in a shell).";

/// Why the program ends, in one sentence, and with what.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, text: impl fmt::Display) -> Self {
        Self { exit, text: text.to_string() }
    }

    /// Writes the sentence to stderr. Where the output was read as far as somebody wanted it, there is nothing
    /// to complain of.
    pub(crate) fn say(&self) {
        if self.exit != Exit::Done {
            // Nobody can read it when stderr is closed.
            // It may hold the name of a file that somebody else chose.
            let _ = writeln!(io::stderr(), "pop3-client: {}", terminal::sanitised(&self.text));
        }
    }

    /// Something that has to do with a server, which is named, and what was going on.
    pub(crate) fn server(options: &Options, during: impl fmt::Display, error: &Error) -> Self {
        let exit = exit(error);
        let text = match error {
            Error::Connect { .. } | Error::Tls { .. } | Error::Roots { .. } | Error::HostName { .. } => {
                error.to_string()
            }
            _ => format!("{} port {}, {during}: {error}", options.host, options.port),
        };
        let advice = if error.is_about_trust() { " (--ca-file FILE)" } else { "" };
        let text = text + advice;
        Self { exit, text }
    }

    /// Something could not be written to stdout. That nobody reads it any more is no failure, and the
    /// program ends without a word.
    pub(crate) fn output(error: &io::Error) -> Self {
        let exit = match error.kind() {
            io::ErrorKind::BrokenPipe => Exit::Done,
            _ => Exit::Partial,
        };
        Self { exit, text: format!("cannot write the output: {error}; nothing was changed on the server") }
    }
}

fn exit(error: &Error) -> Exit {
    match error {
        Error::Connect { .. } | Error::Tls { .. } | Error::TlsUnavailable { .. } => Exit::Unavailable,
        Error::Roots { .. } | Error::HostName { .. } | Error::Usage(_) => Exit::Usage,
        Error::Peer(PeerMisbehaved::UnexpectedEof | PeerMisbehaved::TooSlow { .. }) => Exit::TryLater,
        Error::Peer(_) => Exit::Protocol,
        error if error.is_temporary() => Exit::TryLater,
        Error::LoginRefused { is_credentials: false, .. } => Exit::Unavailable,
        Error::LoginRefused { .. }
        | Error::Sasl(_)
        | Error::NoMechanism { .. }
        | Error::PlaintextRefused
        | Error::Utf8NotAnnounced
        | Error::NoTimestamp => Exit::LoginRefused,
        _ => Exit::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pop3_client::proto::types::{Keyword, Response, ResponseCode};

    // Conformance: C-REL-10, C-3206-02
    #[test]
    fn what_clears_by_itself_is_no_refused_login() {
        let login = |code, is_credentials| {
            let response = Response::err(code, "no");
            exit(&Error::LoginRefused { response, is_credentials })
        };
        assert_eq!(login(Some(ResponseCode::InUse), false), Exit::TryLater);
        assert_eq!(login(Some(ResponseCode::LoginDelay), false), Exit::TryLater);
        assert_eq!(login(Some(ResponseCode::SysPerm), false), Exit::Unavailable);
        assert_eq!(login(Some(ResponseCode::Auth), true), Exit::LoginRefused);
        assert_eq!(login(None, true), Exit::LoginRefused);
        let response = Response::err(None, "no");
        assert_eq!(exit(&Error::Refused { keyword: Keyword::Uidl, response }), Exit::Unavailable);
    }
}
