//! What can go wrong, sorted by who is to blame.

mod tls;

use std::{fmt, io, path::PathBuf};

use pop3_io::rustls;
use pop3_proto::{
    client::{PeerMisbehaved, UsageError},
    types::{Keyword, Mechanism, Response, ResponseCode},
};
use pop3_sasl::ClientError;

use crate::{Options, Security};
use tls::TlsFailure;

/// Why something with a server did not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connection came about.
    #[error("cannot connect to {host} port {port}: {source}; check the name, the port and the network")]
    Connect {
        /// The host as it was given.
        host: String,
        /// The TCP port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The connection was lost, or stood still for longer than allowed ([`io::ErrorKind::TimedOut`]).
    #[error("the connection was lost: {}; nothing was removed that was not confirmed, try again", Loss(.0))]
    Io(#[source] io::Error),
    /// The server said nothing: no greeting came. RFC 1939 section 4.
    #[error("no greeting came: {source}; {}", advice_without_greeting(*.security))]
    NoGreeting {
        /// What was spoken on this port.
        security: Security,
        /// How it ended: after [`Timeouts::greeting`](crate::Timeouts::greeting)
        /// ([`io::ErrorKind::TimedOut`]), or because the server closed the connection.
        source: io::Error,
    },
    /// The server broke the protocol. The connection cannot be used any more.
    #[error("{}", Misbehaved(.0))]
    Peer(#[source] PeerMisbehaved),
    /// The TLS handshake failed, or the server's certificate was not accepted.
    #[error("{}", TlsFailure(.host, .source))]
    Tls {
        /// The host as it was given; this name has to be in the certificate.
        host: String,
        /// What the TLS library said.
        source: io::Error,
    },
    /// The server does not want to start TLS, which is required. RFC 2595 section 4.
    #[error(
        "the server does not start TLS on this port ({response}) and nothing is sent without it; try the port of implicit TLS, 995"
    )]
    TlsUnavailable {
        /// The server's answer to STLS.
        response: Response<'static>,
    },
    /// The server does not serve: its greeting is `-ERR`. RFC 1939 section 4.
    #[error("the server does not serve: {response}{}", advice_for(.response))]
    Unavailable {
        /// The greeting.
        response: Response<'static>,
    },
    /// The server answered a command with `-ERR`.
    #[error("the server refused {}: {response}{}", keyword.as_str(), advice_for(.response))]
    Refused {
        /// The command that was refused.
        keyword: Keyword,
        /// The server's answer.
        response: Response<'static>,
    },
    /// The server answered the login with `-ERR`.
    #[error("the server refused the login: {response}{}", login_advice(.response, *.is_credentials))]
    LoginRefused {
        /// The server's answer.
        response: Response<'static>,
        /// Whether name and password have to be taken for wrong. With AUTH-RESP-CODE announced only the
        /// code `AUTH` says so (RFC 3206 section 5); without it, every refusal that bears no other code.
        is_credentials: bool,
    },
    /// The server refuses the mechanism itself. Name and password were not judged.
    #[error(
        "the server refuses to log in by {mechanism}: {response}; it has not judged the password, choose another way to log in"
    )]
    MechanismRefused {
        /// The mechanism.
        mechanism: pop3_sasl::Mechanism,
        /// The server's answer.
        response: Response<'static>,
    },
    /// The mechanism failed, on this side or because the server could not prove who it is.
    #[error("the login failed: {0}")]
    Sasl(#[source] ClientError),
    /// The server offers nothing that can be used with what is there to log in with.
    #[error(
        "the server offers no way to log in with these credentials (it offers {}); choose another mechanism or other credentials",
        Names(.offered)
    )]
    NoMechanism {
        /// The SASL mechanisms that the server offers.
        offered: Vec<Mechanism<'static>>,
    },
    /// A password or a token would have gone over the network readable for everybody.
    #[error(
        "the password was not sent, since the connection is not encrypted; use TLS, or allow it explicitly for a network that you trust"
    )]
    PlaintextRefused,
    /// USER and PASS carry ASCII alone, unless the server announces `UTF8 USER`. RFC 6856 section 2.2.
    #[error(
        "the name or the password is not ASCII, and the server takes no other with USER and PASS; ask for AUTH PLAIN instead, or use an ASCII password"
    )]
    Utf8NotAnnounced,
    /// APOP was asked for, and the greeting holds nothing that may be signed. RFC 1939 section 7.
    #[error("the server's greeting holds no timestamp for APOP; log in another way")]
    NoTimestamp,
    /// The certificates to trust could not be had.
    #[error("{}", NoRoots(.path.as_ref(), .source))]
    Roots {
        /// The file that was given, or nothing for the certificates of the system.
        path: Option<PathBuf>,
        /// What the system said.
        source: io::Error,
    },
    /// The host is neither a DNS name in ASCII nor an IP address.
    #[error(
        "{host:?} is neither a host name nor an IP address; write international names in their ASCII form (xn--)"
    )]
    HostName {
        /// The host as it was given.
        host: String,
    },
    /// This program used the session wrongly. Nothing was sent.
    #[error("the command was not sent: {0}")]
    Usage(#[from] UsageError),
}

