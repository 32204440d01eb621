//! The bodies of the Endpoint API's changes, whose keys are told apart by case.

use serde_json::{Map, Value};

use crate::request::Request;
use crate::xdr::Failure;

/// A request's JSON object, whose keys are among those that the operation documents.
pub(super) struct Body(Map<String, Value>);

impl Body {
    pub fn read(request: &Request, keys: &[&str]) -> Result<Body, Failure> {
        let Ok(Value::Object(object)) = serde_json::from_slice(&request.body) else {
            return Err(incorrect());
        };
        Body::of(object, keys)
    }

    pub fn of(object: Map<String, Value>, keys: &[&str]) -> Result<Body, Failure> {
        match object.keys().all(|key| keys.contains(&key.as_str())) {
            true => Ok(Body(object)),
            false => Err(incorrect()),
        }
    }

    /// A string that may be left out.
    pub fn optional(&self, key: &str) -> Result<Option<String>, Failure> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(incorrect()),
        }
    }

    /// A string that must be there and not be empty.
    pub fn required(&self, key: &str) -> Result<String, Failure> {
        let text = self.optional(key)?.filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| missing(key))
    }

    /// One of `members`, spelt as they are.
    pub fn member(&self, key: &str, members: &[&str]) -> Result<Option<String>, Failure> {
        match self.optional(key)? {
            Some(text) if !members.contains(&text.as_str()) => Err(Failure::new(
                400,
                "InvalidInput",
                format!("{key} '{text}' is not one of {}", members.join(", ")),
            )),
            text => Ok(text),
        }
    }

    pub fn required_member(&self, key: &str, members: &[&str]) -> Result<String, Failure> {
        self.member(key, members)?.ok_or_else(|| missing(key))
    }

    pub fn flag(&self, key: &str) -> Result<Option<bool>, Failure> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_bool().map(Some).ok_or_else(incorrect),
        }
    }

    /// A list that must be there, have something in it, and have at most `most` items.
    pub fn batch(&self, key: &str, most: usize) -> Result<&[Value], Failure> {
        match self.0.get(key) {
            Some(Value::Array(items)) if items.len() > most => Err(Failure::new(
                400,
                "MaximumBatchSizeExceeded",
                format!(
                    "{key} has {} items; at most {most} are allowed",
                    items.len()
                ),
            )),
            Some(Value::Array(items)) if !items.is_empty() => Ok(items),
            None | Some(Value::Null | Value::Array(_)) => Err(missing(key)),
            Some(_) => Err(incorrect()),
        }
    }

    /// Such a list of strings.
    pub fn texts(&self, key: &str, most: usize) -> Result<Vec<String>, Failure> {
        let items = self.batch(key, most)?.iter();
        items
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(incorrect))
            .collect()
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }
}

pub(super) fn incorrect() -> Failure {
    Failure::new(400, "InvalidRequestBody", "Request body is incorrect")
}

pub(super) fn missing(key: &str) -> Failure {
    let message = format!("Required parameter '{key}' is missing");
    Failure::new(400, "MissingRequiredParameter", message)
}
