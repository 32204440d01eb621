//! The functions behind the gateway: one process per operation, from one `bootstrap`.

use std::collections::HashMap;
use std::fmt::Arguments;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::runtime_api::Function;

/// How functions are started, and those that were.
pub struct Functions {
    bootstrap: PathBuf,
    variables: Vec<(String, String)>,
    timeout: Duration,
    notes: bool,
    logs: bool,
    started: Mutex<HashMap<String, Arc<Function>>>,
}

impl Functions {
    /// Functions run from `bootstrap`, with these variables added to those of Lambda, and 29 seconds to answer: what
    /// an HTTP API waits for.
    pub fn new(
        bootstrap: impl Into<PathBuf>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self {
            bootstrap: bootstrap.into(),
            variables: variables.into_iter().collect(),
            timeout: Duration::from_secs(29),
            notes: false,
            logs: false,
            started: Mutex::default(),
        }
    }

    /// Another timeout for every function.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Writes a line per request to stderr, and why a function failed.
    pub fn notes(mut self, notes: bool) -> Self {
        self.notes = notes;
        self
    }

    /// Writes the functions' own output to stderr.
    pub fn logs(mut self, logs: bool) -> Self {
        self.logs = logs;
        self
    }

    /// Whether they answer with streams, as those behind function URLs may.
    pub(super) fn stream(&self) -> bool {
        let on = |(name, value): &(String, String)| name == "RESPONSE_STREAMING" && value == "on";
        self.variables.iter().any(on)
    }

    /// The function of this operation, started if it is the first request for it.
    pub(super) fn get(&self, operation: &str) -> io::Result<Arc<Function>> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(function) = started.get(operation) {
            return Ok(Arc::clone(function));
        }
        let function = Function::builder(&self.bootstrap, operation)
            .envs(self.variables.iter().cloned())
            .timeout(self.timeout)
            .echo_logs(self.logs)
            .start()?;
        let function = Arc::new(function);
        started.insert(operation.to_owned(), Arc::clone(&function));
        Ok(function)
    }

    pub(super) fn note(&self, line: Arguments) {
        if self.notes {
            let _ = writeln!(io::stderr(), "{line}");
        }
    }
}
