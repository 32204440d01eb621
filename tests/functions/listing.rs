//! Listings of many pages, under the caps that Graph really has.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use simulator::{Fault, Kind, Simulator};

use crate::{api_requests, builder, code, function, ids, invoke, invoke_xdr, lines, problem};

/// A simulator whose first tenant has `count` incidents more, all of severity "low", shaped by `created`.
fn with_incidents(count: usize, created: impl Fn(usize) -> String) -> Simulator {
    let simulator = Simulator::start();
    simulator.edit("harbourline.example", |tenant| {
        tenant.incidents.clear();
        tenant.grow_incidents(count, |index, incident| {
            incident.created_date_time = created(index);
            incident.last_update_date_time = created(index);
        });
    });
    simulator
}

fn minute(index: usize) -> String {
    format!(
        "2026-11-0{}T{:02}:{:02}:00.1234567Z",
        1 + index / 1440,
        index / 60 % 24,
        index % 60
    )
}

fn all_ids(simulator: &Simulator) -> BTreeSet<String> {
    simulator.edit("harbourline.example", |tenant| {
        tenant
            .incidents
            .iter()
            .map(|incident| incident.id.clone())
            .collect()
    })
}

#[track_caller]
fn assert_each_once(listed: &[String], simulator: &Simulator) {
    let distinct: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(distinct.len(), listed.len(), "some came twice");
    assert_eq!(distinct, all_ids(simulator), "some are missing");
}

#[tokio::test]
async fn a_listing_longer_than_skip_allows_comes_whole_and_in_order() {
    let simulator = with_incidents(730, minute);
    let answer = invoke(&simulator, "list_incidents", json!({"top": 5000}))
        .await
        .json();
    assert_each_once(&ids(&answer), &simulator);
    assert_eq!(answer["next"], Value::Null);
    let created: Vec<_> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["createdDateTime"].as_str())
        .collect();
    assert!(created.is_sorted_by(|a, b| a >= b));
    for request in api_requests(&simulator) {
        assert!(request.parameter("$top").unwrap().parse::<u32>().unwrap() <= 50);
        assert_eq!(request.parameter("$skip"), None);
    }
}

#[tokio::test]
async fn equal_times_over_a_page_edge_are_neither_lost_nor_repeated() {
    // Runs of 1, 30 and 7 incidents of one instant, in turn.
    let simulator = with_incidents(200, |index| {
        minute(index / 38 * 3 + [1, 30, 37].iter().filter(|end| index % 38 >= **end).count())
    });
    let answer = invoke(&simulator, "list_incidents", json!({"top": 1000}))
        .await
        .json();
    assert_each_once(&ids(&answer), &simulator);
}

#[tokio::test]
async fn more_equal_times_than_fit_on_a_page_are_paged_through() {
    let simulator = with_incidents(330, |index| {
        minute(if (40..300).contains(&index) {
            40
        } else {
            index
        })
    });
    let answer = invoke(&simulator, "list_incidents", json!({"top": 1000}))
        .await
        .json();
    assert_each_once(&ids(&answer), &simulator);
}

#[tokio::test]
async fn more_equal_times_than_skip_allows_are_said_to_be_too_many() {
    let simulator = with_incidents(700, |_| minute(0));
    let first = invoke(&simulator, "list_incidents", json!({"top": 1000}))
        .await
        .json();
    assert!(ids(&first).len() >= 500);
    let problem = problem(
        &invoke(
            &simulator,
            "list_incidents",
            json!({"cursor": first["next"]}),
        )
        .await,
    );
    assert_eq!(problem["code"], json!("TooLarge"));
    assert!(problem["detail"].as_str().unwrap().contains("filter"));
}

#[tokio::test]
async fn a_missing_next_link_ends_nothing() {
    let simulator = with_incidents(130, minute);
    simulator.inject(Fault::from(Kind::MissingNextLink).times(0));
    let answer = invoke(&simulator, "list_incidents", json!({"top": 1000}))
        .await
        .json();
    assert_each_once(&ids(&answer), &simulator);
}

