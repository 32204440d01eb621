//! KQL's scalar expressions and how they are read.

use super::parser::Parser;
use super::value::Value;
use super::{Error, lexer::Token};

#[derive(Clone, Debug)]
pub(super) enum Expression {
    Literal(Value),
    /// A name that is not resolved yet: a column or a `let`.
    Name(String),
    Column(usize),
    Not(Box<Expression>),
    Negative(Box<Expression>),
    Binary(Box<Expression>, Binary, Box<Expression>),
    In {
        value: Box<Expression>,
        list: Vec<Expression>,
        case: bool,
        negated: bool,
    },
    Between {
        value: Box<Expression>,
        low: Box<Expression>,
        high: Box<Expression>,
        negated: bool,
    },
    Call(String, Vec<Expression>),
    /// A property or element of a dynamic value.
    Member(Box<Expression>, Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    EqualAnyCase,
    NotEqualAnyCase,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    /// `contains` and its kin; `case` matters with `_cs`.
    Text {
        test: TextTest,
        case: bool,
        negated: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
    Has,
    HasPrefix,
}

/// A comparison written as a word, `!` before it taken off already.
fn text_test(word: &str, negated: bool) -> Option<Binary> {
    let (name, case) = word
        .strip_suffix("_cs")
        .map_or((word, false), |name| (name, true));
    let test = match name {
        "contains" => TextTest::Contains,
        "startswith" => TextTest::StartsWith,
        "endswith" => TextTest::EndsWith,
        "has" => TextTest::Has,
        "hasprefix" => TextTest::HasPrefix,
        _ => return None,
    };
    Some(Binary::Text {
        test,
        case,
        negated,
    })
}

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Result<Expression, Error> {
        self.binary(&[("or", Binary::Or)], |parser| {
            parser.binary(&[("and", Binary::And)], Parser::comparison)
        })
    }

    fn binary(
        &mut self,
        operators: &[(&str, Binary)],
        operand: impl Fn(&mut Self) -> Result<Expression, Error>,
    ) -> Result<Expression, Error> {
        let mut left = operand(self)?;
        while let Some((_, operator)) = operators.iter().find(|(mark, _)| self.eat(mark)) {
            left = Expression::Binary(Box::new(left), *operator, Box::new(operand(self)?));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Expression, Error> {
        let left = self.sum()?;
        const MARKS: &[(&str, Binary)] = &[
            ("==", Binary::Equal),
            ("!=", Binary::NotEqual),
            ("=~", Binary::EqualAnyCase),
            ("!~", Binary::NotEqualAnyCase),
            ("<=", Binary::LessOrEqual),
            (">=", Binary::GreaterOrEqual),
            ("<", Binary::Less),
            (">", Binary::Greater),
        ];
        if let Some((_, operator)) = MARKS.iter().find(|(mark, _)| self.eat(mark)) {
            return Ok(Expression::Binary(
                Box::new(left),
                *operator,
                Box::new(self.sum()?),
            ));
        }
        let negated = self.eat("!");
        let word = match self.peek() {
            Some(Token::Name(word)) => word.clone(),
            _ if negated => return Err(self.unexpected()),
            _ => return Ok(left),
        };
        if let Some(operator) = text_test(&word, negated) {
            self.advance();
            return Ok(Expression::Binary(
                Box::new(left),
                operator,
                Box::new(self.sum()?),
            ));
        }
        match word.as_str() {
            "in" => {
                self.advance();
                let case = !self.eat("~");
                Ok(Expression::In {
                    value: Box::new(left),
                    list: self.arguments()?,
                    case,
                    negated,
                })
            }
            "has_any" | "has_all" if !negated => {
                self.advance();
                let mut arguments = vec![left];
                arguments.extend(self.arguments()?);
                Ok(Expression::Call(word, arguments))
            }
            "between" => {
                self.advance();
                self.expect("(")?;
                let low = Box::new(self.sum()?);
                self.expect("..")?;
                let high = Box::new(self.sum()?);
                self.expect(")")?;
                Ok(Expression::Between {
                    value: Box::new(left),
                    low,
                    high,
                    negated,
                })
            }
            _ if negated => Err(self.unexpected()),
            _ => Ok(left),
        }
    }

    fn sum(&mut self) -> Result<Expression, Error> {
        self.binary(&[("+", Binary::Add), ("-", Binary::Subtract)], |parser| {
            let factors = [
                ("*", Binary::Multiply),
                ("/", Binary::Divide),
                ("%", Binary::Modulo),
            ];
            parser.binary(&factors, Parser::unary)
        })
    }

    fn unary(&mut self) -> Result<Expression, Error> {
        if self.eat("-") {
            return Ok(Expression::Negative(Box::new(self.unary()?)));
        }
        let mut value = self.primary()?;
        loop {
            let member = if self.eat(".") {
                Expression::Literal(Value::text(&self.name()?))
            } else if self.eat("[") {
                let key = self.expression()?;
                self.expect("]")?;
                key
            } else {
                return Ok(value);
            };
            value = Expression::Member(Box::new(value), Box::new(member));
        }
    }

    fn primary(&mut self) -> Result<Expression, Error> {
        if self.eat("(") {
            let inner = self.expression()?;
            self.expect(")")?;
            return Ok(inner);
        }
        match self.peek().cloned() {
            Some(Token::Literal(value)) => {
                self.advance();
                Ok(Expression::Literal(value))
            }
            Some(Token::Name(name)) => {
                self.advance();
                match name.as_str() {
                    "true" => Ok(Expression::Literal(Value::Bool(true))),
                    "false" => Ok(Expression::Literal(Value::Bool(false))),
                    "not" => {
                        self.expect("(")?;
                        let inner = self.expression()?;
                        self.expect(")")?;
                        Ok(Expression::Not(Box::new(inner)))
                    }
                    _ if self.is("(") => Ok(Expression::Call(name, self.arguments()?)),
                    _ => Ok(Expression::Name(name)),
                }
            }
            // All columns, where an aggregate takes them; binding refuses it elsewhere.
            Some(Token::Punctuation("*")) => {
                self.advance();
                Ok(Expression::Name("*".into()))
            }
            _ => Err(self.unexpected()),
        }
    }

    /// `(a, b, c)`
    pub(super) fn arguments(&mut self) -> Result<Vec<Expression>, Error> {
        self.expect("(")?;
        let mut arguments = Vec::new();
        while !self.eat(")") {
            if !arguments.is_empty() {
                self.expect(",")?;
            }
            arguments.push(self.expression()?);
        }
        Ok(arguments)
    }
}
