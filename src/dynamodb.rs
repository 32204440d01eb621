//! Amazon DynamoDB: requests to a table whose key is the string `pk`, and what its refusals mean.

use std::str::FromStr;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    aws,
    call::Call,
    client::{Failure, Outgoing, Reply, Room},
    config::Table,
    error::{Code, Error, Result},
};

/// A page of a scan is at most 1 MB as DynamoDB counts it, which leaves out the names of types and the punctuation.
const ROOM: Room = Room::of(4 * 1024 * 1024);

/// `{"S": "..."}`.
#[derive(Deserialize)]
pub struct Text {
    #[serde(rename = "S")]
    pub text: String,
}

/// `{"B": "..."}`, in Base64.
#[derive(Deserialize)]
pub struct Binary {
    #[serde(rename = "B")]
    pub base64: String,
}

/// `{"N": "..."}`.
#[derive(Deserialize)]
pub struct Number {
    #[serde(rename = "N")]
    digits: String,
}

impl Number {
    pub fn get<T: FromStr>(&self) -> Option<T> {
        self.digits.parse().ok()
    }
}

/// What became of a request with a condition.
pub enum Outcome<T> {
    Done(T),
    /// The condition does not hold; the reply has the item where it was asked for.
    Unmet(Reply),
}

/// Sends one request. `target` is as `DynamoDB_20120810.PutItem`, and `body` everything but the table's name.
pub async fn ask<T: Send>(
    call: &Call<'_>,
    table: &Table,
    target: &'static str,
    mut body: Value,
    read: impl Fn(&Reply) -> std::result::Result<T, String> + Send,
) -> Result<Outcome<T>> {
    body["TableName"] = table.name.as_str().into();
    send(call, table, target, &body, read).await
}

/// Sends a request about several items, which names the table itself.
pub async fn ask_many<T: Send>(
    call: &Call<'_>,
    table: &Table,
    target: &'static str,
    body: &Value,
    read: impl Fn(&Reply) -> std::result::Result<T, String> + Send,
) -> Result<T> {
    match send(call, table, target, body, read).await? {
        Outcome::Done(answer) => Ok(answer),
        Outcome::Unmet(reply) => Err(refusal(table, target, &reply)),
    }
}

async fn send<T: Send>(
    call: &Call<'_>,
    table: &Table,
    target: &'static str,
    body: &Value,
    read: impl Fn(&Reply) -> std::result::Result<T, String> + Send,
) -> Result<Outcome<T>> {
    let request = Outgoing {
        passing: throttled,
        room: ROOM,
        ..aws::json_request(&table.service, target, body.to_string())?
    };
    let deadline = call.invocation.deadline;
    let client = &call.app.client;
    match client.send(&request, deadline, &call.trace, read).await {
        Ok(answer) => Ok(Outcome::Done(answer)),
        Err(Failure::Refused(reply))
            if aws::error_kind(&reply) == "ConditionalCheckFailedException" =>
        {
            Ok(Outcome::Unmet(reply))
        }
        Err(Failure::Refused(reply)) => Err(refusal(table, target, &reply)),
        Err(Failure::Failed(error) | Failure::Lost(error)) => Err(error),
    }
}

fn throttled(reply: &Reply) -> Option<Error> {
    aws::throttled(reply, "dynamodb")
}

fn refusal(table: &Table, target: &str, reply: &Reply) -> Error {
    let (variable, region) = (table.variable, &table.service.region);
    let action = target.rsplit('.').next().unwrap_or_default();
    let detail = match aws::error_kind(reply).as_str() {
        "ResourceNotFoundException" => format!(
            "{variable} names no table in {region}. It takes the name of a table whose key is the string `pk`."
        ),
        "AccessDeniedException" => format!(
            "The function's role may not use the table that {variable} names. Allow it dynamodb:{action} there."
        ),
        kind => format!(
            "DynamoDB refused {action} on the table that {variable} names ({kind}). Its key must be the string `pk`."
        ),
    };
    Error::new(Code::Misconfigured, detail).from_upstream(aws::upstream(table.service.name, reply))
}
