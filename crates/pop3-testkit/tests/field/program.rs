//! The program as other languages see it: a process, its first line, its exit code.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use pop3_client::{Connector, Login, Method, Options, Roots, Security, blocking::Session};
use pop3_testkit::transcript::Transcript;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::Raw;

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pop3-testkit"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// The program while it runs; what it said first.
pub(crate) struct Program {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) said: Value,
}

impl Program {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let mut command = command(&arguments);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        if stdout.read_line(&mut line).unwrap() == 0 {
            let mut error = String::new();
            child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
            panic!("it did not start: {error}");
        }
        let said = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { child, stdout, said }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        format!("127.0.0.1:{}", self.said["port"]).parse().unwrap()
    }

    /// Waits for its end: the exit code, and what else it said, out and err.
    pub(crate) fn wait(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.stdout.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }

    fn signal(self, signal: Signal) -> (Option<i32>, String, String) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self.wait()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything that our client fetches there.
fn fetch(program: &Program, security: Security) -> Vec<Vec<u8>> {
    let port =
        if security == Security::ImplicitTls { &program.said["tls_port"] } else { &program.said["port"] };
    let user = &program.said["users"][0];
    let options = Options::new("localhost").with_security(security);
    let options = options.with_port(u16::try_from(port.as_u64().unwrap()).unwrap());
    let options = options.with_roots(Roots::File(program.said["ca_file"].as_str().unwrap().into()));
    let login = Login::password(user["name"].as_str().unwrap(), user["password"].as_str().unwrap());
    let session = Session::connect(&Connector::new(options).unwrap()).unwrap();
    let mut session = session.login(&login.with_method(Method::UserPass)).unwrap();
    let numbers: Vec<_> = session.list().unwrap().iter().map(|listing| listing.number).collect();
    let mut messages = Vec::new();
    for number in numbers {
        let mut message = Vec::new();
        session.retr(number).unwrap().read_to_end(&mut message).unwrap();
        messages.push(message);
    }
    session.quit().unwrap();
    messages
}

#[test]
fn with_no_arguments_it_serves_a_user_with_mail_and_tls() {
    let program = Program::start(&["serve"]);
    assert_eq!(program.said["users"][0]["name"], "alice");
    for security in [Security::StlsRequired, Security::ImplicitTls] {
        let messages = fetch(&program, security);
        assert_eq!(messages.len(), 3);
        assert!(messages[0].ends_with(b"late.\r\n.\r\n..and a line of two dots before this one\r\n"));
    }
    let ca = program.said["ca_file"].as_str().unwrap().to_owned();
    assert!(fs::exists(&ca).unwrap());
    let (code, out, err) = program.signal(Signal::TERM);
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "", ""));
    assert!(!fs::exists(&ca).unwrap(), "the temporary certificate stays behind");
}

