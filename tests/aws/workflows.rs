//! The definitions in `workflows` and what the template makes of them.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use crate::{checkout, node::Node, unrolled::Template};

/// The definition of a state machine of the template, with the names of resources for what is substituted.
pub fn definition(template: &Template, machine: &str) -> Value {
    let properties = template.properties(machine);
    let path = properties["DefinitionUri"].as_str().expect("a path");
    let mut text = fs::read_to_string(checkout(path)).expect("it is in the checkout");
    let substitutions = properties["DefinitionSubstitutions"].as_object();
    for (name, value) in substitutions.expect("substitutions") {
        let placeholder = format!("${{{name}}}");
        assert!(text.contains(&placeholder), "{path} has no use for {name}");
        let referred = value["Fn::GetAtt"][0].as_str().or(value["Ref"].as_str());
        let referred = referred.map(|name| name.replace("AWS::Partition", "aws"));
        let given = referred.or(value.as_str().map(str::to_owned));
        text = text.replace(&placeholder, &given.unwrap_or_else(|| value.to_string()));
    }
    let rest = text.split_once("${").map(|(_, rest)| rest.lines().next());
    assert_eq!(rest, None, "{path} has more to substitute");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

const MACHINES: [&str; 5] = [
    "RespondAndConfirm",
    "HuntAndIsolate",
    "CollectEvidence",
    "ForEachTenant",
    "CollectForEachTenant",
];

#[test]
fn asl_validator_finds_nothing_to_say() {
    let (template, node) = (Template::unrolled(), Node::asl());
    assert_eq!(
        template.of_type("AWS::Serverless::StateMachine").count(),
        MACHINES.len()
    );
    for machine in MACHINES {
        let definition = definition(&template, machine);
        let found = node.asl_js("validate", &definition);
        assert_eq!(found["isValid"], true, "{machine}: {found}");
        assert_eq!(definition["QueryLanguage"], "JSONata", "{machine}");

        let mut broken = definition;
        let states = broken["States"].as_object_mut().expect("states");
        states.retain(|_, state| state["Type"] != "Fail");
        let found = node.asl_js("validate", &broken);
        assert_eq!(found["isValid"], false, "{machine} without its ends");
    }
}

#[test]
fn a_workflow_may_do_what_its_definition_does_and_no_more() {
    let template = Template::unrolled();
    for machine in MACHINES {
        let text = definition(&template, machine).to_string();
        let role = format!("{machine}Role");
        let allowed = template.allowed(&role);
        let mut used = BTreeSet::new();
        for (action, resource) in &allowed {
            let name = resource["Fn::GetAtt"][0]
                .as_str()
                .or(resource["Ref"].as_str());
            match (action.as_str(), name) {
                ("lambda:InvokeFunction" | "states:StartExecution" | "sns:Publish", Some(name)) => {
                    assert!(
                        text.contains(&format!("\"{name}\"")),
                        "{role} allows {action} on {name}"
                    );
                    used.insert(name.to_owned());
                }
                ("states:DescribeExecution" | "states:StopExecution", None) => {
                    let of_the_other = match machine {
                        // The children of a Map are executions of the workflow itself.
                        "ForEachTenant" => ":execution:defender-for-each-tenant/*",
                        "CollectForEachTenant" => ":execution:defender-collect-for-each-tenant/*",
                        _ => "execution:${RespondAndConfirm.Name}:*",
                    };
                    assert!(resource.to_string().contains(of_the_other), "{resource}");
                }
                ("states:StartExecution", None) => {
                    let itself = match machine {
                        "ForEachTenant" => ":stateMachine:defender-for-each-tenant\"",
                        _ => ":stateMachine:defender-collect-for-each-tenant\"",
                    };
                    assert!(machine.ends_with("ForEachTenant"), "{machine}");
                    assert!(resource.to_string().ends_with(itself), "{resource}");
                }
                // Which ones is said by their tags.
                ("lambda:InvokeFunction", None) if machine.ends_with("ForEachTenant") => {
                    let of_the_stack = ":function:defender-*\"";
                    assert!(resource.to_string().ends_with(of_the_stack), "{resource}");
                }
                ("events:PutTargets" | "events:PutRule" | "events:DescribeRule", None) => {
                    let rule = "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule";
                    assert!(resource.to_string().contains(rule), "{resource}");
                }
                // These have no resources to name.
                (action, None) if action.starts_with("logs:") || action.starts_with("xray:") => {
                    assert_eq!(resource, "*");
                }
                _ => panic!("{role} allows {action} on {resource}"),
            }
        }
        let substitutions = &template.properties(machine)["DefinitionSubstitutions"];
        let named = substitutions.as_object().expect("substitutions").values();
        let named =
            named.filter_map(|value| value["Fn::GetAtt"][0].as_str().or(value["Ref"].as_str()));
        let named: BTreeSet<_> = named
            .filter(|name| template.0["Resources"][name].is_object())
            .map(str::to_owned)
            .collect();
        assert_eq!(used, named, "{role}");
        assert_eq!(template.properties(machine)["Role"]["Fn::GetAtt"][0], role);
    }
}

#[test]
fn a_workflow_logs_its_errors_without_what_was_said() {
    let template = Template::unrolled();
    for machine in MACHINES {
        let properties = template.properties(machine);
        let logging = &properties["Logging"];
        assert_eq!(logging["Level"], "ERROR", "{machine}");
        assert_eq!(logging["IncludeExecutionData"], false, "{machine}");
        let log = &logging["Destinations"][0]["CloudWatchLogsLogGroup"]["LogGroupArn"];
        let own = match machine {
            "ForEachTenant" | "CollectForEachTenant" => "TenantsWorkflowLogs",
            _ => "WorkflowLogs",
        };
        assert_eq!(log["Fn::GetAtt"][0], own, "{machine}");
        assert_eq!(properties["Tracing"]["Enabled"], true, "{machine}");
    }
}

/// Step Functions describes the execution in the cause; ministack passes its error on instead, which the executions show.
#[test]
fn an_execution_that_failed_is_told_by_its_own_error() {
    let (template, node) = (Template::unrolled(), Node::asl());
    let cause = "Action 6a1f has failed: {\"type\":\"Isolate\"}";
    let description = json!({
        "ExecutionArn": "arn:aws:states:eu-west-1:111122223333:execution:defender-respond-and-confirm:1",
        "Status": "FAILED",
        "Error": "ActionFailed",
        "Cause": cause,
        "Input": "{}",
    });
    let of_aws = json!({ "Error": "States.TaskFailed", "Cause": description.to_string() });
    let of_others = json!({ "Error": "ActionFailed", "Cause": cause });
    let stopped = json!({ "Error": "States.TaskFailed", "Cause": "stopped" });
    let hunt = definition(&template, "HuntAndIsolate");
    let collect = definition(&template, "CollectEvidence");
    let of_device = &hunt["States"]["Isolate"]["ItemProcessor"]["States"]["Respond"]["Catch"][0];
    let not_collected = &collect["States"]["NotCollected"];
    for (told, error, cause) in [
        (of_aws, "ActionFailed", cause),
        (of_others, "ActionFailed", cause),
        (stopped, "States.TaskFailed", "stopped"),
    ] {
        let states = json!({ "input": "5854", "errorOutput": told });
        let of_device = json!({ "expression": of_device["Output"], "states": states });
        let expected = json!({ "deviceId": "5854", "error": error, "cause": cause });
        assert_eq!(node.asl_js("evaluate", &of_device), expected);
        for (field, expected) in [("Error", error), ("Cause", cause)] {
            let states = json!({ "input": told });
            let field = json!({ "expression": not_collected[field], "states": states });
            assert_eq!(node.asl_js("evaluate", &field), expected);
        }
    }
}

/// By the JSONata that Step Functions names; a list of one is easily no list there.
#[test]
fn devices_are_a_list_of_distinct_ids_however_many_there_are() {
    let (template, node) = (Template::unrolled(), Node::asl());
    let hunt = &definition(&template, "HuntAndIsolate")["States"]["Hunt"]["Assign"];
    let row = |id: Value| json!({ "DeviceId": id, "DeviceName": "hl-ws-014" });
    let found = [
        (json!([]), json!([])),
        (json!([row(json!("a"))]), json!(["a"])),
        (
            json!([row(json!("a")), row(json!("b")), row(json!("a"))]),
            json!(["a", "b"]),
        ),
        (
            json!([row(json!("")), row(Value::Null), row(json!("b")), {}]),
            json!(["b"]),
        ),
    ];
    for (results, devices) in found {
        let payload =
            json!({ "schema": [{ "name": "DeviceId", "type": "string" }], "results": results });
        let states = json!({ "result": { "Payload": payload } });
        let evaluated = |name: &str| {
            node.asl_js(
                "evaluate",
                &json!({ "expression": hunt[name], "states": states }),
            )
        };
        assert_eq!(evaluated("devices"), devices);
        assert_eq!(evaluated("columns"), json!(["DeviceId"]));
    }
}

/// A function that died may have sent the action; asking how one stands may be repeated.
#[test]
fn an_action_is_asked_for_again_only_where_none_can_have_been_sent() {
    let (template, node) = (Template::unrolled(), Node::asl());
    let respond = definition(&template, "RespondAndConfirm");
    let weigh = &respond["States"]["Weigh"];
    for (answered, code, state) in [
        (false, "Throttled", "LookAtTheClock"),
        (false, "DeadlineExceeded", "LookAtTheClock"),
        (false, "Lambda.TooManyRequestsException", "LookAtTheClock"),
        (false, "OutcomeUnknown", "OutcomeUnknown"),
        (false, "Lambda.ServiceException", "OutcomeUnknown"),
        (false, "Sandbox.Timedout", "OutcomeUnknown"),
        (false, "Runtime.ExitError", "OutcomeUnknown"),
        (false, "Lambda.ResourceNotFoundException", "GiveUp"),
        (false, "NotFound", "GiveUp"),
        (false, "UpstreamUnavailable", "GiveUp"),
        (true, "NotFound", "LookAtTheClock"),
        (true, "UpstreamUnavailable", "LookAtTheClock"),
        (true, "Lambda.ServiceException", "LookAtTheClock"),
        (true, "Sandbox.Timedout", "LookAtTheClock"),
        (true, "PermissionMissing", "GiveUp"),
    ] {
        let variables = json!({ "answered": answered, "problem": { "code": code } });
        let holds = |choice: &&Value| {
            let expression = &choice["Condition"];
            let asked = json!({ "expression": expression, "states": {}, "variables": variables });
            node.asl_js("evaluate", &asked) == true
        };
        let choices = weigh["Choices"].as_array().expect("choices");
        let chosen = choices.iter().find(holds).map(|choice| &choice["Next"]);
        assert_eq!(
            chosen.unwrap_or(&weigh["Default"]),
            state,
            "{code}, answered: {answered}"
        );
    }
}

/// Lambda's own errors are plain texts, a function that was killed has no problem document.
#[test]
fn a_problem_is_read_whoever_tells_it() {
    let (template, node) = (Template::unrolled(), Node::asl());
    let respond = definition(&template, "RespondAndConfirm");
    let expression = &respond["States"]["ReadProblem"]["Assign"]["problem"];
    let failure = |kind: &str, message: &str| {
        json!({ "errorType": kind, "errorMessage": message }).to_string()
    };
    let document = json!({ "code": "Throttled", "detail": "Too many.", "retryAfterSeconds": 42 });
    let told = [
        (
            "Throttled",
            failure("Throttled", &document.to_string()),
            "Too many.",
            42,
        ),
        (
            "Lambda.TooManyRequestsException",
            "Rate Exceeded.".to_owned(),
            "Rate Exceeded.",
            5,
        ),
    ];
    for (error, cause, detail, seconds) in told {
        let states = json!({ "input": { "Error": error, "Cause": cause } });
        let problem = node.asl_js(
            "evaluate",
            &json!({ "expression": expression, "states": states }),
        );
        let expected = json!({ "code": error, "detail": detail, "retryAfterSeconds": seconds });
        assert_eq!(problem, expected);
    }
    let killed = failure("Sandbox.Timedout", "Task timed out after 29.00 seconds");
    for states in [
        json!({ "input": { "Error": "Sandbox.Timedout", "Cause": killed } }),
        json!({ "input": { "Error": "Sandbox.Timedout" } }),
    ] {
        let problem = node.asl_js(
            "evaluate",
            &json!({ "expression": expression, "states": states }),
        );
        assert_eq!(problem["code"], "Sandbox.Timedout", "{problem}");
    }
}
