//! A server with three messages, and something wrong with it.

use std::time::Duration;

use pop3_testkit::{TestServer, fault::Plan};

/// How long a test waits for what has to come: far more than it takes, so that a slow machine passes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The messages, 30, 24 and 25 octets with CRLF, and their unique-ids.
pub(crate) const MAIL: [(&str, &str); 3] = [
    ("aa", "Subject: one\r\n\r\n.dot\r\n.\r\nend\r\n"),
    ("bb", "Subject: two\r\n\r\nsecond\r\n"),
    ("cc", "Subject: three\r\n\r\nthird\r\n"),
];

pub(crate) fn plan(rules: &[&str]) -> Plan {
    rules.iter().map(|rule| rule.parse().unwrap_or_else(|error| panic!("{error}"))).collect()
}

pub(crate) fn server(rules: &[&str]) -> TestServer {
    let mut builder = TestServer::builder().user("alice", "wonderland").faults(plan(rules));
    for (unique_id, message) in MAIL {
        builder = builder.message_as("alice", unique_id, message.as_bytes());
    }
    builder.start().unwrap()
}

/// The unique-ids of what is in the maildrop now.
pub(crate) fn left(server: &TestServer) -> String {
    let messages = server.messages("alice");
    messages.iter().map(|message| message.unique_id.as_str().to_owned()).collect::<Vec<_>>().join(" ")
}
