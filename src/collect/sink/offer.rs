//! Offering the events of a batch, several a request, until each is settled.

use super::{
    Batch, Delivery,
    batch_api::{BatchApi, Entry},
    dead_letters, parking,
    refusal::{Fault, Refusal},
};
use crate::{
    call::Call,
    client::{Failure, Outgoing, Room},
    collect::event::Event,
    error::Result,
    retry,
};

/// How often entries are offered in a row when none of them is taken.
const FRUITLESS: u32 = 8;

/// 500 records are answered with an id of some 220 bytes each.
const ROOM: Room = Room::of(512 * 1024);

/// Delivers a batch through the API, request by request.
pub async fn deliver(call: &Call<'_>, api: &dyn BatchApi, batch: &Batch<'_>) -> Delivery {
    let offer = Offer { call, api, batch };
    let mut delivery = Delivery::default();
    while delivery.settled < batch.events.len() && delivery.error.is_none() {
        offer.request(&mut delivery).await;
    }
    delivery
}

struct Offer<'a> {
    call: &'a Call<'a>,
    api: &'a dyn BatchApi,
    batch: &'a Batch<'a>,
}

/// What was said of a request.
enum Said {
    /// What became of each entry.
    Each(Vec<Option<Refusal>>),
    /// Nothing of it was taken.
    Refused(Refusal),
}

impl<'a> Offer<'a> {
    /// Settles the next events, as many as a request holds, or says why not.
    async fn request(&self, delivery: &mut Delivery) {
        let from = delivery.settled;
        let mut open = entries(self.api, self.batch.events, from);
        let mut buried = Vec::new();
        if open.is_empty() {
            // The next one is too large.
            match self.reduced(from, &self.too_large(from)).await {
                Ok(Some(entry)) => open.push(entry),
                Ok(None) => buried.push(from),
                Err(error) => delivery.error = Some(error),
            }
        }
        let end = open.last().map_or(from + 1, |last| last.at + 1);
        if delivery.error.is_none() {
            delivery.error = self.settle(&mut open, &mut buried).await.err();
        }
        let stopped = delivery.error.is_some();
        delivery.settled = match open.first() {
            Some(first) => first.at,
            None if stopped => from,
            None => end,
        };
        let dead = buried.iter().filter(|at| **at < delivery.settled);
        delivery.dead += dead.count();
    }

