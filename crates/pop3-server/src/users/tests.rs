use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use pop3_sasl::ScramHash;

use super::*;

fn parse(text: &str) -> Result<Users, (usize, EntryError)> {
    Users::parse(text, Salts::new(b"secret"))
}

// Conformance: S-5802-07
#[test]
fn new_secrets_are_for_pass_and_for_scram() {
    let secrets = NewSecrets::derive("tanstaaf").unwrap();
    assert!(secrets.as_str().starts_with("{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(!format!("{secrets:?}").contains("ARGON"));
    let users = Users::new().with_secrets("alice", secrets.as_str()).unwrap();
    assert!(users.is_password("alice", "tanstaaf").unwrap());
    assert!(!users.is_password("alice", "tanstaaF").unwrap());
    assert!(!users.is_password("bob", "tanstaaf").unwrap());
    let credentials = users.scram("alice", ScramHash::Sha256).unwrap().found().unwrap();
    assert!(credentials.verify_password("tanstaaf"));
    assert!(users.scram("alice", ScramHash::Sha1).unwrap().found().is_none());
    assert!(users.shared_secret("alice").unwrap().found().is_none(), "it is not stored");
    // Two users with one password cannot be told from the file.
    assert_ne!(NewSecrets::derive("tanstaaf").unwrap().as_str(), secrets.as_str());
    assert!(NewSecrets::derive("\u{7}").is_err() && NewSecrets::derive("").is_err());
}

#[test]
fn scram_credentials_are_made_of_a_readable_secret() {
    let text = "alice:{PLAIN}tanstaaf\nbob:{PLAIN}tanstaaf\n";
    let users = parse(text).unwrap();
    let [alice, again, bob, sha1] = [
        ("alice", ScramHash::Sha256),
        ("alice", ScramHash::Sha256),
        ("bob", ScramHash::Sha256),
        ("alice", ScramHash::Sha1),
    ]
    .map(|(name, hash)| users.scram(name, hash).unwrap().found().unwrap());
    assert!(alice.verify_password("tanstaaf") && !alice.verify_password("tanstaaF"));
    assert_eq!(alice.to_stored(), again.to_stored());
    // After a restart too.
    let restarted = parse(text).unwrap().scram("alice", ScramHash::Sha256).unwrap().found().unwrap();
    assert_eq!(alice.to_stored(), restarted.to_stored());
    assert!(alice.salt() != bob.salt() && alice.salt() != sha1.salt());
    assert_eq!((alice.iterations(), alice.salt().len()), (4096, 16));
    assert!(users.scram("nobody", ScramHash::Sha256).unwrap().found().is_none());
    // What is stored goes first.
    let stored = ScramCredentials::derive(ScramHash::Sha256, "other", b"0123456789abcdef", 4096).unwrap();
    let users = users.with_secrets("alice", &stored.to_stored()).unwrap();
    assert_eq!(users.scram("alice", ScramHash::Sha256).unwrap().found().unwrap().iterations(), 4096);
}

#[test]
fn a_hash_that_other_software_made() {
    // Of the reference implementation's own tests: password, somesalt, 2 passes, 64 MiB.
    let entry =
        "{ARGON2ID}$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let users = Users::new().with_secrets("alice", entry).unwrap();
    assert!(users.is_password("alice", "password").unwrap());
    assert!(!users.is_password("alice", "Password").unwrap());
}

#[test]
fn the_form_of_a_line() {
    let users = parse("# comment\n\nalice:{PLAIN}one {PLAIN}two\nb@c:{plain}x\r\n").unwrap();
    assert_eq!(users.names().collect::<Vec<_>>(), ["alice", "b@c"]);
    for password in ["one", "two"] {
        assert!(users.is_password("alice", password).unwrap());
    }
    assert!(!users.is_password("alice", "one {PLAIN}two").unwrap());
    let expensive = "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$4Vp5d57FwtGZ9rjVDZkBoY4VEnvGDnDn";
    let rounds = "$argon2id$v=19$m=64,t=1000000000,p=1$c29tZXNhbHQ$4Vp5d57FwtGZ9rjVDZkBoY4VEnvGDnDn";
    let keys = "S2V5S2V5S2V5S2V5S2V5S2V5S2V5S2V5S2V5S2V5S2U=";
    let scram = format!("a:{{SCRAM-SHA-256}}2000000000,c2FsdA==,{keys},{keys}");
    for (line, error) in [
        ("alice", EntryError::NoName),
        ("al ice:{PLAIN}x", EntryError::Name),
        ("../a:{PLAIN}x", EntryError::Name),
        (".a:{PLAIN}x", EntryError::Name),
        (":{PLAIN}x", EntryError::Name),
        ("\u{ad}:{PLAIN}x", EntryError::Name),
        ("a:", EntryError::NoSecret),
        ("a:x", EntryError::Scheme),
        ("a:{MD5}x", EntryError::Scheme),
        ("a:{PLAIN}", EntryError::Malformed),
        (
            "a:{ARGON2ID}$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$4Vp5d57FwtGZ9rjVDZkBoY4V",
            EntryError::Malformed,
        ),
        ("a:{ARGON2ID}$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ", EntryError::Malformed),
        ("a:{SCRAM-SHA-256}4096,x", EntryError::Malformed),
        (&format!("a:{{ARGON2ID}}{expensive}"), EntryError::TooExpensive),
        (&format!("a:{{ARGON2ID}}{rounds}"), EntryError::TooExpensive),
        (&scram, EntryError::TooExpensive),
        ("a:{PLAIN}x\na:{PLAIN}y", EntryError::Twice),
    ] {
        let (number, found) = parse(line).map(|_| ()).unwrap_err();
        assert_eq!(found, error, "{line}");
        assert_eq!(number, line.lines().count());
        assert!(!found.to_string().contains("4Vp5"), "no secret in a message");
    }
}

/// The shortest of several measurements of each, taken in turns: whatever else the machine does makes some
/// of them longer.
fn shortest<const N: usize>(run: [&dyn Fn(); N]) -> [Duration; N] {
    let mut times = [Duration::MAX; N];
    for _ in 0..9 {
        for (time, run) in times.iter_mut().zip(run) {
            let began = Instant::now();
            run();
            *time = began.elapsed().min(*time);
        }
    }
    times
}

// Conformance: S-ROB-07, S-5034-17, A-35
#[test]
fn an_unknown_user_takes_as_long_as_a_known_one() {
    let secrets = NewSecrets::derive("right").unwrap();
    let users = Users::new().with_secrets("alice", secrets.as_str()).unwrap();
    let nobody = Users::new();
    let [known, unknown, empty] = shortest([
        &|| assert!(!users.is_password("alice", "wrong").unwrap()),
        &|| assert!(!users.is_password("nobody", "wrong").unwrap()),
        &|| assert!(!nobody.is_password("alice", "wrong").unwrap()),
    ]);
    for other in [unknown, empty] {
        let ratio = other.as_secs_f64() / known.as_secs_f64();
        assert!((0.5..2.0).contains(&ratio), "{known:?} {unknown:?} {empty:?}");
    }
}

/// Users of three kinds, ten of each: with a readable password, and with SCRAM credentials of two sorts.
fn mixed() -> Users {
    let mut text = String::new();
    for n in 0..10 {
        let stored = |iterations, salt: &[u8]| {
            ScramCredentials::derive(ScramHash::Sha256, "right", salt, iterations).unwrap().to_stored()
        };
        text.push_str(&format!("readable{n}:{{PLAIN}}right\n"));
        text.push_str(&format!("imported{n}:{}\n", stored(10_000, b"twelve octet")));
        text.push_str(&format!("new{n}:{}\n", stored(20_000, b"a salt of forty octets, which is a lot: ")));
    }
    parse(&text).unwrap()
}

/// What SCRAM shows for a name.
fn shown(users: &Users, name: &str) -> (u32, usize) {
    let credentials = users.scram(name, ScramHash::Sha256).unwrap().found();
    match credentials {
        Some(credentials) => (credentials.iterations(), credentials.salt().len()),
        None => {
            let decoy = format!("{:?}", users.decoy(name, ScramHash::Sha256));
            let number = |field: &str| -> u32 {
                let rest = decoy.split_once(field).unwrap().1;
                rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
            };
            (number("iterations: "), number("salt_length: ") as usize)
        }
    }
}

// Conformance: A-95, S-5802-08
#[test]
fn unknown_names_show_what_users_show() {
    let users = mixed();
    let mut of_users = [(4096, 16), (10_000, 12), (20_000, 40)].map(|kind| (kind, 0, 0));
    let mut count = |name: &str, is_known: bool| {
        let shown = shown(&users, name);
        let (_, known, unknown) = of_users.iter_mut().find(|(kind, ..)| *kind == shown).unwrap();
        *if is_known { known } else { unknown } += 1;
    };
    users.names().for_each(|name| count(name, true));
    (0..300).for_each(|n| count(&format!("unknown{n}"), false));
    for (kind, known, unknown) in of_users {
        assert_eq!(known, 10, "{kind:?}");
        assert!((30..=200).contains(&unknown), "{kind:?}: {unknown}");
    }
    // After a restart the same for each name.
    let again = mixed();
    assert!((0..50).all(|n| {
        let name = format!("unknown{n}");
        shown(&users, &name) == shown(&again, &name)
    }));
}

// Conformance: A-95, S-ROB-07
#[test]
fn a_scram_question_takes_as_long_for_an_unknown_name_as_for_its_stand_in() {
    // All readable: each question derives credentials. Right after the file was read, too.
    let text: String = (0..20).map(|n| format!("user{n}:{{PLAIN}}right\n")).collect();
    let users = parse(&text).unwrap();
    let ask = |name: &str| {
        let found = users.scram(name, ScramHash::Sha256).unwrap().found();
        drop(found.is_none().then(|| users.decoy(name, ScramHash::Sha256)));
    };
    let began = Instant::now();
    ask("user0");
    let first = began.elapsed();
    let [known, unknown] = shortest([&|| ask("user1"), &|| ask("nobody")]);
    let ratio = |other: Duration| other.as_secs_f64() / known.as_secs_f64();
    assert!((0.5..2.0).contains(&ratio(unknown)), "{known:?} {unknown:?}");
    assert!(ratio(first) < 20.0, "{known:?} {first:?}");
}

// Conformance: A-95
#[test]
fn an_unknown_name_costs_no_more_among_many_users() {
    let text: String = (0..20_000).map(|n| format!("user{n}:{{PLAIN}}right\n")).collect();
    let users = parse(&text).unwrap();
    let [known, unknown] = shortest([
        &|| (0..200).for_each(|_| assert!(!users.is_password("user19999", "wrong").unwrap())),
        &|| (0..200).for_each(|_| assert!(!users.is_password("nobody", "wrong").unwrap())),
    ]);
    let ratio = unknown.as_secs_f64() / known.as_secs_f64();
    assert!((0.3..3.0).contains(&ratio), "{known:?} {unknown:?}");
}

// Conformance: A-45
#[test]
fn the_work_for_an_unknown_name_never_lets_anybody_in() {
    let users = Users::new().with_password("alice", "x");
    for name in ["", "Alice", "alice ", "bob", "ALICE"] {
        assert!(!users.is_password(name, "x").unwrap(), "{name}");
    }
}

#[test]
fn the_file_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users");
    assert!(matches!(UsersFile::open(&path, b"secret"), Err(UsersFileError::Io { .. })));
    fs::write(&path, "alice:{PLAIN}one\n").unwrap();
    let file = UsersFile::open(&path, b"secret").unwrap();
    assert!(file.is_password("alice", "one").unwrap());
    fs::write(&path, "alice:{PLAIN}two\nbob:{PLAIN}three\n").unwrap();
    assert!(!file.is_password("alice", "one").unwrap());
    assert!(file.is_password("bob", "three").unwrap());
    // A mistake keeps what was known.
    fs::write(&path, "alice:{PLAIN}two\nbob\n").unwrap();
    assert!(file.is_password("bob", "three").unwrap());
    let error = UsersFile::open(&path, b"secret").unwrap_err().to_string();
    assert!(error.contains(", line 2: "), "{error}");
    // No file is not the same as no users.
    fs::remove_file(&path).unwrap();
    assert!(file.is_password("bob", "three").is_err());
}

#[test]
fn an_edit_is_whole_and_private_and_touches_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users");
    let secrets = NewSecrets::derive("tanstaaf").unwrap();
    fs::write(&path, "# ours\nalice:{PLAIN}one\n\nbob:{PLAIN}two\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let mut editor = UsersFileEditor::open(&path).unwrap();
    assert!(editor.set("carol", &secrets).unwrap());
    assert!(!editor.set("alice", &secrets).unwrap());
    assert!(editor.set("a b", &secrets).is_err());
    assert!(editor.remove("bob") && !editor.remove("nobody"));
    editor.save().unwrap();
    let entry = secrets.as_str();
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("# ours\nalice:{entry}\n\ncarol:{entry}\n"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    // What the server could not read is not written.
    fs::write(&path, "alice:{PLAIN}one\nbroken\n").unwrap();
    let mut editor = UsersFileEditor::open(&path).unwrap();
    editor.set("carol", &secrets).unwrap();
    assert!(editor.save().is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "alice:{PLAIN}one\nbroken\n");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn edits_wait_for_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users");
    let secrets = NewSecrets::derive("tanstaaf").unwrap();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (path, secrets) = (&path, &secrets);
            scope.spawn(move || {
                let mut editor = UsersFileEditor::open(path).unwrap();
                editor.set(&format!("user{n}"), secrets).unwrap();
                editor.save().unwrap();
            });
        }
    });
    assert_eq!(UsersFile::open(&path, b"").unwrap().users().unwrap().names().count(), 8);
}
