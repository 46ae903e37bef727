use std::time::Duration;

use pop3_proto::{
    server::{Catalogue, Config, OfferedMechanism, Policy, Utf8Support},
    types::{Expire, Mechanism},
};
use pyo3::prelude::*;

use crate::errors::{invalid, misuse, out_of_range, usage};

/// Reads an object of the class `pop3.proto.Policy`.
pub(super) fn config(policy: &Bound<'_, PyAny>) -> PyResult<Config> {
    let read = Reader { policy };
    let mut policy = Policy::default();
    policy.greeting = read.field::<String>("greeting")?.into();
    policy.user_pass = read.field("user_pass")?;
    policy.mechanisms = read.mechanisms()?;
    policy.allow_plaintext_without_tls = read.field("allow_plaintext_without_tls")?;
    policy.stls = read.field("stls")?;
    policy.utf8 = read.utf8()?;
    policy.languages = read.languages()?;
    policy.expire = expire(&read.attribute("expire")?)?;
    policy.login_delay = read.field("login_delay")?;
    policy.login_delay_per_user = read.field("is_login_delay_per_user")?;
    policy.implementation = read.field::<Option<String>>("implementation")?.map(Into::into);
    policy.max_line = read.field("max_line")?;
    policy.max_auth_line = read.field("max_auth_line")?;
    policy.max_sasl_line = read.field("max_sasl_line")?;
    policy.max_sasl_rounds = read.field("max_sasl_rounds")?;
    policy.accept_lf = read.field("accept_lf")?;
    policy.autologout = read.seconds("autologout")?;
    policy.authorization_idle = read.seconds("authorization_idle")?;
    policy.authorization_total = read.seconds("authorization_total")?;
    policy.max_errors_before_login = read.field("max_errors_before_login")?;
    policy.max_errors_after_login = read.field("max_errors_after_login")?;
    policy.max_failed_logins = read.field("max_failed_logins")?;
    policy.max_long_lines = read.field("max_long_lines")?;
    Config::new(policy).map_err(|error| misuse(read.py(), &error))
}

struct Reader<'r, 'py> {
    policy: &'r Bound<'py, PyAny>,
}

impl<'py> Reader<'_, 'py> {
    fn py(&self) -> Python<'py> {
        self.policy.py()
    }

    fn attribute(&self, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.policy.getattr(name)
    }

    fn field<T: for<'a> FromPyObject<'a, 'py>>(&self, name: &str) -> PyResult<T> {
        let value = self.attribute(name)?;
        value
            .extract()
            .map_err(|error: <T as FromPyObject<'_, 'py>>::Error| out_of_range(self.py(), name, error.into()))
    }

    fn seconds(&self, name: &str) -> PyResult<Duration> {
        let seconds = self.field(name)?;
        Duration::try_from_secs_f64(seconds).map_err(|error| usage(self.py(), &format!("{name}: {error}")))
    }

    fn mechanisms(&self) -> PyResult<Vec<OfferedMechanism>> {
        let offered = |(name, is_plaintext): (String, bool)| {
            let mechanism =
                Mechanism::new(name).map_err(|error| invalid(self.py(), "the mechanism's name", error))?;
            Ok(OfferedMechanism { mechanism, is_plaintext })
        };
        self.field::<Vec<(String, bool)>>("mechanisms")?.into_iter().map(offered).collect()
    }

    fn utf8(&self) -> PyResult<Option<Utf8Support>> {
        match self.field::<String>("utf8")?.as_str() {
            "no" => Ok(None),
            "yes" => Ok(Some(Utf8Support { user: false })),
            "user" => Ok(Some(Utf8Support { user: true })),
            _ => Err(usage(self.py(), "utf8 is \"no\", \"yes\" or \"user\"")),
        }
    }

    fn languages(&self) -> PyResult<Vec<Catalogue>> {
        let catalogue = |tag: String| match tag.as_str() {
            "en" => Ok(Catalogue::ENGLISH),
            "de" => Ok(Catalogue::GERMAN),
            _ => Err(usage(self.py(), "the languages to choose from are \"en\" and \"de\"")),
        };
        self.field::<Vec<String>>("languages")?.into_iter().map(catalogue).collect()
    }
}

/// Reads a `pop3.proto.Expire`, or none.
pub(super) fn expire(value: &Bound<'_, PyAny>) -> PyResult<Option<Expire>> {
    let expire: Option<(Option<u32>, bool)> =
        value.extract().map_err(|error| out_of_range(value.py(), "the days of expire", error))?;
    Ok(expire.map(|expire| match expire {
        (None, _) => Expire::Never,
        (Some(days), false) => Expire::Days(days),
        (Some(days), true) => Expire::PerUser(days),
    }))
}
