use core::fmt;

use crate::types::Keyword;

/// The states of a session. RFC 1939 section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionState {
    /// The client has to prove who it is.
    Authorization,
    /// The maildrop is open and locked.
    Transaction,
    /// QUIT was given in TRANSACTION: what is marked is being removed.
    Update,
    /// Nothing more will be said.
    Closed,
}

impl SessionState {
    /// Every state, in the order of a session.
    pub const ALL: [Self; 4] = [Self::Authorization, Self::Transaction, Self::Update, Self::Closed];
}

impl fmt::Display for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authorization => "AUTHORIZATION",
            Self::Transaction => "TRANSACTION",
            Self::Update => "UPDATE",
            Self::Closed => "closed",
        })
    }
}

/// Whether a keyword may be used in a state: the one table that decides it.
///
/// RFC 1939 sections 4 to 7, RFC 2449 section 5, RFC 2595 section 4, RFC 5034 section 4, RFC 6856
/// sections 2 and 3. What else a command needs (TLS, a USER before PASS) is looked at after this.
#[must_use]
pub const fn is_allowed(state: SessionState, keyword: Keyword) -> bool {
    use Keyword as K;
    match state {
        SessionState::Authorization => matches!(
            keyword,
            K::Apop | K::Auth | K::Capa | K::Lang | K::Pass | K::Quit | K::Stls | K::User | K::Utf8
        ),
        SessionState::Transaction => matches!(
            keyword,
            K::Capa
                | K::Dele
                | K::Lang
                | K::List
                | K::Noop
                | K::Quit
                | K::Retr
                | K::Rset
                | K::Stat
                | K::Top
                | K::Uidl
        ),
        SessionState::Update | SessionState::Closed => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::String};

    // Conformance: S-1939-03, S-1939-06, S-6856-02, S-6856-12, S-2449-05
    #[test]
    fn the_whole_table() {
        let mut table = String::new();
        for keyword in Keyword::ALL {
            let mark = |state| if is_allowed(state, keyword) { "x" } else { "-" };
            let [a, t, u, c] = SessionState::ALL.map(mark);
            table += &format!("{:4} {a} {t} {u} {c}\n", keyword.as_str());
        }
        let expected = "\
            APOP x - - -\nAUTH x - - -\nCAPA x x - -\nDELE - x - -\nLANG x x - -\nLIST - x - -\n\
            NOOP - x - -\nPASS x - - -\nQUIT x x - -\nRETR - x - -\nRSET - x - -\nSTAT - x - -\n\
            STLS x - - -\nTOP  - x - -\nUIDL - x - -\nUSER x - - -\nUTF8 x - - -\n";
        assert_eq!(table, expected);
    }
}
