//! What the variables of functions that collect take.

use std::time::Duration;

use super::{IN_AWS, read, refusal};
use crate::{
    config::{Config, Format, Sink},
    error::Result,
};

const QUEUE: &str = "https://sqs.eu-north-1.amazonaws.com/111122223333/defender";

#[test]
fn what_collects_has_defaults_and_no_sink() {
    let collecting = read(&[]).unwrap().collecting;
    assert!(collecting.sink.is_none() && collecting.dead_letters.is_none());
    assert!(collecting.checkpoints.is_none() && collecting.parking.is_none());
    assert_eq!(collecting.format, Format::Raw);
    assert_eq!(collecting.look_back, Duration::from_secs(900));
}

fn with_aws<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    // Without the word that there is no secret.
    [&IN_AWS[1..], changes].concat()
}

fn read_in_aws(changes: &[(&str, &str)]) -> Result<Config> {
    read(&with_aws(changes))
}

fn sink(text: &str) -> Sink {
    let collecting = read_in_aws(&[("SINK", text)]).unwrap().collecting;
    collecting.sink.expect("it was set")
}

#[test]
fn a_bus_is_named_or_has_an_arn() {
    let arn = "arn:aws:events:eu-north-1:111122223333:event-bus/defender";
    for bus in ["default", "defender.xdr_1-a", arn] {
        let Sink::EventBridge { bus: read, service } = sink(&format!(" eventbridge:{bus} ")) else {
            panic!("another sink")
        };
        let endpoint = service.endpoint.as_str();
        assert_eq!(read, bus);
        assert_eq!(endpoint, "https://events.eu-north-1.amazonaws.com/");
    }
}

#[test]
fn a_queue_is_named_by_its_url_which_is_not_where_requests_go() {
    let fifo = format!("{QUEUE}.fifo");
    let local = "http://127.0.0.1:4566/000000000000/defender";
    for (url, is_fifo) in [(QUEUE, false), (&fifo, true), (local, false)] {
        let variables = [("SINK", &*format!("sqs:{url}")), ("DEAD_LETTER_QUEUE", url)];
        let collecting = read_in_aws(&variables).unwrap().collecting;
        let Some(Sink::Queue(sink)) = collecting.sink else {
            panic!("another sink")
        };
        let dead_letters = collecting.dead_letters.expect("it was set");
        for (queue, variable) in [(sink, "SINK"), (dead_letters, "DEAD_LETTER_QUEUE")] {
            let endpoint = queue.service.endpoint.as_str();
            assert_eq!((queue.url.as_str(), queue.variable), (url, variable));
            assert_eq!(queue.is_fifo(), is_fifo);
            assert_eq!(endpoint, "https://sqs.eu-north-1.amazonaws.com/");
        }
    }
}

#[test]
fn objects_have_a_bucket_and_perhaps_a_prefix() {
    for (text, prefix) in [
        ("s3:harbourline-lake", ""),
        ("s3:harbourline-lake/", ""),
        ("s3:harbourline-lake/defender/v=1/", "defender/v=1"),
    ] {
        let Sink::Objects {
            bucket,
            prefix: read,
        } = sink(text)
        else {
            panic!("another sink")
        };
        assert_eq!(
            (bucket.name.as_str(), bucket.variable),
            ("harbourline-lake", "SINK")
        );
        assert_eq!(read, prefix, "{text}");
    }
}

#[test]
fn a_delivery_stream_is_named() {
    let Sink::Firehose { stream, service } = sink("firehose:defender-xdr.raw_1") else {
        panic!("another sink")
    };
    let endpoint = service.endpoint.as_str();
    assert_eq!(stream, "defender-xdr.raw_1");
    assert_eq!(endpoint, "https://firehose.eu-north-1.amazonaws.com/");
}

#[test]
fn what_collects_takes_nothing_else() {
    for (name, values) in [
        (
            "SINK",
            &[
                "kafka:topic",
                "eventbridge",
                "eventbridge:",
                "eventbridge:a bus",
                "eventbridge:arn:aws:events:eu-north-1:111122223333:rule/defender",
                "eventbridge:arn:aws:events:eu-north-1:1111:event-bus/defender",
                "sqs:",
                "sqs:defender",
                "sqs:arn:aws:sqs:eu-north-1:111122223333:defender",
                "sqs:https://sqs.eu-north-1.amazonaws.com/defender",
                "sqs:https://sqs.eu-north-1.amazonaws.com/111122223333/a/b",
                "sqs:https://sqs.eu-north-1.amazonaws.com/111122223333/a?b",
                "s3:",
                "s3:/incidents",
                "s3:Harbourline",
                "s3:harbourline-lake//incidents",
                "s3:harbourline-lake/../incidents",
                "s3:harbourline-lake/a b",
                "s3:harbourline-lake/50%25",
                "firehose:",
                "firehose:a/b",
            ][..],
        ),
        (
            "DEAD_LETTER_QUEUE",
            &["defender", "sqs:x", "ftp://a/111122223333/b"],
        ),
        ("LOOKBACK_SECONDS", &["-1", "86401", "15m", "1.5"]),
        ("FORMAT", &["json", "OCSF", "ecs"]),
        ("PARKING_BUCKET", &["Harbourline", "a", "a/b"]),
    ] {
        for value in values {
            let refusal = refusal(&with_aws(&[(name, value)]));
            let says = refusal.starts_with(name) && refusal.contains("it takes");
            assert!(says, "{value}: {refusal}");
        }
    }
    for (seconds, length) in [("0", 0), (" 86400 ", 86_400)] {
        let config = read(&[("LOOKBACK_SECONDS", seconds)]).unwrap();
        assert_eq!(config.collecting.look_back, Duration::from_secs(length));
    }
    for (word, format) in [("raw", Format::Raw), ("ocsf", Format::Ocsf)] {
        let config = read(&[("FORMAT", word)]).unwrap();
        assert_eq!(config.collecting.format, format);
    }
}
