//! The execution environment: hands events to the process, no more at once than it may have, and decides what came of
//! each.

use std::collections::VecDeque;
use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::event::event_response;
use super::process::{Event, Process};
use super::server::{Answer, Call, Kind, accepted, refused};
use super::{Builder, Job, Outcome, Report, Watched, lock};

/// How long a process may take to ask for its first event: Lambda's own limit for the init phase.
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// What is waited after a deadline, for a clock read a little late on a busy machine.
const GRACE: Duration = Duration::from_millis(200);
/// How long a process that has reported an init error may take to exit.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(super) struct Environment {
    function: Builder,
    watched: Arc<Watched>,
    process: Option<Process>,
    queue: VecDeque<Job>,
    under_way: Vec<UnderWay>,
    /// When to kill a process that does not ask for the event that waits for it, or does not exit as it said.
    limit: Option<Instant>,
    /// What the process reported before it exits.
    init_error: Option<Outcome>,
    /// A start that failed while nobody asked: the next invocation is told.
    failed_start: Option<Outcome>,
}

/// An invocation whose event the process has.
struct UnderWay {
    id: String,
    deadline: Instant,
    /// None once the deadline has passed: the caller was told, and the process is busy with it still.
    reply: Option<oneshot::Sender<Report>>,
}

impl Environment {
    pub fn start(function: Builder, watched: Arc<Watched>) -> io::Result<Self> {
        let process = Some(Process::start(&function, &watched)?);
        let (queue, under_way, limit) = (VecDeque::new(), Vec::new(), None);
        Ok(Self {
            function,
            watched,
            process,
            queue,
            under_way,
            limit,
            init_error: None,
            failed_start: None,
        })
    }

    /// Serves jobs until the sender is gone, then ends the process.
    pub async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        loop {
            let deadlines = self.under_way.iter().filter(|one| one.reply.is_some());
            let limit = deadlines.map(|one| one.deadline).chain(self.limit).min();
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

    /// Starts the process if an event waits and there is none, and hands over what it asks for.
    fn go_on(&mut self) {
        while !self.queue.is_empty() {
            let failed = match (self.failed_start.take(), &self.process) {
                (None, Some(_)) => break,
                (Some(outcome), _) => outcome,
                (None, None) => match Process::start(&self.function, &self.watched) {
                    Ok(process) => {
                        self.process = Some(process);
                        break;
                    }
                    Err(error) => Outcome::InitError {
                        error_type: "Runtime.InvalidEntrypoint".to_owned(),
                        message: error.to_string(),
                    },
                },
            };
            self.settle(failed);
        }
        self.hand_over();
        let idle = self.under_way.iter().all(|one| one.reply.is_none());
        if idle && !self.queue.is_empty() {
            self.limit
                .get_or_insert_with(|| Instant::now() + INIT_LIMIT);
        }
    }

    fn hand_over(&mut self) {
        let Some(process) = &mut self.process else {
            return;
        };
        while let Some(job) = self.queue.front()
            && process.runs()
            && let Some(waiting) = process.waiting.pop_front()
        {
            let invocation = &job.invocation;
            let id = invocation.request_id.clone();
            let id = id.unwrap_or_else(|| Uuid::new_v4().to_string());
            let timeout = invocation.timeout.unwrap_or(self.function.timeout);
            let event = event_response(invocation, &id, timeout, &self.function);
            // A connection that is gone leaves the event to whoever asks next: the process, or its successor.
            if waiting.send(event).is_ok() {
                let job = self.queue.pop_front();
                let (reply, pieces) = job.map(|job| (job.reply, job.pieces)).unzip();
                if let Some(pieces) = pieces.flatten() {
                    lock(&self.watched.streams).insert(id.clone(), pieces);
                }
                self.under_way.push(UnderWay {
                    id,
                    deadline: Instant::now() + timeout + GRACE,
                    reply,
                });
                self.limit = None;
            }
        }
    }

    /// Answers one request of the process.
    fn call(&mut self, call: Call) {
        let Some(process) = &mut self.process else {
            return;
        };
        let answer = match call.kind {
            Kind::Next => {
                process.waiting.retain(|waiting| !waiting.is_closed());
                if self.under_way.len() + process.waiting.len() < self.function.concurrency {
                    process.ready = true;
                    process.waiting.push_back(call.reply);
                    return;
                }
                refused(
                    StatusCode::FORBIDDEN,
                    "InvalidStateTransition",
                    "the event before this one is not answered",
                )
            }
            Kind::Done { id, outcome } => self.done(&id, outcome),
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

    /// Passes on what came of the event with this id, unless its caller was told already that its time was up.
    fn done(&mut self, id: &str, outcome: Outcome) -> Answer {
        let place = self.under_way.iter().position(|one| one.id == id);
        let one = place.map(|place| self.under_way.swap_remove(place));
        lock(&self.watched.streams).remove(id);
        let Some(reply) = one.and_then(|one| one.reply) else {
            return refused(
                StatusCode::BAD_REQUEST,
                "InvalidRequestID",
                "Invalid request ID",
            );
        };
        let answer = match outcome {
            Outcome::TooLarge => refused(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                &format!(
                    "Exceeded maximum allowed payload size ({} bytes).",
                    super::REPLY_LIMIT
                ),
            ),
            _ => accepted(),
        };
        self.read_output();
        // Nobody waits any more if the caller dropped its future.
        let _ = reply.send(self.watched.report(outcome));
        answer
    }

    /// The process is gone. An event that it never saw is for its successor, unless it never came to serve at all.
    async fn exited(&mut self, status: ExitStatus) {
        let ready = self.end_process().await;
        let outcome = self.init_error.take().unwrap_or_else(|| {
            let logs = self.watched.logs();
            Outcome::Exited { status, logs }
        });
        if !ready || !self.under_way.is_empty() {
            self.settle(outcome);
        }
    }

    /// One event at a time: the process is killed. More: an event that is overdue is given up, and disturbs no other.
    async fn out_of_time(&mut self) {
        let now = Instant::now();
        if self.function.concurrency > 1 && self.limit.is_none_or(|limit| now < limit) {
            self.read_output();
            let overdue = |one: &&mut UnderWay| one.deadline <= now && one.reply.is_some();
            let overdue = self.under_way.iter_mut().filter(overdue);
            for one in overdue {
                lock(&self.watched.streams).remove(&one.id);
                let report = self.watched.report(Outcome::TimedOut);
                let _ = one.reply.take().map(|reply| reply.send(report));
            }
            return;
        }
        self.end_process().await;
        let outcome = self.init_error.take().unwrap_or(Outcome::TimedOut);
        self.settle(outcome);
    }

    /// Ends the process; says whether it had asked for an event.
    async fn end_process(&mut self) -> bool {
        self.limit = None;
        let Some(process) = self.process.take() else {
            return false;
        };
        let ready = process.ready;
        process.end().await;
        ready
    }

    /// There is no process: that is what came of all that it had to do, or else of what waits, or will, for one.
    fn settle(&mut self, outcome: Outcome) {
        if !self.under_way.is_empty() {
            lock(&self.watched.streams).clear();
            for reply in self.under_way.drain(..).filter_map(|one| one.reply) {
                let _ = reply.send(self.watched.report(outcome.clone()));
            }
        } else if let Some(job) = self.queue.pop_front() {
            let _ = job.reply.send(self.watched.report(outcome));
        } else {
            self.failed_start = Some(outcome);
        }
    }

    fn read_output(&mut self) {
        if let Some(process) = &mut self.process {
            process.read_output();
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
