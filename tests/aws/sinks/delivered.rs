//! What arrives in each sink, when all goes well.

use serde_json::{Value, json};
use simulator::{Fault, Kind};

use super::{SINCE, Stage, all_delivered, collect, counts, digest_of_id, stand_in::incident};

/// Whether an event is the incident as Graph sends it, under its head.
fn check(stage: &Stage, event: &Value, id: &str) {
    let updated = event["updated"].as_str().expect("text");
    let tenant = stage.tenant_id();
    let minute = &updated[..16];
    let whole = json!({
        "id": format!("{tenant}/incidents/{id}/{minute}:00.0000000Z"),
        "stream": "incidents",
        "tenantId": tenant,
        "change": "created",
        "updated": updated,
        "item": event["item"],
    });
    assert_eq!(*event, whole);
    assert_eq!(event["item"]["id"], id);
    assert_eq!(event["item"]["lastUpdateDateTime"], updated);
}

#[tokio::test]
async fn a_bus_gets_an_event_of_our_source_for_each_update() {
    let stage = Stage::with(23);
    stage.moto.ask(
        "create_bus",
        &json!({ "name": "defender", "queue": "seen" }),
    );
    stage.moto.record();
    let answer = collect(stage.builder("eventbridge:defender")).await.json();
    assert_eq!(counts(&answer), all_delivered(23));
    let services = stage.moto.signed_services();
    let puts = services.iter().filter(|service| *service == "events");
    assert_eq!(puts.count(), 3, "ten entries a request");
    let mut events = messages(&stage, "seen");
    // A standard queue behind a rule has no order of its own.
    events.sort_by_key(|event| incident(&event["body"]["detail"]));
    assert_eq!(events.len(), 23);
    for (event, id) in events.iter().zip(stage.ids()) {
        let event = &event["body"];
        assert_eq!(event["source"], "defender.xdr");
        assert_eq!(event["detail-type"], "Incident");
        assert_eq!(event["resources"], json!([]));
        let minute = &event["detail"]["updated"].as_str().expect("text")[..16];
        assert_eq!(event["time"], format!("{minute}:00Z"));
        check(&stage, &event["detail"], &id);
    }
}

fn messages(stage: &Stage, queue: &str) -> Vec<Value> {
    let messages = stage.moto.ask("messages", &json!({ "name": queue }));
    serde_json::from_value(messages).expect("a list")
}

#[tokio::test]
async fn a_queue_gets_a_message_for_each_update() {
    let stage = Stage::with(12);
    let queue = json!({ "name": "defender" });
    let url = stage.moto.ask("create_queue", &queue);
    let sink = format!("sqs:{}", url.as_str().expect("a URL"));
    let answer = collect(stage.builder(&sink)).await.json();
    assert_eq!(counts(&answer), all_delivered(12));
    let mut messages = messages(&stage, "defender");
    messages.sort_by_key(|message| incident(&message["body"]));
    assert_eq!(messages.len(), 12);
    for (message, id) in messages.iter().zip(stage.ids()) {
        check(&stage, &message["body"], &id);
        assert_eq!(message["group"], Value::Null);
    }
}

#[tokio::test]
async fn in_ocsf_an_event_is_the_finding_itself_under_the_same_id() {
    let stage = Stage::with(1);
    let queue = json!({ "name": "findings" });
    let url = stage.moto.ask("create_queue", &queue);
    let sink = format!("sqs:{}", url.as_str().expect("a URL"));
    let answer = collect(stage.builder(&sink).env("FORMAT", "ocsf")).await;
    assert_eq!(counts(&answer.json()), all_delivered(1));
    let finding = &messages(&stage, "findings")[0]["body"];
    let (tenant, id) = (stage.tenant_id(), stage.ids().remove(0));
    let event = format!("{tenant}/incidents/{id}/2026-11-17T01:00:00.0000000Z");
    assert_eq!(finding["metadata"]["uid"], event);
    assert_eq!(finding["metadata"]["event_code"], "created");
    assert_eq!(finding["type_uid"], 200_501);
    assert_eq!(finding["finding_info_list"][0]["uid"], id);
    assert_eq!(finding["item"], json!(null));
}

#[tokio::test]
async fn a_fifo_queue_keeps_the_order_of_a_stream_and_drops_what_is_sent_again() {
    let stage = Stage::with(12);
    let url = stage
        .moto
        .ask("create_queue", &json!({ "name": "defender.fifo" }));
    let sink = format!("sqs:{}", url.as_str().expect("a URL"));
    let function = stage.builder(&sink).start().expect("bootstrap starts");
    // The second run is told to begin where the first did.
    for _ in 0..2 {
        let answer = function.invoke(SINCE).await.json();
        assert_eq!(counts(&answer), all_delivered(12));
    }
    let messages = messages(&stage, "defender.fifo");
    let ids: Vec<_> = messages
        .iter()
        .map(|message| incident(&message["body"]))
        .collect();
    assert_eq!(ids, stage.ids());
    let group = format!("{}/incidents", stage.tenant_id());
    for message in messages {
        let digest = digest_of_id(&message["body"]);
        assert_eq!(message["group"], group);
        assert_eq!(message["deduplication"], digest);
    }
}

