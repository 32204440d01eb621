//! Many indicators at once: split into Microsoft's batches, with one true result for each whatever happens on the way.

use serde_json::{Value, json};
use simulator::{Fault, Kind, Simulator};

use crate::{api_requests, builder, code, invoke, line, problem};

const TENANT: &str = "harbourline.example";

fn domain(number: usize) -> String {
    format!("d{number}.tide.example")
}

fn indicators(count: usize) -> Vec<Value> {
    let indicator = |number| {
        json!({
            "indicatorValue": domain(number),
            "indicatorType": "domainName",
            "action": "block",
            "title": "Tidewatch",
            "description": "One of many",
        })
    };
    (0..count).map(indicator).collect()
}

/// How many items have each outcome, in the order of the items.
fn runs(answer: &Value) -> Vec<(String, usize)> {
    let mut runs: Vec<(String, usize)> = Vec::new();
    for item in answer["items"].as_array().unwrap() {
        let outcome = item["outcome"].as_str().unwrap();
        match runs.last_mut() {
            Some((last, count)) if last == outcome => *count += 1,
            _ => runs.push((outcome.to_owned(), 1)),
        }
    }
    runs
}

fn counts(answer: &Value, done: &str) -> [Value; 4] {
    [done, "failed", "unknown", "notSent"].map(|count| answer[count].clone())
}

fn kept(simulator: &Simulator) -> usize {
    simulator.edit(TENANT, |tenant| {
        let ours = |value: &str| value.ends_with(".tide.example");
        tenant
            .indicators
            .iter()
            .filter(|one| ours(&one.indicator_value))
            .count()
    })
}

async fn import(simulator: &Simulator, indicators: Vec<Value>) -> Value {
    let input = json!({"indicators": indicators});
    invoke(simulator, "import_indicators", input).await.json()
}

#[tokio::test]
async fn an_import_is_split_by_500_and_answers_every_indicator_in_order() {
    let simulator = Simulator::start();
    let answer = import(&simulator, indicators(1_203)).await;
    let requests = api_requests(&simulator);
    let sizes = requests
        .iter()
        .map(|request| request.json()["Indicators"].as_array().unwrap().len());
    assert_eq!(sizes.collect::<Vec<_>>(), [500, 500, 203]);
    assert!(
        requests
            .iter()
            .all(|request| line(request) == "POST /api/indicators/import")
    );
    assert_eq!(
        requests[0].json()["Indicators"][0]["indicatorType"],
        json!("DomainName")
    );
    assert_eq!(
        counts(&answer, "imported"),
        [1_203, 0, 0, 0].map(|count| json!(count))
    );
    assert!(answer.get("problem").is_none());
    for (number, item) in answer["items"].as_array().unwrap().iter().enumerate() {
        assert_eq!(item["indicatorValue"], json!(domain(number)));
        assert_eq!(item["outcome"], json!("imported"));
        assert!(item["id"].is_string());
    }
    assert_eq!(kept(&simulator), 1_203);
}

#[tokio::test]
async fn one_that_microsoft_refuses_is_told_with_its_reason_among_the_others() {
    let simulator = Simulator::start();
    let results = json!([
        {"id": "8", "indicator": "D1.TIDE.EXAMPLE", "isFailed": false, "failureReason": null},
        {"id": null, "indicator": "d0.tide.example", "isFailed": true, "failureReason": "Too many"},
        {"id": "9", "indicator": null, "isFailed": false, "failureReason": null},
    ]);
    let body = json!({"value": results});
    let answered = || {
        let body = Some(body.clone());
        simulator.inject(Fault::from(Kind::WrongShape { body }).path("/api/"));
    };
    answered();
    let whole = import(&simulator, indicators(3)).await;
    let placed = json!({"indicatorValue": "d2.tide.example", "outcome": "imported", "id": "9"});
    assert_eq!(whole["items"][2], placed);

    // One is missing: the place of a result without its value says nothing then.
    answered();
    let answer = import(&simulator, indicators(4)).await;
    assert_eq!(
        answer,
        json!({
            "items": [
                {"indicatorValue": "d0.tide.example", "outcome": "failed", "reason": "Too many"},
                {"indicatorValue": "d1.tide.example", "outcome": "imported", "id": "8"},
                {"indicatorValue": "d2.tide.example", "outcome": "unknown", "reason": "Microsoft's answer does not mention it."},
                {"indicatorValue": "d3.tide.example", "outcome": "unknown", "reason": "Microsoft's answer does not mention it."},
            ],
            "imported": 1, "failed": 1, "unknown": 2, "notSent": 0,
        })
    );
}

