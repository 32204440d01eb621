//! `cargo local` as it answers people who are learning to call it.

use std::process::{Output, Stdio};

use local::operations::OPERATIONS;
use serde_json::Value;

use crate::{local, text};

fn run(arguments: &[&str]) -> Output {
    local(arguments).output().unwrap()
}

/// Runs a command that must be refused as called wrongly, and gives what it says.
fn refusal(arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = text(&output.stderr).to_owned();
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(2), ""),
        "{arguments:?}: {said}"
    );
    said
}

#[test]
fn the_list_shows_every_operation_with_its_route() {
    let output = run(&["list"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let table = text(&output.stdout);
    for entry in OPERATIONS {
        let line = table
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("{} ", entry.name)))
            .unwrap();
        let columns = line.split_whitespace().skip(1).take(2);
        assert!(
            columns.eq([entry.method, entry.path]) && line.ends_with(entry.summary),
            "{line}"
        );
    }
}

#[test]
fn the_list_is_also_had_as_json() {
    let output = run(&["list", "--json"]);
    let list: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(list.len(), OPERATIONS.len());
    assert_eq!(list[0]["name"], OPERATIONS[0].name);
    let members = list[0].as_object().unwrap().keys().collect::<Vec<_>>();
    assert_eq!(
        members,
        ["changes", "group", "method", "name", "path", "summary"]
    );
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = local(&["list"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn an_operation_that_there_is_not_is_answered_with_the_nearest_and_all() {
    for (wrong, nearest) in [
        ("list_incident", "list_incidents"),
        ("get-alert", "get_alert"),
        ("run_hunting", "run_hunting_query"),
    ] {
        let said = refusal(&["invoke", wrong]);
        assert!(
            said.starts_with(&format!(
                "error: there is no operation `{wrong}`; did you mean `{nearest}`?\n"
            )),
            "{said}"
        );
        assert!(
            OPERATIONS.iter().all(|entry| said.contains(entry.path)),
            "{said}"
        );
    }
    assert!(!refusal(&["invoke", "make_coffee"]).contains("did you mean"));
}

#[test]
fn input_that_is_no_json_object_is_shown_with_what_would_do() {
    for (input, problem) in [
        ("id=29", "is not JSON: expected value"),
        ("29", "is JSON, but no object"),
        ("[]", "is JSON, but no object"),
    ] {
        let said = refusal(&["invoke", "get_incident", input]);
        assert!(
            said.starts_with(&format!("error: the input {problem}")),
            "{said}"
        );
        assert!(
            said.contains(&format!("got: {input}\n"))
                && said.contains("cargo local invoke get_incident '{"),
            "{said}"
        );
    }
    let said = refusal(&["invoke", "get_incident", "-"]);
    assert!(said.contains("is not JSON: EOF while parsing"), "{said}");
}

#[test]
fn an_event_file_must_be_there_and_be_json() {
    let said = refusal(&["invoke", "get_incident", "--event", "no/such/event.json"]);
    assert!(said.starts_with("error: no/such/event.json: "), "{said}");
    let said = refusal(&[
        "invoke",
        "get_incident",
        "--event",
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
    ]);
    assert!(said.contains("Cargo.toml is not JSON: "), "{said}");
    let said = refusal(&["invoke", "get_incident", "{}", "--event", "event.json"]);
    assert!(said.contains("cannot be used with"), "{said}");
}

#[test]
fn other_bad_usage_is_refused_with_the_usage() {
    for arguments in [
        &["make"][..],
        &["invoke"],
        &["list", "--xml"],
        &["serve", "--port", "70000"],
        &["invoke", "list_alerts", "--timeout", "0"],
    ] {
        let said = refusal(arguments);
        assert!(
            said.contains("Usage: cargo local") || said.contains("For more information"),
            "{said}"
        );
    }
    assert!(text(&run(&["--help"]).stdout).contains("invoke"));
}

#[test]
fn half_a_real_tenant_is_not_taken_for_none() {
    for (set, missing) in [
        ("AZURE_TENANT_ID", "AZURE_CLIENT_ID"),
        ("AZURE_CLIENT_ID", "AZURE_TENANT_ID"),
    ] {
        let output = local(&["invoke", "list_incidents"])
            .env(set, "fjordlys.example")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = text(&output.stderr);
        assert!(
            said.starts_with(&format!("error: {set} is set but {missing} is not"))
                && said.contains("--simulator"),
            "{said}"
        );
    }
}
