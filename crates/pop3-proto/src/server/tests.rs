//! What transcripts cannot show.

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::time::Duration;

use super::*;
use crate::{
    encode::MAX_RESPONSE_LINE,
    machine::{Elapsed, Machine},
    types::{Capability, Expire, MessageNumber, Octets, ResponseCode, UniqueId},
};

fn policy() -> Policy {
    Policy { allow_plaintext_without_tls: true, ..Policy::default() }
}

fn server_with(policy: Policy) -> Server {
    Server::new(Config::new(policy).unwrap(), Connection::default()).unwrap()
}

fn maildrop(messages: usize) -> Maildrop {
    let info = |index: usize| MessageInfo {
        size: Octets(100 + index as u64),
        unique_id: UniqueId::new(format!("id-{index}")).unwrap(),
    };
    (0..messages).map(info).collect()
}

/// Takes everything that waits to be written.
fn written(server: &mut Server) -> String {
    let mut out = Vec::new();
    while let Some(octets) = server.poll_transmit() {
        let count = octets.len();
        out.extend_from_slice(octets);
        server.handle_transmitted(count);
    }
    String::from_utf8(out).unwrap()
}

/// Feeds a command that asks nothing of the outside, and gives its answer.
fn command(server: &mut Server, line: &str) -> String {
    let line = [line, "\r\n"].concat();
    let mut input = line.as_bytes();
    let event = server.next_event(&mut input).unwrap();
    assert!(event.is_none(), "{event:?}");
    assert!(input.is_empty());
    written(server)
}

/// Feeds a command that is a question.
fn question(server: &mut Server, line: &str) -> Event<'static> {
    let line = [line, "\r\n"].concat();
    server.next_event(&mut line.as_bytes()).unwrap().expect("a question").into_owned()
}

fn logged_in(policy: Policy, messages: usize) -> Server {
    let mut server = server_with(policy);
    command(&mut server, "USER mrose");
    question(&mut server, "PASS secret");
    server.accept(maildrop(messages)).unwrap();
    written(&mut server);
    server
}

fn at(seconds: u64) -> Elapsed {
    Elapsed::from_secs(seconds)
}

fn closed(server: &mut Server) -> Option<CloseReason> {
    match server.next_event(&mut &b""[..]).unwrap() {
        Some(Event::Close(reason)) => Some(reason),
        None => None,
        Some(other) => panic!("{other:?}"),
    }
}

// Conformance: S-1939-20, S-2449-01, S-1939-04
#[test]
fn a_policy_that_breaks_a_rule_is_refused() {
    let refused = |change: fn(&mut Policy)| {
        let mut policy = policy();
        change(&mut policy);
        Config::new(policy).err()
    };
    assert_eq!(
        refused(|policy| policy.autologout = Duration::from_secs(599)),
        Some(InvalidPolicy::AutologoutTooShort { got: Duration::from_secs(599) })
    );
    assert_eq!(refused(|policy| policy.autologout = Duration::from_secs(600)), None);
    assert_eq!(refused(|policy| policy.max_line = 254), Some(InvalidPolicy::LineTooShort { got: 254 }));
    for greeting in ["[AUTH] hi", "a\r\nb", "come in <1@x>", &"x".repeat(401)] {
        let policy = Policy { greeting: greeting.into(), ..policy() };
        assert_eq!(Config::new(policy).err(), Some(InvalidPolicy::Greeting));
    }
    assert_eq!(refused(|policy| policy.languages = vec![]), Some(InvalidPolicy::Languages));
    let star = Catalogue { tag: "*", ..Catalogue::ENGLISH };
    let bracket = Catalogue { text: |_| "[AUTH] no", ..Catalogue::ENGLISH };
    let two_lines = Catalogue { text: |_| "a\r\n+OK", ..Catalogue::ENGLISH };
    for bad in [star, bracket, two_lines] {
        let policy = Policy { languages: vec![bad], ..policy() };
        assert_eq!(Config::new(policy).err(), Some(InvalidPolicy::Languages));
    }
    // No way to log in: USER needs TLS, and there is none to be had.
    let locked_out = Policy { stls: false, allow_plaintext_without_tls: false, ..policy() };
    let server = Server::new(Config::new(locked_out).unwrap(), Connection::default());
    assert_eq!(server.err(), Some(InvalidPolicy::NoLogin));
    for timestamp in ["1@x", "<1@x", "<host>", "<1@x>\r\n", "a <1@x>"] {
        let connection = Connection { apop_timestamp: Some(timestamp.into()), ..Connection::default() };
        let server = Server::new(Config::new(policy()).unwrap(), connection);
        assert_eq!(server.err(), Some(InvalidPolicy::Timestamp), "{timestamp}");
    }
}

