//! The table and the sinks in moto, and what the sinks hold in the end.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::wire::{self, Message};
use crate::moto::Moto;

const TABLE: &str = "checkpoints";
const NAME: &str = "soak";
const ACCOUNT: &str = "123456789012";

/// A kind of sink.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sink {
    Objects,
    Queue,
    Fifo,
    Bus,
    Firehose,
}

pub struct Cloud {
    moto: Moto,
    pub address: SocketAddr,
    sink: Sink,
}

impl Cloud {
    /// A moto with the table and one sink.
    pub fn start(sink: Sink) -> Self {
        let moto = Moto::start();
        let address = moto.origin().trim_start_matches("http://").parse();
        let cloud = Self {
            address: address.expect("moto has an address"),
            moto,
            sink,
        };
        let table = json!({
            "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }],
        });
        cloud.ask("dynamodb", "DynamoDB_20120810.CreateTable", &table);
        match sink {
            Sink::Objects => cloud.make_bucket(),
            Sink::Queue => cloud.make_queue(NAME, json!({})),
            Sink::Fifo => cloud.make_queue("soak.fifo", json!({ "FifoQueue": "true" })),
            Sink::Bus => {
                cloud.make_queue(NAME, json!({}));
                cloud.ask(
                    "events",
                    "AWSEvents.CreateEventBus",
                    &json!({ "Name": NAME }),
                );
                let pattern = json!({ "source": ["defender.xdr"] }).to_string();
                let rule = json!({ "Name": NAME, "EventBusName": NAME, "EventPattern": pattern });
                cloud.ask("events", "AWSEvents.PutRule", &rule);
                let queue = format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:{NAME}");
                let targets = json!({ "Rule": NAME, "EventBusName": NAME, "Targets": [{ "Id": "queue", "Arn": queue }] });
                cloud.ask("events", "AWSEvents.PutTargets", &targets);
            }
            Sink::Firehose => {
                cloud.make_bucket();
                let destination = json!({
                    "BucketARN": format!("arn:aws:s3:::{NAME}"),
                    "RoleARN": format!("arn:aws:iam::{ACCOUNT}:role/delivery"),
                });
                let stream = json!({ "DeliveryStreamName": NAME, "ExtendedS3DestinationConfiguration": destination });
                cloud.ask(
                    "firehose",
                    "Firehose_20150804.CreateDeliveryStream",
                    &stream,
                );
            }
        }
        cloud
    }

    pub fn origin(&self) -> &str {
        self.moto.origin()
    }

    /// The variables of a function that reaches AWS there.
    pub fn environment(&self, origin: &str) -> Vec<(String, String)> {
        let sink = match self.sink {
            Sink::Objects => format!("s3:{NAME}/findings"),
            Sink::Queue => format!("sqs:{}", self.queue(NAME)),
            Sink::Fifo => format!("sqs:{}", self.queue("soak.fifo")),
            Sink::Bus => format!("eventbridge:{NAME}"),
            Sink::Firehose => format!("firehose:{NAME}"),
        };
        let own = [
            ("CHECKPOINT_TABLE", TABLE),
            ("SINK", &sink),
            ("AWS_ENDPOINT_URL", origin),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut variables = self.moto.environment("DYNAMODB");
        variables.retain(|(name, _)| !name.starts_with("AWS_ENDPOINT_URL"));
        variables.extend(own);
        variables
    }

    /// Every event that the sink holds, as often as it holds it.
    pub fn events(&self) -> Vec<String> {
        match self.sink {
            Sink::Objects | Sink::Firehose => self.objects(),
            Sink::Queue => self.messages(NAME),
            Sink::Fifo => self.messages("soak.fifo"),
            Sink::Bus => {
                let detail = |message: String| {
                    let message: Value =
                        serde_json::from_str(&message).expect("an event of the bus");
                    message["detail"].to_string()
                };
                self.messages(NAME).into_iter().map(detail).collect()
            }
        }
    }

    fn make_bucket(&self) {
        let place = "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
        self.object("PUT", "/soak", place);
    }

    fn make_queue(&self, name: &str, attributes: Value) {
        let queue = json!({ "QueueName": name, "Attributes": attributes });
        self.ask("sqs", "AmazonSQS.CreateQueue", &queue);
    }

    fn queue(&self, name: &str) -> String {
        format!("http://{}/{ACCOUNT}/{name}", self.address)
    }

    fn objects(&self) -> Vec<String> {
        let mut events = Vec::new();
        let mut last = String::new();
        loop {
            let listing = self.object("GET", &format!("/soak?list-type=2&start-after={last}"), "");
            let listing = String::from_utf8(listing).expect("XML");
            let keys: Vec<&str> = listing
                .split("<Key>")
                .skip(1)
                .filter_map(|rest| Some(rest.split_once("</Key>")?.0))
                .collect();
            match keys.last() {
                Some(key) => last = (*key).to_owned(),
                None => return events,
            }
            for key in keys {
                events.extend(wire::lines(&self.object(
                    "GET",
                    &format!("/soak/{key}"),
                    "",
                )));
            }
        }
    }

    fn messages(&self, queue: &str) -> Vec<String> {
        let url = self.queue(queue);
        let mut events = Vec::new();
        loop {
            let ten = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0 });
            let received = self.ask("sqs", "AmazonSQS.ReceiveMessage", &ten);
            let Some(messages) = received["Messages"]
                .as_array()
                .filter(|some| !some.is_empty())
            else {
                return events;
            };
            let mut entries = Vec::new();
            for (index, message) in messages.iter().enumerate() {
                events.push(message["Body"].as_str().expect("a body").to_owned());
                entries.push(
                    json!({ "Id": index.to_string(), "ReceiptHandle": message["ReceiptHandle"] }),
                );
            }
            let done = json!({ "QueueUrl": url, "Entries": entries });
            self.ask("sqs", "AmazonSQS.DeleteMessageBatch", &done);
        }
    }

    fn object(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let answer = self.send(&format!("{method} {path} HTTP/1.0"), "s3", &[], body);
        assert!(answer.is_ok(), "{method} {path}: {answer:?}");
        answer.body
    }

    fn ask(&self, service: &str, target: &str, body: &Value) -> Value {
        let headers = [
            ("x-amz-target", target),
            ("content-type", "application/x-amz-json-1.0"),
        ];
        let answer = self.send("POST / HTTP/1.0", service, &headers, &body.to_string());
        assert!(answer.is_ok(), "{target}: {}", answer.json());
        answer.json()
    }

    fn send(&self, start: &str, service: &str, headers: &[(&str, &str)], body: &str) -> Message {
        let host = self.address.to_string();
        // moto tells services apart by what is signed for, and does not look at the signature.
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        let mut all = vec![("host", host.as_str()), ("authorization", &scope)];
        all.extend(headers);
        let request = Message::new(start, &all, body);
        wire::exchange(self.address, &request).expect("moto answers")
    }
}
