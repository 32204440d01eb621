//! Incidents, alerts and rows that change while they are read.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::time::{self, SECOND};
use simulator::{Alert, Fault, Incident, Kind, Simulator, Table, Tenant, Type, Value as Cell};

use crate::client::*;

const INCIDENTS: &str = "/v1.0/security/incidents";
const ALERTS: &str = "/v1.0/security/alerts_v2";
const HUNT: &str = "/v1.0/security/runHuntingQuery";

/// 2026-11-18T09:30:00.1234567Z, where the clock stands.
fn now(api: &Api) -> i64 {
    time::parse(&api.sim.now()).unwrap()
}

fn incident(tenant: &Tenant, id: u64, updated: i64) -> Incident {
    Incident::new(&tenant.tenant_id, id, &time::format(updated))
}

fn since(instant: i64) -> Vec<(&'static str, String)> {
    let filter = format!("lastUpdateDateTime ge {}", time::format(instant));
    vec![
        ("$filter", filter),
        ("$orderby", "lastUpdateDateTime asc".into()),
    ]
}

async fn page(api: &Api, path: &str, query: &[(&str, String)]) -> Value {
    let query: Vec<(&str, &str)> = query
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let (status, body) = api.get(path, &query).await;
    assert_eq!(status, 200, "{body}");
    body
}

#[tokio::test]
async fn a_planned_update_is_seen_when_the_clock_reaches_it_however_old_it_says_to_be() {
    let api = Api::graph().await;
    let start = now(&api);
    let hour = 3600 * SECOND;
    api.sim.edit(HARBOURLINE, |tenant| {
        let in_time = incident(tenant, 40_001, start + 60 * SECOND);
        let late = incident(tenant, 40_002, start - hour);
        tenant.plan_update(start + 61 * SECOND, in_time);
        tenant.plan_update(start + 120 * SECOND, late);
    });
    let seen = async || ids(&page(&api, INCIDENTS, &since(start - hour)).await);
    let before = seen().await;
    api.sim.advance(Duration::from_secs(61));
    assert_eq!(seen().await.last().unwrap(), "40001");
    assert_eq!(seen().await.len(), before.len() + 1);
    api.sim.advance(Duration::from_secs(59));
    assert_eq!(seen().await[0], "40002");
    let to_come = api.sim.edit(HARBOURLINE, |tenant| tenant.updates_to_come());
    assert_eq!(to_come, 0);
}

#[tokio::test]
async fn an_update_replaces_the_version_before_but_never_a_newer_one() {
    let api = Api::graph().await;
    let start = now(&api);
    api.sim.edit(HARBOURLINE, |tenant| {
        for (seen, updated, title) in [(1, 1, "first"), (2, 5, "third"), (3, 3, "second")] {
            let mut version = incident(tenant, 40_001, start + updated * SECOND);
            version.display_name = title.into();
            tenant.plan_update(start + seen * SECOND, version);
        }
    });
    for title in ["first", "third", "third"] {
        api.sim.advance(Duration::from_secs(1));
        let listed = page(&api, INCIDENTS, &since(start)).await;
        let titles: Vec<&Value> = listed["value"].as_array().unwrap().iter().collect();
        assert_eq!(titles.len(), 1);
        assert_eq!(titles[0]["displayName"], title);
        let one = api.get(&format!("{INCIDENTS}/40001"), &[]).await.1;
        assert_eq!(one["displayName"], title);
    }
}

#[tokio::test]
async fn alerts_are_planned_ordered_filtered_and_clamped_like_incidents() {
    let api = Api::graph().await;
    let start = now(&api);
    api.sim.edit(HARBOURLINE, |tenant| {
        tenant.alert_page = 3;
        let device = tenant.devices[0].clone();
        for index in 0..5 {
            let at = time::format(start + (5 - index) * SECOND);
            let id = format!("planned{index}");
            let alert = Alert::new(&tenant.tenant_id, &id, "28281", &device, &at);
            tenant.plan_update(start + 10 * SECOND, alert);
        }
    });
    let mut query = since(start);
    query.push(("$top", "1000".into()));
    assert!(ids(&page(&api, ALERTS, &query).await).is_empty());
    api.sim.advance(Duration::from_secs(10));
    api.sim
        .inject(Fault::from(Kind::MissingNextLink).path(ALERTS));
    let unlinked = page(&api, ALERTS, &query).await;
    assert_eq!(ids(&unlinked), ["planned4", "planned3", "planned2"]);
    assert!(unlinked.get("@odata.nextLink").is_none());
    let linked = page(&api, ALERTS, &query).await;
    assert!(linked["@odata.nextLink"].is_string());
    query.push(("$skip", "3".into()));
    let rest = page(&api, ALERTS, &query).await;
    assert_eq!(ids(&rest), ["planned1", "planned0"]);
}

