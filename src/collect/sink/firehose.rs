//! Amazon Data Firehose as a sink: <https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html>.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;

use super::{
    batch_api::{BatchApi, Entry, Limits, Outcomes, outcomes},
    objects::line,
    place::Place,
};
use crate::{
    aws,
    client::{Outgoing, Reply},
    collect::event::Event,
    config::AwsService,
    error::Result,
};

/// A delivery stream.
pub struct Stream<'a> {
    pub stream: &'a str,
    pub service: &'a AwsService,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecordBatch<'a> {
    delivery_stream_name: &'a str,
    records: Vec<Record>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    data: String,
}

impl BatchApi for Stream<'_> {
    fn place(&self) -> Place<'_> {
        Place {
            variable: "SINK",
            thing: "delivery stream",
            action: "firehose:PutRecordBatch",
            kind: "firehose",
            service: self.service,
        }
    }

    /// Firehose takes 4 MiB a request. A quarter of it keeps the function small, and costs nothing: records are paid for, not requests.
    fn limits(&self) -> Limits {
        Limits {
            entries: 500,
            request: 1024 * 1024,
            entry: 1000 * 1024,
        }
    }

    fn text<'a>(&self, json: &'a str) -> Cow<'a, str> {
        line(json)
    }

    /// Before it is encoded; the newline counts.
    fn size(&self, _: &Event, text: &str) -> usize {
        text.len() + 1
    }

    fn request(&self, entries: &[Entry<'_>]) -> Result<Outgoing> {
        // Firehose joins records as they are, so each brings its newline.
        let record = |entry: &Entry<'_>| Record {
            data: BASE64_STANDARD.encode(format!("{}\n", entry.text)),
        };
        let body = aws::json(&PutRecordBatch {
            delivery_stream_name: self.stream,
            records: entries.iter().map(record).collect(),
        });
        aws::json_request(self.service, "Firehose_20150804.PutRecordBatch", body)
    }

    fn outcomes(&self, reply: &Reply, entries: usize) -> Outcomes {
        outcomes(reply, entries, "record")
    }
}
