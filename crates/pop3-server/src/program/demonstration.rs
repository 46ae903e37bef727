//! The first start: a home with everything in it, to fetch from at once.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use pop3_server::{
    Kind,
    users::{NewSecrets, UsersFileEditor},
};
use pop3_store::maildir::{Batch, MaildirStore};

use super::{
    certificate,
    configuration::Configuration,
    files::{create_directory, password, write_private},
};

/// The user that is made.
const USER: &str = "demo";

const SAMPLES: [&[u8]; 4] = [
    include_bytes!("samples/1-welcome.eml"),
    include_bytes!("samples/2-attachment.eml"),
    include_bytes!("samples/3-utf8.eml"),
    include_bytes!("samples/4-dots.eml"),
];

/// What lies in the directory.
pub(super) struct Home {
    directory: PathBuf,
    is_new: bool,
}

impl Home {
    /// Makes what is missing.
    pub(super) fn prepare(directory: &Path) -> anyhow::Result<Self> {
        let is_new = create_directory(directory)?;
        let home = Self { directory: directory.to_owned(), is_new };
        if !home.certificate().exists() || !home.key().exists() {
            certificate::create(&home.certificate(), &home.key())?;
        }
        if !home.users().exists() {
            home.add_user()?;
        }
        Ok(home)
    }

    /// The user comes last: as long as there is none, a start that was interrupted begins again.
    fn add_user(&self) -> anyhow::Result<()> {
        let store = MaildirStore::create_root(self.mail())?.create_missing(true);
        if !self.mail().join(USER).exists() {
            let maildir = store.maildir(USER)?;
            let mut batch = Batch::new();
            for sample in SAMPLES {
                let mut delivery = maildir.start_delivery()?;
                delivery.write_all(sample).context("cannot deliver the sample messages")?;
                batch.add(delivery);
            }
            batch.commit()?;
        }
        let password = password()?;
        write_private(&self.password(), format!("{password}\n").as_bytes())?;
        let netrc = format!("machine 127.0.0.1 login {USER} password {password}\n");
        write_private(&self.netrc(), netrc.as_bytes())?;
        let mut editor = UsersFileEditor::open(self.users())?;
        editor.set(USER, &NewSecrets::derive(&password)?)?;
        editor.save()?;
        Ok(())
    }

    pub(super) fn certificate(&self) -> PathBuf {
        self.directory.join("certificate.pem")
    }

    pub(super) fn key(&self) -> PathBuf {
        self.directory.join("key.pem")
    }

    pub(super) fn users(&self) -> PathBuf {
        self.directory.join("users")
    }

    pub(super) fn mail(&self) -> PathBuf {
        self.directory.join("mail")
    }

    fn password(&self) -> PathBuf {
        self.directory.join("password")
    }

    fn netrc(&self) -> PathBuf {
        self.directory.join("netrc")
    }

    /// Says what is there, and how to fetch it.
    pub(super) fn explain(
        &self,
        configuration: &Configuration,
        listening: &[(Kind, std::net::SocketAddr)],
    ) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let shown = self.directory.display();
        if self.is_new {
            writeln!(
                out,
                "Made {shown}: a self-signed certificate, the user {USER} with a generated password,"
            )?;
            writeln!(out, "and {} sample messages in {}.", SAMPLES.len(), self.mail().join(USER).display())?;
        } else {
            writeln!(out, "Found {shown}, and use what is in it: certificate, users and mail.")?;
        }
        let has_demo = fs::read_to_string(&configuration.users.file)
            .is_ok_and(|users| users.lines().any(|line| line.starts_with("demo:")));
        let tls = listening.iter().find(|(kind, _)| *kind == Kind::Tls).map(|(_, address)| address);
        if let (true, true, Some(address)) = (has_demo, self.password().exists(), tls) {
            let ca = quoted(&self.certificate());
            writeln!(out, "\nFetch the mail of {USER} into ./mail with")?;
            writeln!(
                out,
                "  {} fetch 'pops://{USER}@{address}' --ca-file {ca} --password-file {} --maildir mail",
                client(),
                quoted(&self.password()),
            )?;
            writeln!(out, "or the first message with")?;
            writeln!(
                out,
                "  curl --cacert {ca} --netrc-file {} 'pop3s://{address}/1'",
                quoted(&self.netrc())
            )?;
        }
        writeln!(out, "\nAdd users with `user add NAME`; stop with Ctrl-C.")?;
        out.flush()
    }
}

/// How to call the client from where this program was called.
fn client() -> &'static str {
    if std::env::var_os("CARGO").is_some() {
        "cargo run --release --bin pop3-client --"
    } else {
        "pop3-client"
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_harmless = |c: char| c.is_ascii_alphanumeric() || "/._-+@:".contains(c);
    if !text.is_empty() && text.chars().all(is_harmless) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