impl Error {
    /// The same error, where it came before the first octet of the server.
    pub(crate) fn before_greeting(self, options: &Options) -> Self {
        let security = options.security;
        match self {
            Self::Io(source) => Self::NoGreeting { security, source },
            Self::Peer(PeerMisbehaved::UnexpectedEof) => {
                let kind = io::ErrorKind::UnexpectedEof;
                let source = io::Error::new(kind, "the server closed the connection");
                Self::NoGreeting { security, source }
            }
            error => error,
        }
    }

    /// Whether the server's certificate would be accepted if another one were trusted.
    #[must_use]
    pub fn is_about_trust(&self) -> bool {
        matches!(self, Self::Tls { source, .. } if tls::is_about_trust(source))
    }

    /// Whether the same attempt is likely to succeed later without anybody doing anything.
    ///
    /// RFC 2449 section 8.1 and RFC 3206 section 4 have the codes; words in the text are not looked at.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Connect { source, .. } => source.kind() != io::ErrorKind::InvalidInput,
            Self::Io(_) | Self::NoGreeting { .. } => true,
            Self::Peer(error) => {
                matches!(error, PeerMisbehaved::UnexpectedEof | PeerMisbehaved::TooSlow { .. })
            }
            Self::Unavailable { response }
            | Self::Refused { response, .. }
            | Self::LoginRefused { response, .. } => is_temporary(response),
            _ => false,
        }
    }

    /// What the server answered, if this is about an answer.
    #[must_use]
    pub const fn response(&self) -> Option<&Response<'static>> {
        match self {
            Self::TlsUnavailable { response }
            | Self::Unavailable { response }
            | Self::Refused { response, .. }
            | Self::LoginRefused { response, .. } => Some(response),
            _ => None,
        }
    }

    /// What a failed handshake is: TLS's fault, or the connection's.
    pub(crate) fn handshake(host: &str, source: io::Error) -> Self {
        let is_tls = source.get_ref().is_some_and(|inner| inner.downcast_ref::<rustls::Error>().is_some());
        if is_tls { Self::Tls { host: host.to_owned(), source } } else { Self::Io(source) }
    }
}

impl From<pop3_io::Error<PeerMisbehaved>> for Error {
    fn from(error: pop3_io::Error<PeerMisbehaved>) -> Self {
        match error {
            pop3_io::Error::Io(error) => error.into(),
            pop3_io::Error::Peer(error) => Self::Peer(error),
            pop3_io::Error::Tls(source) => Self::Tls { host: "the server".to_owned(), source },
            _ => Self::Io(io::Error::other("the driver failed in a way unknown here")),
        }
    }
}

/// Takes out what [`io::Error::from`] wrapped, so that a message that was copied by `io::copy` fails with
/// the same error as a command.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(inner) => inner,
            Err(error) => Self::Io(error),
        }
    }
}

/// For [`std::io::Read`]; a message that was cut short is [`io::ErrorKind::UnexpectedEof`].
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Io(source) => source.kind(),
            Error::Peer(PeerMisbehaved::UnexpectedEof) => Self::from(io::ErrorKind::UnexpectedEof).kind(),
            Error::Peer(_) => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// A login that did not succeed.
///
/// A server that merely said no leaves the session in the AUTHORIZATION state, and it is given back:
/// other credentials may follow, or QUIT. RFC 1939 section 7, RFC 5034 section 4.
#[derive(Debug)]
pub struct LoginError<S> {
    /// The session, still usable; nothing where the connection is lost or not to be trusted.
    pub session: Option<S>,
    /// Why.
    pub error: Error,
    /// The SASL mechanism that was under way when the connection was lost. See [`Login::without`](crate::Login::without).
    pub mechanism: Option<pop3_sasl::Mechanism>,
}

impl<S> LoginError<S> {
    pub(crate) const fn new(session: Option<S>, error: Error) -> Self {
        Self { session, error, mechanism: None }
    }
}

impl<S> fmt::Display for LoginError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<S: fmt::Debug> std::error::Error for LoginError<S> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl<S> From<LoginError<S>> for Error {
    fn from(error: LoginError<S>) -> Self {
        error.error
    }
}

fn is_temporary(response: &Response<'_>) -> bool {
    use ResponseCode as C;
    matches!(response.code, Some(C::InUse | C::LoginDelay | C::SysTemp))
}

