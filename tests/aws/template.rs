//! `template.yaml`, unrolled by SAM's own code, has what each operation needs and nothing beyond.

use std::{collections::BTreeSet, process::Command};

use defender_functions::{
    operation::{Entry, Group},
    operations::OPERATIONS,
};
use serde_json::Value;

use crate::{
    checkout,
    python::{Python, run},
};

struct Template(Value);

impl Template {
    fn unrolled() -> Self {
        let path = checkout("template.yaml");
        Self(Python::sam().script(
            "expand.py",
            &[path.to_str().expect("the checkout has a plain path")],
        ))
    }

    fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let resources = self.0["Resources"]
            .as_object()
            .expect("a template has resources");
        let of_type = resources
            .iter()
            .filter(move |(_, resource)| resource["Type"] == kind);
        of_type.map(|(id, resource)| (id.as_str(), resource))
    }

    /// The properties of a resource.
    #[track_caller]
    fn properties(&self, id: &str) -> &Value {
        let properties = &self.0["Resources"][id]["Properties"];
        assert!(properties.is_object(), "the template has no {id}");
        properties
    }

    /// What the policies of an operation's role allow: (action, resource).
    fn allowed(&self, id: &str) -> Vec<(String, Value)> {
        let inline = self.properties(&format!("{id}Role"))["Policies"]
            .as_array()
            .into_iter()
            .flatten();
        let attached = self.of_type("AWS::IAM::Policy").filter_map(|(_, policy)| {
            let roles = policy["Properties"]["Roles"].as_array()?;
            roles
                .iter()
                .any(|role| role["Ref"] == format!("{id}Role"))
                .then_some(&policy["Properties"])
        });
        let statements = inline
            .chain(attached)
            .flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
        let mut allowed = Vec::new();
        for statement in statements {
            assert_eq!(statement["Effect"], "Allow", "{statement}");
            for action in list(&statement["Action"]) {
                let action = action.as_str().expect("actions are text").to_owned();
                allowed.push((action, statement["Resource"].clone()));
            }
        }
        allowed
    }
}

/// IAM takes one thing where a list is meant.
fn list(value: &Value) -> Vec<&Value> {
    value
        .as_array()
        .map_or_else(|| vec![value], |values| values.iter().collect())
}

/// `list_incidents` is `ListIncidents` where CloudFormation takes no underscore.
fn logical_id(operation: &Entry) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    operation.name.split('_').map(capital).collect()
}

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
        let function = &template.0["Resources"][logical_id(operation)];
        assert_eq!(function["Condition"], group, "{}", operation.name);
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
