//! What a query finds, isolated once somebody has approved it.

use std::process::Command;

use serde_json::{Value, json};

use super::{DEVICES, FORBIDDEN, deploy, text};
use crate::{
    python::run,
    stack::{STACK, Stack},
};

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
    assert_eq!(request.devices(), DEVICES[3..4]);
    assert!(request.0.contains(&text(&found(&DEVICES[3..4])["query"])));

    let rejected = stack.start("hunt-and-isolate", &found(&DEVICES[2..3]));
    next_request(&stack).reject(&stack);
    let ended = stack.end(&rejected);
    assert!(ended.with("Rejected", "Rejected").contains("Not these."));

    let doubted = stack.start("hunt-and-isolate", &found(&DEVICES[2..3]));
    let token = next_request(&stack).pasted("Approve:", "--task-token");
    let perhaps = json!({ "token": token, "output": { "approved": "perhaps" } });
    stack.ask("approve", perhaps);
    stack.end(&doubted).with("Rejected", "Rejected");

    let approved = stack.start("hunt-and-isolate", &found(&DEVICES[..2]));
    let request = next_request(&stack);
    assert_eq!(request.devices().len(), 2, "{}", request.0);
    assert_eq!(stack.isolations_sent(), 0, "nobody has approved yet");
    request.approve(&stack);
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
    let ended = hunt(json!({ "query": all, "comment": "x", "dryrun": true }));
    assert!(
        ended
            .with("InvalidInput", "InvalidInput")
            .contains("no other fields")
    );
    let one = format!("DeviceInfo | where DeviceId == '{}'", DEVICES[2]);
    let ended = hunt(json!({ "query": one, "comment": "x", "dryRun": true }));
    let output = ended.successfully(stack);
    assert_eq!(output["devices"][0]["outcome"], "dryRun", "{output}");
    assert_eq!(output["isolated"], 0);
    let ended = hunt(json!({ "comment": "x" }));
    assert!(ended.with("InvalidInput", "GiveUp").contains("query"));
    assert_eq!(
        stack.ask("receive", json!({ "name": "approvers" })),
        json!([])
    );
}

/// What the approvers are told.
struct Request(String);

impl Request {
    fn devices(&self) -> Vec<&str> {
        let after = self.0.lines().skip_while(|line| *line != "Devices:");
        after.skip(1).take_while(|line| !line.is_empty()).collect()
    }

    /// The value of an option in the command to approve or to reject, as a shell takes it that it is pasted into.
    fn pasted(&self, command: &str, option: &str) -> String {
        let mut lines = self.0.lines().skip_while(|line| *line != command);
        let command = lines.nth(1).expect("a command");
        let shell = format!("aws() {{ printf '%s\\n' \"$@\"; }}; {command}");
        let words = run(Command::new("sh").args(["-c", &shell]));
        let mut words = words.lines().skip_while(|word| *word != option);
        words.nth(1).expect("a value").to_owned()
    }

    fn approve(&self, stack: &Stack) {
        let output = self.pasted("Approve:", "--task-output");
        let output: Value = serde_json::from_str(&output).expect("it is JSON");
        assert_eq!(self.pasted("Approve:", "--region"), "eu-west-1");
        let token = self.pasted("Approve:", "--task-token");
        stack.ask("approve", json!({ "token": token, "output": output }));
    }

    fn reject(&self, stack: &Stack) {
        let of = |option| self.pasted("Reject:", option);
        let (error, cause) = (of("--error"), of("--cause"));
        let token = of("--task-token");
        stack.ask(
            "reject",
            json!({ "token": token, "error": error, "cause": cause }),
        );
    }
}

fn next_request(stack: &Stack) -> Request {
    let request = stack.wait_for("a request for approval", |stack| {
        let told = stack.ask("take", json!({ "name": "approvers" }));
        told.as_str().map(str::to_owned)
    });
    Request(request)
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
