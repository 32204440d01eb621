//! The words that several operations take, each with its spelling in every API's dialect.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use crate::{
    api::Api,
    error::{Code, Error, Result},
    time::{Timestamp, parse_duration},
};

/// An enum whose members are written in Graph's camelCase, with their spelling in the Defender XDR API and in the Endpoint API
/// where those have them.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($member:ident = $graph:literal, $xdr:expr $(, $endpoint:expr)?;)* }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
        $(#[$doc])*
        pub enum $name {
            $(#[serde(rename = $graph)] $member,)*
        }

        impl $name {
            /// The spelling that an API takes; one that it lacks is refused before anything is sent.
            pub fn on(self, api: Api) -> Result<&'static str> {
                let spellings = match self {
                    $($name::$member => Spellings::new($graph, $xdr, None $(.or($endpoint))?),)*
                };
                spellings.on(api).ok_or_else(|| {
                    let all = [$(Spellings::new($graph, $xdr, None $(.or($endpoint))?)),*];
                    spellings.unknown_to(api, &all)
                })
            }
        }
    };
}

/// A word in each API's dialect.
#[derive(Clone, Copy)]
struct Spellings {
    graph: &'static str,
    xdr: Option<&'static str>,
    endpoint: Option<&'static str>,
}

impl Spellings {
    fn new(graph: &'static str, xdr: Option<&'static str>, endpoint: Option<&'static str>) -> Self {
        Self {
            graph,
            xdr,
            endpoint,
        }
    }

    fn on(self, api: Api) -> Option<&'static str> {
        match api {
            Api::Graph => Some(self.graph),
            Api::Xdr => self.xdr,
            Api::Endpoint => self.endpoint,
        }
    }

    fn unknown_to(self, api: Api, all: &[Self]) -> Error {
        let known = all.iter().filter(|word| word.on(api).is_some());
        let known: Vec<_> = known.map(|word| word.graph).collect();
        let (api, word) = (api.title(), self.graph);
        let detail = format!(
            "`{word}` is not a word of {api}; it takes {}.",
            known.join(", ")
        );
        Error::new(Code::InvalidInput, detail)
    }
}

words! {
    /// The state of an incident.
    IncidentStatus {
        Active = "active", Some("Active");
        InProgress = "inProgress", Some("InProgress");
        Resolved = "resolved", Some("Resolved");
        Redirected = "redirected", Some("Redirected");
        AwaitingAction = "awaitingAction", None;
    }
}

words! {
    /// The state of an alert.
    AlertStatus {
        New = "new", None, Some("New");
        InProgress = "inProgress", None, Some("InProgress");
        Resolved = "resolved", None, Some("Resolved");
    }
}

words! {
    /// How bad it is.
    Severity {
        Unknown = "unknown", Some("UnSpecified");
        Informational = "informational", Some("Informational"), Some("Informational");
        Low = "low", Some("Low"), Some("Low");
        Medium = "medium", Some("Medium"), Some("Medium");
        High = "high", Some("High"), Some("High");
    }
}

words! {
    /// Whether it was what it looked like.
    Classification {
        Unknown = "unknown", None;
        FalsePositive = "falsePositive", Some("FalsePositive"), Some("FalsePositive");
        TruePositive = "truePositive", Some("TruePositive"), Some("TruePositive");
        InformationalExpectedActivity = "informationalExpectedActivity", Some("InformationalExpectedActivity"), Some("InformationalExpectedActivity");
    }
}

words! {
    /// What it was. Microsoft's pages disagree about some names; these are the ones of its own client libraries.
    Determination {
        Unknown = "unknown", None;
        Apt = "apt", None;
        Malware = "malware", Some("Malware"), Some("Malware");
        SecurityPersonnel = "securityPersonnel", None;
        SecurityTesting = "securityTesting", Some("SecurityTesting"), Some("SecurityTesting");
        UnwantedSoftware = "unwantedSoftware", Some("UnwantedSoftware"), Some("UnwantedSoftware");
        Other = "other", Some("Other"), Some("Other");
        MultiStagedAttack = "multiStagedAttack", Some("MultiStagedAttack"), Some("MultiStagedAttack");
        CompromisedAccount = "compromisedAccount", Some("CompromisedAccount"), Some("CompromisedUser");
        Phishing = "phishing", Some("Phishing"), Some("Phishing");
        MaliciousUserActivity = "maliciousUserActivity", Some("MaliciousUserActivity"), Some("MaliciousUserActivity");
        NotMalicious = "notMalicious", Some("Clean"), Some("Clean");
        NotEnoughDataToValidate = "notEnoughDataToValidate", Some("NoEnoughDataToValidate"), Some("InsufficientData");
        ConfirmedActivity = "confirmedActivity", Some("ConfirmedActivity"), Some("ConfirmedUserActivity");
        LineOfBusinessApplication = "lineOfBusinessApplication", Some("LineOfBusinessApplication"), Some("LineOfBusinessApplication");
    }
}