#[tokio::test]
async fn a_lost_answer_leaves_its_batch_unknown_and_the_rest_unsent() {
    let simulator = Simulator::start();
    simulator.inject(Fault::from(Kind::DropAfter).path("/api/").skip(1).times(1));
    let answer = import(&simulator, indicators(1_100)).await;
    let expected = [("imported", 500), ("unknown", 500), ("notSent", 100)];
    assert_eq!(
        runs(&answer),
        expected.map(|(outcome, count)| (outcome.to_owned(), count))
    );
    assert_eq!(
        counts(&answer, "imported"),
        [500, 0, 500, 100].map(|count| json!(count))
    );
    assert_eq!(answer["problem"]["code"], json!("OutcomeUnknown"));
    assert_eq!(
        (api_requests(&simulator).len(), kept(&simulator)),
        (2, 1_000)
    );
}

#[tokio::test]
async fn a_quota_beyond_the_time_left_leaves_the_rest_unsent_and_says_how_long_to_wait() {
    let simulator = Simulator::start();
    simulator.inject(
        Fault::from(Kind::throttle(600))
            .path("/api/")
            .skip(1)
            .times(0),
    );
    let answer = import(&simulator, indicators(700)).await;
    let expected = [("imported", 500), ("notSent", 200)];
    assert_eq!(
        runs(&answer),
        expected.map(|(outcome, count)| (outcome.to_owned(), count))
    );
    assert_eq!(answer["problem"]["code"], json!("Throttled"));
    assert_eq!(answer["problem"]["retryAfterSeconds"], json!(600));
    assert_eq!(kept(&simulator), 500);
}

#[tokio::test]
async fn a_short_quota_is_waited_for() {
    let simulator = Simulator::start();
    simulator.inject(
        Fault::from(Kind::throttle(1))
            .path("/api/")
            .skip(1)
            .times(1),
    );
    let answer = import(&simulator, indicators(501)).await;
    assert_eq!(
        counts(&answer, "imported"),
        [501, 0, 0, 0].map(|count| json!(count))
    );
}

#[tokio::test]
async fn a_batch_that_is_refused_has_failed_and_says_nothing_about_the_next() {
    let simulator = Simulator::start();
    simulator.inject(
        Fault::from(Kind::status(400))
            .path("/api/")
            .skip(1)
            .times(1),
    );
    let answer = import(&simulator, indicators(1_001)).await;
    let expected = [("imported", 500), ("failed", 500), ("imported", 1)];
    assert_eq!(
        runs(&answer),
        expected.map(|(outcome, count)| (outcome.to_owned(), count))
    );
    assert_eq!(answer["problem"]["code"], json!("UpstreamRejected"));
}

#[tokio::test]
async fn where_the_very_first_batch_fails_the_error_is_the_answer() {
    for (kind, expected) in [
        (Kind::DropAfter, "OutcomeUnknown"),
        (Kind::throttle(600), "Throttled"),
    ] {
        let simulator = Simulator::start();
        simulator.inject(Fault::from(kind).path("/api/").times(1));
        let input = json!({"indicators": indicators(600)});
        assert_eq!(
            code(&invoke(&simulator, "import_indicators", input).await),
            expected
        );
        assert_eq!(api_requests(&simulator).len(), 1);
    }
}

#[tokio::test]
async fn where_every_batch_is_refused_the_error_is_the_answer() {
    let simulator = Simulator::start();
    simulator.inject(Fault::from(Kind::status(400)).path("/api/").times(0));
    let input = json!({"indicators": indicators(600)});
    let outcome = invoke(&simulator, "import_indicators", input).await;
    assert_eq!(code(&outcome), "UpstreamRejected");
    assert_eq!(api_requests(&simulator).len(), 2);
}

