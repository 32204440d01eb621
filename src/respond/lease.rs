//! Turns: a lease in DynamoDB that one caller holds at a time, by a conditional write. It expires by itself, so that a caller who
//! crashes delays the others by its rest at most.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::{
    call::Call,
    client::Reply,
    config::Table,
    dynamodb::{self, Outcome},
    error::{Code, Error, Result},
    time::Timestamp,
};

/// How much longer than its holder's invocation a lease lasts: until Microsoft's lists show what was sent at the last moment.
const GRACE: Duration = Duration::from_secs(30);

/// A lease that is held.
pub struct Lease<'a> {
    table: &'a Table,
    key: String,
    holder: String,
}

impl<'a> Lease<'a> {
    /// Waits for its turn and takes the lease, or says when the present holder's ends.
    pub async fn take(call: &Call<'_>, table: &'a Table, key: String) -> Result<Self> {
        let holder = format!("{}/{:016x}", call.invocation.request_id, fastrand::u64(..));
        let lease = Self { table, key, holder };
        let mut tries = 0;
        loop {
            let Some(rest) = lease.try_once(call).await? else {
                return Ok(lease);
            };
            tries += 1;
            // Held for about a second as a rule: ask often at first.
            let wait = Duration::from_millis(fastrand::u64(25..75) << tries.min(4));
            if !call.invocation.deadline.wait(wait).await {
                let detail = format!(
                    "Other callers had their turn at the {} until the function's time ran out, so nothing was done. Repeat the call \
                     after `retryAfterSeconds`.",
                    lease.key
                );
                return Err(Error::new(Code::DeadlineExceeded, detail).after(rest));
            }
        }
    }

    /// Takes it if it is free; else answers how long it may yet be held.
    async fn try_once(&self, call: &Call<'_>) -> Result<Option<Duration>> {
        let now = Timestamp::now().as_second();
        let refused = self
            .hold(call, now, call.invocation.deadline.remaining() + GRACE)
            .await?;
        Ok(refused.map(|refused| rest(&refused, now)))
    }

    /// Holds it from now on for so long, unless another does.
    async fn hold(&self, call: &Call<'_>, now: i64, length: Duration) -> Result<Option<Reply>> {
        let expires = now.saturating_add_unsigned(length.as_secs());
        let body = json!({
            "Item": {
                "pk": { "S": self.key },
                "holder": { "S": self.holder },
                "expires": { "N": expires.to_string() },
            },
            // The last alternative lets a write whose answer was lost be repeated.
            "ConditionExpression": "attribute_not_exists(pk) OR #expires < :now OR holder = :holder",
            "ExpressionAttributeNames": { "#expires": "expires" },
            "ExpressionAttributeValues": {
                ":now": { "N": now.to_string() },
                ":holder": { "S": self.holder },
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        });
        self.ask(call, "DynamoDB_20120810.PutItem", body).await
    }

    /// Keeps others away until Microsoft's lists have had the time to show what was sent.
    pub async fn keep_a_while(self, call: &Call<'_>) {
        let now = Timestamp::now().as_second();
        if let Err(error) = self.hold(call, now, GRACE).await {
            self.expires_by_itself(&error);
        }
    }

    /// Gives it back. Where that fails, others wait until it expires.
    pub async fn release(self, call: &Call<'_>) {
        let body = json!({
            "Key": { "pk": { "S": self.key } },
            "ConditionExpression": "holder = :holder",
            "ExpressionAttributeValues": { ":holder": { "S": self.holder } },
        });
        if let Err(error) = self.ask(call, "DynamoDB_20120810.DeleteItem", body).await {
            self.expires_by_itself(&error);
        }
    }

    fn expires_by_itself(&self, error: &Error) {
        tracing::warn!(
            code = error.code().name(),
            "the lease of the {} was not given back and expires by itself: {error}",
            self.key
        );
    }

    /// Answers nothing, or the reply that says the condition does not hold.
    async fn ask(
        &self,
        call: &Call<'_>,
        target: &'static str,
        body: serde_json::Value,
    ) -> Result<Option<Reply>> {
        match dynamodb::ask(call, self.table, target, body, |_| Ok(())).await? {
            Outcome::Done(()) => Ok(None),
            Outcome::Unmet(reply) => Ok(Some(reply)),
        }
    }
}

/// How long the lease may yet be held, as the refusal tells.
fn rest(refused: &Reply, now: i64) -> Duration {
    #[derive(Deserialize)]
    struct Refusal {
        #[serde(rename = "Item")]
        item: Item,
    }
    #[derive(Deserialize)]
    struct Item {
        expires: dynamodb::Number,
    }
    let expires = serde_json::from_slice::<Refusal>(&refused.body)
        .ok()
        .and_then(|refusal| refusal.item.expires.get::<i64>());
    let seconds = expires.map_or(1, |expires| (expires - now).clamp(1, 960));
    Duration::from_secs(seconds.unsigned_abs())
}