#[tokio::test]
async fn equal_instants_are_equal_in_any_number_of_digits_and_fill_pages() {
    let api = Api::graph().await;
    let start = now(&api).div_euclid(SECOND) * SECOND + SECOND;
    api.sim.edit(HARBOURLINE, |tenant| {
        tenant.incident_page = 4;
        for index in 0..10 {
            let text = time::format_with(start, index % 8);
            let tied = Incident::new(&tenant.tenant_id, 40_000 + index as u64, &text);
            tenant.incidents.push(tied);
        }
        let after = incident(tenant, 39_000, start + 1);
        tenant.incidents.push(after);
    });
    let mut seen = Vec::new();
    for skip in ["0", "4", "8"] {
        let mut query = since(start);
        query.extend([("$top", "50".into()), ("$skip", skip.into())]);
        seen.extend(ids(&page(&api, INCIDENTS, &query).await));
    }
    let mut expected: Vec<String> = (40_000..40_010).map(|id| id.to_string()).collect();
    expected.push("39000".into());
    assert_eq!(seen, expected);
    let equal = format!("lastUpdateDateTime eq {}", time::format_with(start, 7));
    let counted = page(
        &api,
        INCIDENTS,
        &[("$filter", equal), ("$count", "true".into())],
    )
    .await;
    assert_eq!(counted["@odata.count"], 10);
    let among = format!(
        "lastUpdateDateTime ge {0} and lastUpdateDateTime le {0} and createdDateTime ge {0}",
        time::format(start)
    );
    let by_creation = [
        ("$filter", among.as_str()),
        ("$orderby", "createdDateTime asc"),
        ("$skip", "7"),
    ];
    assert_eq!(
        api.ids(INCIDENTS, &by_creation).await,
        ["40007", "40008", "40009"]
    );
    let upside_down =
        "lastUpdateDateTime ge 2026-11-18T00:00:00Z and lastUpdateDateTime le 2026-11-17T00:00:00Z";
    let none = api.ids(INCIDENTS, &[("$filter", upside_down)]).await;
    assert!(none.is_empty());
}

#[tokio::test]
async fn a_hundred_thousand_updates_can_come_and_be_paged_by_instant() {
    let api = Api::graph().await;
    let start = now(&api);
    api.sim.edit(HARBOURLINE, |tenant| {
        for index in 0..100_000 {
            let planned = incident(tenant, 50_000 + index, start + index as i64);
            tenant.plan_update(start + index as i64, planned);
        }
    });
    api.sim.advance(Duration::from_secs(1));
    let mut query = since(start + 50_000);
    query.push(("$top", "10".into()));
    let expected: Vec<String> = (100_000..100_010).map(|id| id.to_string()).collect();
    assert_eq!(ids(&page(&api, INCIDENTS, &query).await), expected);
}

#[tokio::test]
async fn a_merged_incident_names_its_target_in_chains_circles_and_into_nothing_and_can_be_blank() {
    let api = Api::graph().await;
    let start = now(&api);
    api.sim.edit(HARBOURLINE, |tenant| {
        let at = time::format(start);
        for (id, target) in [(1, "2"), (2, "3"), (3, "1"), (4, "404404")] {
            let merged = incident(tenant, id, start - SECOND).merged_into(target, &at);
            tenant.incidents.push(merged);
        }
        let mut blank = incident(tenant, 5, start - SECOND).merged_into("28281", &at);
        blank.blank = true;
        tenant.incidents.push(blank);
    });
    for (id, target) in [("1", "2"), ("2", "3"), ("3", "1"), ("4", "404404")] {
        let (_, body) = api.get(&format!("{INCIDENTS}/{id}"), &[]).await;
        assert_eq!(
            (&body["status"], &body["redirectIncidentId"]),
            (&json!("redirected"), &json!(target))
        );
    }
    assert_eq!(api.get(&format!("{INCIDENTS}/404404"), &[]).await.0, 404);
    let listed = page(&api, INCIDENTS, &since(start)).await;
    let blank = &listed["value"][4];
    let at = "2026-11-18T09:30:00.1234567Z";
    assert_eq!(
        (
            &blank["id"],
            &blank["redirectIncidentId"],
            &blank["lastUpdateDateTime"]
        ),
        (&json!("5"), &json!("28281"), &json!(at))
    );
    for field in ["displayName", "severity", "classification", "customTags"] {
        assert_eq!(blank[field], Value::Null, "{field}");
    }
}

#[tokio::test]
async fn a_share_of_requests_fails_the_same_ones_for_a_seed_and_the_rest_goes_on() {
    let struck = async |seed: u64| {
        let api = Api::graph().await;
        let throttle = Fault::from(Kind::throttle(1)).path(INCIDENTS);
        api.sim.inject(throttle.share(0.3, seed));
        let broken = Fault::from(Kind::status(503)).path(INCIDENTS);
        api.sim.inject(broken.share(0.3, seed + 1));
        let mut statuses = Vec::new();
        for _ in 0..100 {
            statuses.push(api.get(INCIDENTS, &[("$top", "1")]).await.0);
        }
        let met: u32 = api.sim.faults().iter().map(|fault| fault.met).sum();
        assert_eq!(
            met as usize,
            statuses.iter().filter(|&&one| one != 200).count()
        );
        statuses
    };
    let first = struck(7).await;
    assert_eq!(first, struck(7).await);
    assert_ne!(first, struck(8).await);
    for status in [200, 429, 503] {
        let share = first.iter().filter(|&&one| one == status).count();
        assert!((10..=70).contains(&share), "{status}: {share}");
    }
}

