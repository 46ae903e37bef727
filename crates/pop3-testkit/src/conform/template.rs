//! What is sent: text with holes for credentials and captured values.

use pop3_sasl::apop;

use super::{
    base64,
    text::{Piece, pieces, shown},
    values::Values,
};

/// A line that is sent, or a part of one.
#[derive(Debug, Clone)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

/// Who logs in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user name.
    pub user: String,
    /// The password.
    pub password: String,
}

/// What holes are filled with.
pub(super) struct Filling<'f> {
    pub(super) account: &'f Account,
    pub(super) second: Option<&'f Account>,
    pub(super) values: &'f Values,
    /// The next message of the SASL exchange.
    pub(super) sasl: Option<&'f [u8]>,
}

impl Template {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// A sentence about what is wrong in it.
    pub(super) fn parse(source: &str) -> Result<Self, String> {
        Ok(Self { pieces: pieces(source)? })
    }

    /// The text as it stands, with what is no secret filled in.
    pub(super) fn shown(&self, account: &Account, values: &Values) -> String {
        let parts = self.pieces.iter().map(|piece| match piece {
            Piece::Literal(octets) => shown(octets),
            Piece::Wild => "*".to_owned(),
            Piece::Hole(hole) if hole == "user" => account.user.clone(),
            Piece::Hole(hole) => match values.text(hole) {
                Ok(octets) => shown(&octets),
                Err(_) => format!("{{{hole}}}"),
            },
        });
        parts.collect()
    }

    /// Whether the next message of the SASL exchange is in it.
    pub(super) fn has_sasl(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Hole(hole) if hole == "sasl"))
    }

    /// The octets to send, without a line end.
    ///
    /// # Errors
    ///
    /// A sentence when a hole cannot be filled.
    pub(super) fn fill(&self, filling: &Filling<'_>) -> Result<Vec<u8>, String> {
        let mut octets = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => octets.extend_from_slice(literal),
                Piece::Wild => octets.push(b'*'),
                Piece::Hole(hole) => octets.extend(fill(hole, filling)?),
            }
        }
        Ok(octets)
    }
}

fn fill(hole: &str, filling: &Filling<'_>) -> Result<Vec<u8>, String> {
    let second = || filling.second.ok_or_else(|| "there is no second user".to_owned());
    let inner = |text: &str| Template::parse(text)?.fill(filling);
    if let Some((function, text)) = hole.split_once(':') {
        return match function {
            "times" => {
                let (count, text) = text.split_once(':').ok_or("times has a number and a text")?;
                let count: usize = count.parse().map_err(|_| format!("this is no number: {count}"))?;
                Ok(inner(text)?.repeat(count))
            }
            "base64" => Ok(base64::encoded(&inner(text)?).into_bytes()),
            // RFC 1939 section 7: the digest over this timestamp and the password.
            "apop" => {
                let timestamp = String::from_utf8(inner(text)?).map_err(|_| "the timestamp is no text")?;
                let digest = apop::digest(&timestamp, filling.account.password.as_bytes());
                Ok(apop::to_hex(&digest).into_bytes())
            }
            _ => Err(format!("there is no function {function}")),
        };
    }
    match hole {
        "user" => Ok(filling.account.user.clone().into_bytes()),
        "password" => Ok(filling.account.password.clone().into_bytes()),
        "second-user" => Ok(second()?.user.clone().into_bytes()),
        "second-password" => Ok(second()?.password.clone().into_bytes()),
        "sasl" => {
            let message = filling.sasl.ok_or("no SASL exchange was begun with @sasl")?;
            Ok(base64::encoded(message).into_bytes())
        }
        name => filling.values.text(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conform::values::Value;

    #[test]
    fn holes_are_filled() {
        let mut values = Values::default();
        values.set("time", Value::Text(b"<1896.697170952@dbc.mtview.ca.us>".to_vec()));
        let account = Account { user: "tim".to_owned(), password: "tanstaaf".to_owned() };
        let filling = Filling { account: &account, second: None, values: &values, sasl: Some(b"abc") };
        let filled = |text: &str| {
            let octets = Template::parse(text).unwrap().fill(&filling);
            octets.map(|octets| String::from_utf8(octets).unwrap())
        };
        assert_eq!(filled("USER {user}").unwrap(), "USER tim");
        assert_eq!(filled(r"{base64:\0{user}\0{password}}").unwrap(), "AHRpbQB0YW5zdGFhZg==");
        assert_eq!(filled("{apop:{time}}").unwrap(), "c4c9334bac560ecc979e58001b3e22fb");
        assert_eq!(filled(r"{times:3:a\n}").unwrap(), "a\na\na\n");
        assert_eq!(filled("{sasl} *").unwrap(), "YWJj *");
        assert!(filled("{second-user}").is_err());
        assert!(filled("{nothing}").is_err());
        let shown = Template::parse("{user} {password} {time}").unwrap().shown(&account, &values);
        assert_eq!(shown, "tim {password} <1896.697170952@dbc.mtview.ca.us>");
    }
}
