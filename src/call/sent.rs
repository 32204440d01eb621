//! What comes of a request: a change that was answered or lost, and an object that stays unread.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Code, Error};

/// What became of a change.
#[derive(Debug)]
pub enum Sent<T> {
    Answered(T),
    /// It may or may not have happened.
    Lost(Lost),
}

/// A change whose answer was lost.
#[derive(Debug)]
pub struct Lost {
    pub(super) error: Error,
    pub(super) sent: Instant,
}

impl Lost {
    /// How long ago the change was sent.
    pub fn age(&self) -> Duration {
        self.sent.elapsed()
    }

    /// The failure to report when a look did not settle it. `seen` says what the look showed.
    pub fn unsettled(self, seen: &str) -> Error {
        let detail = format!(
            "The change was sent and its answer was lost ({}) {seen}",
            self.error
        );
        let error = Error::new(Code::OutcomeUnknown, detail);
        match self.error.upstream() {
            Some(upstream) => error.from_upstream(upstream.clone()),
            None => error,
        }
    }
}

/// A JSON object, whole and unread.
#[derive(Debug)]
pub struct Object(pub Box<RawValue>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        match raw.get().starts_with('{') {
            true => Ok(Self(raw)),
            false => Err(serde::de::Error::custom("not an object")),
        }
    }
}
