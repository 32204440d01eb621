//! What the function writes for CloudWatch to count: one line an invocation, if asked for.

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};
use simulator::{Fault, Kind, Simulator};

use crate::{builder, code, event, invoke, tenant_id, tenants::with_aws};

const DEVICE: &str = "5854058a899368873d73bc05e733beaa4865c8ce";

/// What the function wrote, each line checked, without what differs from run to run.
fn metrics(logs: &str) -> Vec<Value> {
    let lines = logs.lines().filter(|line| line.contains("\"_aws\""));
    lines
        .map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            check(&line);
            let fields = line.as_object_mut().unwrap();
            for name in ["timestamp", "requestId", "traceId"] {
                assert!(fields.remove(name).is_some_and(|value| value.is_string()));
            }
            fields["_aws"].as_object_mut().unwrap().remove("Timestamp");
            line
        })
        .collect()
}

/// The specification,
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
fn check(line: &Value) {
    let is_named = |name: &Value, most: usize| {
        let name = name.as_str().expect("a name is text");
        assert!((1..=most).contains(&name.len()), "{name:?}");
    };
    let head = &line["_aws"];
    assert!(head["Timestamp"].as_u64().is_some(), "{head}");
    let directives = head["CloudWatchMetrics"].as_array().unwrap();
    assert!(!directives.is_empty());
    for directive in directives {
        let known = ["Namespace", "Dimensions", "Metrics"];
        let fields = directive.as_object().unwrap();
        assert_eq!(fields.len(), known.len(), "{directive}");
        is_named(&directive["Namespace"], 1024);
        let sets = directive["Dimensions"].as_array().unwrap();
        assert!(!sets.is_empty());
        for set in sets {
            let set = set.as_array().unwrap();
            assert!(set.len() <= 30);
            for dimension in set {
                is_named(dimension, 250);
                let value = line[dimension.as_str().unwrap()].as_str();
                let value = value.expect("a dimension is a member that is text");
                assert!((1..=1024).contains(&value.len()), "{dimension}: {value}");
            }
        }
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!((1..=100).contains(&metrics.len()));
        let mut names = HashSet::new();
        for metric in metrics {
            is_named(&metric["Name"], 1024);
            let units = ["Count", "Milliseconds", "Seconds"];
            assert!(units.contains(&metric["Unit"].as_str().unwrap()));
            let name = metric["Name"].as_str().unwrap();
            assert!(names.insert(name), "{name} twice");
            assert!(line[name].is_number(), "{name} is no member of {line}");
        }
    }
}

/// The line of an invocation, by operation and outcome.
fn line(operation: &str, outcome: &str, taken: &[(&str, u64)]) -> Value {
    let unit = |name: &str| match name.ends_with("Milliseconds") {
        true => "Milliseconds",
        false => "Count",
    };
    let metric = |name: &str| json!({ "Name": name, "Unit": unit(name) });
    let mut directives = vec![json!({
        "Namespace": "DefenderXdr",
        "Dimensions": [["Operation", "Outcome"], ["Outcome"]],
        "Metrics": [metric("Invocations")],
    })];
    if !taken.is_empty() {
        let metrics: Vec<_> = taken.iter().map(|(name, _)| metric(name)).collect();
        directives.push(json!({
            "Namespace": "DefenderXdr",
            "Dimensions": [["Operation"], []],
            "Metrics": metrics,
        }));
    }
    let mut line = json!({
        "_aws": { "CloudWatchMetrics": directives },
        "level": "INFO", "message": "metrics",
        "Operation": operation, "Outcome": outcome, "Invocations": 1,
    });
    for (name, value) in taken {
        line[*name] = json!(value);
    }
    line
}

