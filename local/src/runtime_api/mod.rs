//! The Lambda Runtime API on loopback, and the process that serves it: one [`Function`], started, invoked, timed out
//! and started again as Lambda does.
//!
//! What Lambda has and this has not: processes are not frozen between invocations, memory is not limited, one
//! environment serves everything (in order, unless it was given [more at once](Builder::concurrency)), and there is
//! neither an Extensions API nor SnapStart. Unix only.

mod builder;
mod environment;
mod event;
mod logs;
mod outcome;
mod process;
mod server;
mod streaming;

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

pub use builder::Builder;
use logs::Logs;
pub use outcome::Outcome;
pub use streaming::Streaming;

/// The largest event of a synchronous invocation, in bytes.
pub const EVENT_LIMIT: usize = 6 * 1024 * 1024;
/// The largest buffered reply, in bytes: 6 MiB and what Lambda wraps around it.
pub const REPLY_LIMIT: usize = 6_291_556;

/// One function: a Runtime API of its own and the process that serves it, both on a thread of their own, so that it
/// may be used under any async runtime. Dropping it kills the process.
pub struct Function {
    jobs: Option<mpsc::UnboundedSender<Job>>,
    watched: Arc<Watched>,
    thread: Option<JoinHandle<()>>,
}

/// One call of a function. All but `payload` may be left to their defaults.
#[derive(Debug, Clone, Default)]
pub struct Invocation {
    /// The event, at most [`EVENT_LIMIT`] bytes.
    pub payload: Bytes,
    /// The time until the deadline; the function's own timeout if not given.
    pub timeout: Option<Duration>,
    /// The request id, a UUID; a random one if not given.
    pub request_id: Option<String>,
    /// The X-Ray header (`Root=...;Parent=...;Sampled=0`); a fresh one if not given.
    pub trace_id: Option<String>,
    /// JSON of a mobile SDK's client context.
    pub client_context: Option<String>,
    /// JSON of the Cognito identity that calls.
    pub cognito_identity: Option<String>,
    /// The tenant of a function with tenant isolation.
    pub tenant_id: Option<String>,
}

/// An invocation on its way, and where its outcome goes.
struct Job {
    invocation: Invocation,
    reply: oneshot::Sender<Report>,
    /// Where the pieces of a streamed reply go.
    pieces: Option<mpsc::Sender<Bytes>>,
}

/// What came of an invocation, and what was written meanwhile.
#[derive(Debug, Clone)]
pub struct Report {
    pub outcome: Outcome,
    /// What the process wrote to stdout and stderr since the invocation before, its start included where it was started
    /// for this one. Of a function with [more at once](Builder::concurrency), some may be about others.
    pub log: String,
}

/// What can be seen of the process from outside its thread.
#[derive(Default)]
struct Watched {
    pid: Mutex<u32>,
    starts: Mutex<usize>,
    logs: Mutex<Logs>,
    /// Where the pieces of streamed replies go, by request id.
    streams: Mutex<HashMap<String, mpsc::Sender<Bytes>>>,
}

impl Function {
    /// A function to be run from the executable `bootstrap` with `_HANDLER` set to `handler`.
    pub fn builder(bootstrap: impl Into<std::path::PathBuf>, handler: &str) -> Builder {
        Builder::new(bootstrap.into(), handler)
    }

    /// Invokes the function and waits for what comes of it. Events are handed over in order, one at a time unless the
    /// function was built with [more at once](Builder::concurrency).
    pub async fn invoke(&self, payload: impl AsRef<[u8]>) -> Outcome {
        let payload = Bytes::copy_from_slice(payload.as_ref());
        self.invoke_with(Invocation {
            payload,
            ..Invocation::default()
        })
        .await
    }

    /// [`invoke`](Self::invoke), with a say in what surrounds the payload.
    pub async fn invoke_with(&self, invocation: Invocation) -> Outcome {
        self.report(invocation).await.outcome
    }

    /// [`invoke_with`](Self::invoke_with), with what was written meanwhile, as `Invoke` gives it for `LogType=Tail`.
    pub async fn report(&self, invocation: Invocation) -> Report {
        if invocation.payload.len() > EVENT_LIMIT {
            return Report {
                outcome: Outcome::event_too_large(invocation.payload.len()),
                log: String::new(),
            };
        }
        let (reply, report) = oneshot::channel();
        if let Some(jobs) = &self.jobs {
            // A send fails only if the thread is gone, and so does the wait that follows.
            let _ = jobs.send(Job {
                invocation,
                reply,
                pieces: None,
            });
        }
        report
            .await
            .expect("the function's thread lives until the function is dropped")
    }

    /// [`invoke`](Self::invoke), with a streamed reply handed out piece by piece while it is made.
    pub fn stream(&self, payload: impl AsRef<[u8]>) -> Streaming {
        let invocation = Invocation {
            payload: Bytes::copy_from_slice(payload.as_ref()),
            ..Invocation::default()
        };
        let (reply, report) = oneshot::channel();
        let (pieces, received) = mpsc::channel(1);
        if let Some(jobs) = &self.jobs {
            let pieces = Some(pieces);
            let _ = jobs.send(Job {
                invocation,
                reply,
                pieces,
            });
        }
        Streaming::new(received, report)
    }

    /// What the process has written to stdout and stderr (the last 8 to 16 MiB of it), restarts included: complete up to
    /// the latest outcome.
    pub fn logs(&self) -> String {
        self.watched.logs()
    }

    /// The id of the process that serves now, or served last.
    pub fn pid(&self) -> u32 {
        *lock(&self.watched.pid)
    }

    /// The most memory that the process has held at once, in KiB; 0 when it is gone, or where there is no `/proc`.
    pub fn peak_memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak.and_then(|kib| kib.split_whitespace().next()?.parse().ok())
            .unwrap_or(0)
    }

    /// How often the process was started: once, and again after each time that it exited or was killed.
    pub fn starts(&self) -> usize {
        *lock(&self.watched.starts)
    }
}

impl Watched {
    fn logs(&self) -> String {
        String::from_utf8_lossy(&lock(&self.logs).bytes).into_owned()
    }

    /// The outcome, with all that was written since the last report.
    fn report(&self, outcome: Outcome) -> Report {
        let log = lock(&self.logs).since_report();
        Report { outcome, log }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // Without a sender the thread's loop ends, and it kills the process on its way out.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The value behind a lock, also after a panic elsewhere: it is a plain value, never half written.
fn lock<T>(value: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    value
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
