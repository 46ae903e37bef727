//! Mail programs of other projects fetch a thousand messages, octet for octet.
//!
//! What a program adds or converts of its own accord is taken away in its test, and said there. A program
//! that is not installed is left out, unless `POP3_PEERS=required`.

mod support;

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use support::{PASSWORD, TestServer, USER, corpus, files, root, with_crlf};

/// The user without rights.
const NOBODY: u32 = 65_534;

/// A server with the corpus, and a place for the program's own files.
struct Scene {
    server: TestServer,
    stored: Vec<Vec<u8>>,
    root: tempfile::TempDir,
    home: tempfile::TempDir,
}

impl Scene {
    fn set() -> Self {
        // These programs flush every message to the disk; it need not be a real one.
        let memory = Path::new("/dev/shm");
        let home = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let root = root();
        let stored = corpus::messages();
        corpus::store(&root.path().join(USER), &stored);
        let server = TestServer::start(root.path());
        fs::write(home.path().join("ca.pem"), &server.certificate.chain_pem).unwrap();
        Self { server, stored, root, home }
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) -> String {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn tls_port(&self) -> u16 {
        self.server.tls_address().port()
    }

    fn stls_port(&self) -> u16 {
        self.server.stls_address().port()
    }

    /// What goes over the wire for each message.
    fn wire(&self) -> Vec<Vec<u8>> {
        self.stored.iter().map(|message| with_crlf(message)).collect()
    }

    /// The same with LF, for programs that store so.
    fn lf(&self) -> Vec<Vec<u8>> {
        self.wire().iter().map(|message| without_cr(message)).collect()
    }

    /// A Maildir for the program to deliver into.
    fn maildir(&self) -> PathBuf {
        let path = self.home.path().join("Maildir");
        for folder in ["tmp", "new", "cur"] {
            fs::create_dir_all(path.join(folder)).unwrap();
        }
        path
    }

    fn run(&self, command: &mut Command) -> Output {
        command.env("HOME", self.home.path()).current_dir(self.home.path());
        command.output().unwrap()
    }

    /// Nothing was removed, and everything is there.
    fn is_unharmed(&self) {
        assert_eq!(files(self.root.path(), USER).len(), self.stored.len());
    }
}

fn without_cr(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len());
    for (at, octet) in message.iter().enumerate() {
        if !(*octet == b'\r' && message.get(at + 1) == Some(&b'\n')) {
            out.push(*octet);
        }
    }
    out
}

/// Whether a program is there; if not, says so, and fails where it has to be there.
fn is_there(program: &str) -> bool {
    let is_there = Command::new(program).arg("--version").output().is_ok();
    if !is_there {
        println!("left out: {program}");
        assert_ne!(std::env::var("POP3_PEERS").as_deref(), Ok("required"), "{program} has to be installed");
    }
    is_there
}

fn succeeded(output: &Output) {
    let text = [&output.stdout[..], &output.stderr].concat();
    assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&text));
}

/// The same messages, in whatever order.
fn assert_same(mut got: Vec<Vec<u8>>, expected: Vec<Vec<u8>>) {
    assert_eq!(got.len(), expected.len());
    let mut missing = Vec::new();
    for message in expected {
        match got.iter().position(|other| *other == message) {
            Some(at) => drop(got.swap_remove(at)),
            None => missing.push(message),
        }
    }
    let show = |messages: &[Vec<u8>]| messages.iter().map(|m| clipped(m) + "\n").collect::<String>();
    assert!(missing.is_empty(), "{}\n got {}\nwant {}", missing.len(), show(&got), show(&missing));
}

fn clipped(message: &[u8]) -> String {
    message[..message.len().min(800)].escape_ascii().to_string()
}

fn contents(maildir: &Path) -> Vec<Vec<u8>> {
    let user = maildir.file_name().unwrap().to_str().unwrap();
    files(maildir.parent().unwrap(), user).iter().map(|path| fs::read(path).unwrap()).collect()
}

