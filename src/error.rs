//! The one error of the product: a code that says what the caller can do, and the problem document that carries it.

use std::{fmt, time::Duration};

use lambda_runtime::Diagnostic;
use schemars::JsonSchema;
use serde::Serialize;

pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, named by what the caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub enum Code {
    /// The input is wrong; nothing was sent upstream.
    InvalidInput,
    /// `tenantId` is neither the default tenant nor an allowed one.
    TenantNotAllowed,
    /// The app lacks a permission, or its admin consent is missing.
    PermissionMissing,
    /// Entra refused our credential; never retried.
    CredentialRejected,
    NotFound,
    /// The opposite action is in progress, or the state moved.
    Conflict,
    /// What was asked for is still being made: ask again later.
    NotReady,
    /// A guard of this function forbids it.
    Refused,
    /// A quota is used up, and the wait did not fit in the time left.
    Throttled,
    /// The answer cannot be returned this way.
    TooLarge,
    /// Any other 4xx from Microsoft.
    UpstreamRejected,
    /// 5xx, broken connections and unreadable answers, after the retries.
    UpstreamUnavailable,
    /// Our time ran out first.
    DeadlineExceeded,
    /// A change was sent, its answer was lost, and a look did not settle whether it happened.
    OutcomeUnknown,
    /// The function's environment is wrong.
    Misconfigured,
    /// A defect of ours, panics included.
    Internal,
}

impl Code {
    /// Every code, in the order of their declaration.
    pub const ALL: [Self; 16] = [
        Code::InvalidInput,
        Code::TenantNotAllowed,
        Code::PermissionMissing,
        Code::CredentialRejected,
        Code::NotFound,
        Code::Conflict,
        Code::NotReady,
        Code::Refused,
        Code::Throttled,
        Code::TooLarge,
        Code::UpstreamRejected,
        Code::UpstreamUnavailable,
        Code::DeadlineExceeded,
        Code::OutcomeUnknown,
        Code::Misconfigured,
        Code::Internal,
    ];

    /// The `errorType` of a direct invocation and the `code` of a problem document.
    pub fn name(self) -> &'static str {
        self.facts().0
    }

    /// The HTTP status that an HTTP trigger answers with.
    pub fn status(self) -> u16 {
        self.facts().1
    }

    fn title(self) -> &'static str {
        self.facts().2
    }

    /// Whether it says something about the item that was asked for, and nothing about the others.
    pub fn is_about_one_item(self) -> bool {
        matches!(
            self,
            Code::UpstreamUnavailable | Code::UpstreamRejected | Code::NotFound | Code::Conflict
        )
    }

    fn facts(self) -> (&'static str, u16, &'static str) {
        match self {
            Code::InvalidInput => ("InvalidInput", 400, "The input is not valid"),
            Code::TenantNotAllowed => (
                "TenantNotAllowed",
                403,
                "This function does not serve that tenant",
            ),
            Code::PermissionMissing => ("PermissionMissing", 403, "The app lacks a permission"),
            Code::CredentialRejected => (
                "CredentialRejected",
                502,
                "Microsoft Entra refused the app's credential",
            ),
            Code::NotFound => ("NotFound", 404, "There is no such item"),
            Code::Conflict => ("Conflict", 409, "The current state does not allow this"),
            Code::NotReady => ("NotReady", 409, "What was asked for is still being made"),
            Code::Refused => ("Refused", 403, "A guard of this function forbids this"),
            Code::Throttled => ("Throttled", 429, "A quota is used up"),
            Code::TooLarge => (
                "TooLarge",
                413,
                "The answer is too large to return this way",
            ),
            Code::UpstreamRejected => ("UpstreamRejected", 502, "Microsoft rejected the request"),
            Code::UpstreamUnavailable => (
                "UpstreamUnavailable",
                503,
                "Microsoft could not be reached or understood",
            ),
            Code::DeadlineExceeded => ("DeadlineExceeded", 504, "The function's time ran out"),
            Code::OutcomeUnknown => (
                "OutcomeUnknown",
                504,
                "It is not known whether the change happened",
            ),
            Code::Misconfigured => (
                "Misconfigured",
                500,
                "The function is not configured correctly",
            ),
            Code::Internal => ("Internal", 500, "A defect in the function"),
        }
    }
}

