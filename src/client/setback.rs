//! What a try brought: an answer to use, one for whoever asked to judge, or a setback and whether trying again may help.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header::CONTENT_ENCODING};

use super::{Failure, Outgoing, Reply, Take, connect::is_untrusted};
use crate::{
    api::ApiError,
    error::{Code, Error, Upstream},
    retry,
    time::{Deadline, Timestamp},
};

/// A try that brought no usable answer.
#[derive(Debug)]
pub struct Setback {
    pub error: Error,
    /// Whether asking again may help.
    pub repeat: bool,
    /// How long the service told us to wait.
    pub wait: Option<Duration>,
    /// Whether the service provably did not act on it.
    pub unaccepted: bool,
}

impl Setback {
    /// One after which the same is not asked again.
    pub fn last(error: Error) -> Self {
        Self {
            error,
            repeat: false,
            wait: None,
            unaccepted: false,
        }
    }

    pub(super) fn unavailable(request: &Outgoing, what: &str, upstream: Upstream) -> Self {
        let detail = format!("{} {what}.", host(request));
        let error = Error::new(Code::UpstreamUnavailable, detail).from_upstream(upstream);
        Self {
            error,
            repeat: true,
            wait: None,
            unaccepted: false,
        }
    }

    /// What the caller hears when it is not tried again.
    pub fn into_error(self) -> Error {
        let error = match self.error.code() {
            Code::UpstreamUnavailable if self.repeat => {
                self.error.advise("Asking again later may help.")
            }
            _ => self.error,
        };
        match self.wait {
            Some(wait) => error.after(wait),
            None => error,
        }
    }

    pub fn too_large(request: &Outgoing) -> Self {
        let upstream = Upstream {
            service: request.service,
            ..Upstream::default()
        };
        Self::last(request.room.exceeded().from_upstream(upstream))
    }

    pub fn transport(request: &Outgoing, deadline: Deadline, error: reqwest::Error) -> Self {
        let upstream = Upstream {
            service: request.service,
            ..Upstream::default()
        };
        if is_untrusted(&error) {
            let what = "presented a TLS certificate that is not trusted. If a proxy of your own inspects TLS, name its root in \
                        SSL_CERT_FILE";
            let setback = Self::unavailable(request, what, upstream);
            return Self {
                repeat: false,
                unaccepted: true,
                ..setback
            };
        }
        if error.is_builder() {
            let detail = format!(
                "The request to {} could not be written; this is a defect: please report it.",
                host(request)
            );
            let error = Error::new(Code::Internal, detail).from_upstream(upstream);
            return Self {
                error,
                repeat: false,
                wait: None,
                unaccepted: true,
            };
        }
        if error.is_timeout() && deadline.has_passed() {
            return Self {
                error: out_of_time(request),
                repeat: false,
                wait: None,
                unaccepted: error.is_connect(),
            };
        }
        let what = match () {
            () if error.is_connect() => "could not be reached",
            () if error.is_timeout() => "did not answer in time",
            () => "broke the connection before its answer was complete",
        };
        let setback = Self::unavailable(request, what, upstream);
        Self {
            unaccepted: error.is_connect(),
            ..setback
        }
    }
}

/// Graph's word for an answer in which a provider's part is missing.
const PARTIAL: u16 = 206;

/// Whether an answer is a success in full, and in plain text.
pub fn is_usable(status: StatusCode, headers: &HeaderMap) -> bool {
    let encoding = headers.get(CONTENT_ENCODING);
    status.is_success()
        && status != PARTIAL
        && encoding.is_none_or(|encoding| encoding == "identity")
}

/// Sorts an answer: used, handed to whoever asked, or a setback.
pub fn classify(
    request: &Outgoing,
    reply: Reply,
    tries: u32,
    take: &mut Take<'_>,
) -> std::result::Result<std::result::Result<(), Failure>, Setback> {
    let status = reply.status.as_u16();
    let explained = || ApiError::read(&reply.body);
    let upstream = || explained().upstream(request.service, status, &reply.headers);
    match status {
        200..=299 if is_usable(reply.status, &reply.headers) => {
            let taken = match take {
                Take::Whole(take) => take(&reply),
                Take::Passing(_) => Ok(()),
            };
            let wrong = |wrong| {
                let what = format!("sent an answer that {wrong}");
                Setback::unavailable(request, &what, upstream())
            };
            taken.map(Ok).map_err(wrong)
        }
        200..=299 if status != PARTIAL => {
            let what = "sent a compressed answer, which was not asked for";
            Err(Setback::unavailable(request, what, upstream()))
        }
        429 => {
            let explained = explained();
            let wait = retry::quota_wait(&reply.headers, &explained.message, tries);
            let said = if explained.message.is_empty() {
                String::new()
            } else {
                format!(" ({})", explained.message)
            };
            let detail = format!(
                "A quota of {} is used up{said}. Wait as long as `retryAfterSeconds` says.",
                host(request)
            );
            let error = Error::new(Code::Throttled, detail).from_upstream(upstream());
            Err(Setback {
                error,
                repeat: true,
                wait: Some(wait),
                unaccepted: true,
            })
        }
        PARTIAL | 408 | 500..=599 => {
            let setback = Setback::unavailable(request, &format!("answered {status}"), upstream());
            let wait = retry::retry_after(&reply.headers, Timestamp::now());
            Err(Setback { wait, ..setback })
        }
        _ => match (request.passing)(&reply) {
            Some(error) => Err(Setback {
                wait: error.retry_after(),
                error,
                repeat: true,
                unaccepted: true,
            }),
            None => Ok(Err(Failure::Refused(reply))),
        },
    }
}

fn host(request: &Outgoing) -> &str {
    request.url.host_str().unwrap_or(request.service)
}

pub fn out_of_time(request: &Outgoing) -> Error {
    let detail = format!(
        "The function's time ran out while {} was being asked. Give the function more time, or ask for less.",
        host(request)
    );
    Error::new(Code::DeadlineExceeded, detail).from_upstream(Upstream {
        service: request.service,
        ..Upstream::default()
    })
}
