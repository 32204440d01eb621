//! The dead-letter queue: events that no sink takes, each with the reason.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Batch, parking,
    place::Place,
    queue::{self, LARGEST, Message},
    refusal::{Fault, Refusal},
};
use crate::{
    aws,
    call::Call,
    client::{Failure, Outgoing},
    collect::event::Event,
    config::Queue,
    error::{Code, Error, Result},
};

/// How much of AWS's words is kept.
const WORDS: usize = 1000;

#[derive(Serialize)]
struct Letter<'a> {
    reason: Reason<'a>,
    event: &'a RawValue,
}

#[derive(Serialize)]
struct Reason<'a> {
    /// The kind of the sink, as `SINK` spells it.
    sink: &'a str,
    code: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage<'a> {
    queue_url: &'a str,
    #[serde(flatten)]
    message: Message<'a>,
}

/// Sends an event to the dead-letter queue with the reason: whole, or parked and pointed to, or at least what is known of it.
pub async fn bury(
    call: &Call<'_>,
    batch: &Batch<'_>,
    sink: &Place<'_>,
    event: &Event,
    refusal: &Refusal,
) -> Result<()> {
    let Some(queue) = &call.app.config.collecting.dead_letters else {
        return Err(nowhere(sink, event, refusal));
    };
    let whole = letter(sink, refusal, &event.body);
    if whole.len() <= LARGEST {
        match send(call, batch, queue, event, &whole).await? {
            None => return Ok(()),
            // The queue takes less than SQS does.
            Some(refused) if refused.is_about_size() => {}
            Some(refused) => return Err(Place::queue(queue).refusal(&refused)),
        }
    }
    drop(whole);
    let known = match parking::park(call, batch, event).await? {
        Some(pointer) => pointer,
        None => parking::omitted(event),
    };
    let short = letter(sink, refusal, &known);
    match send(call, batch, queue, event, &short).await? {
        None => Ok(()),
        Some(refused) => Err(Place::queue(queue).refusal(&refused)),
    }
}

fn letter(sink: &Place<'_>, refusal: &Refusal, json: &str) -> String {
    let message = &refusal.message;
    let letter = aws::json(&Letter {
        reason: Reason {
            sink: sink.kind,
            code: &refusal.code,
            message: &message[..message.floor_char_boundary(WORDS)],
        },
        event: serde_json::from_str(json).expect("events are JSON"),
    });
    queue::text(&letter).into_owned()
}

/// Sends one message. What the queue says of that message itself is returned.
async fn send(
    call: &Call<'_>,
    batch: &Batch<'_>,
    queue: &Queue,
    event: &Event,
    text: &str,
) -> Result<Option<Refusal>> {
    let group = queue::group(batch);
    let body = aws::json(&SendMessage {
        queue_url: &queue.url,
        message: Message::new(queue, &group, event, text),
    });
    let request = Outgoing {
        passing: |reply| aws::throttled(reply, "sqs"),
        ..aws::json_request(&queue.service, "AmazonSQS.SendMessage", body)?
    };
    let deadline = call.invocation.deadline;
    let client = &call.app.client;
    match client
        .send(&request, deadline, &call.trace, |_| Ok(()))
        .await
    {
        Ok(()) => Ok(None),
        Err(Failure::Refused(reply)) => match Refusal::of_request(&reply) {
            refusal if refusal.fault == Fault::Event => Ok(Some(refusal)),
            refusal => Err(Place::queue(queue).refusal(&refusal)),
        },
        Err(Failure::Failed(error) | Failure::Lost(error)) => Err(error),
    }
}

fn nowhere(sink: &Place<'_>, event: &Event, refusal: &Refusal) -> Error {
    let (id, variable, code) = (&event.head.id, sink.variable, &refusal.code);
    let takes = "DEAD_LETTER_QUEUE takes the URL of an SQS queue";
    if refusal.is_about_size() {
        let detail = format!(
            "The event {id} has {} bytes, which is more than the {} that {variable} names takes. PARKING_BUCKET takes the name of an S3 \
             bucket for such events, and {takes} for those that cannot be parked. The stream stops before it until one of them is set.",
            event.body.len(),
            sink.thing,
        );
        return Error::new(Code::TooLarge, detail);
    }
    let detail = format!(
        "The {} that {variable} names refuses the event {id} for good ({code}), and there is nowhere else to put it. {takes}. The stream \
         stops before it until then.",
        sink.thing
    );
    Error::new(Code::Misconfigured, detail)
}
