//! The deployed stack through each of its triggers: the real `bootstrap`, against the simulator.

use std::collections::BTreeSet;

use defender_functions::operations::OPERATIONS;
use serde_json::{Value, json};

use crate::{
    stack::{STACK, Stack},
    unrolled::{EVERYTHING, group_and_role},
};

/// One test, because one deployment serves all of it.
#[test]
fn the_deployed_stack_answers_each_of_its_triggers() {
    let stack = Stack::deploy("triggers", &EVERYTHING[..1]);
    // A minute is the shortest that a rule waits; the rest is tried meanwhile.
    the_schedule_is_off_until_it_is_asked_for(&stack);
    every_operation_of_the_groups_is_deployed(&stack);
    an_invocation_is_answered(&stack);
    the_http_api_answers_who_signs(&stack);
    a_poison_message_stays_alone(&stack);
    a_failed_change_that_nobody_waits_for_is_tried_once_and_kept(&stack);
    the_schedule_rule_invokes(&stack);
}

#[test]
fn nothing_that_changes_a_tenant_is_deployed_by_default() {
    let stack = Stack::deploy("default", &[]);
    let reading = OPERATIONS.iter().filter(|entry| {
        let (group, _) = group_and_role(entry);
        ["reading", "hunting"].contains(&group)
    });
    let reading: BTreeSet<&str> = reading.map(|entry| entry.name).collect();
    let deployed: BTreeSet<&str> = stack.functions.values().map(String::as_str).collect();
    assert_eq!(deployed, reading);
}

fn every_operation_of_the_groups_is_deployed(stack: &Stack) {
    let mut handlers: Vec<&str> = stack.functions.values().map(String::as_str).collect();
    let chosen = OPERATIONS.iter().filter(|entry| {
        let (group, _) = group_and_role(entry);
        ["reading", "hunting", "changing"].contains(&group)
    });
    let mut operations: Vec<&str> = chosen.map(|entry| entry.name).collect();
    handlers.sort_unstable();
    operations.sort_unstable();
    assert_eq!(handlers, operations);
}

fn an_invocation_is_answered(stack: &Stack) {
    let reply = stack.invoke("ListIncidents", json!({ "top": 3 }));
    assert_eq!(
        reply["payload"]["items"].as_array().map(Vec::len),
        Some(3),
        "{reply}\n{}",
        stack.ministack.log()
    );

    let query = json!({ "query": "DeviceInfo | take 1" });
    let reply = stack.invoke("RunHuntingQuery", query);
    assert_eq!(
        reply["payload"]["results"].as_array().map(Vec::len),
        Some(1),
        "{reply}"
    );

    let reply = stack.invoke("GetIncident", json!({ "id": "1" }));
    assert_eq!(reply["payload"]["errorType"], "NotFound", "{reply}");
}