#[test]
fn a_person_can_read_where_it_listens() {
    let mut child = command(&["serve", "--profile", "qq", "--fault", "QUIT: close"]).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut said: Vec<String> = Vec::new();
    for line in lines {
        said.push(line);
        if said.last().unwrap().starts_with("Ready") {
            break;
        }
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(
        said[0].starts_with("STLS:   127.0.0.1:") && said[1].starts_with("TLS:    127.0.0.1:"),
        "{said:?}"
    );
    assert_eq!(said[2], "User:   alice, password wonderland, 3 messages");
    assert!(
        said.contains(&"Profile: qq".to_owned()) && said.contains(&"Fault:  QUIT: close".to_owned()),
        "{said:?}"
    );
}

#[test]
fn users_mail_faults_and_a_profile_of_ones_own() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("one.eml"), "Subject: one\n\nLF\n").unwrap();
    fs::write(
        path("faults"),
        "# comment\n\n  # another\nLIST: separator \\x20\\x20\nUIDL: unique-ids duplicate\n",
    )
    .unwrap();
    fs::write(
        path("own.toml"),
        "name = \"own\"\ndescription = \"x\"\ngreeting = \"+OK own\"\n[capa]\nplain = [\"X-OWN\"]\n",
    )
    .unwrap();
    let program = Program::start(&[
        "serve",
        "--profile",
        &path("own.toml"),
        "--faults",
        &path("faults"),
        "--fault",
        "STAT: say +OK 7 7",
        "--user",
        "bob:a:b",
        "--user",
        "carol:c",
        "--token",
        "dave:t",
        "--mail",
        directory.path().to_str().unwrap(),
        "--ca-out",
        &path("ca.pem"),
        "--transcripts",
        &path("said"),
        "--exit-after-sessions",
        "2",
    ]);
    assert_eq!(program.said["profile"], "own");
    assert_eq!(program.said["faults"].as_array().unwrap().len(), 3);
    assert_eq!(program.said["users"].as_array().unwrap().len(), 3);
    let mut raw = Raw::connect(program.address());
    raw.send("CAPA\r\nUSER bob\r\nPASS a:b\r\nSTAT\r\nLIST\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n");
    let said = raw.rest();
    assert!(said.starts_with("+OK own\r\n+OK Capability list follows\r\nX-OWN\r\n.\r\n"), "{said}");
    assert!(said.contains("+OK 7 7\r\n") && said.contains("\r\n1  20\r\n"), "{said}");
    assert!(said.contains("\r\nSubject: one\r\n\r\nLF\r\n.\r\n"), "{said}");
    drop(Raw::connect(program.address()));
    let (code, _, err) = program.wait();
    let unmet = "pop3-testkit: warning: the fault `UIDL: unique-ids duplicate` never came: no session has met its \
                 point\n";
    let (passed_over, rest) = err.split_once('\n').unwrap();
    assert!(
        passed_over.contains("--mail: passed over in") && passed_over.ends_with("faults, own.toml"),
        "{err}"
    );
    assert_eq!((code, rest), (Some(0), unmet));
    let text = fs::read_to_string(path("said/session-1.txt")).unwrap();
    assert!(!text.contains("a:b"), "{text}");
    let transcript: Transcript = text.parse().unwrap();
    transcript.assert_commands(["CAPA", "USER bob", "PASS *", "STAT", "LIST", "RETR 1", "DELE 1", "QUIT"]);
    assert!(fs::exists(path("said/session-2.txt")).unwrap());
    assert!(fs::read_to_string(path("ca.pem")).unwrap().contains("BEGIN CERTIFICATE"));
}

#[test]
fn a_misspelt_fault_is_told_at_the_start_and_at_the_end() {
    let faults = ["--fault", "RTER: reset", "--fault", "NOOP: answer -ERR no"];
    let arguments = ["serve", "--exit-after-sessions", "1", "--profile", "qq"];
    let program = Program::start(&[&arguments[..], &faults].concat());
    let mut raw = Raw::connect(program.address());
    raw.send("NOOP\r\nQUIT\r\n");
    assert!(raw.rest().contains("-ERR no\r\n"));
    let (code, _, err) = program.wait();
    let warnings: Vec<&str> = err.lines().collect();
    assert_eq!((code, warnings.len()), (Some(0), 2), "{err}");
    assert!(warnings[0].contains("no RFC about POP3 has the command of the fault `RTER: reset`"), "{err}");
    assert!(warnings[1].contains("the fault `RTER: reset` never came"), "{err}");
}

#[test]
fn sessions_are_told_as_lines_of_json() {
    let program = Program::start(&["serve", "--transcripts", "-", "--exit-after-sessions", "1"]);
    let mut raw = Raw::connect(program.address());
    raw.send("USER alice\r\nPASS wonderland\r\nRETR 2\r\nDELE 3\r\nQUIT\r\n");
    raw.rest();
    let (code, out, _) = program.wait();
    assert_eq!(code, Some(0));
    let session: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(session["user"], "alice");
    assert_eq!(session["retrieved"][0]["number"], 2);
    assert_eq!(session["removed"][0]["number"], 3);
    assert_eq!(session["commands"][1], "PASS *");
    assert_eq!((&session["end"], &session["failed_logins"]), (&"ended with QUIT".into(), &0.into()));
}

