//! `monitoring.yaml` shows and watches what functions write, and `docs/runbook.md` says what to do about all of it.

mod alarms;
mod metrics;
mod runbook;

use std::collections::BTreeSet;

use regex_lite::Regex;
use serde_json::{Value, json};

use crate::unrolled::{Template, monitoring, read_by_sam};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn resources<'a>(template: &'a Value, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let resources = template["Resources"].as_object().expect("resources");
    let of_kind = resources.iter().filter(move |(_, one)| one["Type"] == kind);
    of_kind.map(|(id, one)| (id.as_str(), &one["Properties"]))
}

/// The dashboard with and without streams.
fn dashboards(template: &Value) -> [Value; 2] {
    let (_, dashboard) = resources(template, "AWS::CloudWatch::Dashboard")
        .next()
        .expect("a dashboard");
    let body = &dashboard["DashboardBody"]["Fn::Sub"];
    let streams = text(&body[1]["Streams"]["Fn::If"][1]["Fn::Sub"]);
    let named = Regex::new(r"\$\{[A-Za-z:.]+\}").expect("a pattern");
    [(streams, r#", "more""#), ("", "")].map(|(streams, more)| {
        let body = text(&body[0]).replace("${Streams}", streams);
        let body = body.replace("${MoreAlarms}", more);
        let body = named.replace_all(&body, "x");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error} in {body}"))
    })
}

#[test]
fn what_a_person_must_mend_comes_first() {
    let template = &monitoring()["loops"];
    for dashboard in dashboards(template) {
        let questions: Vec<_> = dashboard["widgets"]
            .as_array()
            .expect("widgets")
            .iter()
            .filter(|widget| widget["type"] == "text")
            .map(|widget| text(&widget["properties"]["markdown"]))
            .filter_map(|markdown| markdown.split("**").nth(1))
            .collect();
        let mut expected = vec![
            "Must somebody mend something?",
            "Are we throttled, or is Microsoft away?",
            "Are the streams behind?",
            "What was done to devices?",
            "How much is asked, and how fast is it answered?",
            "What does it cost?",
        ];
        if questions.len() < expected.len() {
            expected.remove(2);
        }
        assert_eq!(questions, expected);
    }
}

#[test]
fn monitoring_switches_the_metrics_of_every_function_on() {
    let metrics = |more| Template::with(more).environment("ListIncidents")["METRICS"].clone();
    assert_eq!(metrics(&[("Monitoring", "deploy")]), "on");
    let both = &[("Monitoring", "deploy"), ("TenantMetrics", "deploy")];
    assert_eq!(metrics(both), "by-tenant");
    let read = read_by_sam(&[]);
    assert_eq!(read["conditions"]["monitoring"], false);
    let rules = &read["loops"]["Rules"];
    let needed = &rules["TenantsAreMonitored"]["Assertions"][0]["Assert"];
    assert_eq!(
        *needed,
        json!({ "Fn::Equals": [{ "Ref": "Monitoring" }, "deploy"] })
    );
    let level = rules["MonitoringHasItsMetrics"]["Assertions"][0].to_string();
    assert!(level.contains("LogLevel"), "{level}");
}

/// What is nested gets the log group of every function, and every alarm of the streams.
#[test]
fn everything_there_is_goes_to_what_watches_it() {
    let read = read_by_sam(&[("Monitoring", "deploy")]);
    let template = &read["references"];
    let (_, stack) = resources(template, "AWS::CloudFormation::Stack")
        .next()
        .expect("a nested stack");
    let given = &stack["Parameters"];
    let nested = &monitoring()["loops"];
    let taken: BTreeSet<_> = nested["Parameters"]
        .as_object()
        .expect("some")
        .keys()
        .collect();
    let names: BTreeSet<_> = given.as_object().expect("some").keys().collect();
    assert_eq!(names, taken);
    for (id, _) in resources(template, "AWS::Logs::LogGroup") {
        // Those of the workflows are in another form.
        if !id.contains("Workflow") {
            let group = format!(r#"{{"Ref":"{id}"}}"#);
            assert!(given["LogGroups"].to_string().contains(&group), "{id}");
            assert!(given[id].to_string().contains(&group), "{id}");
        }
    }
    for (id, _) in resources(template, "AWS::CloudWatch::Alarm") {
        let arn = [format!(r#"["{id}","Arn"]"#), format!(r#""{id}.Arn""#)];
        let alarms = given["CollectingAlarms"].to_string();
        assert!(arn.iter().any(|arn| alarms.contains(arn)), "{id}: {alarms}");
    }
}
