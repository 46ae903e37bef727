//! The first start: a home with everything in it, to fetch from at once.

use std::{
    fs,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use pop3_server::{
    Kind,
    users::{NewSecrets, UsersFileEditor},
};
use pop3_store::maildir::{Batch, MaildirStore};
use socket2::{Domain, Protocol, Socket, Type};

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
    /// What was not there and is now.
    made: Made,
}

#[derive(Debug, Default, Clone, Copy)]
struct Made {
    certificate: bool,
    user: bool,
    mail: bool,
}

/// Takes an address as the server will.
pub(super) fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(1)?;
    Ok(socket)
}

impl Home {
    /// Makes what is missing.
    pub(super) fn prepare(directory: &Path) -> anyhow::Result<Self> {
        let is_new = create_directory(directory)?;
        let mut home = Self { directory: directory.to_owned(), is_new, made: Made::default() };
        if !home.certificate().exists() || !home.key().exists() {
            certificate::create(&home.certificate(), &home.key())?;
            home.made.certificate = true;
        }
        home.made.mail = !home.mail().exists();
        let store = MaildirStore::create_root(home.mail())?.create_missing(true);
        if !home.users().exists() {
            home.add_user(&store)?;
            home.made.user = true;
        }
        Ok(home)
    }

    /// The user comes last: as long as there is none, a start that was interrupted begins again.
    fn add_user(&self, store: &MaildirStore) -> anyhow::Result<()> {
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
        listening: &[(Kind, SocketAddr)],
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
            let parts =
                [(self.made.certificate, "certificate"), (self.made.user, "users"), (self.made.mail, "mail")];
            let named = |is_made| {
                let names = parts.iter().filter(|(made, _)| *made == is_made).map(|(_, name)| *name);
                names.collect::<Vec<_>>().join(", ")
            };
            let (kept, made) = (named(false), named(true));
            if kept.is_empty() {
                writeln!(out, "Found {shown}.")?;
            } else {
                writeln!(out, "Found {shown}, and use what is in it: {kept}.")?;
            }
            if !made.is_empty() {
                writeln!(out, "Made what was missing: {made}.")?;
            }
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
                program("pop3-client"),
                quoted(&self.password()),
            )?;
            writeln!(out, "or the first message with")?;
            writeln!(
                out,
                "  curl --cacert {ca} --netrc-file {} 'pop3s://{address}/1'",
                quoted(&self.netrc())
            )?;
        }
        writeln!(
            out,
            "\nAdd users with\n  {} user add NAME --data {}\nStop with Ctrl-C.",
            program("pop3-server"),
            quoted(&self.directory)
        )?;
        out.flush()
    }
}

/// How to call a program from where this one was called.
fn program(name: &str) -> String {
    if std::env::var_os("CARGO").is_some() {
        format!("cargo run --release --bin {name} --")
    } else {
        name.to_owned()
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
