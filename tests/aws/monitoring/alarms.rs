//! An alarm rings, in ministack, which counts what a real function wrote as CloudWatch would.

use std::fs;

use serde_json::{Value, json};
use simulator::{Kind, Simulator};

use super::metrics::{builder, lines};
use crate::{
    python::{Python, scratch},
    stack::ministack,
    unrolled::monitoring,
};

#[tokio::test]
async fn a_rejected_credential_raises_its_alarm() {
    let python = Python::cloud();
    let ministack = ministack(&python, "monitoring", |_, _| {});
    let ask = |what: &str, arguments: Value| {
        let arguments = arguments.to_string();
        python.script("cloud.py", &[&ministack.origin, what, &arguments])
    };
    let template = scratch("monitoring").join("monitoring.json");
    let mut written = monitoring()["loops"].clone();
    let resources = written["Resources"].as_object_mut().expect("resources");
    // It knows no saved queries.
    resources.retain(|_, resource| resource["Type"] != "AWS::Logs::QueryDefinition");
    fs::write(&template, written.to_string()).expect("target can be written");
    ask("deploy_monitoring", json!({ "template": template }));

    let simulator = Simulator::start();
    simulator.inject(Kind::Entra { code: 7_000_222 });
    let function = builder(&simulator, "list_incidents").start().unwrap();
    assert!(function.invoke("{}").await.error().is_some());
    function.invoke("{}").await.json();
    for line in lines(&function) {
        ask("count_metrics", json!({ "line": line }));
    }
    // It looks at a metric whatever its dimensions are, so that those of other outcomes ring too.
    let raised = ask("raised_alarms", json!({})).to_string();
    assert!(raised.contains("\"CredentialRejectedAlarm\""), "{raised}");
    for silent in ["ThrottledAlarm", "ActionsAlarm", "FunctionFailuresAlarm"] {
        assert!(!raised.contains(silent), "{raised}");
    }
}