fn the_http_api_answers_who_signs(stack: &Stack) {
    let path = "/incidents?top=2&severity=high";
    let reply = stack.request("GET", path, "", true);
    assert_eq!(reply["status"], 200, "{reply}");
    assert_eq!(reply["headers"]["cache-control"], "no-store", "{reply}");
    let body: Value =
        serde_json::from_str(reply["body"].as_str().expect("a body is text")).expect("it is JSON");
    assert_eq!(body["items"].as_array().map(Vec::len), Some(2), "{body}");

    let incident = &body["items"][0];
    let path = format!(
        "/incidents/{}",
        incident["id"].as_str().expect("incidents have ids")
    );
    let reply = stack.request("PATCH", &path, r#"{"tags":["over http"]}"#, true);
    assert_eq!(reply["status"], 200, "{reply}");
    let reply = stack.request("PATCH", &path, r#"{"status":"closed"}"#, true);
    assert_eq!(reply["status"], 400, "{reply}");
    assert_eq!(
        reply["headers"]["content-type"], "application/problem+json",
        "{reply}"
    );

    let reply = stack.request("GET", "/incidents/424242", "", false);
    assert_eq!(reply["status"], 403, "{reply}");
    let asked = stack.simulator.requests();
    let reached = asked
        .iter()
        .any(|request| request.path.ends_with("/424242"));
    assert!(!reached, "an unsigned request reached the function");
}

fn a_poison_message_stays_alone(stack: &Stack) {
    let queue = format!("{STACK}-UpdateIncident");
    let dead_letters = format!("{STACK}-changing-dead-letters");
    let open = stack.invoke(
        "ListIncidents",
        json!({ "filter": "status eq 'active'", "top": 3 }),
    );
    let ids: Vec<&str> = open["payload"]["items"]
        .as_array()
        .unwrap_or_else(|| panic!("no list: {open}"))
        .iter()
        .filter_map(|incident| incident["id"].as_str())
        .collect();
    let poison = json!({ "id": ids[1], "status": "closed" }).to_string();
    let bodies = [
        json!({ "id": ids[0], "tags": ["from the queue"] }).to_string(),
        poison.clone(),
        json!({ "id": ids[2], "tags": ["from the queue"] }).to_string(),
    ];
    stack.ask("shorten_retries", json!({ "name": queue }));
    stack.ask("send", json!({ "name": queue, "bodies": bodies }));

    let count = |name: &str| stack.ask("count", json!({ "name": name })).as_u64();
    stack.wait_for("one message left", |_| {
        (count(&queue)? + count(&dead_letters)? == 1).then_some(())
    });
    for id in [ids[0], ids[2]] {
        let incident = stack.invoke("GetIncident", json!({ "id": id }));
        assert_eq!(
            incident["payload"]["customTags"],
            json!(["from the queue"]),
            "{incident}"
        );
    }
    stack.wait_for("the message in the dead-letter queue", |_| {
        (count(&dead_letters)? == 1).then_some(())
    });
    assert_eq!(
        stack.ask("receive", json!({ "name": dead_letters })),
        json!([poison])
    );
    assert_eq!(count(&queue), Some(0));
}

fn a_failed_change_that_nobody_waits_for_is_tried_once_and_kept(stack: &Stack) {
    let comment = json!({ "id": "434343", "comment": "There is no such incident." });
    let accepted = stack.ask(
        "invoke_asynchronously",
        json!({ "function": format!("{STACK}-CommentIncident"), "payload": comment }),
    );
    assert_eq!(accepted, 202);

    let dead_letters = json!({ "name": format!("{STACK}-changing-dead-letters") });
    let kept = stack.wait_for("the failed comment in the dead-letter queue", |stack| {
        stack.ask("receive", dead_letters.clone())[0]
            .as_str()
            .map(str::to_owned)
    });
    let kept: Value = serde_json::from_str(&kept).expect("Lambda's record is JSON");
    assert_eq!(kept["requestPayload"], comment, "{kept}");
    assert_eq!(kept["responsePayload"]["errorType"], "NotFound", "{kept}");
    let asked = stack.simulator.requests();
    let tries = asked
        .iter()
        .filter(|request| request.path.contains("/434343"));
    assert_eq!(tries.count(), 1, "{asked:?}");
}

fn the_schedule_is_off_until_it_is_asked_for(stack: &Stack) {
    let declared = stack.ask("hasten_schedule", json!({}));
    assert_eq!(
        declared,
        json!({ "schedule": "rate(1 hour)", "state": "DISABLED" })
    );
}

/// With the rule's constant input, which nobody else here asks for.
fn the_schedule_rule_invokes(stack: &Stack) {
    stack.wait_for("the scheduled listing", |stack| {
        let asked = stack.simulator.requests();
        let scheduled = asked.iter().any(|request| {
            let mut values = request.query.iter().map(|(_, value)| value);
            values.any(|filter| filter.contains("active") && filter.contains("high"))
        });
        scheduled.then_some(())
    });
}
