//! From the recipient of an envelope to a user.

use pop3_sasl::prepare_query;
use pop3_server::users::Users;

/// Why nobody was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotFound {
    /// There is no such user.
    Nobody,
    /// Several users differ in capitals alone, and none is written as the recipient is.
    Several,
}

/// Finds the user for this mail.
///
/// What the mail transfer agent has accepted may be written in other ways than the user's name: with
/// capitals, with an extension (`alice+holiday`), with a domain. What fits exactly goes first in each of
/// these forms, and the form that takes away least goes first among them.
pub(super) fn find<'u>(users: &'u Users, recipient: &str, delimiters: &str) -> Result<&'u str, NotFound> {
    // As a name is prepared that somebody logs in with.
    let prepared = prepare_query(recipient).map_or_else(|_| recipient.to_owned(), Into::into);
    let (local, domain) = match prepared.rsplit_once('@') {
        Some((local, domain)) => (local, format!("@{domain}")),
        None => (&*prepared, String::new()),
    };
    let base = without_extension(local, delimiters);
    let forms = [prepared.clone(), format!("{base}{domain}"), local.to_owned(), base.to_owned()];
    for form in &forms {
        let exact = users.names().find(|name| name == form);
        if let Some(name) = exact {
            return Ok(name);
        }
        let folded = form.to_lowercase();
        let mut alike = users.names().filter(|name| name.to_lowercase() == folded);
        match (alike.next(), alike.next()) {
            (Some(name), None) => return Ok(name),
            (Some(_), Some(_)) => return Err(NotFound::Several),
            (None, _) => {}
        }
    }
    Err(NotFound::Nobody)
}

/// What stands before the first delimiter, unless nothing does.
fn without_extension<'a>(local: &'a str, delimiters: &str) -> &'a str {
    match local.find(|c| delimiters.contains(c)).and_then(|at| local.get(..at)) {
        Some(base) if !base.is_empty() => base,
        _ => local,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(names: &[&str]) -> Users {
        names.iter().fold(Users::new(), |users, name| users.with_password(name, "x"))
    }

    #[test]
    fn the_form_that_takes_away_least_goes_first() {
        let users = users(&["alice", "alice+vip", "Bob", "carol@example.org", "żółw"]);
        for (recipient, expected) in [
            ("alice", "alice"),
            ("ALICE", "alice"),
            ("bob", "Bob"),
            ("alice+vip", "alice+vip"),
            ("Alice+VIP", "alice+vip"),
            ("alice+holiday", "alice"),
            ("ALICE+a+b", "alice"),
            ("Carol@Example.ORG", "carol@example.org"),
            ("carol+x@example.org", "carol@example.org"),
            ("alice@anywhere.example", "alice"),
            ("alice+x@anywhere.example", "alice"),
            ("ŻÓŁW", "żółw"),
            // Decomposed, as some systems write it.
            ("z\u{307}o\u{301}łw", "żółw"),
        ] {
            assert_eq!(find(&users, recipient, "+"), Ok(expected), "{recipient}");
        }
        for nobody in
            ["", "+", "+alice", "alic", "alice-x", "carol", "carol@example.com", "a b", "@", "@alice"]
        {
            assert_eq!(find(&users, nobody, "+"), Err(NotFound::Nobody), "{nobody}");
        }
    }

    #[test]
    fn delimiters_are_chosen() {
        let users = users(&["alice", "bob-c"]);
        assert_eq!(find(&users, "alice-x", "+-"), Ok("alice"));
        assert_eq!(find(&users, "bob-c", "+-"), Ok("bob-c"));
        assert_eq!(find(&users, "alice+x", ""), Err(NotFound::Nobody));
    }

    #[test]
    fn users_who_differ_in_capitals_are_never_guessed() {
        let users = users(&["Eve", "eve", "EVE"]);
        assert_eq!(find(&users, "eve", "+"), Ok("eve"));
        assert_eq!(find(&users, "EVE+x", "+"), Ok("EVE"));
        assert_eq!(find(&users, "eVe", "+"), Err(NotFound::Several));
    }
}
