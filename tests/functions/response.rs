//! Response actions: looked for first, sent once, adopted, looked up when the answer is lost, and kept in bounds by guards.

use std::time::Duration;

use local::runtime_api::Outcome;
use serde_json::{Value, json};
use simulator::{ActionKind, Isolation, Kind, Simulator, Status, WhenInProgress};

use crate::{api_requests, builder, code, invoke, lines, problem};

/// A workstation of the first tenant, tagged `Finance`.
pub const DEVICE: &str = "5854058a899368873d73bc05e733beaa4865c8ce";
/// Its domain controller, tagged `Tier0`, `no-isolation` and `crown-jewel`.
const CONTROLLER: &str = "70a457691357053cbc5ceeb85082124db0540ecb";
const TENANT: &str = "harbourline.example";

/// The look at a device's isolations.
const LOOK: &str = "GET /api/machineactions?$filter=machineId eq '5854058a899368873d73bc05e733beaa4865c8ce' and \
                    (type eq 'Isolate' or type eq 'Unisolate')";
const ISOLATE: &str = "POST /api/machines/5854058a899368873d73bc05e733beaa4865c8ce/isolate";

async fn isolate(simulator: &Simulator) -> Outcome {
    let input = json!({"deviceId": DEVICE, "comment": "ransomware"});
    invoke(simulator, "isolate_device", input).await
}

async fn release(simulator: &Simulator) -> Outcome {
    let input = json!({"deviceId": DEVICE, "comment": "cleaned"});
    invoke(simulator, "release_device", input).await
}

/// The types of the actions that the device was really given.
fn accepted(simulator: &Simulator) -> Vec<ActionKind> {
    let history = simulator.edit(TENANT, |tenant| tenant.history(DEVICE));
    history.into_iter().map(|accepted| accepted.kind).collect()
}

fn posts(simulator: &Simulator) -> usize {
    let requests = api_requests(simulator);
    requests
        .iter()
        .filter(|request| request.method == "POST")
        .count()
}

#[tokio::test]
async fn an_isolation_is_looked_for_then_sent_once_and_answered_whole() {
    let simulator = Simulator::start();
    let answer = isolate(&simulator).await.json();
    let seen = lines(&simulator);
    assert_eq!(seen[..2], [LOOK, ISOLATE]);
    let listed = seen[2].strip_prefix(LOOK).unwrap();
    assert!(
        listed.starts_with(" and creationDateTimeUtc ge 20"),
        "{listed}"
    );
    assert_eq!(seen.len(), 3);
    let sent = &api_requests(&simulator)[1];
    let comment = sent.json()["Comment"].as_str().unwrap().to_owned();
    let mark = comment
        .strip_prefix("ransomware [defender-functions ")
        .unwrap();
    assert!(mark.len() > 40 && mark.ends_with(']'), "{mark}");
    assert_eq!(
        sent.json(),
        json!({"Comment": comment, "IsolationType": "Full"})
    );
    assert_eq!(answer["outcome"], "requested");
    let action = &answer["action"];
    assert_eq!(
        (&action["type"], &action["status"], &action["scope"]),
        (&json!("Isolate"), &json!("Pending"), &json!("Full"))
    );
    // What the function does not look at is there too.
    for field in [
        "externalID",
        "requestSource",
        "lastUpdateDateTimeUtc",
        "errorHResult",
    ] {
        assert!(action.get(field).is_some(), "{field}");
    }
    assert_eq!(accepted(&simulator), [ActionKind::Isolate]);
}

#[tokio::test]
async fn an_action_under_way_is_adopted_with_its_own_id() {
    let simulator = Simulator::start();
    let first = isolate(&simulator).await.json();
    for status in ["Pending", "InProgress"] {
        let again = isolate(&simulator).await.json();
        assert_eq!(again["outcome"], "alreadyRequested");
        assert_eq!(again["action"]["id"], first["action"]["id"]);
        assert_eq!(again["action"]["status"], status);
        simulator.advance(Duration::from_secs(3));
    }
    assert_eq!(accepted(&simulator), [ActionKind::Isolate]);
}

