//! A function that cannot work says so when it starts, and names what to change.

use local::runtime_api::Outcome;
use serde_json::{Value, json};
use simulator::Simulator;

use crate::builder;

async fn init_error(
    simulator: &Simulator,
    operation: &str,
    changes: &[(&str, Option<&str>)],
) -> String {
    let mut builder = builder(simulator, operation);
    for (name, value) in changes {
        builder = match value {
            Some(value) => builder.env(*name, *value),
            None => builder.env_remove(name),
        };
    }
    let outcome = builder.start().unwrap().invoke("{}").await;
    let Outcome::InitError {
        error_type,
        message,
    } = outcome
    else {
        panic!("{changes:?}: {outcome:?}")
    };
    assert_eq!(error_type, "Misconfigured");
    let problem: Value = serde_json::from_str(&message).unwrap();
    assert_eq!(problem["status"], 500);
    problem["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_unknown_operation_lists_the_known_ones() {
    let simulator = Simulator::start();
    for handler in ["list_incident", ""] {
        let detail = init_error(&simulator, handler, &[]).await;
        for operation in defender_functions::operations::OPERATIONS {
            assert!(detail.contains(operation.name), "{detail}");
        }
    }
    let detail = init_error(&simulator, "list_incidents", &[("_HANDLER", None)]).await;
    assert!(detail.contains("list_incidents"), "{detail}");
}

#[tokio::test]
async fn a_missing_or_wrong_variable_is_named() {
    let simulator = Simulator::start();
    for (name, value) in [
        ("AZURE_TENANT_ID", None),
        ("AZURE_CLIENT_ID", Some("an app")),
        ("AZURE_CREDENTIAL", Some("password")),
        ("DEFENDER_API", Some("beta")),
        ("DEFENDER_CLOUD", Some("mars")),
        ("GRAPH_ENDPOINT", Some("http://graph.microsoft.com")),
        ("SSL_CERT_FILE", Some("/nowhere/roots.pem")),
    ] {
        let detail = init_error(&simulator, "list_incidents", &[(name, value)]).await;
        assert!(detail.starts_with(name), "{detail}");
    }
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn a_secret_is_not_repeated_in_the_error_about_it() {
    let simulator = Simulator::start();
    let changes = [
        ("AZURE_CLIENT_SECRET", Some("do-not-repeat")),
        ("AZURE_CLIENT_SECRET_ID", Some("some/secret")),
    ];
    let detail = init_error(&simulator, "list_incidents", &changes).await;
    assert!(
        detail.contains("AZURE_CLIENT_SECRET_ID") && !detail.contains("do-not-repeat"),
        "{detail}"
    );
}

#[tokio::test]
async fn what_cannot_start_is_logged_as_a_failure_of_its_operation() {
    let simulator = Simulator::start();
    for operation in ["list_incidents", "call_tool", "list_incident"] {
        let function = builder(&simulator, operation)
            .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
            .env("DEFENDER_CLOUD", "mars")
            .start()
            .unwrap();
        let (_, message) = function.invoke("{}").await.error().unwrap();
        let problem: Value = serde_json::from_str(&message).unwrap();
        let logs = function.logs();
        let mut line: Value = serde_json::from_str(logs.trim()).unwrap();
        let fields = line.as_object_mut().unwrap();
        assert!(fields.remove("timestamp").is_some());
        let expected = json!({
            "level": "ERROR",
            "message": problem["detail"],
            "target": "bootstrap",
            "operation": operation,
            "outcome": "error",
            "code": "Misconfigured",
        });
        assert_eq!(line, expected);
    }
}

/// The proxy is for what is elsewhere; Lambda is on the same machine.
#[tokio::test]
async fn a_proxy_is_not_asked_to_tell_lambda() {
    let simulator = Simulator::start();
    for operation in ["list_incidents", "call_tool"] {
        let changes = [
            ("HTTP_PROXY", Some("http://127.0.0.1:9")),
            ("http_proxy", Some("http://127.0.0.1:9")),
            ("DEFENDER_CLOUD", Some("mars")),
        ];
        let detail = init_error(&simulator, operation, &changes).await;
        assert!(detail.starts_with("DEFENDER_CLOUD"), "{detail}");
    }
}
