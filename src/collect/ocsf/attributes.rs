//! The attributes of an OCSF object while it is made.

use serde_json::{Map, Value};

use super::words::{self, Words};

/// Attributes that have a value; one that has none is left out.
#[derive(Default)]
pub struct Attributes(Map<String, Value>);

impl Attributes {
    /// Of `json!({...})`.
    pub fn of(object: Value) -> Self {
        match object {
            Value::Object(map) => Self(map),
            _ => Self::default(),
        }
    }

    pub fn put(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
    }

    /// `<name>_id` and its caption `<name>`.
    pub fn pair(&mut self, name: &str, id: i64, caption: impl Into<Value>) {
        self.put(&format!("{name}_id"), Some(id));
        self.put(name, Some(caption));
    }

    /// The pair for a word of Microsoft's: 0 where there is none, 99 and the word itself where the schema has none for it.
    pub fn word(&mut self, name: &str, words: &Words, word: Option<String>) {
        match word {
            None => self.pair(name, 0, "Unknown"),
            Some(word) => match words::known(words, &word) {
                Some((id, caption)) => self.pair(name, id, caption),
                None => self.pair(name, 99, word),
            },
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub fn integer(&self, name: &str) -> Option<i64> {
        self.get(name)?.as_i64()
    }

    /// The value that a JSON pointer leads to.
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        let (first, rest) = pointer.strip_prefix('/')?.split_once('/')?;
        self.0.get(first)?.pointer(&format!("/{rest}"))
    }

    /// These, if they tell apart what they describe: the schema wants one of those.
    pub fn with_any_of(self, names: &[&str]) -> Option<Self> {
        names.iter().any(|name| self.has(name)).then_some(self)
    }
}

impl From<Attributes> for Value {
    fn from(attributes: Attributes) -> Self {
        Value::Object(attributes.0)
    }
}
