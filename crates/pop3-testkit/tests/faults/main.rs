//! What each fault does on the wire, as a client that is not ours sees it; and what our client makes of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test")]

mod our_client;
mod our_logins;
mod poplib;
mod raw;
mod support;
mod wire;
mod wire_time;

use pop3_testkit::fault::Fault;

/// A fault that has no row on the wire, or none with our client, has no test.
#[test]
fn every_fault_is_seen_on_the_wire_and_by_our_client() {
    for form in Fault::FORMS {
        let is_on_wire = wire::forms().chain(wire_time::forms()).any(|tested| tested == *form);
        let is_with_client = our_client::forms().chain(our_logins::forms()).any(|tested| tested == *form);
        assert!(is_on_wire, "`{form}` is not shown on the wire");
        assert!(is_with_client, "`{form}` is not shown with our client");
    }
    let all = wire::forms().chain(wire_time::forms()).chain(our_client::forms()).chain(our_logins::forms());
    for form in all {
        assert!(Fault::FORMS.contains(&form), "`{form}` is no form of a fault");
    }
}
