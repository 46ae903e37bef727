//! Real mail programs fetch from this server, and get every octet.
//!
//! A program that is not installed is named as left out; with `POP3_PEERS=required` that is a failure.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test")]

mod corpus;

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
};

use pop3_server::{Config, Listener, Running, Server, rustls, users::Users};
use pop3_store::maildir::{Maildir, MaildirStore};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const MESSAGES: usize = 1000;

/// A server in this process with the corpus in one maildrop, and a directory for the peer.
struct Site {
    directory: TempDir,
    runtime: Runtime,
    running: Option<Running>,
    plain: u16,
    tls: u16,
    stls: u16,
}

impl Site {
    fn new(messages: &[Vec<u8>]) -> Self {
        // The programs flush every message to the disk; it need not be a real one.
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap();
        let maildir = Maildir::create(directory.path().join("mail/mrose")).unwrap();
        // Delivered by hand and not through the crate: the names say the order, the octets are ours.
        for (index, message) in messages.iter().enumerate() {
            let name = format!("cur/{}.M{index:06}P1.example.org:2,", 1_700_000_000 + index);
            fs::write(maildir.path().join(name), message).unwrap();
        }
        let certified = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        fs::write(directory.path().join("ca.pem"), certified.cert.pem()).unwrap();
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
        let tls = pop3_server::tls::build(vec![certified.cert.der().clone()], key.into()).unwrap();

        let mut config = Config::default();
        let any = ([127, 0, 0, 1], 0);
        config.listeners = vec![Listener::plain(any), Listener::tls(any), Listener::stls(any)];
        config.policy.allow_plaintext_without_tls = true;
        config.tls = Some(Arc::clone(&tls));
        let store = MaildirStore::open_root(directory.path().join("mail")).unwrap();
        let users = Users::new().with_password("mrose", "tanstaaf");
        let runtime = Runtime::new().unwrap();
        let running = runtime.block_on(Server::bind(config, store, users)).unwrap();
        let ports: Vec<u16> = running.addresses().iter().map(std::net::SocketAddr::port).collect();
        Self { directory, runtime, running: Some(running), plain: ports[0], tls: ports[1], stls: ports[2] }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A file that only its owner may read, as programs want of a file with a password.
    fn write_private(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn stored_messages(&self) -> usize {
        fs::read_dir(self.path("mail/mrose/cur")).unwrap().count()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.shut_down());
        }
    }
}

/// Whether the program is there; says so when it is not.
fn has(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there = env::split_paths(&path).any(|directory| directory.join(program).is_file());
    if !is_there {
        println!("left out: {program}");
        let is_required = env::var("POP3_PEERS").is_ok_and(|value| value == "required");
        assert!(!is_required, "{program} is required and not installed");
    }
    is_there
}

fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?} ended with {}:\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    output
}

fn mail() -> Vec<Vec<u8>> {
    (0..MESSAGES).map(corpus::message).collect()
}

/// The corpus, and a file of no octets at its end.
fn mail_and_nothing() -> Vec<Vec<u8>> {
    mail().into_iter().chain([Vec::new()]).collect()
}

fn mail_and_oddities() -> Vec<Vec<u8>> {
    mail().into_iter().chain(corpus::oddities()).collect()
}

/// Every file of these directories, sorted by the number in its Subject; one without comes last.
fn files(directories: &[PathBuf]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for directory in directories {
        for entry in fs::read_dir(directory).unwrap() {
            all.push(fs::read(entry.unwrap().path()).unwrap());
        }
    }
    all.sort_by_key(|content| subject_number(content));
    all
}

fn subject_number(content: &[u8]) -> usize {
    let text = String::from_utf8_lossy(content);
    let number = text.lines().find_map(|line| line.strip_prefix("Subject: corpus "));
    number.map_or(usize::MAX, |number| number.trim().parse().unwrap())
}

#[track_caller]
fn assert_same(got: &[u8], expected: &[u8], index: usize) {
    assert!(
        got == expected,
        "message {index} differs:\ngot      {}\nexpected {}",
        got.escape_ascii(),
        expected.escape_ascii()
    );
}

fn assert_all_same(got: &[Vec<u8>], stored: &[Vec<u8>], form: impl Fn(&[u8]) -> Vec<u8>) {
    assert_eq!(got.len(), stored.len());
    for (index, (got, stored)) in got.iter().zip(stored).enumerate() {
        assert_same(got, &form(stored), index);
    }
}

/// curl writes what came, with CRLF line ends.
fn curl(url: &str, more: &[&str], messages: &[Vec<u8>], site: &Site) {
    let out = site.path("curl");
    fs::create_dir(&out).unwrap();
    run(Command::new("curl")
        .args(["-sS", "--fail-early", "--cacert"])
        .arg(site.path("ca.pem"))
        .args(more)
        .args(["-u", "mrose:tanstaaf", "-o"])
        .arg(out.join("#1"))
        .arg(format!("{url}/[1-{}]", messages.len())));
    for (index, message) in messages.iter().enumerate() {
        let got = fs::read(out.join((index + 1).to_string())).unwrap();
        // Of a message of no octets curl makes an empty line.
        let expected = if message.is_empty() { b"\r\n".to_vec() } else { corpus::on_the_wire(message) };
        assert_same(&got, &expected, index);
    }
    assert_eq!(site.stored_messages(), messages.len(), "nothing was to be removed");
}

