//! The HTTP client: the only file that sends. TLS, deadlines, repeats, and how much of an answer may be read.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use http::{HeaderMap, Method, StatusCode, header::CONTENT_ENCODING};
use reqwest::{Url, redirect::Policy};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{
    api::{self, ApiError},
    config::Config,
    error::{Code, Error, Result, Upstream},
    retry::{self, TRIES},
    telemetry::Trace,
    time::Deadline,
};

/// The longest that one try may take. Hunting queries may run for 200 s.
const TRY: Duration = Duration::from_secs(210);

/// The longest wait for a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(5);

/// How much of an error's body is read.
const ERROR_BODY: usize = 64 * 1024;

/// Whether a request may be sent again when nobody knows what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It changes nothing: ask as often as it takes.
    Read,
    /// It changes something: send it again only if it provably was not accepted.
    Change,
}

/// A request, ready to be sent any number of times.
#[derive(Debug)]
pub struct Outgoing {
    /// The name of the service in logs and problem documents.
    pub service: &'static str,
    pub kind: Kind,
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub room: Room,
}

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Why there is no answer to use.
#[derive(Debug)]
pub enum Failure {
    /// The service answered with a 3xx or a 4xx that means something to whoever asked.
    Refused(Reply),
    /// A change was sent, and what became of it is not known.
    Lost(Error),
    Failed(Error),
}

/// How many bytes of an answer can still be returned, counted as the trigger carries them.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub bytes: usize,
    /// Whether the answer travels inside a JSON string, where quotes and backslashes take two bytes.
    pub escaped: bool,
}

impl Room {
    /// What `chunk` takes up.
    pub fn cost(self, chunk: &[u8]) -> usize {
        let escapes = |byte: &u8| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
            0..0x20 => 5,
            _ => 0,
        };
        chunk.len()
            + if self.escaped {
                chunk.iter().map(escapes).sum()
            } else {
                0
            }
    }

    /// The error of an answer that takes more.
    pub fn exceeded(self) -> Error {
        Error::new(
            Code::TooLarge,
            "The answer is larger than this trigger can carry (6 MB from a function, 1 MB through a load balancer; quotes and \
             backslashes count twice over HTTP). Ask for less: fewer columns or rows, a smaller `top`, or a shorter time.",
        )
    }
}

/// Built once per process; every request goes through it.
#[derive(Debug)]
pub struct Client {
    pooled: reqwest::Client,
    /// For changes: a connection of its own each, because one that slept in the pool may be dead, and a change that was
    /// written to a dead connection is a change whose outcome nobody knows.
    fresh: OnceLock<reqwest::Client>,
    tls: ClientConfig,
}

