//! The Lambda Runtime API for one process at a time, and the clock: when it first asked, and how long each answer took.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::Notify;

use crate::failure::Failure;
use crate::loopback::Loopback;
use crate::own_thread;

/// The time that an event says it has.
const TIMEOUT: Duration = Duration::from_secs(300);
const VERSION: &str = "/2018-06-01/runtime/";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// What came of an event.
#[derive(Debug, Default)]
pub struct Done {
    /// From the event handed out to the last byte of the answer.
    pub took: Duration,
    /// The bytes of the answer.
    pub length: usize,
    /// The answer, where it is kept: otherwise empty.
    pub body: Vec<u8>,
    /// What was reported instead of an answer.
    pub error: Option<String>,
}

/// The Runtime API, at a port on loopback.
pub struct RuntimeApi {
    pub port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// The process that is served now.
    session: Mutex<Arc<Session>>,
}

/// One process.
#[derive(Default)]
pub struct Session {
    state: Mutex<State>,
    /// Somebody asks, or has answered.
    changed: Condvar,
    /// There are events.
    events: Notify,
}

#[derive(Default)]
struct State {
    first_asked: Option<Instant>,
    /// Requests for an event that wait for one.
    waiting: usize,
    handed_out: u64,
    events: VecDeque<Bytes>,
    under_way: HashMap<String, Instant>,
    done: Vec<Done>,
    keeps_bodies: bool,
    init_error: Option<String>,
}

impl RuntimeApi {
    /// Listens.
    pub fn start() -> io::Result<Self> {
        let loopback = Loopback::bind()?;
        let (port, shared) = (loopback.port, Arc::new(Shared::default()));
        let serving = Arc::clone(&shared);
        own_thread::spawn("runtime api", async move {
            let accepting = loopback.accept(move |stream| {
                let session = Arc::clone(&lock(&serving.session));
                let answer = service_fn(move |request| {
                    let session = Arc::clone(&session);
                    async move { Ok::<_, Infallible>(session.answer(request).await) }
                });
                let http = hyper::server::conn::http1::Builder::new();
                let connection = http.serve_connection(TokioIo::new(stream), answer);
                tokio::spawn(async move { drop(connection.await) });
            });
            accepting.expect("a port that is bound can be listened at");
            std::future::pending().await
        })?;
        Ok(Self { port, shared })
    }

    /// Serves the process that is started next. Answers are kept if told so.
    pub fn begin(&self, keeps_bodies: bool) -> Arc<Session> {
        let session = Arc::new(Session::default());
        lock(&session.state).keeps_bodies = keeps_bodies;
        *lock(&self.shared.session) = Arc::clone(&session);
        session
    }
}

impl Session {
    /// Hands these out, to whoever asks first.
    pub fn hand_out(&self, events: impl IntoIterator<Item = String>) {
        let mut state = lock(&self.state);
        state.events.extend(events.into_iter().map(Bytes::from));
        drop(state);
        self.events.notify_waiters();
    }

