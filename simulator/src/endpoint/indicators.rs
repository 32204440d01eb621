//! `/api/indicators`: list, submit, import, delete.

use serde_json::{Map, Value, json};

use super::body::{Body, incorrect, missing};
use super::list::{Listing, context, entity};
use super::{admit, invalid, not_found};
use crate::access::Caller;
use crate::answer::Answer;
use crate::indicator::Indicator;
use crate::odata::{Field, Read};
use crate::request::Request;
use crate::state::State;
use crate::tenant::Tenant;
use crate::time;
use crate::xdr::Failure;

const WRITE: &[&str] = &["Ti.ReadWrite", "Ti.ReadWrite.All"];
const LARGEST_BATCH: usize = 500;
const MOST_INDICATORS: usize = 15_000;
const KEYS: &[&str] = &[
    "indicatorValue",
    "indicatorType",
    "action",
    "application",
    "title",
    "description",
    "expirationTime",
    "severity",
    "recommendedActions",
    "rbacGroupNames",
    "educateUrl",
    "generateAlert",
];
const TYPES: &[&str] = &[
    "FileSha1",
    "FileMd5",
    "CertificateThumbprint",
    "FileSha256",
    "IpAddress",
    "DomainName",
    "Url",
];
const ACTIONS: &[&str] = &["Warn", "Block", "Audit", "BlockAndRemediate", "Allowed"];
const SEVERITIES: &[&str] = &["Informational", "Low", "Medium", "High"];
const INDICATORS: Listing<Indicator> = Listing::new(
    "Indicators",
    &[
        Field::new("application", Read::Text(|one| one.application.as_deref())),
        Field::new(
            "createdByDisplayName",
            Read::Text(|one| one.created_by_display_name.as_deref()),
        ),
        Field::new(
            "expirationTime",
            Read::Instant(|one| one.expiration_time.as_deref().unwrap_or_default()),
        ),
        Field::new("generateAlert", Read::Flag(|one| Some(one.generate_alert))),
        Field::new("title", Read::Text(|one| Some(&one.title))),
        Field::new("rbacGroupNames", Read::Texts(|one| &one.rbac_group_names)),
        Field::new("rbacGroupIds", Read::Texts(|one| &one.rbac_group_ids)),
        Field::new(
            "indicatorValue",
            Read::Text(|one| Some(&one.indicator_value)),
        ),
        Field::new("indicatorType", Read::Text(|one| Some(&one.indicator_type))),
        Field::new(
            "creationTimeDateTimeUtc",
            Read::Instant(|one| &one.creation_time_date_time_utc),
        ),
        Field::new("createdBy", Read::Text(|one| Some(&one.created_by))),
        Field::new("action", Read::Text(|one| Some(&one.action))),
        Field::new("severity", Read::Text(|one| one.severity.as_deref())),
    ],
);

/// `segments` are the path's after `/api`, `words` the same in lower case.
pub(super) fn answer(
    state: &mut State,
    request: &Request,
    segments: &[&str],
    words: &[&str],
) -> Result<Answer, Failure> {
    let caller = admit(state, request, WRITE)?;
    match (request.method.as_str(), words) {
        ("GET", [_]) => {
            let all = state.tenants[caller.tenant].indicators.iter();
            let seen = all.filter(|one| sees(&caller, one));
            INDICATORS.answer(state, caller.tenant, request, seen, |one| json!(one))
        }
        ("POST", [_]) => {
            let body = Body::read(request, KEYS)?;
            let kept = submit(state, &caller, &body)?;
            Ok(entity(200, "Indicators/$entity", json!(kept)))
        }
        ("POST", [_, "import"]) => import(state, request, &caller),
        ("POST", [_, "batchdelete"]) => {
            let body = Body::read(request, &["IndicatorIds"])?;
            let ids = body.texts("IndicatorIds", LARGEST_BATCH)?;
            if let Some(id) = ids.iter().find(|id| id.parse::<u64>().is_err()) {
                return Err(invalid(format!("{id} is not the id of an indicator")));
            }
            delete(&mut state.tenants[caller.tenant], &caller, &ids)
        }
        ("DELETE", [_, _]) => {
            let id = segments[1].to_owned();
            delete(&mut state.tenants[caller.tenant], &caller, &[id])
        }
        _ => Err(Failure::no_such_resource()),
    }
}

/// With `Ti.ReadWrite` alone an application sees what it submitted.
fn sees(caller: &Caller, indicator: &Indicator) -> bool {
    caller.roles.iter().any(|role| role == "Ti.ReadWrite.All")
        || indicator.created_by.eq_ignore_ascii_case(&caller.client_id)
}

/// All of them or, if one is missing, none.
fn delete(tenant: &mut Tenant, caller: &Caller, ids: &[String]) -> Result<Answer, Failure> {
    for id in ids {
        let mut all = tenant.indicators.iter();
        if !all.any(|one| one.id == *id && sees(caller, one)) {
            return Err(not_found("Indicator", id));
        }
    }
    tenant.indicators.retain(|one| !ids.contains(&one.id));
    Ok(Answer::empty(204))
}

