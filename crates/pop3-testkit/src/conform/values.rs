//! What a case has captured.

use std::collections::BTreeMap;

/// One captured value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Octets; digits count as a number where one is asked for.
    Text(Vec<u8>),
    /// A number that was computed.
    Number(u128),
    /// One value for each line of a listing.
    List(Vec<Value>),
}

/// Captured values by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Values(BTreeMap<String, Value>);

impl Values {
    /// Captures a value; a name can be used again.
    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// Forgets a value.
    pub(super) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// # Errors
    ///
    /// A sentence when nothing has that name.
    pub(super) fn value(&self, name: &str) -> Result<&Value, String> {
        self.0.get(name).ok_or_else(|| format!("nothing was captured as {name}"))
    }

    /// As octets that can be sent.
    ///
    /// # Errors
    ///
    /// A sentence when nothing has that name, or it is a list.
    pub(super) fn text(&self, name: &str) -> Result<Vec<u8>, String> {
        match self.value(name)? {
            Value::Text(octets) => Ok(octets.clone()),
            Value::Number(number) => Ok(number.to_string().into_bytes()),
            Value::List(_) => Err(format!("{name} is a list")),
        }
    }
}

impl Value {
    /// As a number, where it is one.
    pub(super) fn number(&self) -> Option<u128> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(octets) => {
                let is_number = !octets.is_empty() && octets.iter().all(u8::is_ascii_digit);
                is_number.then(|| std::str::from_utf8(octets).ok()?.parse().ok()).flatten()
            }
            Self::List(_) => None,
        }
    }
}
