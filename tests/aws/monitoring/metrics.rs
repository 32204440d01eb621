//! Whatever the dashboard shows or an alarm watches, real functions write.

use std::{collections::BTreeSet, time::Duration};

use defender_functions::error::Code;
use local::runtime_api::{Builder, Function};
use regex_lite::Regex;
use serde_json::{Value, json};
use simulator::{Fault, Kind, Simulator};

use super::{dashboards, resources, text};
use crate::{moto::Moto, unrolled::monitoring};

/// A metric of ours: its name, and what it is counted by.
type Metric = (String, BTreeSet<String>);

/// What a line of metrics counts.
fn counted(line: &Value) -> BTreeSet<Metric> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut counted = BTreeSet::new();
    for directive in list(&line["_aws"]["CloudWatchMetrics"]) {
        assert_eq!(directive["Namespace"], "DefenderXdr");
        for metric in list(&directive["Metrics"]) {
            for set in list(&directive["Dimensions"]) {
                let dimensions = list(&set)
                    .iter()
                    .map(|name| text(name).to_owned())
                    .collect();
                counted.insert((text(&metric["Name"]).to_owned(), dimensions));
            }
        }
    }
    counted
}

pub fn lines(function: &Function) -> Vec<Value> {
    let logs = function.logs();
    let lines = logs.lines().filter(|line| line.contains("\"_aws\""));
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

pub fn builder(simulator: &Simulator, operation: &str) -> Builder {
    Function::builder(env!("CARGO_BIN_EXE_bootstrap"), operation)
        .envs(simulator.environment())
        .env("METRICS", "on")
}

/// What real functions count: one that is throttled, one that acts twice, one that collects.
async fn written() -> BTreeSet<Metric> {
    let simulator = Simulator::start();
    simulator.inject(Fault::from(Kind::throttle(1)).path("/v1.0/"));
    let listing = builder(&simulator, "list_incidents").start().unwrap();
    listing.invoke("{}").await.json();
    let isolating = builder(&simulator, "isolate_device").start().unwrap();
    let isolation =
        json!({ "deviceId": "5854058a899368873d73bc05e733beaa4865c8ce", "comment": "c" });
    for _ in 0..2 {
        isolating.invoke(isolation.to_string()).await.json();
    }
    let moto = Moto::start();
    moto.ask("create_lease_table", &json!({ "name": "checkpoints" }));
    let queue = moto.ask("create_queue", &json!({ "name": "events" }));
    let collecting = builder(&simulator, "collect_incidents")
        .envs(moto.environment("DYNAMODB"))
        .env("AWS_ENDPOINT_URL", moto.origin())
        .env("CHECKPOINT_TABLE", "checkpoints")
        .env("SINK", format!("sqs:{}", text(&queue)))
        .timeout(Duration::from_secs(60))
        .start()
        .unwrap();
    let since = json!({ "since": "2026-11-18T09:30:01Z" });
    collecting.invoke(since.to_string()).await.json();
    let functions = [listing, isolating, collecting];
    let lines = functions.iter().flat_map(lines);
    lines.flat_map(|line| counted(&line)).collect()
}

/// What the alarms watch and the dashboard shows, of ours.
fn wanted(template: &Value) -> BTreeSet<Metric> {
    let mut wanted = BTreeSet::new();
    let codes: Vec<_> = Code::ALL.into_iter().map(Code::name).collect();
    for (id, alarm) in resources(template, "AWS::CloudWatch::Alarm") {
        if alarm["Namespace"] != "DefenderXdr" {
            continue;
        }
        let dimensions = alarm["Dimensions"].as_array().expect("dimensions");
        for dimension in dimensions {
            assert!(codes.contains(&text(&dimension["Value"])), "{id}");
        }
        let names = dimensions.iter().map(|one| text(&one["Name"]).to_owned());
        wanted.insert((text(&alarm["MetricName"]).to_owned(), names.collect()));
    }
    let search = Regex::new(r#"\{DefenderXdr((?:,[A-Za-z]+)*)\} MetricName="([A-Za-z]+)""#)
        .expect("a pattern");
    for widget in dashboards(template)[0]["widgets"]
        .as_array()
        .expect("widgets")
    {
        for metric in widget["properties"]["metrics"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let parts = metric.as_array().expect("a list");
            if let Some(expression) = parts[0]["expression"].as_str() {
                if let Some(found) = search.captures(expression) {
                    let names = found[1].split(',').filter(|name| !name.is_empty());
                    wanted.insert((found[2].to_owned(), names.map(str::to_owned).collect()));
                } else {
                    assert!(expression.contains("{AWS/"), "{expression}");
                }
                continue;
            }
            assert_eq!(parts[0], "DefenderXdr");
            let pairs = parts[2..].chunks(2);
            for pair in pairs.clone() {
                assert!(codes.contains(&text(&pair[1])), "{metric}");
            }
            let names = pairs.map(|pair| text(&pair[0]).to_owned());
            wanted.insert((text(&parts[1]).to_owned(), names.collect()));
        }
    }
    wanted
}

#[tokio::test]
async fn whatever_is_shown_or_watched_is_written_by_functions_or_counted_of_their_logs() {
    let template = &monitoring()["loops"];
    let mut written = written().await;
    for (_, filter) in resources(template, "AWS::Logs::MetricFilter") {
        for metric in filter["MetricTransformations"].as_array().expect("a list") {
            assert_eq!(metric["MetricNamespace"], "DefenderXdr");
            written.insert((text(&metric["MetricName"]).to_owned(), BTreeSet::new()));
        }
    }
    let wanted = wanted(template);
    assert!(wanted.len() > 12, "{wanted:?}");
    let missing: Vec<_> = wanted.difference(&written).collect();
    assert!(missing.is_empty(), "{missing:?} is never written");
}
