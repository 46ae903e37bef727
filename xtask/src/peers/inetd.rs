//! Programs that serve one session on standard input and output, as inetd starts them.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::thread;

/// Starts the program for every connection to a port that the system chooses; gives the port.
///
/// # Errors
///
/// When there is no port.
pub(super) fn listen(
    program: impl Fn() -> anyhow::Result<Command> + Send + Sync + Clone + 'static,
) -> io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let program = program.clone();
            thread::spawn(move || {
                let served =
                    connection.map_err(Into::into).and_then(|connection| serve(program()?, connection));
                if let Err(error) = served {
                    eprintln!("a connection was not served: {error:#}");
                }
            });
        }
    });
    Ok(port)
}

/// Waits for the program, so that nothing of it is left.
fn serve(mut command: Command, connection: TcpStream) -> anyhow::Result<()> {
    command.stdin(OwnedFd::from(connection.try_clone()?)).stdout(OwnedFd::from(connection));
    let mut child = command.stderr(Stdio::inherit()).spawn()?;
    // The command has the socket as well, and would keep it open.
    drop(command);
    child.wait()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::Shutdown;

    use super::*;

    #[test]
    fn every_connection_has_a_program_of_its_own() {
        let port = listen(|| Ok(Command::new("cat"))).unwrap();
        for text in ["one", "two"] {
            let mut connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
            connection.write_all(text.as_bytes()).unwrap();
            connection.shutdown(Shutdown::Write).unwrap();
            let mut answer = String::new();
            connection.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, text);
        }
    }
}
