//! Response actions: taken on, run by the clock, ended as told, and what they make of a device.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Action, ActionKind, Isolation, Kind, Pace, Status, WhenInProgress};

use crate::client::*;

const WORKSTATION: &str = "5854058a899368873d73bc05e733beaa4865c8ce";
const MAC: &str = "f2ee859e2914b65c971fee1f8e1addb9426554d3";
const ACTIONS: &str = "/api/machineactions";

/// Asks an action of a device.
async fn ask(api: &Api, device: &str, action: &str, body: Value) -> (u16, Value) {
    api.send(
        Method::POST,
        &format!("/api/machines/{device}/{action}"),
        body,
    )
    .await
}

async fn isolate(api: &Api) -> String {
    let body = json!({ "Comment": "Seen beaconing", "IsolationType": "Full" });
    let (status, action) = ask(api, WORKSTATION, "isolate", body).await;
    assert_eq!(status, 201, "{action}");
    id(&action)
}

async fn release(api: &Api) -> String {
    let (status, action) = ask(api, WORKSTATION, "unisolate", json!({ "Comment": "Clean" })).await;
    assert_eq!(status, 201, "{action}");
    id(&action)
}

fn id(action: &Value) -> String {
    action["id"].as_str().unwrap().to_owned()
}

async fn status(api: &Api, id: &str) -> String {
    let (_, action) = api.get(&format!("{ACTIONS}/{id}"), &[]).await;
    action["status"].as_str().unwrap_or("none").to_owned()
}

