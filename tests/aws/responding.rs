//! What the template keeps apart for acting on devices, and that nothing else reaches it.

use std::collections::BTreeSet;

use defender_functions::operations::OPERATIONS;
use serde_json::{Value, json};

use crate::unrolled::{
    EVERYTHING, Template, everything, group_and_role, list, logical_id, read_by_sam,
};

/// The conditions of what only acting on devices needs.
const RESPONDING: [&str; 4] = ["responding", "workflows", "approving", "Responder"];

#[test]
fn nothing_of_responding_is_there_by_default_nor_with_any_other_group() {
    let others = [
        &[][..],
        &EVERYTHING[..2],
        &[
            ("Workflows", "deploy"),
            ("ResponderArn", "arn:aws:iam::111122223333:root"),
        ],
    ];
    for parameters in others {
        let conditions = &read_by_sam(parameters)["conditions"];
        for name in RESPONDING {
            assert_eq!(conditions[name], false, "{name} with {parameters:?}");
        }
        // Agents that act take turns by the same table.
        assert_eq!(conditions["takingTurns"], false, "{parameters:?}");
    }
    // Whatever has a name of its own there depends on one of these.
    let template = Template::unrolled();
    let names = [
        "Response",
        "Responder",
        "Respond",
        "Acting",
        "Asking",
        "Saving",
        "Evidence",
        "Approv",
        "Workflow",
    ];
    let resources = template.0["Resources"].as_object().expect("resources");
    for (id, resource) in resources {
        if names.iter().any(|name| id.starts_with(name)) {
            let condition = resource["Condition"].as_str().unwrap_or_default();
            assert!(RESPONDING.contains(&condition), "{id} goes by {condition}");
        }
    }
    assert_eq!(resources["LeaseTable"]["Condition"], "takingTurns");
}

#[test]
fn responding_takes_an_app_of_its_own_with_its_secret() {
    let template = Template::unrolled();
    let rule = template.0["Rules"]["ResponseHasAnAppOfItsOwn"]["Assertions"].to_string();
    for other in ["\"ClientId\"", "\"ClientSecretArn\""] {
        assert!(rule.contains(other), "{rule}");
    }
    let rule = template.0["Rules"]["NothingRespondsWithoutItsApp"]["Assertions"].to_string();
    for lonely in [
        "\"ResponseClientSecretArn\"",
        "\"ResponseClientCertificateArn\"",
        "\"ResponderArn\"",
    ] {
        assert!(rule.contains(lonely), "{rule}");
    }
    let half = [EVERYTHING[2], EVERYTHING[6]];
    assert_eq!(read_by_sam(&half)["conditions"]["responding"], false);
}

#[test]
fn no_other_role_reads_or_invokes_anything_of_responding() {
    let template = Template::unrolled();
    let theirs = |resource: &Value| {
        let text = resource.to_string();
        let named = [
            "Lease",
            "Evidence",
            "Responding",
            "Acting",
            "Asking",
            "Saving",
            everything("ResponseClientSecretArn"),
        ];
        named.iter().any(|name| text.contains(name))
    };
    let roles: BTreeSet<_> = OPERATIONS.iter().map(group_and_role).collect();
    for (group, role) in roles {
        let mut seen = false;
        for (action, resource) in template.allowed(role) {
            assert!(!action.starts_with("lambda:"), "{role} allows {action}");
            seen |= theirs(&resource);
            assert!(
                group == "responding" || !theirs(&resource),
                "{role} allows {action} on {resource}"
            );
        }
        assert_eq!(seen, group == "responding", "{role}");
    }
}

#[test]
fn a_caller_of_the_other_groups_reaches_no_function_that_responds() {
    let template = Template::with(&[
        ("JwtIssuer", "https://issuer.example"),
        ("JwtAudience", "defender"),
        ("CallerArn", "arn:aws:iam::111122223333:role/caller"),
        ("ResponderArn", "arn:aws:iam::111122223333:role/responder"),
    ]);
    let statements =
        |policy: &str| template.properties(policy)["PolicyDocument"]["Statement"].clone();
    for (policy, api, responds) in [
        ("CallerPolicy", "HttpApi", false),
        ("ResponderPolicy", "ResponseApi", true),
    ] {
        let statements = statements(policy);
        let invoke = &statements[0];
        assert_eq!(invoke["Action"], "lambda:InvokeFunction");
        let condition = &invoke["Condition"]["StringEquals"];
        assert_eq!(
            condition["aws:ResourceTag/aws:cloudformation:stack-id"]["Ref"],
            "AWS::StackId"
        );
        let groups: Vec<&str> = list(&condition["aws:ResourceTag/group"])
            .into_iter()
            .filter_map(Value::as_str)
            .collect();
        for operation in OPERATIONS {
            let (group, _) = group_and_role(operation);
            let own = ["tenants", "collecting"].contains(&group);
            let reached = !own && (group == "responding") == responds;
            assert_eq!(groups.contains(&group), reached, "{policy}: {operation:?}");
        }
        assert_eq!(statements[1]["Action"], "execute-api:Invoke");
        let resource = statements[1]["Resource"].to_string();
        assert!(resource.contains(&format!("${{{api}}}/*")), "{resource}");
    }
    let allowed = statements("CallerPolicy").to_string();
    assert!(!allowed.contains("states:"), "{allowed}");
    let attached = |role: &str| template.properties(role)["ManagedPolicyArns"].clone();
    assert_eq!(attached("CallerRole"), json!([{ "Ref": "CallerPolicy" }]));
    assert_eq!(
        attached("ResponderRole"),
        json!([{ "Ref": "ResponderPolicy" }])
    );
}

