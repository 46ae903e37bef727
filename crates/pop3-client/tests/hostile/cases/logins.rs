//! Logins that fail, and servers that are not who they say.

use pop3_client::{
    Connector, Error, Login, LoginError, Method,
    sasl::{ClientError, Mechanism},
};

use super::Session;
use crate::support::{Peer, Server};

type Refused = LoginError<Session<pop3_client::Authorization>>;

fn alice() -> Login {
    Login::password("alice", "wonderland")
}

/// Greets, announces, plays the script; the login has to fail.
fn refused(
    capabilities: &'static str,
    login: &Login,
    script: impl FnOnce(&mut Peer) + Send + 'static,
) -> Refused {
    let server = Server::once(move |peer| {
        peer.send("+OK <1896.697170952@dbc.mtview.ca.us>\r\n");
        peer.answer("CAPA", capabilities);
        script(peer);
    });
    let session = wait!(Session::connect(&server.connector())).unwrap();
    let refused = wait!(session.login(login)).unwrap_err();
    server.finish();
    refused
}

/// Greets, announces, plays the script; the login has to succeed.
fn accepted(
    greeting: &'static str,
    capabilities: &'static str,
    login: &Login,
    script: impl FnOnce(&mut Peer) + Send + 'static,
) {
    let server = Server::once(move |peer| {
        peer.send(greeting);
        peer.answer("CAPA", capabilities);
        script(peer);
        peer.answer("QUIT", "+OK\r\n");
    });
    let session = wait!(Session::connect(&server.connector())).unwrap();
    wait!(wait!(session.login(login)).unwrap().quit()).unwrap();
    server.finish();
}

/// Refuses PASS with this answer.
fn refused_pass(capabilities: &'static str, answer: &'static str) -> Refused {
    refused(capabilities, &alice(), move |peer| {
        peer.answer("USER alice", "+OK\r\n");
        peer.answer("PASS wonderland", answer);
    })
}

// Conformance: C-1939-02, C-3206-01, C-3206-02, C-3206-03, C-REL-10, C-2449-03
#[test]
fn a_refusal_gives_the_session_back_and_says_whose_fault_it_is() {
    let user = "+OK\r\nUSER\r\n.\r\n";
    let coded = "+OK\r\nUSER\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n.\r\n";
    for (capabilities, answer, blames_credentials, temporary) in [
        (user, "-ERR no\r\n", true, false),
        (user, "-ERR the maildrop is locked, wait\r\n", true, false),
        (user, "-ERR [IN-USE] busy\r\n", false, true),
        (user, "-ERR [LOGIN-DELAY] slow down\r\n", false, true),
        (user, "-ERR [SYS/TEMP] disk\r\n", false, true),
        (user, "-ERR [SYS/PERM] gone\r\n", false, false),
        (coded, "-ERR [AUTH/FOO] no\r\n", true, false),
        (coded, "-ERR locked\r\n", false, false),
    ] {
        let refused = refused_pass(capabilities, answer);
        let Error::LoginRefused { is_credentials, .. } = refused.error else { panic!("{refused}") };
        assert_eq!(is_credentials, blames_credentials, "{answer}");
        assert_eq!(refused.error.is_temporary(), temporary, "{answer}");
        assert!(refused.session.is_some());
    }
}

#[test]
fn the_session_that_is_given_back_logs_in_with_other_credentials() {
    let server = Server::once(|peer| {
        peer.send("+OK\r\n");
        peer.answer("CAPA", "-ERR\r\n");
        peer.answer("USER alice", "+OK\r\n");
        peer.answer("PASS wrong", "-ERR\r\n");
        peer.answer("USER alice", "+OK\r\n");
        peer.answer("PASS wonderland", "+OK\r\n");
    });
    let session = wait!(Session::connect(&server.connector())).unwrap();
    let refused = wait!(session.login(&Login::password("alice", "wrong"))).unwrap_err();
    wait!(refused.session.unwrap().login(&alice())).unwrap();
    server.finish();
}

const SCRAM: &str = "+OK\r\nSASL PLAIN SCRAM-SHA-256\r\nUSER\r\n.\r\n";

fn scram_first(peer: &mut Peer) {
    let line = peer.line().unwrap();
    assert!(line.starts_with("AUTH SCRAM-SHA-256 "), "{line}");
}

