//! The program `pop3-conform` as somebody uses it, and what its cases claim.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should panic")]

mod conform;

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
    sync::Arc,
};

use conform::{PASSWORD, USER, options_for, test_server};
use pop3_testkit::{
    TestServer,
    conform::{Format, Level, Library, Mode, Verdict, known_mail, run},
};

fn server() -> TestServer {
    test_server().message(USER, *b"Subject: somebody's own\n\nmail\n").start().unwrap()
}

/// Runs the program; the words are split at spaces.
fn program(server: &TestServer, words: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pop3-conform"))
        .arg(server.plain_address().to_string())
        .args(["--user", USER, "--timeout", "5"])
        .args(words.split_whitespace())
        .env("POP3_CONFORM_PASSWORD", PASSWORD)
        .output()
        .unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

#[test]
fn a_good_server_is_told_so() {
    let server = server();
    let ran = program(&server, "--case rfc1939-commands/noop S-1939-27");
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    let output = text(&ran.stdout);
    assert!(output.contains("\n3. RFC 1939 — server: commands: 2 pass\n"), "{output}");
    assert!(output.contains("2 cases in ") && output.contains(": 2 pass, 0 fails (MUST)"), "{output}");
}

#[test]
fn a_failure_is_told_with_what_came_and_how_to_see_it_again() {
    let server = test_server().fault("NOOP: answer -ERR no".parse().unwrap()).start().unwrap();
    let ran = program(&server, "--case rfc1939-commands");
    assert_eq!(ran.status.code(), Some(1));
    let output = text(&ran.stdout);
    for part in [
        "fails (MUST): rfc1939-commands/noop\n",
        "expected: +OK * (line 5 of the case)",
        "received: -ERR no",
        "    C: PASS {password}\n",
        "    C: NOOP\n    S: -ERR no\n",
        &format!(
            "to see it again: pop3-conform {} --user {USER} --case rfc1939-commands/noop",
            server.plain_address()
        ),
    ] {
        assert!(output.contains(part), "{part} is not in {output}");
    }
    assert!(!output.contains(PASSWORD.trim()), "the password is in the report");
}

#[test]
fn a_password_that_the_server_repeats_is_in_no_report() {
    let rule = format!("session 3 PASS: answer +OK what is {}", PASSWORD.trim());
    let server = test_server().fault(rule.parse().unwrap()).start().unwrap();
    let ran = program(&server, "--case rfc1939-commands/pass-first");
    assert_eq!(ran.status.code(), Some(1));
    let output = text(&ran.stdout);
    assert!(
        output.contains("received: +OK what is {password}") && !output.contains(PASSWORD.trim()),
        "{output}"
    );
}

#[test]
fn what_only_differs_is_a_failure_when_that_is_asked_for() {
    let server = test_server().fault("NOOP: answer +OK".parse().unwrap()).start().unwrap();
    let ran = program(&server, "--case rfc1957/space-after-indicator");
    assert_eq!(ran.status.code(), Some(0));
    assert!(text(&ran.stdout).contains("differs: rfc1957/space-after-indicator"));
    let ran = program(&server, "--strict --case rfc1957/space-after-indicator");
    assert_eq!(ran.status.code(), Some(1));
}

#[test]
fn what_cannot_run_is_said_in_one_sentence() {
    let server = server();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (words, part) in [
        ("--password wrong", "cannot log in as alice"),
        ("--case colour", "no case is called colour"),
        ("--deliver-command cat", "--writable as well"),
        ("--tls", "TLS handshake"),
        ("--cases /nonexistent", "/nonexistent cannot be read"),
    ] {
        let ran = program(&server, words);
        assert_eq!(ran.status.code(), Some(2), "{words}");
        let error = text(&ran.stderr);
        assert!(error.contains(part) && error.lines().count() == 1, "{words}: {error}");
    }
    let ran = Command::new(env!("CARGO_BIN_EXE_pop3-conform"))
        .args([&nobody.to_string(), "--user", "x", "--password", "y"])
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(text(&ran.stderr).contains("cannot connect to"));
    let ran = Command::new(env!("CARGO_BIN_EXE_pop3-conform")).output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(text(&ran.stderr).contains("say which server"));
}

#[test]
fn reports_for_programs() {
    let server = test_server().fault("NOOP: answer -ERR <&>".parse().unwrap()).start().unwrap();
    let json = program(&server, "--format json --case rfc1939-commands/noop rfc1939-commands/rset");
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let cases = json["cases"].as_array().unwrap();
    assert_eq!(
        (json["mode"].as_str(), json["counts"]["fails"].as_u64(), cases.len()),
        (Some("plain"), Some(1), 2)
    );
    let noop = cases.iter().find(|case| case["name"] == "rfc1939-commands/noop").unwrap();
    assert_eq!((noop["section"].as_u64(), noop["verdict"].as_str()), (Some(3), Some("fails")));
    assert_eq!(noop["received"], "-ERR <&>");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.xml");
    let words = format!("--format junit --output {} --case rfc1939-commands/noop", path.display());
    assert!(
        text(&program(&server, &words).stdout).contains("1 fails (MUST)"),
        "people get theirs all the same"
    );
    let junit = fs::read_to_string(path).unwrap();
    assert!(junit.contains("tests=\"1\" failures=\"1\" errors=\"0\" skipped=\"0\""), "{junit}");
    assert!(junit.contains("received: -ERR &lt;&amp;&gt;"), "{junit}");
}

#[test]
fn cases_and_mail_can_be_seen_and_replaced() {
    let server = server();
    let list = text(&program(&server, "--list").stdout);
    assert_eq!(
        list.lines().filter(|line| line.starts_with("  ")).count(),
        Library::built_in().unwrap().cases.len()
    );

    let folder = tempfile::tempdir().unwrap();
    program(&server, &format!("--write-mail {}", folder.path().display()));
    for mail in known_mail() {
        assert_eq!(fs::read(folder.path().join(format!("{}.eml", mail.name))).unwrap(), mail.octets);
    }

    fs::create_dir(folder.path().join("own")).unwrap();
    let case = "# A case of one's own.\n# Conformance: S-1939-38\n@state transaction\nC: NOOP\nS: +OK no\n";
    fs::write(folder.path().join("own/noop.txt"), case).unwrap();
    let ran = program(&server, &format!("--cases {}", folder.path().display()));
    assert_eq!(ran.status.code(), Some(1));
    assert!(text(&ran.stdout).contains("own/noop"));
}

#[test]
fn without_leave_nothing_is_removed_and_no_dele_is_sent() {
    let server = Arc::new(server());
    let library = Library::built_in().unwrap();
    let mut options = options_for(&server, Mode::Plain);
    (options.writable, options.deliver) = (false, None);
    let report = run(&options, &library.cases, |_| {}).unwrap();
    assert_eq!(report.count(Verdict::Fails) + report.count(Verdict::Undecided), 0);
    assert!(report.count(Verdict::Skipped) > 50);
    let reason = |name: &str| {
        let case = report.cases.iter().find(|case| case.name == name).unwrap();
        case.reason.clone().unwrap_or_default()
    };
    assert!(reason("rfc1939-commands/dele-twice").contains("--writable"));
    assert!(reason("rfc1939-commands/retr").contains("plain.eml"));
    for session in server.sessions() {
        let said = session.transcript.to_string().to_ascii_uppercase();
        assert!(!said.contains("DELE"), "{said}");
    }
    assert_eq!(server.messages(USER).len(), 1);
}

#[test]
fn with_leave_the_mail_of_others_stays() {
    let server = Arc::new(server());
    let library = Library::built_in().unwrap();
    let report = run(&options_for(&server, Mode::Plain), &library.cases, |_| {}).unwrap();
    assert_eq!(report.count(Verdict::Fails) + report.count(Verdict::Undecided), 0);
    let skipped: Vec<&str> = report
        .cases
        .iter()
        .filter(|case| case.verdict == Verdict::Skipped)
        .map(|case| case.name.as_str())
        .collect();
    assert_eq!(skipped, ["rfc1939-commands/dele-no-number", "rfc1939-commands/list-of-nothing"]);
    let left = server.messages(USER);
    assert_eq!(left.len(), 1, "what was delivered is removed again");
    assert!(left[0].octets.starts_with(b"Subject: somebody's own"));
    for session in server.sessions() {
        assert!(session.marked.iter().chain(&session.removed).all(|message| message.unique_id != "memory-1"));
    }
}

#[test]
fn mail_that_was_loaded_by_hand_is_used() {
    let server = server();
    for mail in known_mail() {
        server.deliver(USER, mail.octets).unwrap();
    }
    let ran = program(&server, "--case rfc1939-commands/retr rfc1939-codec/byte-stuffing");
    assert_eq!(ran.status.code(), Some(0));
    assert!(text(&ran.stdout).contains(": 2 pass"));
    assert_eq!(server.messages(USER).len(), known_mail().len() + 1);
}

#[test]
fn a_file_without_certificates_is_named_in_plain_words() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let armoured = |content| format!("-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n");
    for (content, part) in [
        ("not PEM".to_owned(), "there is no certificate in it"),
        (String::new(), "there is no certificate in it"),
        (armoured("!"), "what stands there as a certificate cannot be read"),
        (armoured("AAAA"), "what stands there as a certificate cannot be read"),
    ] {
        let path = folder.path().join("ca.pem");
        fs::write(&path, &content).unwrap();
        let ran = program(&server, &format!("--tls --ca {}", path.display()));
        assert_eq!(ran.status.code(), Some(2));
        let error = text(&ran.stderr);
        assert!(error.contains("ca.pem: ") && error.contains(part), "{content:?}: {error}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_pop3-conform"));
    let ran = command.arg("--list").stdout(writer).output().unwrap();
    assert_eq!((ran.status.code(), text(&ran.stderr)), (Some(0), String::new()));
}

