//! For every profile, our client fetches three messages from a server that talks so.

use pop3_client::{
    Capabilities, Connector, Error, Login, LoginError, Security, Transaction,
    blocking::Session,
    proto::{
        client::PeerMisbehaved,
        types::{Capability, MessageNumber},
    },
};
use pop3_testkit::{TestServer, profile::Profile};

use crate::support::connector;

const USER: &str = "alice@example.org";
const PASSWORD: &str = "wonderland";
const TOKEN: &str = "ya29.a0token";

const MAIL: [&str; 3] = [
    "Subject: one\r\n\r\n.a line with a dot\r\n..two\r\n.\r\n",
    "Subject: two\r\n\r\nthe second one\r\n",
    "Subject: three\r\n\r\nthe third, with \x7f and a TAB\t\r\n",
];

fn server(profile: &Profile) -> TestServer {
    let builder = TestServer::builder().profile(profile).user(USER, PASSWORD).token(USER, TOKEN);
    MAIL.iter().fold(builder, |builder, mail| builder.message(USER, mail.as_bytes())).start().unwrap()
}

/// Logs in by what the profile takes.
fn login(connector: &Connector, profile: &Profile) -> Result<Session<Transaction>, Error> {
    let login = match profile.name() {
        "outlook-com" => Login::token(USER, TOKEN),
        _ => Login::password(USER, PASSWORD),
    };
    let session = Session::connect(connector)?;
    session.login(&login).map_err(|LoginError { error, .. }| error)
}

fn retr(session: &mut Session<Transaction>, number: u32) -> Result<Vec<u8>, Error> {
    let mut message = Vec::new();
    let number = MessageNumber::new(number).unwrap();
    session.retr(number)?.for_each_chunk(|chunk| {
        message.extend_from_slice(chunk);
        Ok(())
    })?;
    Ok(message)
}

fn fetches_all(session: &mut Session<Transaction>, name: &str) {
    for (number, expected) in (1..).zip(MAIL) {
        let message = retr(session, number).unwrap_or_else(|error| panic!("{name}: {number}: {error}"));
        assert_eq!(String::from_utf8_lossy(&message), expected, "{name}: message {number}");
    }
}

