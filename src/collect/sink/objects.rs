//! Amazon S3 as a sink: a file of compressed JSON lines for each batch, and how an object is put.

use std::{borrow::Cow, io::Write};

use aws_sigv4::http_request::SignableBody;
use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, write::GzEncoder};
use http::Method;
use ring::digest::{SHA256, digest};

use super::{Batch, Delivery};
use crate::{
    aws,
    call::Call,
    collect::event::Event,
    config::Bucket,
    error::{Code, Error, Result},
    s3,
};

/// Puts the batch as one object, which is there whole or not at all. The same batch again replaces it.
///
/// It is a gzip file, and says so: with a content encoding, clients that undo it by themselves would have plain text in a file named `.gz`,
/// which readers of data lakes, who go by the name, then try to decompress.
pub async fn deliver(
    call: &Call<'_>,
    bucket: &Bucket,
    prefix: &str,
    batch: &Batch<'_>,
) -> Delivery {
    let Some(first) = batch.events.first() else {
        return Delivery::default();
    };
    let key = key(prefix, batch, first);
    let put = match compressed(batch.events) {
        Ok(file) => put(call, bucket, &key, "application/gzip", file).await,
        Err(error) => Err(error),
    };
    match put {
        Ok(()) => Delivery {
            settled: batch.events.len(),
            ..Delivery::default()
        },
        Err(error) => Delivery {
            error: Some(error),
            ..Delivery::default()
        },
    }
}

fn key(prefix: &str, batch: &Batch<'_>, first: &Event) -> String {
    let slash = if prefix.is_empty() { "" } else { "/" };
    format!(
        "{prefix}{slash}{}/tenant={}/day={}/{:012}.ndjson.gz",
        batch.stream,
        batch.tenant,
        first.at.strftime("%F"),
        batch.sequence,
    )
}

/// The same bytes for the same events: no time is written into the file.
fn compressed(events: &[Event]) -> Result<Vec<u8>> {
    let mut file = GzEncoder::new(Vec::new(), Compression::default());
    let mut write = || {
        for event in events {
            file.write_all(line(&event.body).as_bytes())?;
            file.write_all(b"\n")?;
        }
        file.try_finish()
    };
    write().map_err(|error| {
        let detail = format!("A batch could not be compressed: {error}.");
        Error::new(Code::Internal, detail)
    })?;
    Ok(std::mem::take(file.get_mut()))
}

/// JSON on one line: a line break in it can stand between values only.
pub fn line(json: &str) -> Cow<'_, str> {
    match json.contains(['\n', '\r']) {
        false => Cow::Borrowed(json),
        true => json.replace(['\n', '\r'], " ").into(),
    }
}

/// Puts an object in one request, with a checksum that S3 compares. It asks for one where a bucket has an object lock.
pub async fn put(
    call: &Call<'_>,
    bucket: &Bucket,
    key: &str,
    content_type: &str,
    body: Vec<u8>,
) -> Result<()> {
    let checksum = digest(&SHA256, &body);
    let (hex, base64) = (hex::encode(checksum), BASE64_STANDARD.encode(checksum));
    let headers = [
        ("content-type", content_type),
        ("x-amz-content-sha256", hex.as_str()),
        ("x-amz-sdk-checksum-algorithm", "SHA256"),
        ("x-amz-checksum-sha256", base64.as_str()),
    ];
    let signed = SignableBody::Precomputed(hex.clone());
    let (url, service, put) = (s3::url(bucket, key), &bucket.service, Method::PUT);
    // The same object again changes nothing.
    let request = aws::request(service, put, url, &headers, signed, body.into())?;
    let deadline = call.invocation.deadline;
    s3::ask(call, deadline, bucket, &request, |_| Ok(())).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_on_several_lines_becomes_one_line_of_the_same_json() {
        let json = "{\r\n  \"a\": \"b\\nc\"\n}";
        let line = line(json);
        assert!(!line.contains(['\r', '\n']), "{line}");
        let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(read(&line), read(json));
    }
}