#[tokio::test]
async fn a_bucket_gets_a_compressed_file_of_lines_for_each_batch_and_the_same_batch_replaces_it() {
    let stage = Stage::with(12);
    stage
        .moto
        .ask("create_bucket", &json!({ "name": "harbourline-lake" }));
    let builder = || stage.builder("s3:harbourline-lake/defender/v=1/");
    // A run that begins the stream and cannot read yet.
    let begun =
        || json!({ "table": super::TABLE, "key": format!("{}/incidents", stage.tenant_id()) });
    stage
        .simulator
        .inject(Fault::from(Kind::throttle(600)).path("/v1.0"));
    collect(builder()).await.problem();
    let row = stage.moto.ask("row", &begun());
    stage.moto.record();
    let again = builder().start().expect("bootstrap starts");
    let answer = again.invoke("{}").await.json();
    assert_eq!(counts(&answer), all_delivered(12));
    let services = stage.moto.signed_services();
    let puts = services.iter().filter(|service| *service == "s3");
    assert_eq!(puts.count(), 1, "{services:?}");
    let objects = || {
        stage
            .moto
            .ask("files", &json!({ "bucket": "harbourline-lake" }))
    };
    let first = objects();
    let tenant = stage.tenant_id();
    let keys: Vec<_> = first.as_object().expect("a map").keys().collect();
    let prefix = format!("defender/v=1/incidents/tenant={tenant}/day=2026-11-17/");
    let [key] = keys[..] else {
        panic!("one batch is one object: {keys:?}")
    };
    let name = key.strip_prefix(&prefix).expect("the layout");
    let sequence = name.strip_suffix(".ndjson.gz").expect("the layout");
    assert!(
        sequence.len() == 12 && sequence.bytes().all(|byte| byte.is_ascii_digit()),
        "{name}"
    );
    let file = &first[key];
    assert_eq!(file["type"], "application/gzip");
    assert_eq!(file["encoding"], Value::Null);
    let lines = file["lines"].as_array().expect("a list");
    assert_eq!(lines.len(), 12);
    for (line, id) in lines.iter().zip(stage.ids()) {
        check(&stage, line, &id);
    }

    // As after a run that was killed before its checkpoint was kept.
    let killed = json!({ "name": super::TABLE, "row": row });
    stage.moto.ask("put_back", &killed);
    let answer = again.invoke("{}").await.json();
    assert_eq!(counts(&answer), all_delivered(12));
    assert_eq!(objects(), first);
}

#[tokio::test]
async fn a_delivery_stream_gets_a_line_for_each_update() {
    let stage = Stage::with(12);
    stage
        .moto
        .ask("create_bucket", &json!({ "name": "harbourline-lake" }));
    stage.moto.ask(
        "create_delivery_stream",
        &json!({ "name": "defender", "bucket": "harbourline-lake" }),
    );
    let answer = collect(stage.builder("firehose:defender")).await.json();
    assert_eq!(counts(&answer), all_delivered(12));
    let objects = stage
        .moto
        .ask("objects", &json!({ "bucket": "harbourline-lake" }));
    let keys: Vec<_> = objects.as_object().expect("a map").keys().collect();
    let [key] = keys[..] else {
        panic!("one request is one object: {keys:?}")
    };
    let text = stage
        .moto
        .ask("text", &json!({ "bucket": "harbourline-lake", "key": key }));
    let lines: Vec<_> = text.as_str().expect("text").lines().collect();
    assert_eq!(lines.len(), 12);
    for (line, id) in lines.iter().zip(stage.ids()) {
        check(&stage, &serde_json::from_str(line).expect("JSON"), &id);
    }
}

#[tokio::test]
async fn a_place_that_is_not_there_is_named() {
    let stage = Stage::with(1);
    for (sink, detail) in [
        (
            "sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/missing",
            "SINK names no queue in eu-west-1.",
        ),
        ("eventbridge:missing", "SINK names no bus in eu-west-1."),
        (
            "firehose:missing",
            "SINK names no delivery stream in eu-west-1.",
        ),
        (
            "s3:missing",
            "SINK names no bucket in the function's region.",
        ),
    ] {
        let problem = collect(stage.builder(sink)).await.problem();
        assert_eq!(problem["code"], "Misconfigured", "{problem}");
        assert_eq!(problem["detail"], detail);
    }
}
