//! The items of a list on their way out: held for the answer, or passed on page by page.

use serde_json::value::RawValue;

use super::List;
use crate::{
    call::Call,
    error::{Code, Error, Incomplete, Result},
    operation::Answer,
    results::{Writer, Written},
};

/// What an answer may take besides its items: a cursor with hundreds of ids, and the problems of some incidents.
const FRAME: usize = 32 * 1024;

/// The items that a list has brought so far. They take up the answer's room.
pub struct Items<'a> {
    call: &'a Call<'a>,
    /// Of a list that flows, those of the last page.
    held: Vec<Box<RawValue>>,
    count: usize,
    /// Of a list that flows, and how many it has written.
    writer: Option<(Writer<'a>, u64)>,
}

impl<'a> Items<'a> {
    pub fn new(call: &'a Call<'a>) -> Self {
        call.take_room(FRAME);
        Self {
            call,
            held: Vec::new(),
            count: 0,
            writer: call.flows().then(|| (Writer::new(call), 0)),
        }
    }

    /// How many there are, those that were passed on included.
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn push(&mut self, item: Box<RawValue>) {
        let room = self.call.room().cost(item.get().as_bytes());
        self.call.take_room(room);
        self.count += 1;
        self.held.push(item);
    }

    /// Passes on what a page has brought, where the list flows.
    pub async fn flow(&mut self) -> Result<()> {
        let Some((writer, written)) = &mut self.writer else {
            return Ok(());
        };
        for item in self.held.drain(..) {
            let before: &[u8] = match written {
                0 => br#"{"items":["#,
                _ => b",",
            };
            *written += 1;
            writer.out().extend_from_slice(before);
            writer.out().extend_from_slice(item.get().as_bytes());
            writer.flow().await?;
        }
        Ok(())
    }

    /// The answer.
    pub async fn finish(
        &mut self,
        next: Option<String>,
        incomplete: Vec<Incomplete<'_>>,
    ) -> Result<Answer> {
        self.flow().await?;
        let list = |items| List {
            items,
            next,
            incomplete,
        };
        let Some((writer, written)) = &mut self.writer else {
            return Ok(Answer::of(&list(&self.held)));
        };
        let rest = Answer::of(&list(&[]));
        let rest = match written {
            0 => rest.json(),
            _ => rest.json().trim_start_matches(r#"{"items":["#),
        };
        writer.out().extend_from_slice(rest.as_bytes());
        match writer.finish(Some(*written)).await? {
            Written::PassedOn(answer) => Ok(answer),
            Written::Held(text) => Answer::read(text).ok_or_else(|| {
                let detail =
                    "A list was written that is no JSON; this is a defect: please report it.";
                Error::new(Code::Internal, detail)
            }),
        }
    }

    /// Forgets those that were stored. What was streamed stays without its end.
    pub async fn abandon(&mut self) {
        if let Some((writer, _)) = &mut self.writer {
            writer.abandon().await;
        }
    }
}
