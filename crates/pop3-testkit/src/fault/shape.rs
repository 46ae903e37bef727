//! From an answer and its faults to what is done on the wire.

use super::{
    Act, Fault, Instead, Said,
    answer::{Answer, Wire},
    deliver,
};

/// What to do in place of carrying it out, if the faults say so. An [`Instead::Answer`] goes through [`shape`]
/// as any answer does, so that it may suffer too.
pub(crate) fn instead(faults: &[Fault]) -> Option<Instead> {
    faults.iter().find_map(|fault| match fault {
        Fault::Answer(text) => Some(Instead::Answer(line(text))),
        Fault::Hang => Some(Instead::Hang),
        Fault::Close => Some(Instead::Close),
        Fault::Reset => Some(Instead::Reset),
        _ => None,
    })
}

/// With a line end, also where it has none.
fn line(text: &[u8]) -> Vec<u8> {
    let mut octets = text.to_vec();
    if !octets.ends_with(b"\n") {
        octets.extend_from_slice(b"\r\n");
    }
    octets
}

/// The answer as it goes over the wire under these faults. `session` is the number of the session.
///
/// Faults that the session itself carries out, as `delete`, change nothing here.
pub(crate) fn shape(faults: &[Fault], said: Said<'_>, session: u32, answer: Vec<u8>) -> Vec<Act> {
    let wire = rewrite(faults, said, session, answer);
    deliver::deliver(faults, wire)
}

fn rewrite(faults: &[Fault], said: Said<'_>, session: u32, octets: Vec<u8>) -> Wire {
    let mut answer = Answer::read(said, &octets);
    let mut is_changed = false;
    for fault in faults {
        is_changed |= answer.suffer(fault, said, session);
    }
    // What nobody touched goes as it is, octet for octet.
    if is_changed { answer.write() } else { Wire { octets, forever: None } }
}
