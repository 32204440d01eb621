//! One action, confirmed or failed by its name, and the evidence of one device.

use std::time::Duration;

use serde_json::json;
use simulator::{ActionKind, Fault, Isolation, Kind, Status};

use super::{DEVICES, FORBIDDEN, SOON, TENANT, deploy, hunt, isolation, text};
use crate::stack::Stack;

const HOUR: Duration = Duration::from_secs(3600);

/// One test, because one deployment serves all of it.
#[test]
fn an_action_is_done_once_and_confirmed_or_fails_by_its_name() {
    let stack = deploy("respond", &[("Approval", "none")]);
    an_isolation_is_confirmed(&stack);
    an_action_that_ends_badly_fails_by_that_name(&stack);
    a_throttle_is_waited_for_and_the_action_made_once(&stack);
    what_takes_too_long_is_not_confirmed(&stack);
    a_lost_outcome_is_unknown_and_nothing_is_sent_again(&stack);
    what_is_no_response_operation_is_refused(&stack);
    what_is_refused_ends_with_the_functions_own_error(&stack);
    a_dry_run_ends_at_once(&stack);
    an_action_that_is_not_found_at_once_is_asked_for_again(&stack);
    evidence_is_saved_byte_for_byte(&stack);
    evidence_that_cannot_be_collected_says_why(&stack);
    hunt::without_approval_what_is_found_is_isolated(&stack);
}

fn an_isolation_is_confirmed(stack: &Stack) {
    let device = DEVICES[0];
    let ended = stack.isolate(device);
    let output = ended.successfully(stack);
    assert_eq!(output["outcome"], "requested");
    assert_eq!(output["action"]["status"], "Succeeded");
    let history = stack.history(device);
    assert_eq!(
        history,
        [(text(&output["action"]["id"]), Status::Succeeded)]
    );
    let isolation = stack.simulator.edit(TENANT, |tenant| {
        tenant.device(device).expect("it is there").isolation
    });
    assert_eq!(isolation, Isolation::Full);
}

fn an_action_that_ends_badly_fails_by_that_name(stack: &Stack) {
    let device = DEVICES[1];
    let ends = [
        (Status::Failed, "ActionFailed"),
        (Status::TimeOut, "ActionTimedOut"),
        (Status::Cancelled, "ActionCancelled"),
    ];
    for (status, name) in ends {
        stack.simulator.edit(TENANT, |tenant| {
            tenant
                .next_actions_end(ActionKind::Isolate, status, SOON)
                .times(1);
        });
        let ended = stack.isolate(device);
        let cause = ended.with(name, name);
        let history = stack.history(device);
        let (id, ended) = history.last().expect("an action");
        assert!(cause.contains(id), "{cause}");
        assert_eq!(*ended, status);
    }
    assert_eq!(stack.history(device).len(), ends.len());
}

/// At the look before the action, and when its state is asked for.
fn a_throttle_is_waited_for_and_the_action_made_once(stack: &Stack) {
    let device = DEVICES[2];
    stack.simulator.clear_requests();
    let throttle = || Fault::from(Kind::throttle(60)).method("GET").times(1);
    stack
        .simulator
        .inject(throttle().path("/api/machineactions"));
    stack
        .simulator
        .inject(throttle().path("/api/machineactions/"));
    let ended = stack.isolate(device);
    assert_eq!(ended.successfully(stack)["outcome"], "requested");
    let states = ended.0["states"].to_string();
    assert_eq!(states.matches("\"Weigh\"").count(), 2, "{states}");
    assert_eq!(stack.isolations_sent(), 1);
    assert_eq!(stack.history(device).len(), 1);

    // The action itself: Microsoft did not take it on, so it is sent again, after the time that was asked for.
    stack.simulator.clear_requests();
    let refused = Fault::from(Kind::throttle(60))
        .method("POST")
        .path("/api/machines/");
    stack.simulator.inject(refused);
    let ended = stack.execute(
        "respond-and-confirm",
        &json!({ "operation": "release_device", "input": { "deviceId": device, "comment": "Clean." } }),
    );
    assert_eq!(ended.successfully(stack)["outcome"], "requested");
    assert_eq!(stack.history(device).len(), 2);
}

fn what_takes_too_long_is_not_confirmed(stack: &Stack) {
    let device = DEVICES[3];
    stack.simulator.edit(TENANT, |tenant| {
        tenant
            .next_actions_end(ActionKind::Isolate, Status::Succeeded, HOUR)
            .times(1);
    });
    let mut input = isolation(device);
    input["timeoutSeconds"] = json!(3);
    let ended = stack.execute("respond-and-confirm", &input);
    let cause = ended.with("NotConfirmed", "NotConfirmed");
    let [(id, Status::InProgress)] = &stack.history(device)[..] else {
        panic!("{:?}", stack.history(device))
    };
    assert!(cause.contains(id), "{cause}");

    // Asked for again, the same action is waited for.
    let ended = stack.execute("respond-and-confirm", &input);
    assert!(ended.with("NotConfirmed", "NotConfirmed").contains(id));
    assert_eq!(stack.history(device).len(), 1);
}

