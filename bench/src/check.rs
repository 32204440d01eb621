//! Whether an answer holds what the upstream gave: who answers wrongly is fast for nothing.

use serde_json::Value;

use crate::canned::{self, Incidents};
use crate::job::Job;

/// What stands between the prelude of a streamed reply and its body.
const DELIMITER: [u8; 8] = [0; 8];

/// The rows or items that the answers to a job must hold, in their order; none where there is one object.
pub fn expected(job: Job) -> Result<Vec<Value>, String> {
    let text = match job {
        Job::Isolate => return Ok(Vec::new()),
        Job::HuntBuffered => canned::hunt(canned::ROWS_BUFFERED),
        Job::HuntStreamed => canned::hunt(canned::ROWS_STREAMED),
        Job::Incidents500 => Incidents::make().page(0, 500, None),
        _ => Incidents::make().page(0, 50, None),
    };
    rows(read(&text)?).ok_or_else(|| "the upstream's own answer has no rows".to_owned())
}

/// Compares the answer to a job with what the upstream gave.
pub fn check(job: Job, answer: &[u8], expected: &[Value]) -> Result<(), String> {
    let body = answer
        .windows(DELIMITER.len())
        .position(|some| some == DELIMITER);
    let answer = match body.filter(|_| job == Job::HuntStreamed) {
        Some(at) => read(&answer[at + DELIMITER.len()..])?,
        None => read(answer)?,
    };
    if job == Job::Isolate {
        let action = answer.get("action").unwrap_or(&answer);
        return match action["type"] == "Isolate" && action["machineId"] == canned::DEVICE {
            true => Ok(()),
            false => Err(format!("this is no isolation of the device: {action}")),
        };
    }
    let rows = rows(answer).ok_or("the answer has neither `value`, `items` nor `results`")?;
    if rows.len() != expected.len() {
        let (got, wanted) = (rows.len(), expected.len());
        return Err(format!("{got} items or rows instead of {wanted}"));
    }
    match rows
        .iter()
        .zip(expected)
        .position(|(got, wanted)| got != wanted)
    {
        Some(at) => Err(format!(
            "item or row {at} is not what the upstream gave: {}",
            rows[at]
        )),
        None => Ok(()),
    }
}

fn read(text: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(text).map_err(|error| format!("the answer is not JSON: {error}"))
}

fn rows(mut answer: Value) -> Option<Vec<Value>> {
    let names = ["value", "items", "results"];
    names
        .iter()
        .find_map(|name| match answer.get_mut(name)?.take() {
            Value::Array(rows) => Some(rows),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hunt_with(change: impl FnOnce(&mut Vec<Value>)) -> Result<(), String> {
        let expected = expected(Job::HuntBuffered)?;
        let mut rows = expected.clone();
        change(&mut rows);
        let answer = serde_json::json!({ "results": rows }).to_string();
        check(Job::HuntBuffered, answer.as_bytes(), &expected)
    }

    #[test]
    fn the_same_rows_pass() {
        assert_eq!(hunt_with(|_| {}), Ok(()));
    }

    #[test]
    fn a_missing_row_is_told() {
        let told = hunt_with(|rows| drop(rows.pop())).unwrap_err();
        assert!(told.contains("15999"), "{told}");
    }

    #[test]
    fn a_changed_row_is_told() {
        let told = hunt_with(|rows| rows[7]["ProcessId"] = 1.into()).unwrap_err();
        assert!(told.contains("row 7"), "{told}");
    }

    #[test]
    fn a_streamed_answer_begins_behind_its_prelude() {
        let rows = [Value::from(1)];
        let answer = b"{\"statusCode\":200}\0\0\0\0\0\0\0\0{\"results\":[1]}";
        assert_eq!(check(Job::HuntStreamed, answer, &rows), Ok(()));
    }
}
