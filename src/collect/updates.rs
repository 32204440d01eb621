//! Collecting incidents and alerts: every update since the checkpoint, in order.

mod merged;

use std::mem::take;

use super::{
    event::{Change, Event, Head, Kind},
    memory::{Memories, Memory},
    ocsf,
    run::{Run, Source},
    seen::Mark,
    update::Update,
    walk::{Page, Walk},
};
use crate::{
    call::Object,
    config::Format,
    error::{Code, Result},
    time::{Timestamp, day, ticks, to_text},
};

/// A batch is delivered once it has so many events, or so many bytes of them.
const EVENTS: usize = 500;
const BYTES: usize = 4 * 1024 * 1024;

/// The incidents, or the alerts, of a tenant.
pub struct Updates {
    pub kind: Kind,
    /// Whether each incident carries its alerts.
    pub expand_alerts: bool,
}

impl Source for Updates {
    async fn collect(&self, run: &mut Run<'_>) -> Result<bool> {
        let from = run
            .checkpoint
            .reading
            .map_or(run.checkpoint.from, |reading| reading.reached);
        let mut gathering = Gathering {
            source: self,
            walk: Walk::new(run.asking, self.kind, from, self.expand_alerts),
            memories: run.turn.memories(),
            pending: Vec::new(),
            events: Vec::new(),
            bytes: 0,
            reached: from,
            saved: from,
            run,
        };
        gathering.remember().await?;
        let outcome = gathering.gather().await;
        // What was read before a problem is delivered all the same.
        gathering.flush().await?;
        let reached = gathering.reached;
        match outcome {
            Ok(true) => gathering.run.complete(reached).await.map(|()| true),
            _ if reached > gathering.saved => gathering.run.save(reached).await.and(outcome),
            outcome => outcome,
        }
    }
}

/// A run on its way through the updates.
struct Gathering<'r, 'a> {
    source: &'r Updates,
    run: &'r mut Run<'a>,
    walk: Walk<'a>,
    memories: Memories<'a>,
    /// What was read and is not delivered yet, and the events of that.
    pending: Vec<Pending>,
    events: Vec<Event>,
    bytes: usize,
    /// How far the walk has come, and how far of that is saved.
    reached: Timestamp,
    saved: Timestamp,
}

/// What is kept of an update once its event is made.
struct Pending {
    id: String,
    mark: Mark,
    memory: Memory,
    /// How far the walk had come with it.
    reached: Timestamp,
    /// Whether it is where the merged incident before it went.
    follows: bool,
}

impl Gathering<'_, '_> {
    async fn gather(&mut self) -> Result<bool> {
        while !self.run.is_out_of_time() {
            let Some(page) = self.walk.next().await? else {
                return Ok(true);
            };
            let Page {
                updates,
                date,
                took,
            } = page;
            self.run.read_at(date, took);
            let end = updates.last().map(|last| last.at);
            let fresh: Vec<_> = updates
                .into_iter()
                .filter(|update| !self.run.checkpoint.seen.contains(update.mark))
                .collect();
            let mut ids: Vec<_> = fresh.iter().map(|update| update.id.as_str()).collect();
            // DynamoDB refuses to be asked for the same twice.
            ids.sort_unstable();
            ids.dedup();
            let memories = self.memories.get(&ids).await?;
            for update in fresh {
                let at = update.at;
                if day(at) != day(self.reached) || self.is_full() {
                    self.flush().await?;
                }
                self.reached = self.reached.max(at);
                let memory = memories.get(&update.id).copied();
                self.take(update, memory).await?;
            }
            self.reached = self.reached.max(end.unwrap_or(self.reached));
        }
        Ok(false)
    }

    fn is_full(&self) -> bool {
        self.pending.len() >= EVENTS || self.bytes >= BYTES
    }

    /// Takes an update up; with the incidents that a merged one went into.
    async fn take(&mut self, update: Update, memory: Option<Memory>) -> Result<()> {
        let Some((update, change)) = self.judge(update, memory) else {
            return Ok(());
        };
        let (update, change, incomplete) = match self.walk.wants_alerts() {
            true => {
                let (update, incomplete) = self.with_alerts(update).await?;
                // It may have been updated meanwhile.
                let Some((update, change)) = self.judge(update, memory) else {
                    return Ok(());
                };
                (update, change, incomplete)
            }
            false => (update, change, None),
        };
        let mut following = Vec::new();
        if change == Change::Merged {
            self.follow(&update, &mut following).await?;
        }
        self.push(update, change, incomplete, false);
        for (update, change, incomplete) in following {
            self.push(update, change, incomplete, true);
        }
        Ok(())
    }

