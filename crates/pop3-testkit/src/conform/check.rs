//! What has to hold between captured values: `sum(list.size) = octets`.

use super::{
    mail::{body_of, head_of, top_of},
    text::shown,
    values::{Value, Values},
};

/// An expression that is true or false.
#[derive(Debug, Clone)]
pub(super) struct Check {
    source: String,
    left: Expression,
    /// Without it, the left side itself has to be a number above zero.
    right: Option<(Operator, Expression)>,
}

#[derive(Debug, Clone)]
enum Expression {
    Number(u128),
    Text(Vec<u8>),
    Name(String),
    Call(String, Vec<Expression>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Is,
    IsNot,
    Less,
    AtMost,
    More,
    AtLeast,
    /// A list has a value; a text has a part.
    Contains,
    Lacks,
    Begins,
    /// Every value of one list is in another.
    Within,
}

const OPERATORS: [(&str, Operator); 10] = [
    ("=", Operator::Is),
    ("!=", Operator::IsNot),
    ("<", Operator::Less),
    ("<=", Operator::AtMost),
    (">", Operator::More),
    (">=", Operator::AtLeast),
    ("contains", Operator::Contains),
    ("lacks", Operator::Lacks),
    ("begins", Operator::Begins),
    ("within", Operator::Within),
];

const FUNCTIONS: [&str; 12] = [
    "count",
    "sum",
    "octets",
    "lower",
    "ascending",
    "distinct",
    "head",
    "body",
    "top",
    "last",
    "without",
    "joined",
];

impl Check {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// A sentence about what is wrong in it.
    pub(super) fn parse(source: &str) -> Result<Self, String> {
        let mut rest = source.trim();
        let left = expression(&mut rest)?;
        let mut right = None;
        if !rest.trim().is_empty() {
            let (word, after) = rest.trim().split_once(' ').ok_or_else(|| wrong(source))?;
            let found = OPERATORS.iter().find(|(name, _)| *name == word);
            let operator = found.map(|(_, operator)| *operator).ok_or_else(|| wrong(source))?;
            rest = after;
            right = Some((operator, expression(&mut rest)?));
        }
        if rest.trim().is_empty() || right.is_none() {
            return Ok(Self { source: source.to_owned(), left, right });
        }
        Err(wrong(source))
    }

