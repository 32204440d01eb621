//! The rows of a query, over the time since the last run.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Fault, Kind, Simulator, Table, Type, Value as Cell, time};

use super::Streams;

/// A tenant whose clock is the machine's, with a table of its own whose rows happened so many seconds before now.
fn streams(seconds_ago: &[i64]) -> (Streams, i64) {
    let simulator = Simulator::builder().live_clock().start().unwrap();
    let streams = Streams::with(simulator);
    let now = time::parse(&streams.simulator.now()).unwrap() - 3600 * time::SECOND;
    grow(&streams, now, seconds_ago);
    (streams, now)
}

fn grow(streams: &Streams, now: i64, seconds_ago: &[i64]) {
    streams.edit(|tenant| {
        let mut events = tenant.tables.remove("OwnEvents").unwrap_or_else(|| {
            Table::new(&[("Timestamp", Type::DateTime), ("Seconds", Type::Long)])
        });
        events.grow(seconds_ago.len(), |index| {
            let ago = seconds_ago[index];
            vec![Cell::DateTime(now - ago * time::SECOND), Cell::Long(ago)]
        });
        tenant.tables.insert("OwnEvents".into(), events);
    });
}

fn input(query: &str, since: Option<&str>) -> Value {
    let mut input = json!({ "name": "own", "query": query });
    if let Some(since) = since {
        input["since"] = since.into();
    }
    input
}

fn seconds(events: &[Value]) -> Vec<i64> {
    let second = |event: &Value| event["item"]["Seconds"].as_i64().expect("a number");
    events.iter().map(second).collect()
}

fn windows(streams: &Streams) -> Vec<String> {
    let requests = streams.simulator.requests();
    let hunts = requests
        .iter()
        .filter(|request| request.path.ends_with("/runHuntingQuery"));
    hunts
        .map(|hunt| {
            let body: Value = serde_json::from_slice(&hunt.body).unwrap();
            body["Timespan"].as_str().expect("a window").to_owned()
        })
        .collect()
}

#[tokio::test]
async fn rows_are_delivered_once_also_those_that_come_late() {
    let (streams, now) = streams(&[7000, 600, 600, 300]);
    let at = time::format(now - 7200 * time::SECOND);
    let first = streams
        .run("collect_hunting", input("OwnEvents", Some(&at)))
        .await;
    assert_eq!(
        (&first["delivered"], &first["complete"]),
        (&json!(4), &json!(true))
    );
    let events = streams.delivered();
    assert_eq!(seconds(&events), [7000, 600, 600, 300]);
    let tenant = streams.tenant();
    let id = events[1]["id"].as_str().unwrap();
    assert!(id.starts_with(&format!("{tenant}/hunting-own/")), "{id}");
    assert_eq!(
        events[2]["id"],
        format!("{id}-1"),
        "two rows that are equal are two"
    );
    let mut head = events[0].clone();
    let fields = head.as_object_mut().unwrap();
    fields.remove("id");
    let item = fields.remove("item").unwrap();
    assert_eq!(
        head,
        json!({ "stream": "hunting-own", "tenantId": tenant, "change": "created", "updated": item["Timestamp"] })
    );
    // Two of them late, one of those beyond the look-back.
    grow(&streams, now, &[800, 1000, 10]);
    streams
        .run("collect_hunting", input("OwnEvents", None))
        .await;
    assert_eq!(seconds(&streams.delivered()), [800, 10]);
    streams
        .run("collect_hunting", input("OwnEvents", None))
        .await;
    assert_eq!(streams.delivered().len(), 0);
    let checkpoint = streams
        .run("get_checkpoint", json!({ "stream": "hunting-own" }))
        .await;
    assert_eq!(checkpoint["running"], false);
}

#[tokio::test]
async fn a_query_is_asked_with_its_parameters_and_the_window_since_the_checkpoint() {
    let (streams, now) = streams(&[500, 400]);
    let since = time::format(now - 700 * time::SECOND);
    let query = "OwnEvents | where tostring(Seconds) == wanted";
    let mut input = input(query, Some(&since));
    input["parameters"] = json!({ "wanted": "400" });
    streams.run("collect_hunting", input).await;
    assert_eq!(seconds(&streams.delivered()), [400]);
    let windows = windows(&streams);
    let start = time::format_with(now - 700 * time::SECOND, 7);
    assert!(windows[0].starts_with(&format!("{start}/")), "{windows:?}");
    let requests = streams.simulator.requests();
    let hunt = requests
        .iter()
        .find(|request| request.path.ends_with("/runHuntingQuery"));
    let body: Value = serde_json::from_slice(&hunt.unwrap().body).unwrap();
    assert_eq!(body["Query"], format!("let wanted = \"400\";\n{query}"));
}

#[tokio::test]
async fn a_result_that_is_too_large_is_fetched_in_parts() {
    let ago: Vec<_> = (1..400).rev().collect();
    let (streams, now) = streams(&ago);
    streams.edit(|tenant| tenant.hunting_bytes = Some(4000));
    let since = time::format(now - 500 * time::SECOND);
    let answer = streams
        .run("collect_hunting", input("OwnEvents", Some(&since)))
        .await;
    assert_eq!(
        (&answer["delivered"], &answer["complete"]),
        (&json!(399), &json!(true))
    );
    assert_eq!(seconds(&streams.delivered()), ago);
    assert!(windows(&streams).len() > 6);
}

