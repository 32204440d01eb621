//! What the template has schedules run, and when a run is tried again.

use serde_json::{Value, json};

use super::{chosen, of_all_tenants};
use crate::unrolled::{HUNT, Template};

#[test]
fn a_schedule_runs_the_function_with_what_was_chosen() {
    let template = chosen();
    for (stream, function, schedule, input) in [
        (
            "incidents",
            "CollectIncidents",
            "rate(5 minutes)",
            json!({ "expandAlerts": true }),
        ),
        ("alerts", "CollectAlerts", "rate(5 minutes)", json!({})),
        (
            "hunting",
            "CollectHunting",
            "rate(1 hour)",
            json!({ "name": "encoded-powershell", "query": HUNT }),
        ),
    ] {
        let properties = template.properties(&format!("{function}Schedule"));
        assert_eq!(properties["Name"], format!("defender-{stream}"));
        assert_eq!(properties["ScheduleExpression"], schedule);
        let target = &properties["Target"];
        assert_eq!(target["Arn"]["Fn::GetAtt"], json!([function, "Arn"]));
        assert_eq!(given(target), input);
        it_is_tried_again_and_kept(target);
    }
}

#[test]
fn a_schedule_runs_the_streams_of_all_tenants_where_that_was_chosen() {
    let template = of_all_tenants();
    for (function, operation, input) in [
        (
            "CollectIncidents",
            "collect_incidents",
            json!({ "expandAlerts": false }),
        ),
        ("CollectAlerts", "collect_alerts", Value::Null),
        (
            "CollectHunting",
            "collect_hunting",
            json!({ "name": "encoded-powershell", "query": HUNT }),
        ),
    ] {
        let target = &template.properties(&format!("{function}Schedule"))["Target"];
        assert_eq!(target["Arn"]["Ref"], "CollectForEachTenant");
        let given = given(target);
        assert_eq!(given["operation"], operation);
        assert_eq!(given["input"], input);
        it_is_tried_again_and_kept(target);
    }
    let allowed = template.allowed("ScheduleRole");
    let starts = allowed.iter().any(|(action, resource)| {
        action == "states:StartExecution" && resource["Ref"] == "CollectForEachTenant"
    });
    assert!(starts, "{allowed:?}");
}

/// The target's input.
fn given(target: &Value) -> Value {
    let text = target["Input"].as_str().expect("a text");
    serde_json::from_str(text).expect("it is JSON")
}

fn it_is_tried_again_and_kept(target: &Value) {
    assert_eq!(
        target["RoleArn"]["Fn::GetAtt"],
        json!(["ScheduleRole", "Arn"])
    );
    assert_eq!(
        target["RetryPolicy"],
        json!({ "MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 300 })
    );
    let letters = &target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"];
    assert_eq!(*letters, json!(["ScheduleDeadLetters", "Arn"]));
}

#[test]
fn schedules_run_streams_and_do_nothing_else() {
    let template = Template::unrolled();
    let get = |id: &str| json!({ "Fn::GetAtt": [id, "Arn"] });
    let functions = ["CollectIncidents", "CollectAlerts", "CollectHunting"];
    let mut expected: Vec<_> = functions
        .map(|id| ("lambda:InvokeFunction".to_owned(), get(id)))
        .into();
    expected.push(("sqs:SendMessage".to_owned(), get("ScheduleDeadLetters")));
    assert_eq!(template.allowed("ScheduleRole"), expected);
    let trust = &template.properties("ScheduleRole")["AssumeRolePolicyDocument"]["Statement"];
    assert_eq!(trust["Principal"]["Service"], "scheduler.amazonaws.com");
    assert_eq!(
        trust["Condition"]["StringEquals"]["aws:SourceAccount"],
        "111122223333"
    );
}

/// The next run makes good what one did not get done.
#[test]
fn a_run_that_failed_is_not_repeated() {
    let template = Template::unrolled();
    for id in ["CollectIncidents", "CollectAlerts", "CollectHunting"] {
        assert_eq!(
            template.properties(id)["EventInvokeConfig"],
            json!({ "MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 300 })
        );
    }
}
