//! The HTTP client: the only module that sends. TLS, deadlines, repeats, and how much of an answer may be read.

mod ahead;
mod connect;
mod copy;
mod origins;
mod passing;
mod room;
mod setback;

pub use copy::{Copied, Transfer};
pub use origins::Fresh;
pub use passing::{Incoming, Passing};
pub use room::Room;
pub use setback::Setback;

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use reqwest::Url;
use rustls::{ClientConfig, RootCertStore};

use origins::Origins;
use setback::{classify, is_usable, out_of_time};

use crate::{
    api,
    config::Config,
    error::{Code, Error, Result},
    retry,
    telemetry::Trace,
    time::Deadline,
};

/// The longest that one try may take. Hunting queries may run for 200 s.
const TRY: Duration = Duration::from_secs(210);

/// What a change leaves of the time, at most, for a look at what became of it.
const LOOK: Duration = Duration::from_secs(8);

/// The longest that a change waits for a quota: what it was decided on grows stale.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much of an error's body is read.
const ERROR_ROOM: Room = Room::of(64 * 1024);

/// Whether a request may be sent again when nobody knows what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It changes nothing, or nothing more when it is repeated: ask as often as it takes.
    Read,
    /// It changes something: send it again only if it provably was not accepted.
    Change,
}

/// A request, ready to be sent any number of times. It may hold a secret, so it cannot be shown.
pub struct Outgoing {
    /// The name of the service in logs and problem documents.
    pub service: &'static str,
    pub kind: Kind,
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// How often it is sent at most, quotas apart.
    pub tries: u32,
    /// Finds the 4xx answers that the same request may outlive, for services that give some.
    pub passing: fn(&Reply) -> Option<Error>,
    pub room: Room,
}

impl Outgoing {
    /// How long one try may take.
    fn time(&self, deadline: Deadline) -> Duration {
        let left = deadline.remaining();
        match self.kind {
            Kind::Read => left.min(TRY),
            Kind::Change => (left - LOOK.min(left / 2)).min(TRY),
        }
    }
}

/// A whole answer. It may hold a token, so it cannot be shown.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// For services whose every other 4xx is final.
pub fn nothing_passes(_: &Reply) -> Option<Error> {
    None
}

/// Why there is no answer to use.
pub enum Failure {
    /// The service answered with a 3xx or a 4xx that means something to whoever asked.
    Refused(Reply),
    /// A change was sent, and what became of it is not known.
    Lost(Error),
    Failed(Error),
}

/// What is done with a successful answer.
pub enum Take<'a> {
    /// What is wanted is taken out of the whole of it, or what is wrong with it is returned.
    Whole(&'a mut (dyn FnMut(&Reply) -> std::result::Result<(), String> + Send)),
    /// Its body is passed on as it arrives.
    Passing(&'a mut dyn Passing),
}

/// What takes a whole answer by reading it into `answer`.
pub fn taking<'a, T: Send>(
    answer: &'a mut Option<T>,
    read: impl Fn(&Reply) -> std::result::Result<T, String> + Send + 'a,
) -> impl FnMut(&Reply) -> std::result::Result<(), String> + Send + 'a {
    move |reply| {
        *answer = Some(read(reply)?);
        Ok(())
    }
}

/// Built once per process; every request goes through it.
#[derive(Debug)]
pub struct Client {
    origins: Origins,
    tls: ClientConfig,
}

impl Client {
    pub fn new(config: &Config) -> Result<Self> {
        let tls = connect::tls(connect::roots(config.extra_roots.as_deref())?);
        Ok(Self {
            origins: Origins::default(),
            tls,
        })
    }

    /// Begins to connect to where a request will go, unless a connection waits there or was in use just now.
    pub fn connect_ahead(&self, to: &Url) {
        self.origins.connect(&self.tls, to);
    }

    /// Waits a while for the connections that are being made ahead.
    pub async fn connected(&self) {
        self.origins.connected().await;
    }

    /// Begins to connect for the changes of an invocation, unless it has been done.
    pub fn connect_for_changes(&self, fresh: &Fresh, to: &Url) {
        fresh.connect(&self.tls, to);
    }

    /// Sends until there is an answer that `read` can use, or no use in going on.
    ///
    /// `read` returns what is wrong with an answer it cannot use; such an answer counts as a failure of the service.
    pub async fn send<T: Send>(
        &self,
        request: &Outgoing,
        deadline: Deadline,
        trace: &Trace,
        read: impl Fn(&Reply) -> std::result::Result<T, String> + Send,
    ) -> std::result::Result<T, Failure> {
        let mut answer = None;
        let mut take = taking(&mut answer, read);
        let taken = &mut Take::Whole(&mut take);
        let fresh = Fresh::default();
        self.deliver(request, deadline, trace, &fresh, taken)
            .await?;
        drop(take);
        Ok(answer.expect("a delivered answer has been taken"))
    }

