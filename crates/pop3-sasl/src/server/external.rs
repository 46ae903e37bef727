//! EXTERNAL (RFC 4422 appendix A): TLS has authenticated the client already.

use super::ServerMechanism;
use super::options::ServerOptions;
use super::plain::{ask_authorization, authorized, prepared};
use super::types::{Answer, Failure, Identity, Step};

#[derive(Debug)]
pub(super) struct External {
    certificate_user: Option<Box<str>>,
    is_authzid_allowed: bool,
    authzid: Option<Box<str>>,
}

impl External {
    pub(super) fn new(options: &ServerOptions) -> Self {
        Self {
            certificate_user: options.certificate_user.clone().filter(|user| !user.is_empty()),
            is_authzid_allowed: options.is_authzid_allowed,
            authzid: None,
        }
    }

    fn on_authzid(&mut self, authzid: &[u8]) -> Result<Step, Failure> {
        let user = self.certificate_user.as_ref().ok_or(Failure::BadCredentials)?;
        if authzid.is_empty() {
            return Ok(Step::Success(Identity::user_only(user.clone())));
        }
        let authzid = prepared(authzid)?;
        if authzid == *user {
            return Ok(Step::Success(Identity::user_only(authzid)));
        }
        if !self.is_authzid_allowed {
            return Err(Failure::NotAuthorized);
        }
        let step = ask_authorization(user, &authzid);
        self.authzid = Some(authzid);
        Ok(step)
    }
}

impl ServerMechanism for External {
    fn respond(&mut self, response: &[u8]) -> Step {
        self.on_authzid(response).unwrap_or_else(Step::Failure)
    }

    fn answer(&mut self, answer: Answer<'_>) -> Option<Step> {
        match (answer, &self.certificate_user, &self.authzid) {
            (Answer::Authorization(is_allowed), Some(user), Some(authzid)) => {
                Some(authorized(is_allowed, user, authzid))
            }
            _ => None,
        }
    }
}
