//! Programs of other projects, in front of the program and behind it.
//!
//! One that is not installed is named as left out; with `POP3_PEERS=required` that is a failure.

use std::{
    env, fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use pop3_client::{Method, sasl};
use pop3_testkit::record::{Recorder, Replay, Scrub, Upstream};

use crate::{
    program::Program,
    recorded::{PASSWORD, USER, fetch, record},
};

/// Whether it is there; says so when it is not.
fn is_there(name: &str, programs: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).chain(["/usr/sbin".into()]).collect();
    let places = programs.iter().flat_map(|program| folders.iter().map(move |folder| folder.join(program)));
    let found = places.into_iter().find(|path| path.is_file());
    if found.is_none() {
        println!("left out: {name}");
        assert_ne!(env::var("POP3_PEERS").as_deref(), Ok("required"), "{name} is required and not installed");
    }
    found
}

#[test]
fn a_python_test_uses_the_program() {
    let Some(python) = is_there("python3", &["python3"]) else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field/serve.py");
    let output = Command::new(python).arg(script).arg(env!("CARGO_BIN_EXE_pop3-testkit")).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out == "fine\n", "{out}{err}");
}

/// The example of the guide, as it stands there.
#[test]
fn the_python_of_the_guide_runs() {
    let Some(python) = is_there("python3", &["python3"]) else { return };
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide-testkit.md");
    let guide = fs::read_to_string(guide).unwrap();
    let script = guide.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_pop3-testkit")).parent().unwrap().to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([programs].into_iter().chain(env::split_paths(&path))).unwrap();
    let output = Command::new(python).args(["-c", script]).env("PATH", path).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.starts_with("[b'1   "), "{out}{err}");
}

#[test]
fn what_curl_does_is_recorded_and_replayed_to_it() {
    let Some(curl) = is_there("curl", &["curl"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("curl.txt");
    let file = file.to_str().unwrap();
    let server = Program::start(&["serve"]);
    let to = format!("127.0.0.1:{}", server.said["port"]);
    let fetch = |program: &Program| {
        let url = format!("pop3://{}/1", program.address());
        let output = Command::new(&curl).args(["-sS", "-u", "alice:wonderland", &url]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let recorder = Program::start(&["record", "--to", &to, file]);
    // Without SASL, curl logs in by USER and PASS, which can be repeated.
    let first = fetch(&recorder);
    assert_eq!(recorder.wait().0, Some(0));
    let text = fs::read_to_string(file).unwrap();
    assert!(!text.contains("wonderland"), "{text}");
    let replay = Program::start(&["replay", "--exit-after-sessions", "1", file]);
    assert_eq!(fetch(&replay), first);
    assert_eq!(replay.wait().0, Some(0));
}

/// A Dovecot of our own, with one user and three messages.
struct Dovecot {
    folder: tempfile::TempDir,
    process: Child,
    port: u16,
}

impl Dovecot {
    fn start() -> Option<Self> {
        let program = is_there("dovecot", &["dovecot"])?;
        let version = Command::new(&program).arg("--version").output().unwrap().stdout;
        if !version.starts_with(b"2.3") || !Path::new("/usr/lib/dovecot/pop3").exists() {
            println!("left out: dovecot 2.3");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        // Its processes run as several users.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fill(&folder.path().join("mail"));
        // The system chooses a port that is free; should somebody be faster, it is tried again.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let configuration = folder.path().join("dovecot.conf");
            fs::write(&configuration, configure(folder.path(), port)).unwrap();
            let mut command = Command::new(&program);
            command.arg("-F").arg("-c").arg(&configuration).stdin(Stdio::null());
            let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            while process.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Some(Self { folder, process, port });
                }
                std::thread::yield_now();
            }
        }
        panic!("{}", fs::read_to_string(folder.path().join("log")).unwrap_or_default());
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // Its master ends the others.
        let _ = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
        let _ = self.folder.path();
    }
}

/// Run by root, mail belongs to nobody, since Dovecot serves none of root's.
const NOBODY: u32 = 65534;

fn fill(maildir: &Path) {
    fs::create_dir(maildir).unwrap();
    let is_root = fs::metadata(maildir).unwrap().uid() == 0;
    let own = |path: &Path| {
        if is_root {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    };
    own(maildir);
    for part in ["tmp", "new", "cur"] {
        fs::create_dir(maildir.join(part)).unwrap();
        own(&maildir.join(part));
    }
    for number in 1..=3 {
        let path = maildir.join(format!("new/170000000{number}.M1P1.example.org"));
        fs::write(&path, format!("Subject: {number}\n\n.dot\nprivate words\n")).unwrap();
        own(&path);
    }
}

fn configure(folder: &Path, port: u16) -> String {
    let folder_text = folder.display();
    let is_root = fs::metadata(folder).unwrap().uid() == 0;
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let user = user.trim();
    let (uid, gid) = fs::metadata(folder).map_or((0, 0), |own| (own.uid(), own.gid()));
    let (uid, gid) = if is_root { (NOBODY, NOBODY) } else { (uid, gid) };
    let unprivileged = match is_root {
        true => String::new(),
        false => format!(
            "default_internal_user = {user}\ndefault_login_user = {user}\ndefault_internal_group =\n\
             service anvil {{\n chroot =\n}}\nservice pop3-login {{\n chroot =\n}}\n"
        ),
    };
    format!(
        "base_dir = {folder_text}/run\nstate_dir = {folder_text}/run\nlog_path = {folder_text}/log\n\
         protocols = pop3\nlisten = 127.0.0.1\nssl = no\ndisable_plaintext_auth = no\n\
         mail_location = maildir:{folder_text}/mail\n\
         passdb {{\n driver = static\n args = nopassword=y\n}}\n\
         userdb {{\n driver = static\n args = uid={uid} gid={gid} home={folder_text}/home\n}}\n\
         service pop3-login {{\n inet_listener pop3 {{\n port = {port}\n }}\n\
         inet_listener pop3s {{\n port = 0\n }}\n}}\n{unprivileged}"
    )
}

#[test]
fn a_session_with_dovecot_is_recorded_and_replayed() {
    let Some(dovecot) = Dovecot::start() else { return };
    let upstream = Upstream::plain("127.0.0.1", dovecot.port);
    for (method, scrub) in
        [(Method::UserPass, Scrub::everything()), (Method::Sasl(sasl::Mechanism::Plain), Scrub::secrets())]
    {
        let recorder = Recorder::new(upstream.clone()).scrub(scrub);
        let (transcript, fetched) = record(recorder, |address| fetch(address, 8, method, USER));
        let text = transcript.to_string();
        assert!(text.contains("Dovecot") && !text.contains(PASSWORD), "{text}");
        let is_scrubbed = scrub == Scrub::everything();
        assert_eq!(text.contains("private words"), !is_scrubbed, "{text}");
        assert_eq!(text.contains(USER), !is_scrubbed && method == Method::UserPass, "{text}");
        let replaying = Replay::new(&transcript).serve().unwrap();
        let replayed = fetch(replaying.address(), 1, method, USER);
        replaying.wait_for_session().unwrap();
        if is_scrubbed {
            assert_ne!(replayed, fetched);
        } else {
            assert_eq!(replayed, fetched);
        }
    }
}
