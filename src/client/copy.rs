//! Copying from one address to another while the bytes arrive.

use std::time::Instant;

use http::{HeaderMap, StatusCode};
use reqwest::{Body, Url};

use super::Client;
use crate::{
    api,
    error::{Code, Error, Result},
    telemetry::Trace,
    time::Deadline,
};

/// Signs the upload, whose length and MD5 are known once the download begins.
type Sign<'a> = dyn Fn(u64, Option<&str>) -> Result<HeaderMap> + Sync + 'a;

/// Where from and where to.
pub struct Transfer<'a> {
    pub from: Url,
    pub to: Url,
    pub sign: &'a Sign<'a>,
}

/// What became of it.
pub enum Copied {
    Whole {
        bytes: u64,
    },
    NotGiven {
        status: StatusCode,
    },
    /// With the code of S3's XML, if it has one.
    NotTaken {
        status: StatusCode,
        code: Option<String>,
    },
}

impl Client {
    /// Copies by one GET without any credentials and one PUT. A copy that breaks leaves nothing behind.
    pub async fn copy(
        &self,
        transfer: Transfer<'_>,
        deadline: Deadline,
        trace: &Trace,
    ) -> Result<Copied> {
        let broken = |what: &'static str| {
            move |error: reqwest::Error| match deadline.has_passed() {
                true => Error::new(
                    Code::DeadlineExceeded,
                    "The function's time ran out while a package was being copied. Give the function more time.",
                ),
                false => Error::new(
                    Code::UpstreamUnavailable,
                    // The address of a download is a secret of its own.
                    format!("{what}: {}. Repeat the call.", error.without_url()),
                ),
            }
        };
        let started = Instant::now();
        let download = self
            .origins
            .pool(&self.tls, &transfer.from)
            .get(transfer.from)
            .timeout(deadline.remaining())
            .send()
            .await
            .map_err(broken("The package could not be downloaded"))?;
        trace.add(api::request_id(download.headers()));
        if !download.status().is_success() {
            return Ok(Copied::NotGiven {
                status: download.status(),
            });
        }
        let Some(bytes) = download.content_length() else {
            let detail = "The package came without its length, which S3 has to know beforehand.";
            return Err(Error::new(Code::UpstreamUnavailable, detail));
        };
        let md5 = download
            .headers()
            .get("content-md5")
            .and_then(|md5| md5.to_str().ok());
        let headers = (transfer.sign)(bytes, md5)?;
        let body = http::Response::<Body>::from(download).into_body();
        let upload = self
            .origins
            .pool(&self.tls, &transfer.to)
            .put(transfer.to)
            .headers(headers)
            .timeout(deadline.remaining())
            .body(body)
            .send()
            .await
            .map_err(broken("The package could not be copied to S3"))?;
        let status = upload.status();
        trace.add(api::request_id(upload.headers()));
        tracing::debug!(
            bytes,
            status = status.as_u16(),
            durationMs = started.elapsed().as_millis() as u64,
            "copied a package"
        );
        if status.is_success() {
            return Ok(Copied::Whole { bytes });
        }
        let said = upload.text().await.unwrap_or_default();
        let code = said
            .split_once("<Code>")
            .and_then(|(_, rest)| rest.split_once("</Code>"))
            .map(|(code, _)| code.to_owned());
        Ok(Copied::NotTaken { status, code })
    }
}