fn a_lost_outcome_is_unknown_and_nothing_is_sent_again(stack: &Stack) {
    let device = DEVICES[4];
    stack.simulator.clear_requests();
    stack
        .simulator
        .edit(TENANT, |tenant| tenant.actions_visible_after = HOUR);
    let lost = Fault::from(Kind::DropAfter)
        .method("POST")
        .path("/api/machines/");
    stack.simulator.inject(lost);
    let ended = stack.isolate(device);
    ended.with("OutcomeUnknown", "OutcomeUnknown");
    assert_eq!(stack.isolations_sent(), 1);
    assert_eq!(stack.history(device).len(), 1);
    stack.simulator.edit(TENANT, |tenant| {
        tenant.actions_visible_after = Duration::ZERO
    });
}

fn what_is_no_response_operation_is_refused(stack: &Stack) {
    stack.simulator.clear_requests();
    let device = json!({ "deviceId": DEVICES[0], "comment": "x" });
    let refused = [
        json!({ "operation": "get_device", "input": device }),
        json!({ "operation": 7, "input": device }),
        json!({ "input": device }),
        json!({ "operation": "isolate_device", "input": device, "timeoutSeconds": 0 }),
        json!({ "operation": "isolate_device", "input": device, "timeoutSeconds": "60" }),
        json!({ "operation": "isolate_device", "input": device, "dryRun": true }),
    ];
    for input in &refused {
        let ended = stack.execute("respond-and-confirm", input);
        ended.with("InvalidInput", "InvalidInput");
    }
    let mut dry = device;
    dry["dryRun"] = json!(true);
    let ended = stack.execute("collect-evidence", &dry);
    ended.with("InvalidInput", "InvalidInput");
    assert_eq!(stack.simulator.requests().len(), 0);
}

fn what_is_refused_ends_with_the_functions_own_error(stack: &Stack) {
    let ended = stack.isolate("no-device");
    assert!(ended.with("InvalidInput", "GiveUp").contains("deviceId"));
    let ended = stack.isolate(FORBIDDEN);
    assert!(ended.with("Refused", "GiveUp").contains("crown-jewel"));
    assert_eq!(stack.history(FORBIDDEN), []);
}

fn a_dry_run_ends_at_once(stack: &Stack) {
    let device = DEVICES[1];
    let before = stack.history(device);
    let mut input = isolation(device);
    input["input"]["dryRun"] = json!(true);
    let ended = stack.execute("respond-and-confirm", &input);
    assert_eq!(ended.successfully(stack)["outcome"], "dryRun");
    assert_eq!(stack.history(device), before);
}

fn an_action_that_is_not_found_at_once_is_asked_for_again(stack: &Stack) {
    let asked = Fault::from(Kind::status(404)).path("/api/machineactions/");
    stack.simulator.inject(asked);
    let scan = json!({ "deviceId": DEVICES[0], "comment": "To be sure." });
    let input = json!({ "operation": "scan_device", "input": scan });
    let ended = stack.execute("respond-and-confirm", &input);
    assert_eq!(ended.successfully(stack)["action"]["status"], "Succeeded");
    let states = ended.0["states"].to_string();
    assert_eq!(states.matches("\"Weigh\"").count(), 1, "{states}");
    assert_eq!(states.matches("\"Respond\"").count(), 1, "{states}");
}

/// Although Microsoft has no link to it at first.
fn evidence_is_saved_byte_for_byte(stack: &Stack) {
    stack.simulator.clear_requests();
    stack.simulator.edit(TENANT, |tenant| {
        let kind = ActionKind::CollectInvestigationPackage;
        let at_once = Duration::ZERO;
        tenant
            .next_actions_end(kind, Status::Succeeded, at_once)
            .times(1);
    });
    // The action has succeeded when it is answered, so that nothing else is asked for there.
    let link = Fault::from(Kind::status(404)).path("/api/machineactions/");
    stack.simulator.inject(link);
    let input = json!({ "deviceId": DEVICES[0], "comment": "For the report." });
    let ended = stack.execute("collect-evidence", &input);
    let output = ended.successfully(stack);
    assert_eq!(output["action"]["status"], "Succeeded", "{output}");
    let asked = stack.simulator.requests();
    let asked = asked
        .iter()
        .filter(|one| one.path.ends_with("/getPackageUri"));
    assert_eq!(asked.count(), 2);

    let link = stack.invoke(
        "GetPackageUri",
        json!({ "actionId": output["action"]["id"] }),
    );
    let given = stack.ask("digest_of", json!({ "uri": link["payload"]["uri"] }));
    let object = json!({ "bucket": output["bucket"], "key": output["key"] });
    assert_eq!(stack.ask("digest", object), given);
    assert_eq!(output["bytes"], given[0]);
}

fn evidence_that_cannot_be_collected_says_why(stack: &Stack) {
    stack.simulator.edit(TENANT, |tenant| {
        let kind = ActionKind::CollectInvestigationPackage;
        tenant.next_actions_end(kind, Status::Failed, SOON).times(1);
    });
    let input = json!({ "deviceId": DEVICES[1], "comment": "For the report." });
    let ended = stack.execute("collect-evidence", &input);
    let cause = ended.with("ActionFailed", "NotCollected");
    let (id, _) = stack.history(DEVICES[1]).pop().expect("an action");
    assert!(cause.contains(&id), "{cause}");
}
