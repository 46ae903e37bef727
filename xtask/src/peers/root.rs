//! A root directory of its own for one server: its packages unpacked, users, devices, and nothing else.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::apt::{self, Apt};
use crate::process;

/// The user whose maildrop the conformance run uses.
pub(crate) const USER: &str = "alice";
pub(crate) const PASSWORD: &str = "wonderland";
/// Somebody else.
pub(crate) const OTHER_USER: &str = "bob";
pub(crate) const OTHER_PASSWORD: &str = "can-we-fix-it";

/// Name, user ID and group ID of those that own something. The system's own come as they do in Debian.
const USERS: [(&str, u32, u32); 11] = [
    ("root", 0, 0),
    ("mail", 8, 8),
    ("nobody", 65534, 65534),
    ("popa3d", 101, 101),
    ("dovecot", 102, 102),
    ("dovenull", 103, 103),
    ("courier", 104, 104),
    ("cyrus", 105, MAIL),
    ("sasl", 45, 45),
    (USER, 1001, 1001),
    (OTHER_USER, 1002, 1002),
];

/// The group of mail spools.
pub(super) const MAIL: u32 = 8;

/// PAM asks /etc/shadow, and nothing else.
const PAM: [(&str, &str); 4] = [
    ("etc/pam.d/common-auth", "auth required pam_unix.so\n"),
    ("etc/pam.d/common-account", "account required pam_unix.so\n"),
    ("etc/pam.d/common-session", "session required pam_permit.so\n"),
    ("etc/pam.d/common-password", "password required pam_permit.so\n"),
];

/// The folder of one server below `target/peers`.
#[derive(Debug)]
pub(crate) struct Root {
    folder: PathBuf,
}

impl Root {
    /// The root of a server below cargo's target directory.
    pub(super) fn new(target: &Path, name: &str) -> Self {
        Self { folder: target.join("peers").join(name) }
    }

    /// Takes the folder for this process alone, until the file is dropped.
    ///
    /// # Errors
    ///
    /// When another process has it.
    pub(super) fn lock(&self) -> anyhow::Result<File> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot create {}", self.folder.display()))?;
        let path = self.folder.join("lock");
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(error) => bail!("{} is in use: {error}; end the other run first", self.folder.display()),
        }
    }

    /// Unpacks the packages with all that they depend on, unless the same are there already.
    ///
    /// # Errors
    ///
    /// When apt-get or dpkg-deb fails.
    pub(super) fn unpack(&self, apt: &Apt, packages: &[&str]) -> anyhow::Result<()> {
        let files = match apt.closure(packages) {
            Ok(files) => files,
            // Without a network, what was unpacked once is good enough.
            Err(_) if self.list().exists() => return Ok(()),
            Err(error) => return Err(error),
        };
        let list = files.join("\n");
        if fs::read_to_string(self.list()).is_ok_and(|unpacked| unpacked == list) {
            return Ok(());
        }
        let _lock = self.lock()?;
        let archives = apt.download(packages, &files)?;
        let root = self.path("")?;
        remove(&root)?;
        fs::create_dir_all(&root).with_context(|| format!("cannot create {}", root.display()))?;
        for archive in archives {
            if !process::succeeds(Command::new("dpkg-deb").arg("-x").arg(&archive).arg(&root)) {
                bail!("dpkg-deb cannot unpack {} into {}", archive.display(), root.display());
            }
        }
        self.furnish()?;
        fs::write(self.list(), list).with_context(|| format!("cannot write {}", self.list().display()))
    }

    /// The version of an unpacked package.
    pub(super) fn version(&self, package: &str) -> anyhow::Result<String> {
        let list = fs::read_to_string(self.list())
            .with_context(|| format!("cannot read {}; run cargo xtask peers", self.list().display()))?;
        let version = list.lines().find_map(|file| apt::version(file, package));
        version.with_context(|| format!("{package} is not in {}", self.list().display()))
    }

    /// A program that runs in the root, and sees nothing else.
    pub(super) fn command(&self, program: &str) -> anyhow::Result<Command> {
        Ok(command_in(&self.path("")?, program))
    }

    /// Where something in the root is. Symbolic links are refused, since they mean places outside.
    pub(super) fn path(&self, inside: &str) -> anyhow::Result<PathBuf> {
        let mut path = self.folder.join("root");
        for part in inside.split('/').filter(|part| !part.is_empty()) {
            path.push(part);
            let is_link = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink());
            if is_link || part == ".." {
                bail!("{} leads out of the root of the peer", path.display());
            }
        }
        Ok(path)
    }

    /// Writes a file that root owns and all may read.
    pub(super) fn write(&self, inside: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path(inside)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Gives a file to one of the users, with a mode.
    pub(super) fn give(&self, inside: &str, user: &str, mode: u32) -> anyhow::Result<()> {
        give(&self.path(inside)?, user, mode)
    }

    /// Makes a folder of one of the users; what was in it is gone.
    pub(super) fn fresh(&self, inside: &str, user: &str, mode: u32) -> anyhow::Result<()> {
        let path = self.path(inside)?;
        remove(&path)?;
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        give(&path, user, mode)
    }

    /// A place that belongs to the server and is not in its root.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Copies a file into the root.
    pub(super) fn copy(&self, from: &Path, inside: &str) -> anyhow::Result<()> {
        let text = fs::read_to_string(from).with_context(|| format!("cannot read {}", from.display()))?;
        self.write(inside, &text)
    }

    fn list(&self) -> PathBuf {
        self.folder.join("packages.txt")
    }

    /// What no package brings: users, devices, the name service, and places to write to.
    fn furnish(&self) -> anyhow::Result<()> {
        self.fresh("dev", "root", 0o755)?;
        for (name, minor) in [("null", "3"), ("zero", "5"), ("random", "8"), ("urandom", "9")] {
            let mut command = Command::new("mknod");
            command.args(["-m", "666"]).arg(self.path("dev")?.join(name)).args(["c", "1", minor]);
            if !process::succeeds(&mut command) {
                bail!("mknod cannot make /dev/{name} in {}", self.path("")?.display());
            }
        }
        self.fresh("run", "root", 0o755)?;
        let var_run = self.path("var/run")?;
        remove(&var_run)?;
        fs::create_dir_all(self.path("var")?)?;
        std::os::unix::fs::symlink("../run", &var_run)?;
        self.fresh("tmp", "root", 0o1777)?;
        self.fresh("proc", "root", 0o755)?;
        self.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\n")?;
        self.write("etc/hosts", "127.0.0.1 localhost\n")?;
        for (path, text) in PAM {
            self.write(path, text)?;
        }
        self.write("etc/passwd", &passwd())?;
        self.write("etc/group", &group())?;
        let hashes = [(USER, hash(PASSWORD)?), (OTHER_USER, hash(OTHER_PASSWORD)?)];
        let lines = hashes.iter().map(|(user, hash)| format!("{user}:{hash}:19000:0:99999:7:::\n"));
        self.write("etc/shadow", &lines.collect::<String>())?;
        self.give("etc/shadow", "root", 0o600)
    }
}

