//! KQL's statements: `let`s, then one pipeline of tabular operators.

use super::Error;
use super::expression::Expression;
use super::lexer::{Placed, Token, tokens};

pub(super) struct Query {
    pub lets: Vec<(String, Expression)>,
    pub source: Source,
    pub operators: Vec<Operator>,
}

pub(super) enum Source {
    Table(String),
    Range {
        name: String,
        from: Expression,
        to: Expression,
        step: Expression,
    },
    Print(Vec<Assigned>),
}

/// `name = expression`, the name left out.
pub(super) type Assigned = (Option<String>, Expression);

pub(super) enum Operator {
    Where(Expression),
    Project(Vec<Assigned>),
    ProjectAway(Vec<String>),
    Extend(Vec<Assigned>),
    Take(Expression),
    /// Each key with true for descending.
    Sort(Vec<(Expression, bool)>),
    Top(Expression, Vec<(Expression, bool)>),
    Count,
    Distinct(Vec<Assigned>),
    DistinctAll,
    Summarize {
        aggregates: Vec<Assigned>,
        by: Vec<Assigned>,
    },
}

pub(super) struct Parser<'q> {
    query: &'q str,
    tokens: Vec<Placed>,
    at: usize,
}

pub(super) fn parse(query: &str) -> Result<Query, Error> {
    let mut parser = Parser {
        query,
        tokens: tokens(query)?,
        at: 0,
    };
    let mut lets = Vec::new();
    while parser.eat("let") {
        let name = parser.name()?;
        parser.expect("=")?;
        lets.push((name, parser.expression()?));
        parser.expect(";")?;
    }
    let source = parser.source()?;
    let mut operators = Vec::new();
    while parser.eat("|") {
        operators.push(parser.operator()?);
    }
    while parser.eat(";") {}
    match parser.peek() {
        None => Ok(Query {
            lets,
            source,
            operators,
        }),
        Some(_) => Err(parser.unexpected()),
    }
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    /// True if the next token is this name or mark.
    pub(super) fn is(&self, word: &str) -> bool {
        match self.peek() {
            Some(Token::Name(name)) => name == word,
            Some(Token::Punctuation(mark)) => *mark == word,
            _ => false,
        }
    }

    pub(super) fn eat(&mut self, word: &str) -> bool {
        let here = self.is(word);
        self.at += usize::from(here);
        here
    }

    pub(super) fn expect(&mut self, word: &str) -> Result<(), Error> {
        if self.eat(word) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    pub(super) fn name(&mut self) -> Result<String, Error> {
        match self.peek().cloned() {
            Some(Token::Name(name)) => {
                self.advance();
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    pub(super) fn unexpected(&self) -> Error {
        Error::syntax(
            self.query,
            self.tokens
                .get(self.at)
                .map_or(self.query.len(), |(_, at)| *at),
        )
    }

    fn source(&mut self) -> Result<Source, Error> {
        if self.eat("range") {
            let name = self.name()?;
            self.expect("from")?;
            let from = self.expression()?;
            self.expect("to")?;
            let to = self.expression()?;
            self.expect("step")?;
            return Ok(Source::Range {
                name,
                from,
                to,
                step: self.expression()?,
            });
        }
        if self.eat("print") {
            return Ok(Source::Print(self.assignments()?));
        }
        Ok(Source::Table(self.name()?))
    }

    fn operator(&mut self) -> Result<Operator, Error> {
        let start = self.at;
        let mut name = self.name()?;
        if name == "project" && self.eat("-") {
            name = format!("project-{}", self.name()?);
        }
        Ok(match name.as_str() {
            "where" | "filter" => Operator::Where(self.expression()?),
            "project" => Operator::Project(self.assignments()?),
            "project-away" => Operator::ProjectAway(self.names()?),
            "extend" => Operator::Extend(self.assignments()?),
            "take" | "limit" => Operator::Take(self.expression()?),
            "sort" | "order" => {
                self.expect("by")?;
                Operator::Sort(self.keys()?)
            }
            "top" => {
                let count = self.expression()?;
                self.expect("by")?;
                Operator::Top(count, self.keys()?)
            }
            "count" => Operator::Count,
            "distinct" if self.eat("*") => Operator::DistinctAll,
            "distinct" => Operator::Distinct(self.assignments()?),
            "summarize" => {
                let aggregates = if self.is("by") {
                    Vec::new()
                } else {
                    self.assignments()?
                };
                let by = if self.eat("by") {
                    self.assignments()?
                } else {
                    Vec::new()
                };
                Operator::Summarize { aggregates, by }
            }
            _ => {
                self.at = start;
                return Err(self.unexpected());
            }
        })
    }

    fn assignments(&mut self) -> Result<Vec<Assigned>, Error> {
        let mut assignments = Vec::new();
        loop {
            let name = match (self.peek().cloned(), self.tokens.get(self.at + 1)) {
                (Some(Token::Name(name)), Some((Token::Punctuation("="), _))) => {
                    self.at += 2;
                    Some(name)
                }
                _ => None,
            };
            assignments.push((name, self.expression()?));
            if !self.eat(",") {
                return Ok(assignments);
            }
        }
    }

    fn names(&mut self) -> Result<Vec<String>, Error> {
        let mut names = vec![self.name()?];
        while self.eat(",") {
            names.push(self.name()?);
        }
        Ok(names)
    }

    fn keys(&mut self) -> Result<Vec<(Expression, bool)>, Error> {
        let mut keys = Vec::new();
        loop {
            let key = self.expression()?;
            let descending = !self.eat("asc");
            if descending {
                self.eat("desc");
            }
            keys.push((key, descending));
            if !self.eat(",") {
                return Ok(keys);
            }
        }
    }
}
