//! Machine actions as the Endpoint API tells of them: what each one is, how far it is, and the searches among them.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/machineaction>

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, value::RawValue};

use crate::{call::Call, error::Result, odata::Filter, time::Timestamp};

/// What an action does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Isolate,
    Unisolate,
    RunAntiVirusScan,
    CollectInvestigationPackage,
    RestrictCodeExecution,
    UnrestrictCodeExecution,
    StopAndQuarantineFile,
    Offboard,
    LiveResponse,
}

impl Kind {
    /// The `type` of the action.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Isolate => "Isolate",
            Kind::Unisolate => "Unisolate",
            Kind::RunAntiVirusScan => "RunAntiVirusScan",
            Kind::CollectInvestigationPackage => "CollectInvestigationPackage",
            Kind::RestrictCodeExecution => "RestrictCodeExecution",
            Kind::UnrestrictCodeExecution => "UnrestrictCodeExecution",
            Kind::StopAndQuarantineFile => "StopAndQuarantineFile",
            Kind::Offboard => "Offboard",
            Kind::LiveResponse => "LiveResponse",
        }
    }

    /// The action that undoes it.
    pub fn opposite(self) -> Option<Kind> {
        match self {
            Kind::Isolate => Some(Kind::Unisolate),
            Kind::Unisolate => Some(Kind::Isolate),
            Kind::RestrictCodeExecution => Some(Kind::UnrestrictCodeExecution),
            Kind::UnrestrictCodeExecution => Some(Kind::RestrictCodeExecution),
            _ => None,
        }
    }
}

/// How far an action is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Pending,
    InProgress,
    Succeeded,
    Failed,
    TimeOut,
    Cancelled,
    /// A word that is not documented.
    Unknown,
}

impl Status {
    fn named(word: &str) -> Self {
        match word {
            "Pending" => Status::Pending,
            "InProgress" => Status::InProgress,
            "Succeeded" => Status::Succeeded,
            "Failed" => Status::Failed,
            "TimeOut" => Status::TimeOut,
            "Cancelled" => Status::Cancelled,
            _ => Status::Unknown,
        }
    }

    /// Whether it may still happen. A status that nobody knows is not known to be the end.
    pub fn is_under_way(self) -> bool {
        matches!(self, Status::Pending | Status::InProgress | Status::Unknown)
    }
}

/// A machine action. Of its many fields these are looked at; the rest stays as it was sent.
#[derive(Debug)]
pub struct MachineAction {
    pub status: Status,
    /// When it last changed, or else when it was made.
    pub at: Option<Timestamp>,
    told: Fields,
    json: Box<RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    machine_id: String,
    /// `Full` or `Selective` of an isolation, `Quick` or `Full` of a scan.
    scope: Option<String>,
    requestor_comment: Option<String>,
    creation_date_time_utc: Option<String>,
    /// The update time in an action asked for by its id, and the same in a list.
    last_update_date_time_utc: Option<String>,
    last_update_time_utc: Option<String>,
    related_file_info: Option<RelatedFile>,
    commands: Option<Vec<Command>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RelatedFile {
    file_identifier: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Command {
    command: Value,
}

impl<'de> Deserialize<'de> for MachineAction {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        let told: Fields = serde_json::from_str(json.get()).map_err(serde::de::Error::custom)?;
        let at = [
            &told.last_update_date_time_utc,
            &told.last_update_time_utc,
            &told.creation_date_time_utc,
        ]
        .into_iter()
        .flatten()
        .find_map(|at| at.parse().ok());
        Ok(Self {
            status: Status::named(&told.status),
            at,
            told,
            json,
        })
    }
}

impl MachineAction {
    /// The action as Microsoft sent it.
    pub fn json(&self) -> &RawValue {
        &self.json
    }

    pub fn id(&self) -> &str {
        &self.told.id
    }

    pub fn device(&self) -> &str {
        &self.told.machine_id
    }

    pub fn is(&self, kind: Kind) -> bool {
        self.told.kind == kind.name()
    }

    pub fn is_under_way(&self) -> bool {
        self.status.is_under_way()
    }

    /// `Isolate 5382f7ea-... (Selective, Pending)`
    pub fn title(&self) -> String {
        let scope = self.told.scope.as_deref().map(|scope| format!("{scope}, "));
        let (kind, status) = (&self.told.kind, &self.told.status);
        format!(
            "{kind} {} ({}{status})",
            self.id(),
            scope.unwrap_or_default()
        )
    }

    /// Whether its comment holds this.
    pub fn mentions(&self, mark: &str) -> bool {
        self.told
            .requestor_comment
            .as_deref()
            .is_some_and(|comment| comment.contains(mark))
    }