    /// The same, with an answer that `take` has taken: one loop for all kinds of answers, which would be a copy for each otherwise.
    /// A change goes over `fresh`.
    pub async fn deliver(
        &self,
        request: &Outgoing,
        deadline: Deadline,
        trace: &Trace,
        fresh: &Fresh,
        take: &mut Take<'_>,
    ) -> std::result::Result<(), Failure> {
        let mut tries = 0;
        loop {
            tries += 1;
            let started = Instant::now();
            let outcome = self.attempt(request, deadline, fresh, take).await;
            let reply = outcome.as_ref().ok();
            let request_id = reply.and_then(|reply| api::request_id(&reply.headers));
            tracing::debug!(
                service = request.service,
                method = %request.method,
                path = request.url.path(),
                status = reply.map(|reply| reply.status.as_u16()),
                upstreamRequestId = request_id,
                durationMs = started.elapsed().as_millis() as u64,
                "sent a request"
            );
            trace.add(request_id);
            if outcome.is_ok() && request.kind == Kind::Read {
                self.origins.answered(&request.url);
            }
            let setback = match outcome {
                Ok(reply) => match classify(request, reply, tries, take) {
                    Ok(done) => return done,
                    Err(setback) => setback,
                },
                Err(setback) => setback,
            };
            let is_throttled = setback.error.code() == Code::Throttled;
            if is_throttled {
                trace.throttled();
            }
            if request.kind == Kind::Change && setback.error.code() == Code::TooLarge {
                return Err(Failure::Failed(
                    setback
                        .error
                        .advise("The change was made; only its answer is too large."),
                ));
            }
            if request.kind == Kind::Change && !setback.unaccepted {
                return Err(Failure::Lost(setback.error));
            }
            if deadline.has_passed() {
                return Err(Failure::Failed(out_of_time(request)));
            }
            let wait = setback.wait.unwrap_or_default().max(retry::backoff(tries));
            let again = setback.repeat && (is_throttled || tries < request.tries);
            let patient = request.kind == Kind::Read || wait <= PATIENCE;
            if !again || !patient || !deadline.leaves_room_after(wait) {
                return Err(Failure::Failed(setback.into_error()));
            }
            if is_throttled {
                trace.waited(wait);
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(
        &self,
        request: &Outgoing,
        deadline: Deadline,
        fresh: &Fresh,
        take: &mut Take<'_>,
    ) -> std::result::Result<Reply, Setback> {
        let http = match request.kind {
            Kind::Read => self.origins.pool(&self.tls, &request.url),
            Kind::Change => fresh.pool(&self.tls, &request.url),
        };
        let broken = |error| Setback::transport(request, deadline, error);
        let time = match take {
            Take::Whole(_) => request.time(deadline),
            // It lasts as long as whoever it is passed on to takes.
            Take::Passing(_) => deadline.remaining(),
        };
        let sending = http
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .body(request.body.clone())
            .timeout(time);
        let mut response = sending.send().await.map_err(broken)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        if let Take::Passing(passing) = take
            && is_usable(status, &headers)
        {
            let body = Incoming::of(response, request, deadline, status, &headers);
            passing.pass(body).await?;
            return Ok(Reply {
                status,
                headers,
                body: Vec::new(),
            });
        }
        let room = if status.is_success() {
            request.room
        } else {
            ERROR_ROOM
        };
        let announced = response.content_length().unwrap_or_default() as usize;
        if status.is_success() && announced > room.bytes {
            return Err(Setback::too_large(request));
        }
        let (mut body, mut cost) = (Vec::with_capacity(announced.min(room.bytes)), 0);
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            cost += room.cost(&chunk);
            if cost > room.bytes && !status.is_success() {
                break;
            }
            if cost > room.bytes {
                return Err(Setback::too_large(request));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status,
            headers,
            body,
        })
    }
}

/// A client for what is on this machine and without TLS, as Lambda's Runtime API; whatever proxy is set, that is not asked.
pub fn plain() -> reqwest::Client {
    connect::client_without_proxy(&connect::tls(RootCertStore::empty()), 1)
}

/// Tells Lambda why the function cannot start. What happens to that message is no longer our business.
pub async fn report_init_error(error: &Error) {
    let Ok(runtime) = std::env::var("AWS_LAMBDA_RUNTIME_API") else {
        return;
    };
    let name = error.code().name();
    let body =
        serde_json::json!({ "errorType": name, "errorMessage": error.to_json(), "stackTrace": [] });
    let report = plain()
        .post(format!("http://{runtime}/2018-06-01/runtime/init/error"))
        .header("lambda-runtime-function-error-type", name)
        .body(body.to_string());
    if let Err(error) = report.send().await {
        tracing::error!("the init error could not be reported: {error}");
    }
}