#[tokio::test]
async fn an_isolation_that_holds_is_not_asked_for_again_until_it_was_ended() {
    let simulator = Simulator::start();
    let first = isolate(&simulator).await.json();
    simulator.advance(Duration::from_secs(60));
    let again = isolate(&simulator).await.json();
    assert_eq!(again["outcome"], "alreadyRequested");
    assert_eq!(again["action"]["status"], "Succeeded");
    assert_eq!(again["action"]["id"], first["action"]["id"]);

    assert_eq!(release(&simulator).await.json()["outcome"], "requested");
    simulator.advance(Duration::from_secs(60));
    assert_eq!(isolate(&simulator).await.json()["outcome"], "requested");
    use ActionKind::{Isolate, Unisolate};
    assert_eq!(accepted(&simulator), [Isolate, Unisolate, Isolate]);
}

#[tokio::test]
async fn an_isolation_of_long_ago_or_one_that_failed_does_not_count() {
    let simulator = Simulator::start();
    isolate(&simulator).await.json();
    simulator.advance(Duration::from_secs(25 * 3600));
    assert_eq!(isolate(&simulator).await.json()["outcome"], "requested");
    let id = simulator.edit(TENANT, |tenant| tenant.actions.last().unwrap().id.clone());
    simulator.edit(TENANT, |tenant| tenant.end_action(&id, Status::Failed));
    assert_eq!(isolate(&simulator).await.json()["outcome"], "requested");
    assert_eq!(accepted(&simulator).len(), 3);
}

/// A device that was released, and whose isolation after that ended in some way other than success, may be isolated all the same.
#[tokio::test]
async fn a_success_does_not_count_once_the_opposite_was_tried() {
    for status in [Status::TimeOut, Status::Failed, Status::Cancelled] {
        let simulator = Simulator::start();
        release(&simulator).await.json();
        simulator.advance(Duration::from_secs(60));
        simulator.edit(TENANT, |tenant| {
            tenant.next_actions_end(ActionKind::Isolate, status, Duration::ZERO);
        });
        isolate(&simulator).await.json();
        let answer = release(&simulator).await.json();
        assert_eq!(answer["outcome"], "requested", "{status:?}");
    }
}

#[tokio::test]
async fn an_action_of_another_scope_under_way_is_a_conflict() {
    let simulator = Simulator::start();
    let input = json!({"deviceId": DEVICE, "comment": "c", "isolationType": "Selective"});
    invoke(&simulator, "isolate_device", input).await.json();
    let problem = problem(&isolate(&simulator).await);
    assert_eq!(problem["code"], "Conflict");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("(Selective, Pending) is under way"),
        "{detail}"
    );
    assert_eq!(accepted(&simulator).len(), 1);
}

#[tokio::test]
async fn a_release_never_overtakes_an_isolation() {
    let simulator = Simulator::start();
    isolate(&simulator).await.json();
    simulator.clear_requests();
    assert_eq!(code(&release(&simulator).await), "Conflict");
    assert_eq!(posts(&simulator), 0);
    simulator.advance(Duration::from_secs(60));
    assert_eq!(release(&simulator).await.json()["outcome"], "requested");
    simulator.advance(Duration::from_secs(60));
    let isolation = simulator.edit(TENANT, |tenant| tenant.device(DEVICE).unwrap().isolation);
    assert_eq!(isolation, Isolation::None);
}

#[tokio::test]
async fn a_finished_scan_does_not_stop_the_next_one() {
    let simulator = Simulator::start();
    for outcome in ["requested", "alreadyRequested"] {
        let input = json!({"deviceId": DEVICE, "comment": "c", "scanType": "quick"});
        let answer = invoke(&simulator, "scan_device", input).await.json();
        assert_eq!(answer["outcome"], outcome);
    }
    simulator.advance(Duration::from_secs(60));
    let input = json!({"deviceId": DEVICE, "comment": "c"});
    let answer = invoke(&simulator, "scan_device", input).await.json();
    assert_eq!(answer["outcome"], "requested");
    assert_eq!(
        lines(&simulator)[0],
        format!(
            "GET /api/machineactions?$filter=machineId eq '{DEVICE}' and type eq 'RunAntiVirusScan' and (status eq 'Pending' or status eq 'InProgress')"
        )
    );
}

