//! Values that cannot be wrong once they were read.

use std::{
    fmt,
    net::SocketAddr,
    path::{Component, Path},
};

use pop3_proto::server::Catalogue;
use pop3_server::Mechanism as Sasl;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// What a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Plain,
    Stls,
    Tls,
}

impl From<Kind> for pop3_server::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Plain => Self::Plain,
            Kind::Stls => Self::Stls,
            Kind::Tls => Self::Tls,
        }
    }
}

/// Reads an address to listen on.
pub(in crate::program) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "`{}` is no IP address with a port; write it like 127.0.0.1:1995, 0.0.0.0:995 or [::]:995",
            text.escape_debug()
        )
    })
}

pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    parse_address(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// A mechanism that a users file is enough for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mechanism(pub(super) Sasl);

const MECHANISMS: [Sasl; 5] = [Sasl::ScramSha256, Sasl::ScramSha1, Sasl::Plain, Sasl::Login, Sasl::CramMd5];

impl<'de> Deserialize<'de> for Mechanism {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = Sasl::from_name(&name).filter(|mechanism| MECHANISMS.contains(mechanism));
        found.map(Self).ok_or_else(|| {
            let names: Vec<_> = MECHANISMS.iter().map(|mechanism| mechanism.name()).collect();
            let name = name.escape_debug();
            D::Error::custom(format!(
                "{name} is no mechanism of this server; choose from {}",
                names.join(", ")
            ))
        })
    }
}

impl Serialize for Mechanism {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

/// A language of LANG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    En,
    De,
}

impl Language {
    pub(super) const fn catalogue(self) -> Catalogue {
        match self {
            Self::En => Catalogue::ENGLISH,
            Self::De => Catalogue::GERMAN,
        }
    }
}

/// Seconds of the inactivity autologout timer. RFC 1939 section 3.
pub(super) fn autologout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    at_least(deserializer, 600, "seconds are less than RFC 1939 allows for the autologout timer")
}

/// A number that 0 would make nonsense of.
pub(super) fn positive<'de, D, N>(deserializer: D) -> Result<N, D::Error>
where
    D: Deserializer<'de>,
    N: Deserialize<'de> + PartialOrd + fmt::Display + TryFrom<u64>,
{
    let number = N::deserialize(deserializer)?;
    if N::try_from(0).is_ok_and(|zero| number > zero) {
        Ok(number)
    } else {
        Err(D::Error::custom(format!("{number} would let nobody in; use 1 or more")))
    }
}

pub(super) fn optional_positive<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<usize>, D::Error> {
    positive(deserializer).map(Some)
}

fn at_least<'de, D: Deserializer<'de>>(deserializer: D, least: u64, what: &str) -> Result<u64, D::Error> {
    let seconds = u64::deserialize(deserializer)?;
    if seconds >= least {
        Ok(seconds)
    } else {
        Err(D::Error::custom(format!("{seconds} {what}; use {least} or more")))
    }
}

/// The text of the greeting.
pub(super) fn greeting<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_bad = |c: char| c.is_control() || c == '<' || !c.is_ascii();
    if text.len() > 400 || text.starts_with('[') || text.contains(is_bad) {
        return Err(D::Error::custom(
            "this text would confuse mail programs; use at most 400 ASCII characters, no `<`, no `[` in front",
        ));
    }
    Ok(text)
}

/// A token of CAPA.
pub(super) fn token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() || text.len() > 200 || !text.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(D::Error::custom(
            "this is no product name for CAPA; use ASCII characters without spaces",
        ));
    }
    Ok(Some(text))
}

/// A path below the directory of a user. An absolute one would give all users the same mail.
pub(super) fn below<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let path = String::deserialize(deserializer)?;
    let is_below = Path::new(&path).components().all(|part| matches!(part, Component::Normal(_)));
    if path.is_empty() || path.contains('\0') || !is_below {
        return Err(D::Error::custom(format!(
            "`{}` is not a path below the directory of a user; write it like Maildir, without / in front and without ..",
            path.escape_debug()
        )));
    }
    Ok(Some(path))
}

pub(super) fn non_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let values = Vec::deserialize(deserializer)?;
    if values.is_empty() {
        Err(D::Error::custom("this list is empty; name at least one"))
    } else {
        Ok(values)
    }
}
