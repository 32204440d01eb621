//! A place that events are sent to, and what is said when it takes none.

use super::refusal::{Fault, Refusal};
use crate::{
    config::{AwsService, Queue},
    error::{Code, Error, Upstream},
};

/// A place that events are sent to.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The variable that names it.
    pub variable: &'static str,
    /// What it is: `bus`, `queue`, `delivery stream`.
    pub thing: &'static str,
    /// What the role needs.
    pub action: &'static str,
    /// Its kind, as `SINK` spells it.
    pub kind: &'static str,
    pub service: &'a AwsService,
}

impl<'a> Place<'a> {
    pub fn queue(queue: &'a Queue) -> Self {
        Self {
            variable: queue.variable,
            thing: "queue",
            action: "sqs:SendMessage",
            kind: "sqs",
            service: &queue.service,
        }
    }

    /// The error of a refusal that is not one event's.
    pub fn refusal(&self, refusal: &Refusal) -> Error {
        let Self {
            variable,
            thing,
            action,
            ..
        } = self;
        let code = refusal.code.as_str();
        let is = |words: &[&str]| words.iter().any(|word| code.contains(word));
        if refusal.fault == Fault::Passing {
            return self.passing(code);
        }
        let detail = if is(&["Kms", "KMS"]) {
            format!(
                "The KMS key of the {thing} that {variable} names cannot be used ({code}). Enable it, and allow the function's role \
                 kms:GenerateDataKey and kms:Decrypt with it."
            )
        } else if is(&["AccessDenied", "NotAuthorized", "InvalidAccountId"]) {
            format!(
                "The function's role may not send to the {thing} that {variable} names. Allow it {action} there."
            )
        } else if is(&["NotFound", "DoesNotExist", "NonExistent"]) {
            let region = &self.service.region;
            format!("{variable} names no {thing} in {region}.")
        } else {
            format!(
                "The {thing} that {variable} names takes no event at all ({code}). Look at what {variable} names and at its policy, then \
                 repeat the call; nothing is lost."
            )
        };
        Error::new(Code::Misconfigured, detail).from_upstream(self.upstream(code))
    }

    fn passing(&self, code: &str) -> Error {
        let (variable, thing) = (self.variable, self.thing);
        let kind = match code.contains("Throttl") {
            true => Code::Throttled,
            false => Code::UpstreamUnavailable,
        };
        let detail = format!(
            "The {thing} that {variable} names does not take everything at present ({code}). Repeat the call later; nothing is lost."
        );
        Error::new(kind, detail).from_upstream(self.upstream(code))
    }

    fn upstream(&self, code: &str) -> Upstream {
        Upstream {
            service: self.service.name,
            code: Some(code.to_owned()),
            ..Upstream::default()
        }
    }
}
