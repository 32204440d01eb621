//! How far a stream of a tenant was delivered: one row in DynamoDB, which also says whose turn it is to go on.
//!
//! Every write has a condition, so that of two runs one delivers, and none moves the checkpoint back. Leases are timed by DynamoDB's
//! own clock.

use std::{collections::HashMap, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    memory::{Memories, Memory},
    seen::Seen,
};
use crate::{
    call::{Call, read_json},
    client::Reply,
    config::Table,
    dynamodb::{self, Outcome},
    error::{Code, Error, Result},
    time::{Timestamp, http_date, to_text},
};

/// How much longer than its holder's invocation a lease lasts: clocks are compared by the second.
const GRACE: Duration = Duration::from_secs(5);

/// A reading that goes on in the next run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Up to where everything was read.
    pub reached: Timestamp,
    /// When it began, by Microsoft's clock: what came later into that stretch, the next reading finds.
    pub began: Timestamp,
}

/// Where a stream stands.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The instant of the latest update that was delivered.
    pub at: Timestamp,
    /// Where the next run begins to read: the look-back before `at`, or before the last run began.
    pub from: Timestamp,
    /// Where the stream was started or rewound to.
    pub since: Timestamp,
    /// Everything that Microsoft showed at that instant has been delivered.
    pub through: Timestamp,
    /// How far a reading has come that a run could not finish.
    pub reading: Option<Reading>,
    /// What was delivered from `from` on.
    pub seen: Seen,
    /// The items of the last batch, by their ids: what became of the process after that, the next run remembers them.
    pub unremembered: HashMap<String, Memory>,
    /// The number of the next batch.
    pub version: u64,
    /// The first batch since the stream was started or rewound.
    pub first: u64,
    /// The invocation that rewound it, so that a repeated one does not do so again.
    pub rewound_by: String,
}

impl Checkpoint {
    /// Of a stream that begins at `since`, with batches numbered from `version` on.
    pub fn starting(since: Timestamp, version: u64, rewound_by: &str) -> Self {
        Self {
            at: since,
            from: since,
            since,
            through: since,
            reading: None,
            seen: Seen::default(),
            unremembered: HashMap::new(),
            version,
            first: version,
            rewound_by: rewound_by.to_owned(),
        }
    }
}

/// How many seconds ago it was that everything had been delivered, which is `through`.
pub fn lag_seconds(through: Timestamp, now: Timestamp) -> i64 {
    now.duration_since(through).as_secs().max(0)
}

/// What the row says.
#[derive(Debug, Default)]
pub struct Standing {
    /// None where nothing was collected yet.
    pub checkpoint: Option<Checkpoint>,
    /// Until when a run holds it, in seconds since 1970.
    held_until: Option<i64>,
    /// When it was read, by DynamoDB's clock, in seconds since 1970.
    now: i64,
}

impl Standing {
    /// For how long a run may yet hold it.
    pub fn is_held_for(&self) -> Option<Duration> {
        let left = self.held_until? - self.now;
        u64::try_from(left).ok().map(Duration::from_secs)
    }
}

/// The row of one stream.
#[derive(Debug)]
pub struct Ledger<'a> {
    call: &'a Call<'a>,
    table: &'a Table,
    key: String,
}

/// `CHECKPOINT_TABLE`.
fn table<'a>(call: &Call<'a>) -> Result<&'a Table> {
    call.app.config.collecting.checkpoints.as_ref().ok_or_else(|| {
        let detail = "CHECKPOINT_TABLE is not set; it takes the name of the DynamoDB table that keeps how far each stream was delivered.";
        Error::new(Code::Misconfigured, detail)
    })
}

impl<'a> Ledger<'a> {
    /// `key` is `<tenant>/<stream>`.
    pub fn new(call: &'a Call<'a>, key: &str) -> Result<Self> {
        Ok(Self {
            call,
            table: table(call)?,
            key: key.to_owned(),
        })
    }

