//! What Microsoft sent, of which attributes are taken one by one, so that the rest is what has no place in the schema.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::words::{self, Words};
use crate::time::Timestamp;

/// A JSON object of Microsoft's. What is taken is gone from it; what is only seen stays.
#[derive(Clone, Default)]
pub struct Item(Map<String, Value>);

impl Item {
    /// None if it is no object, or not to be read: nested too deeply, a number too large, half a surrogate pair.
    pub fn read(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self)
    }

    fn take<T>(&mut self, name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = read(self.0.get(name)?)?;
        self.0.remove(name);
        Some(value)
    }

    /// Text that says something, or a number as text.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.take(name, text)
    }

    pub fn see(&self, name: &str) -> Option<String> {
        text(self.0.get(name)?)
    }

    /// A list of nothing but texts, if there are any.
    pub fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        self.take(name, |value| match value.as_array()?.as_slice() {
            [] => None,
            texts => texts
                .iter()
                .map(|text| text.as_str().map(str::to_owned))
                .collect(),
        })
    }

    /// The schema's id and caption for a word that it has one for.
    pub fn known(&mut self, name: &str, words: &Words) -> Option<(i64, &'static str)> {
        self.take(name, |value| words::known(words, value.as_str()?))
    }

    pub fn integer(&mut self, name: &str) -> Option<i64> {
        self.take(name, |value| {
            value.as_i64().or_else(|| value.as_str()?.parse().ok())
        })
    }

    /// In milliseconds since 1970.
    pub fn instant(&mut self, name: &str) -> Option<i64> {
        self.take(name, |value| milliseconds(value.as_str()?))
    }

    pub fn see_instant(&self, name: &str) -> Option<i64> {
        milliseconds(self.0.get(name)?.as_str()?)
    }

    pub fn ip(&mut self, name: &str) -> Option<String> {
        self.take(name, ip)
    }

    /// Of a list, which stays.
    pub fn first_ip(&self, name: &str) -> Option<String> {
        ip(self.0.get(name)?.get(0)?)
    }

    pub fn email(&mut self, name: &str) -> Option<String> {
        self.take(name, |value| {
            value
                .as_str()
                .filter(|text| is_email(text))
                .map(str::to_owned)
        })
    }

    /// The objects of a list, if it is a list of nothing else.
    pub fn objects(&mut self, name: &str) -> Option<Vec<Item>> {
        let object = |value: &Value| value.as_object().cloned().map(Item);
        self.take(name, |value| value.as_array()?.iter().map(object).collect())
    }

    pub fn see_objects(&self, name: &str) -> Vec<Item> {
        let values = self.0.get(name).and_then(Value::as_array);
        let objects = values.into_iter().flatten().filter_map(Value::as_object);
        objects.cloned().map(Item).collect()
    }

    pub fn has_role(&self, role: &str) -> bool {
        let roles = self.0.get("roles").and_then(Value::as_array);
        roles.is_some_and(|roles| roles.iter().any(|known| known == role))
    }

    /// What is made of this, or of it nothing is taken.
    pub fn attempt<T>(&mut self, make: impl FnOnce(&mut Item) -> Option<T>) -> Option<T> {
        let mut left = self.clone();
        let made = make(&mut left)?;
        *self = left;
        Some(made)
    }

    /// The same of an object in this one.
    pub fn within<T>(
        &mut self,
        name: &str,
        make: impl FnOnce(&mut Item) -> Option<T>,
    ) -> Option<T> {
        let mut inner = Item(self.0.get(name)?.as_object()?.clone());
        let made = make(&mut inner)?;
        self.0.remove(name);
        self.note(name, inner.rest());
        Some(made)
    }

    /// The newest comment's text; the comments stay.
    pub fn last_comment(&self) -> Option<String> {
        text(self.0.get("comments")?.as_array()?.last()?.get("comment")?)
    }

    /// Leaves out what is said elsewhere.
    pub fn forget(&mut self, name: &str, value: &str) {
        self.take(name, |said| {
            said.as_str().filter(|said| *said == value).map(|_| ())
        });
    }

    pub fn note(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
    }

    /// What was not taken and says something.
    pub fn rest(mut self) -> Option<Value> {
        self.0.retain(|_, value| match value {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(values) => !values.is_empty(),
            _ => true,
        });
        (!self.0.is_empty()).then_some(Value::Object(self.0))
    }
}

impl From<Item> for Value {
    fn from(item: Item) -> Self {
        Value::Object(item.0)
    }
}

/// Of an instant as Microsoft writes it. Its least one, in the year 1, stands for none.
pub fn milliseconds(text: &str) -> Option<i64> {
    let at: Timestamp = text.parse().ok()?;
    Some(at.as_millisecond()).filter(|at| *at >= 0)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn ip(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    text.parse::<IpAddr>().ok().map(|_| text.to_owned())
}

/// As the schema's type `email_t` has it.
pub fn is_email(text: &str) -> bool {
    let local = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+,-./=?^_`{|}~".contains(c);
    let host = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let Some((name, domain)) = text.split_once('@') else {
        return false;
    };
    let Some((first, others)) = domain.split_once('.') else {
        return false;
    };
    !name.is_empty()
        && name.chars().all(local)
        && !first.is_empty()
        && first.chars().all(host)
        && !others.is_empty()
        && others.chars().all(|c| c == '.' || host(c))
}
