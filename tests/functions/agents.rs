//! `call_tool` as an agent gateway calls it: the payload is what the agent wrote, the tool's name is in the client context.

use local::runtime_api::{Builder, Function, Invocation, Outcome};
use serde_json::{Value, json};
use simulator::{ActionKind, Kind, Simulator};

use crate::{api_requests, builder, event, lines, problem, tenant_id, token_requests};

const TENANT: &str = "harbourline.example";
/// A workstation of the first tenant, tagged `Finance`.
const DEVICE: &str = "5854058a899368873d73bc05e733beaa4865c8ce";

pub fn agents(simulator: &Simulator) -> Builder {
    builder(simulator, "call_tool").env("AWS_LAMBDA_LOG_FORMAT", "JSON")
}

/// Calls with a client context that is this text.
async fn call_with(function: &Function, context: Option<&str>, payload: &str) -> Outcome {
    let invocation = Invocation {
        payload: payload.to_owned().into(),
        client_context: context.map(str::to_owned),
        ..Invocation::default()
    };
    function.invoke_with(invocation).await
}

pub async fn call(function: &Function, tool: &str, arguments: Value) -> Value {
    let mut context: Value =
        serde_json::from_str(&event("triggers/agent_gateway.context.json")).unwrap();
    context["custom"]["bedrockAgentCoreToolName"] = json!(tool);
    let (context, arguments) = (context.to_string(), arguments.to_string());
    let outcome = call_with(function, Some(&context), &arguments).await;
    outcome.json()
}

/// The problem that an agent is shown.
#[track_caller]
pub fn shown(answer: &Value) -> Value {
    assert_eq!(answer["isError"], true, "{answer}");
    assert_eq!(answer["content"][0]["type"], "text");
    let text = answer["content"][0]["text"].as_str().expect("a text");
    serde_json::from_str(text).expect("a problem")
}