// Conformance: P-1939-07, S-2449-04, S-2449-10, P-2449-05
#[test]
fn no_text_is_too_long_or_passes_for_a_code() {
    for catalogue in [Catalogue::ENGLISH, Catalogue::GERMAN] {
        for text in Text::ALL {
            let text = (catalogue.text)(text);
            assert!("-ERR [LOGIN-DELAY] ".len() + text.len() + 2 <= MAX_RESPONSE_LINE, "{text}");
            assert!(!text.starts_with('['), "{text}");
            assert!(!text.chars().any(char::is_control), "{text}");
        }
    }
}

/// The tags of the IANA registry.
const REGISTERED: &str = "TOP USER SASL RESP-CODES LOGIN-DELAY PIPELINING EXPIRE UIDL IMPLEMENTATION STLS \
                          AUTH-RESP-CODE UTF8 LANG";

// Conformance: S-2449-06, S-5034-01, S-6856-01, S-2449-08, S-2449-21
#[test]
fn what_is_said_before_login_is_said_after() {
    let mechanism = |name| OfferedMechanism::plaintext(crate::types::Mechanism::new(name).unwrap());
    for allow in [true, false] {
        for is_tls in [true, false] {
            for user_pass in [true, false] {
                let policy = Policy {
                    allow_plaintext_without_tls: allow,
                    user_pass,
                    mechanisms: vec![mechanism("PLAIN")],
                    utf8: Some(Utf8Support { user: true }),
                    languages: vec![Catalogue::ENGLISH, Catalogue::GERMAN],
                    expire: Some(Expire::PerUser(3)),
                    login_delay: Some(9),
                    login_delay_per_user: true,
                    implementation: Some("X".into()),
                    ..Policy::default()
                };
                let connection = Connection { is_tls, apop_timestamp: Some("<1@x>".into()) };
                let mut server = Server::new(Config::new(policy).unwrap(), connection).unwrap();
                let before = server.capabilities();
                question(&mut server, "APOP mrose c4c9334bac560ecc979e58001b3e22fb");
                server.accept(maildrop(0)).unwrap();
                let after = server.capabilities();
                let tag = |capability: &Capability<'_>| {
                    let mut line = Vec::new();
                    crate::encode::capability(capability, &mut line);
                    line.split(|octet| b" \r".contains(octet)).next().unwrap().to_vec()
                };
                for capability in &before {
                    let is_kept = after.iter().any(|later| tag(later) == tag(capability));
                    assert!(is_kept || *capability == Capability::Stls, "{capability:?}");
                }
                // Every tag we know is a registered one; none of our own needs an X.
                let is_registered = |tag: &[u8]| REGISTERED.split(' ').any(|known| known.as_bytes() == tag);
                assert!(after.iter().all(|capability| is_registered(&tag(capability))));
                assert!(!after.contains(&Capability::Stls));
                assert_eq!(before.contains(&Capability::User), user_pass && (allow || is_tls));
                assert_eq!(before.contains(&Capability::Stls), !is_tls);
                assert!(before.iter().all(|capability| tag(capability) != b"APOP"));
                assert_eq!(after.iter().filter(|c| matches!(c, Capability::Implementation(_))).count(), 1);
            }
        }
    }
}

