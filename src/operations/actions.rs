//! Machine actions: how far each one is, and what it brought.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/machineaction>. Live-response sessions that were started in the portal are not
//! among them.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    answers,
    devices::READ,
    endpoint_words::ActionStatus,
    ids::{ActionId, DeviceId},
    response::comment,
    vocabulary::{Comment, Since, instant},
};
use crate::{
    call::{Call, Lost, Object, Sent},
    error::{Code, Error, Result},
    evidence::{self, Evidence},
    odata::Filter,
    operation::{Answer, Group, Operation, Permissions},
    page::{self, Counted, List, Next, Top},
    respond::{
        LOOKS, Outcome, already_requested, check_tags,
        history::{MachineAction, Status},
        requested,
    },
    time::Timestamp,
};

/// `GET /machineactions`. <https://learn.microsoft.com/defender-endpoint/api/get-machineactions-collection>
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListActions {
    device_id: Option<DeviceId>,
    /// `Isolate`, `RunAntiVirusScan`, ...
    #[serde(rename = "type")]
    kind: Option<String>,
    status: Option<ActionStatus>,
    /// Who asked for it.
    requestor: Option<String>,
    created_since: Option<Since>,
    created_before: Option<Since>,
    /// OData of the API's own, instead of the fields above.
    filter: Option<String>,
    top: Option<Top>,
    cursor: Option<Next>,
}

impl Operation for ListActions {
    type Answers = List<'static, answers::MachineAction>;

    const NAME: &'static str = "list_actions";
    const SUMMARY: &'static str = "List machine actions by device, type, status, requestor or time";
    const GROUP: Group = Group::Actions;
    const ROUTE: (&'static str, &'static str) = ("GET", "/actions");
    const PERMISSIONS: Permissions = READ;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let listing = Counted::of(call, "machineactions", |now| self.filter(now))?;
        page::counted(call, listing, self.cursor.as_deref(), self.top).await
    }
}

impl ListActions {
    fn filter(&self, now: Timestamp) -> Result<Filter> {
        Filter::default()
            .eq("machineId", self.device_id.as_ref().map(DeviceId::as_str))
            .eq("type", self.kind.as_deref())
            .eq("status", self.status.map(ActionStatus::as_str))
            .eq("requestor", self.requestor.as_deref())
            .at(
                "creationDateTimeUtc",
                "ge",
                instant(self.created_since, now)?,
            )
            .at(
                "creationDateTimeUtc",
                "lt",
                instant(self.created_before, now)?,
            )
            .or_raw(self.filter.as_deref())
    }
}

/// `GET /machineactions/{id}`. <https://learn.microsoft.com/defender-endpoint/api/get-machineaction-object>
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetAction {
    action_id: ActionId,
}

impl Operation for GetAction {
    type Answers = answers::MachineAction;

    const NAME: &'static str = "get_action";
    const SUMMARY: &'static str = "Get a machine action and how far it is";
    const GROUP: Group = Group::Actions;
    const ROUTE: (&'static str, &'static str) = ("GET", "/actions/{actionId}");
    const PERMISSIONS: Permissions = READ;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let action: Object = call
            .get(&["machineactions", self.action_id.as_str()], &[])
            .await?;
        Ok(Answer::unread(action.0))
    }
}

/// `POST /machineactions/{id}/cancel`. <https://learn.microsoft.com/defender-endpoint/api/cancel-machine-action>
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CancelAction {
    action_id: ActionId,
    comment: Comment,
}

impl Operation for CancelAction {
    type Answers = Outcome<'static>;

    const NAME: &'static str = "cancel_action";
    const SUMMARY: &'static str = "Cancel a machine action that is not over yet";
    const GROUP: Group = Group::Actions;
    const ROUTE: (&'static str, &'static str) = ("POST", "/actions/{actionId}/cancel");
    const CHANGES: bool = true;
    /// Microsoft asks for the one of the action that is cancelled.
    const PERMISSIONS: Permissions = Permissions::endpoint(&[
        "Machine.Isolate",
        "Machine.Scan",
        "Machine.CollectForensics",
        "Machine.RestrictExecution",
        "Machine.StopAndQuarantine",
        "Machine.LiveResponse",
        "Machine.Offboard",
    ])
    .and(READ.endpoint);

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let path = ["machineactions", self.action_id.as_str()];
        call.will_change();
        let action: MachineAction = call.get(&path, &[]).await?;
        if action.status == Status::Cancelled {
            return Ok(already_requested(&action));
        }
        if !action.is_under_way() {
            return Err(is_over(&action));
        }
        check_tags(call, action.device()).await?;
        let cancel = [path[0], path[1], "cancel"];
        let body = json!({ "Comment": comment(&self.comment)? });
        match call
            .change::<MachineAction>(Method::POST, &cancel, &body)
            .await?
        {
            Sent::Answered(action) => Ok(requested(&action)),
            Sent::Lost(lost) => look_for_cancel(call, &path, lost).await,
        }
    }
}

