//! The body of a reply: whole, or piece by piece while the function makes it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

pub(crate) enum ReplyBody {
    Whole(Bytes),
    /// These first.
    Streamed(Bytes, mpsc::Receiver<Bytes>),
}

impl From<Bytes> for ReplyBody {
    fn from(whole: Bytes) -> Self {
        Self::Whole(whole)
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = |piece: Bytes| Ok(Frame::data(piece));
        match self.get_mut() {
            Self::Whole(bytes) | Self::Streamed(bytes, _) if !bytes.is_empty() => {
                Poll::Ready(Some(frame(std::mem::take(bytes))))
            }
            Self::Whole(_) => Poll::Ready(None),
            Self::Streamed(_, pieces) => {
                let piece = pieces.poll_recv(context);
                piece.map(|piece| piece.map(frame))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Streamed(..) => SizeHint::default(),
        }
    }
}
