//! `pop3-server serve`.

use std::{io::Write as _, net::SocketAddr};

use anyhow::{Context as _, bail};
use pop3_server::{Kind, Server, StartError};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use super::{
    arguments::Site,
    configuration::{Configuration, Review},
    demonstration::{self, Home},
    file_size, open_files,
    renewal::Renewal,
};

/// Threads for work on the disk. More would only wait for one another.
const BLOCKING_THREADS: usize = 128;

pub(super) fn run(site: &Site) -> anyhow::Result<()> {
    let configuration = Configuration::load(site)?;
    let home = match &site.config {
        Some(_) => None,
        None => {
            // A start that fails should leave nothing behind.
            try_to_listen(&configuration)?;
            Some(Home::prepare(&Configuration::data_directory(site))?)
        }
    };
    let Review { mut config, store, users, refused, broken, warnings } = configuration.review();
    for warning in warnings {
        warn!("{warning}");
    }
    for problem in broken {
        error!("{problem}");
    }
    let (Some(store), Some(users), []) = (store, users, refused.as_slice()) else {
        bail!(refused.join("; and "));
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .context("cannot start threads; is there a limit on processes or memory?")?;
    runtime.block_on(async {
        // From here on a signal no longer ends the process by itself.
        let mut stop = stop_signal()?;
        file_size::turn_limit_into_errors().context("cannot listen for signals")?;
        let mut hangup = signal(SignalKind::hangup()).context("cannot listen for signals")?;
        open_files::fit(&mut config);
        let renewal = Renewal::prepare(&mut config);
        let running = Server::bind(config, store, users).await?;
        let listening: Vec<_> = configuration.kinds().zip(running.addresses().iter().copied()).collect();
        announce(&configuration, home.as_ref(), &listening);
        loop {
            tokio::select! {
                // In the order in which they would be sent.
                biased;
                Some(()) = hangup.recv() => renewal.renew(site, &configuration),
                () = stop.wait() => break,
            }
        }
        info!("stopping: sessions that are sending or removing messages may finish");
        tokio::select! {
            () = running.shut_down() => info!("stopped"),
            () = stop.wait() => {
                warn!("stopped at once, by a second signal");
                // What a session in UPDATE has not removed is there at the next login.
                super::logging::finish();
                std::process::exit(1);
            }
        }
        Ok(())
    })
}

/// Whether the addresses of the command line can be had, and if not, which option chooses another.
fn try_to_listen(configuration: &Configuration) -> anyhow::Result<()> {
    // Held to the end of this: two options may name one address.
    let mut held = Vec::new();
    for listen in &configuration.listen {
        let (address, kind) = (listen.address, Kind::from(listen.kind));
        match demonstration::bind(address) {
            Ok(socket) => held.push(socket),
            Err(source) => {
                let error = StartError::Listen { address: Some(address), source };
                // It ends in the advice to choose another address.
                bail!("{error} with --listen-{}", kind.to_string().to_lowercase());
            }
        }
    }
    Ok(())
}

/// For the person who started the program; if nobody can read it, the server goes on all the same.
fn announce(configuration: &Configuration, home: Option<&Home>, listening: &[(Kind, SocketAddr)]) {
    let places: Vec<_> = listening.iter().map(|(kind, address)| format!("{address} ({kind})")).collect();
    if let Some(home) = home {
        let _ = home.explain(configuration, listening);
    }
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "Listening on {}.", places.join(" and ")).and_then(|()| out.flush());
}

struct StopSignal {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

fn stop_signal() -> anyhow::Result<StopSignal> {
    let listen = |kind| signal(kind).context("cannot listen for signals");
    Ok(StopSignal {
        terminate: listen(SignalKind::terminate())?,
        interrupt: listen(SignalKind::interrupt())?,
    })
}

impl StopSignal {
    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
