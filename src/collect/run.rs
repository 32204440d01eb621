//! A run of a stream: it takes its turn, delivers batch after batch, each followed by the checkpoint, and says how far it came.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    checkpoint::{Checkpoint, Ledger, Reading, Turn, lag_seconds},
    event::Event,
    sink::{self, Batch},
};
use crate::{
    call::Call,
    client::Room,
    config::{Sink, is_guid},
    error::{Code, Error, Incomplete, Problem, Result},
    operation::Answer,
    telemetry::metrics,
    time::{Timestamp, from_ticks, to_text},
};

/// The most that Microsoft may answer at once. A page that is larger is asked for in parts.
const ROOM: Room = Room::of(8 * 1024 * 1024);

/// What is kept back of a run's time to deliver what it has read.
const DELIVERING: Duration = Duration::from_secs(20);

/// What is kept back of that in turn, to remember what was delivered, move the checkpoint and give the turn back: a sink too slow for a
/// batch gets the rest of it in the next run.
const SETTLING: Duration = Duration::from_secs(5);

/// How many items an answer names at most whose alerts, or whose target, could not be had.
const NAMED: usize = 20;

/// What a run was asked for, whatever it collects.
pub struct Asked<'a> {
    /// `incidents`, `alerts` or `hunting-<name>`.
    pub stream: &'a str,
    /// Where to start or rewind the stream to.
    pub since: Option<Timestamp>,
}

/// What a stream reads, and how.
pub trait Source: Sync {
    /// Reads on and delivers, the last checkpoint included. Answers whether there was nothing more.
    fn collect(&self, run: &mut Run<'_>) -> impl Future<Output = Result<bool>> + Send;
}

/// A run that has its turn.
pub struct Run<'a> {
    /// For what is delivered and saved.
    pub call: &'a Call<'a>,
    /// For what is asked of Microsoft, which ends earlier.
    pub asking: &'a Call<'a>,
    pub stream: &'a str,
    pub checkpoint: Checkpoint,
    /// When the reading began, in this run or an earlier one, by Microsoft's clock.
    pub began: Option<Timestamp>,
    /// The latest instant by Microsoft's clock.
    pub date: Option<Timestamp>,
    /// What could not be had of some items.
    pub incomplete: Vec<(String, Error)>,
    sink: &'a Sink,
    pub turn: &'a Turn<'a>,
    /// What was saved last, of `at` and `through`.
    saved: (Timestamp, Timestamp),
    delivered: usize,
    dead: usize,
    /// Whether the checkpoint was moved.
    moved: bool,
}

/// What a run answers.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Collected<'a> {
    /// How many items the sink has taken.
    delivered: usize,
    /// Whether there was nothing more.
    complete: bool,
    /// The instant of the latest update that was delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<String>,
    /// How long ago it was that everything had been delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_seconds: Option<i64>,
    /// How many items went to the queue for what the sink refuses.
    #[serde(skip_serializing_if = "is_zero")]
    dead_lettered: usize,
    /// Items of which something could not be had, 20 at most.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    incomplete: Vec<Incomplete<'a>>,
    /// Why it stopped early; the next run goes on there.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem<'a>>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Collects what a source has, if no other run is doing so.
