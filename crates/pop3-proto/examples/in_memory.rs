//! The server machine without a network: type POP3 commands, and it answers from a maildrop in memory.
//!
//! `printf 'USER a\nPASS b\nLIST\nRETR 1\nQUIT\n' | cargo run -q -p pop3-proto --example in_memory`

use std::{
    error::Error,
    io::{BufRead, Write},
};

use pop3_proto::{
    body::OctetCounter,
    machine::Machine,
    server::{Config, Connection, Event, Maildrop, MessageInfo, Policy, Server, UpdateOutcome},
    types::UniqueId,
};

const MESSAGES: [&str; 2] =
    ["Subject: one\n\nThe first message.\n", "Subject: two\n\n.A line that begins with a dot.\n"];

fn main() -> Result<(), Box<dyn Error>> {
    let mut policy = Policy::default();
    policy.allow_plaintext_without_tls = true;
    let mut server = Server::new(Config::new(policy)?, Connection::default())?;
    write_out(&mut server)?;
    for line in std::io::stdin().lock().split(b'\n') {
        let mut line = line?;
        line.push(b'\n');
        let mut input = line.as_slice();
        while let Some(event) = server.next_event(&mut input)? {
            if let Event::Close(reason) = event {
                write_out(&mut server)?;
                eprintln!("closed: {reason:?}");
                return Ok(());
            }
            answer(&mut server, event)?;
        }
        write_out(&mut server)?;
    }
    Ok(())
}

/// Anybody may log in; what QUIT removes is told and kept.
fn answer(server: &mut Server, event: Event<'_>) -> Result<(), Box<dyn Error>> {
    match event {
        Event::Login(_) => server.accept(maildrop()?)?,
        Event::Retrieve { number, .. } => {
            let mut encoder = server.begin_message()?;
            write_out(server)?;
            let message = MESSAGES.get(number.index()).ok_or("no such message")?;
            for octets in encoder.encode(message.as_bytes()) {
                std::io::stdout().write_all(octets)?;
            }
            server.end_message(encoder)?;
        }
        Event::Update { deletions, .. } => {
            eprintln!("to be removed: {:?}", deletions.numbers());
            server.finish_update(UpdateOutcome::Removed)?;
        }
        other => eprintln!("{other:?}"),
    }
    Ok(())
}

fn maildrop() -> Result<Maildrop, Box<dyn Error>> {
    let mut messages = Vec::new();
    for (index, message) in MESSAGES.iter().enumerate() {
        let mut counter = OctetCounter::new();
        counter.update(message.as_bytes());
        let unique_id = UniqueId::new(format!("message-{index}"))?;
        messages.push(MessageInfo { size: counter.finish(), unique_id });
    }
    Ok(Maildrop::new(messages))
}

fn write_out(server: &mut Server) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    while let Some(octets) = server.poll_transmit() {
        let count = out.write(octets)?;
        server.handle_transmitted(count);
    }
    out.flush()
}
