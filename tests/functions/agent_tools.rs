//! Which operations `call_tool` serves, and what has to be right before it starts.

use local::runtime_api::Outcome;
use serde_json::json;
use simulator::Simulator;

use crate::agents::{agents, call, shown};

/// What it says when it does not start with these variables.
async fn refused(variables: &[(&str, &str)]) -> String {
    let simulator = Simulator::start();
    let agents = agents(&simulator).envs(variables.iter().copied());
    let outcome = agents.start().unwrap().invoke("{}").await;
    let Outcome::InitError {
        error_type,
        message,
    } = outcome
    else {
        panic!("{variables:?}: {outcome:?}")
    };
    assert_eq!(error_type, "Misconfigured");
    message
}

/// Whether it serves with these variables.
async fn serves(variables: &[(&str, &str)]) -> bool {
    let simulator = Simulator::start();
    let agents = agents(&simulator).envs(variables.iter().copied());
    let function = agents.start().unwrap();
    let answer = call(&function, "a___list_incidents", json!({"top": 1})).await;
    answer["items"].is_array()
}

#[tokio::test]
async fn a_wrong_name_is_told_before_anybody_calls() {
    let message = refused(&[("AGENT_TOOLS", "update_incident,isolate")]).await;
    assert!(
        message.contains("AGENT_TOOLS") && message.contains("isolate_device"),
        "{message}"
    );
}

/// Whoever has such a link has what it leads to, without a token.
#[tokio::test]
async fn a_link_to_what_an_action_brought_is_handed_out_only_where_it_is_named() {
    let simulator = Simulator::start();
    let action = "11111111-2222-3333-4444-555555555555";
    let links = [
        ("get_package_uri", json!({ "actionId": action })),
        (
            "get_live_response_result",
            json!({ "actionId": action, "index": 0 }),
        ),
    ];
    let function = agents(&simulator).start().unwrap();
    for (tool, input) in &links {
        let answer = call(&function, &format!("a___{tool}"), input.clone()).await;
        assert_eq!(shown(&answer)["code"], "Refused", "{tool}");
    }
    assert!(simulator.requests().is_empty());
    let answer = call(&function, "a___list_actions", json!({})).await;
    assert!(answer["items"].is_array(), "{answer}");
    let answer = call(&function, "a___get_action", json!({ "actionId": action })).await;
    assert_eq!(shown(&answer)["code"], "NotFound");

    let function = agents(&simulator)
        .env("AGENT_TOOLS", "get_package_uri,get_live_response_result")
        .start()
        .unwrap();
    for (tool, input) in links {
        let answer = call(&function, &format!("a___{tool}"), input).await;
        assert_eq!(shown(&answer)["code"], "NotFound", "{tool}");
    }
}

/// Calls at once would all see room for one more.
#[tokio::test]
async fn a_ceiling_of_actions_needs_the_table_by_which_callers_take_turns() {
    let ceiling = ("MAX_ACTIONS_PER_HOUR", "1");
    for acting in ["isolate_device", "get_action,run_live_response"] {
        let message = refused(&[ceiling, ("AGENT_TOOLS", acting)]).await;
        assert!(
            message.contains("MAX_ACTIONS_PER_HOUR") && message.contains("LEASE_TABLE"),
            "{message}"
        );
    }
    let all = [
        ceiling,
        ("AGENT_TOOLS", "isolate_device"),
        ("LEASE_TABLE", "leases"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "k"),
    ];
    assert!(serves(&all).await);
    assert!(serves(&[ceiling, ("AGENT_TOOLS", "update_incident")]).await);
    assert!(serves(&[("AGENT_TOOLS", "isolate_device")]).await);
}

/// The agent would lift the guard, or set what it asks for, by itself.
#[tokio::test]
async fn an_agent_that_acts_by_the_tags_of_devices_does_not_set_them() {
    let forbidden = ("FORBID_DEVICE_TAG", "Tier0");
    for (guard, tools) in [
        (forbidden, "tag_device,isolate_device"),
        (forbidden, "run_live_response,tag_devices"),
        (("REQUIRE_DEVICE_TAG", "Lab"), "tag_device,cancel_action"),
    ] {
        let message = refused(&[guard, ("AGENT_TOOLS", tools)]).await;
        assert!(
            message.contains("AGENT_TOOLS") && message.contains(guard.0),
            "{message}"
        );
    }
    assert!(serves(&[forbidden, ("AGENT_TOOLS", "tag_device")]).await);
    assert!(serves(&[forbidden, ("AGENT_TOOLS", "isolate_device")]).await);
    assert!(serves(&[("AGENT_TOOLS", "tag_device,isolate_device")]).await);
}
