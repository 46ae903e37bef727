//! What stands around a conversation: policy, users, messages.

use std::time::Duration;

use pop3_proto::{
    body::{LineEnds, OctetCounter},
    client::{self, PipeliningPolicy},
    server::{Accepted, Catalogue, Connection, Maildrop, MessageInfo, OfferedMechanism, Policy, Utf8Support},
    types::{Expire, Mechanism, UniqueId},
};

use super::script::unescaped;

/// The surroundings, as the directives at the top of a file say.
#[derive(Debug, Default)]
pub(crate) struct Setup {
    pub(crate) policy: Policy,
    pub(crate) client: client::Config,
    pub(crate) users: Vec<(String, String)>,
    /// A name and the digest that is right for it.
    pub(crate) apop_users: Vec<(String, String)>,
    pub(crate) messages: Vec<(String, Vec<u8>)>,
    pub(crate) timestamp: Option<String>,
    pub(crate) is_implicit_tls: bool,
    pub(crate) own_expire: Option<Expire>,
    pub(crate) own_login_delay: Option<u32>,
}

impl Setup {
    /// A line of the last message.
    pub(crate) fn content(&mut self, octets: &[u8], has_end: bool) {
        if let Some((_, content)) = self.messages.last_mut() {
            content.extend_from_slice(octets);
            if has_end {
                content.extend_from_slice(b"\r\n");
            }
        }
    }

    pub(crate) fn directive(&mut self, name: &str, rest: &str) -> Result<(), String> {
        match name {
            "implicit-tls" => self.is_implicit_tls = true,
            "message" => {
                let unique_id = String::from_utf8(unescaped(rest)).map_err(|error| error.to_string())?;
                self.messages.push((unique_id, Vec::new()));
            }
            "user" | "apop-user" => {
                let (user, secret) = rest.split_once(' ').ok_or("a user needs a name and a secret")?;
                let list = if name == "user" { &mut self.users } else { &mut self.apop_users };
                list.push((user.to_owned(), secret.to_owned()));
            }
            "greeting" => self.policy.greeting = rest.into(),
            "policy" => rest.split(' ').try_for_each(|setting| self.policy(setting))?,
            "client" => rest.split(' ').try_for_each(|setting| self.client(setting))?,
            "own" => rest.split(' ').try_for_each(|setting| self.own(setting))?,
            _ => return Err(format!("unknown directive @{name}")),
        }
        Ok(())
    }

    fn policy(&mut self, setting: &str) -> Result<(), String> {
        let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
        let number = || value.parse::<u32>().map_err(|_| format!("{key} needs a number"));
        let policy = &mut self.policy;
        match key {
            "allow-plaintext" => policy.allow_plaintext_without_tls = true,
            "no-stls" => policy.stls = false,
            "no-user" => policy.user_pass = false,
            "strict-crlf" => policy.accept_lf = false,
            "apop" => self.timestamp = Some(value.to_owned()),
            "utf8" => policy.utf8 = Some(Utf8Support { user: value == "user" }),
            "languages" => {
                policy.languages = value.split(',').map(catalogue).collect::<Result<_, _>>()?;
            }
            "mechanism" => {
                let (name, kind) = value.split_once(':').unwrap_or((value, "safe"));
                let mechanism = Mechanism::new(name.to_owned()).map_err(|error| error.to_string())?;
                policy.mechanisms.push(if kind == "plaintext" {
                    OfferedMechanism::plaintext(mechanism)
                } else {
                    OfferedMechanism::safe(mechanism)
                });
            }
            "expire" => policy.expire = expire(value),
            "login-delay" => {
                let (seconds, user) = value.split_once(':').unwrap_or((value, ""));
                policy.login_delay = seconds.parse().ok();
                policy.login_delay_per_user = user == "user";
            }
            "implementation" => policy.implementation = Some(value.into()),
            "autologout" => policy.autologout = Duration::from_secs(number()?.into()),
            "max-sasl-rounds" => policy.max_sasl_rounds = number()?,
            _ => return Err(format!("unknown policy {key}")),
        }
        Ok(())
    }

    fn client(&mut self, setting: &str) -> Result<(), String> {
        let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
        let number = || value.parse::<usize>().map_err(|_| format!("{key} needs a number"));
        match (key, value) {
            ("pipelining", "always") => self.client.pipelining = PipeliningPolicy::Always,
            ("pipelining", "never") => self.client.pipelining = PipeliningPolicy::Never,
            ("line-ends", "lenient") => self.client.line_ends = LineEnds::Lenient,
            ("max-line", _) => self.client.max_line = number()?,
            ("max-listing", _) => self.client.max_listing = number()?,
            ("max-outstanding", _) => self.client.max_outstanding = number()?,
            _ => return Err(format!("unknown client setting {setting}")),
        }
        Ok(())
    }

    fn own(&mut self, setting: &str) -> Result<(), String> {
        match setting.split_once('=') {
            Some(("expire", value)) => self.own_expire = expire(value),
            Some(("login-delay", value)) => self.own_login_delay = value.parse().ok(),
            _ => return Err(format!("unknown setting of a user: {setting}")),
        }
        Ok(())
    }

    pub(crate) fn connection(&self) -> Connection {
        Connection { is_tls: self.is_implicit_tls, apop_timestamp: self.timestamp.as_deref().map(Into::into) }
    }

    pub(crate) fn accepted(&self) -> Accepted {
        let info = |(uid, content): &(String, Vec<u8>)| {
            let mut counter = OctetCounter::new();
            counter.update(content);
            MessageInfo { size: counter.finish(), unique_id: UniqueId::new(uid.clone()).unwrap() }
        };
        let mut accepted = Accepted::from(self.messages.iter().map(info).collect::<Maildrop>());
        accepted.expire = self.own_expire;
        accepted.login_delay = self.own_login_delay;
        accepted
    }
}

fn catalogue(tag: &str) -> Result<Catalogue, String> {
    match tag {
        "en" => Ok(Catalogue::ENGLISH),
        "de" => Ok(Catalogue::GERMAN),
        _ => Err(format!("there is no catalogue {tag}")),
    }
}

fn expire(value: &str) -> Option<Expire> {
    let (days, user) = value.split_once(':').unwrap_or((value, ""));
    match days.parse() {
        Ok(days) if user == "user" => Some(Expire::PerUser(days)),
        Ok(days) => Some(Expire::Days(days)),
        Err(_) => (days == "never").then_some(Expire::Never),
    }
}
