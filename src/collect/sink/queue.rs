//! Amazon SQS as a sink: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    Batch,
    batch_api::{BatchApi, Entry, Limits, Outcomes},
    digest_of_id,
    place::Place,
    refusal::Refusal,
};
use crate::{
    aws,
    call::read_json,
    client::{Outgoing, Reply},
    collect::event::Event,
    config::Queue,
    error::Result,
};

/// What a message may hold, and what the messages of a request may hold together.
pub const LARGEST: usize = 1024 * 1024;

/// A queue, and the group that the messages of a batch belong to.
pub struct Messages<'a> {
    pub queue: &'a Queue,
    pub group: String,
}

/// A message as SQS takes it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Message<'a> {
    message_body: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_group_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_deduplication_id: Option<String>,
}

impl<'a> Message<'a> {
    /// With what a FIFO queue needs to keep the order of a stream and to drop repeats, if it is one.
    pub fn new(queue: &Queue, group: &'a str, event: &Event, text: &'a str) -> Self {
        Self {
            message_body: text,
            message_group_id: queue.is_fifo().then_some(group),
            message_deduplication_id: queue.is_fifo().then(|| digest_of_id(event)),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessageBatch<'a> {
    queue_url: &'a str,
    entries: Vec<RequestEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RequestEntry<'a> {
    id: String,
    #[serde(flatten)]
    message: Message<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    successful: Vec<Sent>,
    #[serde(default)]
    failed: Vec<Failed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sent {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Failed {
    id: String,
    sender_fault: bool,
    code: String,
    #[serde(default)]
    message: Option<String>,
}

/// The group of a batch's messages in a FIFO queue: consumers get the messages of a stream in their order.
pub fn group(batch: &Batch<'_>) -> String {
    format!("{}/{}", batch.tenant, batch.stream)
}

/// JSON without the two characters that SQS does not take, which can stand in strings only, where they can be escaped.
pub fn text(json: &str) -> Cow<'_, str> {
    match json.contains(['\u{fffe}', '\u{ffff}']) {
        false => Cow::Borrowed(json),
        true => json
            .replace('\u{fffe}', r"\ufffe")
            .replace('\u{ffff}', r"\uffff")
            .into(),
    }
}

impl BatchApi for Messages<'_> {
    fn place(&self) -> Place<'_> {
        Place::queue(self.queue)
    }

    fn limits(&self) -> Limits {
        Limits {
            entries: 10,
            request: LARGEST,
            entry: LARGEST,
        }
    }

    fn text<'a>(&self, json: &'a str) -> Cow<'a, str> {
        text(json)
    }

    fn size(&self, _: &Event, text: &str) -> usize {
        text.len()
    }

    fn keeps_order(&self) -> bool {
        self.queue.is_fifo()
    }

    fn request(&self, entries: &[Entry<'_>]) -> Result<Outgoing> {
        let entries = entries
            .iter()
            .enumerate()
            .map(|(index, entry)| RequestEntry {
                id: index.to_string(),
                message: Message::new(self.queue, &self.group, entry.event, &entry.text),
            });
        let body = aws::json(&SendMessageBatch {
            queue_url: &self.queue.url,
            entries: entries.collect(),
        });
        aws::json_request(&self.queue.service, "AmazonSQS.SendMessageBatch", body)
    }

    fn outcomes(&self, reply: &Reply, entries: usize) -> Outcomes {
        let answer: Answer = read_json(reply)?;
        let unclear = || "does not say what became of each message".to_owned();
        let index = |id: &str| id.parse().ok().filter(|at: &usize| *at < entries);
        let mut outcomes: Vec<Option<Option<Refusal>>> = vec![None; entries];
        for sent in answer.successful {
            outcomes[index(&sent.id).ok_or_else(unclear)?] = Some(None);
        }
        for failed in answer.failed {
            let message = failed.message.unwrap_or_default();
            let refusal = Refusal::of_entry(failed.code, message, Some(failed.sender_fault));
            outcomes[index(&failed.id).ok_or_else(unclear)?] = Some(Some(refusal));
        }
        let outcomes: Option<Vec<_>> = outcomes.into_iter().collect();
        outcomes.ok_or_else(unclear)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sqs_does_not_take_is_escaped_and_stays_the_same_json() {
        let json = "{\"a\":\"\u{fffe}b\u{ffff}\u{fffd}\"}";
        let text = text(json);
        assert_eq!(text, "{\"a\":\"\\ufffeb\\uffff\u{fffd}\"}");
        let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(read(&text), read(json));
    }
}
