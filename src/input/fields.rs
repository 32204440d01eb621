//! Serde's view of an input: each field is read into whatever type the operation declares for it.

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, Error as _, IntoDeserializer, MapAccess, Visitor, value::StrDeserializer,
    },
    forward_to_deserialize_any,
};
use serde_json::Error as JsonError;

use super::Field;

/// The fields as serde's map.
pub struct Fields<'a> {
    rest: std::slice::Iter<'a, (String, Field)>,
    value: Option<&'a (String, Field)>,
}

impl<'a> Fields<'a> {
    pub fn new(fields: &'a [(String, Field)]) -> Self {
        Self {
            rest: fields.iter(),
            value: None,
        }
    }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
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

    fn next_value_seed<V: DeserializeSeed<'de>>(
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
pub struct FieldDeserializer<'a>(pub &'a Field);

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

/// The message without serde_json's position, which is one within a single value.
pub fn reason(error: &JsonError) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
