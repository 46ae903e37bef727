use alloc::{borrow::Cow, boxed::Box, sync::Arc, vec, vec::Vec};
use core::{ops::Deref, time::Duration};

use super::text::Catalogue;
use crate::types::{Expire, Mechanism};

/// What a server offers and how patient it is. [`Config::new`] checks it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Policy {
    /// The greeting's text, without a timestamp.
    pub greeting: Box<str>,
    /// Whether USER and PASS are offered. RFC 1939 section 7.
    pub user_pass: bool,
    /// The mechanisms of AUTH, in the order they are announced. RFC 5034.
    pub mechanisms: Vec<OfferedMechanism>,
    /// Whether a plaintext password may pass without TLS. RFC 2595 section 2.3.
    pub allow_plaintext_without_tls: bool,
    /// Whether STLS is offered: there is a usable certificate. RFC 2595 section 4.
    pub stls: bool,
    /// UTF-8 mode, if it is offered; `user` says that names and passwords may be UTF-8. RFC 6856.
    pub utf8: Option<Utf8Support>,
    /// The languages of LANG; the first is the default. With one alone, LANG is not offered. RFC 6856.
    pub languages: Vec<Catalogue>,
    /// What CAPA says about retention. RFC 2449 section 6.7.
    pub expire: Option<Expire>,
    /// Seconds between logins, the largest of all users, if such a delay is enforced. RFC 2449 section 6.5.
    pub login_delay: Option<u32>,
    /// Whether the delay between logins differs by user.
    pub login_delay_per_user: bool,
    /// The product token that CAPA shows after login, if any. RFC 2449 section 6.9.
    pub implementation: Option<Box<str>>,
    /// The most octets of a command line, CRLF included; at least 255. RFC 2449 section 4.
    pub max_line: usize,
    /// The most octets of an AUTH line, CRLF included; naive clients send long initial responses. The
    /// default leaves room for a token of 16 KiB in base64.
    pub max_auth_line: usize,
    /// The most octets of a line in a SASL exchange. RFC 5034 section 4.
    pub max_sasl_line: usize,
    /// The most challenges in one SASL exchange whose answers are looked at; RFC 5034 section 4.
    pub max_sasl_rounds: u32,
    /// Whether a line may end in LF alone.
    pub accept_lf: bool,
    /// How long a session in TRANSACTION may be idle; at least 10 minutes. RFC 1939 section 3.
    pub autologout: Duration,
    /// How long a session in AUTHORIZATION may be idle.
    pub authorization_idle: Duration,
    /// How long a session may stay in AUTHORIZATION altogether.
    pub authorization_total: Duration,
    /// Wrong commands in a row that end a session in AUTHORIZATION.
    pub max_errors_before_login: u32,
    /// Wrong commands in a row that end a session in TRANSACTION.
    pub max_errors_after_login: u32,
    /// Failed logins that end a session.
    pub max_failed_logins: u32,
    /// Over-long lines that end a session.
    pub max_long_lines: u32,
}

/// A mechanism of AUTH, and whether it shows the password to whoever listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedMechanism {
    /// Its name.
    pub mechanism: Mechanism<'static>,
    /// The password or token travels readably: TLS is needed.
    pub is_plaintext: bool,
}

impl OfferedMechanism {
    /// A mechanism that may be used without TLS.
    #[must_use]
    pub const fn safe(mechanism: Mechanism<'static>) -> Self {
        Self { mechanism, is_plaintext: false }
    }

    /// A mechanism that needs TLS.
    #[must_use]
    pub const fn plaintext(mechanism: Mechanism<'static>) -> Self {
        Self { mechanism, is_plaintext: true }
    }
}

/// What of RFC 6856 is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Utf8Support {
    /// Names and passwords may be UTF-8.
    pub user: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            greeting: "POP3 server ready".into(),
            user_pass: true,
            mechanisms: Vec::new(),
            allow_plaintext_without_tls: false,
            stls: true,
            utf8: None,
            languages: vec![Catalogue::ENGLISH],
            expire: Some(Expire::Never),
            login_delay: None,
            login_delay_per_user: false,
            implementation: None,
            max_line: 255,
            max_auth_line: 24 * 1024,
            max_sasl_line: 64 * 1024,
            max_sasl_rounds: 10,
            accept_lf: true,
            autologout: Duration::from_secs(600),
            authorization_idle: Duration::from_secs(60),
            authorization_total: Duration::from_secs(180),
            max_errors_before_login: 10,
            max_errors_after_login: 25,
            max_failed_logins: 3,
            max_long_lines: 3,
        }
    }
}

