//! `capa`: what the server announces.

use std::io::{self, Write as _};

use pop3_client::proto::{encode, types::Capability};

use super::{
    arguments::Capa,
    connect,
    exit::{Exit, Failure},
    terminal,
};

pub(super) fn run(arguments: &Capa) -> Result<Exit, Failure> {
    let options = connect::options(&arguments.connection)?;
    let mut session = connect::connect(&options)?;
    let capabilities = session
        .capabilities()
        .map_err(|error| Failure::server(&options, "asking for capabilities (CAPA)", &error))?;
    if !capabilities.is_known() {
        return Err(Failure::new(
            Exit::Unavailable,
            format_args!(
                "{} port {} does not say what it can do: it does not know CAPA",
                options.host, options.port
            ),
        ));
    }
    let mut text = String::new();
    for capability in capabilities {
        text.push_str(&shown(capability));
        text.push('\n');
    }
    io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::output(&error))?;
    // What was asked for is shown; how the session ends does not matter.
    let _ = session.quit();
    Ok(Exit::Done)
}

/// The capability as it is written on the wire.
fn shown(capability: &Capability<'_>) -> String {
    let mut line = Vec::new();
    encode::capability(capability, &mut line);
    terminal::sanitised(String::from_utf8_lossy(&line).trim_end()).into_owned()
}
