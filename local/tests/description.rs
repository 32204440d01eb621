//! The description of the operations, and that what is checked in is it.

use local::description;
use serde_json::Value;

#[test]
fn what_is_checked_in_is_what_the_code_says() {
    for (path, text) in description::files().expect("the README is in the checkout") {
        let known = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            known == text,
            "{} is not as the code says: run `cargo local describe`",
            path.display()
        );
    }
}

#[test]
fn what_comes_in_a_query_string_is_text_numbers_and_switches() {
    let document = description::openapi();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for operation in methods.as_object().expect("methods").values() {
            for parameter in operation["parameters"].as_array().expect("parameters") {
                let shared = parameter["schema"]["$ref"]
                    .as_str()
                    .and_then(|at| at.strip_prefix('#'));
                let schema = shared
                    .and_then(|at| document.pointer(at))
                    .unwrap_or(&parameter["schema"]);
                let is = |kind: &str| schema["type"] == kind;
                assert!(
                    !is("array") && !is("object"),
                    "{path} {}",
                    parameter["name"]
                );
            }
        }
    }
}

#[test]
fn every_field_says_what_it_means() {
    let schemas = description::Schemas::new();
    for described in &schemas.operations {
        for field in &described.fields {
            let schema = schemas.resolved(&field.schema);
            assert!(
                schema["description"].is_string(),
                "{} {}",
                described.entry.name,
                field.name
            );
        }
    }
}

/// Amazon Bedrock AgentCore Gateway's `SchemaDefinition` has these members and no others.
fn judge(schema: &Value, at: &str) {
    for (name, value) in schema
        .as_object()
        .unwrap_or_else(|| panic!("{at} is no schema"))
    {
        match name.as_str() {
            "type" => {
                let kinds = ["string", "number", "integer", "boolean", "array", "object"];
                assert!(kinds.iter().any(|kind| value == kind), "{at}: {value}");
            }
            "description" => assert!(value.is_string(), "{at}"),
            "required" => {
                let names = value.as_array().expect("required names fields");
                assert!(
                    names.iter().all(|name| schema["properties"]
                        .get(name.as_str().unwrap_or_default())
                        .is_some()),
                    "{at}"
                );
            }
            "properties" => {
                for (name, property) in value.as_object().expect("properties") {
                    judge(property, &format!("{at}.{name}"));
                }
            }
            "items" => judge(value, &format!("{at}[]")),
            other => panic!("{at} has `{other}`, which a gateway does not know"),
        }
    }
    assert_eq!(
        schema["type"] == "array",
        schema.get("items").is_some(),
        "{at}"
    );
}

#[test]
fn the_tools_have_the_form_that_a_gateway_takes() {
    for tool in description::tools() {
        let name = tool["name"].as_str().expect("a name");
        judge(&tool["inputSchema"], name);
        judge(&tool["outputSchema"], name);
        assert_eq!(tool.as_object().map(|tool| tool.len()), Some(4), "{name}");
    }
}

#[test]
fn agents_are_served_what_only_reads_unless_more_is_named() {
    let names = |tools: Vec<Value>| -> Vec<String> {
        tools
            .iter()
            .map(|tool| tool["name"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let reading = names(description::served(&[]));
    for one in ["run_hunting_query", "list_actions", "get_action"] {
        assert!(reading.iter().any(|name| name == one), "{one}");
    }
    for not in [
        "isolate_device",
        "collect_incidents",
        "complete_consent",
        "save_package",
        "get_package_uri",
        "get_live_response_result",
    ] {
        assert!(!reading.iter().any(|name| name == not), "{not}");
    }
    let named = names(description::served(&["comment_incident"]));
    assert_eq!(named.len(), reading.len() + 1);
}
