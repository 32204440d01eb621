//! How the tenants are asked, what is told of each, and who is asked again.

use serde_json::{Value, json};

use super::{evaluate, states, streams};

/// The most tenants that one Map without executions of its own takes.
const FEW: usize = 40;
const MOST: usize = 500;
/// What a state of Step Functions takes.
const STATE: usize = 262_144;

#[test]
fn answers_share_what_a_state_takes() {
    for (isolation, room) in [("none", 200_000), ("per-tenant", 100_000)] {
        let states = states(&[("TenantIsolation", isolation)]);
        let share = &states["Share"]["Assign"];
        for count in [1, 3, FEW, FEW + 1, MOST] {
            let tenants: Vec<String> = (0..count).map(|index| index.to_string()).collect();
            let variables = json!({ "tenants": tenants, "operation": "list_incidents" });
            let value = |name: &str| {
                let value = evaluate(&share[name], json!({}), variables.clone());
                value.as_u64().expect("a number") as usize
            };
            let each = if count > FEW { 0 } else { room / count };
            assert_eq!(value("room"), each, "{count}");
            // The frame of a problem, with the id of a tenant and of a request; and letters that take two bytes.
            let problem = 2 * value("detailLength") + 200;
            assert!(count * (each + 200) < STATE, "{count}");
            assert!(count * problem.max(400) < STATE, "{count}");
        }
        let too_many = &states["Count"]["Choices"][0];
        assert_eq!(too_many["Next"], "TooManyTenants");
        for (count, refused) in [(MOST, false), (MOST + 1, true)] {
            let variables = json!({ "tenants": vec!["a"; count] });
            assert_eq!(
                evaluate(&too_many["Condition"], json!({}), variables),
                refused
            );
        }
    }
}

#[test]
fn streams_may_take_their_time_and_nothing_of_theirs_is_stored() {
    let states = streams(&[]);
    let payload = &states["AskFew"]["ItemSelector"]["payload"];
    for (operation, expected) in [
        (
            "collect_incidents",
            json!({ "maxSeconds": 840, "tenantId": "a" }),
        ),
        (
            "get_checkpoint",
            json!({ "maxSeconds": 840, "tenantId": "a" }),
        ),
        (
            "run_hunting_query",
            json!({ "maxSeconds": 200, "tenantId": "a", "maxAnswerBytes": 280 }),
        ),
    ] {
        let variables = json!({ "operation": operation });
        let of_streams = evaluate(&states["Share"]["Assign"]["streams"], json!({}), variables);
        let variables =
            json!({ "operation": operation, "streams": of_streams, "call": {}, "room": 280 });
        let context = json!({ "context": { "Map": { "Item": { "Value": "a" } } } });
        assert_eq!(evaluate(payload, context, variables), expected);
    }
}

/// The items whose alerts or target could not be had may be many, and the log names them.
#[test]
fn what_a_stream_answers_is_shortened() {
    let ask = &streams(&[])["AskFew"]["ItemProcessor"]["States"]["Ask"]["Output"];
    let input = json!({ "function": "f", "payload": { "tenantId": "a" }, "detailLength": 5 });
    let told = |answer: Value| {
        let states = json!({ "input": input, "result": { "Payload": answer } });
        evaluate(ask, states, json!({}))
    };
    let whole = json!({ "delivered": 3, "complete": true, "checkpoint": "2026-11-20T09:14:03Z", "lagSeconds": 2 });
    let expected = json!({ "tenantId": "a", "answer": whole });
    assert_eq!(told(whole), expected);
    let problem = json!({ "code": "Throttled", "detail": "Too many.", "status": 429 });
    let partly = json!({
        "delivered": 0, "complete": false,
        "incomplete": [{ "id": "4711", "problem": problem }],
        "problem": problem,
    });
    let expected = json!({
        "delivered": 0, "complete": false, "incomplete": 1, "problem": { "code": "Throttled", "detail": "Too m" },
    });
    assert_eq!(told(partly), json!({ "tenantId": "a", "answer": expected }));
}

