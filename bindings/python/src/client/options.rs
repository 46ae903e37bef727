use std::{path::PathBuf, time::Duration};

use pop3_client::{Identity, Login, Options, Roots, Security, Timeouts, Url};
use pyo3::prelude::*;

use crate::{
    classes::class,
    errors::{misuse, usage},
};

/// Where to connect to, and how.
pub(super) fn options(
    py: Python<'_>,
    url: &Url,
    security: Option<&Bound<'_, PyAny>>,
    trust: Trust<'_>,
    timeout: Option<f64>,
) -> PyResult<Options> {
    let mut options = Options::from_url(url);
    if let Some(security) = security {
        let wanted = self::security(security)?;
        if url.security() == Security::ImplicitTls && wanted != Security::ImplicitTls {
            return Err(usage(
                py,
                "the URL asks for TLS from the first octet on; write pop:// for another security",
            ));
        }
        options = options.with_security(wanted);
    }
    options = match (trust.ca_file, trust.ca_data) {
        (Some(_), Some(_)) => return Err(usage(py, "give ca_file or ca_data, not both")),
        (Some(path), None) => options.with_roots(Roots::File(path)),
        (None, Some(data)) => options.with_roots(roots(data)?),
        (None, None) => options,
    };
    if let Some(certificate) = trust.client_certificate {
        let key = trust.client_key.unwrap_or_else(|| certificate.clone());
        let read = |path: &PathBuf| std::fs::read(path).map_err(PyErr::from);
        let identity = Identity::from_pem(&read(&certificate)?, &read(&key)?);
        options = options.with_identity(identity.map_err(|error| misuse(py, &error))?);
    }
    if let Some(seconds) = timeout {
        let limit = Duration::try_from_secs_f64(seconds).ok().filter(|limit| !limit.is_zero());
        let limit = limit.ok_or_else(|| {
            usage(py, "the timeout has to be a number of seconds above 0 that is not infinite")
        })?;
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

/// The certificates that the client trusts and shows, as in Python's ``ssl``.
pub(super) struct Trust<'py> {
    pub(super) ca_file: Option<PathBuf>,
    pub(super) ca_data: Option<Bound<'py, PyAny>>,
    pub(super) client_certificate: Option<PathBuf>,
    pub(super) client_key: Option<PathBuf>,
}

/// A `str` is PEM; `bytes` are PEM, or one certificate in DER.
fn roots(data: Bound<'_, PyAny>) -> PyResult<Roots> {
    if let Ok(text) = data.extract::<String>() {
        return Ok(Roots::Pem(text.into_bytes()));
    }
    let octets: Vec<u8> = data.extract()?;
    // DER begins with the tag of a SEQUENCE.
    Ok(if octets.first() == Some(&0x30) { Roots::Der(vec![octets]) } else { Roots::Pem(octets) })
}

pub(super) fn url(py: Python<'_>, url: &str) -> PyResult<Url> {
    url.parse().map_err(|error: pop3_client::InvalidUrl| misuse(py, &error))
}

fn security(security: &Bound<'_, PyAny>) -> PyResult<Security> {
    let py = security.py();
    if !security.is_instance(class!(py, "pop3._values", "Security")?)? {
        let shown = security.repr().map_or_else(|_| "something else".to_owned(), |repr| repr.to_string());
        return Err(usage(py, &format!("security has to be a member of pop3.Security, not {shown}")));
    }
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
    if let (Some(user), Some(in_url)) = (&user, url.user())
        && user != in_url
    {
        return Err(usage(py, "the URL names a user, and so does user; leave one of them out"));
    }
    if password.as_deref() == Some("") || token.as_deref() == Some("") {
        return Err(usage(py, "the password or token is empty"));
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
