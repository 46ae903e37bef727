//! What a login on a Maildir costs: `cargo run --release -p pop3-store --example login_cost -- 1000`.
//!
//! Makes a Maildir of so many messages of 4 KiB and times the first login (every message is counted),
//! logins with the index alone, logins that find nothing changed since the last one, and reading every
//! message.

use std::{
    error::Error,
    fs,
    io::Read as _,
    time::{Duration, Instant},
};

use pop3_proto::types::MessageNumber;
use pop3_store::{OpenMaildrop as _, Store as _, maildir::MaildirStore};

fn main() -> Result<(), Box<dyn Error>> {
    let messages: usize = std::env::args().nth(1).map_or(Ok(1000), |count| count.parse())?;
    let parent = tempfile::tempdir()?;
    let store = MaildirStore::open_root(parent.path())?.create_missing(true);
    fill(&store, messages)?;

    let rounds = (100_000 / messages).clamp(3, 200);
    let first = timed(1, || Ok(store.open("alice")?))?;
    println!("{messages} messages, first login, every message counted: {first:?}");
    // What fresh stores find is not in memory: they read the index.
    let fresh = || MaildirStore::open_root(parent.path());
    let indexed = timed(rounds, || Ok(fresh()?.open("alice")?))?;
    println!("login with the index: {indexed:?}");
    // A directory that changed just now is read again, until another change would show in its times.
    let listed = timed(rounds, || Ok(store.open("alice")?))?;
    println!("login with the snapshot in memory, directories read: {listed:?}");
    std::thread::sleep(Duration::from_secs(3));
    drop(store.open("alice")?);
    let unchanged = timed(rounds * 10, || Ok(store.open("alice")?))?;
    println!("login when nothing has changed: {unchanged:?}");

    let open = store.open("alice")?;
    let mut buffer = vec![0; 64 * 1024];
    let mut octets = 0;
    let read = timed(1, || {
        for index in 0..messages {
            let mut body = open.read(MessageNumber::from_index(index)?)?;
            loop {
                match body.read(&mut buffer)? {
                    0 => break,
                    len => octets += len,
                }
            }
        }
        Ok(())
    })?;
    let rate = octets as f64 / read.as_secs_f64() / 1e6;
    println!("read: {:?} a message, {rate:.0} MB/s", read / u32::try_from(messages)?);
    Ok(())
}

/// The mean time of a call and of dropping what it gives; an open maildrop is let go before the next.
fn timed<T>(
    rounds: usize,
    mut run: impl FnMut() -> Result<T, Box<dyn Error>>,
) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    for _ in 0..rounds {
        drop(run()?);
    }
    Ok(start.elapsed() / u32::try_from(rounds)?)
}

/// Messages written without the flushes of a delivery, which would take most of the time.
fn fill(store: &MaildirStore, messages: usize) -> Result<(), Box<dyn Error>> {
    let path = store.maildir("alice")?.path().join("cur");
    let line = "Lorem ipsum dolor sit amet, consectetur adipisici elit, sed eiusmod tempor.\n";
    let message = format!("Subject: hello\nFrom: alice@example.com\n\n{}", line.repeat(53));
    for at in 0..messages {
        let name = format!("{}.M{at}P123Q{at}R0123456789abcdef.mail:2,S", 1_700_000_000 + at / 3);
        fs::write(path.join(name), &message)?;
    }
    Ok(())
}
