//! pop3-store