struct Misbehaved<'a>(&'a PeerMisbehaved);

impl fmt::Display for Misbehaved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.0, after_misbehaviour(self.0))
    }
}

fn after_misbehaviour(misbehaved: &PeerMisbehaved) -> &'static str {
    let line = match misbehaved {
        PeerMisbehaved::NotAGreeting(line) => line,
        PeerMisbehaved::TooSlow { .. } => {
            return "nothing was removed that was not confirmed, try again later";
        }
        PeerMisbehaved::MessageTooLarge { .. } => return "the session was given up, and nothing was removed",
        _ => return "the session was given up, since nothing that follows could be trusted",
    };
    match line.as_bytes() {
        [b'2' | b'4' | b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'-', ..] => {
            "this looks like a mail transfer agent (SMTP), check the port: POP3 has 995 with TLS and 110 without"
        }
        [b'*', b' ', ..] => {
            "this looks like a server for IMAP, check the port: POP3 has 995 with TLS and 110 without"
        }
        [b'S', b'S', b'H', b'-', ..] => "this looks like a server for SSH, check the port",
        [b'H', b'T', b'T', b'P', ..] | [b'<', ..] => "this looks like a web server, check the port",
        // A TLS record: an alert, or a handshake. RFC 8446 section 5.1.
        [0x15 | 0x16, 3, ..] => "this looks like TLS: use implicit TLS (pops://) there",
        _ => "check host and port",
    }
}

/// A port with implicit TLS says nothing before the handshake. RFC 8314 section 3.3.
const fn advice_without_greeting(security: Security) -> &'static str {
    match security {
        Security::ImplicitTls => "TLS works there, and the server behind it does not answer, try again later",
        _ => {
            "a port that waits for TLS from the first octet looks so: use implicit TLS (pops://) there, or check the \
             port"
        }
    }
}

/// What to do, and what the code means where the server has no words for it.
fn advice_for(response: &Response<'_>) -> &'static str {
    let meaning = match response.code {
        Some(ResponseCode::InUse) => "; another session has the maildrop open, try again later",
        Some(ResponseCode::LoginDelay) => "; the server wants more time between logins, try again later",
        Some(ResponseCode::SysTemp) => "; this is likely to clear by itself, try again later",
        Some(ResponseCode::SysPerm) => return "; the operator of the server has to do something",
        Some(ResponseCode::Auth) => return "; check name and password",
        _ => return "",
    };
    let text = String::from_utf8_lossy(&response.text).to_ascii_lowercase();
    match text.trim() {
        "" => meaning,
        text if text.contains("try again") => "",
        _ => "; try again later",
    }
}

fn login_advice(response: &Response<'_>, is_credentials: bool) -> &'static str {
    match advice_for(response) {
        "" if is_credentials => "; check name and password",
        advice => advice,
    }
}

/// How the connection was lost.
struct Loss<'a>(&'a io::Error);

impl fmt::Display for Loss<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_alert = |error: &rustls::Error| matches!(error, rustls::Error::AlertReceived(_));
        let inner = self.0.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match (self.0.kind(), inner) {
            // Where there is no TLS, the end of the connection is no error of the system.
            (io::ErrorKind::UnexpectedEof, _) => {
                f.write_str("the server closed the connection without ending TLS")
            }
            (_, Some(error)) if is_alert(error) => f.write_str("the server ended TLS with an alert"),
            (_, Some(_)) => f.write_str("what came is not what TLS expects"),
            _ => self.0.fmt(f),
        }
    }
}

struct Names<'a>(&'a [Mechanism<'static>]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (index, name) in self.0.iter().enumerate() {
            write!(f, "{}{name}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

struct NoRoots<'a>(Option<&'a PathBuf>, &'a io::Error);

impl fmt::Display for NoRoots<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path, source) = self;
        match path {
            Some(path) => {
                let path = path.display();
                write!(
                    f,
                    "cannot read certificates from {path}: {source}; give a file with certificates in PEM"
                )
            }
            None => write!(
                f,
                "the certificates of this system cannot be used: {source}; install its CA certificates (package ca-certificates) or give the file of a CA"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Conformance: C-REL-10
    #[test]
    fn what_the_server_says_is_not_said_again() {
        let said = |text: &'static str| {
            Error::Unavailable { response: Response::err(Some(ResponseCode::InUse), text) }.to_string()
        };
        let open = "Another session has this maildrop open";
        assert!(said("").ends_with("[IN-USE]; another session has the maildrop open, try again later"));
        assert!(said(open).ends_with("maildrop open; try again later"));
        let text = said("Another session has this maildrop open; try again later");
        assert!(text.ends_with("[IN-USE] Another session has this maildrop open; try again later"), "{text}");
    }
}