#[test]
fn answers_to_no_question_change_nothing() {
    use UsageError::{NothingToAnswer, WrongAnswer};
    let mut server = logged_in(policy(), 1);
    assert_eq!(server.accept(maildrop(5)), Err(NothingToAnswer));
    assert_eq!(server.reject(Rejection::InUse), Err(NothingToAnswer));
    assert_eq!(server.challenge(b"x"), Err(NothingToAnswer));
    assert_eq!(server.begin_message().err(), Some(NothingToAnswer));
    assert_eq!(server.refuse_message(None), Err(NothingToAnswer));
    assert_eq!(server.finish_update(UpdateOutcome::Removed), Err(NothingToAnswer));
    assert_eq!(server.handle_tls_established(), Err(NothingToAnswer));
    assert_eq!(server.end_message(crate::body::BodyEncoder::whole()), Err(NothingToAnswer));
    server.abort_message(crate::body::BodyEncoder::whole());
    assert_eq!(command(&mut server, "STAT"), "+OK 1 100\r\n");

    question(&mut server, "RETR 1");
    assert_eq!(server.accept(maildrop(5)), Err(WrongAnswer));
    assert_eq!(server.challenge(b"x"), Err(WrongAnswer));
    assert_eq!(server.finish_update(UpdateOutcome::Removed), Err(WrongAnswer));
    assert_eq!(server.end_message(crate::body::BodyEncoder::whole()), Err(WrongAnswer));
    let encoder = server.begin_message().unwrap();
    assert_eq!(server.begin_message().err(), Some(WrongAnswer));
    assert_eq!(server.refuse_message(None), Err(WrongAnswer));
    server.end_message(encoder).unwrap();
    assert_eq!(written(&mut server), "+OK 100 octets\r\n.\r\n");

    let mut server = server_with(policy());
    command(&mut server, "USER mrose");
    question(&mut server, "PASS secret");
    assert_eq!(server.challenge(b"no SASL"), Err(WrongAnswer));
    assert_eq!(written(&mut server), "");
    server.reject(Rejection::InUse).unwrap();
    assert_eq!(server.reject(Rejection::InUse), Err(NothingToAnswer));
}

// Conformance: S-2449-13, S-2449-15, A-18
#[test]
fn ten_thousand_commands_at_once_are_answered_in_order_and_in_little_room() {
    let mut server = logged_in(policy(), 3);
    let mut input = Vec::new();
    for round in 0..10_000 {
        input.extend_from_slice(if round % 2 == 0 { b"LIST 1\r\n" } else { b"LIST 2\r\n" });
    }
    let (mut input, mut output, mut most) = (input.as_slice(), Vec::new(), 0);
    while !input.is_empty() || server.poll_transmit().is_some() {
        assert!(server.next_event(&mut input).unwrap().is_none());
        let pending = server.poll_transmit().unwrap();
        most = most.max(pending.len());
        // A client that reads a little, and never all of it.
        let count = pending.len().min(100);
        output.extend_from_slice(&pending[..count]);
        server.handle_transmitted(count);
    }
    assert!(most < 5_000, "{most}");
    assert_eq!(output, b"+OK 1 100\r\n+OK 2 101\r\n".repeat(5_000));
}

// Conformance: S-2449-13, S-2449-14
#[test]
fn nothing_is_read_while_an_answer_is_owed() {
    let mut server = logged_in(policy(), 1);
    let mut input: &[u8] = b"RETR 1\r\nSTAT\r\nDELE 1\r\nQUIT\r\n";
    assert!(matches!(server.next_event(&mut input), Ok(Some(Event::Retrieve { .. }))));
    let left = input;
    assert!(matches!(server.next_event(&mut input), Ok(None)));
    let encoder = server.begin_message().unwrap();
    assert!(matches!(server.next_event(&mut input), Ok(None)));
    assert_eq!(input, left);
    server.end_message(encoder).unwrap();
    let Ok(Some(Event::Update { deletions, .. })) = server.next_event(&mut input) else { panic!() };
    assert_eq!(deletions.numbers(), [MessageNumber::FIRST]);
    assert_eq!(server.state(), SessionState::Update);
    assert!(matches!(server.next_event(&mut input), Ok(None)), "no word before removal is done");
    assert!(!server.poll_transmit().unwrap().ends_with(b"removed\r\n"));
    server.finish_update(UpdateOutcome::Removed).unwrap();
    assert!(written(&mut server).ends_with("removed\r\n"));
    assert_eq!(closed(&mut server), Some(CloseReason::Quit));
}

// Conformance: S-1939-20, S-1939-21, S-1939-23
#[test]
fn a_command_restarts_the_timer_and_an_octet_does_not() {
    let mut server = logged_in(policy(), 1);
    server.handle_timeout(at(10));
    command(&mut server, "NOOP");
    assert_eq!(server.poll_timeout(), Some(at(610)));
    server.handle_timeout(at(300));
    assert!(server.next_event(&mut &b"NO"[..]).unwrap().is_none());
    assert_eq!(server.poll_timeout(), Some(at(610)));
    server.handle_timeout(at(609));
    assert_eq!(closed(&mut server), None);
    server.handle_timeout(at(610));
    assert_eq!(closed(&mut server), Some(CloseReason::Autologout));
    assert_eq!(written(&mut server), "", "without a word");
    assert_eq!(server.poll_timeout(), None);
    assert_eq!(server.state(), SessionState::Closed);
}

