//! The HTTP API as an OpenAPI 3.1 document.

use std::collections::BTreeMap;

use defender_functions::error::Code;
use defender_functions::operation::Permissions;
use serde_json::{Map, Value, json};

use super::sample;
use super::schemas::{Described, Field, SHARED, Schemas};

/// What an HTTP API answers by itself, whatever the function would say.
const GATEWAY: &[(u16, &str)] = &[
    (401, "The token is missing, wrong or expired"),
    (403, "Whoever signed the request may not call this"),
    (404, "There is no such route"),
    (413, "The request is larger than 10 MB"),
    (429, "More requests than the HTTP API takes"),
    (500, "The function failed without an answer"),
    (
        503,
        "The function did not answer within 30 seconds, or is busy",
    ),
];

/// The document.
pub fn openapi() -> Value {
    let schemas = Schemas::new();
    let mut paths: Map<String, Value> = Map::new();
    let mut tags: Vec<String> = Vec::new();
    for described in &schemas.operations {
        let entry = described.entry;
        let tag = entry.group.to_string();
        if !tags.contains(&tag) {
            tags.push(tag);
        }
        paths.entry(entry.path).or_insert_with(|| json!({}))[entry.method.to_ascii_lowercase()] =
            operation(described, &schemas);
    }
    let mut components: Map<String, Value> = schemas.shared.clone().into_iter().collect();
    components.insert("GatewayMessage".to_owned(), gateway_message());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Microsoft Defender XDR, callable from AWS",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "One operation a route. Path, query and body together are an operation's input; a field that is null \
                            counts as left out. A stack serves what was \
                            deployed, by up to four HTTP APIs (its outputs `Url`, `ResponseUrl`, `CollectingUrl` and `TenantsUrl`).",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [
            {
                "url": "https://{api}.execute-api.{region}.amazonaws.com",
                "description": "A deployed stack",
                "variables": { "api": { "default": "abcdefghij" }, "region": { "default": "eu-west-1" } },
            },
            { "url": "http://127.0.0.1:3000", "description": "`cargo local serve`" },
        ],
        "security": [{ "sigv4": [] }, { "jwt": [] }],
        "tags": tags.iter().map(|tag| json!({ "name": tag })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": responses(&schemas.problem),
            "securitySchemes": {
                "sigv4": {
                    "type": "apiKey",
                    "name": "Authorization",
                    "in": "header",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                    "description": "AWS Signature Version 4 for `execute-api`, by whoever has the stack's policy for that API: `CallerPolicy`, `ResponderPolicy`, `CollectingPolicy` or `TenantsPolicy`.",
                },
                "jwt": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A token of the parameter `JwtIssuer`. What acts on devices, collects or registers tenants takes \
                                    signatures only.",
                },
            },
        },
    })
}

fn operation(described: &Described, schemas: &Schemas) -> Value {
    let entry = described.entry;
    let in_query = matches!(entry.method, "GET" | "DELETE");
    let mut sample = sample(entry.name);
    let parameters: Vec<_> = described
        .fields
        .iter()
        .filter(|field| in_query || field.is_in_path)
        .map(|field| {
            let example = sample
                .as_object_mut()
                .and_then(|sample| sample.remove(field.name));
            parameter(field, example, schemas)
        })
        .collect();
    let mut responses: Map<_, _> = statuses()
        .into_iter()
        .map(|status| {
            let response = json!({ "$ref": format!("#/components/responses/{status}") });
            (status.to_string(), response)
        })
        .collect();
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "What the operation answers",
            "content": { "application/json": { "schema": answer(described, schemas) } },
        }),
    );
    if entry.page.is_some() {
        // A person comes by this address.
        let page = json!({ "schema": { "type": "string" } });
        responses.insert(
            "200".to_owned(),
            json!({
                "description": "A page that says what became of it",
                "content": { "text/html; charset=utf-8": page },
            }),
        );
        for (status, title) in problem_statuses() {
            responses.insert(
                status.to_string(),
                json!({
                    "description": format!("A page that says why not: {}", title.join(", ")),
                    "content": { "text/html; charset=utf-8": page },
                }),
            );
        }
    }
    let mut operation = json!({
        "operationId": entry.name,
        "summary": entry.summary,
        "description": description(described),
        "tags": [entry.group.to_string()],
        "parameters": parameters,
        "responses": responses,
        "x-changes": entry.changes,
        "x-permissions": permissions(&entry.permissions),
    });
    if entry.page.is_some() {
        operation["security"] = json!([]);
    }
    let body: Vec<_> = described
        .fields
        .iter()
        .filter(|field| !in_query && !field.is_in_path)
        .collect();
    if !body.is_empty() {
        operation["requestBody"] = json!({
            "required": body.iter().any(|field| field.is_required),
            "content": { "application/json": { "schema": object(&body), "example": sample } },
        });
    }
    operation
}

