//! From the text of a case to its steps.

use std::time::Duration;

use pop3_sasl::Mechanism;

use super::{Action, Case, Expected, Level, Mode, Needs, SaslSetup, State, Step};
use crate::conform::{
    check::Check,
    mail::{KnownMail, known},
    pattern::Pattern,
    template::Template,
};

pub(super) fn parse(name: &str, text: &str) -> Result<Case, String> {
    let mut reader = Reader::default();
    for (index, line) in text.lines().enumerate() {
        reader.line(index + 1, line).map_err(|error| format!("line {}: {error}", index + 1))?;
    }
    let Some(steps) = reader.blocks.pop().filter(|_| reader.blocks.is_empty()) else {
        return Err("ends inside of a block: @end is missing".to_owned());
    };
    if reader.title.is_empty() || reader.rows.is_empty() {
        return Err("needs a comment with its title, and one with `Conformance:`".to_owned());
    }
    Ok(Case {
        name: name.to_owned(),
        title: reader.title,
        rows: reader.rows,
        level: reader.level,
        needs: reader.needs,
        start: reader.start,
        steps: steps.1,
    })
}

struct Reader {
    title: String,
    rows: Vec<String>,
    level: Level,
    needs: Needs,
    start: State,
    /// The outermost first, each with what it is.
    blocks: Vec<(Block, Vec<Step>)>,
}

