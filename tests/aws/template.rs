//! `template.yaml`, unrolled by SAM's own code, has what each operation needs and nothing beyond.

use std::{collections::BTreeSet, process::Command};

use defender_functions::{agent, operation::Group, operations::OPERATIONS};
use serde_json::json;

use crate::{
    checkout,
    python::{Python, run},
    unrolled::{Template, api, everything, group_and_role, logical_id, read_by_sam, routes},
};

#[test]
fn sam_and_cfn_lint_find_nothing_to_say() {
    let python = Python::sam();
    for template in ["template.yaml", "monitoring.yaml"].map(checkout) {
        run(Command::new(python.program("sam"))
            .args(["validate", "--lint", "--region", "eu-west-1", "--template"])
            .arg(&template)
            .current_dir(checkout("."))
            .env("SAM_CLI_TELEMETRY", "0"));
        run(Command::new(python.program("cfn-lint"))
            .arg("--")
            .arg(&template));
    }
}

/// CloudFormation knows no aliases.
#[test]
fn what_sam_deploys_repeats_itself_without_aliases() {
    let read = read_by_sam(&[]);
    let written = read["written"].as_str().expect("a text");
    for line in written.lines() {
        let value = line.trim_start().trim_start_matches("- ");
        let value = value.split_once(": ").map_or(value, |(_, value)| value);
        assert!(!value.starts_with(['*', '&']), "{line}");
    }
    // Sixteen roles of functions, five of workflows, one of schedules, two of people.
    assert_eq!(written.matches("sts:AssumeRole").count(), 24, "{written}");
}

/// 500 resources, 200 parameters, outputs and attributes of a mapping, a megabyte once everything is written out.
#[test]
fn the_limits_of_a_template_are_far() {
    let template = Template::unrolled();
    let count = |section: &str| template.0[section].as_object().map_or(0, |all| all.len());
    // SAM makes a resource of each of these.
    let asynchronous = template
        .of_type("AWS::Serverless::Function")
        .filter(|(_, function)| function["Properties"]["EventInvokeConfig"].is_object());
    let resources = count("Resources") + asynchronous.count();
    assert!(resources <= 495, "{resources} resources");
    // A function's name has 64 characters at most, and docs/deploy.md promises the stack's name 30 of them.
    let longest = OPERATIONS
        .iter()
        .map(|operation| logical_id(operation).len())
        .max();
    assert!(
        longest.is_some_and(|longest| 30 + 1 + longest <= 64),
        "{longest:?}"
    );
    assert!(count("Parameters") < 100);
    assert!(count("Outputs") < 100);
    let operations = template.0["Mappings"]["Operations"].as_object();
    let attributes: usize = operations
        .expect("a mapping")
        .values()
        .map(|attributes| attributes.as_object().map_or(0, |all| all.len()))
        .sum();
    assert!(attributes < 190, "{attributes} attributes");
    let written = template.0.to_string().len();
    assert!(written < 500_000, "{written} bytes");
}

#[test]
fn there_is_one_function_for_each_operation() {
    let template = Template::unrolled();
    let functions: BTreeSet<&str> = template
        .of_type("AWS::Serverless::Function")
        .map(|(id, _)| id)
        .collect();
    let mut operations: BTreeSet<String> = OPERATIONS.iter().map(logical_id).collect();
    // The app that responds has a doctor of its own.
    operations.insert("CheckResponseToken".to_owned());
    // And agents have one for all of them.
    operations.insert("CallTool".to_owned());
    assert_eq!(functions, operations.iter().map(String::as_str).collect());

    for operation in OPERATIONS {
        let id = logical_id(operation);
        let function = template.properties(&id);
        assert_eq!(function["Handler"], operation.name);
        assert_eq!(function["Runtime"], "provided.al2023", "{id}");
        // Where `cargo lambda build` leaves it. SAM looks for it here, and not among the globals.
        assert_eq!(function["CodeUri"], "target/lambda/bootstrap", "{id}");
        let longest = match operation.group {
            Group::Hunting => 210,
            _ if operation.name == "save_package" => 900,
            // A backlog is worked off as long as Lambda lets it.
            Group::Collecting if operation.name != "get_checkpoint" => 900,
            _ => 29,
        };
        let usual = &template.0["Globals"]["Function"]["Timeout"];
        let timeout = function.get("Timeout").unwrap_or(usual);
        assert_eq!(*timeout, longest, "{id}");
        assert_eq!(
            template.0["Resources"][&id]["Metadata"],
            json!({ "SkipBuild": true }),
            "{id}"
        );
    }
}

#[test]
fn an_operation_is_deployed_with_its_group() {
    let template = Template::unrolled();
    for operation in OPERATIONS {
        let (group, role) = group_and_role(operation);
        let id = logical_id(operation);
        assert_eq!(template.0["Resources"][&id]["Condition"], group, "{id}");
        for part in ["Integration", "Route", "Permission"] {
            let resource = &template.0["Resources"][format!("{id}{part}")];
            assert_eq!(resource["Condition"], routes(group), "{id}{part}");
        }
        let function = template.properties(&id);
        assert_eq!(function["Role"]["Fn::GetAtt"], json!([role, "Arn"]), "{id}");
        assert_eq!(function["Tags"]["group"], group, "{id}");
        let logs = function["LoggingConfig"]["LogGroup"]["Ref"].as_str();
        let logs = template.properties(logs.expect("a log group"));
        assert_eq!(
            logs["LogGroupName"],
            format!("/aws/lambda/defender-{group}")
        );
    }
}