// Conformance: S-1939-25, A-49
#[test]
fn authorization_has_two_timers() {
    let mut server = server_with(policy());
    for second in (0..180).step_by(30) {
        server.handle_timeout(at(second));
        command(&mut server, "CAPA");
        assert_eq!(server.poll_timeout(), Some(at((second + 60).min(180))));
    }
    server.handle_timeout(at(180));
    assert_eq!(closed(&mut server), Some(CloseReason::Autologout));
    let mut server = server_with(policy());
    written(&mut server);
    server.handle_timeout(at(60));
    assert_eq!(closed(&mut server), Some(CloseReason::Autologout));
}

// Conformance: S-1939-24
#[test]
fn a_slow_reader_is_not_idle() {
    let mut server = logged_in(policy(), 10_000);
    server.handle_timeout(at(100));
    assert!(server.next_event(&mut &b"LIST\r\n"[..]).unwrap().is_none());
    let mut now = 100;
    while let Some(octets) = server.poll_transmit() {
        let count = octets.len().min(1_000);
        now += 100;
        server.handle_timeout(at(now));
        assert_eq!(closed(&mut server), None, "at {now}");
        server.handle_transmitted(count);
    }
    assert!(now > 5_000);
    server.handle_timeout(at(now));
    assert_eq!(server.poll_timeout(), Some(at(now + 600)));
}

// Conformance: S-1939-24
#[test]
fn the_time_a_message_takes_is_not_the_clients_idleness() {
    let mut server = logged_in(policy(), 1);
    server.handle_timeout(at(10));
    question(&mut server, "RETR 1");
    assert_eq!(server.poll_timeout(), None);
    let encoder = server.begin_message().unwrap();
    // Twenty minutes go by, and nobody tells the machine.
    server.end_message(encoder).unwrap();
    written(&mut server);
    assert_eq!(server.poll_timeout(), Some(at(10)), "it wants to be told at once");
    server.handle_timeout(at(1_210));
    assert_eq!(closed(&mut server), None);
    assert_eq!(server.poll_timeout(), Some(at(1_810)));
}

// Conformance: S-1939-25
#[test]
fn a_slow_password_check_costs_the_client_nothing() {
    let mut server = server_with(policy());
    command(&mut server, "USER mrose");
    question(&mut server, "PASS wrong");
    server.handle_timeout(at(100));
    assert_eq!(closed(&mut server), None);
    server.reject(Rejection::BadCredentials).unwrap();
    server.handle_timeout(at(101));
    assert_eq!(closed(&mut server), None);
    assert!(written(&mut server).starts_with("-ERR [AUTH]"));
    assert_eq!(server.poll_timeout(), Some(at(161)));
}

// Conformance: S-1939-23, S-1939-24
#[test]
fn a_client_that_never_reads_a_listing_is_logged_out() {
    let mut server = logged_in(policy(), 10_000);
    server.handle_timeout(at(0));
    assert!(server.next_event(&mut &b"LIST\r\nQUIT\r\n"[..]).unwrap().is_none());
    assert!(server.poll_transmit().is_some());
    server.handle_transmitted(0);
    server.handle_timeout(at(600));
    assert_eq!(closed(&mut server), Some(CloseReason::Autologout));
    assert!(server.poll_transmit().is_none());
}