/// An execution of a distributed Map sees its own input and no variable of the workflow.
#[test]
fn few_and_many_tenants_are_asked_alike() {
    let states = states(&[]);
    let (few, many) = (&states["AskFew"], &states["AskMany"]);
    for same in ["Items", "ItemSelector", "Assign", "Output", "Next"] {
        assert_eq!(few[same], many[same], "{same}");
    }
    let (few, many) = (&few["ItemProcessor"], &many["ItemProcessor"]);
    // States have names of their own, whichever Map they are in.
    let states_of = |processor: &Value| processor["States"].to_string().replace("Apart", "");
    assert_eq!(states_of(few), states_of(many));
    assert_eq!(few["ProcessorConfig"]["Mode"], "INLINE");
    assert_eq!(many["ProcessorConfig"]["Mode"], "DISTRIBUTED");
    assert_eq!(states["AskMany"]["ToleratedFailurePercentage"], 100);
    let outer = [
        "$pending",
        "$call",
        "$room",
        "$answers",
        "$operation",
        "$streams",
        "$input",
        "$tenants",
    ];
    let text = many["States"].to_string();
    for variable in outer {
        assert!(!text.contains(variable), "{variable}");
    }
}

#[test]
fn a_tenant_is_asked_by_the_integration_that_can_keep_it_apart() {
    let input = json!({ "input": { "function": "f", "payload": { "tenantId": "a", "top": 5 } } });
    for (isolation, resource, arguments) in [
        (
            "none",
            "arn:aws:states:::lambda:invoke",
            json!({ "FunctionName": "f", "Payload": { "tenantId": "a", "top": 5 } }),
        ),
        (
            "per-tenant",
            "arn:aws:states:::aws-sdk:lambda:invoke",
            json!({ "FunctionName": "f", "TenantId": "a", "Payload": "{\"tenantId\":\"a\",\"top\":5}" }),
        ),
    ] {
        let states = states(&[("TenantIsolation", isolation)]);
        let ask = &states["AskFew"]["ItemProcessor"]["States"]["Ask"];
        assert_eq!(ask["Resource"], resource);
        assert_eq!(
            evaluate(&ask["Arguments"], input.clone(), json!({})),
            arguments
        );
    }
}

#[test]
fn each_tenant_has_its_answer_or_where_it_is_or_its_problem() {
    let states = states(&[]);
    let child = &states["AskFew"]["ItemProcessor"]["States"];
    let input = json!({ "function": "f", "payload": { "tenantId": "a" }, "detailLength": 12 });
    let answer = json!({ "items": [1] });
    let stored = json!({ "bucket": "b", "key": "k", "bytes": 9 });
    let document = json!({ "code": "Throttled", "detail": "Asked too often today.", "retryAfterSeconds": 42, "requestId": "r", "status": 429 });
    let failure = json!({ "errorType": "Throttled", "errorMessage": document.to_string() });
    let output = |result: Value| {
        let states = json!({ "input": input, "result": result });
        evaluate(&child["Ask"]["Output"], states, json!({}))
    };
    // The SDK integration passes texts.
    for payload in [answer.clone(), json!(answer.to_string())] {
        let expected = json!({ "tenantId": "a", "answer": answer });
        assert_eq!(output(json!({ "Payload": payload })), expected);
    }
    let kept = json!({ "Payload": { "stored": stored } });
    assert_eq!(output(kept), json!({ "tenantId": "a", "stored": stored }));

    // It tells of failures in the result, the other integration by an error.
    let told = output(json!({ "Payload": failure.to_string(), "FunctionError": "Unhandled" }));
    let caught = &child["Ask"]["Catch"][0]["Output"];
    let caught = |error: &str, cause: &str| {
        let states = json!({ "input": input, "errorOutput": { "Error": error, "Cause": cause } });
        evaluate(caught, states, json!({}))
    };
    let thrown = caught("Throttled", &failure.to_string());
    let problem = |seen: &Value| {
        evaluate(
            &child["Failed"]["Output"],
            json!({ "input": seen }),
            json!({}),
        )
    };
    for failed in [told, thrown] {
        let judged = evaluate(
            &child["Judge"]["Choices"][0]["Condition"],
            json!({ "input": failed }),
            json!({}),
        );
        assert_eq!(judged, true);
        let expected = json!({
            "tenantId": "a",
            "problem": { "code": "Throttled", "detail": "Asked too of", "retryAfterSeconds": 42, "requestId": "r" },
        });
        assert_eq!(problem(&failed), expected);
    }
    let plain = caught("Lambda.TooManyRequestsException", "Rate Exceeded.");
    let expected = json!({ "code": "Lambda.TooManyRequestsException", "detail": "Rate Exceede" });
    assert_eq!(problem(&plain)["problem"], expected);
    let killed = json!({ "errorType": "Sandbox.Timedout", "errorMessage": "Task timed out" });
    let killed = problem(&caught("Sandbox.Timedout", &killed.to_string()));
    assert_eq!(
        killed["problem"],
        json!({ "code": "Sandbox.Timedout", "detail": "Task timed o" })
    );
}

