//! The configuration file, key by key. `examples/pop3-server.toml` explains each.

use std::{net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::values::{self, Kind, Language, Mechanism};

/// The whole file. A key that is not here is an error: it would be a setting that does nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configuration {
    #[serde(deserialize_with = "values::non_empty")]
    pub(crate) listen: Vec<Listen>,
    pub(crate) tls: Option<Tls>,
    pub(crate) users: Users,
    pub(crate) maildir: MaildirRoot,
    #[serde(default)]
    pub(crate) login: Login,
    #[serde(default)]
    pub(crate) protocol: Protocol,
    #[serde(default)]
    pub(crate) timeouts: Timeouts,
    #[serde(default)]
    pub(crate) limits: Limits,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    #[serde(deserialize_with = "values::address")]
    pub(crate) address: SocketAddr,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Users {
    pub(crate) file: PathBuf,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MaildirRoot {
    pub(crate) root: PathBuf,
    #[serde(deserialize_with = "values::below", default, skip_serializing_if = "Option::is_none")]
    pub(crate) below: Option<String>,
    #[serde(default = "yes")]
    pub(crate) create_missing: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Login {
    pub(crate) user_pass: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mechanisms: Option<Vec<Mechanism>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) apop_host: Option<String>,
    pub(crate) plaintext_without_tls: bool,
    #[serde(deserialize_with = "values::positive")]
    pub(crate) failed_logins: u32,
    pub(crate) failure_delay: u64,
    pub(crate) failure_delay_max: u64,
}

impl Default for Login {
    fn default() -> Self {
        Self {
            user_pass: true,
            mechanisms: None,
            apop_host: None,
            plaintext_without_tls: false,
            failed_logins: 3,
            failure_delay: 2,
            failure_delay_max: 15,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Protocol {
    #[serde(deserialize_with = "values::greeting")]
    pub(crate) greeting: String,
    #[serde(deserialize_with = "values::token", skip_serializing_if = "Option::is_none")]
    pub(crate) implementation: Option<String>,
    #[serde(deserialize_with = "values::non_empty")]
    pub(crate) languages: Vec<Language>,
    pub(crate) utf8: bool,
    pub(crate) accept_lf: bool,
    #[serde(deserialize_with = "values::positive")]
    pub(crate) errors_before_login: u32,
    #[serde(deserialize_with = "values::positive")]
    pub(crate) errors_after_login: u32,
}

impl Default for Protocol {
    fn default() -> Self {
        Self {
            greeting: "POP3 server ready".into(),
            implementation: None,
            languages: vec![Language::En],
            utf8: false,
            accept_lf: true,
            errors_before_login: 10,
            errors_after_login: 25,
        }
    }
}

/// All in seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Timeouts {
    #[serde(deserialize_with = "values::autologout")]
    pub(crate) autologout: u64,
    #[serde(deserialize_with = "values::positive")]
    pub(crate) authorization_idle: u64,
    #[serde(deserialize_with = "values::positive")]
    pub(crate) authorization_total: u64,
    #[serde(deserialize_with = "values::positive")]
    pub(crate) tls_handshake: u64,
    #[serde(deserialize_with = "values::positive")]
    pub(crate) write_stall: u64,
    pub(crate) shutdown_grace: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            autologout: 600,
            authorization_idle: 60,
            authorization_total: 180,
            tls_handshake: 10,
            write_stall: 180,
            shutdown_grace: 30,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    #[serde(deserialize_with = "values::positive")]
    pub(crate) connections: usize,
    #[serde(deserialize_with = "values::positive")]
    pub(crate) connections_per_address: usize,
    #[serde(deserialize_with = "values::positive")]
    pub(crate) sessions_per_user: usize,
    #[serde(deserialize_with = "values::optional_positive", skip_serializing_if = "Option::is_none")]
    pub(crate) password_checks: Option<usize>,
    #[serde(deserialize_with = "values::optional_positive", skip_serializing_if = "Option::is_none")]
    pub(crate) tls_handshakes: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 100,
            sessions_per_user: 10,
            password_checks: None,
            tls_handshakes: None,
        }
    }
}
