//! A tenant's row in DynamoDB: its fields, how they are read, and the expressions that update them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Finding, Standing};
use crate::{
    config::Tenant,
    error::{Code, Error, Result},
    time::Timestamp,
};

/// How much of an error a row keeps.
const LONGEST_PROBLEM: usize = 500;

/// A tenant as callers see it.
#[derive(Debug, Serialize, Deserialize)]
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
        let texts = self.0.into_iter();
        let fields: Map<_, _> = texts
            .filter_map(|(name, attribute)| Some((name, attribute.text?.into())))
            .collect();
        serde_json::from_value(fields.into()).map_err(|error| {
            let detail =
                format!("A row of the table that TENANTS_TABLE names is none of ours: {error}.");
            Error::new(Code::Misconfigured, detail)
        })
    }
}

/// The parts of an update expression.
#[derive(Default)]
pub struct Update {
    set: Vec<String>,
    remove: Vec<&'static str>,
    values: Map<String, Value>,
    /// Whether a row that is not there is left so.
    pub must_exist: bool,
}

impl Update {
    /// What was found, and when.
    pub fn finding(finding: &Finding) -> Self {
        let mut update = Self::default();
        update.set("lastCheck", now());
        if let Some(standing) = finding.standing {
            update.set("state", standing.word());
        }
        match &finding.problem {
            Some(problem) => update.set(
                "lastError",
                problem.chars().take(LONGEST_PROBLEM).collect::<String>(),
            ),
            None => update.remove.push("lastError"),
        }
        update
    }

    /// Writes a field.
    pub fn set(&mut self, name: &str, text: impl Into<String>) {
        self.set.push(format!("#{name} = :{name}"));
        self.value(name, text);
    }

    /// Writes a field that has no value yet.
    pub fn set_if_new(&mut self, name: &str, text: impl Into<String>) {
        self.set
            .push(format!("#{name} = if_not_exists(#{name}, :{name})"));
        self.value(name, text);
    }

    fn value(&mut self, name: &str, text: impl Into<String>) {
        self.values
            .insert(format!(":{name}"), json!({ "S": text.into() }));
    }

    /// `UpdateItem`, answered with the row as it is thereafter.
    pub fn into_body(self, tenant: &Tenant) -> Value {
        let set = self.values.keys().map(|value| &value[1..]);
        // `state` is a word of DynamoDB's own, so all names are given apart.
        let names: Map<_, _> = set
            .chain(self.remove.iter().copied())
            .map(|name| (format!("#{name}"), name.into()))
            .collect();
        let mut expression = format!("SET {}", self.set.join(", "));
        if !self.remove.is_empty() {
            expression.push_str(&format!(" REMOVE #{}", self.remove.join(", #")));
        }
        let mut body = json!({
            "Key": key(tenant.as_str()),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": self.values,
            "ReturnValues": "ALL_NEW",
        });
        if self.must_exist {
            body["ConditionExpression"] = "attribute_exists(pk)".into();
        }
        body
    }
}

/// The key of a tenant's row.
pub fn key(tenant: &str) -> Value {
    json!({ "pk": { "S": tenant } })
}

/// This second.
pub fn now() -> String {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second())
        .unwrap_or(now)
        .to_string()
}
