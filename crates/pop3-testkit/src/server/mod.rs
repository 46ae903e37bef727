//! The test server.

/// A POP3 server on 127.0.0.1, in this process.
#[derive(Debug)]
pub struct TestServer;
