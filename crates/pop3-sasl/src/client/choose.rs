//! Which mechanism to use.

use super::credentials::Credentials;
use crate::{ChannelBinding, Mechanism};

/// When a mechanism that sends a password or a token as such may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlaintextUse {
    /// Never, not even inside TLS.
    Never,
    /// Only on an encrypted channel (RFC 4616 section 5).
    #[default]
    WhenEncrypted,
    /// In the clear too. For tests and for loopback.
    Always,
}

/// What this client is willing to do, whatever the server offers.
///
/// ```
/// use pop3_sasl::{Credentials, Mechanism, Policy, choose};
/// let credentials = Credentials::new("tim").with_password("secret");
/// let offered = ["LOGIN", "PLAIN"];
/// assert!(choose(&offered, &credentials, &Policy::new()).is_none());
/// let choice = choose(&offered, &credentials, &Policy::new().encrypted()).unwrap();
/// assert_eq!(choice.mechanism(), Mechanism::Plain);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Policy {
    is_encrypted: bool,
    plaintext: PlaintextUse,
    is_cram_md5_allowed: bool,
    only: Option<Vec<Mechanism>>,
    channel_binding: Option<ChannelBinding>,
    instead_of: Vec<Mechanism>,
}

/// How well a mechanism keeps the secret from the other side: as such, as a digest, as a proof, and as a proof that
/// nobody can pass on.
const fn protection(mechanism: Mechanism) -> u8 {
    match mechanism {
        Mechanism::CramMd5 => 1,
        Mechanism::ScramSha1 | Mechanism::ScramSha256 => 2,
        Mechanism::ScramSha1Plus | Mechanism::ScramSha256Plus | Mechanism::External => 3,
        _ => 0,
    }
}

impl Policy {
    /// A clear channel, where no password may go, and no CRAM-MD5.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The channel is TLS, and the server's certificate was verified (RFC 5034 section 4).
    #[must_use]
    pub fn encrypted(mut self) -> Self {
        self.is_encrypted = true;
        self
    }

    /// When plaintext mechanisms may be used.
    #[must_use]
    pub fn plaintext(mut self, when: PlaintextUse) -> Self {
        self.plaintext = when;
        self
    }

    /// Allows CRAM-MD5, which is still only used where neither SCRAM nor PLAIN can be.
    #[must_use]
    pub fn allow_cram_md5(mut self) -> Self {
        self.is_cram_md5_allowed = true;
        self
    }

    /// Uses one of `mechanisms` or none, in the usual order of preference.
    #[must_use]
    pub fn only(mut self, mechanisms: &[Mechanism]) -> Self {
        self.only = Some(mechanisms.to_vec());
        self
    }

    /// What TLS gave to bind the channel with.
    #[must_use]
    pub fn channel_binding(mut self, binding: ChannelBinding) -> Self {
        self.channel_binding = Some(binding);
        self
    }

    /// Uses what protects the password no less than `other` does, and is not `other`: after a server has refused
    /// that mechanism as such.
    #[must_use]
    pub fn instead_of(mut self, other: &[Mechanism]) -> Self {
        self.instead_of = other.to_vec();
        self
    }

    fn allows(&self, mechanism: Mechanism) -> bool {
        let is_plaintext_allowed = match self.plaintext {
            PlaintextUse::Never => false,
            PlaintextUse::WhenEncrypted => self.is_encrypted,
            PlaintextUse::Always => true,
        };
        (is_plaintext_allowed || !mechanism.is_plaintext())
            && (self.is_cram_md5_allowed || mechanism != Mechanism::CramMd5)
            && (self.channel_binding.is_some() || !mechanism.is_channel_bound())
            && self.only.as_ref().is_none_or(|only| only.contains(&mechanism))
            && self
                .instead_of
                .iter()
                .all(|other| *other != mechanism && protection(mechanism) >= protection(*other))
    }
}