#[tokio::test]
async fn what_happened_at_one_instant_and_is_too_large_stops_the_stream_and_is_not_cut() {
    let (streams, now) = streams(&[100; 400]);
    streams.edit(|tenant| tenant.hunting_bytes = Some(4000));
    let since = time::format(now - 100 * time::SECOND);
    let problem = streams
        .outcome("collect_hunting", input("OwnEvents", Some(&since)))
        .await
        .problem();
    assert_eq!(problem["code"], "TooLarge", "{problem}");
    assert_eq!(streams.delivered().len(), 0);
}

#[tokio::test]
async fn rows_that_do_not_say_when_they_happened_are_asked_for_once_and_not_too_early() {
    let (streams, now) = streams(&[2500, 2400, 300]);
    let query = "OwnEvents | summarize Seconds = max(Seconds)";
    let since = time::format(now - 2700 * time::SECOND);
    streams
        .run("collect_hunting", input(query, Some(&since)))
        .await;
    // Those of the last quarter of an hour may not all be there yet.
    assert_eq!(seconds(&streams.delivered()), [2500]);
    streams
        .run(
            "collect_hunting",
            input("OwnEvents | project Seconds", None),
        )
        .await;
    assert_eq!(seconds(&streams.delivered()), [0; 0]);
    let windows = windows(&streams);
    let ends: Vec<_> = windows
        .iter()
        .map(|window| window.split_once('/').unwrap().1)
        .collect();
    // Up to now, then up to the look-back before it, and on from there.
    assert!(ends[1] < ends[0], "{windows:?}");
    assert!(windows[2].starts_with(ends[1]), "{windows:?}");
}

#[tokio::test]
async fn many_rows_without_a_time_are_one_window_and_not_parts() {
    let (streams, now) = streams(&[]);
    let query = "range Seconds from 1 to 10001 step 1";
    let since = time::format(now - 1900 * time::SECOND);
    let function = streams
        .builder("collect_hunting")
        .env("SINK", "s3:lake")
        .start()
        .unwrap();
    streams
        .moto
        .ask("create_bucket", &json!({ "name": "lake" }));
    let answer = function
        .invoke(input(query, Some(&since)).to_string())
        .await
        .json();
    assert_eq!(
        (&answer["delivered"], &answer["complete"]),
        (&json!(10_001), &json!(true)),
        "{answer}"
    );
    assert_eq!(windows(&streams).len(), 2);
}

#[tokio::test]
async fn a_row_without_a_time_does_not_keep_late_ones_from_being_found() {
    let (streams, now) = streams(&[500]);
    let query = "OwnEvents | extend Timestamp = iff(Seconds == 7, todatetime(''), Timestamp)";
    let since = time::format(now - 1000 * time::SECOND);
    streams
        .run("collect_hunting", input(query, Some(&since)))
        .await;
    grow(&streams, now, &[7, 5]);
    streams.run("collect_hunting", input(query, None)).await;
    let mut first = seconds(&streams.delivered());
    first.sort();
    assert_eq!(first, [5, 500]);
    grow(&streams, now, &[450]);
    streams.run("collect_hunting", input(query, None)).await;
    assert_eq!(seconds(&streams.delivered()), [450]);
}

#[tokio::test]
async fn rows_whose_time_was_rounded_do_not_come_again() {
    let (streams, now) = streams(&[5000, 4500, 3000]);
    let query = "OwnEvents | extend Timestamp = bin(Timestamp, 1h)";
    let since = time::format(now - 6000 * time::SECOND);
    streams
        .run("collect_hunting", input(query, Some(&since)))
        .await;
    assert_eq!(streams.delivered().len(), 3);
    streams.run("collect_hunting", input(query, None)).await;
    assert_eq!(streams.delivered().len(), 0);
}

#[tokio::test]
async fn a_part_that_cannot_be_had_now_is_had_by_the_next_run() {
    let ago: Vec<_> = (1..100).rev().map(|hours| hours * 3600).collect();
    let (streams, now) = streams(&ago);
    let throttle = Fault::from(Kind::throttle(600)).path("/v1.0/security/runHuntingQuery");
    streams.simulator.inject(throttle.skip(2));
    let since = time::format(now - 360_000 * time::SECOND);
    let answer = streams
        .run("collect_hunting", input("OwnEvents", Some(&since)))
        .await;
    assert_eq!(answer["complete"], false);
    assert_eq!(answer["problem"]["code"], "Throttled");
    let mut got = seconds(&streams.delivered());
    assert!(!got.is_empty() && got.len() < 99);
    streams.simulator.advance(Duration::from_secs(1));
    let answer = streams
        .run("collect_hunting", input("OwnEvents", None))
        .await;
    assert_eq!(answer["complete"], true, "{answer}");
    got.extend(seconds(&streams.delivered()));
    assert_eq!(got, ago);
}

#[tokio::test]
async fn years_without_a_row_are_gone_through_run_by_run() {
    let (streams, _) = streams(&[]);
    let mut input = input("OwnEvents", Some("1900-01-01T00:00:00Z"));
    input["maxSeconds"] = 5.into();
    let first = streams.run("collect_hunting", input.clone()).await;
    assert_eq!(
        (&first["complete"], &first["delivered"]),
        (&json!(false), &json!(0))
    );
    input["since"] = Value::Null;
    let second = streams.run("collect_hunting", input).await;
    let reached = |answer: &Value| answer["checkpoint"].as_str().unwrap_or_default().to_owned();
    assert!(reached(&first) < reached(&second), "{first} {second}");
}
