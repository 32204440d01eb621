//! One run at a time moves a stream on; where it stands can be seen.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{START, Streams, TABLE, ids};

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("the clock is past 1970").as_secs()
}

fn hold(streams: &Streams, until: u64) {
    let key = format!("{}/incidents", streams.tenant());
    let arguments = json!({ "table": TABLE, "key": key, "until": until });
    streams.moto.ask("hold_stream", &arguments);
}

#[tokio::test]
async fn a_run_that_finds_another_at_work_does_nothing_and_says_so() {
    let streams = Streams::start();
    streams.put(91_000, 0, 0, |_| {});
    streams.incidents(json!({ "since": START })).await;
    streams.put(91_001, 0, 10, |_| {});
    hold(&streams, now() + 300);
    let (answer, events) = streams.incidents(json!({})).await;
    assert_eq!(
        (&answer["delivered"], &answer["complete"], events.len()),
        (&json!(0), &json!(false), 0)
    );
    assert_eq!(answer["problem"]["code"], "Conflict");
    let wait = answer["problem"]["retryAfterSeconds"].as_u64().unwrap();
    assert!((1..=300).contains(&wait), "{answer}");
    assert_eq!(answer["checkpoint"], "2026-11-18T09:30:01.0000000Z");
    // The lease of a run that crashed ends by itself.
    hold(&streams, now() - 2);
    let (answer, events) = streams.incidents(json!({})).await;
    assert_eq!(answer["complete"], true);
    assert_eq!(ids(&events), ["91001"]);
    let key = format!("{}/incidents", streams.tenant());
    assert_eq!(streams.rows()[key].get("holder"), None);
}

