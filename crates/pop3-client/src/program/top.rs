//! `top`: the beginning of a message.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use pop3_client::{Error, proto::types::MessageNumber};

use super::{
    arguments::Top,
    connect,
    exit::{Exit, Failure},
    terminal,
};

/// More than anybody wants to see on a terminal.
const MAX_SHOWN: u64 = 16 << 20;

pub(super) fn run(arguments: &Top) -> Result<Exit, Failure> {
    let number = MessageNumber::new(arguments.number)
        .map_err(|_| Failure::new(Exit::Usage, "there is no message 0; the first one is 1"))?;
    let options = connect::options(&arguments.account.connection)?;
    let login = connect::login(&arguments.account)?;
    let mut session = connect::open_maildrop(&options, &login)?.session;
    let failed = |error: Error| Failure::server(&options, "fetching the top of a message", &error);
    let mut message = match session.top(number, arguments.lines) {
        Ok(message) => message,
        Err(error @ Error::Refused { .. }) => {
            let count = session.stat().map_err(failed)?.count;
            return Err(if number.value() > count { no_such(number, count) } else { failed(error) });
        }
        Err(error) => return Err(failed(error)),
    };
    let mut stdout = io::stdout().lock();
    let written = if stdout.is_terminal() {
        let mut octets = Vec::new();
        message.by_ref().take(MAX_SHOWN).read_to_end(&mut octets).map_err(|error| failed(error.into()))?;
        stdout.write_all(terminal::sanitised_lines(&octets).as_bytes())
    } else {
        let mut failure = None;
        let copied = message.for_each_chunk(|chunk| {
            stdout.write_all(chunk).map_err(|error| {
                let kind = error.kind();
                failure = Some(error);
                kind.into()
            })
        });
        match (failure, copied) {
            (Some(error), _) => Err(error),
            (None, Err(error)) => return Err(failed(error.into())),
            (None, Ok(_)) => Ok(()),
        }
    };
    written.and_then(|()| stdout.flush()).map_err(|error| Failure::output(&error))?;
    // What was asked for is shown; how the session ends does not matter.
    let _ = session.quit();
    Ok(Exit::Done)
}

/// The message that the command line names is not there.
fn no_such(number: MessageNumber, count: u32) -> Failure {
    Failure::new(
        Exit::Usage,
        format_args!("there is no message {number}, the maildrop has {count}; `list` shows their numbers"),
    )
}