/// Who answered, with what: enough to open a support case with Microsoft.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Upstream {
    /// `graph`, `xdr`, `endpoint`, `entra`, `storage` (where packages are), `secretsmanager`, `sts`, `dynamodb`,
    /// `kms`, `s3`, `events`, `sqs` or `firehose`.
    pub service: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// A failure: what happened and what to do, in words that never hold a secret.
pub struct Error(Box<Parts>);

struct Parts {
    code: Code,
    detail: String,
    retry_after: Option<Duration>,
    upstream: Option<Upstream>,
    request_id: Option<String>,
    trace_id: Option<String>,
}

impl Error {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            code,
            detail: detail.into(),
            retry_after: None,
            upstream: None,
            request_id: None,
            trace_id: None,
        }))
    }

    /// An input error that names its field.
    pub fn field(name: &str, reason: impl fmt::Display) -> Self {
        Self::new(Code::InvalidInput, format!("`{name}`: {reason}"))
    }

    /// Adds a sentence about what to do.
    pub fn advise(mut self, advice: &str) -> Self {
        self.0.detail.push(' ');
        self.0.detail.push_str(advice);
        self
    }

    /// How long to wait before asking again.
    pub fn after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    pub fn from_upstream(mut self, upstream: Upstream) -> Self {
        self.0.upstream = Some(upstream);
        self
    }

    /// Names the invocation that failed, as Lambda and AWS X-Ray know it.
    pub fn in_request(mut self, request_id: &str, trace_id: Option<&str>) -> Self {
        self.0.request_id = Some(request_id.to_owned());
        self.0.trace_id = trace_id.map(str::to_owned);
        self
    }

    pub fn code(&self) -> Code {
        self.0.code
    }

    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    pub fn upstream(&self) -> Option<&Upstream> {
        self.0.upstream.as_ref()
    }

    /// The RFC 9457 problem document.
    pub fn problem(&self) -> Problem<'_> {
        let parts = &self.0;
        Problem {
            kind: format!("urn:defender-functions:{}", parts.code.name()),
            title: parts.code.title(),
            status: parts.code.status(),
            detail: &parts.detail,
            code: parts.code,
            retry_after_seconds: parts.retry_after.map(whole_seconds),
            request_id: parts.request_id.as_deref(),
            trace_id: parts.trace_id.as_deref(),
            upstream: parts.upstream.as_ref(),
        }
    }

    /// The problem document as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.problem())
            .expect("a problem document is strings and numbers only")
    }
}

/// Rounded up, so that whoever obeys it does not come too early.
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// `application/problem+json`, also the one-line `errorMessage` of a direct invocation.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem<'a> {
    /// `urn:defender-functions:` and the code.
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    /// The HTTP status that goes with the code.
    status: u16,
    /// What happened and what to do about it.
    detail: &'a str,
    code: Code,
    /// How long to wait before asking again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
    /// The invocation that failed, as in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    /// The trace that it is a part of, in AWS X-Ray.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<&'a Upstream>,
}

/// An item of which something could not be had, and why.
#[derive(Serialize, JsonSchema)]
pub struct Incomplete<'a> {
    id: &'a str,
    problem: Problem<'a>,
}

impl<'a> From<&'a (String, Error)> for Incomplete<'a> {
    fn from((id, error): &'a (String, Error)) -> Self {
        let problem = error.problem();
        Self { id, problem }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.name(), self.0.detail)
    }
}

impl std::error::Error for Error {}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Diagnostic {
            error_type: error.code().name().to_owned(),
            error_message: error.to_json(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_among_all_of_them() {
        for (at, code) in Code::ALL.into_iter().enumerate() {
            assert_eq!(code as usize, at);
        }
        assert_eq!(
            Code::ALL.len(),
            Code::Internal as usize + 1,
            "Internal is the last one"
        );
    }
}