#[test]
fn a_jwt_opens_every_route_but_those_that_respond_or_collect_and_those_of_tenants() {
    let template = Template::with(&[
        ("JwtIssuer", "https://issuer.example"),
        ("JwtAudience", "defender"),
    ]);
    for operation in OPERATIONS {
        let (group, _) = group_and_role(operation);
        let route = template.properties(&format!("{}Route", logical_id(operation)));
        let expected = match group {
            _ if operation.name == "complete_consent" => "NONE",
            "responding" | "tenants" | "collecting" => "AWS_IAM",
            _ => "JWT",
        };
        assert_eq!(route["AuthorizationType"], expected, "{operation:?}");
        assert_eq!(route["AuthorizerId"].is_null(), expected != "JWT");
    }
}

#[test]
fn responding_has_its_concurrency_reserved_even_where_nothing_else_has() {
    let template = Template::with(&[("ReservedConcurrency", "0"), ("ResponseConcurrency", "3")]);
    assert_eq!(
        template.0["Parameters"]["ResponseConcurrency"]["MinValue"],
        1
    );
    for operation in OPERATIONS {
        let (group, _) = group_and_role(operation);
        let function = template.properties(&logical_id(operation));
        let reserved = function["ReservedConcurrentExecutions"].to_string();
        let expected = match group {
            "responding" => "\"3\"",
            _ => "null",
        };
        assert_eq!(reserved, expected, "{operation:?}");
    }
}

#[test]
fn guards_are_set_where_they_are_given() {
    let guards = [
        ("MaxActionsPerHour", "MAX_ACTIONS_PER_HOUR", "5"),
        ("RequireDeviceTag", "REQUIRE_DEVICE_TAG", "pilot"),
        ("ForbidDeviceTag", "FORBID_DEVICE_TAG", "crown-jewel"),
    ];
    let template = Template::with(&guards.map(|(parameter, _, value)| (parameter, value)));
    for operation in OPERATIONS {
        let (_, role) = group_and_role(operation);
        let variables = template.environment(&logical_id(operation));
        for (_, variable, value) in guards {
            let expected = (role == "ActingRole").then(|| json!(value));
            assert_eq!(variables.get(variable), expected.as_ref(), "{operation:?}");
        }
    }
}

#[test]
fn evidence_is_kept_private_encrypted_and_whole() {
    let template = Template::unrolled();
    let bucket = &template.0["Resources"]["EvidenceBucket"];
    assert_eq!(bucket["DeletionPolicy"], "RetainExceptOnCreate");
    assert_eq!(bucket["UpdateReplacePolicy"], "Retain");
    let bucket = &bucket["Properties"];
    let closed = bucket["PublicAccessBlockConfiguration"]
        .as_object()
        .expect("it is closed");
    assert_eq!(closed.len(), 4);
    assert!(closed.values().all(|closed| closed == true), "{closed:?}");
    let encryption = bucket["BucketEncryption"].to_string();
    assert!(encryption.contains("AES256"), "{encryption}");
    assert_eq!(bucket["VersioningConfiguration"]["Status"], "Enabled");
    let rule = &bucket["LifecycleConfiguration"]["Rules"][0];
    assert_eq!(rule["Status"], "Enabled");
    let kept = &template.0["Parameters"]["EvidenceRetentionDays"]["Default"];
    assert_eq!(rule["ExpirationInDays"], *kept);

    let policy = &template.properties("EvidenceBucketPolicy")["PolicyDocument"]["Statement"][0];
    assert_eq!(policy["Effect"], "Deny");
    assert_eq!(policy["Principal"], "*");
    assert_eq!(policy["Condition"]["Bool"]["aws:SecureTransport"], "false");

    let table = template.properties("LeaseTable");
    assert_eq!(
        table["KeySchema"],
        json!([{ "AttributeName": "pk", "KeyType": "HASH" }])
    );
    assert_eq!(
        table["TimeToLiveSpecification"],
        json!({ "AttributeName": "expires", "Enabled": true })
    );
    assert_eq!(table["SSESpecification"]["SSEEnabled"], true);
}
