//! Every update is delivered once and in order, however Microsoft's pages fall.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Alert, Fault, Kind, time};

use super::{START, Streams, after, ids};

#[tokio::test]
async fn every_update_since_the_start_is_delivered_once_and_in_order() {
    let streams = Streams::start();
    let expected = 120;
    for number in 0..expected {
        // Ids do not follow the order.
        streams.put(
            50_000 + (number * 7) % expected,
            0,
            number as i64 * 10,
            |_| {},
        );
    }
    let (answer, events) = streams.incidents(json!({ "since": START })).await;
    let last = after(1190);
    assert_eq!(answer["delivered"], 120);
    assert_eq!(answer["complete"], true);
    assert_eq!(
        answer["checkpoint"].as_str().map(time::parse),
        Some(time::parse(&last))
    );
    assert!(answer.get("problem").is_none(), "{answer}");
    let in_order: Vec<_> = (0..expected)
        .map(|number| (50_000 + (number * 7) % expected).to_string())
        .collect();
    assert_eq!(ids(&events), in_order);
    let tenant = streams.tenant();
    let shown = streams.edit(|tenant| serde_json::to_value(tenant.incident("50007").unwrap()));
    let mut item = events[1]["item"].clone();
    item.as_object_mut().unwrap().remove("@odata.type");
    assert_eq!(item, shown.unwrap());
    let mut head = events[1].clone();
    head.as_object_mut().unwrap().remove("item");
    assert_eq!(
        head,
        json!({
            "id": format!("{tenant}/incidents/50007/2026-11-18T09:30:01.0100000Z"),
            "stream": "incidents", "tenantId": tenant, "change": "created", "updated": after(10),
        })
    );
    let page = |from: &str| {
        format!(
            "GET /v1.0/security/incidents?$filter=lastUpdateDateTime ge {from}&$orderby=lastUpdateDateTime asc&$top=50"
        )
    };
    assert_eq!(
        streams.lines(),
        [
            page(START),
            page("2026-11-18T09:30:01.49Z"),
            page("2026-11-18T09:30:01.98Z"),
        ]
    );
    let (again, events) = streams.incidents(json!({})).await;
    assert_eq!((&again["delivered"], events.len()), (&json!(0), 0));
    assert_eq!(again["checkpoint"], answer["checkpoint"]);
}

#[tokio::test]
async fn pages_of_any_size_without_links_lose_nothing_at_their_edges() {
    for (page, ties) in [(1, 3), (2, 9), (7, 40), (50, 260)] {
        let streams = Streams::start();
        streams
            .simulator
            .inject(Fault::from(Kind::MissingNextLink).times(0));
        streams.edit(|tenant| tenant.incident_page = page);
        let mut expected = Vec::new();
        for number in 0..ties + 20 {
            // The most of them at one instant, the others before and behind.
            let at = match number {
                0..10 => number as i64,
                _ if number < 10 + ties => 100,
                _ => 200 + number as i64,
            };
            streams.put(60_000 + number, 0, at, |_| {});
            expected.push((60_000 + number).to_string());
        }
        let (answer, events) = streams.incidents(json!({ "since": START })).await;
        assert_eq!(answer["complete"], true, "{answer}");
        let mut got = ids(&events);
        got.sort();
        assert_eq!(got, expected, "pages of {page}");
    }
}

#[tokio::test]
async fn more_ties_than_can_be_passed_over_are_walked_by_their_creation() {
    let streams = Streams::start();
    for number in 0..640 {
        streams.put(70_000 + number, number as i64, 5000, |_| {});
    }
    streams.put(71_000, 0, 6000, |_| {});
    let (answer, events) = streams.incidents(json!({ "since": START })).await;
    assert_eq!(
        (&answer["delivered"], &answer["complete"]),
        (&json!(641), &json!(true))
    );
    let mut got = ids(&events);
    assert_eq!(got.last(), Some(&"71000"));
    got.sort();
    got.dedup();
    assert_eq!(got.len(), 641);
}

#[tokio::test]
async fn what_comes_late_is_delivered_within_the_look_back_and_once() {
    let streams = Streams::start();
    let clock = time::parse(&streams.simulator.now()).unwrap();
    let visible = |minutes: i64| clock + minutes * 60 * time::SECOND;
    streams.edit(|tenant| {
        for (id, updated, shown) in [
            (80_000, 0, 0),
            (80_001, -14, 1),
            (80_002, -16, 1),
            (80_003, 1, 1),
        ] {
            let at = time::format(visible(updated));
            let incident = simulator::Incident::new(&tenant.tenant_id, id, &at);
            tenant.plan_update(visible(shown), incident);
        }
    });
    let (_, events) = streams.incidents(json!({ "since": START })).await;
    assert_eq!(ids(&events), ["80000"]);
    streams.simulator.advance(Duration::from_secs(60));
    let (_, events) = streams.incidents(json!({})).await;
    assert_eq!(ids(&events), ["80001", "80003"]);
    let (_, events) = streams.incidents(json!({})).await;
    assert_eq!(ids(&events), [""; 0]);
}

