//! `deliver` as a mail transfer agent calls it: what it has accepted is never refused for its form.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test")]

mod support;

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::Write as _,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    },
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use support::{Client, PASSWORD, Program, USER, files, plain_configuration, root};
use tempfile::TempDir;

const MESSAGE: &[u8] = b"Subject: x\n\nbody\n";

struct Site {
    folder: TempDir,
    configuration: PathBuf,
}

impl Site {
    fn new(users: &[&str]) -> Self {
        let folder = root();
        let configuration = plain_configuration(folder.path(), "");
        let lines: String = users.iter().map(|name| format!("{name}:{{PLAIN}}{PASSWORD}\n")).collect();
        fs::write(folder.path().join("users"), lines).unwrap();
        Self { folder, configuration }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Any command of the program, with something on stdin.
    fn run<S: AsRef<OsStr>>(&self, arguments: &[S], stdin: &[u8]) -> Output {
        let mut command = Program::command(&[]);
        command.arg("--config").arg(&self.configuration).args(arguments).stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(stdin);
        child.wait_with_output().unwrap()
    }

    /// The exit status of `deliver`, and what it said.
    fn deliver<S: AsRef<OsStr>>(&self, arguments: &[S], message: &[u8]) -> (i32, String) {
        let mut all = vec![OsString::from("deliver")];
        all.extend(arguments.iter().map(|argument| argument.as_ref().to_owned()));
        let output = self.run(&all, message);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// What a user has got, and takes it away.
    fn take(&self, user: &str) -> Vec<Vec<u8>> {
        let take = |path: PathBuf| {
            let octets = fs::read(&path).unwrap();
            fs::remove_file(path).unwrap();
            octets
        };
        files(&self.path("mail"), user).into_iter().map(take).collect()
    }
}

#[test]
fn the_user_is_found_however_the_address_is_written() {
    let site = Site::new(&["alice", "Bob", "carol@example.org", "dave+lists"]);
    for (recipient, user) in [
        ("alice", "alice"),
        ("ALICE", "alice"),
        ("bob", "Bob"),
        ("alice+holiday", "alice"),
        ("Dave+Lists", "dave+lists"),
        ("CAROL+x@Example.Org", "carol@example.org"),
        ("Alice@example.org", "alice"),
    ] {
        assert_eq!(
            site.deliver(&["--sender=b@c", "--", recipient], MESSAGE),
            (0, String::new()),
            "{recipient}"
        );
        assert_eq!(site.take(user).len(), 1, "{recipient}");
    }
    assert_eq!(site.deliver(&["--recipient-delimiter=-_", "alice_x"], MESSAGE).0, 0);
    for (arguments, shown) in [
        (&["nobody"][..], "nobody"),
        (&["--recipient-delimiter=", "alice+x"], "alice+x"),
        (&["no\tbody\n"], r"no\tbody\n"),
        (&["../alice"], "../alice"),
        (&["dave"], "dave"),
        (&["--", "-alice"], "-alice"),
    ] {
        let (status, said) = site.deliver(arguments, MESSAGE);
        assert_eq!(
            (status, said),
            (67, format!("pop3-server: there is no user {shown}; nothing was delivered\n"))
        );
    }
}

#[test]
fn what_an_operator_has_to_decide_waits_in_the_queue() {
    let site = Site::new(&["eve", "Eve", "alice"]);
    let (status, said) = site.deliver(&["EVE"], MESSAGE);
    assert_eq!(status, 75);
    assert!(
        said.contains("differ from EVE in capitals alone") && said.contains("rename all but one"),
        "{said}"
    );
    assert_eq!(site.deliver(&["Eve"], MESSAGE).0, 0);
    let (status, said) = site.deliver(&["alice", "eve"], MESSAGE);
    assert_eq!(status, 75);
    assert!(said.contains("pop3_destination_recipient_limit = 1"), "{said}");
    assert_eq!(site.deliver(&["alice"], b"").0, 75);
    fs::write(site.path("users"), "broken\n").unwrap();
    assert_eq!(site.deliver(&["alice"], MESSAGE).0, 75);
    assert!(site.take("alice").is_empty() && site.take("eve").is_empty());
}

// Conformance: M-5321-03
#[test]
fn every_sender_is_taken() {
    let site = Site::new(&[USER]);
    let long = format!("{}@example.org", "l".repeat(2000));
    for (sender, expected) in [
        (&b""[..], &b"<>"[..]),
        (b"<>", b"<>"),
        (b"\"john doe\"@example.org", b"<\"john doe\"@example.org>"),
        (b"john doe@example.org", b"<\"john doe\"@example.org>"),
        ("jörg@bücher.example".as_bytes(), "<jörg@bücher.example>".as_bytes()),
        (b"j\xf6rg@example.org", b"<j\xf6rg@example.org>"),
        (b"-x@example.org", b"<-x@example.org>"),
        (b"a\nBcc: b@c", b"<\"a?Bcc: b\"@c>"),
        (long.as_bytes(), &[b"<", long.as_bytes(), b">"].concat()),
    ] {
        let argument = OsStr::from_bytes(&[b"--sender=", sender].concat()).to_owned();
        let (status, said) = site.deliver(&[argument, "--".into(), USER.into()], MESSAGE);
        assert_eq!((status, &*said), (0, ""), "{}", sender.escape_ascii());
        let expected = [b"Return-Path: ", expected, b"\n", MESSAGE].concat();
        assert_eq!(site.take(USER), [expected]);
    }
    // A recipient that is no UTF-8 is nobody's, and that is all.
    assert_eq!(site.deliver(&[OsStr::from_bytes(b"\xe9")], MESSAGE).0, 67);
}

// Conformance: M-MD-19, M-5321-05
#[test]
fn a_message_arrives_as_it_is_but_for_from_lines_in_front() {
    let site = Site::new(&[USER]);
    let all: Vec<u8> = (0..=255).collect();
    let odd = [b"no header\0at all\r\n\xff".as_slice(), &all].concat();
    for message in [MESSAGE, &odd, b"\0", b"\n", b"\xc3\x28: \xff\n", b"From: a@b\nno end"] {
        assert_eq!(site.deliver(&[USER], message), (0, String::new()));
        assert_eq!(site.take(USER), [message]);
    }
    for front in ["From - Mon Jan  1 00:00:00 2001\r\n", "From a@b\n>From c@d Thu Nov 26 15:00:00 2026\n"] {
        let message = [front.as_bytes(), MESSAGE, b"From the body\n>From it too\n"].concat();
        assert_eq!(site.deliver(&[USER], &message).0, 0);
        assert_eq!(site.take(USER), [&message[front.len()..]]);
        assert_eq!(site.deliver(&[USER, "--sender=x@y"], &message).0, 0);
        assert_eq!(site.take(USER), [[b"Return-Path: <x@y>\n", &message[front.len()..]].concat()]);
    }
}

#[test]
fn an_exit_status_does_not_depend_on_who_reads_the_text() {
    let site = Site::new(&[USER]);
    let arguments = |name| {
        let mut command = Program::command(&["deliver", name, "--config"]);
        command.arg(&site.configuration);
        command
    };
    for (name, expected) in [("nobody", 67), (USER, 75)] {
        // Writing there fails, as on a disk that is full.
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let status = arguments(name).stdin(Stdio::null()).stderr(full).status().unwrap();
        assert_eq!(status.code(), Some(expected));
    }
}

#[test]
fn a_maildir_that_lost_directories_is_completed() {
    let site = Site::new(&[USER]);
    let maildir = site.path("mail/alice");
    fs::create_dir_all(maildir.join("cur")).unwrap();
    fs::write(maildir.join("cur/1.a.b:2,S"), MESSAGE).unwrap();
    assert_eq!(site.deliver(&[USER], MESSAGE), (0, String::new()));
    fs::remove_dir(maildir.join("tmp")).unwrap();
    let program = Program::start(&["--config", site.configuration.to_str().unwrap()]);
    let mut client = Client::connect(program.addresses[0]);
    client.line();
    client.log_in(USER, PASSWORD);
    assert_eq!(client.lines("LIST").len(), 2);
    client.quit();
    assert!(maildir.join("tmp").is_dir());
    drop(program);

    // Where nothing may be created, the sentence says what to create.
    let text = fs::read_to_string(&site.configuration).unwrap();
    fs::write(&site.configuration, text + "create_missing = false\n").unwrap();
    fs::remove_dir_all(maildir.join("new")).unwrap();
    let (status, said) = site.deliver(&[USER], MESSAGE);
    assert_eq!(status, 75);
    let expected = format!("the Maildir {} has no directory new; create it", maildir.display());
    assert!(said.contains(&expected) && said.contains("create_missing"), "{said}");
}

const OWNER: (u32, u32) = (54_321, 54_322);

/// Whether this process may give a path away; says so when not.
fn give(path: &Path) -> bool {
    let is_given = chown(path, Some(OWNER.0), Some(OWNER.1)).is_ok();
    if !is_given {
        println!("left out: files of another user (takes root)");
    }
    is_given
}

fn owner(path: &Path) -> (u32, u32) {
    let metadata = fs::symlink_metadata(path).unwrap();
    (metadata.uid(), metadata.gid())
}

fn assert_given(path: &Path) {
    assert_eq!(owner(path), OWNER, "{}", path.display());
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| assert_given(&entry.unwrap().path()));
    }
}

