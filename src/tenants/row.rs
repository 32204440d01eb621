//! A tenant's row in DynamoDB: its fields, how they are read, and the expressions that update them.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Standing, Verdict};
use crate::{
    config::is_guid,
    error::{Code, Error, Result},
    time::Timestamp,
};

/// How much of an error a row keeps.
const LONGEST_PROBLEM: usize = 500;

/// A tenant as callers see it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Registered {
    #[serde(alias = "pk")]
    pub tenant_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    pub state: Standing,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invited_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consented_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_check: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// An item in DynamoDB's JSON: `{"pk": {"S": "..."}}`.
#[derive(Deserialize)]
pub struct Item(HashMap<String, Attribute>);

#[derive(Deserialize)]
struct Attribute {
    /// Other kinds were put there by somebody else.
    #[serde(rename = "S")]
    text: Option<String>,
}

impl Item {
    pub fn text(&self, name: &str) -> Option<String> {
        self.0.get(name)?.text.clone()
    }

    pub fn read(self) -> Result<Registered> {
        let pk = self.text("pk").unwrap_or_default();
        let foreign = |why: &str| {
            let detail = format!(
                "The row {pk:?} of the table that TENANTS_TABLE names is none of ours: {why}."
            );
            Error::new(Code::Misconfigured, detail)
        };
        if !is_guid(&pk) || pk != pk.to_ascii_lowercase() {
            return Err(foreign("its key is no GUID in lower case"));
        }
        let texts = self.0.into_iter();
        let fields: Map<_, _> = texts
            .filter_map(|(name, attribute)| Some((name, attribute.text?.into())))
            .collect();
        serde_json::from_value(fields.into()).map_err(|error| foreign(&error.to_string()))
    }
}

/// The parts of an update expression.
#[derive(Default)]
pub struct Update {
    set: Vec<String>,
    remove: Vec<String>,
    /// `state` is a word of DynamoDB's own, so all names are given apart.
    names: Map<String, Value>,
    values: Map<String, Value>,
    condition: Option<&'static str>,
}

impl Update {
    /// What was found, and when.
    pub fn verdict(verdict: &Verdict) -> Self {
        let mut update = Self::default();
        update.set("lastCheck", now());
        if let Some(standing) = verdict.standing {
            update.set("state", standing.word());
        }
        match &verdict.problem {
            Some(problem) => update.set(
                "lastError",
                problem.chars().take(LONGEST_PROBLEM).collect::<String>(),
            ),
            None => update.remove("lastError"),
        }
        update
    }

    /// Writes a field.
    pub fn set(&mut self, name: &str, text: impl Into<String>) {
        self.set.push(format!("#{name} = :{name}"));
        self.value(name, json!({ "S": text.into() }));
    }

    /// Writes a number.
    pub fn set_number(&mut self, name: &str, number: i64) {
        self.set.push(format!("#{name} = :{name}"));
        self.name(name);
        self.number(name, number);
    }

    /// Names a number for the condition.
    pub fn number(&mut self, name: &str, number: i64) {
        self.values
            .insert(format!(":{name}"), json!({ "N": number.to_string() }));
    }

    /// Writes a field that has no value yet.
    pub fn set_if_new(&mut self, name: &str, text: impl Into<String>) {
        self.set
            .push(format!("#{name} = if_not_exists(#{name}, :{name})"));
        self.value(name, json!({ "S": text.into() }));
    }

    /// Leaves a field without a value.
    pub fn remove(&mut self, name: &str) {
        self.name(name);
        self.remove.push(format!("#{name}"));
    }

    /// Writes only where this holds of the row as it is.
    pub fn only_if(&mut self, condition: &'static str) {
        self.condition = Some(condition);
    }

    /// The same of a condition that compares `#state` with `:known`.
    pub fn only_by_state(&mut self, condition: &'static str, known: Standing) {
        self.name("state");
        self.values
            .insert(":known".to_owned(), json!({ "S": known.word() }));
        self.only_if(condition);
    }

    fn value(&mut self, name: &str, value: Value) {
        self.name(name);
        self.values.insert(format!(":{name}"), value);
    }

    fn name(&mut self, name: &str) {
        self.names.insert(format!("#{name}"), name.into());
    }

    /// `UpdateItem`, answered with the row as it is thereafter.
    pub fn into_body(self, pk: &str) -> Value {
        let mut expression = format!("SET {}", self.set.join(", "));
        if !self.remove.is_empty() {
            expression.push_str(&format!(" REMOVE {}", self.remove.join(", ")));
        }
        let mut body = json!({
            "Key": key(pk),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": self.names,
            "ExpressionAttributeValues": self.values,
            "ReturnValues": "ALL_NEW",
        });
        if let Some(condition) = self.condition {
            body["ConditionExpression"] = condition.into();
        }
        body
    }
}

/// The key of a row.
pub fn key(pk: &str) -> Value {
    json!({ "pk": { "S": pk } })
}

/// This second.
pub fn now() -> String {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second())
        .unwrap_or(now)
        .to_string()
}
