//! Makes a test server talk so.

use super::Profile;
use crate::server::{Builder, Phase};

impl Builder {
    /// Talks as this profile says. Its faults go behind those that are there; what is said later goes before
    /// what it says.
    ///
    /// ```
    /// use pop3_testkit::{TestServer, profile::Profile};
    ///
    /// let qq = Profile::named("qq")?;
    /// let server = TestServer::builder().profile(&qq).user("10001", "abcdefghijklmnop").start()?;
    /// # drop(server);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn profile(self, profile: &Profile) -> Self {
        let mut builder = self;
        if let Some(greeting) = profile.greeting() {
            builder = builder.greeting(greeting);
        }
        if let Some(lists) = profile.capabilities() {
            builder = builder
                .capabilities(Phase::Clear, lists.plain.iter().cloned())
                .capabilities(Phase::Tls, lists.tls.iter().cloned())
                .capabilities(Phase::Transaction, lists.login.iter().cloned());
        }
        if let Some(refusal) = profile.capa_refusal() {
            builder = builder.no_capa().rephrase("CAPA", "-ERR", refusal);
        }
        if let Some(mechanisms) = profile.mechanisms() {
            builder = builder.mechanisms(mechanisms.iter().copied());
        }
        if let Some(form) = profile.bearer() {
            builder = builder.bearer_form(form);
        }
        for words in profile.quirks().iter().flat_map(super::Quirk::words) {
            builder = builder.rephrase(&*words.keyword, &*words.begins, &*words.line);
        }
        let plan = profile.plan();
        plan.rules().iter().cloned().fold(builder, Self::fault_of_profile)
    }
}
