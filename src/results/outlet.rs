//! Where an answer goes: to whoever asked, as far as that carries it; else to the bucket; or to the caller while it is made.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use lambda_runtime::streaming::Sender;
use tokio::sync::oneshot;

use crate::{
    client::Room,
    error::{Code, Error, Result},
    operation::Answer,
    time::Deadline,
};

/// The most that Lambda streams, <https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html>.
const LONGEST: u64 = 200 * 1024 * 1024;

/// Where an answer goes.
#[derive(Debug)]
pub struct Outlet {
    /// What the trigger carries.
    pub room: Room,
    /// The most bytes that the caller wants to be answered with.
    pub most: usize,
    /// What is larger is stored, in an object that is named after the operation.
    pub stores: Option<&'static str>,
    /// Whether a link is wanted to what is stored.
    pub link: bool,
    /// Until when the last of it can be stored.
    pub deadline: Deadline,
    stream: Mutex<Option<Stream>>,
}

impl Outlet {
    /// To whoever asked, or not at all.
    pub fn held(room: Room, deadline: Deadline) -> Self {
        Self {
            room,
            most: usize::MAX,
            stores: None,
            link: false,
            deadline,
            stream: Mutex::default(),
        }
    }

    /// The same, but to the caller while it is made.
    pub fn stream_by(&mut self, stream: Stream) {
        self.stream = Mutex::new(Some(stream));
    }

    /// The way to the caller, once.
    pub(super) fn stream(&self) -> Option<Stream> {
        self.stream
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Whether the answer need not be stored.
    pub fn holds(&self, answer: &Answer) -> bool {
        answer.fits(self.room) && answer.json().len() <= self.most
    }
}

/// The way to a caller who reads while the answer is made. The first bytes are the sign that there is one.
pub struct Stream {
    begun: oneshot::Sender<()>,
    body: Sender,
}

impl Stream {
    pub fn new(begun: oneshot::Sender<()>, body: Sender) -> Self {
        Self { begun, body }
    }

    pub(super) async fn begin(self, first: Bytes, deadline: Deadline) -> Result<Streamed> {
        let Self { begun, body } = self;
        let mut streamed = Streamed {
            body,
            bytes: 0,
            deadline,
        };
        // Whoever waits for it is gone only with the process.
        let _ = begun.send(());
        streamed.send(first).await?;
        Ok(streamed)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

/// An answer on its way to the caller.
pub(super) struct Streamed {
    body: Sender,
    bytes: u64,
    deadline: Deadline,
}

impl Streamed {
    pub async fn send(&mut self, piece: Bytes) -> Result<()> {
        self.bytes += piece.len() as u64;
        if self.bytes > LONGEST {
            let detail = "The answer is larger than the 200 MB that Lambda streams, and broke off there. Ask for less, or have it stored \
                          by `maxAnswerBytes`.";
            return Err(Error::new(Code::TooLarge, detail));
        }
        // Lambda takes it as fast as the caller reads.
        let sending = tokio::time::timeout(self.deadline.remaining(), self.body.send_data(piece));
        match sending.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => {
                let detail = "The answer broke off: Lambda takes no more of it.";
                Err(Error::new(Code::Internal, detail))
            }
            Err(_) => {
                let detail = "The answer broke off: the function's time ran out while its caller was reading. Give the function more \
                              time, or have the answer stored by `maxAnswerBytes`.";
                Err(Error::new(Code::DeadlineExceeded, detail))
            }
        }
    }
}
