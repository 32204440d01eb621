//! What the template makes for the streams, who may run them, and what is kept.

mod alarms;
mod schedules;
mod sink;

use serde_json::Value;

use crate::unrolled::{Template, list};

const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:soc";

/// What is not as it is by default, once for all that look at it.
fn chosen() -> Template {
    Template::with(&[
        ("ExpandAlerts", "true"),
        ("LagAlarmSeconds", "3600"),
        ("HuntingLagAlarmSeconds", "21600"),
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

const KEPT: [&str; 4] = [
    "CheckpointTable",
    "CollectedBucket",
    "CollectedQueue",
    "CollectingDeadLetters",
];

/// What says how far a stream is outlives the stack, and so does what was collected.
#[test]
fn what_was_collected_is_kept() {
    let template = Template::unrolled();
    for id in KEPT {
        let resource = &template.0["Resources"][id];
        assert_eq!(resource["DeletionPolicy"], "RetainExceptOnCreate", "{id}");
        assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{id}");
    }
    // A name of ours would still be taken when the stack is deployed again.
    for id in KEPT {
        let properties = template.properties(id);
        for name in ["TableName", "BucketName", "QueueName"] {
            assert!(properties[name].is_null(), "{id} has a {name}");
        }
    }
    let table = template.properties("CheckpointTable");
    let recovery = &table["PointInTimeRecoverySpecification"];
    assert_eq!(recovery["PointInTimeRecoveryEnabled"], true);
    assert_eq!(table["TimeToLiveSpecification"]["AttributeName"], "expires");
    let bucket = template.properties("CollectedBucket");
    assert_eq!(bucket["VersioningConfiguration"]["Status"], "Enabled");
}
