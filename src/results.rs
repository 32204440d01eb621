//! Answers that are too large for whoever asked: put to S3, with a pointer in their place.

use std::time::Duration;

use aws_sigv4::http_request::SignableBody;
use http::Method;
use serde::Serialize;

use crate::{
    aws,
    call::Call,
    client::{Failure, Kind, Outgoing, Room, nothing_passes},
    config::{Bucket, Config},
    error::{Code, Error, Result},
    operation::Answer,
    retry, s3,
};

/// S3 answers an upload with nothing, and a refusal with little.
const ROOM: Room = Room {
    bytes: 64 * 1024,
    escaped: false,
};

/// What is answered instead.
#[derive(Serialize)]
struct Stored<'a> {
    stored: Object<'a>,
}

#[derive(Serialize)]
struct Object<'a> {
    bucket: &'a str,
    key: &'a str,
    bytes: usize,
}

/// The largest answer that is stored. It is held in memory until then, more than once for a moment.
pub const LARGEST: Room = Room {
    bytes: 24 * 1024 * 1024,
    escaped: false,
};

/// What is kept back of an operation's time for storing its answer.
pub const TIME: Duration = Duration::from_secs(3);

/// Why an answer is not stored.
pub fn not_stored(config: &Config) -> Error {
    if config.results.is_some() {
        let reason = "only the answers of operations that read are stored; others are small, and must not get lost";
        return Error::field("maxAnswerBytes", reason);
    }
    let detail = "`maxAnswerBytes`: there is nowhere to put a larger answer. RESULTS_BUCKET takes the name of an S3 bucket.";
    Error::new(Code::Misconfigured, detail)
}

/// Puts an answer to the bucket, under the tenant, the operation and the invocation.
pub async fn put(
    call: &Call<'_>,
    bucket: &Bucket,
    operation: &str,
    answer: Answer,
) -> Result<Answer> {
    let id: String = call
        .invocation
        .request_id
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect();
    // The records of a batch have the id of the invocation in common.
    let key = format!(
        "{}/{operation}/{id}-{:08x}.json",
        call.tenant.as_str(),
        fastrand::u32(..)
    );
    let url = s3::url(bucket, &key);
    let body = Box::<str>::from(answer.into_raw())
        .into_string()
        .into_bytes();
    let bytes = body.len();
    let headers = [
        ("content-type", "application/json"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
    ];
    let request = Outgoing {
        service: bucket.service.name,
        // The same object again changes nothing.
        kind: Kind::Read,
        method: Method::PUT,
        headers: aws::signed(
            &bucket.service,
            "PUT",
            &url,
            &headers,
            SignableBody::UnsignedPayload,
        )?,
        url,
        body,
        tries: retry::TRIES,
        passing: nothing_passes,
        room: ROOM,
    };
    let deadline = call.invocation.deadline;
    let sent = call
        .app
        .client
        .send(&request, deadline, &call.trace, |_| Ok(()));
    match sent.await {
        Ok(()) => Ok(Answer::of(&Stored {
            stored: Object {
                bucket: &bucket.name,
                key: &key,
                bytes,
            },
        })),
        Err(Failure::Refused(reply)) => {
            let code = Some(aws::error_kind(&reply)).filter(|code| !code.is_empty());
            Err(s3::refusal(bucket, reply.status, code))
        }
        Err(Failure::Failed(error) | Failure::Lost(error)) => Err(error),
    }
}
