//! `template.yaml`, unrolled by SAM's own code, has what each operation needs and nothing beyond.

use std::{collections::BTreeSet, process::Command};

use defender_functions::{operation::Group, operations::OPERATIONS};

use crate::{
    checkout,
    python::{Python, run},
    unrolled::{Template, logical_id, read_by_sam},
};

#[test]
fn sam_and_cfn_lint_find_nothing_to_say() {
    let python = Python::sam();
    let template = checkout("template.yaml");
    run(Command::new(python.program("sam"))
        .args(["validate", "--lint", "--region", "eu-west-1", "--template"])
        .arg(&template)
        .current_dir(checkout("."))
        .env("SAM_CLI_TELEMETRY", "0"));
    run(Command::new(python.program("cfn-lint"))
        .arg("--")
        .arg(&template));
}

/// CloudFormation knows no aliases.
#[test]
fn what_sam_deploys_repeats_itself_without_aliases() {
    let read = read_by_sam(None);
    let written = read["written"].as_str().expect("a text");
    for line in written.lines() {
        let value = line.trim_start().trim_start_matches("- ");
        let value = value.split_once(": ").map_or(value, |(_, value)| value);
        assert!(!value.starts_with(['*', '&']), "{line}");
    }
    assert_eq!(written.matches("sts:AssumeRole").count(), 4, "{written}");
}

#[test]
fn there_is_one_function_for_each_operation() {
    let template = Template::unrolled();
    let functions: BTreeSet<&str> = template
        .of_type("AWS::Serverless::Function")
        .map(|(id, _)| id)
        .collect();
    let operations: BTreeSet<String> = OPERATIONS.iter().map(logical_id).collect();
    assert_eq!(functions, operations.iter().map(String::as_str).collect());

    for operation in OPERATIONS {
        let id = logical_id(operation);
        let function = template.properties(&id);
        assert_eq!(function["Handler"], operation.name);
        assert_eq!(function["Runtime"], "provided.al2023", "{id}");
        assert_eq!(function["Role"]["Fn::GetAtt"][0], format!("{id}Role"));
        let longest = if operation.group == Group::Hunting {
            210
        } else {
            29
        };
        assert_eq!(function["Timeout"], longest, "{id}");
        assert_eq!(
            template.0["Resources"][&id]["Metadata"]["BuildMethod"], "rust-cargolambda",
            "{id}"
        );
    }
}

#[test]
fn a_group_of_operations_is_switched_by_its_name() {
    let template = Template::unrolled();
    for operation in OPERATIONS {
        let group = match operation.group {
            Group::Hunting => "hunting",
            _ if operation.changes => "changing",
            _ => "reading",
        };
        let function = logical_id(operation);
        let resources = template.0["Resources"].as_object().expect("resources");
        let its = resources.iter().filter(|(id, _)| id.starts_with(&function));
        for (id, resource) in its {
            assert_eq!(resource["Condition"], group, "{id}");
        }
        assert!(
            template.0["Conditions"][group].is_object(),
            "there is no condition {group}"
        );
    }
    let default = template.0["Parameters"]["Groups"]["Default"].as_str();
    assert_eq!(
        default,
        Some("reading,hunting"),
        "nothing changes a tenant unless it is asked for"
    );
}

#[test]
fn the_routes_are_those_of_the_operations() {
    let template = Template::unrolled();
    assert_eq!(
        template.of_type("AWS::ApiGatewayV2::Route").count(),
        OPERATIONS.len()
    );
    for operation in OPERATIONS {
        let id = logical_id(operation);
        let route = template.properties(&format!("{id}Route"));
        assert_eq!(
            route["RouteKey"],
            format!("{} {}", operation.method, operation.path)
        );
        assert_eq!(route["AuthorizationType"], "AWS_IAM", "{id}");
        let target = route["Target"].to_string();
        assert!(target.contains(&format!("{id}Integration")), "{target}");
        let integration = template.properties(&format!("{id}Integration"));
        assert_eq!(integration["IntegrationUri"]["Fn::GetAtt"][0], id);
        assert_eq!(integration["PayloadFormatVersion"], "2.0", "{id}");
        let permission = template.properties(&format!("{id}Permission"));
        assert_eq!(permission["FunctionName"]["Ref"], id);
        assert_eq!(permission["Principal"], "apigateway.amazonaws.com", "{id}");
    }
}

#[test]
fn a_role_allows_what_its_function_does_and_no_more() {
    let template = Template::unrolled();
    assert_eq!(
        template
            .of_type("AWS::IAM::Role")
            .filter(|(id, _)| *id != "CallerRole")
            .count(),
        OPERATIONS.len()
    );
    for operation in OPERATIONS {
        let id = logical_id(operation);
        assert!(
            template.properties(&format!("{id}Role"))["ManagedPolicyArns"].is_null(),
            "{id}"
        );
        for (action, resource) in template.allowed(&id) {
            let expected = match action.as_str() {
                "logs:CreateLogStream" | "logs:PutLogEvents" => {
                    resource["Fn::GetAtt"][0] == format!("{id}Logs")
                }
                "secretsmanager:GetSecretValue" => resource["Ref"] == "ClientSecretArn",
                // X-Ray has no resources to name.
                "xray:PutTraceSegments" | "xray:PutTelemetryRecords" => resource == "*",
                "sqs:ReceiveMessage" | "sqs:DeleteMessage" | "sqs:GetQueueAttributes" => {
                    resource["Fn::GetAtt"][0] == format!("{id}Queue")
                }
                "sqs:SendMessage" => {
                    operation.changes && resource["Fn::GetAtt"][0] == format!("{id}DeadLetters")
                }
                _ => false,
            };
            assert!(expected, "the role of {id} allows {action} on {resource}");
        }
    }
}