#[test]
fn what_root_delivers_belongs_to_the_owner_of_the_directory() {
    let site = Site::new(&[USER]);
    if !give(&site.path("mail")) {
        return;
    }
    assert_eq!(site.deliver(&[USER], MESSAGE), (0, String::new()));
    let [file] = &files(&site.path("mail"), USER)[..] else { panic!("one file") };
    assert_eq!(fs::read(file).unwrap(), MESSAGE);
    assert_given(&site.path("mail"));
}

#[test]
fn root_delivers_nothing_that_the_server_could_not_open() {
    let site = Site::new(&[USER, "bob"]);
    if !give(&site.path("users")) {
        return;
    }
    // The directory is root's own, and the server is not root.
    let (status, said) = site.deliver(&[USER], MESSAGE);
    assert_eq!(status, 75);
    let mail = site.path("mail").display().to_string();
    assert!(
        said.contains(&format!("{mail} belongs to root")) && said.contains(&format!("chown -R USER {mail}")),
        "{said}"
    );
    assert_eq!(fs::read_dir(site.path("mail")).unwrap().count(), 0);
    // The server reads a file of root's by way of its group.
    chown(site.path("users"), Some(0), Some(OWNER.1)).unwrap();
    fs::set_permissions(site.path("users"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(site.deliver(&[USER], MESSAGE).0, 75);
    // A Maildir that root made before.
    fs::create_dir(site.path("mail/alice")).unwrap();
    give(&site.path("mail"));
    let (status, said) = site.deliver(&[USER], MESSAGE);
    assert_eq!(status, 75);
    assert!(said.contains(&format!("{mail}/alice belongs to root")), "{said}");
    assert_eq!(site.deliver(&["bob"], MESSAGE).0, 0);
    assert_given(&site.path("mail/bob"));
    // A server that is root opens everything.
    chown(site.path("users"), Some(0), Some(0)).unwrap();
    assert_eq!(site.deliver(&[USER], MESSAGE).0, 0);
}

#[test]
fn users_file_lock_and_decoy_belong_to_the_owner_of_their_directory() {
    let site = Site::new(&[USER]);
    fs::remove_file(site.path("users")).unwrap();
    if !give(site.folder.path()) {
        return;
    }
    let succeeds = |arguments: &[&str]| {
        let output = site.run(arguments, b"tanstaaf\n");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    succeeds(&["user", "add", USER]);
    assert_eq!(succeeds(&["user", "list"]), "alice\n");
    assert!(!site.path("users.decoy").exists(), "a list makes nothing");
    succeeds(&["check"]);
    for name in ["users", "users.lock", "users.decoy"] {
        assert_eq!(owner(&site.path(name)), OWNER, "{name}");
        assert_eq!(fs::metadata(site.path(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    // A file of root's own that the server reads by way of its group can still be read by it.
    chown(site.path("users"), Some(0), Some(OWNER.1)).unwrap();
    fs::set_permissions(site.path("users"), fs::Permissions::from_mode(0o640)).unwrap();
    succeeds(&["user", "add", "bob"]);
    assert_eq!(owner(&site.path("users")), (0, OWNER.1));
    assert_eq!(fs::metadata(site.path("users")).unwrap().permissions().mode() & 0o777, 0o640);
    // The owner of the directory cannot lead root elsewhere.
    let target = root();
    fs::remove_file(site.path("users.lock")).unwrap();
    symlink(target.path().join("made"), site.path("users.lock")).unwrap();
    assert!(!site.run(&["user", "add", "carol"], b"tanstaaf\n").status.success());
    assert!(!target.path().join("made").exists());
}

#[test]
fn a_first_start_by_root_belongs_to_the_owner_of_the_directory() {
    let parent = root();
    if !give(parent.path()) {
        return;
    }
    let data = parent.path().join("a/pop3 data");
    let (status, log) = Program::start_in(&data).stop();
    assert!(status.success(), "{log}");
    assert_given(&parent.path().join("a"));
}

#[test]
fn a_user_who_differs_in_capitals_alone_is_added_with_a_warning() {
    let site = Site::new(&["alice"]);
    let add = |name: &str| {
        let output = site.run(&["user", "add", name], b"tanstaaf\n");
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(add("bob"), "");
    assert_eq!(add("alice"), "", "a new password");
    let said = add("Alice");
    assert!(
        said.contains("WARN") && said.contains("the user alice differs from Alice in capitals alone"),
        "{said}"
    );
}

#[test]
fn addresses_are_listed_for_postfix() {
    let site = Site::new(&["alice", "Bob", "carol@example.net"]);
    let list = |arguments: &[&str]| {
        let output = site.run(&[&["user", "list"], arguments].concat(), b"");
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(list(&[]), "Bob\nalice\ncarol@example.net\n");
    assert_eq!(
        list(&["--postfix", "example.org", "--postfix", "example.com"]),
        "Bob@example.org Bob\nBob@example.com Bob\nalice@example.org alice\nalice@example.com alice\n\
         carol@example.net carol@example.net\n"
    );
}
