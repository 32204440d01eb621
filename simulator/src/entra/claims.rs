//! The `claims` of a token request: what the caller can do and what a claims challenge asked it for.

use serde_json::Value;

use super::refusal::Refusal;

/// The parsed parameter, `Null` where none was sent.
pub(super) fn asked(form: &dyn Fn(&str) -> Option<String>) -> Result<Value, Refusal> {
    let Some(text) = form("claims") else {
        return Ok(Value::Null);
    };
    match serde_json::from_str(&text) {
        Ok(asked @ Value::Object(_)) => Ok(asked),
        _ => Err(Refusal::new(
            9002313,
            "Invalid request. Request is malformed or invalid.",
        )),
    }
}

/// The texts asked for under `access_token.<name>`, whether as `value` or as `values`.
pub(super) fn values(asked: &Value, name: &str) -> Vec<String> {
    let claim = &asked["access_token"][name];
    let several = claim["values"].as_array().into_iter().flatten();
    let texts = several.chain([&claim["value"]]).filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}
