//! Answers that are too large to be held or for whoever asked: passed on to S3, or to the caller, while they are made.

mod outlet;
mod upload;
mod writer;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

pub use outlet::{Outlet, Stream};
pub use writer::{Writer, Written};

use crate::{
    aws,
    call::Call,
    client::Room,
    config::{Bucket, Config},
    error::{Code, Error, Result},
    operation::Answer,
    time::{Timestamp, day},
};
use upload::Uploaded;

/// The most that is held of one answer of Microsoft's: a page of a list, or an object.
pub const LARGEST: Room = Room::of(24 * 1024 * 1024);

/// What is kept back of an operation's time for storing the last of its answer.
pub const TIME: Duration = Duration::from_secs(3);

/// How long a link is good. The credentials that sign it may end sooner, and it with them.
const LINK: Duration = Duration::from_secs(3600);

/// What is answered in place of what was stored.
#[derive(Serialize, JsonSchema)]
pub struct Pointer<'a> {
    stored: Stored<'a>,
}

#[derive(Serialize, JsonSchema)]
struct Stored<'a> {
    bucket: &'a str,
    key: &'a str,
    bytes: u64,
    /// Rows of a hunting query, items of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    /// When the bucket's life-cycle lets it go.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

/// Why an answer is not stored, although a field asks for it.
pub fn not_stored(config: &Config, field: &str) -> Error {
    if config.results.is_some() {
        let reason = "only the answers of operations that read are stored; others are small, and must not get lost";
        return Error::field(field, reason);
    }
    let detail = format!(
        "`{field}`: there is nowhere to put a larger answer. RESULTS_BUCKET takes the name of an S3 bucket."
    );
    Error::new(Code::Misconfigured, detail)
}

/// An answer that has been passed on already, or fits; else what is said in its place once it is stored.
pub async fn settle(call: &Call<'_>, answer: Answer) -> Result<Answer> {
    if answer.is_passed_on() || call.outlet.holds(&answer) {
        return Ok(answer);
    }
    let mut writer = Writer::new(call);
    writer.out().extend_from_slice(answer.json().as_bytes());
    drop(answer);
    let outcome = match writer.flow().await {
        Ok(()) => writer.finish(None).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(Written::PassedOn(answer)) => Ok(answer),
        Ok(Written::Held(_)) => Err(call.outlet.room.exceeded()),
        Err(error) => {
            writer.abandon().await;
            Err(error)
        }
    }
}

/// The pointer to what was stored.
fn pointer(
    call: &Call<'_>,
    bucket: &Bucket,
    stored: Uploaded,
    rows: Option<u64>,
) -> Result<Answer> {
    let link = match call.outlet.link {
        true => Some(aws::presigned(&bucket.service, &stored.url, LINK)?),
        false => None,
    };
    let pointer = Pointer {
        stored: Stored {
            bucket: &bucket.name,
            key: &stored.key,
            bytes: stored.bytes,
            rows,
            expires: call.app.config.results_retention.and_then(expires),
            link,
        },
    };
    Ok(Answer::of(&pointer).passed_on())
}

/// S3 removes an object at the first midnight, in UTC, that is so many whole days away:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>.
fn expires(days: u16) -> Option<String> {
    let midnight = (day(Timestamp::now()) + i64::from(days) + 1) * 86_400;
    let midnight = Timestamp::from_second(midnight).ok()?;
    Some(midnight.to_string())
}
