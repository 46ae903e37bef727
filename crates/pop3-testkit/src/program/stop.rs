//! When to end: at a signal, when the standard input closes, or when all is done.

use std::{
    io::{self, Read as _},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// The end, to be waited for.
#[derive(Debug)]
pub(super) struct Stop {
    sender: Sender<()>,
    receiver: Receiver<()>,
}

impl Stop {
    /// From here on SIGTERM and SIGINT do not kill the process, but are what is waited for.
    ///
    /// # Errors
    ///
    /// A sentence, where the system gives no signals.
    pub(super) fn new(until_stdin_closes: bool) -> anyhow::Result<Self> {
        let (sender, receiver) = channel();
        watch_signals(sender.clone()).context("cannot listen for signals")?;
        if until_stdin_closes {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while io::stdin().read(&mut buffer).is_ok_and(|count| count > 0) {}
                // Whoever waited may be gone already.
                let _ = sender.send(());
            });
        }
        Ok(Self { sender, receiver })
    }

    /// Ends it from elsewhere.
    pub(super) fn sender(&self) -> Sender<()> {
        self.sender.clone()
    }

    /// Waits for the end.
    pub(super) fn wait(&self) {
        // It has a sender of its own, so this does not fail.
        let _ = self.receiver.recv();
    }
}

fn watch_signals(sender: Sender<()>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut terminate, mut interrupt) = {
        let _inside = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
        let _ = sender.send(());
    });
    Ok(())
}
