//! What is wrong with a configuration is said before it hurts: by `check`, at start, at SIGHUP, by `user add`.

mod support;

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Output, Stdio},
};

use pop3_server::users::NewSecrets;
use rcgen::{CertificateParams, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use support::{Client, PASSWORD, Program, USER, root, wait_until};

/// A folder with a configuration, a certificate, and whatever a test changes of it.
struct Site {
    folder: tempfile::TempDir,
}

const LISTEN: &str = "[[listen]]\naddress = \"127.0.0.1:0\"\nkind = \"tls\"\n";
const FILES: &str =
    "[tls]\ncertificate = \"certificate.pem\"\nkey = \"key.pem\"\n[users]\nfile = \"users\"\n";
const ROOT: &str = "[maildir]\nroot = \"mail\"\n";

impl Site {
    fn new() -> Self {
        let site = Self { folder: root() };
        fs::create_dir(site.path("mail")).unwrap();
        site.certificate(2020..2120);
        site.users(&[(USER, NewSecrets::derive(PASSWORD).unwrap().as_str())]);
        site.configure(&[LISTEN, FILES, ROOT]);
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self, parts: &[&str]) {
        fs::write(self.path("config.toml"), parts.concat()).unwrap();
    }

    fn users(&self, users: &[(&str, &str)]) {
        let lines: String = users.iter().map(|(name, secret)| format!("{name}:{secret}\n")).collect();
        let path = self.path("users");
        fs::write(&path, lines).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }

    /// Valid from the first of January of one year to that of another.
    fn certificate(&self, years: std::ops::Range<i32>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".into()]).unwrap();
        params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
        fs::write(self.path("certificate.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(self.path("key.pem"), key.serialize_pem()).unwrap();
        fs::set_permissions(self.path("key.pem"), fs::Permissions::from_mode(0o640)).unwrap();
    }

    fn run(&self, arguments: &[&str], stdin: &str) -> Output {
        let config = self.path("config.toml");
        let mut command = Program::command(&["--config", config.to_str().unwrap()]);
        let mut child = command.args(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// What `check` says, and whether it is content.
    fn check(&self) -> (bool, String) {
        let output = self.run(&["check"], "");
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    }

    fn start(&self) -> Program {
        Program::start(&["--config", self.path("config.toml").to_str().unwrap()])
    }
}

#[test]
fn a_good_configuration_has_nothing_to_say() {
    assert_eq!(Site::new().check(), (true, String::new()));
}

#[test]
fn check_says_everything_at_once() {
    let site = Site::new();
    let plain = "[[listen]]\naddress = \"127.0.0.1:11110\"\nkind = \"plain\"\n";
    let all = "[[listen]]\naddress = \"0.0.0.0:11110\"\nkind = \"stls\"\n";
    site.users(&[]);
    site.configure(&[plain, all, "[users]\nfile = \"users\"\n[maildir]\nroot = \"nowhere\"\n"]);
    let (is_good, said) = site.check();
    assert!(!is_good);
    for part in [
        "two listeners cannot share a port: 0.0.0.0:11110 and 127.0.0.1:11110",
        "the listener 0.0.0.0:11110 speaks STLS, but there is no certificate",
        "nowhere: there is no such directory",
        "nobody can log in: there is no user in",
        "there are 4 problems, and a server would not start",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    // A start says the same of what keeps it from starting.
    let output = site.run(&["serve"], "");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && said.contains("cannot share a port") && said.contains("nowhere"),
        "{said}"
    );
}

#[test]
fn a_path_below_the_user_stays_below() {
    for below in ["/var/mail", "../other", "a/../b", "", "."] {
        let site = Site::new();
        site.configure(&[LISTEN, FILES, ROOT, &format!("below = \"{below}\"\n")]);
        let (is_good, said) = site.check();
        assert!(
            !is_good && said.contains("key below") && said.contains("is not a path below"),
            "{below}: {said}"
        );
    }
    let site = Site::new();
    site.configure(&[LISTEN, FILES, ROOT, "below = \"mail/Maildir\"\n"]);
    assert!(site.check().0);
}

#[test]
fn a_directory_that_cannot_be_written_is_a_problem() {
    let site = Site::new();
    fs::set_permissions(site.path("mail"), std::os::unix::fs::PermissionsExt::from_mode(0o500)).unwrap();
    let config = site.path("config.toml");
    let Some(program) = Program::start_unprivileged(&["--config", config.to_str().unwrap()]) else {
        eprintln!("left out: this test cannot give up the privileges of root here");
        return;
    };
    let (status, log) = program.stop();
    assert!(status.success() && log.contains("cannot make Maildirs in the directory"), "{log}");
}

#[test]
fn a_certificate_out_of_its_time_is_a_problem() {
    for (years, said) in [(2020..2021, "expired"), (2100..2120, "is not valid until")] {
        let site = Site::new();
        site.certificate(years);
        let (is_good, text) = site.check();
        assert!(!is_good && text.contains(said) && text.contains("certificate.pem"), "{text}");
        assert!(text.contains("would start, and not work"), "{text}");
        // Other listeners go on working, so a server starts, and says it.
        let (status, log) = site.start().stop();
        assert!(status.success() && log.contains("ERROR") && log.contains(said), "{log}");
    }
    let site = Site::new();
    let other = Site::new();
    fs::copy(other.path("key.pem"), site.path("key.pem")).unwrap();
    let (is_good, text) = site.check();
    assert!(!is_good && text.contains("does not belong to the certificate"), "{text}");
}

#[test]
fn sighup_says_what_it_did_and_what_it_could_not() {
    let site = Site::new();
    let log = site.path("log");
    let config = site.path("config.toml");
    let arguments = ["--config", config.to_str().unwrap()];
    let (child, _) = Program::start_logging_to(&arguments, fs::File::create(&log).unwrap());
    let hangup = |times: usize, said: &str| {
        kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
        wait_until(said, || fs::read_to_string(&log).unwrap().matches(said).count() == times);
    };
    hangup(1, "SIGHUP: certificate and key read again");
    site.configure(&[LISTEN, FILES, ROOT, "[limits]\nsessions_per_user = 3\n[login]\nuser_pass = false\n"]);
    hangup(1, "changed=\"limits.sessions_per_user, login.user_pass\"");
    hangup(3, "SIGHUP: certificate and key read again");
    site.certificate(2020..2021);
    hangup(1, "expired");
    site.users(&[("broken line without a secret", "")]);
    hangup(1, "SIGHUP: the users file cannot be used");
    site.configure(&["nonsense = 1\n"]);
    hangup(1, "line 1, key nonsense");
    let text = fs::read_to_string(&log).unwrap();
    assert_eq!(text.matches("SIGHUP: certificate and key read again").count(), 3, "{text}");
    support::stop(child);
}

/// What a session under TLS is offered.
fn mechanisms(program: &Program, site: &Site) -> String {
    let certificate = fs::read(site.path("certificate.pem")).unwrap();
    let certificate = rustls::pki_types::pem::PemObject::from_pem_slice(&certificate).unwrap();
    let mut client =
        Client::connect(program.addresses[0]).start_tls(&support::client_config(certificate).into());
    client.line();
    let lines = client.lines("CAPA");
    lines.into_iter().find(|line| line.starts_with("SASL")).unwrap_or_default()
}

fn argon2id(password: &str) -> String {
    let secrets = NewSecrets::derive(password).unwrap();
    secrets.as_str().split(' ').next().unwrap().to_owned()
}

#[test]
fn what_not_all_users_can_use_is_not_offered() {
    let site = Site::new();
    let only_hash = argon2id(PASSWORD);
    site.users(&[(USER, &only_hash), ("bob", "{PLAIN}secret"), ("carol", &only_hash)]);
    let (is_good, said) = site.check();
    assert!(
        is_good && said.contains("SCRAM-SHA-256 is not offered: alice and 1 more cannot use it"),
        "{said}"
    );
    let program = site.start();
    assert_eq!(mechanisms(&program, &site), "SASL PLAIN");
    let (_, log) = program.stop();
    assert!(log.contains("SCRAM-SHA-256 is not offered"), "{log}");

    // Who asks for it has it, as long as it is of use to anybody.
    let explicit = "[login]\nmechanisms = [\"SCRAM-SHA-256\", \"CRAM-MD5\", \"PLAIN\"]\n";
    site.configure(&[LISTEN, FILES, ROOT, explicit]);
    let (is_good, said) = site.check();
    assert!(is_good && said.contains("fails for alice and 1 more with the right password"), "{said}");
    let program = site.start();
    assert_eq!(mechanisms(&program, &site), "SASL SCRAM-SHA-256 CRAM-MD5 PLAIN");
    drop(program);
    site.users(&[(USER, &only_hash)]);
    assert!(site.check().1.contains("CRAM-MD5 is not offered: no user can use it"));
    let program = site.start();
    assert_eq!(mechanisms(&program, &site), "SASL PLAIN");
}

#[test]
fn a_listener_on_which_nobody_can_log_in_is_a_problem() {
    let plain = "[[listen]]\naddress = \"127.0.0.1:0\"\nkind = \"plain\"\n";
    let site = Site::new();
    site.users(&[(USER, &argon2id(PASSWORD))]);
    for parts in [
        &[plain, FILES, ROOT][..],
        &[LISTEN, FILES, ROOT, "[login]\nuser_pass = false\nmechanisms = [\"SCRAM-SHA-256\"]\n"],
    ] {
        site.configure(parts);
        let (is_good, said) = site.check();
        assert!(!is_good && said.contains("nobody can log in on 127.0.0.1:0: no user in"), "{said}");
    }
    site.users(&[(USER, NewSecrets::derive(PASSWORD).unwrap().as_str())]);
    site.configure(&[plain, FILES, ROOT]);
    assert!(site.check().0);
}

#[test]
fn new_sessions_follow_the_users_file() {
    let site = Site::new();
    let program = site.start();
    assert_eq!(mechanisms(&program, &site), "SASL SCRAM-SHA-256 PLAIN");
    let secrets = NewSecrets::derive(PASSWORD).unwrap();
    site.users(&[(USER, secrets.as_str()), ("bob", &argon2id(PASSWORD))]);
    assert_eq!(mechanisms(&program, &site), "SASL PLAIN");
    site.users(&[(USER, secrets.as_str())]);
    assert_eq!(mechanisms(&program, &site), "SASL SCRAM-SHA-256 PLAIN");
    let (_, log) = program.stop();
    assert!(log.contains("1 users have no secret for SCRAM-SHA-256, bob for one"), "{log}");
}

#[test]
fn user_add_says_what_pass_will_not_take() {
    let site = Site::new();
    let add = |name: &str, password: &str| {
        let output = site.run(&["user", "add", name], &format!("{password}\n"));
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(add("bob", "ordinary password"), "");
    for (name, password, said) in [
        ("carol", "na\u{ef}ve", "PASS does not take this password: it is not ASCII"),
        ("j\u{fc}rgen", "ordinary", "USER does not take this name: it is not ASCII"),
        ("dave", &"x".repeat(249), "more than the 248 octets"),
    ] {
        let text = add(name, password);
        assert!(text.contains(said), "{name}: {text}");
    }
    assert_eq!(add("dave", &"x".repeat(248)), "");
    assert!(site.check().1.contains("USER does not take the names of 1 users, j\u{fc}rgen for one"));
    site.configure(&[LISTEN, FILES, ROOT, "[protocol]\nutf8 = true\n"]);
    let output = site.run(&["user", "add", "erin"], "na\u{ef}ve\n");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert!(site.check().0);
}

#[test]
fn apop_is_offered_when_somebody_can_use_it() {
    let site = Site::new();
    let plain = "[[listen]]\naddress = \"127.0.0.1:0\"\nkind = \"plain\"\n";
    let login = "[login]\napop_host = \"localhost\"\nplaintext_without_tls = true\n";
    site.configure(&[plain, FILES, ROOT, login]);
    let greeting = || {
        let program = site.start();
        Client::connect(program.addresses[0]).line()
    };
    assert!(!greeting().contains('<'));
    assert!(site.check().1.contains("APOP is not offered: no user has a {PLAIN} secret"));
    site.users(&[(USER, "{PLAIN}secret"), ("bob", &argon2id("x"))]);
    assert!(greeting().contains('<'));
    assert!(site.check().1.contains("APOP fails for bob"));
}

#[test]
fn a_key_that_everybody_may_read_is_warned_of() {
    let site = Site::new();
    site.certificate(1975..4096);
    fs::set_permissions(site.path("key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    let log = String::from_utf8(site.run(&["check"], "").stderr).unwrap();
    assert!(log.contains("the private key") && log.contains("mode 644"), "{log}");
}
