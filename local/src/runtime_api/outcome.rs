//! What comes of an invocation, and how Lambda would report it.

use std::process::ExitStatus;

use bytes::Bytes;
use serde_json::Value;

use super::{EVENT_LIMIT, REPLY_LIMIT};

/// What came of one invocation.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The exact body of the reply. A streamed reply is its prelude, eight NUL bytes and its body, as a plain Invoke
    /// shows it.
    Answer(Bytes),
    /// The function reported an error; `raw` is the exact body of the report.
    Error {
        error_type: String,
        message: String,
        raw: Bytes,
    },
    /// The process reported that it cannot start.
    InitError { error_type: String, message: String },
    /// The process ended without an answer. `logs` is all that was written so far.
    Exited { status: ExitStatus, logs: String },
    /// The deadline passed. Where events come one at a time, the process was killed and is started again for the next.
    TimedOut,
    /// The reply was longer than [`REPLY_LIMIT`] and was refused; the process lives on.
    TooLarge,
}

impl Outcome {
    /// The answer as JSON.
    ///
    /// # Panics
    /// If there is no answer, or it is not JSON, saying what there is instead.
    #[track_caller]
    pub fn json(&self) -> Value {
        let Self::Answer(body) = self else {
            panic!("expected an answer, got {self:?}")
        };
        serde_json::from_slice(body)
            .unwrap_or_else(|error| panic!("{error} in the answer {body:?}"))
    }

    /// The problem that an error carries: its message, read as JSON.
    ///
    /// # Panics
    /// If there is no error, or its message is not JSON, saying what there is instead.
    #[track_caller]
    pub fn problem(&self) -> Value {
        let Some((_, message)) = self.error() else {
            panic!("expected an error, got {self:?}")
        };
        serde_json::from_str(&message)
            .unwrap_or_else(|error| panic!("{error} in the message {message:?}"))
    }

    /// `errorType` and `errorMessage` as Lambda reports them to the caller; none if there is an answer.
    pub fn error(&self) -> Option<(String, String)> {
        let (error_type, message) = match self {
            Self::Answer(_) => return None,
            Self::Error {
                error_type,
                message,
                ..
            }
            | Self::InitError {
                error_type,
                message,
            } => {
                return Some((error_type.clone(), message.clone()));
            }
            Self::Exited { status, .. } => (
                "Runtime.ExitError",
                format!("Error: Runtime exited without providing a reason ({status})"),
            ),
            Self::TimedOut => ("Sandbox.Timedout", "Error: Task timed out".to_owned()),
            Self::TooLarge => (
                "Function.ResponseSizeTooLarge",
                format!(
                    "Response payload size exceeded maximum allowed payload size ({REPLY_LIMIT} bytes)."
                ),
            ),
        };
        Some((error_type.to_owned(), message))
    }

    /// What the process reported in `body`, by the names of Lambda's error object, with the type that its header
    /// gave where the body has none.
    pub(super) fn reported(header: Option<&str>, body: Bytes) -> Self {
        let object: Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = |name: &str| object[name].as_str().map(str::to_owned);
        let error_type = text("errorType").or_else(|| header.map(str::to_owned));
        Self::Error {
            error_type: error_type.unwrap_or_else(|| "Runtime.Unknown".to_owned()),
            message: text("errorMessage")
                .unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned()),
            raw: body,
        }
    }

    /// What Lambda says of an event that it does not take.
    pub(super) fn event_too_large(bytes: usize) -> Self {
        let message = format!(
            "{bytes} byte payload is too large for the RequestResponse invocation type (limit {EVENT_LIMIT} bytes)"
        );
        Self::Error {
            error_type: "RequestEntityTooLargeException".to_owned(),
            message,
            raw: Bytes::new(),
        }
    }
}
