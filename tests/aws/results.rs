//! Answers that are larger than the caller wants them, put to moto's S3.

use local::runtime_api::{Builder, Function, Invocation};
use serde_json::{Value, json};
use simulator::Simulator;

use crate::moto::{Moto, SECRET};

const BUCKET: &str = "harbourline-results";

fn builder(simulator: &Simulator, moto: &Moto) -> Builder {
    builder_of(simulator, moto, "list_incidents")
}

fn builder_of(simulator: &Simulator, moto: &Moto, operation: &str) -> Builder {
    Function::builder(env!("CARGO_BIN_EXE_bootstrap"), operation)
        .envs(simulator.environment())
        .envs(moto.environment("S3"))
}

#[tokio::test]
async fn a_larger_answer_is_stored_whole_and_pointed_to() {
    let (simulator, moto) = (Simulator::start(), Moto::start());
    moto.ask("create_bucket", &json!({ "name": BUCKET }));
    let function = builder(&simulator, &moto)
        .env("RESULTS_BUCKET", BUCKET)
        .start()
        .expect("bootstrap starts");
    let whole = function.invoke(r#"{"top": 5}"#).await.json();
    moto.record();
    let input = r#"{"top": 5, "maxAnswerBytes": 100}"#;
    let answer = function.invoke(input).await.json();
    assert_eq!(moto.signed_services(), ["s3"]);
    let stored = &answer["stored"];
    let key = stored["key"].as_str().expect("a key");
    let tenant = &whole["items"][0]["tenantId"];
    let prefix = format!("{}/list_incidents/", tenant.as_str().expect("a tenant"));
    assert!(key.starts_with(&prefix) && key.ends_with(".json"), "{key}");
    let text = moto.ask("text", &json!({ "bucket": BUCKET, "key": key }));
    let text = text.as_str().expect("an object is text");
    assert_eq!(
        answer,
        json!({ "stored": { "bucket": BUCKET, "key": key, "bytes": text.len(), "rows": 5 } })
    );
    assert_eq!(serde_json::from_str::<Value>(text).expect("JSON"), whole);
    // Every answer has an object of its own.
    let again = function.invoke(input).await.json();
    assert_ne!(again["stored"]["key"], stored["key"]);
}

#[tokio::test]
async fn an_answer_that_fits_is_answered() {
    let (simulator, moto) = (Simulator::start(), Moto::start());
    let function = builder(&simulator, &moto)
        .env("RESULTS_BUCKET", BUCKET)
        .start()
        .expect("bootstrap starts");
    let input = r#"{"top": 1, "maxAnswerBytes": 100000}"#;
    let answer = function.invoke(input).await.json();
    assert_eq!(answer["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_bucket_that_is_not_set_or_not_there_is_named() {
    let (simulator, moto) = (Simulator::start(), Moto::start());
    let input = r#"{"maxAnswerBytes": 100}"#;
    let unset = builder(&simulator, &moto)
        .start()
        .expect("bootstrap starts");
    let problem = unset.invoke(input).await.problem();
    assert_eq!(problem["code"], "Misconfigured");
    assert!(problem["detail"].to_string().contains("RESULTS_BUCKET"));
    assert!(
        simulator.requests().is_empty(),
        "something was asked for nothing"
    );

    let missing = builder(&simulator, &moto)
        .env("RESULTS_BUCKET", BUCKET)
        .start()
        .expect("bootstrap starts");
    let problem = missing.invoke(input).await.problem();
    assert_eq!(problem["code"], "Misconfigured");
    assert_eq!(problem["upstream"]["code"], "NoSuchBucket");
    assert!(problem["detail"].to_string().contains("RESULTS_BUCKET"));
}

#[tokio::test]
async fn what_is_too_long_for_an_agent_is_stored_with_a_link_if_it_asks_for_one() {
    let (simulator, moto) = (Simulator::start(), Moto::start());
    moto.ask("create_bucket", &json!({ "name": BUCKET }));
    let function = builder_of(&simulator, &moto, "call_tool")
        .env("RESULTS_BUCKET", BUCKET)
        .start()
        .expect("bootstrap starts");
    let mut hunt = hunt(1);
    hunt["resultLink"] = json!(true);
    let tool = json!({ "bedrockAgentCoreToolName": "defender___run_hunting_query" });
    let call = Invocation {
        payload: hunt.to_string().into(),
        client_context: Some(json!({ "custom": tool }).to_string()),
        ..Invocation::default()
    };
    let stored = &function.invoke_with(call).await.json()["stored"];
    assert_eq!(stored["rows"], 1000);
    let key = stored["key"].as_str().expect("a key");
    assert!(key.contains("/run_hunting_query/"), "{key}");
    assert!(
        stored["link"]
            .as_str()
            .is_some_and(|link| link.contains(key)),
        "{stored}"
    );
}

/// A hunt for so many thousand rows of a thousand bytes.
fn hunt(megabytes: usize) -> Value {
    let query =
        format!(r#"range x from 1 to {megabytes}000 step 1 | extend Padding = strrep("p", 975)"#);
    json!({ "query": query })
}

#[tokio::test]
async fn what_lambda_cannot_carry_is_stored_part_by_part_while_it_arrives() {
    let (simulator, moto) = (Simulator::start(), Moto::start());
    moto.ask("create_bucket", &json!({ "name": BUCKET }));
    for megabytes in [5, 50, 100] {
        let function = builder_of(&simulator, &moto, "run_hunting_query")
            .env("RESULTS_BUCKET", BUCKET)
            .start()
            .expect("bootstrap starts");
        let answer = function.invoke(hunt(megabytes).to_string()).await.json();
        let peak = function.peak_memory_kib();
        println!("{megabytes} MB to S3: {peak} KiB at most");
        if megabytes == 5 {
            assert_eq!(answer["results"].as_array().map(Vec::len), Some(5_000));
            continue;
        }
        let stored = &answer["stored"];
        assert_eq!(stored["rows"], megabytes * 1000);
        let key = stored["key"].as_str().expect("a key");
        let kept = moto.ask("objects", &json!({ "bucket": BUCKET }));
        assert_eq!(kept[key]["bytes"], stored["bytes"]);
        assert!(stored["bytes"].as_u64().expect("a number") > megabytes as u64 * 990_000);
        // A function of 128 MB does it.
        assert!(peak < 100 * 1024, "{peak} KiB");
    }
    assert_eq!(moto.ask("uploads", &json!({ "bucket": BUCKET })), json!([]));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again_and_leaves_nothing() {
    let (simulator, moto) = (Simulator::start(), Moto::start());
    moto.ask("create_bucket", &json!({ "name": BUCKET }));
    let function = builder_of(&simulator, &moto, "run_hunting_query")
        .env("RESULTS_BUCKET", BUCKET)
        .start()
        .expect("bootstrap starts");
    let cut = || {
        let cut = simulator::Kind::CutBody {
            after_bytes: 12_000_000,
        };
        simulator::Fault::from(cut).path("/v1.0/")
    };
    simulator.inject(cut());
    let answer = function.invoke(hunt(20).to_string()).await.json();
    let key = answer["stored"]["key"].as_str().expect("a key");
    let text = moto.ask("text", &json!({ "bucket": BUCKET, "key": key }));
    let kept: Value = serde_json::from_str(text.as_str().expect("text")).expect("JSON");
    assert_eq!(kept["results"].as_array().map(Vec::len), Some(20_000));
    assert_eq!(kept["results"][19_999]["x"], 20_000);
    assert_eq!(moto.ask("uploads", &json!({ "bucket": BUCKET })), json!([]));

    simulator.inject(cut().times(0));
    let problem = function.invoke(hunt(20).to_string()).await.problem();
    assert_eq!(problem["code"], "UpstreamUnavailable");
    assert_eq!(moto.ask("uploads", &json!({ "bucket": BUCKET })), json!([]));
    let kept = moto.ask("objects", &json!({ "bucket": BUCKET }));
    assert_eq!(kept.as_object().map(serde_json::Map::len), Some(1));
}

#[tokio::test]
async fn a_list_is_stored_whole_whatever_its_length() {
    let (simulator, moto) = (Simulator::start(), Moto::start());
    moto.ask("create_bucket", &json!({ "name": BUCKET }));
    simulator.edit("harbourline.example", |tenant| {
        tenant.grow_incidents(2_000, |_, incident| {
            incident.summary = Some("s".repeat(5_000));
        });
    });
    let function = builder(&simulator, &moto)
        .env("RESULTS_BUCKET", BUCKET)
        .start()
        .expect("bootstrap starts");
    let input = r#"{"top": 2000, "maxAnswerBytes": 100000}"#;
    let answer = function.invoke(input).await.json();
    let peak = function.peak_memory_kib();
    let stored = &answer["stored"];
    println!(
        "{} bytes of items to S3: {peak} KiB at most",
        stored["bytes"]
    );
    assert_eq!(stored["rows"], 2_000);
    let text = moto.ask("text", &json!({ "bucket": BUCKET, "key": stored["key"] }));
    let kept: Value = serde_json::from_str(text.as_str().expect("text")).expect("JSON");
    assert_eq!(kept["items"].as_array().map(Vec::len), Some(2_000));
    assert!(kept["next"].is_string());
}

#[tokio::test]
async fn a_link_is_given_to_whoever_asks_for_one() {
    let (simulator, moto) = (Simulator::start(), Moto::start());
    moto.ask("create_bucket", &json!({ "name": BUCKET }));
    let function = builder(&simulator, &moto)
        .env("RESULTS_BUCKET", BUCKET)
        .env("RESULTS_RETENTION_DAYS", "7")
        .start()
        .expect("bootstrap starts");
    let without = function.invoke(r#"{"maxAnswerBytes": 0}"#).await.json();
    assert!(without["stored"].get("link").is_none(), "{without}");
    let input = r#"{"maxAnswerBytes": 0, "resultLink": true}"#;
    let answer = function.invoke(input).await.json();
    let stored = &answer["stored"];
    let link = stored["link"].as_str().expect("a link");
    for part in [
        "X-Amz-Expires=3600",
        "X-Amz-Security-Token=session-token",
        "X-Amz-Signature=",
    ] {
        assert!(link.contains(part), "{link}");
    }
    let behind = moto.ask("digest_of", &json!({ "uri": link }));
    let kept = moto.ask("digest", &json!({ "bucket": BUCKET, "key": stored["key"] }));
    assert_eq!(behind, kept);
    let same = moto.ask("is_presigned", &json!({ "link": link, "secret": SECRET }));
    assert_eq!(same, true, "{link}");
    let expires = stored["expires"].as_str().expect("an instant");
    assert!(expires.ends_with("T00:00:00Z"), "{expires}");
    // A secret of its own.
    assert!(!function.logs().contains("X-Amz-Signature"));
}

#[tokio::test]
async fn a_link_to_nowhere_is_refused() {
    let (simulator, moto) = (Simulator::start(), Moto::start());
    let function = builder(&simulator, &moto)
        .start()
        .expect("bootstrap starts");
    let problem = function.invoke(r#"{"resultLink": true}"#).await.problem();
    assert_eq!(problem["code"], "Misconfigured");
    assert!(problem["detail"].to_string().contains("RESULTS_BUCKET"));
}

#[tokio::test]
async fn the_answer_of_a_change_is_never_stored() {
    let (simulator, moto) = (Simulator::start(), Moto::start());
    let function = builder_of(&simulator, &moto, "comment_incident")
        .env("RESULTS_BUCKET", BUCKET)
        .start()
        .expect("bootstrap starts");
    let input = r#"{"id": "28281", "comment": "c", "maxAnswerBytes": 1}"#;
    let problem = function.invoke(input).await.problem();
    assert_eq!(problem["code"], "InvalidInput");
    assert!(simulator.requests().is_empty(), "something was sent");
    let input = r#"{"id": "28281", "comment": "c"}"#;
    function.invoke(input).await.json();
}

#[tokio::test]
async fn a_list_that_nobody_wants_stored_goes_on_where_it_ended() {
    let (simulator, moto) = (Simulator::start(), Moto::start());
    let whole = builder(&simulator, &moto)
        .start()
        .expect("bootstrap starts");
    let storing = builder(&simulator, &moto)
        .env("RESULTS_BUCKET", BUCKET)
        .start()
        .expect("bootstrap starts");
    let input = r#"{"top": 2}"#;
    let answer = storing.invoke(input).await.json();
    assert_eq!(answer, whole.invoke(input).await.json());
    assert!(answer["next"].is_string());
}

#[tokio::test]
async fn what_was_got_when_time_ran_out_is_stored_all_the_same() {
    let (simulator, moto) = (Simulator::start(), Moto::start());
    moto.ask("create_bucket", &json!({ "name": BUCKET }));
    let function = builder(&simulator, &moto)
        .env("RESULTS_BUCKET", BUCKET)
        .start()
        .expect("bootstrap starts");
    simulator.edit("harbourline.example", |tenant| {
        tenant.grow_incidents(200, |index, incident| {
            let created = format!("2026-11-01T00:{:02}:{:02}Z", index / 60, index % 60);
            incident.created_date_time = created;
        });
    });
    let next_page = simulator::Fault::from(simulator::Kind::Hang)
        .path("/v1.0/")
        .skip(1)
        .times(0);
    simulator.inject(next_page);
    let input = r#"{"top": 120, "maxSeconds": 6, "maxAnswerBytes": 0}"#;
    let answer = function.invoke(input).await.json();
    let key = answer["stored"]["key"].as_str().expect("a key");
    let text = moto.ask("text", &json!({ "bucket": BUCKET, "key": key }));
    let kept: Value = serde_json::from_str(text.as_str().expect("text")).expect("JSON");
    assert!(kept["next"].is_string(), "nothing was left to get");
}