fn isolation(api: &Api) -> Isolation {
    api.sim.edit(HARBOURLINE, |tenant| {
        tenant.device(WORKSTATION).unwrap().isolation
    })
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn an_action_runs_by_the_clock_and_changes_the_device_only_when_it_succeeds() {
    let api = Api::endpoint().await;
    let action = isolate(&api).await;
    assert_eq!(status(&api, &action).await, "Pending");
    api.sim.advance(seconds(2));
    assert_eq!(status(&api, &action).await, "InProgress");
    assert_eq!(isolation(&api), Isolation::None);
    api.sim.advance(seconds(5));
    assert_eq!(status(&api, &action).await, "Succeeded");
    assert_eq!(isolation(&api), Isolation::Full);
}

#[tokio::test]
async fn a_tenant_has_its_own_pace() {
    let api = Api::endpoint().await;
    api.sim.edit(HARBOURLINE, |tenant| {
        tenant.action_pace = Pace {
            pending: Duration::ZERO,
            running: Duration::ZERO,
        }
    });
    let action = isolate(&api).await;
    assert_eq!(status(&api, &action).await, "Succeeded");
}

#[tokio::test]
async fn a_release_that_ends_first_leaves_the_device_isolated_by_the_isolate_before_it() {
    let api = Api::endpoint().await;
    api.sim.edit(HARBOURLINE, |tenant| {
        tenant.next_actions_end(ActionKind::Isolate, Status::Succeeded, seconds(60));
        tenant.next_actions_end(ActionKind::Unisolate, Status::Succeeded, seconds(1));
    });
    let first = isolate(&api).await;
    let second = release(&api).await;
    api.sim.advance(seconds(120));
    let history = api
        .sim
        .edit(HARBOURLINE, |tenant| tenant.history(WORKSTATION));
    let order: Vec<&str> = history.iter().map(|one| one.action_id.as_str()).collect();
    assert_eq!(order, [&first, &second]);
    assert!(history[0].ended > history[1].ended);
    assert_eq!(isolation(&api), Isolation::Full);
}

#[tokio::test]
async fn an_action_can_be_ended_in_every_way_and_then_changes_nothing() {
    let api = Api::endpoint().await;
    for (end, name) in [
        (Status::Failed, "Failed"),
        (Status::TimeOut, "TimeOut"),
        (Status::Cancelled, "Cancelled"),
    ] {
        let action = isolate(&api).await;
        api.sim
            .edit(HARBOURLINE, |tenant| tenant.end_action(&action, end));
        assert_eq!(status(&api, &action).await, name);
        api.sim.advance(seconds(60));
        assert_eq!(status(&api, &action).await, name);
    }
    assert_eq!(isolation(&api), Isolation::None);
}

#[tokio::test]
async fn so_many_actions_meet_a_fate_and_the_next_goes_its_usual_way() {
    let api = Api::endpoint().await;
    api.sim.edit(HARBOURLINE, |tenant| {
        tenant
            .next_actions_end(None, Status::Failed, seconds(3))
            .times(1)
    });
    let failing = isolate(&api).await;
    api.sim.advance(seconds(10));
    let succeeding = isolate(&api).await;
    api.sim.advance(seconds(10));
    assert_eq!(status(&api, &failing).await, "Failed");
    assert_eq!(status(&api, &succeeding).await, "Succeeded");
}

#[tokio::test]
async fn the_ends_of_actions_can_be_told_over_http() {
    let api = Api::endpoint().await;
    let fate = json!({ "tenant": HARBOURLINE, "type": "Isolate", "status": "TimeOut", "after": "PT60S", "times": 1 });
    let (code, fates) = api.send(Method::POST, "/_simulator/actions", fate).await;
    assert_eq!((code, &fates[0]["after"]), (200, &json!("PT60S")));
    let action = isolate(&api).await;
    api.sim.advance(seconds(59));
    assert_eq!(status(&api, &action).await, "InProgress");
    api.sim.advance(seconds(1));
    assert_eq!(status(&api, &action).await, "TimeOut");
    let open = json!({ "tenant": HARBOURLINE, "status": "Pending" });
    assert_eq!(
        api.send(Method::POST, "/_simulator/actions", open).await.0,
        400
    );
    let (_, tenants) = api.get("/_simulator/tenants", &[]).await;
    assert_eq!(tenants[0]["devices"][0]["history"][0]["status"], "TimeOut");
}

#[tokio::test]
async fn the_same_action_again_is_answered_as_the_tenant_is_told() {
    let api = Api::endpoint().await;
    let first = isolate(&api).await;
    assert_eq!(isolate(&api).await, first);
    let tell = |way| {
        api.sim
            .edit(HARBOURLINE, |tenant| tenant.when_in_progress = way)
    };
    tell(WhenInProgress::Refuse);
    let body = json!({ "Comment": "Again", "IsolationType": "Full" });
    let (code, refusal) = ask(&api, WORKSTATION, "isolate", body).await;
    assert_eq!(code, 400);
    assert_eq!(refusal["error"]["message"], "Action is already in progress");
    let commands = json!({ "Comment": "Look", "Commands": [{ "type": "GetFile", "params": [{ "key": "Path", "value": "C:\\x" }] }] });
    assert_eq!(
        ask(&api, WORKSTATION, "runliveresponse", commands.clone())
            .await
            .0,
        201
    );
    let (code, refusal) = ask(&api, WORKSTATION, "runliveresponse", commands).await;
    assert_eq!(
        (code, &refusal["error"]["code"]),
        (400, &json!("ActiveRequestAlreadyExists"))
    );
    tell(WhenInProgress::Accept);
    assert_ne!(isolate(&api).await, first);
    api.sim.advance(seconds(60));
    tell(WhenInProgress::Refuse);
    isolate(&api).await;
}

#[tokio::test]
async fn an_action_can_stay_hidden_for_a_while_after_it_was_taken_on() {
    let api = Api::endpoint().await;
    api.sim.edit(HARBOURLINE, |tenant| {
        tenant.actions_visible_after = seconds(4)
    });
    let action = isolate(&api).await;
    let filter = format!("machineId eq '{WORKSTATION}' and type eq 'Isolate'");
    let query = [("$filter", filter.as_str())];
    let listed = || api.ids(ACTIONS, &query);
    assert!(listed().await.is_empty());
    assert_eq!(api.get(&format!("{ACTIONS}/{action}"), &[]).await.0, 404);
    let known = api
        .sim
        .edit(HARBOURLINE, |tenant| tenant.history(WORKSTATION).len());
    assert_eq!(known, 1);
    api.sim.advance(seconds(4));
    assert_eq!(listed().await, [action]);
}

#[tokio::test]
async fn a_cancelled_action_says_who_and_why_and_a_finished_one_is_not_cancelled() {
    let api = Api::endpoint().await;
    let action = isolate(&api).await;
    let cancel = format!("{ACTIONS}/{action}/cancel");
    let (code, body) = api
        .send(Method::POST, &cancel, json!({ "Comment": "Wrong one" }))
        .await;
    assert_eq!((code, &body["status"]), (200, &json!("Cancelled")));
    assert_eq!(body["cancellationRequestor"], "Brightwatch SOC");
    assert_eq!(body["cancellationComment"], "Wrong one");
    assert!(body["cancellationDateTimeUtc"].is_string());
    let (code, _) = api
        .send(Method::POST, &cancel, json!({ "Comment": "Again" }))
        .await;
    assert_eq!(code, 400);
}

#[tokio::test]
async fn an_entry_of_the_list_and_the_action_itself_spell_the_last_update_differently() {
    let api = Api::endpoint().await;
    let action = isolate(&api).await;
    let filter = format!("id eq '{action}'");
    let (_, list) = api.get(ACTIONS, &[("$filter", &filter)]).await;
    let (_, single) = api.get(&format!("{ACTIONS}/{action}"), &[]).await;
    assert!(list["value"][0]["lastUpdateTimeUtc"].is_string());
    assert!(list["value"][0].get("lastUpdateDateTimeUtc").is_none());
    assert!(single["lastUpdateDateTimeUtc"].is_string());
    assert_eq!(single["scope"], "Full");
    assert_eq!(single["requestorComment"], "Seen beaconing");
    assert_eq!(single["computerDnsName"], "hl-ws-014.harbourline.example");
}

#[tokio::test]
async fn keys_of_a_body_are_told_apart_by_case() {
    let api = Api::endpoint().await;
    for (body, code) in [
        (
            json!({ "comment": "x", "IsolationType": "Full" }),
            "InvalidRequestBody",
        ),
        (
            json!({ "IsolationType": "Full" }),
            "MissingRequiredParameter",
        ),
        (
            json!({ "Comment": "", "IsolationType": "Full" }),
            "MissingRequiredParameter",
        ),
        (
            json!({ "Comment": "x", "IsolationType": "full" }),
            "InvalidInput",
        ),
        (json!([]), "InvalidRequestBody"),
    ] {
        let (status, error) = ask(&api, WORKSTATION, "isolate", body).await;
        assert_eq!((status, &error["error"]["code"]), (400, &json!(code)));
    }
    assert!(
        api.sim
            .edit(HARBOURLINE, |tenant| tenant.history(WORKSTATION))
            .is_empty()
    );
}

#[tokio::test]
async fn every_action_takes_its_own_body_and_does_its_own_thing() {
    let api = Api::endpoint().await;
    let server = "12dcd7bbea99f6d93690e7ee3969e4a5edb8eb4a";
    for (word, body, code) in [
        (
            "runAntiVirusScan",
            json!({ "Comment": "x", "ScanType": "Quick" }),
            201,
        ),
        (
            "collectInvestigationPackage",
            json!({ "Comment": "x" }),
            201,
        ),
        ("restrictCodeExecution", json!({ "Comment": "x" }), 201),
        (
            "StopAndQuarantineFile",
            json!({ "Comment": "x", "Sha1": "c9c9b58b619bf3a38250c27c873846ceaf8c4c53" }),
            201,
        ),
        ("offboard", json!({ "Comment": "x" }), 200),
    ] {
        let (status, action) = ask(&api, server, word, body).await;
        assert_eq!(status, code, "{word}: {action}");
        assert_eq!(action["status"], "Pending");
    }
    let state = |tenant: &mut simulator::Tenant| {
        let device = tenant.device(server).unwrap().clone();
        (device.code_restricted, device.onboarding_status)
    };
    assert_eq!(
        api.sim.edit(HARBOURLINE, state),
        (false, "onboarded".into())
    );
    api.sim.advance(seconds(10));
    assert_eq!(
        api.sim.edit(HARBOURLINE, state),
        (true, "CanBeOnboarded".into())
    );
    let short = json!({ "Comment": "x", "Sha1": "c9c9" });
    let (status, error) = ask(&api, WORKSTATION, "StopAndQuarantineFile", short).await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (400, &json!("InvalidHashValue"))
    );
    let (status, error) = ask(&api, MAC, "offboard", json!({ "Comment": "x" })).await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (400, &json!("OsPlatformNotSupported"))
    );
}

