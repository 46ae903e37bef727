//! `pop3-testkit profiles`.

use std::{path::Path, process::ExitCode};

use clap::Args;

use super::{arguments::HELP, said};
use crate::profile::{Profile, ProfileError, Quirk, Seen};

/// What to show.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Profiles {
    /// Show this one.
    #[arg(value_name = "NAME|FILE")]
    name: Option<String>,
}

impl Profiles {
    /// Shows it.
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.name {
            Some(name) => said::line(shown(&profile(name)?))?,
            None => {
                for profile in Profile::all() {
                    said::line(format_args!("{:<16} {}", profile.name(), profile.description()))?;
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A profile by its name, or by its path.
pub(super) fn profile(name: &str) -> Result<Profile, ProfileError> {
    let is_path = name.contains('/') || name.ends_with(".toml");
    if is_path { Profile::from_file(Path::new(name)) } else { Profile::named(name) }
}

fn shown(profile: &Profile) -> String {
    let mut lines = vec![format!("{}: {}", profile.name(), profile.description()), String::new()];
    lines.push(match profile.greeting() {
        Some(greeting) => format!("Greeting: {greeting}"),
        None => "Greeting: not known; the server's own".to_owned(),
    });
    match (profile.capabilities(), profile.capa_refusal()) {
        (Some(lists), _) => {
            for (name, list) in
                [("CAPA", &lists.plain), ("CAPA under TLS", &lists.tls), ("CAPA after login", &lists.login)]
            {
                lines.push(format!("{name}: {}", list.join("; ")));
            }
        }
        (None, Some(refusal)) => lines.push(format!("CAPA: {refusal}")),
        (None, None) => lines.push("CAPA: not known; the server's own".to_owned()),
    }
    for quirk in profile.quirks() {
        lines.push(String::new());
        lines.extend(quirk_lines(quirk));
    }
    lines.join("\n")
}

fn quirk_lines(quirk: &Quirk) -> Vec<String> {
    let mut lines = vec![format!("- {}", quirk.what()), format!("  source: {}", quirk.source())];
    lines.extend(quirk.rules().iter().map(|rule| format!("  fault: {rule}")));
    for words in quirk.words() {
        lines.push(format!("  words: {} {} -> {}", words.keyword, words.begins, words.line));
    }
    lines.extend(quirk.seen().map(|seen| format!("  seen in: {}", place(seen))));
    lines.extend(quirk.not_reproduced().map(|why| format!("  not reproduced: {why}")));
    lines
}

const fn place(seen: Seen) -> &'static str {
    match seen {
        Seen::Greeting => "the greeting",
        Seen::Capa => "CAPA",
        Seen::Mechanisms => "the mechanisms",
        Seen::Bearer => "how tokens are taken",
    }
}