impl Client {
    pub fn new(config: &Config) -> Result<Self> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        if let Some(file) = &config.extra_roots {
            let unreadable = |error: &dyn std::fmt::Display| {
                Error::new(
                    Code::Misconfigured,
                    format!("SSL_CERT_FILE cannot be used as a PEM file of certificates: {error}."),
                )
            };
            let certificates =
                CertificateDer::pem_file_iter(file).map_err(|error| unreadable(&error))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| unreadable(&error))?;
                roots.add(certificate).map_err(|error| unreadable(&error))?;
            }
        }
        let tls = tls_config(roots);
        Ok(Self {
            pooled: build(&tls, usize::MAX),
            fresh: OnceLock::new(),
            tls,
        })
    }

    /// Sends until there is an answer that `read` can use, or no use in going on.
    ///
    /// `read` returns what is wrong with an answer it cannot use; such an answer counts as a failure of the service.
    pub async fn send<T>(
        &self,
        request: &Outgoing,
        deadline: Deadline,
        trace: &Trace,
        read: impl Fn(&Reply) -> std::result::Result<T, String>,
    ) -> std::result::Result<T, Failure> {
        let mut tries = 0;
        loop {
            tries += 1;
            let started = Instant::now();
            let outcome = self.attempt(request, deadline).await;
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
            let setback = match outcome {
                Ok(reply) => match classify(request, reply, tries, &read) {
                    Ok(done) => return done,
                    Err(setback) => setback,
                },
                Err(setback) => setback,
            };
            if request.kind == Kind::Change && !setback.unaccepted {
                return Err(Failure::Lost(setback.error));
            }
            let wait = setback.wait.unwrap_or_default().max(retry::backoff(tries));
            let again =
                setback.repeat && (setback.error.code() == Code::Throttled || tries < TRIES);
            if deadline.has_passed() {
                return Err(Failure::Failed(out_of_time(request)));
            }
            if !again || !deadline.leaves_room_after(wait) {
                let error = setback.error;
                return Err(Failure::Failed(if setback.wait.is_some() {
                    error.after(wait)
                } else {
                    error
                }));
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(
        &self,
        request: &Outgoing,
        deadline: Deadline,
    ) -> std::result::Result<Reply, Setback> {
        let http = match request.kind {
            Kind::Read => &self.pooled,
            Kind::Change => self.fresh.get_or_init(|| build(&self.tls, 0)),
        };
        let sending = http
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .body(request.body.clone())
            .timeout(deadline.remaining().min(TRY));
        let mut response = sending
            .send()
            .await
            .map_err(|error| Setback::transport(request, deadline, error))?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let room = match status.is_success() {
            true => request.room,
            false => Room {
                bytes: ERROR_BODY,
                escaped: false,
            },
        };
        let (mut body, mut cost) = (Vec::new(), 0);
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| Setback::transport(request, deadline, error))?
        {
            cost += room.cost(&chunk);
            if cost > room.bytes {
                if !status.is_success() {
                    break;
                }
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

/// Tells Lambda why the function cannot start. What happens to that message is no longer our business.
pub async fn report_init_error(error: &Error) {
    let Ok(runtime) = std::env::var("AWS_LAMBDA_RUNTIME_API") else {
        return;
    };
    let name = error.code().name();
    let body =
        serde_json::json!({ "errorType": name, "errorMessage": error.to_json(), "stackTrace": [] });
    let report = build(&tls_config(RootCertStore::empty()), 0)
        .post(format!("http://{runtime}/2018-06-01/runtime/init/error"))
        .header("lambda-runtime-function-error-type", name)
        .body(body.to_string());
    if let Err(error) = report.send().await {
        tracing::error!("the init error could not be reported: {error}");
    }
}

fn tls_config(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn build(tls: &ClientConfig, idle: usize) -> reqwest::Client {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .user_agent(concat!(
            env!("CARGO_PKG_NAME"),
            "/",
            env!("CARGO_PKG_VERSION")
        ))
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(idle)
        .build()
        .expect("the options and the TLS configuration are fixed and valid")
}

/// A try that brought no usable answer.
#[derive(Debug)]
struct Setback {
    error: Error,
    /// Whether asking again may help.
    repeat: bool,
    /// How long the service told us to wait.
    wait: Option<Duration>,
    /// Whether the service provably did not act on it.
    unaccepted: bool,
}

impl Setback {
    fn unavailable(request: &Outgoing, what: &str, upstream: Upstream) -> Self {
        let detail = format!("{} {what}. Asking again later may help.", host(request));
        let error = Error::new(Code::UpstreamUnavailable, detail).from_upstream(upstream);
        Self {
            error,
            repeat: true,
            wait: None,
            unaccepted: false,
        }
    }

    fn too_large(request: &Outgoing) -> Self {
        let upstream = Upstream {
            service: request.service,
            ..Upstream::default()
        };
        let error = request.room.exceeded().from_upstream(upstream);
        Self {
            error,
            repeat: false,
            wait: None,
            unaccepted: false,
        }
    }

    fn transport(request: &Outgoing, deadline: Deadline, error: reqwest::Error) -> Self {
        let upstream = Upstream {
            service: request.service,
            ..Upstream::default()
        };
        if untrusted(&error) {
            let what = "presented a TLS certificate that is not trusted. If a proxy of your own inspects TLS, name its root in \
                        SSL_CERT_FILE";
            let setback = Self::unavailable(request, what, upstream);
            return Self {
                repeat: false,
                unaccepted: true,
                ..setback
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

/// Sorts an answer: used, handed to whoever asked, or a setback.
fn classify<T>(
    request: &Outgoing,
    reply: Reply,
    tries: u32,
    read: &impl Fn(&Reply) -> std::result::Result<T, String>,
) -> std::result::Result<std::result::Result<T, Failure>, Setback> {
    let status = reply.status.as_u16();
    let explained = || ApiError::read(&reply.body);
    let upstream = || explained().upstream(request.service, status, &reply.headers);
    if reply
        .headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| encoding != "identity")
    {
        return Err(Setback::unavailable(
            request,
            "sent a compressed answer, which was not asked for",
            upstream(),
        ));
    }
    match status {
        // 206 is Graph's word for an answer in which a provider's part is missing.
        200..=299 if status != 206 => match read(&reply) {
            Ok(answer) => Ok(Ok(answer)),
            Err(wrong) => Err(Setback::unavailable(
                request,
                &format!("sent an answer that {wrong}"),
                upstream(),
            )),
        },
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
        206 | 408 | 500..=599 => {
            let setback = Setback::unavailable(request, &format!("answered {status}"), upstream());
            let wait = retry::retry_after(&reply.headers, crate::time::Timestamp::now());
            Err(Setback { wait, ..setback })
        }
        _ => Ok(Err(Failure::Refused(reply))),
    }
}

fn host(request: &Outgoing) -> &str {
    request.url.host_str().unwrap_or(request.service)
}

fn out_of_time(request: &Outgoing) -> Error {
    let detail = format!(
        "The function's time ran out while {} was being asked. Give the function more time, or ask for less.",
        host(request)
    );
    Error::new(Code::DeadlineExceeded, detail).from_upstream(Upstream {
        service: request.service,
        ..Upstream::default()
    })
}

/// Whether a certificate was found wanting, anywhere down the chain of causes.
fn untrusted(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
        return true;
    }
    // An I/O error keeps its cause inside itself and names only the cause's cause as its source.
    let within = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    within.is_some_and(|inner| untrusted(inner)) || error.source().is_some_and(untrusted)
}
