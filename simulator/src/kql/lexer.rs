//! KQL's tokens: names, literals, punctuation; comments fall away.

use super::Error;
use super::value::Value;
use crate::time::{self, SECOND};

#[derive(Clone, Debug)]
pub(super) enum Token {
    Name(String),
    Literal(Value),
    Punctuation(&'static str),
}

/// A token and the byte at which it begins.
pub(super) type Placed = (Token, usize);

/// Longer marks come before those that they begin with.
const PUNCTUATION: &[&str] = &[
    "!~", "!=", "==", "=~", "<=", ">=", "..", "|", ";", "(", ")", "[", "]", "{", "}", ",", ".",
    "=", "<", ">", "+", "-", "*", "/", "%", ":", "!", "~",
];

pub(super) fn tokens(query: &str) -> Result<Vec<Placed>, Error> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = query[at..].chars().next() {
        let rest = &query[at..];
        let length = if first.is_whitespace() {
            first.len_utf8()
        } else if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(prefix) = string_prefix(rest) {
            let verbatim = rest[..prefix].contains('@');
            let (text, length) =
                string(&rest[prefix..], verbatim).ok_or_else(|| Error::syntax(query, at))?;
            tokens.push((Token::Literal(Value::text(&text)), at));
            prefix + length
        } else if let Some((value, length)) = raw_literal(rest) {
            tokens.push((
                Token::Literal(value.ok_or_else(|| Error::syntax(query, at))?),
                at,
            ));
            length
        } else if first.is_ascii_digit() {
            let (value, length) = number(rest).ok_or_else(|| Error::syntax(query, at))?;
            tokens.push((Token::Literal(value), at));
            length
        } else if first.is_alphabetic() || "_$".contains(first) {
            let length = rest
                .find(|c: char| !c.is_alphanumeric() && !"_$".contains(c))
                .unwrap_or(rest.len());
            tokens.push((Token::Name(rest[..length].to_owned()), at));
            length
        } else {
            let mark = PUNCTUATION
                .iter()
                .find(|mark| rest.starts_with(**mark))
                .ok_or_else(|| Error::syntax(query, at))?;
            tokens.push((Token::Punctuation(mark), at));
            mark.len()
        };
        at += length;
    }
    Ok(tokens)
}

/// The length of what stands before a string's quote: nothing, `h`, `@` or `h@`.
fn string_prefix(text: &str) -> Option<usize> {
    let mut first = text.char_indices().take(3);
    let (prefix, _) = first.find(|(_, c)| matches!(c, '"' | '\''))?;
    matches!(&text[..prefix], "" | "@" | "h" | "H" | "h@" | "H@").then_some(prefix)
}

/// The string that `text` opens with and its length; a line may not end inside it.
fn string(text: &str, verbatim: bool) -> Option<(String, usize)> {
    let quote = text.chars().next()?;
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\n' | '\r' => return None,
            '\\' if !verbatim => {
                let (_, escaped) = chars.next()?;
                let hexadecimal =
                    |digits: usize, chars: &mut dyn Iterator<Item = (usize, char)>| {
                        let digits: String = chars.take(digits).map(|(_, c)| c).collect();
                        u32::from_str_radix(&digits, 16)
                            .ok()
                            .and_then(char::from_u32)
                    };
                value.push(match escaped {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'v' => '\u{b}',
                    '0' => '\0',
                    'x' => hexadecimal(2, &mut chars)?,
                    'u' => hexadecimal(4, &mut chars)?,
                    'U' => hexadecimal(8, &mut chars)?,
                    '\\' | '"' | '\'' => escaped,
                    _ => return None,
                });
            }
            c if c == quote => {
                if !(verbatim && chars.peek().is_some_and(|(_, next)| *next == quote)) {
                    return Some((value, at + 1));
                }
                chars.next();
                value.push(quote);
            }
            c => value.push(c),
        }
    }
    None
}

/// `datetime(...)`, `timespan(...)` and `dynamic(...)`, whose insides are no KQL; the value is `None` if they are nothing else either.
fn raw_literal(text: &str) -> Option<(Option<Value>, usize)> {
    let name = ["datetime(", "timespan(", "time(", "dynamic("]
        .into_iter()
        .find(|name| text.starts_with(name))?;
    let inside = &text[name.len()..];
    if name == "dynamic(" {
        let mut values =
            serde_json::Deserializer::from_str(inside).into_iter::<serde_json::Value>();
        let value = values.next()?.ok();
        let read = values.byte_offset();
        let closing = inside[read..]
            .find(')')
            .filter(|end| inside[read..read + end].trim().is_empty());
        let value = value
            .filter(|_| closing.is_some())
            .map(|json| Value::Dynamic(json.into()));
        return Some((value, name.len() + read + closing.unwrap_or(0) + 1));
    }
    let end = inside.find(')')?;
    let word = inside[..end].trim().trim_matches(['"', '\'']);
    let value = match name {
        _ if word == "null" => Some(Value::Null),
        "datetime(" => instant(word).map(Value::DateTime),
        _ => number(word)
            .filter(|(_, length)| *length == word.len())
            .map(|(value, _)| value),
    };
    Some((value, name.len() + end + 1))
}

/// An instant as KQL takes it: a date alone, a space for the `T`, no zone for UTC.
pub(super) fn instant(text: &str) -> Option<i64> {
    let joined = text.replacen(' ', "T", 1);
    let tails = ["", "Z", ":00Z", "T00:00:00Z"];
    tails
        .iter()
        .find_map(|tail| time::parse(&format!("{joined}{tail}")))
}

/// `7`, `0.5`, `1h`, `1.5d`, and their length.
fn number(text: &str) -> Option<(Value, usize)> {
    let whole = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let mut length = whole;
    if text[whole..].starts_with('.') && text[whole + 1..].starts_with(|c: char| c.is_ascii_digit())
    {
        let fraction = &text[whole + 1..];
        length += 1 + fraction
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(fraction.len());
    }
    let unit_length = text[length..]
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(text.len() - length);
    let unit = match &text[length..length + unit_length] {
        "" => {
            let digits = &text[..length];
            let value = if length > whole {
                Value::Real(digits.parse().ok()?)
            } else {
                Value::Long(digits.parse().ok()?)
            };
            return Some((value, length));
        }
        "d" | "day" | "days" => 86_400 * SECOND,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600 * SECOND,
        "m" | "min" | "minute" | "minutes" => 60 * SECOND,
        "s" | "sec" | "second" | "seconds" => SECOND,
        "ms" | "millisecond" | "milliseconds" => SECOND / 1000,
        "microsecond" | "microseconds" => SECOND / 1_000_000,
        "tick" | "ticks" => 1,
        _ => return None,
    };
    let count: f64 = text[..length].parse().ok()?;
    Some((
        Value::TimeSpan((count * unit as f64).round() as i64),
        length + unit_length,
    ))
}
