//! Reads profiles from TOML, and says where one is wrong.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::Spanned;

use pop3_sasl::Mechanism;

use super::{Capa, Capabilities, Profile, Quirk, Seen, Words, embedded};
use crate::{fault::Rule, server::BearerForm};

/// Why there is no such profile.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// No profile of this crate has this name.
    #[error(
        "there is no profile {name}; choose one of {}, or name a file by a path that ends in .toml",
        embedded::FILES.map(|(name, _)| name).join(", ")
    )]
    Unknown {
        /// The name.
        name: Box<str>,
    },
    /// The file cannot be read.
    #[error("cannot read the profile {}: {source}; name a TOML file with a profile", path.display())]
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The text is no profile.
    #[error("{}line {line}: {what}", file(path.as_deref()))]
    Toml {
        /// The file, if it came from one.
        path: Option<PathBuf>,
        /// Counted from 1.
        line: usize,
        /// What is wrong there, and what to write instead.
        what: Box<str>,
    },
}

/// The sentence, since a test that returns it prints this.
impl fmt::Debug for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn file(path: Option<&Path>) -> String {
    match path {
        Some(path) => format!("the profile {}, ", path.display()),
        None => "the profile, ".to_owned(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Spanned<String>,
    description: String,
    greeting: Option<Spanned<String>>,
    capa: Option<Spanned<CapaTable>>,
    #[serde(default)]
    login: LoginTable,
    #[serde(default)]
    quirk: Vec<Spanned<QuirkTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CapaTable {
    plain: Option<Vec<Spanned<String>>>,
    tls: Option<Vec<Spanned<String>>>,
    login: Option<Vec<Spanned<String>>>,
    refused: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginTable {
    mechanisms: Option<Vec<Spanned<String>>>,
    bearer: Option<BearerWord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum BearerWord {
    OneLine,
    TwoLine,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct QuirkTable {
    what: String,
    source: String,
    #[serde(default)]
    rules: Vec<Spanned<String>>,
    #[serde(default)]
    words: Vec<[Spanned<String>; 3]>,
    seen: Option<SeenWord>,
    not_reproduced: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SeenWord {
    Greeting,
    Capa,
    Mechanisms,
    Bearer,
}

pub(super) fn from_file(path: &Path) -> Result<Profile, ProfileError> {
    let text = fs::read_to_string(path)
        .map_err(|source| ProfileError::Unreadable { path: path.to_owned(), source })?;
    read(&text).map_err(|error| match error {
        ProfileError::Toml { path: None, line, what } => {
            ProfileError::Toml { path: Some(path.to_owned()), line, what }
        }
        other => other,
    })
}

pub(super) fn read(text: &str) -> Result<Profile, ProfileError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        Source(text).wrong(start, error.message())
    })?;
    file.into_profile(&Source(text))
}

/// The text, to find lines in it.
struct Source<'t>(&'t str);

impl Source<'_> {
    /// Something is wrong at this octet.
    fn wrong(&self, octet: usize, what: impl Into<Box<str>>) -> ProfileError {
        let before = self.0.as_bytes().iter().take(octet);
        let line = before.filter(|octet| **octet == b'\n').count() + 1;
        ProfileError::Toml { path: None, line, what: what.into() }
    }

    fn check<T>(&self, value: &Spanned<T>, is_right: bool, what: &str) -> Result<(), ProfileError> {
        if is_right { Ok(()) } else { Err(self.wrong(value.span().start, what)) }
    }

    /// A line as it goes over the wire, without its end.
    fn line(&self, line: Spanned<String>) -> Result<String, ProfileError> {
        let is_line = !line.get_ref().is_empty() && !line.get_ref().chars().any(char::is_control);
        self.check(&line, is_line, "this has to be one line, not empty and without CR and LF")?;
        Ok(line.into_inner())
    }

    fn lines(&self, lines: Vec<Spanned<String>>) -> Result<Vec<String>, ProfileError> {
        lines.into_iter().map(|line| self.line(line)).collect()
    }

    fn mechanisms(&self, names: &[Spanned<String>]) -> Result<Vec<Mechanism>, ProfileError> {
        let mechanism = |name: &Spanned<String>| {
            let mechanism = Mechanism::from_name(name.get_ref());
            mechanism.ok_or_else(|| {
                let known = Mechanism::ALL.map(Mechanism::name).join(", ");
                self.wrong(
                    name.span().start,
                    format!("there is no mechanism {}; there are {known}", name.get_ref()),
                )
            })
        };
        names.iter().map(mechanism).collect()
    }

    fn words(&self, [keyword, begins, line]: [Spanned<String>; 3]) -> Result<Words, ProfileError> {
        let is_keyword = keyword.get_ref().bytes().all(|octet| octet.is_ascii_uppercase());
        self.check(&keyword, is_keyword, "words begin with the keyword of a command, as in PASS")?;
        let (begins, line) = (self.line(begins)?.into(), self.line(line)?.into());
        Ok(Words { keyword: keyword.into_inner().into(), begins, line })
    }

    fn rule(&self, text: &Spanned<String>) -> Result<Rule, ProfileError> {
        let parsed = text.get_ref().parse::<Rule>();
        parsed.map_err(|error| self.wrong(text.span().start, error.to_string()))
    }
}

impl File {
    fn into_profile(self, source: &Source<'_>) -> Result<Profile, ProfileError> {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        let name = self.name.get_ref();
        let is_right = !name.is_empty() && name.chars().all(is_name);
        source.check(&self.name, is_right, "a name is made of lower case letters, digits, - and .")?;
        let greeting = self.greeting.map(|greeting| source.line(greeting)).transpose()?;
        let quirks = self.quirk.into_iter().map(|quirk| quirk_of(quirk, source)).collect::<Result<_, _>>()?;
        Ok(Profile {
            name: self.name.into_inner().into(),
            description: self.description.into(),
            greeting: greeting.map(Into::into),
            capa: self.capa.map(|capa| capa_of(capa, source)).transpose()?.unwrap_or_default(),
            mechanisms: self.login.mechanisms.map(|names| source.mechanisms(&names)).transpose()?,
            bearer: self.login.bearer.map(|bearer| match bearer {
                BearerWord::OneLine => BearerForm::OneLine,
                BearerWord::TwoLine => BearerForm::TwoLine,
            }),
            quirks,
        })
    }
}

fn capa_of(table: Spanned<CapaTable>, source: &Source<'_>) -> Result<Capa, ProfileError> {
    let start = table.span().start;
    let capa = table.into_inner();
    let are_listed = capa.plain.is_some() || capa.tls.is_some() || capa.login.is_some();
    if let Some(refused) = capa.refused {
        let is_right = refused.get_ref().starts_with("-ERR") && !are_listed;
        source.check(
            &refused,
            is_right,
            "this begins with -ERR, and no list of capabilities goes with it",
        )?;
        return Ok(Capa::Refused(source.line(refused)?.into()));
    }
    let Some(plain) = capa.plain else {
        return Err(source.wrong(start, "[capa] needs `plain`, or `refused` where the server knows no CAPA"));
    };
    let plain = source.lines(plain)?;
    let tls = match capa.tls {
        Some(tls) => source.lines(tls)?,
        None => plain.iter().filter(|line| !line.eq_ignore_ascii_case("STLS")).cloned().collect(),
    };
    let login = capa.login.map(|login| source.lines(login)).transpose()?.unwrap_or_else(|| tls.clone());
    Ok(Capa::Listed(Capabilities { plain, tls, login }))
}

fn quirk_of(table: Spanned<QuirkTable>, source: &Source<'_>) -> Result<Quirk, ProfileError> {
    let start = table.span().start;
    let quirk = table.into_inner();
    if quirk.what.trim().is_empty() || quirk.source.trim().is_empty() {
        return Err(source.wrong(start, "a quirk says what, and its source, or `not verified`"));
    }
    if quirk.rules.is_empty()
        && quirk.words.is_empty()
        && quirk.seen.is_none()
        && quirk.not_reproduced.is_none()
    {
        let what = "a quirk has `rules`, `words` or `seen`, or says in `not-reproduced` why it has none";
        return Err(source.wrong(start, what));
    }
    Ok(Quirk {
        what: quirk.what.into(),
        source: quirk.source.into(),
        rules: quirk.rules.iter().map(|rule| source.rule(rule)).collect::<Result<_, _>>()?,
        words: quirk.words.into_iter().map(|words| source.words(words)).collect::<Result<_, _>>()?,
        seen: quirk.seen.map(|seen| match seen {
            SeenWord::Greeting => Seen::Greeting,
            SeenWord::Capa => Seen::Capa,
            SeenWord::Mechanisms => Seen::Mechanisms,
            SeenWord::Bearer => Seen::Bearer,
        }),
        not_reproduced: quirk.not_reproduced.map(Into::into),
    })
}