#[tokio::test]
async fn a_longer_look_back_waits_longer() {
    let streams = Streams::start();
    let clock = time::parse(&streams.simulator.now()).unwrap();
    streams.put(81_000, 0, 3_590_000, |_| {});
    let function = |seconds: &str| {
        let function = streams
            .builder("collect_incidents")
            .env("LOOKBACK_SECONDS", seconds);
        function.start().unwrap()
    };
    function("3600")
        .invoke(json!({ "since": START }).to_string())
        .await;
    streams.delivered();
    streams.edit(|tenant| {
        let at = time::format(clock - 50 * 60 * time::SECOND);
        tenant.late_arrival(&at)
    });
    function("3600").invoke("{}").await;
    assert_eq!(streams.delivered().len(), 1);
    function("3600").invoke("{}").await;
    assert_eq!(streams.delivered().len(), 0);
}

#[tokio::test]
async fn alerts_are_collected_alike() {
    let streams = Streams::start();
    streams.edit(|tenant| {
        let device = tenant.devices[0].clone();
        for number in 0..230 {
            let id = format!("da63{number}");
            let mut alert = Alert::new(&tenant.tenant_id, &id, "28281", &device, &after(0));
            alert.last_update_date_time = after(number / 3);
            tenant.alerts.put(alert);
        }
    });
    let answer = streams
        .run("collect_alerts", json!({ "since": START }))
        .await;
    assert_eq!(
        (&answer["delivered"], &answer["complete"]),
        (&json!(230), &json!(true))
    );
    let events = streams.delivered();
    assert_eq!(events.len(), 230);
    assert_eq!(
        events[0]["id"],
        format!(
            "{}/alerts/da630/2026-11-18T09:30:01.0000000Z",
            streams.tenant()
        )
    );
    assert_eq!(events[0]["stream"], "alerts");
    assert!(streams.lines()[0].contains("/v1.0/security/alerts_v2?$filter=lastUpdateDateTime ge "));
}

#[tokio::test]
async fn an_incident_whose_alerts_cannot_be_had_does_not_stop_the_others() {
    let streams = Streams::start();
    for number in 0..30 {
        streams.put(82_000 + number, 0, number as i64, |_| {});
    }
    streams.simulator.inject(Kind::ExpandFails {
        incidents: vec!["82004".to_owned()],
        page_larger_than: None,
    });
    let (answer, events) = streams
        .incidents(json!({ "since": START, "expandAlerts": true }))
        .await;
    assert_eq!(
        (&answer["delivered"], &answer["complete"]),
        (&json!(30), &json!(true))
    );
    assert_eq!(answer["incomplete"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer["incomplete"][0]["id"], "82004");
    assert_eq!(
        answer["incomplete"][0]["problem"]["code"],
        "UpstreamUnavailable"
    );
    for event in &events {
        let failed = event["item"]["id"] == "82004";
        assert_eq!(event["incomplete"] == "alerts", failed, "{event}");
        assert_eq!(event["item"].get("alerts").is_none(), failed, "{event}");
    }
    let (again, events) = streams.incidents(json!({ "expandAlerts": true })).await;
    assert_eq!((events.len(), again.get("incomplete")), (0, None));
}

#[tokio::test]
async fn what_was_read_before_a_problem_is_delivered_and_the_next_run_goes_on_there() {
    let streams = Streams::start();
    for number in 0..120 {
        streams.put(83_000 + number, 0, number as i64, |_| {});
    }
    streams
        .simulator
        .inject(Fault::from(Kind::throttle(600)).path("/v1.0").skip(2));
    let (answer, events) = streams.incidents(json!({ "since": START })).await;
    assert_eq!(
        (&answer["delivered"], &answer["complete"]),
        (&json!(99), &json!(false))
    );
    assert_eq!(answer["problem"]["code"], "Throttled");
    assert_eq!(answer["problem"]["retryAfterSeconds"], 600);
    assert_eq!(events.len(), 99);
    let (answer, events) = streams.incidents(json!({})).await;
    assert_eq!(
        (&answer["delivered"], &answer["complete"]),
        (&json!(21), &json!(true))
    );
    assert_eq!(ids(&events).first(), Some(&"83099"));
    streams
        .simulator
        .inject(Fault::from(Kind::throttle(600)).path("/v1.0"));
    let problem = streams
        .outcome("collect_incidents", json!({}))
        .await
        .problem();
    assert_eq!(problem["code"], "Throttled");
}

#[tokio::test]
async fn a_list_out_of_order_is_an_error_and_moves_nothing() {
    let streams = Streams::start();
    let body: Value = json!({ "value": [
        { "id": "2", "lastUpdateDateTime": after(2) },
        { "id": "1", "lastUpdateDateTime": after(1) },
    ] });
    streams.simulator.inject(
        Fault::from(Kind::WrongShape { body: Some(body) }).path("/v1.0/security/incidents"),
    );
    let problem = streams
        .outcome("collect_incidents", json!({ "since": START }))
        .await
        .problem();
    assert_eq!(problem["code"], "UpstreamUnavailable");
    assert_eq!(streams.delivered(), [Value::Null; 0]);
}
