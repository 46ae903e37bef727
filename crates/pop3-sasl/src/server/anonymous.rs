//! ANONYMOUS (RFC 4505). Setting this machine up is the permission: a server has to be told to offer it.

use super::ServerMechanism;
use super::types::{Failure, Identity, Step, Trace};

#[derive(Debug)]
pub(super) struct Anonymous;

impl ServerMechanism for Anonymous {
    fn respond(&mut self, response: &[u8]) -> Step {
        match Trace::parse(response) {
            Some(trace) => Step::Success(Identity::Anonymous { trace }),
            None => Step::Failure(Failure::Malformed),
        }
    }
}
