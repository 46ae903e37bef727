//! The program as a person meets it.

mod support;

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use pop3_server::rustls::pki_types::{CertificateDer, pem::PemObject as _};
use rustix::process::Signal;
use support::{Client, PASSWORD, Program, USER, client_config, deliver, files, root};

/// Connects with TLS to a program that made itself a home in `data`.
fn connect(program: &Program, data: &Path) -> Client {
    let certificate = CertificateDer::from_pem_file(data.join("certificate.pem")).unwrap();
    let config = Arc::new(client_config(certificate));
    let mut client = Client::connect(program.addresses[1]).start_tls(&config);
    assert!(client.line().starts_with("+OK"));
    client
}

fn demo_password(data: &Path) -> String {
    fs::read_to_string(data.join("password")).unwrap().trim_end().to_owned()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Runs it to its end, with something on stdin.
fn run(arguments: &[&str], stdin: &[u8]) -> Output {
    let mut child = Program::command(arguments).stdin(Stdio::piped()).spawn().unwrap();
    // Who does not read stdin closes it early.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

/// Runs it, expects it to fail, and gives what it said: one line, and an exit status.
fn complaint(arguments: &[&str]) -> String {
    let output = run(arguments, b"");
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    let said: Vec<&str> = text.lines().filter(|line| line.starts_with("pop3-server: ")).collect();
    assert_eq!(said.len(), 1, "{text}");
    // A cause is said once.
    for cause in said[0].split([':', ';']).map(str::trim).filter(|cause| cause.len() > 12) {
        assert_eq!(said[0].matches(cause).count(), 1, "{cause} twice in {}", said[0]);
    }
    said[0].to_owned()
}

#[test]
fn the_first_start_makes_a_home_and_the_second_finds_it() {
    let parent = root();
    let data = parent.path().join("new/pop3 data");
    let program = Program::start_in(&data);
    let shown = data.display().to_string();
    let tls = program.addresses[1];
    assert!(program.printed.starts_with(&format!("Made {shown}: ")), "{}", program.printed);
    for expected in [
        format!(
            "fetch 'pops://demo@{tls}' --ca-file '{shown}/certificate.pem' --password-file '{shown}/password'"
        ),
        format!("curl --cacert '{shown}/certificate.pem' --netrc-file '{shown}/netrc' 'pop3s://{tls}/1'"),
    ] {
        assert!(program.printed.contains(&expected), "{}", program.printed);
    }
    let hint = format!("  pop3-server user add NAME --data '{shown}'\n");
    assert!(program.printed.contains(&hint), "{}", program.printed);
    assert!(program.printed.lines().count() < 15);
    assert!(!program.printed.contains(&demo_password(&data)));
    for private in ["key.pem", "users", "password", "netrc", "users.decoy"] {
        assert_eq!(mode(&data.join(private)), 0o600, "{private}");
    }
    assert_eq!(mode(&data), 0o700);

    let mut client = connect(&program, &data);
    client.log_in("demo", &demo_password(&data));
    let ids = client.lines("UIDL");
    assert_eq!(ids.len(), 4);
    let all: Vec<u8> = (1..=4).flat_map(|number| client.multi(&format!("RETR {number}"))).collect();
    let all = String::from_utf8(all).unwrap();
    assert!(
        all.contains("Content-Disposition: attachment")
            && all.contains("Zażółć")
            && all.contains("\r\n.\r\n")
    );
    client.ok("DELE 1");
    client.quit();
    let before = fs::read(data.join("certificate.pem")).unwrap();
    let (status, _) = program.stop();
    assert!(status.success());

    let program = Program::start_in(&data);
    let found = format!("Found {shown}, and use what is in it: certificate, users, mail.\n");
    assert!(program.printed.starts_with(&found), "{}", program.printed);
    assert_eq!(fs::read(data.join("certificate.pem")).unwrap(), before);
    let mut client = connect(&program, &data);
    client.log_in("demo", &demo_password(&data));
    assert_eq!(client.lines("LIST").len(), 3);
    client.quit();
    drop(program);

    // What was taken away is made again, and said.
    fs::remove_file(data.join("key.pem")).unwrap();
    let program = Program::start_in(&data);
    let found =
        format!("Found {shown}, and use what is in it: users, mail.\nMade what was missing: certificate.\n");
    assert!(program.printed.starts_with(&found), "{}", program.printed);
}

#[test]
fn a_first_start_that_fails_leaves_nothing_behind() {
    let parent = root();
    let data = parent.path().join("pop3-data");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let any = "127.0.0.1:0";
    for (stls, tls, option) in [(&*address, any, "--listen-stls"), (any, &*address, "--listen-tls")] {
        let arguments = ["--data", data.to_str().unwrap(), "--listen-stls", stls, "--listen-tls", tls];
        let said = complaint(&arguments);
        let advice = format!("stop the program that has this port, or choose another address with {option}");
        assert!(said.contains(&format!("cannot listen on {address}: ")) && said.ends_with(&advice), "{said}");
        assert!(!data.exists());
    }
}

// Conformance: S-ROB-08, A-32, S-1939-19
#[test]
fn sigterm_in_a_session_removes_nothing() {
    let data = root();
    let program = Program::start_in(data.path());
    let mut client = connect(&program, data.path());
    client.log_in("demo", &demo_password(data.path()));
    client.ok("DELE 1");
    client.ok("DELE 2");
    let (status, log) = program.stop();
    assert!(status.success(), "{log}");
    assert_eq!(client.rest(), b"");
    assert_eq!(files(&data.path().join("mail"), "demo").len(), 4);
    assert!(log.contains("stopped"), "{log}");
}

#[test]
fn a_second_signal_ends_at_once() {
    let data = root();
    let program = Program::start_in(data.path());
    deliver(&data.path().join("mail"), &[b""]);
    let big = b"Subject: big\n\n0123456789012345678901234567890123456789\n".repeat(500_000);
    support::deliver_to(&data.path().join("mail"), "demo", &[&big]);
    let mut client = connect(&program, data.path());
    client.log_in("demo", &demo_password(data.path()));
    client.ok("RETR 5");
    program.signal(Signal::INT);
    // It waits for this one, and no other is let in.
    support::wait_until("it stops listening", || std::net::TcpStream::connect(program.addresses[0]).is_err());
    program.signal(Signal::INT);
    let (status, log) = program.wait();
    assert!(!status.success());
    assert!(log.contains("second signal"), "{log}");
}

// Conformance, S-ROB-09
#[test]
fn killed_in_a_session_it_has_lost_nothing_and_lets_in_at_once() {
    let data = root();
    let program = Program::start_in(data.path());
    let mut client = connect(&program, data.path());
    client.log_in("demo", &demo_password(data.path()));
    let ids = client.lines("UIDL");
    client.ok("DELE 1");
    program.signal(Signal::KILL);
    let (status, _) = program.wait();
    assert!(!status.success());
    client.rest();

    let program = Program::start_in(data.path());
    let mut client = connect(&program, data.path());
    client.log_in("demo", &demo_password(data.path()));
    assert_eq!(client.lines("UIDL"), ids);
    client.quit();
}

// Conformance: S-ROB-04, A-10, A-15, S-8314-09
#[test]
fn no_secret_is_ever_logged() {
    let data = root();
    let program = Program::start_logging(data.path(), "trace");
    let password = demo_password(data.path());
    let marks = ["hunter2-in-clear", "hunter2-in-pass", "hunter2-in-auth", "hunter2-in-apop"];
    let mut clear = Client::connect(program.addresses[0]);
    clear.line();
    clear.ask(&format!("PASS {}", marks[0]));
    clear.ask(&format!("AUTH PLAIN {}", marks[0]));
    let mut client = connect(&program, data.path());
    client.err("USER na\u{1b}[31mme");
    client.ok("USER na\\nme");
    client.err(&format!("PASS {}", marks[1]));
    let token =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("\0demo\0{}", marks[2]));
    client.err(&format!("AUTH PLAIN {token}"));
    client.err(&format!("APOP demo {}", marks[3]));
    let mut client = connect(&program, data.path());
    client.log_in("demo", &password);
    // The lock is there: a second session is refused.
    let mut second = connect(&program, data.path());
    second.ok("USER demo");
    second.err(&format!("PASS {password}"));
    client.quit();
    second.log_in("demo", &password);
    drop(second);
    support::wait_until("the end is noticed", || {
        let mut client = connect(&program, data.path());
        client.ok("USER demo");
        client.ask(&format!("PASS {password}")).starts_with("+OK")
    });
    let (_, log) = program.stop();
    let line = |words: &str| log.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{log}"));
    assert!(line("logged out").contains("user=\"demo\" retrieved=0 removed=0"), "{log}");
    let closed = "user=\"demo\" retrieved=0 removed=0 reason=\"the client closed the connection\"";
    assert!(log.contains(closed), "{log}");
    assert_eq!(log.matches("name or password is wrong").count(), 2, "{log}");
    assert!(log.contains("reason=\"the maildrop is in use"), "{log}");
    for debug in ["Eof", "InUse", "BadCredentials"] {
        assert!(!log.contains(debug), "{debug} in {log}");
    }
    assert!(
        log.contains("login refused") && log.contains("logged in") && log.contains("logged out"),
        "{log}"
    );
    assert!(log.contains("TLSv1_3") && log.contains("TLS13_"), "{log}");
    for secret in marks.iter().copied().chain([&*password, &*token]) {
        assert!(!log.contains(secret), "{secret} in the log");
    }
    assert!(log.chars().all(|c| c == '\n' || !c.is_control()), "{}", log.escape_debug());
}

#[test]
fn users_are_added_listed_and_removed() {
    let data = root();
    let data_text = data.path().to_str().unwrap();
    let user = |more: &[&str], stdin: &[u8]| run(&[&["--data", data_text, "user"], more].concat(), stdin);
    let added = user(&["add", USER], format!("{PASSWORD}\nmore").as_bytes());
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let text = fs::read_to_string(data.path().join("users")).unwrap();
    assert!(text.starts_with("alice:{ARGON2ID}$argon2id$") && text.contains(" {SCRAM-SHA-256}"), "{text}");
    assert!(!text.contains(PASSWORD) && !String::from_utf8_lossy(&added.stdout).contains(PASSWORD));
    assert_eq!(mode(&data.path().join("users")), 0o600);
    let generated = user(&["add", "bob", "--generate"], b"");
    let generated = String::from_utf8(generated.stdout).unwrap();
    let password = generated.lines().nth(1).unwrap();
    assert!(password.len() >= 20);
    assert_eq!(user(&["list"], b"").stdout, b"alice\nbob\n");

    // A server that runs sees changes without being told.
    let program = Program::start_in(data.path());
    let mut client = connect(&program, data.path());
    client.log_in("bob", password);
    client.quit();
    assert!(user(&["add", "carol"], b"another one\n").status.success());
    let mut client = connect(&program, data.path());
    client.log_in("carol", "another one");
    client.quit();
    assert!(user(&["remove", "carol"], b"").status.success());
    let mut client = connect(&program, data.path());
    client.ok("USER carol");
    client.err("PASS another one");
    drop(program);

    for (arguments, expected) in [
        (&["remove", "nobody"][..], "there is no user nobody in"),
        (&["add", "a/b"], "a/b cannot be a user name: a user name has 1 to 255 octets"),
        (&["add", "dave"], "the first line of stdin is empty; "),
    ] {
        let said = complaint(&[&["--data", data_text, "user"], arguments].concat());
        assert!(said.contains(expected), "{said}");
    }
}

/// A configuration file with everything in place.
fn configuration(folder: &Path) -> String {
    let made = support::Certificate::create();
    fs::write(folder.join("cert.pem"), &made.chain_pem).unwrap();
    fs::write(folder.join("key.pem"), &made.key_pem).unwrap();
    fs::set_permissions(folder.join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(folder.join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n")).unwrap();
    fs::create_dir_all(folder.join("mail")).unwrap();
    "[[listen]]\naddress = \"127.0.0.1:0\"\nkind = \"tls\"\n\n[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n\n\
     [users]\nfile = \"users\"\n\n[maildir]\nroot = \"mail\"\n"
        .to_owned()
}

#[test]
fn a_configuration_file_is_what_holds() {
    let folder = root();
    let text = configuration(folder.path())
        + "below = \"Maildir\"\n[login]\nmechanisms = [\"LOGIN\"]\n[protocol]\ngreeting = \"Hello\"\n\
           implementation = \"ours\"\nlanguages = [\"en\", \"de\"]\n";
    let path = folder.path().join("server.toml");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    fs::set_permissions(folder.path().join("users"), fs::Permissions::from_mode(0o600)).unwrap();
    let program = Program::start(&["serve", "--config", path]);
    let certificate = CertificateDer::from_pem_file(folder.path().join("cert.pem")).unwrap();
    let mut client = Client::connect(program.addresses[0]).start_tls(&Arc::new(client_config(certificate)));
    assert_eq!(client.line(), "+OK Hello");
    client.log_in(USER, PASSWORD);
    let capabilities = client.lines("CAPA");
    for expected in ["SASL LOGIN", "IMPLEMENTATION ours", "LANG"] {
        assert!(capabilities.contains(&expected.to_owned()), "{capabilities:?}");
    }
    client.quit();
    assert!(folder.path().join("mail/alice/Maildir/new").is_dir());

    let effective = run(&["check", "--config", path], b"");
    assert!(effective.status.success(), "{}", String::from_utf8_lossy(&effective.stderr));
    let effective = String::from_utf8(effective.stdout).unwrap();
    assert!(
        effective.contains("autologout = 600")
            && effective.contains("below = \"Maildir\"")
            && effective.contains("password_checks = "),
        "{effective}"
    );
    // What it prints is a configuration file again.
    let again = folder.path().join("again.toml");
    fs::write(&again, &effective).unwrap();
    let printed = run(&["check", "--config", again.to_str().unwrap()], b"");
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), effective);
}

// Conformance: A-11
#[test]
fn sighup_takes_a_renewed_certificate_and_ends_nothing() {
    let folder = root();
    let path = folder.path().join("server.toml");
    fs::write(&path, configuration(folder.path())).unwrap();
    let program = Program::start(&["--config", path.to_str().unwrap()]);
    let trust =
        |chain: &str| Arc::new(client_config(CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()));
    // Each as a client of its own, that resumes nothing.
    let connect = |chain: &str| Client::connect(program.addresses[0]).try_start_tls(&trust(chain));
    let old = fs::read_to_string(folder.path().join("cert.pem")).unwrap();
    let mut session = connect(&old).unwrap();
    session.line();
    session.log_in(USER, PASSWORD);
    // Connected, and its handshake still to come.
    let between = Client::connect(program.addresses[0]);

    let renewed = support::Certificate::create();
    fs::write(folder.path().join("cert.pem"), &renewed.chain_pem).unwrap();
    fs::write(folder.path().join("key.pem"), &renewed.key_pem).unwrap();
    program.signal(Signal::HUP);
    support::wait_until("it shows the new certificate", || connect(&renewed.chain_pem).is_ok());
    assert!(connect(&old).is_err());
    session.ok("NOOP");

    // A key that cannot be used changes nothing.
    fs::write(folder.path().join("key.pem"), "no key").unwrap();
    program.signal(Signal::HUP);
    assert!(connect(&renewed.chain_pem).is_ok());
    let mut between = between.start_tls(&trust(&renewed.chain_pem));
    between.line();
    between.quit();
    session.quit();
    let (status, log) = program.stop();
    assert!(status.success(), "{log}");
    assert!(log.contains("certificate and key read again"), "{log}");
    assert!(log.contains("stay as they are") && log.contains("there is no private key in"), "{log}");
}

#[test]
fn the_example_holds_what_it_says() {
    let folder = root();
    configuration(folder.path());
    let example = include_str!("../examples/pop3-server.toml")
        .replace("tls/fullchain.pem", "cert.pem")
        .replace("tls/privkey.pem", "key.pem")
        .replace("/var/mail/maildirs", "mail");
    // Its comments are the defaults: with them taken in, nothing changes but the optional keys.
    let is_setting = |line: &str| line.starts_with("# ") && line.contains(" = ") && !line.contains("`");
    let taken_in: Vec<String> = example
        .lines()
        .map(|line| if is_setting(line) { line[2..].to_owned() } else { line.to_owned() })
        .collect();
    let optional = ["below =", "apop_host =", "implementation =", "password_checks ="];
    let defaults = taken_in.iter().filter(|line| !optional.iter().any(|key| line.starts_with(key)));
    let defaults = defaults.fold(String::new(), |all, line| all + line + "\n");
    let check = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let output = run(&["check", "--config", path.to_str().unwrap()], b"");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let plain = check("example.toml", &example);
    assert_eq!(plain, check("defaults.toml", &defaults));
    assert!(defaults.matches(" = ").count() > 25, "the comments were taken in");
    check("everything.toml", &taken_in.join("\n"));
}

#[test]
fn a_wrong_configuration_is_one_sentence_with_file_line_and_key() {
    let folder = root();
    let good = configuration(folder.path());
    let path = folder.path().join("bad.toml");
    let shown = path.to_str().unwrap();
    let wrong = |text: &str| {
        fs::write(&path, text).unwrap();
        complaint(&["check", "--config", shown])
    };
    let after = good.lines().count() + 2;
    for (more, expected) in [
        ("[timeouts]\nautologout = 300", "key autologout: 300 seconds are less than RFC 1939 allows"),
        ("[timeouts]\nautologuot = 600", "key autologuot: there is no key `autologuot`; the keys here are"),
        (
            "[timeouts]\nautologout = \"long\"",
            "key autologout: invalid type: string \"long\", expected a whole number, 0 or more;",
        ),
        (
            "[limits]\nconnections = -1",
            "key connections: invalid value: integer `-1`, expected a whole number",
        ),
        (
            "[login]\nmechanisms = [\"EXTERNAL\"]",
            "key mechanisms: EXTERNAL is no mechanism of this server; choose",
        ),
        ("[limits]\nconnections = 0", "key connections: 0 would let nobody in; use 1 or more"),
        ("[protocol]\ngreeting = \"<x>\"", "key greeting: this text would confuse mail programs; "),
        ("[protocol]\nlanguages = []", "key languages: this list is empty; "),
        ("[protocol]\nlanguages = [\"fr\"]", "key languages: unknown variant `fr`"),
    ] {
        let said = wrong(&format!("{good}{more}\n"));
        let place = format!("pop3-server: {shown}, line {after}, {expected}");
        assert!(said.starts_with(&place), "{said}");
        assert!(said.contains(';'), "what to do: {said}");
    }
    for address in ["1.2.3.4", "localhost:995", "::1:995", ""] {
        let said = wrong(&format!("[[listen]]\naddress = \"{address}\"\nkind = \"tls\"\n"));
        let expected =
            format!("bad.toml, line 2, key address: `{address}` is no IP address with a port; write it like");
        assert!(said.contains(&expected) && said.contains("[::]:995"), "{said}");
    }
    let output = run(&["--listen-tls", "localhost:1995"], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(64) && said.contains("write it like 127.0.0.1:1995"), "{said}");
    let said = wrong(&good.replace("[maildir]\nroot = \"mail\"\n", ""));
    assert!(said.contains(": there is no section [maildir]; add it"), "{said}");
    let said = wrong(good.split_once("\n\n").unwrap().1);
    assert!(said.contains("bad.toml: there is no section [[listen]]; add it"), "{said}");
    let said = wrong(&good.replace("key = \"key.pem\"\n", ""));
    assert!(said.contains("section [tls]: missing field `key`"), "{said}");
    let said = wrong("listen = [\n");
    assert!(said.contains("bad.toml, line "), "{said}");
}

#[test]
fn what_is_missing_or_taken_is_named_with_what_to_do() {
    let folder = root();
    let good = configuration(folder.path());
    let path = folder.path().join("server.toml");
    let shown = path.to_str().unwrap();
    let with = |from: &str, to: &str| {
        fs::write(&path, good.replace(from, to)).unwrap();
        complaint(&["--config", shown])
    };
    let said = complaint(&["--config", "/nowhere/at/all.toml"]);
    assert!(
        said.contains("cannot read the configuration file /nowhere/at/all.toml, check the path"),
        "{said}"
    );

    let other = support::Certificate::create();
    fs::write(folder.path().join("other.pem"), &other.key_pem).unwrap();
    let said = with("key.pem", "other.pem");
    assert!(
        said.contains("other.pem does not belong to the certificate") && said.contains("; give the key"),
        "{said}"
    );
    let said = with("cert.pem", "missing.pem");
    assert!(said.contains("cannot read the certificate") && said.contains("missing.pem"), "{said}");
    let said = with("cert.pem", "users");
    assert!(said.contains("there is no certificate in") && said.contains("PEM"), "{said}");
    fs::write(folder.path().join("torn.pem"), &other.chain_pem[..200]).unwrap();
    let said = with("cert.pem", "torn.pem");
    assert!(said.contains("torn.pem"), "{said}");
    let said = with("file = \"users\"", "file = \"nobody\"");
    assert!(said.contains("cannot read the users file") && said.contains("`pop3-server user add`"), "{said}");
    let said = with("root = \"mail\"", "root = \"nowhere\"");
    let nowhere = folder.path().join("nowhere");
    let expected = format!("there is no such directory; create it with `mkdir -p {}`", nowhere.display());
    assert!(said.contains("cannot serve the Maildirs under") && said.contains(&expected), "{said}");
    let said = with("[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n", "");
    assert!(said.contains("speaks TLS, but there is no certificate; give one"), "{said}");
    let said = with("kind = \"tls\"", "kind = \"plain\"\n[login]\nmechanisms = [\"PLAIN\"]");
    assert!(
        said.contains("nobody could log in on 127.0.0.1:0: ") && said.contains("make it a listener with"),
        "{said}"
    );
    for kind in ["tls", "stls", "plain"] {
        let nothing = format!("kind = \"{kind}\"\n[login]\nmechanisms = []\nuser_pass = false");
        let said = with("kind = \"tls\"", &nothing);
        assert!(
            said.contains("USER and PASS are off, no mechanism is enabled") && !said.contains("TLS"),
            "{said}"
        );
    }

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = with("127.0.0.1:0", &address);
    assert!(
        said.contains(&format!("cannot listen on {address}: ")) && said.contains("; stop the program"),
        "{said}"
    );
    let said = with("127.0.0.1:0", "192.0.2.1:0");
    assert!(said.contains("cannot listen on 192.0.2.1:0: ") && said.contains("no such address"), "{said}");

    fs::write(folder.path().join("users"), "alice:{PLAIN}x\nbroken\n").unwrap();
    let said = with("", "");
    assert!(said.contains("users, line 2: a line has to be"), "{said}");
    // A home where none can be.
    let blocked = folder.path().join("users/data");
    let said = complaint(&["--data", blocked.to_str().unwrap()]);
    assert!(said.contains("cannot create the directory") && said.contains("check the path"), "{said}");
}

#[test]
fn what_is_hardly_ever_meant_is_warned_of() {
    let folder = root();
    let path = folder.path().join("server.toml");
    let text = configuration(folder.path()).replace("\"tls\"", "\"stls\"");
    let users = folder.path().join("users");
    let said = |more: &str, mode: u32| {
        fs::write(&path, format!("{text}{more}")).unwrap();
        fs::set_permissions(&users, fs::Permissions::from_mode(mode)).unwrap();
        let path = path.to_str().unwrap();
        let checked = run(&["check", "--config", path], b"");
        let (status, log) = Program::start(&["--config", path]).stop();
        assert!(status.success() && checked.status.success(), "{log}");
        [log, String::from_utf8(checked.stderr).unwrap()]
    };
    for log in said("", 0o600) {
        assert!(!log.contains("WARN"), "{log}");
    }
    let advice = format!("`chmod 600 {}`", users.display());
    for log in said("[login]\nplaintext_without_tls = true\n", 0o640) {
        assert_eq!(log.matches("WARN").count(), 2, "{log}");
        assert!(log.contains("(mode 640)") && log.contains(&advice), "{log}");
        assert!(log.contains("plaintext_without_tls is true: "), "{log}");
    }
}

/// A directory that this user may not read, where the system lets a test have one.
#[test]
fn a_home_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    let folder = root();
    let data = folder.path().join("pop3-data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o300)).unwrap();
    // Root may read everything, unless it gives that up.
    let output = Command::new("setpriv")
        .args(["--bounding-set", "-all", "--inh-caps", "-all", env!("CARGO_BIN_EXE_pop3-server")])
        .args([
            "--data",
            data.to_str().unwrap(),
            "--listen-stls",
            "127.0.0.1:0",
            "--listen-tls",
            "127.0.0.1:0",
        ])
        .output();
    let Some(output) = output.ok().filter(|output| output.status.code() == Some(1)) else {
        println!("left out: a directory that cannot be read (setpriv)");
        return;
    };
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot read the directory") && said.contains("pop3-data"), "{said}");
    assert!(!data.join("key.pem").exists());
}

/// Delivers with these arguments; the exit status and what was said.
fn deliver_by(arguments: &[&str], message: &[u8]) -> (i32, String) {
    let output = run(&[&["deliver"], arguments].concat(), message);
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

// Conformance: M-5321-02, M-5321-03, M-5321-05
#[test]
fn deliver_is_an_agent_for_an_mta() {
    let folder = root();
    let path = folder.path().join("server.toml");
    fs::write(&path, configuration(folder.path())).unwrap();
    let config = ["--config", path.to_str().unwrap()];
    let mail = folder.path().join("mail");
    let message: Vec<u8> =
        [b"Return-Path: <old@example>\nSubject: x\n\n".as_slice(), &(0..=255).collect::<Vec<u8>>()].concat();

    let (status, said) = deliver_by(&[&config[..], &[USER]].concat(), &message);
    assert_eq!((status, said.as_str()), (0, ""));
    let [file] = &files(&mail, USER)[..] else { panic!("one file") };
    assert_eq!(fs::read(file).unwrap(), message, "as it came");
    assert!(file.parent().unwrap().ends_with("new"));
    fs::remove_file(file).unwrap();

    let (status, _) = deliver_by(&[&config[..], &[USER, "--sender", "new@example"]].concat(), &message);
    assert_eq!(status, 0);
    let [file] = &files(&mail, USER)[..] else { panic!("one file") };
    let expected = [b"Return-Path: <new@example>\n", &message[27..]].concat();
    assert_eq!(fs::read(file).unwrap(), expected);
    fs::remove_file(file).unwrap();

    let (status, said) = deliver_by(&[&config[..], &["nobody"]].concat(), &message);
    assert_eq!(status, 67);
    assert_eq!(said, "pop3-server: there is no user nobody; nothing was delivered\n");
    let (status, said) = deliver_by(&[&config[..], &[USER]].concat(), b"");
    assert_eq!(status, 75);
    assert!(said.contains("the message on stdin is empty; nothing was delivered"), "{said}");
    assert!(files(&mail, USER).is_empty());
    let (status, _) = deliver_by(&[&config[..], &[USER, "--wrong"]].concat(), &message);
    assert_eq!(status, 64);
    let (status, said) = deliver_by(&["--config", "/nowhere.toml", USER], &message);
    assert_eq!(status, 75, "{said}");
    fs::rename(&mail, folder.path().join("gone")).unwrap();
    let (status, said) = deliver_by(&[&config[..], &[USER]].concat(), &message);
    assert_eq!(status, 75, "{said}");
    assert!(said.contains("cannot serve the Maildirs under"), "{said}");
}

#[test]
fn a_limit_on_file_sizes_is_temporary_and_said() {
    let folder = root();
    let path = folder.path().join("server.toml");
    fs::write(&path, configuration(folder.path())).unwrap();
    let message = folder.path().join("message");
    fs::write(&message, b"Subject: x\n\n".repeat(100_000)).unwrap();
    let script = "ulimit -f 64; \"$0\" deliver --config \"$1/server.toml\" alice < \"$1/message\"";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_pop3-server"), folder.path().to_str().unwrap()])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.contains("File too large") && said.contains("nothing was delivered"), "{said}");
    assert!(files(&folder.path().join("mail"), USER).is_empty());
    assert_eq!(fs::read_dir(folder.path().join("mail/alice/tmp")).unwrap().count(), 0);
}

/// A disk of 256 KiB, where the system lets a test make one.
#[test]
fn a_full_disk_is_temporary_and_said() {
    let folder = root();
    let path = folder.path().join("server.toml");
    fs::write(&path, configuration(folder.path())).unwrap();
    let message = folder.path().join("message");
    fs::write(&message, b"Subject: x\n\n".repeat(100_000)).unwrap();
    let script = "mount -t tmpfs -o size=256k none \"$1/mail\" || exit 99; \
                  \"$0\" deliver --config \"$1/server.toml\" alice < \"$1/message\"; status=$?; \
                  ls \"$1\"/mail/alice/tmp \"$1\"/mail/alice/new; exit $status";
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", script, env!("CARGO_BIN_EXE_pop3-server"), folder.path().to_str().unwrap()])
        .output();
    let Some(output) = output.ok().filter(|output| !matches!(output.status.code(), Some(1 | 99))) else {
        println!("left out: a small disk (unshare and tmpfs)");
        return;
    };
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.contains("the disk is full, free some space"), "{said}");
    let left = String::from_utf8(output.stdout).unwrap();
    assert!(left.lines().all(|line| line.is_empty() || line.ends_with(':')), "{left}");
}

#[test]
fn an_unknown_log_level_is_an_error_at_start() {
    let data = root();
    let data = data.path().to_str().unwrap();
    let run = |arguments: &[&str], variable: &str| {
        Program::command(arguments).env("POP3_SERVER_LOG", variable).output().unwrap()
    };
    for (arguments, variable) in [
        (&["--log", "verbose", "check", "--data", data][..], "info"),
        (&["check", "--data", data], "warning"),
    ] {
        let output = run(arguments, variable);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(
            said.contains("is unknown; --log and POP3_SERVER_LOG take one of off, error, warn"),
            "{said}"
        );
    }
    // Mail must not bounce for it.
    assert_eq!(run(&["deliver", "alice", "--data", data], "loud").status.code(), Some(75));
}
