//! A stand-in for AWS on a socket, for the failures that moto does not have: it answers as a test tells it, and keeps what it was sent.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `AWSEvents.PutEvents` and the like.
    pub target: String,
    pub body: Value,
}

/// What is answered.
pub enum Answer {
    Json(u16, Value),
    /// Nothing: the connection is closed.
    Lost,
}

/// What takes every entry.
pub fn taken(asked: &Asked) -> Answer {
    Answer::Json(200, outcomes(asked, |_| None))
}

/// The documented answer to a request of which `refusal` tells the entries that fail, each by a code and a message.
pub fn outcomes(
    asked: &Asked,
    refusal: impl Fn(&Value) -> Option<(&'static str, &'static str)>,
) -> Value {
    let refused: Vec<_> = asked.events().iter().map(refusal).collect();
    let failed = refused.iter().flatten().count();
    let entries = |taken: &str| -> Vec<Value> {
        let entry = |refused: &Option<_>| match refused {
            Some((code, message)) => json!({ "ErrorCode": code, "ErrorMessage": message }),
            None => json!({ taken: "11710aed-b79e-4468-a20b-bb3c0c3b4860" }),
        };
        refused.iter().map(entry).collect()
    };
    match asked.target.as_str() {
        "AWSEvents.PutEvents" => {
            json!({ "FailedEntryCount": failed, "Entries": entries("EventId") })
        }
        "Firehose_20150804.PutRecordBatch" => {
            json!({ "FailedPutCount": failed, "Encrypted": false, "RequestResponses": entries("RecordId") })
        }
        "AmazonSQS.SendMessage" => json!({ "MessageId": "m", "MD5OfMessageBody": "d" }),
        _ => {
            let (mut successful, mut failed) = (Vec::new(), Vec::new());
            for (index, refused) in refused.iter().enumerate() {
                let id = asked.body["Entries"][index]["Id"].clone();
                match refused {
                    None => successful.push(json!({ "Id": id, "MessageId": "m", "MD5OfMessageBody": "d" })),
                    Some((code, message)) => failed.push(json!({
                        "Id": id, "Code": code, "Message": message, "SenderFault": *code != "InternalError",
                    })),
                }
            }
            json!({ "Successful": successful, "Failed": failed })
        }
    }
}

/// A refusal of a whole request, as AWS's JSON protocols have it.
pub fn refused(code: &str, message: &str) -> Answer {
    Answer::Json(
        400,
        json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": message }),
    )
}

impl Asked {
    /// What was sent, entry by entry.
    pub fn events(&self) -> Vec<Value> {
        let read = |text: &str| serde_json::from_str(text).expect("an event is JSON");
        let list = |name: &str| self.body[name].as_array().cloned().unwrap_or_default();
        let text = |value: &Value, name: &str| value[name].as_str().expect("text").to_owned();
        match self.target.as_str() {
            "AWSEvents.PutEvents" => list("Entries")
                .iter()
                .map(|entry| read(&text(entry, "Detail")))
                .collect(),
            "AmazonSQS.SendMessage" => vec![read(&text(&self.body, "MessageBody"))],
            "AmazonSQS.SendMessageBatch" => list("Entries")
                .iter()
                .map(|entry| read(&text(entry, "MessageBody")))
                .collect(),
            _ => {
                let decode = |record: &Value| {
                    BASE64_STANDARD
                        .decode(text(record, "Data"))
                        .expect("base64")
                };
                let lines = list("Records")
                    .iter()
                    .map(decode)
                    .collect::<Vec<_>>()
                    .concat();
                let lines = String::from_utf8(lines).expect("text");
                lines.lines().map(read).collect()
            }
        }
    }

    /// The incidents that were sent.
    pub fn incidents(&self) -> Vec<String> {
        self.events().iter().map(incident).collect()
    }
}

/// The id of the incident that an event is about.
pub fn incident(event: &Value) -> String {
    let id = event["id"].as_str().expect("an event has an id");
    id.split('/')
        .nth(2)
        .expect("its third part is the item")
        .to_owned()
}

pub struct StandIn {
    pub origin: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl StandIn {
    /// `answer` is given the number of the request, from 0, and the request.
    pub fn start(mut answer: impl FnMut(usize, &Asked) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let origin = format!("http://{}", listener.local_addr().expect("it is bound"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let Some(request) = read(&connection) else {
                    continue;
                };
                let number = {
                    let mut kept = kept.lock().expect("no test panics with it");
                    kept.push(request.clone());
                    kept.len() - 1
                };
                if let Answer::Json(status, body) = answer(number, &request) {
                    let body = body.to_string();
                    let length = body.len();
                    let reply = format!(
                        "HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                    );
                    // Whoever asked may have gone.
                    let _ = (&connection).write_all(reply.as_bytes());
                }
            }
        });
        Self { origin, asked }
    }

    /// Everything it was sent so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test panics with it").clone()
    }

    /// The incidents of each request.
    pub fn incidents(&self) -> Vec<Vec<String>> {
        self.asked().iter().map(Asked::incidents).collect()
    }
}

fn read(connection: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(connection);
    let (mut target, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "x-amz-target" => target = value.to_owned(),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).ok()?;
    Some(Asked { target, body })
}
