//! The execution environment: hands events to the process one at a time, and decides what came of each.

use std::collections::VecDeque;
use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::event::event_response;
use super::process::{Event, Process};
use super::server::{Call, Kind, accepted, refused};
use super::{Builder, Job, Outcome, Watched};

/// How long a process may take to ask for its first event: Lambda's own limit for the init phase.
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// What is waited after the deadline before the process is killed, for a clock read a little late on a busy machine.
const GRACE: Duration = Duration::from_millis(200);
/// How long a process that has reported an init error may take to exit.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(super) struct Environment {
    function: Builder,
    watched: Arc<Watched>,
    process: Option<Process>,
    queue: VecDeque<Job>,
    current: Option<Current>,
    /// When to kill the process, unless what is waited for happens before.
    limit: Option<Instant>,
    /// What the process reported before it exits.
    init_error: Option<Outcome>,
    /// A start that failed while nobody asked: the next invocation is told.
    failed_start: Option<Outcome>,
}

/// The invocation that is being served.
struct Current {
    job: Job,
    id: String,
    handed_over: bool,
}

impl Environment {
    pub fn start(function: Builder, watched: Arc<Watched>) -> io::Result<Self> {
        let process = Some(Process::start(&function, &watched)?);
        let (queue, current, limit) = (VecDeque::new(), None, None);
        Ok(Self {
            function,
            watched,
            process,
            queue,
            current,
            limit,
            init_error: None,
            failed_start: None,
        })
    }

    /// Serves jobs until the sender is gone, then ends the process.
    pub async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        loop {
            let limit = self.limit;
            tokio::select! {
                job = jobs.recv() => match job {
                    Some(job) => self.queue.push_back(job),
                    None => break,
                },
                event = event(&mut self.process) => match event {
                    Event::Call(call) => self.call(call),
                    Event::Exited(status) => self.exited(status).await,
                },
                () = wait_until(limit) => self.out_of_time().await,
            }
            self.go_on();
        }
        self.end_process().await;
    }

    /// Takes the next job if there is none, starts the process if there is none, and hands over the event if it waits.
    fn go_on(&mut self) {
        while self.current.is_none() {
            let Some(job) = self.queue.pop_front() else {
                return;
            };
            if let Some(outcome) = self.failed_start.take() {
                let _ = job.reply.send(outcome);
                continue;
            }
            let id = job
                .invocation
                .request_id
                .clone()
                .unwrap_or_else(|| Uuid::new_v4().to_string());
            self.current = Some(Current {
                job,
                id,
                handed_over: false,
            });
            self.limit = self.limit.or(Some(Instant::now() + INIT_LIMIT));
        }
        if self.process.is_none() {
            match Process::start(&self.function, &self.watched) {
                Ok(process) => self.process = Some(process),
                Err(error) => {
                    let error_type = "Runtime.InvalidEntrypoint".to_owned();
                    return self.settle(Outcome::InitError {
                        error_type,
                        message: error.to_string(),
                    });
                }
            }
        }
        let (Some(process), Some(current)) = (&mut self.process, &mut self.current) else {
            return;
        };
        if !current.handed_over
            && process.runs()
            && let Some(waiting) = process.waiting.take()
        {
            let timeout = current
                .job
                .invocation
                .timeout
                .unwrap_or(self.function.timeout);
            let event = event_response(
                &current.job.invocation,
                &current.id,
                timeout,
                &self.function,
            );
            // A connection that is gone means that the process is going: its end starts another.
            current.handed_over = waiting.send(event).is_ok();
            self.limit = Some(Instant::now() + timeout + GRACE);
        }
    }

    /// Answers one request of the process.
    fn call(&mut self, call: Call) {
        let Some(process) = &mut self.process else {
            return;
        };
        let handed_over = self
            .current
            .as_ref()
            .is_some_and(|current| current.handed_over);
        let answer = match call.kind {
            Kind::Next if handed_over => refused(
                StatusCode::FORBIDDEN,
                "InvalidStateTransition",
                "the event before this one is not answered",
            ),
            Kind::Next => {
                process.ready = true;
                process.waiting = Some(call.reply);
                return;
            }
            Kind::Done { id, outcome } => match &self.current {
                Some(current) if handed_over && current.id == id => {
                    let answer = if matches!(outcome, Outcome::TooLarge) {
                        let message = format!(
                            "Exceeded maximum allowed payload size ({} bytes).",
                            super::REPLY_LIMIT
                        );
                        refused(
                            StatusCode::PAYLOAD_TOO_LARGE,
                            "RequestEntityTooLarge",
                            &message,
                        )
                    } else {
                        accepted()
                    };
                    self.settle(outcome);
                    answer
                }
                _ => refused(
                    StatusCode::BAD_REQUEST,
                    "InvalidRequestID",
                    "Invalid request ID",
                ),
            },
            Kind::InitError { .. } if process.ready => refused(
                StatusCode::FORBIDDEN,
                "InvalidStateTransition",
                "the process has started already",
            ),
            Kind::InitError {
                error_type,
                message,
            } => {
                self.init_error = Some(Outcome::InitError {
                    error_type,
                    message,
                });
                self.limit = Some(Instant::now() + LAST_WORDS);
                accepted()
            }
        };
        let _ = call.reply.send(answer);
    }

    /// The process is gone. An event that it never saw is for its successor, unless it never came to serve at all.
    async fn exited(&mut self, status: ExitStatus) {
        let ready = self.end_process().await;
        let outcome = self.init_error.take().unwrap_or_else(|| {
            let logs = self.watched.logs();
            Outcome::Exited { status, logs }
        });
        match &self.current {
            Some(current) if ready && !current.handed_over => {
                self.limit = Some(Instant::now() + INIT_LIMIT)
            }
            Some(_) => self.settle(outcome),
            None if ready => {}
            None => {
                self.failed_start = Some(outcome);
                self.limit = None;
            }
        }
    }

    async fn out_of_time(&mut self) {
        self.end_process().await;
        let outcome = self.init_error.take().unwrap_or(Outcome::TimedOut);
        match self.current {
            Some(_) => self.settle(outcome),
            None => {
                self.failed_start = Some(outcome);
                self.limit = None;
            }
        }
    }

    /// Ends the process; says whether it had asked for an event.
    async fn end_process(&mut self) -> bool {
        let Some(process) = self.process.take() else {
            return false;
        };
        let ready = process.ready;
        process.end().await;
        ready
    }

    fn settle(&mut self, outcome: Outcome) {
        self.limit = None;
        if let Some(process) = &mut self.process {
            process.read_output();
        }
        if let Some(current) = self.current.take() {
            // Nobody waits any more if the caller dropped its future.
            let _ = current.job.reply.send(outcome);
        }
    }
}

async fn event(process: &mut Option<Process>) -> Event {
    match process {
        Some(process) => process.event().await,
        None => std::future::pending().await,
    }
}

async fn wait_until(limit: Option<Instant>) {
    match limit {
        Some(limit) => sleep_until(limit).await,
        None => std::future::pending().await,
    }
}
