use std::{path::PathBuf, time::Duration};

use pop3_client::{Login, Options, Roots, Security, Timeouts, Url};
use pyo3::prelude::*;

use crate::errors::{misuse, usage};

/// Where to connect to, and how.
pub(super) fn options(
    py: Python<'_>,
    url: &Url,
    security: Option<&Bound<'_, PyAny>>,
    ca_file: Option<PathBuf>,
    timeout: Option<f64>,
) -> PyResult<Options> {
    let mut options = Options::from_url(url);
    if let Some(security) = security {
        options = options.with_security(self::security(security)?);
    }
    if let Some(path) = ca_file {
        options = options.with_roots(Roots::File(path));
    }
    if let Some(seconds) = timeout {
        let limit = Duration::try_from_secs_f64(seconds).ok().filter(|limit| !limit.is_zero());
        let limit = limit.ok_or_else(|| usage(py, "the timeout has to be a number of seconds above 0"))?;
        options = options.with_timeouts(Timeouts {
            connect: limit,
            greeting: limit,
            read: limit,
            write: limit,
            session: None,
        });
    }
    Ok(options)
}

pub(super) fn url(py: Python<'_>, url: &str) -> PyResult<Url> {
    url.parse().map_err(|error: pop3_client::InvalidUrl| misuse(py, &error))
}

fn security(security: &Bound<'_, PyAny>) -> PyResult<Security> {
    let name: String = security.getattr("name")?.extract()?;
    Ok(match name.as_str() {
        "IMPLICIT_TLS" => Security::ImplicitTls,
        "STLS_REQUIRED" => Security::StlsRequired,
        "INSECURE_PLAIN" => Security::InsecurePlain,
        "INSECURE_OPPORTUNISTIC" => Security::InsecureOpportunistic,
        other => return Err(usage(security.py(), &format!("there is no security {other}"))),
    })
}

/// Who logs in, and with what; nothing without a password and a token.
pub(super) fn login(
    py: Python<'_>,
    url: &Url,
    user: Option<String>,
    password: Option<String>,
    token: Option<String>,
    auth: Option<&str>,
) -> PyResult<Option<Login>> {
    if password.is_none() && token.is_none() {
        return Ok(None);
    }
    let Some(user) = user.or_else(|| url.user().map(str::to_owned)) else {
        return Err(usage(
            py,
            "there is no user name; write it into the URL, as in pops://alice@host, or give user",
        ));
    };
    let login = match (password, token) {
        (Some(password), None) => Login::password(user, password),
        (None, Some(token)) => Login::token(user, token),
        _ => return Err(usage(py, "give a password or a token, not both")),
    };
    let method = auth.map_or(Ok(url.method()), |auth| auth.parse().map_err(|error| misuse(py, &error)))?;
    Ok(Some(login.with_method(method)))
}
