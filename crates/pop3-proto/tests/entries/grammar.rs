use pop3_proto::{encode, grammar, types::ResponseCode};

/// A line that is a command is, encoded and parsed again, the same command.
pub(crate) fn command(line: &[u8]) {
    let line = without_end(line);
    let Ok(command) = grammar::command(line) else { return };
    let mut octets = Vec::new();
    encode::command(&command, &mut octets).expect("what was parsed can be encoded");
    assert_eq!(grammar::command(without_end(&octets)), Ok(command));
}

/// What a server's line is parsed to is, encoded, one line within its bounds, which is parsed to the same.
pub(crate) fn response(line: &[u8]) {
    let line = without_end(line);
    first_line(line);
    let mut octets = Vec::new();
    if let Some(capability) = grammar::capability(line) {
        encode::capability(&capability, &mut octets);
        assert!(octets.len() <= encode::MAX_RESPONSE_LINE);
        if !octets.is_empty() {
            assert_eq!(grammar::capability(without_end(&octets)), Some(capability));
        }
    }
    if let Some(listing) = grammar::drop_listing(line) {
        octets.clear();
        encode::drop_listing(listing, &mut octets);
        assert_eq!(grammar::drop_listing(&without_end(&octets)[4..]), Some(listing));
    }
    if let Some(listing) = grammar::scan_listing(line) {
        octets.clear();
        encode::scan_listing(listing, &mut octets);
        assert_eq!(grammar::scan_listing(without_end(&octets)), Some(listing));
    }
    if let Some(listing) = grammar::unique_id_listing(line) {
        octets.clear();
        encode::unique_id_listing(&listing, &mut octets);
        assert_eq!(grammar::unique_id_listing(without_end(&octets)), Some(listing));
    }
    if let Some(language) = grammar::language(line) {
        octets.clear();
        encode::language(&language, &mut octets);
        let again = grammar::language(without_end(&octets)).expect("what was encoded is a line");
        assert_eq!(again.tag, language.tag);
    }
    if let Some(Some(challenge)) = grammar::challenge(line) {
        octets.clear();
        encode::challenge(&challenge, &mut octets);
        assert_eq!(grammar::challenge(without_end(&octets)), Some(Some(challenge)));
    }
    if let Some(timestamp) = grammar::greeting_timestamp(line) {
        assert_eq!(grammar::greeting_timestamp(timestamp.as_bytes()), Some(timestamp));
    }
}

fn first_line(line: &[u8]) {
    let Some(response) = grammar::response(line) else { return };
    let _ = (format!("{response}"), format!("{response:?}"));
    let mut octets = Vec::new();
    encode::response(&response, &mut octets);
    assert!(octets.len() <= encode::MAX_RESPONSE_LINE);
    let once = without_end(&octets);
    assert!(!once.iter().any(u8::is_ascii_control));
    let again = grammar::response(once).expect("what was encoded is a response");
    assert_eq!(again.status, response.status);
    if response.code.as_ref().is_none_or(|code| code.as_str().len() <= 100) {
        assert_eq!(again.code, response.code.filter(|code| ResponseCode::new(code.as_str()).is_ok()));
    }
    let mut twice = Vec::new();
    encode::response(&again, &mut twice);
    assert_eq!(twice, octets);
}

fn without_end(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).unwrap_or(line)
}
