//! What the mechanisms need to know about this server and this connection.

use crate::{ChannelBinding, Decoy, Nonce};

/// Settings for [`Server::new`](crate::Server::new); each mechanism looks at its own.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    pub(super) nonce: Option<Nonce>,
    pub(super) decoy: Option<Decoy>,
    pub(super) channel_bindings: Vec<ChannelBinding>,
    pub(super) cram_challenge: Option<Box<str>>,
    pub(super) certificate_user: Option<Box<str>>,
    pub(super) service: (Option<Box<str>>, Option<u16>),
    pub(super) is_authzid_allowed: bool,
}

impl ServerOptions {
    /// Nothing set: enough for PLAIN, LOGIN, ANONYMOUS, OAUTHBEARER and XOAUTH2.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What SCRAM needs: a nonce that is fresh for every exchange, and what to tell unknown users.
    #[must_use]
    pub fn scram(mut self, nonce: Nonce, decoy: Decoy) -> Self {
        self.nonce = Some(nonce);
        self.decoy = Some(decoy);
        self
    }

    /// A type of channel binding this connection has. As soon as there is one, `-PLUS` counts as offered, and
    /// a client that says it was not fails (RFC 5802 section 6). Call it once for every type.
    #[must_use]
    pub fn channel_binding(mut self, binding: ChannelBinding) -> Self {
        self.channel_bindings.push(binding);
        self
    }

    /// What CRAM-MD5 needs: a msg-id that is fresh for every exchange, such as
    /// `<random.time@host>` (RFC 2195 section 2).
    #[must_use]
    pub fn cram_challenge(mut self, challenge: &str) -> Self {
        self.cram_challenge = Some(challenge.into());
        self
    }

    /// The user the TLS client certificate was verified for, which EXTERNAL needs to succeed.
    #[must_use]
    pub fn certificate_user(mut self, name: &str) -> Self {
        self.certificate_user = Some(name.into());
        self
    }

    /// The names OAUTHBEARER clients may call this server by: one that names another host or port is
    /// refused (RFC 7628 section 3.2).
    #[must_use]
    pub fn service(mut self, host: Option<&str>, port: Option<u16>) -> Self {
        self.service = (host.map(Into::into), port);
        self
    }

    /// Lets an authenticated client ask to act as somebody else, which raises
    /// [`Question::Authorization`](crate::Question::Authorization). Otherwise asking fails.
    #[must_use]
    pub fn allow_authzid(mut self) -> Self {
        self.is_authzid_allowed = true;
        self
    }
}