// Conformance: S-1939-33, S-1939-32, P-1939-09, P-ROB-02, P-ROB-05, P-ROB-06, P-ROB-07, A-53, A-67, A-68
#[test]
fn curl_fetches_every_octet_in_clear() {
    if has("curl") {
        let messages = mail_and_oddities();
        let site = Site::new(&messages);
        curl(&format!("pop3://localhost:{}", site.plain), &[], &messages, &site);
    }
}

// Conformance: S-8314-01, S-1939-33
#[test]
fn curl_fetches_every_octet_under_tls() {
    if has("curl") {
        let messages = mail_and_oddities();
        let site = Site::new(&messages);
        curl(&format!("pop3s://localhost:{}", site.tls), &[], &messages, &site);
    }
}

// Conformance: S-2595-04, S-2595-09, S-1939-33
#[test]
fn curl_fetches_every_octet_after_stls() {
    if has("curl") {
        let messages = mail_and_oddities();
        let site = Site::new(&messages);
        curl(&format!("pop3://localhost:{}", site.stls), &["--ssl-reqd"], &messages, &site);
    }
}

/// poplib gives lines without their ends; its own limit of 2,048 octets a line is lifted.
const POPLIB: &str = r"
import poplib, ssl, sys
poplib._MAXLINE = 1 << 24
port, ca, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
box = poplib.POP3_SSL('localhost', port, context=ssl.create_default_context(cafile=ca), timeout=60)
box.user('mrose')
box.pass_('tanstaaf')
count, octets = box.stat()
sizes = [int(line.split()[1]) for line in box.list()[1]]
assert len(sizes) == count and sum(sizes) == octets
for number in range(1, count + 1):
    lines = box.retr(number)[1]
    content = b''.join(line + b'\r\n' for line in lines)
    assert len(content) == sizes[number - 1], (number, len(content), sizes[number - 1])
    open(f'{out}/{number}', 'wb').write(content)
    box.dele(number)
box.quit()
";

// Conformance: S-1939-15, S-1939-26, S-1939-28, S-1939-32, S-1939-33, S-1939-36
#[test]
fn poplib_fetches_every_octet_and_deletes() {
    if !has("python3") {
        return;
    }
    let messages = mail_and_oddities();
    let site = Site::new(&messages);
    let out = site.path("poplib");
    fs::create_dir(&out).unwrap();
    run(Command::new("python3")
        .args(["-c", POPLIB, &site.tls.to_string()])
        .arg(site.path("ca.pem"))
        .arg(&out));
    for (index, message) in messages.iter().enumerate() {
        let got = fs::read(out.join((index + 1).to_string())).unwrap();
        assert_same(&got, &corpus::on_the_wire(message), index);
    }
    assert_eq!(site.stored_messages(), 0, "QUIT was to remove everything");
}

fn maildir(path: &Path) -> [PathBuf; 2] {
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(path.join(part)).unwrap();
    }
    [path.join("new"), path.join("cur")]
}

// Conformance: S-1939-33, S-1939-36, S-1939-47, S-2449-13
#[test]
fn mpop_fetches_every_octet_and_deletes() {
    if !has("mpop") {
        return;
    }
    let messages = mail_and_nothing();
    let site = Site::new(&messages);
    let folders = maildir(&site.path("fetched"));
    // Without the header field that mpop would add; it writes LF line ends.
    let config = site.write_private(
        "mpoprc",
        &format!(
            "account default\nhost localhost\nport {}\nuser mrose\npassword tanstaaf\ntls on\ntls_starttls off\n\
             tls_trust_file {}\nkeep off\nreceived_header off\nuidls_file {}\ndelivery maildir {}\n",
            site.tls,
            site.path("ca.pem").display(),
            site.path("uidls").display(),
            site.path("fetched").display(),
        ),
    );
    run(Command::new("mpop").arg("-q").arg("-C").arg(config));
    assert_all_same(&files(&folders), &messages, |stored| corpus::with_lf(&corpus::on_the_wire(stored)));
    assert_eq!(site.stored_messages(), 0);
}

// Conformance: S-2595-04, S-1939-34, S-1939-47
#[test]
fn mpop_after_stls_keeps_the_messages_and_knows_them_again() {
    if !has("mpop") {
        return;
    }
    let messages = mail_and_nothing();
    let site = Site::new(&messages);
    let folders = maildir(&site.path("fetched"));
    let config = site.write_private(
        "mpoprc",
        &format!(
            "account default\nhost localhost\nport {}\nuser mrose\npassword tanstaaf\ntls on\ntls_starttls on\n\
             tls_trust_file {}\nkeep on\nreceived_header off\nuidls_file {}\ndelivery maildir {}\n",
            site.stls,
            site.path("ca.pem").display(),
            site.path("uidls").display(),
            site.path("fetched").display(),
        ),
    );
    for _ in 0..2 {
        run(Command::new("mpop").arg("-q").arg("-C").arg(&config));
        assert_all_same(&files(&folders), &messages, |stored| corpus::with_lf(&corpus::on_the_wire(stored)));
        assert_eq!(site.stored_messages(), messages.len());
    }
}

