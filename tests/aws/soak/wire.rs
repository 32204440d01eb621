//! HTTP as the relay needs it, and what requests to AWS's services do.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};

use super::relay::Deed;

/// A request or an answer.
#[derive(Debug)]
pub struct Message {
    /// `PUT /bucket/key HTTP/1.1`, `HTTP/1.1 200 OK`
    pub start: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Message {
    pub fn new(start: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self {
            start: start.to_owned(),
            headers: headers.collect(),
            body: body.into(),
        }
    }

    /// None if the connection ends before it.
    pub fn read(stream: &mut TcpStream) -> io::Result<Option<Self>> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let start = line.trim_end().to_owned();
        let mut headers = Vec::new();
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) => headers.push((name.to_lowercase(), value.to_owned())),
                None if line.trim_end().is_empty() => break,
                None => {}
            }
        }
        let mut message = Self {
            start,
            headers,
            body: Vec::new(),
        };
        match message.header("content-length").map(str::parse) {
            Some(Ok(length)) => {
                message.body = vec![0; length];
                reader.read_exact(&mut message.body)?;
            }
            // An answer without a length ends with its connection.
            _ if message.start.starts_with("HTTP/") => {
                reader.read_to_end(&mut message.body)?;
            }
            _ => {}
        }
        Ok(Some(message))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn header_mut(&mut self, name: &str) -> Option<&mut String> {
        let mut headers = self.headers.iter_mut();
        headers
            .find(|(header, _)| header == name)
            .map(|(_, value)| value)
    }

    /// As it goes over a connection that ends with it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{}\r\n", self.start).into_bytes();
        let own = ["connection", "content-length", "transfer-encoding"];
        for (name, value) in &self.headers {
            if !own.contains(&name.as_str()) {
                bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
        }
        let length = self.body.len();
        bytes.extend_from_slice(
            format!("connection: close\r\ncontent-length: {length}\r\n\r\n").as_bytes(),
        );
        bytes.extend_from_slice(&self.body);
        bytes
    }

    pub fn is_ok(&self) -> bool {
        self.start.split(' ').nth(1) == Some("200")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    fn target(&self) -> &str {
        self.header("x-amz-target").unwrap_or_default()
    }
}

/// Sends a request and reads the answer.
pub fn exchange(server: SocketAddr, request: &Message) -> io::Result<Message> {
    let mut stream = TcpStream::connect(server)?;
    stream.write_all(&request.to_bytes())?;
    let answer = Message::read(&mut stream)?;
    answer.ok_or_else(|| io::Error::other("moto closed the connection"))
}

/// How the service asked says that it has too much to do.
pub fn throttle(request: &Message) -> Vec<u8> {
    let answer = match request.target() {
        "" => Message::new(
            "HTTP/1.1 503 Slow Down",
            &[("content-type", "application/xml")],
            "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>",
        ),
        target => {
            let kind = match target.starts_with("DynamoDB") {
                true => "ProvisionedThroughputExceededException",
                false => "ThrottlingException",
            };
            let body = json!({ "__type": format!("com.amazonaws#{kind}"), "message": "Too much." });
            let kind = ("content-type", "application/x-amz-json-1.0");
            Message::new("HTTP/1.1 400 Bad Request", &[kind], body.to_string())
        }
    };
    answer.to_bytes()
}

/// Whether a request writes a row under a condition.
pub fn writes(request: &Message) -> bool {
    request.target() == "DynamoDB_20120810.UpdateItem"
}

/// Whether a request brings events to a sink.
pub fn delivers(request: &Message) -> bool {
    let targets = [
        "AmazonSQS.SendMessageBatch",
        "AWSEvents.PutEvents",
        "Firehose_20150804.PutRecordBatch",
    ];
    request.start.starts_with("PUT /") || targets.contains(&request.target())
}

/// What a request has done, if anything that counts.
pub fn deed(request: &Message, answer: &Message) -> Option<Deed> {
    if !answer.is_ok() {
        return None;
    }
    if !delivers(request) && !writes(request) {
        return None;
    }
    if writes(request) {
        let asked = request.json();
        let update = asked["UpdateExpression"].as_str().unwrap_or_default();
        return update.starts_with("SET #at").then_some(Deed::Saved);
    }
    let (asked, given) = (request.json(), answer.json());
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let bodies: Vec<String> = match request.target() {
        "" if request.start.starts_with("PUT /") => lines(&request.body),
        "AmazonSQS.SendMessageBatch" => {
            let taken: Vec<Value> = list(&given["Successful"]);
            let is_taken = |entry: &&Value| taken.iter().any(|one| one["Id"] == entry["Id"]);
            let entries = list(&asked["Entries"]);
            let entries = entries.iter().filter(is_taken);
            entries.map(|entry| text(&entry["MessageBody"])).collect()
        }
        "AWSEvents.PutEvents" => {
            let (entries, results) = (list(&asked["Entries"]), list(&given["Entries"]));
            let both = entries.iter().zip(&results);
            let taken = both.filter(|(_, result)| result["EventId"].is_string());
            taken.map(|(entry, _)| text(&entry["Detail"])).collect()
        }
        "Firehose_20150804.PutRecordBatch" => {
            let (entries, results) = (list(&asked["Records"]), list(&given["RequestResponses"]));
            let both = entries.iter().zip(&results);
            let taken = both.filter(|(_, result)| result["RecordId"].is_string());
            let data = taken.map(|(entry, _)| STANDARD.decode(text(&entry["Data"])));
            data.flatten().flat_map(|data| lines(&data)).collect()
        }
        _ => return None,
    };
    Some(Deed::Delivered(
        bodies.iter().map(|body| id(body)).collect(),
    ))
}

/// The lines of NDJSON, gzip or not.
pub fn lines(bytes: &[u8]) -> Vec<String> {
    let mut text = String::new();
    let read = match bytes.starts_with(&[0x1f, 0x8b]) {
        true => MultiGzDecoder::new(bytes).read_to_string(&mut text),
        false => (&mut &*bytes).read_to_string(&mut text),
    };
    read.expect("what is delivered is text");
    text.lines().map(str::to_owned).collect()
}

/// The id of a delivered event.
pub fn id(event: &str) -> String {
    let event: Value = serde_json::from_str(event).expect("what is delivered is JSON");
    event["id"].as_str().expect("an event has an id").to_owned()
}
