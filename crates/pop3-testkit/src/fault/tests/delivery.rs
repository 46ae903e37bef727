//! What happens on the way.

use std::time::Duration;

use super::{super::Act, acts};
use crate::fault::Fault;

fn send(text: &str) -> Act {
    Act::Send(text.as_bytes().to_vec())
}

const PAUSE: Act = Act::Wait(Fault::PAUSE);
const SECOND: Act = Act::Wait(Duration::from_secs(1));

#[test]
fn answers_end_where_they_have_to() {
    let rows: [(&[&str], Vec<Act>); 14] = [
        (&["*: close after 0"], vec![Act::Close]),
        (&["*: close after 2"], vec![send("+O"), Act::Close]),
        (&["*: close after 5"], vec![send("+OK\r\n"), Act::Close]),
        (&["*: close after 99"], vec![send("+OK\r\n"), Act::Close]),
        (&["*: reset after 1"], vec![send("+"), Act::Reset]),
        (&["*: half-close after 1"], vec![send("+"), Act::HalfClose]),
        (&["*: stall after 1"], vec![send("+"), Act::WaitForever]),
        (&["*: stall after 1 for 1s"], vec![send("+"), SECOND, send("OK\r\n")]),
        (&["*: stall after 5 for 1s"], vec![send("+OK\r\n"), SECOND]),
        (&["*: split at 4,1,1,0,5,9"], vec![send("+"), PAUSE, PAUSE, send("OK\r"), PAUSE, send("\n")]),
        (&["*: split every 2"], vec![send("+O"), PAUSE, send("K\r"), PAUSE, send("\n")]),
        (&["*: split every 9"], vec![send("+OK\r\n")]),
        // What comes first on the wire happens first, whatever the plan says first.
        (
            &["*: reset after 4", "*: stall after 1 for 1s", "*: close after 4"],
            vec![send("+"), SECOND, send("OK\r"), Act::Reset],
        ),
        // It is the octets as they are sent that are counted.
        (&["*: prepend xx", "*: close after 3"], vec![send("xx+"), Act::Close]),
    ];
    for (rules, expected) in rows {
        assert_eq!(acts("NOOP", rules, "+OK\r\n"), expected, "{rules:?}");
    }
}

#[test]
fn what_has_no_end_may_still_be_cut() {
    let acts = acts("NOOP", &["*: endless line", "*: close after 10000"], "+OK\r\n");
    let [Act::Send(octets), Act::Close] = acts.as_slice() else { panic!("{acts:?}") };
    assert_eq!(octets.len(), 10000);
    assert!(octets.starts_with(b"+OKxxx") && octets.ends_with(b"xx"));
}
