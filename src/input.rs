//! The input of an operation: one flat set of named fields, whether they came as JSON, in a path or in a query string.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeOwned, Error as _, IntoDeserializer, MapAccess, Visitor, value::StrDeserializer,
    },
    forward_to_deserialize_any,
};
use serde_json::{Error as JsonError, value::RawValue};

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

    /// Takes a text field out, if it is there.
    pub fn take_text(&mut self, name: &str) -> Result<Option<String>> {
        let Some(at) = self.fields.iter().position(|(known, _)| known == name) else {
            return Ok(None);
        };
        let (_, field) = self.fields.swap_remove(at);
        Option::<String>::deserialize(FieldDeserializer(&field))
            .map_err(|error| Error::field(name, reason(&error)))
    }

    /// Reads the fields into an operation. An error names the field.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        let fields = Fields {
            rest: self.fields.iter(),
            value: None,
        };
        T::deserialize(serde::de::value::MapAccessDeserializer::new(fields))
            .map_err(|error| Error::new(Code::InvalidInput, reason(&error)))
    }
}

/// The message without serde_json's position, which is one within a single value.
fn reason(error: &JsonError) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
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

struct Fields<'a> {
    rest: std::slice::Iter<'a, (String, Field)>,
    value: Option<&'a (String, Field)>,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = JsonError;

    fn next_key_seed<K: serde::de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> std::result::Result<Option<K::Value>, JsonError> {
        self.value = self.rest.next();
        let Some((name, _)) = self.value else {
            return Ok(None);
        };
        let name: StrDeserializer<'_, JsonError> = name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: serde::de::DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> std::result::Result<V::Value, JsonError> {
        let (name, value) = self
            .value
            .take()
            .ok_or_else(|| JsonError::custom("a value without its name"))?;
        seed.deserialize(FieldDeserializer(value))
            .map_err(|error| JsonError::custom(format!("`{name}`: {}", reason(&error))))
    }
}

/// Reads a field into whatever type the operation declares for it.
struct FieldDeserializer<'a>(&'a Field);

macro_rules! parsed_from_text {
    ($($method:ident $visit:ident $kind:literal)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, JsonError> {
            match self.0 {
                Field::Json(json) => json.$method(visitor),
                Field::Text(text) => visitor.$visit(
                    text.parse().map_err(|_| JsonError::custom(format!("{text:?} is not {}", $kind)))?,
                ),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for FieldDeserializer<'de> {
    type Error = JsonError;

    parsed_from_text! {
        deserialize_bool visit_bool "`true` or `false`"
        deserialize_u32 visit_u32 "a whole number"
        deserialize_u64 visit_u64 "a whole number"
    }

    fn deserialize_any<V: Visitor<'de>>(
        self,
        visitor: V,
    ) -> std::result::Result<V::Value, JsonError> {
        match self.0 {
            Field::Json(json) => json.deserialize_any(visitor),
            Field::Text(text) => visitor.visit_borrowed_str(text),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(
        self,
        visitor: V,
    ) -> std::result::Result<V::Value, JsonError> {
        match self.0 {
            Field::Json(json) if json.get() == "null" => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> std::result::Result<V::Value, JsonError> {
        match self.0 {
            Field::Json(json) => json.deserialize_enum(name, variants, visitor),
            Field::Text(text) => visitor.visit_enum(text.as_str().into_deserializer()),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> std::result::Result<V::Value, JsonError> {
        match self.0 {
            // By way of serde_json, which knows its own RawValue by its name.
            Field::Json(json) => json.deserialize_newtype_struct(name, visitor),
            Field::Text(_) => visitor.visit_newtype_struct(self),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
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
