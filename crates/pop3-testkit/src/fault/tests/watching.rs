//! Which rules are met when.

use std::sync::Arc;

use super::{
    super::{Fault, Point, Said, Watch, Watched, instead},
    faults, said,
};
use crate::fault::Instead;

fn plan(rules: &[&str]) -> Arc<Watched> {
    Arc::new(Watched::new(rules.iter().map(|rule| rule.parse::<super::Rule>().unwrap()).collect()))
}

#[test]
fn sessions_and_occurrences_are_counted() {
    let plan = plan(&["session 2 RETR#2..3: close", "RETR 7#2: reset", "session 2.. RETR: hang"]);
    let mut first = Watch::new(Arc::clone(&plan), 1);
    let mut second = Watch::new(plan, 2);
    let met = |watch: &mut Watch, line: &str| watch.meet(said(line));
    assert_eq!(met(&mut first, "RETR 7"), []);
    assert_eq!(met(&mut first, "RETR 7"), [Fault::Reset]);
    assert_eq!(met(&mut second, "RETR 1"), [Fault::Hang]);
    assert_eq!(met(&mut second, "RETR 7"), [Fault::Close, Fault::Hang]);
    assert_eq!(met(&mut second, "RETR 7"), [Fault::Close, Fault::Reset, Fault::Hang]);
    assert_eq!(met(&mut second, "RETR 7"), [Fault::Hang]);
}

#[test]
fn what_was_never_met_is_known_over_all_sessions() {
    let plan = plan(&["RTER: reset", "RETR#2: close", "session 2 NOOP: hang", "*: split every 1"]);
    let unmet = || plan.unmet().iter().map(ToString::to_string).collect::<Vec<_>>();
    let (mut first, mut second) = (Watch::new(Arc::clone(&plan), 1), Watch::new(Arc::clone(&plan), 2));
    first.meet(said("NOOP"));
    first.meet(said("RETR 1"));
    second.meet(said("RETR 1"));
    assert_eq!(unmet(), ["RTER: reset", "RETR #2: close", "session 2 NOOP: hang"]);
    second.meet(said("RETR 1"));
    second.meet(said("NOOP"));
    assert_eq!(unmet(), ["RTER: reset"]);
}

#[test]
fn keywords_that_no_rfc_has_are_told() {
    let of_pop3 = |keyword: &str| Point::command(keyword).is_of_pop3();
    assert!(["RETR", "uidl", "TOP", "UTF8", "LAST", "XTND"].into_iter().all(of_pop3));
    assert!(!["RTER", "LISTS", "TO", "XYZZY"].into_iter().any(of_pop3));
    assert!(Point::Any.is_of_pop3() && Point::Greeting.is_of_pop3());
}

#[test]
fn points_are_met_where_they_are() {
    let everything: [Said<'_>; 7] = [
        Said::Greeting,
        Said::Tls,
        Said::Sasl,
        said("AUTH PLAIN dGVzdA=="),
        said("AUTH plain"),
        said("AUTH PLAINER"),
        said("RETR 12"),
    ];
    let rows: [(&str, &[usize]); 8] = [
        ("*", &[0, 2, 3, 4, 5, 6]),
        ("greeting", &[0]),
        ("tls", &[1]),
        ("sasl", &[2]),
        ("AUTH", &[3, 4, 5]),
        ("AUTH PLAIN", &[3, 4]),
        ("RETR 1", &[]),
        ("RETR 12", &[6]),
    ];
    for (point, expected) in rows {
        let plan = plan(&[&format!("{point}: close")]);
        let is_met = |said: &Said<'_>| !Watch::new(Arc::clone(&plan), 1).meet(*said).is_empty();
        let met: Vec<usize> = (0..everything.len()).filter(|index| is_met(&everything[*index])).collect();
        assert_eq!(met, expected, "{point}");
    }
}

#[test]
fn the_first_of_the_plan_stands_instead() {
    let text = |text: &str| Some(Instead::Answer(text.as_bytes().to_vec()));
    assert_eq!(instead(&faults(&["RETR: answer -ERR no"])), text("-ERR no\r\n"));
    assert_eq!(instead(&faults(&["RETR: answer -ERR no\\n"])), text("-ERR no\n"));
    assert_eq!(instead(&faults(&["CAPA: answer +OK\\r\\nUSER\\r\\n."])), text("+OK\r\nUSER\r\n.\r\n"));
    assert_eq!(instead(&faults(&["RETR: close after 0", "RETR: unstuffed", "RETR: delete"])), None);
    assert_eq!(instead(&faults(&["RETR: bare-lf", "RETR: hang", "RETR: close"])), Some(Instead::Hang));
    assert_eq!(instead(&faults(&["RETR: close", "RETR: hang"])), Some(Instead::Close));
    assert_eq!(instead(&faults(&["RETR: reset"])), Some(Instead::Reset));
}