// Conformance: C-5034-08, C-5802-01
#[test]
fn ok_before_the_server_has_proved_itself_is_no_login() {
    let refused = refused(SCRAM, &alice(), |peer| {
        scram_first(peer);
        peer.send("+OK welcome\r\n");
        peer.expect_end();
    });
    assert!(matches!(refused.error, Error::Sasl(ClientError::Incomplete { .. })), "{refused}");
    assert!(refused.session.is_none());
}

// Conformance: C-5034-06, C-5034-07
#[test]
fn a_refused_scram_is_not_followed_by_the_password() {
    let refused = refused(SCRAM, &alice(), |peer| {
        scram_first(peer);
        peer.send("-ERR no\r\n");
        assert!(peer.is_silent());
    });
    assert!(matches!(refused.error, Error::MechanismRefused { .. }), "{refused}");
    assert!(!refused.to_string().contains("check name and password"), "{refused}");
}

// Conformance: C-5802-02, C-5034-06
#[test]
fn a_broken_challenge_is_cancelled_and_the_connection_given_up() {
    // r=nonce,s=c2FsdA==,i=4096: a nonce that is not ours.
    let refused = refused(SCRAM, &alice(), |peer| {
        scram_first(peer);
        peer.send("+ cj1ub25jZSxzPWMyRnNkQT09LGk9NDA5Ng==\r\n");
        peer.answer("*", "-ERR cancelled\r\n");
        peer.expect_end();
    });
    assert!(matches!(refused.error, Error::Sasl(ClientError::NonceMismatch)), "{refused}");
    assert!(refused.session.is_none());
}

// Conformance: C-5034-04
#[test]
fn a_challenge_that_is_no_base64_is_cancelled() {
    let refused = refused(SCRAM, &alice(), |peer| {
        scram_first(peer);
        peer.send("+ ***\r\n");
        peer.answer("*", "-ERR cancelled\r\n");
    });
    assert!(matches!(refused.error, Error::MechanismRefused { .. }), "{refused}");
}

// Conformance: C-5034-02
#[test]
fn an_initial_response_goes_along_only_where_the_line_stays_within_255_octets() {
    let sasl = "+OK\r\nSASL PLAIN\r\nAUTH-RESP-CODE\r\n.\r\n";
    accepted("+OK\r\n", sasl, &alice(), |peer| {
        peer.answer("AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=", "+OK\r\n");
    });
    // 11 octets of "AUTH PLAIN ", 2 of CRLF, and 240 of base64 make 253; three octets more make 257.
    for (length, is_long) in [(173, false), (174, true)] {
        let login = Login::password("alice", "x".repeat(length));
        accepted("+OK\r\n", sasl, &login, move |peer| {
            let line = peer.line().unwrap();
            assert_eq!(line == "AUTH PLAIN", is_long);
            assert!(line.len() + 2 <= 255);
            if is_long {
                peer.send("+ \r\n");
                assert!(peer.line().unwrap().len() > 240);
            }
            peer.send("+OK\r\n");
        });
    }
}

// Conformance: C-5034-01, C-2384-03
#[test]
fn a_mechanism_that_was_asked_for_is_tried_alone_and_without_initial_response() {
    let login = alice().with_method(Method::Sasl(Mechanism::Plain));
    for capabilities in ["-ERR\r\n", "+OK\r\nUSER\r\nSASL CRAM-MD5 SCRAM-SHA-256\r\n.\r\n"] {
        let refused = refused(capabilities, &login, |peer| {
            peer.answer("AUTH PLAIN", "-ERR unknown\r\n");
        });
        assert!(matches!(refused.error, Error::MechanismRefused { .. }), "{refused}");
    }
}

/// Without AUTH-RESP-CODE a password waits until the server has taken the mechanism, so its refusal is about that.
// Conformance: C-5034-06
#[test]
fn a_refused_mechanism_is_followed_by_one_that_protects_no_less() {
    let both = "+OK\r\nUSER\r\nSASL LOGIN PLAIN\r\n.\r\n";
    for answer in ["-ERR syntax error\r\n", "-ERR unknown command\r\n", "-ERR\r\n", "-ERR not now\r\n"] {
        accepted("+OK\r\n", both, &alice(), move |peer| {
            peer.answer("AUTH PLAIN", answer);
            peer.answer("AUTH LOGIN", answer);
            peer.answer("USER alice", "+OK\r\n");
            peer.answer("PASS wonderland", "+OK\r\n");
        });
    }
    // Nothing is left that protects no less.
    for capabilities in
        ["+OK\r\nSASL PLAIN\r\n.\r\n", "+OK\r\nUSER\r\nAUTH-RESP-CODE\r\nSASL PLAIN SCRAM-SHA-1\r\n.\r\n"]
    {
        let refused = refused(capabilities, &alice(), |peer| {
            assert!(peer.line().unwrap().starts_with("AUTH "));
            peer.send("-ERR what?\r\n");
            assert!(peer.is_silent());
        });
        let text = refused.to_string();
        assert!(matches!(refused.error, Error::MechanismRefused { .. }), "{text}");
        assert!(text.contains("-ERR what?") && !text.contains("check name and password"), "{text}");
        assert!(refused.session.is_some());
    }
}