/// The levels of the requirements; abuse cases are our own.
fn levels() -> BTreeMap<String, Level> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let mut levels = BTreeMap::new();
    for line in fs::read_to_string(docs.join("requirements.md")).unwrap().lines() {
        let cells: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let Some(id) = cells.first().and_then(|cell| cell.strip_prefix("| ")) else { continue };
        let level = match cells.get(2).copied().unwrap_or_default() {
            "MUST" | "MUST NOT" => Level::Must,
            "SHOULD" | "SHOULD NOT" => Level::Should,
            _ => Level::Practice,
        };
        levels.insert(id.to_owned(), level);
    }
    for line in fs::read_to_string(docs.join("abuse-cases.md")).unwrap().lines() {
        let id = line.split(" | ").next().and_then(|cell| cell.strip_prefix("| "));
        levels.extend(id.map(|id| (id.to_owned(), Level::Practice)));
    }
    levels
}

#[test]
fn no_case_is_more_binding_than_what_it_cites() {
    let levels = levels();
    assert!(levels.len() > 500);
    for case in Library::built_in().unwrap().cases {
        let cited = case.rows.iter().map(|row| {
            *levels.get(row).unwrap_or_else(|| panic!("{} cites {row}, which is nowhere", case.name))
        });
        let strongest = cited.max().unwrap();
        assert!(case.level <= strongest, "{}: {} of {}", case.name, case.level.name(), strongest.name());
    }
}

