//! OData `$filter`, as far as Microsoft documents it for these APIs: `eq ne gt ge lt le`, `and`, `or`, parentheses, over
//! each resource's documented fields and no others. Instants are unquoted and compared as instants.

use std::cmp::Ordering;

use crate::time;

/// A field that a resource can be filtered by.
pub(crate) struct Field<T> {
    pub name: &'static str,
    pub read: Read<T>,
}

/// How a field's value is had from an item.
pub(crate) enum Read<T> {
    /// An instant, compared by all six operators.
    Instant(fn(&T) -> &str),
    /// A string or an enum member, compared by `eq` and `ne` regardless of case.
    Text(fn(&T) -> Option<&str>),
}

/// A parsed filter over the items that its fields read.
pub(crate) enum Filter<T> {
    And(Box<Filter<T>>, Box<Filter<T>>),
    Or(Box<Filter<T>>, Box<Filter<T>>),
    Instant {
        read: fn(&T) -> &str,
        operator: Operator,
        ticks: i64,
    },
    Text {
        read: fn(&T) -> Option<&str>,
        equal: bool,
        text: Option<String>,
    },
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Operator {
    fn named(word: &str) -> Option<Operator> {
        Some(match word {
            "eq" => Operator::Eq,
            "ne" => Operator::Ne,
            "gt" => Operator::Gt,
            "ge" => Operator::Ge,
            "lt" => Operator::Lt,
            "le" => Operator::Le,
            _ => return None,
        })
    }

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Operator::Eq => ordering.is_eq(),
            Operator::Ne => ordering.is_ne(),
            Operator::Gt => ordering.is_gt(),
            Operator::Ge => ordering.is_ge(),
            Operator::Lt => ordering.is_lt(),
            Operator::Le => ordering.is_le(),
        }
    }
}

impl<T> Filter<T> {
    /// Parses `text` over `fields`; the error is the sentence that the API answers with status 400.
    pub fn parse(text: &str, fields: &[Field<T>]) -> Result<Filter<T>, String> {
        let mut parser = Parser {
            tokens: tokens(text)?,
            at: 0,
            fields,
        };
        let filter = parser.or()?;
        match parser.peek() {
            None => Ok(filter),
            Some(token) => Err(format!("Syntax error at '{token}' in '{text}'.")),
        }
    }

    pub fn keeps(&self, item: &T) -> bool {
        match self {
            Filter::And(left, right) => left.keeps(item) && right.keeps(item),
            Filter::Or(left, right) => left.keeps(item) || right.keeps(item),
            Filter::Instant {
                read,
                operator,
                ticks,
            } => time::parse(read(item)).is_some_and(|value| operator.holds(value.cmp(ticks))),
            Filter::Text { read, equal, text } => {
                let same = match (read(item), text) {
                    (Some(value), Some(text)) => value.eq_ignore_ascii_case(text),
                    (value, text) => value.is_none() && text.is_none(),
                };
                same == *equal
            }
        }
    }
}

/// Words, parentheses, and strings that keep their opening quote so as to be told from words.
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' => {
                tokens.push(first.to_string());
                1
            }
            '\'' => {
                let (string, length) = string(rest).ok_or_else(|| {
                    format!("There is an unterminated string literal in '{text}'.")
                })?;
                tokens.push(format!("'{string}"));
                length
            }
            _ => {
                let length = rest
                    .find(|c: char| c.is_whitespace() || "()'".contains(c))
                    .unwrap_or(rest.len());
                tokens.push(rest[..length].to_owned());
                length
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// The string that `text` opens with, its doubled quotes undone, and its length in the text.
fn string(text: &str) -> Option<(String, usize)> {
    let mut end = 1;
    loop {
        end += text[end..].find('\'')? + 1;
        if !text[end..].starts_with('\'') {
            return Some((text[1..end - 1].replace("''", "'"), end));
        }
        end += 1;
    }
}

struct Parser<'f, T> {
    tokens: Vec<String>,
    at: usize,
    fields: &'f [Field<T>],
}

impl<'f, T> Parser<'f, T> {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn next(&mut self) -> Result<String, String> {
        let token = self
            .tokens
            .get(self.at)
            .cloned()
            .ok_or("The filter ends too early.")?;
        self.at += 1;
        Ok(token)
    }

    fn eat(&mut self, word: &str) -> bool {
        let here = self.peek() == Some(word);
        self.at += usize::from(here);
        here
    }

    fn or(&mut self) -> Result<Filter<T>, String> {
        let mut left = self.and()?;
        while self.eat("or") {
            left = Filter::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Filter<T>, String> {
        let mut left = self.comparison()?;
        while self.eat("and") {
            left = Filter::And(Box::new(left), Box::new(self.comparison()?));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Filter<T>, String> {
        if self.eat("(") {
            let inner = self.or()?;
            return if self.eat(")") {
                Ok(inner)
            } else {
                Err("A parenthesis is not closed.".into())
            };
        }
        let name = self.next()?;
        let field = self
            .fields
            .iter()
            .find(|field| field.name == name)
            .ok_or_else(|| {
                let names: Vec<&str> = self.fields.iter().map(|field| field.name).collect();
                format!(
                    "The property '{name}' cannot be used in $filter. These can: {}.",
                    names.join(", ")
                )
            })?;
        let word = self.next()?;
        let operator = Operator::named(&word)
            .ok_or_else(|| format!("'{word}' is not one of eq, ne, gt, ge, lt, le."))?;
        let value = self.next()?;
        match field.read {
            Read::Instant(read) => {
                let ticks = time::parse(&value)
                    .ok_or_else(|| format!("'{name}' takes an unquoted instant, not {value}."))?;
                Ok(Filter::Instant {
                    read,
                    operator,
                    ticks,
                })
            }
            Read::Text(read) => {
                let text = match value.strip_prefix('\'') {
                    Some(text) => Some(text.to_owned()),
                    None if value == "null" => None,
                    None => {
                        return Err(format!(
                            "'{name}' takes a string in single quotes, not {value}."
                        ));
                    }
                };
                match operator {
                    Operator::Eq | Operator::Ne => Ok(Filter::Text {
                        read,
                        equal: operator == Operator::Eq,
                        text,
                    }),
                    _ => Err(format!("'{name}' is compared by eq and ne only.")),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