// Conformance: C-3206-01, C-5034-06
#[test]
fn a_password_is_not_sent_more_than_twice() {
    let coded = "+OK\r\nUSER\r\nAUTH-RESP-CODE\r\nSASL LOGIN PLAIN\r\n.\r\n";
    let plain = "AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=";
    // A code says what it is about, and ends it.
    for code in ["[AUTH]", "[SYS/TEMP]", "[IN-USE]", "[LOGIN-DELAY]"] {
        let refused = refused(coded, &alice(), move |peer| {
            peer.answer(plain, &format!("-ERR {code} no\r\n"));
            assert!(peer.is_silent());
        });
        assert!(matches!(refused.error, Error::LoginRefused { .. }), "{refused}");
    }
    // Without one the server did not judge the password, or does not keep its word.
    let refused = refused(coded, &alice(), move |peer| {
        peer.answer(plain, "-ERR no\r\n");
        peer.answer("AUTH LOGIN", "+ \r\n");
        peer.answer("YWxpY2U=", "+ \r\n");
        peer.answer("d29uZGVybGFuZA==", "-ERR no\r\n");
        assert!(peer.is_silent());
    });
    assert!(matches!(refused.error, Error::MechanismRefused { .. }), "{refused}");
}

// Conformance: C-XOAUTH2-01, C-XOAUTH2-02
#[test]
fn xoauth2_takes_two_steps_and_reads_the_refusal() {
    let login = Login::token("alice", "token");
    let refused = refused("+OK\r\nSASL XOAUTH2\r\n.\r\n", &login, |peer| {
        peer.answer("AUTH XOAUTH2", "+ \r\n");
        peer.answer("dXNlcj1hbGljZQFhdXRoPUJlYXJlciB0b2tlbgEB", "+ eyJzdGF0dXMiOiI0MDEifQ==\r\n");
        peer.answer("", "-ERR\r\n");
    });
    assert!(matches!(refused.error, Error::Sasl(ClientError::TokenRefused(_))), "{refused}");
    assert!(refused.session.is_some());
}

// Conformance: C-7628-01
#[test]
fn oauthbearer_acknowledges_the_refusal() {
    let login = Login::token("alice", "token");
    let refused = refused("+OK\r\nSASL OAUTHBEARER\r\n.\r\n", &login, |peer| {
        peer.answer("AUTH OAUTHBEARER", "+ \r\n");
        assert!(peer.line().unwrap().len() > 20);
        peer.send("+ eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=\r\n");
        peer.answer("AQ==", "-ERR\r\n");
    });
    assert!(matches!(refused.error, Error::Sasl(ClientError::TokenRefused(_))), "{refused}");
}

// Conformance: C-5034-03, C-EXTERNAL-01
#[test]
fn external_sends_an_empty_initial_response() {
    accepted("+OK\r\n", "+OK\r\nSASL EXTERNAL\r\n.\r\n", &Login::external(), |peer| {
        peer.answer("AUTH EXTERNAL =", "+OK\r\n");
    });
}

