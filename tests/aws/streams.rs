//! What the template makes for the streams: sinks, schedules, alarms, and who may run them.

use serde_json::{Value, json};

use crate::unrolled::{HUNT, Parameters, Template, list};

/// (chosen, `SINK`, what the role may do there, on what).
type Choice<'a> = (Parameters<'a>, &'a str, &'a str, Value);

const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:soc";

/// What is not as it is by default, once for all that look at it.
fn chosen() -> Template {
    Template::with(&[
        ("ExpandAlerts", "true"),
        ("LagAlarmSeconds", "3600"),
        ("AlarmTopicArn", TOPIC),
    ])
}

/// With the streams of all tenants.
fn of_all_tenants() -> Template {
    Template::with(&[
        ("AllowedTenants", "registry"),
        ("CollectTenants", "own,registry"),
    ])
}

#[test]
fn what_is_collected_goes_to_the_chosen_sink_and_the_role_writes_to_no_other() {
    let get = |id: &str| json!({ "Fn::GetAtt": [id, "Arn"] });
    let choices: [Choice<'_>; 8] = [
        (
            &[],
            "eventbridge:${CollectedBus}",
            "events:PutEvents",
            get("CollectedBus"),
        ),
        (
            &[("Sink", "sqs")],
            "sqs:${CollectedQueue}",
            "sqs:SendMessage",
            get("CollectedQueue"),
        ),
        (
            &[("Sink", "sqs-fifo")],
            "sqs:${CollectedQueue}",
            "sqs:SendMessage",
            get("CollectedQueue"),
        ),
        (
            &[("Sink", "s3")],
            "s3:${CollectedBucket}/collected",
            "s3:PutObject",
            json!("${CollectedBucket.Arn}/collected/*"),
        ),
        (
            &[
                (
                    "SinkName",
                    "arn:aws:events:eu-west-1:444455556666:event-bus/security",
                ),
                (
                    "SinkArn",
                    "arn:aws:events:eu-west-1:444455556666:event-bus/security",
                ),
            ],
            "eventbridge:arn:aws:events:eu-west-1:444455556666:event-bus/security",
            "events:PutEvents",
            json!("arn:aws:events:eu-west-1:444455556666:event-bus/security"),
        ),
        (
            &[
                ("Sink", "sqs-fifo"),
                (
                    "SinkName",
                    "https://sqs.eu-west-1.amazonaws.com/111122223333/soc.fifo",
                ),
                ("SinkArn", "arn:aws:sqs:eu-west-1:111122223333:soc.fifo"),
            ],
            "sqs:https://sqs.eu-west-1.amazonaws.com/111122223333/soc.fifo",
            "sqs:SendMessage",
            json!("arn:aws:sqs:eu-west-1:111122223333:soc.fifo"),
        ),
        (
            &[
                ("Sink", "s3"),
                ("SinkName", "lake/defender"),
                ("SinkArn", "arn:aws:s3:::lake/defender"),
            ],
            "s3:lake/defender",
            "s3:PutObject",
            json!("arn:aws:s3:::lake/defender/*"),
        ),
        (
            &[
                ("Sink", "firehose"),
                ("SinkName", "findings"),
                (
                    "SinkArn",
                    "arn:aws:firehose:eu-west-1:111122223333:deliverystream/findings",
                ),
            ],
            "firehose:findings",
            "firehose:PutRecordBatch",
            json!("arn:aws:firehose:eu-west-1:111122223333:deliverystream/findings"),
        ),
    ];
    for (chosen, sink, action, resource) in choices {
        let template = Template::with(chosen);
        assert_eq!(template.environment("CollectAlerts")["SINK"], sink);
        let writes = ["events:", "sqs:", "s3:", "firehose:"];
        let mut allowed = template.allowed("CollectingRole");
        allowed.retain(|(action, _)| writes.iter().any(|service| action.starts_with(service)));
        let mut expected = vec![(action.to_owned(), resource)];
        // A bucket takes items of any size.
        let parks = !sink.starts_with("s3:");
        if parks {
            let parked = json!("${CollectedBucket.Arn}/*");
            expected.push(("s3:PutObject".to_owned(), parked));
        }
        expected.push(("sqs:SendMessage".to_owned(), get("CollectingDeadLetters")));
        assert_eq!(allowed, expected, "{sink}");
        let parking = template
            .environment("CollectAlerts")
            .contains_key("PARKING_BUCKET");
        assert_eq!(parking, parks, "{sink}");
    }
}

