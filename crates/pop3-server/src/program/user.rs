//! `pop3-server user`.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use pop3_server::users::{NewSecrets, UsersFileEditor, check_name};
use zeroize::Zeroizing;

use super::{arguments::User, configuration::Configuration, files};

pub(super) fn run(configuration: &Configuration, command: &User) -> anyhow::Result<()> {
    match command {
        User::Add { name, generate } => add(configuration, name, *generate),
        User::Remove { name } => remove(configuration, name),
        User::List { postfix } => list(configuration, postfix),
    }
}

fn add(configuration: &Configuration, name: &str, generate: bool) -> anyhow::Result<()> {
    check_name(name).with_context(|| format!("{} cannot be a user name", name.escape_debug()))?;
    let password = if generate { Zeroizing::new(files::password()?) } else { ask(name)? };
    if let Some(warning) = configuration.unfit_for_pass(name, &password) {
        tracing::warn!("{warning}");
    }
    let secrets = NewSecrets::derive(&password)?;
    // The file is held only now: a person may take their time with a password.
    let mut editor = UsersFileEditor::open(&configuration.users.file)?;
    let is_new = editor.set(name, &secrets)?;
    if let Some(other) = editor.alike(name) {
        tracing::warn!(
            "the user {other} differs from {name} in capitals alone; mail that is addressed to neither of the two \
             spellings waits undelivered, remove one of them with `user remove`"
        );
    }
    editor.save()?;
    let mut out = io::stdout().lock();
    let did = if is_new { "Added" } else { "Gave a new password to" };
    writeln!(out, "{did} {name} in {}.", configuration.users.file.display())?;
    if generate {
        writeln!(out, "{}", *password)?;
    }
    Ok(())
}

fn ask(name: &str) -> anyhow::Result<Zeroizing<String>> {
    if !io::stdin().is_terminal() {
        let mut line = Zeroizing::new(String::new());
        io::stdin().lock().read_line(&mut line).context("cannot read the password from stdin")?;
        let password = line.strip_suffix('\n').unwrap_or(&line);
        let password = Zeroizing::new(password.strip_suffix('\r').unwrap_or(password).to_owned());
        if password.is_empty() {
            bail!("the first line of stdin is empty; the password has to stand there, or use --generate");
        }
        return Ok(password);
    }
    let prompt = |text: String| rpassword::prompt_password(text).context("cannot ask for the password");
    let password = Zeroizing::new(prompt(format!("Password for {name}: "))?);
    if *password != *Zeroizing::new(prompt("Again: ".into())?) {
        bail!("the two passwords differ; nothing was changed, try again");
    }
    Ok(password)
}

fn remove(configuration: &Configuration, name: &str) -> anyhow::Result<()> {
    let file = configuration.users.file.display();
    let mut editor = UsersFileEditor::open(&configuration.users.file)?;
    if !editor.remove(name) {
        bail!("there is no user {} in {file}; `user list` shows who is there", name.escape_debug());
    }
    editor.save()?;
    writeln!(io::stdout(), "Removed {name} from {file}; the mail is still there.")?;
    Ok(())
}

/// Each name on a line; or, for domains, each address and the user that it belongs to, as Postfix reads it.
fn list(configuration: &Configuration, domains: &[String]) -> anyhow::Result<()> {
    let users = configuration.known_users()?.users()?;
    let mut out = io::stdout().lock();
    for name in users.names() {
        if domains.is_empty() {
            writeln!(out, "{name}")?;
        } else if name.contains('@') {
            writeln!(out, "{name} {name}")?;
        } else {
            domains.iter().try_for_each(|domain| writeln!(out, "{name}@{domain} {name}"))?;
        }
    }
    Ok(())
}
