//! From arguments to a session.

use std::{io, time::Instant};

use pop3_client::{
    Authorization, Connector, Error, Login, Options, Roots, Security, Transaction,
    blocking::Session,
    proto::{body::LineEnds, client::PeerMisbehaved},
};
use tracing::{info, warn};

use super::{
    arguments::{Account, Connection},
    exit::{Exit, Failure},
    password, provider,
};

/// Everything that is needed to reach the server.
pub(super) fn options(connection: &Connection) -> Result<Options, Failure> {
    let mut options = Options::from_url(&connection.url);
    let is_insecure = connection.insecure_plain || connection.insecure_opportunistic;
    if is_insecure && options.security == Security::ImplicitTls {
        return Err(Failure::new(
            Exit::Usage,
            format_args!(
                "{} asks for TLS from the first octet on; write pop:// to do without",
                connection.url
            ),
        ));
    }
    if connection.insecure_plain {
        options.security = Security::InsecurePlain;
    } else if connection.insecure_opportunistic {
        options.security = Security::InsecureOpportunistic;
    }
    if let Some(file) = &connection.ca_file {
        options.roots = Roots::File(file.clone());
    } else if connection.insecure_any_certificate {
        options.roots = Roots::InsecureAcceptAny;
    }
    if let Some(timeout) = connection.timeout {
        options.timeouts.connect = timeout;
        options.timeouts.greeting = timeout;
        options.timeouts.read = timeout;
        options.timeouts.write = timeout;
    }
    options.timeouts.session = Some(connection.deadline);
    options.address = connection.connect;
    options.asks_capabilities = !connection.no_capa;
    if connection.lenient_line_ends {
        options.line_ends = LineEnds::Lenient;
    }
    Ok(options)
}

/// Reads the file of trusted certificates now and not when it connects: the program may be another user by then.
pub(super) fn read_roots(options: &mut Options) -> Result<(), Failure> {
    if let Roots::File(file) = &options.roots {
        // What is wrong with it is said with its path.
        Connector::new(options.clone()).map_err(|error| Failure::server(options, "connecting", &error))?;
        if let Ok(text) = std::fs::read(file) {
            options.roots = Roots::Pem(text);
        }
    }
    Ok(())
}

/// A session in which nobody is logged in.
pub(super) fn connect(options: &Options) -> Result<Session<Authorization>, Failure> {
    let failed = |error| Failure::server(options, "connecting", &error);
    let connector = Connector::new(options.clone()).map_err(failed)?;
    info!(host = options.host, port = options.port, "connecting");
    let session = Session::connect(&connector).map_err(failed)?;
    if session.is_tls() {
        info!("the connection is encrypted");
    } else {
        warn!("the connection is not encrypted: everybody on the way can read it");
    }
    Ok(session)
}

/// What to log in with, asked for before anything is connected.
pub(super) fn login(account: &Account) -> Result<Login, Failure> {
    let url = &account.connection.url;
    if account.user.is_some() && url.user().is_some() {
        return Err(Failure::new(
            Exit::Usage,
            format_args!("{url} names a user, and so does --user; leave one of them out"),
        ));
    }
    let name = account.user.as_deref().or(url.user()).ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format_args!("{url} names no user; put it before the host, as in pops://USER@HOST"),
        )
    })?;
    let login = match &account.token_file {
        Some(file) => Login::token(name, password::from_file(file)?),
        None => Login::password(name, password::password(account, name)?),
    };
    Ok(login.with_method(account.auth.unwrap_or(url.method())))
}

/// A session in which the maildrop is open, and whether it was to be had only without CAPA.
pub(super) struct Opened {
    pub(super) session: Session<Transaction>,
    pub(super) is_without_capa: bool,
}

/// Connects and logs in. Some old servers close the connection on CAPA, or say nothing more: such a server
/// is tried once more without.
pub(super) fn open_maildrop(options: &Options, login: &Login) -> Result<Opened, Failure> {
    let began = Instant::now();
    let mut session = connect(options)?;
    let Err(error) = session.capabilities() else {
        let session = log_in(session, options, login, began)?;
        return Ok(Opened { session, is_without_capa: false });
    };
    let failure = Failure::server(options, "asking for capabilities (CAPA)", &error);
    drop(session);
    let Some(options) = without_capa(options, &error, began) else { return Err(failure) };
    warn!(
        "{} port {} answers CAPA with nothing; trying once more without it, as --no-capa does at once",
        options.host, options.port
    );
    // A server that is not there any more was not stopped by CAPA.
    let session = connect(&options).map_err(|_| failure)?;
    let session = log_in(session, &options, login, Instant::now())?;
    Ok(Opened { session, is_without_capa: true })
}

/// How to try again when asking for capabilities ended so; `None` when CAPA cannot be the reason, or there is no time left.
fn without_capa(options: &Options, error: &Error, began: Instant) -> Option<Options> {
    if !is_lost(error) || !options.asks_capabilities {
        return None;
    }
    let mut options = in_time_left(options, began)?;
    options.asks_capabilities = false;
    Some(options)
}

/// For another connection of the same run: what is left of the time for everything. `None` when it is over.
pub(super) fn in_time_left(options: &Options, began: Instant) -> Option<Options> {
    let mut options = options.clone();
    if let Some(session) = &mut options.timeouts.session {
        *session = session.checked_sub(began.elapsed()).filter(|left| !left.is_zero())?;
    }
    Some(options)
}

fn log_in(
    session: Session<Authorization>,
    options: &Options,
    login: &Login,
    began: Instant,
) -> Result<Session<Transaction>, Failure> {
    let is_tls = session.is_tls();
    let refused = match session.login(login) {
        Ok(session) => {
            info!(user = login.name(), "logged in");
            return Ok(session);
        }
        Err(refused) => refused,
    };
    if let (Some(mechanism), true) = (refused.mechanism, is_closed(&refused.error))
        && let Some(login) = login.without(mechanism)
        && let Some(mut options) = in_time_left(options, began)
    {
        if is_tls && options.security == Security::InsecureOpportunistic {
            // What was protected before is not sent without protection now.
            options.security = Security::StlsRequired;
        }
        warn!("the server closed the connection at AUTH {mechanism}; trying once more with USER and PASS");
        return log_in(connect(&options)?, &options, &login, Instant::now());
    }
    Err({
        let mut failure = Failure::server(options, "logging in", &refused.error);
        if is_about_credentials(&refused.error)
            && let Some(advice) = provider::advice(&options.host)
        {
            failure.text.push_str(". ");
            failure.text.push_str(advice);
        }
        if let Some(session) = refused.session {
            // Taking leave is polite; the refusal is what counts.
            let _ = session.quit();
        }
        failure
    })
}

/// Whether other credentials, or another kind of them, may be what the server wants.
fn is_about_credentials(error: &Error) -> bool {
    matches!(
        error,
        Error::LoginRefused { is_credentials: true, .. }
            | Error::MechanismRefused { .. }
            | Error::NoMechanism { .. }
    )
}

/// Whether the server closed the connection, or said nothing more.
fn is_lost(error: &Error) -> bool {
    is_closed(error) || matches!(error, Error::Io(source) if source.kind() == io::ErrorKind::TimedOut)
}

/// Whether the server closed the connection.
fn is_closed(error: &Error) -> bool {
    use io::ErrorKind as K;
    match error {
        Error::Peer(PeerMisbehaved::UnexpectedEof) => true,
        Error::Io(source) => matches!(
            source.kind(),
            K::BrokenPipe | K::ConnectionAborted | K::ConnectionReset | K::UnexpectedEof
        ),
        _ => false,
    }
}
