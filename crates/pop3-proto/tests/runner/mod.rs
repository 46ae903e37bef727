//! Plays transcripts; `tests/transcripts/README.md` says what they are.

mod client;
mod feed;
mod script;
mod server;
mod setup;

use std::{fmt::Debug, path::Path};

use feed::Feed;
use script::{Role, Script, Step, Wrong};

/// Plays one file on the machines it is for, in all the pieces that octets can come in.
pub(crate) fn run(path: &Path) -> Result<(), String> {
    let script = Script::read(path).map_err(|error| error.to_string())?;
    if script.role != Role::Client {
        compare(said(&script, true), |feed| server::play(&script, feed)).map_err(in_role("server"))?;
    }
    if script.role != Role::Server {
        compare(said(&script, false), |feed| client::play(&script, feed)).map_err(in_role("client"))?;
    }
    Ok(())
}

fn in_role(role: &str) -> impl Fn(String) -> String {
    move |error| format!("as {role}: {error}")
}

/// Every way to feed has to give what feeding whole segments gives.
fn compare<T: PartialEq + Debug>(
    octets: usize,
    play: impl Fn(Feed) -> Result<T, Wrong>,
) -> Result<(), String> {
    let whole = play(Feed::Whole).map_err(|error| error.to_string())?;
    for feed in Feed::all(octets) {
        let outcome = play(feed).map_err(|error| format!("{feed:?}: {error}"))?;
        if outcome != whole {
            return Err(format!("{feed:?} gives\n  {outcome:?}\nand whole segments give\n  {whole:?}"));
        }
    }
    Ok(())
}

/// How many octets one side says.
fn said(script: &Script, is_client: bool) -> usize {
    let octets = |step: &Step| match step {
        Step::Client(run) if is_client => run.iter().map(|said| said.octets.len()).sum(),
        Step::Server(run) if !is_client => run.iter().map(|said| client::octets(said).len()).sum(),
        _ => 0,
    };
    script.steps.iter().map(octets).sum()
}

/// `PlaintextAfterStls` as `plaintext-after-stls`; fields are left out.
fn kebab(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    let name: &str = text.split([' ', '(']).next().unwrap_or_default();
    let mut out = String::new();
    for (at, letter) in name.char_indices() {
        if at > 0 && letter.is_ascii_uppercase() {
            out.push('-');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// Octets as text, with escapes for what is not printable.
fn shown(octets: &[u8]) -> String {
    octets.escape_ascii().to_string()
}
