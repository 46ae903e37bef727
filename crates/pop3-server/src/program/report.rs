//! What a person reads when something failed.

/// The whole story of an error, each cause once: the errors of the libraries below name their cause
/// themselves, between what happened and what to do next.
pub(super) fn sentence(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.is_empty() {
            said = cause;
        } else if !said.contains(&cause) {
            said.push_str(": ");
            said.push_str(&cause);
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::Context as _;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open the door: {source}; knock")]
    struct Door {
        source: io::Error,
    }

    #[test]
    fn a_cause_is_said_once() {
        let door = || Door { source: io::Error::other("it is locked") };
        let error = anyhow::Error::from(door());
        assert_eq!(sentence(&error), "cannot open the door: it is locked; knock");
        let error = Err::<(), _>(door()).context("cannot come in").unwrap_err();
        assert_eq!(sentence(&error), "cannot come in: cannot open the door: it is locked; knock");
        assert_eq!(sentence(&anyhow::anyhow!("simple")), "simple");
    }
}
