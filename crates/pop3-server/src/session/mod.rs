//! One connection, from its first octet to its end.

mod ahead;
mod log;
mod login;
mod peer;

use std::{
    io,
    net::SocketAddr,
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use pop3_io::tokio::{Body, Driver, Limits, Stream};
use pop3_proto::{
    machine::Machine,
    server::{
        CloseReason, Deletions, Event, Extent, Login, Rejection, Retrieved, Server as Protocol, UpdateOutcome,
    },
    types::{MessageNumber, ResponseCode, Secret},
};
use pop3_store::{OpenMaildrop, Store, UpdateError};
use tokio::{
    net::TcpStream,
    task::spawn_blocking,
    time::{sleep, timeout, timeout_at},
};
use tracing::{debug, error, info};

use crate::{
    Authenticator, Kind, Shared,
    admission::Admission,
    timestamp::timestamp,
    turns::{Busy, Turn, Waiting},
};
use ahead::Ahead;
use login::{Claim, Exchange, Judged, Opened, PasswordCheck, Refusal, Response, Verdict};

/// Octets that are read at once: commands are short, and there are many sessions.
const READ_BUFFER: usize = 1024;
/// What a client that is sent away may still send before the connection is cut: as long as it is being
/// read, the last answer reaches it.
const LINGER_OCTETS: usize = 1 << 20;
/// And for how long.
const LINGER: Duration = Duration::from_secs(2);
/// The protocol's timer of AUTHORIZATION ends a session first, where that is not held up by a write.
const AFTER_TIMER: Duration = Duration::from_millis(500);
/// How long the end of a connection may take that nobody has logged in on, [`LINGER`] included.
const LAST_WORDS: Duration = Duration::from_secs(4);

type Error = pop3_io::Error<<Protocol as Machine>::Error>;
type Transport = Box<Driver<Protocol, Stream>>;

/// One connection.
pub(crate) struct Session<S: Store, A> {
    shared: Arc<Shared<S, A>>,
    id: u64,
    peer: SocketAddr,
    opened: Option<Opened<S::Maildrop>>,
    /// Who has logged in, for the log.
    user: Option<Box<str>>,
    exchange: Option<Exchange>,
    ahead: Ahead,
    retrieved: u32,
    /// Files of the maildrop that were not listed, and messages that were listed and could not be read.
    skipped: u32,
    unreadable: u32,
    is_told_to_stop: bool,
    /// When the connection is cut, whatever it does, unless somebody has logged in.
    authorization_ends: Option<Instant>,
    admission: Admission,
}

/// How a conversation ended.
enum End {
    Closed(CloseReason),
    Quit { driver: Transport, deletions: Deletions, retrieved: Retrieved },
}

impl<S: Store, A: Authenticator> Session<S, A> {
    pub(crate) fn new(shared: Arc<Shared<S, A>>, id: u64, peer: SocketAddr, admission: Admission) -> Self {
        Self {
            shared,
            id,
            peer,
            opened: None,
            user: None,
            exchange: None,
            ahead: Ahead::default(),
            retrieved: 0,
            skipped: 0,
            unreadable: 0,
            is_told_to_stop: false,
            admission,
            authorization_ends: None,
        }
    }

    /// Runs the session to its end.
    pub(crate) async fn run(mut self, socket: TcpStream, kind: Kind) {
        let shared = Arc::clone(&self.shared);
        let gives_way = self.admission.gives_way();
        let conversation = gives_way.run_until_cancelled(self.converse(socket, kind));
        let end = match shared.abort.run_until_cancelled(conversation).await {
            Some(Some(end)) => end,
            // Without a word: what came now could pass for the answer to the next command.
            Some(None) => {
                if self.may_log() {
                    let reason = self.admission.gave_way_to();
                    info!(session = self.id, peer = %self.peer, "gave way before login: {reason}");
                }
                return self.release().await;
            }
            None => Ok(End::Closed(CloseReason::ShuttingDown)),
        };
        // UPDATE is behind the point where a session can be cut off: what QUIT asked for is done.
        let end = match end {
            Ok(End::Quit { driver, deletions, retrieved }) => {
                Box::pin(self.update(driver, deletions, retrieved)).await
            }
            Ok(End::Closed(reason)) => Ok(reason),
            Err(error) => Err(error),
        };
        self.log_end(end);
        self.release().await;
    }

    async fn converse(&mut self, socket: TcpStream, kind: Kind) -> Result<End, Error> {
        let mut driver = Box::pin(self.begin(socket, kind)).await?;
        loop {
            let event = self.next_event(&mut driver).await?;
            if matches!(event, Event::Login(_) | Event::SaslResponse(_)) {
                driver.wipe_used();
            }
            match event {
                Event::Login(login) => Box::pin(self.on_login(&mut driver, login)).await,
                Event::SaslResponse(response) => {
                    Box::pin(self.on_sasl_response(&mut driver, response)).await;
                }
                Event::SaslCancelled => self.exchange = None,
                Event::Retrieve { number, extent } => self.on_retrieve(&mut driver, number, extent).await?,
                Event::StartTls => driver = Box::pin(self.start_tls(driver)).await?,
                Event::Update { deletions, retrieved } => {
                    return Ok(End::Quit { driver, deletions, retrieved });
                }
                Event::Close(reason) => {
                    let is_logged_in = self.opened.is_some();
                    self.release().await;
                    let close = Box::pin(close(driver, reason));
                    if is_logged_in {
                        close.await?;
                    } else {
                        // Last words are worth less than the place of somebody who takes none.
                        timeout(LAST_WORDS, close).await.map_err(|_| stood_still())??;
                    }
                    return Ok(End::Closed(reason));
                }
                event => {
                    error!(
                        session = self.id,
                        ?event,
                        "the protocol asks something this server does not know"
                    );
                    return Ok(End::Closed(CloseReason::ShuttingDown));
                }
            }
        }
    }

    /// The transport with the greeting waiting to be sent.
    async fn begin(&mut self, socket: TcpStream, kind: Kind) -> Result<Transport, Error> {
        let is_tls = kind == Kind::Tls;
        let mut stream = Stream::Plain(socket);
        if is_tls {
            stream = self.handshake(stream).await.map_err(Error::Tls)?;
        }
        let shared = &self.shared;
        let host = shared.config.apop_host.as_deref();
        let apop_timestamp = host.map(timestamp).transpose().map_err(io::Error::other)?;
        let machine = shared
            .offers
            .machine(&shared.config, kind, apop_timestamp, &shared.authenticator)
            .map_err(io::Error::other)?;
        let limits = Limits { write: shared.config.limits.write_stall, read: None };
        debug!(session = self.id, peer = %self.peer, %kind, "connected");
        let total = shared.config.policy.authorization_total.saturating_add(AFTER_TIMER);
        self.authorization_ends = Instant::now().checked_add(total);
        Ok(Box::new(Driver::new(machine, stream, READ_BUFFER, limits)))
    }

    /// The next question of the protocol. Before login there is an end to it, also for a client that takes
    /// nothing of what it is sent; the protocol's own timer says so first where it can.
    async fn next_event(&mut self, driver: &mut Transport) -> Result<Event<'static>, Error> {
        match self.authorization_ends.filter(|_| self.opened.is_none()) {
            Some(end) => timeout_at(end.into(), self.wait_for_event(driver))
                .await
                .unwrap_or_else(|_| Err(stood_still().into())),
            None => self.wait_for_event(driver).await,
        }
    }

    /// While it waits, the server may be told to stop.
    async fn wait_for_event(&mut self, driver: &mut Transport) -> Result<Event<'static>, Error> {
        if !self.is_told_to_stop {
            let shared = Arc::clone(&self.shared);
            let event = driver.run(|_, event| ControlFlow::Break(event.into_owned()));
            match shared.stop.run_until_cancelled(event).await {
                Some(event) => return event,
                None => self.stop(driver),
            }
        }
        driver.run(|_, event| ControlFlow::Break(event.into_owned())).await
    }

    fn stop(&mut self, driver: &mut Transport) {
        self.is_told_to_stop = true;
        driver.machine.shut_down();
    }

    async fn start_tls(&mut self, driver: Transport) -> Result<Transport, Error> {
        // Before the handshake goes out what was said until now, and the client may not take it.
        let upgrade = driver.upgrade(|stream| self.handshake(stream));
        let upgraded = match self.authorization_ends {
            Some(end) => timeout_at(end.into(), upgrade).await.map_err(|_| stood_still())?,
            None => upgrade.await,
        };
        let mut driver = upgraded?;
        // The machine asked for it, so this is its turn.
        let _ = driver.machine.handle_tls_established();
        Ok(Box::new(driver))
    }

    async fn handshake(&self, stream: Stream) -> io::Result<Stream> {
        let config =
            self.shared.config.tls.clone().ok_or_else(|| io::Error::other("there is no certificate"))?;
        let socket = stream.into_plain().ok_or_else(|| io::Error::other("TLS is there already"))?;
        let limit = self.shared.config.limits.tls_handshake;
        let waiting = Waiting { address: self.peer.ip(), name: None, is_half_closed: false };
        let turn = || async {
            let turn = self.shared.handshakes.take(waiting.clone()).await;
            turn.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "too many handshakes wait"))
        };
        let stream = timeout(limit, Stream::accept_tls(socket, config, turn))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long"))??;
        if let Some((version, cipher)) = stream.tls_parameters() {
            debug!(session = self.id, peer = %self.peer, ?version, ?cipher, "TLS established");
        }
        Ok(stream)
    }

    // ---- AUTHORIZATION ----

    async fn on_login(&mut self, driver: &mut Transport, login: Login<'static>) {
        let verdict = match Claim::new(login, &self.shared) {
            Ok(claim) => self.judge(driver, claim).await,
            Err(refusal) => Verdict::Rejected(refusal),
        };
        self.settle(driver, verdict).await;
    }

    async fn on_sasl_response(
        &mut self,
        driver: &mut Transport,
        response: Secret<std::borrow::Cow<'static, [u8]>>,
    ) {
        let verdict = match self.exchange.take() {
            Some(exchange) => {
                let response = Response::Further(pop3_sasl::Secret::from(&**response.expose()));
                self.judge(driver, Claim::Sasl { exchange, response }).await
            }
            None => Verdict::Rejected(Refusal::new(Rejection::Temporary, "there is no exchange")),
        };
        self.settle(driver, verdict).await;
    }

    /// Judges, and keeps the place meanwhile: a client that is about to be let in does not have to give way.
    async fn judge(&self, driver: &Transport, claim: Claim) -> Verdict<S::Maildrop> {
        let mut judged = self.judge_where_blocking_is_allowed(claim, None).await;
        let verdict = loop {
            judged = match judged {
                Judged::Decided(verdict) => break verdict,
                Judged::NeedsTurn(check) => match self.wait_for_turn(driver, &check).await {
                    Ok(turn) => self.judge_where_blocking_is_allowed(Claim::Check(check), Some(turn)).await,
                    Err(reason) => break rejected(reason, Some(&check.user)),
                },
            };
        };
        // Only a right login, and a password while it is checked, keeps its place: an exchange costs nothing to begin.
        match verdict {
            Verdict::Accepted(_) => self.admission.keep(),
            _ => self.admission.keep_no_longer(),
        }
        verdict
    }

    async fn judge_where_blocking_is_allowed(&self, claim: Claim, turn: Option<Turn>) -> Judged<S::Maildrop> {
        let shared = Arc::clone(&self.shared);
        let judged = spawn_blocking(move || login::judge(&shared, claim, turn)).await;
        judged.unwrap_or_else(|_| Judged::Decided(rejected("the check failed", None)))
    }

    /// A turn to check a password, unless the client has gone away meanwhile: then it would be wasted.
    async fn wait_for_turn(&self, driver: &Transport, check: &PasswordCheck) -> Result<Turn, &'static str> {
        let socket = driver.stream().transport();
        let address = self.peer.ip();
        let name = Some(check.user.clone());
        let waiting = Waiting { address, name, is_half_closed: peer::is_half_closed(socket) };
        // A login that waits is not looked at yet, and its connection may have to give way.
        self.admission.keep_no_longer();
        let turn = self.shared.turns.take(waiting).await;
        self.admission.keep();
        let turn = turn.map_err(Busy::reason)?;
        if peer::is_gone(socket) {
            Err("the client went away before its password was checked")
        } else {
            Ok(turn)
        }
    }

    async fn settle(&mut self, driver: &mut Transport, verdict: Verdict<S::Maildrop>) {
        // Whether to let anybody in is decided by the machine, which has to know.
        if self.shared.stop.is_cancelled() {
            self.stop(driver);
        }
        // Each answer below is one to the question that is open.
        let _ = match verdict {
            Verdict::Accepted(opened) => {
                self.log_login(driver, &opened);
                self.user = Some(opened.user.clone());
                self.skipped = opened.skipped_files();
                let maildrop = opened.maildrop.maildrop();
                if !self.is_told_to_stop {
                    self.opened = Some(opened);
                }
                driver.machine.accept(maildrop)
            }
            Verdict::Challenge { exchange, octets } => {
                self.exchange = Some(exchange);
                driver.machine.challenge(&octets)
            }
            Verdict::Rejected(refusal) => {
                self.delay(&refusal).await;
                driver.machine.reject(refusal.rejection)
            }
        };
    }

    /// Logs a refusal, and lets the answer to wrong credentials wait.
    async fn delay(&self, refusal: &Refusal) {
        let Refusal { rejection, name, tried, .. } = refusal;
        self.log_refusal(refusal);
        if *rejection != Rejection::BadCredentials {
            return;
        }
        let (address, now) = (self.peer.ip(), Instant::now());
        let delay = self.shared.penalties.fail(address, name.as_deref(), *tried, now);
        if !delay.is_zero() {
            self.shared.stop.run_until_cancelled(sleep(delay)).await;
        }
    }

    // ---- TRANSACTION ----

    async fn on_retrieve(
        &mut self,
        driver: &mut Transport,
        number: MessageNumber,
        extent: Extent,
    ) -> Result<(), Error> {
        let Some(opened) = &self.opened else {
            let _ = driver.machine.refuse_message(Some(ResponseCode::SysTemp));
            return Ok(());
        };
        let body = match self.ahead.take(number) {
            Some(message) => Ok(Body::whole(message)),
            None => {
                let maildrop = Arc::clone(&opened.maildrop);
                let reads_ahead = self.ahead.is_next(number);
                let read = spawn_blocking(move || ahead::read(&*maildrop, number, reads_ahead)).await;
                read.unwrap_or_else(|_| Err("reading it failed".into())).map(|(body, ahead)| {
                    self.ahead.keep(ahead);
                    body
                })
            }
        };
        match body {
            Ok(body) => {
                if extent == Extent::Whole {
                    self.retrieved = self.retrieved.saturating_add(1);
                }
                driver.send_message(body).await
            }
            Err(reason) => {
                self.log_unreadable(number, &reason);
                let _ = driver.machine.refuse_message(Some(ResponseCode::SysTemp));
                Ok(())
            }
        }
    }

    // ---- UPDATE ----

    async fn update(
        &mut self,
        mut driver: Transport,
        deletions: Deletions,
        retrieved: Retrieved,
    ) -> Result<CloseReason, Error> {
        let marked = deletions.numbers().len();
        let outcome = match self.opened.take() {
            Some(opened) => self.update_store(opened, deletions, retrieved).await,
            None => Err("the maildrop is not open".into()),
        };
        let outcome = match outcome {
            Ok(()) => {
                if self.may_log() {
                    info!(
                        session = self.id, peer = %self.peer, user = self.user.as_deref(),
                        retrieved = self.retrieved, removed = marked, skipped = self.skipped,
                        unreadable = self.unreadable, "logged out"
                    );
                }
                UpdateOutcome::Removed
            }
            Err(reason) => {
                if self.may_log() {
                    error!(
                        session = self.id, peer = %self.peer, user = self.user.as_deref(), marked, reason,
                        retrieved = self.retrieved, skipped = self.skipped, unreadable = self.unreadable,
                        "not everything was removed"
                    );
                }
                UpdateOutcome::SomeNotRemoved
            }
        };
        let _ = driver.machine.finish_update(outcome);
        close(driver, CloseReason::Quit).await?;
        Ok(CloseReason::Quit)
    }

    async fn update_store(
        &self,
        opened: Opened<S::Maildrop>,
        deletions: Deletions,
        retrieved: Retrieved,
    ) -> Result<(), String> {
        let Opened { maildrop, admission, .. } = opened;
        let update = self.shared.tracker.spawn_blocking(move || {
            // Reads are over: nobody else holds it.
            let maildrop = Arc::into_inner(maildrop).ok_or("a message is still being read")?;
            let updated = maildrop.update(&deletions, &retrieved);
            drop(admission);
            updated.map_err(|error: UpdateError| error.to_string())
        });
        update.await.unwrap_or_else(|_| Err("the update failed".into()))
    }

    // ---- the end ----

    /// Gives the maildrop back without removing anything. RFC 1939 section 6.
    async fn release(&mut self) {
        self.exchange = None;
        self.ahead = Ahead::default();
        if let Some(opened) = self.opened.take() {
            // A store may have something to write down.
            let _ = self.shared.tracker.spawn_blocking(move || drop(opened)).await;
        }
    }
}

fn rejected<M>(reason: &str, user: Option<&str>) -> Verdict<M> {
    let refusal = Refusal::new(Rejection::Temporary, reason);
    Verdict::Rejected(match user {
        Some(user) => refusal.of(user),
        None => refusal,
    })
}

fn stood_still() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the time before login is over, and the client takes nothing")
}

/// Says the last words and closes.
async fn close(mut driver: Transport, reason: CloseReason) -> Result<(), Error> {
    driver.close().await?;
    let lingers = match reason {
        CloseReason::TooManyErrors | CloseReason::FailedLogins => true,
        // Commands that came meanwhile, and that nobody will read: at a close now the system would reset the connection.
        CloseReason::ShuttingDown | CloseReason::Autologout => peer::has_input(driver.stream().transport()),
        _ => false,
    };
    if lingers {
        driver.discard_input(LINGER_OCTETS, LINGER).await;
    }
    Ok(())
}