#[test]
fn nothing_changes_a_tenant_unless_it_is_asked_for() {
    let conditions = &read_by_sam(&[])["conditions"];
    for operation in OPERATIONS {
        let (group, _) = group_and_role(operation);
        let deployed = operation.permissions.endpoint.is_empty() && !operation.changes;
        let deployed = deployed && !["tenants", "collecting"].contains(&group);
        assert_eq!(conditions[group], deployed, "{operation:?}");
    }
}

#[test]
fn the_routes_are_those_of_the_operations() {
    let template = Template::unrolled();
    assert_eq!(
        template.of_type("AWS::ApiGatewayV2::Route").count(),
        OPERATIONS.len() + 1,
        "one each, and that of CheckResponseToken"
    );
    for operation in OPERATIONS {
        let id = logical_id(operation);
        let (group, _) = group_and_role(operation);
        let api = api(group);
        let route = template.properties(&format!("{id}Route"));
        assert_eq!(
            route["RouteKey"],
            format!("{} {}", operation.method, operation.path)
        );
        assert_eq!(route["ApiId"]["Ref"], api, "{id}");
        let open = operation.name == "complete_consent";
        let authorization = if open { "NONE" } else { "AWS_IAM" };
        assert_eq!(route["AuthorizationType"], authorization, "{id}");
        let target = route["Target"].to_string();
        assert!(target.contains(&format!("{id}Integration")), "{target}");
        let integration = template.properties(&format!("{id}Integration"));
        assert_eq!(integration["ApiId"]["Ref"], api, "{id}");
        assert_eq!(integration["IntegrationUri"]["Fn::GetAtt"][0], id);
        assert_eq!(integration["PayloadFormatVersion"], "2.0", "{id}");
        let permission = template.properties(&format!("{id}Permission"));
        assert_eq!(permission["FunctionName"]["Ref"], id);
        assert_eq!(permission["Principal"], "apigateway.amazonaws.com", "{id}");
        let source = permission["SourceArn"].to_string();
        assert!(source.contains(&format!("${{{api}}}/*")), "{id}: {source}");
    }
}

#[test]
fn agents_have_one_function_without_a_route() {
    let template = Template::unrolled();
    let function = template.properties("CallTool");
    assert_eq!(function["Handler"], agent::CALL_TOOL.name);
    assert_eq!(function["CodeUri"], "target/lambda/bootstrap");
    assert_eq!(function["Role"]["Fn::GetAtt"], json!(["AgentsRole", "Arn"]));
    let reading = &template.properties("RunHuntingQuery")["Timeout"];
    assert_eq!(
        function["Timeout"], *reading,
        "as long as what takes longest"
    );
    let resource = &template.0["Resources"]["CallTool"];
    assert_eq!(resource["Condition"], "agents");
    assert_eq!(resource["Metadata"], json!({ "SkipBuild": true }));
    let permissions = template.of_type("AWS::Lambda::Permission");
    let of_tools = permissions
        .filter(|(_, permission)| permission["Properties"]["FunctionName"]["Ref"] == "CallTool");
    let principals: Vec<_> = of_tools
        .map(|(_, permission)| &permission["Properties"]["Principal"])
        .collect();
    assert_eq!(principals, [everything("AgentGatewayRoleArn")]);
    assert_eq!(read_by_sam(&[])["conditions"]["agents"], false);
    // One process serves all tenants.
    let rule = &template.0["Rules"]["AgentsServeAllTenants"];
    assert_eq!(
        (&rule["RuleCondition"], &rule["Assertions"][0]["Assert"]),
        (
            &json!({ "Fn::Equals": [{ "Ref": "Agents" }, "deploy"] }),
            &json!({ "Fn::Equals": [{ "Ref": "TenantIsolation" }, "none"] })
        )
    );
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
        "ChangingDeadLetters"
    );
    let timeout = template.0["Globals"]["Function"]["Timeout"]
        .as_u64()
        .expect("a timeout");
    assert!(
        queue["VisibilityTimeout"].as_u64() >= Some(6 * timeout),
        "{queue}"
    );
    // Lambda refuses the source while the role may not read there: the role has it from the start.
    let reads = template.allowed("ChangingRole");
    let reads = reads
        .iter()
        .any(|(action, _)| action == "sqs:ReceiveMessage");
    assert!(reads);
}

#[test]
fn a_failed_change_is_kept_and_not_repeated() {
    let template = Template::unrolled();
    for operation in OPERATIONS {
        let id = logical_id(operation);
        let (_, role) = group_and_role(operation);
        let asynchronous = &template.properties(&id)["EventInvokeConfig"];
        if role == "CollectingRole" {
            continue;
        }
        // Listing indicators takes a permission to write, and goes with those that do.
        if !operation.changes && operation.name != "list_indicators" {
            assert!(asynchronous.is_null(), "reading again does no harm: {id}");
            continue;
        }
        assert_eq!(asynchronous["MaximumRetryAttempts"], 0, "{id}");
        // What acts on a device acts now or not at all.
        let age = &asynchronous["MaximumEventAgeInSeconds"];
        assert_eq!(age == 60, role == "ActingRole", "{id}: {age}");
        let failed = &asynchronous["DestinationConfig"]["OnFailure"];
        assert_eq!(failed["Type"], "SQS", "{id}");
        let dead_letters = role.replace("Role", "DeadLetters");
        assert_eq!(failed["Destination"]["Fn::GetAtt"][0], dead_letters);
        // Two weeks are the longest that SQS keeps anything.
        let kept = &template.properties(&dead_letters)["MessageRetentionPeriod"];
        assert_eq!(*kept, 14 * 24 * 60 * 60, "{id}");
        // Lambda refuses the destination while the role may not send there: the role has it from the start.
        let allowed = template.allowed(role);
        let sends = allowed
            .iter()
            .any(|(action, _)| action == "sqs:SendMessage");
        assert!(sends, "{role} allows only {allowed:?}");
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