#[tokio::test]
async fn each_action_needs_its_own_role_to_be_asked_and_to_be_cancelled() {
    let api = Api::endpoint().await;
    let action = isolate(&api).await;
    api.sim.edit(HARBOURLINE, |tenant| {
        let roles = vec!["Machine.Scan".to_owned(), "Machine.Read.All".to_owned()];
        tenant.apps[0].roles.insert("endpoint".into(), roles);
    });
    let api = api.renewed(ENDPOINT).await;
    let scan = json!({ "Comment": "x", "ScanType": "Full" });
    assert_eq!(
        ask(&api, WORKSTATION, "runAntiVirusScan", scan).await.0,
        201
    );
    let (status, error) = ask(&api, WORKSTATION, "unisolate", json!({ "Comment": "x" })).await;
    assert_eq!(status, 403);
    assert_eq!(
        error["error"]["message"],
        "Missing application roles. API required roles: Machine.Isolate, application roles: Machine.Scan,Machine.Read.All."
    );
    let cancel = format!("{ACTIONS}/{action}/cancel");
    assert_eq!(
        api.send(Method::POST, &cancel, json!({ "Comment": "x" }))
            .await
            .0,
        403
    );
}

/// An isolation that meets a fault: its status, if there was an answer, and what the device's history then holds.
async fn isolate_against(fault: Kind) -> (Option<u16>, Vec<String>) {
    let api = Api::endpoint().await;
    api.sim.inject(fault);
    let answer = api
        .call(Method::POST, &format!("/api/machines/{MAC}/isolate"))
        .json(&json!({ "Comment": "correlation 7", "IsolationType": "Full" }))
        .send()
        .await;
    let comments = api.sim.edit(HARBOURLINE, |tenant| {
        let actions = tenant.actions.iter();
        let of_device = actions.filter(|action: &&Action| action.machine_id == MAC);
        of_device.map(|action| action.comment.clone()).collect()
    });
    (answer.ok().map(|answer| answer.status().as_u16()), comments)
}

#[tokio::test]
async fn an_answer_can_be_lost_before_and_after_the_action_was_taken_on() {
    let taken_on = vec!["correlation 7".to_owned()];
    assert_eq!(
        isolate_against(Kind::DropAfter).await,
        (None, taken_on.clone())
    );
    assert_eq!(isolate_against(Kind::DropBefore).await, (None, vec![]));
    assert_eq!(
        isolate_against(Kind::status_after(500)).await,
        (Some(500), taken_on)
    );
    assert_eq!(
        isolate_against(Kind::status(500)).await,
        (Some(500), vec![])
    );
    assert_eq!(
        isolate_against(Kind::throttle(1)).await,
        (Some(429), vec![])
    );
}
