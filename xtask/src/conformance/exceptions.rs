//! docs/conformance-exceptions.toml: rows that no test cites, each with the reason.

use std::collections::BTreeMap;

use anyhow::bail;
use serde::Deserialize;

/// The reason of each excepted row, by ID.
#[derive(Debug, Default)]
pub(super) struct Exceptions {
    reasons: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    exception: Vec<Exception>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    ids: Vec<String>,
    reason: String,
}

impl Exceptions {
    /// # Errors
    ///
    /// When the text is no TOML of the expected shape, a reason is empty, or an ID stands twice.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let file: File = toml::from_str(text)?;
        let mut reasons = BTreeMap::new();
        for exception in file.exception {
            if exception.reason.trim().is_empty() {
                bail!("an exception gives no reason: {}", exception.ids.join(" "));
            }
            for id in exception.ids {
                if reasons.insert(id.clone(), exception.reason.clone()).is_some() {
                    bail!("{id} is excepted twice");
                }
            }
        }
        Ok(Self { reasons })
    }

    pub(super) fn reason(&self, id: &str) -> Option<&str> {
        self.reasons.get(id).map(String::as_str)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &String> {
        self.reasons.keys()
    }

    /// The IDs under each reason, both sorted.
    pub(super) fn by_reason(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (id, reason) in &self.reasons {
            groups.entry(reason).or_default().push(id);
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_has_one_reason() {
        let text = "[[exception]]\nids = [\"M-MB-01\", \"M-MB-02\"]\nreason = \"comes with mbox\"\n";
        let exceptions = Exceptions::parse(text).unwrap();
        assert_eq!(exceptions.reason("M-MB-02"), Some("comes with mbox"));
        assert_eq!(exceptions.by_reason().len(), 1);
        assert!(Exceptions::parse(&format!("{text}{text}")).is_err());
        assert!(Exceptions::parse("[[exception]]\nids = []\nreason = \" \"\n").is_err());
        assert!(Exceptions::parse("").unwrap().ids().next().is_none());
    }
}
