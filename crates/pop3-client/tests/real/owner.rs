//! Root fetches into a Maildir of somebody else, who has put links and FIFOs there.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, lchown, symlink},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use pop3_testkit::TestServer;

use crate::support::{
    program::{Home, Ran},
    real_server::PASSWORD,
};

/// `nobody` of every Linux; it is in /etc/passwd.
const NOBODY: u32 = 65534;
const LONG: Duration = Duration::from_secs(20);

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

fn server() -> TestServer {
    let messages = ["one", "two", "three"].map(|text| format!("Subject: {text}\n\n{text}\n").into_bytes());
    messages
        .into_iter()
        .fold(TestServer::builder().user("alice", PASSWORD), |builder, message| {
            builder.message("alice", message)
        })
        .start()
        .unwrap()
}

/// A home that everybody may enter, with a Maildir of nobody's in it.
fn home() -> Home {
    let home = Home::new();
    fs::set_permissions(home.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for folder in ["", "tmp", "new", "cur"] {
        let path = home.maildir().join(folder);
        fs::create_dir(&path).unwrap();
        chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    home
}

fn fetch(home: &Home, server: &TestServer) -> Ran {
    let began = Instant::now();
    let mut child = home.fetch_command(server.plain_port(), &["--timeout", "10"]).spawn().unwrap();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > LONG {
            child.kill().unwrap();
            panic!("the program hangs");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ran::from(child.wait_with_output().unwrap())
}

fn owners(path: &Path, found: &mut Vec<u32>) {
    let metadata = fs::symlink_metadata(path).unwrap();
    found.push(metadata.uid());
    if metadata.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| owners(&entry.unwrap().path(), found));
    }
}

// Conformance: A-89
#[test]
fn everything_in_it_belongs_to_its_owner() {
    if !is_root() {
        return;
    }
    let (home, server) = (home(), server());
    for run in 0..2 {
        let ran = fetch(&home, &server);
        assert_eq!((ran.code, home.mail().len()), (Some(0), 3), "run {run}: {ran:?}");
        let mut found = Vec::new();
        owners(&home.maildir(), &mut found);
        assert!(found.len() > 10 && found.iter().all(|uid| *uid == NOBODY), "{found:?}");
    }
}

/// The names and contents of everything in a directory of root's.
fn state_of(path: &Path) -> Vec<(String, u32, u32, Vec<u8>)> {
    let mut state: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            let content = fs::read(entry.path()).unwrap_or_default();
            (entry.file_name().into_string().unwrap(), metadata.uid(), metadata.mode(), content)
        })
        .collect();
    state.sort();
    state
}

// Conformance: A-89
#[test]
fn links_and_fifos_make_root_touch_nothing_else() {
    if !is_root() {
        return;
    }
    let server = server();
    let account = format!("pop3-client/alice@127.0.0.1_{}", server.plain_port());
    let in_account =
        ["lock", "journal", "journal.new", "sizes", "without-capa", "tmp", "new", "cur", "pop3-lock"];
    let in_account = in_account.map(|name| format!("{account}/{name}"));
    let places = ["pop3-client", "new", "tmp", "cur", account.as_str()];
    for place in places.into_iter().chain(in_account.iter().map(String::as_str)) {
        for kind in ["file", "missing", "directory", "fifo"] {
            let home = home();
            // A directory of root's that everybody may see, as /etc is.
            let of_root = home.folder.path().join("root");
            fs::create_dir(&of_root).unwrap();
            fs::write(of_root.join("file"), "root's own").unwrap();
            fs::create_dir(of_root.join("directory")).unwrap();
            for folder in ["tmp", "new", "cur"] {
                fs::create_dir(of_root.join("directory").join(folder)).unwrap();
            }
            let path = home.maildir().join(place);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let _ = fs::remove_dir(&path);
            match kind {
                "fifo" => assert!(Command::new("mkfifo").arg(&path).status().unwrap().success()),
                kind => symlink(of_root.join(kind), &path).unwrap(),
            }
            for above in path.ancestors().take_while(|above| *above != home.maildir()) {
                lchown(above, Some(NOBODY), Some(NOBODY)).unwrap();
            }
            let before = (state_of(&of_root), state_of(&of_root.join("directory")));
            // The second run meets what the first has left.
            for _ in 0..2 {
                let ran = fetch(&home, &server);
                assert!(matches!(ran.code, Some(0 | 73)), "{place} {kind}: {ran:?}");
                let after = (state_of(&of_root), state_of(&of_root.join("directory")));
                assert_eq!(after, before, "{place} {kind}: {ran:?}");
            }
        }
    }
}

