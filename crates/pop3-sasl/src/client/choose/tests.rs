use super::*;

const ALL: [&str; 11] = [
    "LOGIN",
    "PLAIN",
    "CRAM-MD5",
    "ANONYMOUS",
    "EXTERNAL",
    "XOAUTH2",
    "OAUTHBEARER",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256-PLUS",
];

fn password() -> Credentials {
    Credentials::new("tim").with_password("secret")
}

fn binding() -> ChannelBinding {
    ChannelBinding::tls_exporter([7; 32])
}

fn name(offered: &[&str], credentials: &Credentials, policy: &Policy) -> Option<&'static str> {
    choose(offered, credentials, policy).map(|choice| choice.mechanism().name())
}

/// Takes away what was chosen until nothing is left.
fn order(credentials: &Credentials, policy: &Policy) -> Vec<&'static str> {
    let mut offered = ALL.to_vec();
    let mut order = Vec::new();
    while let Some(chosen) = name(&offered, credentials, policy) {
        offered.retain(|name| *name != chosen);
        order.push(chosen);
    }
    order
}

// Conformance: C-5034-06, C-2195-01, C-LOGIN-01, C-4616-01
#[test]
fn passwords_in_order_of_preference() {
    let everything = Policy::new().encrypted().allow_cram_md5().channel_binding(binding());
    assert_eq!(
        order(&password(), &everything),
        [
            "SCRAM-SHA-256-PLUS",
            "SCRAM-SHA-1-PLUS",
            "SCRAM-SHA-256",
            "SCRAM-SHA-1",
            "PLAIN",
            "CRAM-MD5",
            "LOGIN"
        ]
    );
    assert_eq!(
        order(&password(), &Policy::new().encrypted()),
        ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"]
    );
    assert_eq!(order(&password(), &Policy::new()), ["SCRAM-SHA-256", "SCRAM-SHA-1"]);
    assert_eq!(name(&["LOGIN", "PLAIN", "CRAM-MD5"], &password(), &Policy::new()), None);
    let in_the_clear = Policy::new().plaintext(PlaintextUse::Always);
    assert_eq!(name(&["LOGIN", "PLAIN"], &password(), &in_the_clear), Some("PLAIN"));
    let never = Policy::new().encrypted().plaintext(PlaintextUse::Never);
    assert_eq!(name(&["LOGIN", "PLAIN", "XOAUTH2"], &password().with_token("t"), &never), None);
}

#[test]
fn credentials_and_policy_narrow_the_choice() {
    let tls = Policy::new().encrypted();
    assert_eq!(order(&Credentials::new("tim").with_token("t"), &tls), ["OAUTHBEARER", "XOAUTH2"]);
    assert_eq!(order(&Credentials::new("tim").with_token("t"), &Policy::new()), [""; 0]);
    assert_eq!(order(&Credentials::external(), &tls), ["EXTERNAL"]);
    assert_eq!(order(&Credentials::anonymous(""), &tls), ["ANONYMOUS"]);
    assert_eq!(order(&Credentials::new("tim"), &tls), [""; 0]);
    // What cannot say whom to act as is no way to act as somebody else.
    let authzid = order(&password().with_authzid("tom"), &tls.clone().allow_cram_md5());
    assert_eq!(authzid, ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]);
    assert_eq!(order(&password(), &tls.clone().only(&[Mechanism::ScramSha1])), ["SCRAM-SHA-1"]);
    assert_eq!(name(&["PLAIN"], &password(), &tls.only(&[Mechanism::ScramSha256])), None);
}

// Conformance: C-5802-04
#[test]
fn the_flag_tells_what_was_offered() {
    let supported = Policy::new().encrypted().channel_binding(binding());
    let flag = |offered: &[&str], policy: &Policy| {
        let choice = choose(offered, &password(), policy).unwrap();
        match choice.binding() {
            BindingUse::Unsupported => (choice.mechanism().name(), "n"),
            BindingUse::NotOffered => (choice.mechanism().name(), "y"),
            BindingUse::Used(_) => (choice.mechanism().name(), "p"),
        }
    };
    let (bare, plus) = (["SCRAM-SHA-256"], ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]);
    assert_eq!(flag(&plus, &supported), ("SCRAM-SHA-256-PLUS", "p"));
    assert_eq!(flag(&bare, &supported), ("SCRAM-SHA-256", "y"));
    assert_eq!(flag(&bare, &Policy::new()), ("SCRAM-SHA-256", "n"));
    assert_eq!(flag(&plus, &Policy::new()), ("SCRAM-SHA-256", "n"));
    // A bound channel is preferred to a better hash, so that `y` is never said to a server with -PLUS.
    assert_eq!(flag(&["SCRAM-SHA-256", "SCRAM-SHA-1-PLUS"], &supported), ("SCRAM-SHA-1-PLUS", "p"));
    // Where policy rules -PLUS out although TLS could, `y` would be a lie about what was offered.
    let only_bare = supported.only(&[Mechanism::ScramSha256]);
    assert_eq!(flag(&plus, &only_bare), ("SCRAM-SHA-256", "n"));
}

#[test]
fn unknown_names_are_passed_over_and_case_does_not_matter() {
    let tls = Policy::new().encrypted();
    assert_eq!(name(&["GSSAPI", "", "plain"], &password(), &tls), Some("PLAIN"));
    assert_eq!(name(&[], &password(), &tls), None);
}