#[test]
fn the_full_report_has_every_case() {
    let server = Arc::new(server());
    let mut library = Library::built_in().unwrap();
    library.choose(&["rfc2449".to_owned(), "sasl".to_owned()]).unwrap();
    let report = run(&options_for(&server, Mode::Plain), &library.cases, |_| {}).unwrap();
    let full = report.written(Format::Full, &library.sections);
    for case in &library.cases {
        assert!(full.contains(case.title.as_str()), "{}", case.name);
    }
}

#[test]
fn what_is_wrong_stands_last_and_what_is_not_in_counts() {
    let server = test_server().fault("NOOP: answer -ERR no".parse().unwrap()).start().unwrap();
    let output = text(&program(&server, "--case rfc1939-commands rfc2595").stdout);
    assert_eq!(output.matches("--write-mail DIR").count(), 1, "{output}");
    assert_eq!(output.matches("with --writable\n").count(), 1, "{output}");
    for quiet in ["rfc1939-commands/stat", "It needs", "it needs", "STAT gives"] {
        assert!(!output.contains(quiet), "{quiet} is in {output}");
    }
    let place = |part: &str| output.find(part).unwrap_or_else(|| panic!("{part} is not in {output}"));
    let sections = place("\n8. RFC 2595 — STLS: ");
    let failure = place("\nfails (MUST): rfc1939-commands/noop\n");
    let foot = place(" were skipped or do not apply; --verbose lists them");
    assert!(sections < failure && failure < foot && foot < place(" cases in "), "{output}");

    let ran = program(&server, "--verbose --case rfc1939-commands");
    let full = text(&ran.stdout);
    assert!(full.contains("  skipped ") && full.contains("(it needs ") && full.contains("  pass "), "{full}");
    assert!(!full.contains("--verbose lists them"), "{full}");
}

#[test]
fn help_says_what_is_played_and_where_to_read_on() {
    let help = Command::new(env!("CARGO_BIN_EXE_pop3-conform")).arg("--help").output().unwrap();
    let help = text(&help.stdout);
    for part in ["connects in clear", "rfc1939-commands/noop", "S-1939-27", "pop3-testkit/conform/README.md"]
    {
        assert!(help.contains(part), "{part} is not in {help}");
    }
    // What the example plays is there.
    let example = help.lines().find(|line| line.contains("pop3-conform 127.0.0.1")).unwrap();
    let cases = example.split_once("--case ").unwrap().1.split(' ').map(str::to_owned).collect::<Vec<_>>();
    Library::built_in().unwrap().choose(&cases).unwrap();
}
