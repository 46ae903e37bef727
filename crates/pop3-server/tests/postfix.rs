//! The lines of the guide for operators with a real Postfix: who is refused, who gets the mail, and what a
//! bounce says. It has directories of its own and listens on a socket in them.
//!
//! Where Postfix is not installed, or the test does not run as root, it is named as left out; with
//! `POP3_PEERS=required` that is a failure.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test")]

mod support;

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::{
        fs::{PermissionsExt as _, chown},
        net::UnixStream,
    },
    path::PathBuf,
    process::{Command, Output, Stdio},
    time::{Duration, SystemTime},
};

use support::{PASSWORD, files, wait_until};
use tempfile::TempDir;

const GUIDE: &str = include_str!("../../../docs/guide-operators.md");
/// The user that the guide calls `pop3`.
const SERVER: &str = "nobody";

/// Beside the guide's lines: what makes an installation of its own of it.
const MAIN: &str = "compatibility_level = 2
queue_directory = FOLDER/queue
data_directory = FOLDER/data
maillog_file = FOLDER/log
maillog_file_prefixes = FOLDER
myhostname = mx.example.net
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
inet_protocols = ipv4
smtpd_peername_lookup = no
alias_maps =
alias_database =
";
const MASTER: &str = "
smtp      unix  n       -       n       -       -       smtpd
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
proxymap  unix  -       -       n       -       -       proxymap
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
anvil     unix  -       -       n       -       1       anvil
postlog   unix-dgram n  -       n       -       1       postlogd
";

struct Postfix {
    folder: TempDir,
}

/// The first block of code in the guide that holds these words.
fn block(words: &str) -> &'static str {
    let mut blocks = GUIDE.split("\n```").skip(1).step_by(2);
    let found = blocks.find(|block| block.contains(words)).unwrap();
    found.split_once('\n').unwrap().1
}