// Conformance: C-1939-13, A-84
#[test]
fn apop_is_used_when_asked_for_and_signs_only_a_msg_id() {
    let apop = Login::password("mrose", "tanstaaf").with_method(Method::Apop);
    accepted("+OK <1896.697170952@dbc.mtview.ca.us>\r\n", "-ERR\r\n", &apop, |peer| {
        peer.answer("APOP mrose c4c9334bac560ecc979e58001b3e22fb", "+OK\r\n");
    });
    // Not asked for: never.
    accepted("+OK <1896.697170952@dbc.mtview.ca.us>\r\n", "-ERR\r\n", &alice(), |peer| {
        peer.answer("USER alice", "+OK\r\n");
        peer.answer("PASS wonderland", "+OK\r\n");
    });
    for greeting in ["+OK <no-at-sign>\r\n", "+OK <a\u{e9}@b>\r\n", "+OK\r\n", "+OK <a b@c>\r\n"] {
        let server = Server::once(move |peer| {
            peer.send(greeting);
            peer.answer("CAPA", "-ERR\r\n");
            peer.expect_end();
        });
        let session = wait!(Session::connect(&server.connector())).unwrap();
        let refused = wait!(session.login(&apop)).unwrap_err();
        assert!(matches!(refused.error, Error::NoTimestamp), "{greeting}: {refused}");
        drop(refused);
        server.finish();
    }
}

// Conformance: C-LOGIN-01, C-2195-01, C-4616-01
#[test]
fn what_the_server_offers_decides_between_the_ways() {
    // CRAM-MD5 is no way for a client that was not told to use it.
    accepted(
        "+OK\r\n",
        "+OK\r\nSASL CRAM-MD5 LOGIN PLAIN\r\nAUTH-RESP-CODE\r\nUSER\r\n.\r\n",
        &alice(),
        |peer| {
            peer.answer("AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=", "+OK\r\n");
        },
    );
    accepted("+OK\r\n", "+OK\r\nSASL LOGIN\r\n.\r\n", &alice(), |peer| {
        peer.answer("AUTH LOGIN", "+ V2hvPw==\r\n");
        peer.answer("YWxpY2U=", "+ QW5kPw==\r\n");
        peer.answer("d29uZGVybGFuZA==", "+OK\r\n");
    });
    let refused = refused("+OK\r\nSASL GSSAPI NTLM\r\n.\r\n", &alice(), |peer| assert!(peer.is_silent()));
    assert!(matches!(refused.error, Error::NoMechanism { .. }), "{refused}");
    assert!(refused.to_string().contains("GSSAPI, NTLM"), "{refused}");
}

// Conformance: C-4616-02
#[test]
fn what_cannot_be_sent_is_said_before_anything_is_sent() {
    let plain = Method::Sasl(Mechanism::Plain);
    for (name, password, method) in [
        ("al\0ice", "x", Method::Any),
        ("al\0ice", "x", plain),
        ("alice", "a\r\nDELE 1", Method::UserPass),
        ("alice", "", Method::UserPass),
        ("alice", "", plain),
        ("alice", "a\0b", plain),
        ("", "x", Method::Any),
    ] {
        let login = Login::password(name, password).with_method(method);
        let refused = refused("+OK\r\nUSER\r\n.\r\n", &login, |peer| assert!(peer.is_silent()));
        let text = refused.to_string();
        assert!(refused.session.is_some(), "{name:?} {password:?} {method:?}: {text}");
    }
}

#[test]
fn capa_is_not_sent_where_it_must_not_be() {
    let server = Server::once(|peer| {
        peer.send("+OK\r\n");
        peer.answer("USER alice", "+OK\r\n");
        peer.answer("PASS wonderland", "+OK\r\n");
    });
    let mut options = server.plain();
    options.asks_capabilities = false;
    let session = wait!(Session::connect(&Connector::new(options).unwrap())).unwrap();
    wait!(session.login(&alice())).unwrap();
    server.finish();
}

// Conformance: C-6856-02
#[test]
fn what_is_not_ascii_goes_with_user_and_pass_only_where_that_is_announced() {
    let login = Login::password("alice", "w\u{f6}nderland");
    for capabilities in ["-ERR\r\n", "+OK\r\nUSER\r\nUTF8\r\n.\r\n"] {
        let refused = refused(capabilities, &login, |peer| assert!(peer.is_silent()));
        assert!(matches!(refused.error, Error::Utf8NotAnnounced), "{refused}");
        assert!(refused.session.is_some());
    }
    accepted("+OK\r\n", "+OK\r\nUSER\r\nUTF8 USER\r\n.\r\n", &login, |peer| {
        peer.answer("USER alice", "+OK\r\n");
        peer.answer("PASS w\u{f6}nderland", "+OK\r\n");
    });
    accepted("+OK\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n", &login, |peer| {
        peer.answer("AUTH PLAIN", "+ \r\n");
        peer.answer("AGFsaWNlAHfDtm5kZXJsYW5k", "+OK\r\n");
    });
}
