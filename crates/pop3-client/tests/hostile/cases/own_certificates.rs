//! Servers whose certificate vouches for itself and is marked as a CA, as `openssl req -x509` makes them.

use std::{path::PathBuf, sync::Arc};

use pop3_client::{Connector, Error, Roots, Security};
use pop3_io::rustls::ServerConfig;

use super::Session;
use crate::support::{Server, certificates::SelfSigned, options};

/// Connects to a server with this configuration, trusting this file; nothing but a greeting follows.
fn connect(config: Arc<ServerConfig>, file: PathBuf) -> Result<(), Error> {
    let server = Server::once(move |peer| {
        if peer.start_tls(&config) {
            peer.send("+OK\r\n");
        }
        peer.expect_end();
    });
    let options = options("127.0.0.1", server.port, Security::ImplicitTls).with_roots(Roots::File(file));
    let result = wait!(Session::connect(&Connector::new(options).unwrap())).map(drop);
    server.finish();
    result
}

// Conformance: C-2595-03, C-7817-12
#[test]
fn the_very_certificate_of_the_file_is_taken_for_its_names() {
    let own = SelfSigned::new(&["localhost", "127.0.0.1"]);
    connect(own.server(), own.file()).unwrap();
    let elsewhere = SelfSigned::new(&["localhost", "192.0.2.1"]);
    let error = connect(elsewhere.server(), elsewhere.file()).unwrap_err();
    assert!(matches!(error, Error::Tls { .. }) && error.to_string().contains("192.0.2.1"), "{error}");
}

// Conformance: C-2595-03
#[test]
fn the_addresses_of_another_certificate_are_told_as_they_are_written() {
    let elsewhere = SelfSigned::new(&["::1", "2001:db8::2", "::ffff:192.0.2.1"]);
    let error = connect(elsewhere.server(), elsewhere.file()).unwrap_err().to_string();
    assert!(error.contains("but for ::1, 2001:db8::2, ::ffff:192.0.2.1;"), "{error}");
}

// Conformance: C-2595-03
#[test]
fn another_certificate_that_vouches_for_itself_is_refused() {
    let (own, other) = (SelfSigned::new(&["127.0.0.1"]), SelfSigned::new(&["127.0.0.1"]));
    let error = connect(other.server(), own.file()).unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error}");
    // Nor does the one in the file vouch for CAs, with the names of the one who connects.
    let error = connect(own.issue_ca(&["127.0.0.1"]), own.file()).unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error}");
}

#[test]
fn the_certificate_of_the_file_is_refused_outside_of_its_dates() {
    for (first, end, words) in [(1975, 2001, "has expired"), (3000, 4096, "is not valid yet")] {
        let own = SelfSigned::valid_in(&["127.0.0.1"], first, end);
        let error = connect(own.server(), own.file()).unwrap_err();
        assert!(matches!(error, Error::Tls { .. }) && error.to_string().contains(words), "{error}");
    }
}

// Conformance: A-97
#[test]
fn a_certificate_that_is_no_ca_is_taken_for_itself_and_signs_nothing() {
    for is_marked in [true, false] {
        let own = SelfSigned::no_ca(&["127.0.0.1"], is_marked);
        connect(own.server(), own.file()).unwrap();
        let error = connect(own.issue(&["127.0.0.1"]), own.file()).unwrap_err();
        assert!(error.to_string().contains("not signed by a trusted authority"), "{is_marked}: {error}");
        let elsewhere = SelfSigned::no_ca(&["192.0.2.1"], is_marked);
        let error = connect(elsewhere.server(), elsewhere.file()).unwrap_err();
        assert!(error.to_string().contains("192.0.2.1"), "{is_marked}: {error}");
    }
    // A CA does sign.
    let ca = SelfSigned::new(&["127.0.0.1"]);
    connect(ca.issue(&["127.0.0.1"]), ca.file()).unwrap();
}
