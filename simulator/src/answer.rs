//! An answer before it is sent: status, headers, and a body that is whole, made piece by piece, or cut short.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use serde::Serialize;
use tokio::time::Sleep;

/// Pieces of a large body, made while they are sent.
pub(crate) type Pieces = Box<dyn Iterator<Item = Bytes> + Send>;

pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: AnswerBody,
}

pub(crate) enum AnswerBody {
    Whole(Bytes),
    Pieces(Pieces),
    /// These bytes, a moment for them to leave, then a broken connection.
    Cut(Bytes, Option<Pin<Box<Sleep>>>),
    /// These bytes, and those after that.
    Stalled(Bytes, Bytes, Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl Answer {
    pub fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Answer {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Answer {
            status,
            headers,
            body: AnswerBody::Whole(body.into()),
        }
    }

    pub fn json(status: u16, body: &impl Serialize) -> Answer {
        let text = serde_json::to_vec(body)
            .expect("the simulator's answers have string keys and no failing parts");
        Answer::new(status, "application/json; charset=utf-8", text)
    }

    pub fn empty(status: u16) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body: AnswerBody::Whole(Bytes::new()),
        }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Answer {
        self.set_header(name, value);
        self
    }

    pub fn set_header(&mut self, name: &str, value: impl Into<String>) {
        self.headers
            .retain(|(header, _)| !header.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
    }

    /// One header line for each of these values, in place of those of this name.
    pub fn headers(mut self, name: &str, values: Vec<String>) -> Answer {
        self.headers
            .retain(|(header, _)| !header.eq_ignore_ascii_case(name));
        let lines = values.into_iter().map(|value| (name.to_owned(), value));
        self.headers.extend(lines);
        self
    }

    /// The whole body at once.
    pub fn collect(&mut self) -> Bytes {
        let whole = match std::mem::replace(&mut self.body, AnswerBody::Whole(Bytes::new())) {
            AnswerBody::Whole(bytes) | AnswerBody::Cut(bytes, _) => bytes,
            AnswerBody::Stalled(first, rest, _) => [first, rest].concat().into(),
            AnswerBody::Pieces(pieces) => pieces
                .fold(Vec::new(), |mut all, piece| {
                    all.extend_from_slice(&piece);
                    all
                })
                .into(),
        };
        self.body = AnswerBody::Whole(whole.clone());
        whole
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let frame = |bytes| Poll::Ready(Some(Ok(Frame::data(bytes))));
        match self.get_mut() {
            AnswerBody::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            AnswerBody::Whole(bytes) => frame(std::mem::take(bytes)),
            AnswerBody::Pieces(pieces) => match pieces.next() {
                Some(piece) => frame(piece),
                None => Poll::Ready(None),
            },
            AnswerBody::Stalled(first, ..) if !first.is_empty() => frame(std::mem::take(first)),
            AnswerBody::Stalled(_, rest, _) if rest.is_empty() => Poll::Ready(None),
            AnswerBody::Stalled(_, rest, until) => {
                ready!(until.as_mut().poll(context));
                frame(std::mem::take(rest))
            }
            AnswerBody::Cut(bytes, pause @ None) => {
                *pause = Some(Box::pin(tokio::time::sleep(Duration::from_millis(30))));
                frame(std::mem::take(bytes))
            }
            AnswerBody::Cut(_, Some(pause)) => {
                ready!(pause.as_mut().poll(context));
                Poll::Ready(Some(Err(io::Error::other("cut short as asked"))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, AnswerBody::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            AnswerBody::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            _ => SizeHint::default(),
        }
    }
}
