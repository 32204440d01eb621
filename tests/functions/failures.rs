//! Everything that Microsoft or the network may do to a request, and what the caller hears of it.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Fault, Form, Kind, RetryAfter, Simulator};

use crate::{api_requests, builder, code, function, invoke, invoke_xdr, problem};

fn on_graph(kind: Kind) -> Fault {
    Fault::from(kind).path("/v1.0/")
}

#[tokio::test]
async fn a_read_outlives_a_passing_fault() {
    for kind in [
        Kind::status(500),
        Kind::status(502),
        Kind::status(408),
        Kind::status(206),
        Kind::throttle(0),
        Kind::DropBefore,
        Kind::DropAfter,
        Kind::CutBody { after_bytes: 40 },
        Kind::Gzip,
        Kind::Empty,
        Kind::NotJson,
        Kind::WrongShape {
            body: Some(json!([])),
        },
        Kind::WrongShape {
            body: Some(json!({"value": 5})),
        },
    ] {
        let simulator = Simulator::start();
        simulator.inject(on_graph(kind.clone()).times(2));
        let answer = invoke(&simulator, "list_incidents", json!({"top": 1}))
            .await
            .json();
        assert_eq!(answer["items"].as_array().unwrap().len(), 1, "{kind:?}");
        assert_eq!(api_requests(&simulator).len(), 3, "{kind:?}");
    }
}

#[tokio::test]
async fn a_lasting_fault_is_unavailable_after_four_tries() {
    for (kind, status, says) in [
        (Kind::status(503), json!(503), "answered 503"),
        (Kind::DropBefore, Value::Null, "broke the connection"),
        (
            Kind::CutBody { after_bytes: 40 },
            Value::Null,
            "broke the connection",
        ),
        (Kind::Gzip, json!(200), "compressed"),
        (Kind::Empty, json!(200), "is empty"),
        (Kind::NotJson, json!(200), "not whole JSON"),
        (
            Kind::WrongShape {
                body: Some(json!({"value": 5})),
            },
            json!(200),
            "documented shape",
        ),
    ] {
        let simulator = Simulator::start();
        simulator.inject(on_graph(kind.clone()).times(0));
        let problem = problem(&invoke(&simulator, "list_incidents", json!({})).await);
        assert_eq!(
            (&problem["code"], &problem["status"]),
            (&json!("UpstreamUnavailable"), &json!(503)),
            "{kind:?}"
        );
        assert_eq!(problem["upstream"]["status"], status, "{kind:?}");
        assert!(
            problem["detail"].as_str().unwrap().contains(says),
            "{problem}"
        );
        assert_eq!(api_requests(&simulator).len(), 4, "{kind:?}");
    }
}

#[tokio::test]
async fn a_single_item_of_the_wrong_shape_is_noticed() {
    let simulator = Simulator::start();
    simulator.inject(
        on_graph(Kind::WrongShape {
            body: Some(json!([])),
        })
        .times(0),
    );
    for operation in ["get_incident", "run_hunting_query"] {
        let input = if operation == "get_incident" {
            json!({"id": 1})
        } else {
            json!({"query": "T"})
        };
        assert_eq!(
            code(&invoke(&simulator, operation, input).await),
            "UpstreamUnavailable"
        );
    }
}

