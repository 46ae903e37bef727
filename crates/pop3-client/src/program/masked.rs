//! URLs with a password, which are refused, without the password: a message about one ends up in logs
//! and on screens.

use std::borrow::Cow;

/// A text about arguments, with `***` in place of every password in them.
pub(super) fn masked(text: &str, arguments: impl IntoIterator<Item = String>) -> String {
    let mut text = text.to_owned();
    for argument in arguments {
        // An option may hold the URL behind its "=".
        let values = argument.split_once('=').map(|(_, value)| value);
        for value in std::iter::once(argument.as_str()).chain(values) {
            if let Cow::Owned(harmless) = without_password(value) {
                text = text.replace(value, &harmless);
            }
        }
    }
    text
}

/// What may be a URL, or one whose scheme was forgotten: `SCHEME://USER:***@HOST`.
fn without_password(value: &str) -> Cow<'_, str> {
    let start = value.find("://").map_or(0, |at| at + "://".len());
    let Some((before, rest)) = value.split_at_checked(start) else { return Cow::Borrowed(value) };
    let (account, server) = match rest.rsplit_once('@') {
        Some((account, server)) => (account, Some(server)),
        // Perhaps only the host is missing.
        None if start > 0 && !ends_in_port(rest) => (rest, None),
        None => return Cow::Borrowed(value),
    };
    let Some((user, _password)) = account.split_once(':') else { return Cow::Borrowed(value) };
    let server = server.map(|server| format!("@{server}")).unwrap_or_default();
    Cow::Owned(format!("{before}{user}:***{server}"))
}

/// Whether this is an IPv6 address, or a colon and digits are its end.
fn ends_in_port(server: &str) -> bool {
    let port = server.split(['/', '?', '#']).next().and_then(|server| server.split_once(':'));
    server.starts_with('[') || port.is_none_or(|(_, port)| port.bytes().all(|octet| octet.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Conformance: C-2384-05
    #[test]
    fn no_password_stays_in_a_text() {
        for (argument, harmless) in [
            ("pops://bob:geheim@host", "pops://bob:***@host"),
            ("pops://bob:ge@he:im@host:995", "pops://bob:***@host:995"),
            ("pops://bob:geheim", "pops://bob:***"),
            ("bob:geheim@host", "bob:***@host"),
            ("imap://bob:geheim@host/", "imap://bob:***@host/"),
        ] {
            let text = format!("invalid value '{argument}' for '<URL>'");
            let told = masked(&text, ["--all".to_owned(), argument.to_owned()]);
            assert_eq!(told, format!("invalid value '{harmless}' for '<URL>'"));
            let option = format!("--url={argument}");
            assert_eq!(masked(&text, [option]), told);
        }
    }

    #[test]
    fn what_holds_no_password_stays_as_it_is() {
        for argument in
            ["pops://host:995", "pops://[::1]:995", "pops://bob@host:x", "--timeout", "c:x", "pop://h:1/x"]
        {
            let text = format!("invalid value '{argument}'");
            assert_eq!(masked(&text, [argument.to_owned()]), text);
        }
    }
}
