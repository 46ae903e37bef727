//! pop3-sasl
