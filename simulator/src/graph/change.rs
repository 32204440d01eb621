//! The bodies of Graph's changes: which properties may be set, and to what.

use serde_json::{Map, Value};

use super::Failure;
use crate::incident::Comment;
use crate::request::Request;

const CLASSIFICATIONS: &[&str] = &[
    "unknown",
    "falsePositive",
    "truePositive",
    "informationalExpectedActivity",
];
const DETERMINATIONS: &[&str] = &[
    "unknown",
    "apt",
    "malware",
    "securityPersonnel",
    "securityTesting",
    "unwantedSoftware",
    "other",
    "multiStagedAttack",
    "compromisedAccount",
    "phishing",
    "maliciousUserActivity",
    "notMalicious",
    "notEnoughDataToValidate",
    "confirmedActivity",
    "lineOfBusinessApplication",
];

/// A checked PATCH body; what is `None` was not named.
#[derive(Default)]
pub(super) struct Change {
    pub status: Option<String>,
    pub classification: Option<String>,
    pub determination: Option<String>,
    pub assigned_to: Option<Option<String>>,
    pub custom_tags: Option<Vec<String>>,
    pub resolving_comment: Option<String>,
}

/// Reads the body of a PATCH; `statuses` are the resource's, and only an incident has tags and a resolving comment.
pub(super) fn change(
    request: &Request,
    statuses: &[&str],
    incident: bool,
) -> Result<Change, Failure> {
    let mut change = Change::default();
    for (name, value) in object(request)? {
        match name.as_str() {
            "@odata.type" => {}
            "status" => change.status = Some(member(&name, &value, statuses)?),
            "classification" => {
                change.classification = Some(member(&name, &value, CLASSIFICATIONS)?)
            }
            "determination" => change.determination = Some(member(&name, &value, DETERMINATIONS)?),
            "assignedTo" if value.is_null() => change.assigned_to = Some(None),
            "assignedTo" => change.assigned_to = Some(Some(text(&name, &value)?)),
            "customTags" if incident => change.custom_tags = Some(texts(&name, &value)?),
            "resolvingComment" if incident => change.resolving_comment = Some(text(&name, &value)?),
            _ => {
                return Err(Failure::bad_request(format!(
                    "The property '{name}' cannot be updated."
                )));
            }
        }
    }
    Ok(change)
}

/// Reads the body of a POST to `comments`.
pub(super) fn comment(request: &Request, author: &str, now: String) -> Result<Comment, Failure> {
    let mut comment = None;
    for (name, value) in object(request)? {
        match name.as_str() {
            "@odata.type"
                if value.as_str().is_some_and(|kind| {
                    kind.trim_start_matches('#') == "microsoft.graph.security.alertComment"
                }) => {}
            "comment" => comment = Some(text(&name, &value)?),
            _ => {
                return Err(Failure::bad_request(format!(
                    "The property '{name}' is not expected in a comment."
                )));
            }
        }
    }
    let comment = comment
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Failure::bad_request("A comment needs the property 'comment'."))?;
    Ok(Comment {
        comment,
        created_by_display_name: author.into(),
        created_date_time: now,
    })
}

fn object(request: &Request) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Failure::bad_request(
            "Unable to read JSON request payload: an object with a media type of application/json is expected.",
        )),
    }
}

fn member(name: &str, value: &Value, members: &[&str]) -> Result<String, Failure> {
    let asked = text(name, value)?;
    let known = members
        .iter()
        .find(|member| member.eq_ignore_ascii_case(&asked));
    known.map(|member| (*member).to_owned()).ok_or_else(|| {
        Failure::bad_request(format!(
            "Invalid value '{asked}' for '{name}'. Known values: {}.",
            members.join(", ")
        ))
    })
}

fn text(name: &str, value: &Value) -> Result<String, Failure> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| Failure::bad_request(format!("The property '{name}' takes a string.")))
}

fn texts(name: &str, value: &Value) -> Result<Vec<String>, Failure> {
    serde_json::from_value(value.clone()).map_err(|_| {
        Failure::bad_request(format!("The property '{name}' takes a list of strings."))
    })
}
