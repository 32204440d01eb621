//! What a service says of an entry or a request that it did not take, and whose fault that is.

use crate::{aws, client::Reply};

/// Why something was not taken.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub fault: Fault,
    /// AWS's name for it.
    pub code: String,
    /// AWS's words. They may quote what was sent, so they go where that goes and nowhere else.
    pub message: String,
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The service's, for a while.
    Passing,
    /// The event's own: the same again is refused again.
    Event,
    /// The place's, or the role's: no event would be taken.
    Place,
}

/// The refusals of a whole request for what may be one entry's fault.
const OF_SOME_ENTRY: [&str; 9] = [
    "BatchRequestTooLong",
    "InvalidArgumentException",
    "InvalidMessageContents",
    "InvalidParameterValue",
    "InvalidParameterValueException",
    "RequestEntityTooLargeException",
    "RequestTooLarge",
    "SerializationException",
    "ValidationException",
];

impl Refusal {
    /// Of one entry. `sender` is whether the service says that the sender is at fault, where it says so.
    pub fn of_entry(code: String, message: String, sender: Option<bool>) -> Self {
        let is = |words: &[&str]| words.iter().any(|word| code.contains(word));
        let fault = if aws::is_throttle(&code) || is(&["Internal", "ServiceUnavailable"]) {
            Fault::Passing
        } else if is(&["AccessDenied", "NotAuthorized", "NotFound", "Kms", "KMS"])
            || code == "InvalidAccountIdException"
        {
            Fault::Place
        } else if sender == Some(false) {
            Fault::Passing
        } else {
            Fault::Event
        };
        Self {
            fault,
            code,
            message,
        }
    }

    /// Of a whole request, by a 4xx.
    pub fn of_request(reply: &Reply) -> Self {
        let code = aws::error_kind(reply);
        let is_large = reply.status.as_u16() == 413;
        let fault = match code.as_str() {
            code if aws::is_throttle(code) => Fault::Passing,
            code if is_large || OF_SOME_ENTRY.contains(&code) => Fault::Event,
            _ => Fault::Place,
        };
        Self {
            fault,
            message: aws::error_message(reply),
            code: match code.is_empty() {
                true => reply.status.as_u16().to_string(),
                false => code,
            },
        }
    }

    /// Whether something smaller would be taken. A queue may take less than SQS does.
    pub fn is_about_size(&self) -> bool {
        let message = self.message.to_ascii_lowercase();
        let says = |words: &str| message.contains(words);
        matches!(
            self.code.as_str(),
            "BatchRequestTooLong" | "RequestEntityTooLargeException" | "RequestTooLarge" | "413"
        ) || says("shorter than")
            || says("size")
            || says("too long")
            || says("too large")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: &str, sender: Option<bool>) -> Fault {
        Refusal::of_entry(code.to_owned(), String::new(), sender).fault
    }

    #[test]
    fn what_passes_is_told_from_what_an_event_or_the_place_is_to_blame_for() {
        for code in [
            "InternalFailure",
            "InternalException",
            "ThrottlingException",
            "ServiceUnavailableException",
            "KmsThrottled",
        ] {
            assert_eq!(fault(code, None), Fault::Passing, "{code}");
        }
        for code in [
            "AccessDeniedException",
            "InvalidAccountIdException",
            "NotAuthorizedForSourceException",
            "NotAuthorizedForDetailTypeException",
            "ResourceNotFoundException",
            "KmsAccessDenied",
            "InvalidKMSResourceException",
        ] {
            assert_eq!(fault(code, None), Fault::Place, "{code}");
        }
        for code in ["InvalidArgument", "MalformedDetail", "RedactionFailure"] {
            assert_eq!(fault(code, None), Fault::Event, "{code}");
        }
        assert_eq!(fault("InvalidMessageContents", Some(true)), Fault::Event);
        assert_eq!(fault("NobodyKnows", Some(false)), Fault::Passing);
    }
}
