//! The program and the library fetch a thousand messages from Dovecot, in clear, with STLS and with TLS,
//! and remove what they should.
//!
//! Where Dovecot is not installed this says so and passes; with `POP3_PEERS=required` that is a failure.
#![cfg(feature = "cli")]

// The server's tests have the same mail.
#[path = "../../pop3-server/tests/corpus/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "every test program uses its part")]
mod corpus;
mod support;

use std::{
    fs,
    io::Write as _,
    net::{TcpListener, TcpStream},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use pop3_client::{
    Connector, Login, Options, Roots, Security, blocking::Session, proto::types::MessageNumber,
};
use support::{
    certificates::Ca,
    options,
    program::{Home, once},
    real_server::{PASSWORD, USER},
};
use tempfile::TempDir;

const MESSAGES: usize = 1000;

/// As it is stored by the client: LF line ends, the last line ended.
///
/// Dovecot up to 2.3 does not stuff a dot that is the first octet of a message, so the octet is lost to
/// every client that unstuffs as RFC 1939 section 3 says.
fn expected(stored: &[u8]) -> Vec<u8> {
    let received = corpus::with_lf(&corpus::on_the_wire(stored));
    received.strip_prefix(b".").map(<[u8]>::to_vec).unwrap_or(received)
}

/// A Dovecot of our own, with the corpus in its one Maildir.
struct Dovecot {
    folder: TempDir,
    ca: Ca,
    plain: u16,
    tls: u16,
    process: Child,
}

impl Dovecot {
    /// `None`, and a word about it, where there is none that this can configure.
    fn start() -> Option<Self> {
        let program = program()?;
        let folder = tempfile::tempdir().unwrap();
        // Its processes run as several users.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let ca = Ca::new();
        let (certificate, key) = ca.issue(&["127.0.0.1"], "Dovecot of the tests");
        fs::write(folder.path().join("certificate.pem"), certificate.pem()).unwrap();
        fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        fill(&folder.path().join("mail"));
        let is_root = fs::metadata(folder.path()).unwrap().uid() == 0;
        // The system chooses two ports that are free; should somebody be faster, it is tried again.
        for _ in 0..5 {
            let listeners = [0, 0].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
            let [plain, tls] = listeners.map(|listener| listener.local_addr().unwrap().port());
            let configuration = folder.path().join("dovecot.conf");
            fs::write(&configuration, configure(folder.path(), plain, tls, is_root)).unwrap();
            let mut command = Command::new(&program);
            command.arg("-F").arg("-c").arg(&configuration).stdin(Stdio::null());
            let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            if is_up(&mut process, [plain, tls]) {
                return Some(Self { folder, ca, plain, tls, process });
            }
        }
        let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        panic!("Dovecot does not start:\n{log}");
    }

    fn ways(&self) -> [Options; 3] {
        let roots = Roots::File(self.ca.file());
        [
            options("127.0.0.1", self.plain, Security::InsecurePlain),
            options("127.0.0.1", self.plain, Security::StlsRequired).with_roots(roots.clone()),
            options("127.0.0.1", self.tls, Security::ImplicitTls).with_roots(roots),
        ]
    }

    fn session(&self, way: usize) -> Session<pop3_client::Transaction> {
        let connector = Connector::new(self.ways()[way].clone()).unwrap();
        Session::connect(&connector).unwrap().login(&Login::password(USER, PASSWORD)).unwrap()
    }

    fn maildir(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// What is in its Maildir.
    fn stored(&self) -> Vec<Vec<u8>> {
        let mut paths: Vec<PathBuf> = ["new", "cur"]
            .iter()
            .flat_map(|folder| fs::read_dir(self.maildir().join(folder)).unwrap())
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort_by_key(|path| path.file_name().map(std::ffi::OsStr::to_owned));
        paths.iter().map(|path| fs::read(path).unwrap()).collect()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // Its master ends the others.
        let id = self.process.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let _ = self.process.wait();
    }
}

fn program() -> Option<PathBuf> {
    let found = ["/usr/sbin/dovecot", "/usr/local/sbin/dovecot"].map(PathBuf::from);
    let program = found.into_iter().find(|path| path.exists() && Path::new("/usr/lib/dovecot/pop3").exists());
    let version = program.as_ref().and_then(|program| Command::new(program).arg("--version").output().ok());
    // 2.4 has another configuration.
    let is_known = version.is_some_and(|version| version.stdout.starts_with(b"2.3"));
    if is_known {
        return program;
    }
    assert_ne!(std::env::var("POP3_PEERS").as_deref(), Ok("required"), "Dovecot 2.3 is needed");
    println!("left out: dovecot");
    None
}

/// Waits until both ports are answered; false when the process has ended instead.
fn is_up(process: &mut Child, ports: [u16; 2]) -> bool {
    loop {
        if ports.iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok()) {
            return true;
        }
        if process.try_wait().unwrap().is_some() {
            return false;
        }
        thread::yield_now();
    }
}

/// Run by root, mail belongs to nobody, since Dovecot serves none of root's.
const NOBODY: u32 = 65534;

fn configure(folder: &Path, plain: u16, tls: u16, is_root: bool) -> String {
    let folder = folder.display();
    let user = Command::new("id").arg("-un").output().unwrap().stdout;
    let user = String::from_utf8(user).unwrap();
    let (uid, gid) = fs::metadata("/proc/self").map_or((0, 0), |own| (own.uid(), own.gid()));
    let (uid, gid) = if is_root { (NOBODY, NOBODY) } else { (uid, gid) };
    let unprivileged = match is_root {
        true => String::new(),
        false => format!(
            "default_internal_user = {user}\ndefault_login_user = {user}\ndefault_internal_group =\n\
             service anvil {{\n chroot =\n}}\nservice pop3-login {{\n chroot =\n}}\n"
        ),
    };
    format!(
        "base_dir = {folder}/run\nstate_dir = {folder}/run\nlog_path = {folder}/log\nprotocols = pop3\n\
         listen = 127.0.0.1\nssl = yes\nssl_cert = <{folder}/certificate.pem\nssl_key = <{folder}/key.pem\n\
         disable_plaintext_auth = no\nmail_location = maildir:{folder}/mail\n\
         passdb {{\n driver = static\n args = password={PASSWORD}\n}}\n\
         userdb {{\n driver = static\n args = uid={uid} gid={gid} home={folder}/home\n}}\n\
         service pop3-login {{\n inet_listener pop3 {{\n port = {plain}\n }}\n\
         inet_listener pop3s {{\n port = {tls}\n ssl = yes\n }}\n}}\n{unprivileged}"
    )
}

/// The corpus, as a delivery agent leaves it.
fn fill(maildir: &Path) {
    for folder in ["", "tmp", "new", "cur"] {
        fs::create_dir(maildir.join(folder)).unwrap();
    }
    for index in 0..MESSAGES {
        deliver(maildir, index, &corpus::message(index));
    }
    if fs::metadata(maildir).unwrap().uid() == 0 {
        for folder in ["", "tmp", "new", "cur"] {
            chown(maildir.join(folder), Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
}

fn deliver(maildir: &Path, index: usize, message: &[u8]) {
    let path = maildir.join("new").join(format!("{}.M{index}P1.example.org", 1_700_000_000 + index));
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(message).unwrap();
    if fs::metadata(&path).unwrap().uid() == 0 {
        chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

// Conformance: C-1939-05, C-1939-07, C-1939-08, C-REL-01, C-REL-08
#[test]
fn the_program_fetches_every_octet_and_removes_what_it_has_stored() {
    let Some(dovecot) = Dovecot::start() else { return };
    let corpus: Vec<Vec<u8>> = (0..MESSAGES).map(corpus::message).collect();
    let wanted = once(corpus.iter().map(|message| expected(message)));
    assert_eq!(wanted.len(), MESSAGES);
    let ca = dovecot.ca.file().display().to_string();
    let (plain, tls) = (dovecot.plain, dovecot.tls);
    let ways = [
        (format!("pop://alice@127.0.0.1:{plain}"), vec!["--insecure-plain"]),
        (format!("pop://alice@127.0.0.1:{plain}"), vec!["--ca-file", &ca]),
        (format!("pops://alice@127.0.0.1:{tls}"), vec!["--ca-file", &ca]),
    ];
    let homes = ways.each_ref().map(|(url, more)| {
        let home = Home::new();
        let maildir = home.maildir().display().to_string();
        let fetch = [&["fetch", url, "--maildir", &maildir], &more[..]].concat();
        let ran = home.run(&fetch);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(home.mail() == wanted, "{url} {more:?}: not the same mail");
        let ran = home.run(&fetch);
        assert!(ran.stdout.starts_with("fetched 0 messages"), "{ran:?}");
        home
    });
    assert_eq!(dovecot.stored().len(), MESSAGES);

    // Another message arrives; all are removed, and only that one is fetched.
    deliver(&dovecot.maildir(), MESSAGES, b"Subject: last\n\nbody\n");
    let ((url, more), home) = (&ways[2], &homes[2]);
    let maildir = home.maildir().display().to_string();
    let ran = home.run(&[&["fetch", url, "--delete", "--maildir", &maildir], &more[..]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.starts_with("fetched 1 message ") && ran.stdout.contains("removed 1001"), "{ran:?}");
    assert!(dovecot.stored().is_empty());
    assert_eq!(home.mail().len(), MESSAGES + 1);
}

// Conformance: C-1939-08, C-1939-15, C-2449-05
#[test]
fn the_library_removes_what_was_marked_when_it_quits_and_only_then() {
    let Some(dovecot) = Dovecot::start() else { return };
    let number = |number| MessageNumber::new(number).unwrap();
    let odd = || (1..=1000).step_by(2).map(number);
    let mut session = dovecot.session(0);
    assert_eq!(session.stat().unwrap().count, 1000);
    assert!(session.dele_many(odd()).unwrap().is_empty());
    drop(session);
    let mut session = dovecot.session(1);
    assert_eq!(session.stat().unwrap().count, 1000);
    assert!(session.dele_many(odd()).unwrap().is_empty());
    session.rset().unwrap();
    session.quit().unwrap();
    assert_eq!(dovecot.stored().len(), 1000);
    let mut session = dovecot.session(2);
    assert!(session.dele_many(odd()).unwrap().is_empty());
    assert_eq!(session.stat().unwrap().count, 500);
    session.quit().unwrap();
    let even: Vec<Vec<u8>> = (1..MESSAGES).step_by(2).map(corpus::message).collect();
    assert!(dovecot.stored() == even, "not the even ones are left");
}
