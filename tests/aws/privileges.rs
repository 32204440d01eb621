//! What the functions of the template may do, and what they are told: what they need, and no more.

use std::collections::BTreeSet;

use defender_functions::operations::OPERATIONS;
use serde_json::json;

use crate::unrolled::{Template, everything, group_and_role, logical_id, read_by_sam};

#[test]
fn a_role_allows_what_its_functions_do_and_no_more() {
    let template = Template::unrolled();
    let roles: BTreeSet<_> = OPERATIONS.iter().map(group_and_role).collect();
    for (group, role) in roles {
        let changes = |operation: &&_| group_and_role(operation) == (group, role);
        let changes = OPERATIONS.iter().filter(changes).any(|one| one.changes);
        let (logs, letters, secret) = match group {
            "responding" => ("Responding", "Acting", "ResponseClientSecretArn"),
            "tenants" => ("Tenants", "None", "ClientSecretArn"),
            "collecting" => ("Collecting", "Collecting", "ClientSecretArn"),
            _ if role == "CheckingRole" => ("Reading", "None", "ClientSecretArn"),
            _ => {
                let name = role.strip_suffix("Role").expect("they are named so");
                (name, name, "ClientSecretArn")
            }
        };
        for (action, resource) in template.allowed(role) {
            let of = &resource["Fn::GetAtt"][0];
            let expected = match action.as_str() {
                "logs:CreateLogStream" | "logs:PutLogEvents" => *of == format!("{logs}Logs"),
                "secretsmanager:GetSecretValue" => resource == everything(secret),
                // X-Ray has no resources to name.
                "xray:PutTraceSegments" | "xray:PutTelemetryRecords" => resource == "*",
                "sqs:ReceiveMessage" | "sqs:DeleteMessage" | "sqs:GetQueueAttributes" => {
                    role == "ChangingRole" && of == "UpdateIncidentQueue"
                }
                "sqs:SendMessage" => {
                    (changes || role == "CollectingRole") && *of == format!("{letters}DeadLetters")
                }
                "dynamodb:PutItem" | "dynamodb:DeleteItem" => {
                    role == "ActingRole" && of == "LeaseTable"
                }
                "dynamodb:UpdateItem" => {
                    let writing = [
                        "CheckingRole",
                        "OnboardingRole",
                        "CompletingRole",
                        "RemovingRole",
                    ];
                    let checkpoints = role == "CollectingRole" && of == "CheckpointTable";
                    checkpoints || writing.contains(&role) && of == "TenantsTable"
                }
                "dynamodb:GetItem" if group == "collecting" => of == "CheckpointTable",
                "dynamodb:BatchGetItem" | "dynamodb:BatchWriteItem" => {
                    role == "CollectingRole" && of == "CheckpointTable"
                }
                "dynamodb:GetItem" | "dynamodb:Scan" => {
                    role == "ListingRole" && of == "TenantsTable"
                }
                // The default sink; the others are tried apart.
                "events:PutEvents" => role == "CollectingRole" && of == "CollectedBus",
                "s3:PutObject" if resource == "${CollectedBucket.Arn}/*" => {
                    role == "CollectingRole"
                }
                "kms:GenerateMac" => role == "OnboardingRole" && of == "ConsentKey",
                "kms:VerifyMac" => role == "CompletingRole" && of == "ConsentKey",
                "s3:PutObject" if role == "SavingRole" => resource == "${EvidenceBucket.Arn}/*",
                // Links to what is stored are as good as the role that signs them.
                "s3:PutObject" | "s3:AbortMultipartUpload" | "s3:GetObject" => {
                    ["reading", "hunting", "endpointReading"].contains(&group)
                        && resource == "${ResultsBucket.Arn}/*"
                }
                _ => false,
            };
            assert!(expected, "{role} allows {action} on {resource}");
        }
    }
}

/// What agents may be talked into is what the first app may do, within the guards and by turns.
#[test]
fn what_agents_call_may_do_what_reading_does_and_take_turns_where_tools_are_named() {
    let template = Template::unrolled();
    let own = |role: &str, logs: &str| {
        let allowed = template.allowed(role).into_iter();
        let of_logs = json!({ "Fn::GetAtt": [logs, "Arn"] });
        let others = allowed.filter(move |(_, resource)| *resource != of_logs);
        others.collect::<Vec<_>>()
    };
    let (turns, others): (Vec<_>, Vec<_>) = own("AgentsRole", "AgentsLogs")
        .into_iter()
        .partition(|(_, resource)| resource["Fn::GetAtt"][0] == "LeaseTable");
    assert_eq!(others, own("ReadingRole", "ReadingLogs"));
    let turns: Vec<_> = turns.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(turns, ["dynamodb:PutItem", "dynamodb:DeleteItem"]);
    let guards = [
        ("MaxActionsPerHour", "7"),
        ("RequireDeviceTag", "Managed"),
        ("ForbidDeviceTag", "Tier0"),
    ];
    let variables = Template::with(&guards).environment("CallTool");
    assert_eq!(variables["MAX_ACTIONS_PER_HOUR"], "7");
    assert_eq!(variables["REQUIRE_DEVICE_TAG"], "Managed");
    assert_eq!(variables["FORBID_DEVICE_TAG"], "Tier0");
    assert_eq!(variables["AGENT_TOOLS"], everything("AgentTools"));
    assert_eq!(variables["AZURE_CLIENT_ID"], json!({ "Ref": "ClientId" }));
    assert_eq!(
        variables["AZURE_CLIENT_SECRET_ID"],
        everything("ClientSecretArn")
    );
    assert_eq!(variables["LEASE_TABLE"], json!({ "Ref": "LeaseTable" }));
    let resources = |parameters| {
        let template = Template::with(parameters);
        let turns = template.allowed("AgentsRole").into_iter();
        let turns = turns.filter(|(action, _)| action.starts_with("dynamodb:PutItem"));
        let variables = template.environment("CallTool");
        (turns.count(), variables.get("LEASE_TABLE").is_some())
    };
    assert_eq!(resources(&[("AgentTools", "")]), (0, false));
    // They take turns without an app that responds, too: theirs is another stack's.
    for (tools, there) in [("isolate_device", true), ("", false)] {
        let parameters = [("Agents", "deploy"), ("AgentTools", tools)];
        let conditions = &read_by_sam(&parameters)["conditions"];
        assert_eq!(conditions["takingTurns"], there, "{tools:?}");
    }
}