    pub async fn look(&self) -> Result<Standing> {
        #[derive(Deserialize)]
        struct Got {
            #[serde(rename = "Item")]
            row: Option<Row>,
        }
        let body = json!({ "Key": { "pk": { "S": self.key } }, "ConsistentRead": true });
        let target = "DynamoDB_20120810.GetItem";
        let read = |reply: &Reply| Ok((read_json::<Got>(reply)?, seconds(reply)));
        match dynamodb::ask(self.call, self.table, target, body, read).await? {
            Outcome::Done((Got { row: Some(row) }, now)) => row.standing(now),
            Outcome::Done((Got { row: None }, now)) => Ok(Standing {
                now,
                ..Standing::default()
            }),
            Outcome::Unmet(_) => Err(unreadable()),
        }
    }

    /// Takes the turn, unless another run has it; then the row says for how long.
    pub async fn take(self) -> Result<std::result::Result<Turn<'a>, Standing>> {
        let seen = self.look().await?;
        if seen.is_held_for().is_some() {
            return Ok(Err(seen));
        }
        let id = self.call.invocation.request_id;
        let holder = format!("{id}/{:016x}", fastrand::u64(..));
        let length = self.call.invocation.deadline.remaining() + GRACE;
        let until = seen.now.saturating_add_unsigned(length.as_secs() + 1);
        let body = json!({
            "Key": { "pk": { "S": self.key } },
            "UpdateExpression": "SET holder = :holder, leaseUntil = :until",
            // The last alternative lets a write whose answer was lost be repeated.
            "ConditionExpression": "attribute_not_exists(holder) OR leaseUntil < :now OR holder = :holder",
            "ExpressionAttributeValues": {
                ":holder": { "S": holder },
                ":until": { "N": until.to_string() },
                ":now": { "N": seen.now.to_string() },
            },
            "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        });
        match self.update::<Updated>(body).await? {
            Outcome::Done((updated, now)) => {
                let checkpoint = updated.row.standing(now)?.checkpoint;
                Ok(Ok(Turn {
                    ledger: self,
                    holder,
                    checkpoint,
                }))
            }
            Outcome::Unmet(refused) => {
                let now = seconds(&refused);
                let refusal: Refused = read_json(&refused).map_err(|_| unreadable())?;
                refusal.row.standing(now).map(Err)
            }
        }
    }

    async fn update<T: DeserializeOwned + Send>(&self, body: Value) -> Result<Outcome<(T, i64)>> {
        let target = "DynamoDB_20120810.UpdateItem";
        let read = |reply: &Reply| Ok((read_json(reply)?, seconds(reply)));
        dynamodb::ask(self.call, self.table, target, body, read).await
    }
}

/// The right to deliver and to move the checkpoint, until the invocation ends.
#[derive(Debug)]
pub struct Turn<'a> {
    ledger: Ledger<'a>,
    holder: String,
    /// Where the stream stood when the turn was taken.
    pub checkpoint: Option<Checkpoint>,
}

