//! Whose password is checked next, and whose TLS handshake.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{sync::oneshot, time::timeout};

use crate::{
    admission::{network, wide_network},
    penalties::{Penalties, Suspicion},
};

/// Logins of one address that may wait at one time, once it has given a wrong password.
const FEW: usize = 16;

/// Turns for what costs a core each time: password checks, some hundredths of a second; TLS handshakes, some thousandths.
///
/// Logins without a recent failure of their address and of their name go first; then networks take turns,
/// so that a thousand connections of one attacker wait no shorter than a single one.
#[derive(Debug)]
pub(crate) struct Turns {
    wait: Duration,
    penalties: Arc<Penalties>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// By [`Suspicion`], the lowest first.
    queues: [Queue; Suspicion::LEVELS],
    /// How many logins of an address wait.
    waiting: HashMap<IpAddr, usize>,
}

/// Networks take turns; within a network the first comes first.
#[derive(Debug, Default)]
struct Queue {
    order: VecDeque<IpAddr>,
    of_network: HashMap<IpAddr, VecDeque<Waiter>>,
}

#[derive(Debug)]
struct Waiter {
    login: Waiting,
    turn: oneshot::Sender<Turn>,
}

/// What decides when a login has its turn.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) address: IpAddr,
    /// The user name, where it is known yet.
    pub(crate) name: Option<Box<str>>,
    /// Whether the client has ended its side of the connection.
    pub(crate) is_half_closed: bool,
}

/// The server cannot check this login in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Busy {
    /// Too many logins of this address wait.
    Address,
    /// Its turn did not come.
    Server,
}

impl Busy {
    /// For the log.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Address => "too many logins from this address wait for the check of their password",
            Self::Server => "too many logins wait for the check of their password",
        }
    }
}

impl Turns {
    /// `count` checks run at one time. A login waits `wait` at most.
    pub(crate) fn new(count: usize, wait: Duration, penalties: Arc<Penalties>) -> Arc<Self> {
        let state = State { free: count.max(1), queues: Default::default(), waiting: HashMap::new() };
        Arc::new(Self { wait, penalties, state: Mutex::new(state) })
    }

    /// Waits for a turn. It ends when the returned value is dropped.
    ///
    /// # Errors
    ///
    /// [`Busy`] when too many wait.
    pub(crate) async fn take(self: &Arc<Self>, login: Waiting) -> Result<Turn, Busy> {
        match self.line_up(login)? {
            Place::Free(turn) => Ok(turn),
            Place::InLine(turn, _counted) => match timeout(self.wait, turn).await {
                Ok(Ok(turn)) => Ok(turn),
                _ => Err(Busy::Server),
            },
        }
    }

    fn line_up(self: &Arc<Self>, login: Waiting) -> Result<Place, Busy> {
        let address = network(login.address);
        let suspicion = self.suspicion(&login);
        let mut state = self.state();
        if state.free > 0 {
            state.free -= 1;
            return Ok(Place::Free(Turn(Some(Arc::clone(self)))));
        }
        let waiting = state.waiting.entry(address).or_default();
        if suspicion != Suspicion::None && *waiting >= FEW {
            return Err(Busy::Address);
        }
        *waiting += 1;
        let (turn, receiver) = oneshot::channel();
        state.queues[suspicion as usize].push(Waiter { login, turn });
        drop(state);
        Ok(Place::InLine(receiver, InLine { turns: Arc::clone(self), address }))
    }

    fn suspicion(&self, login: &Waiting) -> Suspicion {
        let failed = self.penalties.suspicion(login.address, login.name.as_deref(), Instant::now());
        if login.is_half_closed { failed.more() } else { failed }
    }

    /// Gives a turn to the next that still waits.
    fn pass_on(self: &Arc<Self>, mut turn: Turn) {
        while let Some(next) = self.next() {
            match next.turn.send(turn) {
                Ok(()) => return,
                // It has given up in this moment.
                Err(returned) => turn = returned,
            }
        }
        turn.0 = None;
    }

    /// The next that waits. When nobody waits, a turn becomes free.
    fn next(&self) -> Option<Waiter> {
        let mut state = self.state();
        for level in 0..Suspicion::LEVELS {
            while let Some(waiter) = state.queues[level].pop() {
                if waiter.turn.is_closed() {
                    continue;
                }
                // Others of its address may have failed while it waited.
                let suspicion = self.suspicion(&waiter.login) as usize;
                if suspicion > level {
                    state.queues[suspicion].push(waiter);
                } else {
                    return Some(waiter);
                }
            }
        }
        state.free += 1;
        None
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is a single step, so a panic elsewhere leaves nothing half-done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, waiter: Waiter) {
        let network = wide_network(waiter.login.address);
        let line = self.of_network.entry(network).or_default();
        if line.is_empty() {
            self.order.push_back(network);
        }
        line.push_back(waiter);
    }

    fn pop(&mut self) -> Option<Waiter> {
        let network = self.order.pop_front()?;
        let line = self.of_network.get_mut(&network)?;
        let waiter = line.pop_front();
        if line.is_empty() {
            self.of_network.remove(&network);
        } else {
            self.order.push_back(network);
        }
        waiter
    }
}

/// The right to check one password. The next has it when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Option<Arc<Turns>>);

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on(Turn(Some(Arc::clone(&turns))));
        }
    }
}

enum Place {
    Free(Turn),
    InLine(oneshot::Receiver<Turn>, InLine),
}

/// Counts one that waits.
struct InLine {
    turns: Arc<Turns>,
    address: IpAddr,
}

impl Drop for InLine {
    fn drop(&mut self) {
        crate::admission::release(&mut self.turns.state().waiting, &self.address);
    }
}

#[cfg(test)]
mod tests;
