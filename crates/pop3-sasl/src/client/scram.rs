//! The client's side of SCRAM (RFC 5802, RFC 7677).

use std::fmt;
use std::ops::RangeInclusive;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::ClientMechanism;
use super::choose::{BindingUse, Choice};
use super::credentials::Credentials;
use super::error::{ClientError, Field};
use super::options::ClientOptions;
use crate::gs2::{Flag, Header, escape};
use crate::scram::{Keys, ServerFinal, ServerFirst, encode_base64};
use crate::{Mechanism, ScramHash, Secret, prepare_query};

pub(super) struct Scram {
    mechanism: Mechanism,
    hash: ScramHash,
    iterations: RangeInclusive<u32>,
    password: Zeroizing<String>,
    /// The GS2 header as sent.
    header: String,
    /// The header and the binding data, in base64: the value of `c=`.
    channel_binding: String,
    /// `client-first-message-bare`.
    bare: String,
    nonce: String,
    state: State,
}

enum State {
    Begin,
    AwaitServerFirst,
    AwaitServerFinal { signature: Zeroizing<Vec<u8>> },
    Verified,
    Failed,
}

impl Scram {
    pub(super) fn new(
        hash: ScramHash,
        choice: &Choice,
        credentials: &Credentials,
        options: &ClientOptions,
    ) -> Result<Self, ClientError> {
        let mechanism = choice.mechanism();
        let (flag, binding_data) = match (mechanism.is_channel_bound(), choice.binding()) {
            (true, BindingUse::Used(binding)) => (Flag::Used(binding.kind()), binding.data()),
            (false, BindingUse::NotOffered) => (Flag::NotOffered, &[][..]),
            (false, BindingUse::Unsupported) => (Flag::Unsupported, &[][..]),
            _ => return Err(ClientError::ChannelBindingMismatch { mechanism }),
        };
        let header = Header { flag, authzid: credentials.authzid()? }.write();
        let channel_binding = encode_base64(&[header.as_bytes(), binding_data].concat());
        let nonce = options.nonce.as_str().to_owned();
        let bare = format!("n={},r={nonce}", escape(&credentials.name(mechanism)?));
        Ok(Self {
            mechanism,
            hash,
            iterations: options.iterations.clone(),
            password: prepared_password(credentials, mechanism)?,
            header,
            channel_binding,
            bare,
            nonce,
            state: State::Begin,
        })
    }

    fn on_server_first(&self, challenge: &[u8]) -> Result<(Secret, State), ClientError> {
        let mechanism = self.mechanism;
        let first = ServerFirst::parse(challenge).ok_or(ClientError::MalformedChallenge { mechanism })?;
        // An equal nonce would mean that the server added nothing of its own (RFC 5802 section 5.1).
        if first.nonce.strip_prefix(&self.nonce).is_none_or(str::is_empty) {
            return Err(ClientError::NonceMismatch);
        }
        if !self.iterations.contains(&first.iterations) {
            return Err(ClientError::IterationsOutOfBounds {
                iterations: first.iterations,
                min: *self.iterations.start(),
                max: *self.iterations.end(),
            });
        }
        let keys = Keys::derive(self.hash, self.password.as_bytes(), &first.salt, first.iterations);
        let without_proof = format!("c={},r={}", self.channel_binding, first.nonce);
        let auth_message: [&[u8]; 5] =
            [self.bare.as_bytes(), b",", first.text.as_bytes(), b",", without_proof.as_bytes()];
        let proof = encode_base64(&keys.proof(self.hash, &auth_message));
        let signature = self.hash.hmac(&keys.server, &auth_message);
        let response = Secret::concat(&[without_proof.as_bytes(), b",p=", proof.as_bytes()]);
        Ok((response, State::AwaitServerFinal { signature }))
    }

    fn on_server_final(&self, challenge: &[u8], signature: &[u8]) -> Result<(Secret, State), ClientError> {
        let mechanism = self.mechanism;
        match ServerFinal::parse(challenge).ok_or(ClientError::MalformedChallenge { mechanism })? {
            ServerFinal::Error(text) => Err(ClientError::ServerError(known_error(text))),
            ServerFinal::Verifier(verifier) if bool::from(verifier.ct_eq(signature)) => {
                Ok((Secret::default(), State::Verified))
            }
            ServerFinal::Verifier(_) => Err(ClientError::ServerSignatureMismatch),
        }
    }
}

impl ClientMechanism for Scram {
    fn name(&self) -> &str {
        self.mechanism.name()
    }

    fn is_plaintext(&self) -> bool {
        false
    }

    fn initial_response(&mut self) -> Option<Secret> {
        let State::Begin = self.state else { return None };
        self.state = State::AwaitServerFirst;
        Some(Secret::concat(&[self.header.as_bytes(), self.bare.as_bytes()]))
    }

    fn step(&mut self, challenge: &[u8]) -> Result<Secret, ClientError> {
        let unexpected = ClientError::UnexpectedChallenge { mechanism: self.mechanism };
        if let State::Begin = self.state
            && challenge.is_empty()
        {
            return self.initial_response().ok_or(unexpected);
        }
        // Whatever fails below leaves the machine failed.
        let (response, state) = match std::mem::replace(&mut self.state, State::Failed) {
            State::AwaitServerFirst => self.on_server_first(challenge)?,
            State::AwaitServerFinal { signature } => self.on_server_final(challenge, &signature)?,
            State::Begin | State::Verified | State::Failed => return Err(unexpected),
        };
        self.state = state;
        Ok(response)
    }

    fn finish(&self) -> Result<(), ClientError> {
        match self.state {
            State::Verified => Ok(()),
            _ => Err(ClientError::Incomplete { mechanism: self.mechanism }),
        }
    }
}

/// A password is hashed here, not sent, so the client prepares it (RFC 5802 section 5.1).
fn prepared_password(
    credentials: &Credentials,
    mechanism: Mechanism,
) -> Result<Zeroizing<String>, ClientError> {
    let field = Field::Password;
    let password = credentials.password(mechanism)?.expose_str();
    let password = password.ok_or(ClientError::InvalidField { mechanism, field })?;
    let prepared = prepare_query(password).map_err(|error| ClientError::Preparation { field, error })?;
    Ok(Zeroizing::new(prepared.into_owned()))
}

/// The values of `e=` that RFC 5802 section 7 lists; any other text could be anything, so it is not shown.
fn known_error(text: &str) -> &'static str {
    const KNOWN: [&str; 11] = [
        "invalid-encoding",
        "extensions-not-supported",
        "invalid-proof",
        "channel-bindings-dont-match",
        "server-does-support-channel-binding",
        "channel-binding-not-supported",
        "unsupported-channel-binding-type",
        "unknown-user",
        "invalid-username-encoding",
        "no-resources",
        "other-error",
    ];
    KNOWN.into_iter().find(|known| *known == text).unwrap_or("other-error")
}

impl fmt::Debug for Scram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Begin => "Begin",
            State::AwaitServerFirst => "AwaitServerFirst",
            State::AwaitServerFinal { .. } => "AwaitServerFinal",
            State::Verified => "Verified",
            State::Failed => "Failed",
        };
        f.debug_struct("Scram")
            .field("mechanism", &self.mechanism)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}