/// Why a [`Policy`] was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPolicy {
    /// RFC 1939 section 3.
    #[error("the inactivity autologout timer is {} s, but RFC 1939 wants at least 600 s", got.as_secs())]
    AutologoutTooShort {
        /// What was asked for.
        got: Duration,
    },
    /// RFC 2449 section 4.
    #[error("command lines are limited to {got} octets, but RFC 2449 wants at least 255")]
    LineTooShort {
        /// What was asked for.
        got: usize,
    },
    /// RFC 1939 section 4 wants at least one way to log in.
    #[error("no way to log in is left: enable USER/PASS or a mechanism, and TLS for those that need it")]
    NoLogin,
    /// The greeting could not be sent so.
    #[error("the greeting holds a control octet, begins with `[`, holds `<`, or is longer than 400 octets")]
    Greeting,
    /// No language, or a tag or a text that no response could carry.
    #[error(
        "the languages need at least one catalogue, each with a well-formed tag, and texts of at most 400 \
         octets without controls that do not begin with `[`"
    )]
    Languages,
    /// What APOP signs has to look like a message-id. RFC 1939 section 7.
    #[error("the timestamp for APOP is not of the form <unique@host>, or is longer than 100 octets")]
    Timestamp,
}

/// A checked [`Policy`]; a clone shares it.
#[derive(Debug, Clone)]
pub struct Config(Arc<Policy>);

impl Config {
    /// Checks a policy.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy`] says which rule it breaks.
    pub fn new(policy: Policy) -> Result<Self, InvalidPolicy> {
        if policy.autologout < Duration::from_secs(600) {
            return Err(InvalidPolicy::AutologoutTooShort { got: policy.autologout });
        }
        if policy.max_line < 255 {
            return Err(InvalidPolicy::LineTooShort { got: policy.max_line });
        }
        let greeting = policy.greeting.as_bytes();
        let is_bad = |octet: &u8| octet.is_ascii_control() || *octet == b'<';
        if greeting.len() > 400 || greeting.first() == Some(&b'[') || greeting.iter().any(is_bad) {
            return Err(InvalidPolicy::Greeting);
        }
        let is_tag = |catalogue: &Catalogue| {
            catalogue.tag != "*" && crate::types::LanguageTag::new(Cow::Borrowed(catalogue.tag)).is_ok()
        };
        let is_good = |catalogue: &Catalogue| is_tag(catalogue) && catalogue.is_sendable();
        if policy.languages.is_empty() || !policy.languages.iter().all(is_good) {
            return Err(InvalidPolicy::Languages);
        }
        Ok(Self(Arc::new(policy)))
    }
}

impl Deref for Config {
    type Target = Policy;

    fn deref(&self) -> &Policy {
        &self.0
    }
}

/// What is particular to one connection.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// TLS is up already: implicit TLS. RFC 8314 section 3.
    pub is_tls: bool,
    /// The greeting's timestamp, unique for every connection, brackets included; with it APOP is offered.
    /// RFC 1939 section 7.
    pub apop_timestamp: Option<Box<str>>,
}

impl Connection {
    /// Whether the timestamp, if there is one, is what APOP needs, and leaves room for the greeting.
    pub(super) fn is_timestamp_good(&self) -> bool {
        self.apop_timestamp.as_deref().is_none_or(|timestamp| {
            timestamp.len() <= 100
                && crate::grammar::greeting_timestamp(timestamp.as_bytes()) == Some(timestamp)
        })
    }
}

impl Policy {
    /// Whether there is any way to log in over such a connection, perhaps after STLS.
    pub(super) fn can_log_in(&self, connection: &Connection) -> bool {
        let tls = connection.is_tls || self.stls || self.allow_plaintext_without_tls;
        connection.apop_timestamp.is_some()
            || (self.user_pass && tls)
            || self.mechanisms.iter().any(|offered| !offered.is_plaintext || tls)
    }
}
