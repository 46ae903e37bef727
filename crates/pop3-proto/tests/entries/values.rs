use std::borrow::Cow;

use pop3_proto::{
    encode, grammar,
    types::{
        Capability, Command, Expire, LanguageTag, Mechanism, MessageNumber, Response, ResponseCode, Secret,
        Status, UniqueId, UniqueIdListing,
    },
};

/// A value that can be encoded is parsed from its octets.
pub(crate) fn value_to_octets_and_back(octets: &[u8]) {
    let [kind, octets @ ..] = octets else { return };
    let (first, rest) = octets.split_at(octets.len().min(4));
    let number = first.iter().fold(0u32, |number, octet| number << 8 | u32::from(*octet));
    let text = String::from_utf8_lossy(rest);
    if let Some(command) = command(*kind, number, &text, rest) {
        command_and_back(&command);
    }
    if let Some(capability) = capability(*kind, number, &text) {
        capability_and_back(&capability);
    }
    response_and_back(*kind, rest);
    if let (Ok(number), Ok(unique_id)) = (MessageNumber::new(number), UniqueId::new(text)) {
        let listing = UniqueIdListing { number, unique_id: unique_id.into() };
        let mut line = Vec::new();
        encode::unique_id_listing(&listing, &mut line);
        assert_eq!(grammar::unique_id_listing(&line[..line.len() - 2]), Some(listing));
    }
    let mut line = Vec::new();
    encode::sasl_response(rest, &mut line);
    let back = grammar::sasl_response(&line[..line.len() - 2]).expect("what was encoded is base64");
    assert_eq!(back.expose().as_ref(), rest);
}

fn command<'v>(kind: u8, number: u32, text: &'v str, octets: &'v [u8]) -> Option<Command<'v>> {
    let message = MessageNumber::new(number).ok();
    let word = || text.split(' ').next().unwrap_or_default();
    Some(match kind % 12 {
        0 => Command::Retr(message?),
        1 => Command::Dele(message?),
        2 => Command::List(message),
        3 => Command::Uidl(message),
        4 => Command::Top { number: message?, lines: u32::from(octets.len() as u16) },
        5 => Command::User(text.into()),
        6 => Command::Pass(Secret::new(text.into())),
        7 => {
            let mut digest = [0; 16];
            digest.iter_mut().zip(octets).for_each(|(place, octet)| *place = *octet);
            Command::Apop { name: text.into(), digest }
        }
        8 => Command::Auth { mechanism: Mechanism::new(word()).ok()?, initial_response: None },
        9 => Command::Auth {
            mechanism: Mechanism::new("X-ANY").ok()?,
            initial_response: Some(Secret::new(Cow::Borrowed(octets))),
        },
        10 => Command::Lang(LanguageTag::new(word()).ok()),
        _ => Command::Capa,
    })
}

fn command_and_back(command: &Command<'_>) {
    let mut line = Vec::new();
    if encode::command(command, &mut line).is_err() {
        assert!(line.is_empty());
        return;
    }
    let line = line.strip_suffix(b"\r\n").expect("a line has an end");
    assert!(!line.contains(&b'\n') && !line.contains(&b'\r'));
    assert_eq!(grammar::command(line).as_ref(), Ok(command));
}

fn capability<'v>(kind: u8, number: u32, text: &'v str) -> Option<Capability<'v>> {
    Some(match kind % 8 {
        0 => Capability::Expire(Expire::Days(number)),
        1 => Capability::Expire(Expire::PerUser(number)),
        2 => Capability::LoginDelay { seconds: number, per_user: kind > 100 },
        3 => Capability::Sasl(text.split(' ').filter_map(|name| Mechanism::new(name).ok()).collect()),
        4 => Capability::Implementation(text.trim_matches(' ').into()),
        5 => Capability::Utf8 { user: kind > 100 },
        // A tag of its own: a known tag with senseless parameters would be read as `Other`, too.
        6 => Capability::Other(format!("X-{}", text.trim_end_matches(' ')).into()),
        _ => Capability::Stls,
    })
}

fn capability_and_back(capability: &Capability<'_>) {
    let mut line = Vec::new();
    encode::capability(capability, &mut line);
    if let Some(line) = line.strip_suffix(b"\r\n") {
        assert_eq!(grammar::capability(line).as_ref(), Some(capability));
    }
}

fn response_and_back(kind: u8, text: &[u8]) {
    let code = match kind % 4 {
        0 => Some(ResponseCode::SysTemp),
        1 => Some(ResponseCode::Other(String::from_utf8_lossy(text).into_owned().into())),
        _ => None,
    };
    let status = if kind > 100 { Status::Ok } else { Status::Err };
    let response = Response { status, code, text: Cow::Borrowed(text) };
    let mut line = Vec::new();
    encode::response(&response, &mut line);
    assert!(line.len() <= encode::MAX_RESPONSE_LINE);
    let line = line.strip_suffix(b"\r\n").expect("a line has an end");
    let back = grammar::response(line).expect("a response");
    assert_eq!(back.status, status);
    let is_plain = text.len() < 400 && !text.iter().any(u8::is_ascii_control);
    if is_plain && kind % 4 != 1 && text.first() != Some(&b'[') {
        assert_eq!(back, response);
    }
}