///
/// # Errors
/// The problem on which it stopped, where nothing at all was delivered; otherwise the answer says it. A run whose time ended over a long
/// stretch without anything to deliver has come further, and the next one goes on there.
pub async fn run(call: &Call<'_>, asked: Asked<'_>, source: &impl Source) -> Result<Answer> {
    let sink = call.app.config.collecting.sink.as_ref().ok_or_else(|| {
        let detail = "SINK is not set; it takes `eventbridge:<bus>`, `sqs:<queue URL>`, `s3:<bucket>/<prefix>` or `firehose:<stream>`.";
        Error::new(Code::Misconfigured, detail)
    })?;
    let turn = match Ledger::new(call, &key(call, asked.stream)?)?.take().await? {
        Ok(turn) => turn,
        Err(standing) => {
            let detail = "Another run is collecting this stream, so this one did nothing.";
            let wait = standing.is_held_for().unwrap_or(Duration::from_secs(1));
            let error = call.name(Error::new(Code::Conflict, detail).after(wait));
            let checkpoint = standing.checkpoint;
            return Ok(Answer::of(&Collected {
                delivered: 0,
                complete: false,
                checkpoint: checkpoint.as_ref().map(|checkpoint| to_text(checkpoint.at)),
                lag_seconds: checkpoint
                    .map(|checkpoint| lag_seconds(checkpoint.through, Timestamp::now())),
                dead_lettered: 0,
                incomplete: Vec::new(),
                problem: Some(error.problem()),
            }));
        }
    };
    let answer = collect(call, asked, source, sink, &turn).await;
    turn.end().await;
    answer
}

/// The key of a stream's row. A tenant has one GUID and any number of domains, and only one row.
pub fn key(call: &Call<'_>, stream: &str) -> Result<String> {
    let tenant = call.tenant.as_str();
    match is_guid(tenant) {
        true => Ok(format!("{tenant}/{stream}")),
        false => {
            let reason = format!(
                "the checkpoint is kept under the tenant's GUID, and {tenant} is a domain; name the GUID here or in AZURE_TENANT_ID"
            );
            Err(Error::field("tenantId", reason))
        }
    }
}

async fn collect(
    call: &Call<'_>,
    asked: Asked<'_>,
    source: &impl Source,
    sink: &Sink,
    turn: &Turn<'_>,
) -> Result<Answer> {
    let (checkpoint, is_new) = checkpoint(call, &asked, turn);
    if is_new {
        turn.save(&checkpoint).await?;
    }
    let mut asking = call.less(DELIVERING, 3);
    asking.make_room(ROOM);
    let mut run = Run {
        call,
        asking: &asking,
        stream: asked.stream,
        began: checkpoint.reading.map(|reading| reading.began),
        saved: (checkpoint.at, checkpoint.through),
        checkpoint,
        date: None,
        incomplete: Vec::new(),
        sink,
        turn,
        delivered: 0,
        dead: 0,
        moved: false,
    };
    let outcome = source.collect(&mut run).await;
    run.answer(outcome)
}

/// Where the run goes on, and whether that is to be saved first.
fn checkpoint(call: &Call<'_>, asked: &Asked<'_>, turn: &Turn<'_>) -> (Checkpoint, bool) {
    let request_id = call.invocation.request_id;
    match (&turn.checkpoint, asked.since) {
        // Lambda repeats an asynchronous invocation under the same id.
        (Some(last), Some(_)) if last.rewound_by == request_id => (last.clone(), false),
        (Some(last), None) => (last.clone(), false),
        (last, since) => {
            let back = call.app.config.collecting.look_back;
            let since = since.unwrap_or_else(|| earlier(call.invocation.now, back));
            // Batches of a life that the table has forgotten have lower numbers, and so other files.
            let clock = call.invocation.now.as_second().max(1).cast_unsigned();
            let version = last.as_ref().map_or(clock, |last| last.version + 1);
            let mut checkpoint = Checkpoint::starting(since, version, request_id);
            if let Some(last) = last {
                checkpoint.unremembered = last.unremembered.clone();
            }
            (checkpoint, true)
        }
    }
}

/// The instant that long before; the first of the calendar where there is none.
pub fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