impl Postfix {
    fn start() -> Option<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        let is_there = env::split_paths(&path).any(|directory| directory.join("postfix").is_file());
        if !is_there || !rustix::process::geteuid().is_root() {
            println!("left out: postfix");
            let is_required = env::var("POP3_PEERS").is_ok_and(|value| value == "required");
            assert!(!is_required, "postfix is required, and so is root");
            return None;
        }
        let this = Self { folder: support::root() };
        for (name, mode) in [("", 0o755), ("conf", 0o755), ("queue", 0o755), ("data", 0o700), ("mail", 0o700)]
        {
            let path = this.path(name);
            fs::create_dir_all(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        run(Command::new("chown").arg("postfix").arg(this.path("data")));
        run(Command::new("chown").arg(SERVER).arg(this.path("mail")));
        // Where the server's user may run it, wherever it was built.
        fs::copy(env!("CARGO_BIN_EXE_pop3-server"), this.path("pop3-server")).unwrap();
        support::plain_configuration(this.folder.path(), "");
        this.write_users(&["alice", "bob", "carol"]);
        fs::write(this.path("conf/main.cf"), this.adapted(MAIN) + &this.adapted(block("virtual_transport")))
            .unwrap();
        fs::write(this.path("conf/master.cf"), this.adapted(block("pipe\n")) + MASTER).unwrap();
        this.update_map();
        this.age_map();
        run(&mut this.postfix("start"));
        Some(this)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lines of the guide with the places of this test.
    fn adapted(&self, lines: &str) -> String {
        let folder = self.folder.path().to_str().unwrap();
        lines
            .replace("FOLDER", folder)
            .replace("/usr/local/bin/pop3-server", &format!("{folder}/pop3-server"))
            .replace("/etc/pop3-server.toml", &format!("{folder}/server.toml"))
            .replace("/etc/postfix", &format!("{folder}/conf"))
            .replace("user=pop3", &format!("user={SERVER}"))
    }

    fn postfix(&self, command: &str) -> Command {
        let mut postfix = Command::new("postfix");
        postfix.arg("-c").arg(self.path("conf")).arg(command).stdin(Stdio::null());
        postfix
    }

    fn write_users(&self, names: &[&str]) {
        let lines: String = names.iter().map(|name| format!("{name}:{{PLAIN}}{PASSWORD}\n")).collect();
        fs::write(self.path("users"), lines).unwrap();
        let owner = fs::metadata(self.path("mail")).unwrap();
        let owner = std::os::unix::fs::MetadataExt::uid(&owner);
        chown(self.path("users"), Some(owner), None).unwrap();
        fs::set_permissions(self.path("users"), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// What the guide says to do after each change of a user.
    fn update_map(&self) {
        let line = block("--postfix example.org").lines().next().unwrap().strip_prefix("# ").unwrap();
        let line = self
            .adapted(line)
            .replace("pop3-server --config", &format!("{} --config", self.path("pop3-server").display()))
            .replace("postmap ", &format!("postmap -c {} ", self.path("conf").display()));
        run(Command::new("sh").args(["-c", &line]));
    }

    /// Postfix knows a new map by its time in whole seconds; a person is never as quick as this test.
    fn age_map(&self) {
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        for entry in fs::read_dir(self.path("conf")).unwrap() {
            let file = fs::File::options().append(true).open(entry.unwrap().path()).unwrap();
            file.set_modified(hour_ago).unwrap();
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn connect(&self) -> Smtp {
        let stream = UnixStream::connect(self.path("queue/public/smtp")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut smtp = Smtp { stream: BufReader::new(stream) };
        smtp.expect("220 ");
        smtp.ask("EHLO client.example.net", "250");
        smtp
    }

    /// Sends one message.
    fn send(&self, sender: &str, recipients: &[&str]) {
        let mut smtp = self.connect();
        smtp.ask(&format!("MAIL FROM:{sender}"), "250");
        for recipient in recipients {
            smtp.ask(&format!("RCPT TO:<{recipient}>"), "250");
        }
        smtp.ask("DATA", "354");
        smtp.ask("Subject: caf\u{e9}\r\n\r\n\u{e9}\r\n..\r\n.", "250");
        smtp.ask("QUIT", "221");
    }

    /// The next message of a user, when it is there; takes it away.
    fn take(&self, user: &str) -> String {
        let mail = self.path("mail");
        let new = || files(&mail, user).into_iter().find(|path| path.parent().unwrap().ends_with("new"));
        // The log says why nothing comes.
        let mut found = None;
        wait_until(&format!("mail for {user}"), || {
            found = new();
            found.is_some() || self.log().contains("fatal:")
        });
        let path = found.unwrap_or_else(|| panic!("{}", self.log()));
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        fs::remove_file(path).unwrap();
        text
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = self.postfix("stop").stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

struct Smtp {
    stream: BufReader<UnixStream>,
}

impl Smtp {
    fn ask(&mut self, command: &str, expected: &str) -> String {
        self.stream.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
        let answer = self.expect(expected);
        assert!(answer.starts_with(expected), "{command}: {answer}");
        answer
    }

    /// The last line of an answer.
    fn expect(&mut self, expected: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.stream.read_line(&mut line).unwrap(), 0, "the end instead of {expected}");
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }
}

#[track_caller]
fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    output
}

#[test]
fn the_lines_of_the_guide_do_what_it_says() {
    let Some(postfix) = Postfix::start() else { return };
    unknown_users_are_refused_at_once(&postfix);
    mail_arrives_however_it_is_addressed(&postfix);
    what_fails_for_a_time_waits(&postfix);
    a_bounce_says_nothing_of_what_is_inside(&postfix);
}

fn unknown_users_are_refused_at_once(postfix: &Postfix) {
    let mut smtp = postfix.connect();
    smtp.ask("MAIL FROM:<forged@example.com>", "250");
    for unknown in ["nobody@example.org", "dave@example.org", "alic@example.org"] {
        let answer = smtp.ask(&format!("RCPT TO:<{unknown}>"), "550");
        assert!(answer.contains("User unknown"), "{answer}");
    }
    smtp.ask("RCPT TO:<Alice@Example.ORG>", "250");
    smtp.ask("RCPT TO:<BOB+Tag@example.org>", "250");
    smtp.ask("QUIT", "221");
    // A user who was just added, after the line of the guide.
    postfix.write_users(&["alice", "bob", "carol", "Dave"]);
    postfix.update_map();
    let mut smtp = postfix.connect();
    smtp.ask("MAIL FROM:<a@example.com>", "250");
    smtp.ask("RCPT TO:<dave@example.org>", "250");
    smtp.ask("QUIT", "221");
}

fn mail_arrives_however_it_is_addressed(postfix: &Postfix) {
    for (recipient, user) in
        [("ALICE@EXAMPLE.ORG", "alice"), ("Bob+Holiday@example.org", "bob"), ("dave@example.org", "Dave")]
    {
        postfix.send("<sender@example.com>", &[recipient]);
        let text = postfix.take(user);
        assert!(text.starts_with("Return-Path: <sender@example.com>\nDelivered-To: "), "{text}");
        assert!(text.contains("\nSubject: caf\u{e9}\n") && text.ends_with("\n\n\u{e9}\n.\n"), "{text}");
    }
    for (sender, expected) in [
        ("<>", "<>"),
        ("<\"john doe\"@example.com>", "<\"john doe\"@example.com>"),
        ("<j\u{f6}rg@b\u{fc}cher.example> SMTPUTF8", "<j\u{f6}rg@b\u{fc}cher.example>"),
    ] {
        postfix.send(sender, &["alice@example.org", "bob@example.org"]);
        for user in ["alice", "bob"] {
            let text = postfix.take(user);
            assert!(text.starts_with(&format!("Return-Path: {expected}\n")), "{text}");
            assert_eq!(text.matches("Return-Path:").count(), 1, "{text}");
        }
    }
    assert!(!postfix.log().contains("status=bounced"), "{}", postfix.log());
}

fn what_fails_for_a_time_waits(postfix: &Postfix) {
    fs::rename(postfix.path("mail"), postfix.path("gone")).unwrap();
    postfix.send("<sender@example.com>", &["alice@example.org"]);
    wait_until("it is deferred", || postfix.log().contains("status=deferred"));
    fs::rename(postfix.path("gone"), postfix.path("mail")).unwrap();
    run(&mut postfix.postfix("flush"));
    assert!(postfix.take("alice").contains("Subject: caf"));
}

fn a_bounce_says_nothing_of_what_is_inside(postfix: &Postfix) {
    // The user is gone, and the map is not made anew.
    postfix.write_users(&["alice"]);
    postfix.send("<alice@example.org>", &["carol@example.org"]);
    let bounce = postfix.take("alice");
    assert!(
        bounce.contains("there is no user carol; nothing") && bounce.contains("Status: 5.1.1"),
        "{bounce}"
    );
    let folder = postfix.folder.path().to_str().unwrap();
    for inner in [folder, "server.toml", "/users", "/mail"] {
        assert!(!bounce.contains(inner), "{inner} in {bounce}");
    }
}
