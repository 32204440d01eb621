//! `GET /api/machines...`: devices, and what is asked about one of them.

use serde_json::{Value, json};

use super::list::{Listing, context, entity};
use super::{admit, alerts, argument, arguments, exposure, invalid, not_found, related};
use crate::answer::Answer;
use crate::device::Device;
use crate::odata::{Field, Read};
use crate::request::Request;
use crate::state::State;
use crate::time::{self, SECOND};
use crate::xdr::Failure;

pub(super) const READ: &[&str] = &["Machine.Read.All", "Machine.ReadWrite.All"];
/// How far from an instant a device may have had an address.
const AROUND: i64 = 15 * 60 * SECOND;
/// How far back addresses are known.
const OLDEST: i64 = 30 * 86_400 * SECOND;

pub(super) const MACHINES: Listing<Device> = Listing::new(
    "Machines",
    &[
        Field::new(
            "computerDnsName",
            Read::Name(|device| Some(&device.computer_dns_name)),
        ),
        Field::new("id", Read::Text(|device| Some(&device.id))),
        Field::new("version", Read::Text(|device| device.version.as_deref())),
        Field::new(
            "deviceValue",
            Read::Text(|device| Some(&device.device_value)),
        ),
        Field::new(
            "aadDeviceId",
            Read::Guid(|device| device.aad_device_id.as_deref()),
        ),
        Field::new("machineTags", Read::Texts(|device| &device.machine_tags)),
        Field::new("lastSeen", Read::Instant(|device| &device.last_seen)),
        Field::new(
            "exposureLevel",
            Read::Text(|device| Some(&device.exposure_level)),
        ),
        Field::new(
            "onboardingStatus",
            Read::Text(|device| Some(&device.onboarding_status)),
        ),
        Field::new(
            "lastIpAddress",
            Read::Text(|device| device.last_ip_address.as_deref()),
        ),
        Field::new(
            "healthStatus",
            Read::Text(|device| Some(&device.health_status)),
        ),
        Field::new("osPlatform", Read::Text(|device| Some(&device.os_platform))),
        Field::new("riskScore", Read::Text(|device| Some(&device.risk_score))),
        Field::new(
            "rbacGroupId",
            Read::Number(|device| device.rbac_group_id.map(|id| id as f64)),
        ),
    ],
);

/// `segments` are the path's after `/api`, `words` the same in lower case.
pub(super) fn read(
    state: &State,
    request: &Request,
    segments: &[&str],
    words: &[&str],
) -> Result<Answer, Failure> {
    match words {
        ["machines"] => list(state, request),
        ["machines", "findbytag"] => by_tag(state, request),
        ["machines", call] if call.starts_with("findbyip(") => by_ip(state, request, segments[1]),
        ["machines", _] => {
            let caller = admit(state, request, READ)?;
            let device = known(state, caller.tenant, segments[1])?;
            Ok(entity(200, "Machines/$entity", shown(device)))
        }
        ["machines", _, "alerts"] => alerts::of_device(state, request, segments[1]),
        ["machines", _, "logonusers"] => related::logon_users(state, request, segments[1]),
        ["machines", _, related] => exposure::of_device(state, request, segments[1], related),
        _ => Err(Failure::no_such_resource()),
    }
}

fn list(state: &State, request: &Request) -> Result<Answer, Failure> {
    let caller = admit(state, request, READ)?;
    let devices = &state.tenants[caller.tenant].devices;
    if devices.is_empty() {
        return Err(Failure::new(
            404,
            "ResourceNotFound",
            "No recent machines were found",
        ));
    }
    MACHINES.answer(state, caller.tenant, request, devices, shown)
}

fn by_tag(state: &State, request: &Request) -> Result<Answer, Failure> {
    let caller = admit(state, request, READ)?;
    let tag = request.parameter("tag").unwrap_or_default().to_lowercase();
    if tag.is_empty() {
        return Err(super::body::missing("tag"));
    }
    let prefix = request
        .parameter("useStartsWithFilter")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let bears = |device: &&Device| {
        let mut tags = device.machine_tags.iter().map(|own| own.to_lowercase());
        tags.any(|own| own == tag || prefix && own.starts_with(&tag))
    };
    let devices = state.tenants[caller.tenant].devices.iter().filter(bears);
    MACHINES.answer(state, caller.tenant, request, devices, shown)
}

/// A device is taken to have had its addresses since it was first seen: an active one until now, another until its last
/// report.
fn by_ip(state: &State, request: &Request, call: &str) -> Result<Answer, Failure> {
    let caller = admit(state, request, READ)?;
    let given = arguments(call, "findbyip").unwrap_or_default();
    let ip = argument(&given, "ip").filter(|ip| ip.parse::<std::net::IpAddr>().is_ok());
    let ip =
        ip.ok_or_else(|| Failure::new(400, "InvalidIpAddress", "The IP address is not valid"))?;
    let at = argument(&given, "timestamp").and_then(time::parse);
    let at = at.ok_or_else(|| invalid("The timestamp is not valid"))?;
    let now = state.clock.now();
    if at < now - OLDEST {
        return Err(invalid("The timestamp is more than 30 days old"));
    }
    let had = |device: &&Device| {
        let first = time::parse(&device.first_seen).unwrap_or(i64::MIN + AROUND);
        let last = match device.health_status.as_str() {
            "Active" => now,
            _ => time::parse(&device.last_seen).unwrap_or(now),
        };
        device.has_address(ip) && (first - AROUND..=last + AROUND).contains(&at)
    };
    let devices = state.tenants[caller.tenant].devices.iter().filter(had);
    MACHINES.answer(state, caller.tenant, request, devices, shown)
}

/// The same to be read only.
pub(super) fn known<'s>(state: &'s State, tenant: usize, id: &str) -> Result<&'s Device, Failure> {
    let is = |device: &&Device| {
        device.id.eq_ignore_ascii_case(id) || device.computer_dns_name.eq_ignore_ascii_case(id)
    };
    let device = state.tenants[tenant].devices.iter().find(is);
    device.ok_or_else(|| not_found("Machine", id))
}

/// The tenant's device of this id or DNS name.
pub(super) fn device<'s>(
    state: &'s mut State,
    tenant: usize,
    id: &str,
) -> Result<&'s mut Device, Failure> {
    let device = state.tenants[tenant].device(id);
    device.ok_or_else(|| not_found("Machine", id))
}

pub(super) fn shown(device: &Device) -> Value {
    json!(device)
}

/// Several devices, under the context of a list.
pub(super) fn several<'d>(devices: impl IntoIterator<Item = &'d Device>) -> Answer {
    let value: Vec<Value> = devices.into_iter().map(shown).collect();
    Answer::json(
        200,
        &json!({ "@odata.context": context("Machines"), "value": value }),
    )
}
