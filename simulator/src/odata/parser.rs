//! The text of a `$filter`, read.

use super::{Field, Filter, Operator, Read};
use crate::time;

/// Words, parentheses, and strings that keep their opening quote so as to be told from words.
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' | ',' => {
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
                    .find(|c: char| c.is_whitespace() || "()',".contains(c))
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

pub(super) struct Parser<'f, T> {
    text: &'f str,
    tokens: Vec<String>,
    at: usize,
    fields: &'f [Field<T>],
}

impl<'f, T> Parser<'f, T> {
    pub fn new(text: &'f str, fields: &'f [Field<T>]) -> Result<Parser<'f, T>, String> {
        Ok(Parser {
            text,
            tokens: tokens(text)?,
            at: 0,
            fields,
        })
    }

    /// The filter, if nothing comes after it.
    pub fn whole(mut self) -> Result<Filter<T>, String> {
        let filter = self.or()?;
        match self.peek() {
            None => Ok(filter),
            Some(token) => Err(format!("Syntax error at '{token}' in '{}'.", self.text)),
        }
    }

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

    fn field(&self, name: &str) -> Result<&'f Field<T>, String> {
        let field = self.fields.iter().find(|field| field.name == name);
        field.ok_or_else(|| {
            let names: Vec<&str> = self.fields.iter().map(|field| field.name).collect();
            format!(
                "The property '{name}' cannot be used in $filter. These can: {}.",
                names.join(", ")
            )
        })
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        match self.next()? {
            found if found == word => Ok(()),
            found => Err(format!("'{word}' is expected, not '{found}'.")),
        }
    }

    fn quoted(&mut self, name: &str) -> Result<String, String> {
        let value = self.next()?;
        let text = value.strip_prefix('\'').map(str::to_owned);
        text.ok_or_else(|| format!("'{name}' takes a string in single quotes, not {value}."))
    }

    /// `(field,'text')`
    fn starts_with(&mut self) -> Result<Filter<T>, String> {
        self.expect("(")?;
        let name = self.next()?;
        let Read::Name(read) = self.field(&name)?.read else {
            return Err(format!("startswith does not take '{name}'."));
        };
        self.expect(",")?;
        let text = self.quoted(&name)?;
        self.expect(")")?;
        Ok(Filter::StartsWith { read, text })
    }

    /// `(x: x eq 'text')`
    fn any(&mut self, name: &str) -> Result<Filter<T>, String> {
        let Read::Texts(read) = self.field(name)?.read else {
            return Err(format!("'{name}' is no list."));
        };
        self.expect("(")?;
        // `x:x` is one word, `x: x` two.
        if self.next()?.ends_with(':') {
            self.next()?;
        }
        self.expect("eq")?;
        let text = self.quoted(name)?;
        self.expect(")")?;
        Ok(Filter::Any { read, text })
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
        if name == "startswith" {
            return self.starts_with();
        }
        if let Some(list) = name.strip_suffix("/any") {
            return self.any(list);
        }
        let field = self.field(&name)?;
        let word = self.next()?;
        let operator = Operator::named(&word)
            .ok_or_else(|| format!("'{word}' is not one of eq, ne, gt, ge, lt, le."))?;
        let value = self.next()?;
        match field.read {
            Read::Instant(read) => {
                let ticks = time::parse(&value)
                    .ok_or_else(|| format!("'{name}' takes an unquoted instant, not {value}."))?;
                Ok(Filter::Instant {
                    name: field.name,
                    read,
                    operator,
                    ticks,
                })
            }
            Read::Ticks(read) => {
                let ticks = time::parse(&value)
                    .ok_or_else(|| format!("'{name}' takes an unquoted instant, not {value}."))?;
                Ok(Filter::Ticks {
                    read,
                    operator,
                    ticks,
                })
            }
            Read::Number(read) => {
                let number = value.trim_start_matches('\'').parse();
                Ok(Filter::Number {
                    read,
                    operator,
                    number: number.map_err(|_| format!("'{name}' takes a number, not {value}."))?,
                })
            }
            Read::Flag(read) => match (operator, value.parse()) {
                (Operator::Eq | Operator::Ne, Ok(flag)) => Ok(Filter::Flag {
                    read,
                    equal: operator == Operator::Eq,
                    flag,
                }),
                _ => Err(format!(
                    "'{name}' is compared to true or false by eq or ne."
                )),
            },
            Read::Texts(_) => Err(format!("'{name}' is a list: '{name}/any(x: x eq ...)'.")),
            Read::Text(read) | Read::Name(read) | Read::Guid(read) => {
                let is_guid = matches!(field.read, Read::Guid(_));
                let text = match value.strip_prefix('\'') {
                    None if value == "null" => None,
                    None if is_guid => Some(value),
                    Some(_) if is_guid => {
                        return Err(format!(
                            "'{name}' takes a GUID without quotes, not {value}."
                        ));
                    }
                    Some(text) => Some(text.to_owned()),
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