enum Block {
    All,
    Repeat(usize, usize),
    Each(usize, String),
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            title: String::new(),
            rows: Vec::new(),
            level: Level::Must,
            needs: Needs::default(),
            start: State::Authorization,
            blocks: vec![(Block::All, Vec::new())],
        }
    }
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        // A line may end in spaces that belong to it, behind its mark.
        let text = line.trim_start();
        if text.trim().is_empty() {
            return Ok(());
        }
        let behind = |mark: &str| text.strip_prefix(mark).map(|rest| rest.strip_prefix(' ').unwrap_or(rest));
        if let Some(comment) = behind("#") {
            self.comment(comment);
            Ok(())
        } else if let Some(directive) = text.strip_prefix('@') {
            let (name, rest) = directive.split_once(' ').unwrap_or((directive, ""));
            self.directive(number, name.trim(), rest.trim())
        } else if let Some(said) = behind("C:") {
            self.send(number, said, true)
        } else if let Some(said) = behind("C~") {
            self.send(number, said, false)
        } else if let Some(said) = behind("S:") {
            let action = Action::Expect { alternatives: vec![expected(said)?], is_assumption: false };
            self.push(number, action)
        } else if let Some(said) = behind("S?") {
            let action = Action::Expect { alternatives: vec![expected(said)?], is_assumption: true };
            self.push(number, action)
        } else if let Some(said) = behind("S~") {
            self.push(number, Action::ExpectOctets { alternatives: vec![expected(said)?] })
        } else if let Some(said) = behind("S|") {
            self.alternative(expected(said)?)
        } else if let Some(said) = behind("S!") {
            self.alternative(Expected::Last(Pattern::parse(said)?))
        } else {
            Err(format!("this is no line of a case: {text}"))
        }
    }

    fn comment(&mut self, comment: &str) {
        if let Some(rows) = comment.strip_prefix("Conformance:") {
            let rows = rows.split([',', ' ']).filter(|row| !row.is_empty());
            self.rows.extend(rows.map(str::to_owned));
        } else if self.title.is_empty() {
            self.title = comment.trim().trim_end_matches('.').to_owned();
        }
    }

    /// Lines of the client that follow each other go into one write.
    fn send(&mut self, number: usize, said: &str, has_end: bool) -> Result<(), String> {
        let template = Template::parse(said)?;
        if said.to_ascii_uppercase().contains("DELE") {
            self.needs.writable = true;
        }
        if let Some(Step { action: Action::Send(parts), .. }) = self.steps()?.last_mut() {
            parts.push((template, has_end));
            return Ok(());
        }
        self.push(number, Action::Send(vec![(template, has_end)]))
    }

    fn alternative(&mut self, more: Expected) -> Result<(), String> {
        match self.steps()?.last_mut().map(|step| &mut step.action) {
            Some(Action::Expect { alternatives, .. } | Action::ExpectOctets { alternatives }) => {
                alternatives.push(more);
                Ok(())
            }
            _ => Err("S| and S! follow a line of the server".to_owned()),
        }
    }

    fn steps(&mut self) -> Result<&mut Vec<Step>, String> {
        self.blocks.last_mut().map(|(_, steps)| steps).ok_or_else(|| "@end without a block".to_owned())
    }

    fn push(&mut self, line: usize, action: Action) -> Result<(), String> {
        self.steps()?.push(Step { line, action });
        Ok(())
    }

    fn directive(&mut self, number: usize, name: &str, rest: &str) -> Result<(), String> {
        match name {
            "repeat" => {
                let count = rest.parse().map_err(|_| format!("this is no number: {rest}"))?;
                self.blocks.push((Block::Repeat(number, count), Vec::new()));
            }
            "each" => self.blocks.push((Block::Each(number, rest.to_owned()), Vec::new())),
            "end" => {
                let (line, action) = match self.blocks.pop() {
                    Some((Block::Repeat(line, count), steps)) => (line, Action::Repeat(count, steps)),
                    Some((Block::Each(line, list), steps)) => (line, Action::Each(list, steps)),
                    _ => return Err("@end without a block".to_owned()),
                };
                self.push(line, action)?;
            }
            _ if self.need(name, rest)? => {}
            _ => {
                let action = action(name, rest)?;
                self.needs.delivery |= matches!(action, Action::Deliver(_));
                self.push(number, action)?;
            }
        }
        Ok(())
    }

    /// Directives about the case as a whole; false for others.
    fn need(&mut self, name: &str, rest: &str) -> Result<bool, String> {
        let needs = &mut self.needs;
        match name {
            "level" => {
                self.level = match rest {
                    "must" => Level::Must,
                    "should" => Level::Should,
                    "practice" => Level::Practice,
                    _ => return Err(format!("a level is must, should or practice, not {rest}")),
                }
            }
            "state" => self.start = state(rest)?,
            "mode" => {
                for word in rest.split(' ') {
                    needs.modes.push(match word {
                        "plain" => Mode::Plain,
                        "stls" => Mode::Stls,
                        "tls" => Mode::Tls,
                        _ => return Err(format!("a mode is plain, stls or tls, not {word}")),
                    });
                }
            }
            "needs" => needs.capabilities.push(rest.to_owned()),
            "needs-not" => needs.absent.push(rest.to_owned()),
            "needs-clear-not" => needs.clear_absent.push(rest.to_owned()),
            "needs-clear" => needs.clear.push(rest.to_owned()),
            "needs-mail" => {
                for word in rest.split(' ') {
                    needs.mail.push(mail(word)?);
                }
            }
            "needs-no-other-mail" => needs.no_other_mail = true,
            "needs-some-mail" => needs.some_mail = true,
            "needs-second-user" => needs.second_user = true,
            "writable" => needs.writable = true,
            "failed-logins" => {
                needs.failed_logins = rest.parse().map_err(|_| format!("this is no number: {rest}"))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn action(name: &str, rest: &str) -> Result<Action, String> {
    let words = || rest.split(' ').filter(|word| !word.is_empty());
    Ok(match name {
        "body" => Action::Body(rest.to_owned()),
        "listing" => {
            let (name, pattern) = rest.split_once(' ').ok_or("a listing has a name and a pattern")?;
            Action::Listing(name.to_owned(), Pattern::parse(pattern)?)
        }
        "check" => Action::Check { check: Check::parse(rest)?, is_assumption: false },
        "assume" => Action::Check { check: Check::parse(rest)?, is_assumption: true },
        "same-mail" => {
            let (body, name) = rest.split_once(' ').ok_or("@same-mail has a capture and a known message")?;
            Action::SameMail { body: body.to_owned(), mail: mail(name)? }
        }
        "connect" => {
            let (name, word) = rest.split_once(' ').ok_or("@connect has a name and a state")?;
            Action::Connect { name: name.to_owned(), state: state(word)? }
        }
        "session" => Action::Session(rest.to_owned()),
        "login" => Action::LogIn,
        "close" => Action::Close,
        "expect-eof" => Action::ExpectEof {
            after_anything: words().any(|word| word == "after-anything"),
            close_notify: words().any(|word| word == "close-notify"),
        },
        "silence" => Action::Silence {
            time: time(words().next().unwrap_or_default())?,
            or_eof: words().any(|word| word == "or-eof"),
        },
        "decode" => {
            let (name, pattern) = rest.split_once(' ').ok_or("@decode has a capture and a pattern")?;
            Action::Decode(name.to_owned(), Pattern::parse(pattern)?)
        }
        "wait" => Action::Wait(time(rest)?),
        "within" => Action::Within(time(rest)?),
        "tls" => Action::Tls {
            alpn: words().find_map(|word| word.strip_prefix("alpn=")).map(str::to_owned),
            may_fail: words().any(|word| word == "or-eof"),
        },
        "sasl" => Action::Sasl(sasl(rest)?),
        "sasl-done" => Action::SaslDone,
        "pace" => match rest {
            "octets" => Action::Pace { is_octet_by_octet: true },
            "whole" => Action::Pace { is_octet_by_octet: false },
            _ => return Err("a pace is octets or whole".to_owned()),
        },
        "deliver" => Action::Deliver(mail(rest)?),
        _ => return Err(format!("there is no directive @{name}")),
    })
}

fn expected(said: &str) -> Result<Expected, String> {
    match said {
        "<eof>" => Ok(Expected::Eof),
        "<nothing>" => Ok(Expected::Nothing),
        _ => Pattern::parse(said).map(Expected::Line),
    }
}

fn state(word: &str) -> Result<State, String> {
    Ok(match word {
        "tcp" => State::Tcp,
        "connected" => State::Connected,
        "clear" => State::Clear,
        "authorization" => State::Authorization,
        "transaction" => State::Transaction,
        _ => return Err(format!("there is no state {word}")),
    })
}

fn mail(name: &str) -> Result<&'static KnownMail, String> {
    known(name).ok_or_else(|| format!("there is no mail/{name}.eml"))
}

fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("this is no time like 500ms or 2s: {text}");
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s').ok_or_else(wrong)?, 1000),
    };
    number.parse::<u64>().map(|number| Duration::from_millis(number * unit)).map_err(|_| wrong())
}

fn sasl(rest: &str) -> Result<SaslSetup, String> {
    let mut words = rest.split(' ');
    let name = words.next().unwrap_or_default();
    let mechanism = Mechanism::from_name(name).ok_or_else(|| format!("there is no mechanism {name}"))?;
    let mut setup = SaslSetup { mechanism, password: None, authzid: None, claims_not_offered: false };
    for word in words {
        match word.split_once('=') {
            Some(("password", text)) => setup.password = Some(Template::parse(text)?),
            Some(("authzid", text)) => setup.authzid = Some(Template::parse(text)?),
            None if word == "binding-not-offered" => setup.claims_not_offered = true,
            _ => return Err(format!("@sasl does not know {word}")),
        }
    }
    Ok(setup)
}
