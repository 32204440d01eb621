//! Many indicators at once: in batches as large as Microsoft takes them, with one result for each indicator.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/import-ti-indicators>,
//! <https://learn.microsoft.com/defender-endpoint/api/batch-delete-ti-indicators>. A batch that Microsoft refuses says nothing about the next; after
//! any other failure no more are sent, and the results of those before it stand.

use std::collections::HashMap;

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::{
    ids::IndicatorId,
    indicator::Indicator,
    indicator_results::{IndicatorResult, Outcome, Report, Results, Which},
    indicators::INDICATORS,
};
use crate::{
    call::{Call, Sent},
    error::{Error, Result},
    input,
    operation::{Answer, Group, Operation, Permissions},
};

/// Microsoft takes no more in one request.
const BATCH: usize = 500;

/// Ten batches: a third of a minute's quota.
const MOST: usize = 10 * BATCH;

/// `POST indicators/import` for each 500: <https://learn.microsoft.com/defender-endpoint/api/import-ti-indicators>. 30 calls a minute.
///
/// All are checked before any is sent.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportIndicators {
    /// Each with the fields of `submit_indicator`, no two of the same type and value.
    #[schemars(with = "Vec<Indicator>", length(min = 1, max = MOST))]
    indicators: Vec<Box<RawValue>>,
}

impl Operation for ImportIndicators {
    type Answers = Report<'static>;

    const NAME: &'static str = "import_indicators";
    const SUMMARY: &'static str = "Make or update up to 5,000 indicators, with a result for each";
    const GROUP: Group = Group::Indicators;
    const ROUTE: (&'static str, &'static str) = ("POST", "/indicators/import");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = INDICATORS;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        check_size("indicators", self.indicators.len())?;
        let mut indicators = Vec::with_capacity(self.indicators.len());
        for (at, json) in self.indicators.iter().enumerate() {
            let mut indicator: Indicator = serde_json::from_str(json.get()).map_err(|error| {
                Error::field(&format!("indicators[{at}]"), input::reason(&error))
            })?;
            indicator
                .check(call.invocation.now)
                .map_err(|(field, reason)| {
                    Error::field(&format!("indicators[{at}].{field}"), reason)
                })?;
            indicators.push(indicator);
        }
        let named = |indicator: &Indicator| {
            (
                indicator.indicator_type.as_str(),
                indicator.indicator_value.clone(),
            )
        };
        check_distinct("indicators", indicators.iter().map(named))?;

        let mut results = Results::new(Outcome::Imported);
        for batch in indicators.chunks(BATCH) {
            let of = batch
                .iter()
                .map(|indicator| Which::IndicatorValue(&indicator.indicator_value));
            match results.goes_on {
                true => results.add(of, import(call, batch).await),
                false => results.skip(of),
            }
        }
        results.answer(call)
    }
}

/// `POST indicators/BatchDelete` for each 500: <https://learn.microsoft.com/defender-endpoint/api/batch-delete-ti-indicators>. 30 calls a
/// minute and 1,500 an hour.
///
/// Microsoft refuses a batch in which one indicator does not exist, or is not the app's to delete.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteIndicators {
    /// No two the same.
    #[schemars(length(min = 1, max = MOST), extend("uniqueItems" = true))]
    indicator_ids: Vec<IndicatorId>,
}

impl Operation for DeleteIndicators {
    type Answers = Report<'static>;

    const NAME: &'static str = "delete_indicators";
    const SUMMARY: &'static str = "Delete up to 5,000 indicators, with a result for each";
    const GROUP: Group = Group::Indicators;
    const ROUTE: (&'static str, &'static str) = ("POST", "/indicators/delete");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = INDICATORS;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        check_size("indicatorIds", self.indicator_ids.len())?;
        check_distinct(
            "indicatorIds",
            self.indicator_ids.iter().map(IndicatorId::as_str),
        )?;

        let mut results = Results::new(Outcome::Deleted);
        for batch in self.indicator_ids.chunks(BATCH) {
            let of = batch.iter().map(|id| Which::IndicatorId(id.as_str()));
            match results.goes_on {
                true => results.add(of, delete(call, batch).await),
                false => results.skip(of),
            }
        }
        results.answer(call)
    }
}

