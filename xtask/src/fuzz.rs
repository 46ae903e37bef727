//! Fuzzing of the core: seeds from the transcripts, then libFuzzer by way of cargo-fuzz.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::process;
use crate::transcripts::{self, Line, Speaker};
use crate::workspace::Workspace;

const VERSION: &str = "0.13.2";

/// The crate whose folder `fuzz` holds the targets.
const CRATE: &str = "crates/pop3-proto";

/// Each target and what it is fed with.
const TARGETS: [(&str, Seed); 6] = [
    ("command", Seed::EachLine(Speaker::Client)),
    ("response", Seed::EachLine(Speaker::Server)),
    ("client_session", Seed::Whole(Speaker::Server)),
    ("server_session", Seed::Whole(Speaker::Client)),
    ("body", Seed::Whole(Speaker::Server)),
    ("value_to_octets_and_back", Seed::Whole(Speaker::Client)),
];

/// How a transcript becomes seeds.
#[derive(Clone, Copy, Debug)]
enum Seed {
    /// One seed per line that this side says.
    EachLine(Speaker),
    /// One seed: all that this side says.
    Whole(Speaker),
}

/// Runs the named targets, or all, each for so many seconds. False when one found something.
pub(crate) fn run(workspace: &Workspace, seconds: u32, names: &[String]) -> anyhow::Result<bool> {
    let targets = chosen(names)?;
    let folder = workspace.root().join(CRATE);
    if !folder.join("fuzz/Cargo.toml").is_file() {
        bail!("{CRATE}/fuzz/Cargo.toml is not there: no target to fuzz");
    }
    install(workspace)?;
    let mut is_clean = true;
    for (target, seed) in targets {
        let count = plant(workspace.root(), &folder.join("fuzz/corpus").join(target), *seed)?;
        println!("\n=== fuzz {target}: {count} seeds, {seconds} s");
        let mut command = workspace.cargo();
        command
            .current_dir(&folder)
            .args(["fuzz", "run", target, "--", &format!("-max_total_time={seconds}")])
            .env("RUSTC_BOOTSTRAP", "1");
        let log = workspace.scratch().join(format!("logs/fuzz-{target}.txt"));
        if !process::show(&mut command, &log)? {
            println!("{target} found something; the input is in {CRATE}/fuzz/artifacts/{target}");
            is_clean = false;
        }
    }
    Ok(is_clean)
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static (&'static str, Seed)>> {
    if names.is_empty() {
        return Ok(TARGETS.iter().collect());
    }
    let find = |name: &String| {
        TARGETS.iter().find(|(target, _)| target == name).with_context(|| {
            let known: Vec<_> = TARGETS.iter().map(|(target, _)| *target).collect();
            format!("there is no fuzz target {name}; the targets are {}", known.join(", "))
        })
    };
    names.iter().map(find).collect()
}

fn install(workspace: &Workspace) -> anyhow::Result<()> {
    if process::succeeds(workspace.cargo().args(["fuzz", "--version"])) {
        return Ok(());
    }
    println!("installing cargo-fuzz {VERSION}, which takes a few minutes");
    let mut command = workspace.cargo();
    command.args(["install", "--locked", &format!("cargo-fuzz@{VERSION}")]);
    if process::show(&mut command, &workspace.scratch().join("logs/cargo-fuzz.txt"))? {
        Ok(())
    } else {
        bail!("cargo-fuzz {VERSION} could not be installed")
    }
}

/// Writes the seeds of a target and says how many there are.
fn plant(root: &Path, corpus: &Path, seed: Seed) -> anyhow::Result<usize> {
    fs::create_dir_all(corpus).with_context(|| format!("cannot create {}", corpus.display()))?;
    let mut count = 0;
    for path in transcripts::all(root)? {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        for octets in seeds(&transcripts::lines(&text), seed) {
            let file: PathBuf = corpus.join(format!("transcript-{count:05}"));
            fs::write(&file, octets).with_context(|| format!("cannot write {}", file.display()))?;
            count += 1;
        }
    }
    Ok(count)
}

fn seeds(lines: &[Line], seed: Seed) -> Vec<Vec<u8>> {
    let said_by = |speaker: Speaker| lines.iter().filter(move |line| line.speaker == speaker);
    match seed {
        Seed::EachLine(speaker) => said_by(speaker).map(|line| line.octets.clone()).collect(),
        Seed::Whole(speaker) => {
            let all: Vec<u8> = said_by(speaker).flat_map(|line| line.octets.clone()).collect();
            if all.is_empty() { Vec::new() } else { vec![all] }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_becomes_lines_or_one_whole() {
        let lines = transcripts::lines("S: +OK hi\nC: NOOP\nS: +OK\nC: QUIT\n");
        assert_eq!(
            seeds(&lines, Seed::EachLine(Speaker::Client)),
            [b"NOOP\r\n".to_vec(), b"QUIT\r\n".to_vec()]
        );
        assert_eq!(seeds(&lines, Seed::Whole(Speaker::Server)), [b"+OK hi\r\n+OK\r\n".to_vec()]);
        assert!(seeds(&[], Seed::Whole(Speaker::Server)).is_empty());
    }

    #[test]
    fn an_unknown_target_is_named() {
        let error = chosen(&["nothing".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("nothing"));
        assert_eq!(chosen(&[]).unwrap().len(), 6);
    }
}
