//! `/api/machineactions`: how actions stand, and cancelling one.

use serde_json::{Value, json};

use super::body::Body;
use super::list::{Listing, context, entity};
use super::machines::READ;
use super::{admit, argument, arguments, invalid, not_found};
use crate::access::Caller;
use crate::action::{Action, ActionKind, Status};
use crate::answer::Answer;
use crate::live_response::Command;
use crate::odata::{Field, Read};
use crate::request::Request;
use crate::state::State;
use crate::storage;
use crate::time;
use crate::xdr::Failure;

/// Any of these may cancel some action.
const ACT: &[&str] = &[
    "Machine.Isolate",
    "Machine.Scan",
    "Machine.CollectForensics",
    "Machine.RestrictExecution",
    "Machine.StopAndQuarantine",
    "Machine.Offboard",
    "Machine.LiveResponse",
];
const ACTIONS: Listing<Action> = Listing::new(
    "MachineActions",
    &[
        Field::new("id", Read::Text(|action| Some(&action.id))),
        Field::new("status", Read::Text(|action| Some(action.status.name()))),
        Field::new("machineId", Read::Text(|action| Some(&action.machine_id))),
        Field::new("type", Read::Text(|action| Some(action.kind.name()))),
        Field::new("requestor", Read::Text(|action| Some(&action.requestor))),
        Field::new("creationDateTimeUtc", Read::Ticks(|action| action.created)),
    ],
);

/// `segments` are the path's after `/api`, `words` the same in lower case.
pub(super) fn answer(
    state: &mut State,
    request: &Request,
    segments: &[&str],
    words: &[&str],
) -> Result<Answer, Failure> {
    match (request.method.as_str(), words) {
        ("GET", ["machineactions"]) => {
            let caller = admit(state, request, READ)?;
            let actions = state.tenants[caller.tenant].visible_actions();
            ACTIONS.answer(state, caller.tenant, request, actions, |action| {
                shown(action, false)
            })
        }
        ("GET", ["machineactions", _]) => {
            let caller = admit(state, request, READ)?;
            let action = action(state, &caller, segments[1])?;
            Ok(entity(200, "MachineActions/$entity", shown(action, true)))
        }
        ("GET", ["machineactions", _, "getpackageuri"]) => package(state, request, segments[1]),
        ("GET", ["machineactions", _, call]) if call.starts_with("getliveresponse") => {
            result(state, request, segments[1], segments[2])
        }
        ("POST", ["machineactions", _, "cancel"]) => cancel(state, request, segments[1]),
        _ => Err(Failure::no_such_resource()),
    }
}

fn cancel(state: &mut State, request: &Request, id: &str) -> Result<Answer, Failure> {
    let caller = admit(state, request, ACT)?;
    let comment = Body::read(request, &["Comment"])?.optional("Comment")?;
    let found = action(state, &caller, id)?;
    let (id, role) = (found.id.clone(), found.kind.role());
    let caller = admit(state, request, &[role])?;
    let tenant = &mut state.tenants[caller.tenant];
    if !tenant.cancel(&id, &caller.app, comment) {
        return Err(Failure::new(
            400,
            "BadRequest",
            format!("Action {id} has ended and cannot be cancelled"),
        ));
    }
    let action = action(state, &caller, &id)?;
    Ok(entity(200, "MachineActions/$entity", shown(action, true)))
}

/// The link's value has quotes of its own, as Microsoft's has.
fn package(state: &State, request: &Request, id: &str) -> Result<Answer, Failure> {
    let caller = admit(state, request, READ)?;
    let action = action(state, &caller, id)?;
    if action.kind != ActionKind::CollectInvestigationPackage || action.status != Status::Succeeded
    {
        return Err(not_found("Package of action", id));
    }
    let link = storage::package_link(state, &state.tenants[caller.tenant], &action.id);
    Ok(edm_string(&format!("\"{link}\"")))
}

fn result(state: &State, request: &Request, id: &str, call: &str) -> Result<Answer, Failure> {
    let caller = admit(state, request, READ)?;
    let given = arguments(call, "GetLiveResponseResultDownloadLink");
    let given = given.ok_or_else(Failure::no_such_resource)?;
    let index = argument(&given, "index").and_then(|index| index.parse::<usize>().ok());
    let index = index.ok_or_else(|| invalid("The index is not valid"))?;
    let action = action(state, &caller, id)?;
    let command = action.commands.get(index);
    // A file that was put on the device brings nothing back.
    let done = |command: &&Command| command.status == "Completed" && command.kind() != "PutFile";
    if command.filter(done).is_none() {
        return Err(not_found(
            "Result of action",
            &format!("{id}, command {index},"),
        ));
    }
    let link = storage::result_link(state, &state.tenants[caller.tenant], &action.id, index);
    Ok(edm_string(&link))
}

fn edm_string(value: &str) -> Answer {
    let body = json!({ "@odata.context": context("Edm.String"), "value": value });
    Answer::json(200, &body)
}

/// The action of this id, if the API shows it.
fn action<'s>(state: &'s State, caller: &Caller, id: &str) -> Result<&'s Action, Failure> {
    state.tenants[caller.tenant]
        .visible_actions()
        .find(|action| action.id.eq_ignore_ascii_case(id))
        .ok_or_else(|| not_found("MachineAction", id))
}

/// An action as a single object or as a list's entry, which spell the time of its last update differently.
pub(super) fn shown(action: &Action, single: bool) -> Value {
    let cancellation = action.cancellation.as_ref();
    let mut shown = json!({
        "id": action.id,
        "type": action.kind.name(),
        "title": null,
        "scope": action.scope,
        "requestor": action.requestor,
        "requestorComment": action.comment,
        "requestSource": "PublicApi",
        "externalID": action.external_id,
        "status": action.status.name(),
        "machineId": action.machine_id,
        "computerDnsName": action.computer_dns_name,
        "creationDateTimeUtc": time::format(action.created),
        "cancellationRequestor": cancellation.map(|by| &by.requestor),
        "cancellationComment": cancellation.and_then(|by| by.comment.as_ref()),
        "cancellationDateTimeUtc": cancellation.map(|by| time::format(by.at)),
        "errorHResult": 0,
        "relatedFileInfo": action.sha1.as_ref().map(|sha1| json!({
            "fileIdentifier": sha1,
            "fileIdentifierType": "Sha1",
        })),
        "commands": action.commands.iter().enumerate().map(command).collect::<Vec<_>>(),
    });
    let updated = if single {
        "lastUpdateDateTimeUtc"
    } else {
        "lastUpdateTimeUtc"
    };
    shown[updated] = time::format(action.last_update).into();
    shown
}

fn command((index, command): (usize, &Command)) -> Value {
    json!({
        "index": index,
        "startTime": command.started.map(time::format),
        "endTime": command.ended.map(time::format),
        "commandStatus": command.status,
        "errors": command.errors,
        "command": command.command,
    })
}
