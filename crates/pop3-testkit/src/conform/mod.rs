//! The conformance run: cases as data, played against any server.
//!
//! A [`Library`] has the cases; [`run`] plays them as [`Options`] say and gives back a [`Report`]. The
//! folder `conform/` of this crate holds the cases, and its README says how they are written.

mod base64;
mod case;
mod check;
mod facts;
mod guard;
mod library;
mod logins;
mod mail;
mod options;
mod pattern;
mod play;
pub mod program;
mod report;
mod run;
mod session;
mod template;
mod text;
pub(crate) mod tls;
mod values;
mod wire;

pub use case::{Case, Level, Mode};
pub use library::{Library, Section};
pub use mail::{KnownMail, known_mail};
pub use options::{Deliver, Options};
pub use play::Difference;
pub use pop3_io::trust::Roots;
pub use report::{CaseReport, Format, Report, Verdict};
pub use run::run;
pub use template::Account;
