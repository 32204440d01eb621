//! Changes, sent once; where the answer is lost, a look tells whether they happened.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    call::{Call, Lost, Object, Sent},
    error::{Code, Error, Result},
    operation::Answer,
    time::Timestamp,
};

/// The body of an update: what is set, in the API's own words.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// `null` is nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned_to: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub determination: Option<&'static str>,
    /// An incident's tags in Graph.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_tags: Option<&'a [String]>,
    /// An incident's tags in the Defender XDR API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<&'a [String]>,
}

/// What a change that was sent brought. Where its answer was lost, `advice` says what a caller does then.
pub fn answered<T>(sent: Sent<T>, advice: &str) -> Result<T> {
    match sent {
        Sent::Answered(answer) => Ok(answer),
        Sent::Lost(lost) => Err(lost.unsettled(advice)),
    }
}

/// The owner that a caller names; an empty one is nobody.
pub fn owner(name: &str) -> Option<&str> {
    Some(name).filter(|name| !name.is_empty())
}

impl Change<'_> {
    /// Sends it as a PATCH and answers the item as it is then.
    pub async fn send(&self, call: &Call<'_>, path: &[&str]) -> Result<Answer> {
        let Ok(Value::Object(wanted)) = serde_json::to_value(self) else {
            return Err(Error::new(Code::Internal, "a change that is no object"));
        };
        if wanted.is_empty() {
            return Err(Error::new(
                Code::InvalidInput,
                "Nothing to change: give at least one field besides `id`.",
            ));
        }
        match call.change(Method::PATCH, path, &wanted).await? {
            Sent::Answered(Object(item)) => Ok(Answer::unread(item)),
            Sent::Lost(lost) => look_for_update(call, path, &wanted, lost).await,
        }
    }
}

async fn look_for_update(
    call: &Call<'_>,
    path: &[&str],
    wanted: &Map<String, Value>,
    lost: Lost,
) -> Result<Answer> {
    match call.get::<Object>(path, &[]).await {
        Ok(Object(item)) if holds(&item, wanted) => Ok(Answer::unread(item)),
        Ok(_) => Err(lost.unsettled("A look shows the item without it, but it may still arrive. Look again before repeating it.")),
        Err(error) => Err(lost.unsettled(&format!("Looking failed too: {error} Look at the item before repeating it."))),
    }
}

/// Whether an item has all the wanted values. Microsoft's answers mix the letter case of enum members.
fn holds(item: &RawValue, wanted: &Map<String, Value>) -> bool {
    let Ok(item) = serde_json::from_str::<Map<String, Value>>(item.get()) else {
        return false;
    };
    wanted
        .iter()
        .all(|(field, value)| match (item.get(field), value) {
            (Some(Value::String(is)), Value::String(wanted)) => is.eq_ignore_ascii_case(wanted),
            // An item that nobody owns has an empty owner, a null or none.
            (is, Value::Null) => is.is_none_or(|is| is.is_null() || is == ""),
            (is, wanted) => is == Some(wanted),
        })
}

/// Adds a comment and answers all comments.
pub async fn comment(call: &Call<'_>, path: &[&str], comment: &str) -> Result<Answer> {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(rename = "@odata.type")]
        kind: &'static str,
        comment: &'a str,
    }
    let comments = [path, &["comments"]].concat();
    let body = Body {
        kind: "microsoft.graph.security.alertComment",
        comment,
    };
    match call.change(Method::POST, &comments, &body).await? {
        Sent::Answered(Comments { value }) => Ok(Answer::of(&Items { items: &value })),
        Sent::Lost(lost) => look_for_comment(call, path, comment, lost).await,
    }
}

/// All comments, as Microsoft answers them.
#[derive(Deserialize)]
struct Comments {
    value: Box<RawValue>,
}

/// All comments, as we answer lists.
#[derive(Serialize)]
struct Items<'a> {
    items: &'a RawValue,
}

async fn look_for_comment(
    call: &Call<'_>,
    path: &[&str],
    comment: &str,
    lost: Lost,
) -> Result<Answer> {
    #[derive(Deserialize)]
    struct Item {
        comments: Box<RawValue>,
    }
    let seen = call.get_dated::<Item>(path, &[]).await;
    let (item, now) = match seen {
        Ok(seen) => seen,
        Err(error) => {
            return Err(lost.unsettled(&format!(
                "Looking failed too: {error} Look at the comments before repeating it."
            )));
        }
    };
    // By Microsoft's own clock, which its `Date` shows to the second.
    let sent = now.and_then(|now| {
        now.checked_sub(lost.age())
            .ok()?
            .checked_sub(jiff::SignedDuration::from_secs(2))
            .ok()
    });
    match sent.is_some_and(|sent| has_comment(&item.comments, comment, sent)) {
        true => Ok(Answer::of(&Items { items: &item.comments })),
        false => Err(lost.unsettled("A look does not show the comment, but it may still arrive. Look again before repeating it.")),
    }
}

fn has_comment(comments: &RawValue, wanted: &str, since: Timestamp) -> bool {
    #[derive(Deserialize)]
    struct Written {
        comment: Option<String>,
        #[serde(rename = "createdDateTime", alias = "createdTime")]
        created: Option<String>,
    }
    let comments: Vec<Written> = serde_json::from_str(comments.get()).unwrap_or_default();
    comments.iter().any(|written| {
        let created = written
            .created
            .as_deref()
            .and_then(|created| created.parse::<Timestamp>().ok());
        written.comment.as_deref() == Some(wanted)
            && created.is_some_and(|created| created >= since)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, value::to_raw_value};

    #[test]
    fn an_item_holds_a_change_whatever_the_letter_case() {
        let item = to_raw_value(
            &json!({"status": "Resolved", "assignedTo": null, "customTags": ["a", "b"]}),
        )
        .unwrap();
        let held = |wanted: Value| holds(&item, wanted.as_object().unwrap());
        assert!(held(
            json!({"status": "resolved", "assignedTo": null, "customTags": ["a", "b"]})
        ));
        assert!(!held(json!({"status": "active"})));
        assert!(!held(json!({"customTags": ["a"]})));
        assert!(!held(json!({"determination": "malware"})));
    }

    #[test]
    fn only_a_comment_written_since_counts() {
        let comments = to_raw_value(&json!([
            {"comment": "seen", "createdDateTime": "2026-11-20T08:00:00.1234567Z"},
            {"comment": "seen", "createdTime": "2026-11-20T09:00:00Z"},
        ]))
        .unwrap();
        let has = |text: &str, since: &str| has_comment(&comments, text, since.parse().unwrap());
        assert!(has("seen", "2026-11-20T08:59:58Z"));
        assert!(!has("seen", "2026-11-20T09:00:01Z"));
        assert!(!has("other", "2026-11-20T08:00:00Z"));
    }
}
