//! What is written into the log about a session: who, from where, how it went; never a secret. Names and reasons are
//! strings, which the text form quotes and escapes: they cannot pass for other fields.

use std::{io, time::Instant};

use pop3_proto::{
    server::{CloseReason, Rejection},
    types::MessageNumber,
};
use pop3_store::Store;
use tracing::{debug, info, warn};

use super::{
    Error, Session, Transport,
    login::{Opened, Refusal},
};
use crate::{Authenticator, log_limiter::About};

impl<S: Store, A: Authenticator> Session<S, A> {
    pub(super) fn log_refusal(&self, refusal: &Refusal) {
        if !self.shared.log.admits(About::Refusal(self.peer.ip()), Instant::now()) {
            return;
        }
        let user = refusal.name.as_deref().unwrap_or_default();
        let (session, peer, reason) = (self.id, self.peer, &*refusal.reason);
        match refusal.rejection {
            Rejection::BadCredentials
            | Rejection::InUse
            | Rejection::LoginDelay
            | Rejection::UnsupportedMechanism => {
                info!(session, %peer, user, reason, "login refused");
            }
            _ => warn!(session, %peer, user, reason, "login not possible"),
        }
    }

    /// Whether one more line about this session may be written.
    pub(super) fn may_log(&self) -> bool {
        let about = self.user.as_deref().map_or(About::Connection, About::User);
        self.shared.log.admits(about, Instant::now())
    }

    pub(super) fn log_login(&self, driver: &Transport, opened: &Opened<S::Maildrop>) {
        if !self.shared.log.admits(About::User(&opened.user), Instant::now()) {
            return;
        }
        let (session, peer, user) = (self.id, self.peer, &*opened.user);
        let messages = opened.messages();
        match driver.stream().tls_parameters() {
            Some((version, cipher)) => {
                info!(session, %peer, user, messages, ?version, ?cipher, "logged in");
            }
            None => info!(session, %peer, user, messages, "logged in without TLS"),
        }
        self.log_skipped(opened);
    }

    /// The owner of the mail sees nothing of it, so the operator has to. One line, however many they are.
    fn log_skipped(&self, opened: &Opened<S::Maildrop>) {
        let skipped = opened.skipped_files();
        if skipped == 0 {
            return;
        }
        let (session, peer, user) = (self.id, self.peer, &*opened.user);
        let reasons: Vec<_> = opened.skipped.iter().map(ToString::to_string).collect();
        let reason = reasons.join("; ");
        warn!(session, %peer, user, skipped, reason, "files in the maildrop are not listed");
    }

    /// One line for the first message of a session; the end of the session counts them.
    pub(super) fn log_unreadable(&mut self, number: MessageNumber, reason: &str) {
        self.unreadable = self.unreadable.saturating_add(1);
        let (session, peer) = (self.id, self.peer);
        let user = self.user.as_deref();
        if self.unreadable == 1 && self.may_log() {
            warn!(session, %peer, user, %number, reason, "a message cannot be read");
        } else {
            debug!(session, %peer, user, %number, reason, "another message cannot be read");
        }
    }

    pub(super) fn log_end(&self, end: Result<CloseReason, Error>) {
        let (session, peer, retrieved) = (self.id, self.peer, self.retrieved);
        let (skipped, unreadable) = (self.skipped, self.unreadable);
        let user = self.user.as_deref();
        match end {
            Ok(CloseReason::Quit) => debug!(session, %peer, user, "ended with QUIT"),
            Ok(reason) if self.may_log() => {
                let reason = in_words(reason);
                info!(session, %peer, user, retrieved, removed = 0, reason, skipped, unreadable, "ended without QUIT");
            }
            Err(Error::Peer(error)) if self.may_log() => {
                warn!(session, %peer, user, %error, "the client broke the protocol");
            }
            Ok(_) | Err(Error::Peer(_)) => {}
            Err(error) if self.user.is_some() && self.may_log() => {
                let reason = match &error {
                    // Most clients that go away do not say goodbye in TLS either.
                    Error::Io(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
                        in_words(CloseReason::Eof).into()
                    }
                    error => error.to_string(),
                };
                info!(session, %peer, user, retrieved, removed = 0, reason, skipped, unreadable, "ended without QUIT");
            }
            // A certificate that clients refuse shows here and nowhere else.
            Err(Error::Tls(error)) if error.kind() != io::ErrorKind::UnexpectedEof && self.may_log() => {
                let reason = &*error.to_string();
                info!(session, %peer, reason, "no TLS");
            }
            Err(error) => debug!(session, %peer, %error, "ended"),
        }
    }
}

/// Why a session ended, as it stands in the log.
const fn in_words(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Autologout => "nothing came for too long",
        CloseReason::BodyFailed => "a message could not be read to its end",
        CloseReason::Eof => "the client closed the connection",
        CloseReason::FailedLogins => "too many failed logins",
        CloseReason::Quit => "QUIT",
        CloseReason::ShuttingDown => "the server stops",
        CloseReason::TooManyErrors => "too many wrong commands",
        _ => "another reason",
    }
}
