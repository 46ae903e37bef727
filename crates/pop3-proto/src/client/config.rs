use core::{fmt, time::Duration};

use crate::{body::LineEnds, types::Keyword};

/// What a client puts up with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Whether a command may be sent while another is unanswered.
    pub pipelining: PipeliningPolicy,
    /// The most octets of a line that is no line of a message, its end included.
    pub max_line: usize,
    /// The most octets of a challenge, its line's end included. RFC 5034 section 4.
    pub max_challenge: usize,
    /// The most lines of one listing.
    pub max_listing: usize,
    /// The most octets of one message, of RETR and of TOP; `u64::MAX` is no limit. A server may send one without an
    /// end.
    pub max_message: u64,
    /// How slow the server may be.
    pub pace: Pace,
    /// The most commands on the wire.
    pub max_outstanding: usize,
    /// What ends a line of a message.
    pub line_ends: LineEnds,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            pipelining: PipeliningPolicy::WhenAdvertised,
            max_line: 8 * 1024,
            max_challenge: 64 * 1024,
            max_listing: 10_000_000,
            max_message: u64::MAX,
            pace: Pace::ANY,
            max_outstanding: 128,
            line_ends: LineEnds::Strict,
        }
    }
}

/// How slow a server may be while the client waits for it. A server that sends one octet now and then is never silent
/// for long, and would keep a session for ever.
///
/// It counts for the greeting and for each response by itself: the driver may wait for `patience`, and longer by the
/// time that the octets so far take at `octets_per_second`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The least rate in the long run, in octets per second; 0 takes any rate.
    pub octets_per_second: u32,
    /// How long the driver may wait in all before the rate counts.
    pub patience: Duration,
}

impl Pace {
    /// Any rate at all.
    pub const ANY: Self = Self { octets_per_second: 0, patience: Duration::ZERO };

    /// Whether so many octets are worth a wait of this length.
    #[must_use]
    pub fn allows(self, waited: Duration, octets: u64) -> bool {
        // Without a rate, nothing is too slow.
        let Some(earned) = octets.checked_div(u64::from(self.octets_per_second)) else { return true };
        waited <= self.patience.saturating_add(Duration::from_secs(earned))
    }
}

/// Whether a command may be sent while another is unanswered. RFC 2449 section 6.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PipeliningPolicy {
    /// One command at a time.
    Never,
    /// When the server announced PIPELINING in this security context.
    WhenAdvertised,
    /// Always; for servers known to manage.
    Always,
}

/// Where the session stands, as far as this side knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionState {
    /// The greeting is awaited.
    Greeting,
    /// Nobody is logged in.
    Authorization,
    /// The maildrop is open.
    Transaction,
    /// QUIT was sent in TRANSACTION.
    Update,
    /// Nothing more can be said.
    Closed,
}

impl fmt::Display for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "greeting",
            Self::Authorization => "AUTHORIZATION",
            Self::Transaction => "TRANSACTION",
            Self::Update => "UPDATE",
            Self::Closed => "closed",
        })
    }
}

/// Which commands belong into which state. RFC 1939 sections 4 to 7 and the extensions.
pub(super) const fn is_sendable(state: SessionState, keyword: Keyword) -> bool {
    use Keyword as K;
    let in_both = matches!(keyword, K::Capa | K::Lang | K::Quit);
    let in_authorization = matches!(keyword, K::Apop | K::Auth | K::Pass | K::Stls | K::User | K::Utf8);
    match state {
        SessionState::Authorization => in_both || in_authorization,
        SessionState::Transaction => !in_authorization,
        SessionState::Greeting | SessionState::Update | SessionState::Closed => false,
    }
}
