//! The answer of an operation on many indicators: what became of each of them, and what went wrong on the way.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{
    call::{Call, Sent},
    error::{Code, Error, Problem, Result},
    operation::Answer,
};

/// What became of an indicator.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "IndicatorOutcome")]
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
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct IndicatorResult {
    pub outcome: Outcome,
    /// Microsoft's.
    #[serde(skip_serializing_if = "Value::is_null")]
    #[schemars(with = "Option<String>")]
    pub id: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The indicator that is meant.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Which<'a> {
    IndicatorValue(&'a str),
    IndicatorId(&'a str),
}

/// An indicator, and what became of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Item")]
struct Item<'a> {
    #[serde(flatten)]
    of: Which<'a>,
    #[serde(flatten)]
    told: IndicatorResult,
}

/// Results as they come, batch by batch.
pub struct Results<'a> {
    /// What became of those that all went well for.
    done: Outcome,
    items: Vec<Item<'a>>,
    /// What went wrong first.
    problem: Option<Error>,
    /// Whether more batches are to be sent.
    pub goes_on: bool,
}

impl IndicatorResult {
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

/// What became of all the indicators, in their order.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "IndicatorReport")]
pub struct Report<'a> {
    items: &'a [Item<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    imported: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<usize>,
    failed: usize,
    unknown: usize,
    not_sent: usize,
    /// What went wrong first.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem<'a>>,
}

impl<'a> Results<'a> {
    pub fn new(done: Outcome) -> Self {
        Self {
            done,
            items: Vec::new(),
            problem: None,
            goes_on: true,
        }
    }

    /// Takes what a batch brought: where it was answered, what became of each of its indicators.
    pub fn add(
        &mut self,
        batch: impl Iterator<Item = Which<'a>>,
        sent: Result<Sent<Vec<IndicatorResult>>>,
    ) {
        let error = match sent {
            Ok(Sent::Answered(told)) => {
                self.items
                    .extend(batch.zip(told).map(|(of, told)| Item { of, told }));
                return;
            }
            Ok(Sent::Lost(lost)) => lost.unsettled(match self.done {
                Outcome::Deleted => "`list_indicators` shows which are left; delete those.",
                _ => "Repeating it is safe: what is there already is updated.",
            }),
            Err(error) => error,
        };
        let outcome = outcome_of(&error);
        self.goes_on = outcome == Outcome::Failed;
        self.all(batch, IndicatorResult::new(outcome));
        self.problem.get_or_insert(error);
    }

    /// Passes over a batch after one that failed.
    pub fn skip(&mut self, batch: impl Iterator<Item = Which<'a>>) {
        self.all(batch, IndicatorResult::new(Outcome::NotSent));
    }

    fn all(&mut self, batch: impl Iterator<Item = Which<'a>>, told: IndicatorResult) {
        self.items.extend(batch.map(|of| Item {
            of,
            told: told.clone(),
        }));
    }

    /// The results; where nothing was done, what went wrong.
    pub fn answer(mut self, call: &Call<'_>) -> Result<Answer> {
        let was_done = |item: &Item<'_>| item.told.outcome == self.done;
        if !self.items.iter().any(was_done)
            && let Some(problem) = self.problem.take()
        {
            return Err(problem);
        }
        let problem = self.problem.map(|problem| call.name(problem));
        let count = |outcome| {
            self.items
                .iter()
                .filter(|item| item.told.outcome == outcome)
                .count()
        };
        let done = |outcome| (self.done == outcome).then(|| count(outcome));
        Ok(Answer::of(&Report {
            items: &self.items,
            imported: done(Outcome::Imported),
            deleted: done(Outcome::Deleted),
            failed: count(Outcome::Failed),
            unknown: count(Outcome::Unknown),
            not_sent: count(Outcome::NotSent),
            problem: problem.as_ref().map(Error::problem),
        }))
    }
}

/// What an error says about the batch that met it.
fn outcome_of(error: &Error) -> Outcome {
    match error.code() {
        Code::OutcomeUnknown | Code::TooLarge => Outcome::Unknown,
        Code::UpstreamRejected | Code::NotFound | Code::Conflict => Outcome::Failed,
        _ => Outcome::NotSent,
    }
}