#[tokio::test]
async fn an_invocation_counts_by_operation_and_outcome_and_what_it_took() {
    let simulator = Simulator::start();
    let function = builder(&simulator, "list_incidents")
        .env("METRICS", "on")
        .start()
        .unwrap();
    function.invoke("{}").await.json();
    function.invoke("{}").await.json();
    let refused = function.invoke(r#"{"top": -1}"#).await;
    assert_eq!(code(&refused), "InvalidInput");
    assert_eq!(
        metrics(&function.logs()),
        [
            line(
                "list_incidents",
                "ok",
                &[("UpstreamCalls", 2), ("TokenFetches", 1)]
            ),
            line("list_incidents", "ok", &[("UpstreamCalls", 1)]),
            line("list_incidents", "InvalidInput", &[]),
        ]
    );
}

#[tokio::test]
async fn quotas_and_the_waits_for_them_count() {
    let simulator = Simulator::start();
    simulator.inject(Fault::from(Kind::throttle(1)).path("/v1.0/"));
    let function = builder(&simulator, "list_incidents")
        .env("METRICS", "on")
        .start()
        .unwrap();
    function.invoke("{}").await.json();
    let metrics = metrics(&function.logs());
    assert_eq!(
        metrics,
        [line(
            "list_incidents",
            "ok",
            &[
                ("UpstreamCalls", 3),
                ("Throttles", 1),
                ("ThrottleWaitMilliseconds", 1000),
                ("TokenFetches", 1),
            ]
        )]
    );
}

#[tokio::test]
async fn a_quota_that_is_not_waited_for_is_a_throttle_and_the_outcome() {
    let simulator = Simulator::start();
    simulator.inject(Fault::from(Kind::throttle(600)).path("/v1.0/"));
    let function = builder(&simulator, "get_incident")
        .env("METRICS", "on")
        .start()
        .unwrap();
    let outcome = function.invoke(r#"{"id": "28281"}"#).await;
    assert_eq!(code(&outcome), "Throttled");
    let taken = [("UpstreamCalls", 2), ("Throttles", 1), ("TokenFetches", 1)];
    assert_eq!(
        metrics(&function.logs()),
        [line("get_incident", "Throttled", &taken)]
    );
}

#[tokio::test]
async fn actions_count_as_requested_or_as_adopted() {
    let simulator = Simulator::start();
    let function = builder(&simulator, "isolate_device")
        .env("METRICS", "on")
        .start()
        .unwrap();
    let mut input = json!({ "deviceId": DEVICE, "comment": "ransomware", "dryRun": true });
    for dry_run in [true, false, false] {
        input["dryRun"] = json!(dry_run);
        function.invoke(input.to_string()).await.json();
    }
    let lines = metrics(&function.logs());
    let actions = |line: &Value| {
        (
            line["ActionsRequested"].clone(),
            line["ActionsAdopted"].clone(),
        )
    };
    let actions: Vec<_> = lines.iter().map(actions).collect();
    assert_eq!(
        actions,
        [
            (Value::Null, Value::Null),
            (json!(1), Value::Null),
            (Value::Null, json!(1)),
        ]
    );
    let taken = [("UpstreamCalls", 1), ("ActionsAdopted", 1)];
    assert_eq!(lines[2], line("isolate_device", "ok", &taken));
}

/// What was counted as asked for.
fn requested(logs: &str) -> Vec<Value> {
    let lines = metrics(logs).into_iter();
    lines.map(|line| line["ActionsRequested"].clone()).collect()
}

#[tokio::test]
async fn an_action_that_was_sent_counts_whatever_became_of_it() {
    let simulator = Simulator::start();
    simulator.edit("harbourline.example", |tenant| {
        tenant.actions_visible_after = Duration::from_secs(3600)
    });
    simulator.inject(
        Fault::from(Kind::DropAfter)
            .method("POST")
            .path("/api/machines"),
    );
    let function = builder(&simulator, "isolate_device")
        .env("METRICS", "on")
        .timeout(Duration::from_secs(4))
        .start()
        .unwrap();
    let input = json!({ "deviceId": DEVICE, "comment": "ransomware" });
    let outcome = function.invoke(input.to_string()).await;
    assert_eq!(code(&outcome), "OutcomeUnknown");
    assert_eq!(requested(&function.logs()), [json!(1)]);

    // Two that are opposite, and accepted at the same time.
    let simulator = Simulator::builder().live_clock().start().unwrap();
    simulator.edit("harbourline.example", |tenant| {
        tenant.actions_visible_after = Duration::from_secs(3);
        tenant.action_pace.pending = Duration::from_secs(600);
    });
    let function = |operation| {
        let function = builder(&simulator, operation).env("METRICS", "on");
        function.start().unwrap()
    };
    let (isolate, release) = (function("isolate_device"), function("release_device"));
    let outcomes = tokio::join!(
        isolate.invoke(input.to_string()),
        release.invoke(input.to_string())
    );
    for (outcome, function) in [(outcomes.0, isolate), (outcomes.1, release)] {
        assert_eq!(code(&outcome), "Conflict");
        assert_eq!(requested(&function.logs()), [json!(1)]);
    }
}

#[tokio::test]
async fn cancelling_an_action_is_none_on_a_device() {
    let simulator = Simulator::start();
    let input = json!({ "deviceId": DEVICE, "comment": "weekly" });
    let scan = invoke(&simulator, "scan_device", input).await.json();
    let function = builder(&simulator, "cancel_action")
        .env("METRICS", "on")
        .start()
        .unwrap();
    let input = json!({ "actionId": scan["action"]["id"], "comment": "enough" }).to_string();
    for outcome in ["requested", "alreadyRequested"] {
        let answer = function.invoke(&input).await.json();
        assert_eq!(answer["outcome"], outcome);
    }
    for line in metrics(&function.logs()) {
        assert_eq!(line["ActionsRequested"], Value::Null, "{line}");
        assert_eq!(line["ActionsAdopted"], Value::Null, "{line}");
    }
}

#[tokio::test]
async fn each_record_of_a_batch_counts() {
    let simulator = Simulator::start();
    let function = builder(&simulator, "update_incident")
        .env("METRICS", "on")
        .start()
        .unwrap();
    function.invoke(event("triggers/sqs.json")).await.json();
    let lines = metrics(&function.logs());
    let outcomes: Vec<_> = lines.iter().map(|line| &line["Outcome"]).collect();
    assert_eq!(outcomes, ["ok", "InvalidInput", "ok"]);
}

#[tokio::test]
async fn by_tenant_everything_counts_by_tenant_too() {
    let simulator = Simulator::start();
    let function = builder(&simulator, "list_incidents")
        .env("METRICS", "by-tenant")
        .start()
        .unwrap();
    function.invoke("{}").await.json();
    let mut expected = line(
        "list_incidents",
        "ok",
        &[("UpstreamCalls", 2), ("TokenFetches", 1)],
    );
    expected["Tenant"] = json!(tenant_id(&simulator));
    let directives = &mut expected["_aws"]["CloudWatchMetrics"];
    directives[0]["Dimensions"] =
        json!([["Operation", "Outcome"], ["Outcome"], ["Tenant", "Outcome"]]);
    directives[1]["Dimensions"] = json!([["Operation"], [], ["Tenant"]]);
    assert_eq!(metrics(&function.logs()), [expected]);
}

/// Each would be metrics of its own, and whoever asks makes it up.
#[tokio::test]
async fn by_tenant_one_that_a_caller_names_as_the_subject_is_left_out() {
    let simulator = Simulator::start();
    let function = with_aws(&simulator, "get_tenant")
        .env("METRICS", "by-tenant")
        .start()
        .unwrap();
    let input = json!({ "tenantId": "b2c84f60-9e17-4d5a-83fb-6a0d7c3e51f8" });
    function.invoke(input.to_string()).await;
    let metrics = metrics(&function.logs());
    assert_eq!(metrics.len(), 1);
    assert_eq!(metrics[0]["Operation"], "get_tenant");
    assert_eq!(metrics[0]["Tenant"], Value::Null, "{}", metrics[0]);
    assert!(!metrics[0]["_aws"].to_string().contains("Tenant"));
}

#[tokio::test]
async fn nothing_counts_unless_it_is_asked_for() {
    let simulator = Simulator::start();
    for off in [None, Some("off")] {
        let builder = builder(&simulator, "list_incidents").envs(off.map(|off| ("METRICS", off)));
        let function = builder.start().unwrap();
        function.invoke("{}").await.json();
        assert!(!function.logs().contains("_aws"), "{}", function.logs());
    }
}
