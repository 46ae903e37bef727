mod delivery;
mod shapes;
mod texts;
mod watching;

use super::{Act, Fault, Rule, Said, shape};

/// What the client said.
fn said(line: &str) -> Said<'_> {
    let (keyword, arguments) = line.split_once(' ').unwrap_or((line, ""));
    Said::Command { keyword, arguments }
}

fn faults(rules: &[&str]) -> Vec<Fault> {
    rules.iter().map(|rule| rule.parse::<Rule>().unwrap().fault).collect()
}

fn acts(line: &str, rules: &[&str], answer: &str) -> Vec<Act> {
    shape(&faults(rules), said(line), 3, answer.as_bytes().to_vec())
}

/// What goes over the wire, where nothing happens on the way.
fn sent(line: &str, rules: &[&str], answer: &str) -> String {
    match acts(line, rules, answer).as_slice() {
        [Act::Send(octets)] => String::from_utf8(octets.clone()).unwrap(),
        [] => String::new(),
        acts => panic!("{acts:?}"),
    }
}
