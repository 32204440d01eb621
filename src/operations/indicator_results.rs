//! The answer of an operation on many indicators: what became of each of them, and what went wrong on the way.

use serde::Serialize;
use serde_json::Value;

use crate::{
    call::Sent,
    error::{Code, Error, Problem, Result},
    operation::Answer,
};

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    Imported,
    Deleted,
    /// Microsoft refused it, or the batch that it was in.
    Failed,
    /// It was sent, and the answer was lost or does not mention it.
    Unknown,
    NotSent,
}

/// What became of one indicator.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    pub outcome: Outcome,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub id: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The indicator that is meant.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Of<'a> {
    IndicatorValue(&'a str),
    IndicatorId(&'a str),
}

#[derive(Serialize)]
struct Item<'a> {
    #[serde(flatten)]
    of: Of<'a>,
    #[serde(flatten)]
    told: Told,
}

/// Results as they come, batch by batch.
pub struct Results<'a> {
    /// What became of those that all went well for.
    done: Outcome,
    items: Vec<Item<'a>>,
    /// Why no more batches are sent.
    pub problem: Option<Error>,
}

impl Told {
    pub fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            id: Value::Null,
            reason: None,
        }
    }

    pub fn because(self, reason: &str) -> Self {
        Self {
            reason: Some(reason.to_owned()),
            ..self
        }
    }
}

impl<'a> Results<'a> {
    pub fn new(done: Outcome) -> Self {
        Self {
            done,
            items: Vec::new(),
            problem: None,
        }
    }

    /// Takes what a batch brought: where it was answered, what became of each of its indicators. The very first batch has to succeed, or
    /// its failure is all there is to tell.
    pub fn add(
        &mut self,
        batch: impl Iterator<Item = Of<'a>>,
        sent: Result<Sent<Vec<Told>>>,
    ) -> Result<()> {
        let error = match sent {
            Ok(Sent::Answered(told)) => {
                self.items.extend(batch.zip(told).map(|(of, told)| Item { of, told }));
                return Ok(());
            }
            Ok(Sent::Lost(lost)) => lost.unsettled(
                "Repeating it is safe: what is there already is updated, and what is gone is not found.",
            ),
            Err(error) => error,
        };
        if self.items.is_empty() {
            return Err(error);
        }
        self.all(batch, fate(&error));
        self.problem = Some(error);
        Ok(())
    }

    /// Passes over a batch after one that failed.
    pub fn skip(&mut self, batch: impl Iterator<Item = Of<'a>>) {
        self.all(batch, Outcome::NotSent);
    }

    fn all(&mut self, batch: impl Iterator<Item = Of<'a>>, outcome: Outcome) {
        let told = Told::new(outcome);
        self.items.extend(batch.map(|of| Item {
            of,
            told: told.clone(),
        }));
    }

    pub fn answer(&self) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Report<'a> {
            items: &'a [Item<'a>],
            #[serde(skip_serializing_if = "Option::is_none")]
            imported: Option<usize>,
            #[serde(skip_serializing_if = "Option::is_none")]
            deleted: Option<usize>,
            failed: usize,
            unknown: usize,
            not_sent: usize,
            #[serde(skip_serializing_if = "Option::is_none")]
            problem: Option<Problem<'a>>,
        }
        let count = |outcome| {
            self.items
                .iter()
                .filter(|item| item.told.outcome == outcome)
                .count()
        };
        let done = |outcome| (self.done == outcome).then(|| count(outcome));
        Answer::of(&Report {
            items: &self.items,
            imported: done(Outcome::Imported),
            deleted: done(Outcome::Deleted),
            failed: count(Outcome::Failed),
            unknown: count(Outcome::Unknown),
            not_sent: count(Outcome::NotSent),
            problem: self.problem.as_ref().map(Error::problem),
        })
    }
}

/// What an error says about the batch that met it.
fn fate(error: &Error) -> Outcome {
    let status = error.upstream().and_then(|upstream| upstream.status);
    match error.code() {
        Code::OutcomeUnknown | Code::TooLarge => Outcome::Unknown,
        Code::Throttled | Code::DeadlineExceeded => Outcome::NotSent,
        _ if status.is_some_and(|status| (400..500).contains(&status)) => Outcome::Failed,
        _ => Outcome::NotSent,
    }
}
