//! A streamed reply, as a caller of InvokeWithResponseStream or of a streaming function URL gets it.

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::{Outcome, Report};

/// What parts the prelude from the body.
const DELIMITER: [u8; 8] = [0; 8];

/// A reply under way.
pub struct Streaming {
    pieces: mpsc::Receiver<Bytes>,
    report: oneshot::Receiver<Report>,
}

impl Streaming {
    pub(super) fn new(pieces: mpsc::Receiver<Bytes>, report: oneshot::Receiver<Report>) -> Self {
        Self { pieces, report }
    }

    /// Status and headers, and the first of the body where it came along; none if the reply is not streamed or broke off before it had
    /// them.
    pub async fn prelude(&mut self) -> Option<(Value, Bytes)> {
        let mut read = Vec::new();
        loop {
            read.extend_from_slice(&self.next().await?);
            let at = read
                .windows(DELIMITER.len())
                .position(|some| some == DELIMITER);
            if let Some(at) = at {
                let body = Bytes::copy_from_slice(&read[at + DELIMITER.len()..]);
                return Some((serde_json::from_slice(&read[..at]).ok()?, body));
            }
        }
    }

    /// The next piece, as soon as it is there; none after the last one, or if the reply is not streamed.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.pieces.recv().await
    }

    /// What came of it. A streamed answer is an empty one here: its bytes have been handed out, and what was left of them is let go.
    pub async fn outcome(mut self) -> Outcome {
        self.pieces.close();
        self.report().await.outcome
    }

    /// The pieces that are left, for a body that is polled, and the whole reply's end, which waits for them to be taken or let go.
    pub(crate) fn into_parts(self) -> (mpsc::Receiver<Bytes>, oneshot::Receiver<Report>) {
        (self.pieces, self.report)
    }

    /// What came of a reply that is not streamed.
    pub(crate) async fn report(self) -> Report {
        self.report
            .await
            .expect("the function's thread lives until the function is dropped")
    }
}