#[test]
fn only_what_passes_soon_is_asked_again_and_nobody_is_forgotten() {
    let states = states(&[]);
    let failed = |id: &str, code: &str, after: Option<u32>| {
        let mut problem = json!({ "code": code, "detail": "x" });
        if let Some(seconds) = after {
            problem["retryAfterSeconds"] = seconds.into();
        }
        json!({ "tenantId": id, "problem": problem })
    };
    let came = json!([
        { "tenantId": "fine", "answer": { "problem": "one of its own" } },
        failed("soon", "Throttled", Some(90)),
        failed("late", "Throttled", Some(301)),
        failed("down", "UpstreamUnavailable", None),
        failed("out", "TenantNotAllowed", None),
        failed("busy", "Lambda.TooManyRequestsException", None),
    ]);
    let variables = json!({ "answers": { "earlier": { "tenantId": "earlier", "answer": {} } } });
    let merge = &states["AskFew"]["Assign"]["answers"];
    let answers = evaluate(merge, json!({ "result": came }), variables);
    assert_eq!(answers.as_object().map(|all| all.len()), Some(7));

    let tenants = [
        "earlier", "fine", "soon", "late", "down", "out", "busy", "lost",
    ];
    let variables = json!({ "pending": &tenants[1..], "answers": answers, "tenants": tenants, "round": 1, "operation": "o" });
    let pending = evaluate(
        &states["Sift"]["Assign"]["pending"],
        json!({}),
        variables.clone(),
    );
    assert_eq!(pending, json!(["soon", "down", "busy", "lost"]));

    let waits = |pending: Value, round: u32| {
        let mut variables = variables.clone();
        variables["pending"] = pending;
        variables["round"] = round.into();
        evaluate(&states["Wait"]["Seconds"], json!({}), variables)
    };
    assert_eq!(waits(pending, 1), 90);
    assert_eq!(waits(json!(["lost"]), 2), 30);
    let again = &states["Again"]["Choices"][0]["Condition"];
    for (pending, round, repeats) in [
        (json!([]), 1, false),
        (json!(["a"]), 1, true),
        (json!(["a"]), 2, true),
        (json!(["a"]), 3, false),
    ] {
        let variables = json!({ "pending": pending, "round": round });
        assert_eq!(evaluate(again, json!({}), variables), repeats);
    }

    let answer = evaluate(&states["Answer"]["Output"], json!({}), variables);
    let counts = ["tenants", "succeeded", "failed"].map(|name| answer[name].as_u64());
    assert_eq!(counts, [Some(8), Some(2), Some(6)]);
    let results = answer["results"].as_array().expect("a list");
    let ids: Vec<_> = results
        .iter()
        .filter_map(|one| one["tenantId"].as_str())
        .collect();
    assert_eq!(ids, tenants);
    assert_eq!(results[7]["problem"]["code"], "Lost");
    let nobody = json!({ "answers": {}, "tenants": [], "operation": "o" });
    let empty =
        json!({ "operation": "o", "tenants": 0, "succeeded": 0, "failed": 0, "results": [] });
    assert_eq!(
        evaluate(&states["Answer"]["Output"], json!({}), nobody),
        empty
    );
}
