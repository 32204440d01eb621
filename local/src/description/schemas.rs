//! The schemas of every operation's input and answer, and those that they share.

use std::collections::BTreeMap;

use defender_functions::each_operation;
use defender_functions::error::Problem;
use defender_functions::input::common::Common;
use defender_functions::operation::{Entry, Operation};
use defender_functions::operations::OPERATIONS;
use defender_functions::results::Pointer;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::fields;

/// Where shared schemas are in the OpenAPI document, and so in every `$ref`.
pub const SHARED: &str = "#/components/schemas/";

/// An operation with the schemas of what it takes and answers.
pub struct Described {
    pub entry: &'static Entry,
    /// What the documentation of its type says.
    pub text: String,
    pub fields: Vec<Field>,
    pub answer: Value,
}

/// A field of an input.
pub struct Field {
    pub name: &'static str,
    pub schema: Value,
    pub is_required: bool,
    /// Whether it is a part of the path.
    pub is_in_path: bool,
}

/// All operations, and what their schemas share.
pub struct Schemas {
    pub operations: Vec<Described>,
    pub shared: BTreeMap<String, Value>,
    /// What operations take besides their own fields.
    pub common: Vec<Field>,
    /// What is answered in place of an answer that was stored.
    pub pointer: Value,
    pub problem: Value,
}

/// A schema that is made with others, so that they share what they can.
type Make = fn(&mut SchemaGenerator) -> Schema;

/// What the table of functions tells of an operation.
struct Types {
    input: Make,
    answer: Make,
    fields: fn() -> &'static [&'static str],
}

fn types<O: Operation>() -> Types {
    Types {
        input: O::json_schema,
        answer: |generator| generator.subschema_for::<O::Answers>(),
        fields: fields::names::<O>,
    }
}

impl Schemas {
    pub fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path =
                    SHARED.trim_start_matches('#').trim_end_matches('/').into();
            })
        };
        let mut taken = settings().for_deserialize().into_generator();
        let mut given = settings().for_serialize().into_generator();
        let common = value(Common::json_schema(&mut taken));
        let operations = OPERATIONS.iter().zip(each_operation!(types));
        let operations = operations
            .map(|(entry, types)| Described {
                entry,
                fields: input(entry, &types, &mut taken, &common),
                text: text(&(types.input)(&mut taken)),
                answer: value((types.answer)(&mut given)),
            })
            .collect();
        let pointer = value(given.subschema_for::<Pointer<'static>>());
        let problem = value(given.subschema_for::<Problem<'static>>());
        let mut shared = BTreeMap::new();
        for (name, schema) in [taken.take_definitions(true), given.take_definitions(true)]
            .into_iter()
            .flatten()
        {
            let schema = plain(schema);
            let known = shared.entry(name.clone()).or_insert_with(|| schema.clone());
            assert_eq!(
                *known, schema,
                "two types are called {name}: rename one for schemars"
            );
        }
        Self {
            operations,
            shared,
            common: Common::NAMES.map(|name| field(&common, name)).into(),
            pointer,
            problem,
        }
    }

    /// The schema that a reference leads to, or the schema itself. What is said beside the reference stays.
    pub fn resolved(&self, schema: &Value) -> Value {
        let Some(name) = schema["$ref"]
            .as_str()
            .and_then(|at| at.strip_prefix(SHARED))
        else {
            return schema.clone();
        };
        let mut resolved = self.resolved(&self.shared[name]);
        if let (Value::Object(resolved), Value::Object(beside)) = (&mut resolved, schema) {
            let beside = beside.iter().filter(|(key, _)| *key != "$ref");
            resolved.extend(beside.map(|(key, value)| (key.clone(), value.clone())));
        }
        resolved
    }
}

impl Default for Schemas {
    fn default() -> Self {
        Self::new()
    }
}

/// The operation's own fields as they are declared, then those that every operation takes.
fn input(
    entry: &Entry,
    types: &Types,
    generator: &mut SchemaGenerator,
    common: &Value,
) -> Vec<Field> {
    let own = whole((types.input)(generator), generator);
    let of_path = |field: Field| Field {
        is_in_path: entry.path.contains(&format!("{{{}}}", field.name)),
        ..field
    };
    let own = (types.fields)()
        .iter()
        .map(|name| of_path(field(&own, name)));
    own.chain(Common::of(entry).map(|name| field(common, name)))
        .collect()
}

fn field(of: &Value, name: &'static str) -> Field {
    Field {
        name,
        schema: of["properties"][name].clone(),
        is_required: names(&of["required"]).contains(&name),
        is_in_path: false,
    }
}

fn names(required: &Value) -> Vec<&str> {
    let names = required.as_array().into_iter().flatten();
    names.filter_map(Value::as_str).collect()
}

/// The schema itself, where a type is another under its own name.
fn whole(schema: Schema, generator: &SchemaGenerator) -> Value {
    let name = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|at| at.strip_prefix(SHARED));
    match name.and_then(|name| generator.definitions().get(name)) {
        Some(shared) => plain(shared.clone()),
        None => value(schema),
    }
}

fn text(schema: &Schema) -> String {
    let text = schema.get("description").and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn value(schema: Schema) -> Value {
    plain(schema.to_value())
}

/// The same without what says nothing: a field that may be left out is left out rather than null, and how many bits a number has in Rust
/// is nobody's business.
fn plain(mut schema: Value) -> Value {
    tidy(&mut schema);
    schema
}

fn tidy(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(members) => {
            if members
                .get("format")
                .and_then(Value::as_str)
                .is_some_and(|format| format.starts_with("uint"))
            {
                members.remove("format");
            }
            let required = members.get("required").cloned().unwrap_or_default();
            // What Microsoft sends may be null there.
            let as_sent = members.remove("x-as-sent").is_some();
            if !as_sent && let Some(Value::Object(properties)) = members.get_mut("properties") {
                let required = names(&required);
                let optional = properties
                    .iter_mut()
                    .filter(|(name, _)| !required.contains(&name.as_str()));
                optional.for_each(|(_, property)| without_null(property));
            }
            members.values_mut().for_each(tidy);
        }
        _ => {}
    }
}

fn without_null(schema: &mut Value) {
    let Value::Object(members) = schema else {
        return;
    };
    if let Some(Value::Array(types)) = members.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            members.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(any_of)) = members.get_mut("anyOf") {
        any_of.retain(|one| *one != json!({ "type": "null" }));
        if let [Value::Object(one)] = any_of.as_slice() {
            let one: Map<_, _> = one.clone();
            members.remove("anyOf");
            for (key, value) in one {
                members.entry(key).or_insert(value);
            }
        }
    }
}
