//! A successful answer's body, handed out as it arrives.

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{Outgoing, Setback};
use crate::{api::ApiError, error::Upstream, time::Deadline};

/// Passes a body on to somewhere. Called once a try: what an earlier one left is to be forgotten.
pub trait Passing: Send {
    fn pass<'a>(
        &'a mut self,
        body: Incoming<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Setback>> + Send + 'a>>;
}

/// What is still to come of an answer.
pub struct Incoming<'a> {
    response: reqwest::Response,
    request: &'a Outgoing,
    deadline: Deadline,
    upstream: Upstream,
}

impl<'a> Incoming<'a> {
    pub(super) fn of(
        response: reqwest::Response,
        request: &'a Outgoing,
        deadline: Deadline,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Self {
        let upstream = ApiError::default().upstream(request.service, status.as_u16(), headers);
        Self {
            response,
            request,
            deadline,
            upstream,
        }
    }

    /// The next piece; none after the last one.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Setback> {
        let chunk = self.response.chunk().await;
        chunk.map_err(|error| Setback::transport(self.request, self.deadline, error))
    }

    /// What came is not what was asked for: `wrong` says how, after "an answer that".
    pub fn wrong(&self, wrong: &str) -> Setback {
        let what = format!("sent an answer that {wrong}");
        Setback::unavailable(self.request, &what, self.upstream.clone())
    }
}
