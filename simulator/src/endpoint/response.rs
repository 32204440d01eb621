//! `POST /api/machines...`: response actions, tags and device values.

use serde_json::Value;

use super::actions::shown;
use super::body::{Body, incorrect};
use super::list::entity;
use super::machines::{self, device};
use super::{admit, not_found};
use crate::action::ActionKind;
use crate::answer::Answer;
use crate::device::Device;
use crate::live_response::Command;
use crate::request::Request;
use crate::respond::Asked;
use crate::state::State;
use crate::xdr::Failure;

const WRITE: &[&str] = &["Machine.ReadWrite.All"];
const MOST_MACHINES: usize = 500;
/// The word in the path, in lower case.
const ACTIONS: &[(&str, ActionKind)] = &[
    ("isolate", ActionKind::Isolate),
    ("unisolate", ActionKind::Unisolate),
    ("runantivirusscan", ActionKind::RunAntiVirusScan),
    (
        "collectinvestigationpackage",
        ActionKind::CollectInvestigationPackage,
    ),
    ("restrictcodeexecution", ActionKind::RestrictCodeExecution),
    (
        "unrestrictcodeexecution",
        ActionKind::UnrestrictCodeExecution,
    ),
    ("stopandquarantinefile", ActionKind::StopAndQuarantineFile),
    ("offboard", ActionKind::Offboard),
    ("runliveresponse", ActionKind::LiveResponse),
];

/// `segments` are the path's after `/api`, `words` the same in lower case.
pub(super) fn change(
    state: &mut State,
    request: &Request,
    segments: &[&str],
    words: &[&str],
) -> Result<Answer, Failure> {
    if request.method != "POST" {
        return Err(Failure::no_such_resource());
    }
    match words {
        ["machines", "addorremovetagformultiplemachines"] => tag_many(state, request),
        ["machines", _, "tags"] => tag(state, request, segments[1]),
        ["machines", _, "setdevicevalue"] => set_value(state, request, segments[1]),
        ["machines", _, word] => {
            let named = ACTIONS.iter().find(|(name, _)| name == word);
            let (_, kind) = named.ok_or_else(Failure::no_such_resource)?;
            act(state, request, segments[1], *kind)
        }
        _ => Err(Failure::no_such_resource()),
    }
}

fn act(
    state: &mut State,
    request: &Request,
    id: &str,
    kind: ActionKind,
) -> Result<Answer, Failure> {
    let caller = admit(state, request, &[kind.role()])?;
    let stamp = state.clock.stamp();
    let tenant = &mut state.tenants[caller.tenant];
    let asked = asked(request, kind, caller.app)?;
    let by_id = |device: &&Device| device.id.eq_ignore_ascii_case(id);
    let found = tenant.devices.iter().find(by_id);
    let found = found.ok_or_else(|| not_found("Machine", id))?;
    suits(found, kind, asked.scope.as_deref())?;
    let asked = Asked {
        machine_id: found.id.clone(),
        ..asked
    };
    match tenant.take_on(asked, stamp) {
        Some(action) => {
            let status = if kind == ActionKind::Offboard {
                200
            } else {
                201
            };
            Ok(entity(
                status,
                "MachineActions/$entity",
                shown(action, true),
            ))
        }
        None if kind == ActionKind::LiveResponse => Err(Failure::new(
            400,
            "ActiveRequestAlreadyExists",
            "There is already an active live response request for this machine",
        )),
        None => Err(Failure::new(
            400,
            "BadRequest",
            "Action is already in progress",
        )),
    }
}

