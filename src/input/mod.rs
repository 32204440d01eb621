//! The input of an operation: one flat set of named fields, whether they came as JSON, in a path or in a query string.

pub mod common;
mod fields;

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Error as JsonError, value::RawValue};

pub(crate) use fields::reason;
use fields::{FieldDeserializer, Fields};

use crate::error::{Code, Error, Result};

/// Named fields, each given once.
#[derive(Debug, Default)]
pub struct Input {
    fields: Vec<(String, Field)>,
}

#[derive(Debug)]
enum Field {
    Json(Box<RawValue>),
    /// From a path or a query string, where every value is text.
    Text(String),
}

impl Field {
    /// What the field says, whichever way it was given: `"7"`, `7` and `?id=7` say the same.
    fn said(&self) -> String {
        match self {
            Field::Text(text) => text.clone(),
            Field::Json(json) => {
                serde_json::from_str(json.get()).unwrap_or_else(|_| json.get().to_owned())
            }
        }
    }
}

impl Input {
    /// A JSON object; `null` and nothing at all mean no fields.
    pub fn from_json(json: &str) -> Result<Self> {
        let mut input = Self::default();
        input.add_json(json)?;
        Ok(input)
    }

    pub fn add_json(&mut self, json: &str) -> Result<()> {
        if matches!(json.trim(), "" | "null") {
            return Ok(());
        }
        let not_an_object = |error: JsonError| {
            Error::new(
                Code::InvalidInput,
                format!("The input must be one JSON object: {error}"),
            )
        };
        for (name, value) in serde_json::from_str::<Members>(json)
            .map_err(not_an_object)?
            .0
        {
            self.add(name, Field::Json(value))?;
        }
        Ok(())
    }

    pub fn add_text(&mut self, name: impl Into<String>, text: impl Into<String>) -> Result<()> {
        self.add(name.into(), Field::Text(text.into()))
    }

    fn add(&mut self, name: String, value: Field) -> Result<()> {
        match self.fields.iter().find(|(known, _)| *known == name) {
            None => self.fields.push((name, value)),
            Some((_, known)) if known.said() == value.said() => {}
            Some(_) => {
                return Err(Error::field(
                    &name,
                    "given more than once, with different values",
                ));
            }
        }
        Ok(())
    }

    /// Takes a field out, if it is there.
    pub fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(at) = self.fields.iter().position(|(known, _)| known == name) else {
            return Ok(None);
        };
        let (_, field) = self.fields.swap_remove(at);
        Option::<T>::deserialize(FieldDeserializer(&field))
            .map_err(|error| Error::field(name, reason(&error)))
    }

    /// Reads the fields into an operation. An error names the field.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(MapAccessDeserializer::new(Fields::new(&self.fields)))
            .map_err(|error| Error::new(Code::InvalidInput, reason(&error)))
    }
}

/// The members of a JSON object in their order, repeated names included.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Sample {
        id: String,
        top: Option<u32>,
        #[serde(default)]
        expand_alerts: bool,
        severity: Option<Severity>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase")]
    enum Severity {
        High,
    }

    fn refusal(input: Result<Input>) -> String {
        input
            .and_then(|input| input.parse::<Sample>())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn text_and_json_say_the_same() {
        let mut text = Input::default();
        for (name, value) in [
            ("id", "7"),
            ("top", "5"),
            ("expandAlerts", "true"),
            ("severity", "high"),
        ] {
            text.add_text(name, value).unwrap();
        }
        let json = Input::from_json(r#"{"id":"7","top":5,"expandAlerts":true,"severity":"high"}"#)
            .unwrap();
        assert_eq!(
            text.parse::<Sample>().unwrap(),
            json.parse::<Sample>().unwrap()
        );
    }

    #[test]
    fn null_and_nothing_are_no_fields() {
        for empty in ["null", "{}", "", "  "] {
            assert!(Input::from_json(empty).unwrap().fields.is_empty());
        }
        let absent: Sample = Input::from_json(r#"{"id":"7","top":null}"#)
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(absent.top, None);
    }

    #[test]
    fn a_wrong_field_is_named() {
        assert_eq!(
            refusal(Input::from_json(r#"{"id":"7","colour":1}"#)),
            "unknown field `colour`, expected one of `id`, `top`, `expandAlerts`, `severity`"
        );
        assert_eq!(
            refusal(Input::from_json(r#"{"id":"7","top":"5"}"#)),
            "`top`: invalid type: string \"5\", expected u32"
        );
        assert_eq!(
            refusal(Input::from_json(r#"{"id":"7","severity":"severe"}"#)),
            "`severity`: unknown variant `severe`, expected `high`"
        );
        assert_eq!(refusal(Input::from_json("{}")), "missing field `id`");
        let mut text = Input::default();
        text.add_text("top", "many").unwrap();
        assert_eq!(refusal(Ok(text)), "`top`: \"many\" is not a whole number");
    }

    #[test]
    fn an_input_that_is_no_object_is_refused() {
        for wrong in ["[]", "7", "\"id\"", "{", "{\"id\":}"] {
            let error = Input::from_json(wrong).unwrap_err();
            assert_eq!(error.code(), Code::InvalidInput);
            assert!(
                error
                    .to_string()
                    .starts_with("The input must be one JSON object"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_field_may_be_repeated_only_with_the_same_value() {
        let mut input = Input::from_json(r#"{"id":7}"#).unwrap();
        input.add_text("id", "7").unwrap();
        let error = input.add_text("id", "8").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`id`: given more than once, with different values"
        );
        let error = Input::from_json(r#"{"id":"1","id":"2"}"#).unwrap_err();
        assert_eq!(error.code(), Code::InvalidInput);
    }
}