fn check_size(field: &str, size: usize) -> Result<()> {
    match size {
        1..=MOST => Ok(()),
        _ => Err(Error::field(
            field,
            format_args!("has {size} items; give 1 to {MOST}"),
        )),
    }
}

/// No two of them may be the same: which of their results were whose, nobody could tell.
fn check_distinct<T: Eq + std::hash::Hash>(
    field: &str,
    items: impl Iterator<Item = T>,
) -> Result<()> {
    let mut seen = HashMap::new();
    for (at, item) in items.enumerate() {
        if let Some(before) = seen.insert(item, at) {
            let reason = format!("items {before} and {at} are the same");
            return Err(Error::field(field, reason));
        }
    }
    Ok(())
}

async fn import(call: &Call<'_>, batch: &[Indicator]) -> Result<Sent<Vec<IndicatorResult>>> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Body<'a> {
        indicators: &'a [Indicator],
    }
    #[derive(Deserialize)]
    struct Reply {
        value: Vec<Imported>,
    }
    let path = ["indicators", "import"];
    let body = Body { indicators: batch };
    Ok(match call.change(Method::POST, &path, &body).await? {
        Sent::Answered(Reply { value }) => Sent::Answered(in_order(batch, value)),
        Sent::Lost(lost) => Sent::Lost(lost),
    })
}

async fn delete(call: &Call<'_>, batch: &[IndicatorId]) -> Result<Sent<Vec<IndicatorResult>>> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Body<'a> {
        indicator_ids: &'a [IndicatorId],
    }
    let path = ["indicators", "BatchDelete"];
    let body = Body {
        indicator_ids: batch,
    };
    Ok(
        match call
            .change_silently(Method::POST, &path, Some(&body))
            .await?
        {
            Sent::Answered(()) => {
                Sent::Answered(vec![IndicatorResult::new(Outcome::Deleted); batch.len()])
            }
            Sent::Lost(lost) => Sent::Lost(lost),
        },
    )
}

/// What Microsoft says of an indicator.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Imported {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    indicator: Option<String>,
    is_failed: Option<bool>,
    #[serde(default)]
    failure_reason: Option<String>,
}

/// The results in the order of the batch: by value, and by their place where a value tells nothing and none is missing.
fn in_order(batch: &[Indicator], results: Vec<Imported>) -> Vec<IndicatorResult> {
    let mut told: Vec<Option<IndicatorResult>> = vec![None; batch.len()];
    let mut strays = Vec::new();
    let in_place = results.len() == batch.len();
    for (place, result) in results.into_iter().enumerate() {
        let value = result.indicator.as_deref().unwrap_or_default();
        let is_it = |at: &usize| {
            let indicator = batch.get(*at).filter(|_| told[*at].is_none());
            indicator.is_some_and(|indicator| indicator.indicator_value.eq_ignore_ascii_case(value))
        };
        match std::iter::once(place).chain(0..batch.len()).find(is_it) {
            Some(at) => told[at] = Some(result.into()),
            None => strays.push((place, result)),
        }
    }
    // Where some are missing, a place says nothing.
    for (place, result) in strays.into_iter().filter(|_| in_place) {
        if let Some(free @ None) = told.get_mut(place) {
            *free = Some(result.into());
        }
    }
    let unmentioned = || {
        IndicatorResult::new(Outcome::Unknown).because("Microsoft's answer does not mention it.")
    };
    told.into_iter()
        .map(|told| told.unwrap_or_else(unmentioned))
        .collect()
}

impl From<Imported> for IndicatorResult {
    fn from(result: Imported) -> Self {
        let told = match result.is_failed {
            Some(true) => IndicatorResult::new(Outcome::Failed),
            Some(false) => IndicatorResult::new(Outcome::Imported),
            None => IndicatorResult::new(Outcome::Unknown),
        };
        IndicatorResult {
            id: result.id,
            reason: result.failure_reason,
            ..told
        }
    }
}