/// What the body asks for, of a device yet to be named.
fn asked(request: &Request, kind: ActionKind, requestor: String) -> Result<Asked, Failure> {
    let own: &[&str] = match kind {
        ActionKind::Isolate => &["Comment", "ExternalId", "IsolationType"],
        ActionKind::RunAntiVirusScan => &["Comment", "ExternalId", "ScanType"],
        ActionKind::StopAndQuarantineFile => &["Comment", "ExternalId", "Sha1"],
        ActionKind::LiveResponse => &["Comment", "ExternalId", "Commands"],
        _ => &["Comment", "ExternalId"],
    };
    let body = Body::read(request, own)?;
    let comment = match kind {
        ActionKind::LiveResponse => body.optional("Comment")?.unwrap_or_default(),
        _ => body.required("Comment")?,
    };
    let scope = match kind {
        ActionKind::Isolate => {
            let scopes = ["Full", "Selective", "UnManagedDevice"];
            let scope = body.member("IsolationType", &scopes)?;
            Some(scope.unwrap_or_else(|| "Full".into()))
        }
        ActionKind::RunAntiVirusScan => Some(body.required_member("ScanType", &["Quick", "Full"])?),
        _ => None,
    };
    let sha1 = match kind {
        ActionKind::StopAndQuarantineFile => Some(body.required("Sha1")?),
        _ => None,
    };
    let is_sha1 = |text: &String| text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(other) = sha1.as_ref().filter(|text| !is_sha1(text)) {
        let message = format!("{other} is not a valid SHA-1");
        return Err(Failure::new(400, "InvalidHashValue", message));
    }
    let commands = match kind {
        ActionKind::LiveResponse => commands(&body)?,
        _ => Vec::new(),
    };
    Ok(Asked {
        kind,
        machine_id: String::new(),
        requestor,
        comment,
        external_id: body.optional("ExternalId")?,
        scope,
        sha1,
        commands,
    })
}

fn commands(body: &Body) -> Result<Vec<Command>, Failure> {
    let commands = body.batch("Commands", usize::MAX)?.iter();
    let read = |command: &Value| Command::new(command.clone()).ok_or_else(incorrect);
    commands.map(read).collect()
}

/// Whether the action can be asked of such a device at all.
fn suits(device: &Device, kind: ActionKind, scope: Option<&str>) -> Result<(), Failure> {
    let windows_only = matches!(
        kind,
        ActionKind::Offboard
            | ActionKind::RestrictCodeExecution
            | ActionKind::UnrestrictCodeExecution
    ) || scope == Some("Selective");
    if windows_only && !device.is_windows() {
        let message = format!("{} is not supported on {}", kind.name(), device.os_platform);
        return Err(Failure::new(400, "OsPlatformNotSupported", message));
    }
    let managed = device.onboarding_status.eq_ignore_ascii_case("onboarded");
    let contains = scope == Some("UnManagedDevice") || kind == ActionKind::Unisolate;
    if !managed && !contains {
        return Err(Failure::new(
            400,
            "BadRequest",
            format!("Machine {} is not onboarded", device.id),
        ));
    }
    Ok(())
}

fn tag(state: &mut State, request: &Request, id: &str) -> Result<Answer, Failure> {
    let caller = admit(state, request, WRITE)?;
    let body = Body::read(request, &["Value", "Action"])?;
    let change = Tagging::read(&body)?;
    let device = device(state, caller.tenant, id)?;
    change.apply(device);
    Ok(entity(200, "Machines/$entity", machines::shown(device)))
}

fn tag_many(state: &mut State, request: &Request) -> Result<Answer, Failure> {
    let caller = admit(state, request, WRITE)?;
    let body = Body::read(request, &["Value", "Action", "MachineIds"])?;
    let change = Tagging::read(&body)?;
    let ids = body.texts("MachineIds", MOST_MACHINES)?;
    for id in &ids {
        device(state, caller.tenant, id)?;
    }
    for id in &ids {
        change.apply(device(state, caller.tenant, id)?);
    }
    let devices = state.tenants[caller.tenant].devices.iter();
    Ok(machines::several(devices.filter(|device| {
        ids.iter().any(|id| id.eq_ignore_ascii_case(&device.id))
    })))
}

struct Tagging {
    tag: String,
    adds: bool,
}

impl Tagging {
    fn read(body: &Body) -> Result<Tagging, Failure> {
        Ok(Tagging {
            tag: body.required("Value")?,
            adds: body.required_member("Action", &["Add", "Remove"])? == "Add",
        })
    }

    fn apply(&self, device: &mut Device) {
        device.machine_tags.retain(|tag| *tag != self.tag);
        if self.adds {
            device.machine_tags.push(self.tag.clone());
        }
    }
}

fn set_value(state: &mut State, request: &Request, id: &str) -> Result<Answer, Failure> {
    let caller = admit(state, request, WRITE)?;
    let body = Body::read(request, &["DeviceValue"])?;
    let value = body.required_member("DeviceValue", &["Normal", "Low", "High"])?;
    let device = device(state, caller.tenant, id)?;
    device.device_value = value;
    Ok(entity(200, "Machines/$entity", machines::shown(device)))
}
