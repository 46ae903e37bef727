//! Columns for people: a heading and lines that fit a terminal, or whole lines for whatever else reads.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Columns between two values.
const GAP: &str = "  ";
/// The widest that these columns become on a terminal.
const UNIQUE_ID: usize = 20;
const FROM: usize = 28;
/// `2026-11-23 10:00`.
const DATE: usize = 16;

/// What a line shows; empty is shown as `-`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) number: &'a str,
    pub(super) octets: &'a str,
    pub(super) unique_id: &'a str,
    /// As RFC 3339 has it.
    pub(super) date: &'a str,
    pub(super) from: &'a str,
    pub(super) subject: &'a str,
}

const HEADING: Row<'_> = Row {
    number: "no.",
    octets: "octets",
    unique_id: "unique-id",
    date: "date",
    from: "from",
    subject: "subject",
};

/// How wide the columns are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    number: usize,
    octets: usize,
    unique_id: usize,
    /// Of a whole line; nothing is cut without it.
    width: Option<usize>,
}

impl Table {
    /// For numbers, octets and unique-ids as wide as this; `width` is the terminal's.
    pub(super) fn new(number: usize, octets: usize, unique_id: usize, width: Option<usize>) -> Self {
        let wide_enough = |column: usize, heading: &str| column.max(heading.len());
        Self {
            number: wide_enough(number, HEADING.number),
            octets: wide_enough(octets, HEADING.octets),
            unique_id: wide_enough(unique_id, HEADING.unique_id),
            width,
        }
    }

    /// The heading; on a terminal alone, so that everything else reads lines of messages only.
    pub(super) fn heading(&self) -> Option<String> {
        self.width.map(|_| self.line(&HEADING))
    }

    pub(super) fn line(&self, row: &Row<'_>) -> String {
        let (number, octets) = (row.number, row.octets);
        let start = format!("{number:>0$}{GAP}{octets:>1$}", self.number, self.octets);
        let or_dash = |text: &'_ str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        let [id, date, from, subject] = [row.unique_id, row.date, row.from, row.subject].map(or_dash);
        let Some(width) = self.width else {
            return [start, fit(&id, self.unique_id, false), date, from, subject].join(GAP);
        };
        let date = date.get(..DATE).unwrap_or(&date).replace('T', " ");
        let columns = [
            start,
            fit(&id, self.unique_id.min(UNIQUE_ID), true),
            fit(&date, DATE, true),
            fit(&from, FROM, true),
            subject,
        ];
        let mut line = fit(&columns.join(GAP), width, true);
        line.truncate(line.trim_end().len());
        line
    }
}

/// Pads the text with spaces to this many columns. A longer text is cut, with `~` at its end, if `cuts`.
fn fit(text: &str, columns: usize, cuts: bool) -> String {
    let width = text.width();
    if width <= columns || !cuts {
        return format!("{text}{}", " ".repeat(columns.saturating_sub(width)));
    }
    let (mut cut, mut used) = (String::new(), 0);
    for character in text.chars() {
        let more = character.width().unwrap_or_default();
        if used + more + 1 > columns {
            break;
        }
        cut.push(character);
        used += more;
    }
    cut.push('~');
    format!("{cut}{}", " ".repeat(columns.saturating_sub(used + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: Row<'_> = Row {
        number: "7",
        octets: "1234",
        unique_id: "an-id-of-twenty-five-octets",
        date: "2026-11-23T10:00:00+01:00",
        from: "\u{5468}\u{4e00} <zhou@example.cn>",
        subject: "\u{4f1a}\u{8bae} and more",
    };

    #[test]
    fn lines_fit_the_terminal_and_columns_stand_below_each_other() {
        for width in [10, 40, 79, 80, 81, 200] {
            let table = Table::new(1, 4, 27, Some(width));
            let (heading, line) = (table.heading().unwrap(), table.line(&ROW));
            assert!(heading.width() <= width && line.width() <= width, "{width}: {heading}\n{line}");
        }
        let table = Table::new(1, 4, 27, Some(200));
        let (heading, line) = (table.heading().unwrap(), table.line(&ROW));
        let column = |line: &str, text: &str| line[..line.find(text).unwrap()].width();
        for (name, value) in
            [("unique-id", "an-id"), ("date", "2026"), ("from", "\u{5468}"), ("subject", "\u{4f1a}")]
        {
            assert_eq!(column(&heading, name), column(&line, value), "{heading}\n{line}");
        }
        assert!(line.contains("an-id-of-twenty-fiv~") && line.contains("2026-11-23 10:00 "), "{line}");
    }

    #[test]
    fn nothing_is_cut_where_no_terminal_is() {
        let table = Table::new(1, 4, 9, None);
        assert_eq!(table.heading(), None);
        let line = table.line(&ROW);
        for part in [ROW.unique_id, ROW.date, ROW.from, ROW.subject] {
            assert!(line.contains(part), "{line}");
        }
        let line = table.line(&Row { from: "", subject: "", unique_id: "", date: "", ..ROW });
        assert_eq!(line, "  7    1234  -          -  -  -");
    }

    #[test]
    fn wide_characters_are_not_cut_in_half() {
        assert_eq!(fit("\u{4f1a}\u{8bae}", 4, true), "\u{4f1a}\u{8bae}");
        assert_eq!(fit("\u{4f1a}\u{8bae}", 3, true), "\u{4f1a}~");
        assert_eq!(fit("\u{4f1a}\u{8bae}x", 4, true), "\u{4f1a}~ ");
    }
}
