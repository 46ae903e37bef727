use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs as _},
    time::{Duration, Instant},
};

use pop3_proto::client::Pace;

use crate::{Error, Options};

/// A TCP connection that keeps the [`Timeouts`](crate::Timeouts).
#[derive(Debug)]
pub struct Transport {
    stream: TcpStream,
    /// For the greeting at first.
    read: Limit,
    after_greeting: Duration,
    write: Limit,
    deadline: Option<Instant>,
    /// Time and octets since the last command was written. Under TLS the machine sees no octet of an unfinished record.
    waited: Duration,
    received: u64,
    min_rate: u32,
}

/// A limit, and what the socket was told last.
#[derive(Debug)]
struct Limit {
    limit: Duration,
    set: Option<Duration>,
}

impl Transport {
    /// Connects to the first address of the host that answers, within the limit for all of them.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`].
    pub fn connect(options: &Options) -> Result<Self, Error> {
        let failed = |source| Error::Connect { host: options.host.clone(), port: options.port, source };
        let stream = dial(options).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let timeouts = options.timeouts;
        Ok(Self {
            stream,
            read: Limit { limit: timeouts.greeting, set: None },
            after_greeting: timeouts.read,
            write: Limit { limit: timeouts.write, set: None },
            deadline: timeouts.session.map(|limit| Instant::now() + limit),
            waited: Duration::ZERO,
            received: 0,
            min_rate: options.min_rate,
        })
    }

    /// As [`Options::min_rate`] says.
    fn check_rate(&self) -> io::Result<()> {
        // More patience than the machine has: where that sees the octets, it says better what was slow.
        let patience = self.after_greeting.saturating_mul(3);
        let pace = Pace { octets_per_second: self.min_rate, patience };
        if pace.allows(self.waited, self.received) {
            return Ok(());
        }
        let text = format!("the server sent less than {} octets per second for too long", self.min_rate);
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    }

    /// The socket.
    #[must_use]
    pub const fn socket(&self) -> &TcpStream {
        &self.stream
    }
}

fn dial(options: &Options) -> io::Result<TcpStream> {
    let until = Instant::now() + options.timeouts.connect;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    let addresses: Vec<_> = match options.address {
        Some(address) => vec![address],
        None => (options.host.as_str(), options.port).to_socket_addrs()?.collect(),
    };
    for address in addresses {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"));
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The time that an operation may take now, or the error that the session's time is over.
fn allowed(limit: Duration, deadline: Option<Instant>) -> io::Result<Duration> {
    let Some(deadline) = deadline else { return Ok(limit) };
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "the time for the session is over"));
    }
    Ok(left.min(limit))
}

impl Limit {
    /// Tells the socket, where it does not know yet.
    fn apply(
        &mut self,
        deadline: Option<Instant>,
        tell: impl FnOnce(Option<Duration>) -> io::Result<()>,
    ) -> io::Result<()> {
        let allowed = allowed(self.limit, deadline)?;
        if self.set != Some(allowed) {
            tell(Some(allowed))?;
            self.set = Some(allowed);
        }
        Ok(())
    }
}

/// A socket says `WouldBlock` when its time is up, at least on Unix.
fn timed_out(error: io::Error, what: &'static str) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            io::Error::new(io::ErrorKind::TimedOut, format!("the server {what} for too long"))
        }
        _ => error,
    }
}

impl Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read.apply(self.deadline, |limit| self.stream.set_read_timeout(limit))?;
        let began = Instant::now();
        let count = self.stream.read(buffer).map_err(|error| timed_out(error, "sent nothing"))?;
        self.waited = self.waited.saturating_add(began.elapsed());
        self.received = self.received.saturating_add(count as u64);
        self.check_rate()?;
        self.read.limit = self.after_greeting;
        Ok(count)
    }
}

impl Write for Transport {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        (self.waited, self.received) = (Duration::ZERO, 0);
        self.write.apply(self.deadline, |limit| self.stream.set_write_timeout(limit))?;
        self.stream.write(octets).map_err(|error| timed_out(error, "took nothing"))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