impl<'a> Turn<'a> {
    /// What is remembered of the stream's items.
    pub fn memories(&'a self) -> Memories<'a> {
        let Ledger { call, table, key } = &self.ledger;
        Memories::new(call, table, key)
    }

    /// Writes a checkpoint whose version is the next one.
    ///
    /// # Errors
    /// `Conflict` where another run has taken over.
    pub async fn save(&self, checkpoint: &Checkpoint) -> Result<()> {
        let text = |at| json!({ "S": to_text(at) });
        let reading = checkpoint.reading.map_or_else(
            || json!({ "NULL": true }),
            |Reading { reached, began }| json!({ "L": [text(reached), text(began)] }),
        );
        let stamp = format!("{:016x}", fastrand::u64(..));
        let body = json!({
            "Key": { "pk": { "S": self.ledger.key } },
            "UpdateExpression": "SET #at = :at, #from = :from, #since = :since, #through = :through, reading = :reading, \
                                 seen = :seen, unremembered = :unremembered, #version = :version, #first = :first, rewoundBy = :by, stamp = :stamp",
            // The first alternative lets a write whose answer was lost be repeated.
            "ConditionExpression": "stamp = :stamp OR (holder = :holder AND (attribute_not_exists(#version) OR #version < :version))",
            "ExpressionAttributeNames": {
                "#at": "at", "#from": "from", "#since": "since", "#through": "through", "#version": "version", "#first": "first",
            },
            "ExpressionAttributeValues": {
                ":at": text(checkpoint.at),
                ":from": text(checkpoint.from),
                ":since": text(checkpoint.since),
                ":through": text(checkpoint.through),
                ":reading": reading,
                ":seen": { "B": checkpoint.seen.to_text() },
                ":unremembered": { "S": json!(checkpoint.unremembered).to_string() },
                ":version": { "N": checkpoint.version.to_string() },
                ":first": { "N": checkpoint.first.to_string() },
                ":by": { "S": checkpoint.rewound_by },
                ":stamp": { "S": stamp },
                ":holder": { "S": self.holder },
            },
        });
        match self.ledger.update::<serde::de::IgnoredAny>(body).await? {
            Outcome::Done(_) => Ok(()),
            Outcome::Unmet(_) => {
                let detail = "Another run has taken this stream over, because this one's lease had ended. What this one delivered last is \
                              delivered again, under the same ids.";
                Err(Error::new(Code::Conflict, detail))
            }
        }
    }

    /// Gives the turn back. Where that fails, the next run waits until it expires.
    pub async fn end(self) {
        let body = json!({
            "Key": { "pk": { "S": self.ledger.key } },
            "UpdateExpression": "REMOVE holder, leaseUntil",
            "ConditionExpression": "holder = :holder",
            "ExpressionAttributeValues": { ":holder": { "S": self.holder } },
        });
        if let Err(error) = self.ledger.update::<serde::de::IgnoredAny>(body).await {
            tracing::warn!(
                code = error.code().name(),
                "the lease of the stream {} was not given back and expires by itself: {error}",
                self.ledger.key
            );
        }
    }
}

/// The time by DynamoDB's clock: this machine's may be wrong, and then a lease would end early.
fn seconds(reply: &Reply) -> i64 {
    http_date(&reply.headers)
        .unwrap_or_else(Timestamp::now)
        .as_second()
}

#[derive(Deserialize)]
struct Updated {
    #[serde(rename = "Attributes")]
    row: Row,
}

#[derive(Deserialize)]
struct Refused {
    #[serde(rename = "Item")]
    row: Row,
}

/// The row as DynamoDB writes it.
#[derive(Deserialize)]
struct Row {
    at: Option<dynamodb::Text>,
    from: Option<dynamodb::Text>,
    since: Option<dynamodb::Text>,
    through: Option<dynamodb::Text>,
    reading: Option<Readings>,
    seen: Option<dynamodb::Binary>,
    unremembered: Option<dynamodb::Text>,
    version: Option<dynamodb::Number>,
    first: Option<dynamodb::Number>,
    #[serde(rename = "rewoundBy")]
    rewound_by: Option<dynamodb::Text>,
    #[serde(rename = "leaseUntil")]
    lease_until: Option<dynamodb::Number>,
}

/// None, or its two instants.
#[derive(Deserialize)]
struct Readings {
    #[serde(default, rename = "L")]
    instants: Vec<dynamodb::Text>,
}

impl Row {
    fn standing(self, now: i64) -> Result<Standing> {
        let held_until = self.lease_until.as_ref().and_then(dynamodb::Number::get);
        let checkpoint = match self.at {
            // A run that took its turn and had nothing to save.
            None => None,
            Some(_) => Some(self.checkpoint().ok_or_else(unreadable)?),
        };
        Ok(Standing {
            checkpoint,
            held_until,
            now,
        })
    }

    fn checkpoint(self) -> Option<Checkpoint> {
        let instant = |text: Option<dynamodb::Text>| text?.text.parse().ok();
        let reading = match self.reading?.instants.as_slice() {
            [reached, began] => Some(Reading {
                reached: reached.text.parse().ok()?,
                began: began.text.parse().ok()?,
            }),
            _ => None,
        };
        Some(Checkpoint {
            at: instant(self.at)?,
            from: instant(self.from)?,
            since: instant(self.since)?,
            through: instant(self.through)?,
            reading,
            seen: Seen::from_text(&self.seen?.base64)?,
            unremembered: serde_json::from_str(&self.unremembered?.text).ok()?,
            version: self.version?.get()?,
            first: self.first?.get()?,
            rewound_by: self.rewound_by?.text,
        })
    }
}

fn unreadable() -> Error {
    let detail = "The stream's row in the table that CHECKPOINT_TABLE names is not one of ours. Delete it and start the stream by `since`.";
    Error::new(Code::Misconfigured, detail)
}
