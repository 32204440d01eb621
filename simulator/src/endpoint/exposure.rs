//! `/api/vulnerabilities`, `/api/Software`, `/api/recommendations`, the same of a device, and the scores.

use serde_json::{Value, json};

use super::list::{Listing, entity};
use super::{admit, machines, not_found, text};
use crate::answer::Answer;
use crate::device::Device;
use crate::exposure::{Exposure, Known};
use crate::odata::{Field, Read};
use crate::request::Request;
use crate::state::State;
use crate::time;
use crate::xdr::Failure;

const VULNERABILITY: &[&str] = &["Vulnerability.Read.All"];
const SOFTWARE: &[&str] = &["Software.Read.All"];
const RECOMMENDATION: &[&str] = &["SecurityRecommendation.Read.All"];
const VULNERABILITIES_LIST: Listing<Known> = Listing {
    largest_top: 8_000,
    ..Listing::new(
        "Vulnerabilities",
        &[
            Field::new("id", Read::Text(|one| text(&one.item, "id"))),
            Field::new("name", Read::Text(|one| text(&one.item, "name"))),
            Field::new(
                "description",
                Read::Text(|one| text(&one.item, "description")),
            ),
            Field::new("cvssV3", Read::Number(|one| one.item["cvssV3"].as_f64())),
            Field::new(
                "publishedOn",
                Read::Instant(|one| text(&one.item, "publishedOn").unwrap_or_default()),
            ),
            Field::new("severity", Read::Text(|one| text(&one.item, "severity"))),
            Field::new(
                "updatedOn",
                Read::Instant(|one| text(&one.item, "updatedOn").unwrap_or_default()),
            ),
        ],
    )
};
const SOFTWARE_LIST: Listing<Known> = Listing::new(
    "Software",
    &[
        Field::new("id", Read::Text(|one| text(&one.item, "id"))),
        Field::new("name", Read::Text(|one| text(&one.item, "name"))),
        Field::new("vendor", Read::Text(|one| text(&one.item, "vendor"))),
    ],
);
const RECOMMENDATIONS_LIST: Listing<Known> = Listing::new(
    "Recommendations",
    &[
        Field::new("id", Read::Text(|one| text(&one.item, "id"))),
        Field::new(
            "productName",
            Read::Text(|one| text(&one.item, "productName")),
        ),
        Field::new("vendor", Read::Text(|one| text(&one.item, "vendor"))),
        Field::new(
            "recommendedVersion",
            Read::Text(|one| text(&one.item, "recommendedVersion")),
        ),
        Field::new(
            "recommendationCategory",
            Read::Text(|one| text(&one.item, "recommendationCategory")),
        ),
        Field::new(
            "subCategory",
            Read::Text(|one| text(&one.item, "subCategory")),
        ),
        Field::new(
            "severityScore",
            Read::Number(|one| one.item["severityScore"].as_f64()),
        ),
        Field::new(
            "remediationType",
            Read::Text(|one| text(&one.item, "remediationType")),
        ),
        Field::new(
            "recommendedProgram",
            Read::Text(|one| text(&one.item, "recommendedProgram")),
        ),
        Field::new(
            "recommendedVendor",
            Read::Text(|one| text(&one.item, "recommendedVendor")),
        ),
        Field::new("status", Read::Text(|one| text(&one.item, "status"))),
    ],
);
const MISSING_KBS: Listing<Known> = Listing::new(
    "Collection(microsoft.windowsDefenderATP.api.PublicProductFixDto)",
    &[],
);
const DISTRIBUTIONS: Listing<Value> = Listing::new("Distributions", &[]);
const REFERENCES: Listing<Device> = Listing::new("MachineReferences", &[]);

