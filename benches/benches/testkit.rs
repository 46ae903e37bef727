//! A test server from nothing to a greeting, and its end, beside what any server with two listeners pays: two
//! sockets, a thread for each, and one connection.

#![allow(missing_docs, reason = "criterion's macros")]

use std::{
    hint::black_box,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use criterion::{Criterion, criterion_group, criterion_main};
use pop3_testkit::{TestServer, server::Kind};

const GREETING: &[u8] = b"+OK POP3 server ready\r\n";

/// Reads the greeting and goes.
fn greet(mut client: TcpStream) -> io::Result<()> {
    let mut greeting = [0; GREETING.len()];
    client.read_exact(&mut greeting)?;
    assert_eq!(greeting, GREETING);
    Ok(())
}

/// A listener whose thread greets once, or, connected to and left, goes.
fn listener(is_greeting: bool) -> io::Result<(TcpListener, thread::JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let accepting = listener.try_clone()?;
    let thread = thread::spawn(move || {
        if let Ok((mut client, _)) = accepting.accept()
            && is_greeting
        {
            // The bench sees on its side whether it came.
            let _ = client.write_all(GREETING);
        }
    });
    Ok((listener, thread))
}

fn least() -> io::Result<()> {
    let (plain, plain_thread) = listener(true)?;
    let (tls, tls_thread) = listener(false)?;
    greet(TcpStream::connect(plain.local_addr()?)?)?;
    drop(TcpStream::connect(tls.local_addr()?)?);
    let _ = (plain_thread.join(), tls_thread.join());
    Ok(())
}

fn test_server() -> io::Result<()> {
    let server = TestServer::builder()
        .user("alice", "wonderland")
        .message("alice", *b"Subject: hello\r\n\r\nHi!\r\n")
        .start()
        .map_err(io::Error::other)?;
    greet(TcpStream::connect(black_box(&server).address(Kind::Stls).ok_or(io::ErrorKind::NotFound)?)?)
}

fn start(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("test server");
    // Every turn uses up ports, which the system gives back after a minute: there are not enough for more.
    group.sample_size(20).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    group.bench_function("start, greet, end", |bencher| {
        bencher.iter(|| test_server().unwrap_or_else(|error| panic!("{error}")));
    });
    group.bench_function("limit: two sockets, two threads", |bencher| {
        bencher.iter(|| least().unwrap_or_else(|error| panic!("{error}")));
    });
    group.bench_function("200 at once", |bencher| {
        bencher.iter(|| {
            let start = || TestServer::builder().user("alice", "wonderland").start();
            let servers: Result<Vec<_>, _> = (0..200).map(|_| start()).collect();
            black_box(servers.unwrap_or_else(|error| panic!("{error}")))
        });
    });
    group.finish();
}

criterion_group!(benches, start);
criterion_main!(benches);