#[tokio::test]
async fn of_runs_that_overlap_one_delivers_everything_once() {
    let streams = Streams::start();
    for number in 0..200 {
        streams.put(92_000 + number, 0, number as i64, |_| {});
    }
    streams
        .incidents(json!({ "since": super::after(-1) }))
        .await;
    for number in 200..400 {
        streams.put(92_000 + number, 0, number as i64, |_| {});
    }
    let slow = simulator::Kind::Delay { milliseconds: 1500 };
    streams
        .simulator
        .inject(simulator::Fault::from(slow).path("/v1.0"));
    let others: Vec<_> = (0..3)
        .map(|_| streams.builder("collect_incidents").start().unwrap())
        .collect();
    let first = streams.builder("collect_incidents").start().unwrap();
    let lines = streams.lines().len();
    let others = async {
        while streams.lines().len() == lines {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        futures_util::future::join_all(others.iter().map(|one| one.invoke("{}"))).await
    };
    let (first, others) = futures_util::future::join(first.invoke("{}"), others).await;
    assert_eq!(first.json()["delivered"], 200);
    let delivered = 200;
    for other in others {
        let answer = other.json();
        assert_eq!(
            (&answer["delivered"], &answer["complete"]),
            (&json!(0), &json!(false))
        );
        assert_eq!(answer["problem"]["code"], "Conflict");
    }
    let events = streams.delivered();
    assert_eq!((delivered, events.len()), (200, 200));
}

#[tokio::test]
async fn a_checkpoint_shows_where_its_stream_stands() {
    let streams = Streams::start();
    let missing = streams
        .outcome("get_checkpoint", json!({ "stream": "incidents" }))
        .await;
    assert_eq!(missing.problem()["code"], "NotFound");
    streams.put(93_000, 0, 0, |_| {});
    streams.put(93_001, 0, 3_500_000, |_| {});
    streams.incidents(json!({ "since": START })).await;
    let mut checkpoint = streams
        .run("get_checkpoint", json!({ "stream": "incidents" }))
        .await;
    let fields = checkpoint.as_object_mut().unwrap();
    let lag = fields.remove("lagSeconds");
    assert!(lag.and_then(|lag| lag.as_u64()).is_some());
    // The first batch's number is the clock.
    let version = fields
        .remove("version")
        .and_then(|version| version.as_u64());
    assert!(version.is_some_and(|version| version > 1_700_000_000));
    assert_eq!(
        checkpoint,
        json!({
            "stream": "incidents", "tenantId": streams.tenant(), "checkpoint": "2026-11-18T10:28:21.0000000Z",
            "since": "2026-11-18T09:30:01.0000000Z", "lookbackFrom": "2026-11-18T10:13:21.0000000Z",
            "seen": 1, "running": false,
        })
    );
    hold(&streams, now() + 300);
    let checkpoint = streams
        .run("get_checkpoint", json!({ "stream": "incidents" }))
        .await;
    assert_eq!(checkpoint["running"], true);
}

#[tokio::test]
async fn every_run_leaves_its_metrics_in_the_log() {
    let streams = Streams::start();
    streams.put(93_500, 0, 0, |_| {});
    let function = streams.builder("collect_incidents").start().unwrap();
    function.invoke(json!({ "since": START }).to_string()).await;
    let logs = function.logs();
    let line = logs.lines().find(|line| line.contains("_aws")).unwrap();
    let mut line: Value = serde_json::from_str(line).unwrap();
    let fields = line.as_object_mut().unwrap();
    for name in ["timestamp", "requestId", "traceId"] {
        assert!(fields.remove(name).is_some(), "{name}");
    }
    assert!(fields.remove("LagSeconds").is_some_and(|lag| lag.is_u64()));
    let instant = fields["_aws"].as_object_mut().unwrap().remove("Timestamp");
    assert!(instant.is_some_and(|instant| instant.is_u64()));
    let lag = json!({ "Name": "LagSeconds", "Unit": "Seconds" });
    let count = |name| json!({ "Name": name, "Unit": "Count" });
    assert_eq!(
        line,
        json!({
            "_aws": { "CloudWatchMetrics": [
                {
                    "Namespace": "DefenderXdr", "Dimensions": [["Stream"]],
                    "Metrics": [lag, count("Delivered"), count("DeadLettered")],
                },
                { "Namespace": "DefenderXdr", "Dimensions": [["Stream", "Tenant"]], "Metrics": [lag] },
            ] },
            "level": "INFO", "message": "collected", "Stream": "incidents", "Tenant": streams.tenant(),
            "Delivered": 1, "DeadLettered": 0,
        })
    );
}

#[tokio::test]
async fn a_run_stops_in_time_and_the_next_goes_on() {
    let streams = Streams::start();
    for number in 0..100 {
        streams.put(94_000 + number, 0, number as i64, |_| {});
    }
    let slow = simulator::Kind::Delay { milliseconds: 700 };
    streams
        .simulator
        .inject(simulator::Fault::from(slow).path("/v1.0").times(0));
    streams.edit(|tenant| tenant.incident_page = 5);
    let mut input = json!({ "since": START });
    let mut got = Vec::new();
    for _ in 0..60 {
        let function = streams
            .builder("collect_incidents")
            .timeout(Duration::from_secs(4));
        let outcome = function.start().unwrap().invoke(input.to_string()).await;
        input = json!({});
        let answer = outcome.json();
        got.extend(streams.delivered());
        if answer["complete"] == true {
            break;
        }
        assert!(answer["delivered"].as_u64().unwrap() > 0, "{answer}");
    }
    let all: Vec<_> = (0..100)
        .map(|number| (94_000 + number).to_string())
        .collect();
    assert_eq!(ids(&got), all);
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_named_before_anything_is_asked() {
    let streams = Streams::start();
    let without = async |variable: &str| {
        let function = streams.builder("collect_incidents").env_remove(variable);
        function.start().unwrap().invoke("{}").await.problem()
    };
    for variable in ["SINK", "CHECKPOINT_TABLE"] {
        let problem = without(variable).await;
        assert_eq!(problem["code"], "Misconfigured");
        assert!(
            problem["detail"].as_str().unwrap().starts_with(variable),
            "{problem}"
        );
    }
    let by_domain = streams
        .builder("collect_incidents")
        .env("AZURE_TENANT_ID", super::DOMAIN);
    let problem = by_domain.start().unwrap().invoke("{}").await.problem();
    assert_eq!(problem["code"], "InvalidInput");
    assert!(
        problem["detail"].as_str().unwrap().contains("GUID"),
        "{problem}"
    );
    let refused = [
        (
            "collect_incidents",
            json!({ "since": "2126-11-18T09:30:01Z" }),
        ),
        ("collect_incidents", json!({ "top": 5 })),
        ("collect_hunting", json!({ "name": "a b", "query": "T" })),
        ("collect_hunting", json!({ "name": "a", "query": " " })),
        ("get_checkpoint", json!({ "stream": "devices" })),
        ("get_checkpoint", json!({ "stream": "hunting-a/b" })),
    ];
    for (operation, input) in refused {
        let problem = streams.outcome(operation, input.clone()).await.problem();
        assert_eq!(problem["code"], "InvalidInput", "{input} {problem}");
    }
    let xdr = streams.builder("collect_alerts").env("DEFENDER_API", "xdr");
    let problem = xdr.start().unwrap().invoke("{}").await.problem();
    assert_eq!(problem["code"], "InvalidInput");
    assert_eq!(streams.lines(), [""; 0]);
    assert_eq!(streams.rows(), Value::Object(serde_json::Map::new()));
}