// Conformance: S-ROB-08, A-32
#[test]
fn shutting_down_waits_for_what_is_owed() {
    // An update that has begun is finished and answered.
    let mut server = logged_in(policy(), 1);
    command(&mut server, "DELE 1");
    question(&mut server, "QUIT");
    server.shut_down();
    assert_eq!(closed(&mut server), None);
    server.finish_update(UpdateOutcome::Removed).unwrap();
    assert_eq!(closed(&mut server), Some(CloseReason::Quit));
    assert!(written(&mut server).starts_with("+OK"));
    // A message is sent to its end, a command behind it is not read.
    let mut server = logged_in(policy(), 1);
    let mut input: &[u8] = b"RETR 1\r\nDELE 1\r\n";
    assert!(matches!(server.next_event(&mut input), Ok(Some(Event::Retrieve { .. }))));
    server.shut_down();
    let encoder = server.begin_message().unwrap();
    assert!(matches!(server.next_event(&mut input), Ok(None)));
    server.end_message(encoder).unwrap();
    assert!(matches!(server.next_event(&mut input), Ok(Some(Event::Close(CloseReason::ShuttingDown)))));
    assert!(written(&mut server).ends_with(".\r\n"));
    // A login that was asked for is answered with the reason, and nobody is let in.
    let mut server = server_with(policy());
    command(&mut server, "USER mrose");
    question(&mut server, "PASS secret");
    server.shut_down();
    server.accept(maildrop(1)).unwrap();
    assert_eq!(server.state(), SessionState::Authorization);
    assert!(written(&mut server).starts_with("-ERR [SYS/TEMP]"));
    assert_eq!(closed(&mut server), Some(CloseReason::ShuttingDown));
    // A listing is finished.
    let mut server = logged_in(policy(), 2_000);
    assert!(server.next_event(&mut &b"LIST\r\n"[..]).unwrap().is_none());
    server.shut_down();
    assert_eq!(closed(&mut server), None);
    assert!(written(&mut server).ends_with("2000 2099\r\n.\r\n"));
    assert_eq!(closed(&mut server), Some(CloseReason::ShuttingDown));
    assert_eq!(closed(&mut server), None, "said once");
}

