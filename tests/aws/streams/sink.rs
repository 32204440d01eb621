//! Where the template has the streams go, and what their role may write to.

use serde_json::{Value, json};

use crate::unrolled::{Parameters, Template};

/// (chosen, `SINK`, what the role may do there, on what).
type Choice<'a> = (Parameters<'a>, &'a str, &'a str, Value);

#[test]
fn what_is_collected_goes_to_the_chosen_sink_and_the_role_writes_to_no_other() {
    let get = |id: &str| json!({ "Fn::GetAtt": [id, "Arn"] });
    let choices: [Choice<'_>; 8] = [
        (
            &[],
            "eventbridge:${CollectedBus}",
            "events:PutEvents",
            get("CollectedBus"),
        ),
        (
            &[("Sink", "sqs")],
            "sqs:${CollectedQueue}",
            "sqs:SendMessage",
            get("CollectedQueue"),
        ),
        (
            &[("Sink", "sqs-fifo")],
            "sqs:${CollectedQueue}",
            "sqs:SendMessage",
            get("CollectedQueue"),
        ),
        (
            &[("Sink", "s3")],
            "s3:${CollectedBucket}/collected",
            "s3:PutObject",
            json!("${CollectedBucket.Arn}/collected/*"),
        ),
        (
            &[
                (
                    "SinkName",
                    "arn:aws:events:eu-west-1:444455556666:event-bus/security",
                ),
                (
                    "SinkArn",
                    "arn:aws:events:eu-west-1:444455556666:event-bus/security",
                ),
            ],
            "eventbridge:arn:aws:events:eu-west-1:444455556666:event-bus/security",
            "events:PutEvents",
            json!("arn:aws:events:eu-west-1:444455556666:event-bus/security"),
        ),
        (
            &[
                ("Sink", "sqs-fifo"),
                (
                    "SinkName",
                    "https://sqs.eu-west-1.amazonaws.com/111122223333/soc.fifo",
                ),
                ("SinkArn", "arn:aws:sqs:eu-west-1:111122223333:soc.fifo"),
            ],
            "sqs:https://sqs.eu-west-1.amazonaws.com/111122223333/soc.fifo",
            "sqs:SendMessage",
            json!("arn:aws:sqs:eu-west-1:111122223333:soc.fifo"),
        ),
        (
            &[
                ("Sink", "s3"),
                ("SinkName", "lake/defender"),
                ("SinkArn", "arn:aws:s3:::lake/defender"),
            ],
            "s3:lake/defender",
            "s3:PutObject",
            json!("arn:aws:s3:::lake/defender/*"),
        ),
        (
            &[
                ("Sink", "firehose"),
                ("SinkName", "findings"),
                (
                    "SinkArn",
                    "arn:aws:firehose:eu-west-1:111122223333:deliverystream/findings",
                ),
            ],
            "firehose:findings",
            "firehose:PutRecordBatch",
            json!("arn:aws:firehose:eu-west-1:111122223333:deliverystream/findings"),
        ),
    ];
    for (chosen, sink, action, resource) in choices {
        let template = Template::with(chosen);
        assert_eq!(template.environment("CollectAlerts")["SINK"], sink);
        let writes = ["events:", "sqs:", "s3:", "firehose:"];
        let mut allowed = template.allowed("CollectingRole");
        allowed.retain(|(action, _)| writes.iter().any(|service| action.starts_with(service)));
        let mut expected = vec![(action.to_owned(), resource)];
        // A bucket takes items of any size.
        let parks = !sink.starts_with("s3:");
        if parks {
            let parked = json!("${CollectedBucket.Arn}/*");
            expected.push(("s3:PutObject".to_owned(), parked));
        }
        expected.push(("sqs:SendMessage".to_owned(), get("CollectingDeadLetters")));
        assert_eq!(allowed, expected, "{sink}");
        let parking = template
            .environment("CollectAlerts")
            .contains_key("PARKING_BUCKET");
        assert_eq!(parking, parks, "{sink}");
    }
}

#[test]
fn a_queue_in_order_is_a_fifo_queue() {
    let template = Template::with(&[("Sink", "sqs-fifo")]);
    let queue = template.properties("CollectedQueue");
    assert_eq!(queue["FifoQueue"], true);
    let template = Template::with(&[("Sink", "sqs")]);
    let queue = template.properties("CollectedQueue");
    assert!(
        queue.get("FifoQueue").is_none_or(|fifo| fifo.is_null()),
        "{queue}"
    );
}
