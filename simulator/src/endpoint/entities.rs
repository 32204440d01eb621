//! `/api/files`, `/api/ips`, `/api/domains`, `/api/users`: what the hunting tables and the alerts' evidence tell of them.

use serde_json::{Value, json};

use super::files::{self, file};
use super::list::entity;
use super::users::LOGONS;
use super::{admit, alerts, invalid, is_domain, machines, not_found, text};
use crate::answer::Answer;
use crate::device::Device;
use crate::kql::value::Value as Cell;
use crate::request::Request;
use crate::state::State;
use crate::tenant::Tenant;
use crate::time::{self, SECOND};
use crate::xdr::Failure;

const MOST_HOURS: i64 = 720;

/// Something that is looked up by its value.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    File,
    Ip,
    Domain,
    User,
}

impl Kind {
    /// The kind of a path's first word, in lower case.
    fn named(word: &str) -> Option<Kind> {
        Some(match word {
            "files" => Kind::File,
            "ips" => Kind::Ip,
            "domains" => Kind::Domain,
            "users" => Kind::User,
            _ => return None,
        })
    }

    fn read(self) -> &'static [&'static str] {
        match self {
            Kind::File => &["File.Read.All"],
            Kind::Ip => &["Ip.Read.All"],
            Kind::Domain => &["URL.Read.All"],
            Kind::User => &["User.Read.All"],
        }
    }

    /// The tables and columns that tell of it.
    fn sources(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Kind::File => &[
                ("DeviceFileEvents", "SHA1"),
                ("DeviceFileEvents", "SHA256"),
                ("DeviceProcessEvents", "SHA1"),
                ("DeviceProcessEvents", "SHA256"),
            ],
            Kind::Ip => &[("DeviceNetworkEvents", "RemoteIP"), (LOGONS, "RemoteIP")],
            Kind::Domain => &[("DeviceNetworkEvents", "RemoteUrl")],
            Kind::User => &[(LOGONS, "AccountName")],
        }
    }

    fn check(self, id: &str) -> Result<(), Failure> {
        let hash = id.bytes().all(|byte| byte.is_ascii_hexdigit()) && [40, 64].contains(&id.len());
        let (fits, code) = match self {
            Kind::File => (hash, "InvalidHashValue"),
            Kind::Ip => (id.parse::<std::net::IpAddr>().is_ok(), "InvalidIpAddress"),
            Kind::Domain => (is_domain(id), "InvalidDomainName"),
            Kind::User => (true, ""),
        };
        match fits {
            true => Ok(()),
            false => Err(Failure::new(400, code, format!("{id} is not valid"))),
        }
    }

    /// Whether a piece of an alert's evidence is about it.
    pub fn is_told_by(self, evidence: &Value, id: &str) -> bool {
        let same = |pointer: &str| {
            let told = evidence.pointer(pointer).and_then(Value::as_str);
            told.is_some_and(|told| told.eq_ignore_ascii_case(id))
        };
        match self {
            Kind::File => [
                "/fileDetails/sha1",
                "/fileDetails/sha256",
                "/imageFile/sha1",
                "/imageFile/sha256",
            ]
            .into_iter()
            .any(same),
            Kind::Ip => same("/ipAddress"),
            Kind::Domain => {
                text(evidence, "url").is_some_and(|url| host(url).eq_ignore_ascii_case(id))
            }
            Kind::User => same("/userAccount/accountName"),
        }
    }
}

