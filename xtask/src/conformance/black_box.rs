//! How the rows about servers are checked: from outside, by a case that any server can be put to; by other
//! tests, which look at our own machine or server; or not yet.

use std::collections::BTreeSet;

use super::exceptions::Exceptions;
use super::requirements::Requirements;

/// Codec rows about what a client reads, and the snapshot of the registry: no server shows them.
const NOT_OF_A_SERVER: [&str; 11] = [
    "P-1939-10",
    "P-1939-11",
    "P-1939-12",
    "P-2449-04",
    "P-2449-06",
    "P-2449-07",
    "P-IANA-01",
    "P-IANA-02",
    "P-IANA-03",
    "P-IANA-04",
    "P-ROB-09",
];

/// The rows about servers, in the order of the requirements.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ServerRows<'r> {
    black_box: Vec<&'r str>,
    other_tests: Vec<&'r str>,
    not_yet: Vec<&'r str>,
    /// Of those not yet, the ones that docs/conformance-exceptions.toml explains.
    excepted: usize,
}

impl<'r> ServerRows<'r> {
    /// `by_cases` are the rows cited by a case of `pop3-conform` that passed, `covered` those cited by any test.
    pub(super) fn count(
        requirements: &'r Requirements,
        exceptions: &Exceptions,
        by_cases: &BTreeSet<String>,
        covered: &BTreeSet<String>,
    ) -> Self {
        let mut rows = Self::default();
        for id in requirements.ids().filter(|id| is_of_a_server(id)) {
            if by_cases.contains(id) {
                rows.black_box.push(id);
            } else if covered.contains(id) {
                rows.other_tests.push(id);
            } else {
                rows.excepted += usize::from(exceptions.reason(id).is_some());
                rows.not_yet.push(id);
            }
        }
        rows
    }

    pub(super) fn print(&self) {
        let (black_box, other, not_yet) = (self.black_box.len(), self.other_tests.len(), self.not_yet.len());
        println!(
            "Rows about servers (S rows, and P rows that a server shows): {}",
            black_box + other + not_yet
        );
        println!("  checked black-box, by a case of pop3-conform: {black_box}");
        println!("  only at the machine or by other tests: {other}");
        println!("    {}", self.other_tests.join(" "));
        println!("  not yet: {not_yet}, of which {} are exceptions with a reason", self.excepted);
        println!("    {}\n", self.not_yet.join(" "));
    }
}

fn is_of_a_server(id: &str) -> bool {
    id.starts_with("S-") || id.starts_with("P-") && !NOT_OF_A_SERVER.contains(&id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_about_servers_is_counted_once() {
        let list = "## 1. Codec\n\n| P-1939-01 | a |\n| P-1939-10 | b |\n| S-1939-01 | c |\n| S-1939-02 | d |\n\
                    | S-1939-03 | e |\n| C-1939-01 | f |\n";
        let requirements = Requirements::parse(list);
        let exceptions = "[[exception]]\nids = [\"S-1939-03\"]\nreason = \"later\"\n";
        let exceptions = Exceptions::parse(exceptions).unwrap();
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let (by_cases, covered) = (set(&["P-1939-01"]), set(&["P-1939-01", "P-1939-10", "S-1939-01"]));
        assert_eq!(
            ServerRows::count(&requirements, &exceptions, &by_cases, &covered),
            ServerRows {
                black_box: vec!["P-1939-01"],
                other_tests: vec!["S-1939-01"],
                not_yet: vec!["S-1939-02", "S-1939-03"],
                excepted: 1,
            }
        );
    }
}
