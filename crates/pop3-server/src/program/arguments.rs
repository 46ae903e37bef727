//! The command line.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::configuration::parse_address;

/// Serves maildrops over POP3.
///
/// Started without a configuration file it makes itself a home: a directory with a certificate, a user
/// and some sample messages. It says what it did and how to fetch them.
#[derive(Debug, Parser)]
#[command(name = "pop3-server", version, arg_required_else_help = false)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) site: Site,
    #[command(flatten)]
    pub(super) logging: Logging,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// Which server it is about.
#[derive(Debug, Args)]
pub(super) struct Site {
    /// The configuration file, in TOML.
    #[arg(long, value_name = "FILE", env = "POP3_SERVER_CONFIG", global = true)]
    pub(super) config: Option<PathBuf>,
    /// Without a configuration file: the directory that holds everything. [default: pop3-data]
    #[arg(long, value_name = "DIR", env = "POP3_SERVER_DATA", global = true, conflicts_with = "config")]
    pub(super) data: Option<PathBuf>,
    /// Without a configuration file: where to listen with STLS. [default: 127.0.0.1:1110]
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address, global = true, conflicts_with = "config")]
    pub(super) listen_stls: Option<SocketAddr>,
    /// Without a configuration file: where to listen with TLS. [default: 127.0.0.1:1995]
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address, global = true, conflicts_with = "config")]
    pub(super) listen_tls: Option<SocketAddr>,
}

/// What is logged, to stderr.
#[derive(Debug, Args)]
pub(super) struct Logging {
    /// What to log: off, error, warn, info, debug or trace; for single parts as in `info,pop3_server=debug`.
    #[arg(long, value_name = "LEVEL", env = "POP3_SERVER_LOG", default_value = "info", global = true)]
    pub(super) log: String,
    /// How to write it.
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    pub(super) log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve (the default).
    Serve,
    /// Check the configuration, and print what holds, defaults included.
    Check,
    /// Add, remove and list users.
    User {
        #[command(subcommand)]
        command: User,
    },
    /// Deliver the message on stdin; for a mail transfer agent. Exits with 0 when the message is on the
    /// disk, with 67 when there is no such user, and with 75 when it should be tried again later.
    Deliver(Message),
}

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Add a user, or give one a new password. It is asked for twice on a terminal, and is the first line
    /// of stdin otherwise.
    Add {
        /// The user.
        name: String,
        /// Make a password up, and print it.
        #[arg(long)]
        generate: bool,
    },
    /// Remove a user. The mail stays.
    Remove {
        /// The user.
        name: String,
    },
    /// List the users.
    List {
        /// Print a table of the addresses NAME@DOMAIN for Postfix, to be read by postmap. May be given several
        /// times.
        #[arg(long, value_name = "DOMAIN")]
        postfix: Vec<String>,
    },
}

/// Both names of the envelope as they are: a mail transfer agent may pass on any octets.
#[derive(Debug, Args)]
pub(super) struct Message {
    /// Whose maildrop: a user, or an address of one. Capitals count only where two users differ in nothing else.
    #[arg(required = true, value_name = "USER")]
    pub(super) recipients: Vec<OsString>,
    /// The envelope's sender, empty for a bounce: becomes the one Return-Path of the message.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) sender: Option<OsString>,
    /// Mail for alice+holiday is for alice, unless there is a user alice+holiday. Each of these characters
    /// separates; an empty value switches it off.
    #[arg(long, value_name = "CHARACTERS", default_value = "+")]
    pub(super) recipient_delimiter: String,
}