#[tokio::test]
async fn every_response_operation_sends_the_documented_body() {
    let simulator = Simulator::start();
    simulator.edit(TENANT, |tenant| {
        tenant.when_in_progress = WhenInProgress::Accept
    });
    let sha1 = "3395856ce81f2b7382dee72602f798b642f14140";
    let commands = json!([
        {"type": "PutFile", "params": [{"key": "FileName", "value": "collect.exe"}]},
        {"type": "RunScript", "params": [{"key": "ScriptName", "value": "collect.ps1"}, {"key": "Args", "value": "-All"}]},
        {"type": "GetFile", "params": [{"key": "Path", "value": "C:\\out.zip"}]},
    ]);
    for (operation, input, verb, body) in [
        ("release_device", json!({}), "unisolate", json!({})),
        (
            "scan_device",
            json!({"scanType": "Full"}),
            "runAntiVirusScan",
            json!({"ScanType": "Full"}),
        ),
        (
            "collect_package",
            json!({}),
            "collectInvestigationPackage",
            json!({}),
        ),
        (
            "restrict_apps",
            json!({}),
            "restrictCodeExecution",
            json!({}),
        ),
        (
            "quarantine_file",
            json!({"sha1": sha1}),
            "StopAndQuarantineFile",
            json!({"Sha1": sha1}),
        ),
        ("offboard_device", json!({}), "offboard", json!({})),
        (
            "run_live_response",
            json!({"commands": commands}),
            "runliveresponse",
            json!({"Commands": commands}),
        ),
    ] {
        simulator.clear_requests();
        let mut input = input;
        input["deviceId"] = DEVICE.to_uppercase().into();
        input["comment"] = "because".into();
        let answer = invoke(&simulator, operation, input).await.json();
        assert_eq!(answer["outcome"], "requested", "{operation}");
        let sent = &api_requests(&simulator)[1];
        assert_eq!(sent.path, format!("/api/machines/{DEVICE}/{verb}"));
        let mut expected = body;
        expected["Comment"] = sent.json()["Comment"].clone();
        assert_eq!(sent.json(), expected, "{operation}");
    }
    let simulator = Simulator::start();
    let input = json!({"deviceId": DEVICE, "comment": "because"});
    invoke(&simulator, "unrestrict_apps", input).await.json();
    assert!(lines(&simulator)[1].ends_with("/unrestrictCodeExecution"));
}

#[tokio::test]
async fn a_dry_run_shows_what_would_be_sent_and_sends_nothing() {
    let simulator = Simulator::start();
    let input = json!({"deviceId": DEVICE, "comment": "c", "dryRun": true});
    let answer = invoke(&simulator, "isolate_device", input.clone())
        .await
        .json();
    let body = &answer["request"]["body"];
    assert_eq!(
        answer,
        json!({"outcome": "dryRun", "request": {
            "method": "POST",
            "path": format!("/api/machines/{DEVICE}/isolate"),
            "body": {"Comment": body["Comment"], "IsolationType": "Full"},
        }})
    );
    assert_eq!(posts(&simulator), 0);

    let first = isolate(&simulator).await.json();
    let answer = invoke(&simulator, "isolate_device", input.clone())
        .await
        .json();
    assert_eq!(answer["outcome"], "dryRun");
    assert_eq!(answer["action"]["id"], first["action"]["id"]);
    assert_eq!(
        code(&invoke(&simulator, "release_device", input).await),
        "Conflict"
    );
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_by_its_mark_and_nothing_is_sent_again() {
    for fault in [Kind::DropAfter, Kind::CutBody { after_bytes: 20 }] {
        let simulator = Simulator::start();
        simulator.inject(
            simulator::Fault::from(fault)
                .method("POST")
                .path("/api/machines"),
        );
        let answer = isolate(&simulator).await.json();
        assert_eq!(answer["outcome"], "requested");
        let id = simulator.edit(TENANT, |tenant| tenant.actions.last().unwrap().id.clone());
        assert_eq!(answer["action"]["id"], json!(id));
        let seen = lines(&simulator);
        assert_eq!(seen[..2], [LOOK, ISOLATE]);
        assert!(seen[2].starts_with(LOOK) && seen[2].contains(" and creationDateTimeUtc ge 20"));
        assert_eq!(seen.len(), 3);
    }
}

#[tokio::test]
async fn a_request_that_hangs_leaves_time_to_look_for_what_became_of_it() {
    for (fault, made) in [
        (
            Kind::Delay {
                milliseconds: 20_000,
            },
            true,
        ),
        (Kind::Hang, false),
    ] {
        let simulator = Simulator::start();
        simulator.inject(
            simulator::Fault::from(fault)
                .method("POST")
                .path("/api/machines"),
        );
        let function = builder(&simulator, "isolate_device")
            .timeout(Duration::from_secs(5))
            .start()
            .unwrap();
        let input = json!({"deviceId": DEVICE, "comment": "c"}).to_string();
        let outcome = function.invoke(input).await;
        if made {
            assert_eq!(outcome.json()["outcome"], "requested");
        } else {
            let problem = problem(&outcome);
            assert_eq!(problem["code"], "OutcomeUnknown");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("is listed so far"), "{detail}");
        }
        assert_eq!(posts(&simulator), 1);
        assert!(lines(&simulator).len() > 2);
    }
}

