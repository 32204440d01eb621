//! Entra's refusals: the AADSTS numbers that the simulator gives, with the `error` and status of each.

use serde_json::json;

use crate::answer::Answer;
use crate::state::guid;
use crate::time;

/// Why no token is given: a number and what it says.
pub(crate) struct Refusal {
    pub code: u32,
    pub message: String,
}

impl Refusal {
    pub fn new(code: u32, message: impl Into<String>) -> Refusal {
        Refusal {
            code,
            message: message.into(),
        }
    }

    /// A refusal asked for by number alone, as a fault does.
    pub fn of_code(code: u32) -> Refusal {
        Refusal::new(code, "This refusal was asked of the simulator.")
    }

    /// The OAuth `error` and the HTTP status.
    fn kind(&self) -> (&'static str, u16) {
        match self.code {
            7000215 | 7000218 | 7000222 | 7000229 | 650052 | 700021 | 700023 | 700024 | 700027
            | 50013 | 5002738 | 70021 | 700211 | 700212 | 700213 | 7002138 => {
                ("invalid_client", 401)
            }
            7000112 | 700016 | 70001 | 700011 | 650056 | 650057 => ("unauthorized_client", 400),
            70011 | 28002 | 700022 => ("invalid_scope", 400),
            500011 => ("invalid_resource", 400),
            70003 => ("unsupported_grant_type", 400),
            65001 | 50105 | 53003 | 530032 => ("invalid_grant", 400),
            50033 | 90006 | 90012 | 90024 | 90033 | 90090 => ("temporarily_unavailable", 503),
            50000 | 90036 | 90092 => ("server_error", 500),
            _ => ("invalid_request", 400),
        }
    }

    /// The flat OAuth body with everything that Entra repeats in its description.
    pub fn answer(&self, now: i64) -> Answer {
        let (error, status) = self.kind();
        let (code, trace, correlation, timestamp) =
            (self.code, guid(), guid(), time::format_entra(now));
        let description = format!(
            "AADSTS{code}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}",
            self.message
        );
        Answer::json(
            status,
            &json!({
                "error": error,
                "error_description": description,
                "error_codes": [code],
                "timestamp": timestamp,
                "trace_id": trace,
                "correlation_id": correlation,
                "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
            }),
        )
    }
}
