//! Amazon Data Firehose as a sink: <https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html>.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

use super::{
    batch_api::{BatchApi, Entry, Limits, ROOM},
    objects::line,
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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    request_responses: Vec<Response>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    error_code: Option<String>,
    #[serde(default)]
    error_message: Option<String>,
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
        Ok(Outgoing {
            room: ROOM,
            ..aws::json_request(self.service, "Firehose_20150804.PutRecordBatch", body)?
        })
    }

    fn outcomes(
        &self,
        reply: &Reply,
        entries: usize,
    ) -> std::result::Result<Vec<Option<Refusal>>, String> {
        let answer: Answer = read_json(reply)?;
        if answer.request_responses.len() != entries {
            return Err("does not say what became of each record".to_owned());
        }
        let refusal = |response: Response| {
            let message = response.error_message.unwrap_or_default();
            Some(Refusal::of_entry(response.error_code?, message, None))
        };
        let responses = answer.request_responses.into_iter();
        Ok(responses.map(refusal).collect())
    }
}