#[tokio::test]
async fn an_action_that_cannot_be_found_again_is_an_unknown_outcome() {
    let simulator = Simulator::start();
    simulator.edit(TENANT, |tenant| {
        tenant.actions_visible_after = Duration::from_secs(3600)
    });
    simulator.inject(
        simulator::Fault::from(Kind::DropAfter)
            .method("POST")
            .path("/api/machines"),
    );
    let function = builder(&simulator, "isolate_device")
        .timeout(Duration::from_secs(4))
        .start()
        .unwrap();
    let outcome = function
        .invoke(json!({"deviceId": DEVICE, "comment": "c"}).to_string())
        .await;
    let problem = problem(&outcome);
    assert_eq!(problem["code"], "OutcomeUnknown");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("No action with its mark") && detail.contains("list_actions"),
        "{detail}"
    );
    assert_eq!(posts(&simulator), 1);
    assert_eq!(accepted(&simulator), [ActionKind::Isolate]);
}

#[tokio::test]
async fn a_failure_of_the_service_is_an_unknown_outcome_too_and_not_a_reason_to_send_again() {
    let simulator = Simulator::start();
    simulator.inject(
        simulator::Fault::from(Kind::status(500))
            .method("POST")
            .path("/api/machines"),
    );
    let function = builder(&simulator, "isolate_device")
        .timeout(Duration::from_secs(3))
        .start()
        .unwrap();
    let outcome = function
        .invoke(json!({"deviceId": DEVICE, "comment": "c"}).to_string())
        .await;
    let problem = problem(&outcome);
    assert_eq!(problem["code"], "OutcomeUnknown");
    assert_eq!(problem["upstream"]["status"], 500);
    assert_eq!(posts(&simulator), 1);
}

#[tokio::test]
async fn a_pending_action_answered_in_place_of_a_new_one_is_not_called_ours() {
    let simulator = Simulator::start();
    isolate(&simulator).await.json();
    // Not listed yet, so that the look misses it.
    simulator.edit(TENANT, |tenant| {
        tenant.actions_visible_after = Duration::from_secs(3600)
    });
    let answer = isolate(&simulator).await.json();
    assert_eq!(answer["outcome"], "alreadyRequested");
    let id = simulator.edit(TENANT, |tenant| tenant.actions.last().unwrap().id.clone());
    assert_eq!(answer["action"]["id"], json!(id));
    assert_eq!(posts(&simulator), 2);
    assert_eq!(accepted(&simulator), [ActionKind::Isolate]);
}

#[tokio::test]
async fn a_pending_action_of_another_scope_answered_in_place_of_ours_is_a_conflict() {
    let simulator = Simulator::start();
    let input = json!({"deviceId": DEVICE, "comment": "c", "isolationType": "Selective"});
    invoke(&simulator, "isolate_device", input).await.json();
    simulator.edit(TENANT, |tenant| {
        tenant.actions_visible_after = Duration::from_secs(3600)
    });
    let function = builder(&simulator, "isolate_device")
        .timeout(Duration::from_secs(3))
        .start()
        .unwrap();
    let input = json!({"deviceId": DEVICE, "comment": "c"}).to_string();
    assert_eq!(code(&function.invoke(input).await), "Conflict");
    assert_eq!(accepted(&simulator), [ActionKind::Isolate]);
}

