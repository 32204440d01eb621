//! Evidence on its way: a file behind a link of Microsoft's, copied to S3 while it arrives, so that its size does not matter.

use aws_sigv4::http_request::SignableBody;
use http::StatusCode;
use reqwest::Url;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    aws,
    call::Call,
    client::{Copied, Transfer},
    config::Bucket,
    error::{Code, Error, Result, Upstream},
    s3,
};

/// The most that S3 takes in one request.
const LARGEST: u64 = 5 << 30;

/// What was copied, and where to.
#[derive(Serialize, JsonSchema)]
pub struct Evidence<'a> {
    bucket: &'a str,
    key: &'a str,
    bytes: u64,
}

/// `EVIDENCE_BUCKET`.
pub fn bucket<'a>(call: &Call<'a>) -> Result<&'a Bucket> {
    call.app.config.evidence.as_ref().ok_or_else(|| {
        let detail = "EVIDENCE_BUCKET is not set; it takes the name of the S3 bucket that packages are copied to.";
        Error::new(Code::Misconfigured, detail)
    })
}

/// Copies what is behind the link, which is asked without a token: the link is one.
///
/// It goes to S3 in one request, up to 5 GB, which succeeds as a whole or not at all; a copy made again replaces the last one.
pub async fn copy<'a>(
    call: &Call<'_>,
    link: &str,
    bucket: &'a Bucket,
    key: &'a str,
) -> Result<Evidence<'a>> {
    let to = s3::url(bucket, key);
    let from = link_url(call, link)?;
    let sign = |bytes: u64, md5: Option<&str>| {
        if bytes > LARGEST {
            let detail = "The package is larger than the 5 GB that S3 takes in one request. Get its link by get_package_uri and download it.";
            return Err(Error::new(Code::TooLarge, detail));
        }
        let bytes = bytes.to_string();
        let mut headers = vec![
            ("content-length", bytes.as_str()),
            // What arrives is not known yet; TLS keeps it whole, and S3 counts it.
            ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ];
        headers.extend(md5.map(|md5| ("content-md5", md5)));
        aws::signed(
            &bucket.service,
            "PUT",
            &to,
            &headers,
            SignableBody::UnsignedPayload,
        )
    };
    let copied = call
        .app
        .client
        .copy(
            Transfer {
                from,
                to: to.clone(),
                sign: &sign,
            },
            call.invocation.deadline,
            &call.trace,
        )
        .await?;
    match copied {
        Copied::Whole { bytes } => Ok(Evidence {
            bucket: &bucket.name,
            key,
            bytes,
        }),
        Copied::NotGiven { status } => Err(not_given(status)),
        Copied::NotTaken { status, code } => Err(s3::refusal(bucket, status, code)),
    }
}

fn link_url(call: &Call<'_>, link: &str) -> Result<Url> {
    let simulated = call.app.config.upstream(call.api).base.scheme() == "http";
    Url::parse(link)
        .ok()
        .filter(|url| url.scheme() == "https" || simulated)
        .ok_or_else(|| {
            let detail =
                "Microsoft's link to the result is no https address, so it is not followed.";
            Error::new(Code::UpstreamRejected, detail)
        })
}

fn not_given(status: StatusCode) -> Error {
    let detail = format!(
        "The link that Microsoft gave for the package was answered with {}. Such links die within minutes: repeat the call for a fresh one.",
        status.as_u16()
    );
    Error::new(Code::UpstreamUnavailable, detail).from_upstream(Upstream {
        service: "storage",
        status: Some(status.as_u16()),
        ..Upstream::default()
    })
}
