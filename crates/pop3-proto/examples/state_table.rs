//! Prints which keyword is allowed in which state, from the table that decides it.

use pop3_proto::{
    server::{SessionState, is_allowed},
    types::Keyword,
};

fn main() {
    println!("| keyword | {} |", SessionState::ALL.map(|state| state.to_string()).join(" | "));
    println!("|---|{}", "---|".repeat(SessionState::ALL.len()));
    for keyword in Keyword::ALL {
        let marks = SessionState::ALL.map(|state| if is_allowed(state, keyword) { "yes" } else { "" });
        println!("| {} | {} |", keyword.as_str(), marks.join(" | "));
    }
}
