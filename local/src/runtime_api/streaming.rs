//! A streamed reply, as a caller of InvokeWithResponseStream or of a streaming function URL gets it.

use std::task::{Context, Poll};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::Outcome;

/// What parts the prelude from the body.
const DELIMITER: [u8; 8] = [0; 8];

/// A reply under way.
pub struct Streaming {
    pieces: mpsc::Receiver<Bytes>,
    outcome: oneshot::Receiver<Outcome>,
}

impl Streaming {
    pub(super) fn new(pieces: mpsc::Receiver<Bytes>, outcome: oneshot::Receiver<Outcome>) -> Self {
        Self { pieces, outcome }
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

    /// [`next`](Self::next) for a body that is polled.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.pieces.poll_recv(context)
    }

    /// What came of it. A streamed answer is an empty one here: its bytes have been handed out, and what was left of them is let go.
    pub async fn outcome(mut self) -> Outcome {
        self.pieces.close();
        self.outcome
            .await
            .expect("the function's thread lives until the function is dropped")
    }
}
