//! An object on its way to the results bucket: at once where it is small, else part by part.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>. The object appears once the upload is completed, and
//! not at all if it is aborted. What a killed process left is removed by the bucket's life-cycle.

use std::fmt::Write;

use aws_sigv4::http_request::SignableBody;
use bytes::Bytes;
use http::{
    Method,
    header::{CONTENT_LENGTH, ETAG},
};
use reqwest::Url;

use crate::{
    aws,
    call::Call,
    client::Reply,
    config::Bucket,
    error::{Error, Result},
    s3,
};

/// What is collected before it is sent: the least that S3 takes as a part. 10,000 of them are 50 GB.
pub const PART: usize = 5 * 1024 * 1024;

pub struct Upload<'a> {
    call: &'a Call<'a>,
    bucket: &'a Bucket,
    key: String,
    /// S3's name for an upload in parts; none before the first of them.
    id: Option<String>,
    /// What S3 calls each part.
    tags: Vec<String>,
    bytes: u64,
}

/// What was stored.
pub struct Uploaded {
    pub key: String,
    pub url: Url,
    pub bytes: u64,
}

impl<'a> Upload<'a> {
    /// To the bucket, if answers of this kind are stored; under the tenant, the operation and the invocation.
    pub fn of(call: &'a Call<'a>) -> Option<Self> {
        let bucket = call.app.config.results.as_ref()?;
        let operation = call.outlet.stores?;
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
        Some(Self {
            call,
            bucket,
            key,
            id: None,
            tags: Vec::new(),
            bytes: 0,
        })
    }

    pub fn bucket(&self) -> &'a Bucket {
        self.bucket
    }

    /// Sends a part, of [`PART`] bytes at least unless it is the last.
    pub async fn part(&mut self, part: Bytes) -> Result<()> {
        let id = match &self.id {
            Some(id) => id.clone(),
            None => {
                let id = self.ask(Method::POST, &[("uploads", "")], Bytes::new(), |reply| {
                    let text = std::str::from_utf8(&reply.body).unwrap_or_default();
                    let id = aws::element(text, "UploadId");
                    id.map(str::to_owned)
                        .ok_or_else(|| "names no upload".to_owned())
                });
                self.id.insert(id.await?).clone()
            }
        };
        let number = (self.tags.len() + 1).to_string();
        let query = [("partNumber", number.as_str()), ("uploadId", id.as_str())];
        let bytes = part.len() as u64;
        let tag = self.ask(Method::PUT, &query, part, |reply| {
            let tag = reply.headers.get(ETAG).and_then(|tag| tag.to_str().ok());
            tag.map(str::to_owned)
                .ok_or_else(|| "has no ETag".to_owned())
        });
        self.tags.push(tag.await?);
        self.bytes += bytes;
        Ok(())
    }

    /// Sends the rest, and has the object appear.
    pub async fn finish(&mut self, rest: Bytes) -> Result<Uploaded> {
        match &self.id {
            None => {
                self.bytes = rest.len() as u64;
                self.ask(Method::PUT, &[], rest, |_| Ok(())).await?;
            }
            Some(id) => {
                let id = id.clone();
                if !rest.is_empty() {
                    self.part(rest).await?;
                }
                let mut list = "<CompleteMultipartUpload>".to_owned();
                for (at, tag) in self.tags.iter().enumerate() {
                    let number = at + 1;
                    // Writing to a string cannot fail.
                    let _ = write!(
                        list,
                        "<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
                    );
                }
                list.push_str("</CompleteMultipartUpload>");
                // S3 answers 200 before it is done, and what went wrong after that stands in the body.
                let whole = |reply: &Reply| {
                    let text = std::str::from_utf8(&reply.body).unwrap_or_default();
                    match text.contains("<CompleteMultipartUploadResult") {
                        true => Ok(()),
                        false => Err("does not say that the object is whole".to_owned()),
                    }
                };
                let query = [("uploadId", id.as_str())];
                match self.ask(Method::POST, &query, list.into(), whole).await {
                    // It may have been completed, and the answer lost.
                    Err(error) if is_unknown(&error) => self.look(error).await?,
                    completed => completed?,
                }
            }
        }
        Ok(Uploaded {
            url: s3::url(self.bucket, &self.key),
            key: self.key.clone(),
            bytes: self.bytes,
        })
    }

    /// Whether the object is there, which only this upload makes; else the error.
    async fn look(&self, error: Error) -> Result<()> {
        let bytes = self.bytes.to_string();
        let is_whole = |reply: &Reply| {
            let length = reply.headers.get(CONTENT_LENGTH);
            Ok(length.is_some_and(|length| length.as_bytes() == bytes.as_bytes()))
        };
        match self.ask(Method::HEAD, &[], Bytes::new(), is_whole).await {
            Ok(true) => Ok(()),
            _ => Err(error),
        }
    }

    /// Has S3 forget the parts.
    pub async fn abort(&mut self) {
        let Some(id) = self.id.take() else { return };
        let query = [("uploadId", id.as_str())];
        let aborted = self.ask(Method::DELETE, &query, Bytes::new(), |_| Ok(()));
        if let Err(error) = aborted.await
            && !is_unknown(&error)
        {
            tracing::warn!(
                code = error.code().name(),
                "an unfinished upload to {} stays until the bucket's life-cycle removes it: {error}",
                self.bucket.name
            );
        }
    }

    async fn ask<T: Send>(
        &self,
        method: Method,
        query: &[(&str, &str)],
        body: Bytes,
        read: impl Fn(&Reply) -> std::result::Result<T, String> + Send,
    ) -> Result<T> {
        let mut url = s3::url(self.bucket, &self.key);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let headers = [
            ("content-type", "application/json"),
            ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ];
        let (service, unsigned) = (&self.bucket.service, SignableBody::UnsignedPayload);
        // The same again changes nothing more.
        let request = aws::request(service, method, url, &headers, unsigned, body)?;
        let deadline = self.call.outlet.deadline;
        s3::ask(self.call, deadline, self.bucket, &request, read).await
    }
}

fn is_unknown(error: &Error) -> bool {
    let upstream = error.upstream();
    upstream.is_some_and(|upstream| upstream.code.as_deref() == Some(s3::NO_UPLOAD))
}
