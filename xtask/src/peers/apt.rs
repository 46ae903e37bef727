//! Packages with everything that they depend on, as if nothing were installed yet.
//!
//! A root made of them stands on its own: what the system has installed, and in which version, does not matter.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::process::{self, Echo};

/// Where packages are kept, and what apt-get is told to believe.
#[derive(Debug)]
pub(super) struct Apt {
    folder: PathBuf,
    logs: PathBuf,
}

impl Apt {
    /// # Errors
    ///
    /// When the folders cannot be made.
    pub(super) fn new(folder: PathBuf, logs: PathBuf) -> anyhow::Result<Self> {
        for name in ["archives/partial", "none/partial"] {
            let path = folder.join(name);
            fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        }
        let apt = Self { folder, logs };
        fs::write(apt.status(), "").with_context(|| format!("cannot write {}", apt.status().display()))?;
        Ok(apt)
    }

    /// The file names of the packages and of all that they depend on.
    ///
    /// # Errors
    ///
    /// When apt-get knows no such packages, even after it has fetched the lists.
    pub(super) fn closure(&self, packages: &[&str]) -> anyhow::Result<Vec<String>> {
        if let Some(files) = self.resolve(packages)? {
            return Ok(files);
        }
        self.run(Command::new("apt-get").args(["-qq", "update"]), "update")?;
        match self.resolve(packages)? {
            Some(files) => Ok(files),
            None => bail!("apt-get does not know how to install {}", packages.join(" ")),
        }
    }

    /// Downloads what is not there yet, and gives the paths.
    ///
    /// # Errors
    ///
    /// When something cannot be downloaded.
    pub(super) fn download(&self, packages: &[&str], files: &[String]) -> anyhow::Result<Vec<PathBuf>> {
        let archives = self.folder.join("archives");
        let paths: Vec<_> = files.iter().map(|file| archives.join(file)).collect();
        if !paths.iter().all(|path| path.exists()) {
            let mut command = self.command(&archives);
            command.arg("--download-only").args(packages);
            if !self.run(&mut command, "download")? {
                bail!(
                    "apt-get cannot download {}, see {}",
                    packages.join(" "),
                    self.log("download").display()
                );
            }
        }
        match paths.iter().find(|path| !path.exists()) {
            Some(path) => bail!("apt-get did not download {}", path.display()),
            None => Ok(paths),
        }
    }

    fn resolve(&self, packages: &[&str]) -> anyhow::Result<Option<Vec<String>>> {
        // What lies in the folder of archives is not named, so this looks into an empty one.
        let mut command = self.command(&self.folder.join("none"));
        let output = command.arg("--print-uris").args(packages).output();
        let output = output.context("apt-get could not be started")?;
        let files = files(&String::from_utf8_lossy(&output.stdout));
        Ok((output.status.success() && !files.is_empty()).then_some(files))
    }

    fn command(&self, archives: &Path) -> Command {
        let mut command = Command::new("apt-get");
        command
            .args(["install", "-qq", "-y", "--no-install-recommends", "-o", "APT::Sandbox::User=root"])
            .args(["-o", &format!("Dir::State::status={}", self.status().display())])
            .args(["-o", &format!("Dir::Cache::archives={}", archives.display())])
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    fn run(&self, command: &mut Command, name: &str) -> anyhow::Result<bool> {
        Ok(process::stream(command, &self.log(name), |_| Echo::Hide)?.success())
    }

    /// An empty list of what is installed.
    fn status(&self) -> PathBuf {
        self.folder.join("status")
    }

    fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("apt-{name}.txt"))
    }
}

/// `'http://…/libc6.deb' libc6_2.36-9_amd64.deb 2758328 SHA256:…`, sorted.
fn files(text: &str) -> Vec<String> {
    let mut files: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with('\''))
        .filter_map(|line| line.split_whitespace().nth(1).map(str::to_owned))
        .collect();
    files.sort();
    files
}

/// The version in `dovecot-pop3d_1%3a2.3.19.1+dfsg1-2.1_amd64.deb`, when the file is of that package.
pub(super) fn version(file: &str, package: &str) -> Option<String> {
    let version = file.strip_prefix(package)?.strip_prefix('_')?.rsplit_once('_')?.0;
    Some(version.replace("%3a", ":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_read_from_what_apt_prints() {
        let text = "WARNING: x\n'http://deb/p.deb' popa3d_1.0.3-1.1_amd64.deb 5 SHA256:0\n\
                    'http://deb/l.deb' libc6_2.36-9_amd64.deb 6 SHA256:1\n";
        assert_eq!(files(text), ["libc6_2.36-9_amd64.deb", "popa3d_1.0.3-1.1_amd64.deb"]);
    }

    #[test]
    fn a_version_is_read_from_a_file_name() {
        let file = "dovecot-pop3d_1%3a2.3.19.1+dfsg1-2.1_amd64.deb";
        assert_eq!(version(file, "dovecot-pop3d").as_deref(), Some("1:2.3.19.1+dfsg1-2.1"));
        assert_eq!(version(file, "dovecot"), None);
    }
}
