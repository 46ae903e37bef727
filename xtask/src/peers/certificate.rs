//! A certificate for the servers, signed by itself. Clients are told not to look at it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::process;

/// Where certificate and key are, in PEM.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Makes a new one in a folder, for 127.0.0.1 and localhost.
///
/// # Errors
///
/// When openssl is not there or fails.
pub(super) fn make(folder: &Path) -> anyhow::Result<Certificate> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let made = Certificate { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") };
    let mut command = Command::new("openssl");
    command
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "30", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&made.key)
        .arg("-out")
        .arg(&made.certificate);
    if process::succeeds(&mut command) {
        return Ok(made);
    }
    bail!("openssl cannot make a certificate in {}; cargo xtask peers installs openssl", folder.display())
}