#[tokio::test]
async fn all_are_checked_before_any_is_sent_and_the_error_names_the_place() {
    let simulator = Simulator::start();
    let with = |place: usize, field: &str, value: Value| {
        let mut all = indicators(600);
        all[place][field] = value;
        all
    };
    for (indicators, says) in [
        (vec![], "`indicators`: has 0 items"),
        (indicators(5_001), "`indicators`: has 5001 items"),
        (
            with(599, "indicatorValue", json!("10.0.0.0/8")),
            "`indicators[599].indicatorValue`",
        ),
        (with(7, "action", json!("alert")), "`indicators[7].action`"),
        (with(7, "severity", json!("worst")), "`indicators[7]`"),
        (
            with(7, "colour", json!("red")),
            "`indicators[7]`: unknown field `colour`",
        ),
        (
            with(7, "indicatorValue", json!("D3.TIDE.example")),
            "`indicators`: items 3 and 7 are the same",
        ),
    ] {
        let problem = problem(
            &invoke(
                &simulator,
                "import_indicators",
                json!({"indicators": indicators}),
            )
            .await,
        );
        assert_eq!(problem["code"], json!("InvalidInput"), "{says}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains(says) && !detail.contains(" at line "),
            "{says}: {detail}"
        );
    }
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn many_are_deleted_batch_by_batch() {
    let simulator = Simulator::start();
    let imported = import(&simulator, indicators(620)).await;
    let ids: Vec<_> = imported["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].clone())
        .collect();
    simulator.clear_requests();
    let answer = invoke(
        &simulator,
        "delete_indicators",
        json!({"indicatorIds": ids}),
    )
    .await
    .json();
    assert_eq!(
        counts(&answer, "deleted"),
        [620, 0, 0, 0].map(|count| json!(count))
    );
    assert_eq!(
        answer["items"][619],
        json!({"indicatorId": ids[619], "outcome": "deleted"})
    );
    let requests = api_requests(&simulator);
    assert_eq!(
        requests.iter().map(line).collect::<Vec<_>>(),
        vec!["POST /api/indicators/BatchDelete"; 2]
    );
    assert_eq!(requests[1].json(), json!({"IndicatorIds": ids[500..]}));
    assert_eq!(kept(&simulator), 0);
}

#[tokio::test]
async fn a_batch_with_one_that_is_gone_fails_whole_after_those_that_stand() {
    let simulator = Simulator::start();
    let imported = import(&simulator, indicators(600)).await;
    let mut ids: Vec<_> = imported["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].clone())
        .collect();
    ids[550] = json!("999999");
    let answer = invoke(
        &simulator,
        "delete_indicators",
        json!({"indicatorIds": ids}),
    )
    .await
    .json();
    let expected = [("deleted", 500), ("failed", 100)];
    assert_eq!(
        runs(&answer),
        expected.map(|(outcome, count)| (outcome.to_owned(), count))
    );
    assert_eq!(answer["problem"]["code"], json!("NotFound"));
    assert_eq!(kept(&simulator), 100);
    let first = invoke(
        &simulator,
        "delete_indicators",
        json!({"indicatorIds": ["999999"]}),
    )
    .await;
    assert_eq!(code(&first), "NotFound");
}

#[tokio::test]
async fn wrong_ids_are_refused_and_nothing_is_sent() {
    let simulator = Simulator::start();
    for (ids, says) in [
        (json!([]), "has 0 items"),
        (json!(["1", "x"]), "\"x\" is not the id of an indicator"),
        (json!(["1", "2", 1]), "items 0 and 2 are the same"),
    ] {
        let problem = problem(
            &invoke(
                &simulator,
                "delete_indicators",
                json!({"indicatorIds": ids}),
            )
            .await,
        );
        assert_eq!(problem["code"], json!("InvalidInput"));
        assert!(
            problem["detail"].as_str().unwrap().contains(says),
            "{problem}"
        );
    }
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn an_app_that_may_not_write_indicators_is_told_which_permission_it_lacks() {
    let simulator = Simulator::start();
    let reader = simulator.environment_of("Quayside triage (read only)");
    let function = builder(&simulator, "import_indicators")
        .envs(reader)
        .start()
        .unwrap();
    let outcome = function
        .invoke(json!({"indicators": indicators(1)}).to_string())
        .await;
    let problem = problem(&outcome);
    assert_eq!(problem["code"], json!("PermissionMissing"));
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("Ti.ReadWrite or Ti.ReadWrite.All"),
        "{problem}"
    );
}
