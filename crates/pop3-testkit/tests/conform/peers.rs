//! Servers that are broken in ways that no fault of the test kit is: one connection goes to them, the others
//! to a server that works.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use pop3_testkit::certificates::Certificate;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

type Peer = fn(TcpStream, Arc<ServerConfig>) -> io::Result<()>;

/// By the names that `broken.txt` has for them.
fn peer(name: &str) -> Peer {
    match name {
        "one-read-one-line" => one_read_one_line,
        "second-greeting" => second_greeting,
        "greeting-in-clear" => greeting_in_clear,
        "no-alpn" => no_alpn,
        "no-close-notify" => no_close_notify,
        "old-server-hello" => old_server_hello,
        "old-server-hello-after-stls" => old_server_hello_after_stls,
        "keeps-what-came-in-clear" => keeps_what_came_in_clear,
        _ => panic!("there is no peer {name}"),
    }
}

/// Listens in front of a server; the connection of this number, counted from 1, goes to the peer.
pub(crate) fn in_front_of(server: SocketAddr, name: &str, number: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let peer = peer(name);
    let tls = Certificate::for_localhost().unwrap().config();
    thread::spawn(move || {
        for (index, stream) in listener.incoming().enumerate() {
            let Ok(stream) = stream else { return };
            let tls = Arc::clone(&tls);
            thread::spawn(move || {
                // The client goes away in the middle of things: that is what it is here for.
                let _ = if index + 1 == number { peer(stream, tls) } else { pass_on(&stream, server) };
            });
        }
    });
    address
}

fn pass_on(client: &TcpStream, server: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    let forth = thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut &server, &mut &*client);
    let _ = client.shutdown(Shutdown::Both);
    let _ = forth.join();
    Ok(())
}

/// Takes whatever one read gives for a line.
fn one_read_one_line(mut stream: TcpStream, _: Arc<ServerConfig>) -> io::Result<()> {
    stream.write_all(b"+OK ready\r\n")?;
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer)?;
        match &buffer[..count] {
            [] => return Ok(()),
            [.., b'\n'] if count > 2 => stream.write_all(b"+OK\r\n")?,
            _ => stream.write_all(b"-ERR this is no line\r\n")?,
        }
    }
}

fn second_greeting(stream: TcpStream, tls: Arc<ServerConfig>) -> io::Result<()> {
    let (mut stream, _) = stls(stream, tls)?;
    stream.write_all(b"+OK ready again\r\n")?;
    until_eof(&mut stream)
}

fn greeting_in_clear(mut stream: TcpStream, _: Arc<ServerConfig>) -> io::Result<()> {
    stream.write_all(b"+OK ready\r\n")?;
    until_eof(&mut stream)
}

fn no_alpn(_: TcpStream, _: Arc<ServerConfig>) -> io::Result<()> {
    Ok(())
}

/// Says yes to everything, and closes TCP alone after QUIT.
fn no_close_notify(stream: TcpStream, tls: Arc<ServerConfig>) -> io::Result<()> {
    let mut stream = accept(stream, tls)?;
    stream.write_all(b"+OK ready\r\n")?;
    loop {
        let line = line(&mut stream, &mut Vec::new())?;
        stream.write_all(b"+OK\r\n")?;
        stream.flush()?;
        if line.starts_with(b"QUIT") {
            return stream.sock.shutdown(Shutdown::Both);
        }
    }
}

/// A ServerHello as it begins in TLS 1.0 and 1.1.
fn old_server_hello(mut stream: TcpStream, _: Arc<ServerConfig>) -> io::Result<()> {
    let mut hello = [0; 16];
    stream.read_exact(&mut hello)?;
    stream.write_all(b"\x16\x03\x01\x00\x4a\x02\x00\x00\x46\x03\x01")?;
    until_eof(&mut stream)
}

fn old_server_hello_after_stls(mut stream: TcpStream, tls: Arc<ServerConfig>) -> io::Result<()> {
    stream.write_all(b"+OK ready\r\n")?;
    line(&mut stream, &mut Vec::new())?;
    stream.write_all(b"+OK begin\r\n")?;
    old_server_hello(stream, tls)
}

/// What was read in clear behind STLS is the beginning of what it reads under TLS: CVE-2011-0411.
fn keeps_what_came_in_clear(stream: TcpStream, tls: Arc<ServerConfig>) -> io::Result<()> {
    let (mut stream, mut ahead) = stls(stream, tls)?;
    loop {
        let line = line(&mut stream, &mut ahead)?;
        let is_known = line.starts_with(b"CAPA");
        stream.write_all(if is_known { b"+OK\r\n.\r\n" } else { b"-ERR\r\n" })?;
    }
}

/// Up to the end of the handshake; also gives back what came in clear behind STLS.
fn stls(mut stream: TcpStream, tls: Arc<ServerConfig>) -> io::Result<(TlsStream, Vec<u8>)> {
    stream.write_all(b"+OK ready\r\n")?;
    let mut ahead = Vec::new();
    line(&mut stream, &mut ahead)?;
    stream.write_all(b"+OK begin\r\n")?;
    Ok((accept(stream, tls)?, ahead))
}

type TlsStream = StreamOwned<ServerConnection, TcpStream>;

fn accept(mut stream: TcpStream, tls: Arc<ServerConfig>) -> io::Result<TlsStream> {
    let mut connection = ServerConnection::new(tls).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    Ok(StreamOwned::new(connection, stream))
}

/// A line, and in `ahead` what came behind it.
fn line(stream: &mut impl Read, ahead: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    let mut buffer = [0; 1024];
    loop {
        if let Some(at) = ahead.iter().position(|octet| *octet == b'\n') {
            return Ok(ahead.drain(..=at).collect());
        }
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        ahead.extend_from_slice(&buffer[..count]);
    }
}

fn until_eof(stream: &mut impl Read) -> io::Result<()> {
    io::copy(stream, &mut io::sink()).map(|_| ())
}