#[tokio::test]
async fn a_cursor_goes_on_where_the_answer_ended_whatever_arrives_between() {
    let simulator = with_incidents(120, minute);
    let expected = all_ids(&simulator);
    let function = function(&simulator, "list_incidents");
    let (mut listed, mut input) = (Vec::new(), json!({"top": 35}));
    for page in 0.. {
        assert!(page < 500, "the listing does not end");
        let answer = function.invoke(input.to_string()).await.json();
        listed.extend(ids(&answer));
        let Some(next) = answer["next"].as_str() else {
            break;
        };
        input = json!({"top": 35, "cursor": next});
        simulator.edit("harbourline.example", |tenant| {
            tenant.grow_incidents(1, |_, incident| {
                incident.created_date_time = "2026-11-18T09:00:00Z".to_owned()
            });
        });
    }
    assert_eq!(listed.len(), expected.len());
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
async fn a_cursor_keeps_the_filter_of_its_listing() {
    let simulator = Simulator::start();
    let first = invoke(
        &simulator,
        "list_incidents",
        json!({"severity": "high", "top": 1}),
    )
    .await
    .json();
    let next = first["next"]
        .as_str()
        .expect("more than one incident is of high severity");
    let second = invoke(
        &simulator,
        "list_incidents",
        json!({"cursor": next, "top": 1}),
    )
    .await
    .json();
    assert_eq!(second["items"][0]["severity"], json!("high"));
    assert_ne!(ids(&first), ids(&second));
    let other = invoke(
        &simulator,
        "list_incidents",
        json!({"cursor": next, "severity": "low"}),
    )
    .await;
    assert_eq!(code(&other), "InvalidInput");
    let alerts = invoke(&simulator, "list_alerts", json!({"cursor": next})).await;
    assert_eq!(code(&alerts), "InvalidInput");
}

#[tokio::test]
async fn a_next_page_on_another_host_is_an_error_and_nobody_goes_there() {
    let (simulator, elsewhere) = (with_incidents(130, minute), Simulator::start());
    let fault = Kind::NextLinkTo {
        origin: elsewhere.origin().to_owned(),
    };
    simulator.inject(Fault::from(fault).path("/v1.0/"));
    let outcome = invoke(&simulator, "list_incidents", json!({"top": 100})).await;
    assert_eq!(code(&outcome), "UpstreamRejected");
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_page_that_cannot_be_had_leaves_the_others_and_a_place_to_go_on() {
    let simulator = with_incidents(130, minute);
    simulator.inject(
        Fault::from(Kind::status(503))
            .path("/v1.0/")
            .skip(1)
            .times(4),
    );
    let function = function(&simulator, "list_incidents");
    let first = function.invoke(r#"{"top": 130}"#).await.json();
    assert_eq!(ids(&first).len(), 50);
    let rest = function
        .invoke(json!({"top": 130, "cursor": first["next"]}).to_string())
        .await
        .json();
    let all: Vec<_> = [ids(&first), ids(&rest)].concat();
    assert_each_once(&all, &simulator);
}

#[tokio::test]
async fn what_fits_into_the_reply_is_returned_with_the_place_to_go_on() {
    let simulator = with_incidents(200, minute);
    simulator.edit("harbourline.example", |tenant| {
        for incident in &mut tenant.incidents {
            incident.description = Some("d".repeat(60_000));
        }
    });
    let function = function(&simulator, "list_incidents");
    let (mut listed, mut input) = (Vec::new(), json!({"top": 200}));
    for page in 0.. {
        assert!(page < 500, "the listing does not end");
        let answer = function.invoke(input.to_string()).await.json();
        listed.extend(ids(&answer));
        let Some(next) = answer["next"].as_str() else {
            break;
        };
        input = json!({"top": 200, "cursor": next});
    }
    assert_each_once(&listed, &simulator);
}

#[tokio::test]
async fn a_page_too_large_for_the_reply_is_fetched_smaller() {
    let simulator = with_incidents(60, minute);
    simulator.edit("harbourline.example", |tenant| {
        for incident in &mut tenant.incidents {
            incident.description = Some("d".repeat(300_000));
        }
    });
    let answer = invoke(&simulator, "list_incidents", json!({"top": 60}))
        .await
        .json();
    assert!((1..50).contains(&ids(&answer).len()));
    assert!(answer["next"].is_string());
}

#[tokio::test]
async fn expanding_alerts_degrades_to_smaller_pages() {
    let simulator = with_incidents(60, minute);
    simulator.inject(Kind::ExpandFails {
        incidents: vec![],
        page_larger_than: Some(20),
    });
    let answer = invoke(
        &simulator,
        "list_incidents",
        json!({"top": 60, "expandAlerts": true}),
    )
    .await
    .json();
    assert_each_once(&ids(&answer), &simulator);
    assert!(
        answer["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item["alerts"].is_array())
    );
    assert_eq!(answer["incomplete"], Value::Null);
}

#[tokio::test]
async fn expanding_alerts_degrades_to_one_incident_at_a_time_and_reports_the_one_that_cannot_be_had()
 {
    let simulator = with_incidents(12, minute);
    let broken = all_ids(&simulator).into_iter().nth(4).unwrap();
    simulator.inject(Kind::ExpandFails {
        incidents: vec![broken.clone()],
        page_larger_than: None,
    });
    simulator.inject(
        Fault::from(Kind::status(500))
            .path(&format!("/v1.0/security/incidents/{broken}"))
            .query("$expand=alerts")
            .times(0),
    );
    let answer = invoke(
        &simulator,
        "list_incidents",
        json!({"top": 50, "expandAlerts": true}),
    )
    .await
    .json();
    assert_each_once(&ids(&answer), &simulator);
    for item in answer["items"].as_array().unwrap() {
        assert_eq!(
            item["alerts"].is_array(),
            item["id"] != json!(broken),
            "{}",
            item["id"]
        );
    }
    assert_eq!(answer["incomplete"].as_array().unwrap().len(), 1);
    assert_eq!(answer["incomplete"][0]["id"], json!(broken));
    assert_eq!(
        answer["incomplete"][0]["problem"]["code"],
        json!("UpstreamUnavailable")
    );
}

#[tokio::test]
async fn the_defender_xdr_api_is_paged_by_hundreds_without_links() {
    let simulator = with_incidents(350, |index| minute(index / 3));
    let answer = invoke_xdr(&simulator, "list_incidents", json!({"top": 1000}))
        .await
        .json();
    assert_each_once(&ids(&answer), &simulator);
    for line in lines(&simulator) {
        assert!(!line.contains("$orderby"), "{line}");
    }
}

/// Follows a listing to its end, `top` items at a time.
async fn follow(function: &local::runtime_api::Function, mut input: Value) -> Vec<String> {
    let mut listed = Vec::new();
    for page in 0.. {
        assert!(page < 500, "the listing does not end");
        let answer = function.invoke(input.to_string()).await.json();
        listed.extend(ids(&answer));
        let Some(next) = answer["next"].as_str() else {
            return listed;
        };
        input["cursor"] = json!(next);
    }
    unreachable!("the loop returns or panics")
}

#[tokio::test]
async fn a_listing_by_update_where_creation_is_expected_loses_nothing() {
    for count in [4, 60, 250] {
        let simulator = with_incidents(count, minute);
        simulator.edit("harbourline.example", |tenant| {
            tenant.xdr_lists_by_update = true;
            for (index, incident) in tenant.incidents.iter_mut().enumerate() {
                // No relation to the order of creation.
                incident.last_update_date_time = minute(index * 7919 % 1009);
            }
        });
        let function = builder(&simulator, "list_incidents")
            .env("DEFENDER_API", "xdr")
            .start()
            .unwrap();
        for top in [1, 30, 1000] {
            if count / top < 70 {
                assert_each_once(&follow(&function, json!({ "top": top })).await, &simulator);
            }
        }
    }
}

#[tokio::test]
async fn items_that_leave_the_listing_do_not_take_others_with_them() {
    for leaving in [5, 20, 40] {
        let simulator = with_incidents(120, |_| minute(0));
        let function = function(&simulator, "list_incidents");
        let first = function
            .invoke(r#"{"status": "active", "top": 60}"#)
            .await
            .json();
        let listed = ids(&first);
        simulator.edit("harbourline.example", |tenant| {
            for id in &listed[..leaving] {
                tenant.incident(id).unwrap().status = "resolved".to_owned();
            }
        });
        let rest = follow(
            &function,
            json!({"status": "active", "top": 60, "cursor": first["next"]}),
        )
        .await;
        assert_each_once(&[listed, rest].concat(), &simulator);
    }
}

#[tokio::test]
async fn relative_times_may_be_repeated_with_the_cursor() {
    let simulator = Simulator::builder().live_clock().start().unwrap();
    let function = function(&simulator, "list_incidents");
    let input = json!({"createdSince": "P30D", "top": 2});
    let expected = ids(&function
        .invoke(json!({"createdSince": "P30D"}).to_string())
        .await
        .json());
    assert!(expected.len() > 4);
    assert_eq!(follow(&function, input).await, expected);
}

#[tokio::test]
async fn a_cursor_is_of_one_tenant_and_one_api() {
    let simulator = Simulator::start();
    let function = builder(&simulator, "list_incidents")
        .env("ALLOWED_TENANTS", "kitsune-foods.example")
        .start()
        .unwrap();
    let next = function.invoke(r#"{"top": 1}"#).await.json()["next"].clone();
    let elsewhere = json!({"cursor": next, "tenantId": "kitsune-foods.example"});
    assert_eq!(
        code(&function.invoke(elsewhere.to_string()).await),
        "InvalidInput"
    );
    assert_eq!(
        code(&invoke_xdr(&simulator, "list_incidents", json!({"cursor": next})).await),
        "InvalidInput"
    );
    let expanded = json!({"cursor": next, "expandAlerts": true});
    assert_eq!(
        code(&function.invoke(expanded.to_string()).await),
        "InvalidInput"
    );
}

#[tokio::test]
async fn an_incident_that_is_gone_or_too_large_to_expand_is_reported_and_passed() {
    let simulator = with_incidents(12, minute);
    let ids_there: Vec<_> = all_ids(&simulator).into_iter().collect();
    let (gone, large) = (&ids_there[3], &ids_there[7]);
    simulator.inject(Kind::ExpandFails {
        incidents: vec![],
        page_larger_than: Some(1),
    });
    let at = |id: &str| format!("/v1.0/security/incidents/{id}");
    simulator.inject(
        Fault::from(Kind::status(404))
            .path(&at(gone))
            .query("$expand=alerts")
            .times(0),
    );
    let body =
        json!({"id": large, "createdDateTime": minute(7), "alerts": ["a".repeat(7_000_000)]});
    simulator.inject(
        Fault::from(Kind::WrongShape { body: Some(body) })
            .path(&at(large))
            .times(0),
    );
    let function = function(&simulator, "list_incidents");
    let (mut listed, mut incomplete) = (Vec::new(), Vec::new());
    let mut input = json!({"expandAlerts": true});
    for page in 0.. {
        assert!(page < 500, "the listing does not end");
        let answer = function.invoke(input.to_string()).await.json();
        listed.extend(ids(&answer));
        for one in answer["incomplete"].as_array().into_iter().flatten() {
            assert!(
                ids(&answer).iter().any(|id| one["id"] == json!(id)),
                "{one} is not among the items"
            );
            incomplete.push((one["id"].clone(), one["problem"]["code"].clone()));
        }
        let Some(next) = answer["next"].as_str() else {
            break;
        };
        input["cursor"] = json!(next);
    }
    assert_each_once(&listed, &simulator);
    incomplete.sort_by_key(|(id, _)| id.to_string());
    assert_eq!(
        incomplete,
        [
            (json!(gone), json!("NotFound")),
            (json!(large), json!("TooLarge"))
        ]
    );
}

#[tokio::test]
async fn expanded_incidents_fill_the_reply_and_the_rest_follows() {
    let simulator = with_incidents(10, minute);
    simulator.inject(Kind::ExpandFails {
        incidents: vec![],
        page_larger_than: Some(1),
    });
    for (index, id) in all_ids(&simulator).into_iter().enumerate() {
        let body =
            json!({"id": id, "createdDateTime": minute(index), "alerts": ["a".repeat(1_000_000)]});
        let path = format!("/v1.0/security/incidents/{id}");
        simulator.inject(
            Fault::from(Kind::WrongShape { body: Some(body) })
                .path(&path)
                .times(0),
        );
    }
    let function = function(&simulator, "list_incidents");
    let first = function.invoke(r#"{"expandAlerts": true}"#).await.json();
    assert!((4..7).contains(&ids(&first).len()), "{}", ids(&first).len());
    assert_eq!(first["incomplete"], Value::Null);
    let rest = follow(
        &function,
        json!({"expandAlerts": true, "cursor": first["next"]}),
    )
    .await;
    assert_each_once(&[ids(&first), rest].concat(), &simulator);
}

#[tokio::test]
async fn what_degraded_stays_so_for_the_rest_of_the_listing() {
    let simulator = with_incidents(30, minute);
    simulator.inject(Kind::ExpandFails {
        incidents: vec![],
        page_larger_than: Some(1),
    });
    let function = function(&simulator, "list_incidents");
    let first = function
        .invoke(r#"{"expandAlerts": true, "top": 5}"#)
        .await
        .json();
    simulator.clear_requests();
    function
        .invoke(json!({"expandAlerts": true, "top": 5, "cursor": first["next"]}).to_string())
        .await
        .json();
    let expanded_pages = lines(&simulator)
        .iter()
        .filter(|line| line.contains("/incidents?") && line.contains("$expand"))
        .count();
    assert_eq!(expanded_pages, 0);
}
