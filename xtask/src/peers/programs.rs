//! The mail programs that are installed for the tests: which are there, and how the missing ones come.

use std::env;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::process::{self, Echo};
use crate::workspace::Workspace;

/// A program of another project.
struct Peer {
    name: &'static str,
    /// One of these must be there; a bare name is looked for on PATH.
    programs: &'static [&'static str],
    /// Debian packages that bring it.
    packages: &'static [&'static str],
}

const PEERS: [Peer; 8] = [
    Peer { name: "curl", programs: &["curl"], packages: &["curl"] },
    Peer { name: "fetchmail", programs: &["fetchmail"], packages: &["fetchmail"] },
    Peer { name: "mpop", programs: &["mpop"], packages: &["mpop"] },
    Peer { name: "getmail6", programs: &["getmail"], packages: &["getmail6"] },
    Peer {
        name: "dovecot",
        programs: &["/usr/lib/dovecot/pop3", "/usr/libexec/dovecot/pop3"],
        packages: &["dovecot-core", "dovecot-pop3d"],
    },
    Peer { name: "postfix", programs: &["postfix"], packages: &["postfix"] },
    Peer { name: "openssl", programs: &["openssl"], packages: &["openssl"] },
    // No peer, but it stops a program between two system calls, and shows their order.
    Peer { name: "strace", programs: &["strace"], packages: &["strace"] },
];

/// Installing a service must not start it; Debian's maintainer scripts ask this file first.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs what is missing, where that is possible, and says what is there. False when something is not.
pub(super) fn install_missing(workspace: &Workspace) -> anyhow::Result<bool> {
    let missing: Vec<_> = PEERS.iter().filter(|peer| !peer.is_there()).collect();
    if !missing.is_empty() && can_install() {
        install(&missing, &workspace.scratch().join("logs"))?;
    }
    let mut is_complete = true;
    for peer in &PEERS {
        if peer.is_there() {
            println!("there: {}", peer.name);
        } else {
            is_complete = false;
            println!("left out: {} (Debian: {})", peer.name, peer.packages.join(" "));
        }
    }
    if !is_complete && !can_install() {
        println!("missing programs are installed by apt-get, which takes root on Debian");
    }
    Ok(is_complete)
}

/// PATH with the folders of system programs, where dovecot lives.
pub(crate) fn search_path() -> OsString {
    env::join_paths(search_folders()).unwrap_or_else(|_| env::var_os("PATH").unwrap_or_default())
}

fn search_folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let mut folders: Vec<_> = env::split_paths(&path).collect();
    for folder in system {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

impl Peer {
    fn is_there(&self) -> bool {
        self.programs.iter().any(|program| is_there(program))
    }
}

/// Whether a program is on the path, or at it.
pub(super) fn is_there(program: &str) -> bool {
    // Joining an absolute path gives that path.
    search_folders().iter().any(|folder| is_executable(&folder.join(program)))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o111 != 0)
}

/// Whether this runs as root on a system with apt.
pub(super) fn can_install() -> bool {
    is_root() && is_there("apt-get")
}

pub(super) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

fn install(missing: &[&Peer], logs: &Path) -> anyhow::Result<()> {
    let _no_services = NoServices::hold(Path::new(POLICY))?;
    apt(&["update"], &logs.join("apt-update.txt"))?;
    for peer in missing {
        println!("installing {}", peer.name);
        let mut arguments = vec!["install", "-y", "--no-install-recommends"];
        arguments.extend(peer.packages);
        apt(&arguments, &logs.join(format!("apt-{}.txt", peer.name)))?;
    }
    Ok(())
}

/// A failure is said and not fatal: what is missing afterwards is counted by the caller.
fn apt(arguments: &[&str], log: &Path) -> anyhow::Result<()> {
    let mut command = Command::new("apt-get");
    command.arg("-qq").args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    if !process::stream(&mut command, log, |_| Echo::Hide)?.success() {
        println!("apt-get {} failed, see {}", arguments.join(" "), log.display());
    }
    Ok(())
}

/// While this lives, packages do not start services when they are installed.
struct NoServices {
    /// The file, when it is ours to remove.
    ours: Option<PathBuf>,
}

impl NoServices {
    fn hold(policy: &Path) -> anyhow::Result<Self> {
        if policy.exists() {
            return Ok(Self { ours: None });
        }
        // 101 means: the action is not allowed.
        fs::write(policy, "#!/bin/sh\nexit 101\n")
            .with_context(|| format!("cannot write {}", policy.display()))?;
        let guard = Self { ours: Some(policy.to_path_buf()) };
        fs::set_permissions(policy, Permissions::from_mode(0o755))?;
        Ok(guard)
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Some(policy) = &self.ours
            && let Err(error) = fs::remove_file(policy)
        {
            let policy = policy.display();
            eprintln!("cannot remove {policy}: {error}; remove it by hand, or services will not start");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_name_and_by_path() {
        assert!(is_there("sh"));
        assert!(is_there("/bin/sh"));
        assert!(!is_there("no-such-program-anywhere"));
    }

    #[test]
    fn services_are_held_back_only_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let policy = folder.path().join("policy-rc.d");
        let guard = NoServices::hold(&policy).unwrap();
        assert!(is_executable(&policy));
        drop(guard);
        assert!(!policy.exists());

        fs::write(&policy, "somebody else's").unwrap();
        drop(NoServices::hold(&policy).unwrap());
        assert_eq!(fs::read_to_string(&policy).unwrap(), "somebody else's");
    }
}