#[test]
fn it_ends_with_the_test_that_started_it() {
    let mut program = Program::start(&["serve", "--until-stdin-closes"]);
    drop(program.child.stdin.take());
    assert_eq!(program.wait().0, Some(0));
}

#[test]
fn what_is_wrong_is_named_with_its_option() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("faults"), "RETR: unstuffed\nRETR: explode\n").unwrap();
    fs::write(path("wrong.toml"), "name = \"x\"\n").unwrap();
    fs::write(path("wrong.txt"), "S: +OK\nX: what\n").unwrap();
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let cases: [(&[&str], &[&str]); 20] = [
        (&["serve", "--profile", "gmial"], &["--profile", "gmial", "gmail"]),
        (&["serve", "--profile", &path("wrong.toml")], &["--profile", "wrong.toml", "line 1", "description"]),
        (&["serve", "--fault", "RETR: explode"], &["--fault", "explode"]),
        (&["serve", "--faults", &path("faults")], &["--faults", "faults line 2", "explode"]),
        (&["serve", "--faults", &path("none")], &["--faults", "none"]),
        (&["serve", "--mail", &path("none")], &["--mail", "none"]),
        (&["serve", "--user", "alice"], &["--user", "colon"]),
        (&["serve", "--profile", &path("none.toml")], &["none.toml: No such", "name a TOML file"]),
        (&["serve", "--user", "a:b", "--user", "a:c"], &["--user", "a is there twice"]),
        (&["serve", "--ca-out", &path("none/ca.pem")], &["--ca-out", "none/ca.pem", "directory"]),
        (&["serve", "--exit-after-sessions", "0"], &["--exit-after-sessions", "from 1 on"]),
        (&["replay", "--exit-after-sessions", "x", "y"], &["--exit-after-sessions", "from 1 on"]),
        (&["profiles", &path("wrong.toml")], &["wrong.toml", "line 1", "description"]),
        (&["record", "--to", "localhost:1", &path("none/x")], &["none/x", "directory that is there"]),
        (&["serve", "--listen", "here"], &["--listen", "127.0.0.1:1110"]),
        (&["serve", "--listen", &address], &[&address, "in use"]),
        (&["profiles", "gmial"], &["gmial", "gmail"]),
        (&["replay", &path("wrong.txt")], &["wrong.txt", "line 2"]),
        (&["record", "--to", "nowhere", "x"], &["--to", "HOST:PORT", "pop.example.org:995"]),
        (&["record", "--to", "localhost:1", &path("faults")], &["faults", "--force"]),
    ];
    for (arguments, words) in cases {
        let output = run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        for word in words {
            assert!(error.contains(word), "{arguments:?} does not say {word}: {error}");
        }
        for cause in ["os error", "No such file", "in use"] {
            assert!(error.matches(cause).count() <= 1, "{arguments:?} says {cause} twice: {error}");
        }
    }
}

/// Whoever has the program has the words for `--fault`.
#[test]
fn the_help_has_the_form_of_rules() {
    let help = String::from_utf8(run(&["serve", "--help"]).stdout).unwrap();
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("A RULE is `[session RANGE] POINT [#RANGE]: FAULT`"), "{help}");
    for form in pop3_testkit::fault::Fault::FORMS {
        assert!(words.contains(form), "{form} is not in {help}");
    }
}

#[test]
fn profiles_are_listed_and_shown_with_their_sources() {
    let list = String::from_utf8(run(&["profiles"]).stdout).unwrap();
    assert!(list.lines().count() >= 28 && list.contains("gmail "), "{list}");
    let shown = String::from_utf8(run(&["profiles", "maillennium"]).stdout).unwrap();
    assert!(
        shown.contains("fault: UIDL: separator \\x20\\x20\\x20\n") && shown.contains("source: "),
        "{shown}"
    );
}

