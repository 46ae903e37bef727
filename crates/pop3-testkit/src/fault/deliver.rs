//! What happens to an answer on its way.

use std::time::Duration;

use super::{Act, Fault, answer::Wire};

/// Of what has no end, so many octets at most are counted out for what happens after N octets.
const MAX_COUNTED: usize = 64 << 20;

/// What happens at one place.
#[derive(Debug, Clone)]
enum Mark {
    Wait(Duration),
    /// Nothing follows.
    End(Act),
}

/// The octets, with what happens between them.
pub(super) fn deliver(faults: &[Fault], mut wire: Wire) -> Vec<Act> {
    let mut marks: Vec<(usize, Mark)> = Vec::new();
    for fault in faults {
        mark(fault, &wire, &mut marks);
    }
    // Stable: at one place, the order of the plan.
    marks.sort_by_key(|(place, _)| *place);
    if let (Some(block), Some((last, _))) = (&wire.forever, marks.last()) {
        while !block.is_empty() && wire.octets.len() < (*last).min(MAX_COUNTED) {
            wire.octets.extend_from_slice(block);
        }
    }
    let mut acts = Vec::new();
    let mut sent = 0;
    for (place, mark) in marks {
        let end = place.min(wire.octets.len());
        send(&mut acts, wire.octets.get(sent..end));
        sent = end;
        match mark {
            Mark::Wait(time) => acts.push(Act::Wait(time)),
            Mark::End(act) => {
                acts.push(act);
                return acts;
            }
        }
    }
    send(&mut acts, wire.octets.get(sent..));
    acts.extend(wire.forever.map(Act::SendForever));
    acts
}

fn send(acts: &mut Vec<Act>, octets: Option<&[u8]>) {
    if let Some(octets) = octets.filter(|octets| !octets.is_empty()) {
        acts.push(Act::Send(octets.to_vec()));
    }
}

fn mark(fault: &Fault, wire: &Wire, marks: &mut Vec<(usize, Mark)>) {
    let place = |count: &u64| usize::try_from(*count).unwrap_or(usize::MAX);
    let is_within = |place: &usize| 0 < *place && *place < wire.octets.len();
    match fault {
        Fault::CloseAfter(count) => marks.push((place(count), Mark::End(Act::Close))),
        Fault::ResetAfter(count) => marks.push((place(count), Mark::End(Act::Reset))),
        Fault::HalfCloseAfter(count) => marks.push((place(count), Mark::End(Act::HalfClose))),
        Fault::StallAfter(count, None) => marks.push((place(count), Mark::End(Act::WaitForever))),
        Fault::StallAfter(count, Some(time)) => marks.push((place(count), Mark::Wait(*time))),
        Fault::SplitAt(places, time) => {
            let places = places.iter().map(place).filter(is_within);
            marks.extend(places.map(|place| (place, Mark::Wait(*time))));
        }
        Fault::SplitEvery(count, time) => {
            let places = (0..wire.octets.len()).step_by(place(count).max(1)).filter(is_within);
            marks.extend(places.map(|place| (place, Mark::Wait(*time))));
        }
        _ => {}
    }
}
