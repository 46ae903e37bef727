//! From arguments to a session.

use pop3_client::{
    Authorization, Connector, Login, Options, Roots, Security, Transaction, blocking::Session,
    proto::body::LineEnds,
};
use tracing::{info, warn};

use super::{
    arguments::{Account, Connection},
    exit::{Exit, Failure},
    password,
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
        options.timeouts.read = timeout;
        options.timeouts.write = timeout;
    }
    options.timeouts.session = connection.deadline;
    options.asks_capabilities = !connection.no_capa;
    if connection.lenient_line_ends {
        options.line_ends = LineEnds::Lenient;
    }
    Ok(options)
}

/// A session in which nobody is logged in.
pub(super) fn connect(options: &Options) -> Result<Session<Authorization>, Failure> {
    let failed = |error| Failure::server(options, &error);
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
    Ok(login.with_method(url.method()))
}

/// A session in which the maildrop is open.
pub(super) fn open_maildrop(options: &Options, login: &Login) -> Result<Session<Transaction>, Failure> {
    let session = connect(options)?;
    let session = session.login(login).map_err(|refused| {
        let failure = Failure::server(options, &refused.error);
        if let Some(session) = refused.session {
            // Taking leave is polite; the refusal is what counts.
            let _ = session.quit();
        }
        failure
    })?;
    info!(user = login.name(), "logged in");
    Ok(session)
}
