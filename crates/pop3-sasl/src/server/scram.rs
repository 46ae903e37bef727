//! The server's side of SCRAM (RFC 5802, RFC 7677).

use std::fmt;

use subtle::{Choice, ConstantTimeEq};

use super::ServerMechanism;
use super::options::ServerOptions;
use super::plain::{FIELD_MAX, ask_authorization, prepared};
use super::types::{Answer, Failure, Identity, Question, ServerError, Step};
use crate::crypto::xor;
use crate::gs2::Flag;
use crate::scram::{ClientFinal, ClientFirst, encode_base64};
use crate::{ChannelBinding, Decoy, Nonce, ScramCredentials, ScramHash};

pub(super) struct Scram {
    hash: ScramHash,
    is_bound: bool,
    own_nonce: Nonce,
    decoy: Decoy,
    bindings: Vec<ChannelBinding>,
    is_authzid_allowed: bool,
    state: State,
}

enum State {
    ClientFirst,
    Credentials(Begun),
    ClientFinal(Begun, ServerFirst),
    Authorization {
        begun: Begun,
        authzid: Box<str>,
        server_final: Vec<u8>,
    },
    /// The server's proof is out, and an empty response is to come (RFC 5034 section 4).
    Acknowledgement(Identity),
    Over,
}

/// What the first message of the client left behind.
struct Begun {
    authcid: Box<str>,
    /// Only if it differs from `authcid`.
    authzid: Option<Box<str>>,
    bare: String,
    /// The only right value of `c=`.
    channel_binding: String,
    /// The client's nonce and ours.
    nonce: String,
}

/// What our first message was, and what it was made from.
struct ServerFirst {
    text: String,
    credentials: ScramCredentials,
    is_known: bool,
}

impl Scram {
    pub(super) fn new(hash: ScramHash, is_bound: bool, options: &ServerOptions) -> Result<Self, ServerError> {
        let missing = |option| ServerError::MissingOption { mechanism: hash.mechanism(), option };
        if is_bound && options.channel_bindings.is_empty() {
            return Err(missing("channel_binding"));
        }
        Ok(Self {
            hash,
            is_bound,
            own_nonce: options.nonce.clone().ok_or(missing("scram"))?,
            decoy: options.decoy.clone().ok_or(missing("scram"))?,
            bindings: options.channel_bindings.clone(),
            is_authzid_allowed: options.is_authzid_allowed,
            state: State::ClientFirst,
        })
    }

    fn on_client_first(&self, message: &[u8]) -> Result<(Step, State), Failure> {
        let first = ClientFirst::parse(message).ok_or(Failure::Malformed)?;
        if first.nonce.len() > FIELD_MAX {
            return Err(Failure::Malformed);
        }
        let binding_data = self.binding_data(first.header.flag)?;
        let authcid = prepared(first.name.as_bytes())?;
        let authzid = match &first.header.authzid {
            Some(authzid) => Some(prepared(authzid.as_bytes())?).filter(|authzid| *authzid != authcid),
            None => None,
        };
        if authzid.is_some() && !self.is_authzid_allowed {
            return Err(Failure::NotAuthorized);
        }
        let question = Question::Scram { name: authcid.clone(), hash: self.hash };
        let begun = Begun {
            authcid,
            authzid,
            bare: first.bare.to_owned(),
            channel_binding: encode_base64(&[first.header_text.as_bytes(), binding_data].concat()),
            nonce: format!("{}{}", first.nonce, self.own_nonce.as_str()),
        };
        Ok((Step::Question(question), State::Credentials(begun)))
    }

    /// RFC 5802 section 6: whether the client may say what it says, and the data it has to know then.
    fn binding_data(&self, flag: Flag<'_>) -> Result<&[u8], Failure> {
        match (flag, self.is_bound) {
            (Flag::Used(kind), true) => {
                let binding = self.bindings.iter().find(|binding| binding.kind() == kind);
                binding.map(ChannelBinding::data).ok_or(Failure::ChannelBinding)
            }
            (Flag::NotOffered, false) if !self.bindings.is_empty() => Err(Failure::Downgrade),
            (Flag::Unsupported | Flag::NotOffered, false) => Ok(&[]),
            (Flag::Used(_), false) | (Flag::Unsupported | Flag::NotOffered, true) => {
                Err(Failure::ChannelBinding)
            }
        }
    }

