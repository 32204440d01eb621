//! What names and calls mean: columns, `let`s, and the functions that the simulator knows, with the types they give.

use std::collections::HashMap;

use super::Error;
use super::expression::{Binary, Expression};
use super::value::{Column, Type, Value};

/// The names that an expression may use.
pub(super) struct Scope<'s> {
    pub columns: &'s [Column],
    pub lets: &'s HashMap<String, Value>,
    /// The instant of `now()`, in ticks.
    pub now: i64,
}

impl Scope<'_> {
    /// Replaces names by columns and `let` values and tells the expression's type.
    pub fn bind(&self, expression: &mut Expression) -> Result<Type, Error> {
        Ok(match expression {
            Expression::Literal(value) => value.kind(),
            Expression::Column(index) => self.columns[*index].kind,
            Expression::Name(name) => {
                if let Some(index) = self.columns.iter().position(|column| column.name == *name) {
                    *expression = Expression::Column(index);
                    self.columns[index].kind
                } else if let Some(value) = self.lets.get(name) {
                    *expression = Expression::Literal(value.clone());
                    value.kind()
                } else {
                    return Err(Error::Semantic(format!(
                        "Failed to resolve column or scalar expression named '{name}'"
                    )));
                }
            }
            Expression::Not(inner) => {
                self.bind(inner)?;
                Type::Bool
            }
            Expression::Negative(inner) => self.bind(inner)?,
            Expression::Member(value, key) => {
                if !matches!(self.bind(value)?, Type::Dynamic) {
                    return Err(Error::Semantic("Only a dynamic value has members".into()));
                }
                self.bind(key)?;
                Type::Dynamic
            }
            Expression::In { value, list, .. } => {
                self.bind(value)?;
                for item in list {
                    self.bind(item)?;
                }
                Type::Bool
            }
            Expression::Between {
                value, low, high, ..
            } => {
                for part in [value, low, high] {
                    self.bind(part)?;
                }
                Type::Bool
            }
            Expression::Binary(left, operator, right) => {
                let (left, right) = (self.bind(left)?, self.bind(right)?);
                match operator {
                    Binary::Add
                    | Binary::Subtract
                    | Binary::Multiply
                    | Binary::Divide
                    | Binary::Modulo => arithmetic(left, *operator, right)?,
                    Binary::Equal
                    | Binary::NotEqual
                    | Binary::Less
                    | Binary::LessOrEqual
                    | Binary::Greater
                    | Binary::GreaterOrEqual
                        if !comparable(left, right) =>
                    {
                        let message = format!(
                            "Cannot compare values of types {} and {}",
                            left.reported(),
                            right.reported()
                        );
                        return Err(Error::Semantic(message));
                    }
                    _ => Type::Bool,
                }
            }
            Expression::Call(name, arguments) => {
                let mut kinds = Vec::new();
                for argument in arguments.iter_mut() {
                    kinds.push(self.bind(argument)?);
                }
                if matches!((name.as_str(), arguments.len()), ("now", 0)) {
                    *expression = Expression::Literal(Value::DateTime(self.now));
                    return Ok(Type::DateTime);
                }
                if name == "ago" && kinds == [Type::TimeSpan] {
                    let now = Expression::Literal(Value::DateTime(self.now));
                    *expression = Expression::Binary(
                        Box::new(now),
                        Binary::Subtract,
                        Box::new(arguments.remove(0)),
                    );
                    return Ok(Type::DateTime);
                }
                call(name, &kinds)?
            }
        })
    }
}

fn comparable(left: Type, right: Type) -> bool {
    let numeric = |kind| matches!(kind, Type::Int | Type::Long | Type::Real | Type::Bool);
    left == right
        || left == Type::Dynamic
        || right == Type::Dynamic
        || (numeric(left) && numeric(right))
}

fn arithmetic(left: Type, operator: Binary, right: Type) -> Result<Type, Error> {
    Ok(match (left, operator, right) {
        (Type::DateTime, Binary::Subtract, Type::DateTime) => Type::TimeSpan,
        (Type::DateTime, Binary::Add | Binary::Subtract, Type::TimeSpan) => Type::DateTime,
        (Type::TimeSpan, Binary::Add, Type::DateTime) => Type::DateTime,
        (Type::TimeSpan, Binary::Add | Binary::Subtract, Type::TimeSpan) => Type::TimeSpan,
        (
            Type::TimeSpan,
            Binary::Multiply | Binary::Divide,
            Type::Long | Type::Int | Type::Real,
        ) => Type::TimeSpan,
        (Type::Long | Type::Int, Binary::Multiply, Type::TimeSpan) => Type::TimeSpan,
        (Type::TimeSpan, Binary::Divide, Type::TimeSpan) => Type::Real,
        (Type::Long | Type::Int, _, Type::Long | Type::Int) => Type::Long,
        (Type::Long | Type::Int | Type::Real, _, Type::Long | Type::Int | Type::Real) => Type::Real,
        _ => {
            let message = format!(
                "Arithmetic expression cannot be carried-out between {} and {}",
                left.reported(),
                right.reported()
            );
            return Err(Error::Semantic(message));
        }
    })
}

/// The type that a function gives for arguments of these types.
fn call(name: &str, kinds: &[Type]) -> Result<Type, Error> {
    Ok(match (name, kinds) {
        ("isempty" | "isnotempty" | "isnull" | "isnotnull", [_])
        | ("has_any" | "has_all", [_, _, ..]) => Type::Bool,
        ("tostring", [_])
        | ("tolower" | "toupper", [Type::String | Type::Dynamic])
        | ("strcat", [_, ..]) => Type::String,
        ("strrep", [Type::String, Type::Long | Type::Int]) => Type::String,
        ("strlen", [Type::String])
        | ("toint" | "tolong", [_])
        | ("array_length", [Type::Dynamic]) => Type::Long,
        ("toreal" | "todouble", [_]) => Type::Real,
        ("todatetime", [_]) | ("startofday", [Type::DateTime]) => Type::DateTime,
        ("parse_json" | "todynamic", [_]) => Type::Dynamic,
        ("bin" | "floor", [kind, _]) => *kind,
        ("iff" | "iif", [Type::Bool, kind, _]) => *kind,
        _ => {
            let known = "ago, array_length, bin, has_all, has_any, iff, isempty, isnotempty, isnotnull, isnull, not, now, parse_json, startofday, strcat, strlen, strrep, todatetime, tolong, tolower, toreal, tostring, toupper";
            return Err(Error::Semantic(format!(
                "Unknown function '{name}' with {} argument(s) of these types. This simulator knows: {known}",
                kinds.len()
            )));
        }
    })
}
