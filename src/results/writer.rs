//! An answer on its way out, piece by piece.

use super::{
    outlet::Streamed,
    pointer,
    upload::{PART, Upload},
};
use crate::{call::Call, error::Result, operation::Answer};

/// Holds an answer as long as it fits, then stores it part by part; or streams it from the first byte on.
pub struct Writer<'a> {
    call: &'a Call<'a>,
    out: Vec<u8>,
    /// How much of `out` has been counted, and what that takes up.
    counted: usize,
    cost: usize,
    way: Way<'a>,
}

enum Way<'a> {
    Held,
    Stored(Upload<'a>),
    Streamed(Streamed),
}

/// What became of an answer that was written to its end.
pub enum Written {
    /// It fits, and is for whoever wrote it to answer with.
    Held(Vec<u8>),
    /// It is stored or streamed, and this is said in its place.
    PassedOn(Answer),
}

impl<'a> Writer<'a> {
    pub fn new(call: &'a Call<'a>) -> Self {
        Self {
            call,
            out: Vec::new(),
            counted: 0,
            cost: 0,
            way: Way::Held,
        }
    }

    /// Where the answer is written to; it leaves by [`flow`](Self::flow).
    pub fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Whether a part of it is with the caller and cannot be taken back.
    pub fn has_left(&self) -> bool {
        matches!(self.way, Way::Streamed(_))
    }

    /// Lets go what need not or cannot be held.
    pub async fn flow(&mut self) -> Result<()> {
        match &mut self.way {
            Way::Streamed(_) | Way::Held if self.out.is_empty() => Ok(()),
            Way::Streamed(streamed) => streamed.send(std::mem::take(&mut self.out).into()).await,
            Way::Stored(upload) => match self.out.len() >= PART {
                true => upload.part(std::mem::take(&mut self.out).into()).await,
                false => Ok(()),
            },
            Way::Held => self.hold().await,
        }
    }

    async fn hold(&mut self) -> Result<()> {
        let outlet = &self.call.outlet;
        if let Some(stream) = outlet.stream() {
            let first = std::mem::take(&mut self.out).into();
            self.way = Way::Streamed(stream.begin(first, self.call.outlet.deadline).await?);
            return Ok(());
        }
        self.cost += outlet.room.cost(&self.out[self.counted..]);
        self.counted = self.out.len();
        if self.cost <= outlet.room.bytes && self.out.len() <= outlet.most {
            return Ok(());
        }
        let Some(upload) = Upload::of(self.call) else {
            return Err(outlet.room.exceeded());
        };
        self.way = Way::Stored(upload);
        Box::pin(self.flow()).await
    }

    /// Ends the answer. `rows` is how many it has, where it is known.
    pub async fn finish(&mut self, rows: Option<u64>) -> Result<Written> {
        self.flow().await?;
        let rest = std::mem::take(&mut self.out);
        match &mut self.way {
            Way::Held => Ok(Written::Held(rest)),
            Way::Streamed(_) => Ok(Written::PassedOn(Answer::of(&()).passed_on())),
            Way::Stored(upload) => {
                let stored = upload.finish(rest.into()).await?;
                let pointer = pointer(self.call, upload.bucket(), stored, rows)?;
                Ok(Written::PassedOn(pointer))
            }
        }
    }

    /// Forgets what was written, also in the bucket. What is with the caller stays there, without its end.
    pub async fn abandon(&mut self) {
        if let Way::Stored(upload) = &mut self.way {
            upload.abort().await;
        }
    }
}