async fn look_for_cancel(call: &Call<'_>, path: &[&str], lost: Lost) -> Result<Answer> {
    let mut seen = "There was no time left to look.".to_owned();
    for wait in LOOKS {
        if !call.invocation.deadline.wait(wait).await {
            break;
        }
        match call.get::<MachineAction>(path, &[]).await {
            Ok(action) if action.status == Status::Cancelled => {
                return Ok(requested(&action));
            }
            Ok(action) if !action.is_under_way() => return Err(is_over(&action)),
            Ok(action) => seen = format!("A look shows {}.", action.title()),
            Err(error) => {
                seen = format!("Looking failed too: {error}");
                break;
            }
        }
    }
    Err(lost.unsettled(&format!(
        "{seen} Look again (get_action) before repeating it."
    )))
}

fn is_over(action: &MachineAction) -> Error {
    let detail = format!("{} is over and cannot be cancelled.", action.title());
    Error::new(Code::Conflict, detail)
}

/// Where the result of an action can be fetched, for a short time and without a token: whoever has the link has the result.
#[derive(Serialize, JsonSchema)]
pub struct Link<'a> {
    uri: &'a str,
}

/// A link as the API sends it; that to a package has quotes of its own inside the string.
#[derive(Deserialize)]
struct DownloadLink {
    value: String,
}

impl DownloadLink {
    fn uri(&self) -> &str {
        self.value.trim_matches('"')
    }
}

/// The link to an action's result. While the action is under way Microsoft answers 404, as for an action that does not exist.
async fn link(call: &Call<'_>, id: &ActionId, result: &str) -> Result<DownloadLink> {
    let path = ["machineactions", id.as_str()];
    let refusal = match call.get(&[path[0], path[1], result], &[]).await {
        Err(error) if error.code() == Code::NotFound => error,
        outcome => return outcome,
    };
    let action: MachineAction = call.get(&path, &[]).await?;
    let title = action.title();
    Err(match action.status {
        Status::Succeeded => refusal.advise(&format!("{title} has no such result.")),
        _ if action.is_under_way() => Error::new(
            Code::NotReady,
            format!("{title} has not ended yet. Ask again when it has."),
        )
        .after(std::time::Duration::from_secs(30)),
        _ => Error::new(
            Code::Conflict,
            format!("{title} has no result and will have none."),
        ),
    })
}

/// `GET /machineactions/{id}/getPackageUri`: 2 calls a minute, 120 an hour; the link lives for minutes.
/// <https://learn.microsoft.com/defender-endpoint/api/get-package-sas-uri>
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetPackageUri {
    action_id: ActionId,
}

impl Operation for GetPackageUri {
    type Answers = Link<'static>;

    const NAME: &'static str = "get_package_uri";
    const SUMMARY: &'static str = "Get the short-lived link to an investigation package";
    const GROUP: Group = Group::Actions;
    const ROUTE: (&'static str, &'static str) = ("GET", "/actions/{actionId}/package");
    const PERMISSIONS: Permissions = READ;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let link = link(call, &self.action_id, "getPackageUri").await?;
        Ok(Answer::of(&Link { uri: link.uri() }))
    }
}

/// The same link, followed at once: the package goes to `EVIDENCE_BUCKET`, as `<tenant>/<action>.zip`. A large one needs longer than the
/// 29 seconds that an HTTP API waits: invoke the function directly, or by `collect-evidence`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SavePackage {
    action_id: ActionId,
}

impl Operation for SavePackage {
    type Answers = Evidence<'static>;

    const NAME: &'static str = "save_package";
    const SUMMARY: &'static str = "Copy an investigation package to the evidence bucket";
    const GROUP: Group = Group::Actions;
    const ROUTE: (&'static str, &'static str) = ("POST", "/actions/{actionId}/package");
    const PERMISSIONS: Permissions = READ;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let bucket = evidence::bucket(call)?;
        let link = link(call, &self.action_id, "getPackageUri").await?;
        let key = format!("{}/{}.zip", call.tenant.as_str(), self.action_id);
        let copy = evidence::copy(call, link.uri(), bucket, &key).await?;
        Ok(Answer::of(&copy))
    }
}

/// `GET /machineactions/{id}/GetLiveResponseResultDownloadLink(index={n})`: the link lives for 30 minutes and can be had anew.
/// <https://learn.microsoft.com/defender-endpoint/api/get-live-response-result>
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetLiveResponseResult {
    action_id: ActionId,
    /// Which of the session's commands, counted from 0.
    index: u32,
}

impl Operation for GetLiveResponseResult {
    type Answers = Link<'static>;

    const NAME: &'static str = "get_live_response_result";
    const SUMMARY: &'static str =
        "Get the short-lived link to what a live-response command brought";
    const GROUP: Group = Group::Actions;
    const ROUTE: (&'static str, &'static str) = ("GET", "/actions/{actionId}/results/{index}");
    const PERMISSIONS: Permissions = READ;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let result = format!("GetLiveResponseResultDownloadLink(index={})", self.index);
        let link = link(call, &self.action_id, &result).await?;
        Ok(Answer::of(&Link { uri: link.uri() }))
    }
}
