//! Wrong passwords, many at a time.

mod support;

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use pop3_server::users::{NewSecrets, Users};
use pop3_store::memory::MemoryStore;
use support::{Client, PASSWORD, Program, TestServer, USER, root, wait_until};

/// A connection from an address of this machine, past the greeting.
fn connect_from(source: Ipv4Addr, server: SocketAddr) -> BufReader<TcpStream> {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    let mut stream = BufReader::new(TcpStream::from(socket));
    line(&mut stream);
    stream
}

fn line(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    line
}

fn users() -> Users {
    let secrets = NewSecrets::derive(PASSWORD).unwrap();
    Users::new().with_secrets(USER, secrets.as_str()).unwrap().with_secrets("bob", secrets.as_str()).unwrap()
}

/// The program with a plain listener, and a users file that is there already.
fn start(data: &Path, more: &str) -> Program {
    fs::create_dir(data.join("mail")).unwrap();
    let path = data.join("config.toml");
    let text = format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\nkind = \"plain\"\n[users]\nfile = \"users\"\n\
         [maildir]\nroot = \"mail\"\n[login]\nplaintext_without_tls = true\nfailure_delay = 0\n\
         failed_logins = 1000\n{more}"
    );
    fs::write(&path, text).unwrap();
    Program::start(&["--config", path.to_str().unwrap()])
}

// Conformance: A-87
#[cfg(target_os = "linux")]
#[test]
fn a_right_login_from_elsewhere_does_not_wait_for_those_who_guess() {
    const NETWORKS: u8 = 4;
    const CONNECTIONS: usize = 25;
    let store = MemoryStore::new();
    store.add_user(USER);
    let server = TestServer::serve(store, users(), |config| {
        config.policy.allow_plaintext_without_tls = true;
        config.policy.max_failed_logins = u32::MAX;
        config.limits.failure_delay = std::time::Duration::ZERO;
        config.limits.password_checks = 1;
    });
    let address = server.plain_address();
    let refused: Arc<Vec<AtomicUsize>> = Arc::new((0..NETWORKS).map(|_| AtomicUsize::new(0)).collect());
    let is_over = Arc::new(AtomicBool::new(false));
    let guess = |network: u8, number: usize| {
        let (refused, is_over) = (Arc::clone(&refused), Arc::clone(&is_over));
        thread::spawn(move || {
            let mut stream = connect_from(Ipv4Addr::new(127, 0, 1, network), address);
            for guess in 0.. {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                let login = format!("USER user{number}\r\nPASS {network} {number} {guess}\r\n");
                stream.get_mut().write_all(login.as_bytes()).unwrap();
                line(&mut stream);
                // Its connection may have too many neighbours that wait.
                if line(&mut stream).starts_with("-ERR [AUTH]") {
                    refused[usize::from(network)].fetch_add(1, Ordering::Relaxed);
                }
            }
        })
    };
    let guessing: Vec<_> = (0..NETWORKS)
        .flat_map(|network| (0..CONNECTIONS).map(move |number| (network, number)))
        .map(|(network, number)| guess(network, number))
        .collect();
    wait_until("each network has guessed wrong", || {
        refused.iter().all(|refused| refused.load(Ordering::Relaxed) > 0)
    });
    let checks = || refused.iter().map(|refused| refused.load(Ordering::Relaxed)).sum::<usize>();
    let mut most = 0;
    for _ in 0..10 {
        let mut client = Client::connect(address);
        client.line();
        client.ok(&format!("USER {USER}"));
        let before = checks();
        client.ok(&format!("PASS {PASSWORD}"));
        most = most.max(checks() - before);
        client.quit();
    }
    is_over.store(true, Ordering::Relaxed);
    for guessing in guessing {
        guessing.join().unwrap();
    }
    // One check was running already. In a single line there would be some sixty before it.
    assert!(most <= 10, "{most} wrong passwords were checked before the right one");
}

// Conformance: A-87
#[test]
fn a_repeated_wrong_password_costs_nothing_until_the_secret_changes() {
    let data = root();
    let users = data.path().join("users");
    let write = |password: &str| {
        let secrets = NewSecrets::derive(password).unwrap();
        fs::write(&users, format!("{USER}:{}\n", secrets.as_str())).unwrap();
    };
    write("old password");
    let program = start(data.path(), "[protocol]\nerrors_before_login = 1000\n");
    let mut client = Client::connect(program.addresses[0]);
    client.line();
    let mut guess = |password: &str| {
        client.ok(&format!("USER {USER}"));
        client.ask(&format!("PASS {password}"))
    };
    assert!(guess(PASSWORD).starts_with("-ERR [AUTH]"));
    let before = program.processor_time();
    for _ in 0..100 {
        assert!(guess(PASSWORD).starts_with("-ERR [AUTH]"));
    }
    let taken = program.processor_time() - before;
    // A hash takes some hundredths of a second, so a hundred of them take more than one.
    assert!(taken < 0.5, "{taken} s of processor time for a hundred repetitions");
    // What was wrong is right now.
    write(PASSWORD);
    assert!(guess(PASSWORD).starts_with("+OK"));
}

// Conformance: A-88
#[cfg(target_os = "linux")]
#[test]
fn wrong_passwords_take_no_more_memory_than_checks_run_at_one_time() {
    const CHECKS: usize = 2;
    let data = root();
    let secrets = NewSecrets::derive(PASSWORD).unwrap();
    fs::write(data.path().join("users"), format!("{USER}:{}\n", secrets.as_str())).unwrap();
    let program = start(data.path(), &format!("[limits]\npassword_checks = {CHECKS}\n"));
    let address = program.addresses[0];
    let base = program.memory("VmRSS:");
    let guess = |connection: usize| {
        thread::spawn(move || {
            let mut client = Client::connect(address);
            client.line();
            for guess in 0..5 {
                client.ok(&format!("USER {}", [USER, "nobody"][guess % 2]));
                client.ask(&format!("PASS {connection} {guess}"));
            }
        })
    };
    let guessing: Vec<_> = (0..60).map(guess).collect();
    for guessing in guessing {
        guessing.join().unwrap();
    }
    let most = program.memory("VmHWM:");
    let limit = base + (20 * CHECKS + 16) * 1024;
    assert!(most <= limit, "{most} KiB at most, {base} KiB before, the limit is {limit} KiB");
}