/// curl writes what it gets, and an empty line for a message without any octet.
#[test]
fn curl() {
    if !is_there("curl") {
        return;
    }
    let scene = Scene::set();
    let netrc = scene.write("netrc", &format!("machine 127.0.0.1 login {USER} password {PASSWORD}\n"));
    for (scheme, port, folder) in [("pop3s", scene.tls_port(), "tls"), ("pop3", scene.stls_port(), "stls")] {
        fs::create_dir(scene.path(folder)).unwrap();
        let output = scene.run(Command::new("curl").args([
            "--silent",
            "--show-error",
            "--fail-early",
            "--ssl-reqd",
            "--cacert",
            &scene.path("ca.pem"),
            "--netrc-file",
            &netrc,
            "--output",
            &scene.path(&format!("{folder}/#1")),
            &format!("{scheme}://127.0.0.1:{port}/[1-1000]"),
        ]));
        succeeded(&output);
        for (index, expected) in scene.wire().iter().enumerate() {
            let mut got = fs::read(scene.path(&format!("{folder}/{}", index + 1))).unwrap();
            if expected.is_empty() {
                assert_eq!(got, b"\r\n");
                got.clear();
            }
            assert!(got == *expected, "{}\n got {}\nwant {}", index + 1, clipped(&got), clipped(expected));
        }
    }
    scene.is_unharmed();
}

/// mpop stores LF, and adds a Received field unless it is told not to.
#[test]
fn mpop() {
    if !is_there("mpop") {
        return;
    }
    let scene = Scene::set();
    let maildir = scene.maildir();
    let config = scene.write(
        "mpoprc",
        &format!(
            "account test\nhost 127.0.0.1\nport {}\ntls on\ntls_starttls on\ntls_trust_file {}\nauth on\nuser {USER}\n\
             password {PASSWORD}\nkeep on\nreceived_header off\nuidls_file {}\ndelivery maildir {}\n",
            scene.stls_port(),
            scene.path("ca.pem"),
            scene.path("uidls"),
            maildir.display()
        ),
    );
    succeeded(&scene.run(Command::new("mpop").args(["--file", &config, "--quiet", "test"])));
    assert_same(contents(&maildir), scene.lf());
    // It remembers the unique-ids: a second run fetches nothing.
    succeeded(&scene.run(Command::new("mpop").args(["--file", &config, "--quiet", "test"])));
    assert_eq!(contents(&maildir).len(), 1000);
    scene.is_unharmed();
}

/// fetchmail hands LF to its delivery agent, with an empty line behind a header that has none, and a header
/// of its own for a message without any octet. Of a longer line it hands on 8191 octets at a time, and puts
/// two stray octets and an LF between.
fn without_what_fetchmail_adds(message: &[u8]) -> Vec<u8> {
    if message.starts_with(b"From: FETCHMAIL-DAEMON\n") {
        return Vec::new();
    }
    let mut out = Vec::new();
    for line in message.split_inclusive(|octet| *octet == b'\n') {
        out.extend_from_slice(if line.len() == 8194 { &line[..8191] } else { line });
    }
    out
}

/// A header that has no empty line behind it gets one.
fn with_empty_line(mut message: Vec<u8>) -> Vec<u8> {
    if !message.is_empty() && !message.windows(2).any(|octets| octets == b"\n\n") {
        message.push(b'\n');
    }
    message
}

#[test]
fn fetchmail() {
    if !is_there("fetchmail") {
        return;
    }
    let scene = Scene::set();
    let maildir = scene.maildir();
    let agent =
        scene.write("agent", &format!("exec cat > \"$(mktemp {}/new/XXXXXXXX)\"\n", maildir.display()));
    let config = scene.write(
        "fetchmailrc",
        &format!(
            "set invisible\nset no bouncemail\nset softbounce\npoll localhost protocol POP3 port {} uidl:\n\
             username {USER} password {PASSWORD} ssl sslcertck sslcertfile {}\n\
             keep fetchall no rewrite no mimedecode mda \"/bin/sh {agent}\"\n",
            scene.tls_port(),
            scene.path("ca.pem"),
        ),
    );
    let mut command = Command::new("fetchmail");
    command.env("FETCHMAILHOME", scene.home.path()).env("LC_ALL", "C");
    let output = scene.run(command.args(["--fetchmailrc", &config, "--nosyslog", "--silent", "--nodetach"]));
    succeeded(&output);
    let got = contents(&maildir).iter().map(|message| without_what_fetchmail_adds(message)).collect();
    assert_same(got, scene.lf().into_iter().map(with_empty_line).collect());
    scene.is_unharmed();
}

