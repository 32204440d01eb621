//! The workflow for-each-tenant, by the JSONata that Step Functions names.

mod asked;
mod told;

use serde_json::{Value, json};

use crate::{node::Node, unrolled::Template, workflows::definition};

fn states(more: &[(&str, &str)]) -> Value {
    definition(&Template::with(more), "ForEachTenant")["States"].take()
}

/// Of the workflow for streams.
fn streams(more: &[(&str, &str)]) -> Value {
    definition(&Template::with(more), "CollectForEachTenant")["States"].take()
}

fn evaluate(expression: &Value, states: Value, variables: Value) -> Value {
    let asked = json!({ "expression": expression, "states": states, "variables": variables });
    Node::asl().asl_js("evaluate", &asked)
}

fn evaluated(asked: &[Value]) -> Vec<Value> {
    let answers = Node::asl().asl_js("evaluate", &json!(asked));
    serde_json::from_value(answers).expect("a list")
}
