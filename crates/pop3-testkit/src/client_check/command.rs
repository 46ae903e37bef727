//! The command to check: what is put into its arguments and its environment.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use super::Mode;

/// Where the fetcher fetches from, and where it stores.
#[derive(Debug, Clone)]
pub(super) struct Values {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) outdir: PathBuf,
    /// The certificates to trust; a file that exists in either case.
    pub(super) ca: PathBuf,
    /// For how long a fetcher should wait for a silent server.
    pub(super) patience: Duration,
    pub(super) is_tls: bool,
    pub(super) mode: Mode,
}

impl Values {
    fn named(&self) -> [(&'static str, OsString); 8] {
        [
            ("host", self.host.clone().into()),
            ("port", self.port.to_string().into()),
            ("user", self.user.clone().into()),
            ("password", self.password.clone().into()),
            ("outdir", self.outdir.clone().into()),
            ("ca", self.ca.clone().into()),
            ("timeout", self.patience.as_secs().to_string().into()),
            ("mode", self.mode.as_str().into()),
        ]
    }

    /// An argument with its `{host}`, `{port}`, `{user}`, `{password}`, `{outdir}`, `{ca}`, `{timeout}` and
    /// `{mode}` replaced; everything else in braces stays.
    pub(super) fn substitute(&self, argument: &str) -> OsString {
        let named = self.named();
        let mut result = OsString::new();
        let mut rest = argument;
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            result.push(before);
            let known = named.iter().find_map(|(name, value)| {
                let after = from.strip_prefix('{')?.strip_prefix(name)?.strip_prefix('}')?;
                Some((value, after))
            });
            rest = match known {
                Some((value, after)) => {
                    result.push(value);
                    after
                }
                None => {
                    result.push("{");
                    from.get(1..).unwrap_or_default()
                }
            };
        }
        result.push(rest);
        result
    }

    /// The same for scripts: `POP3_HOST`, `POP3_PORT`, and so on; and `POP3_TLS`, which is `yes`, or empty.
    pub(super) fn environment(&self) -> impl Iterator<Item = (String, OsString)> {
        let tls = ("tls", if self.is_tls { "yes" } else { "" }.into());
        let named = self.named().into_iter().chain([tls]);
        named.map(|(name, value)| (format!("POP3_{}", name.to_uppercase()), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        Values {
            host: "127.0.0.1".into(),
            port: 1110,
            user: "alice".into(),
            password: "{port}".into(),
            outdir: "/out dir".into(),
            ca: "/ca.pem".into(),
            patience: Duration::from_secs(5),
            is_tls: false,
            mode: Mode::Keep,
        }
    }

    #[test]
    fn names_in_braces_are_replaced_once_and_everything_else_stays() {
        let cases = [
            ("pop://{user}@{host}:{port}", "pop://alice@127.0.0.1:1110"),
            ("{outdir}/mail", "/out dir/mail"),
            ("{password}", "{port}"),
            ("${HOME} {} {hosts} {{port}} {", "${HOME} {} {hosts} {1110} {"),
            ("--timeout={timeout}", "--timeout=5"),
            ("", ""),
        ];
        for (argument, expected) in cases {
            assert_eq!(values().substitute(argument), expected, "{argument}");
        }
    }

    #[test]
    fn scripts_find_the_same_in_their_environment() {
        let environment: Vec<_> = values().environment().collect();
        assert_eq!(environment.len(), 9);
        assert!(environment.contains(&("POP3_OUTDIR".into(), "/out dir".into())));
        assert!(environment.contains(&("POP3_TLS".into(), "".into())));
    }
}