/// What the first field of SCRAM's GS2 header says (RFC 5802 section 6).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum BindingUse {
    /// `n`: this client has no channel binding.
    #[default]
    Unsupported,
    /// `y`: it has, but the server offered no `-PLUS`; a server that did knows then that somebody is in
    /// between.
    NotOffered,
    /// `p=`: it is used.
    Used(ChannelBinding),
}

/// A mechanism, and how it treats the channel.
#[derive(Clone, Debug)]
pub struct Choice {
    mechanism: Mechanism,
    binding: BindingUse,
}

impl Choice {
    /// A mechanism without channel binding, chosen by hand.
    #[must_use]
    pub fn new(mechanism: Mechanism) -> Self {
        Self { mechanism, binding: BindingUse::Unsupported }
    }

    /// Says what to do about channel binding; only SCRAM looks at it.
    #[must_use]
    pub fn with_binding(mut self, binding: BindingUse) -> Self {
        self.binding = binding;
        self
    }

    /// The mechanism.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// What it does about channel binding.
    #[must_use]
    pub fn binding(&self) -> &BindingUse {
        &self.binding
    }
}

/// Local order of preference. A bound channel beats a better hash: it is what stops somebody in between.
/// CRAM-MD5 comes after PLAIN in TLS (RFC 5802 appendix A), LOGIN after everything
/// (draft-murchison-sasl-login-00 section 1).
const PREFERENCE: [Mechanism; 11] = [
    Mechanism::External,
    Mechanism::OauthBearer,
    Mechanism::Xoauth2,
    Mechanism::ScramSha256Plus,
    Mechanism::ScramSha1Plus,
    Mechanism::ScramSha256,
    Mechanism::ScramSha1,
    Mechanism::Plain,
    Mechanism::CramMd5,
    Mechanism::Login,
    Mechanism::Anonymous,
];

/// Chooses among the mechanisms the server `offered` the one to use with these credentials, or none.
///
/// Ask once per connection: after a failure do not ask again with the failed mechanism left out, as that
/// would hand the password to an attacker who made SCRAM fail. [`Policy::instead_of`] is what may be asked.
#[must_use]
pub fn choose(offered: &[&str], credentials: &Credentials, policy: &Policy) -> Option<Choice> {
    let offered: Vec<Mechanism> = offered.iter().filter_map(|name| Mechanism::from_name(name)).collect();
    let mechanism = PREFERENCE.into_iter().find(|mechanism| {
        offered.contains(mechanism) && policy.allows(*mechanism) && is_enough(credentials, *mechanism)
    })?;
    let binding = match &policy.channel_binding {
        Some(binding) if mechanism.is_channel_bound() => BindingUse::Used(binding.clone()),
        // Saying `y` to a server that offered `-PLUS` would rightly be taken for an attack.
        Some(_) if !offered.iter().any(|mechanism| mechanism.is_channel_bound()) => BindingUse::NotOffered,
        _ => BindingUse::Unsupported,
    };
    Some(Choice { mechanism, binding })
}

fn is_enough(credentials: &Credentials, mechanism: Mechanism) -> bool {
    let (has_name, has_authzid) = (credentials.name.is_some(), credentials.authzid.is_some());
    match mechanism {
        Mechanism::Anonymous => credentials.trace.is_some(),
        Mechanism::External => credentials.is_external,
        Mechanism::OauthBearer => credentials.token.is_some(),
        Mechanism::Xoauth2 => credentials.token.is_some() && has_name && !has_authzid,
        Mechanism::CramMd5 | Mechanism::Login => credentials.password.is_some() && has_name && !has_authzid,
        Mechanism::Plain
        | Mechanism::ScramSha1
        | Mechanism::ScramSha1Plus
        | Mechanism::ScramSha256
        | Mechanism::ScramSha256Plus => credentials.password.is_some() && has_name,
    }
}

#[cfg(test)]
mod tests;
