//! TLS as the run speaks it: rustls, with the certificates that the user trusts.

use pop3_io::trust::{self, Roots};
use rustls::{ClientConfig, pki_types::ServerName};

/// Reads what is needed.
///
/// # Errors
///
/// A sentence that names the file and says what to do.
pub(crate) fn configuration(roots: &Roots) -> Result<ClientConfig, String> {
    trust::client_config(roots, None).map_err(|error| match roots {
        Roots::File(path) => {
            format!("{}: {error}; give a PEM file with certificates to --ca", path.display())
        }
        _ => format!(
            "the certificates that this system trusts cannot be read ({error}); name a file with --ca"
        ),
    })
}

/// What the certificate has to be for.
///
/// # Errors
///
/// A sentence when it is neither a name nor an address.
pub(super) fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    trust::server_name(host).ok_or_else(|| format!("{host} is no host name that a certificate can be for"))
}