/// `segments` are the path's after `/api`, `words` the same in lower case.
pub(super) fn answer(
    state: &State,
    request: &Request,
    segments: &[&str],
    words: &[&str],
) -> Result<Answer, Failure> {
    let own = match words[0] {
        "vulnerabilities" => VULNERABILITY,
        "software" => SOFTWARE,
        _ => RECOMMENDATION,
    };
    let sufficient = match words.get(2) {
        Some(&"vulnerabilities") => VULNERABILITY,
        _ => own,
    };
    let tenant = admit(state, request, sufficient)?.tenant;
    let exposure = &state.tenants[tenant].exposure;
    let (all, listing, context) = match words[0] {
        "vulnerabilities" => (
            &exposure.vulnerabilities,
            VULNERABILITIES_LIST,
            "Vulnerabilities/$entity",
        ),
        "software" => (&exposure.software, SOFTWARE_LIST, "Software/$entity"),
        _ => (
            &exposure.recommendations,
            RECOMMENDATIONS_LIST,
            "Recommendations/$entity",
        ),
    };
    let Some(id) = segments.get(1) else {
        return listing.answer(state, tenant, request, all, shown);
    };
    let found = all.iter().find(|one| one.id().eq_ignore_ascii_case(id));
    let one = found.ok_or_else(|| not_found("Resource", id))?;
    match words[2..] {
        [] => Ok(entity(200, context, one.item.clone())),
        ["machinereferences"] => {
            let devices = state.tenants[tenant].devices.iter();
            let affected = devices.filter(|device| one.devices.contains(&device.id));
            REFERENCES.answer(state, tenant, request, affected, reference)
        }
        ["vulnerabilities"] if words[0] != "vulnerabilities" => {
            let related = exposure
                .vulnerabilities
                .iter()
                .filter(|cve| match words[0] {
                    "software" => cve.software.iter().any(|id| id == one.id()),
                    _ => one.vulnerabilities.iter().any(|id| id == cve.id()),
                });
            VULNERABILITIES_LIST.answer(state, tenant, request, related, shown)
        }
        ["software"] if words[0] == "recommendations" => {
            let mut all = exposure.software.iter();
            let product = all.find(|product| one.software.iter().any(|id| id == product.id()));
            let product = product.ok_or_else(|| not_found("Software of recommendation", id))?;
            Ok(entity(
                200,
                "Analytics.Contracts.PublicAPI.PublicProductDto",
                product.item.clone(),
            ))
        }
        ["distributions"] if words[0] == "software" => {
            let versions: Vec<Value> = one
                .versions
                .iter()
                .map(|version| {
                    json!({
                        "version": version.version,
                        "installations": version.installations,
                        "vulnerabilities": version.vulnerabilities,
                    })
                })
                .collect();
            DISTRIBUTIONS.answer(state, tenant, request, &versions, Value::clone)
        }
        ["getmissingkbs"] if words[0] == "software" => {
            let all = exposure.missing_kbs.iter();
            let missing = all.filter(|kb| kb.software.iter().any(|id| id == one.id()));
            MISSING_KBS.answer(state, tenant, request, missing, shown)
        }
        _ => Err(Failure::no_such_resource()),
    }
}

/// `related` is the last word of `/api/machines/{id}/...`, in lower case.
pub(super) fn of_device(
    state: &State,
    request: &Request,
    id: &str,
    related: &str,
) -> Result<Answer, Failure> {
    type Of = fn(&Exposure) -> &Vec<Known>;
    let (sufficient, of, listing): (_, Of, _) = match related {
        "software" => (SOFTWARE, |all| &all.software, SOFTWARE_LIST),
        "vulnerabilities" => (
            VULNERABILITY,
            |all| &all.vulnerabilities,
            VULNERABILITIES_LIST,
        ),
        "recommendations" => (
            RECOMMENDATION,
            |all| &all.recommendations,
            RECOMMENDATIONS_LIST,
        ),
        "getmissingkbs" => (SOFTWARE, |all| &all.missing_kbs, MISSING_KBS),
        _ => return Err(Failure::no_such_resource()),
    };
    let tenant = admit(state, request, sufficient)?.tenant;
    let device = machines::known(state, tenant, id)?;
    let all = of(&state.tenants[tenant].exposure).iter();
    let here = all.filter(|one| one.devices.contains(&device.id));
    listing.answer(state, tenant, request, here, shown)
}

/// `words` are the path's after `/api` in lower case.
pub(super) fn score(state: &State, request: &Request, words: &[&str]) -> Result<Answer, Failure> {
    let tenant = admit(state, request, &["Score.Read.All"])?.tenant;
    let exposure = &state.tenants[tenant].exposure;
    let time = time::format(state.clock.now());
    match words {
        ["exposurescore"] => {
            let body = json!({ "time": time, "score": exposure.exposure_score });
            Ok(entity(200, "ExposureScore/$entity", body))
        }
        ["configurationscore"] => {
            let body = json!({ "time": time, "score": exposure.secure_score });
            Ok(entity(200, "ConfigurationScore/$entity", body))
        }
        ["exposurescore", "bymachinegroups"] => {
            let groups = exposure.by_group.iter().map(|group| {
                json!({
                    "time": time,
                    "score": group.score,
                    "rbacGroupName": group.rbac_group_name,
                    "rbacGroupId": group.rbac_group_id,
                })
            });
            let groups: Vec<Value> = groups.collect();
            let listing: Listing<Value> = Listing::new("ExposureScore", &[]);
            listing.answer(state, tenant, request, &groups, Value::clone)
        }
        _ => Err(Failure::no_such_resource()),
    }
}

fn shown(known: &Known) -> Value {
    known.item.clone()
}

fn reference(device: &Device) -> Value {
    json!({
        "id": device.id,
        "computerDnsName": device.computer_dns_name,
        "osPlatform": device.os_platform,
        "rbacGroupId": device.rbac_group_id,
        "rbacGroupName": device.rbac_group_name,
    })
}
