//! What some providers want from a mail program instead of the password of the account.

/// Hosts by their end, and what is wanted there. The guide for people has the same table.
const PROVIDERS: [(&[&str], &str); 17] = [
    (&["exmail.qq.com"], "Tencent Exmail wants the password or an authorization code here"),
    (
        &["qq.com", "foxmail.com"],
        "QQ Mail wants the 16-letter authorization code here, not your password; switch POP3 on in its settings to get one",
    ),
    (
        &["pop.163.com", "pop.126.com", "pop.yeah.net"],
        "NetEase may want an authorization code here, not your password; switch POP3 on in its settings to get one",
    ),
    (
        &["sina.com.cn", "sina.com", "sohu.com", "139.com"],
        "this provider may want an authorization code or a separate password for mail programs here",
    ),
    (
        &["gmail.com", "googlemail.com"],
        "Google wants an app password or OAuth here (--token-file), not your password; POP has to be switched on in the settings",
    ),
    (
        &["office365.com", "outlook.com", "hotmail.com", "live.com"],
        "Microsoft wants OAuth here (--token-file), and takes no password; POP has to be switched on in the settings",
    ),
    (
        &["yahoo.com", "att.net"],
        "Yahoo wants an app password or OAuth here (--token-file), not your password",
    ),
    (
        &["aol.com", "verizon.net"],
        "AOL wants an app password or OAuth here (--token-file), not your password",
    ),
    (
        &["gmx.net", "gmx.com", "mail.com"],
        "POP3 has to be switched on in the settings of GMX and mail.com; with two-factor login an app password may be needed",
    ),
    (
        &["web.de"],
        "WEB.DE lets a program log in once in 15 minutes, and otherwise answers as if the password were wrong; wait, then try again",
    ),
    (&["t-online.de"], "Telekom may want the separate password for mail programs here"),
    (&["mail.ru"], "Mail.ru wants an app password or OAuth here (--token-file), not your password"),
    (
        &["yandex.com", "yandex.ru"],
        "Yandex may want an app password here; POP3 has to be switched on in the settings",
    ),
    (&["zoho.com"], "Zoho's free plan has no POP3; with two-factor login an app password is needed"),
    (&["fastmail.com"], "Fastmail wants an app password here, not your password"),
    (&["icloud.com", "me.com"], "iCloud has no POP3; use a program for IMAP"),
    (&["proton.me", "protonmail.com"], "Proton has no POP3; its Bridge speaks IMAP"),
];

/// What the provider of this host wants, where it is known.
pub(super) fn advice(host: &str) -> Option<&'static str> {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_of =
        |end: &&str| host.strip_suffix(*end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    PROVIDERS.iter().find(|(ends, _)| ends.iter().any(is_of)).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_by_its_end() {
        for (host, name) in [
            ("pop.qq.com", "QQ Mail"),
            ("POP.163.com.", "NetEase"),
            ("outlook.office365.com", "Microsoft"),
            ("pop.gmail.com", "Google"),
            ("pop3.web.de", "WEB.DE"),
            ("icloud.com", "iCloud"),
        ] {
            assert!(advice(host).unwrap().starts_with(name), "{host}");
        }
        assert!(advice("pop.exmail.qq.com").unwrap().starts_with("Tencent"));
        for host in
            ["pop3.qiye.163.com", "pop.example.org", "notqq.com", "qq.com.example.org", "127.0.0.1", ""]
        {
            assert_eq!(advice(host), None, "{host}");
        }
    }

    #[test]
    fn the_guide_says_the_same() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide-people.md");
        let guide = std::fs::read_to_string(path).unwrap();
        for (ends, advice) in PROVIDERS {
            let row = format!("| {} | {advice} |", ends.join(", "));
            assert!(guide.contains(&row), "the guide for people lacks the row\n{row}");
        }
    }
}