// Conformance: C-1939-06, C-2449-01, C-2449-03, C-PROV-03, C-PROV-05, C-PROV-07
#[test]
fn every_dialect_gives_up_its_mail() {
    for profile in Profile::all() {
        // Its second message never ends; see below.
        if profile.name() == "exchange-2000" {
            continue;
        }
        let server = server(&profile);
        for security in [Security::InsecurePlain, Security::StlsRequired, Security::ImplicitTls] {
            // Some announce no STLS, or have none; a server that deletes what is retrieved is fetched once.
            if security == Security::StlsRequired && !announces_stls(&profile) {
                continue;
            }
            let name = format!("{} ({security:?})", profile.name());
            let server = if security == Security::InsecurePlain { &server } else { &self::server(&profile) };
            let mut session = match login(&connector(server, security), &profile) {
                Ok(session) => session,
                // A token does not go over the wire in clear, whatever is announced there.
                Err(Error::NoMechanism { .. }) if name.starts_with("outlook-com (InsecurePlain") => continue,
                Err(error) => panic!("{name}: {error}"),
            };
            fetches_all(&mut session, &name);
            session.quit().unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

fn announces_stls(profile: &Profile) -> bool {
    match profile.capabilities() {
        Some(lists) => lists.plain.iter().any(|line| line == "STLS"),
        None => !profile.refuses_capa(),
    }
}

// Conformance: C-1939-06
#[test]
fn exchange_2000_leaves_the_client_waiting_for_an_end() {
    let profile = Profile::named("exchange-2000").unwrap();
    let server = server(&profile);
    let mut session = login(&connector(&server, Security::InsecurePlain), &profile).unwrap();
    assert_eq!(String::from_utf8(retr(&mut session, 1).unwrap()).unwrap(), MAIL[0]);
    assert_eq!(String::from_utf8(retr(&mut session, 3).unwrap()).unwrap(), MAIL[2]);
    let waiting = std::thread::spawn(move || retr(&mut session, 2));
    let is_waiting = |sessions: &[pop3_testkit::server::SessionRecord]| {
        sessions.first().is_some_and(|session| session.transcript.has_said("RETR 2"))
    };
    server.wait_until("RETR 2 was said", crate::support::LIMIT, is_waiting).unwrap();
    drop(server);
    let error = waiting.join().unwrap().expect_err("a message without an end is no message");
    assert!(matches!(error, Error::Peer(PeerMisbehaved::UnexpectedEof) | Error::Io(_)), "{error:?}");
}

// Conformance: C-3206-03
#[test]
fn web_de_refuses_the_second_login_as_if_the_password_were_wrong() {
    let profile = Profile::named("web-de").unwrap();
    let server = server(&profile);
    for security in [Security::InsecurePlain, Security::ImplicitTls] {
        let connector = connector(&server, security);
        let result = login(&connector, &profile);
        if security == Security::InsecurePlain {
            result.unwrap().quit().unwrap();
        } else {
            let error = result.expect_err("15 minutes have not passed");
            // In answer to SCRAM it comes before there is a proof that could be wrong.
            assert!(
                matches!(error, Error::LoginRefused { .. } | Error::MechanismRefused { .. }),
                "{error:?}"
            );
            assert!(!error.is_temporary(), "nothing says that it is: {error}");
        }
    }
}

// Conformance: C-3206-03
#[test]
fn hotmail_says_after_login_that_it_was_too_early() {
    let profile = Profile::named("hotmail-legacy").unwrap();
    let server = server(&profile);
    let connector = connector(&server, Security::InsecurePlain);
    login(&connector, &profile).unwrap().quit().unwrap();
    let mut session = login(&connector, &profile).unwrap();
    let error = session.stat().expect_err("15 minutes have not passed");
    assert!(error.to_string().contains("login allowed only every 15 minutes"), "{error}");
    let error = session.list().expect_err("15 minutes have not passed");
    assert!(error.to_string().contains("Exceeded the login limit"), "{error}");
}

// Conformance: C-PROV-02
#[test]
fn what_gmail_and_mercury_gave_is_gone_after_quit() {
    for name in ["gmail", "mercury"] {
        let profile = Profile::named(name).unwrap();
        let server = server(&profile);
        let connector = connector(&server, Security::ImplicitTls);
        let mut session = login(&connector, &profile).unwrap();
        retr(&mut session, 2).unwrap();
        session.quit().unwrap();
        let left: Vec<u32> = (1..).zip(server.messages(USER)).map(|(number, _)| number).collect();
        assert_eq!(left.len(), 2, "{name}");
        let mut session = login(&connector, &profile).unwrap();
        assert_eq!(String::from_utf8(retr(&mut session, 2).unwrap()).unwrap(), MAIL[2], "{name}");
    }
}

// Conformance: C-PROV-02
#[test]
fn yandex_keeps_what_was_deleted() {
    let profile = Profile::named("yandex").unwrap();
    let server = server(&profile);
    let mut session = login(&connector(&server, Security::ImplicitTls), &profile).unwrap();
    session.dele(MessageNumber::new(1).unwrap()).unwrap();
    session.quit().unwrap();
    assert_eq!(server.messages(USER).len(), 3);
}

// Conformance: C-PROV-07, C-PROV-08
#[test]
fn unique_ids_are_read_in_every_dialect() {
    for name in ["maillennium", "twisted", "k9-1237", "qmail", "popa3d", "cyrus"] {
        let profile = Profile::named(name).unwrap();
        let server = server(&profile);
        let mut session = login(&connector(&server, Security::InsecurePlain), &profile).unwrap();
        let expected: Vec<String> =
            server.messages(USER).iter().map(|message| message.unique_id.to_string()).collect();
        let listed = session.uidl().unwrap_or_else(|error| panic!("{name}: {error}"));
        let ids: Vec<String> = listed.iter().map(|listing| listing.unique_id.to_string()).collect();
        assert_eq!(ids, expected, "{name}");
    }
}

// Conformance: C-2449-01, C-PROV-03, C-PROV-05
#[test]
fn capabilities_are_those_of_the_dialect() {
    let announced = |name: &str, security| -> Capabilities {
        let profile = Profile::named(name).unwrap();
        let server = server(&profile);
        Session::connect(&connector(&server, security)).unwrap().capabilities().unwrap().clone()
    };
    let gmail = announced("gmail", Security::ImplicitTls);
    assert!(gmail.contains(&Capability::LoginDelay { seconds: 300, per_user: false }));
    assert_eq!(gmail.iter().count(), 8);
    let exchange = announced("exchange-online", Security::InsecurePlain);
    assert_eq!(exchange.mechanisms().count(), 0);
    let exchange = announced("exchange-online", Security::ImplicitTls);
    assert_eq!(exchange.mechanisms().count(), 2);
    assert!(!announced("qmail", Security::InsecurePlain).is_known());
}

// Conformance: C-PROV-04
#[test]
fn outlook_com_takes_a_token_and_no_password() {
    let profile = Profile::named("outlook-com").unwrap();
    let server = server(&profile);
    let connector = connector(&server, Security::ImplicitTls);
    let session = Session::connect(&connector).unwrap();
    let LoginError { error, .. } = session.login(&Login::password(USER, PASSWORD)).unwrap_err();
    assert!(matches!(error, Error::LoginRefused { .. }), "{error:?}");
    login(&connector, &profile).unwrap().quit().unwrap();
    let transcript = server.wait_for_session(2, crate::support::LIMIT).unwrap().transcript;
    // The token goes on a line of its own.
    transcript.assert_said("AUTH XOAUTH2");
}
