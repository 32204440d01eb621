//! What is collected where to: the checkpoints, the sink, and where what it does not take goes.

use std::time::Duration;

use super::{
    AwsService, Bucket, Table,
    environment::{Environment, misconfigured},
};
use crate::error::Result;

/// The settings of functions that collect.
#[derive(Debug)]
pub struct Collecting {
    /// `CHECKPOINT_TABLE`: how far each stream of each tenant was delivered.
    pub checkpoints: Option<Table>,
    /// `SINK`.
    pub sink: Option<Sink>,
    /// `FORMAT`.
    pub format: Format,
    /// `LOOKBACK_SECONDS`: how late an update may arrive and still be collected.
    pub look_back: Duration,
    /// `DEAD_LETTER_QUEUE`: where an item goes that the sink refuses for good.
    pub dead_letters: Option<Queue>,
    /// `PARKING_BUCKET`: where an item goes that is larger than the sink takes.
    pub parking: Option<Bucket>,
}

/// `FORMAT`: how an item is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As Microsoft sent it.
    Raw,
    /// As a finding of the Open Cybersecurity Schema Framework.
    Ocsf,
}

/// `SINK`: where events go.
#[derive(Debug)]
pub enum Sink {
    /// A bus in Amazon EventBridge, by its name or ARN.
    EventBridge { bus: String, service: AwsService },
    /// A queue in Amazon SQS.
    Queue(Queue),
    /// Objects in Amazon S3 under a prefix, which is empty or ends in no slash.
    Objects { bucket: Bucket, prefix: String },
    /// A stream of Amazon Data Firehose, by its name.
    Firehose { stream: String, service: AwsService },
}

/// A queue in Amazon SQS.
#[derive(Debug)]
pub struct Queue {
    /// The variable that names it.
    pub variable: &'static str,
    pub url: String,
    pub service: AwsService,
}

impl Queue {
    /// Whether it keeps the order, and drops what is sent again within five minutes.
    pub fn is_fifo(&self) -> bool {
        self.url.ends_with(".fifo")
    }
}

impl Environment<'_> {
    pub(super) fn collecting(&self) -> Result<Collecting> {
        Ok(Collecting {
            checkpoints: self.table("CHECKPOINT_TABLE")?,
            sink: self.sink()?,
            format: self.choice("FORMAT", &[("raw", Format::Raw), ("ocsf", Format::Ocsf)])?,
            look_back: self.look_back()?,
            dead_letters: self.dead_letters()?,
            parking: self.bucket("PARKING_BUCKET")?,
        })
    }

    fn look_back(&self) -> Result<Duration> {
        let name = "LOOKBACK_SECONDS";
        let text = self.get(name).unwrap_or_else(|| "900".to_owned());
        match text.trim().parse() {
            Ok(seconds @ 0..=86_400) => Ok(Duration::from_secs(seconds)),
            _ => Err(misconfigured(
                name,
                format!("is {text:?}; it takes seconds, 86400 at most"),
            )),
        }
    }

    fn dead_letters(&self) -> Result<Option<Queue>> {
        let name = "DEAD_LETTER_QUEUE";
        self.get(name)
            .map(|url| self.queue(name, url.trim()))
            .transpose()
    }

    fn sink(&self) -> Result<Option<Sink>> {
        let name = "SINK";
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let wrong = || {
            let takes = "`eventbridge:<bus>`, `sqs:<queue URL>`, `s3:<bucket>/<prefix>` or `firehose:<stream>`";
            misconfigured(name, format!("is {text:?}; it takes {takes}"))
        };
        let sink = match text.trim().split_once(':') {
            Some((_, "")) | None => return Err(wrong()),
            Some(("eventbridge", bus)) => Sink::EventBridge {
                bus: bus.to_owned(),
                service: self.aws_service("events", "AWS_ENDPOINT_URL_EVENTBRIDGE")?,
            },
            Some(("sqs", url)) => Sink::Queue(self.queue(name, url)?),
            Some(("s3", place)) => {
                let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
                Sink::Objects {
                    bucket: self.bucket_named(name, bucket.to_owned())?,
                    prefix: prefix.trim_end_matches('/').to_owned(),
                }
            }
            Some(("firehose", stream)) => Sink::Firehose {
                stream: stream.to_owned(),
                service: self.aws_service("firehose", "AWS_ENDPOINT_URL_FIREHOSE")?,
            },
            Some(_) => return Err(wrong()),
        };
        Ok(Some(sink))
    }

    fn queue(&self, variable: &'static str, url: &str) -> Result<Queue> {
        if !url.starts_with("https://") && !url.starts_with("http://") {
            let problem = format!("is {url:?}; it takes the URL of an SQS queue");
            return Err(misconfigured(variable, problem));
        }
        Ok(Queue {
            variable,
            url: url.to_owned(),
            service: self.aws_service("sqs", "AWS_ENDPOINT_URL_SQS")?,
        })
    }
}
