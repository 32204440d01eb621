//! Events that a sink refuses for good: the dead-letter queue, and what happens without one.

use serde_json::{Value, json};

use super::{
    DEAD, QUEUE, Stage, collect, counts, digest_of_id,
    stand_in::{Answer, Asked, StandIn, incident, outcomes, refused, taken},
};

const MALFORMED: (&str, &str) = ("MalformedDetail", "Detail is malformed.");

/// Refuses one incident for good.
fn refusing(bad: String) -> impl FnMut(usize, &Asked) -> Answer + Send + 'static {
    move |_, asked| {
        let refusal = |event: &Value| {
            (event["id"].is_string() && incident(event) == bad).then_some(MALFORMED)
        };
        Answer::Json(200, outcomes(asked, refusal))
    }
}

fn is_letter(asked: &Asked) -> bool {
    asked.target == "AmazonSQS.SendMessage"
}

#[tokio::test]
async fn what_is_refused_for_good_goes_to_the_dead_letter_queue_with_the_reason_and_the_stream_goes_on()
 {
    let stage = Stage::with(13);
    let ids = stage.ids();
    let stand_in = StandIn::start(refusing(ids[4].clone()));
    let builder = stage.builder_at(&stand_in, "eventbridge:defender");
    let answer = collect(builder.env("DEAD_LETTER_QUEUE", DEAD)).await.json();
    let expected = json!({ "delivered": 12, "deadLettered": 1, "complete": true, "problem": null });
    assert_eq!(counts(&answer), expected);
    let asked = stand_in.asked();
    let [first, letter, second] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert!(is_letter(letter));
    assert_eq!(
        (first.incidents(), second.incidents()),
        (ids[..10].to_vec(), ids[10..].to_vec())
    );
    let body = letter.events().remove(0);
    let reason = json!({ "sink": "eventbridge", "code": "MalformedDetail", "message": "Detail is malformed." });
    assert_eq!(
        body,
        json!({ "reason": reason, "event": first.events()[4] })
    );
    let fields: Vec<_> = letter.body.as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["MessageBody", "QueueUrl"]);
    assert_eq!(letter.body["QueueUrl"], DEAD);
}

#[tokio::test]
async fn a_dead_letter_queue_may_be_fifo() {
    let stage = Stage::with(1);
    let stand_in = StandIn::start(refusing(stage.ids()[0].clone()));
    let queue = format!("{DEAD}.fifo");
    let builder = stage.builder_at(&stand_in, "eventbridge:defender");
    collect(builder.env("DEAD_LETTER_QUEUE", queue))
        .await
        .json();
    let letter = stand_in.asked().remove(1);
    let digest = digest_of_id(&letter.events()[0]["event"]);
    let group = format!("{}/incidents", stage.tenant_id());
    assert_eq!(letter.body["MessageGroupId"], group);
    assert_eq!(letter.body["MessageDeduplicationId"], digest);
}

#[tokio::test]
async fn without_a_dead_letter_queue_the_stream_stops_there_until_there_is_one() {
    let stage = Stage::with(4);
    let ids = stage.ids();
    let stand_in = StandIn::start(refusing(ids[1].clone()));
    let builder = || stage.builder_at(&stand_in, "eventbridge:defender");
    let answer = collect(builder()).await.json();
    assert_eq!(answer["delivered"], 1);
    let problem = &answer["problem"];
    assert_eq!(problem["code"], "Misconfigured");
    let detail = problem["detail"].as_str().expect("text");
    assert!(
        detail.contains("DEAD_LETTER_QUEUE") && detail.contains("MalformedDetail"),
        "{detail}"
    );
    assert!(
        detail.contains(&format!("/incidents/{}/", ids[1])),
        "{detail}"
    );

    let next = builder()
        .env("DEAD_LETTER_QUEUE", DEAD)
        .start()
        .expect("bootstrap starts");
    let answer = next.invoke("{}").await.json();
    let expected = json!({ "delivered": 2, "deadLettered": 1, "complete": true, "problem": null });
    assert_eq!(counts(&answer), expected);
}

#[tokio::test]
async fn a_request_that_is_refused_for_one_of_its_entries_is_sent_entry_by_entry() {
    let stage = Stage::with(3);
    let ids = stage.ids();
    let bad = ids[1].clone();
    let stand_in = StandIn::start(move |_, asked| {
        match is_letter(asked) || !asked.incidents().contains(&bad) {
            true => taken(asked),
            false => refused(
                "InvalidMessageContents",
                "The message contains characters outside the allowed set.",
            ),
        }
    });
    let builder = stage.builder_at(&stand_in, &format!("sqs:{QUEUE}"));
    let answer = collect(builder.env("DEAD_LETTER_QUEUE", DEAD)).await.json();
    let expected = json!({ "delivered": 2, "deadLettered": 1, "complete": true, "problem": null });
    assert_eq!(counts(&answer), expected);
    let asked = stand_in.asked();
    let sent: Vec<_> = asked[..4].iter().map(Asked::incidents).collect();
    assert_eq!(sent, [&ids[..], &ids[..1], &ids[1..2], &ids[2..]]);
    let letter = asked[4].events().remove(0);
    assert_eq!(letter["reason"]["code"], "InvalidMessageContents");
    assert_eq!(incident(&letter["event"]), ids[1]);
}

#[tokio::test]
async fn what_is_said_of_every_entry_is_no_events_fault() {
    let stage = Stage::with(3);
    let stand_in =
        StandIn::start(|_, _| refused("ValidationException", "1 validation error detected"));
    let builder = stage.builder_at(&stand_in, "eventbridge:defender");
    let problem = collect(builder.env("DEAD_LETTER_QUEUE", DEAD))
        .await
        .problem();
    assert_eq!(problem["code"], "Misconfigured");
    assert_eq!(problem["upstream"]["code"], "ValidationException");
    let detail = problem["detail"].as_str().expect("text");
    assert!(detail.starts_with("The bus that SINK names"), "{detail}");
    let asked = stand_in.asked();
    assert!(
        asked.len() == 4 && !asked.iter().any(is_letter),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_dead_letter_queue_that_cannot_be_used_stops_the_stream_and_is_named() {
    let stage = Stage::with(2);
    let ids = stage.ids();
    let mut events = refusing(ids[1].clone());
    let stand_in = StandIn::start(move |number, asked| match is_letter(asked) {
        true => refused("QueueDoesNotExist", "The specified queue does not exist."),
        false => events(number, asked),
    });
    let builder = stage.builder_at(&stand_in, "eventbridge:defender");
    let answer = collect(builder.env("DEAD_LETTER_QUEUE", DEAD)).await.json();
    assert_eq!(answer["delivered"], 1);
    assert_eq!(
        answer["problem"]["detail"],
        "DEAD_LETTER_QUEUE names no queue in eu-west-1."
    );
}
