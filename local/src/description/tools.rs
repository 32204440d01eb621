//! The operations as the tools of an agent gateway, in the form that Amazon Bedrock AgentCore Gateway takes for a Lambda target:
//! <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-add-target-lambda.html>. Its schemas know `type`, `description`,
//! `properties`, `required` and `items` only, so everything else is said in descriptions.

use defender_functions::agent::is_served;
use serde_json::{Map, Value, json};

use super::openapi::object;
use super::schemas::{Described, Schemas};

/// All operations, each as a tool.
pub fn tools() -> Vec<Value> {
    let schemas = Schemas::new();
    schemas
        .operations
        .iter()
        .map(|described| tool(described, &schemas))
        .collect()
}

/// The tools that `call_tool` serves: those of what only reads, and those of the operations that are named besides.
pub fn served(named: &[&str]) -> Vec<Value> {
    let schemas = Schemas::new();
    let served = |described: &&Described| {
        is_served(described.entry) || named.contains(&described.entry.name)
    };
    schemas
        .operations
        .iter()
        .filter(served)
        .map(|described| tool(described, &schemas))
        .collect()
}

/// An operation as a `ToolDefinition`.
fn tool(described: &Described, schemas: &Schemas) -> Value {
    let fields: Vec<_> = described.fields.iter().collect();
    let mut output = simple(&described.answer, schemas);
    if described.entry.reads() {
        output["properties"]["stored"] = simple(
            &schemas.resolved(&schemas.pointer)["properties"]["stored"],
            schemas,
        );
        // It is in place of all others.
        output
            .as_object_mut()
            .map(|output| output.remove("required"));
    }
    let changes = match described.entry.changes {
        true => " It changes something at Microsoft.",
        false => "",
    };
    json!({
        "name": described.entry.name,
        "description": format!("{}.{changes}", described.entry.summary),
        "inputSchema": simple(&object(&fields), schemas),
        "outputSchema": output,
    })
}

/// A schema in those five words.
fn simple(schema: &Value, schemas: &Schemas) -> Value {
    let schema = schemas.resolved(schema);
    let mut simple = Map::new();
    let kind = kind(&schema, schemas);
    simple.insert("type".to_owned(), kind.into());
    let description = description(&schema, schemas);
    if !description.is_empty() {
        simple.insert("description".to_owned(), description.into());
    }
    if let Some(properties) = schema["properties"].as_object() {
        let properties: Map<_, _> = properties
            .iter()
            .map(|(name, property)| (name.clone(), self::simple(property, schemas)))
            .collect();
        simple.insert("properties".to_owned(), properties.into());
    }
    if schema["required"].is_array() {
        simple.insert("required".to_owned(), schema["required"].clone());
    }
    if kind == "array" {
        simple.insert("items".to_owned(), self::simple(&schema["items"], schemas));
    }
    simple.into()
}

/// The one type of a schema; of several, the first.
///
/// # Panics
/// If it says none: an agent's gateway takes a type of everything.
pub fn kind(schema: &Value, schemas: &Schemas) -> &'static str {
    const KINDS: [&str; 6] = ["string", "integer", "number", "boolean", "array", "object"];
    let first = |kind: &Value| KINDS.into_iter().find(|known| kind == known);
    let typed = match &schema["type"] {
        Value::Array(types) => types.iter().find_map(first),
        one => first(one),
    };
    let alternative = || {
        let all = ["anyOf", "oneOf"]
            .iter()
            .filter_map(|key| schema[key].as_array()?.first());
        all.map(|one| kind(&schemas.resolved(one), schemas)).next()
    };
    let of_value = || schema["const"].is_string().then_some("string");
    typed
        .or_else(of_value)
        .or_else(alternative)
        .unwrap_or_else(|| panic!("a schema without a type: {schema}"))
}

/// What a schema says in words, and what it says otherwise, in words.
pub fn description(schema: &Value, schemas: &Schemas) -> String {
    let mut said: Vec<String> = Vec::new();
    if let Some(text) = schema["description"].as_str() {
        said.push(text.replace('\n', " "));
    }
    if let Some(words) = words(schema, schemas) {
        said.push(format!("One of {}.", words.join(", ")));
    }
    for (key, before) in [
        ("minimum", "At least"),
        ("maximum", "At most"),
        ("minItems", "At least"),
        ("maxItems", "At most"),
    ] {
        if let Some(number) = schema[key].as_i64().filter(|number| *number != 0) {
            let of = match (key.ends_with("Items"), number) {
                (false, _) => "",
                (true, 1) => " item",
                (true, _) => " items",
            };
            said.push(format!("{before} {number}{of}."));
        }
    }
    if let Some(length) = schema["maxLength"].as_u64() {
        said.push(format!("At most {length} characters."));
    }
    if !schema["default"].is_null() {
        let default = schema["default"].to_string().replace('"', "");
        said.push(format!("`{default}` if not given."));
    }
    said.join(" ")
}

/// The words that an enumeration takes.
fn words(schema: &Value, schemas: &Schemas) -> Option<Vec<String>> {
    let text = |word: &Value| word.as_str().map(|word| format!("`{word}`"));
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(text).collect();
    }
    let one_of = schema["oneOf"].as_array()?;
    let each = one_of.iter().map(|one| {
        let one = schemas.resolved(one);
        match &one["const"] {
            Value::Null => words(&one, schemas),
            word => text(word).map(|word| vec![word]),
        }
    });
    each.collect::<Option<Vec<_>>>().map(|words| words.concat())
}