#[tokio::test]
async fn an_action_refused_as_already_in_progress_is_found_and_adopted() {
    let simulator = Simulator::builder().live_clock().start().unwrap();
    simulator.edit(TENANT, |tenant| {
        tenant.when_in_progress = WhenInProgress::Refuse;
        tenant.actions_visible_after = Duration::from_secs(2);
        tenant.action_pace.pending = Duration::from_secs(600);
    });
    let first = isolate(&simulator).await.json();
    let again = isolate(&simulator).await.json();
    assert_eq!(again["outcome"], "alreadyRequested");
    assert_eq!(again["action"]["id"], first["action"]["id"]);
    assert_eq!(accepted(&simulator), [ActionKind::Isolate]);
}

#[tokio::test]
async fn an_action_refused_as_in_progress_and_never_listed_is_a_conflict() {
    let simulator = Simulator::start();
    let commands = json!([{"type": "GetFile", "params": [{"key": "Path", "value": "C:\\a"}]}]);
    let input = json!({"deviceId": DEVICE, "comment": "c", "commands": commands});
    simulator.edit(TENANT, |tenant| {
        tenant.when_in_progress = WhenInProgress::Refuse
    });
    invoke(&simulator, "run_live_response", input.clone())
        .await
        .json();
    simulator.edit(TENANT, |tenant| {
        tenant.actions_visible_after = Duration::from_secs(3600)
    });
    let function = builder(&simulator, "run_live_response")
        .timeout(Duration::from_secs(3))
        .start()
        .unwrap();
    let problem = problem(&function.invoke(input.to_string()).await);
    assert_eq!(problem["code"], "Conflict");
    assert_eq!(problem["upstream"]["code"], "ActiveRequestAlreadyExists");
}

