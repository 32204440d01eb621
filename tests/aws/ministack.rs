//! The template as SAM writes it, deployed to ministack: the real `bootstrap` through each of its triggers, against the simulator.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    thread,
    time::Duration,
};

use defender_functions::operations::OPERATIONS;
use serde_json::{Value, json};
use simulator::Simulator;

use crate::{
    process::Server,
    python::{Python, scratch},
    unrolled::read_by_sam,
};

const STACK: &str = "defender";

/// The stack, with a simulated tenant behind it.
struct Stack {
    python: Python,
    ministack: Server,
    simulator: Simulator,
    /// Names and handlers.
    functions: BTreeMap<String, String>,
}

impl Stack {
    /// With these groups of operations, or the default ones.
    fn deploy(groups: Option<&str>) -> Self {
        let python = Python::cloud();
        let ministack = Server::start("ministack", |port| {
            let home = scratch(groups.map_or("ministack-default", |_| "ministack"));
            let mut command = Command::new(python.program("python"));
            command
                .args(["-m", "ministack"])
                .env_clear()
                .env("PATH", std::env::var_os("PATH").unwrap_or_default())
                .env("HOME", &home)
                .env("TMPDIR", &home)
                .env("BIND_HOST", "127.0.0.1")
                .env("IOT_MTLS_ENABLED", "0")
                .env("GATEWAY_PORT", port.to_string())
                // The functions look for the secret here too.
                .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
                .current_dir(home);
            command
        });
        let simulator = Simulator::start();
        let tenant: BTreeMap<String, String> = simulator.environment().into_iter().collect();
        let mut stack = Self {
            python,
            ministack,
            simulator,
            functions: BTreeMap::new(),
        };
        let secret =
            json!({ "name": "defender/client-secret", "value": tenant["AZURE_CLIENT_SECRET"] });
        let secret_arn = stack.ask("create_secret", secret);
        let endpoints = [
            "AZURE_AUTHORITY_HOST",
            "GRAPH_ENDPOINT",
            "DEFENDER_ENDPOINT",
        ];
        let mut parameters = BTreeMap::from([
            ("TenantId", json!(tenant["AZURE_TENANT_ID"])),
            ("ClientId", json!(tenant["AZURE_CLIENT_ID"])),
            ("ClientSecretArn", secret_arn),
        ]);
        parameters.extend(groups.map(|groups| ("Groups", json!(groups))));
        let functions = stack.ask(
            "deploy",
            json!({
                "stack": STACK,
                "template": read_by_sam(None)["written"],
                "bootstrap": env!("CARGO_BIN_EXE_bootstrap"),
                "parameters": parameters,
                "environment": endpoints.map(|name| (name, &tenant[name])).into_iter().collect::<BTreeMap<_, _>>(),
            }),
        );
        stack.functions =
            serde_json::from_value(functions).expect("functions have names and handlers");
        stack
    }

    fn ask(&self, what: &str, arguments: Value) -> Value {
        self.python.script(
            "cloud.py",
            &[&self.ministack.origin, what, &arguments.to_string()],
        )
    }

    fn invoke(&self, function: &str, payload: Value) -> Value {
        self.ask(
            "invoke",
            json!({ "function": format!("{STACK}-{function}"), "payload": payload }),
        )
    }

    fn request(&self, method: &str, path: &str, body: &str, signed: bool) -> Value {
        self.ask(
            "request",
            json!({ "method": method, "path": path, "body": body, "signed": signed }),
        )
    }

    /// Waits for something that happens on its own; gives up, with ministack's log, after three minutes.
    fn wait_for<T>(&self, what: &str, look: impl Fn(&Self) -> Option<T>) -> T {
        for _ in 0..180 {
            if let Some(found) = look(self) {
                return found;
            }
            thread::sleep(Duration::from_secs(1));
        }
        panic!("never seen: {what}\n{}", self.ministack.log());
    }
}

/// One test, because one deployment serves all of it.
#[test]
fn the_deployed_stack_answers_each_of_its_triggers() {
    let stack = Stack::deploy(Some("reading,hunting,changing"));
    // A minute is the shortest that a rule waits; the rest is tried meanwhile.
    the_schedule_is_off_until_it_is_asked_for(&stack);
    every_operation_is_deployed(&stack);
    an_invocation_is_answered(&stack);
    the_http_api_answers_who_signs(&stack);
    a_poison_message_stays_alone(&stack);
    a_failed_change_that_nobody_waits_for_is_tried_once_and_kept(&stack);
    the_schedule_rule_invokes(&stack);
}

#[test]
fn nothing_that_changes_a_tenant_is_deployed_by_default() {
    let stack = Stack::deploy(None);
    let reading = OPERATIONS.iter().filter(|entry| !entry.changes);
    let reading: BTreeSet<&str> = reading.map(|entry| entry.name).collect();
    let deployed: BTreeSet<&str> = stack.functions.values().map(String::as_str).collect();
    assert_eq!(deployed, reading);
}

fn every_operation_is_deployed(stack: &Stack) {
    let mut handlers: Vec<&str> = stack.functions.values().map(String::as_str).collect();
    let mut operations: Vec<&str> = OPERATIONS.iter().map(|entry| entry.name).collect();
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
    let dead_letters = format!("{queue}-dead-letters");
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

    let dead_letters = json!({ "name": format!("{STACK}-CommentIncident-dead-letters") });
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
