use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// The real program, as it runs for a user.
pub(crate) struct Program {
    child: Child,
    log: Option<JoinHandle<String>>,
    /// What it has printed up to the line that says where it listens.
    pub(crate) printed: String,
    /// Where it listens, in order.
    pub(crate) addresses: Vec<SocketAddr>,
    stdout: BufReader<ChildStdout>,
}

impl Program {
    /// `pop3-server` with these arguments, nothing inherited from the environment of the test.
    pub(crate) fn command(arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pop3-server"));
        for variable in ["POP3_SERVER_CONFIG", "POP3_SERVER_DATA", "POP3_SERVER_LOG", "CARGO"] {
            command.env_remove(variable);
        }
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts it in a data directory of its own, on ports that the system chooses.
    pub(crate) fn start_in(data: &Path) -> Self {
        Self::start_logging(data, "info")
    }

    pub(crate) fn start_logging(data: &Path, level: &str) -> Self {
        let any = "127.0.0.1:0";
        let arguments =
            ["--data", data.to_str().unwrap(), "--listen-stls", any, "--listen-tls", any, "--log", level];
        Self::start(&arguments)
    }

    /// Starts it and waits until it listens.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_command(Self::command(arguments))
    }

    /// Starts it so that permissions hold for it, also when the test runs as root; `None` where the system does
    /// not let a test do that.
    pub(crate) fn start_unprivileged(arguments: &[&str]) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return Some(Self::start(arguments));
        }
        let privileges = ["--bounding-set", "-all", "--inh-caps", "-all"];
        let can = Command::new("setpriv").args(privileges).arg("true").status();
        if !can.is_ok_and(|status| status.success()) {
            return None;
        }
        let mut command = Command::new("setpriv");
        command.args(privileges).arg(env!("CARGO_BIN_EXE_pop3-server")).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Some(Self::start_command(command))
    }

    /// Starts it with so many files that it may open, and none more.
    pub(crate) fn start_with_files(files: usize, arguments: &[&str]) -> Self {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            &format!("ulimit -n {files}; exec \"$0\" \"$@\""),
            env!("CARGO_BIN_EXE_pop3-server"),
        ]);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::start_command(command)
    }

    fn start_command(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            log
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut printed = String::new();
        loop {
            let start = printed.len();
            if stdout.read_line(&mut printed).unwrap() == 0 {
                let _ = child.wait();
                panic!("it did not start: {printed}{}", log.join().unwrap());
            }
            if printed[start..].starts_with("Listening on ") {
                break;
            }
        }
        let last = printed.lines().last().unwrap();
        let words = last.split([' ', ',']).filter_map(|word| word.parse().ok());
        let addresses = words.collect();
        Self { child, log: Some(log), printed, addresses, stdout }
    }

    /// Starts it with its log going there; the process, and the first address that it listens on.
    pub(crate) fn start_logging_to(arguments: &[&str], log: impl Into<Stdio>) -> (Child, SocketAddr) {
        let mut child = Self::command(arguments).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split([' ', ',']).find_map(|word| word.parse().ok()).expect("it listens");
        (child, address)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end; what it logged.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        (status, self.log.take().unwrap().join().unwrap())
    }

    /// SIGTERM, and its end.
    pub(crate) fn stop(self) -> (ExitStatus, String) {
        self.signal(Signal::TERM);
        self.wait()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Seconds of processor time that it has taken.
    pub(crate) fn processor_time(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        // After the name in parentheses: state, then user and system time as the 12th and 13th, in 1/100 s.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11..13].iter().map(|field| field.parse::<f64>().unwrap()).sum::<f64>() / 100.0
    }

    /// KiB of memory: `VmRSS:` is what it has, `VmHWM:` the most it has had.
    pub(crate) fn memory(&self, what: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again until it is so; fails the test when it never is.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::yield_now();
    }
}

/// SIGTERM, and an end with success.
pub(crate) fn stop(mut child: Child) {
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let mut status = None;
    wait_until("it ends", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    assert!(status.unwrap().success(), "{status:?}");
}