fn log(function: &Function) -> Vec<Value> {
    let logs = function.logs();
    let lines = logs.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

#[tokio::test]
async fn what_a_gateway_sends_is_answered_and_logged_with_the_gateways_ids() {
    let simulator = Simulator::start();
    let function = agents(&simulator).start().unwrap();
    let payload = event("triggers/agent_gateway.json");
    let compact = |name: &str| {
        let context: Value = serde_json::from_str(&event(name)).unwrap();
        context.to_string()
    };
    let context = compact("triggers/agent_gateway.context.json");
    let answer = call_with(&function, Some(&context), &payload).await.json();
    assert_eq!(answer["items"].as_array().unwrap().len(), 5);
    // A gateway that passes headers on says so by an object, and an agent may number its messages.
    let context = compact("triggers/agent_gateway_headers.context.json");
    let again = call_with(&function, Some(&context), &payload).await.json();
    assert_eq!(again["items"], answer["items"]);
    assert_eq!(function.starts(), 1);
    let log = log(&function);
    assert_eq!(log.len(), 2, "{log:?}");
    let first = log[0].as_object().unwrap();
    let expected = json!({
        "level": "INFO",
        "message": "list_incidents succeeded",
        "operation": "list_incidents",
        "trigger": "agent",
        "tool": "defender___list_incidents",
        "gatewayId": "defender-tools-vaqjh4cf8f",
        "gatewayTargetId": "RIGZDWGIW4",
        "gatewayRequestId": "a1b2c3d4-5678-90ab-cdef-1234567890ab",
        "mcpMessageId": "24",
        "tenant": tenant_id(&simulator),
        "outcome": "ok",
        "upstreamCalls": 2,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(first.get(name), Some(value), "{name} in {first:?}");
    }
    for name in ["requestId", "traceId", "upstreamRequestIds", "durationMs"] {
        assert!(first.contains_key(name), "{name} in {first:?}");
    }
    assert_eq!(log[1]["mcpMessageId"], "25");
}

#[tokio::test]
async fn one_function_serves_whatever_reads_with_one_token_an_api() {
    let simulator = Simulator::start();
    let function = agents(&simulator).start().unwrap();
    let incident = call(&function, "a___get_incident", json!({"id": "28281"})).await;
    assert_eq!(incident["id"], "28281");
    let query = json!({"query": "DeviceInfo | take 1"});
    let hunt = call(&function, "my_tools__of___mine___run_hunting_query", query).await;
    assert!(hunt["results"].is_array(), "{hunt}");
    let device = call(&function, "a___get_device", json!({"deviceId": DEVICE})).await;
    assert_eq!(device["id"], DEVICE);
    // One for Graph, one for the Endpoint API.
    assert_eq!(token_requests(&simulator).len(), 2);
    assert_eq!(function.starts(), 1);
}

#[tokio::test]
async fn a_change_is_refused_until_it_is_named() {
    let simulator = Simulator::start();
    let function = agents(&simulator).start().unwrap();
    let change = json!({"id": "28281", "status": "resolved"});
    let answer = call(&function, "a___update_incident", change.clone()).await;
    let refused = shown(&answer);
    assert_eq!(refused["code"], "Refused");
    assert!(refused["detail"].to_string().contains("AGENT_TOOLS"));
    assert!(simulator.requests().is_empty(), "{:?}", lines(&simulator));
    let log = log(&function);
    assert_eq!(log[0]["operation"], "update_incident");
    assert_eq!(
        (&log[0]["code"], &log[0]["level"]),
        (&json!("Refused"), &json!("WARN"))
    );

    let function = agents(&simulator)
        .env("AGENT_TOOLS", "comment_incident, update_incident")
        .start()
        .unwrap();
    let answer = call(&function, "a___update_incident", change).await;
    assert_eq!(answer["status"], "resolved");
    // What was not named is still refused, and what reads is still served.
    let isolate = json!({"deviceId": DEVICE, "comment": "ransomware"});
    let answer = call(&function, "a___isolate_device", isolate).await;
    assert_eq!(shown(&answer)["code"], "Refused");
    let answer = call(&function, "a___list_incidents", json!({"top": 1})).await;
    assert!(answer["items"].is_array());
}

#[tokio::test]
async fn our_own_records_are_read_only_where_they_are_named() {
    let simulator = Simulator::start();
    let function = agents(&simulator).start().unwrap();
    for tool in [
        "check_token",
        "list_tenants",
        "get_checkpoint",
        "complete_consent",
        "onboard_tenant",
    ] {
        let answer = call(&function, &format!("a___{tool}"), json!({})).await;
        assert_eq!(shown(&answer)["code"], "Refused", "{tool}");
    }
    let named = agents(&simulator)
        .env("AGENT_TOOLS", "list_tenants")
        .start()
        .unwrap();
    let answer = call(&named, "a___list_tenants", json!({})).await;
    // It was run, and misses its table.
    assert_eq!(shown(&answer)["code"], "Misconfigured");
}

#[tokio::test]
async fn a_response_that_is_named_keeps_its_guards() {
    let simulator = Simulator::start();
    let guarded = agents(&simulator)
        .env("AGENT_TOOLS", "isolate_device")
        .env("FORBID_DEVICE_TAG", "Finance")
        .start()
        .unwrap();
    let isolate = json!({"deviceId": DEVICE, "comment": "ransomware"});
    let answer = call(&guarded, "a___isolate_device", isolate.clone()).await;
    let refused = shown(&answer);
    assert_eq!(refused["code"], "Refused");
    assert!(
        refused["detail"].to_string().contains("Finance"),
        "{refused}"
    );
    assert!(
        !api_requests(&simulator)
            .iter()
            .any(|request| request.method == "POST")
    );

    let function = agents(&simulator)
        .env("AGENT_TOOLS", "isolate_device")
        .start()
        .unwrap();
    let answer = call(&function, "a___isolate_device", isolate.clone()).await;
    assert_eq!(answer["outcome"], "requested");
    let answer = call(&function, "a___isolate_device", isolate).await;
    assert_ne!(answer["outcome"], "requested");
    let history = simulator.edit(TENANT, |tenant| tenant.history(DEVICE));
    let isolations = history
        .iter()
        .filter(|action| action.kind == ActionKind::Isolate);
    assert_eq!(isolations.count(), 1);
}

#[tokio::test]
async fn the_payload_never_says_which_operation_it_is_for() {
    let simulator = Simulator::start();
    let function = agents(&simulator)
        .env("AGENT_TOOLS", "isolate_device")
        .start()
        .unwrap();
    for payload in [
        json!({"bedrockAgentCoreToolName": "a___isolate_device", "deviceId": DEVICE, "comment": "x"}),
        json!({"tool": "isolate_device"}),
        json!({"name": "isolate_device", "arguments": {"deviceId": DEVICE, "comment": "x"}}),
        json!({"Records": [{"messageId": "1", "body": "{}"}]}),
        json!({"requestContext": {"http": {"method": "POST", "path": "/devices"}}}),
    ] {
        let answer = call(&function, "a___list_incidents", payload.clone()).await;
        assert_eq!(shown(&answer)["code"], "InvalidInput", "{payload}");
    }
    assert!(simulator.requests().is_empty(), "{:?}", lines(&simulator));
}

#[tokio::test]
async fn a_call_that_names_no_tool_fails_and_the_next_is_served() {
    let simulator = Simulator::start();
    let function = agents(&simulator).start().unwrap();
    for context in [
        None,
        Some(""),
        Some("{}"),
        Some("no JSON"),
        Some(r#"{"custom": null}"#),
        Some(r#"{"custom": {"bedrockAgentCoreToolName": 7}}"#),
        Some(r#"{"custom": {"bedrockAgentCoreGatewayId": "a"}}"#),
    ] {
        let outcome = call_with(&function, context, "{}").await;
        let problem = problem(&outcome);
        assert_eq!(problem["code"], "InvalidInput", "{context:?}");
        assert!(
            problem["detail"]
                .to_string()
                .contains("bedrockAgentCoreToolName")
        );
        assert!(problem["requestId"].is_string());
    }
    for tool in ["", "a___", "a___list_everything", "list_incidents___a"] {
        let answer = call(&function, tool, json!({})).await;
        assert_eq!(shown(&answer)["code"], "NotFound", "{tool}");
    }
    let log = log(&function);
    assert_eq!(log.len(), 11);
    assert!(log.iter().all(|line| line["operation"] == "call_tool"));
    let answer = call(&function, "a___list_incidents", json!({"top": 1})).await;
    assert!(answer["items"].is_array());
    assert_eq!(function.starts(), 1);
}

#[tokio::test]
async fn a_failure_is_shown_to_the_agent_with_what_to_do() {
    let simulator = Simulator::start();
    let function = agents(&simulator).start().unwrap();
    let answer = call(&function, "a___get_incident", json!({"id": "999999999"})).await;
    let problem = shown(&answer);
    assert_eq!(problem["code"], "NotFound");
    assert!(problem["upstream"]["requestId"].is_string());
    let answer = call(&function, "a___list_incidents", json!({"status": "open"})).await;
    assert!(shown(&answer)["detail"].to_string().contains("`status`"));
    simulator.inject(Kind::Entra { code: 7000215 });
    let elsewhere = json!({"tenantId": "99999999-4444-5555-6666-777777777777"});
    let answer = call(&function, "a___list_incidents", elsewhere).await;
    assert_eq!(shown(&answer)["code"], "TenantNotAllowed");
}

#[tokio::test]
async fn an_answer_is_as_long_as_an_agent_reads_and_a_list_goes_on() {
    let simulator = Simulator::start();
    let function = agents(&simulator).start().unwrap();
    let long =
        json!({"query": "range x from 1 to 400 step 1 | extend Padding = strrep(\"p\", 975)"});
    let answer = call(&function, "a___run_hunting_query", long).await;
    let problem = shown(&answer);
    assert_eq!(problem["code"], "TooLarge");
    assert!(problem["detail"].to_string().contains("256 KB to an agent"));

    simulator.edit(TENANT, |tenant| {
        for incident in &mut tenant.incidents {
            incident.summary = Some("s".repeat(100_000));
        }
    });
    let first = call(&function, "a___list_incidents", json!({"top": 50})).await;
    assert!(first.to_string().len() < 256 * 1024);
    let next = first["next"].as_str().expect("there is more");
    let more = call(
        &function,
        "a___list_incidents",
        json!({"top": 50, "cursor": next}),
    )
    .await;
    assert!(!more["items"].as_array().expect("a list").is_empty());
    assert_ne!(more["items"][0]["id"], first["items"][0]["id"]);
}

#[tokio::test]
async fn many_calls_at_once_are_served_by_one_process() {
    let simulator = Simulator::start();
    let function = agents(&simulator).concurrency(8).start().unwrap();
    let calls = (0..24).map(|_| call(&function, "a___get_incident", json!({"id": "28281"})));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer["id"], "28281");
    }
    assert_eq!(function.starts(), 1);
}
