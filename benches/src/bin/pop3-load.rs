//! A load program for POP3 servers: sessions a second, octets a second, and what idle sessions cost.
//!
//! It talks to any server; `compare.py` in this crate's folder runs it against this project's server and
//! another one in turn.

use std::{
    env, fs, io,
    net::{SocketAddr, TcpStream},
    ops::ControlFlow,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use pop3_io::{
    blocking::{Driver, Stream},
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};
use pop3_proto::{
    client::{Client, Config, Event},
    types::{Command, MessageNumber, Secret},
};

const USAGE: &str = "\
usage: pop3-load logins   HOST:PORT SECONDS WORKERS [--tls CA.pem]
       pop3-load download HOST:PORT SECONDS WORKERS [--tls CA.pem]
       pop3-load idle     HOST:PORT SESSIONS PID[,PID...] [--tls CA.pem]
Users are u0, u1, ... with the password `secret`. Each worker uses one user.
logins: log in, STAT, QUIT. download: log in, RETR every message, QUIT. idle: logged-in sessions that
wait; PID is the server, whose resident memory is read before and after.";

fn main() -> ExitCode {
    match run(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("pop3-load: {error}\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<String, Box<dyn std::error::Error>> {
    let [mode, address, first, second, rest @ ..] = arguments else { return Err("too few arguments".into()) };
    let tls = match rest {
        [] => None,
        [flag, ca] if flag == "--tls" => Some(tls_config(ca)?),
        _ => return Err("what follows the four arguments is not `--tls CA.pem`".into()),
    };
    let target = Target { address: address.parse()?, tls };
    match mode.as_str() {
        "logins" | "download" => {
            let is_download = mode == "download";
            load(&target, is_download, Duration::from_secs_f64(first.parse()?), second.parse()?)
        }
        "idle" => idle(&target, first.parse()?, &second.split(',').collect::<Vec<_>>()),
        _ => Err(format!("there is no mode `{mode}`").into()),
    }
}

#[derive(Clone)]
struct Target {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
}

fn tls_config(ca: &str) -> Result<Arc<ClientConfig>, Box<dyn std::error::Error>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca)? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // Each login is a stranger's: no tickets, a whole handshake.
    config.resumption = pop3_io::rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

struct Session(Driver<Client, Stream>);

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Session {
    fn open(target: &Target, user: usize) -> Result<Self, Failure> {
        let transport = TcpStream::connect(target.address)?;
        transport.set_nodelay(true)?;
        transport.set_read_timeout(Some(Duration::from_secs(60)))?;
        let stream = match &target.tls {
            None => Stream::Plain(transport),
            Some(config) => {
                let (name, limit) = (ServerName::try_from("localhost")?, Duration::from_secs(60));
                Stream::connect_tls(transport, Arc::clone(config), name, limit)?
            }
        };
        let mut session = Self(Driver::new(Client::new(Config::default()), stream, 64 * 1024));
        session.0.run(|_, event| match event {
            Event::Greeting { .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })?;
        session.say(&Command::User(format!("u{user}").into()))?;
        session.say(&Command::Pass(Secret::new("secret".into())))?;
        Ok(session)
    }

    /// Sends a command, and gives the octets of content that its answer held.
    fn say(&mut self, command: &Command<'_>) -> Result<u64, Failure> {
        self.0.machine.send(command)?;
        let mut octets = 0;
        let refused = self.0.run(|_, event| match event {
            Event::MessageChunk { chunk, .. } => {
                octets += chunk.len() as u64;
                ControlFlow::Continue(())
            }
            Event::Response { response, is_last: true, .. } => {
                ControlFlow::Break((!response.is_ok()).then(|| response.to_string()))
            }
            Event::DropListing { listing, .. } => {
                octets = u64::from(listing.count);
                ControlFlow::Break(None)
            }
            Event::End { .. } => ControlFlow::Break(None),
            _ => ControlFlow::Continue(()),
        })?;
        match refused {
            None => Ok(octets),
            Some(response) => Err(format!("{}: {response}", command.keyword().as_str()).into()),
        }
    }
}

fn one_session(target: &Target, user: usize, is_download: bool) -> Result<u64, Failure> {
    let mut session = Session::open(target, user)?;
    let count = session.say(&Command::Stat)?;
    let mut octets = 0;
    if is_download {
        for number in 1..=u32::try_from(count)? {
            octets += session.say(&Command::Retr(MessageNumber::new(number)?))?;
        }
    }
    session.say(&Command::Quit)?;
    Ok(octets)
}

fn load(
    target: &Target,
    is_download: bool,
    length: Duration,
    workers: usize,
) -> Result<String, Box<dyn std::error::Error>> {
    let sessions = AtomicU64::new(0);
    let octets = AtomicU64::new(0);
    let began = Instant::now();
    thread::scope(|scope| {
        let each: Vec<_> = (0..workers)
            .map(|user| {
                let (sessions, octets) = (&sessions, &octets);
                scope.spawn(move || -> Result<(), Failure> {
                    while began.elapsed() < length {
                        octets.fetch_add(one_session(target, user, is_download)?, Ordering::Relaxed);
                        sessions.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        each.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a worker panicked")?)
    })
    .map_err(|error: Failure| error.to_string())?;
    let seconds = began.elapsed().as_secs_f64();
    let per_second = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64 / seconds;
    Ok(if is_download {
        format!("{:.1} MB/s", per_second(&octets) / 1e6)
    } else {
        format!("{:.1} sessions/s", per_second(&sessions))
    })
}

fn idle(target: &Target, sessions: usize, pids: &[&str]) -> Result<String, Box<dyn std::error::Error>> {
    let warm = one_session(target, 0, false).and_then(|_| one_session(target, 1, false));
    warm.map_err(|error| error.to_string())?;
    let before = resident(pids)?;
    let open: Result<Vec<_>, _> = (0..sessions).map(|user| Session::open(target, user)).collect();
    let open = open.map_err(|error| error.to_string())?;
    let after = resident(pids)?;
    let each = after.saturating_sub(before) as f64 / sessions as f64 / 1024.0;
    drop(open);
    Ok(format!("{each:.1} KiB a session"))
}

/// Resident memory of these processes together, in octets.
fn resident(pids: &[&str]) -> io::Result<u64> {
    let of = |pid: &&str| -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.map(|kib| kib * 1024).ok_or_else(|| io::Error::other("no VmRSS line"))
    };
    pids.iter().map(of).sum()
}