// Conformance: A-89
#[test]
fn another_owner_further_down_is_refused_with_a_way_out() {
    if !is_root() {
        return;
    }
    let (home, server) = (home(), server());
    let theirs = home.folder.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    symlink(&theirs, home.maildir().join("link")).unwrap();
    lchown(home.maildir().join("link"), Some(NOBODY), Some(NOBODY)).unwrap();
    chown(&theirs, Some(1), Some(1)).unwrap();
    let url = format!("pop://alice@127.0.0.1:{}", server.plain_port());
    let mut command = home.command(&["fetch", &url, "--insecure-plain"]);
    let ran = Ran::from(command.arg("--maildir").arg(home.maildir().join("link")).output().unwrap());
    assert_eq!(ran.code, Some(73), "{ran:?}");
    assert!(ran.stderr.contains("belongs to the user id 1,") && ran.stderr.contains("runuser -u"), "{ran:?}");
    assert_eq!(fs::read_dir(&theirs).unwrap().count(), 0);
}

// Conformance: A-89
#[test]
fn a_place_that_others_can_make_or_exchange_is_refused() {
    if !is_root() {
        return;
    }
    let (home, server) = (home(), server());
    let url = format!("pop://alice@127.0.0.1:{}", server.plain_port());
    let sticky = home.folder.path().join("sticky");
    fs::create_dir(&sticky).unwrap();
    fs::set_permissions(&sticky, fs::Permissions::from_mode(0o1777)).unwrap();
    fs::create_dir(sticky.join("theirs")).unwrap();
    chown(sticky.join("theirs"), Some(NOBODY), Some(NOBODY)).unwrap();
    let of_root = home.folder.path().join("of-root");
    for folder in ["", "new"] {
        fs::create_dir(of_root.join(folder)).unwrap();
    }
    chown(of_root.join("new"), Some(NOBODY), Some(NOBODY)).unwrap();
    for (maildir, words) in [
        (sticky.join("not/yet"), "others than root may write in"),
        (sticky.join("theirs"), "others than root may write in"),
        (sticky.clone(), "others than root may write in"),
        (of_root, "new belongs to the user id 65534"),
    ] {
        let mut command = home.command(&["fetch", &url, "--insecure-plain"]);
        let ran = Ran::from(command.arg("--maildir").arg(&maildir).output().unwrap());
        assert!(ran.code == Some(73) && ran.stderr.contains(words), "{maildir:?}: {ran:?}");
    }
    assert_eq!(fs::read_dir(&sticky).unwrap().count(), 1);
}

#[test]
fn certificates_that_only_root_can_read_are_read_first() {
    if !is_root() {
        return;
    }
    let (home, server) = (home(), server());
    let ca = home.folder.path().join("ca.pem");
    fs::write(&ca, server.ca_pem().unwrap()).unwrap();
    fs::set_permissions(&ca, fs::Permissions::from_mode(0o600)).unwrap();
    let url = format!("pops://alice@localhost:{}", server.tls_port());
    let mut command = home.command(&["fetch", &url]);
    command.arg("--maildir").arg(home.maildir()).arg("--ca-file").arg(&ca);
    let ran = Ran::from(command.output().unwrap());
    assert_eq!((ran.code, home.mail().len()), (Some(0), 3), "{ran:?}");
}
