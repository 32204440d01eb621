//! What is remembered of each item that was delivered: a row in DynamoDB, by which the next update is known for what it is.

use std::{collections::HashMap, time::Duration};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::event::Change;
use crate::{
    call::{Call, read_json},
    config::Table,
    dynamodb,
    error::{Code, Error, Result},
    retry,
    time::Timestamp,
};

/// How long an item is remembered. Microsoft keeps incidents and alerts for 180 days.
const DAYS: i64 = 400;

/// The most rows that DynamoDB gives, and takes, in one request.
const READ: usize = 100;
const WRITTEN: usize = 25;

/// What is kept back of the time to give the turn back.
const SAVING: Duration = Duration::from_secs(2);

/// How often rows are asked for again that DynamoDB has left over.
const ROUNDS: u32 = 8;

/// An item as it was last delivered.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Memory {
    /// The ticks of its update.
    pub updated: i64,
    /// Whether it was resolved by then.
    pub resolved: bool,
    /// What that update was said to be.
    pub change: Change,
    /// The number of the batch.
    pub batch: u64,
}

/// The memories of one stream of one tenant.
#[derive(Debug)]
pub struct Memories<'a> {
    call: &'a Call<'a>,
    table: &'a Table,
    /// What the keys begin with.
    prefix: String,
}

#[derive(Deserialize)]
struct Row {
    pk: dynamodb::Text,
    updated: dynamodb::Number,
    resolved: Flag,
    change: Changed,
    batch: dynamodb::Number,
}

#[derive(Deserialize)]
struct Flag {
    #[serde(rename = "BOOL")]
    flag: bool,
}

#[derive(Deserialize)]
struct Changed {
    #[serde(rename = "S")]
    change: Change,
}

impl<'a> Memories<'a> {
    pub fn new(call: &'a Call<'a>, table: &'a Table, stream: &str) -> Self {
        let prefix = format!("{stream}/");
        Self {
            call,
            table,
            prefix,
        }
    }

    /// What is remembered of those items, by their ids.
    pub async fn get(&self, ids: &[&str]) -> Result<HashMap<String, Memory>> {
        #[derive(Deserialize)]
        struct Got {
            #[serde(rename = "Responses")]
            rows: HashMap<String, Vec<Row>>,
            #[serde(default, rename = "UnprocessedKeys")]
            left: HashMap<String, Value>,
        }
        let mut memories = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(READ) {
            let keys: Vec<_> = ids.iter().map(|id| self.key(id)).collect();
            let target = "DynamoDB_20120810.BatchGetItem";
            let read = |got: Got| {
                for row in got.rows.into_values().flatten() {
                    let id = row.pk.text.strip_prefix(&self.prefix);
                    if let (Some(id), Some(memory)) = (id, row.memory()) {
                        memories.insert(id.to_owned(), memory);
                    }
                }
                got.left
            };
            let rows = json!({ "Keys": keys, "ConsistentRead": true });
            self.ask(self.call, target, rows, read).await?;
        }
        Ok(memories)
    }

    /// Remembers items, by their ids, and leaves time to give the turn back.
    pub async fn put(&self, memories: &HashMap<String, Memory>) -> Result<()> {
        #[derive(Deserialize)]
        struct Put {
            #[serde(default, rename = "UnprocessedItems")]
            left: HashMap<String, Value>,
        }
        let call = self.call.less(SAVING, 2);
        let target = "DynamoDB_20120810.BatchWriteItem";
        let expires = Timestamp::now().as_second() + DAYS * 86_400;
        let mut puts = memories.iter().map(|(id, memory)| {
            let mut row = self.key(id);
            row["updated"] = json!({ "N": memory.updated.to_string() });
            row["resolved"] = json!({ "BOOL": memory.resolved });
            row["change"] = json!({ "S": memory.change });
            row["batch"] = json!({ "N": memory.batch.to_string() });
            row["expires"] = json!({ "N": expires.to_string() });
            json!({ "PutRequest": { "Item": row } })
        });
        loop {
            let some: Vec<_> = puts.by_ref().take(WRITTEN).collect();
            if some.is_empty() {
                return Ok(());
            }
            let read = |put: Put| put.left;
            self.ask(&call, target, json!(some), read).await?;
        }
    }

    /// Sends a request about rows. DynamoDB leaves some over when it is asked for too many at once; `read` answers these, and they are
    /// asked for again.
    async fn ask<T: DeserializeOwned + Send>(
        &self,
        call: &Call<'_>,
        target: &'static str,
        rows: Value,
        mut read: impl FnMut(T) -> HashMap<String, Value> + Send,
    ) -> Result<()> {
        let mut asked = json!({ (self.table.name.as_str()): rows });
        for round in 1..=ROUNDS {
            let body = json!({ "RequestItems": asked });
            let answer = |reply: &_| read_json(reply);
            let left = read(dynamodb::ask_many(call, self.table, target, &body, answer).await?);
            if left.is_empty() {
                return Ok(());
            }
            asked = json!(left);
            let wait = retry::backoff(round);
            if round == ROUNDS || !call.invocation.deadline.wait(wait).await {
                break;
            }
        }
        let detail = "DynamoDB did not serve all rows of the table that CHECKPOINT_TABLE names in time. Repeat the call.";
        Err(Error::new(Code::Throttled, detail))
    }

    fn key(&self, id: &str) -> Value {
        json!({ "pk": { "S": format!("{}{id}", self.prefix) } })
    }
}

impl Row {
    fn memory(&self) -> Option<Memory> {
        Some(Memory {
            updated: self.updated.get()?,
            resolved: self.resolved.flag,
            change: self.change.change,
            batch: self.batch.get()?,
        })
    }
}