    fn on_credentials(&self, begun: Begun, stored: Option<ScramCredentials>, decoy: &Decoy) -> (Step, State) {
        let is_known = stored.is_some();
        // Made for known users too, so that it takes as long for them.
        let decoy = decoy.credentials(self.hash, &begun.authcid);
        let credentials = stored.unwrap_or(decoy);
        let salt = encode_base64(credentials.salt());
        let text = format!("r={},s={salt},i={}", begun.nonce, credentials.iterations());
        let challenge = text.clone().into_bytes();
        (Step::Challenge(challenge), State::ClientFinal(begun, ServerFirst { text, credentials, is_known }))
    }

    fn on_client_final(
        &self,
        begun: Begun,
        first: &ServerFirst,
        message: &[u8],
    ) -> Result<(Step, State), Failure> {
        let last = ClientFinal::parse(message).ok_or(Failure::Malformed)?;
        if last.channel_binding != begun.channel_binding {
            return Err(Failure::ChannelBinding);
        }
        if last.nonce != begun.nonce {
            return Err(Failure::Malformed);
        }
        let auth_message: [&[u8]; 5] =
            [begun.bare.as_bytes(), b",", first.text.as_bytes(), b",", last.without_proof.as_bytes()];
        if !self.is_proof_right(first, &auth_message, &last.proof) {
            return Err(Failure::BadCredentials);
        }
        let signature = self.hash.hmac(first.credentials.server_key(), &auth_message);
        let server_final = format!("v={}", encode_base64(&signature)).into_bytes();
        Ok(match begun.authzid.clone() {
            None => {
                let identity = Identity::user_only(begun.authcid);
                (Step::Challenge(server_final), State::Acknowledgement(identity))
            }
            Some(authzid) => {
                let step = ask_authorization(&begun.authcid, &authzid);
                (step, State::Authorization { begun, authzid, server_final })
            }
        })
    }

    /// `H(ClientProof XOR ClientSignature) == StoredKey`, in the same time for users nobody knows.
    fn is_proof_right(&self, first: &ServerFirst, auth_message: &[&[u8]], proof: &[u8]) -> bool {
        let signature = self.hash.hmac(first.credentials.stored_key(), auth_message);
        let client_key = xor(proof, &signature);
        let is_stored_key = self.hash.hash(&client_key).ct_eq(first.credentials.stored_key());
        let is_whole = proof.len().ct_eq(&self.hash.length());
        bool::from(is_stored_key & is_whole & Choice::from(u8::from(first.is_known)))
    }
}

impl ServerMechanism for Scram {
    fn respond(&mut self, response: &[u8]) -> Step {
        let result = match std::mem::replace(&mut self.state, State::Over) {
            State::ClientFirst => self.on_client_first(response),
            State::ClientFinal(begun, first) => self.on_client_final(begun, &first, response),
            State::Acknowledgement(identity) if response.is_empty() => {
                Ok((Step::Success(identity), State::Over))
            }
            _ => Err(Failure::Malformed),
        };
        match result {
            Ok((step, state)) => {
                self.state = state;
                step
            }
            Err(failure) => Step::Failure(failure),
        }
    }

    fn answer(&mut self, answer: Answer<'_>) -> Option<Step> {
        let (step, state) = match (std::mem::replace(&mut self.state, State::Over), answer) {
            (State::Credentials(begun), Answer::Scram(stored))
                if stored.as_ref().is_none_or(|stored| stored.hash() == self.hash) =>
            {
                self.on_credentials(begun, stored, &self.decoy)
            }
            (State::Credentials(begun), Answer::ScramDecoy(decoy)) => {
                self.on_credentials(begun, None, &decoy)
            }
            (State::Authorization { begun, authzid, server_final }, Answer::Authorization(true)) => {
                let identity = Identity::User { user: authzid, authcid: begun.authcid };
                (Step::Challenge(server_final), State::Acknowledgement(identity))
            }
            (State::Authorization { .. }, Answer::Authorization(false)) => {
                (Step::Failure(Failure::NotAuthorized), State::Over)
            }
            (state, _) => {
                self.state = state;
                return None;
            }
        };
        self.state = state;
        Some(step)
    }
}

impl fmt::Debug for Scram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::ClientFirst => "ClientFirst",
            State::Credentials(_) => "Credentials",
            State::ClientFinal(..) => "ClientFinal",
            State::Authorization { .. } => "Authorization",
            State::Acknowledgement(_) => "Acknowledgement",
            State::Over => "Over",
        };
        f.debug_struct("Scram").field("hash", &self.hash).field("state", &state).finish_non_exhaustive()
    }
}
