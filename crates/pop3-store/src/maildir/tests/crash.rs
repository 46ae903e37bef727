//! The process is killed at every step that touches the disk. The second process is this test program
//! again, told by its arguments what to do.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
};

use super::*;
use crate::maildir::session::UpdateStep;

const BODY: &[u8] = b"Subject: crash\n\nbody\n";
const COMMANDS: &str = "DELE 1\nRETR 2\nDELE 3\nRETR 4";

/// The command line of a child: program first. `--skip` is how a test program takes an argument.
pub(super) fn child_arguments(role: &str, step: usize, path: &str) -> Vec<String> {
    let program = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    let order = format!("child={role}={step}={path}");
    let test = "maildir::tests::crash::child";
    [&program, "--exact", test, "--nocapture", "--skip", &order].map(str::to_owned).to_vec()
}

/// What the arguments of this process ask for; nothing when it runs as an ordinary test.
fn order() -> Option<(String, usize, PathBuf)> {
    let order = std::env::args().find_map(|argument| argument.strip_prefix("child=").map(str::to_owned))?;
    let mut parts = order.splitn(3, '=');
    let role = parts.next()?.to_owned();
    Some((role, parts.next()?.parse().ok()?, parts.next()?.into()))
}

/// Starts a child and waits until it stands still at its step.
fn start(role: &str, step: usize, scene: &Scene) -> Child {
    let arguments = child_arguments(role, step, scene.maildir.path().to_str().unwrap());
    let mut child = Command::new(&arguments[0])
        .args(&arguments[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let reached =
        lines.map(Result::unwrap).find(|line| line == "standing still" || line.contains("panicked"));
    assert_eq!(reached.as_deref(), Some("standing still"), "{role} {step}");
    child
}

/// SIGKILL, and the end of the process.
fn kill(mut child: Child) {
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
}

/// Waits for the kill: the parent never writes, and dies or kills before the input ends.
fn stand_still() {
    println!("\nstanding still");
    let _ = std::io::stdin().read_line(&mut String::new());
    std::process::exit(3);
}

/// Not a test by itself: the other side of the tests below.
#[test]
fn child() {
    let Some((role, step, path)) = order() else { return };
    let maildir = Maildir::open(path).unwrap();
    match role.as_str() {
        "lock" => {
            let _open = maildir.lock().unwrap();
            stand_still();
        }
        "login" => drop(maildir.lock().unwrap()),
        "deliver" => child_delivers(&maildir, step),
        "update" => child_updates(&maildir, step),
        "full" => {
            let mut delivery = maildir.start_delivery().unwrap();
            let error = delivery.write_all(&[b'x'; 200_000]).unwrap_err();
            println!("first: {error}");
            println!("then: {}", delivery.commit().unwrap_err());
        }
        other => panic!("{other}"),
    }
}

fn child_delivers(maildir: &Maildir, step: usize) {
    let mut delivery = maildir.start_delivery().unwrap();
    let stop = |at| (at == step).then(stand_still);
    stop(0);
    delivery.write_all(&BODY[..10]).unwrap();
    delivery.flush().unwrap();
    stop(1);
    delivery.write_all(&BODY[10..]).unwrap();
    delivery.seal().unwrap();
    stop(2);
    delivery.publish().unwrap();
    stop(3);
    delivery.commit_published().unwrap();
    stop(4);
}

fn child_updates(maildir: &Maildir, step: usize) {
    let open = maildir.lock().unwrap();
    let (deletions, retrieved) = marks(open.maildrop(), COMMANDS);
    let mut at = 0;
    let outcome = open.update_observed(&deletions, &retrieved, |reached| {
        assert!(at < 6 || reached == UpdateStep::Done);
        if at == step {
            stand_still();
        }
        at += 1;
    });
    outcome.unwrap();
}

// Conformance: M-MD-02, A-62
#[test]
fn a_delivery_killed_at_any_step_is_whole_or_invisible() {
    for step in 0..=4 {
        let scene = Scene::new();
        kill(start("deliver", step, &scene));
        let visible = scene.names("new");
        assert_eq!(visible.len(), usize::from(step >= 3), "step {step}");
        assert_eq!(scene.names("tmp").len(), usize::from(step < 3), "step {step}");
        let before = scene.contents();
        assert!(before.iter().all(|content| content == BODY), "step {step}: {before:?}");
        // Whoever delivers tries again when it got no answer.
        if step < 3 {
            scene.maildir.deliver(BODY).unwrap();
        }
        assert_eq!(scene.contents(), [BODY], "step {step}");
        for name in scene.names("tmp") {
            age(&scene.path("tmp").join(name), 37);
        }
        assert_eq!(scene.contents(), [BODY], "step {step}");
        assert_eq!(scene.names("tmp"), [""; 0], "step {step}");
    }
}

// Conformance: A-62, S-1939-16, S-1939-49, S-ROB-09, A-74
#[test]
fn an_update_killed_at_any_step_has_removed_marked_messages_alone() {
    let messages: [&[u8]; 5] = [b"one\n", b"two\n", b"three\n", b"four\n", b"five\n"];
    // Remove 1, remove 3, note 2, note 4, flush, done.
    for step in 0..6 {
        let scene = Scene::with(&messages);
        let before = ids(&scene.lock());
        kill(start("update", step, &scene));
        let removed: &[usize] = match step {
            0 => &[],
            1 => &[0],
            _ => &[0, 2],
        };
        let left: Vec<usize> = (0..5).filter(|at| !removed.contains(at)).collect();
        let open = scene.lock();
        assert_eq!(ids(&open), left.iter().map(|at| before[*at].clone()).collect::<Vec<_>>(), "step {step}");
        for (index, at) in left.iter().enumerate() {
            assert_eq!(text(&open, index + 1).unwrap(), messages[*at], "step {step}");
        }
        drop(open);
        let seen = scene.names("cur").iter().filter(|name| name.ends_with(":2,S")).count();
        assert_eq!(seen, [0, 0, 0, 1, 2, 2][step], "step {step}");
    }
}

// Conformance: S-1939-19, S-ROB-09, A-62
#[test]
fn a_session_killed_before_quit_removes_nothing() {
    let scene = Scene::with(&[b"one\n", b"two\n"]);
    kill(start("lock", 0, &scene));
    assert_eq!(scene.contents(), [b"one\n", b"two\n"]);
}

// Conformance: M-MD-14, S-ROB-09, S-1939-13, A-74
#[test]
fn processes_exclude_one_another_and_a_killed_one_lets_go() {
    let scene = Scene::with(&[b"one\n"]);
    let child = start("lock", 0, &scene);
    for _ in 0..3 {
        assert!(matches!(scene.maildir.lock(), Err(OpenError::InUse)));
    }
    // Deliveries go on meanwhile.
    scene.maildir.deliver(&b"two\n"[..]).unwrap();
    kill(child);
    let open = scene.lock();
    assert_eq!(ids(&open).len(), 2);
}

/// The system calls of a child that runs to its end, as `strace` saw them; `None` where that cannot run.
fn system_calls(role: &str, scene: &Scene) -> Option<Vec<String>> {
    let log = scene.parent.path().join("strace");
    let calls = "trace=fsync,fdatasync,renameat2,unlinkat,linkat";
    let traced = Command::new("strace")
        .args(["-f", "-y", "-o", log.to_str()?, "-e", calls])
        .args(child_arguments(role, usize::MAX, scene.maildir.path().to_str()?))
        .output();
    if !traced.is_ok_and(|output| output.status.success()) {
        println!("left out: strace is not installed, or may not trace here");
        return None;
    }
    let calls = fs::read_to_string(log).unwrap();
    Some(calls.lines().filter(|line| line.contains("= 0")).map(str::to_owned).collect())
}

/// Whether these words are found in this order, each in a line of its own.
fn in_order(calls: &[String], words: &[&[&str]]) -> bool {
    let mut lines = calls.iter();
    words.iter().all(|words| lines.any(|line| words.iter().all(|word| line.contains(word))))
}

// Conformance: M-MD-02, M-MD-06, S-1939-15
#[test]
fn files_and_directories_are_flushed_before_success_is_said() {
    let scene = Scene::new();
    let Some(calls) = system_calls("deliver", &scene) else { return };
    let delivery: [&[&str]; 3] = [&["fsync", "/tmp/"], &["renameat2", "/tmp>", "/new>"], &["fsync", "/new>"]];
    assert!(in_order(&calls, &delivery), "{calls:#?}");
    let scene = Scene::with(&[b"one\n", b"two\n", b"three\n", b"four\n"]);
    let Some(calls) = system_calls("update", &scene) else { return };
    let update: [&[&str]; 4] = [
        &["unlinkat", "1.M0.host"],
        &["unlinkat", "3.M2.host"],
        &["renameat2", "4.M3.host:2,S"],
        &["fsync", "/cur>"],
    ];
    assert!(in_order(&calls, &update), "{calls:#?}");
}

/// The directories that were flushed, in order: the last component of each path.
fn flushed(calls: &[String]) -> Vec<&str> {
    let flushes = calls.iter().filter(|line| line.contains("fsync("));
    flushes.filter_map(|line| line.split_once('>')?.0.rsplit('/').next()).collect()
}

/// Says that nothing came to new or left it for long.
fn rest_new(scene: &Scene) {
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::open(scene.path("new")).unwrap().set_modified(then).unwrap();
}

const FOUR: [&[u8]; 4] = [b"one\n", b"two\n", b"three\n", b"four\n"];

// Conformance: S-1939-15, M-MD-06, A-62
#[test]
fn a_removed_message_cannot_come_back_in_the_directory_that_it_was_moved_from() {
    let scene = Scene::with(&FOUR);
    let Some(calls) = system_calls("update", &scene) else { return };
    let order: [&[&str]; 4] = [
        &["renameat2", "/new>", "/cur>"],
        &["unlinkat", "3.M2.host"],
        &["fsync", "/cur>"],
        &["fsync", "/new>"],
    ];
    assert!(in_order(&calls, &order), "{calls:#?}");
    assert_eq!(flushed(&calls), ["cur", "new"], "{calls:#?}");

    // A session moved them and was killed before it flushed anything.
    let scene = Scene::with(&FOUR);
    kill(start("lock", 0, &scene));
    assert_eq!(scene.names("new"), [""; 0]);
    let Some(calls) = system_calls("update", &scene) else { return };
    assert_eq!(flushed(&calls), ["cur", "new"], "{calls:#?}");
}

// Conformance: S-1939-15, M-MD-06
#[test]
fn what_did_not_change_is_not_flushed() {
    let scene = Scene::with(&FOUR);
    drop(scene.lock());
    rest_new(&scene);
    let Some(calls) = system_calls("update", &scene) else { return };
    assert_eq!(flushed(&calls), ["cur"], "{calls:#?}");
    // A login that moves what arrived, and nothing else, waits for no disk.
    scene.put("new/9.M9.host", b"nine\n");
    let Some(calls) = system_calls("login", &scene) else { return };
    assert!(in_order(&calls, &[&["renameat2", "9.M9.host"]]), "{calls:#?}");
    assert_eq!(flushed(&calls), [""; 0], "{calls:#?}");
}

// Conformance: M-MD-06, A-64
#[test]
fn a_name_that_tells_two_messages_apart_is_flushed_before_a_client_hears_of_it() {
    let scene = Scene::new();
    scene.put("cur/1.M0.host:2,", b"one\n");
    scene.put("new/1.M0.host", b"another\n");
    let Some(calls) = system_calls("login", &scene) else { return };
    assert_eq!(flushed(&calls), ["cur"], "{calls:#?}");
    assert_eq!(ids(&scene.lock()).len(), 2);
}
