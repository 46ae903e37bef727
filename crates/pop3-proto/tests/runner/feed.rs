//! In what pieces octets come.

/// One way to feed a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feed {
    /// Each segment at once.
    Whole,
    /// Everything up to the next directive at once, without waiting for an answer.
    Merged,
    /// Octet by octet; what comes out is taken octet by octet, too.
    Octets,
    /// Each segment at once, but for one cut after so many octets of the whole conversation.
    Split(usize),
}

/// More cuts than this are made at regular distances.
const MOST_CUTS: usize = 400;

impl Feed {
    /// Every way that has to give the same result as [`Feed::Whole`].
    pub(crate) fn all(octets: usize) -> impl Iterator<Item = Self> {
        let distance = octets.div_ceil(MOST_CUTS).max(1);
        let splits = (1..octets).step_by(distance).map(Self::Split);
        [Self::Whole, Self::Merged, Self::Octets].into_iter().chain(splits)
    }

    /// Cuts a segment that begins at `from`, counted in octets of the whole conversation.
    pub(crate) fn pieces(self, segment: &[u8], from: usize) -> Vec<&[u8]> {
        match self {
            Self::Octets => segment.chunks(1).collect(),
            Self::Split(at) if at > from && at < from + segment.len() => {
                let (front, back) = segment.split_at(at - from);
                vec![front, back]
            }
            _ => vec![segment],
        }
    }

    /// How many octets of a message come from the store at once.
    pub(crate) fn store_chunk(self) -> usize {
        match self {
            Self::Octets => 1,
            Self::Split(at) => at,
            _ => usize::MAX,
        }
    }
}