/// Rows are read and written by their keys: nothing scans the table.
#[test]
fn who_collects_writes_checkpoints_and_who_watches_reads_one() {
    let template = Template::unrolled();
    let table = json!({ "Fn::GetAtt": ["CheckpointTable", "Arn"] });
    let of_table = |role: &str| -> Vec<String> {
        let mut allowed = template.allowed(role);
        allowed.retain(|(action, _)| action.starts_with("dynamodb:"));
        let allowed = allowed.into_iter().map(|(action, resource)| {
            assert_eq!(resource, table, "{role} allows {action}");
            action
        });
        allowed.collect()
    };
    let collecting = ["GetItem", "UpdateItem", "BatchGetItem", "BatchWriteItem"]
        .map(|action| format!("dynamodb:{action}"));
    assert_eq!(of_table("CollectingRole"), collecting);
    assert_eq!(of_table("WatchingRole"), ["dynamodb:GetItem"]);
}

#[test]
fn no_secret_is_in_an_environment() {
    let template = Template::unrolled();
    let always = [
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET_ID",
        "AZURE_CREDENTIAL",
        "AZURE_TENANT_ID",
        "DEFENDER_API",
        "DEFENDER_CLOUD",
    ];
    for operation in OPERATIONS {
        let id = logical_id(operation);
        let (group, role) = group_and_role(operation);
        let variables = template.environment(&id);
        let mut known = BTreeSet::from(always);
        let consent = [
            "TENANTS_TABLE",
            "CONSENT_KEY_ID",
            "CONSENT_REDIRECT_URI",
            "DEPLOYED_OPERATIONS",
        ];
        known.extend(match role {
            "ReadingRole" | "HuntingRole" | "EndpointReadingRole" => {
                &["RESULTS_BUCKET", "RESULTS_RETENTION_DAYS"][..]
            }
            "CheckingRole" => &[
                "DEPLOYED_OPERATIONS",
                "RESULTS_BUCKET",
                "RESULTS_RETENTION_DAYS",
                "TENANTS_TABLE",
            ],
            "ActingRole" => &["LEASE_TABLE"],
            "SavingRole" => &["EVIDENCE_BUCKET"],
            "OnboardingRole" => &consent[..3],
            "CompletingRole" => &consent,
            "ListingRole" | "RemovingRole" => &["TENANTS_TABLE"],
            "CollectingRole" => &[
                "CHECKPOINT_TABLE",
                "SINK",
                "FORMAT",
                "LOOKBACK_SECONDS",
                "DEAD_LETTER_QUEUE",
                "PARKING_BUCKET",
            ],
            "WatchingRole" => &["CHECKPOINT_TABLE", "LOOKBACK_SECONDS"],
            _ => &[],
        });
        let names: BTreeSet<&str> = variables.keys().map(String::as_str).collect();
        assert_eq!(names, known, "{id}");
        let (app, secret) = match group {
            "responding" => (
                json!(everything("ResponseClientId")),
                everything("ResponseClientSecretArn"),
            ),
            _ => (json!({ "Ref": "ClientId" }), everything("ClientSecretArn")),
        };
        assert_eq!(variables["AZURE_CLIENT_ID"], app, "{id}");
        assert_eq!(variables["AZURE_CLIENT_SECRET_ID"], secret, "{id}");
    }
}

#[test]
fn the_address_that_streams_is_for_callers_who_sign() {
    let template = Template::with(&[("Streaming", "deploy")]);
    let url = template.properties("HuntingUrl");
    assert_eq!(url["AuthType"], "AWS_IAM");
    assert_eq!(url["InvokeMode"], "RESPONSE_STREAM");
    assert_eq!(
        url["TargetFunctionArn"]["Fn::GetAtt"],
        json!(["RunHuntingQuery", "Arn"])
    );
    let streams = |template: &Template| {
        let variables = template.environment("RunHuntingQuery");
        variables.get("RESPONSE_STREAMING").cloned()
    };
    assert_eq!(streams(&template), Some(json!("on")));
    assert_eq!(streams(&Template::unrolled()), None);
    let policy = &template.properties("CallerPolicy")["PolicyDocument"];
    assert!(policy.to_string().contains("lambda:InvokeFunctionUrl"));
}
