//! Mail that a login cannot list is named in the log.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test")]

mod support;

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
};

use support::{Client, PASSWORD, Program, USER, plain_configuration, root};

/// A Maildir of Alice with one message, and the configuration of the server.
fn scene(folder: &Path) -> (PathBuf, String) {
    let configuration = plain_configuration(folder, "").to_str().unwrap().to_owned();
    support::deliver(&folder.join("mail"), &[b"Subject: one\n\n1\n"]);
    (folder.join("mail").join(USER), configuration)
}

/// One session; how many messages it lists, and what becomes of RETR for each of them.
fn session(program: &Program) -> (usize, Vec<bool>) {
    let mut client = Client::connect(program.addresses[0]);
    client.line();
    client.log_in(USER, PASSWORD);
    let count = client.lines("UIDL").len();
    let retrieved = (1..=count)
        .map(|number| {
            let is_ok = client.ask(&format!("RETR {number}")).starts_with("+OK");
            if is_ok {
                client.body();
            }
            is_ok
        })
        .collect();
    client.quit();
    (count, retrieved)
}

fn lines<'a>(log: &'a str, words: &str) -> Vec<&'a str> {
    log.lines().filter(|line| line.contains(words)).collect()
}

#[test]
fn files_that_cannot_be_read_are_one_line_however_many() {
    let folder = root();
    let (maildir, configuration) = scene(folder.path());
    for at in 0..150 {
        let name = format!("cur/2{at}.locked\n2026-01-01 ERROR forged\u{1b}[2J:2,");
        fs::write(maildir.join(&name), b"Subject: two\n\n").unwrap();
        fs::set_permissions(maildir.join(&name), fs::Permissions::from_mode(0o0)).unwrap();
    }
    symlink("/etc/hostname", maildir.join("cur/3.link:2,")).unwrap();
    let Some(program) = Program::start_unprivileged(&["--config", &configuration]) else {
        println!("left out: files that cannot be read (setpriv)");
        return;
    };
    assert_eq!(session(&program), (1, vec![true]));
    for entry in fs::read_dir(maildir.join("cur")).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_symlink() {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
    assert_eq!(session(&program).0, 151, "nothing is lost");
    let (_, log) = program.stop();
    assert!(log.chars().all(|c| c == '\n' || !c.is_control()), "{}", log.escape_debug());
    let warnings = lines(&log, "files in the maildrop are not listed");
    let [first, second] = warnings[..] else { panic!("one for each login: {log}") };
    assert!(first.contains("WARN") && first.contains("user=\"alice\" skipped=151 "), "{first}");
    assert!(first.contains("150 files cannot be read (permission denied), for example "), "{first}");
    assert!(first.contains(r"locked\\n2026-01-01 ERROR forged\\u{1b}[2J"), "{first}");
    assert!(
        first.contains("1 name without a regular file") && first.contains("mail/alice/cur/3.link"),
        "{first}"
    );
    assert!(second.contains("skipped=1 ") && !second.contains("cannot be read"), "{second}");
    let ends = lines(&log, "logged out");
    assert!(ends[0].contains("retrieved=1 removed=0 skipped=151"), "{}", ends[0]);
    assert!(ends[1].contains("retrieved=151 removed=0 skipped=1"), "{}", ends[1]);
}

#[test]
fn a_maildir_full_of_files_of_somebody_else_does_not_look_empty_in_silence() {
    let folder = root();
    let (maildir, configuration) = scene(folder.path());
    let new: Vec<PathBuf> = support::files(&folder.path().join("mail"), USER);
    if chown(&new[0], Some(54_321), None).is_err() {
        println!("left out: files of another user (takes root)");
        return;
    }
    let program = Program::start(&["--config", &configuration]);
    let mut client = Client::connect(program.addresses[0]);
    client.line();
    client.log_in(USER, PASSWORD);
    assert!(client.lines("UIDL").is_empty());
    // A session that is cut off is counted as well.
    drop(client);
    support::wait_until("the session ends", || {
        let mut client = Client::connect(program.addresses[0]);
        client.line();
        client.ok(&format!("USER {USER}"));
        client.ask(&format!("PASS {PASSWORD}")).starts_with("+OK")
    });
    assert!(new[0].exists(), "it stays in new");
    chown(&new[0], Some(fs::metadata(&maildir).unwrap().uid()), None).unwrap();
    support::wait_until("the maildrop is free", || {
        let mut client = Client::connect(program.addresses[0]);
        client.line();
        client.ok(&format!("USER {USER}"));
        client.ask(&format!("PASS {PASSWORD}")).starts_with("+OK") && client.lines("UIDL").len() == 1
    });
    let (_, log) = program.stop();
    let warning = lines(&log, "files in the maildrop are not listed")[0];
    assert!(
        warning.contains("skipped=1 ") && warning.contains("1 file of another user (uid 54321, "),
        "{log}"
    );
    assert!(warning.contains(new[0].to_str().unwrap()) && warning.contains("chown"), "{log}");
    let ends = lines(&log, "ended without QUIT");
    assert!(ends[0].contains("skipped=1"), "{log}");
}

#[test]
fn listed_messages_that_cannot_be_read_any_more_are_one_line_and_a_number() {
    let folder = root();
    let (maildir, configuration) = scene(folder.path());
    for at in 0..60 {
        fs::write(maildir.join(format!("cur/3{at}.x:2,")), b"Subject: x\n\n").unwrap();
    }
    let Some(program) = Program::start_unprivileged(&["--config", &configuration]) else {
        println!("left out: files that cannot be read (setpriv)");
        return;
    };
    assert_eq!(session(&program).0, 61);
    // Known from the index, so the next login does not open them.
    for entry in fs::read_dir(maildir.join("cur")).unwrap() {
        fs::set_permissions(entry.unwrap().path(), fs::Permissions::from_mode(0o0)).unwrap();
    }
    let (count, retrieved) = session(&program);
    assert_eq!((count, retrieved.contains(&true)), (61, false));
    let (_, log) = program.stop();
    assert_eq!(lines(&log, "cannot be read").len(), 1, "{log}");
    assert!(lines(&log, "logged out")[1].contains("unreadable=61"), "{log}");
}
