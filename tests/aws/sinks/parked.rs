//! Events that are larger than the sink takes.

use serde_json::{Value, json};

use super::{
    DEAD, PARKING, QUEUE, Stage, all_delivered, collect, counts, digest_of_id,
    stand_in::{Answer, Asked, StandIn, incident, outcomes, taken},
};

const MEBIBYTE: usize = 1024 * 1024;

/// The event that a pointer points to, and whether the pointer is right about it.
fn parked(stage: &Stage, pointer: &Value) -> Value {
    let parked = &pointer["parked"];
    let digest = digest_of_id(pointer);
    let key = format!("{}/incidents/{}.json", stage.tenant_id(), digest);
    let place = json!({ "bucket": PARKING, "key": key });
    let text = stage.moto.ask("text", &place);
    let text = text.as_str().expect("text");
    assert_eq!(
        *parked,
        json!({ "bucket": PARKING, "key": key, "bytes": text.len() })
    );
    let event: Value = serde_json::from_str(text).expect("JSON");
    let mut whole = pointer.clone();
    let fields = whole.as_object_mut().expect("an object");
    fields.remove("parked");
    fields.insert("item".to_owned(), event["item"].clone());
    assert_eq!(whole, event);
    event
}

#[tokio::test]
async fn what_is_too_large_for_the_sink_is_parked_and_pointed_to_in_its_place() {
    let stage = Stage::with(3);
    stage.moto.ask("create_bucket", &json!({ "name": PARKING }));
    for (sink, largest) in [
        ("eventbridge:defender".to_owned(), 1_000_000),
        ("firehose:defender".to_owned(), 1_024_000),
        (format!("sqs:{QUEUE}"), MEBIBYTE),
    ] {
        stage.enlarge(1, largest);
        let stand_in = StandIn::start(|_, asked| taken(asked));
        let builder = || {
            stage
                .builder_at(&stand_in, &sink)
                .env("PARKING_BUCKET", PARKING)
        };
        let answer = collect(builder()).await.json();
        assert_eq!(counts(&answer), all_delivered(3), "{sink}");
        let sent: Vec<_> = stand_in.asked().iter().flat_map(Asked::events).collect();
        let ids: Vec<_> = sent.iter().map(incident).collect();
        assert_eq!(ids, stage.ids());
        let event = parked(&stage, &sent[1]);
        assert_eq!(
            event["item"]["displayName"].as_str().map(str::len),
            Some(largest)
        );
        // The same event again is the same object.
        collect(builder()).await.json();
        let objects = stage.moto.ask("objects", &json!({ "bucket": PARKING }));
        assert_eq!(objects.as_object().map(serde_json::Map::len), Some(1));
    }
}

#[tokio::test]
async fn a_pointer_has_the_head_of_its_event_whatever_the_format() {
    let stage = Stage::with(1);
    stage.enlarge(0, MEBIBYTE);
    stage.moto.ask("create_bucket", &json!({ "name": PARKING }));
    let stand_in = StandIn::start(|_, asked| taken(asked));
    let builder = stage.builder_at(&stand_in, &format!("sqs:{QUEUE}"));
    let ocsf = builder.env("PARKING_BUCKET", PARKING).env("FORMAT", "ocsf");
    let answer = collect(ocsf).await.json();
    assert_eq!(counts(&answer), all_delivered(1));
    let pointer = stand_in.asked()[0].events().remove(0);
    let fields: Vec<_> = pointer.as_object().expect("an object").keys().collect();
    assert_eq!(
        fields,
        ["change", "id", "parked", "stream", "tenantId", "updated"]
    );
    let objects = stage.moto.ask("objects", &json!({ "bucket": PARKING }));
    let key = pointer["parked"]["key"].as_str().expect("a key");
    assert_eq!(objects[key]["bytes"], pointer["parked"]["bytes"]);
}