fn import(state: &mut State, request: &Request, caller: &Caller) -> Result<Answer, Failure> {
    let body = Body::read(request, &["Indicators"])?;
    let mut results = Vec::new();
    for item in body.batch("Indicators", LARGEST_BATCH)? {
        let object: &Map<String, Value> = item.as_object().ok_or_else(incorrect)?;
        let kept = Body::of(object.clone(), KEYS).and_then(|one| submit(state, caller, &one));
        results.push(match kept {
            Ok(kept) => json!({
                "id": kept.id,
                "indicator": kept.indicator_value,
                "isFailed": false,
                "failureReason": null,
            }),
            Err(failure) => json!({
                "id": null,
                "indicator": item["indicatorValue"],
                "isFailed": true,
                "failureReason": failure.message,
            }),
        });
    }
    let context = context("Collection(microsoft.windowsDefenderATP.api.ImportIndicatorResult)");
    Ok(Answer::json(
        200,
        &json!({ "@odata.context": context, "value": results }),
    ))
}

/// Keeps an indicator: a new one, or in place of the one with the same value and type.
fn submit(state: &mut State, caller: &Caller, body: &Body) -> Result<Indicator, Failure> {
    let now = time::format(state.clock.stamp());
    let tenant = &mut state.tenants[caller.tenant];
    let value = body.required("indicatorValue")?;
    let kind = body.required_member("indicatorType", TYPES)?;
    check_value(&kind, &value)?;
    let action = body.required_member("action", ACTIONS)?;
    let generate_alert = body.flag("generateAlert")?.unwrap_or(false);
    if action == "Audit" && !generate_alert {
        return Err(invalid("generateAlert must be true with the action Audit"));
    }
    let expiration_time = body.optional("expirationTime")?;
    if let Some(text) = expiration_time
        .as_ref()
        .filter(|text| time::parse(text).is_none())
    {
        return Err(invalid(format!("expirationTime {text} is not valid")));
    }
    let same = |one: &Indicator| {
        one.indicator_type == kind && one.indicator_value.eq_ignore_ascii_case(&value)
    };
    let before = tenant.indicators.iter().position(same);
    let old = before.map(|index| tenant.indicators[index].clone());
    if old.is_none() && tenant.indicators.len() >= MOST_INDICATORS {
        return Err(invalid(format!(
            "The tenant has {MOST_INDICATORS} indicators already"
        )));
    }
    let id = match &old {
        Some(old) => old.id.clone(),
        None => next_id(tenant),
    };
    let indicator = Indicator {
        id,
        indicator_value: value,
        indicator_type: kind,
        action,
        // An update does not change it.
        application: match &old {
            Some(old) => old.application.clone(),
            None => body.optional("application")?,
        },
        source: caller.app.clone(),
        source_type: "AadApp".into(),
        title: body.required("title")?,
        creation_time_date_time_utc: old.as_ref().map_or_else(
            || now.clone(),
            |old| old.creation_time_date_time_utc.clone(),
        ),
        created_by: old.map_or_else(|| caller.client_id.clone(), |old| old.created_by),
        created_by_display_name: Some(caller.app.clone()),
        expiration_time,
        last_update_time: now,
        last_updated_by: Some(caller.app.clone()),
        severity: body.member("severity", SEVERITIES)?,
        description: body.required("description")?,
        recommended_actions: body.optional("recommendedActions")?,
        rbac_group_names: group_names(body)?,
        rbac_group_ids: Vec::new(),
        generate_alert,
        educate_url: body.optional("educateUrl")?,
    };
    match before {
        Some(index) => tenant.indicators[index] = indicator.clone(),
        None => tenant.indicators.push(indicator.clone()),
    }
    Ok(indicator)
}

fn next_id(tenant: &Tenant) -> String {
    let ids = tenant.indicators.iter();
    let last = ids.filter_map(|one| one.id.parse::<u64>().ok()).max();
    (last.unwrap_or(1000) + 1).to_string()
}

fn group_names(body: &Body) -> Result<Vec<String>, Failure> {
    match body.get("rbacGroupNames") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(names) => serde_json::from_value(names.clone()).map_err(|_| incorrect()),
    }
}

fn check_value(kind: &str, value: &str) -> Result<(), Failure> {
    let hash =
        |digits: usize| value.len() == digits && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (fits, code) = match kind {
        "FileSha1" | "CertificateThumbprint" => (hash(40), "InvalidHashValue"),
        "FileMd5" => (hash(32), "InvalidHashValue"),
        "FileSha256" => (hash(64), "InvalidHashValue"),
        "IpAddress" => (
            value.parse::<std::net::IpAddr>().is_ok(),
            "InvalidIpAddress",
        ),
        "DomainName" => (super::is_domain(value), "InvalidDomainName"),
        "Url" => (!value.contains(char::is_whitespace), "InvalidUrl"),
        _ => return Err(missing("indicatorType")),
    };
    match fits {
        true => Ok(()),
        false => Err(Failure::new(
            400,
            code,
            format!("{value} is not a valid {kind}"),
        )),
    }
}
