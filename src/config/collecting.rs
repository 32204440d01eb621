//! What is collected where to: the checkpoints, the sink, and where what it does not take goes.

use std::time::Duration;

use reqwest::Url;

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
        let queue = |url: String| self.queue(name, url.trim());
        self.get(name).map(queue).transpose()
    }

    fn sink(&self) -> Result<Option<Sink>> {
        let name = "SINK";
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let wrong = |takes: &str| {
            Err(misconfigured(
                name,
                format!("is {text:?}; it takes {takes}"),
            ))
        };
        let sink = match text.trim().split_once(':') {
            Some(("eventbridge", bus)) if is_bus(bus) => Sink::EventBridge {
                bus: bus.to_owned(),
                service: self.aws_service("events", "AWS_ENDPOINT_URL_EVENTBRIDGE")?,
            },
            Some(("eventbridge", _)) => {
                return wrong("`eventbridge:` and the name or ARN of an event bus");
            }
            Some(("sqs", url)) => Sink::Queue(self.queue(name, url)?),
            Some(("s3", place)) => {
                let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
                let prefix = prefix.trim_end_matches('/');
                if !is_prefix(prefix) {
                    return wrong(
                        "`s3:<bucket>/<prefix>`, with letters, digits, `-`, `_`, `.`, `=` and single slashes in the prefix",
                    );
                }
                Sink::Objects {
                    bucket: self.bucket_named(name, bucket.to_owned())?,
                    prefix: prefix.to_owned(),
                }
            }
            Some(("firehose", stream)) if is_name(stream, ".-_", 64) => Sink::Firehose {
                stream: stream.to_owned(),
                service: self.aws_service("firehose", "AWS_ENDPOINT_URL_FIREHOSE")?,
            },
            Some(("firehose", _)) => {
                return wrong("`firehose:` and the name of a delivery stream");
            }
            _ => {
                return wrong(
                    "`eventbridge:<bus>`, `sqs:<queue URL>`, `s3:<bucket>/<prefix>` or `firehose:<delivery stream>`",
                );
            }
        };
        Ok(Some(sink))
    }

    fn queue(&self, variable: &'static str, url: &str) -> Result<Queue> {
        if !is_queue_url(url) {
            let takes =
                "the URL of an SQS queue, `https://sqs.<region>.amazonaws.com/<account>/<name>`";
            return Err(misconfigured(
                variable,
                format!("names {url:?}; it takes {takes}"),
            ));
        }
        Ok(Queue {
            variable,
            url: url.to_owned(),
            service: self.aws_service("sqs", "AWS_ENDPOINT_URL_SQS")?,
        })
    }
}

/// Letters, digits and some other characters, so many at most.
fn is_name(text: &str, others: &str, longest: usize) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    (1..=longest).contains(&text.len()) && text.chars().all(fits)
}

/// A bus by its name, or by `arn:<partition>:events:<region>:<account>:event-bus/<name>`.
fn is_bus(text: &str) -> bool {
    let name = match text.split(':').collect::<Vec<_>>()[..] {
        [name] => name,
        ["arn", partition, "events", region, account, bus]
            if partition.starts_with("aws") && !region.is_empty() && is_account(account) =>
        {
            bus.strip_prefix("event-bus/").unwrap_or_default()
        }
        _ => return false,
    };
    // Partners' buses have slashes in their names.
    is_name(name, "/.-_", 256)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The URL of a queue only names it: requests go to the service's endpoint.
fn is_queue_url(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let path: Vec<_> = url.path().split('/').collect();
    let ["", account, queue] = path[..] else {
        return false;
    };
    let name = queue.strip_suffix(".fifo").unwrap_or(queue);
    let is_queue = is_account(account) && is_name(name, "-_", 80) && queue.len() <= 80;
    let is_plain = url.query().is_none() && url.fragment().is_none();
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    matches!(url.scheme(), "https" | "http") && is_queue && is_plain && is_anonymous
}

/// What can stand in a key as it is, in addresses and in signatures.
fn is_prefix(text: &str) -> bool {
    text.is_empty()
        || (is_name(text, "-_.=/", 512)
            && text.split('/').all(|part| !matches!(part, "" | "." | "..")))
}