#[test]
fn no_secret_is_in_an_environment() {
    let template = Template::unrolled();
    // The default of every function; none adds to it.
    let variables = template.0["Globals"]["Function"]["Environment"]["Variables"]
        .as_object()
        .expect("variables");
    let names: Vec<&str> = variables.keys().map(String::as_str).collect();
    let known = [
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET_ID",
        "AZURE_TENANT_ID",
        "DEFENDER_API",
        "DEFENDER_CLOUD",
    ];
    assert_eq!(
        names.into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from(known)
    );
    assert_eq!(
        variables["AZURE_CLIENT_SECRET_ID"]["Ref"],
        "ClientSecretArn"
    );
    for (id, function) in template.of_type("AWS::Serverless::Function") {
        assert!(function["Properties"]["Environment"].is_null(), "{id}");
    }
}

#[test]
fn the_queue_reports_each_failure_and_keeps_what_cannot_be_done() {
    let template = Template::unrolled();
    let sources: Vec<_> = template
        .of_type("AWS::Lambda::EventSourceMapping")
        .collect();
    let [(_, source)] = sources[..] else {
        panic!("one queue, not {}", sources.len())
    };
    let source = &source["Properties"];
    assert_eq!(source["FunctionName"]["Ref"], "UpdateIncident");
    assert_eq!(
        source["FunctionResponseTypes"][0],
        "ReportBatchItemFailures"
    );
    assert_eq!(
        source["EventSourceArn"]["Fn::GetAtt"][0],
        "UpdateIncidentQueue"
    );
    let queue = template.properties("UpdateIncidentQueue");
    assert_eq!(
        queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0],
        "UpdateIncidentDeadLetters"
    );
    let timeout = template.properties("UpdateIncident")["Timeout"]
        .as_u64()
        .expect("a timeout");
    assert!(
        queue["VisibilityTimeout"].as_u64() >= Some(6 * timeout),
        "{queue}"
    );
    assert!(template.properties("UpdateIncidentDeadLetters").is_object());

    // Lambda refuses the source while the role may not read there, so it has to wait for its policy.
    let awaited = &template.0["Resources"]["UpdateIncidentQueueSource"]["DependsOn"];
    assert_eq!(*awaited, "UpdateIncidentQueuePolicy");
}

#[test]
fn a_failed_change_is_kept_and_not_repeated() {
    let template = Template::unrolled();
    for operation in OPERATIONS {
        let id = logical_id(operation);
        let asynchronous = &template.properties(&id)["EventInvokeConfig"];
        let dead_letters = format!("{id}DeadLetters");
        if !operation.changes {
            assert!(asynchronous.is_null(), "reading again does no harm: {id}");
            assert!(template.0["Resources"][&dead_letters].is_null(), "{id}");
            continue;
        }
        assert_eq!(asynchronous["MaximumRetryAttempts"], 0, "{id}");
        let failed = &asynchronous["DestinationConfig"]["OnFailure"];
        assert_eq!(failed["Type"], "SQS", "{id}");
        assert_eq!(failed["Destination"]["Fn::GetAtt"][0], dead_letters);
        // Two weeks are the longest that SQS keeps anything.
        let kept = &template.properties(&dead_letters)["MessageRetentionPeriod"];
        assert_eq!(*kept, 14 * 24 * 60 * 60, "{id}");

        // Lambda refuses the destination while the role may not send there, so the function has to wait for its policy.
        let allowed = template.allowed(&id);
        let sends = allowed
            .iter()
            .any(|(action, _)| action == "sqs:SendMessage");
        assert!(sends, "the role of {id} allows only {allowed:?}");
        let awaited = &template.properties(&id)["Tags"]["permission"]["Ref"];
        assert_eq!(*awaited, format!("{id}DeadLettersPolicy"));
    }
}

#[test]
fn each_operation_has_its_sample_event_and_no_other_is_there() {
    let files = std::fs::read_dir(checkout("events")).expect("the events are in the checkout");
    let names = files.map(|file| {
        file.expect("a folder can be read")
            .file_name()
            .into_string()
            .expect("plain names")
    });
    let events: BTreeSet<String> = names.filter(|name| name.ends_with(".json")).collect();
    let operations: BTreeSet<String> = OPERATIONS
        .iter()
        .map(|entry| format!("{}.json", entry.name))
        .collect();
    assert_eq!(events, operations);
}