#[tokio::test]
async fn a_host_that_is_not_there_is_unavailable() {
    let simulator = Simulator::start();
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let function = builder(&simulator, "list_incidents")
        .env("GRAPH_ENDPOINT", format!("http://{free}"))
        .start()
        .unwrap();
    let problem = problem(&function.invoke("{}").await);
    assert_eq!(problem["code"], json!("UpstreamUnavailable"));
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("could not be reached"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_throttle_is_outwaited_when_there_is_time() {
    for retry_after in [
        RetryAfter::Seconds(1),
        RetryAfter::HttpDate {
            http_date_in_seconds: 1,
        },
    ] {
        let simulator = Simulator::start();
        let kind = Kind::Throttle {
            retry_after: Some(retry_after),
            form: None,
            message: None,
        };
        simulator.inject(on_graph(kind).times(1));
        invoke(&simulator, "list_incidents", json!({"top": 1}))
            .await
            .json();
        assert_eq!(api_requests(&simulator).len(), 2);
    }
}

#[tokio::test]
async fn a_throttle_that_does_not_fit_is_handed_to_the_caller_without_a_second_try() {
    let quota = "API calls quota exceeded! maximum allowed 45 per 00:01:00";
    for (retry_after, message, seconds) in [
        (Some(RetryAfter::Seconds(120)), None, 120),
        (None, Some(quota.to_owned()), 60),
        (None, Some("Too many requests.".to_owned()), 30),
    ] {
        let simulator = Simulator::start();
        let kind = Kind::Throttle {
            retry_after,
            form: Some(Form::Defender),
            message,
        };
        simulator.inject(Fault::from(kind).path("/api/").times(0));
        let problem = problem(&invoke_xdr(&simulator, "list_incidents", json!({})).await);
        assert_eq!(
            (&problem["code"], &problem["status"]),
            (&json!("Throttled"), &json!(429))
        );
        assert_eq!(problem["retryAfterSeconds"], json!(seconds), "{problem}");
        assert_eq!(problem["upstream"]["code"], json!("429"));
        assert_eq!(api_requests(&simulator).len(), 1);
    }
}

#[tokio::test]
async fn a_service_that_hangs_is_given_up_before_lambda_gives_us_up() {
    let simulator = Simulator::start();
    simulator.inject(on_graph(Kind::Hang).times(0));
    let function = builder(&simulator, "list_incidents")
        .timeout(Duration::from_secs(2))
        .start()
        .unwrap();
    let problem = problem(&function.invoke("{}").await);
    assert_eq!(
        (&problem["code"], &problem["status"]),
        (&json!("DeadlineExceeded"), &json!(504))
    );
    assert_eq!(function.starts(), 1);
}

#[tokio::test]
async fn a_redirect_is_an_error_and_nobody_goes_there() {
    let (simulator, elsewhere) = (Simulator::start(), Simulator::start());
    simulator.inject(on_graph(Kind::Redirect {
        to: format!("{}/v1.0/security/incidents", elsewhere.origin()),
    }));
    let problem = problem(&invoke(&simulator, "list_incidents", json!({})).await);
    assert_eq!(problem["code"], json!("UpstreamRejected"));
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains(elsewhere.origin()),
        "{problem}"
    );
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn other_refusals_keep_microsofts_code_and_words() {
    let simulator = Simulator::start();
    for (status, name, expected) in [
        (400, "BadRequest", "UpstreamRejected"),
        (403, "DisabledFeature", "UpstreamRejected"),
        (403, "Forbidden", "PermissionMissing"),
        (409, "Conflict", "Conflict"),
        (412, "PreconditionFailed", "Conflict"),
        (414, "UriTooLong", "UpstreamRejected"),
    ] {
        let kind = Kind::Status {
            status,
            headers: vec![],
            body: None,
            code: Some(name.to_owned()),
        };
        simulator.inject(on_graph(kind));
        let problem = problem(&invoke(&simulator, "list_incidents", json!({})).await);
        assert_eq!(problem["code"], json!(expected), "{status} {name}");
        assert_eq!(problem["upstream"]["status"], json!(status));
        assert_eq!(problem["upstream"]["code"], json!(name));
    }
}

#[tokio::test]
async fn a_result_that_microsoft_finds_too_large_is_too_large() {
    let simulator = Simulator::start();
    let body = json!({"error": {"code": "BadRequest", "message": "Query execution has exceeded the allowed result size. Optimize your query."}});
    let kind = Kind::Status {
        status: 400,
        headers: vec![],
        body: Some(body.to_string()),
        code: None,
    };
    simulator.inject(Fault::from(kind).path("/api/"));
    assert_eq!(
        code(&invoke_xdr(&simulator, "run_hunting_query", json!({"query": "T"})).await),
        "TooLarge"
    );
}

#[tokio::test]
async fn a_change_is_sent_again_only_where_it_was_provably_not_accepted() {
    let simulator = Simulator::start();
    simulator.inject(on_graph(Kind::throttle(1)).method("POST"));
    let answer = invoke(
        &simulator,
        "comment_incident",
        json!({"id": "28281", "comment": "after a 429"}),
    )
    .await
    .json();
    let written = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["comment"] == json!("after a 429"))
        .count();
    assert_eq!(written, 1);
    assert_eq!(
        api_requests(&simulator)
            .iter()
            .filter(|request| request.method == "POST")
            .count(),
        2
    );
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_looked_for_and_never_repeated() {
    for (operation, input, method) in [
        (
            "update_incident",
            json!({"id": "28281", "status": "resolved", "tags": ["t"]}),
            "PATCH",
        ),
        (
            "comment_incident",
            json!({"id": "28281", "comment": "lost and found"}),
            "POST",
        ),
    ] {
        for kind in [Kind::DropAfter, Kind::CutBody { after_bytes: 5 }] {
            let simulator = Simulator::start();
            simulator.inject(on_graph(kind).method(method));
            let answer = invoke(&simulator, operation, input.clone()).await.json();
            let found = match operation {
                "update_incident" => answer["status"] == json!("resolved"),
                _ => {
                    answer["items"].as_array().unwrap().last().unwrap()["comment"]
                        == json!("lost and found")
                }
            };
            assert!(found, "{answer}");
            let methods: Vec<_> = api_requests(&simulator)
                .iter()
                .map(|request| request.method.clone())
                .collect();
            assert_eq!(methods, [method, "GET"]);
        }
    }
}

#[tokio::test]
async fn a_change_that_a_look_does_not_show_has_an_unknown_outcome() {
    for (operation, input, method) in [
        (
            "update_incident",
            json!({"id": "28281", "status": "resolved"}),
            "PATCH",
        ),
        (
            "comment_incident",
            json!({"id": "28281", "comment": "never written"}),
            "POST",
        ),
    ] {
        for kind in [Kind::DropBefore, Kind::status(500), Kind::status(504)] {
            let simulator = Simulator::start();
            simulator.inject(on_graph(kind.clone()).method(method));
            let problem = problem(&invoke(&simulator, operation, input.clone()).await);
            assert_eq!(
                (&problem["code"], &problem["status"]),
                (&json!("OutcomeUnknown"), &json!(504)),
                "{kind:?}"
            );
            assert!(
                problem["detail"]
                    .as_str()
                    .unwrap()
                    .contains("Look again before repeating it"),
                "{problem}"
            );
            let sent = api_requests(&simulator)
                .iter()
                .filter(|request| request.method == method)
                .count();
            assert_eq!(sent, 1, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_change_under_way_at_the_deadline_has_an_unknown_outcome() {
    let simulator = Simulator::start();
    simulator.inject(on_graph(Kind::Hang).method("PATCH").times(0));
    let function = builder(&simulator, "update_incident")
        .timeout(Duration::from_secs(2))
        .start()
        .unwrap();
    let outcome = function
        .invoke(r#"{"id": "28281", "status": "resolved"}"#)
        .await;
    assert_eq!(code(&outcome), "OutcomeUnknown");
}

#[tokio::test]
async fn a_change_that_never_left_has_no_outcome_to_wonder_about() {
    let simulator = Simulator::start();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let function = builder(&simulator, "update_incident")
        .env("GRAPH_ENDPOINT", format!("http://{free}"))
        .start()
        .unwrap();
    let outcome = function
        .invoke(r#"{"id": "28281", "status": "resolved"}"#)
        .await;
    assert_eq!(code(&outcome), "UpstreamUnavailable");
}

#[tokio::test]
async fn a_comment_that_was_there_before_is_not_taken_for_the_lost_one() {
    let simulator = Simulator::start();
    let function = function(&simulator, "comment_incident");
    let input = r#"{"id": "28281", "comment": "same words"}"#;
    function.invoke(input).await.json();
    simulator.edit("harbourline.example", |tenant| {
        for comment in &mut tenant.incident("28281").unwrap().comments {
            comment.created_date_time = "2026-11-18T09:00:00Z".to_owned();
        }
    });
    simulator.inject(on_graph(Kind::status(500)).method("POST"));
    assert_eq!(code(&function.invoke(input).await), "OutcomeUnknown");
}

#[tokio::test]
async fn a_failure_ends_the_invocation_and_not_the_process() {
    let simulator = Simulator::start();
    let function = function(&simulator, "get_incident");
    assert_eq!(
        code(&function.invoke(r#"{"id": 999999999}"#).await),
        "NotFound"
    );
    function.invoke(r#"{"id": 28281}"#).await.json();
    assert_eq!(function.starts(), 1);
}

#[tokio::test]
async fn a_compressed_refusal_is_still_what_its_status_says() {
    let simulator = Simulator::start();
    let gzip = |status, retry_after: Option<&str>| Kind::Status {
        status,
        headers: [
            Some(("content-encoding", "gzip")),
            retry_after.map(|wait| ("retry-after", wait)),
        ]
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect(),
        body: Some("not readable".to_owned()),
        code: None,
    };
    simulator.inject(on_graph(gzip(429, Some("120"))));
    let throttled = problem(&invoke(&simulator, "list_incidents", json!({})).await);
    assert_eq!(
        (&throttled["code"], &throttled["retryAfterSeconds"]),
        (&json!("Throttled"), &json!(120))
    );
    simulator.inject(on_graph(gzip(404, None)).method("PATCH"));
    let gone = invoke(
        &simulator,
        "update_incident",
        json!({"id": "28281", "status": "resolved"}),
    )
    .await;
    assert_eq!(code(&gone), "NotFound");
}

#[tokio::test]
async fn a_change_whose_answer_is_too_large_was_made() {
    let simulator = Simulator::start();
    let body = json!({"id": "28281", "description": "d".repeat(7_000_000)});
    simulator.inject(on_graph(Kind::WrongShape { body: Some(body) }).method("PATCH"));
    let problem = problem(
        &invoke(
            &simulator,
            "update_incident",
            json!({"id": "28281", "status": "resolved"}),
        )
        .await,
    );
    assert_eq!(problem["code"], json!("TooLarge"));
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("The change was made"),
        "{problem}"
    );
    assert_eq!(api_requests(&simulator).len(), 1);
}

#[tokio::test]
async fn a_filter_too_long_for_a_url_is_refused() {
    let simulator = Simulator::start();
    let outcome = invoke(
        &simulator,
        "list_incidents",
        json!({"filter": "a".repeat(70_000)}),
    )
    .await;
    assert_eq!(code(&outcome), "InvalidInput");
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn a_proxys_next_link_may_name_the_api_behind_it() {
    let simulator = Simulator::start();
    simulator.inject(on_graph(Kind::NextLinkTo {
        origin: "https://graph.microsoft.com".to_owned(),
    }));
    let answer = invoke(&simulator, "list_incidents", json!({"top": 2}))
        .await
        .json();
    assert_eq!(answer["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_caller_may_give_it_less_time_than_lambda_does() {
    let simulator = Simulator::start();
    let function = function(&simulator, "list_incidents");
    // Four seconds would be waited, if Lambda's thirty were all to be used.
    simulator.inject(on_graph(Kind::throttle(4)));
    let throttled = problem(&function.invoke(r#"{"maxSeconds": 3}"#).await);
    assert_eq!(
        (&throttled["code"], &throttled["retryAfterSeconds"]),
        (&json!("Throttled"), &json!(4))
    );
    assert_eq!(api_requests(&simulator).len(), 1);
    simulator.inject(on_graph(Kind::Hang));
    let slow = problem(&function.invoke(r#"{"maxSeconds": 1}"#).await);
    assert_eq!(slow["code"], json!("DeadlineExceeded"));
    function.invoke(r#"{"maxSeconds": 900}"#).await.json();
    for wrong in [r#"{"maxSeconds": 0}"#, r#"{"maxSeconds": "soon"}"#] {
        let problem = problem(&function.invoke(wrong).await);
        assert_eq!(problem["code"], json!("InvalidInput"));
        assert!(
            problem["detail"].to_string().contains("maxSeconds"),
            "{problem}"
        );
    }
}
