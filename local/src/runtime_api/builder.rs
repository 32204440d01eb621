//! How a function is set up: the environment that Lambda would give it, and its start.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::environment::Environment;
use super::{Function, Watched};
use crate::own_thread;

/// A function that is not started yet.
#[derive(Debug, Clone)]
pub struct Builder {
    pub(super) bootstrap: PathBuf,
    pub(super) handler: String,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) timeout: Duration,
    pub(super) concurrency: usize,
    pub(super) echo_logs: bool,
}

impl Builder {
    pub(super) fn new(bootstrap: PathBuf, handler: &str) -> Self {
        let task_root = bootstrap
            .parent()
            .unwrap_or(&bootstrap)
            .display()
            .to_string();
        let log_group = format!("/aws/lambda/{handler}");
        let variables = [
            ("_HANDLER", handler),
            ("AWS_LAMBDA_FUNCTION_NAME", handler),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", &log_group),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "local"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("LAMBDA_TASK_ROOT", &task_root),
            ("TZ", ":UTC"),
        ];
        Self {
            handler: handler.to_owned(),
            variables: variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            timeout: Duration::from_secs(30),
            concurrency: 1,
            echo_logs: false,
            bootstrap,
        }
    }

    /// Adds a variable, or replaces one of Lambda's own. Nothing else is inherited from this process.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Adds many variables.
    pub fn envs<K: Into<String>, V: Into<String>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.variables.extend(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
        self
    }

    /// Takes a variable away, also one of Lambda's own.
    pub fn env_remove(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// The time from handing over an event to its deadline; 30 seconds if not given.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets one process have so many events at once, as Lambda Managed Instances do; one if not given, or 0.
    ///
    /// An event whose deadline passes is given up without harm to the others: the process goes on, and its late answer
    /// is refused. A process that ends fails all that it had. Unlike there, an event for which no place is free waits.
    pub fn concurrency(mut self, events: usize) -> Self {
        self.concurrency = events.max(1);
        self.env("AWS_LAMBDA_MAX_CONCURRENCY", events.max(1).to_string())
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances")
    }

    /// Also writes the function's output to this process's stderr as it comes.
    pub fn echo_logs(mut self, echo: bool) -> Self {
        self.echo_logs = echo;
        self
    }

    /// Starts the process. An error is that of binding a port or of executing `bootstrap`; a process that starts and
    /// then fails shows in the first invocation.
    pub fn start(self) -> io::Result<Function> {
        let watched = Arc::new(Watched::default());
        let (jobs, queue) = mpsc::unbounded_channel();
        let name = format!("function {}", self.handler);
        let seen = Arc::clone(&watched);
        let thread =
            own_thread::spawn(name, move || Ok(Environment::start(self, seen)?.run(queue)))?;
        Ok(Function {
            jobs: Some(jobs),
            watched,
            thread: Some(thread),
        })
    }
}
