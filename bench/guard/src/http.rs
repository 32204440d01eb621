//! As much HTTP/1.1 as a server needs that knows what it will be asked.

use std::io::{self, Read};

/// One request.
pub struct Request {
    /// `GET /path`
    pub line: String,
    pub body: Vec<u8>,
}

/// The next request of a connection; none at its end. Requests come one at a time.
pub fn read(stream: &mut impl Read) -> io::Result<Option<Request>> {
    let mut read = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        if let Some(request) = whole(&read) {
            return Ok(Some(request));
        }
        match stream.read(&mut buffer)? {
            0 => return Ok(None),
            length => read.extend_from_slice(&buffer[..length]),
        }
    }
}

/// The request, once all of it is there.
fn whole(read: &[u8]) -> Option<Request> {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&read[..end]);
    let mut lines = head.lines();
    let line = lines.next().unwrap_or_default();
    let header = |name: &str| {
        let mut fields = lines.clone().filter_map(|line| line.split_once(':'));
        let field = fields.find(|(field, _)| field.eq_ignore_ascii_case(name));
        field.map(|(_, value)| value.trim())
    };
    let rest = &read[end + 4..];
    let body = match header("content-length") {
        Some(length) => rest.get(..length.parse().ok()?)?.to_vec(),
        None => Vec::new(),
    };
    let line = line.trim_end_matches(" HTTP/1.1").to_owned();
    Some(Request { line, body })
}

/// A response, ready to be sent.
pub fn response(status: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}")
        .into_bytes()
}
