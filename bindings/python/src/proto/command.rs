use std::borrow::Cow;

use pop3_proto::types::{Command, InvalidValue, LanguageTag, Mechanism, MessageNumber, Secret};
use pyo3::{exceptions::PyTypeError, intern, prelude::*};

use crate::{
    classes::class,
    errors::{invalid, out_of_range, usage},
};

/// Reads an object of a class of `pop3.proto._commands`.
pub(super) fn command(object: &Bound<'_, PyAny>) -> PyResult<Command<'static>> {
    let py = object.py();
    if !object.is_instance(class!(py, "pop3.proto", "Command")?)? {
        let class = object.get_type().qualname()?;
        return Err(PyTypeError::new_err(format!("a command of pop3.proto is wanted, not {class}")));
    }
    let keyword: String = object.getattr(intern!(py, "keyword"))?.extract()?;
    Ok(match keyword.as_str() {
        "APOP" => Command::Apop { name: Cow::Owned(text(object, "name")?), digest: digest(object)? },
        "AUTH" => auth(object)?,
        "CAPA" => Command::Capa,
        "DELE" => Command::Dele(number(object)?),
        "LANG" => Command::Lang(language_tag(object)?),
        "LIST" => Command::List(number_or_none(object)?),
        "NOOP" => Command::Noop,
        "PASS" => Command::Pass(Secret::new(Cow::Owned(text(object, "password")?))),
        "QUIT" => Command::Quit,
        "RETR" => Command::Retr(number(object)?),
        "RSET" => Command::Rset,
        "STAT" => Command::Stat,
        "STLS" => Command::Stls,
        "TOP" => Command::Top { number: number(object)?, lines: lines(object)? },
        "UIDL" => Command::Uidl(number_or_none(object)?),
        "USER" => Command::User(Cow::Owned(text(object, "name")?)),
        "UTF8" => Command::Utf8,
        _ => return Err(usage(py, &format!("there is no command {keyword}"))),
    })
}

fn auth(object: &Bound<'_, PyAny>) -> PyResult<Command<'static>> {
    let py = object.py();
    let Some(name) = object.getattr(intern!(py, "mechanism"))?.extract::<Option<String>>()? else {
        return Ok(Command::AuthList);
    };
    let mechanism = Mechanism::new(name).map_err(|error| invalid(py, "the mechanism's name", error))?;
    let initial: Option<Vec<u8>> = object.getattr(intern!(py, "initial_response"))?.extract()?;
    let initial_response = initial.map(|octets| Secret::new(Cow::Owned(octets)));
    Ok(Command::Auth { mechanism, initial_response })
}

fn digest(object: &Bound<'_, PyAny>) -> PyResult<[u8; 16]> {
    let py = object.py();
    let octets: Vec<u8> = object.getattr(intern!(py, "digest"))?.extract()?;
    octets.try_into().map_err(|_| usage(py, "the digest of APOP has 16 octets"))
}

fn language_tag(object: &Bound<'_, PyAny>) -> PyResult<Option<LanguageTag<'static>>> {
    let py = object.py();
    let tag: Option<String> = object.getattr(intern!(py, "tag"))?.extract()?;
    tag.map(|tag| LanguageTag::new(tag).map_err(|error| invalid(py, "the language tag", error))).transpose()
}

fn text(object: &Bound<'_, PyAny>, name: &str) -> PyResult<String> {
    object.getattr(name)?.extract()
}

fn lines(object: &Bound<'_, PyAny>) -> PyResult<u32> {
    let py = object.py();
    object
        .getattr(intern!(py, "lines"))?
        .extract()
        .map_err(|error| out_of_range(py, "the number of lines", error))
}

fn number(object: &Bound<'_, PyAny>) -> PyResult<MessageNumber> {
    message_number(&object.getattr(intern!(object.py(), "number"))?)
}

fn number_or_none(object: &Bound<'_, PyAny>) -> PyResult<Option<MessageNumber>> {
    let value = object.getattr(intern!(object.py(), "number"))?;
    if value.is_none() { Ok(None) } else { message_number(&value).map(Some) }
}

/// An `int` as a message-number.
pub(crate) fn message_number(value: &Bound<'_, PyAny>) -> PyResult<MessageNumber> {
    let py = value.py();
    let number: u32 = value.extract().map_err(|error| out_of_range(py, "the message-number", error))?;
    MessageNumber::new(number).map_err(|error: InvalidValue| invalid(py, "the message-number", error))
}
