//! What a query finds, isolated once somebody has approved it.

use serde_json::{Value, json};

use super::{DEVICES, FORBIDDEN, deploy, text};
use crate::stack::{STACK, Stack};

#[test]
fn nothing_is_isolated_that_nobody_approved() {
    let stack = deploy(
        "approval",
        &[("Approval", "required"), ("ApprovalTimeoutSeconds", "25")],
    );
    let subscription = json!({ "topic": format!("{STACK}-approval"), "queue": "approvers" });
    stack.ask("subscribe", subscription);
    let found = |devices: &[&str]| {
        let query = format!(
            "DeviceInfo | where DeviceId in ('{}')",
            devices.join("', '")
        );
        json!({ "query": query, "comment": "Seen beaconing." })
    };

    let forgotten = stack.start("hunt-and-isolate", &found(&DEVICES[3..4]));
    let request = next_request(&stack);
    assert_eq!(request["devices"], json!([DEVICES[3]]), "{request}");
    assert_eq!(request["query"], found(&DEVICES[3..4])["query"]);

    let rejected = stack.start("hunt-and-isolate", &found(&DEVICES[2..3]));
    let request = next_request(&stack);
    let no =
        json!({ "token": request["token"], "error": "Rejected", "cause": "It is the auditor's." });
    stack.ask("reject", no);
    let ended = stack.end(&rejected);
    assert!(ended.with("Rejected", "Rejected").contains("auditor"));

    let doubted = stack.start("hunt-and-isolate", &found(&DEVICES[2..3]));
    let request = next_request(&stack);
    stack.ask(
        "approve",
        json!({ "token": request["token"], "output": { "approved": "perhaps" } }),
    );
    stack.end(&doubted).with("Rejected", "Rejected");

    let approved = stack.start("hunt-and-isolate", &found(&DEVICES[..2]));
    let request = next_request(&stack);
    let asked = request["devices"].as_array().map(Vec::len);
    assert_eq!(asked, Some(2), "{request}");
    assert_eq!(stack.isolations_sent(), 0, "nobody has approved yet");
    stack.ask(
        "approve",
        json!({ "token": request["token"], "output": { "approved": true } }),
    );
    let ended = stack.end(&approved);
    let output = ended.successfully(&stack);
    assert_eq!(
        (&output["isolated"], &output["failed"]),
        (&json!(2), &json!(0)),
        "{output}"
    );

    nobody_is_asked_where_nothing_can_be_done(&stack);

    stack.end(&forgotten).with("NotApproved", "NotApproved");
    for device in &DEVICES[2..] {
        assert_eq!(stack.history(device), []);
    }
}

fn nobody_is_asked_where_nothing_can_be_done(stack: &Stack) {
    let hunt = |input: Value| stack.execute("hunt-and-isolate", &input);
    let all = "DeviceInfo | distinct DeviceId";
    let ended = hunt(json!({ "query": all, "comment": "x", "maxDevices": 6 }));
    assert!(ended.with("TooManyDevices", "TooManyDevices").contains('7'));
    let ended = hunt(json!({ "query": "DeviceInfo | where DeviceId == 'none'", "comment": "x" }));
    let nothing = json!({ "devices": [], "isolated": 0, "failed": 0 });
    assert_eq!(*ended.successfully(stack), nothing);
    let ended = hunt(json!({ "query": "DeviceInfo | project DeviceName", "comment": "x" }));
    assert!(
        ended
            .with("InvalidInput", "InvalidInput")
            .contains("DeviceId")
    );
    let ended = hunt(json!({ "query": all, "comment": " " }));
    assert!(
        ended
            .with("InvalidInput", "InvalidInput")
            .contains("comment")
    );
    let ended = hunt(json!({ "query": all, "comment": "x", "maxDevices": 101 }));
    assert!(
        ended
            .with("InvalidInput", "InvalidInput")
            .contains("maxDevices")
    );
    let ended = hunt(json!({ "query": "NoSuchTable", "comment": "x" }));
    assert!(
        ended
            .with("UpstreamRejected", "GiveUp")
            .contains("NoSuchTable")
    );
    let ended = hunt(json!({ "comment": "x" }));
    assert!(ended.with("InvalidInput", "GiveUp").contains("query"));
    assert_eq!(
        stack.ask("receive", json!({ "name": "approvers" })),
        json!([])
    );
}

/// What the approvers are told next.
fn next_request(stack: &Stack) -> Value {
    let request = stack.wait_for("a request for approval", |stack| {
        let told = stack.ask("take", json!({ "name": "approvers" }));
        told.as_str().map(str::to_owned)
    });
    serde_json::from_str(&request).expect("it is JSON")
}

/// All but a crown jewel, which the guard of the function keeps out.
pub fn without_approval_what_is_found_is_isolated(stack: &Stack) {
    let query = format!(
        "DeviceInfo | where DeviceId in ('{}', '{FORBIDDEN}')",
        DEVICES[1]
    );
    let ended = stack.execute(
        "hunt-and-isolate",
        &json!({ "query": query, "comment": "Seen beaconing." }),
    );
    let output = ended.successfully(stack);
    assert_eq!(
        (&output["isolated"], &output["failed"]),
        (&json!(1), &json!(1)),
        "{output}"
    );
    for device in output["devices"].as_array().expect("a list") {
        match device["deviceId"].as_str() {
            Some(FORBIDDEN) => {
                assert_eq!(device["error"], "Refused", "{device}");
                assert!(text(&device["cause"]).contains("crown-jewel"), "{device}");
            }
            _ => {
                assert_eq!(device["deviceId"], DEVICES[1]);
                assert_eq!(device["outcome"], "requested", "{device}");
                assert_eq!(device["action"]["status"], "Succeeded", "{device}");
            }
        }
    }
    assert_eq!(stack.history(FORBIDDEN), []);
}