#[tokio::test]
async fn the_clock_can_be_hours_off_the_machines() {
    let sim = Simulator::builder()
        .live_clock()
        .clock_ahead_seconds(-7200)
        .start()
        .unwrap();
    let behind = machine_now() - time::parse(&sim.now()).unwrap() / SECOND;
    assert!((7199..=7260).contains(&behind), "{behind}");
    let token = token(&sim, HARBOURLINE, GRAPH).await;
    let request = http().get(format!("{}{INCIDENTS}", sim.origin()));
    let response = request.bearer_auth(token).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let date = response.headers()["date"].to_str().unwrap().to_owned();
    let date = jiff::fmt::rfc2822::parse(&date)
        .unwrap()
        .timestamp()
        .as_second();
    assert!((7199..=7260).contains(&(machine_now() - date)), "{date}");
    let frozen = Simulator::builder()
        .clock_ahead_seconds(3600)
        .start()
        .unwrap();
    assert_eq!(frozen.now(), "2026-11-18T10:30:00.1234567Z");
}

#[tokio::test]
async fn a_hunting_window_is_kept_to_100_nanoseconds_whichever_column_tells_the_time() {
    let api = Api::graph().await;
    let start = now(&api) - 3600 * SECOND;
    api.sim.edit(HARBOURLINE, |tenant| {
        for (table, column) in [("OwnEvents", "Timestamp"), ("SignIns", "TimeGenerated")] {
            let mut events = Table::new(&[(column, Type::DateTime), ("Number", Type::Long)]);
            events.grow(10, |index| {
                let index = index as i64;
                vec![Cell::DateTime(start + index), Cell::Long(index)]
            });
            tenant.tables.insert(table.into(), events);
        }
    });
    let timespan = format!("{}/{}", time::format(start + 3), time::format(start + 6));
    for table in ["OwnEvents", "SignIns"] {
        let body = json!({ "Query": table, "Timespan": timespan });
        let (_, body) = api.send(Method::POST, HUNT, body).await;
        let rows = body["results"].as_array().unwrap();
        let numbers: Vec<i64> = rows
            .iter()
            .map(|row| row["Number"].as_i64().unwrap())
            .collect();
        assert_eq!(numbers, [3, 4, 5, 6], "{table}");
    }
}

#[tokio::test]
async fn a_hunting_result_is_cut_without_a_word_and_refused_when_too_large() {
    let api = Api::graph().await;
    let limits = |rows: usize, bytes: Option<usize>| {
        api.sim.edit(HARBOURLINE, |tenant| {
            tenant.hunting_rows = rows;
            tenant.hunting_bytes = bytes;
        });
    };
    let query = json!({ "Query": "range Row from 1 to 200 step 1" });
    let hunt = async || api.send(Method::POST, HUNT, query.clone()).await;
    limits(150, Some(1_000_000));
    let (status, body) = hunt().await;
    assert_eq!(
        (status, body["results"].as_array().unwrap().len()),
        (200, 150)
    );
    limits(150, Some(1000));
    let (status, body) = hunt().await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (400, &"BadRequest".into())
    );
    let message = body["error"]["message"].as_str().unwrap();
    let expected = "Query execution has exceeded the allowed result size.";
    assert!(message.starts_with(expected), "{message}");
}

#[tokio::test]
async fn updates_can_be_planned_over_http() {
    let api = Api::graph().await;
    let (_, mut known) = api.get(&format!("{INCIDENTS}/28292"), &[]).await;
    known["lastUpdateDateTime"] = "2026-11-18T09:31:00Z".into();
    known["displayName"] = "Planned".into();
    let at = "2026-11-18T09:32:00Z";
    let plan = json!({ "tenant": HARBOURLINE, "visibleAt": at, "incident": known });
    let (status, body) = api.send(Method::POST, "/_simulator/updates", plan).await;
    assert_eq!((status, body), (200, json!({ "updatesToCome": 1 })));
    let title = async || {
        let (_, body) = api.get(&format!("{INCIDENTS}/28292"), &[]).await;
        body["displayName"].as_str().unwrap().to_owned()
    };
    assert_ne!(title().await, "Planned");
    let clock = json!({ "advance": "PT2M" });
    api.send(Method::POST, "/_simulator/clock", clock).await;
    assert_eq!(title().await, "Planned");
    let nothing = json!({ "tenant": HARBOURLINE, "visibleAt": at });
    for wrong in [nothing, json!({ "tenant": HARBOURLINE })] {
        let (status, _) = api.send(Method::POST, "/_simulator/updates", wrong).await;
        assert_eq!(status, 400);
    }
}
