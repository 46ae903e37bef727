//! `pop:` URLs.

use std::{fmt, str::FromStr};

use crate::{Method, Security, UnknownMethod};

/// Where a maildrop is: `pop://[user[;AUTH=mechanism]@]host[:port]`. RFC 2384.
///
/// `AUTH=+APOP` asks for APOP, and `AUTH=+USER`, which is not of the RFC, for USER and PASS. An `@` in the user name
/// may be written as it is: the last one separates user and host.
///
/// `pops:` is the same over implicit TLS; `pop3:` and `pop3s:`, as curl writes them, are taken for the two.
/// A URL holds no password.
///
/// ```
/// use pop3_client::{Method, Security, Url};
/// let url: Url = "pop://alice%40example.org;AUTH=SCRAM-SHA-256@pop.example.org".parse()?;
/// assert_eq!(url.user(), Some("alice@example.org"));
/// assert_eq!(url.method(), Method::Sasl(pop3_client::sasl::Mechanism::ScramSha256));
/// assert_eq!((url.host(), url.port(), url.security()), ("pop.example.org", 110, Security::StlsRequired));
/// let url: Url = "pops://[2001:db8::1]:1995".parse()?;
/// assert_eq!((url.host(), url.port(), url.security()), ("2001:db8::1", 1995, Security::ImplicitTls));
/// # Ok::<(), pop3_client::InvalidUrl>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    security: Security,
    user: Option<String>,
    method: Method,
    host: String,
    port: Option<u16>,
}

/// Why a URL cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUrl {
    /// It begins otherwise.
    #[error("a POP URL begins with pop:// (STLS) or pops:// (implicit TLS)")]
    Scheme,
    /// There is a password in it, which would be seen by everybody who sees the URL.
    #[error(
        "a POP URL holds no password; leave out everything from the \":\" to the \"@\", and write \":\" in a user name as %3A"
    )]
    Password,
    /// The user name is empty or holds what has to be written in percent-encoding.
    #[error("the user name in the URL cannot be read; write special characters in it as %XX")]
    User,
    /// Something other than `;AUTH=mechanism` follows the user name.
    #[error("after the user name a POP URL has only ;AUTH= and the name of a mechanism")]
    Parameter,
    /// The mechanism is none that can be used here.
    #[error("the mechanism in the URL is not known here; leave ;AUTH= out to have one chosen")]
    Mechanism,
    /// The host is missing or malformed.
    #[error("the host in the URL is missing or cannot be read; an IPv6 address stands in [ ]")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("the port in the URL is not a number from 1 to 65535")]
    Port,
    /// Something follows the host and port. RFC 2384 section 3.
    #[error("a POP URL ends with the host and port; leave out the path")]
    Path,
}

impl Url {
    /// The user name, decoded.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The way to log in that the URL asks for; [`Method::Any`] for `AUTH=*` and for none.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// The host: a name or an address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own where the URL has none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(self.security.port())
    }

    /// What the scheme stands for: [`Security::StlsRequired`] or [`Security::ImplicitTls`].
    #[must_use]
    pub const fn security(&self) -> Security {
        self.security
    }
}

impl FromStr for Url {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidUrl::Scheme)?;
        let security = match scheme.to_ascii_lowercase().as_str() {
            "pop" | "pop3" => Security::StlsRequired,
            "pops" | "pop3s" => Security::ImplicitTls,
            _ => return Err(InvalidUrl::Scheme),
        };
        let (account, server) = match rest.rsplit_once('@') {
            Some((account, server)) => (Some(account), server),
            None => (None, rest),
        };
        let (user, method) = account.map(parse_account).transpose()?.unwrap_or_default();
        let (host, port) = parse_server(server)?;
        Ok(Self { security, user, method, host, port })
    }
}

/// `user[;AUTH=mechanism]`, RFC 2384 section 4.
fn parse_account(account: &str) -> Result<(Option<String>, Method), InvalidUrl> {
    let (user, parameter) = match account.split_once(';') {
        Some((user, parameter)) => (user, Some(parameter)),
        None => (account, None),
    };
    if user.contains(':') {
        return Err(InvalidUrl::Password);
    }
    let method = parameter.map(parse_parameter).transpose()?.unwrap_or_default();
    if user.is_empty() && parameter.is_some() {
        return Ok((None, method));
    }
    // An "@" is as people type it: the last one of the URL is the one before the host.
    let user = decode(&user.replace('@', "%40")).filter(|user| !user.is_empty()).ok_or(InvalidUrl::User)?;
    Ok((Some(user), method))
}

fn parse_parameter(parameter: &str) -> Result<Method, InvalidUrl> {
    let (name, value) = parameter.split_once('=').ok_or(InvalidUrl::Parameter)?;
    if !name.eq_ignore_ascii_case("AUTH") {
        return Err(InvalidUrl::Parameter);
    }
    let value = decode(value).ok_or(InvalidUrl::Mechanism)?;
    value.parse().map_err(|UnknownMethod| InvalidUrl::Mechanism)
}

fn parse_server(server: &str) -> Result<(String, Option<u16>), InvalidUrl> {
    if server.contains(['/', '?', '#']) {
        return Err(InvalidUrl::Path);
    }
    let (host, port) = match server.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or(InvalidUrl::Host)?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| InvalidUrl::Host)?;
            let port = match after.strip_prefix(':') {
                Some(port) => Some(port),
                None if after.is_empty() => None,
                None => return Err(InvalidUrl::Host),
            };
            (address.to_owned(), port)
        }
        None => {
            let (host, port) = match server.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (server, None),
            };
            let host = decode(host).filter(|host| is_host(host)).ok_or(InvalidUrl::Host)?;
            (host, port)
        }
    };
    let is_digits = |port: &str| port.bytes().all(|octet| octet.is_ascii_digit());
    let parse = |port: &str| port.parse().ok().filter(|&value| value > 0 && is_digits(port));
    let port = port.map(|port| parse(port).ok_or(InvalidUrl::Port)).transpose()?;
    Ok((host, port))
}

fn is_host(host: &str) -> bool {
    !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control() || "@[]:/".contains(c))
}

/// Undoes the percent-encoding; `None` for a bad one, for what has to be encoded, and for what is no
/// UTF-8 or holds controls. RFC 2384 section 4, RFC 6856.
fn decode(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            b' ' | b'@' | b'/' | b'"' | b'<' | b'>' => return None,
            octet => octet,
        });
    }
    String::from_utf8(octets).ok().filter(|text| !text.contains(char::is_control))
}

/// As RFC 2384 writes it, with what has to be encoded encoded.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.security {
            Security::ImplicitTls => "pops://",
            _ => "pop://",
        })?;
        if let Some(user) = &self.user {
            encode(user, f)?;
        }
        match self.method {
            Method::Sasl(mechanism) => write!(f, ";AUTH={mechanism}")?,
            Method::Apop => f.write_str(";AUTH=+APOP")?,
            Method::UserPass => f.write_str(";AUTH=+USER")?,
            Method::Any => {}
        }
        if self.user.is_some() || self.method != Method::Any {
            f.write_str("@")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            encode(&self.host, f)?;
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// `achar` of RFC 2384 section 5 goes as it is, everything else as `%XX`.
fn encode(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    text.bytes().try_for_each(|octet| {
        if octet.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,".contains(&octet) {
            write!(f, "{}", char::from(octet))
        } else {
            write!(f, "%{octet:02X}")
        }
    })
}

#[cfg(test)]
mod tests;
