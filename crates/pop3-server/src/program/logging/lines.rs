//! Lines that are written by a thread of their own, so that nothing else waits for the reader of the log.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait at most; further ones are dropped and counted.
const WAITING: usize = 2048;
/// Between two tries to say that the program ends.
const PAUSE: Duration = Duration::from_millis(2);

/// Takes lines, and never blocks or fails.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    queue: SyncSender<Item>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Item {
    Line(Box<[u8]>),
    /// Everything before this is written.
    Flush(SyncSender<()>),
}

impl Lines {
    /// Starts the thread that writes to `out`.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, items) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Writer { out, lost: Arc::clone(&lost), is_torn: false };
        thread::Builder::new().name("log".into()).spawn(move || writer.run(&items))?;
        Ok(Self { queue, lost })
    }

    /// Hands over a line, its end included.
    pub(super) fn put(&self, line: &[u8]) {
        if self.queue.try_send(Item::Line(line.into())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything is written, but no longer than this.
    pub(super) fn flush(&self, longest: Duration) {
        let end = Instant::now() + longest;
        let (sender, written) = sync_channel(1);
        let mut item = Item::Flush(sender);
        while let Err(TrySendError::Full(returned)) = self.queue.try_send(item) {
            if Instant::now() >= end {
                return;
            }
            item = returned;
            thread::sleep(PAUSE);
        }
        // An error says that the time is over, or that there is no thread to wait for.
        let _ = written.recv_timeout(end.saturating_duration_since(Instant::now()));
    }
}

/// For tracing, which writes each line in one piece.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// What the thread has.
struct Writer<W> {
    out: W,
    lost: Arc<AtomicU64>,
    /// Whether the last line was written in part.
    is_torn: bool,
}

impl<W: Write> Writer<W> {
    fn run(mut self, items: &Receiver<Item>) {
        for item in items {
            match item {
                Item::Line(line) => self.line(&line),
                // The other side may wait no longer.
                Item::Flush(written) => drop(written.try_send(())),
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        if self.is_torn && self.out.write_all(b"\n").is_ok() {
            self.is_torn = false;
        }
        if self.is_torn || !self.write(line) {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        match self.lost.swap(0, Ordering::Relaxed) {
            0 => {}
            // By the same queue, in the form of all lines.
            lost => tracing::warn!(
                lost,
                "log lines were lost: the log could not be written fast enough, or not at all"
            ),
        }
    }

    /// False when not all of it was taken.
    fn write(&mut self, mut line: &[u8]) -> bool {
        let whole = line.len();
        while !line.is_empty() {
            match self.out.write(line) {
                Ok(count) if count > 0 => line = line.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => {
                    self.is_torn = line.len() < whole;
                    return false;
                }
            }
        }
        self.out.flush().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc::channel};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// Takes a number of octets, then none until there is more room.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Disk {
        fn with_room(octets: usize) -> Self {
            let disk = Self::default();
            disk.make_room(octets);
            disk
        }

        fn make_room(&self, octets: usize) {
            self.0.lock().unwrap().1 += octets;
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap()
        }
    }

    impl Write for Disk {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let mut disk = self.0.lock().unwrap();
            let count = octets.len().min(disk.1);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            disk.0.extend_from_slice(&octets[..count]);
            disk.1 -= count;
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_come_in_order_and_all_of_them() {
        let disk = Disk::with_room(1 << 20);
        let lines = Lines::start(disk.clone()).unwrap();
        for n in 0..1000 {
            lines.put(format!("line {n}\n").as_bytes());
        }
        lines.flush(LONG);
        let expected: String = (0..1000).map(|n| format!("line {n}\n")).collect();
        assert_eq!(disk.text(), expected);
    }

    #[test]
    fn a_full_disk_costs_lines_and_nothing_else() {
        let disk = Disk::with_room(9);
        let lines = Lines::start(disk.clone()).unwrap();
        for _ in 0..3 {
            lines.put(b"line\n");
        }
        lines.flush(LONG);
        assert_eq!((disk.text().as_str(), lines.lost.load(Ordering::Relaxed)), ("line\nline", 2));
        disk.make_room(100);
        lines.put(b"later\n");
        lines.flush(LONG);
        assert_eq!((disk.text().as_str(), lines.lost.load(Ordering::Relaxed)), ("line\nline\nlater\n", 0));
    }

    /// Takes nothing until the other end is dropped.
    struct StandingStill(Receiver<()>);

    impl Write for StandingStill {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_reader_that_stands_still() {
        let (reader, wait) = channel();
        let lines = Lines::start(StandingStill(wait)).unwrap();
        for _ in 0..2 * WAITING {
            lines.put(b"line\n");
        }
        assert!(lines.lost.load(Ordering::Relaxed) >= WAITING as u64 - 1);
        let began = Instant::now();
        lines.flush(Duration::from_millis(20));
        assert!(began.elapsed() < LONG);
        drop(reader);
        lines.flush(LONG);
    }
}