    /// Whether it is of that scope; one that tells none may be.
    pub fn has_scope(&self, wanted: &str) -> bool {
        self.told
            .scope
            .as_deref()
            .is_none_or(|scope| scope.eq_ignore_ascii_case(wanted))
    }

    /// Whether it is about that file.
    pub fn has_file(&self, sha1: &str) -> bool {
        let file = self.told.related_file_info.as_ref();
        file.and_then(|file| file.file_identifier.as_deref())
            .is_some_and(|id| id.eq_ignore_ascii_case(sha1))
    }

    /// Whether it runs just these commands.
    pub fn has_commands(&self, wanted: &[Value]) -> bool {
        let commands = self.told.commands.as_deref().unwrap_or_default();
        commands.len() == wanted.len()
            && commands
                .iter()
                .zip(wanted)
                .all(|(command, wanted)| command.command == *wanted)
    }
}

/// A list that came whole.
struct List<T> {
    value: Vec<T>,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Page<T> {
            value: Vec<T>,
            #[serde(default, rename = "@odata.nextLink")]
            next: Option<IgnoredAny>,
        }
        let page = Page::deserialize(deserializer)?;
        match page.next {
            None => Ok(Self { value: page.value }),
            Some(_) => Err(serde::de::Error::custom(
                "a part of a list of a few actions",
            )),
        }
    }
}

/// The device's actions of a kind and of its opposite, and the time by Microsoft's clock. Where a kind has no opposite, those that
/// are over do not matter and are left out.
pub async fn of_device(
    call: &Call<'_>,
    device: &str,
    kind: Kind,
) -> Result<(Vec<MachineAction>, Timestamp)> {
    let mut filter = about(device, kind);
    if kind.opposite().is_none() {
        filter = filter.and("(status eq 'Pending' or status eq 'InProgress')");
    }
    let query = [("$filter", filter.as_str())];
    let (list, now) = call
        .get_dated::<List<MachineAction>>(&["machineactions"], &query)
        .await?;
    Ok((list.value, now.unwrap_or_else(Timestamp::now)))
}

/// Those made since then, whatever became of them.
pub async fn made_since(
    call: &Call<'_>,
    device: &str,
    kind: Kind,
    since: Timestamp,
) -> Result<Vec<MachineAction>> {
    let filter = about(device, kind).at("creationDateTimeUtc", "ge", Some(since));
    let query = [("$filter", filter.as_str())];
    let list: List<MachineAction> = call.get(&["machineactions"], &query).await?;
    Ok(list.value)
}

fn about(device: &str, kind: Kind) -> Filter {
    let filter = Filter::default().eq("machineId", Some(device));
    match kind.opposite() {
        Some(opposite) => {
            let (kind, opposite) = (kind.name(), opposite.name());
            filter.and(&format!("(type eq '{kind}' or type eq '{opposite}')"))
        }
        None => filter.eq("type", Some(kind.name())),
    }
}

/// Whether so many actions of a kind were made in the whole tenant since then.
pub async fn reaches(call: &Call<'_>, kind: Kind, since: Timestamp, most: u32) -> Result<bool> {
    let filter = Filter::default().eq("type", Some(kind.name())).at(
        "creationDateTimeUtc",
        "ge",
        Some(since),
    );
    let top = most.to_string();
    let query = [("$top", top.as_str()), ("$filter", filter.as_str())];
    let list: List<IgnoredAny> = call.get(&["machineactions"], &query).await?;
    Ok(list.value.len() >= most as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(json: &str) -> MachineAction {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn both_spellings_of_the_update_time_are_understood() {
        for key in ["lastUpdateDateTimeUtc", "lastUpdateTimeUtc"] {
            let action = action(&format!(
                r#"{{"id":"a","type":"Isolate","status":"Succeeded","creationDateTimeUtc":"2026-11-20T08:00:00Z","{key}":"2026-11-20T09:00:00.1234567Z"}}"#
            ));
            let at: Timestamp = "2026-11-20T09:00:00.1234567Z".parse().unwrap();
            assert_eq!(action.at, Some(at));
        }
    }

    #[test]
    fn each_documented_status_is_known_and_no_other_is_taken_for_the_end() {
        for (word, under_way) in [
            ("Pending", true),
            ("InProgress", true),
            ("Succeeded", false),
            ("Failed", false),
            ("TimeOut", false),
            ("Cancelled", false),
            ("Paused", true),
        ] {
            let action = action(&format!(
                r#"{{"id":"a","type":"Isolate","status":"{word}"}}"#
            ));
            assert_eq!(action.is_under_way(), under_way, "{word}");
        }
    }

    #[test]
    fn an_action_is_kept_as_it_was_sent() {
        let sent =
            r#"{"id":"a","type":"Offboard","status":"Pending","externalID":"x","novel":[1,2]}"#;
        assert_eq!(action(sent).json().get(), sent);
    }
}