    /// Offers entries until none is left open, or fails with those that are.
    async fn settle(&self, open: &mut Vec<Entry<'a>>, buried: &mut Vec<usize>) -> Result<()> {
        let mut fruitless = 0;
        while !open.is_empty() {
            let outcomes = self.send(open).await?;
            let before = open.len();
            let mut passing = None;
            let mut failed = None;
            for (entry, outcome) in std::mem::take(open).into_iter().zip(outcomes) {
                let Some(refusal) = outcome else { continue };
                if failed.is_some() {
                    open.push(entry);
                    continue;
                }
                let at = entry.at;
                match refusal.fault {
                    Fault::Passing => {
                        passing = Some(refusal);
                        open.push(entry);
                    }
                    Fault::Place => {
                        failed = Some(self.api.place().refusal(&refusal));
                        open.push(entry);
                    }
                    Fault::Event => match self.refused(&entry, &refusal).await {
                        Ok(None) => buried.push(at),
                        Ok(Some(pointer)) => open.push(pointer),
                        Err(error) => {
                            failed = Some(error);
                            open.push(entry);
                        }
                    },
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
            let Some(refusal) = passing else { continue };
            fruitless = if open.len() < before {
                0
            } else {
                fruitless + 1
            };
            let wait = retry::backoff(fruitless + 1);
            if fruitless == FRUITLESS || !self.call.invocation.deadline.wait(wait).await {
                return Err(self.api.place().refusal(&refusal));
            }
        }
        Ok(())
    }

    /// What becomes of an entry that is refused for good: a pointer to where it is parked, or nothing more than a dead letter.
    async fn refused(&self, entry: &Entry<'a>, refusal: &Refusal) -> Result<Option<Entry<'a>>> {
        if refusal.is_about_size() && !entry.parked {
            return self.reduced(entry.at, refusal).await;
        }
        self.bury(entry.event, refusal).await?;
        Ok(None)
    }

    /// Parks an event, or sends it to the dead-letter queue where there is nowhere to park it.
    async fn reduced(&self, at: usize, refusal: &Refusal) -> Result<Option<Entry<'a>>> {
        let event = &self.batch.events[at];
        if let Some(pointer) = parking::park(self.call, self.batch, event).await? {
            return Ok(Some(Entry {
                at,
                event,
                text: self.api.text(&pointer).into_owned().into(),
                parked: true,
            }));
        }
        self.bury(event, refusal).await?;
        Ok(None)
    }

    async fn bury(&self, event: &Event, refusal: &Refusal) -> Result<()> {
        let sink = self.api.place();
        dead_letters::bury(self.call, self.batch, &sink, event, refusal).await?;
        tracing::warn!(
            eventId = event.head.id,
            sink = sink.kind,
            code = refusal.code,
            "an event went to the dead-letter queue"
        );
        Ok(())
    }

    fn too_large(&self, at: usize) -> Refusal {
        let event = &self.batch.events[at];
        let size = self.api.size(event, &self.api.text(&event.body));
        let most = self.api.limits().entry;
        Refusal {
            fault: Fault::Event,
            code: "TooLarge".to_owned(),
            message: format!("The size is {size} bytes; the sink takes {most}."),
        }
    }

    /// Sends a request. Where it is refused for what may be one entry's fault, the entries are sent one by one.
    async fn send(&self, entries: &[Entry<'a>]) -> Result<Vec<Option<Refusal>>> {
        let whole = match self.ask(entries).await? {
            Said::Each(outcomes) => return Ok(outcomes),
            Said::Refused(refusal) if entries.len() == 1 || refusal.fault == Fault::Passing => {
                return Ok(vec![Some(refusal); entries.len()]);
            }
            Said::Refused(refusal) => refusal,
        };
        let mut outcomes = Vec::with_capacity(entries.len());
        for entry in entries.chunks(1) {
            match self.ask(entry).await? {
                Said::Each(outcome) => outcomes.extend(outcome),
                Said::Refused(refusal) => outcomes.push(Some(refusal)),
            }
        }
        // What is said of every one of them is no event's own fault: a stream of good events must not end as dead letters.
        let is_same = |outcome: &Option<Refusal>| {
            let refusal = outcome.as_ref();
            refusal.is_some_and(|refusal| refusal.code == whole.code && !refusal.is_about_size())
        };
        match outcomes.iter().all(is_same) {
            true => Err(self.api.place().refusal(&whole)),
            false => Ok(outcomes),
        }
    }

    async fn ask(&self, entries: &[Entry<'a>]) -> Result<Said> {
        let request = Outgoing {
            room: ROOM,
            ..self.api.request(entries)?
        };
        let read = |reply: &_| self.api.outcomes(reply, entries.len());
        let deadline = self.call.invocation.deadline;
        let (client, trace) = (&self.call.app.client, &self.call.trace);
        match client.send(&request, deadline, trace, read).await {
            Ok(outcomes) => Ok(Said::Each(outcomes)),
            Err(Failure::Refused(reply)) => match Refusal::of_request(&reply) {
                refusal if refusal.fault == Fault::Place => Err(self.api.place().refusal(&refusal)),
                refusal => Ok(Said::Refused(refusal)),
            },
            Err(Failure::Failed(error) | Failure::Lost(error)) => Err(error),
        }
    }
}

/// The entries of the next request; none where the first event is too large for one.
fn entries<'a>(api: &dyn BatchApi, events: &'a [Event], from: usize) -> Vec<Entry<'a>> {
    let limits = api.limits();
    let mut entries: Vec<Entry<'a>> = Vec::new();
    let mut bytes = 0;
    for (at, event) in events.iter().enumerate().skip(from) {
        // What is offered again comes after the rest of its request: where order counts, that must be no later update of the same item.
        let overtakes =
            api.keeps_order() && entries.iter().any(|entry| item(entry.event) == item(event));
        let text = api.text(&event.body);
        let size = api.size(event, &text);
        bytes += size;
        let full = entries.len() == limits.entries || bytes > limits.request;
        if overtakes || full || size > limits.entry {
            break;
        }
        entries.push(Entry {
            at,
            event,
            text,
            parked: false,
        });
    }
    entries
}

/// The id of an event up to its item: the tenant, the stream and the item. What follows, if anything does, is the update.
fn item(event: &Event) -> &str {
    let id = event.head.id.as_str();
    let end = id.match_indices('/').nth(2).map_or(id.len(), |(at, _)| at);
    &id[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        collect::{
            event::{Change, Head, Kind},
            sink::queue::Messages,
        },
        config::{AwsService, Queue},
    };

    fn event(id: &str) -> Event {
        let head = Head {
            id: format!("0f1e2d3c-4b5a-4697-8879-6a5b4c3d2e1f/{id}"),
            stream: "incidents".to_owned(),
            tenant_id: "0f1e2d3c-4b5a-4697-8879-6a5b4c3d2e1f".to_owned(),
            change: Change::Updated,
            updated: "2026-11-20T09:00:00Z".to_owned(),
            target: None,
            incomplete: None,
        };
        let item = serde_json::from_str("{}").unwrap();
        Event::raw(Kind::Incident, head, Default::default(), item)
    }

    /// The lengths of the requests in which a queue gets events of these ids.
    fn requests(queue: &str, ids: &[&str]) -> Vec<usize> {
        let service = AwsService {
            name: "sqs",
            endpoint: "http://127.0.0.1:1".parse().unwrap(),
            region: "eu-north-1".to_owned(),
            access_key_id: String::new(),
            secret_access_key: String::new().into(),
            session_token: None,
        };
        let queue = Queue {
            variable: "SINK",
            url: queue.to_owned(),
            service,
        };
        let api = Messages {
            queue: &queue,
            group: String::new(),
        };
        let events: Vec<_> = ids.iter().map(|id| event(id)).collect();
        let (mut lengths, mut from) = (Vec::new(), 0);
        while from < events.len() {
            lengths.push(entries(&api, &events, from).len());
            from += lengths.last().unwrap();
        }
        lengths
    }

    #[test]
    fn where_order_counts_a_request_holds_one_update_of_an_item() {
        let updates = ["incidents/1/a", "incidents/2/a", "incidents/1/b"];
        assert_eq!(requests("defender.fifo", &updates), [2, 1]);
        assert_eq!(requests("defender", &updates), [3]);
        let rows = ["hunting-x/aa", "hunting-x/bb", "hunting-x/bb-1"];
        assert_eq!(requests("defender.fifo", &rows), [3]);
        assert_eq!(requests("defender", &["incidents/1/a"; 12]), [10, 2]);
    }
}