/// What getmail 6.18 has for this misses the end of a delivery that was quick, and waits for it in vain.
const PATIENT_GETMAIL: &str = r"
import os
from getmailcore.baseclasses import ForkingBase
ForkingBase._prepare_child = lambda self: None
ForkingBase._wait_for_child = lambda self, child: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
";

// Conformance: S-1939-33, S-1939-36, S-1939-47
#[test]
fn getmail_fetches_every_octet_and_deletes() {
    if !has("getmail") {
        return;
    }
    let messages = mail_and_nothing();
    let site = Site::new(&messages);
    let out = site.path("fetched");
    fs::create_dir(&out).unwrap();
    // Its own Maildir destination refuses to run as root, which tests may; a command may not.
    site.write_private(
        "getmailrc",
        &format!(
            "[retriever]\ntype = SimplePOP3SSLRetriever\nserver = localhost\nport = {}\nusername = mrose\n\
             password = tanstaaf\nca_certs = {}\n[destination]\ntype = MDA_external\npath = /bin/sh\n\
             arguments = (\"-c\", \"cat > {}/$$\")\nallow_root_commands = true\n\
             [options]\ndelete = true\nread_all = true\ndelivered_to = false\nreceived = false\nverbose = 0\n",
            site.tls,
            site.path("ca.pem").display(),
            out.display(),
        ),
    );
    site.write_private("sitecustomize.py", PATIENT_GETMAIL);
    // For each message getmail closes every file that the limit lets it have open; with a large one that
    // takes a minute.
    run(Command::new("sh")
        .args(["-c", "ulimit -n 64; exec getmail --getmaildir=\"$0\""])
        .arg(site.directory.path())
        .env("PYTHONPATH", site.directory.path())
        .env("PYTHONDONTWRITEBYTECODE", "1"));
    let mut got: Vec<_> = files(&[out]).iter().map(|content| with_plain_header(content)).collect();
    // Of a message of no octets getmail makes an empty line.
    assert_eq!(got.pop().unwrap(), b"\n");
    assert_all_same(&got, &messages[..MESSAGES], |stored| {
        with_plain_header(&corpus::with_lf(&corpus::on_the_wire(stored)))
    });
    assert_eq!(site.stored_messages(), 0);
}

/// getmail writes the header anew: a Return-Path of its own, and folded as it likes. The body it leaves
/// alone.
fn with_plain_header(content: &[u8]) -> Vec<u8> {
    let Some(end) = content.windows(2).position(|pair| pair == b"\n\n") else {
        return content.to_vec();
    };
    let (header, body) = content.split_at(end + 1);
    let header = String::from_utf8(header.to_vec()).unwrap();
    let unfolded = header.replace("\n\t", " ").replace("\n ", " ");
    let fields = unfolded.lines().filter(|field| !field.starts_with("Return-Path:"));
    [fields.collect::<Vec<_>>().join("\n").as_bytes(), body].concat()
}

// Conformance: S-1939-33, S-1939-36
#[test]
fn fetchmail_fetches_every_octet_and_deletes() {
    if !has("fetchmail") {
        return;
    }
    let messages = mail_and_nothing();
    let site = Site::new(&messages);
    let out = site.path("fetched");
    fs::create_dir(&out).unwrap();
    // `mda` gets each message on its standard input. `no rewrite` and `invisible` keep fetchmail from
    // changing the header; LF line ends are its own choice.
    let config = site.write_private(
        "fetchmailrc",
        &format!(
            "set no syslog\nset invisible\npoll localhost protocol pop3 port {} no dns\n  user mrose password tanstaaf\n  \
             ssl sslcertck sslcertfile {}\n  no rewrite\n  fetchall\n  no keep\n  mda \"cat > {}/$$\"\n",
            site.tls,
            site.path("ca.pem").display(),
            out.display(),
        ),
    );
    run(Command::new("fetchmail")
        .env("FETCHMAILHOME", site.directory.path())
        .arg("--silent")
        .arg("--nodetach")
        .arg("-f")
        .arg(config));
    let mut got = files(&[out]);
    // Of a message of no octets fetchmail makes one with a header of its own.
    let nothing = got.pop().unwrap();
    assert!(nothing.starts_with(b"From: FETCHMAIL-DAEMON"), "{}", nothing.escape_ascii());
    assert_all_same(&got, &messages[..MESSAGES], |stored| corpus::with_lf(&corpus::on_the_wire(stored)));
    assert_eq!(site.stored_messages(), 0);
}
