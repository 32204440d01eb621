//! Failures of a sink that pass: what is offered again, and what is not lost meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    DEAD, QUEUE, Stage, all_delivered, collect, counts,
    stand_in::{Answer, StandIn, incident, outcomes, refused, taken},
};

const SINKS: [(&str, &str); 3] = [
    ("eventbridge:defender", "ThrottlingException"),
    ("firehose:defender", "ServiceUnavailableException"),
    ("sqs", "InternalError"),
];

/// The sink's setting; a queue's is longer.
fn setting(sink: &str) -> String {
    match sink {
        "sqs" => format!("sqs:{QUEUE}"),
        sink => sink.to_owned(),
    }
}

#[tokio::test]
async fn entries_that_fail_for_a_while_are_offered_again_and_the_others_are_not() {
    let stage = Stage::with(4);
    for (sink, code) in SINKS {
        let ids = stage.ids();
        let failing = [ids[1].clone(), ids[2].clone()];
        let stand_in = StandIn::start(move |number, asked| match number {
            0 | 1 => {
                let fails = |event: &Value| failing[number..].contains(&incident(event));
                Answer::Json(
                    200,
                    outcomes(asked, |event| fails(event).then_some((code, "Slow down"))),
                )
            }
            _ => taken(asked),
        });
        let answer = collect(stage.builder_at(&stand_in, &setting(sink)))
            .await
            .json();
        assert_eq!(counts(&answer), all_delivered(4), "{sink}");
        assert_eq!(
            stand_in.incidents(),
            [&ids[..], &ids[1..3], &ids[2..3]],
            "{sink}"
        );
    }
}

#[tokio::test]
async fn a_request_that_is_throttled_or_unanswered_is_sent_again_whole() {
    let stage = Stage::with(3);
    let stand_in = StandIn::start(|number, asked| match number {
        0 => refused(
            "RequestThrottled",
            "The request was denied due to request throttling.",
        ),
        1 => Answer::Lost,
        2 => Answer::Json(503, json!({})),
        _ => taken(asked),
    });
    let sink = format!("sqs:{QUEUE}.fifo");
    let answer = collect(stage.builder_at(&stand_in, &sink)).await.json();
    assert_eq!(counts(&answer), all_delivered(3));
    let asked = stand_in.asked();
    assert_eq!(asked.len(), 4);
    assert!(
        asked.iter().all(|request| request.body == asked[0].body),
        "{asked:?}"
    );
    assert_eq!(asked[0].body["QueueUrl"], format!("{QUEUE}.fifo"));
}

#[tokio::test]
async fn in_a_fifo_queue_nothing_is_sent_before_what_failed_is_settled() {
    let stage = Stage::with(12);
    let ids = stage.ids();
    let failing = ids[9].clone();
    let stand_in = StandIn::start(move |number, asked| {
        let fails = |event: &Value| number < 2 && incident(event) == failing;
        Answer::Json(
            200,
            outcomes(asked, |event| {
                fails(event).then_some(("InternalError", "Again"))
            }),
        )
    });
    let sink = format!("sqs:{QUEUE}.fifo");
    let answer = collect(stage.builder_at(&stand_in, &sink)).await.json();
    assert_eq!(counts(&answer), all_delivered(12));
    assert_eq!(
        stand_in.incidents(),
        [&ids[..10], &ids[9..10], &ids[9..10], &ids[10..]]
    );
}

#[tokio::test]
async fn a_sink_that_takes_nothing_more_stops_the_stream_in_time_and_the_next_run_goes_on_there() {
    let stage = Stage::with(12);
    let ids = stage.ids();
    let first = ids[..10].to_vec();
    let recovered = Arc::new(AtomicBool::new(false));
    let has_recovered = Arc::clone(&recovered);
    let stand_in = StandIn::start(move |_, asked| {
        let taken = |event: &Value| {
            has_recovered.load(Ordering::Relaxed) || first.contains(&incident(event))
        };
        let refusal =
            |event: &Value| (!taken(event)).then_some(("ThrottlingException", "Rate exceeded"));
        Answer::Json(200, outcomes(asked, refusal))
    });
    let builder = || stage.builder_at(&stand_in, "eventbridge:defender");
    let answer = collect(builder().timeout(Duration::from_secs(6)))
        .await
        .json();
    let stopped =
        json!({ "delivered": 10, "deadLettered": null, "complete": false, "problem": "Throttled" });
    assert_eq!(counts(&answer), stopped);
    recovered.store(true, Ordering::Relaxed);
    let next = builder().start().expect("bootstrap starts");
    // Without `since`.
    let answer = next.invoke("{}").await.json();
    assert_eq!(counts(&answer), all_delivered(2));
    let sent = stand_in.incidents();
    assert_eq!(sent.last().expect("requests"), &ids[10..]);
}

#[tokio::test]
async fn what_the_role_may_not_do_stops_the_stream_and_makes_no_dead_letters() {
    let entry = |event: &Value| {
        Some(event).map(|_| {
            (
                "AccessDeniedException",
                "User: arn:aws:sts::1:x is not authorized",
            )
        })
    };
    let stage = Stage::with(3);
    for (sink, action) in [
        (
            "eventbridge:defender",
            "bus that SINK names. Allow it events:PutEvents there.",
        ),
        (
            "sqs",
            "queue that SINK names. Allow it sqs:SendMessage there.",
        ),
    ] {
        for whole in [true, false] {
            let stand_in = StandIn::start(move |_, asked| match whole {
                true => refused(
                    "AccessDeniedException",
                    "User: arn:aws:sts::1:x is not authorized",
                ),
                false => Answer::Json(200, outcomes(asked, entry)),
            });
            let builder = stage.builder_at(&stand_in, &setting(sink));
            let problem = collect(builder.env("DEAD_LETTER_QUEUE", DEAD))
                .await
                .problem();
            assert_eq!(problem["code"], "Misconfigured");
            assert_eq!(
                problem["detail"],
                format!("The function's role may not send to the {action}")
            );
            assert_eq!(stand_in.asked().len(), 1);
        }
    }
}