    /// As it stands in the case.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// `None` where it holds; otherwise what the two sides are.
    ///
    /// # Errors
    ///
    /// A sentence when it cannot be computed: the case is wrong.
    pub(super) fn failure(&self, values: &Values) -> Result<Option<String>, String> {
        let left = self.left.evaluate(values)?;
        let Some((operator, right)) = &self.right else {
            let is_true = left.number().is_some_and(|number| number > 0);
            return Ok((!is_true).then(|| "it does not hold".to_owned()));
        };
        let right = right.evaluate(values)?;
        if compare(&left, *operator, &right)? {
            return Ok(None);
        }
        Ok(Some(format!("left: {}; right: {}", display(&left), display(&right))))
    }
}

fn wrong(source: &str) -> String {
    format!("this is no check: {source}")
}

fn expression(rest: &mut &str) -> Result<Expression, String> {
    let text = rest.trim_start();
    if let Some(quoted) = text.strip_prefix('"') {
        let (inside, after) = quoted.split_once('"').ok_or_else(|| wrong(text))?;
        *rest = after;
        return Ok(Expression::Text(inside.as_bytes().to_vec()));
    }
    let end = text.find([' ', '(', ')', ',']).unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    if word.is_empty() {
        return Err(wrong(text));
    }
    *rest = after;
    if word.bytes().all(|octet| octet.is_ascii_digit()) {
        return word.parse().map(Expression::Number).map_err(|_| wrong(text));
    }
    let Some(mut inside) = after.strip_prefix('(') else { return Ok(Expression::Name(word.to_owned())) };
    if !FUNCTIONS.contains(&word) {
        return Err(format!("there is no function {word}"));
    }
    let mut arguments = Vec::new();
    loop {
        arguments.push(expression(&mut inside)?);
        inside = inside.trim_start();
        if let Some(after) = inside.strip_prefix(',') {
            inside = after;
        } else {
            *rest = inside.strip_prefix(')').ok_or_else(|| wrong(text))?;
            return Ok(Expression::Call(word.to_owned(), arguments));
        }
    }
}

impl Expression {
    fn evaluate(&self, values: &Values) -> Result<Value, String> {
        match self {
            Self::Number(number) => Ok(Value::Number(*number)),
            Self::Text(octets) => Ok(Value::Text(octets.clone())),
            Self::Name(name) => values.value(name).cloned(),
            Self::Call(function, arguments) => {
                let arguments: Result<Vec<Value>, String> =
                    arguments.iter().map(|argument| argument.evaluate(values)).collect();
                call(function, &arguments?)
            }
        }
    }
}

fn call(function: &str, arguments: &[Value]) -> Result<Value, String> {
    match (function, arguments) {
        ("count", [Value::List(list)]) => Ok(Value::Number(list.len() as u128)),
        ("sum", [Value::List(list)]) => numbers(list).map(|numbers| Value::Number(numbers.iter().sum())),
        ("octets", [Value::Text(octets)]) => Ok(Value::Number(octets.len() as u128)),
        ("lower", [value]) => Ok(lower(value)),
        ("ascending", [Value::List(list)]) => {
            let numbers = numbers(list)?;
            Ok(truth(numbers.windows(2).all(|pair| pair.first() < pair.last())))
        }
        ("distinct", [Value::List(list)]) => Ok(truth(
            list.iter().enumerate().all(|(at, value)| !list.iter().skip(at + 1).any(|v| v == value)),
        )),
        ("without", [Value::List(list), value]) => {
            Ok(Value::List(list.iter().filter(|one| !is_equal(one, value)).cloned().collect()))
        }
        // The lines of a list, each with a line end.
        ("joined", [Value::List(list)]) => {
            let texts: Vec<String> = list.iter().map(|value| format!("{}\n", display(value))).collect();
            Ok(Value::Text(texts.concat().into_bytes()))
        }
        ("last", [Value::List(list)]) => list.last().cloned().ok_or_else(|| "the list is empty".to_owned()),
        ("head", [Value::Text(message)]) => Ok(Value::Text(head_of(message).to_vec())),
        ("body", [Value::Text(message)]) => Ok(Value::Text(body_of(message).to_vec())),
        ("top", [Value::Text(message), lines]) => {
            let lines = lines.number().ok_or("the lines of top() are no number")?;
            Ok(Value::Text(top_of(message, usize::try_from(lines).unwrap_or(usize::MAX))))
        }
        _ => Err(format!("{function} cannot be computed of these values")),
    }
}

fn numbers(list: &[Value]) -> Result<Vec<u128>, String> {
    let numbers: Option<Vec<u128>> = list.iter().map(Value::number).collect();
    numbers.ok_or_else(|| "the list holds something that is no number".to_owned())
}

fn truth(is_true: bool) -> Value {
    Value::Number(u128::from(is_true))
}

fn lower(value: &Value) -> Value {
    match value {
        Value::Text(octets) => Value::Text(octets.to_ascii_lowercase()),
        Value::List(list) => Value::List(list.iter().map(lower).collect()),
        Value::Number(_) => value.clone(),
    }
}

fn compare(left: &Value, operator: Operator, right: &Value) -> Result<bool, String> {
    match operator {
        Operator::Is => Ok(is_equal(left, right)),
        Operator::IsNot => Ok(!is_equal(left, right)),
        Operator::Contains => contains(left, right),
        Operator::Lacks => contains(left, right).map(|is_in| !is_in),
        Operator::Begins => match (left, right) {
            (Value::Text(left), Value::Text(right)) => Ok(left.starts_with(right)),
            _ => Err("begins compares texts".to_owned()),
        },
        Operator::Within => match left {
            Value::List(list) => {
                let all: Result<Vec<bool>, String> =
                    list.iter().map(|value| contains(right, value)).collect();
                Ok(all?.into_iter().all(|is_in| is_in))
            }
            _ => Err("within compares lists".to_owned()),
        },
        Operator::Less | Operator::AtMost | Operator::More | Operator::AtLeast => {
            let (Some(left), Some(right)) = (left.number(), right.number()) else {
                return Err("only numbers have an order".to_owned());
            };
            Ok(match operator {
                Operator::Less => left < right,
                Operator::AtMost => left <= right,
                Operator::More => left > right,
                _ => left >= right,
            })
        }
    }
}

fn is_equal(left: &Value, right: &Value) -> bool {
    match (left.number(), right.number()) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

fn contains(whole: &Value, part: &Value) -> Result<bool, String> {
    match (whole, part) {
        (Value::List(list), part) => Ok(list.iter().any(|value| is_equal(value, part))),
        (Value::Text(whole), Value::Text(part)) => {
            Ok(part.is_empty() || whole.windows(part.len()).any(|window| window == part))
        }
        _ => Err("a number holds nothing".to_owned()),
    }
}

fn display(value: &Value) -> String {
    match value {
        Value::Text(octets) => shown(octets),
        Value::Number(number) => number.to_string(),
        Value::List(list) => {
            let values: Vec<String> = list.iter().take(20).map(display).collect();
            let more = if list.len() > 20 { ", …" } else { "" };
            format!("[{}{more}]", values.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(check: &str) -> bool {
        let mut values = Values::default();
        let list =
            |texts: &[&str]| Value::List(texts.iter().map(|t| Value::Text(t.as_bytes().to_vec())).collect());
        values.set("n", list(&["1", "2", "4"]));
        values.set("tags", list(&["TOP", "Uidl"]));
        values.set("octets", Value::Text(b"7".to_vec()));
        values.set("message", Value::Text(b"A: b\r\n\r\none\r\ntwo\r\n".to_vec()));
        Check::parse(check).unwrap().failure(&values).unwrap().is_none()
    }

    #[test]
    fn checks_hold_or_do_not() {
        for good in [
            "sum(n) = octets",
            "count(n) = 3",
            "count(n) < 4",
            "ascending(n)",
            "distinct(n)",
            "last(n) >= 4",
            "n contains 4",
            "n lacks 3",
            "lower(tags) contains \"uidl\"",
            "joined(tags) contains \"TOP\"",
            "tags within tags",
            "octets(message) = 18",
            "body(message) = body(message)",
            "message begins \"A: \"",
            "top(message, 9) = message",
            "count(without(n, 2)) = 2",
        ] {
            assert!(holds(good), "{good}");
        }
        for bad in ["sum(n) = 8", "n contains 3", "tags within n", "top(message, 1) = message", "octets > 7"]
        {
            assert!(!holds(bad), "{bad}");
        }
        for nonsense in ["", "a =", "a = b c", "colour(n)", "count(n", "\"open"] {
            assert!(Check::parse(nonsense).is_err(), "{nonsense}");
        }
        let check = Check::parse("sum(n) = 8").unwrap();
        assert!(check.failure(&Values::default()).is_err(), "nothing was captured");
    }
}