// Conformance: S-ROB-04
#[test]
fn no_secret_shows_in_debug() {
    let mechanisms = vec![OfferedMechanism::safe(crate::types::Mechanism::new("PLAIN").unwrap())];
    let connection = Connection { apop_timestamp: Some("<1@x>".into()), ..Connection::default() };
    let config = Config::new(Policy { mechanisms, ..policy() }).unwrap();
    let mut server = Server::new(config, connection).unwrap();
    command(&mut server, "USER mrose");
    let mut shown = String::new();
    for (line, answer) in [
        ("PASS tanstaaf", true),
        ("APOP mrose 74616e737461616674616e7374616166", true),
        ("AUTH PLAIN dGFuc3RhYWY=", true),
        ("AUTH PLAIN", false),
    ] {
        shown += &format!("{:?}\n", question(&mut server, line));
        if answer {
            server.reject(Rejection::InUse).unwrap();
        }
    }
    server.challenge(b"").unwrap();
    written(&mut server);
    shown += &format!("{:?}\n", question(&mut server, "dGFuc3RhYWY="));
    server.reject(Rejection::InUse).unwrap();
    written(&mut server);
    // Half a line, and an answer that was not written yet.
    assert!(server.next_event(&mut &b"PASS tanstaaf"[..]).unwrap().is_none());
    shown += &format!("{server:?}");
    let octets = format!("{:?}", b"tanstaaf");
    for secret in ["tanstaaf", "dGFuc3RhYWY", "74616e", octets.trim_matches(['[', ']'])] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

// Conformance: S-ROB-10
#[test]
fn many_messages_that_cannot_be_read_do_not_end_the_session() {
    let mut server = logged_in(policy(), 60);
    for number in 1..60 {
        question(&mut server, &format!("RETR {number}"));
        server.refuse_message(Some(ResponseCode::SysTemp)).unwrap();
        assert!(written(&mut server).starts_with("-ERR [SYS/TEMP]"), "{number}");
        assert_eq!(closed(&mut server), None, "{number}");
    }
    question(&mut server, "RETR 60");
    let encoder = server.begin_message().unwrap();
    server.end_message(encoder).unwrap();
    written(&mut server);
    // One message again and again is another matter.
    for attempt in 1..=25 {
        assert_eq!(closed(&mut server), None, "{attempt}");
        question(&mut server, "RETR 59");
        server.refuse_message(None).unwrap();
    }
    assert_eq!(closed(&mut server), Some(CloseReason::TooManyErrors));
}

// Conformance: S-ROB-01
#[test]
fn a_retrieval_counts_no_error_twice() {
    let mut server = logged_in(policy(), 1);
    for _ in 0..24 {
        command(&mut server, "FOO");
    }
    question(&mut server, "RETR 1");
    server.refuse_message(Some(ResponseCode::SysTemp)).unwrap();
    assert_eq!(closed(&mut server), Some(CloseReason::TooManyErrors));
    let mut server = logged_in(policy(), 1);
    for _ in 0..24 {
        command(&mut server, "FOO");
    }
    question(&mut server, "TOP 1 0");
    let encoder = server.begin_message().unwrap();
    server.end_message(encoder).unwrap();
    assert_eq!(closed(&mut server), None);
    written(&mut server);
    for _ in 0..24 {
        assert!(command(&mut server, "FOO").starts_with("-ERR"));
    }
    assert_eq!(closed(&mut server), None);
}

// Conformance: A-13
#[test]
fn an_endless_line_is_answered_once_and_then_given_up() {
    let mut server = logged_in(policy(), 1);
    let line = vec![b'x'; 3 << 20];
    let mut error = None;
    for piece in line.chunks(4096) {
        let mut input = piece;
        match server.next_event(&mut input) {
            Ok(event) => assert!(event.is_none() && input.is_empty()),
            Err(endless) => {
                error = Some(endless);
                break;
            }
        }
    }
    assert_eq!(error, Some(PeerMisbehaved::EndlessLine));
    assert_eq!(written(&mut server), "-ERR That line is too long\r\n");
    assert_eq!(server.next_event(&mut &b"NOOP\r\n"[..]).err(), Some(PeerMisbehaved::EndlessLine));
    assert_eq!(server.state(), SessionState::Closed);
    assert!(PeerMisbehaved::EndlessLine.to_string().contains("does not end"));
}

// Conformance: S-STLS-01, S-STLS-04, A-01
#[test]
fn nobody_is_told_to_begin_tls_behind_injected_octets() {
    let mut server = server_with(policy());
    written(&mut server);
    let mut input: &[u8] = b"STLS\r\nNOOP\r\n";
    assert_eq!(server.next_event(&mut input).err(), Some(PeerMisbehaved::PlaintextAfterStls));
    assert!(server.poll_transmit().is_none());
    assert_eq!(server.handle_tls_established(), Err(UsageError::NothingToAnswer));
}

// Conformance: S-1939-10, S-1939-28, S-1939-39
#[test]
fn marks_hold_at_the_borders_of_words() {
    let mut server = logged_in(policy(), 130);
    for number in [1, 63, 64, 65, 128, 129, 130] {
        assert!(command(&mut server, &format!("DELE {number}")).starts_with("+OK"));
        assert!(command(&mut server, &format!("DELE {number}")).starts_with("-ERR"));
    }
    assert!(command(&mut server, "STAT").starts_with("+OK 123 "));
    let listing = command(&mut server, "UIDL");
    assert_eq!(listing.lines().count(), 125);
    assert!(listing.contains("\r\n62 id-61\r\n66 id-65\r\n"), "{listing}");
    assert!(command(&mut server, "RSET").starts_with("+OK"));
    assert!(command(&mut server, "STAT").starts_with("+OK 130 "));
    command(&mut server, "DELE 65");
    let Event::Update { deletions, .. } = question(&mut server, "QUIT") else { panic!() };
    assert_eq!(deletions.numbers(), [MessageNumber::new(65).unwrap()]);
}

// Conformance: A-52
#[test]
fn totals_have_64_bits() {
    let info =
        |id: &'static str, size| MessageInfo { size: Octets(size), unique_id: UniqueId::new(id).unwrap() };
    let mut server = server_with(policy());
    command(&mut server, "USER mrose");
    question(&mut server, "PASS secret");
    let sizes = [info("a", u64::from(u32::MAX)), info("b", u64::from(u32::MAX))];
    server.accept(sizes.into_iter().collect::<Maildrop>()).unwrap();
    written(&mut server);
    assert_eq!(command(&mut server, "STAT"), "+OK 2 8589934590\r\n");
    assert_eq!(command(&mut server, "LIST 2"), "+OK 2 4294967295\r\n");
}

// Conformance: A-40
#[test]
fn a_thousand_cancelled_exchanges_leave_nothing() {
    let mechanisms = vec![OfferedMechanism::safe(crate::types::Mechanism::new("X").unwrap())];
    let mut server = server_with(Policy { mechanisms, ..policy() });
    written(&mut server);
    for _ in 0..1_000 {
        question(&mut server, "AUTH X");
        server.challenge(b"x").unwrap();
        assert!(matches!(question(&mut server, "*"), Event::SaslCancelled));
        assert!(written(&mut server).ends_with("-ERR Authentication cancelled\r\n"));
    }
    assert_eq!(server.state(), SessionState::Authorization);
}
