//! Lambda's Runtime API over one kept connection.

use std::{error::Error, io};

use crate::{
    connection::{Head, Host},
    variable,
};

const PATH: &str = "/2018-06-01/runtime/invocation";

pub struct RuntimeApi {
    host: Host,
    next: Vec<u8>,
    event: String,
}

impl RuntimeApi {
    pub fn connect() -> Result<Self, Box<dyn Error>> {
        let authority = variable("AWS_LAMBDA_RUNTIME_API")?;
        let next = format!("GET {PATH}/next HTTP/1.1\r\nhost: {authority}\r\n\r\n").into_bytes();
        Ok(Self {
            host: Host::plain(authority),
            next,
            event: String::new(),
        })
    }

    /// Waits for an event.
    pub fn next(&mut self) -> io::Result<Vec<u8>> {
        let mut head = self.host.ask(&self.next)?;
        let id = head.event.take();
        self.event = id.ok_or_else(|| io::Error::other("an event without an id"))?;
        let mut event = Vec::new();
        self.host.read(&head, &mut event)?;
        Ok(event)
    }

    /// Answers the event with what is there.
    pub fn respond(&mut self, answer: &[u8]) -> io::Result<()> {
        let mut request = self.request(&format!("content-length: {}", answer.len()));
        // One packet for what is small; what is large is not copied for it.
        if answer.len() <= 16 * 1024 {
            request.extend_from_slice(answer);
            self.host.write(&request)?;
        } else {
            self.host.write(&request)?;
            self.host.write(answer)?;
        }
        self.end()
    }

    /// Answers the event with the body of another answer, as it comes; as a stream, or as one whole.
    pub fn pass(&mut self, from: &mut Host, head: &Head, streams: bool) -> io::Result<()> {
        let to = &mut self.host;
        match head.length {
            Some(length) if !streams => {
                let request = request(to, &self.event, &format!("content-length: {length}"));
                to.write(&request)?;
                from.pass(head, |piece| to.write(piece))?;
            }
            _ => {
                let mode = match streams {
                    true => "lambda-runtime-function-response-mode: streaming\r\n",
                    false => "",
                };
                let kind = format!("{mode}transfer-encoding: chunked");
                let request = request(to, &self.event, &kind);
                to.write(&request)?;
                let mut chunk = Vec::new();
                from.pass(head, |piece| {
                    chunk.clear();
                    chunk.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                    chunk.extend_from_slice(piece);
                    chunk.extend_from_slice(b"\r\n");
                    to.write(&chunk)
                })?;
                to.write(b"0\r\n\r\n")?;
            }
        }
        self.end()
    }

    fn request(&self, length: &str) -> Vec<u8> {
        request(&self.host, &self.event, length)
    }

    fn end(&mut self) -> io::Result<()> {
        let head = self.host.answer()?;
        self.host.read(&head, &mut Vec::new())
    }
}

fn request(host: &Host, event: &str, length: &str) -> Vec<u8> {
    let authority = &host.authority;
    format!("POST {PATH}/{event}/response HTTP/1.1\r\nhost: {authority}\r\n{length}\r\n\r\n")
        .into_bytes()
}
