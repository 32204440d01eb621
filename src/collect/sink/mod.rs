//! Where collected events go: every one is delivered, or parked and pointed to, or in the dead-letter queue, or the stream stops before it.

mod batch_api;
mod dead_letters;
mod eventbridge;
mod firehose;
mod objects;
mod offer;
mod parking;
mod place;
mod queue;
mod refusal;

use ring::digest::{SHA256, digest};

use crate::{call::Call, collect::event::Event, config::Sink, error::Error};

/// Events that are delivered together, in their order.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The tenant's GUID.
    pub tenant: &'a str,
    /// `incidents`, `alerts` or `hunting-<name>`.
    pub stream: &'a str,
    /// The number of the batch in its stream; the same when it is delivered again after a crash.
    pub sequence: u64,
    /// All of one day, UTC, by the instant of their update; but those that a merged one led to.
    pub events: &'a [Event],
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Delivery {
    /// So many of the first events are settled: delivered, parked and pointed to, or in the dead-letter queue.
    pub settled: usize,
    /// So many of them went to the dead-letter queue.
    pub dead: usize,
    /// Why the others are not.
    pub error: Option<Error>,
}

/// Delivers a batch. What the sink refuses for a while is offered again; what it refuses for good goes to the dead-letter queue.
///
/// Every event arrives at least once. A request whose answer was lost is sent again, which S3 and FIFO queues do not show.
pub async fn deliver(call: &Call<'_>, sink: &Sink, batch: &Batch<'_>) -> Delivery {
    match sink {
        Sink::EventBridge { bus, service } => {
            let api = eventbridge::Bus { bus, service };
            offer::deliver(call, &api, batch).await
        }
        Sink::Queue(queue) => {
            let api = queue::Messages {
                queue,
                group: queue::group(batch),
            };
            offer::deliver(call, &api, batch).await
        }
        Sink::Objects { bucket, prefix } => objects::deliver(call, bucket, prefix, batch).await,
        Sink::Firehose { stream, service } => {
            let api = firehose::Stream { stream, service };
            offer::deliver(call, &api, batch).await
        }
    }
}

/// The SHA-256 of an event's id, in hex: the same whenever the event is delivered again.
fn digest_of_id(event: &Event) -> String {
    hex::encode(digest(&SHA256, event.head.id.as_bytes()))
}
