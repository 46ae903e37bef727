//! pop3-io
