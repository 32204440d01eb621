//! Amazon EventBridge as a sink: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>.

use serde::{Deserialize, Serialize};

use super::{
    batch_api::{BatchApi, Entry, Limits, ROOM},
    place::Place,
    refusal::Refusal,
};
use crate::{
    aws,
    call::read_json,
    client::{Outgoing, Reply},
    collect::event::Event,
    config::AwsService,
    error::Result,
};

const SOURCE: &str = "defender.xdr";

/// What EventBridge counts for the time of an entry.
const TIME: usize = 14;

/// An event bus.
pub struct Bus<'a> {
    pub bus: &'a str,
    pub service: &'a AwsService,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutEvents<'a> {
    entries: Vec<RequestEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RequestEntry<'a> {
    /// Seconds since 1970.
    time: i64,
    source: &'static str,
    detail_type: &'static str,
    detail: &'a str,
    event_bus_name: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    entries: Vec<ResultEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResultEntry {
    error_code: Option<String>,
    #[serde(default)]
    error_message: Option<String>,
}

impl BatchApi for Bus<'_> {
    fn place(&self) -> Place<'_> {
        Place {
            variable: "SINK",
            thing: "bus",
            action: "events:PutEvents",
            kind: "eventbridge",
            service: self.service,
        }
    }

    /// "The total entry size must be less than 1 MB", of one entry as of all; counted as a million bytes, which it is at least.
    fn limits(&self) -> Limits {
        Limits {
            entries: 10,
            request: 999_999,
            entry: 999_999,
        }
    }

    /// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html>
    fn size(&self, event: &Event, text: &str) -> usize {
        TIME + SOURCE.len() + event.kind.detail_type().len() + text.len()
    }

    fn request(&self, entries: &[Entry<'_>]) -> Result<Outgoing> {
        let entries = entries.iter().map(|entry| RequestEntry {
            time: entry.event.at.as_second(),
            source: SOURCE,
            detail_type: entry.event.kind.detail_type(),
            detail: &entry.text,
            event_bus_name: self.bus,
        });
        let body = aws::json(&PutEvents {
            entries: entries.collect(),
        });
        Ok(Outgoing {
            room: ROOM,
            ..aws::json_request(self.service, "AWSEvents.PutEvents", body)?
        })
    }

    fn outcomes(
        &self,
        reply: &Reply,
        entries: usize,
    ) -> std::result::Result<Vec<Option<Refusal>>, String> {
        let answer: Answer = read_json(reply)?;
        if answer.entries.len() != entries {
            return Err("does not say what became of each event".to_owned());
        }
        let refusal = |entry: ResultEntry| {
            let message = entry.error_message.unwrap_or_default();
            Some(Refusal::of_entry(entry.error_code?, message, None))
        };
        Ok(answer.entries.into_iter().map(refusal).collect())
    }
}