/// What getmail 6.18 has for this misses a delivery that was quick, and waits for it in vain.
const PATIENT_GETMAIL: &str = "\
import os
from getmailcore.baseclasses import ForkingBase
ForkingBase._prepare_child = lambda self: None
ForkingBase._wait_for_child = lambda self, child: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
";

/// getmail stores LF, with an empty line behind a header that has none, and puts the Return-Path first, or
/// makes one up. It delivers as anybody but root.
fn as_getmail_has_it(message: Vec<u8>) -> Vec<u8> {
    const FIELD: &[u8] = b"Return-Path: ";
    if message.is_empty() {
        return b"Return-Path: <unknown>\n\n".to_vec();
    }
    let lines: Vec<&[u8]> = message.split_inclusive(|octet| *octet == b'\n').collect();
    let (first, rest): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.starts_with(FIELD));
    with_empty_line([first, rest].concat().concat())
}

#[test]
fn getmail() {
    if !is_there("getmail") {
        return;
    }
    let scene = Scene::set();
    let maildir = scene.maildir();
    let config = scene.write(
        "getmailrc",
        &format!(
            "[retriever]\ntype = SimplePOP3SSLRetriever\nserver = 127.0.0.1\nport = {}\nusername = {USER}\n\
             password = {PASSWORD}\nca_certs = {}\n[destination]\ntype = Maildir\npath = {}/\n\
             [options]\nread_all = true\ndelete = false\ndelivered_to = false\nreceived = false\nverbose = 1\n",
            scene.tls_port(),
            scene.path("ca.pem"),
            maildir.display()
        ),
    );
    let home = scene.home.path().to_str().unwrap();
    let mut command = Command::new("getmail");
    scene.write("sitecustomize.py", PATIENT_GETMAIL);
    command.env("PYTHONPATH", scene.home.path()).env("PYTHONDONTWRITEBYTECODE", "1");
    if rustix::process::geteuid().is_root() {
        let patch = scene.home.path().join("sitecustomize.py");
        let everything = [scene.home.path().to_owned(), maildir.clone(), (&config).into(), patch];
        for path in everything.iter().cloned().chain(["tmp", "new", "cur"].map(|folder| maildir.join(folder)))
        {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        command.uid(NOBODY).gid(NOBODY);
    }
    succeeded(&scene.run(command.args(["--getmaildir", home, "--rcfile", &config])));
    assert_same(contents(&maildir), scene.lf().into_iter().map(as_getmail_has_it).collect());
    scene.is_unharmed();
}

/// poplib gives lines without their ends, and refuses those of more than 2048 octets unless told otherwise.
#[test]
fn poplib() {
    if !is_there("python3") {
        return;
    }
    let scene = Scene::set();
    let script = scene.write(
        "fetch.py",
        "import poplib, ssl, sys\n\
         poplib._MAXLINE = 1 << 30\n\
         context = ssl.create_default_context(cafile=sys.argv[2])\n\
         server = poplib.POP3_SSL('127.0.0.1', int(sys.argv[1]), context=context)\n\
         server.user(sys.argv[3]); server.pass_(sys.argv[4])\n\
         count, size = server.stat()\n\
         sizes = [int(line.split()[1]) for line in server.list()[1]]\n\
         assert len(sizes) == count and sum(sizes) == size, (count, size)\n\
         assert len(set(line.split()[1] for line in server.uidl()[1])) == count\n\
         for number in range(1, count + 1):\n\
         \x20   lines = server.retr(number)[1]\n\
         \x20   body = b''.join(line + b'\\r\\n' for line in lines)\n\
         \x20   assert len(body) == sizes[number - 1], number\n\
         \x20   open('%s/%d' % (sys.argv[5], number), 'wb').write(body)\n\
         server.quit()\n",
    );
    fs::create_dir(scene.path("out")).unwrap();
    let port = scene.tls_port().to_string();
    let (ca, out) = (scene.path("ca.pem"), scene.path("out"));
    succeeded(&scene.run(Command::new("python3").args([&script, &port, &ca, USER, PASSWORD, &out])));
    for (index, expected) in scene.wire().iter().enumerate() {
        let got = fs::read(scene.path(&format!("out/{}", index + 1))).unwrap();
        assert!(got == *expected, "{}\n got {}\nwant {}", index + 1, clipped(&got), clipped(expected));
    }
    scene.is_unharmed();
}
