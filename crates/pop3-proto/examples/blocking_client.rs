//! Lists a maildrop over plain TCP: `blocking_client HOST:PORT NAME`, with the password on standard input.
//!
//! The password travels readably; this is to show the run loop, over a loopback address. The `pop3-client`
//! crate is what to use over a network.

use std::{
    error::Error,
    io::{Read, Write},
    net::TcpStream,
};

use pop3_proto::{
    client::{Client, Config, Event},
    machine::Machine,
    types::{Command, Response, Secret},
};

struct Connection {
    client: Client,
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Sends a command, shows what comes of it, and says whether it was `+OK`.
    fn run(&mut self, command: Option<&Command<'_>>) -> Result<bool, Box<dyn Error>> {
        if let Some(command) = command {
            self.client.send(command)?;
        }
        let mut is_ok = true;
        loop {
            while let Some(octets) = self.client.poll_transmit() {
                let count = self.stream.write(octets)?;
                self.client.handle_transmitted(count);
            }
            let mut input = self.buffer.as_slice();
            while let Some(event) = self.client.next_event(&mut input)? {
                match event {
                    Event::Greeting { response, .. } => is_ok = show(&response),
                    Event::Response { response, .. } => is_ok = show(&response),
                    Event::UniqueIdListing { listing, .. } => {
                        println!("{:>6} {}", listing.number, listing.unique_id);
                    }
                    Event::Closed => return Ok(is_ok),
                    _ => {}
                }
            }
            let consumed = self.buffer.len().saturating_sub(input.len());
            self.buffer.drain(..consumed);
            if self.client.outstanding() == 0 && (command.is_some() || self.is_greeted()) {
                return Ok(is_ok);
            }
            let mut more = [0; 8192];
            match self.stream.read(&mut more)? {
                0 => self.client.handle_eof()?,
                count => self.buffer.extend_from_slice(more.get(..count).unwrap_or_default()),
            }
        }
    }

    fn is_greeted(&self) -> bool {
        self.client.state() != pop3_proto::client::SessionState::Greeting
    }
}

fn show(response: &Response<'_>) -> bool {
    println!("{response}");
    response.is_ok()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(name)) = (arguments.next(), arguments.next()) else {
        return Err("usage: blocking_client HOST:PORT NAME < password".into());
    };
    let mut password = String::new();
    std::io::stdin().read_line(&mut password)?;
    let password = Secret::new(password.trim_end_matches(['\r', '\n']).to_owned().into());
    let client = Client::new(Config::default());
    let mut connection = Connection { client, stream: TcpStream::connect(address)?, buffer: Vec::new() };
    let login = [Command::User(name.into()), Command::Pass(password), Command::Uidl(None)];
    let mut is_ok = connection.run(None)?;
    for command in &login {
        is_ok = is_ok && connection.run(Some(command))?;
    }
    if connection.client.state() != pop3_proto::client::SessionState::Closed {
        connection.run(Some(&Command::Quit))?;
    }
    if is_ok { Ok(()) } else { Err("the server said no".into()) }
}
