//! pop3-client
