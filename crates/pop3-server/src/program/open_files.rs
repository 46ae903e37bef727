//! The limit on open files, and how many connections it is enough for.

use pop3_server::Config;
use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::{info, warn};

/// Files that a connection may have open at one time: its socket, the three of an open maildrop, a message
/// that is being sent, and a directory or a message that is looked for meanwhile.
const PER_CONNECTION: u64 = 6;
/// Files of the server itself: listeners, its log, what the runtime needs, the users file.
const OWN: u64 = 32;

/// Where nobody asked for a number, fewer than the default are nothing to worry about from here on.
const PLENTY: usize = 1000;

/// Raises the soft limit as far as the system lets it, and serves no more connections than there are files
/// for: without any left, sessions could not open the messages that they are asked for.
pub(super) fn fit(config: &mut Config) {
    let wanted = config.limits.connections;
    let Some(files) = raise() else { return };
    let enough_for = connections(files);
    if enough_for >= wanted {
        return;
    }
    let per_address = &mut config.limits.connections_per_address;
    *per_address = share(*per_address, wanted, enough_for);
    config.limits.connections = enough_for;
    if wanted == Config::default().limits.connections && enough_for >= PLENTY {
        info!(files, "serving at most {enough_for} connections at one time, for which there are files");
    } else {
        warn!(
            "limits.connections is {wanted}, but this process may open only {files} files, which is enough \
             for {enough_for} connections, and it serves no more; let it open {} (LimitNOFILE= in a unit of \
             systemd, `ulimit -n` in a shell), or set limits.connections to {enough_for}",
            files_for(wanted)
        );
    }
}

/// The soft limits of most systems are for desktops. Gives the limit that holds now, if there is one.
fn raise() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    if before == limit.maximum {
        return before;
    }
    limit.current = limit.maximum;
    let raised = setrlimit(Resource::Nofile, limit);
    let now = getrlimit(Resource::Nofile).current;
    match raised {
        Ok(()) => info!(before, now, "the limit on open files is raised"),
        Err(error) => warn!(%error, now, "cannot raise the limit on open files"),
    }
    now
}

fn connections(files: u64) -> usize {
    let connections = files.saturating_sub(OWN) / PER_CONNECTION;
    usize::try_from(connections).unwrap_or(usize::MAX).max(1)
}

/// What one address may have of fewer connections than were wanted: a quarter, but two at least, as a person has more
/// than one program. An address that may have all may still have all.
fn share(per_address: usize, wanted: usize, enough_for: usize) -> usize {
    match per_address < wanted {
        true => per_address.min((enough_for / 4).max(2)).min(enough_for),
        false => enough_for,
    }
}

fn files_for(connections: usize) -> u64 {
    let connections = u64::try_from(connections).unwrap_or(u64::MAX);
    connections.saturating_mul(PER_CONNECTION).saturating_add(OWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Conformance: A-94
    #[test]
    fn one_address_gets_a_share_of_them() {
        for (per_address, enough_for, expected) in
            [(100, 5, 2), (100, 1, 1), (100, 165, 41), (100, 1000, 100), (1, 5, 1), (10_000, 165, 165)]
        {
            assert_eq!(share(per_address, 10_000, enough_for), expected, "{per_address} of {enough_for}");
        }
    }

    // Conformance: A-54
    #[test]
    fn files_are_enough_for_so_many_connections() {
        for wanted in [1, 2, 100, 10_000] {
            assert_eq!(connections(files_for(wanted)), wanted);
            assert!(connections(files_for(wanted) - 1) < wanted || wanted == 1);
        }
        assert_eq!(connections(0), 1, "a server that lets nobody in is none");
        assert!(connections(u64::MAX) > 10_000);
    }
}
