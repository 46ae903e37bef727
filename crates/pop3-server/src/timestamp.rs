//! The timestamp of a greeting.

use std::{
    fmt::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

/// A msg-id that nobody can guess and that never comes twice. RFC 1939 section 7, RFC 2195 section 2.
pub(crate) fn timestamp(host: &str) -> Result<Box<str>, getrandom::Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut text = String::from("<");
    for octet in random {
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
    }
    let _ = write!(text, ".{seconds}@{host}>");
    Ok(text.into_boxed_str())
}

#[cfg(test)]
mod tests {
    // Conformance: A-41
    #[test]
    fn every_timestamp_is_a_msg_id_of_its_own() {
        let made: std::collections::HashSet<_> =
            (0..1000).map(|_| super::timestamp("mail.example").unwrap()).collect();
        assert_eq!(made.len(), 1000);
        assert!(made.iter().all(|timestamp| pop3_sasl::apop::is_valid_timestamp(timestamp)));
    }
}