/// The id of an incident: digits, as a string or a number.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(extend("type" = ["string", "integer"], "pattern" = "^[0-9]{1,20}$", "minimum" = 0))]
pub struct IncidentId(String);

/// The id of an alert: letters, digits and a few marks.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(extend("pattern" = "^[A-Za-z0-9_.~-]*[A-Za-z0-9][A-Za-z0-9_.~-]*$", "maxLength" = 128))]
pub struct AlertId(String);

impl IncidentId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AlertId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An id, whether it is written in quotes or not.
pub(super) fn text_or_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(D::Error::custom("an id is a string or a number")),
    }
}

impl<'de> Deserialize<'de> for IncidentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let id = text_or_number(deserializer)?;
        match (1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit()) {
            true => Ok(Self(id)),
            false => Err(D::Error::custom("the id of an incident is a whole number")),
        }
    }
}

impl<'de> Deserialize<'de> for AlertId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let id = text_or_number(deserializer)?;
        let fits =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'~');
        match (1..=128).contains(&id.len())
            && id.bytes().all(fits)
            && id.bytes().any(|byte| byte.is_ascii_alphanumeric())
        {
            true => Ok(Self(id)),
            false => Err(D::Error::custom(
                "the id of an alert is letters, digits, `_`, `-`, `.` and `~`",
            )),
        }
    }
}

/// An instant: RFC 3339, or an ISO 8601 duration (`PT15M`) that counts back from the run's "now".
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum Since {
    /// An RFC 3339 instant (2026-11-20T09:00:00Z).
    At(#[schemars(with = "String", extend("format" = "date-time"))] Timestamp),
    /// A duration (PT15M); days are 24 hours, and there are no months and years.
    Ago(#[schemars(with = "String", extend("format" = "duration"))] jiff::SignedDuration),
}

/// The instant that is meant, counted back from `now` where it is relative.
pub fn instant(since: Option<Since>, now: Timestamp) -> Result<Option<Timestamp>> {
    since.map(|since| since.from(now)).transpose()
}

impl Since {
    pub fn from(self, now: Timestamp) -> Result<Timestamp> {
        match self {
            Since::At(instant) => Ok(instant),
            Since::Ago(length) => now.checked_sub(length).map_err(|_| {
                Error::new(Code::InvalidInput, "That long ago, there was no calendar.")
            }),
        }
    }
}

impl<'de> Deserialize<'de> for Since {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let instant = text.parse().ok().map(Since::At);
        instant.or_else(|| parse_duration(&text).map(Since::Ago)).ok_or_else(|| {
            D::Error::custom(format!(
                "{text:?} is neither an RFC 3339 instant (2026-11-20T09:00:00Z) nor a duration back from now (PT15M)"
            ))
        })
    }
}

/// Text that must say something; at most 1,000 characters where a device is acted on.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(extend("pattern" = r"\S"))]
pub struct Comment(pub String);

impl<'de> Deserialize<'de> for Comment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.trim().is_empty() {
            true => Err(D::Error::custom("a comment must not be empty")),
            false => Ok(Self(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_api_is_spoken_to_in_its_dialect() {
        assert_eq!(
            Determination::NotMalicious.on(Api::Graph).unwrap(),
            "notMalicious"
        );
        assert_eq!(Determination::NotMalicious.on(Api::Xdr).unwrap(), "Clean");
        assert_eq!(Severity::Unknown.on(Api::Xdr).unwrap(), "UnSpecified");
        let refusal = Determination::Apt.on(Api::Xdr).unwrap_err();
        assert_eq!(refusal.code(), Code::InvalidInput);
        assert!(
            refusal
                .to_string()
                .contains("`apt` is not a word of the Defender XDR API; it takes malware, "),
            "{refusal}"
        );
    }

    #[test]
    fn ids_are_checked_before_anything_is_sent() {
        for good in ["\"28282\"", "28282"] {
            assert_eq!(
                serde_json::from_str::<IncidentId>(good).unwrap().as_str(),
                "28282"
            );
        }
        for wrong in ["\"\"", "\"28/282\"", "\"..\"", "-1", "1.5", "null", "[]"] {
            assert!(
                serde_json::from_str::<IncidentId>(wrong).is_err(),
                "{wrong}"
            );
        }
        assert!(serde_json::from_str::<AlertId>("\"da637551227677560813_-961444813\"").is_ok());
        for wrong in ["\"a/b\"", "\"..\"", "\"a b\"", "\"\""] {
            assert!(serde_json::from_str::<AlertId>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn instants_are_absolute_or_counted_back() {
        let now = "2026-11-20T09:00:00Z".parse().unwrap();
        let at = |json: &str| {
            serde_json::from_str::<Since>(json)
                .unwrap()
                .from(now)
                .unwrap()
                .to_string()
        };
        assert_eq!(at("\"2026-11-01T02:00:00+02:00\""), "2026-11-01T00:00:00Z");
        assert_eq!(at("\"PT15M\""), "2026-11-20T08:45:00Z");
        assert!(serde_json::from_str::<Since>("\"yesterday\"").is_err());
    }
}