/// What it does, in which words Microsoft documents it, and what the app needs for it.
fn description(described: &Described) -> String {
    let Permissions {
        graph,
        xdr,
        endpoint,
        also,
        ..
    } = described.entry.permissions;
    let mut text = described.text.clone();
    let mut say = |api: &str, any_of: &[&str]| {
        if !any_of.is_empty() {
            text.push_str(&format!("\n\n{api}: `{}`", any_of.join("` or `")));
        }
    };
    say("Permission in Microsoft Graph", graph);
    say("Permission in the Defender XDR API", xdr);
    say("Permission in the Defender for Endpoint API", endpoint);
    say("And", also);
    text.trim().to_owned()
}

fn permissions(permissions: &Permissions) -> Value {
    let all = [
        ("graph", permissions.graph),
        ("xdr", permissions.xdr),
        ("endpoint", permissions.endpoint),
        ("also", permissions.also),
    ];
    let some = all.into_iter().filter(|(_, any_of)| !any_of.is_empty());
    some.map(|(api, any_of)| (api.to_owned(), json!(any_of)))
        .collect()
}

/// A parameter of the path or the query, where every value is text.
fn parameter(field: &Field, example: Option<Value>, schemas: &Schemas) -> Value {
    let mut schema = field.schema.clone();
    let description = match schema
        .as_object_mut()
        .and_then(|schema| schema.remove("description"))
    {
        Some(text) => text,
        None => schemas.resolved(&schema)["description"].take(),
    };
    let mut parameter = json!({
        "name": field.name,
        "in": if field.is_in_path { "path" } else { "query" },
        "required": field.is_in_path || field.is_required,
        "schema": schema,
    });
    if description.is_string() {
        parameter["description"] = description;
    }
    if let Some(example) = example {
        parameter["example"] = example;
    }
    parameter
}

/// An input whose unknown fields are refused.
pub fn object(fields: &[&Field]) -> Value {
    let properties: Map<_, _> = fields
        .iter()
        .map(|field| (field.name.to_owned(), field.schema.clone()))
        .collect();
    let required: Vec<_> = fields
        .iter()
        .filter(|field| field.is_required)
        .map(|field| field.name)
        .collect();
    let mut object =
        json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn answer(described: &Described, schemas: &Schemas) -> Value {
    match described.entry.reads() {
        true => json!({ "anyOf": [described.answer, schemas.pointer] }),
        false => described.answer.clone(),
    }
}

/// The statuses of problems, with the titles of their codes.
fn problem_statuses() -> BTreeMap<u16, Vec<&'static str>> {
    let mut statuses: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for code in Code::ALL {
        statuses.entry(code.status()).or_default().push(code.name());
    }
    statuses
}

fn statuses() -> Vec<u16> {
    let mut statuses: Vec<_> = problem_statuses().into_keys().collect();
    statuses.extend(GATEWAY.iter().map(|(status, _)| *status));
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

/// The answers that are none, by status: the functions' problems, and the gateway's own messages.
fn responses(problem: &Value) -> Value {
    let problems = problem_statuses();
    let responses = statuses().into_iter().map(|status| {
        let (mut said, mut content) = (Vec::new(), Map::new());
        if let Some(codes) = problems.get(&status) {
            said.push(format!("`{}`", codes.join("`, `")));
            let of_codes = json!({ "properties": { "code": { "enum": codes }, "status": { "const": status } } });
            content.insert("application/problem+json".to_owned(), json!({ "schema": { "allOf": [problem, of_codes] } }));
        }
        if let Some((_, why)) = GATEWAY.iter().find(|(known, _)| *known == status) {
            said.push(format!("the gateway: {why}"));
            let schema = json!({ "$ref": format!("{SHARED}GatewayMessage") });
            content.insert("application/json".to_owned(), json!({ "schema": schema }));
        }
        let mut response = json!({ "description": said.join("; "), "content": content });
        if problems.contains_key(&status) {
            response["headers"] = json!({
                "Retry-After": {
                    "description": "How many seconds to wait before asking again, where that is known.",
                    "schema": { "type": "integer" },
                },
            });
        }
        (status.to_string(), response)
    });
    responses.collect()
}

fn gateway_message() -> Value {
    json!({
        "type": "object",
        "description": "What API Gateway says by itself.",
        "properties": { "message": { "type": "string" } },
        "required": ["message"],
    })
}