impl Run<'_> {
    pub fn look_back(&self) -> Duration {
        self.call.app.config.collecting.look_back
    }

    /// Notes when Microsoft answered, by its own clock, and how long it took: what it read is so much older.
    pub fn read_at(&mut self, date: Timestamp, took: Duration) {
        self.began.get_or_insert(earlier(date, took));
        self.date = self.date.max(Some(date));
    }

    /// Whether there is no time to read on.
    pub fn is_out_of_time(&self) -> bool {
        self.asking.invocation.deadline.has_passed()
    }

    /// Delivers a batch; answers how many of its first events are settled, and why the others are not.
    pub async fn deliver(&mut self, events: &[Event]) -> (usize, Option<Error>) {
        if events.is_empty() {
            return (0, None);
        }
        let batch = Batch {
            tenant: self.call.tenant.as_str(),
            stream: self.stream,
            sequence: self.checkpoint.version,
            events,
        };
        let delivering = self.call.less(SETTLING, 4);
        let delivery = sink::deliver(&delivering, self.sink, &batch).await;
        self.delivered += delivery.settled - delivery.dead;
        self.dead += delivery.dead;
        (delivery.settled, delivery.error)
    }

    /// Moves the checkpoint behind what was read up to `reached`, all of which is settled.
    pub async fn save(&mut self, reached: Timestamp) -> Result<()> {
        self.move_to(reached);
        self.write().await
    }

    /// Ends the reading: up to `reached`, everything was delivered that there was when it began.
    pub async fn complete(&mut self, reached: Timestamp) -> Result<()> {
        self.move_to(reached);
        self.checkpoint.reading = None;
        let through = self.checkpoint.through;
        self.checkpoint.through = self.began.map_or(through, |began| began.max(through));
        self.write().await
    }

    fn move_to(&mut self, reached: Timestamp) {
        let began = self.began.unwrap_or(reached);
        // What comes late into a stretch was updated no longer than the look-back before the stretch was read.
        let from = earlier(began.min(reached), self.look_back());
        let checkpoint = &mut self.checkpoint;
        checkpoint.at = checkpoint.at.max(reached);
        checkpoint.through = checkpoint.through.max(reached);
        checkpoint.from = checkpoint.from.max(from);
        checkpoint.reading = Some(Reading { reached, began });
        if let Some(oldest) = checkpoint.seen.shrink(checkpoint.from)
            && self.stream.starts_with("hunting-")
        {
            // Rows are remembered nowhere else.
            checkpoint.from = from_ticks(oldest + 1);
            tracing::warn!(
                "{} has more rows than its look-back can keep apart: it reaches back to {} only",
                self.stream,
                checkpoint.from
            );
        }
    }

    async fn write(&mut self) -> Result<()> {
        self.checkpoint.version += 1;
        self.turn.save(&self.checkpoint).await?;
        self.saved = (self.checkpoint.at, self.checkpoint.through);
        self.moved = true;
        Ok(())
    }

    fn answer(&self, outcome: Result<bool>) -> Result<Answer> {
        let now = self.date.unwrap_or_else(Timestamp::now);
        let (at, through) = self.saved;
        let lag = lag_seconds(through, now);
        metrics::of_collecting(
            self.stream,
            self.call.tenant.as_str(),
            lag,
            self.delivered,
            self.dead,
        );
        let got_further = |error: &Error| {
            let took_its_time = error.code() == Code::DeadlineExceeded && self.moved;
            took_its_time || self.delivered + self.dead > 0
        };
        let (complete, error) = match outcome {
            Ok(complete) => (complete, None),
            Err(error) if !got_further(&error) => return Err(error),
            Err(error) => (false, Some(self.call.name(error))),
        };
        if let Some(error) = &error {
            tracing::warn!(
                code = error.code().name(),
                "the run of {} stops early and the next one goes on there: {error}",
                self.stream
            );
        }
        let incomplete = self.incomplete.iter().take(NAMED);
        Ok(Answer::of(&Collected {
            delivered: self.delivered,
            complete,
            checkpoint: Some(to_text(at)),
            lag_seconds: Some(lag),
            dead_lettered: self.dead,
            incomplete: incomplete.map(Incomplete::from).collect(),
            problem: error.as_ref().map(Error::problem),
        }))
    }
}
