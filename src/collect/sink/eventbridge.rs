//! Amazon EventBridge as a sink: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>.

use serde::Serialize;

use super::{
    batch_api::{BatchApi, Entry, Limits, Outcomes, outcomes},
    place::Place,
};
use crate::{
    aws,
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
        aws::json_request(self.service, "AWSEvents.PutEvents", body)
    }

    fn outcomes(&self, reply: &Reply, entries: usize) -> Outcomes {
        outcomes(reply, entries, "event")
    }
}