/// Records a session with the served profile, and replays it.
#[test]
fn a_session_goes_into_a_file_and_comes_out_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("session.txt");
    let file = file.to_str().unwrap();
    let server = Program::start(&["serve", "--profile", "courier"]);
    let (ca, tls) = (server.said["ca_file"].as_str().unwrap(), server.said["tls_port"].to_string());
    let to = format!("localhost:{tls}");
    let recorder = Program::start(&["record", "--to", &to, "--tls", "--ca", ca, "--scrub-user", file]);
    let talk = |address, name: &str| {
        let mut raw = Raw::connect(address);
        raw.send(&format!("CAPA\r\nUSER {name}\r\nPASS wonderland\r\nUIDL\r\nRETR 1\r\nQUIT\r\n"));
        raw.rest()
    };
    let recorded = talk(recorder.address(), "alice");
    let (code, _, err) = recorder.wait();
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains("C: USER *\nC: PASS *\n") || text.contains("C: USER *\n"), "{text}");
    assert!(!text.contains("wonderland") && !text.contains("USER alice"), "{text}");
    let replay = Program::start(&["replay", "--exit-after-sessions", "1", file]);
    assert_eq!(talk(replay.address(), "bob"), recorded);
    assert_eq!(replay.wait().0, Some(0));
    let replay = Program::start(&["replay", "--exit-after-sessions", "1", file]);
    let mut raw = Raw::connect(replay.address());
    raw.send("NOOP\r\n");
    assert!(raw.rest().contains("-ERR `CAPA` was recorded here"));
    let (code, _, err) = replay.wait();
    assert_eq!(code, Some(1));
    assert!(err.starts_with("pop3-testkit: session 1: the client said `NOOP`"), "{err}");
}

#[test]
fn a_login_by_scram_is_told_before_anybody_connects() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("session.txt");
    let text = "S: +OK\nC: AUTH SCRAM-SHA-256 ***\nS: + ***\nC: ***\nS: + ***\nC: \nS: +OK\n";
    fs::write(&file, text).unwrap();
    let ran = run(&["replay", file.to_str().unwrap()]);
    let (out, err) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
    assert_eq!((ran.status.code(), out.as_str(), err.lines().count()), (Some(2), "", 1), "{err}");
    assert!(err.contains("session.txt cannot be replayed: it has a login by SCRAM"), "{err}");
}

#[test]
fn one_command_is_no_commands() {
    let directory = tempfile::tempdir().unwrap();
    let server = Program::start(&["serve"]);
    let to = server.address().to_string();
    for (lines, end) in [("QUIT\r\n", "with 1 command.\n"), ("NOOP\r\nQUIT\r\n", "with 2 commands.\n")] {
        let file = directory.path().join(lines.len().to_string());
        let mut recorder = command(&["record", "--to", &to, file.to_str().unwrap()]).spawn().unwrap();
        let mut out = BufReader::new(recorder.stdout.take().unwrap());
        let mut said = String::new();
        out.read_line(&mut said).unwrap();
        let address = said.strip_prefix("Listening on ").unwrap().split(';').next().unwrap();
        let mut raw = Raw::connect(address.parse().unwrap());
        raw.send(lines);
        raw.rest();
        drop(raw);
        out.read_to_string(&mut said).unwrap();
        assert!(recorder.wait().unwrap().success() && said.ends_with(end), "{said}");
    }
}

#[test]
fn a_recording_that_fails_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("session.txt");
    let server = Program::start(&["serve"]);
    let to = format!("localhost:{}", server.said["tls_port"]);
    // Its certificate is by an authority that the system does not know.
    let recorder = Program::start(&["record", "--to", &to, "--tls", file.to_str().unwrap()]);
    let mut raw = Raw::connect(recorder.address());
    assert_eq!(raw.rest(), "");
    let (code, _, err) = recorder.wait();
    assert_eq!(code, Some(1), "{err}");
    assert!(
        err.contains("no TLS with localhost")
            && err.contains("--ca FILE")
            && err.contains("nothing was recorded"),
        "{err}"
    );
    assert!(!file.exists());
}
