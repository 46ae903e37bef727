use pop3_sasl::Mechanism;

use super::*;

fn parse(text: &str) -> Result<Url, InvalidUrl> {
    text.parse()
}

// Conformance: C-2384-01, C-2384-07, P-IANA-04
#[test]
fn schemes_ports_and_hosts() {
    for (text, security, host, port) in [
        ("pop://mail.example", Security::StlsRequired, "mail.example", 110),
        ("POP://mail.example:1110", Security::StlsRequired, "mail.example", 1110),
        ("pops://mail.example", Security::ImplicitTls, "mail.example", 995),
        ("pop3s://127.0.0.1:1995", Security::ImplicitTls, "127.0.0.1", 1995),
        ("pop3://mail.example", Security::StlsRequired, "mail.example", 110),
        ("pops://[::1]", Security::ImplicitTls, "::1", 995),
        ("pops://alice@[2001:db8::1]:99", Security::ImplicitTls, "2001:db8::1", 99),
    ] {
        let url = parse(text).unwrap();
        assert_eq!((url.security(), url.host(), url.port()), (security, host, port), "{text}");
    }
}

// Conformance: C-2384-01
#[test]
fn what_is_no_pop_url_is_refused_with_the_reason() {
    for (text, error) in [
        ("mail.example", InvalidUrl::Scheme),
        ("imap://mail.example", InvalidUrl::Scheme),
        ("//mail.example", InvalidUrl::Scheme),
        ("pop:mail.example", InvalidUrl::Scheme),
        ("pop://alice:secret@mail.example", InvalidUrl::Password),
        ("pop://alice:@mail.example", InvalidUrl::Password),
        ("pop://@mail.example", InvalidUrl::User),
        ("pop://a%zz@mail.example", InvalidUrl::User),
        ("pop://a%4@mail.example", InvalidUrl::User),
        ("pop://a%00@mail.example", InvalidUrl::User),
        ("pop://a%ff@mail.example", InvalidUrl::User),
        ("pop://a b@mail.example", InvalidUrl::User),
        ("pop://a;X=1@mail.example", InvalidUrl::Parameter),
        ("pop://a;AUTH@mail.example", InvalidUrl::Parameter),
        ("pop://a;AUTH=NTLM@mail.example", InvalidUrl::Mechanism),
        ("pop://a;AUTH=+X@mail.example", InvalidUrl::Mechanism),
        ("pop://", InvalidUrl::Host),
        ("pop://alice@", InvalidUrl::Host),
        ("pop://[::1", InvalidUrl::Host),
        ("pop://[mail.example]", InvalidUrl::Host),
        ("pop://[::1]110", InvalidUrl::Host),
        ("pop://mail.example:", InvalidUrl::Port),
        ("pop://mail.example:0", InvalidUrl::Port),
        ("pop://mail.example:+25", InvalidUrl::Port),
        ("pop://mail.example:65536", InvalidUrl::Port),
        ("pop://mail.example/INBOX", InvalidUrl::Path),
        ("pop://mail.example/", InvalidUrl::Path),
    ] {
        assert_eq!(parse(text), Err(error), "{text}");
    }
    assert!(!InvalidUrl::Password.to_string().contains("secret"));
}

// Conformance: C-2384-02
#[test]
fn the_way_to_log_in() {
    for (text, user, method) in [
        ("pop://alice@h", Some("alice"), Method::Any),
        ("pop://alice;AUTH=*@h", Some("alice"), Method::Any),
        ("pop://alice;auth=plain@h", Some("alice"), Method::Sasl(Mechanism::Plain)),
        ("pop://alice;AUTH=+APOP@h", Some("alice"), Method::Apop),
        ("pop://alice;AUTH=+user@h", Some("alice"), Method::UserPass),
        ("pop://alice@example.org@h", Some("alice@example.org"), Method::Any),
        ("pop://a@b@c;AUTH=PLAIN@h", Some("a@b@c"), Method::Sasl(Mechanism::Plain)),
        ("pop://alice%40example.org@h", Some("alice@example.org"), Method::Any),
        ("pop://;AUTH=SCRAM-SHA-1@h", None, Method::Sasl(Mechanism::ScramSha1)),
        ("pop://h", None, Method::Any),
    ] {
        let url = parse(text).unwrap();
        assert_eq!((url.user(), url.method()), (user, method), "{text}");
    }
}

// Conformance: C-2384-04
#[test]
fn names_survive_the_round_trip() {
    for (name, encoded) in [
        ("alice@example.org", "alice%40example.org"),
        ("a;b:c/d%e", "a%3Bb%3Ac%2Fd%25e"),
        ("jürgen", "j%C3%BCrgen"),
        ("recent:me", "recent%3Ame"),
    ] {
        let text = format!("pops://{encoded};AUTH=PLAIN@[::1]:995");
        let url = parse(&text).unwrap();
        assert_eq!(url.user(), Some(name));
        assert_eq!(url.to_string(), text);
        assert_eq!(parse(&url.to_string()).unwrap(), url);
    }
}
