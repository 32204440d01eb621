//! The Runtime API as a process sees it, and a process's behaviour as a caller sees it.

use std::time::Duration;

use local::runtime_api::{Builder, Function, Invocation, Outcome};
use serde_json::{Value, json};

use crate::STAND_IN;

fn function(handler: &str) -> Builder {
    Function::builder(STAND_IN, handler)
}

async fn obey(function: &Function, order: &str) -> Outcome {
    function.invoke(json!(order).to_string()).await
}

#[tokio::test]
async fn an_event_comes_with_its_context_in_headers() {
    let function = function("echo")
        .timeout(Duration::from_secs(40))
        .start()
        .unwrap();
    let before = jiff::Timestamp::now();
    let seen = function
        .invoke_with(Invocation {
            payload: r#"{"top":5}"#.into(),
            trace_id: Some(
                "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1".into(),
            ),
            client_context: Some(r#"{"custom":{"a":"b"}}"#.into()),
            tenant_id: Some("fjordlys".into()),
            ..Invocation::default()
        })
        .await
        .json();

    assert_eq!(seen["event"], json!({"top": 5}));
    let header = |name: &str| {
        seen["headers"][format!("lambda-runtime-{name}")]
            .as_str()
            .unwrap_or("absent")
    };
    assert_eq!(
        header("trace-id"),
        "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"
    );
    assert_eq!(header("client-context"), r#"{"custom":{"a":"b"}}"#);
    assert_eq!(header("aws-tenant-id"), "fjordlys");
    assert_eq!(header("cognito-identity"), "absent");
    assert_eq!(
        header("invoked-function-arn"),
        "arn:aws:lambda:us-east-1:111122223333:function:echo"
    );
    assert!(header("aws-request-id").parse::<uuid::Uuid>().is_ok());
    let deadline: i64 = header("deadline-ms").parse().unwrap();
    assert!(
        deadline >= before.as_millisecond() + 40_000,
        "{deadline} is not 40 s after {before}"
    );
}

#[tokio::test]
async fn the_environment_is_clean_but_for_lambdas_variables_and_what_is_given() {
    let function = function("echo")
        .env("AZURE_TENANT_ID", "fjordlys.example")
        .env("AWS_REGION", "eu-north-1");
    let seen = function
        .env_remove("TZ")
        .start()
        .unwrap()
        .invoke("{}")
        .await
        .json();
    let environment = seen["environment"].as_object().unwrap();
    assert_eq!(environment["_HANDLER"], "echo");
    assert_eq!(environment["AZURE_TENANT_ID"], "fjordlys.example");
    assert_eq!(environment["AWS_REGION"], "eu-north-1");
    for inherited in ["PATH", "HOME", "CARGO_MANIFEST_DIR", "TZ"] {
        assert!(!environment.contains_key(inherited), "{inherited} is set");
    }
}

#[tokio::test]
async fn an_answer_is_passed_on_byte_for_byte() {
    let function = function("verbatim").start().unwrap();
    for reply in ["{ \"b\" : 1,\n\"a\": 1.0 }", "not JSON \u{e5}", ""] {
        let Outcome::Answer(answer) = function.invoke(reply).await else {
            panic!("no answer to {reply:?}")
        };
        assert_eq!(answer, reply);
    }
}

#[tokio::test]
async fn invocations_are_served_in_order_by_one_process() {
    let function = function("echo").start().unwrap();
    let (first, second, third) = tokio::join!(
        function.invoke("1"),
        function.invoke("2"),
        function.invoke("3")
    );
    let seen = [first.json(), second.json(), third.json()];
    assert_eq!(
        seen.each_ref().map(|seen| &seen["event"]),
        [&json!(1), &json!(2), &json!(3)]
    );
    assert!(seen.iter().all(|seen| seen["pid"] == function.pid()));
    assert_eq!(function.starts(), 1);
    #[cfg(target_os = "linux")]
    assert!(function.peak_memory_kib() > 1000);
}

#[tokio::test]
async fn an_error_keeps_its_type_and_message_and_the_process_lives_on() {
    let function = function("obey").start().unwrap();
    let outcome = obey(&function, "fail").await;
    assert_eq!(
        outcome.problem(),
        json!({"code": "NotFound", "status": 404})
    );
    let Outcome::Error {
        error_type, raw, ..
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(error_type, "NotFound");
    assert_eq!(
        serde_json::from_slice::<Value>(&raw).unwrap()["errorType"],
        "NotFound"
    );

    let (error_type, message) = obey(&function, "fail without JSON").await.error().unwrap();
    assert_eq!(
        (error_type.as_str(), message.as_str()),
        ("Custom.Reason", "oh no")
    );
    assert_eq!(obey(&function, "hello").await.json(), "hello");
    assert_eq!(function.starts(), 1);
}

#[tokio::test]
async fn an_init_error_is_the_outcome_and_the_next_invocation_starts_the_process_again() {
    let function = function("cannot_start").start().unwrap();
    for starts in 1..=2 {
        let outcome = function.invoke("{}").await;
        let Outcome::InitError {
            error_type,
            message,
        } = &outcome
        else {
            panic!("{outcome:?}")
        };
        assert_eq!(
            (error_type.as_str(), message.as_str()),
            ("Misconfigured", "AZURE_TENANT_ID is missing")
        );
        assert_eq!(function.starts(), starts);
    }
    assert_eq!(function.logs(), "about to fail\nreported 202\n".repeat(2));
}

#[tokio::test]
async fn a_process_that_ends_before_its_first_event_is_reported_with_its_output() {
    let outcome = function("never_starts").start().unwrap().invoke("{}").await;
    let Outcome::Exited { status, logs } = &outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (status.code(), logs.as_str()),
        (Some(3), "this is hopeless\n")
    );
}

#[tokio::test]
async fn a_process_that_dies_over_an_event_is_reported_and_started_again() {
    let function = function("obey").start().unwrap();
    let first = function.pid();
    let outcome = obey(&function, "exit").await;
    let Outcome::Exited { status, logs } = &outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((status.code(), logs.as_str()), (Some(7), "so be it\n"));
    assert_eq!(outcome.error().unwrap().0, "Runtime.ExitError");
    assert_eq!(obey(&function, "hello").await.json(), "hello");
    assert_eq!(function.starts(), 2);
    assert_ne!(function.pid(), first);
}

#[tokio::test]
async fn an_event_that_a_dead_process_never_saw_goes_to_its_successor() {
    let function = function("obey").start().unwrap();
    let (bye, hello) = tokio::join!(obey(&function, "answer and exit"), obey(&function, "hello"));
    assert_eq!((bye.json(), hello.json()), (json!("bye"), json!("hello")));
    assert_eq!(function.starts(), 2);
}

#[tokio::test]
async fn a_process_that_misses_its_deadline_is_killed_and_started_again() {
    let function = function("obey")
        .timeout(Duration::from_millis(300))
        .start()
        .unwrap();
    let outcome = obey(&function, "hang").await;
    assert!(matches!(outcome, Outcome::TimedOut), "{outcome:?}");
    assert_eq!(obey(&function, "hello").await.json(), "hello");
    assert_eq!(function.starts(), 2);
}

#[tokio::test]
async fn a_reply_over_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let function = function("obey").start().unwrap();
    let Outcome::Answer(answer) = obey(&function, "answer all that fits").await else {
        panic!("refused")
    };
    assert_eq!(answer.len(), 6_291_556);
    let outcome = obey(&function, "answer too much").await;
    assert!(matches!(outcome, Outcome::TooLarge), "{outcome:?}");
    assert_eq!(outcome.error().unwrap().0, "Function.ResponseSizeTooLarge");
    assert_eq!(obey(&function, "hello").await.json(), "hello");
    assert!(
        function.logs().contains("answered 413 "),
        "{}",
        function.logs()
    );
}

#[tokio::test]
async fn an_event_over_the_limit_never_reaches_the_process() {
    let function = function("echo").start().unwrap();
    let (error_type, _) = function
        .invoke(vec![b' '; 6 * 1024 * 1024 + 1])
        .await
        .error()
        .unwrap();
    assert_eq!(error_type, "RequestEntityTooLargeException");
}

#[tokio::test]
async fn a_streamed_reply_is_kept_raw_and_may_be_longer() {
    let Outcome::Answer(answer) = obey(&function("obey").start().unwrap(), "stream").await else {
        panic!("no answer")
    };
    assert!(answer.starts_with(b"{\"statusCode\":200}\0\0\0\0\0\0\0\0xxx"));
    assert_eq!(answer.len(), 18 + 8 + 7_000_000);
}

#[tokio::test]
async fn a_streamed_reply_is_handed_out_piece_by_piece() {
    let function = function("obey").start().unwrap();
    let mut streaming = function.stream(json!("stream").to_string());
    let (prelude, first) = streaming.prelude().await.expect("a streamed reply");
    assert_eq!(prelude, json!({"statusCode": 200}));
    let mut length = first.len();
    while let Some(piece) = streaming.next().await {
        length += piece.len();
    }
    assert_eq!(length, 7_000_000);
    let outcome = streaming.outcome().await;
    assert!(
        matches!(&outcome, Outcome::Answer(rest) if rest.is_empty()),
        "{outcome:?}"
    );
    // A reply that is none, and a process that ends, leave nobody waiting.
    let mut streaming = function.stream(json!("hello").to_string());
    assert!(streaming.prelude().await.is_none());
    assert_eq!(streaming.outcome().await.json(), "hello");
    let mut streaming = function.stream(json!("exit").to_string());
    assert!(streaming.prelude().await.is_none());
    assert!(matches!(streaming.outcome().await, Outcome::Exited { .. }));
}

#[tokio::test]
async fn calls_out_of_turn_are_refused() {
    let function = function("obey").start().unwrap();
    let statuses = obey(&function, "answer another").await.json();
    let expected = json!({"wrong": 400, "next before the answer": 403, "init error after the start": 403, "no such thing": 404});
    assert_eq!(statuses, expected);
    assert_eq!(obey(&function, "answer twice").await.json(), "once");
    assert_eq!(obey(&function, "hello").await.json(), "hello");
    assert!(
        function.logs().contains("answered 400 "),
        "{}",
        function.logs()
    );
}

#[tokio::test]
async fn events_under_way_at_once_are_answered_in_any_order() {
    let function = function("obey").concurrency(3).start().unwrap();
    let (first, second, last) = tokio::join!(
        obey(&function, "hold"),
        obey(&function, "hold"),
        obey(&function, "release")
    );
    assert_eq!(
        [first.json(), second.json(), last.json()],
        ["held", "held", "released"]
    );
    assert_eq!(function.starts(), 1);
}

#[tokio::test]
async fn a_process_gets_no_more_events_at_once_than_it_may_have() {
    let function = function("obey").concurrency(2).start().unwrap();
    let (held, statuses, _) = tokio::join!(
        obey(&function, "hold"),
        obey(&function, "answer another"),
        obey(&function, "release")
    );
    assert_eq!(held.json(), "held");
    assert_eq!(statuses.json()["next before the answer"], 403);
    let seen = self::function("echo").concurrency(2).start().unwrap();
    let seen = seen.invoke("{}").await.json();
    assert_eq!(seen["environment"]["AWS_LAMBDA_MAX_CONCURRENCY"], "2");
}

#[tokio::test]
async fn an_event_that_misses_its_deadline_leaves_the_others_alone() {
    let function = function("obey").concurrency(3).start().unwrap();
    let overdue = async {
        let outcome = function
            .invoke_with(Invocation {
                payload: json!("hold").to_string().into(),
                timeout: Some(Duration::from_millis(100)),
                ..Invocation::default()
            })
            .await;
        (outcome, obey(&function, "release").await)
    };
    let ((late, released), held) = tokio::join!(overdue, obey(&function, "hold"));
    assert!(matches!(late, Outcome::TimedOut), "{late:?}");
    assert_eq!(
        (released.json(), held.json()),
        (json!("released"), json!("held"))
    );
    // The late answer comes about when the other's does.
    while !function.logs().contains("answered 400 ") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for _ in 0..4 {
        assert_eq!(obey(&function, "hello").await.json(), "hello");
    }
    assert_eq!(function.starts(), 1);
}

#[tokio::test]
async fn a_process_that_dies_fails_all_that_it_had_and_nothing_else() {
    let function = function("obey").concurrency(3).start().unwrap();
    let (first, second, third, next) = tokio::join!(
        obey(&function, "hold"),
        obey(&function, "hold"),
        obey(&function, "exit"),
        obey(&function, "hello")
    );
    for outcome in [first, second, third] {
        assert!(
            matches!(&outcome, Outcome::Exited { status, .. } if status.code() == Some(7)),
            "{outcome:?}"
        );
    }
    assert_eq!(next.json(), "hello");
    assert_eq!(function.starts(), 2);
}

#[test]
fn a_dropped_function_leaves_no_process_behind() {
    let function = function("obey").start().unwrap();
    let process = std::path::PathBuf::from(format!("/proc/{}", function.pid()));
    let here = process.exists();
    drop(function);
    assert!(!process.exists());
    assert_eq!(here, cfg!(target_os = "linux"));
}

#[test]
fn a_bootstrap_that_cannot_be_executed_is_named() {
    let Err(error) = Function::builder("no/such/bootstrap", "echo").start() else {
        panic!("it started")
    };
    assert!(
        error.to_string().starts_with("no/such/bootstrap: "),
        "{error}"
    );
}

#[tokio::test]
async fn a_report_has_what_was_written_since_the_one_before() {
    let function = function("obedient").start().unwrap();
    for _ in 0..2 {
        let report = function
            .report(Invocation {
                payload: json!("exit").to_string().into(),
                ..Invocation::default()
            })
            .await;
        assert!(matches!(report.outcome, Outcome::Exited { .. }));
        assert_eq!(report.log, "so be it\n");
    }
    assert_eq!(function.logs(), "so be it\nso be it\n");
}
