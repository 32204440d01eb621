//! What the services that take several entries a request have in common.

use std::borrow::Cow;

use serde::Deserialize;

use super::{place::Place, refusal::Refusal};
use crate::{
    call::read_json,
    client::{Outgoing, Reply},
    collect::event::Event,
    error::Result,
};

/// An event on its way, as one entry of a request.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Its place in the batch.
    pub at: usize,
    pub event: &'a Event,
    /// What is sent.
    pub text: Cow<'a, str>,
    /// Whether that is a pointer to where the event is parked.
    pub parked: bool,
}

/// What a request may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub entries: usize,
    /// Bytes of all entries together, as the service counts them.
    pub request: usize,
    /// Bytes of one entry, as the service counts them.
    pub entry: usize,
}

/// An API that takes several entries a request, and says of each what became of it.
pub trait BatchApi: Sync {
    /// Where the entries go.
    fn place(&self) -> Place<'_>;

    fn limits(&self) -> Limits;

    /// An event's JSON as the service takes it.
    fn text<'a>(&self, json: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(json)
    }

    /// The bytes of an entry, as the service counts them.
    fn size(&self, event: &Event, text: &str) -> usize;

    /// Whether consumers see the entries in the order of their arrival.
    fn keeps_order(&self) -> bool {
        false
    }

    fn request(&self, entries: &[Entry<'_>]) -> Result<Outgoing>;

    /// What became of each entry, in the order of the request.
    fn outcomes(&self, reply: &Reply, entries: usize) -> Outcomes;
}

/// What became of each entry, or what is wrong with the answer.
pub type Outcomes = std::result::Result<Vec<Option<Refusal>>, String>;

/// What EventBridge and Firehose say became of each `thing` that they were sent.
pub fn outcomes(reply: &Reply, entries: usize, thing: &str) -> Outcomes {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Entries", alias = "RequestResponses")]
        results: Vec<ResultEntry>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct ResultEntry {
        error_code: Option<String>,
        #[serde(default)]
        error_message: Option<String>,
    }
    let Answer { results } = read_json(reply)?;
    if results.len() != entries {
        return Err(format!("does not say what became of each {thing}"));
    }
    let refusal = |entry: ResultEntry| {
        let message = entry.error_message.unwrap_or_default();
        Some(Refusal::of_entry(entry.error_code?, message, None))
    };
    Ok(results.into_iter().map(refusal).collect())
}