    /// What happened to the item; nothing, if just that was delivered already.
    fn judge(&mut self, update: Update, memory: Option<Memory>) -> Option<(Update, Change)> {
        let memory = self.pending_memory(&update.id).or(memory);
        let checkpoint = &mut self.run.checkpoint;
        if checkpoint.seen.contains(update.mark) {
            return None;
        }
        let is_told =
            |memory: Memory| memory.updated == ticks(update.at) && memory.batch >= checkpoint.first;
        if memory.is_some_and(is_told) {
            checkpoint.seen.insert(update.mark);
            return None;
        }
        let change = update.change(memory.as_ref(), checkpoint.since);
        Some((update, change))
    }

    fn pending_memory(&self, id: &str) -> Option<Memory> {
        let last = self.pending.iter().rfind(|pending| pending.id == id)?;
        Some(last.memory)
    }

    /// An incident with its alerts, or as it is with a note that they are missing.
    async fn with_alerts(&mut self, update: Update) -> Result<(Update, Option<&'static str>)> {
        let got = self.walk.with_alerts(&update.id).await;
        match got.and_then(|Object(item)| Update::read(self.source.kind, item)) {
            Ok(update) => Ok((update, None)),
            Err(error) if is_passed_over(error.code()) => {
                let error = self.run.call.name(error);
                self.run.incomplete.push((update.id.clone(), error));
                Ok((update, Some("alerts")))
            }
            Err(error) => Err(error),
        }
    }

    fn push(
        &mut self,
        update: Update,
        change: Change,
        incomplete: Option<&'static str>,
        follows: bool,
    ) {
        if !self.run.checkpoint.seen.insert(update.mark) {
            return;
        }
        let tenant = self.run.call.tenant.as_str();
        let head = Head {
            id: format!(
                "{tenant}/{}/{}/{}",
                self.run.stream,
                update.id,
                to_text(update.at)
            ),
            stream: self.run.stream.to_owned(),
            tenant_id: tenant.to_owned(),
            change,
            updated: update.updated.clone(),
            target: update.target.clone().filter(|_| change == Change::Merged),
            incomplete,
        };
        let event = match self.run.call.app.config.collecting.format {
            Format::Raw => Event::raw(self.source.kind, head, update.at, &update.item),
            Format::Ocsf => Event {
                kind: self.source.kind,
                body: ocsf::finding(self.source.kind, &head, &update.item),
                head,
                at: update.at,
            },
        };
        self.bytes += event.body.len();
        self.events.push(event);
        self.pending.push(Pending {
            mark: update.mark,
            memory: Memory {
                updated: ticks(update.at),
                resolved: update.resolved,
                change,
                batch: self.run.checkpoint.version,
            },
            id: update.id,
            reached: self.reached,
            follows,
        });
    }

    /// Remembers the items of the last batch. Where that fails, the next run does it first.
    async fn remember(&mut self) -> Result<()> {
        let unremembered = &mut self.run.checkpoint.unremembered;
        if !unremembered.is_empty() {
            self.memories.put(unremembered).await?;
            unremembered.clear();
        }
        Ok(())
    }

    /// Delivers what is pending and moves the checkpoint.
    async fn flush(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let (pending, events) = (take(&mut self.pending), take(&mut self.events));
        self.bytes = 0;
        let (settled, error) = self.run.deliver(&events).await;
        drop(events);
        // A merged incident is not settled without those that follow it.
        let whole = |settled: &usize| pending.get(*settled).is_none_or(|next| !next.follows);
        let settled = (0..=settled).rev().find(whole).unwrap_or_default();
        let (told, left) = pending.split_at(settled);
        for pending in left {
            self.run.checkpoint.seen.remove(pending.mark);
        }
        if let Some(first) = left.first() {
            // From here on, it is to be read again.
            self.reached = first.reached;
        }
        if told.is_empty()
            && let Some(error) = error
        {
            // The batch keeps its number: should it have arrived all the same, the next run writes the same file.
            self.saved = self.reached;
            return Err(error);
        }
        self.saved = self.reached;
        let memories = told.iter().map(|told| (told.id.clone(), told.memory));
        self.run.checkpoint.unremembered = memories.collect();
        self.run.save(self.reached).await?;
        // Not before: what is remembered is not delivered again, and a batch that is may replace the file of the first attempt.
        self.remember().await?;
        error.map_or(Ok(()), Err)
    }
}

/// Whether the stream goes on without what was asked for.
fn is_passed_over(code: Code) -> bool {
    code.is_about_one_item() || matches!(code, Code::TooLarge | Code::InvalidInput)
}