/// A program that runs in this root; `chroot` itself is found on the path of this process.
pub(super) fn command_in(root: &Path, program: &str) -> Command {
    let mut command = Command::new("chroot");
    command.arg(root).arg(program);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").current_dir("/");
    command
}

/// The user and group IDs of a user of all roots.
pub(super) fn ids(user: &str) -> anyhow::Result<(u32, u32)> {
    let found = USERS.iter().find(|(name, ..)| *name == user);
    found.map(|(_, uid, gid)| (*uid, *gid)).with_context(|| format!("there is no user {user} on the peers"))
}

/// Gives a path to a user, with a mode.
pub(super) fn give(path: &Path, user: &str, mode: u32) -> anyhow::Result<()> {
    let (uid, gid) = ids(user)?;
    chown(path, Some(uid), Some(gid)).with_context(|| format!("cannot give {} to {user}", path.display()))?;
    fs::set_permissions(path, Permissions::from_mode(mode))
        .with_context(|| format!("cannot set the mode of {}", path.display()))
}

fn remove(path: &Path) -> anyhow::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => return Ok(()),
    };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}

fn passwd() -> String {
    let lines = USERS.iter().map(|(name, uid, gid)| {
        let is_person = [USER, OTHER_USER].contains(name);
        let (home, shell) =
            if is_person { (format!("/home/{name}"), "/bin/sh") } else { ("/".to_owned(), "/bin/false") };
        format!("{name}:x:{uid}:{gid}::{home}:{shell}\n")
    });
    lines.collect()
}

fn group() -> String {
    let lines = USERS.iter().filter(|(name, ..)| *name != "cyrus");
    let lines = lines.map(|(name, _, gid)| {
        let members = if *name == "sasl" { "cyrus" } else { "" };
        format!("{name}:x:{gid}:{members}\n")
    });
    lines.collect()
}

/// SHA-512 crypt, which PAM and popa3d know.
fn hash(password: &str) -> anyhow::Result<String> {
    let output = Command::new("openssl").args(["passwd", "-6", password]).stdin(Stdio::null()).output();
    let output = output.context("openssl could not be started; cargo xtask peers installs it")?;
    let hash = String::from_utf8(output.stdout)?.trim_end().to_owned();
    if !output.status.success() || !hash.starts_with("$6$") {
        bail!("openssl passwd -6 made no hash");
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_reached_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root { folder: folder.path().to_path_buf() };
        fs::create_dir_all(folder.path().join("root/var")).unwrap();
        std::os::unix::fs::symlink("/etc", folder.path().join("root/var/etc")).unwrap();
        assert!(root.path("var/mail").is_ok());
        assert!(root.path("var/etc/passwd").is_err());
        assert!(root.path("../other").is_err());
    }

    #[test]
    fn a_root_is_of_one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root { folder: folder.path().join("peer") };
        let lock = root.lock().unwrap();
        assert!(root.lock().unwrap_err().to_string().contains("in use"));
        drop(lock);
        root.lock().unwrap();
    }

    #[test]
    fn users_stand_in_both_lists() {
        assert!(passwd().contains("alice:x:1001:1001::/home/alice:/bin/sh\n"));
        assert!(passwd().contains("cyrus:x:105:8:"));
        assert!(group().contains("mail:x:8:\n") && !group().contains("cyrus:x"));
    }
}
