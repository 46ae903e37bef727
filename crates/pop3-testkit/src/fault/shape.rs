use super::{Act, Fault, Instead, Said};

/// What to do in place of carrying it out, if the faults say so.
pub(crate) fn instead(faults: &[Fault]) -> Option<Instead> {
    let _ = faults;
    None
}

/// The answer as it goes over the wire under these faults. `session` is the number of the session.
pub(crate) fn shape(faults: &[Fault], said: Said<'_>, session: u32, answer: Vec<u8>) -> Vec<Act> {
    let _ = (faults, said, session);
    vec![Act::Send(answer)]
}