#[tokio::test]
async fn without_leases_an_opposite_accepted_at_the_same_time_is_reported() {
    let simulator = Simulator::builder().live_clock().start().unwrap();
    simulator.edit(TENANT, |tenant| {
        tenant.actions_visible_after = Duration::from_secs(3);
        tenant.action_pace.pending = Duration::from_secs(600);
    });
    let (isolation, release) = tokio::join!(isolate(&simulator), release(&simulator));
    for outcome in [isolation, release] {
        let problem = problem(&outcome);
        assert_eq!(problem["code"], "Conflict");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("accepted at the same time") && detail.contains("LEASE_TABLE"),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn a_quota_is_waited_for_or_handed_back_and_the_action_is_sent_once() {
    let simulator = Simulator::start();
    let throttle = |seconds| {
        simulator::Fault::from(Kind::throttle(seconds))
            .method("POST")
            .path("/api/machines")
    };
    simulator.inject(throttle(1));
    assert_eq!(isolate(&simulator).await.json()["outcome"], "requested");
    assert_eq!(accepted(&simulator), [ActionKind::Isolate]);

    let simulator = Simulator::start();
    simulator.inject(throttle(600));
    let problem = problem(&isolate(&simulator).await);
    assert_eq!(
        (&problem["code"], &problem["retryAfterSeconds"]),
        (&json!("Throttled"), &json!(600))
    );
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("API calls quota exceeded")
    );
    assert!(accepted(&simulator).is_empty());
}

#[tokio::test]
async fn tags_keep_devices_out_before_anything_is_sent() {
    let simulator = Simulator::start();
    let guarded = async |variable: &str, tag: &str, device: &str| {
        let function = builder(&simulator, "isolate_device")
            .env(variable, tag)
            .start()
            .unwrap();
        function
            .invoke(json!({"deviceId": device, "comment": "c"}).to_string())
            .await
    };
    for (variable, tag, device) in [
        ("FORBID_DEVICE_TAG", "Crown-Jewel", CONTROLLER),
        ("REQUIRE_DEVICE_TAG", "may-be-isolated", DEVICE),
    ] {
        let problem = problem(&guarded(variable, tag, device).await);
        assert_eq!(problem["code"], "Refused");
        assert!(problem["detail"].as_str().unwrap().starts_with(variable));
    }
    assert_eq!(posts(&simulator), 0);
    simulator.edit(TENANT, |tenant| {
        tenant.device(DEVICE).unwrap().machine_tags = vec!["Öffentlich".to_owned()]
    });
    let refused = guarded("FORBID_DEVICE_TAG", "öffentlich", DEVICE).await;
    assert_eq!(code(&refused), "Refused");
    simulator.edit(TENANT, |tenant| {
        tenant.device(DEVICE).unwrap().machine_tags = vec!["Finance".to_owned()]
    });
    let allowed = guarded("REQUIRE_DEVICE_TAG", "finance", DEVICE)
        .await
        .json();
    assert_eq!(allowed["outcome"], "requested");
}

#[tokio::test]
async fn the_ceiling_counts_the_tenants_actions_of_the_last_hour_whoever_made_them() {
    let simulator = Simulator::start();
    let isolate = async |device: &str| {
        let function = builder(&simulator, "isolate_device")
            .env("MAX_ACTIONS_PER_HOUR", "1")
            .start()
            .unwrap();
        function
            .invoke(json!({"deviceId": device, "comment": "c"}).to_string())
            .await
    };
    assert_eq!(isolate(DEVICE).await.json()["outcome"], "requested");
    let refused = problem(&isolate(CONTROLLER).await);
    assert_eq!(refused["code"], "Refused");
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .starts_with("MAX_ACTIONS_PER_HOUR")
    );
    // What is there already needs no room.
    assert_eq!(isolate(DEVICE).await.json()["outcome"], "alreadyRequested");
    simulator.advance(Duration::from_secs(3660));
    assert_eq!(isolate(CONTROLLER).await.json()["outcome"], "requested");
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_is_sent() {
    let simulator = Simulator::start();
    let with = |changes: Value| {
        let mut input = json!({"deviceId": DEVICE, "comment": "c"});
        for (name, value) in changes.as_object().unwrap() {
            input[name] = value.clone();
        }
        input
    };
    let command =
        |kind: &str, params: Value| json!({"commands": [{"type": kind, "params": params}]});
    for (operation, input, named) in [
        (
            "isolate_device",
            with(json!({"deviceId": "hl-ws-014"})),
            "`deviceId`",
        ),
        ("isolate_device", with(json!({"comment": " "})), "`comment`"),
        (
            "isolate_device",
            with(json!({"comment": "x".repeat(1001)})),
            "`comment`",
        ),
        (
            "isolate_device",
            with(json!({"isolationType": "Total"})),
            "`isolationType`",
        ),
        ("isolate_device", json!({"deviceId": DEVICE}), "`comment`"),
        ("quarantine_file", with(json!({"sha1": "abc"})), "`sha1`"),
        (
            "run_live_response",
            with(json!({"commands": []})),
            "`commands`",
        ),
        (
            "run_live_response",
            with(command("GetFile", json!([]))),
            "`commands`",
        ),
        (
            "run_live_response",
            with(command(
                "RunScript",
                json!([{"key": "scriptName", "value": "x"}]),
            )),
            "`commands`",
        ),
        (
            "run_live_response",
            with(command("Shell", json!([]))),
            "`commands`",
        ),
    ] {
        let problem = problem(&invoke(&simulator, operation, input).await);
        assert_eq!(problem["code"], "InvalidInput");
        assert!(
            problem["detail"].as_str().unwrap().contains(named),
            "{problem}"
        );
    }
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn the_permission_to_look_is_needed_as_much_as_the_one_to_act() {
    let simulator = Simulator::start();
    for (role, named) in [
        (
            "Machine.Read.All",
            "Machine.Read.All or Machine.ReadWrite.All",
        ),
        ("Machine.Isolate", "Machine.Isolate, and"),
    ] {
        simulator.edit(TENANT, |tenant| {
            let roles = tenant.apps[0].roles.get_mut("endpoint").unwrap();
            roles.clear();
            roles.push(
                if role == "Machine.Isolate" {
                    "Machine.Read.All"
                } else {
                    "Machine.Isolate"
                }
                .to_owned(),
            );
        });
        let problem = problem(&isolate(&simulator).await);
        assert_eq!(problem["code"], "PermissionMissing");
        assert!(
            problem["detail"].as_str().unwrap().contains(named),
            "{problem}"
        );
    }
    assert!(lines(&simulator).is_empty());
}