#[test]
fn a_queue_in_order_is_a_fifo_queue() {
    let template = Template::with(&[("Sink", "sqs-fifo")]);
    let queue = template.properties("CollectedQueue");
    assert_eq!(queue["FifoQueue"], true);
    assert_eq!(queue["QueueName"], "defender-collected.fifo");
    let template = Template::with(&[("Sink", "sqs")]);
    let queue = template.properties("CollectedQueue");
    assert!(
        queue.get("FifoQueue").is_none_or(|fifo| fifo.is_null()),
        "{queue}"
    );
    assert_eq!(queue["QueueName"], "defender-collected");
}

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

#[test]
fn an_alarm_rings_for_a_stream_that_is_behind_or_does_not_run_at_all() {
    let template = chosen();
    for (alarm, stream) in [
        ("IncidentsLagAlarm", "incidents"),
        ("AlertsLagAlarm", "alerts"),
        ("HuntingLagAlarm", "hunting-encoded-powershell"),
    ] {
        let alarm = template.properties(alarm);
        assert_eq!(alarm["Namespace"], "DefenderXdr");
        assert_eq!(alarm["MetricName"], "LagSeconds");
        assert_eq!(
            alarm["Dimensions"],
            json!([{ "Name": "Stream", "Value": stream }])
        );
        assert_eq!(alarm["Statistic"], "Maximum");
        assert_eq!(alarm["TreatMissingData"], "breaching");
        for seconds in ["Threshold", "Period"] {
            assert_eq!(number(&alarm[seconds]), 3600, "{alarm}");
        }
    }
}

fn number(value: &Value) -> u64 {
    let text = value.as_str().and_then(|text| text.parse().ok());
    value.as_u64().or(text).expect("a number")
}

#[test]
fn alarms_ring_for_failures_and_for_both_queues_of_dead_letters() {
    let template = chosen();
    for id in ["CollectIncidents", "CollectAlerts", "CollectHunting"] {
        let alarm = template.properties(&format!("{id}Failures"));
        assert_eq!(alarm["Namespace"], "AWS/Lambda");
        assert_eq!(alarm["MetricName"], "Errors");
        let function = json!([{ "Name": "FunctionName", "Value": { "Ref": id } }]);
        assert_eq!(alarm["Dimensions"], function);
    }
    for queue in ["CollectingDeadLetters", "ScheduleDeadLetters"] {
        let alarm = template.properties(&format!("{queue}Alarm"));
        assert_eq!(alarm["MetricName"], "ApproximateNumberOfMessagesVisible");
        let name =
            json!([{ "Name": "QueueName", "Value": { "Fn::GetAtt": [queue, "QueueName"] } }]);
        assert_eq!(alarm["Dimensions"], name);
        assert_eq!(number(&alarm["Threshold"]), 0);
    }
    let alarms: Vec<_> = template.of_type("AWS::CloudWatch::Alarm").collect();
    assert_eq!(alarms.len(), 8);
    for (id, alarm) in alarms {
        let told = json!([TOPIC]);
        assert_eq!(alarm["Properties"]["AlarmActions"], told, "{id}");
        assert_eq!(alarm["Properties"]["OKActions"], told, "{id}");
    }
}

/// Who may read must not be able to rewind a stream.
#[test]
fn streams_are_run_by_a_policy_of_their_own() {
    let template = of_all_tenants();
    let collects = |policy: &str| {
        let document = &template.properties(policy)["PolicyDocument"];
        let statements = list(&document["Statement"]).into_iter();
        let text: Vec<_> = statements.map(Value::to_string).collect();
        ["\"collecting\"", "${CollectingApi}", "CollectForEachTenant"]
            .map(|name| text.iter().any(|statement| statement.contains(name)))
    };
    assert_eq!(collects("CollectingPolicy"), [true; 3]);
    for other in ["CallerPolicy", "TenantsPolicy", "ResponderPolicy"] {
        assert_eq!(collects(other), [false; 3], "{other}");
    }
}

/// What says how far a stream is outlives the stack, and so does what was collected.
#[test]
fn what_was_collected_is_kept() {
    let template = Template::unrolled();
    for id in [
        "CheckpointTable",
        "CollectedBucket",
        "CollectedQueue",
        "CollectingDeadLetters",
    ] {
        let resource = &template.0["Resources"][id];
        assert_eq!(resource["DeletionPolicy"], "RetainExceptOnCreate", "{id}");
        assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{id}");
    }
    let table = template.properties("CheckpointTable");
    let recovery = &table["PointInTimeRecoverySpecification"];
    assert_eq!(recovery["PointInTimeRecoveryEnabled"], true);
    assert_eq!(table["TimeToLiveSpecification"]["AttributeName"], "expires");
    let bucket = template.properties("CollectedBucket");
    assert_eq!(bucket["VersioningConfiguration"]["Status"], "Enabled");
}
