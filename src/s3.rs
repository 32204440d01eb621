//! Amazon S3: where an object is, how it is asked, and what its refusals mean.

use http::StatusCode;
use reqwest::Url;

use crate::{
    aws,
    call::Call,
    client::{Failure, Outgoing, Reply},
    config::Bucket,
    error::{Code, Error, Result, Upstream},
    time::Deadline,
};

/// The address of an object; its key is made of tenants, names and ids, and of `name=value` where it is a partition's.
pub fn url(bucket: &Bucket, key: &str) -> Url {
    let endpoint = bucket.service.endpoint.as_str().trim_end_matches('/');
    // The only character of ours that signatures have encoded.
    let key = key.replace('=', "%3D");
    Url::parse(&format!("{endpoint}/{}/{key}", bucket.name))
        .expect("a checked origin, a checked bucket name and a key without special characters")
}

/// S3's code for an upload that was aborted, or completed.
pub const NO_UPLOAD: &str = "NoSuchUpload";

/// Sends a request about an object of the bucket.
pub async fn ask<T: Send>(
    call: &Call<'_>,
    deadline: Deadline,
    bucket: &Bucket,
    request: &Outgoing,
    read: impl Fn(&Reply) -> std::result::Result<T, String> + Send,
) -> Result<T> {
    let client = &call.app.client;
    match client.send(request, deadline, &call.trace, read).await {
        Ok(done) => Ok(done),
        Err(Failure::Refused(reply)) => {
            let code = Some(aws::error_kind(&reply)).filter(|code| !code.is_empty());
            Err(refusal(bucket, reply.status, code))
        }
        Err(Failure::Failed(error) | Failure::Lost(error)) => Err(error),
    }
}

/// Why an object was not taken.
pub fn refusal(bucket: &Bucket, status: StatusCode, code: Option<String>) -> Error {
    let variable = bucket.variable;
    let said = code.as_deref().unwrap_or("no reason");
    let (kind, detail) = match status.as_u16() {
        403 => (
            Code::Misconfigured,
            format!(
                "The function's role may not write to the bucket that {variable} names. Allow it s3:PutObject there."
            ),
        ),
        404 if code.as_deref() == Some(NO_UPLOAD) => (
            Code::UpstreamUnavailable,
            "S3 does not know the upload any more. Repeat the call.".to_owned(),
        ),
        // A bucket of another region is redirected to.
        301 | 307 | 404 => (
            Code::Misconfigured,
            format!("{variable} names no bucket in the function's region."),
        ),
        status => (
            Code::UpstreamUnavailable,
            format!("S3 answered {status} ({said}) and kept nothing. Repeat the call."),
        ),
    };
    Error::new(kind, detail).from_upstream(Upstream {
        service: "s3",
        status: Some(status.as_u16()),
        code,
        ..Upstream::default()
    })
}