#[tokio::test]
async fn what_just_fits_is_sent_and_requests_are_as_large_as_the_sink_takes() {
    let stage = Stage::with(4);
    for index in 0..4 {
        stage.enlarge(index, 400_000);
    }
    let stand_in = StandIn::start(|_, asked| taken(asked));
    let answer = collect(stage.builder_at(&stand_in, &format!("sqs:{QUEUE}")))
        .await
        .json();
    assert_eq!(counts(&answer), all_delivered(4));
    let ids = stage.ids();
    assert_eq!(stand_in.incidents(), [&ids[..2], &ids[2..]]);
}

#[tokio::test]
async fn a_queue_that_takes_less_than_sqs_does_gets_pointers_too() {
    let stage = Stage::with(2);
    stage.enlarge(0, 300_000);
    stage.moto.ask("create_bucket", &json!({ "name": PARKING }));
    let stand_in = StandIn::start(|_, asked| {
        let words = "One or more parameters are invalid. Reason: Message must be shorter than 262144 bytes.";
        let refusal = |event: &Value| {
            (event.to_string().len() > 262_144).then_some(("InvalidParameterValue", words))
        };
        Answer::Json(200, outcomes(asked, refusal))
    });
    let builder = stage.builder_at(&stand_in, &format!("sqs:{QUEUE}"));
    let answer = collect(builder.env("PARKING_BUCKET", PARKING)).await.json();
    assert_eq!(counts(&answer), all_delivered(2));
    let ids = stage.ids();
    assert_eq!(stand_in.incidents(), [&ids[..], &ids[..1]]);
    parked(&stage, &stand_in.asked()[1].events()[0]);
}

#[tokio::test]
async fn without_a_parking_bucket_the_dead_letter_queue_gets_what_fits() {
    let stage = Stage::with(3);
    stage.enlarge(0, MEBIBYTE - 20_000);
    stage.enlarge(1, 2 * MEBIBYTE);
    let stand_in = StandIn::start(|_, asked| taken(asked));
    let builder = stage.builder_at(&stand_in, "eventbridge:defender");
    let answer = collect(builder.env("DEAD_LETTER_QUEUE", DEAD)).await.json();
    let expected = json!({ "delivered": 1, "deadLettered": 2, "complete": true, "problem": null });
    assert_eq!(counts(&answer), expected);
    let asked = stand_in.asked();
    let [fits, larger, _] = &asked[..] else {
        panic!("{} requests", asked.len())
    };
    let (fits, larger) = (fits.events().remove(0), larger.events().remove(0));
    assert_eq!(fits["reason"]["code"], "TooLarge");
    assert!(fits["event"]["item"].is_object());
    let bytes = larger["event"]["omitted"]["bytes"]
        .as_u64()
        .expect("a number");
    assert!(bytes > 2 * MEBIBYTE as u64, "{bytes}");
    assert!(larger["event"]["item"].is_null());
    assert_eq!(incident(&larger["event"]), stage.ids()[1]);
}

#[tokio::test]
async fn with_neither_the_stream_stops_before_it_and_says_what_to_set() {
    let stage = Stage::with(3);
    stage.enlarge(1, MEBIBYTE);
    let stand_in = StandIn::start(|_, asked| taken(asked));
    let builder = stage.builder_at(&stand_in, &format!("sqs:{QUEUE}"));
    let answer = collect(builder).await.json();
    assert_eq!(
        (&answer["delivered"], &answer["complete"]),
        (&json!(1), &json!(false))
    );
    let problem = &answer["problem"];
    assert_eq!(problem["code"], "TooLarge");
    let detail = problem["detail"].as_str().expect("text");
    assert!(
        detail.contains("PARKING_BUCKET") && detail.contains("DEAD_LETTER_QUEUE"),
        "{detail}"
    );
    let stage_ids = stage.ids();
    assert_eq!(stand_in.incidents(), [&stage_ids[..1]]);
}