/// `segments` are the path's after `/api`, `words` the same in lower case.
pub(super) fn answer(
    state: &State,
    request: &Request,
    segments: &[&str],
    words: &[&str],
) -> Result<Answer, Failure> {
    let kind = Kind::named(words[0]).ok_or_else(Failure::no_such_resource)?;
    let id = *segments.get(1).ok_or_else(Failure::no_such_resource)?;
    let sufficient = match words.get(2) {
        Some(&"alerts") => alerts::READ,
        Some(&"machines") => machines::READ,
        _ => kind.read(),
    };
    let caller = admit(state, request, sufficient)?;
    kind.check(id)?;
    let tenant = &state.tenants[caller.tenant];
    match (kind, &words[2..]) {
        (Kind::File, []) => {
            let file = file(tenant, id).ok_or_else(|| not_found("File", id))?;
            Ok(entity(200, "Files/$entity", file))
        }
        (Kind::User, ["stats"]) => Err(Failure::no_such_resource()),
        (_, ["stats"]) => {
            let since = state.clock.now() - look_back(request)?;
            stats(tenant, kind, id, &sightings(tenant, kind, id), since)
        }
        (_, ["alerts"]) => alerts::list(state, caller.tenant, request, |alert| {
            alert.evidence().iter().any(|one| kind.is_told_by(one, id))
        }),
        (Kind::File | Kind::Domain | Kind::User, ["machines"]) => {
            let seen = devices(tenant, kind, id);
            machines::MACHINES.answer(state, caller.tenant, request, seen, machines::shown)
        }
        _ => Err(Failure::no_such_resource()),
    }
}

pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', ':']).next().unwrap_or(rest)
}

/// When and on which device something was seen.
fn sightings(tenant: &Tenant, kind: Kind, id: &str) -> Vec<(i64, String)> {
    let mut seen = Vec::new();
    for (table, column) in kind.sources() {
        let Some(table) = tenant.tables.get(*table) else {
            continue;
        };
        for row in table.cells(["Timestamp", "DeviceId", column]) {
            if let [
                Cell::DateTime(at),
                Cell::String(device),
                Cell::String(value),
            ] = row
                && (value.eq_ignore_ascii_case(id) || host(value).eq_ignore_ascii_case(id))
            {
                seen.push((*at, device.to_string()));
            }
        }
    }
    seen
}

/// The devices of the sightings, and of the evidence that names it.
fn devices<'t>(tenant: &'t Tenant, kind: Kind, id: &str) -> Vec<&'t Device> {
    let mut ids: Vec<String> = sightings(tenant, kind, id)
        .into_iter()
        .map(|(_, id)| id)
        .collect();
    if kind == Kind::File {
        for evidence in tenant.alerts.iter().flat_map(|alert| alert.evidence()) {
            if kind.is_told_by(&evidence, id) {
                ids.extend(text(&evidence, "mdeDeviceId").map(str::to_owned));
            }
        }
    }
    tenant
        .devices
        .iter()
        .filter(|device| ids.contains(&device.id))
        .collect()
}

fn look_back(request: &Request) -> Result<i64, Failure> {
    let hours = match request.parameter("lookBackHours") {
        None => Some(MOST_HOURS),
        Some(hours) => hours
            .parse()
            .ok()
            .filter(|hours| (1..=MOST_HOURS).contains(hours)),
    };
    let hours = hours.ok_or_else(|| invalid("lookBackHours is a number from 1 to 720"))?;
    Ok(hours * 3600 * SECOND)
}

fn stats(
    tenant: &Tenant,
    kind: Kind,
    id: &str,
    seen: &[(i64, String)],
    since: i64,
) -> Result<Answer, Failure> {
    let lately = || seen.iter().filter(|(at, _)| *at >= since);
    let mut devices: Vec<&str> = lately().map(|(_, device)| device.as_str()).collect();
    devices.sort_unstable();
    devices.dedup();
    let times = || lately().map(|(at, _)| *at);
    let mut body = json!({
        "organizationPrevalence": devices.len(),
        "orgFirstSeen": times().min().map(time::format),
        "orgLastSeen": times().max().map(time::format),
    });
    let of = match kind {
        Kind::File => {
            let file = file(tenant, id).ok_or_else(|| not_found("File", id))?;
            body["sha1"] = file["sha1"].clone();
            body["globallyPrevalence"] = file["globalPrevalence"].clone();
            body["globalFirstObserved"] = file["globalFirstObserved"].clone();
            body["globalLastObserved"] = file["globalLastObserved"].clone();
            body["topFileNames"] = files::names(tenant, id).into();
            "InOrgFileStats"
        }
        Kind::Ip => {
            body["ipAddress"] = id.into();
            "InOrgIPStats"
        }
        Kind::Domain | Kind::User => {
            body["host"] = id.into();
            "InOrgDomainStats"
        }
    };
    Ok(entity(
        200,
        &format!("microsoft.windowsDefenderATP.api.{of}"),
        body,
    ))
}