    /// Waits until the process asks for an event, has answered all it had and there is none for it. `is_gone` is asked now and then.
    ///
    /// Answers when it first asked, and what came of the events since the last time.
    pub fn wait(
        &self,
        limit: Duration,
        mut is_gone: impl FnMut() -> Option<String>,
    ) -> Result<(Instant, Vec<Done>), Failure> {
        let end = Instant::now() + limit;
        let mut state = lock(&self.state);
        loop {
            if let Some(error) = &state.init_error {
                return Err(Failure::new("it reported that it cannot start", error));
            }
            let is_idle = state.events.is_empty() && state.under_way.is_empty();
            // One that answers asks again at once; before it does, its work for the event is not over.
            if let Some(first) = state.first_asked
                && state.waiting > 0
                && is_idle
            {
                return Ok((first, std::mem::take(&mut state.done)));
            }
            if Instant::now() > end {
                return Err(format!("nothing came within {} s", limit.as_secs()).into());
            }
            if let Some(how) = is_gone() {
                return Err(how.into());
            }
            let waited = self.changed.wait_timeout(state, Duration::from_millis(100));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let route = path.strip_prefix(VERSION).unwrap_or_default();
        if request.method() == Method::GET && route == "invocation/next" {
            return self.next().await;
        }
        let keeps = lock(&self.state).keeps_bodies || !route.ends_with("/response");
        let is_post = request.method() == Method::POST;
        let (mut body, mut read, mut length) = (request.into_body(), Vec::new(), 0);
        let mut wrong = (!is_post).then(|| "it is no POST".to_owned());
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                wrong = Some("the answer broke off".to_owned());
                break;
            };
            if let Some(data) = frame.data_ref() {
                length += data.len();
                if keeps {
                    read.extend_from_slice(data);
                }
            }
            // A streamed answer may end as an error, told in its trailers.
            if let Some(kind) = frame.trailers_ref().and_then(|all| all.get(ERROR_TYPE)) {
                wrong = Some(format!("the answer ended as an error: {kind:?}"));
            }
        }
        let now = Instant::now();
        let mut state = lock(&self.state);
        if route == "init/error" {
            state.init_error = Some(String::from_utf8_lossy(&read).into_owned());
            self.changed.notify_one();
        } else if let Some((id, kind)) = route
            .strip_prefix("invocation/")
            .and_then(|rest| rest.split_once('/'))
            && let Some(begun) = state.under_way.remove(id)
        {
            let error = match kind {
                "response" => wrong,
                _ => Some(String::from_utf8_lossy(&read).into_owned()),
            };
            let took = now - begun;
            state.done.push(Done {
                took,
                length,
                body: read,
                error,
            });
        }
        drop(state);
        let mut response = Response::new(Full::from(r#"{"status":"OK"}"#));
        *response.status_mut() = StatusCode::ACCEPTED;
        response
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        let now = Instant::now();
        let mut has_waited = false;
        loop {
            // Made before the look, or an event that comes in between would wake nobody.
            let woken = self.events.notified();
            {
                let mut state = lock(&self.state);
                state.first_asked.get_or_insert(now);
                if let Some(event) = state.events.pop_front() {
                    state.waiting -= usize::from(has_waited);
                    return state.handed(event);
                }
                state.waiting += usize::from(!has_waited);
                has_waited = true;
                // Whoever waits for the end is not woken before it: that would disturb what is measured.
                if state.under_way.is_empty() {
                    self.changed.notify_one();
                }
            }
            woken.await;
        }
    }
}

impl State {
    fn handed(&mut self, event: Bytes) -> Response<Full<Bytes>> {
        self.handed_out += 1;
        let id = format!("8476a536-e9f4-11e8-9739-{:012x}", self.handed_out);
        let deadline = SystemTime::now() + TIMEOUT;
        let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
        let response = Response::builder()
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", &id)
            .header(
                "lambda-runtime-deadline-ms",
                deadline.as_millis().to_string(),
            )
            .header(
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:us-east-1:123456789012:function:bench",
            )
            .header(
                "lambda-runtime-trace-id",
                "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
            )
            .body(Full::new(event))
            .expect("the headers are ASCII");
        self.under_way.insert(id, Instant::now());
        response
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    /// What comes of an event that is answered by this method and this end.
    fn answered(method: &str, end: &str) -> io::Result<Done> {
        let runtime_api = RuntimeApi::start()?;
        let session = runtime_api.begin(false);
        session.hand_out(["{}".to_owned()]);
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, runtime_api.port))?;
        let path = "/2018-06-01/runtime/invocation";
        let request = format!("GET {path}/next HTTP/1.1\r\nhost: bench\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut head = [0; 1024];
        let read = stream.read(&mut head)?;
        let head = String::from_utf8_lossy(&head[..read]).into_owned();
        let (_, id) = head.split_once("request-id: ").unwrap_or_default();
        let id = id.lines().next().unwrap_or_default();
        let request = format!(
            "{method} {path}/{id}/response HTTP/1.1\r\nhost: bench\r\ntransfer-encoding: chunked\r\n\
             trailer: Lambda-Runtime-Function-Error-Type\r\n\r\n2\r\n[]\r\n0\r\n{end}\r\n\
             GET {path}/next HTTP/1.1\r\nhost: bench\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        let waited = session.wait(Duration::from_secs(10), || None);
        let (_, mut done) = waited.map_err(|failure| io::Error::other(failure.what))?;
        done.pop().ok_or_else(|| io::Error::other("nothing came"))
    }

    #[test]
    fn an_answer_is_counted() -> io::Result<()> {
        let done = answered("POST", "")?;
        assert_eq!((done.length, done.error), (2, None));
        Ok(())
    }

    #[test]
    fn a_stream_that_ends_as_an_error_is_no_answer() -> io::Result<()> {
        let end = "Lambda-Runtime-Function-Error-Type: Runtime.Broken\r\n";
        let error = answered("POST", end)?.error.unwrap_or_default();
        assert!(error.contains("Runtime.Broken"), "{error}");
        Ok(())
    }

    #[test]
    fn only_a_post_is_an_answer() -> io::Result<()> {
        assert!(answered("PUT", "")?.error.is_some());
        Ok(())
    }
}
